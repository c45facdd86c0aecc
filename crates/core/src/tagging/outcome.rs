//! What became of an event, and of each resource that it created.

use std::fmt;

use time::OffsetDateTime;

use crate::effect::Effect;
use crate::identity::{Principal, SessionMatch};
use crate::ports::{Failure, FailureKind};
use crate::record::{Arn, Event, timestamp};
use crate::stacks::Deploy;
use crate::sweep::Swept;
use crate::table::{LocateError, Lookup, Resource, Route};
use crate::tags::{Tag, TagMap};

use super::merge::{DropReason, Dropped, Merged};
use super::parent::Parent;

/// One event and what became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the call did.
    pub effect: Effect,
    /// Who made the call.
    pub principal: Principal,
    /// What was done about it.
    pub handling: Handling,
}

/// What was done about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Nothing, as it is not a creation: the effect says what it is.
    NotACreation,
    /// Nothing, for good.
    Skipped(EventSkip),
    /// Nothing, as the record does not name what was created. The event is kept for redrive.
    Unresolvable,
    /// It is a heartbeat, at which the session-recorders are looked after.
    LookedAfter(Recorders),
    /// It is a message of a sweep.
    Swept(Box<Swept>),
    /// Its resources were tagged, or tried to.
    Tagging(Box<Tagging>),
}

/// Whether the session-recorders keep up, by their own heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorders {
    /// All do, or none is watched.
    KeepUp,
    /// One has recorded nothing since.
    Behind(OffsetDateTime),
    /// The session table does not answer.
    Unknown(Failure),
}

/// How the resources of one event were tagged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tagging {
    /// The principal's session.
    pub session: SessionMatch,
    /// What a service created them for, where that is known.
    pub parent: Option<Parent>,
    /// The deploy that is remembered, with these tags.
    pub deploy: Option<Deploy>,
    /// The tags of the principal, with their sources.
    pub merged: Merged,
    /// Every resource, in the record's order, then the looked-up ones.
    pub resources: Vec<ResourceOutcome>,
    /// What was looked up, or would be.
    pub lookups: Vec<Lookup>,
    /// Why the event as a whole must be handled again: a young session, an unanswered lookup, …
    pub unfinished: Vec<Unfinished>,
}

/// One resource and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceOutcome {
    pub resource: Resource,
    /// The tags that it got, or should have got.
    pub tags: Vec<Tag>,
    /// Tags that it did not get.
    pub dropped: Vec<Dropped>,
    /// The tags that the record shows on it.
    pub shown: TagMap,
    /// The route by which it was tagged, once it is.
    pub by: Option<Route>,
    /// Whether the tagging API refused it before.
    pub refused_by_tagging_api: bool,
    pub result: TagResult,
}

/// What became of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagResult {
    Tagged,
    /// It is left alone, for good.
    Skipped(ResourceSkip),
    /// It may be another resource of the same name by now: only CloudTrail's history can tell.
    Late,
    /// It must be tried again.
    Failed(Failure),
}

/// Why a creation is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventSkip {
    /// The record says nothing about the caller.
    #[error("the record names no principal")]
    NoPrincipal,
    /// Neither the record nor its envelope names the account of the resources.
    #[error("the record names no account")]
    NoAccount,
    /// The record, or its envelope, belongs to another account.
    #[error("account {0} is not served")]
    OtherAccount(String),
    /// The envelope says that AWS did not send it.
    #[error("the event's source is `{0}`, not `aws.…`")]
    NotFromAws(String),
    /// Excluded by the settings, or our own role.
    #[error("the principal is excluded")]
    ExcludedPrincipal,
    /// Somebody asked for that.
    #[error("the {0} carries the skip mark")]
    SkipMark(Carrier),
    /// Created by an AWS service on its own, which the settings skip.
    #[error("{0} created it on its own")]
    ServiceCreated(String),
}

/// What of an event carries the skip mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Request,
    Role,
    User,
    Session,
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Request => "request",
            Self::Role => "role",
            Self::User => "user",
            Self::Session => "session",
        })
    }
}

/// Why a resource is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceSkip {
    /// Its type is tagged only where `ALSO_TAG` names it.
    #[error("left alone by default: {0}")]
    OptIn(&'static str),
    /// Somebody asked for that.
    #[error("the resource carries the skip mark")]
    SkipMark,
    /// There is nothing to add.
    #[error("there is nothing to add")]
    NothingToAdd,
    /// It is surely not the resource that the event created.
    #[error("not ours: {0}")]
    NotOurs(NotOurs),
    /// The call answers for what is there already, and what is there has tags that it did not set.
    #[error("it may be older than the event, and has tags that the request does not explain")]
    MayBeOlder,
    /// It was deleted before it could be tagged.
    #[error("gone: {0}")]
    Gone(Failure),
}

/// Why a resource is not the one that the event created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    #[error("it is older than the event")]
    Older,
    #[error("another principal created it since")]
    OthersMark,
}

