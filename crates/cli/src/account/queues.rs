//! Queues, and the messages in them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::{Message, MessageAttributeValue, QueueAttributeName};

use aws_tags::delivery::DeadLetter;
use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

/// `ReceiveMessage` gives ten messages at most.
const MOST: i32 = 10;
/// With any wait, SQS asks all of its servers, so that an empty answer means an empty queue.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>
const WAIT_SECONDS: i32 = 1;

/// Dead letters that are looked at for their reasons, and how long they are hidden.
const LOOKED_AT: usize = 100;
const LOOKED_AT_SECONDS: i32 = 30;

/// A queue and its message counts, which may lag by a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) url: String,
    /// Messages that can be received.
    pub(crate) waiting: u64,
    /// Messages that are being handled, or wait for their delay to pass.
    pub(crate) in_progress: u64,
    /// ARN of its dead-letter queue.
    pub(crate) dead_letter_queue: Option<String>,
    /// Of dead letters that were looked at, how many were given up for which reason.
    pub(crate) reasons: BTreeMap<String, usize>,
    /// Who else may use it, as JSON.
    pub(crate) policy: Option<String>,
    /// Id or ARN of the key that encrypts it, unless that is SQS's own.
    pub(crate) key: Option<String>,
}

/// A received message, hidden from other consumers until it is released or its time is over.
pub(crate) struct ReceivedMessage {
    /// SQS's id.
    pub(crate) id: String,
    /// The text. It may hold session tokens, so it is never shown.
    pub(crate) body: String,
    receipt: String,
    attributes: HashMap<String, String>,
}

impl ReceivedMessage {
    /// The text of a message attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.get(name).cloned()
    }

    /// The message as a dead letter.
    pub(crate) fn dead_letter(&self) -> DeadLetter {
        DeadLetter::of(&self.body, |name| self.attribute(name))
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

impl RegionalClients {
    /// The queues whose names have this prefix.
    pub(crate) async fn queues(&self, prefix: &str) -> Result<Vec<Queue>, Error> {
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

    /// The current state of a queue.
    pub(crate) async fn queue(&self, url: String) -> Result<Queue, Error> {
        let asked = self.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
        let attributes = asked.send().await?.attributes.unwrap_or_default();
        let count = |name| attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let redrive = attributes.get(&QueueAttributeName::RedrivePolicy);
        let redrive: Option<serde_json::Value> = redrive.and_then(|text| serde_json::from_str(text).ok());
        let target = redrive.as_ref().and_then(|policy| policy.get("deadLetterTargetArn")?.as_str());
        Ok(Queue {
            name: url.rsplit('/').next().unwrap_or_default().to_owned(),
            waiting: count(QueueAttributeName::ApproximateNumberOfMessages),
            in_progress: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
                + count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
            dead_letter_queue: target.map(str::to_owned),
            reasons: BTreeMap::new(),
            policy: attributes.get(&QueueAttributeName::Policy).cloned(),
            key: attributes.get(&QueueAttributeName::KmsMasterKeyId).cloned(),
            url,
        })
    }

    /// Up to ten messages, hidden for `held_seconds`; none if the queue is empty.
    pub(crate) async fn receive(&self, url: &str, held_seconds: i32) -> Result<Vec<ReceivedMessage>, Error> {
        let asked = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(MOST)
            .visibility_timeout(held_seconds)
            .wait_time_seconds(WAIT_SECONDS)
            .message_attribute_names("All");
        let messages = asked.send().await?.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(ReceivedMessage::of).collect())
    }

    /// Looks at the first dead letters of a queue for the reasons.
    pub(crate) async fn look_at_reasons(&self, queue: &mut Queue) -> Result<(), Error> {
        for message in self.look_at(&queue.url).await? {
            let letter = message.dead_letter();
            let reason = letter.reason.unwrap_or_else(|| letter.given_up_by.as_str().to_owned());
            *queue.reasons.entry(reason).or_default() += 1;
        }
        Ok(())
    }

    /// The first messages of a queue. They are hidden for moments.
    pub(crate) async fn look_at(&self, url: &str) -> Result<Vec<ReceivedMessage>, Error> {
        let mut seen: BTreeMap<String, ReceivedMessage> = BTreeMap::new();
        let looked = loop {
            match self.receive(url, LOOKED_AT_SECONDS).await {
                Ok(some) if some.is_empty() => break Ok(()),
                Ok(some) => seen.extend(some.into_iter().map(|message| (message.id.clone(), message))),
                Err(error) => break Err(error),
            }
            if seen.len() >= LOOKED_AT {
                break Ok(());
            }
        };
        for message in seen.values() {
            // Where it fails, the message is visible again soon.
            let _ = self.release(url, message).await;
        }
        looked.map(|()| seen.into_values().collect())
    }

    /// Sends a message, with one attribute or none.
    pub(crate) async fn send(
        &self,
        url: &str,
        body: &str,
        attribute: Option<(&str, &str)>,
    ) -> Result<(), Error> {
        let mut call = self.sqs.send_message().queue_url(url).message_body(body);
        if let Some((name, text)) = attribute {
            let value = MessageAttributeValue::builder().data_type("String").string_value(text).build();
            call = call.message_attributes(name, value.map_err(Error::incomplete)?);
        }
        call.send().await?;
        Ok(())
    }

    pub(crate) async fn delete(&self, url: &str, message: &ReceivedMessage) -> Result<(), Error> {
        self.sqs.delete_message().queue_url(url).receipt_handle(&message.receipt).send().await?;
        Ok(())
    }

    /// Releases a held message: it can be received again at once.
    pub(crate) async fn release(&self, url: &str, message: &ReceivedMessage) -> Result<(), Error> {
        let asked = self.sqs.change_message_visibility().queue_url(url).receipt_handle(&message.receipt);
        asked.visibility_timeout(0).send().await?;
        Ok(())
    }
}
