//! How events reach a function, how it answers, and dead letters: events that could not be handled.

mod dead_letter;
mod fate;
mod obstacle;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::record::{Event, NotAnEvent};
use dead_letter::without_token;

pub use dead_letter::{DeadLetter, GivenUpBy, LostEvent};
pub use fate::Fate;
pub use obstacle::{Obstacle, Over, Reason};

/// The message attribute in which `aws-tags redrive` says what CloudTrail's history has of the event.
pub const HISTORY: &str = "AwsTagsHistory";
/// Its value: what the event created was not created again since.
pub const LAST_OF_ITS_NAME: &str = "last-of-its-name";

/// The message attribute in which a function says why it gave an event up: [`Reason::as_str`].
pub const REASON: &str = "AwsTagsReason";
/// The message attribute with the same in full.
pub const MESSAGE: &str = "AwsTagsMessage";

/// Bytes of the messages that are handled together.
const PART: usize = 1_000_000;

/// The payload of one invocation: one event from EventBridge, or a batch of SQS messages.
pub struct Delivery {
    pub messages: Vec<Message>,
    /// Whether they come from a queue, whose messages can fail one by one.
    from_queue: bool,
}

/// One delivered message, not read yet.
pub struct Message {
    /// The message; `None` where EventBridge invoked the function itself.
    pub queued: Option<Queued>,
    /// The event that EventBridge invoked the function with.
    invoked_with: Value,
    /// Whether CloudTrail's history has no later creation.
    is_last_of_its_name: bool,
}

/// A message of a queue. Bodies may hold session tokens, so it has no `Debug`.
#[derive(Default)]
pub struct Queued {
    /// SQS's id.
    pub id: String,
    /// What SQS calls this delivery of it.
    pub receipt: String,
    /// ARN of the queue.
    pub queue: String,
    pub body: String,
    /// How often it was delivered, this time included.
    pub attempt: u32,
    /// When it was first delivered; a redriven event is another message.
    pub since: Option<OffsetDateTime>,
}

/// Why an event must be delivered again: Lambda does so when the function fails.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TryAgain(pub String);

impl Delivery {
    /// Takes the payload of an invocation apart. Nothing is copied: a full batch has 6 MB.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    pub fn of(mut payload: Value) -> Self {
        let is_message = |record: &Value| record.get("messageId").is_some() && record.get("body").is_some();
        let records = payload.get_mut("Records").and_then(Value::as_array_mut);
        let Some(records) = records.filter(|all| all.iter().all(is_message)) else {
            let message = Message { queued: None, invoked_with: payload, is_last_of_its_name: false };
            return Self { messages: vec![message], from_queue: false };
        };
        let records = std::mem::take(records);
        Self { messages: records.into_iter().map(Message::of).collect(), from_queue: true }
    }

    /// The messages in parts that are read and handled one after the other, as a parsed event takes several
    /// times the memory of its text. A usual batch is one part.
    pub fn parts(&self) -> Vec<Range<usize>> {
        let (mut parts, mut bytes): (Vec<Range<usize>>, usize) = (Vec::new(), 0);
        for (place, message) in self.messages.iter().enumerate() {
            let size = message.queued.as_ref().map_or(0, |queued| queued.body.len());
            bytes = bytes.saturating_add(size);
            match parts.last_mut() {
                Some(part) if bytes <= PART => part.end = place.saturating_add(1),
                _ => {
                    parts.push(place..place.saturating_add(1));
                    bytes = size;
                }
            }
        }
        parts
    }

    /// The function's answer, given why each message stays in the queue, if it does: a list of those
    /// messages, or for an event from EventBridge an error, which makes Lambda retry.
    pub fn answer(&self, unfinished: &[Option<String>]) -> Result<Value, TryAgain> {
        if !self.from_queue {
            return match unfinished.iter().flatten().next() {
                Some(reason) => Err(TryAgain(reason.clone())),
                None => Ok(Value::Null),
            };
        }
        let stays = self.messages.iter().zip(unfinished).filter(|(_, reason)| reason.is_some());
        let ids = stays.filter_map(|(message, _)| message.queued.as_ref()).map(|queued| &queued.id);
        let failures: Vec<Value> = ids.map(|id| json!({"itemIdentifier": id})).collect();
        Ok(json!({"batchItemFailures": failures}))
    }
}

