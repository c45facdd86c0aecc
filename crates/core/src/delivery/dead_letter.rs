//! Dead letters: events that could not be delivered or handled, in every shape in which AWS keeps
//! them.
//!
//! | given up by | body | attributes |
//! |---|---|---|
//! | a rule | the event | `RULE_ARN`, `ERROR_CODE`, `ERROR_MESSAGE`, … |
//! | a queue | the unchanged message | |
//! | a function itself | the same, without a session's token | [`REASON`], [`MESSAGE`] |
//! | a function, invoked asynchronously | the event | `RequestID`, `ErrorCode`, `ErrorMessage` |
//! | the same, with an on-failure destination | the event, wrapped as `requestPayload` | |
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{MESSAGE, REASON};
use crate::record::{Event, NotAnEvent};

/// Who gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GivenUpBy {
    /// EventBridge could not deliver it.
    Rule,
    /// It was received from the queue too often.
    Queue,
    /// The function failed too often, or said that it will not succeed.
    Function,
}

impl GivenUpBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Queue => "queue",
            Self::Function => "function",
        }
    }
}

/// A parsed message of a dead-letter queue. Bodies may hold session tokens, so it has no `Debug`.
pub struct DeadLetter {
    pub given_up_by: GivenUpBy,
    /// Why, where AWS says so, or in a word of [`super::Reason`] where a function does.
    pub reason: Option<String>,
    /// The same in full, where a function gave it up itself.
    pub message: Option<String>,
    /// The lost events, usually one.
    pub events: Vec<LostEvent>,
}

/// An event as AWS sent it, raw and parsed.
pub struct LostEvent {
    /// The unchanged text, to be sent again.
    pub body: String,
    /// The event, or why it is not one.
    pub event: Result<Event, NotAnEvent>,
}

type Fields = BTreeMap<String, Box<RawValue>>;

impl DeadLetter {
    /// Parses a message; `attribute` gives the text of a message attribute.
    pub fn of(body: &str, attribute: impl Fn(&str) -> Option<String>) -> Self {
        let joined = |code: Option<String>, message: Option<String>| match (code, message) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (code, message) => code.or(message),
        };
        if attribute("RULE_ARN").is_some() {
            let reason = joined(attribute("ERROR_CODE"), attribute("ERROR_MESSAGE"));
            return Self { given_up_by: GivenUpBy::Rule, reason, message: None, events: lost_events(body) };
        }
        let fields: Fields = serde_json::from_str(body).unwrap_or_default();
        if let (Some(payload), Some(context)) = (fields.get("requestPayload"), fields.get("requestContext")) {
            let text = |raw: Option<&Box<RawValue>>, key: &str| {
                let value: Value = serde_json::from_str(raw?.get()).ok()?;
                value.get(key)?.as_str().map(str::to_owned)
            };
            let reason = text(fields.get("responsePayload"), "errorMessage");
            let reason = reason.or_else(|| text(Some(context), "condition"));
            let events = lost_events(payload.get());
            return Self { given_up_by: GivenUpBy::Function, reason, message: None, events };
        }
        if attribute(REASON).is_some() {
            let (reason, message) = (attribute(REASON), attribute(MESSAGE));
            return Self { given_up_by: GivenUpBy::Function, reason, message, events: lost_events(body) };
        }
        match attribute("RequestID") {
            Some(_) => {
                let reason = joined(attribute("ErrorCode"), attribute("ErrorMessage"));
                Self { given_up_by: GivenUpBy::Function, reason, message: None, events: lost_events(body) }
            }
            None => {
                let events = lost_events(body);
                Self { given_up_by: GivenUpBy::Queue, reason: None, message: None, events }
            }
        }
    }
}

/// The events of a payload: the payload itself, or those in the messages of an SQS batch.
fn lost_events(payload: &str) -> Vec<LostEvent> {
    let value: Result<Value, _> = serde_json::from_str(payload);
    let messages = value.as_ref().ok().and_then(|value| value.get("Records")?.as_array());
    let bodies = messages.map(|all| all.iter().filter_map(|message| message.get("body")?.as_str()));
    match bodies.map(|bodies| bodies.flat_map(lost_events).collect::<Vec<_>>()) {
        Some(lost) if !lost.is_empty() => lost,
        _ => {
            let body = value.as_ref().ok().and_then(without_token).unwrap_or_else(|| payload.to_owned());
            let event = value.map_err(NotAnEvent::from).and_then(|value| Ok(Event::from_json(value)?));
            vec![LostEvent { body, event }]
        }
    }
}

