//! How many resources have every required tag: now, and over time.

use aws_tags::audit::State;
use maud::{Markup, html};

use super::cells::number_headings;
use crate::report::read::Audit;
use crate::report::{charts, words};

/// Audits that the table beside the line shows at once.
const SHOWN_AUDITS: usize = 6;

pub(super) fn numbers(audit: &Audit) -> Markup {
    let tally = &audit.tally;
    html! {
        section aria-labelledby="coverage" {
            h2.visually-hidden id="coverage" { "Coverage" }
            p.coverage {
                @match (audit.cut_from, tally.coverage()) {
                    (Some(all), _) => {
                        strong { "Cut off" }
                        span { "with " (words::number(tally.all())) " of " (words::number(all)) " resources: the coverage is not known" }
                    }
                    (None, Some(coverage)) => {
                        strong { (coverage) }
                        span { "of " (words::number(tally.all())) " resources have every required tag" }
                    }
                    (None, None) => { strong { "No resources" } span { "were found" } }
                }
            }
            (charts::states(tally))
            dl.states {
                @for state in State::ALL {
                    div.(state.as_str()) {
                        dt { a href={ "#state=" (state.as_str()) } { (words::state(state)) } }
                        dd { strong { (words::number(tally.of(state))) } span { (words::meaning(state)) } }
                    }
                }
            }
        }
    }
}

pub(super) fn over_time(audits: &[Audit]) -> Markup {
    let Some(latest) = audits.last() else { return html! {} };
    let moments = words::moments(&audits.iter().map(|audit| audit.head.at).collect::<Vec<_>>());
    let newest_first: Vec<(&Audit, &String)> = audits.iter().zip(&moments).rev().collect();
    let (shown, earlier) = newest_first.split_at(SHOWN_AUDITS.min(newest_first.len()));
    let all_alike = audits.iter().all(|audit| audit.is_like(latest));
    html! {
        section.over-time aria-labelledby="over-time" {
            h2 id="over-time" { "Coverage over time" }
            div.beside {
                @if audits.len() > 1 {
                    figure { (charts::line(audits, &moments)) }
                } @else {
                    p.hint { "This is one audit. Give " code { "aws-tags report" } " earlier ones, too, and a line shows how coverage changed." }
                }
                div {
                    (audit_table(shown, latest))
                    @if !earlier.is_empty() {
                        details { summary { (words::count(earlier.len(), "earlier audit")) } (audit_table(earlier, latest)) }
                    }
                    @if !all_alike {
                        p.hint { "* Of other accounts, Regions or required tags than the latest: not quite comparable." }
                    }
                }
            }
        }
    }
}

fn audit_table(audits: &[(&Audit, &String)], latest: &Audit) -> Markup {
    html! {
        table.plain {
            thead { tr { th scope="col" { "Audit" } (number_headings()) } }
            tbody {
                @for (audit, moment) in audits {
                    tr {
                        th scope="row" { (moment) @if !audit.is_like(latest) { "*" } }
                        td.number { (words::number(audit.tally.covered())) }
                        td.number { (words::number(audit.tally.all())) }
                        td.number { (audit.coverage()) }
                    }
                }
            }
        }
    }
}
