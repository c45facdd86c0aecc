//! Reads the tags that resources have, and lets through what may be written to them.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use time::{Duration, OffsetDateTime};

use super::batch::{AT_ONCE, readings};
use super::decide::{Decision, Proof, Signs, decide, is_explained, mark, may_write};
use super::outcome::{Handling, NotOurs, Outcome, ResourceOutcome, ResourceSkip, TagResult, Tagging};
use crate::history::LATE_AFTER;
use crate::ports::{Failure, FailureKind, Tagger};
use crate::record::{Arn, Event};
use crate::settings::Settings;
use crate::table::{Age, Answered, CreationTime, Read, Resource};
use crate::tags::{Tag, TagMap, starts_reserved};

/// A resource that is not found may not be there yet; after this it is gone.
const APPEARS_WITHIN: Duration = Duration::minutes(10);
/// A resource this young has no tags but those that came with it.
const YOUNG_FOR: Duration = Duration::minutes(15);
/// How much younger: nobody deletes what was just created and creates another within so little time.
const CREATED_WITHIN: Duration = Duration::seconds(5);
/// Parts of the names of calls whose resources come with the tags of others.
const BRINGS_TAGS: &[&str] = &["Backup", "Clone", "Copy", "Restore", "Snapshot"];

/// An event, and when it is handled.
#[derive(Clone, Copy)]
struct Handled<'a> {
    event: &'a Event,
    now: OffsetDateTime,
}

/// Takes what is present out of the plans, and leaves alone what may be somebody else's.
pub(super) async fn keep_present<T: Tagger>(
    tagger: &T,
    settings: &Settings,
    now: &impl Fn(&Event) -> OffsetDateTime,
    events: &[&Event],
    outcomes: &mut [Outcome],
) {
    let keeps = settings.keep_existing || settings.skip_mark.is_some();
    let readings = readings(outcomes, |made| keeps || may_be_others(made));
    let calls = readings.iter().map(|(_, at)| tagger.read(at.read, &at.region, &at.resources));
    let results: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
    let slots = readings.into_iter().flat_map(|(slots, _)| slots);
    let read: Vec<_> = slots.zip(results.into_iter().flatten()).collect();
    let handled = |event: usize| Handled { event: events[event], now: now(events[event]) };
    // Proof costs a call, and few resources need it.
    let proofs = read.iter().map(|((event, nth), result)| {
        let (outcome, handled) = (&outcomes[*event], handled(*event));
        async move {
            let (Some(tagging), Ok(present)) = (outcome.tagging(), result) else {
                return Ok(Proof::NotAsked);
            };
            let made = &tagging.resources[*nth];
            match may_write(handled.signs(settings, &tagging.merged.tags, made, present, Proof::NotAsked)) {
                Decision::AskForProof => handled.proof(tagger, made).await,
                _ => Ok(Proof::NotAsked),
            }
        }
    });
    let proofs: Vec<_> = stream::iter(proofs).buffered(AT_ONCE).collect().await;
    for (((event, nth), present), proof) in read.into_iter().zip(proofs) {
        let Handling::Tagging(tagging) = &mut outcomes[event].handling else { continue };
        let Tagging { merged, resources, .. } = tagging.as_mut();
        let known = present.and_then(|present| Ok((present, proof?)));
        handled(event).settle(settings, &merged.tags, &mut resources[nth], known);
    }
}

/// Lets only one event of those that were read together write to a resource: the first, as each would have
/// read what the others write. A second delivery has nothing to add; what another principal would write
/// comes again, and then finds the mark of the first.
pub(super) fn write_once(events: &[&Event], outcomes: &mut [Outcome]) {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by_key(|event| events[*event].time());
    let mut written: HashMap<Arn, Vec<Tag>> = HashMap::new();
    for event in order {
        let Handling::Tagging(tagging) = &mut outcomes[event].handling else { continue };
        for made in tagging.resources.iter_mut().filter(|made| made.result == TagResult::Tagged) {
            match written.get(&made.resource.arn) {
                None => drop(written.insert(made.resource.arn.clone(), made.tags.clone())),
                Some(tags) if *tags == made.tags => {
                    made.result = TagResult::Skipped(ResourceSkip::NothingToAdd);
                }
                Some(_) => {
                    let message = "another event of this batch tags it first".to_owned();
                    made.result = TagResult::Failed(Failure { kind: FailureKind::InTurn, message });
                }
            }
        }
    }
}

/// "Not found" just after creation means "not yet"; later it means that the resource was deleted, and so it
/// is with a role or user.
pub(super) fn is_gone(failure: &Failure, event: &Event, now: OffsetDateTime) -> bool {
    let is_due = |at: OffsetDateTime| at.saturating_add(APPEARS_WITHIN) < now;
    failure.kind == FailureKind::NotFound && event.time().is_some_and(is_due)
}