/// An STS event without the session token, which must not enter a queue again; `None` if the event
/// has none.
pub(super) fn without_token(event: &Value) -> Option<String> {
    let mut event = event.clone();
    let credentials = event.pointer_mut("/detail/responseElements/credentials")?.as_object_mut()?;
    credentials.remove("sessionToken")?;
    Some(event.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // Unusual spacing and numbers: the body that is sent again must be the one that came.
    const BODY: &str = r#"{ "source":"aws.ec2", "detail": {"eventName":"CreateVolume","eventSource":"ec2.amazonaws.com","x":1.50}}"#;

    fn dead_letter(body: &str, attributes: &[(&str, &str)]) -> DeadLetter {
        DeadLetter::of(body, |name| {
            attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn only(dead_letter: &DeadLetter) -> (GivenUpBy, Option<&str>, &str) {
        assert_eq!(dead_letter.events.len(), 1);
        assert!(dead_letter.events[0].event.as_ref().is_ok_and(|event| event.name == "CreateVolume"));
        (dead_letter.given_up_by, dead_letter.reason.as_deref(), &dead_letter.events[0].body)
    }

    #[test]
    fn a_rule_says_why_in_attributes() {
        let attributes = [
            ("RULE_ARN", "arn:aws:events:eu-west-1:111122223333:rule/aws-tags-creations-1"),
            ("ERROR_CODE", "NO_PERMISSIONS"),
            ("ERROR_MESSAGE", "The queue's policy does not let the rule send"),
        ];
        let reason = "NO_PERMISSIONS: The queue's policy does not let the rule send";
        assert_eq!(only(&dead_letter(BODY, &attributes)), (GivenUpBy::Rule, Some(reason), BODY));
    }

    #[test]
    fn a_queue_keeps_the_message_unchanged() {
        assert_eq!(only(&dead_letter(BODY, &[])), (GivenUpBy::Queue, None, BODY));
    }

    #[test]
    fn a_function_keeps_the_event_and_says_why_in_attributes() {
        let attributes = [("RequestID", "1"), ("ErrorCode", "200"), ("ErrorMessage", "throttled")];
        assert_eq!(
            only(&dead_letter(BODY, &attributes)),
            (GivenUpBy::Function, Some("200: throttled"), BODY)
        );
    }

    #[test]
    fn a_function_that_gives_up_itself_says_why() {
        let attributes = [(REASON, "denied"), (MESSAGE, "IAM tags of dev: AccessDenied: no")];
        let found = dead_letter(BODY, &attributes);
        assert_eq!(only(&found), (GivenUpBy::Function, Some("denied"), BODY));
        assert_eq!(found.message.as_deref(), Some("IAM tags of dev: AccessDenied: no"));
    }

    #[test]
    fn an_on_failure_destination_wraps_the_event() {
        let body = format!(
            r#"{{"version":"1.0","requestContext":{{"condition":"RetriesExhausted"}},"requestPayload":{BODY},
                "responsePayload":{{"errorMessage":"throttled","errorType":"Error"}}}}"#
        );
        assert_eq!(only(&dead_letter(&body, &[])), (GivenUpBy::Function, Some("throttled"), BODY));
        let body = body.replace("responsePayload", "other");
        assert_eq!(only(&dead_letter(&body, &[])), (GivenUpBy::Function, Some("RetriesExhausted"), BODY));
    }

    #[test]
    fn the_messages_of_a_batch_go_back_one_by_one() {
        let batch = json!({"Records": [{"messageId": "a", "body": BODY}, {"messageId": "b", "body": BODY}]});
        let dead_letter = dead_letter(&batch.to_string(), &[("RequestID", "1")]);
        assert_eq!(dead_letter.events.len(), 2);
        assert!(dead_letter.events.iter().all(|lost| lost.body == BODY));
    }

    #[test]
    fn session_tokens_are_removed() {
        let body = json!({"detail": {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
            "responseElements": {"credentials": {"accessKeyId": "ASIAX", "sessionToken": "secret"}}}});
        let found = dead_letter(&body.to_string(), &[]);
        assert!(found.events[0].event.is_ok() && !found.events[0].body.contains("secret"));
        assert!(found.events[0].body.contains("ASIAX"));
    }

    #[test]
    fn a_body_that_is_not_an_event_is_kept_with_the_reason() {
        for (body, why) in
            [("not json", "not JSON"), (r#"{"Records": []}"#, "`eventSource`"), ("[1]", "object")]
        {
            let dead_letter = dead_letter(body, &[]);
            assert_eq!(dead_letter.events[0].body, body);
            assert!(
                dead_letter.events[0].event.as_ref().is_err_and(|reason| reason.to_string().contains(why)),
                "{body}"
            );
        }
    }
}
