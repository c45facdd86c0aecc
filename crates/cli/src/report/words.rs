//! What the words of an audit mean, and numbers and times as people read them: for the page and its script alike.

use std::collections::BTreeSet;

use aws_tags::audit::{InventorySource, State, TagOrigin};
use time::OffsetDateTime;

pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Ours => "Ours",
        State::TaggedOtherwise => "Tagged otherwise",
        State::Incomplete => "Incomplete",
        State::OwnerUnknown => "Owner unknown",
    }
}

pub(super) const fn meaning(state: State) -> &'static str {
    match state {
        State::Ours => "have every required tag, and as owner whom aws-tags wrote or the history names",
        State::TaggedOtherwise => {
            "have every required tag, and another owner, or nothing says that it is ours"
        }
        State::Incomplete => "lack a required tag; a tag or the history names an owner",
        State::OwnerUnknown => "lack a required tag, and nothing names an owner for certain",
    }
}

pub(super) const fn origin(origin: TagOrigin) -> &'static str {
    match origin {
        TagOrigin::Principal => "the principal",
        TagOrigin::Iam => "IAM tags",
        TagOrigin::Session => "session tags",
        TagOrigin::Parent => "its parent",
        TagOrigin::Extra => "EXTRA_TAGS",
        TagOrigin::Request => "the creating request",
        TagOrigin::Other => "others, or unknown",
    }
}

pub(super) const fn source(source: InventorySource) -> &'static str {
    match source {
        InventorySource::ListResources => "Resource Explorer",
        InventorySource::GetResources => "the tagging API",
        InventorySource::ServiceLists => "the services' own lists",
        InventorySource::History => "creations in CloudTrail's history",
    }
}

/// `1,234,567`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 account`, `3 accounts`.
pub(super) fn count(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(count as u64))
}

/// `26 November 2026, 20:00 UTC`.
pub(super) fn moment(at: OffsetDateTime) -> String {
    format!("{}, {:02}:{:02} UTC", day(at), at.hour(), at.minute())
}

/// `26 November 2026`.
pub(super) fn day(at: OffsetDateTime) -> String {
    format!("{} {} {}", at.day(), at.month(), at.year())
}

/// The moments of a list, as short as tells them apart: days, else with the time, else with seconds.
pub(super) fn moments(all: &[OffsetDateTime]) -> Vec<String> {
    let second = |at| format!("{}, {:02}:{:02}:{:02} UTC", day(at), at.hour(), at.minute(), at.second());
    let shown = [day, moment, second].map(|form| all.iter().map(|at| form(*at)).collect::<Vec<_>>());
    let are_apart = |texts: &&Vec<String>| texts.iter().collect::<BTreeSet<_>>().len() == texts.len();
    shown.iter().find(are_apart).or(shown.last()).cloned().unwrap_or_default()
}

/// `eu-west-1, us-east-1 and 15 more`.
pub(super) fn some(of: &[String], at_most: usize) -> String {
    let shown = of.iter().take(at_most).map(String::as_str).collect::<Vec<_>>();
    match (shown.split_last(), of.len().saturating_sub(at_most)) {
        (None, _) => "none".to_owned(),
        (Some((last, [])), 0) => (*last).to_owned(),
        (Some((last, before)), 0) => format!("{} and {last}", before.join(", ")),
        (Some(_), more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moments_are_as_short_as_tells_them_apart() {
        let (one, later) = (datetime!(2026-11-26 20:00:05 UTC), datetime!(2026-11-26 20:01:05 UTC));
        assert_eq!(
            moments(&[one, datetime!(2026-11-27 20:00 UTC)]),
            ["26 November 2026", "27 November 2026"]
        );
        assert_eq!(moments(&[one, later]), ["26 November 2026, 20:00 UTC", "26 November 2026, 20:01 UTC"]);
        let seconds = moments(&[one, datetime!(2026-11-26 20:00:06 UTC)]);
        assert_eq!(seconds.last().map(String::as_str), Some("26 November 2026, 20:00:06 UTC"));
        assert_eq!(moments(&[one, one]).len(), 2);
        assert!(moments(&[]).is_empty());
    }

    #[test]
    fn numbers_and_lists_are_as_people_read_them() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned),
            [0, 999, 1000, 1_234_567].map(number)
        );
        let regions = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(some(&regions, 3), "a, b and c");
        assert_eq!(some(&regions, 2), "a, b and 1 more");
        assert_eq!(some(regions.get(..1).unwrap_or_default(), 3), "a");
        assert_eq!(some(&[], 3), "none");
        assert_eq!(
            (count(1, "account"), count(2000, "account")),
            ("1 account".to_owned(), "2,000 accounts".to_owned())
        );
    }
}
