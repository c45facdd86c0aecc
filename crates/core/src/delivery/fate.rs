//! Whether an event is done, comes again, or is given up.
//!
//! "Later" is a time: an event that cannot be done now is hidden in its queue, longer from attempt to
//! attempt. SQS itself would bring it back after the queue's visibility timeout, always the same, and
//! count attempts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use time::OffsetDateTime;

use super::Queued;
use super::obstacle::{Obstacle, Over, Reason};

/// Before the second attempt; each further one waits twice as long.
const FIRST: Duration = Duration::from_secs(30);
/// No longer than this between two attempts.
const LONGEST: Duration = Duration::from_secs(3600);
/// An event that was received so often is given up, whatever the reason: SQS would do it at 100, and say
/// no reason.
const MOST_ATTEMPTS: u32 = 90;
/// What was throttled in one invocation comes again one by one: the tightest quota that we know,
/// `tag:TagResources`, allows five calls a second for all processes.
const BETWEEN_THROTTLED: Duration = Duration::from_secs(1);

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// It comes again: from a queue after this time, else when Lambda tries again.
    Again(Option<Duration>),
    /// It becomes a dead letter.
    GivenUp(Reason),
}

impl Fate {
    /// What becomes of an event with these obstacles. `queued` is its message, if it comes from a queue, and
    /// `throttled` how many events of the invocation were throttled before it.
    pub fn of(obstacles: &[Obstacle], queued: Option<&Queued>, now: OffsetDateTime, throttled: u32) -> Self {
        let Some(first) = obstacles.first() else {
            return Self::Done;
        };
        let Some(queued) = queued else {
            return Self::Again(None);
        };
        let age = queued.since.map_or(time::Duration::ZERO, |at| between(at, now));
        let mut passing = obstacles.iter().filter(|obstacle| age < obstacle.reason.patience()).peekable();
        if passing.peek().is_none() || queued.attempt >= MOST_ATTEMPTS {
            let lasting = obstacles.iter().find(|obstacle| obstacle.reason.patience().is_zero());
            return Self::GivenUp(lasting.unwrap_or(first).reason);
        }
        let mut pause = pause(queued.pause(), passing.clone().map(|obstacle| obstacle.over), now);
        if passing.any(|obstacle| obstacle.reason == Reason::Throttled) {
            pause = pause.saturating_add(BETWEEN_THROTTLED.saturating_mul(throttled));
        }
        Self::Again(Some(pause))
    }
}

/// How long to wait for all that is in the way: not after it is surely over, and not before it can be.
fn pause(usual: Duration, overs: impl Iterator<Item = Over>, now: OffsetDateTime) -> Duration {
    let left =
        |at| Duration::try_from(between(now, at)).unwrap_or_default().saturating_add(Duration::from_secs(1));
    let pauses = overs.map(|over| match over {
        Over::Sometime => usual,
        Over::By(at) => usual.min(left(at)),
        Over::At(at) => left(at),
    });
    pauses.max().unwrap_or(usual)
}

/// The time from one instant to a later one.
fn between(from: OffsetDateTime, to: OffsetDateTime) -> time::Duration {
    time::Duration::seconds(to.unix_timestamp().saturating_sub(from.unix_timestamp()))
}

