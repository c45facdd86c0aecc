//! A CloudTrail record, typed only as far as routing needs; everything else is read by path.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::arn::{is_account, partition_in, partition_of};
use super::path::{each_below, elements, member, scalar, step};
use super::timestamp;

/// A CloudTrail record with what its EventBridge envelope adds.
///
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Clone, Debug)]
pub struct Event {
    record: Map<String, Value>,
    /// `account` of the EventBridge envelope; `None` for a bare record.
    pub envelope_account: Option<String>,
    /// `source` of the EventBridge envelope: `aws.ec2`. Only AWS can send events of `aws.…`.
    pub envelope_source: Option<String>,
    /// Whether CloudTrail's history, when it was asked, had no later creation of what this event created.
    /// Set by [`crate::delivery::Delivery`] where `aws-tags redrive` says so.
    pub is_last_of_its_name: bool,
    /// `eventSource`, e.g. `ec2.amazonaws.com`.
    pub source: String,
    /// `eventName`, e.g. `CreateVolume`.
    pub name: String,
}

/// What stands in place of a request or response over 100 KB, as in `{"reason": "responseElements too large",
/// "omitted": true, "originalSize": 149893}`.
const OF_OMITTED: &[&str] = &["omitted", "originalSize", "reason"];

/// What stands beside the members of any API's response.
const OF_EVERY_RESPONSE: &[&str] = &["$metadata", "requestId", "responseMetadata", "xmlns"];