impl Message {
    fn of(mut record: Value) -> Self {
        let body = match record.get_mut("body").map(Value::take) {
            Some(Value::String(body)) => body,
            _ => String::new(),
        };
        let text = |at: &str| record.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| text(&format!("/attributes/{name}")).parse::<i64>().ok();
        let since = number("ApproximateFirstReceiveTimestamp").map(|milliseconds| milliseconds / 1000);
        let queued = Queued {
            id: text("/messageId").to_owned(),
            receipt: text("/receiptHandle").to_owned(),
            queue: text("/eventSourceARN").to_owned(),
            body,
            attempt: number("ApproximateReceiveCount").and_then(|count| count.try_into().ok()).unwrap_or(1),
            since: since.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()),
        };
        let is_last_of_its_name =
            text(&format!("/messageAttributes/{HISTORY}/stringValue")) == LAST_OF_ITS_NAME;
        Self { queued: Some(queued), invoked_with: Value::Null, is_last_of_its_name }
    }

    /// Reads the event, once.
    pub fn event(&mut self) -> Result<Event, NotAnEvent> {
        let Some(queued) = &self.queued else {
            return Ok(Event::from_json(self.invoked_with.take())?);
        };
        let mut event = Event::from_text(&queued.body)?;
        event.is_last_of_its_name = self.is_last_of_its_name;
        Ok(event)
    }
}

impl Queued {
    /// The body of its dead letter: its own, without a session's token.
    pub fn dead_letter(&self) -> Cow<'_, str> {
        let stripped = serde_json::from_str(&self.body).ok().and_then(|event| without_token(&event));
        stripped.map_or(Cow::Borrowed(self.body.as_str()), Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Value {
        json!({"detail": {"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume"}})
    }

    fn messages(records: Value) -> Delivery {
        Delivery::of(json!({"Records": records}))
    }

    #[test]
    fn only_failed_messages_are_delivered_again() {
        let mut delivery = messages(json!([
            {"messageId": "a", "body": record().to_string()},
            {"messageId": "b", "body": "not json"},
            {"messageId": "c", "body": record().to_string()},
        ]));
        assert!(delivery.messages[0].event().is_ok() && delivery.messages[1].event().is_err());
        let answer = delivery.answer(&[None, Some("not JSON".into()), None]);
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "b"}]})));
        assert_eq!(delivery.answer(&[None, None, None]), Ok(json!({"batchItemFailures": []})));
    }

    #[test]
    fn a_message_says_how_often_it_came_and_since_when() {
        let delivery = messages(json!([{
            "messageId": "a", "receiptHandle": "r", "body": record().to_string(),
            "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:q",
            "attributes": {"ApproximateReceiveCount": "3", "ApproximateFirstReceiveTimestamp": "1777888800123"}}]));
        let queued = delivery.messages[0].queued.as_ref().expect("a message of a queue");
        assert_eq!((queued.receipt.as_str(), queued.attempt), ("r", 3));
        assert_eq!(queued.since.map(OffsetDateTime::unix_timestamp), Some(1_777_888_800));
        assert_eq!((queued.queue.rsplit(':').next(), &*queued.dead_letter()), (Some("q"), &*queued.body));
    }

    #[test]
    fn a_dead_letter_has_no_session_token() {
        let body = r#"{"detail": {"responseElements": {"credentials": {"sessionToken": "secret"}}}}"#;
        let queued = Queued { body: body.into(), ..Queued::default() };
        assert!(!queued.dead_letter().contains("secret") && queued.dead_letter().contains("credentials"));
    }

    #[test]
    fn large_batches_are_read_in_parts() {
        let parts = |sizes: &[usize]| {
            let record = |size: &usize| json!({"messageId": "a", "body": "x".repeat(*size)});
            let parts = messages(sizes.iter().map(record).collect()).parts();
            parts.into_iter().map(|part| (part.start, part.end)).collect::<Vec<_>>()
        };
        assert_eq!(parts(&[10, 20, 30]), [(0, 3)]);
        assert_eq!(
            parts(&[PART, 1, PART / 2, PART / 2, PART * 2, 1]),
            [(0, 1), (1, 3), (3, 4), (4, 5), (5, 6)]
        );
        assert_eq!(Delivery::of(record()).parts().len(), 1);
        assert!(parts(&[]).is_empty());
    }

    #[test]
    fn what_the_history_says_comes_as_an_attribute_of_the_message() {
        let is_last = |history: Value| {
            let record =
                json!({"messageId": "a", "body": record().to_string(), "messageAttributes": history});
            let event = messages(json!([record])).messages[0].event();
            event.is_ok_and(|event| event.is_last_of_its_name)
        };
        assert!(is_last(json!({HISTORY: {"stringValue": LAST_OF_ITS_NAME, "dataType": "String"}})));
        assert!(!is_last(json!({HISTORY: {"stringValue": "no"}})) && !is_last(json!({})));
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
        let event = Delivery::of(json!({"hello": "world"})).messages[0].event();
        assert!(event.is_err_and(|why| why.to_string().contains("`eventSource`")));
    }
}
