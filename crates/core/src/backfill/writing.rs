//! What is written to a resource of the plan, and what is taken back: pure, by the tags that it has at that moment.
//!
//! A plan may be hours old. Only keys that are absent are written, whatever the plan saw; and a resource with a name
//! that got the mark of another creator since is somebody else's now.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::journal::LeftBecause;
use super::plan::Planned;
use crate::record::Arn;
use crate::settings::Settings;
use crate::table::{CreationTime, Read, Resource, of_type};
use crate::tagging::{DropReason, Mark, absent, is_marked, mark, without_reserved};
use crate::tags::{Tag, TagMap, TagSource};

/// A creation time this much later than the event is another creation. S3's moves when the policy of a bucket is
/// edited, so it says nothing.
const CREATED_WITHIN: Duration = Duration::minutes(15);

/// What is done to a resource now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It gets these tags; the keys besides are there already, or do not fit.
    Write { tags: Vec<Tag>, kept: Vec<String> },
    /// Nothing, for good.
    Leave(LeftBecause),
}

/// Why nothing can be done to a resource that a plan or journal names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("`{0}` is not an ARN")]
    NoArn(String),
    #[error("no call of the table creates `{0}`")]
    UnknownType(String),
    #[error("nothing reads the tags of `{0}`, so that they could not be kept")]
    Unreadable(String),
}

/// A resource as the table tags and reads it.
pub fn resource(arn: &str, resource_type: &str, region: &str) -> Result<Resource, Unusable> {
    let parsed = Arn::parse(arn).ok_or_else(|| Unusable::NoArn(arn.to_owned()))?;
    let found = of_type(resource_type, parsed, region);
    let found = found.ok_or_else(|| Unusable::UnknownType(resource_type.to_owned()))?;
    match found.read {
        // What only a lookup told is not told again.
        Read::Never | Read::Told(_) => Err(Unusable::Unreadable(resource_type.to_owned())),
        _ => Ok(Resource { region: region.to_owned(), ..found }),
    }
}

/// The tags that a plan would add, the most important first.
pub fn planned_tags(planned: &Planned) -> Vec<Tag> {
    let tag = |tag: &super::plan::PlannedTag| Tag {
        key: tag.key.clone(),
        value: tag.value.clone(),
        source: TagSource::parse(&tag.source).unwrap_or(TagSource::Extra),
    };
    planned.add.iter().map(tag).collect()
}

/// What to write to a resource that has these tags now.
pub fn to_write(settings: &Settings, resource: &Resource, planned: &Planned, present: &TagMap) -> Step {
    if is_marked(settings, resource, present) {
        return Step::Leave(LeftBecause::SkipMark);
    }
    let (tags, present) = (planned_tags(planned), without_reserved(present));
    // What the plan saw and kept says nothing new.
    let marked = mark(settings, resource, &tags, &present, &planned.keep, false);
    if marked == Mark::Foreign && !resource.unique {
        let keys = [settings.principal_id_tag.as_deref(), Some(settings.owner_tag.as_str())];
        let found = keys.into_iter().flatten().find_map(|key| {
            let is_new = !planned.keep.contains_key(key);
            present.get(key).filter(|_| is_new).map(|value| format!("{key} is `{value}`"))
        });
        return Step::Leave(LeftBecause::OthersMark(found.unwrap_or_default()));
    }
    let (write, dropped) = absent(resource, &tags, &present);
    let keys = |wanted: fn(&DropReason) -> bool| -> Vec<String> {
        dropped.iter().filter(|one| wanted(&one.reason)).map(|one| one.key.clone()).collect()
    };
    let kept = keys(|reason| matches!(reason, DropReason::Present));
    match write.is_empty() {
        false => Step::Write { tags: write, kept },
        true if kept.len() < tags.len() => {
            Step::Leave(LeftBecause::NoRoom(keys(|reason| !matches!(reason, DropReason::Present))))
        }
        true => Step::Leave(LeftBecause::Complete(kept)),
    }
}

/// Whether a resource must be asked for its age once more before it is written to: a name may be given again while a
/// plan lies.
pub fn asks_for_age(resource: &Resource, planned_at: OffsetDateTime, now: OffsetDateTime) -> bool {
    let is_old = now > planned_at.saturating_add(CREATED_WITHIN);
    is_old && !resource.unique && matches!(resource.creation_time, CreationTime::Operation(_))
}

/// Whether a creation time says that a resource is another than the plan means.
pub fn is_made_again(planned: &Planned, created: OffsetDateTime) -> bool {
    planned.event.time.is_some_and(|at| created > at.saturating_add(CREATED_WITHIN))
}

/// Which of the tags that we wrote are taken back from a resource that has these tags now, and what the others have
/// become: a value by somebody else, or none.
pub fn to_remove(written: &TagMap, present: &TagMap) -> (TagMap, BTreeMap<String, Option<String>>) {
    let (mut remove, mut others) = (TagMap::new(), BTreeMap::new());
    for (key, value) in written {
        match present.get(key) {
            Some(now) if now == value => drop(remove.insert(key.clone(), value.clone())),
            now => drop(others.insert(key.clone(), now.cloned())),
        }
    }
    (remove, others)
}

/// Which of the tags that we took back are put there again, and the keys that somebody else has set since.
pub fn to_put_back(resource: &Resource, removed: &TagMap, present: &TagMap) -> Step {
    let source = TagSource::Extra;
    let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone(), source };
    let tags: Vec<Tag> = removed.iter().map(tag).collect();
    let (write, dropped) = absent(resource, &tags, &without_reserved(present));
    let kept: Vec<String> = dropped.into_iter().map(|one| one.key).collect();
    match write.is_empty() {
        true => Step::Leave(LeftBecause::Complete(kept)),
        false => Step::Write { tags: write, kept },
    }
}
