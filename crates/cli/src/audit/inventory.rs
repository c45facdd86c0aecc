//! What exists: the inventories that this account offers, one over the other, and what none of them can show.

mod explorer;
mod regional;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use aws_tags::Arn;
use aws_tags::audit::{Inventory, InventorySource};
use aws_tags::record::partition_of;
use aws_tags::table::{self, arn_of, type_of};
use aws_tags::tags::TagMap;
use aws_tags_aws::{Error, Inventories, Seen};

use crate::console::{Progress, complain};
use explorer::explore;
use regional::{listed, tagged};

/// Whose resources are asked about, and where.
pub(super) struct Place {
    pub(super) account: String,
    /// The Region of the configuration.
    pub(super) home: String,
    /// The Regions to audit.
    pub(super) regions: Vec<String>,
    /// Only resources of these services, by their name in ARNs; all, if empty.
    pub(super) services: Vec<String>,
    /// The view of Resource Explorer to ask, if one was chosen.
    pub(super) view: Option<String>,
}

/// A resource that some inventory shows.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) arn: Arn,
    /// `None` where no inventory tells them.
    pub(super) tags: Option<TagMap>,
    pub(super) region: String,
    pub(super) kind: String,
}

/// What all inventories show together.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) found: BTreeMap<String, Found>,
    pub(super) inventory: Vec<Inventory>,
    /// What could not be asked, each said already.
    pub(super) failures: usize,
    /// Whether there may be resources that no inventory shows.
    pub(super) partial: bool,
    /// Types that a list has shown whole, by Region: what is not in it is not there.
    pub(super) whole: BTreeSet<(String, &'static str)>,
}

impl Place {
    /// Where AWS's inventories have what no Region has.
    /// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>
    pub(super) fn global(&self) -> &str {
        match partition_of(&self.home) {
            "aws" => "us-east-1",
            "aws-us-gov" => "us-gov-west-1",
            "aws-cn" => "cn-north-1",
            _ => &self.home,
        }
    }

    /// The Regions whose indexes of Resource Explorer have what is audited: what no Region has may be in one of its own.
    fn indexed(&self) -> BTreeSet<&str> {
        let has_global = table::global_services().into_iter().any(|name| self.wants(name));
        self.regions.iter().map(String::as_str).chain(has_global.then(|| self.global())).collect()
    }

    pub(super) fn wants(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|wanted| wanted == service)
    }

    /// The one spelling of an ARN: some of EC2's have the account in one inventory and not in the other.
    pub(super) fn spelt(&self, arn: Arn) -> Arn {
        let of_ec2 = (arn.service() == "ec2").then(|| type_of(&arn)).flatten();
        let spelt =
            of_ec2.and_then(|kind| arn_of(kind, arn.partition(), arn.region(), &self.account, arn.id()));
        spelt.unwrap_or(arn)
    }

    fn region_of(&self, arn: &Arn, seen_in: &str) -> String {
        match (arn.region(), seen_in) {
            ("" | "global", "") => self.global().to_owned(),
            ("" | "global", region) | (region, _) => region.to_owned(),
        }
    }
}

impl Collected {
    /// Takes what an inventory shows, over what others did. Gives the ARN under which it counts, if it does.
    fn take(&mut self, place: &Place, seen: Seen, is_wanted: impl Fn(&Arn, &str) -> bool) -> Option<String> {
        let is_ours = |account: &str| account.is_empty() || account == place.account;
        let owner = seen.account.as_deref().unwrap_or_default();
        if !is_ours(seen.arn.account()) || !is_ours(owner) || !place.wants(seen.arn.service()) {
            return None;
        }
        let arn = place.spelt(seen.arn);
        let region = place.region_of(&arn, &seen.region);
        if !is_wanted(&arn, &region) {
            return None;
        }
        let kind = type_of(&arn).map(str::to_owned).or(seen.kind).unwrap_or_else(|| kind_in(&arn));
        let known = self.found.remove(arn.as_str());
        let tags = seen.tags.or_else(|| known.and_then(|known| known.tags));
        let name = arn.to_string();
        self.found.insert(name.clone(), Found { arn, tags, region, kind });
        Some(name)
    }

    /// A list has shown all of a type in a Region: what other inventories show of it is deleted.
    fn keep_only(&mut self, region: &str, kind: &'static str, shown: &BTreeSet<String>) {
        self.found.retain(|arn, found| found.region != region || found.kind != kind || shown.contains(arn));
        self.whole.insert((region.to_owned(), kind));
    }

    fn say(
        &mut self,
        place: &Place,
        source: InventorySource,
        region: &str,
        resources: u64,
        cannot_see: Vec<String>,
    ) {
        let (account, region) = (place.account.clone(), region.to_owned());
        self.inventory.push(Inventory { source, account, region, resources, cannot_see });
    }

    fn fail(&mut self, what: &str, region: &str, error: &Error) {
        complain(&format!("{region}: {what}: {error}"));
        self.failures = self.failures.saturating_add(1);
        self.partial = true;
    }
}

/// `thing` of an ARN whose type no row has: `some:thing/x` and `some:thing:x`.
fn kind_in(arn: &Arn) -> String {
    let first = arn.resource().split(['/', ':']).find(|part| !part.is_empty()).unwrap_or_default();
    let is_a_name = !arn.resource().contains(['/', ':']);
    format!("{}:{}", arn.service(), if is_a_name { "unknown" } else { first })
}

/// Asks all inventories. An inventory or a Region that fails is named, and the rest goes on.
pub(super) async fn collect(inventories: &Inventories, place: &Place) -> io::Result<Collected> {
    let mut collected = Collected::default();
    let mut progress = Progress::new("resources");
    let covered = explore(inventories, place, &mut collected, &mut progress).await;
    collected.partial |= place.indexed().into_iter().any(|region| !covered.contains(region));
    let global = (!place.regions.iter().any(|region| region == place.global())).then(|| place.global());
    for (region, is_whole) in
        place.regions.iter().map(|region| (region.as_str(), true)).chain(global.map(|name| (name, false)))
    {
        tagged(inventories, place, region, is_whole, &mut collected, &mut progress).await;
        listed(inventories, place, region, is_whole, &mut collected, &mut progress).await;
    }
    progress.end();
    Ok(collected)
}
