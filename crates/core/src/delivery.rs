//! How events reach a Lambda: one by one from EventBridge, or as a batch of SQS messages.

use serde_json::{Value, json};

use crate::event::Event;

/// What one invocation brings.
#[derive(Debug)]
pub struct Delivery {
    /// Events, in order, or why something delivered is none.
    pub events: Vec<Result<Event, String>>,
    /// The message of each event; `None` where EventBridge invoked the function itself.
    messages: Option<Vec<String>>,
}

impl Delivery {
    /// Takes the payload of an invocation apart.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    pub fn of(payload: Value) -> Self {
        let is_message = |record: &Value| record.get("messageId").is_some() && record.get("body").is_some();
        let records =
            payload.get("Records").and_then(Value::as_array).filter(|all| all.iter().all(is_message));
        let Some(records) = records else {
            return Self {
                events: vec![Event::from_json(payload).map_err(|e| e.to_string())],
                messages: None,
            };
        };
        let text = |record: &Value, key: &str| {
            let text = record.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let event = |record: &Value| {
            let body: Value =
                serde_json::from_str(&text(record, "body")).map_err(|error| error.to_string())?;
            Event::from_json(body).map_err(|error| error.to_string())
        };
        Self {
            events: records.iter().map(event).collect(),
            messages: Some(records.iter().map(|record| text(record, "messageId")).collect()),
        }
    }

    /// The function's answer, given which events must come again: a list of failed messages, or
    /// for EventBridge an error that makes Lambda try again.
    pub fn answer(&self, again: &[Option<String>]) -> Result<Value, String> {
        let Some(messages) = &self.messages else {
            return match again.iter().flatten().next() {
                Some(reason) => Err(reason.clone()),
                None => Ok(Value::Null),
            };
        };
        let failed = messages.iter().zip(again).filter(|(_, reason)| reason.is_some());
        let failures: Vec<Value> = failed.map(|(message, _)| json!({"itemIdentifier": message})).collect();
        Ok(json!({"batchItemFailures": failures}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Value {
        json!({"detail": {"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume"}})
    }

    #[test]
    fn only_failed_messages_come_again() {
        let delivery = Delivery::of(json!({"Records": [
            {"messageId": "a", "body": record().to_string()},
            {"messageId": "b", "body": "no json"},
            {"messageId": "c", "body": record().to_string()},
        ]}));
        assert!(delivery.events[0].is_ok() && delivery.events[1].is_err());
        let answer = delivery.answer(&[None, Some("not JSON".into()), None]);
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "b"}]})));
        assert_eq!(delivery.answer(&[None, None, None]), Ok(json!({"batchItemFailures": []})));
    }

    #[test]
    fn an_event_of_eventbridge_fails_the_invocation() {
        let delivery = Delivery::of(record());
        assert_eq!(delivery.events.len(), 1);
        assert_eq!(delivery.answer(&[Some("throttled".into())]), Err("throttled".into()));
        assert_eq!(delivery.answer(&[None]), Ok(Value::Null));
    }

    #[test]
    fn what_is_no_event_says_so() {
        let delivery = Delivery::of(json!({"hello": "world"}));
        assert!(delivery.events[0].as_ref().is_err_and(|why| why.contains("`eventSource`")));
    }
}
