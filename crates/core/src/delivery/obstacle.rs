//! What keeps an event from being done, and how long it may.

use time::{Duration, OffsetDateTime};

use crate::ports::{Failure, FailureKind};
use crate::record::NotAnEvent;
use crate::tagging::Unfinished;

/// What keeps an event from being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    pub reason: Reason,
    /// The same in full, with AWS's own words: no tag values of ours, but names and ARNs.
    pub message: String,
    pub over: Over,
}

/// When an obstacle is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Sometime,
    /// At any time, but by then for sure.
    By(OffsetDateTime),
    /// Then, and no sooner.
    At(OffsetDateTime),
}

/// Why an event is not done, in one word: the log, dead letters and `redrive` count by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The message is no CloudTrail event.
    NotAnEvent,
    /// The record does not name all that was created.
    Unresolvable,
    /// A resource's name may be another's by now: `redrive` asks CloudTrail's history.
    Late,
    /// AWS refuses the request as it is.
    Refused,
    /// A permission is missing.
    Denied,
    /// A resource is not there, or not there yet.
    NotFound,
    /// A resource is not in a state in which it can be tagged.
    NotReady,
    /// Another event tags the resource first.
    InTurn,
    /// The caller's session is young, and its record may still come.
    SessionPending,
    /// The resource for which a service created it has no owner yet.
    ParentPending,
    /// The session-recorder has not kept up: a record may be missing.
    SessionUnknown,
    /// AWS is asked too often.
    Throttled,
    /// AWS failed inside, or did not answer.
    Unavailable,
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnEvent => "not-an-event",
            Self::Unresolvable => "unresolvable",
            Self::Late => "late",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::NotReady => "not-ready",
            Self::InTurn => "in-turn",
            Self::SessionPending => "session-pending",
            Self::ParentPending => "parent-pending",
            Self::SessionUnknown => "session-unknown",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
        }
    }

    /// How long an event is tried for this reason. What only people can mend is not tried again: they
    /// shall know at once.
    pub const fn patience(self) -> Duration {
        match self {
            Self::NotAnEvent | Self::Unresolvable | Self::Late | Self::Refused | Self::Denied => {
                Duration::ZERO
            }
            Self::NotFound
            | Self::NotReady
            | Self::InTurn
            | Self::SessionPending
            | Self::ParentPending
            | Self::SessionUnknown
            | Self::Throttled
            | Self::Unavailable => Duration::DAY,
        }
    }
}

impl From<FailureKind> for Reason {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::NotFound => Self::NotFound,
            FailureKind::Throttled => Self::Throttled,
            FailureKind::Transient => Self::Unavailable,
            FailureKind::InTurn => Self::InTurn,
            FailureKind::Denied => Self::Denied,
            FailureKind::Refused => Self::Refused,
            FailureKind::Other => Self::NotReady,
        }
    }
}

impl From<&Unfinished> for Obstacle {
    fn from(reason: &Unfinished) -> Self {
        let over = match reason {
            Unfinished::SessionPending { until, soon: true, .. }
            | Unfinished::ParentPending { until, .. } => Over::By(*until),
            Unfinished::SessionPending { until, soon: false, .. } => Over::At(*until),
            _ => Over::Sometime,
        };
        let word = match reason {
            Unfinished::Unresolvable(_) | Unfinished::Missing(_) => Reason::Unresolvable,
            Unfinished::Late(_) => Reason::Late,
            Unfinished::SessionUnknown(_) => Reason::SessionUnknown,
            Unfinished::SessionPending { .. } => Reason::SessionPending,
            Unfinished::ParentPending { .. } => Reason::ParentPending,
            Unfinished::IamTags { failure, .. }
            | Unfinished::Session { failure, .. }
            | Unfinished::Parent { failure, .. }
            | Unfinished::Memory { failure, .. }
            | Unfinished::Lookup { failure, .. }
            | Unfinished::Resource { failure, .. }
            | Unfinished::Sweep(failure) => failure.kind.into(),
        };
        Self { reason: word, message: reason.to_string(), over }
    }
}

impl From<&Failure> for Obstacle {
    fn from(failure: &Failure) -> Self {
        Self { reason: failure.kind.into(), message: failure.to_string(), over: Over::Sometime }
    }
}

impl From<&NotAnEvent> for Obstacle {
    fn from(why: &NotAnEvent) -> Self {
        Self { reason: Reason::NotAnEvent, message: why.to_string(), over: Over::Sometime }
    }
}
