//! Claims: what one record says of one resource. Of these the planner makes lines of the plan, once it has seen all that
//! any record says of the same ARN.

use serde::{Deserialize, Serialize};

use super::plan::{Origin, PlannedTag};
use super::verdict::Doubt;
use crate::identity::SessionMatch;
use crate::record::Event;
use crate::table::Answered;
use crate::tagging::{
    DropReason, Handling, Outcome, Parent, ResourceOutcome, ResourceSkip, TagResult, Tagging, Unfinished,
};
use crate::tags::{TagMap, TagSource};

/// What a record says of a resource that its call created, or answered for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub arn: String,
    #[serde(rename = "type")]
    pub resource_type: String,
    pub account: String,
    /// The Region in which it is tagged.
    pub region: String,
    /// `eventSource`.
    pub source: String,
    /// `awsRegion` of the record: that of a global resource's ending, too.
    pub called_in: String,
    pub unique: bool,
    pub answered: Said,
    pub event: Origin,
    /// The caller's session, where it is known.
    pub session: Option<Origin>,
    /// The tags that it would get, the most important first.
    pub tags: Vec<PlannedTag>,
    /// The tags that the request set.
    pub shown: TagMap,
    /// The resource for which a service created it, where that has given it no tags: its owner is another's to tell.
    pub parent: Option<String>,
    /// Why the settings, or a skip mark, leave it alone.
    pub left: Option<String>,
    /// Why its tags are not certain, and that in words.
    pub doubt: Option<(Doubt, String)>,
    /// What a reader should know of its tags.
    pub note: Option<String>,
}

/// [`Answered`], as files of a run have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    New,
    NewOrOld,
    Old,
}

impl From<Answered> for Said {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::New => Self::New,
            Answered::NewOrOld => Self::NewOrOld,
            Answered::Old => Self::Old,
        }
    }
}

impl From<Said> for Answered {
    fn from(said: Said) -> Self {
        match said {
            Said::New => Self::New,
            Said::NewOrOld => Self::NewOrOld,
            Said::Old => Self::Old,
        }
    }
}

/// What the planner takes from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A claim for each resource, and how many are only to be found by asking AWS.
    Claims { claims: Vec<Claim>, to_look_up: usize },
    /// The record does not tell what the call created.
    Unresolvable(String),
    /// It created nothing that could be tagged, or is left alone for a reason that names no resource.
    Nothing,
}

/// The claims of an event, by what the functions would do about it. `session` is the record of a session, found by the
/// access key that STS issued.
pub fn claims(event: &Event, outcome: &Outcome, session: impl Fn(&str) -> Option<Origin>) -> Taken {
    let tagging = match &outcome.handling {
        Handling::Tagging(tagging) => tagging,
        Handling::Unresolvable => {
            let why = outcome.effect.reason().map(std::borrow::Cow::into_owned);
            return Taken::Unresolvable(why.unwrap_or_default());
        }
        Handling::Skipped(skip) => return skipped(event, outcome, &skip.to_string()),
        Handling::NotACreation | Handling::LookedAfter(_) | Handling::Swept(_) => return Taken::Nothing,
    };
    let session = match &tagging.session {
        SessionMatch::Found(found) => session(&found.access_key_id),
        _ => None,
    };
    let claim = |made: &ResourceOutcome| {
        let tags = made.tags.iter().map(PlannedTag::from).collect();
        let claim = Claim::of(event, caller(outcome), &made.resource);
        Claim {
            tags,
            shown: made.shown.clone(),
            session: session.clone(),
            parent: silent_parent(tagging),
            left: left(&made.result),
            doubt: doubt(tagging),
            note: note(tagging),
            ..claim
        }
    };
    let claims: Vec<Claim> = tagging.resources.iter().map(claim).collect();
    let told = tagging.resources.iter().filter(|made| made.resource.told.is_some()).count();
    Taken::Claims { claims, to_look_up: tagging.lookups.len().saturating_sub(told) }
}