impl Queued {
    /// How long it is hidden after this attempt: a quarter more or less, so that events which failed
    /// together do not come again together.
    fn pause(&self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.attempt.saturating_sub(1).min(16)).min(LONGEST);
        let mut hasher = DefaultHasher::new();
        (&self.id, self.attempt).hash(&mut hasher);
        let share = u32::try_from(hasher.finish() % 501).unwrap_or_default();
        doubled / 1000 * (750 + share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn queued(id: &str, attempt: u32, age: time::Duration) -> Queued {
        Queued { id: id.into(), attempt, since: Some(NOW.saturating_sub(age)), ..Queued::default() }
    }

    fn obstacle(reason: Reason) -> Obstacle {
        Obstacle { reason, message: "why".into(), over: Over::Sometime }
    }

    fn fate(reasons: &[Reason], attempt: u32, age: time::Duration) -> Fate {
        let obstacles: Vec<_> = reasons.iter().map(|reason| obstacle(*reason)).collect();
        Fate::of(&obstacles, Some(&queued("a", attempt, age)), NOW, 0)
    }

    fn seconds(fate: &Fate) -> u64 {
        match fate {
            Fate::Again(Some(pause)) => pause.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pauses_grow_to_an_hour_and_differ() {
        for (attempt, middle) in [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (80, 3600)] {
            let pause = seconds(&fate(&[Reason::Unavailable], attempt, time::Duration::MINUTE));
            assert!((middle * 3 / 4..=middle * 5 / 4).contains(&pause), "{attempt}: {pause}");
        }
        let pause = |id: &str| queued(id, 8, time::Duration::ZERO).pause();
        let different: std::collections::HashSet<_> =
            (0..100).map(|id: u32| pause(&id.to_string())).collect();
        assert!(different.len() > 60, "{}", different.len());
    }

    #[test]
    fn what_does_not_pass_is_given_up_at_once_and_the_rest_after_a_day() {
        use Reason::{Denied, InTurn, Late, NotAnEvent, NotFound, NotReady, Refused, Unresolvable};
        use Reason::{SessionPending, Throttled, Unavailable};
        for reason in [NotAnEvent, Unresolvable, Late, Refused, Denied] {
            assert_eq!(fate(&[reason], 1, time::Duration::ZERO), Fate::GivenUp(reason));
        }
        for reason in [NotFound, NotReady, InTurn, SessionPending, Throttled, Unavailable] {
            assert!(matches!(fate(&[reason], 1, time::Duration::hours(23)), Fate::Again(_)), "{reason:?}");
            assert_eq!(fate(&[reason], 2, time::Duration::DAY), Fate::GivenUp(reason));
            assert_eq!(fate(&[reason], MOST_ATTEMPTS, time::Duration::HOUR), Fate::GivenUp(reason));
        }
        // While one thing may still pass, the event is not given up for another.
        assert!(matches!(fate(&[Denied, Throttled], 1, time::Duration::ZERO), Fate::Again(_)));
        assert_eq!(fate(&[Throttled, Denied], 2, time::Duration::DAY), Fate::GivenUp(Denied));
        assert_eq!(fate(&[], 99, time::Duration::WEEK), Fate::Done);
    }

    #[test]
    fn an_event_is_not_given_up_before_a_day_for_its_attempts() {
        let (mut age, mut attempt) = (0, 1);
        while age < 86_400 {
            age += queued("a", attempt, time::Duration::ZERO).pause().as_secs();
            attempt += 1;
        }
        assert!(attempt < MOST_ATTEMPTS, "{attempt}");
    }

    #[test]
    fn a_young_session_is_waited_for_no_longer_than_it_can_come() {
        let young = |left: time::Duration| Obstacle {
            over: Over::By(NOW.saturating_add(left)),
            ..obstacle(Reason::SessionPending)
        };
        let fate = |obstacles: &[Obstacle]| {
            Fate::of(obstacles, Some(&queued("a", 5, time::Duration::MINUTE)), NOW, 0)
        };
        assert_eq!(fate(&[young(time::Duration::seconds(40))]), Fate::Again(Some(Duration::from_secs(41))));
        assert!(seconds(&fate(&[young(time::Duration::HOUR)])) > 300);
        assert!(seconds(&fate(&[young(time::Duration::MINUTE), obstacle(Reason::Unavailable)])) > 300);
        // Nothing comes sooner: one more attempt is enough.
        let sure = |left| Obstacle { over: Over::At(NOW + left), ..obstacle(Reason::SessionPending) };
        assert_eq!(fate(&[sure(time::Duration::HOUR)]), Fate::Again(Some(Duration::from_secs(3601))));
        assert_eq!(fate(&[sure(time::Duration::SECOND)]), Fate::Again(Some(Duration::from_secs(2))));
    }

    #[test]
    fn what_was_throttled_together_comes_again_one_by_one() {
        let queued = queued("a", 1, time::Duration::ZERO);
        let pause = |reason, before| seconds(&Fate::of(&[obstacle(reason)], Some(&queued), NOW, before));
        assert_eq!(pause(Reason::Throttled, 9), pause(Reason::Throttled, 0) + 9);
        assert_eq!(pause(Reason::Unavailable, 9), pause(Reason::Unavailable, 0));
    }

    #[test]
    fn an_event_of_eventbridge_comes_when_lambda_tries_again() {
        assert_eq!(Fate::of(&[obstacle(Reason::Denied)], None, NOW, 0), Fate::Again(None));
    }
}
