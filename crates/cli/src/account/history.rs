//! CloudTrail's own history of management events, which every account has for 90 days, without a trail.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_tags::Event;
use aws_tags::history::Question;
use aws_tags_aws::{Aws, Error};
use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::regional_clients::RegionalClients;

/// `LookupEvents` takes two calls a second in a Region, and the quota cannot be raised.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>
pub(super) const BETWEEN_CALLS: Duration = Duration::from_millis(500);

/// Asks the history, each thing once, and one thing at a time.
pub(crate) struct History {
    aws: Aws,
    now: OffsetDateTime,
    asked: Mutex<Asked>,
}

/// What was asked so far.
#[derive(Default)]
struct Asked {
    /// By Region and name of the call.
    answers: HashMap<(String, String), Answer>,
    last_answer: Option<Instant>,
}

/// The events of one call's name in one Region.
struct Answer {
    since: OffsetDateTime,
    events: Vec<Event>,
}

impl History {
    pub(crate) fn new(aws: Aws, now: OffsetDateTime) -> Self {
        Self { aws, now, asked: Mutex::default() }
    }

    /// The events of a question; `progress` is told of every page.
    pub(crate) async fn events(
        &self,
        question: &Question,
        progress: impl Fn(usize),
    ) -> Result<Vec<Event>, Error> {
        let mut asked = self.asked.lock().await;
        let key = (question.region.clone(), question.event_name.clone());
        if let Some(answer) = asked.answers.get(&key)
            && answer.since <= question.since
        {
            return Ok(answer.events.clone());
        }
        let events = self.look_up(&mut asked, question, progress).await?;
        asked.answers.insert(key, Answer { since: question.since, events: events.clone() });
        Ok(events)
    }

    async fn look_up(
        &self,
        asked: &mut Asked,
        question: &Question,
        progress: impl Fn(usize),
    ) -> Result<Vec<Event>, Error> {
        let clients = RegionalClients::new(&self.aws, &question.region);
        let name = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::EventName)
            .attribute_value(&question.event_name)
            .build()
            .map_err(Error::incomplete)?;
        let call = clients
            .cloudtrail
            .lookup_events()
            .lookup_attributes(name)
            .start_time(DateTime::from_secs(question.since.unix_timestamp()))
            .end_time(DateTime::from_secs(self.now.unix_timestamp()));
        let (mut events, mut next) = (Vec::new(), None);
        loop {
            asked.wait().await;
            let page = call.clone().set_next_token(next).send().await;
            asked.last_answer = Some(Instant::now());
            let page = page?;
            let texts =
                page.events.unwrap_or_default().into_iter().filter_map(|found| found.cloud_trail_event);
            events.extend(texts.filter_map(|text| Event::from_text(&text).ok()));
            progress(events.len());
            next = page.next_token;
            if next.is_none() {
                return Ok(events);
            }
        }
    }
}

impl RegionalClients {
    /// Whether the history has a record of that attribute and time, of a call with that name, which holds this text.
    pub(crate) async fn has_recorded(
        &self,
        (key, value): (LookupAttributeKey, &str),
        (from, to): (OffsetDateTime, OffsetDateTime),
        (call, text): (&str, &str),
    ) -> Result<bool, Error> {
        let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(value);
        let asked = self
            .cloudtrail
            .lookup_events()
            .lookup_attributes(attribute.build().map_err(Error::incomplete)?)
            .start_time(DateTime::from_secs(from.unix_timestamp()))
            .end_time(DateTime::from_secs(to.unix_timestamp()));
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let found = page?.events.unwrap_or_default();
            let mut found = found.iter().filter(|event| event.event_name() == Some(call));
            if found.any(|event| event.cloud_trail_event().is_some_and(|record| record.contains(text))) {
                return Ok(true);
            }
            tokio::time::sleep(BETWEEN_CALLS).await;
        }
        Ok(false)
    }
}

impl Asked {
    /// Keeps to the quota, whatever Region is asked.
    async fn wait(&self) {
        if let Some(last) = self.last_answer {
            tokio::time::sleep(BETWEEN_CALLS.saturating_sub(last.elapsed())).await;
        }
    }
}