/// Of an event that the settings leave alone, what it created is still the last of its name.
fn skipped(event: &Event, outcome: &Outcome, why: &str) -> Taken {
    let crate::Effect::Created(creation) = &outcome.effect else { return Taken::Nothing };
    let claim =
        |resource| Claim { left: Some(why.to_owned()), ..Claim::of(event, caller(outcome), resource) };
    Taken::Claims { claims: creation.resources.iter().map(claim).collect(), to_look_up: 0 }
}

impl Claim {
    /// That a record names it, by whom, and nothing of tags.
    pub fn of(event: &Event, by: Option<String>, resource: &crate::table::Resource) -> Self {
        Self {
            arn: resource.arn.to_string(),
            resource_type: resource.resource_type.to_owned(),
            account: event.account().unwrap_or_default().into_owned(),
            region: resource.region.clone(),
            source: event.source.clone(),
            called_in: event.region().to_owned(),
            unique: resource.unique,
            answered: resource.answered.into(),
            event: Origin::of(event, by),
            session: None,
            tags: Vec::new(),
            shown: TagMap::new(),
            parent: None,
            left: None,
            doubt: None,
            note: None,
        }
    }

    /// Who made the call and what would be written for it: two claims of which both are equal say the same.
    pub(super) fn by(&self) -> String {
        let tags: Vec<_> = self.tags.iter().flat_map(|tag| [tag.key.as_str(), &tag.value]).collect();
        format!("{}\n{}", self.event.by.as_deref().unwrap_or_default(), tags.join("\n"))
    }

    /// The owner that it would get.
    pub fn owner(&self) -> Option<&str> {
        let owner = self.tags.iter().find(|tag| tag.source == TagSource::Owner.as_str())?;
        Some(&owner.value)
    }
}

impl Origin {
    /// A record, and by whom.
    pub fn of(event: &Event, by: Option<String>) -> Self {
        let id = event.id().map(std::borrow::Cow::into_owned);
        Self { id, time: event.time(), name: event.name.clone(), by }
    }
}

/// The ARN of who made the call, or the service, or an id.
pub fn caller(outcome: &Outcome) -> Option<String> {
    let principal = &outcome.principal;
    let arn = principal.arn.clone().filter(|_| principal.service().is_none());
    arn.or_else(|| principal.service().map(str::to_owned)).or_else(|| principal.id.clone())
}

/// Whether nothing is left that could make the tags others.
pub(super) fn is_certain(tagging: &Tagging) -> bool {
    doubt(tagging).is_none() && silent_parent(tagging).is_none()
}

fn silent_parent(tagging: &Tagging) -> Option<String> {
    let parent = tagging.parent.as_ref()?;
    let is_from_parent = tagging.merged.tags.iter().any(|tag| tag.source == TagSource::Parent);
    (!is_from_parent).then(|| match parent {
        Parent::Resource { resource, .. } => resource.arn.to_string(),
        other => other.to_string(),
    })
}

fn left(result: &TagResult) -> Option<String> {
    match result {
        TagResult::Skipped(skip @ (ResourceSkip::OptIn(_) | ResourceSkip::SkipMark)) => {
            Some(skip.to_string())
        }
        _ => None,
    }
}

/// Nothing that comes after will make it certain: the whole history has been read.
fn doubt(tagging: &Tagging) -> Option<(Doubt, String)> {
    if tagging.session == SessionMatch::Ambiguous {
        return Some((Doubt::TwoSessions, "two sessions of the caller began in one second".to_owned()));
    }
    let is_about_tags = |reason: &&Unfinished| !matches!(reason, Unfinished::Missing(_));
    let reason = tagging.unfinished.iter().find(is_about_tags)?;
    Some((Doubt::NoAnswer, reason.to_string()))
}

fn note(tagging: &Tagging) -> Option<String> {
    let is_unknown = tagging.session == SessionMatch::Unknown;
    let is_withheld = tagging.merged.dropped.iter().any(|one| one.reason == DropReason::SessionUnknown);
    let missing =
        if is_withheld { "tags of its own and of IAM, over which those win, are" } else { "its tags are" };
    is_unknown.then(|| format!("the caller's session is not in the history: {missing} missing"))
}
