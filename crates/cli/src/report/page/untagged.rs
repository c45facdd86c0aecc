//! Resources that lack a required tag: whose they are, or may be, and why.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::cells::value;
use crate::report::read::Audits;
use crate::report::rows::{Row, Rows, text};
use crate::report::summary::untagged;
use crate::report::words;

pub(super) fn untagged_resources(audits: &Audits) -> Markup {
    let first = untagged(&audits.rows);
    let all = audits.all.last().map_or(0, |audit| audit.tally.all() - audit.tally.covered());
    html! {
        section aria-labelledby="untagged" {
            h2 id="untagged" { "Where tags are missing" }
            @if first.is_empty() {
                p.hint { "Nowhere: every resource has every required tag." }
            } @else {
                p.hint {
                    "Whose is it? What the history knows, and the best guess where it knows nothing. A guess is never written as a tag. "
                    @if (first.len() as u64) < all {
                        "These are " (first.len()) " of " (words::number(all)) "; "
                        a href="#state=incomplete&state=owner-unknown" { "the list has all" } "."
                    }
                }
                table.plain.stacked {
                    thead { tr { th scope="col" { "Resource" } th scope="col" { "Missing" } th scope="col" { "Owner" } th scope="col" { "Why" } } }
                    tbody { @for row in first { (untagged_row(&audits.rows, row)) } }
                }
            }
        }
    }
}

fn untagged_row(rows: &Rows, row: &Row) -> Markup {
    let missing = rows.key_sets.get_index(row.missing).map(Vec::as_slice).unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                span.kind { (value(text(&rows.types, row.resource_type))) }
                code { (value(rows.arn(row))) }
            }
            td data-label="Missing" {
                span { @for (at, key) in missing.iter().enumerate() { @if at > 0 { ", " } (value(text(&rows.keys, *key))) } }
            }
            td data-label="Owner" { span { (owner(rows, row)) } }
            td data-label="Why" { span { (why(rows, row)) } }
        }
    }
}

fn owner(rows: &Rows, row: &Row) -> Markup {
    match (row.owner, &row.guess) {
        (Some(owner), _) => value(text(&rows.owners, owner)),
        (None, Some(guess)) => html! { span.guess { (value(text(&rows.owners, guess.owner))) "?" } },
        (None, None) => html! { span.nobody { "nobody known" } },
    }
}

fn why(rows: &Rows, row: &Row) -> Markup {
    match (&row.creation, &row.guess) {
        (Some(creation), _) => {
            let at = OffsetDateTime::from_unix_timestamp(creation.at).map(words::day).unwrap_or_default();
            html! { "called " (value(text(&rows.event_names, creation.event_name))) " on " (at) }
        }
        (None, Some(guess)) => html! { "a guess: " (value(text(&rows.reasons, guess.reason))) },
        (None, None) => html! { span.nobody { "no history names for certain who created it" } },
    }
}
