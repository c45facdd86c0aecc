//! What is swept, and what that takes from outside.

use super::arrivals::{Hour, Ids};
use super::part::Part;
use super::span::Mark;
use crate::deployment::Tier;
use crate::history::Question;
use crate::ports::Failure;
use crate::record::Event;

/// What a sweep needs from outside.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait SweepPorts {
    /// The next page of a part's history, the latest record first.
    async fn page(&self, part: &Part) -> Result<Answer, Failure>;
    /// The events of a question to the history.
    async fn history(&self, question: &Question) -> Result<Vec<Event>, Failure>;
    /// The ids of creation events of an hour that have arrived.
    async fn arrived(&self, hour: Hour) -> Result<Ids, Failure>;
    /// Notes that events of an hour have arrived; again, it changes nothing.
    async fn note(&self, hour: Hour, ids: &Ids) -> Result<(), Failure>;
    /// How far the history was swept.
    async fn mark(&self) -> Result<Option<Mark>, Failure>;
    async fn set_mark(&self, mark: Mark) -> Result<(), Failure>;
    /// Sends a message to the handler's own queue; of an event, whether the history has no later creation.
    async fn send(&self, body: &str, is_last_of_its_name: bool) -> Result<(), Failure>;
    /// Whether there is time for another page in this invocation.
    fn has_time(&self) -> bool;
}

/// What the history answers.
#[derive(Debug)]
pub enum Answer {
    /// Records as JSON, and with what the next page is asked for, if there is one.
    Page { records: Vec<String>, next: Option<String> },
    /// The part's token is taken no more.
    OldToken,
}

/// What is swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Regions whose history is looked up.
    pub regions: Vec<String>,
    /// Services whose events the rules deliver: what else is created, nobody has missed.
    pub services: Tier,
}
