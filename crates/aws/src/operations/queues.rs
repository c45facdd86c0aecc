//! Queues, and the messages in them.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, QueueAttributeName};

use super::Installation;
use crate::Error;

/// `ReceiveMessage` gives ten messages at most.
const MOST: i32 = 10;
/// With any wait, SQS asks all of its servers, so that an empty answer means an empty queue.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>
const WAIT_SECONDS: i32 = 1;

/// A queue and how much is in it, as far as SQS knows: its counts may lag by a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// Messages that can be received.
    pub waiting: u64,
    /// Messages that are being handled, or wait for their delay to pass.
    pub under_way: u64,
    /// ARN of its dead-letter queue.
    pub dead_letter_queue: Option<String>,
}

/// A message that is held: nobody else receives it until it is let go or the time is over.
pub struct Received {
    /// SQS's id.
    pub id: String,
    /// The text. May hold session tokens: never to be shown.
    pub body: String,
    receipt: String,
    attributes: HashMap<String, String>,
}

impl Received {
    /// The text of a message attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.get(name).cloned()
    }

    fn of(message: Message) -> Option<Self> {
        let attributes = message.message_attributes.unwrap_or_default().into_iter();
        Some(Self {
            id: message.message_id?,
            body: message.body?,
            receipt: message.receipt_handle?,
            attributes: attributes.filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
        })
    }
}

impl Installation {
    /// The queues whose names begin so.
    pub async fn queues(&self, prefix: &str) -> Result<Vec<Queue>, Error> {
        let mut urls = self
            .sqs
            .list_queues()
            .queue_name_prefix(prefix)
            .max_results(1000)
            .into_paginator()
            .items()
            .send();
        let mut queues = Vec::new();
        while let Some(url) = urls.next().await {
            queues.push(self.queue(url?).await?);
        }
        Ok(queues)
    }

    /// How a queue is now.
    pub async fn queue(&self, url: String) -> Result<Queue, Error> {
        let asked = self.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
        let attributes = asked.send().await?.attributes.unwrap_or_default();
        let count = |name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let redrive = attributes.get(&QueueAttributeName::RedrivePolicy);
        let redrive: Option<serde_json::Value> = redrive.and_then(|text| serde_json::from_str(text).ok());
        let target = redrive.as_ref().and_then(|policy| policy.get("deadLetterTargetArn")?.as_str());
        Ok(Queue {
            name: url.rsplit('/').next().unwrap_or_default().to_owned(),
            waiting: count(QueueAttributeName::ApproximateNumberOfMessages),
            under_way: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
                + count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
            dead_letter_queue: target.map(str::to_owned),
            url,
        })
    }

    /// Up to ten messages, held for so many seconds; none where the queue has none to give.
    pub async fn receive(&self, url: &str, held_seconds: i32) -> Result<Vec<Received>, Error> {
        let asked = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(MOST)
            .visibility_timeout(held_seconds)
            .wait_time_seconds(WAIT_SECONDS)
            .message_attribute_names("All");
        let messages = asked.send().await?.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(Received::of).collect())
    }

    /// Sends a message.
    pub async fn send(&self, url: &str, body: &str) -> Result<(), Error> {
        self.sqs.send_message().queue_url(url).message_body(body).send().await?;
        Ok(())
    }

    /// Deletes a received message.
    pub async fn delete(&self, url: &str, message: &Received) -> Result<(), Error> {
        self.sqs.delete_message().queue_url(url).receipt_handle(&message.receipt).send().await?;
        Ok(())
    }

    /// Lets a held message go: it can be received again at once.
    pub async fn let_go(&self, url: &str, message: &Received) -> Result<(), Error> {
        let asked = self.sqs.change_message_visibility().queue_url(url).receipt_handle(&message.receipt);
        asked.visibility_timeout(0).send().await?;
        Ok(())
    }
}
