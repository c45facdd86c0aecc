//! What exists: the inventories that this account offers, one over the other, and what none of them can show.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use aws_tags::Arn;
use aws_tags::audit::{Inventory, InventorySource};
use aws_tags::record::partition_of;
use aws_tags::table::operation::ListedIn;
use aws_tags::table::{self, LISTS, arn_of, type_of};
use aws_tags::tags::TagMap;
use aws_tags_aws::{Error, Inventories, Seen, View};

use crate::console::{Progress, complain};

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
    /// Takes what an inventory shows, over what others did. Whether it counts.
    fn take(&mut self, place: &Place, seen: Seen, is_wanted: impl Fn(&Arn, &str) -> bool) -> bool {
        let is_ours = |account: &str| account.is_empty() || account == place.account;
        let owner = seen.account.as_deref().unwrap_or_default();
        if !is_ours(seen.arn.account()) || !is_ours(owner) || !place.wants(seen.arn.service()) {
            return false;
        }
        let arn = place.spelt(seen.arn);
        let region = place.region_of(&arn, &seen.region);
        if !is_wanted(&arn, &region) {
            return false;
        }
        let kind = type_of(&arn).map(str::to_owned).or(seen.kind).unwrap_or_else(|| kind_in(&arn));
        let known = self.found.remove(arn.as_str());
        let tags = seen.tags.or_else(|| known.and_then(|known| known.tags));
        self.found.insert(arn.to_string(), Found { arn, tags, region, kind });
        true
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
    collected.partial |= place.regions.iter().any(|region| !covered.contains(region));
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

/// Asks Resource Explorer. Gives the Regions whose resources it shows whole.
async fn explore(
    inventories: &Inventories,
    place: &Place,
    collected: &mut Collected,
    progress: &mut Progress,
) -> BTreeSet<String> {
    let mut covered = BTreeSet::new();
    let (sources, unindexed) = match views(inventories, place).await {
        Ok(found) => found,
        Err(why) => {
            collected.say(
                place,
                InventorySource::ListResources,
                &place.home,
                0,
                vec![format!("anything: {why}")],
            );
            return covered;
        }
    };
    if !unindexed.is_empty() {
        let cannot = format!("resources of {}: no index of Resource Explorer there", unindexed.join(", "));
        collected.say(place, InventorySource::ListResources, &place.home, 0, vec![cannot]);
    }
    for Source { region, shows, view } in sources {
        let view = match view {
            Ok(view) => view,
            Err(why) => {
                collected.say(
                    place,
                    InventorySource::ListResources,
                    &region,
                    0,
                    vec![format!("anything: {why}")],
                );
                continue;
            }
        };
        let (mut count, mut total) = (0_u64, 0_u64);
        let is_wanted = |arn: &Arn, region: &str| {
            let global = matches!(arn.region(), "" | "global") && arn.service() != "s3";
            global || place.regions.iter().any(|wanted| wanted == region)
        };
        let listed = inventories
            .list_resources(&region, &view, &mut |seen| {
                count = count.saturating_add(u64::from(collected.take(place, seen, is_wanted)));
                total = total.saturating_add(1);
                progress.set(total);
            })
            .await;
        let mut cannot = vec![
            "what was created or never tagged within the last two hours, and types that Resource Explorer \
                               does not index"
                .to_owned(),
        ];
        match listed {
            Ok(()) if view.filter.is_empty() => covered.extend(shows),
            Ok(()) => cannot.push(format!("what its view leaves out: `{}`", view.filter)),
            Err(error) => {
                collected.fail("resource-explorer-2:ListResources", &region, &error);
                cannot.push(format!("the rest: {error}"));
            }
        }
        collected.say(place, InventorySource::ListResources, &region, count, cannot);
    }
    covered
}

/// A view to ask, or why there is none.
struct Source {
    region: String,
    /// The Regions whose resources it shows.
    shows: Vec<String>,
    view: Result<View, String>,
}

/// The views to ask, and the Regions that none shows: the aggregator's, else each Region's own.
async fn views(inventories: &Inventories, place: &Place) -> Result<(Vec<Source>, Vec<String>), String> {
    let indexes = inventories.indexes(&place.home).await;
    let indexes = indexes.map_err(|error| format!("resource-explorer-2:ListIndexes: {error}"))?;
    let shown: Vec<String> = indexes.iter().map(|index| index.region.clone()).collect();
    let unindexed = place.regions.iter().filter(|region| !shown.contains(*region)).cloned().collect();
    if let Some(arn) = &place.view {
        let region = Arn::parse(arn).map(|arn| arn.region().to_owned()).unwrap_or_default();
        let is_aggregator = indexes.iter().any(|index| index.is_aggregator && index.region == region);
        let view = match inventories.view(&region, arn).await {
            Ok(Some(view)) => usable(vec![view]),
            Ok(None) => Err(format!("there is no view `{arn}`")),
            Err(error) => Err(format!("resource-explorer-2:BatchGetView: {error}")),
        };
        let shows = if is_aggregator { shown } else { vec![region.clone()] };
        return Ok((vec![Source { region, shows, view }], unindexed));
    }
    if indexes.is_empty() {
        return Err("no index of Resource Explorer in this account".to_owned());
    }
    let aggregator = indexes.iter().find(|index| index.is_aggregator);
    let asked: Vec<(String, Vec<String>)> = match aggregator {
        Some(index) => vec![(index.region.clone(), shown)],
        None => {
            let here = shown.into_iter().filter(|region| place.regions.contains(region));
            here.map(|region| (region.clone(), vec![region])).collect()
        }
    };
    let mut sources = Vec::new();
    for (region, shows) in asked {
        let views = inventories.views(&region).await;
        let view = views.map_err(|error| format!("resource-explorer-2:ListViews: {error}")).and_then(usable);
        sources.push(Source { region, shows, view });
    }
    Ok((sources, unindexed))
}

/// The view that shows most: one with tags, and without a filter if there is one. A view without tags shows none of
/// them, and resources that are filtered by tags not at all.
fn usable(views: Vec<View>) -> Result<View, String> {
    if views.is_empty() {
        return Err("Resource Explorer has no view there".to_owned());
    }
    let with_tags = views.into_iter().filter(|view| view.has_tags);
    with_tags.min_by_key(|view| (view.filter.len(), view.arn.clone())).ok_or_else(|| {
        "no view of Resource Explorer includes tags: add the property `tags` to one".to_owned()
    })
}

/// Asks the tagging API about a Region, or about what no Region has.
async fn tagged(
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
            let name = seen.arn.to_string();
            if collected.take(place, seen, is_wanted) {
                shown.insert(name);
            }
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
async fn listed(
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
        let asked = inventories
            .list(list, listed_in, &mut |seen| {
                count = count.saturating_add(u64::from(collected.take(place, seen, |_, _| true)));
                progress.set(count);
            })
            .await;
        match asked {
            Ok(()) => drop(collected.whole.insert((region.to_owned(), list.resource_type))),
            Err(error) => {
                collected.fail(list.operation.name, region, &error);
                cannot.push(format!("{}: {error}", list.resource_type));
            }
        }
    }
    cannot.push(format!("types other than the {} that are listed", LISTS.len()));
    collected.say(place, InventorySource::ServiceLists, region, count, cannot);
}
