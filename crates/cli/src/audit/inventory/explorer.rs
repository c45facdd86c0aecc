//! Resource Explorer: which views to ask, and the Regions that they show whole.

use std::collections::BTreeSet;

use aws_tags::Arn;
use aws_tags::audit::InventorySource;
use aws_tags_aws::{Error, Inventories, View};

use super::{Collected, Place};
use crate::console::Progress;

/// What no view shows.
const LATE: &str = "what was created or never tagged within the last two hours, and types that Resource Explorer does not index";

/// Why nothing is to be had.
enum Nothing {
    /// It is not set up, or not for us: said with the inventory.
    Missing(String),
    /// AWS could not answer. Said at once.
    Failed(&'static str, Error),
}

impl Nothing {
    fn of(operation: &'static str, error: Error) -> Self {
        match error.is_denied() || error.is_not_found() {
            true => Self::Missing(format!("{operation}: {error}")),
            false => Self::Failed(operation, error),
        }
    }

    fn say(self, place: &Place, collected: &mut Collected, region: &str) {
        let why = match self {
            Self::Missing(why) => why,
            Self::Failed(operation, error) => {
                collected.fail(operation, region, &error);
                format!("{operation}: {error}")
            }
        };
        say_nothing(place, collected, region, format!("anything: {why}"));
    }
}

/// Asks Resource Explorer. Gives the Regions whose resources it shows whole.
pub(super) async fn explore(
    inventories: &Inventories,
    place: &Place,
    collected: &mut Collected,
    progress: &mut Progress,
) -> BTreeSet<String> {
    let mut covered = BTreeSet::new();
    let (sources, unindexed) = match views(inventories, place).await {
        Ok(found) => found,
        Err(why) => {
            why.say(place, collected, &place.home);
            return covered;
        }
    };
    if !unindexed.is_empty() {
        let cannot = format!("resources of {}: no index of Resource Explorer there", unindexed.join(", "));
        say_nothing(place, collected, &place.home, cannot);
    }
    for Source { region, shows, view } in sources {
        match view {
            Ok(view) if ask(inventories, place, &region, &view, collected, progress).await => {
                covered.extend(shows);
            }
            Ok(_) => {}
            Err(why) => why.say(place, collected, &region),
        }
    }
    covered
}

fn say_nothing(place: &Place, collected: &mut Collected, region: &str, cannot: String) {
    collected.say(place, InventorySource::ListResources, region, 0, vec![cannot]);
}

/// Asks one view. Whether it shows its Regions whole.
async fn ask(
    inventories: &Inventories,
    place: &Place,
    region: &str,
    view: &View,
    collected: &mut Collected,
    progress: &mut Progress,
) -> bool {
    let (mut count, mut total) = (0_u64, 0_u64);
    let is_wanted = |arn: &Arn, region: &str| {
        let global = matches!(arn.region(), "" | "global") && arn.service() != "s3";
        global || place.regions.iter().any(|wanted| wanted == region)
    };
    let listed = inventories
        .list_resources(region, view, &mut |seen| {
            count = count.saturating_add(u64::from(collected.take(place, seen, is_wanted).is_some()));
            total = total.saturating_add(1);
            progress.set(total);
        })
        .await;
    let mut cannot = vec![LATE.to_owned()];
    let is_whole = listed.is_ok() && view.filter.is_empty();
    match listed {
        Ok(()) if is_whole => {}
        Ok(()) => cannot.push(format!("what its view leaves out: `{}`", view.filter)),
        Err(error) => {
            collected.fail("resource-explorer-2:ListResources", region, &error);
            cannot.push(format!("the rest: {error}"));
        }
    }
    collected.say(place, InventorySource::ListResources, region, count, cannot);
    is_whole
}

/// A view to ask, or why there is none.
struct Source {
    region: String,
    /// The Regions whose resources it shows.
    shows: Vec<String>,
    view: Result<View, Nothing>,
}

/// The views to ask, and the Regions that none shows: the aggregator's, else each Region's own.
async fn views(inventories: &Inventories, place: &Place) -> Result<(Vec<Source>, Vec<String>), Nothing> {
    let indexes = inventories.indexes(&place.home).await;
    let indexes = indexes.map_err(|error| Nothing::of("resource-explorer-2:ListIndexes", error))?;
    let shown: Vec<String> = indexes.iter().map(|index| index.region.clone()).collect();
    let needed = place.indexed();
    let unindexed = needed
        .iter()
        .filter(|region| !shown.iter().any(|one| one == *region))
        .map(|region| (*region).to_owned())
        .collect();
    if let Some(arn) = &place.view {
        let region = Arn::parse(arn).map(|arn| arn.region().to_owned()).unwrap_or_default();
        let is_aggregator = indexes.iter().any(|index| index.is_aggregator && index.region == region);
        let view = match inventories.view(&region, arn).await {
            Ok(Some(view)) => usable(vec![view]),
            Ok(None) => Err(Nothing::Missing(format!("there is no view `{arn}`"))),
            Err(error) => Err(Nothing::of("resource-explorer-2:BatchGetView", error)),
        };
        let shows = if is_aggregator { shown } else { vec![region.clone()] };
        return Ok((vec![Source { region, shows, view }], unindexed));
    }
    if indexes.is_empty() {
        return Err(Nothing::Missing("no index of Resource Explorer in this account".to_owned()));
    }
    let aggregator = indexes.iter().find(|index| index.is_aggregator);
    let asked: Vec<(String, Vec<String>)> = match aggregator {
        Some(index) => vec![(index.region.clone(), shown)],
        None => {
            let here = shown.into_iter().filter(|region| needed.contains(region.as_str()));
            here.map(|region| (region.clone(), vec![region])).collect()
        }
    };
    let mut sources = Vec::new();
    for (region, shows) in asked {
        let views = inventories.views(&region).await;
        let view =
            views.map_err(|error| Nothing::of("resource-explorer-2:ListViews", error)).and_then(usable);
        sources.push(Source { region, shows, view });
    }
    Ok((sources, unindexed))
}

/// The view that shows most: one with tags, and without a filter if there is one. A view without tags shows none of
/// them, and resources that are filtered by tags not at all.
fn usable(views: Vec<View>) -> Result<View, Nothing> {
    if views.is_empty() {
        return Err(Nothing::Missing("Resource Explorer has no view there".to_owned()));
    }
    let with_tags = views.into_iter().filter(|view| view.has_tags);
    with_tags.min_by_key(|view| (view.filter.len(), view.arn.clone())).ok_or_else(|| {
        Nothing::Missing(
            "no view of Resource Explorer includes tags: add the property `tags` to one".to_owned(),
        )
    })
}
