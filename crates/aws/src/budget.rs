//! The time that an invocation has left: whatever waits, waits no longer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use aws_tags::identity::{IamIdentity, Session, SessionKey};
use aws_tags::ports::{Batch, Failure, FailureKind, IamEntity, Lookups, PrincipalTags, SessionStore, Tagger};
use aws_tags::stacks::{Deploy, Shelf};
use aws_tags::table::operation::Found;
use aws_tags::table::{Lookup, Read, Resource, Route};
use aws_tags::tags::TagMap;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

/// When the invocation under way must answer. All clones share it.
///
/// What is asked before tagging has only a part of the time: a silent service must not keep the resources
/// of others from being tagged.
#[derive(Clone, Debug, Default)]
pub struct Budget(Rc<Cell<Option<Deadlines>>>);

#[derive(Clone, Copy, Debug)]
struct Deadlines {
    asking: Instant,
    tagging: Instant,
}

/// Parts of the time, in tenths, in which everything is asked that tagging needs.
const ASKING: u32 = 6;

impl Budget {
    /// Begins an invocation that must answer by then, if there is a limit.
    pub fn begin(&self, deadline: Option<Instant>) {
        self.0.set(deadline.map(|tagging| {
            let now = Instant::now();
            let share = tagging.saturating_duration_since(now) / 10 * ASKING;
            Deadlines { asking: now.checked_add(share).unwrap_or(tagging), tagging }
        }));
    }

    /// What a call before tagging gives, if it ends in time.
    pub async fn ask<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        bound(self.0.get().map(|deadlines| deadlines.asking), call).await
    }

    /// Whether so much time is left for asking.
    pub fn leaves_for_asking(&self, time: Duration) -> bool {
        self.0
            .get()
            .is_none_or(|deadlines| Instant::now().checked_add(time).is_some_and(|at| at < deadlines.asking))
    }

    /// Whether a call that begins then can end in this invocation.
    pub(crate) fn has_room_at(&self, at: Instant) -> bool {
        self.0.get().is_none_or(|deadlines| at < deadlines.tagging)
    }

    /// What the last call gives, if it ends in time.
    pub(crate) async fn end<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        bound(self.0.get().map(|deadlines| deadlines.tagging), call).await
    }
}

async fn bound<T>(
    deadline: Option<Instant>,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match deadline {
        None => call.await,
        Some(deadline) => timeout_at(deadline, call).await.unwrap_or_else(|_| Err(out_of_time())),
    }
}

/// A result for each of several resources; where the call did not end, each has failed.
fn each<T>(count: usize, all: Result<Vec<Result<T, Failure>>, Failure>) -> Vec<Result<T, Failure>> {
    all.unwrap_or_else(|failure| (0..count).map(|_| Err(failure.clone())).collect())
}

fn out_of_time() -> Failure {
    Failure { kind: FailureKind::Transient, message: "no time left in this invocation".into() }
}

/// A port whose calls end within the budget.
#[derive(Debug)]
pub struct Bounded<T> {
    inner: T,
    budget: Budget,
}

impl<T> Bounded<T> {
    pub fn new(inner: T, budget: &Budget) -> Self {
        Self { inner, budget: budget.clone() }
    }
}

impl<T: SessionStore> SessionStore for Bounded<T> {
    async fn put(&self, session: &Session) -> Result<(), Failure> {
        self.budget.end(self.inner.put(session)).await
    }

    async fn find(
        &self,
        key: &SessionKey,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure> {
        self.budget.ask(self.inner.find(key, window)).await
    }

    async fn beat(&self, recorder: &str, at: OffsetDateTime) -> Result<(), Failure> {
        self.budget.end(self.inner.beat(recorder, at)).await
    }

    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure> {
        self.budget.ask(self.inner.recorded_until()).await
    }

    fn is_whole(&self) -> bool {
        self.inner.is_whole()
    }

    async fn remember(&self, deploy: &Deploy) -> Result<(), Failure> {
        self.budget.ask(self.inner.remember(deploy)).await
    }

    async fn deploys(
        &self,
        shelf: &Shelf,
        window: (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure> {
        self.budget.ask(self.inner.deploys(shelf, window, most)).await
    }
}

impl<T: PrincipalTags> PrincipalTags for Bounded<T> {
    async fn entity(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Failure> {
        self.budget.ask(self.inner.entity(identity)).await
    }
}

impl<T: Lookups> Lookups for Bounded<T> {
    async fn look_up(&self, lookup: &Lookup, created: Option<OffsetDateTime>) -> Result<Vec<Found>, Failure> {
        self.budget.ask(self.inner.look_up(lookup, created)).await
    }
}

impl<T: Tagger> Tagger for Bounded<T> {
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>> {
        let all = self.budget.end(async { Ok(self.inner.tag(batch).await) }).await;
        each(batch.resources.len(), all)
    }

    async fn read(&self, read: Read, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        let all = self.budget.ask(async { Ok(self.inner.read(read, region, resources).await) }).await;
        each(resources.len(), all)
    }

    async fn parent_tags(&self, parent: &Resource) -> Result<Option<TagMap>, Failure> {
        self.budget.ask(self.inner.parent_tags(parent)).await
    }

    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        self.budget.ask(self.inner.creation_time(resource)).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(future)
    }

    #[test]
    fn what_does_not_end_in_time_fails_and_passes() {
        let budget = Budget::default();
        let later = async || {
            tokio::task::yield_now().await;
            Ok(7)
        };
        run(async {
            assert_eq!(budget.ask(later()).await, Ok(7), "no invocation is under way");
            budget.begin(Some(Instant::now() + Duration::from_secs(3600)));
            assert_eq!(budget.ask(later()).await, Ok(7));
            budget.begin(Some(Instant::now() + Duration::from_millis(20)));
            let failure = budget.ask(pending::<Result<u8, _>>()).await.expect_err("it never ends");
            assert_eq!(failure.kind, FailureKind::Transient);
            assert_eq!(budget.end(async { Ok(8) }).await, Ok(8), "what is there needs no time");
            let failure = budget.end(pending::<Result<u8, _>>()).await.expect_err("it never ends");
            assert_eq!(each::<u8>(3, Err(failure)).len(), 3);
        });
    }

    #[test]
    fn asking_ends_before_tagging() {
        let budget = Budget::default();
        let (begun, end) = (Instant::now(), Instant::now() + Duration::from_secs(100));
        budget.begin(Some(end));
        let deadlines = budget.0.get().expect("an invocation is under way");
        assert_eq!(deadlines.tagging, end);
        assert!(budget.has_room_at(deadlines.asking) && !budget.has_room_at(end));
        // The time left is taken a little after it has begun.
        let asking = deadlines.asking - begun;
        assert!((59..100).contains(&asking.as_secs()), "six tenths: {asking:?}");
    }
}
