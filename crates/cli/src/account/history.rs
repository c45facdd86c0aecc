//! CloudTrail's own history, asked about names: each thing once.

use std::collections::HashMap;

use aws_tags::Event;
use aws_tags::history::Question;
use aws_tags_aws::{Asked, Aws, Error, LookupEvents};
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// How often a throttled call is made: the last ones wait for eight seconds.
pub(crate) const ATTEMPTS: u32 = 12;

/// Asks the history, each thing once, and one thing at a time.
pub(crate) struct History {
    history: LookupEvents,
    now: OffsetDateTime,
    /// What was asked so far, by Region and name of the call.
    answers: Mutex<HashMap<(String, String), Answer>>,
}

/// The events of one call's name in one Region.
struct Answer {
    since: OffsetDateTime,
    events: Vec<Event>,
}

impl History {
    pub(crate) fn new(aws: &Aws, now: OffsetDateTime) -> Self {
        Self { history: LookupEvents::new(aws, ATTEMPTS), now, answers: Mutex::default() }
    }

    /// The events of a question; `progress` is told of every page.
    pub(crate) async fn events(
        &self,
        question: &Question,
        progress: impl Fn(usize),
    ) -> Result<Vec<Event>, Error> {
        let mut answers = self.answers.lock().await;
        let key = (question.region.clone(), question.event_name.clone());
        if let Some(answer) = answers.get(&key)
            && answer.since <= question.since
        {
            return Ok(answer.events.clone());
        }
        let asked = Asked {
            attribute: "EventName",
            value: question.event_name.clone(),
            from: question.since,
            to: self.now,
        };
        let records = self.history.all(&question.region, &asked, progress).await?;
        let events: Vec<Event> = records.iter().filter_map(|text| Event::from_text(text).ok()).collect();
        answers.insert(key, Answer { since: question.since, events: events.clone() });
        Ok(events)
    }
}
