//! A record on its way: what was called, how far its record came, and how that ended.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;

use super::resources::Kind;
use super::session::Session;

/// Records have whole seconds, and clocks differ.
const AROUND: time::Duration = time::Duration::seconds(30);

/// A place that a record comes by, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Hop {
    /// The call whose record is followed.
    Call,
    #[serde(rename = "CloudTrail")]
    CloudTrail,
    /// The EventBridge rule of the Region, or of the home Region for what is forwarded.
    Rule,
    /// From another Region to the home Region's bus.
    Forwarder,
    Queue,
    /// The event source mapping, by which Lambda reads the queue.
    Mapping,
    Function,
    /// The session table.
    Table,
    Tags,
}

impl Hop {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::CloudTrail => "CloudTrail",
            Self::Rule => "rule",
            Self::Forwarder => "forwarder",
            Self::Queue => "queue",
            Self::Mapping => "mapping",
            Self::Function => "function",
            Self::Table => "table",
            Self::Tags => "tags",
        }
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Session,
    Resource(Kind),
}

impl What {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Resource(kind) => kind.as_str(),
        }
    }

    /// The service and the name of the call.
    pub(super) const fn call(self) -> (&'static str, &'static str) {
        match self {
            Self::Session => ("sts", "AssumeRole"),
            Self::Resource(kind) => kind.call(),
        }
    }
}

/// Where a record stopped, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) hop: Hop,
    pub(super) found: String,
    pub(super) todo: String,
}

impl Stop {
    pub(super) fn at(hop: Hop, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { hop, found: found.into(), todo: todo.into() }
    }
}

/// What a function's log says of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// `tagged`, `retry`, `given-up`, …
    pub(super) outcome: String,
    /// Why it is not done.
    pub(super) reasons: Vec<String>,
}

/// The end of a record's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Arrived,
    Stopped(Stop),
}

/// A record on its way.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    /// The Region of the call.
    pub(super) region: String,
    pub(super) what: What,
    /// The session's name, or what the resource is called.
    pub(super) name: String,
    /// How the resource is read and deleted, once it is made: a queue's URL, a group's id, a bucket's name.
    pub(super) id: Option<String>,
    /// The session that was started, or that made the resource.
    pub(super) session: Session,
    /// When the call was made, by our clock.
    at: OffsetDateTime,
    began: Instant,
    /// The hops at which it was seen, and after how long.
    pub(super) reached: BTreeMap<Hop, Duration>,
    /// The tags that the resource lacks.
    pub(super) missing: Vec<String>,
    pub(super) said: Option<Said>,
    pub(super) ended: Option<Ended>,
    /// Whether its end was shown.
    pub(super) is_shown: bool,
}

impl Trace {
    pub(super) fn new(what: What, session: &Session, name: String) -> Self {
        Self {
            region: session.region.clone(),
            what,
            name,
            id: None,
            session: session.clone(),
            at: OffsetDateTime::now_utc(),
            began: Instant::now(),
            reached: BTreeMap::new(),
            missing: Vec::new(),
            said: None,
            ended: None,
            is_shown: false,
        }
    }

    /// When its record says that the call was made, at the earliest and latest.
    pub(super) fn window(&self) -> (OffsetDateTime, OffsetDateTime) {
        (self.at.saturating_sub(AROUND), self.at.saturating_add(AROUND))
    }

    /// It was seen there; the first time counts.
    pub(super) fn reach(&mut self, hop: Hop) {
        self.reached.entry(hop).or_insert_with(|| self.began.elapsed());
    }

    /// The end of its way.
    pub(super) fn arrive(&mut self, hop: Hop) {
        self.reach(hop);
        self.ended = Some(Ended::Arrived);
    }

    pub(super) fn stop(&mut self, stop: Stop) {
        self.ended = Some(Ended::Stopped(stop));
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.ended.is_none()
    }

    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }
}
