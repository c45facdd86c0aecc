//! What is read of a record before it is known to matter: a few texts, and nothing of the rest is kept in memory. Most
//! sessions create nothing, and most endings are of what no record created.
//!
//! Whoever gets `None` has to read the record as a whole: it is not spelled as CloudTrail spells it.

use std::borrow::Cow;
use std::fmt;

use aws_tags::Event;
use aws_tags::record::timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use time::OffsetDateTime;

/// What is asked of every call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call<'a> {
    /// The id of who made it; none for services.
    pub(super) caller: Cow<'a, str>,
    pub(super) account: Cow<'a, str>,
    pub(super) region: Cow<'a, str>,
    pub(super) at: Option<OffsetDateTime>,
}

impl<'a> Call<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        Self {
            caller: event.text("userIdentity.principalId").unwrap_or_default(),
            account: event.account().unwrap_or_default(),
            region: Cow::Borrowed(event.region()),
            at: event.time(),
        }
    }
}

pub(super) fn call(record: &str) -> Option<Call<'_>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spelled<'a> {
        #[serde(borrow)]
        user_identity: Identity<'a>,
        #[serde(borrow)]
        recipient_account_id: Cow<'a, str>,
        #[serde(borrow)]
        aws_region: Cow<'a, str>,
        #[serde(borrow)]
        event_time: Cow<'a, str>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Identity<'a> {
        #[serde(borrow)]
        principal_id: Cow<'a, str>,
    }
    let spelled: Spelled<'_> = serde_json::from_str(record).ok()?;
    Some(Call {
        caller: spelled.user_identity.principal_id,
        account: spelled.recipient_account_id,
        region: spelled.aws_region,
        at: timestamp::parse(&spelled.event_time),
    })
}

/// The id of the session that a call began, and when.
pub(super) fn session(record: &str) -> Option<(String, OffsetDateTime)> {
    #[derive(Deserialize)]
    struct Start {
        #[serde(rename = "eventTime")]
        time: String,
        #[serde(rename = "responseElements")]
        response: Response,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Response {
        assumed_role_user: Option<Role>,
        federated_user: Option<Federated>,
    }
    #[derive(Deserialize)]
    struct Role {
        #[serde(rename = "assumedRoleId")]
        id: String,
    }
    #[derive(Deserialize)]
    struct Federated {
        #[serde(rename = "federatedUserId")]
        id: String,
    }
    let start: Start = serde_json::from_str(record).ok()?;
    match (start.response.assumed_role_user, start.response.federated_user) {
        (Some(Role { id }), None) | (None, Some(Federated { id })) => {
            Some((id, timestamp::parse(&start.time)?))
        }
        _ => None,
    }
}

/// The texts of a request, and perhaps more of its record.
pub(super) fn texts_of_request(record: &str) -> Option<Vec<Cow<'_, str>>> {
    #[derive(Deserialize)]
    struct Call<'a> {
        #[serde(borrow, rename = "requestParameters")]
        request: Texts<'a>,
    }
    let call: Call<'_> = serde_json::from_str(record).ok()?;
    Some(call.request.0)
}

/// All texts in a value.
struct Texts<'a>(Vec<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut texts = Vec::new();
        Collect(&mut texts).deserialize(from)?;
        Ok(Self(texts))
    }
}

struct Collect<'a, 'b>(&'b mut Vec<Cow<'a, str>>);

impl<'a> DeserializeSeed<'a> for Collect<'a, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Collect<'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<(), E> {
        self.0.push(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.push(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Collect(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Collect(self.0))?;
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_tags::history::endings::named_by;
    use aws_tags::{Event, Session};
    use serde_json::json;

    use super::*;

    /// A glance may give up. What it sees is what is there.
    #[test]
    fn a_glance_sees_what_the_whole_record_says() {
        let events = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
        let files = walkdir::WalkDir::new(events).into_iter().flatten();
        let (mut calls, mut sessions, mut texts) = (0, 0, 0);
        for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "json")) {
            let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
            let Ok(event) = Event::from_text(&text) else { continue };
            let record = serde_json::to_string(event.record()).expect("JSON");
            if let Some(seen) = call(&record) {
                assert_eq!(seen, Call::of(&event), "{record}");
                calls += 1;
            }
            if let (Some(seen), Ok(began)) = (session(&record), Session::of(&event)) {
                assert_eq!(began.id.map(|id| (id, began.issued_at)), Some(seen), "{record}");
                sessions += 1;
            }
            if let Some(seen) = texts_of_request(&record) {
                assert!(named_by(&event).iter().all(|text| seen.contains(&Cow::Borrowed(*text))), "{record}");
                texts += 1;
            }
        }
        assert!(calls > 300 && sessions > 5 && texts > 300, "{calls} {sessions} {texts}");
    }

    #[test]
    fn what_is_spelled_otherwise_is_left_to_the_whole_record() {
        let request = json!({"a": "\u{e9}\n", "b": [1, 2.5, null, true, {"c": "d"}]});
        let plain = json!({"requestParameters": request.clone()}).to_string();
        assert_eq!(texts_of_request(&plain), Some(vec!["\u{e9}\n".into(), "d".into()]));
        let lower = json!({"requestparameters": request, "useridentity": {"principalId": "A"}}).to_string();
        assert_eq!((texts_of_request(&lower), call(&lower)), (None, None));
        let twice = r#"{"requestParameters": {"a": "b"}, "requestParameters": {"a": "c"}}"#;
        assert_eq!(texts_of_request(twice), None);
        let user = json!({"assumedRoleId": "AROAX:ann"});
        for (response, time, found) in [
            (json!({"assumedRoleUser": user.clone()}), "2025-03-04T10:12:55Z", true),
            (json!({"assumedRoleUser": user.clone()}), "yesterday", false),
            (json!({"assumedroleuser": user}), "2025-03-04T10:12:55Z", false),
            (json!(null), "2025-03-04T10:12:55Z", false),
        ] {
            let record = json!({"eventTime": time, "responseElements": response}).to_string();
            assert_eq!(session(&record).is_some(), found, "{record}");
        }
    }
}
