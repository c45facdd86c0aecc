//! Coverage by service and by owner.

use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::cells::{number_headings, numbers_of, value};
use crate::report::rows::Rows;
use crate::report::summary::{Group, Groups, by_owner, by_service};
use crate::report::{charts, words};

pub(super) fn groups(rows: &Rows) -> Markup {
    let owner = |group: &Group| group.name.clone().unwrap_or_else(|| "owner unknown".to_owned());
    html! {
        div.beside.halves {
            section aria-labelledby="by-service" {
                h2 id="by-service" { "By service" }
                (group_table("Service", "service", &by_service(rows), |group| group.name.clone().unwrap_or_default()))
            }
            section aria-labelledby="by-owner" {
                h2 id="by-owner" { "By owner" }
                (group_table("Owner", "owner", &by_owner(rows), owner))
            }
        }
    }
}

fn group_table(title: &str, facet: &str, groups: &Groups, name: impl Fn(&Group) -> String) -> Markup {
    html! {
        table.plain.groups {
            thead { tr { th scope="col" { (title) } (number_headings()) } }
            tbody {
                @for group in &groups.first {
                    @let link = utf8_percent_encode(group.name.as_deref().unwrap_or_default(), NON_ALPHANUMERIC);
                    tr {
                        th scope="row" { a href={ "#" (facet) "=" (link) } { (value(name(group))) } (charts::bar(&group.tally)) }
                        (numbers_of(&group.tally))
                    }
                }
                @if groups.more > 0 {
                    tr.rest {
                        th scope="row" { (words::number(groups.more as u64)) " others" (charts::bar(&groups.rest)) }
                        (numbers_of(&groups.rest))
                    }
                }
            }
        }
    }
}
