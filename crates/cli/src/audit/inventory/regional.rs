//! What is asked Region by Region: the tagging API, and the services' own lists.

use std::collections::BTreeSet;

use aws_tags::Arn;
use aws_tags::audit::InventorySource;
use aws_tags::record::partition_of;
use aws_tags::table::operation::ListedIn;
use aws_tags::table::{self, LISTS};
use aws_tags_aws::Inventories;

use super::{Collected, Place};
use crate::console::Progress;

/// Asks the tagging API about a Region, or about what no Region has.
pub(super) async fn tagged(
    inventories: &Inventories,
    place: &Place,
    region: &str,
    is_whole: bool,
    collected: &mut Collected,
    progress: &mut Progress,
) {
    let global = table::global_services();
    let all: BTreeSet<&str> = table::all()
        .flat_map(|service| service.rows)
        .filter_map(|row| row.resource_type.split(':').next())
        .collect();
    let all: Vec<&str> = all.into_iter().filter(|name| !name.is_empty()).collect();
    let wanted: Vec<&str> = match (is_whole, place.services.is_empty()) {
        (true, true) => Vec::new(),
        (false, true) => global,
        (true, false) => place.services.iter().map(String::as_str).collect(),
        (false, false) => global.into_iter().filter(|name| place.wants(name)).collect(),
    };
    if !is_whole && wanted.is_empty() {
        return;
    }
    let is_wanted = |arn: &Arn, _: &str| is_whole || arn.region().is_empty() && arn.service() != "s3";
    let mut shown = BTreeSet::new();
    let asked = inventories
        .get_resources(region, &wanted, &all, &mut |seen| {
            shown.extend(collected.take(place, seen, is_wanted));
            progress.set(u64::try_from(shown.len()).unwrap_or(u64::MAX));
        })
        .await;
    let mut cannot =
        vec!["what was never tagged".to_owned(), "roles, users and Auto Scaling groups".to_owned()];
    if let Err(error) = asked {
        collected.fail("tag:GetResources", region, &error);
        cannot.push(format!("the rest of {region}: {error}"));
    }
    let count = u64::try_from(shown.len()).unwrap_or(u64::MAX);
    collected.say(place, InventorySource::GetResources, region, count, cannot);
}

/// Asks the services' own lists: those of a Region, and where no Region has them, those of the account.
pub(super) async fn listed(
    inventories: &Inventories,
    place: &Place,
    region: &str,
    is_whole: bool,
    collected: &mut Collected,
    progress: &mut Progress,
) {
    let is_global = |kind: &str| kind.starts_with("iam:");
    let here = |kind: &str| if is_global(kind) { region == place.global() } else { is_whole };
    let lists = LISTS.iter().filter(|list| here(list.resource_type));
    let lists: Vec<_> =
        lists.filter(|list| place.wants(list.resource_type.split(':').next().unwrap_or_default())).collect();
    if lists.is_empty() {
        return;
    }
    let listed_in = ListedIn { partition: partition_of(region), region, account: &place.account };
    let (mut count, mut cannot) = (0_u64, Vec::new());
    for list in lists {
        let mut shown = BTreeSet::new();
        let asked = inventories
            .list(list, listed_in, &mut |seen| {
                shown.extend(collected.take(place, seen, |_, _| true));
                progress.set(count.saturating_add(u64::try_from(shown.len()).unwrap_or(u64::MAX)));
            })
            .await;
        count = count.saturating_add(u64::try_from(shown.len()).unwrap_or(u64::MAX));
        match asked {
            Ok(()) => collected.keep_only(region, list.resource_type, &shown),
            Err(error) => {
                collected.fail(list.operation.name, region, &error);
                cannot.push(format!("{}: {error}", list.resource_type));
            }
        }
    }
    cannot.push(format!("types other than the {} that it lists", LISTS.len()));
    collected.say(place, InventorySource::ServiceLists, region, count, cannot);
}