/// Whether a resource has the skip mark, by the tags that are known of it.
pub(crate) fn is_marked(settings: &Settings, resource: &Resource, tags: &TagMap) -> bool {
    let same_key = |one: &str, other: &str| resource.same_key(one, other);
    settings.skip_mark.as_ref().is_some_and(|mark| mark.is_among(tags, same_key))
}

/// Whether a resource may be another than the event created, whatever the settings say of tags.
fn may_be_others(made: &ResourceOutcome) -> bool {
    !made.resource.unique || made.resource.answered != Answered::New
}

impl Handled<'_> {
    /// Decides by the tags of a resource and the proof of its age, or why they are not known.
    fn settle(
        self,
        settings: &Settings,
        planned: &[Tag],
        made: &mut ResourceOutcome,
        known: Result<(TagMap, Proof), Failure>,
    ) {
        let (present, proof) = match known {
            Ok(known) => known,
            Err(failure) if is_gone(&failure, self.event, self.now) => {
                made.result = TagResult::Skipped(ResourceSkip::Gone(failure));
                return;
            }
            Err(_) if self.is_surely_new(made) => return,
            Err(failure) => {
                made.result = TagResult::Failed(failure);
                return;
            }
        };
        if is_marked(settings, &made.resource, &present) {
            made.result = TagResult::Skipped(ResourceSkip::SkipMark);
            return;
        }
        made.result = match may_write(self.signs(settings, planned, made, &present, proof)) {
            Decision::Write => {
                let mut present = without_reserved(&present);
                present.extend(made.shown.clone());
                (made.tags, made.dropped) = decide(settings, &made.resource, planned, &present);
                match made.tags.is_empty() {
                    true => TagResult::Skipped(ResourceSkip::NothingToAdd),
                    false => TagResult::Tagged,
                }
            }
            Decision::Older => TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::Older)),
            Decision::OthersMark => TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::OthersMark)),
            Decision::MayBeOlder => TagResult::Skipped(ResourceSkip::MayBeOlder),
            Decision::Late | Decision::AskForProof => TagResult::Late,
        };
    }

    fn signs(
        self,
        settings: &Settings,
        planned: &[Tag],
        made: &ResourceOutcome,
        present: &TagMap,
        proof: Proof,
    ) -> Signs {
        let (resource, present) = (&made.resource, without_reserved(present));
        let brought = brings_tags(&self.event.name);
        Signs {
            unique: resource.unique,
            answered: resource.answered,
            mark: mark(settings, resource, planned, &present, &made.shown, brought),
            explained: is_explained(resource, &present, &made.shown),
            late: !self.is_younger_than(LATE_AFTER),
            proof: if self.event.is_last_of_its_name { Proof::Given } else { proof },
        }
    }

    async fn proof<T: Tagger>(self, tagger: &T, made: &ResourceOutcome) -> Result<Proof, Failure> {
        if made.resource.creation_time == CreationTime::Never {
            return Ok(Proof::None);
        }
        let created = tagger.creation_time(&made.resource).await?;
        let (Some(created), Some(at)) = (created, self.event.time()) else { return Ok(Proof::None) };
        Ok(match Age::of(created, at) {
            Age::Older => Proof::Older,
            // What a call has found may be as old as its session.
            Age::LittleOlder if made.resource.answered != Answered::New => Proof::None,
            // A newer one may be another resource, or a bucket whose policy was edited.
            _ if created > at.saturating_add(CREATED_WITHIN) => Proof::None,
            Age::LittleOlder | Age::Fits => Proof::Given,
        })
    }

    /// Whether a resource whose tags cannot be read has none but those that came with it.
    fn is_surely_new(self, made: &ResourceOutcome) -> bool {
        let resource = &made.resource;
        let is_new = resource.answered == Answered::New && (resource.unique || resource.read == Read::Never);
        is_new && self.is_younger_than(YOUNG_FOR)
    }

    fn is_younger_than(self, age: Duration) -> bool {
        self.event.time().is_some_and(|at| self.now <= at.saturating_add(age))
    }
}

/// Whether a call's resources come with the tags of others.
pub(crate) fn brings_tags(event_name: &str) -> bool {
    BRINGS_TAGS.iter().any(|part| event_name.contains(part))
}

/// The tags without AWS's own, which nobody else can set and which take no room.
pub(crate) fn without_reserved(tags: &TagMap) -> TagMap {
    tags.iter()
        .filter(|(key, _)| !starts_reserved(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
