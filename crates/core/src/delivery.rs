//! How events reach a function, how it answers, and dead letters: events that could not be handled.

mod dead_letter;

use serde_json::{Value, json};

use crate::record::{Event, NotAnEvent};

pub use dead_letter::{DeadLetter, GivenUpBy, LostEvent};

/// The message attribute in which `aws-tags redrive` says what CloudTrail's history has of the event.
pub const HISTORY: &str = "AwsTagsHistory";
/// Its value: what the event created was not created again since.
pub const LAST_OF_ITS_NAME: &str = "last-of-its-name";

/// The payload of one invocation: one event from EventBridge, or a batch of SQS messages.
#[derive(Debug)]
pub struct Delivery {
    pub messages: Vec<Message>,
    /// Whether they come from a queue, whose messages can fail one by one.
    from_queue: bool,
}

/// One delivered message: an event, or why it is not one.
#[derive(Debug)]
pub struct Message {
    pub event: Result<Event, NotAnEvent>,
    /// SQS's id; empty where EventBridge invoked the function itself.
    id: String,
}

/// Why an event must be delivered again: Lambda does so when the function fails.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TryAgain(pub String);

impl Delivery {
    /// Parses the payload of an invocation. It is consumed message by message: a full batch has 6 MB.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    pub fn of(mut payload: Value) -> Self {
        let is_message = |record: &Value| record.get("messageId").is_some() && record.get("body").is_some();
        let records = payload.get_mut("Records").and_then(Value::as_array_mut);
        let Some(records) = records.filter(|all| all.iter().all(is_message)) else {
            let event = Event::from_json(payload).map_err(NotAnEvent::from);
            return Self { messages: vec![Message { event, id: String::new() }], from_queue: false };
        };
        let records = std::mem::take(records);
        Self { messages: records.into_iter().map(Message::of).collect(), from_queue: true }
    }

    /// The events among the messages.
    pub fn events(&self) -> Vec<&Event> {
        self.messages.iter().filter_map(|message| message.event.as_ref().ok()).collect()
    }

    /// The function's answer, given why each message must be delivered again, if it must: a list of
    /// those messages, or for an event from EventBridge an error, which makes Lambda retry.
    pub fn answer(&self, retry_reasons: &[Option<String>]) -> Result<Value, TryAgain> {
        if !self.from_queue {
            return match retry_reasons.iter().flatten().next() {
                Some(reason) => Err(TryAgain(reason.clone())),
                None => Ok(Value::Null),
            };
        }
        let failed = self.messages.iter().zip(retry_reasons).filter(|(_, reason)| reason.is_some());
        let failures: Vec<Value> = failed.map(|(message, _)| json!({"itemIdentifier": message.id})).collect();
        Ok(json!({"batchItemFailures": failures}))
    }
}

impl Message {
    fn of(record: Value) -> Self {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut event = Event::from_text(text("body"));
        if let Ok(event) = &mut event {
            let attribute = record.pointer(&format!("/messageAttributes/{HISTORY}/stringValue"));
            event.is_last_of_its_name = attribute.and_then(Value::as_str) == Some(LAST_OF_ITS_NAME);
        }
        Self { event, id: text("messageId").to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Value {
        json!({"detail": {"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume"}})
    }

    #[test]
    fn only_failed_messages_are_delivered_again() {
        let delivery = Delivery::of(json!({"Records": [
            {"messageId": "a", "body": record().to_string()},
            {"messageId": "b", "body": "not json"},
            {"messageId": "c", "body": record().to_string()},
        ]}));
        assert!(delivery.messages[0].event.is_ok() && delivery.messages[1].event.is_err());
        let answer = delivery.answer(&[None, Some("not JSON".into()), None]);
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "b"}]})));
        assert_eq!(delivery.answer(&[None, None, None]), Ok(json!({"batchItemFailures": []})));
    }

    #[test]
    fn what_the_history_says_comes_as_an_attribute_of_the_message() {
        let message = |history: Value| {
            let record =
                json!({"messageId": "a", "body": record().to_string(), "messageAttributes": history});
            let delivery = Delivery::of(json!({"Records": [record]}));
            delivery.messages[0].event.as_ref().is_ok_and(|event| event.is_last_of_its_name)
        };
        assert!(message(json!({HISTORY: {"stringValue": LAST_OF_ITS_NAME, "dataType": "String"}})));
        assert!(!message(json!({HISTORY: {"stringValue": "no"}})) && !message(json!({})));
    }

    #[test]
    fn an_event_of_eventbridge_fails_the_invocation() {
        let delivery = Delivery::of(record());
        assert_eq!(delivery.messages.len(), 1);
        assert_eq!(delivery.answer(&[Some("throttled".into())]), Err(TryAgain("throttled".into())));
        assert_eq!(delivery.answer(&[None]), Ok(Value::Null));
    }

    #[test]
    fn a_payload_that_is_not_an_event_is_rejected() {
        let delivery = Delivery::of(json!({"hello": "world"}));
        assert!(
            delivery.messages[0].event.as_ref().is_err_and(|why| why.to_string().contains("`eventSource`"))
        );
    }
}
