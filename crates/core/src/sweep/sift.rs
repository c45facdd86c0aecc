//! What of a history was missed: each such event is sent to the handler's queue.

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;

use super::arrivals::{Hour, Ids, of_interest};
use super::ports::{Sweep, SweepPorts};
use crate::deployment::tier;
use crate::history::{Bearer, Question, bearer, has_creations_of, questions, unsettled};
use crate::ports::{Failure, FailureKind};
use crate::record::Event;
use crate::settings::Settings;
use crate::stacks;
use crate::table;

/// What a part of a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Creations, and deploys of stacks.
    pub creations: usize,
    /// Those of them that no event brought, and that are handled now.
    pub missed: usize,
    /// Those that no event brought, and whose resource is another's by now.
    pub superseded: usize,
}

/// Takes what was missed out of pages.
pub(super) struct Sieve<'a, P> {
    ports: &'a P,
    sweep: &'a Sweep,
    settings: &'a Settings,
    now: OffsetDateTime,
    /// Where the part begins: names are asked for since then, once for all.
    from: OffsetDateTime,
    /// What has arrived, or was sent by now.
    arrived: BTreeMap<Hour, Ids>,
    /// What the history said of names.
    history: BTreeMap<(String, String), (OffsetDateTime, Vec<Event>)>,
    pub(super) tally: Tally,
    /// Whether a page that takes more time than there is may come again: others were looked up before it.
    pub(super) may_come_again: bool,
}

/// What the history says of an event's resources.
enum Settled {
    /// Theirs are the names, or they have ids, or are young.
    Last { by_history: bool },
    /// Another event created one since.
    Superseded,
    /// It could not be asked: the handler's own rules decide.
    Unknown,
    /// The next invocation has time to ask.
    Later,
}

impl<'a, P: SweepPorts> Sieve<'a, P> {
    pub(super) fn new(
        ports: &'a P,
        sweep: &'a Sweep,
        settings: &'a Settings,
        now: OffsetDateTime,
        from: OffsetDateTime,
    ) -> Self {
        let (arrived, history) = (BTreeMap::new(), BTreeMap::new());
        Self {
            ports,
            sweep,
            settings,
            now,
            from,
            arrived,
            history,
            tally: Tally::default(),
            may_come_again: false,
        }
    }

    /// Sends what was missed of a page, and gives the time of its earliest record. What was sent is noted, so that
    /// nothing is sent again if the page comes again.
    pub(super) async fn sift(&mut self, records: &[String]) -> Result<Option<OffsetDateTime>, Failure> {
        let (mut earliest, mut sent) = (None::<OffsetDateTime>, BTreeMap::<Hour, Ids>::new());
        let mut result = Ok(());
        for (record, event) in
            records.iter().filter_map(|record| Some((record, Event::from_text(record).ok()?)))
        {
            earliest = earliest.into_iter().chain(event.time()).min();
            let Some((hour, id)) = of_interest(&event).filter(|_| self.is_delivered(&event)) else {
                continue;
            };
            result = self.take(record, &event, hour, &id, &mut sent).await;
            if result.is_err() {
                break;
            }
        }
        for (hour, ids) in &sent {
            // Where that fails, they are only sent twice.
            let _ = self.ports.note(*hour, ids).await;
        }
        result.map(|()| earliest)
    }

    /// Sends an event, if it has not arrived.
    async fn take(
        &mut self,
        record: &str,
        event: &Event,
        hour: Hour,
        id: &str,
        sent: &mut BTreeMap<Hour, Ids>,
    ) -> Result<(), Failure> {
        if !self.arrived.contains_key(&hour) {
            self.arrived.insert(hour, self.ports.arrived(hour).await?);
        }
        self.tally.creations = self.tally.creations.saturating_add(1);
        if self.arrived.get(&hour).is_some_and(|ids| ids.contains(id)) {
            return Ok(());
        }
        let by_history = match self.settled(event).await {
            Settled::Superseded => {
                self.tally.superseded = self.tally.superseded.saturating_add(1);
                return Ok(());
            }
            Settled::Last { by_history } => by_history,
            Settled::Unknown => false,
            Settled::Later => {
                let message = "no time is left to ask the history for a name".to_owned();
                return Err(Failure { kind: FailureKind::Transient, message });
            }
        };
        self.ports.send(record, by_history).await?;
        self.tally.missed = self.tally.missed.saturating_add(1);
        for noted in [&mut self.arrived, sent] {
            noted.entry(hour).or_default().insert(id.to_owned());
        }
        Ok(())
    }

    /// Whether the rules deliver such an event: of the services that are chosen, what is tagged; and who deploys stacks.
    fn is_delivered(&self, event: &Event) -> bool {
        if event.source == stacks::CLOUDFORMATION && stacks::calls().any(|call| call == event.name) {
            return true;
        }
        let Some((service, rows)) = table::rows(&event.source, &event.name) else { return false };
        let is_tagged = |row: &table::Row| row.opt_in.is_none() || self.settings.also_tags(row.resource_type);
        tier(service.name) <= self.sweep.services && rows.iter().any(|row| row.creates() && is_tagged(row))
    }

    /// Asks the history about names, as `aws-tags redrive` does.
    async fn settled(&mut self, event: &Event) -> Settled {
        let mut by_history = false;
        for resource in unsettled(event, self.now) {
            if !has_creations_of(&resource) {
                return Settled::Unknown;
            }
            let mut told = Vec::new();
            for question in questions(event, &resource, self.now) {
                match self.ask(question).await {
                    Some(events) => told.extend(events),
                    None if self.may_come_again => return Settled::Later,
                    None => return Settled::Unknown,
                }
            }
            if let Bearer::OfAnother(_) = bearer(event, &resource, &told) {
                return Settled::Superseded;
            }
            by_history = true;
        }
        Settled::Last { by_history }
    }

    /// What the history says, each thing once; `None` where it does not answer in time.
    async fn ask(&mut self, question: Question) -> Option<Vec<Event>> {
        let question = Question { since: question.since.min(self.from), ..question };
        let key = (question.region.clone(), question.event_name.clone());
        if let Some((_, events)) = self.history.get(&key).filter(|(since, _)| *since <= question.since) {
            return Some(events.clone());
        }
        if !self.ports.has_time() {
            return None;
        }
        let events = self.ports.history(&question).await.ok()?;
        self.history.insert(key, (question.since, events.clone()));
        Some(events)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { creations, missed, superseded } = self;
        write!(f, "{creations} creations, {missed} missed by events")?;
        match superseded {
            0 => Ok(()),
            count => write!(f, ", {count} more whose resource was created again since"),
        }
    }
}
