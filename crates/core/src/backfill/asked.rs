//! What AWS says of a resource of the plan, and what follows: pure.

use time::{Duration, OffsetDateTime};

use super::plan::{Guess, PlannedTag, State};
use super::verdict::{Open, Verdict};
use crate::ports::{Failure, FailureKind};
use crate::record::{Arn, timestamp};
use crate::settings::Settings;
use crate::table::{CreationTime, Read, Resource, of_type};
use crate::tagging::{DropReason, Mark, absent, brings_tags, is_marked, mark, without_reserved};
use crate::tags::{Tag, TagMap, TagSource};

/// A creation time that is further from the event than this is that of another creation.
const CREATED_WITHIN: Duration = Duration::minutes(15);

/// What AWS is asked about a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Nothing: the history has said it all.
    Nothing,
    /// Its tags, by which it is there or not.
    Tags,
    /// The same, and when it was created.
    TagsAndAge,
}

/// A resource as the table tags and reads it.
pub fn resource(verdict: &Verdict) -> Option<Resource> {
    let planned = &verdict.planned;
    let found = of_type(&planned.resource_type, Arn::parse(&planned.arn)?, &planned.region)?;
    Some(Resource { region: planned.region.clone(), ..found })
}

/// Whether the tags of a resource can be read: what only a lookup told is not told again.
pub const fn is_readable(resource: &Resource) -> bool {
    !matches!(resource.read, Read::Never | Read::Told(_))
}

/// What to ask about a resource.
pub fn asking(verdict: &Verdict, resource: &Resource) -> Asking {
    let tells_age = !resource.unique && resource.creation_time != CreationTime::Never;
    match (verdict.planned.state, verdict.open) {
        (State::Gone, _) if resource.unique => Asking::Nothing,
        (State::Gone, Open::Existence) => Asking::Tags,
        (State::Add | State::Complete, _) if tells_age => Asking::TagsAndAge,
        (State::Add | State::Complete, _) => Asking::Tags,
        (State::Unsure, Open::Age) if tells_age => Asking::TagsAndAge,
        _ => Asking::Nothing,
    }
}

/// Settles a verdict by the tags that a resource has, and by when it was created.
pub fn settle(
    settings: &Settings,
    mut verdict: Verdict,
    resource: &Resource,
    present: Result<TagMap, Failure>,
    created: Option<OffsetDateTime>,
) -> Verdict {
    let present = match present {
        Ok(present) => present,
        Err(failure) => {
            let is_gone = failure.kind == FailureKind::NotFound;
            let state = if is_gone { State::Gone } else { State::Unreadable };
            verdict.set(state, failure.message);
            return verdict;
        }
    };
    if verdict.open == Open::Existence {
        let ended = verdict.planned.why.clone().unwrap_or_default();
        verdict.set(State::Unsure, format!("{ended}, and made again since by somebody whom no record names"));
        return verdict;
    }
    if is_marked(settings, resource, &present) {
        verdict.set(State::Excluded, "the resource carries the skip mark".to_owned());
        return verdict;
    }
    if let Some(why) = contradicted(&verdict, resource, created) {
        verdict.set(State::Unsure, why);
        return verdict;
    }
    if verdict.open == Open::Age && !is_proved(&verdict, created) {
        return verdict;
    }
    let (tags, present) = (planned_tags(&verdict), without_reserved(&present));
    let brought = brings_tags(&verdict.planned.event.name);
    let is_others = mark(settings, resource, &tags, &present, &verdict.shown, brought) == Mark::Foreign;
    if is_others && !resource.unique {
        verdict.set(State::Unsure, "it has the mark of another creator".to_owned());
        return verdict;
    }
    verdict.keep(resource, &tags, &present);
    verdict
}

/// The tags that a verdict would add, the most important first.
fn planned_tags(verdict: &Verdict) -> Vec<Tag> {
    let tag = |tag: &PlannedTag| Tag {
        key: tag.key.clone(),
        value: tag.value.clone(),
        source: TagSource::parse(&tag.source).unwrap_or(TagSource::Extra),
    };
    verdict.planned.add.iter().map(tag).collect()
}

/// Why a creation time is not that of the event. S3's moves when the policy of a bucket is edited: it is only known
/// not to be later than it says.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html>
fn contradicted(verdict: &Verdict, resource: &Resource, created: Option<OffsetDateTime>) -> Option<String> {
    let (created, at) = (created?, verdict.planned.event.time?);
    let is_older = created.saturating_add(CREATED_WITHIN) < at;
    let moves = resource.creation_time == CreationTime::S3Bucket;
    let is_younger = !moves && created > at.saturating_add(CREATED_WITHIN);
    let says = || format!("AWS says that it was created at {}", timestamp::format(created));
    match (is_older, is_younger) {
        (true, _) => Some(format!("{}, before the event", says())),
        (_, true) => Some(format!("{}, after the event: no record names by whom", says())),
        _ => None,
    }
}

fn is_proved(verdict: &Verdict, created: Option<OffsetDateTime>) -> bool {
    let times = created.zip(verdict.planned.event.time);
    times.is_some_and(|(created, at)| {
        let earliest = at.saturating_sub(CLOCKS_DIFFER);
        (earliest..=at.saturating_add(CREATED_WITHIN)).contains(&created)
    })
}

/// Both times are cut to seconds, by clocks of two services. What is older by more was found by the call.
const CLOCKS_DIFFER: Duration = Duration::seconds(2);

impl Verdict {
    fn set(&mut self, state: State, why: String) {
        let owner = self.planned.add.iter().find(|tag| tag.source == TagSource::Owner.as_str());
        if state == State::Unsure && self.planned.guess.is_none() {
            let why = format!("by `{}`", self.planned.event.name);
            self.planned.guess = owner.map(|tag| Guess { owner: tag.value.clone(), why });
        }
        (self.planned.state, self.planned.why, self.open) = (state, Some(why), Open::Settled);
    }

    /// Takes what is present out of the tags to add.
    fn keep(&mut self, resource: &Resource, tags: &[Tag], present: &TagMap) {
        let (write, dropped) = absent(resource, tags, present);
        let is_kept = |key: &String| {
            dropped.iter().any(|one| one.reason == DropReason::Present && resource.same_key(&one.key, key))
        };
        let kept = present.iter().filter(|(key, _)| is_kept(key));
        self.planned.keep = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.planned.add = write.iter().map(PlannedTag::from).collect();
        let left_out = dropped.iter().find(|one| one.reason != DropReason::Present);
        // What made it unsure is proved.
        if self.open == Open::Age {
            (self.planned.why, self.planned.guess) = (None, None);
        }
        if let Some(one) = left_out {
            self.planned.why = Some(format!("without {}: {}", one.key, one.reason));
        }
        self.planned.state = if write.is_empty() { State::Complete } else { State::Add };
        self.open = Open::Settled;
    }
}
