//! The queue of a function, as the function itself needs it: to put messages off, and to give them up.

use std::time::Duration;

use aws_tags::Arn;
use aws_tags::delivery::{MESSAGE, Queued, REASON, Reason};
use aws_tags::table::operation::{Api, Endpoint, Request};
use serde_json::{Value, json};

use crate::client::Aws;
use crate::error::Error;
use crate::operation::OperationCaller;

static SQS: Api =
    Api { service_id: "SQS", signing_name: "sqs", endpoint: Endpoint::regional("sqs.${Region}.${Suffix}") };

/// Messages that one call takes.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>
const PER_CALL: usize = 10;
/// Characters of a reason: enough for AWS's own words.
const MOST_CHARACTERS: usize = 1000;

/// The queue of a function, and the one for its dead letters.
#[derive(Debug)]
pub struct Queue {
    caller: OperationCaller,
    dead_letters: Arn,
}

/// A queue to which the function sends messages of its own.
#[derive(Debug)]
pub(crate) struct Outbox {
    caller: OperationCaller,
    queue: Arn,
}

impl Outbox {
    pub(crate) fn new(aws: &Aws, queue: Arn) -> Self {
        Self { caller: OperationCaller::new(aws.config().clone()), queue }
    }

    /// Sends a message, with the attributes, for at once: the queue's delay is for what has just happened.
    pub(crate) async fn send(&self, body: &str, attributes: &[(&str, &str)]) -> Result<(), Error> {
        send(&self.caller, &self.queue, json!({"MessageBody": body, "DelaySeconds": 0}), attributes).await
    }
}

impl Queue {
    pub fn new(aws: &Aws, dead_letters: Arn) -> Self {
        Self { caller: OperationCaller::new(aws.config().clone()), dead_letters }
    }

    /// Hides messages, each for its time, at most twelve hours. Where it fails, they come again when the
    /// queue's visibility timeout is over.
    pub async fn put_off(&self, messages: &[(&Queued, Duration)]) -> Result<(), Error> {
        for some in messages.chunks(PER_CALL) {
            let Some(queue) = some.first().and_then(|(queued, _)| Arn::parse(&queued.queue)) else {
                return Err(Error::incomplete("the message names no queue"));
            };
            let mut entries = Vec::with_capacity(some.len());
            for (nth, (queued, pause)) in some.iter().enumerate() {
                let (id, seconds) = (nth.to_string(), pause.as_secs());
                entries
                    .push(json!({"Id": id, "ReceiptHandle": queued.receipt, "VisibilityTimeout": seconds}));
            }
            let answer =
                call(&self.caller, "ChangeMessageVisibilityBatch", &queue, json!({"Entries": entries}))
                    .await?;
            let answer: Value = serde_json::from_str(&answer).map_err(Error::incomplete)?;
            if let Some(failed) = answer.pointer("/Failed/0") {
                let text = |key: &str| failed.get(key).and_then(Value::as_str).unwrap_or_default();
                return Err(Error::of_resource(text("Code"), text("Message")));
            }
        }
        Ok(())
    }

    /// Sends a message to the dead letters, as it came, with the reason.
    pub async fn give_up(&self, queued: &Queued, reason: Reason, message: &str) -> Result<(), Error> {
        let message = sendable(message);
        let mut attributes = vec![(REASON, reason.as_str())];
        attributes.extend((!message.is_empty()).then_some((MESSAGE, message.as_str())));
        let message = json!({"MessageBody": queued.dead_letter()});
        send(&self.caller, &self.dead_letters, message, &attributes).await
    }
}

async fn send(
    caller: &OperationCaller,
    queue: &Arn,
    mut message: Value,
    attributes: &[(&str, &str)],
) -> Result<(), Error> {
    for (name, text) in attributes {
        message["MessageAttributes"][*name] = json!({"DataType": "String", "StringValue": text});
    }
    call(caller, "SendMessage", queue, message).await.map(drop)
}

async fn call(
    caller: &OperationCaller,
    name: &'static str,
    queue: &Arn,
    mut members: Value,
) -> Result<String, Error> {
    let (region, account) = (queue.region(), queue.account());
    let host = SQS.endpoint.resolve(region, account).host;
    members["QueueUrl"] = json!(format!("https://{host}/{account}/{}", queue.resource()));
    let request = Request {
        method: "POST",
        path: "/".to_owned(),
        headers: vec![
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amz-target", format!("AmazonSQS.{name}")),
        ],
        body: members.to_string(),
    };
    caller.send(&SQS, name, region, account, request).await
}

/// A text that a message attribute may have.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
fn sendable(text: &str) -> String {
    let character = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
    text.chars().take(MOST_CHARACTERS).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_no_characters_that_sqs_refuses() {
        assert_eq!(sendable("a\u{0}b\u{1b}[31m\u{ffff}ü"), "a b [31m ü");
        assert_eq!(sendable(&"x".repeat(5000)).len(), MOST_CHARACTERS);
    }
}
