//! What several sections show alike.

use std::fmt::Display;

use aws_tags::audit::Tally;
use maud::{Markup, html};

use crate::console::visible;
use crate::report::words;

/// A value of somebody's: what would steer the text is escaped, and its direction of writing stays its own.
pub(super) fn value(text: impl Display) -> Markup {
    html! { bdi { (visible(text)) } }
}

/// Covered, all, coverage: three cells.
pub(super) fn numbers_of(tally: &Tally) -> Markup {
    html! {
        td.number { (words::number(tally.covered())) }
        td.number { (words::number(tally.all())) }
        td.number { @if let Some(coverage) = tally.coverage() { (coverage) } @else { "–" } }
    }
}

/// Headings over them.
pub(super) fn number_headings() -> Markup {
    html! { @for heading in ["Covered", "Of", "Coverage"] { th.number scope="col" { (heading) } } }
}
