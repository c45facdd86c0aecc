//! What the report is of, and what is to be known first.

use maud::{Markup, html};

use super::cells::value;
use crate::report::read::{Audit, Audits};
use crate::report::{Hidden, words};

pub(super) fn title(audits: &Audits, of: &str, hidden: Hidden) -> Markup {
    let Some(Audit { head, .. }) = audits.all.last() else { return html! {} };
    html! {
        header {
            p.eyebrow { "aws-tags report" }
            h1 { "Tag coverage of " (of) }
            p.meta {
                "As of " time datetime=(aws_tags::record::timestamp::format(head.at)) { (words::moment(head.at)) }
                ", in " (value(words::some(&head.regions, 4))) ". "
                "Required tags: " @for (at, key) in head.required.iter().enumerate() {
                    @if at > 0 { ", " } code { (value(key)) }
                } @if head.required.is_empty() { "none" } "."
            }
            @if head.partial {
                p.note { strong { "This audit is partial." } " There may be resources that nothing showed: see "
                    a href="#inventories" { "how they were found" } "." }
            }
            @if let Some(all) = audits.all.last().and_then(|latest| latest.cut_from) {
                p.note { strong { "This audit is cut off." } " It should have " (words::number(all)) " resources: all numbers here are of those that are there." }
            }
            @if audits.unread > 0 {
                p.note { strong { (words::count(audits.unread, "line")) " of the audits could not be used." }
                    " What they say is missing here; the command named them." }
            }
            @if hidden.any() {
                p.note { strong { "Passed on without " (hidden.words()) "." } " They are not in this file." }
            }
        }
    }
}
