//! Charts as SVG. Places are percentages of the width, so that texts keep their size on any screen; nothing needs a style
//! attribute, which the page's policy forbids.

use aws_tags::audit::{State, Tally};
use maud::{Markup, html};

use super::read::Audit;

/// Height of the line's area, and of the room for its dates, in pixels.
const HEIGHT: f64 = 180.0;
const DATES: f64 = 26.0;
/// Room above 100 % for its text.
const TOP: f64 = 18.0;

/// A bar of all states.
pub(super) fn states(tally: &Tally) -> Markup {
    let mut from = 0.0;
    html! {
        svg.states width="100%" height="14" aria-hidden="true" {
            @for state in State::ALL {
                @let width = percent(tally.of(state), tally.all());
                rect.(state.as_str()) x=(place(from)) width=(place(width)) height="14" {}
                @let () = from += width;
            }
        }
    }
}

/// A bar of what is covered.
pub(super) fn bar(tally: &Tally) -> Markup {
    let width = percent(tally.covered(), tally.all());
    html! {
        svg.bar width="100%" height="8" aria-hidden="true" {
            rect.missing width="100%" height="8" rx="4" {}
            rect.covered width=(place(width)) height="8" rx="4" {}
        }
    }
}

/// Coverage over time, as a line with a point for each audit.
pub(super) fn line(audits: &[Audit], moments: &[String]) -> Markup {
    let points = points(audits);
    let (from, to) = moments.first().zip(moments.last()).unzip();
    let (from, to) = (from.map_or("", String::as_str), to.map_or("", String::as_str));
    let label = audits.first().zip(audits.last()).map_or_else(String::new, |(first, last)| {
        format!(
            "Coverage over time: {} on {from}, {} on {to}. The table has all numbers.",
            first.coverage(),
            last.coverage()
        )
    });
    html! {
        svg.line width="100%" height=(TOP + HEIGHT + DATES) role="img" aria-label=(label) {
            @for percent in [0, 25, 50, 75, 100] {
                @let y = height(f64::from(percent) / 100.0);
                line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                text.scale x="0" y=(y - 5.0) { (percent) " %" }
            }
            @for pair in points.windows(2) {
                @if let [from, to] = pair {
                    line.coverage x1=(place(from.x)) y1=(from.y) x2=(place(to.x)) y2=(to.y) {}
                }
            }
            @for point in &points {
                circle.like[point.like] cx=(place(point.x)) cy=(point.y) r=(if points.len() > 60 { 2 } else { 4 }) {}
            }
            text.date x=(place(LEFT)) y=(TOP + HEIGHT + DATES - 6.0) { (from) }
            text.date.end x="100%" y=(TOP + HEIGHT + DATES - 6.0) { (to) }
        }
    }
}

/// Room at the left for the scale, and at the right for half a point, in percent.
const LEFT: f64 = 12.0;
const RIGHT: f64 = 1.0;

struct Point {
    /// In percent of the width.
    x: f64,
    y: f64,
    /// Whether it is an audit of the same accounts, Regions and keys as the latest.
    like: bool,
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a few years")]
fn points(audits: &[Audit]) -> Vec<Point> {
    let (Some(first), Some(last)) = (audits.first(), audits.last()) else { return Vec::new() };
    let begin = first.head.at.unix_timestamp();
    let span = (last.head.at.unix_timestamp() - begin).max(1) as f64;
    let point = |audit: &Audit| {
        let since = (audit.head.at.unix_timestamp() - begin) as f64 / span;
        let y = height(audit.tally.coverage()?.share());
        Some(Point { x: LEFT + since * (100.0 - LEFT - RIGHT), y, like: audit.is_like(last) })
    };
    // What is cut off is not known.
    audits.iter().filter(|audit| audit.cut_from.is_none()).filter_map(point).collect()
}

/// Where a share from 0 to 1 is.
fn height(share: f64) -> f64 {
    ((TOP + HEIGHT * (1.0 - share)) * 10.0).round() / 10.0
}

fn place(percent: f64) -> String {
    format!("{percent:.2}%")
}

#[expect(clippy::cast_precision_loss, reason = "no account has 2^52 resources")]
fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 * 100.0 }
}
