//! Packs resources into as few calls as the APIs allow.

use std::collections::BTreeMap;

use super::outcome::{Outcome, ResourceOutcome, TagResult};
use crate::ports::Batch;
use crate::table::{Read, Resource, Route};

/// Events and calls of a group that are under way at once: enough to hide latency. How often AWS is called,
/// its client decides.
pub(super) const AT_ONCE: usize = 8;
/// Groups under way at once: all of a usual delivery.
pub(super) const GROUPS_AT_ONCE: usize = 16;

/// `TagResources` takes 20 ARNs a call.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>
const ARNS_PER_CALL: usize = 20;
/// `CreateTags` takes 1,000 ids a call.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
const IDS_PER_CALL: usize = 1000;
/// A filter of `DescribeTags` takes 200 values.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
const IDS_PER_READ: usize = 200;

/// Where a resource of a call stands: the number of its event, and its own within the event.
pub(super) type Slot = (usize, usize);

/// Resources of one Region whose tags are read in one call.
pub(super) struct Reading {
    pub(super) read: Read,
    pub(super) region: String,
    pub(super) resources: Vec<Resource>,
}

/// The reads that come before tagging, of the wanted resources, each with the slots of its resources, in
/// their order.
pub(super) fn readings(
    outcomes: &[Outcome],
    wanted: impl Fn(&ResourceOutcome) -> bool,
) -> Vec<(Vec<Slot>, Reading)> {
    let key =
        |made: &ResourceOutcome| wanted(made).then(|| (made.resource.read, made.resource.region.clone()));
    let mut readings = Vec::new();
    for ((read, region), slots) in grouped(outcomes, key) {
        for slots in slots.chunks(per_read(read)) {
            let (region, resources) = (region.clone(), resources(outcomes, slots));
            readings.push((slots.to_vec(), Reading { read, region, resources }));
        }
    }
    readings
}

const fn per_read(read: Read) -> usize {
    match read {
        Read::Ec2DescribeTags => IDS_PER_READ,
        Read::S3Bucket | Read::S3Object | Read::Operation(_) | Read::Told(_) | Read::Never => 1,
    }
}

/// The batches, each with the slots of its resources, in their order. Resources that get the same
/// tags share calls, over all events. Tag Editor's quotas:
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html>
pub(super) fn batches(outcomes: &[Outcome]) -> Vec<(Vec<Slot>, Batch)> {
    let mut batches = Vec::new();
    for ((Target { route, region }, tags), slots) in
        grouped(outcomes, |made| Some((Target::of(&made.resource), made.tags.as_slice())))
    {
        for slots in slots.chunks(per_call(route)) {
            let (region, resources) = (region.to_owned(), resources(outcomes, slots));
            let route = match (route, resources.as_slice()) {
                // The tagging API takes 5 calls a second. Alone, a resource goes by its service's own
                // operation, which has a quota of its own.
                (Route::TaggingApi(_), [Resource { route: Route::TaggingApi(Some(own)), .. }]) => {
                    Route::TagOperation(own)
                }
                _ => route,
            };
            batches.push((slots.to_vec(), Batch { route, region, tags: tags.to_vec(), resources }));
        }
    }
    batches
}

const fn per_call(route: Route) -> usize {
    match route {
        Route::Ec2CreateTags => IDS_PER_CALL,
        Route::TaggingApi(_) => ARNS_PER_CALL,
        Route::S3Object | Route::TagOperation(_) => 1,
    }
}

/// The API that a call goes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Target<'a> {
    route: Route,
    region: &'a str,
}

impl<'a> Target<'a> {
    fn of(resource: &'a Resource) -> Self {
        let route = match resource.route {
            // Services share the call; their own operations are for what it refuses.
            Route::TaggingApi(_) => Route::TaggingApi(None),
            other => other,
        };
        Self { route, region: &resource.region }
    }
}

/// The slots of what is to be tagged, by a key that those share which go into one call.
fn grouped<'a, K: Ord>(
    outcomes: &'a [Outcome],
    key: impl Fn(&'a ResourceOutcome) -> Option<K>,
) -> BTreeMap<K, Vec<Slot>> {
    let mut groups: BTreeMap<K, Vec<Slot>> = BTreeMap::new();
    for (event, outcome) in outcomes.iter().enumerate() {
        for (nth, made) in outcome.resources().iter().enumerate() {
            if made.result == TagResult::Tagged
                && let Some(key) = key(made)
            {
                groups.entry(key).or_default().push((event, nth));
            }
        }
    }
    groups
}

fn resources(outcomes: &[Outcome], slots: &[Slot]) -> Vec<Resource> {
    slots.iter().map(|(event, nth)| outcomes[*event].resources()[*nth].resource.clone()).collect()
}
