//! What `replay` did in all.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;
use aws_tags::tagging::{DropReason, Handling, ResourceSkip, TagResult};
use aws_tags::{Effect, Outcome};

use super::Asked;
use super::report::{is_unfinished, lookups};
use crate::console::visible;
use crate::input::Reading;

/// Owners and reasons that are listed; the rest is counted.
const LISTED: usize = 10;

/// Counts over all events.
#[derive(Default)]
pub(super) struct Summary {
    events: usize,
    sessions: usize,
    tagged: usize,
    failed: usize,
    late: usize,
    unresolvable: usize,
    /// Creations of which AWS alone can name a resource, or could not.
    lookups: usize,
    /// Events that would come again: not all tags are known, or not all resources found.
    unfinished: usize,
    /// Tags that stay as they are.
    kept: usize,
    /// Tagged resources by owner.
    owners: BTreeMap<String, usize>,
    /// Resources and events that are left alone, by the reason.
    left_alone: BTreeMap<String, usize>,
    /// Calls that create nothing, by what they are.
    others: BTreeMap<&'static str, usize>,
}

impl Summary {
    /// An event that is not shown.
    pub(super) fn add_unshown(&mut self, effect: &Effect) {
        self.events += 1;
        *self.others.entry(kind(effect)).or_default() += 1;
    }

    pub(super) fn add(
        &mut self,
        outcome: &Outcome,
        asked: Asked,
        owner: impl Fn(&[aws_tags::tags::Tag]) -> Option<&str>,
    ) {
        self.events += 1;
        if let Effect::Session(_) = outcome.effect {
            self.sessions += 1;
            return;
        }
        match &outcome.handling {
            Handling::Skipped(why) => *self.left_alone.entry(why.to_string()).or_default() += 1,
            Handling::Unresolvable => self.unresolvable += 1,
            Handling::NotACreation | Handling::LookedAfter(_) | Handling::Swept(_) => {
                *self.others.entry(kind(&outcome.effect)).or_default() += 1
            }
            Handling::Tagging(_) if matches!(outcome.effect, Effect::Deployed(_)) => {
                *self.others.entry(kind(&outcome.effect)).or_default() += 1
            }
            Handling::Tagging(_) => {
                let is_open = match asked {
                    Asked::Nobody => !lookups(outcome).is_empty(),
                    #[cfg(feature = "aws")]
                    _ => outcome.resources().is_empty(),
                };
                self.lookups += usize::from(is_open);
            }
        }
        self.unfinished += usize::from(is_unfinished(outcome));
        for made in outcome.resources() {
            match &made.result {
                TagResult::Tagged => {
                    self.tagged += 1;
                    let owner =
                        owner(&made.tags).unwrap_or("nobody: its owner tag is there, or waits").to_owned();
                    *self.owners.entry(owner).or_default() += 1;
                }
                TagResult::Failed(_) => self.failed += 1,
                TagResult::Late => self.late += 1,
                TagResult::Skipped(why) => *self.left_alone.entry(reason(why)).or_default() += 1,
            }
            self.kept += made.dropped.iter().filter(|dropped| dropped.reason == DropReason::Present).count();
        }
    }

    /// Whether everything that was created is tagged, or left alone on purpose.
    pub(super) const fn is_all_good(&self) -> bool {
        self.failed == 0 && self.late == 0 && self.unresolvable == 0 && self.unfinished == 0
    }

    pub(super) fn write(&self, out: &mut impl Write, asked: Asked, reading: &Reading) -> io::Result<()> {
        let dim = Style::new().dimmed();
        let tagged = if asked.writes() { "tagged" } else { "would be tagged" };
        let sum = |counts: &BTreeMap<String, usize>| counts.values().sum::<usize>();
        let mut resources = vec![format!("{} {tagged}", self.tagged)];
        let unanswered = if asked == Asked::Nobody { "need a lookup in AWS" } else { "were not found" };
        for (count, what) in [
            (self.failed, "failed"),
            (self.late, "late"),
            (self.unresolvable, "unresolvable"),
            (self.lookups, unanswered),
            (sum(&self.left_alone), "left alone"),
        ] {
            if count > 0 {
                resources.push(format!("{count} {what}"));
            }
        }
        writeln!(out, "{:<11} {}", "resources", resources.join(", "))?;
        if self.kept > 0 {
            writeln!(out, "{:<11} {} were there and stay", "tags", self.kept)?;
        }
        if self.unfinished > 0 {
            writeln!(
                out,
                "{:<11} {} events: not all of their tags could be read",
                "unfinished", self.unfinished
            )?;
        }
        table(out, "owners", &self.owners)?;
        table(out, "left alone", &self.left_alone)?;
        let mut calls = vec![format!("{} events", self.events)];
        if self.sessions > 0 {
            calls.push(format!("{} started sessions", self.sessions));
        }
        calls.extend(self.others.iter().map(|(what, count)| format!("{count} {what}")));
        writeln!(out, "{:<11} {}", "calls", calls.join(", "))?;
        if !reading.others.is_empty() {
            let others: Vec<_> =
                reading.others.iter().map(|(what, count)| format!("{what}: {count}")).collect();
            writeln!(out, "{:<11} {}", "no records", others.join(", "))?;
        }
        if reading.unread > 0 {
            writeln!(out, "{:<11} {} records or files, as standard error says", "not read", reading.unread)?;
        }
        if asked == Asked::Nobody && self.tagged > 0 {
            writeln!(
                out,
                "{dim}No AWS was asked: only the tags that records show are known to be there.{dim:#}"
            )?;
        }
        Ok(())
    }
}

/// What a call that creates nothing is.
fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::NotASession(_) => "start no session",
        Effect::NotOurs(_) => "in other accounts",
        Effect::FailedCall(_) => "failed calls",
        Effect::Deployed(_) => "deploys of stacks",
        effect => effect.as_str(),
    }
}

/// Counts by text, the largest first.
fn table(out: &mut impl Write, title: &str, counts: &BTreeMap<String, usize>) -> io::Result<()> {
    let mut rows: Vec<(&String, &usize)> = counts.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (nth, (text, count)) in rows.iter().take(LISTED).enumerate() {
        let text = text.strip_prefix(title).unwrap_or(text).trim_start();
        writeln!(out, "{:<11} {count:>6}  {}", if nth == 0 { title } else { "" }, visible(text))?;
    }
    if let more @ 1.. = rows.len().saturating_sub(LISTED) {
        let rest: usize = rows.iter().skip(LISTED).map(|(_, count)| **count).sum();
        writeln!(out, "{:<11} {rest:>6}  of {more} more", "")?;
    }
    Ok(())
}

/// Why a resource is left alone, without what is its own.
fn reason(why: &ResourceSkip) -> String {
    match why {
        ResourceSkip::Gone(_) => "gone".to_owned(),
        why => why.to_string(),
    }
}
