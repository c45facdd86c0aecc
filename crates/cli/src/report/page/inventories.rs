//! Who told which resources there are, and what they cannot see.

use std::collections::{BTreeMap, BTreeSet};

use aws_tags::audit::{Head, InventorySource};
use maud::{Markup, html};

use super::cells::value;
use crate::report::words;

pub(super) fn inventories(head: &Head) -> Markup {
    html! {
        section aria-labelledby="inventories" {
            h2 id="inventories" { "How resources were found" }
            table.plain.stacked {
                thead { tr { th scope="col" { "Inventory" } th scope="col" { "Where" } th.number scope="col" { "Resources" } th scope="col" { "Cannot see" } } }
                tbody {
                    @for inventory in summed(head) {
                        tr {
                            th scope="row" { (words::source(inventory.source)) }
                            td data-label="Where" { span { (words::count(inventory.accounts.len(), "account")) ", " (words::count(inventory.regions.len(), "Region")) } }
                            td.number data-label="Resources" { span { (words::number(inventory.resources)) } }
                            td data-label="Cannot see" {
                                span {
                                    @if inventory.cannot_see.is_empty() { "–" }
                                    @for what in inventory.cannot_see { span.line { (value(what)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Inventories of one source with the same limits, of all accounts and Regions.
struct Summed<'a> {
    source: InventorySource,
    cannot_see: &'a [String],
    accounts: BTreeSet<&'a str>,
    regions: BTreeSet<&'a str>,
    resources: u64,
}

fn summed(head: &Head) -> Vec<Summed<'_>> {
    let mut all: BTreeMap<(InventorySource, &[String]), Summed<'_>> = BTreeMap::new();
    for inventory in &head.inventory {
        let (source, cannot_see) = (inventory.source, inventory.cannot_see.as_slice());
        let none = || Summed {
            source,
            cannot_see,
            accounts: BTreeSet::new(),
            regions: BTreeSet::new(),
            resources: 0,
        };
        let sum = all.entry((source, cannot_see)).or_insert_with(none);
        sum.accounts.insert(&inventory.account);
        sum.regions.insert(&inventory.region);
        sum.resources += inventory.resources;
    }
    all.into_values().collect()
}
