//! An audit for people: the head with what was asked and cannot be seen, then numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use aws_tags::audit::{Head, Inventory, InventorySource, Resource, State, Tally};
use aws_tags::deployment::audit_policies;
use aws_tags::record::timestamp;
use serde::Serialize;
use serde_json::json;

use super::summary::{By, STATES, groups, keys, total};
use crate::console::{End, visible, write_json};

/// Groups of a table that are shown; the rest is counted.
const SHOWN: usize = 20;

/// The head as a line of its own.
#[derive(Serialize)]
pub(super) struct Titled<'a> {
    pub(super) audit: &'a Head,
}

pub(super) struct Report<'a> {
    pub(super) head: &'a Head,
    pub(super) resources: &'a [Resource],
    pub(super) by: &'a [By],
}

/// Prints the policies that an audit needs.
pub(super) fn policies(json: bool, out: &mut impl Write) -> io::Result<End> {
    for (name, document) in audit_policies::documents() {
        match json {
            true => write_json(out, &json!({"name": name, "document": document}))?,
            false => writeln!(out, "{name}\n{document:#}\n")?,
        }
    }
    Ok(End::Done)
}

impl Report<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_head(out)?;
        let tally = total(self.resources);
        self.write_states(&tally, out)?;
        for by in self.by {
            match by {
                By::Key => self.write_keys(out)?,
                _ => self.write_groups(*by, out)?,
            }
        }
        Ok(())
    }

    fn write_head(&self, out: &mut impl Write) -> io::Result<()> {
        let (bold, dim, warn) = (Style::new().bold(), Style::new().dimmed(), AnsiColor::Yellow.on_default());
        let Head { at, accounts, regions, required, inventory, partial, .. } = self.head;
        writeln!(
            out,
            "Account {}, {}, at {}\nRequired: {}\n",
            accounts.join(", "),
            visible(regions.join(", ")),
            timestamp::format(*at),
            visible(required.join(", "))
        )?;
        writeln!(out, "{bold}Inventory{bold:#}")?;
        for (source, place, count) in folded(inventory) {
            writeln!(out, "  {:<14} {:<16} {:>9}", source.as_str(), visible(place), thousands(count))?;
        }
        // What is the same in all Regions is said once.
        let mut said = BTreeSet::new();
        let cannot =
            inventory.iter().flat_map(|one| one.cannot_see.iter().map(move |what| (one.source, what)));
        for (source, what) in cannot.filter(|one| said.insert(*one)) {
            writeln!(out, "  {dim}{} cannot see {}{dim:#}", source.as_str(), visible(what))?;
        }
        if *partial {
            writeln!(out, "  {warn}Partial: there may be resources that no inventory shows.{warn:#}")?;
        }
        writeln!(out)
    }

    fn write_states(&self, tally: &Tally, out: &mut impl Write) -> io::Result<()> {
        let bold = Style::new().bold();
        let Some(coverage) = tally.coverage() else {
            return writeln!(out, "No taggable resource was found.");
        };
        writeln!(
            out,
            "{bold}Coverage {coverage}{bold:#}: {} of {} resources have all required tags",
            thousands(tally.covered()),
            thousands(tally.all())
        )?;
        for (state, word) in STATES {
            writeln!(out, "  {word:<18} {:>9}  {}", thousands(tally.of(state)), meaning(state))?;
        }
        let guessed = self.resources.iter().filter(|resource| resource.guess.is_some()).count();
        if guessed > 0 {
            writeln!(out, "  Of {guessed} without an owner, --json and --csv say whose they may be.")?;
        }
        Ok(())
    }

    fn write_groups(&self, by: By, out: &mut impl Write) -> io::Result<()> {
        let bold = Style::new().bold();
        let groups = groups(self.resources, by);
        let names: Vec<String> = groups.iter().take(SHOWN).map(|(name, _)| visible(name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().clamp(20, 60);
        writeln!(
            out,
            "\n{bold}By {:<width$}{bold:#}       all      ours otherwise incomplete   unknown  coverage",
            by.title(),
            width = width.saturating_sub(1)
        )?;
        for (name, (_, tally)) in names.iter().zip(&groups) {
            let counts = STATES.map(|(state, _)| thousands(tally.of(state)));
            let [ours, otherwise, incomplete, unknown] = &counts;
            let coverage = tally.coverage().map(|coverage| coverage.to_string()).unwrap_or_default();
            let all = thousands(tally.all());
            writeln!(
                out,
                "  {name:<width$} {all:>9} {ours:>9} {otherwise:>9} {incomplete:>10} {unknown:>9} {coverage:>9}"
            )?;
        }
        more(groups.len(), out)
    }

    fn write_keys(&self, out: &mut impl Write) -> io::Result<()> {
        let bold = Style::new().bold();
        let keys = keys(self.resources, &self.head.required);
        writeln!(out, "\n{bold}By key{bold:#}: resources that have it")?;
        for (key, count) in keys.iter().take(SHOWN) {
            let required = if self.head.required.contains(key) { "  required" } else { "" };
            writeln!(out, "  {:<40} {:>9}{required}", visible(key), thousands(*count))?;
        }
        more(keys.len(), out)
    }
}

/// Sources, where they were asked, and how many resources they showed. Where several show nothing, they are one line.
fn folded(inventory: &[Inventory]) -> Vec<(InventorySource, String, u64)> {
    let mut empty: BTreeMap<InventorySource, Vec<&str>> = BTreeMap::new();
    let mut lines = Vec::new();
    for one in inventory {
        match one.resources {
            0 => empty.entry(one.source).or_default().push(&one.region),
            count => lines.push((one.source, one.region.clone(), count)),
        }
    }
    for (source, regions) in empty {
        let place = match regions.as_slice() {
            [region] => (*region).to_owned(),
            regions => format!("{} Regions", regions.len()),
        };
        lines.push((source, place, 0));
    }
    lines.sort_by_key(|(source, _, count)| (*source, *count == 0));
    lines
}

fn more(count: usize, out: &mut impl Write) -> io::Result<()> {
    match count.checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => writeln!(out, "  and {more} more"),
        None => Ok(()),
    }
}

const fn meaning(state: State) -> &'static str {
    match state {
        State::Ours => "all required tags, and as owner whom we wrote or the past names",
        State::TaggedOtherwise => "all required tags; another owner, or nothing says that it is ours",
        State::Incomplete => "lack a required tag; a tag or the past names an owner",
        State::OwnerUnknown => "lack a required tag, and nothing names an owner for certain",
    }
}

/// `1,234,567`.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && digits.len().saturating_sub(nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Inventory, InventorySource, folded, thousands};

    #[test]
    fn regions_in_which_nothing_is_shown_are_one_line() {
        use InventorySource::{GetResources, History};
        let one = |source, region: &str, resources| Inventory {
            source,
            account: "111122223333".to_owned(),
            region: region.to_owned(),
            resources,
            cannot_see: Vec::new(),
        };
        let all = [
            one(GetResources, "eu-north-1", 0),
            one(History, "eu-north-1", 0),
            one(GetResources, "eu-west-1", 3),
            one(History, "eu-west-1", 0),
        ];
        let lines = folded(&all);
        let lines: Vec<_> =
            lines.iter().map(|(source, place, count)| (*source, place.as_str(), *count)).collect();
        let expected =
            [(GetResources, "eu-west-1", 3), (GetResources, "eu-north-1", 0), (History, "2 Regions", 0)];
        assert_eq!(lines, expected);
    }

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<String> = [0, 999, 1_000, 1_234_567].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