/// Why a JSON value is not a CloudTrail record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotARecord {
    /// The value is not a JSON object.
    #[error("not a CloudTrail record: expected a JSON object, found {0}")]
    NotAnObject(&'static str),
    /// `eventSource` or `eventName` is absent or empty.
    #[error("not a CloudTrail record: no `{0}`")]
    Missing(&'static str),
}

/// Why a text is not a CloudTrail event.
#[derive(Debug, thiserror::Error)]
pub enum NotAnEvent {
    /// The error gives a position in the text, never its content.
    #[error("not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error(transparent)]
    NotARecord(#[from] NotARecord),
}

impl Event {
    /// Reads a text, as [`Event::from_json`] does.
    pub fn from_text(text: &str) -> Result<Self, NotAnEvent> {
        let value: Value = serde_json::from_str(text)?;
        Ok(Self::from_json(value)?)
    }

    /// Takes an EventBridge event (the record is its `detail`) or a bare record.
    ///
    /// Only `eventSource` and `eventName` are required: a record must not be lost over a field
    /// that is never read.
    pub fn from_json(value: Value) -> Result<Self, NotARecord> {
        let Value::Object(mut outer) = value else {
            return Err(NotARecord::NotAnObject(json_type(&value)));
        };
        let of_envelope = |key| outer.get(key).and_then(scalar).map(Cow::into_owned);
        let (account, source) = (of_envelope("account"), of_envelope("source"));
        let (record, envelope_account, envelope_source) = match outer.remove("detail") {
            Some(Value::Object(detail)) => (detail, account, source),
            _ => (outer, None, None),
        };
        let required = |key| {
            record
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .ok_or(NotARecord::Missing(key))
        };
        Ok(Self {
            source: required("eventSource")?,
            name: required("eventName")?,
            envelope_account,
            envelope_source,
            is_last_of_its_name: false,
            record,
        })
    }

    /// The event as JSON, from which [`Event::from_json`] reads it again.
    pub fn to_json(&self) -> Value {
        let record = Value::Object(self.record.clone());
        match (&self.envelope_source, &self.envelope_account) {
            (None, None) => record,
            (source, account) => json!({"source": source, "account": account, "detail": record}),
        }
    }

    /// The record itself, without its envelope.
    pub const fn record(&self) -> &Map<String, Value> {
        &self.record
    }

    /// The values at `path`, in the record's order; none where a step is absent, null or empty.
    ///
    /// Steps are separated by dots. A step that ends in `[]` goes into every element of a list,
    /// and takes a lone object as a list of one. Keys are case-insensitive; `items` also finds `item`.
    /// A wrapper named after the call, `…Request` or `…Response`, is skipped.
    pub fn values(&self, path: &str) -> Vec<&Value> {
        let mut found = Vec::new();
        self.each(path, &mut |value| found.push(value));
        found
    }

    /// Gives the values at `path`.
    fn each<'a>(&'a self, path: &str, give: &mut impl FnMut(&'a Value)) {
        let (first, each, rest) = step(path);
        let top = member(&self.record, first).map(|top| self.unwrapped(top));
        for value in top.map_or(&[][..], |top| elements(top, each)) {
            each_below(value, rest, give);
        }
    }

    /// The texts at `path`; numbers become text, hidden and empty values are left out.
    pub fn texts(&self, path: &str) -> Vec<Cow<'_, str>> {
        self.values(path).into_iter().filter_map(scalar).collect()
    }

    /// The texts at a place. What is not at the top of the response is looked for below a member that is there
    /// alone: a response may be wrapped in one more member than the model of its API says.
    pub(crate) fn texts_at_place(&self, path: &str) -> Vec<Cow<'_, str>> {
        let found = self.texts(path);
        let (Some(inner), true) = (path.strip_prefix("responseElements."), found.is_empty()) else {
            return found;
        };
        let mut found = Vec::new();
        if let Some(wrapped) = self.lone_member_of_response() {
            each_below(wrapped, inner, &mut |value| found.push(value));
        }
        found.into_iter().filter_map(scalar).collect()
    }

    /// The texts at a place whose outer member the record lacks: a response may have one member less than the model
    /// says, as that of Kinesis's `CreateChannel`.
    pub(crate) fn texts_without_wrapper(&self, path: &str) -> Vec<Cow<'_, str>> {
        let steps = path.strip_prefix("responseElements.").and_then(|inner| inner.split_once('.'));
        let Some((wrapper, rest)) = steps.filter(|(wrapper, _)| !wrapper.ends_with("[]")) else {
            return Vec::new();
        };
        match self.values(&format!("responseElements.{wrapper}")).is_empty() {
            true => self.texts(&format!("responseElements.{rest}")),
            false => Vec::new(),
        }
    }

    /// Whether CloudTrail left out the part of the record that a path begins with, which is all or nothing.
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
    pub(crate) fn leaves_out<'a>(&self, path: &'a str) -> Option<&'a str> {
        let part = path.split('.').next()?;
        let fields = member(&self.record, part)?.as_object()?;
        let is_omitted = fields.get("omitted").is_some_and(|said| *said == true || *said == "true");
        (is_omitted && fields.keys().all(|name| OF_OMITTED.contains(&name.as_str()))).then_some(part)
    }

    /// The first text at `path`.
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        let mut first = None;
        self.each(path, &mut |value| first = first.take().or_else(|| scalar(value)));
        first
    }

    /// Whether a list along `path` is in the record, and empty. Newer EC2 calls write `""` for an
    /// empty list.
    pub(crate) fn has_empty_list(&self, path: &str) -> bool {
        let mut steps = path.split('.').map(|step| step.trim_end_matches("[]"));
        let top = steps.next().and_then(|first| member(&self.record, first));
        let mut value = top.map(|top| self.unwrapped(top));
        loop {
            match value {
                Some(Value::Array(items)) if items.is_empty() => return true,
                Some(Value::String(text)) => return text.is_empty(),
                Some(Value::Array(items)) => value = items.first(),
                Some(Value::Object(fields)) => match steps.next() {
                    Some(step) => value = member(fields, step),
                    None => return false,
                },
                _ => return false,
            }
        }
    }

    /// `awsRegion`; empty where the record has none.
    pub fn region(&self) -> &str {
        self.record.get("awsRegion").and_then(Value::as_str).unwrap_or_default()
    }

    /// The caller's partition, as callers create resources only in their own; if the record does not
    /// name it, the Region's.
    pub fn partition(&self) -> &'static str {
        let of_caller = self.text("userIdentity.arn").and_then(|arn| partition_in(&arn));
        of_caller.unwrap_or_else(|| partition_of(self.region()))
    }

    /// The account that owns the record: `recipientAccountId`, else the envelope's, else the
    /// caller's own (records from before 2015 have no recipient).
    pub fn account(&self) -> Option<Cow<'_, str>> {
        let valid = |text: &Cow<'_, str>| is_account(text);
        let of_envelope = || self.envelope_account.as_deref().map(Cow::Borrowed).filter(valid);
        self.text("recipientAccountId")
            .filter(valid)
            .or_else(of_envelope)
            .or_else(|| self.text("userIdentity.accountId").filter(valid))
    }

    /// The envelope's `source`, if AWS did not send the event: only AWS can use `aws.…`.
    pub(crate) fn source_other_than_aws(&self) -> Option<&str> {
        self.envelope_source.as_deref().filter(|source| !source.starts_with("aws."))
    }

    /// `eventTime`; `None` where it is absent or unreadable.
    pub fn time(&self) -> Option<OffsetDateTime> {
        timestamp::parse(&self.text("eventTime")?)
    }

    /// `eventID`, which identifies a record: EventBridge may deliver it twice.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.text("eventID")
    }

    /// `errorCode` of a failed call. A dry run has one too (`Client.DryRunOperation`).
    pub fn error_code(&self) -> Option<Cow<'_, str>> {
        self.text("errorCode")
    }

    fn lone_member_of_response(&self) -> Option<&Value> {
        let response = self.unwrapped(self.record.get("responseElements")?).as_object()?;
        let mut members = response.iter().filter(|(name, _)| !OF_EVERY_RESPONSE.contains(&name.as_str()));
        match (members.next(), members.next()) {
            (Some((name, inner)), None) if inner.is_object() && !name.to_lowercase().contains("tag") => {
                Some(inner)
            }
            _ => None,
        }
    }

    /// Newer EC2 APIs wrap: `{"CreateVpcEndpointResponse": {"xmlns": …, "vpcEndpoint": …}}`.
    fn unwrapped<'a>(&self, value: &'a Value) -> &'a Value {
        let wrapped = |key: &str| {
            key.get(..self.name.len()).is_some_and(|call| call.eq_ignore_ascii_case(&self.name))
                && matches!(&key[self.name.len()..], "Request" | "Response")
        };
        match value {
            Value::Object(fields) => fields
                .iter()
                .find(|(key, inner)| wrapped(key) && inner.is_object())
                .map_or(value, |(_, inner)| inner),
            _ => value,
        }
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(fields: Value) -> Event {
        let mut record = json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateThing"});
        record.as_object_mut().expect("object").extend(fields.as_object().expect("object").clone());
        Event::from_json(record).expect("a record")
    }

    #[test]
    fn keys_match_case_insensitively_and_the_exact_spelling_wins() {
        let event = event(json!({"responseElements": {"aRN": "first", "arn": "exact"}}));
        assert_eq!(event.text("responseElements.arn").as_deref(), Some("exact"));
        assert_eq!(event.text("responseElements.ARN").as_deref(), Some("first"));
    }

    #[test]
    fn lists_are_found_behind_items_item_and_a_lone_object() {
        let path = "responseElements.set.items[].id";
        for (set, ids) in [
            (json!({"items": [{"id": "a"}, {"id": "b"}]}), vec!["a", "b"]),
            (json!({"item": [{"id": "a"}, {"id": "b"}]}), vec!["a", "b"]),
            (json!({"item": {"id": "a"}}), vec!["a"]),
            (json!(""), vec![]),
            (json!(null), vec![]),
        ] {
            let event = event(json!({"responseElements": {"set": set}}));
            assert_eq!(event.texts(path), ids);
        }
    }

    #[test]
    fn an_empty_list_is_not_an_absent_one() {
        let path = "responseElements.set.items[].id";
        for (response, nothing) in [
            (json!({"set": {"items": []}}), true),
            (json!({"CreateThingResponse": {"set": ""}}), true),
            (json!({"set": {"items": [{"id": "a"}]}}), false),
            (json!({"set": {"items": [{"other": "a"}]}}), false),
            (json!({"other": []}), false),
            (json!(null), false),
        ] {
            let event = event(json!({"responseElements": response}));
            assert_eq!(event.has_empty_list(path), nothing, "{response}");
        }
    }

    #[test]
    fn wrappers_named_after_the_call_are_skipped() {
        let event = event(json!({
            "requestParameters": {"CreateThingRequest": {"Name": "n"}},
            "responseElements": {"CreateThingResponse": {"xmlns": "…", "ownerId": 111122223333u64}},
        }));
        assert_eq!(event.text("requestParameters.name").as_deref(), Some("n"));
        let owner = event.text("responseElements.ownerId");
        assert_eq!(owner.as_deref(), Some("111122223333"));
    }

    #[test]
    fn a_place_is_also_found_below_a_member_that_the_response_has_alone() {
        for (response, found) in [
            (json!({"thing": {"arn": "a"}}), vec!["a"]),
            (json!({"requestId": "r", "CreateThingResult": {"arn": "a"}}), vec!["a"]),
            (json!({"arn": "top", "thing": {"arn": "a"}}), vec!["top"]),
            (json!({"thing": {"arn": "a"}, "other": {"id": "b"}}), vec![]),
            (json!({"status": "new", "thing": {"arn": "a"}}), vec![]),
            (json!({"thing": {"parts": {"arn": "a"}}}), vec![]),
            (json!({"tags": {"arn": "a"}}), vec![]),
            (json!({"things": [{"arn": "a"}]}), vec![]),
        ] {
            let event = event(json!({"responseElements": response}));
            assert_eq!(event.texts_at_place("responseElements.arn"), found, "{response}");
        }
        let request = event(json!({"requestParameters": {"thing": {"name": "n"}}}));
        assert!(request.texts_at_place("requestParameters.name").is_empty(), "requests hold anything");
    }

    #[test]
    fn a_place_is_also_found_where_the_outer_member_is_not_there() {
        let path = "responseElements.description.arn";
        for (response, found) in [
            (json!({"arn": "a"}), vec!["a"]),
            (json!({"description": {}, "arn": "a"}), vec![]),
            (json!({"other": {"arn": "a"}}), vec![]),
        ] {
            let event = event(json!({"responseElements": response}));
            assert_eq!(event.texts_without_wrapper(path), found, "{response}");
        }
    }

    #[test]
    fn a_part_that_was_left_out_says_so() {
        let path = "responseElements.things[].arn";
        for (response, left_out) in [
            (json!({"reason": "responseElements too large", "omitted": true, "originalSize": 149893}), true),
            (json!({"omitted": "true", "reason": "responseElements too large"}), true),
            (json!({"omitted": true, "things": []}), false),
            (json!({"omitted": false}), false),
            (json!(null), false),
        ] {
            let event = event(json!({"responseElements": response}));
            assert_eq!(event.leaves_out(path), left_out.then_some("responseElements"), "{response}");
        }
    }

    #[test]
    fn numbered_list_entries_of_ec2_requests_are_their_content() {
        let event = event(json!({"requestParameters": {"group": [{"tag": 1, "content": "sg-1"}]}}));
        assert_eq!(event.texts("requestParameters.group[]"), ["sg-1"]);
    }

    #[test]
    fn hidden_and_empty_values_are_absent() {
        for value in ["", "  ", "HIDDEN_DUE_TO_SECURITY_REASONS", "***"] {
            let event = event(json!({"requestParameters": {"name": value}}));
            assert_eq!(event.text("requestParameters.name"), None);
        }
    }

    #[test]
    fn the_account_is_the_recipient_then_the_envelope_then_the_caller() {
        let all = json!({"recipientAccountId": "111111111111",
                         "userIdentity": {"accountId": "333333333333"}});
        assert_eq!(event(all).account().as_deref(), Some("111111111111"));
        let old = json!({"userIdentity": {"accountId": "333333333333"}});
        assert_eq!(event(old.clone()).account().as_deref(), Some("333333333333"));
        let anonymous =
            json!({"recipientAccountId": "anonymous", "userIdentity": {"accountId": "333333333333"}});
        assert_eq!(event(anonymous).account().as_deref(), Some("333333333333"));
        let mut detail = old;
        detail["eventSource"] = json!("ec2.amazonaws.com");
        detail["eventName"] = json!("CreateThing");
        let wrapped = Event::from_json(json!({"account": "222222222222", "detail": detail}));
        assert_eq!(wrapped.expect("a record").account().as_deref(), Some("222222222222"));
    }

    #[test]
    fn a_value_that_is_not_a_record_is_rejected_with_what_is_missing() {
        let error = |value| Event::from_json(value).expect_err("not a record").to_string();
        assert_eq!(error(json!([])), "not a CloudTrail record: expected a JSON object, found a list");
        assert_eq!(error(json!({})), "not a CloudTrail record: no `eventSource`");
    }
}
