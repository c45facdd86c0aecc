//! The list of all resources, as an empty frame: the script fills it.

use maud::{Markup, html};

/// Columns, with the names that the script knows them by.
const COLUMNS: [(&str, &str); 6] = [
    ("resource", "Resource"),
    ("owner", "Owner"),
    ("state", "State"),
    ("account", "Account"),
    ("region", "Region"),
    ("created", "Created (UTC)"),
];

pub(super) fn resources() -> Markup {
    html! {
        section.resources id="resources" aria-labelledby="all" {
            h2 id="all" { "All resources" }
            noscript { p.hint { "The list needs JavaScript. " code { "aws-tags audit --csv" } " has the same resources." } }
            p.hint id="unpacking" role="status" hidden { "Unpacking the list …" }
            div id="list" hidden {
                (controls())
                (table())
                p.hint id="none" hidden { "No resource is like that." }
                p.hint id="printed" hidden {}
            }
            dialog id="details" aria-labelledby="details-title" {}
        }
    }
}

fn controls() -> Markup {
    html! {
        search.controls aria-label="Resources" {
            div.row {
                input id="search" type="search" aria-label="Search" autocomplete="off" autocapitalize="off" spellcheck="false"
                    placeholder="Search: ARN, type, owner, principal, event, key=value";
                button id="csv" type="button" { "Save as CSV" }
            }
            div.row.menus id="facets" {}
            div.row {
                p id="count" role="status" {}
                button id="clear" type="button" hidden { "Show all" }
            }
        }
    }
}

/// With roles, as a table that is laid out in another way than a table's is none for a screen reader.
fn table() -> Markup {
    html! {
        table id="table" role="table" aria-labelledby="all" {
            thead role="rowgroup" {
                tr role="row" aria-rowindex="1" {
                    @for (name, heading) in COLUMNS {
                        th role="columnheader" scope="col" aria-sort="none" data-column=(name) {
                            button type="button" { (heading) }
                        }
                    }
                }
            }
            tbody role="rowgroup" {}
        }
    }
}
