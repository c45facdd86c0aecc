//! Packs resources into as few calls as the APIs allow.

use std::collections::BTreeMap;

use super::outcome::{Outcome, TagResult};
use crate::ports::Batch;
use crate::table::{Resource, Route};
use crate::tags::Tag;

/// `TagResources` takes 20 ARNs a call.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>
const ARNS_PER_CALL: usize = 20;
/// `CreateTags` takes 1,000 ids a call.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
const IDS_PER_CALL: usize = 1000;
/// A filter of `DescribeTags` takes 200 values.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
const IDS_PER_READ: usize = 200;

/// The position of a resource: the number of its event, and its own number within the event.
pub(super) type Slot = (usize, usize);

/// The batches, each with the slots of its resources, in their order. Resources that get the same
/// tags share calls, over all events.
pub(super) fn batches(outcomes: &[Outcome]) -> Vec<(Vec<Slot>, Batch)> {
    let mut groups: BTreeMap<(Route, &str, &[Tag]), Vec<Slot>> = BTreeMap::new();
    for (event, outcome) in outcomes.iter().enumerate() {
        for (nth, made) in outcome.resources().iter().enumerate() {
            if made.result == TagResult::Tagged {
                let key = (made.resource.route, made.resource.region.as_str(), made.tags.as_slice());
                groups.entry(key).or_default().push((event, nth));
            }
        }
    }
    let mut batches = Vec::new();
    for ((route, region, tags), slots) in groups {
        for slots in slots.chunks(per_call(route)) {
            let resource = |(event, nth): &Slot| outcomes[*event].resources()[*nth].resource.clone();
            let resources = slots.iter().map(resource).collect();
            let batch = Batch { route, region: region.to_owned(), tags: tags.to_vec(), resources };
            batches.push((slots.to_vec(), batch));
        }
    }
    batches
}

const fn per_call(route: Route) -> usize {
    match route {
        Route::Ec2CreateTags => IDS_PER_CALL,
        Route::TaggingApi => ARNS_PER_CALL,
        Route::S3Object | Route::TagOperation(_) => 1,
    }
}

/// Resources of one route and Region whose tags are read in one call.
pub(super) struct Read {
    pub(super) route: Route,
    pub(super) region: String,
    pub(super) slots: Vec<Slot>,
    pub(super) resources: Vec<Resource>,
}

/// The reads before what is to be tagged is written.
pub(super) fn reads(outcomes: &[Outcome]) -> Vec<Read> {
    let mut alike: BTreeMap<(Route, &str), Vec<Slot>> = BTreeMap::new();
    for (event, outcome) in outcomes.iter().enumerate() {
        for (nth, made) in outcome.resources().iter().enumerate() {
            if made.result == TagResult::Tagged && made.resource.route.is_readable() {
                let key = (made.resource.route, made.resource.region.as_str());
                alike.entry(key).or_default().push((event, nth));
            }
        }
    }
    let mut reads = Vec::new();
    for ((route, region), slots) in alike {
        for slots in slots.chunks(IDS_PER_READ) {
            let resource = |(event, nth): &Slot| outcomes[*event].resources()[*nth].resource.clone();
            let resources = slots.iter().map(resource).collect();
            reads.push(Read { route, region: region.to_owned(), slots: slots.to_vec(), resources });
        }
    }
    reads
}