/// Why an event must be handled again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    #[error("unresolvable: {0}")]
    Unresolvable(String),
    /// Some of what the call created is not where the record should name it.
    #[error("{0}")]
    Missing(LocateError),
    #[error("IAM tags of {name}: {failure}")]
    IamTags { name: String, failure: Failure },
    #[error("session of {id}: {failure}")]
    Session { id: String, failure: Failure },
    #[error("session of {id} is not recorded yet")]
    SessionPending {
        id: String,
        /// When it is certain.
        until: OffsetDateTime,
        /// Whether it may be sooner, as soon as its record is there.
        soon: bool,
    },
    /// The recorder has not kept up: the session may have been recorded otherwise.
    #[error("session of {0} is not known: the session-recorder has not kept up")]
    SessionUnknown(String),
    #[error("{parent} has no owner yet")]
    ParentPending {
        parent: String,
        /// Until when it should have one.
        until: OffsetDateTime,
    },
    #[error("tags of {parent}: {failure}")]
    Parent { parent: String, failure: Failure },
    #[error("memory of {what}: {failure}")]
    Memory { what: String, failure: Failure },
    #[error("{resource_type}: {failure}")]
    Lookup { resource_type: &'static str, failure: Failure },
    #[error("{arn}: {failure}")]
    Resource { arn: Arn, failure: Failure },
    /// `aws-tags redrive` asks the history.
    #[error("late: another resource may be {0} by now")]
    Late(Arn),
    #[error("sweep: {0}")]
    Sweep(Failure),
}

impl Outcome {
    /// What became of a sweep's message.
    pub fn swept(event: &Event, swept: Swept) -> Self {
        let handling = Handling::Swept(Box::new(swept));
        Self { effect: Effect::of(event), principal: Principal::of(event), handling }
    }

    /// How its resources were tagged, if it created any and was not left alone.
    pub fn tagging(&self) -> Option<&Tagging> {
        match &self.handling {
            Handling::Tagging(tagging) => Some(tagging),
            _ => None,
        }
    }

    /// What became of it, in a word, for logs and output: what is worst of its resources.
    pub fn as_str(&self) -> &'static str {
        let tagging = match &self.handling {
            Handling::NotACreation | Handling::LookedAfter(_) => return self.effect.as_str(),
            Handling::Swept(swept) => return swept.as_str(),
            Handling::Skipped(_) => return "skipped",
            Handling::Unresolvable => return "unresolvable",
            Handling::Tagging(tagging) => tagging,
        };
        let any =
            |matches: fn(&TagResult) -> bool| tagging.resources.iter().any(|made| matches(&made.result));
        match () {
            () if any(|result| matches!(result, TagResult::Failed(_))) => "failed",
            () if any(|result| *result == TagResult::Late) => "late",
            () if any(|result| *result == TagResult::Tagged) => "tagged",
            () if tagging.deploy.is_some() && tagging.resources.is_empty() => self.effect.as_str(),
            () if tagging.resources.is_empty() => "not-found",
            () => "left-alone",
        }
    }

    /// Every resource and what became of it.
    pub fn resources(&self) -> &[ResourceOutcome] {
        self.tagging().map_or(&[], |tagging| &tagging.resources)
    }

    /// Whether another event that was handled at the same time tags one of its resources first.
    pub fn waits_its_turn(&self) -> bool {
        let in_turn = |made: &ResourceOutcome| matches!(&made.result, TagResult::Failed(failure) if failure.kind == FailureKind::InTurn);
        self.resources().iter().any(in_turn)
    }

    /// Every reason to handle the event again; none when all is done.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        match &self.handling {
            Handling::NotACreation | Handling::Skipped(_) | Handling::LookedAfter(_) => Vec::new(),
            Handling::Swept(swept) => match swept.as_ref() {
                Swept::Failed(failure) => vec![Unfinished::Sweep(failure.clone())],
                // What is not looked up must not go unnoticed.
                Swept::Refused(refusal) => {
                    let failure = Failure { kind: FailureKind::Refused, message: refusal.to_string() };
                    vec![Unfinished::Sweep(failure)]
                }
                Swept::Off | Swept::Begun(_) | Swept::Divided { .. } | Swept::LookedUp { .. } => Vec::new(),
            },
            Handling::Unresolvable => {
                let reason = self.effect.unresolvable().unwrap_or_default();
                vec![Unfinished::Unresolvable(reason.into_owned())]
            }
            Handling::Tagging(tagging) => {
                let failed = tagging.resources.iter().filter_map(ResourceOutcome::unfinished);
                tagging.unfinished.iter().cloned().chain(failed).collect()
            }
        }
    }
}

impl Recorders {
    /// Why they do not keep up; nothing if they do.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::KeepUp => None,
            Self::Behind(since) => {
                Some(format!("a session-recorder has recorded nothing since {}", timestamp::format(*since)))
            }
            Self::Unknown(failure) => Some(format!("session table: {failure}")),
        }
    }
}

impl ResourceOutcome {
    /// Moves tags that AWS refused to those that it does not get.
    pub(super) fn drop_refused(&mut self, refused: Vec<(String, String)>) {
        for (key, reason) in refused {
            let found = self.tags.iter().position(|tag| tag.key == key);
            if let Some(source) = found.map(|nth| self.tags.remove(nth).source) {
                self.dropped.push(Dropped { key, source, reason: DropReason::Refused(reason) });
            }
        }
    }

    fn unfinished(&self) -> Option<Unfinished> {
        match &self.result {
            TagResult::Failed(failure) => {
                Some(Unfinished::Resource { arn: self.resource.arn.clone(), failure: failure.clone() })
            }
            TagResult::Late => Some(Unfinished::Late(self.resource.arn.clone())),
            TagResult::Tagged | TagResult::Skipped(_) => None,
        }
    }
}

impl TagResult {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tagged => "tagged",
            Self::Skipped(_) => "skipped",
            Self::Late => "late",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it is not tagged.
    pub fn reason(&self) -> Option<String> {
        let reason: &dyn fmt::Display = match self {
            Self::Tagged => return None,
            Self::Skipped(skip) => skip,
            Self::Late => &"another resource may have its name by now",
            Self::Failed(failure) => failure,
        };
        Some(reason.to_string())
    }
}
