//! What the page says before anybody asks: coverage by service and owner, and the resources to look at first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::AddAssign as _;

use aws_tags::audit::Tally;

use super::rows::{Row, Rows, text};

/// Groups that a table shows; the rest is one line.
const GROUPS: usize = 12;
/// Resources without all tags that the page shows by itself.
const UNTAGGED: usize = 12;
/// Of these, at most so many with a guess: somebody has to say whether it is right.
const GUESSED: usize = 6;

/// Coverage of resources that have something in common.
pub(super) struct Group {
    /// `None`: those of nobody known, or the rest.
    pub(super) name: Option<String>,
    pub(super) tally: Tally,
}

/// The groups with most to do, the first first, and the rest.
pub(super) struct Groups {
    pub(super) first: Vec<Group>,
    pub(super) rest: Tally,
    /// How many groups the rest is.
    pub(super) more: usize,
}

pub(super) fn by_service(rows: &Rows) -> Groups {
    let service = |row: &Row| {
        let resource_type = text(&rows.types, row.resource_type);
        Some(resource_type.split(':').next().unwrap_or(resource_type))
    };
    groups(rows, service)
}

/// Resources without owner are a group, too. Guesses do not count.
pub(super) fn by_owner(rows: &Rows) -> Groups {
    groups(rows, |row| row.owner.map(|owner| text(&rows.owners, owner)))
}

fn groups<'a>(rows: &'a Rows, name: impl Fn(&'a Row) -> Option<&'a str>) -> Groups {
    let mut tallies: HashMap<Option<&str>, Tally> = HashMap::new();
    for row in &rows.rows {
        tallies.entry(name(row)).or_default().add(row.state);
    }
    let mut all: Vec<_> = tallies.into_iter().collect();
    all.sort_by_key(|(name, tally)| (Reverse(tally.all() - tally.covered()), Reverse(tally.all()), *name));
    // A rest of one group is that group.
    let shown = if all.len() == GROUPS + 1 { all.len() } else { GROUPS };
    let rest = all.split_off(shown.min(all.len()));
    let mut sum = Tally::default();
    rest.iter().for_each(|(_, tally)| sum.add_assign(*tally));
    let first = all.into_iter().map(|(name, tally)| Group { name: name.map(str::to_owned), tally }).collect();
    Groups { first, rest: sum, more: rest.len() }
}

/// Resources that lack a required tag: some with a guess, then those with a known creator, of these the newest.
pub(super) fn untagged(rows: &Rows) -> Vec<&Row> {
    let (mut guessed, mut others): (Vec<&Row>, Vec<&Row>) =
        rows.rows.iter().filter(|row| !row.state.is_covered()).partition(|row| row.guess.is_some());
    others.sort_by_key(|row| Reverse(row.creation.as_ref().map(|creation| creation.at)));
    let known = others.iter().filter(|row| row.creation.is_some()).count();
    guessed.truncate(GUESSED.max(UNTAGGED.saturating_sub(known)));
    guessed.extend(others);
    guessed.truncate(UNTAGGED);
    guessed
}
