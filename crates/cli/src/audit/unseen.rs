//! Reads what inventories leave open: the tags of roles and users, and what the past created and no inventory shows.

use std::collections::{BTreeMap, BTreeSet};

use aws_tags::audit::{Inventory, InventorySource};
use aws_tags::ports::{Failure, FailureKind, Tagger};
use aws_tags::table::{Read, Resource, existing};
use aws_tags::tags::TagMap;
use futures_util::{StreamExt, stream};

use super::history::Past;
use super::inventory::{Collected, Found, Place};
use crate::console::{Progress, complain};

/// Calls that are under way at a time.
const AT_ONCE: usize = 8;
/// Values of a filter of `DescribeTags`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
const IDS_PER_CALL: usize = 200;
/// How often one is asked for that is throttled: each makes the next call come later.
const MOST_THROTTLED: usize = 20;

/// How reading ended.
#[derive(Default)]
struct Counts {
    found: BTreeMap<String, u64>,
    /// Without an operation that reads their tags.
    unreadable: u64,
    /// Without tags, and of a kind whose reader says nothing of existence.
    unsure: u64,
    failed: u64,
}

/// Reads what has no tags yet, and adds what the past knows and nothing shows.
pub(super) async fn read<T: Tagger>(
    tagger: &T,
    place: &Place,
    past: &BTreeMap<String, Past>,
    of_others: u64,
    collected: &mut Collected,
) {
    let shown = collected.found.values().filter(|found| found.tags.is_none());
    let shown: Vec<_> = shown.filter_map(|found| existing(found.arn.clone(), &found.region)).collect();
    let names: BTreeSet<String> = shown.iter().map(|resource| resource.arn.to_string()).collect();
    let unseen = past.values().filter_map(|past| past.resource.as_ref());
    let unseen = unseen.filter(|resource| is_wanted(place, collected, resource)).cloned();
    let mut counts = Counts::default();
    for (resource, result) in answers(tagger, shown.iter().cloned().chain(unseen).collect()).await {
        let is_new = !names.contains(resource.arn.as_str());
        match result {
            Ok(tags) if tags.is_empty() && resource.read == Read::Ec2DescribeTags && is_new => {
                counts.unsure = counts.unsure.saturating_add(1);
            }
            Ok(tags) => {
                if is_new {
                    let count = counts.found.entry(resource.region.clone()).or_default();
                    *count = count.saturating_add(1);
                }
                collected.found.insert(resource.arn.to_string(), found(resource, tags));
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {
                drop(collected.found.remove(resource.arn.as_str()));
            }
            Err(_) if matches!(resource.read, Read::Never | Read::Told(_)) => {
                counts.unreadable = counts.unreadable.saturating_add(1);
            }
            Err(failure) => {
                complain(&format!("{}: {failure}", resource.arn));
                counts.failed = counts.failed.saturating_add(1);
            }
        }
    }
    // A resource whose tags are not known is in no state.
    collected.found.retain(|_, found| found.tags.is_some());
    counts.say(place, past.is_empty(), of_others, collected);
}

/// Whether something that the past created is to be read: of this account, place and choice, and not shown or known
/// not to be there.
fn is_wanted(place: &Place, collected: &Collected, resource: &Resource) -> bool {
    let arn = place.spelt(resource.arn.clone());
    let is_ours = arn.account().is_empty() || arn.account() == place.account;
    let is_global = matches!(arn.region(), "" | "global") && arn.service() != "s3";
    let is_here = is_global || place.regions.contains(&resource.region);
    let region = if is_global { place.global() } else { &resource.region };
    let is_listed_whole = collected.whole.contains(&(region.to_owned(), resource.resource_type));
    is_ours
        && is_here
        && place.wants(arn.service())
        && !is_listed_whole
        && !collected.found.contains_key(arn.as_str())
}

fn found(resource: Resource, tags: TagMap) -> Found {
    let Resource { arn, region, resource_type, .. } = resource;
    Found { arn, tags: Some(tags), region, kind: resource_type.to_owned() }
}

/// The tags of each, by as few calls as their operations allow.
async fn answers<T: Tagger>(
    tagger: &T,
    resources: Vec<Resource>,
) -> Vec<(Resource, Result<TagMap, Failure>)> {
    let mut groups: BTreeMap<(Read, String), Vec<Resource>> = BTreeMap::new();
    for resource in resources {
        groups.entry((resource.read, resource.region.clone())).or_default().push(resource);
    }
    let mut calls = Vec::new();
    for ((read, region), resources) in groups {
        let size = if read == Read::Ec2DescribeTags { IDS_PER_CALL } else { 1 };
        let chunks = resources.chunks(size).map(<[Resource]>::to_vec);
        calls.extend(chunks.map(|chunk| (read, region.clone(), chunk)));
    }
    let mut progress = Progress::of(calls.len(), "readings of tags");
    let mut answers = Vec::new();
    let asked = calls.into_iter().map(|(read, region, chunk)| async move {
        let results = until_not_throttled(tagger, read, &region, &chunk).await;
        chunk.into_iter().zip(results).collect::<Vec<_>>()
    });
    let mut asked = stream::iter(asked).buffer_unordered(AT_ONCE);
    let mut count = 0_u64;
    while let Some(some) = asked.next().await {
        count = count.saturating_add(1);
        progress.set(count);
        answers.extend(some);
    }
    progress.end();
    answers
}

async fn until_not_throttled<T: Tagger>(
    tagger: &T,
    read: Read,
    region: &str,
    resources: &[Resource],
) -> Vec<Result<TagMap, Failure>> {
    let is_throttled = |result: &Result<TagMap, Failure>| {
        result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Throttled)
    };
    let mut results = tagger.read(read, region, resources).await;
    for _ in 1..MOST_THROTTLED {
        if !results.iter().any(is_throttled) {
            break;
        }
        results = tagger.read(read, region, resources).await;
    }
    results
}

impl Counts {
    fn say(self, place: &Place, is_empty: bool, of_others: u64, collected: &mut Collected) {
        let failed = usize::try_from(self.failed).unwrap_or(usize::MAX);
        collected.failures = collected.failures.saturating_add(failed);
        collected.partial |= failed > 0;
        if is_empty && of_others == 0 {
            return;
        }
        let mut cannot = vec!["what was created before it begins, or without a record in it".to_owned()];
        let of = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        cannot.extend(of(
            self.unsure,
            "resources of EC2 without tags, of which nothing says whether they are still there",
        ));
        cannot.extend(of(self.unreadable, "resources whose tags no operation reads"));
        cannot.extend(of(of_others, "resources of other accounts"));
        cannot.extend(of(self.failed, "resources whose tags could not be read"));
        for region in &place.regions {
            let resources = self.found.get(region).copied().unwrap_or_default();
            let (account, cannot_see) = (place.account.clone(), cannot.clone());
            let region = region.clone();
            collected.inventory.push(Inventory {
                source: InventorySource::History,
                account,
                region,
                resources,
                cannot_see,
            });
        }
    }
}
