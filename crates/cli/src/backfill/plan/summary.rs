//! What a plan comes to: first what a reader decides by, and where the rest is.

use std::collections::BTreeMap;
use std::io::{self, Write};

use aws_tags::backfill::asked::resource;
use aws_tags::backfill::plan::{Planned, State};
use aws_tags::backfill::verdict::Verdict;
use aws_tags::table::Route;
use aws_tags::tags::TagSource;
use serde::Serialize;

use super::super::run::{About, Run};
use super::Shown;
use crate::console::{visible, write_json};

/// Names that are shown; the rest is counted.
const SHOWN: usize = 3;
/// `TagResources` takes 20 ARNs a call, `CreateTags` of EC2 1,000 ids.
const PER_CALL: u64 = 20;
const PER_EC2_CALL: u64 = 1000;
/// Tagging calls a second, in a Region.
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html>
const CALLS_A_SECOND: u64 = 5;

/// Counts of a plan's lines.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    states: BTreeMap<&'static str, u64>,
    /// Of the resources that get tags: how many get each key, and how many are each owner's and service's.
    keys: BTreeMap<String, u64>,
    owners: BTreeMap<String, u64>,
    services: BTreeMap<String, u64>,
    /// Of those that are tagged already, how many keep an owner that is another's.
    other_owners: u64,
    doubts: BTreeMap<&'static str, u64>,
    unreadable: BTreeMap<String, u64>,
    calls: u64,
    #[serde(skip)]
    batch: Option<Batch>,
}

/// The lines that share calls: they stand one after the other.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    alike: [String; 4],
    per_call: u64,
    count: u64,
}

fn one_more<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

impl Summary {
    pub(super) fn count(&mut self, verdict: &Verdict) {
        let planned = &verdict.planned;
        one_more(&mut self.states, planned.state.as_str());
        if let Some(doubt) = verdict.doubt {
            one_more(&mut self.doubts, doubt.as_str());
        }
        match planned.state {
            State::Add => self.add(verdict, planned),
            State::Unreadable => one_more(&mut self.unreadable, planned.resource_type.clone()),
            _ => {}
        }
    }

    fn add(&mut self, verdict: &Verdict, planned: &Planned) {
        for tag in &planned.add {
            one_more(&mut self.keys, tag.key.clone());
            if tag.source == TagSource::Owner.as_str() {
                one_more(&mut self.owners, tag.value.clone());
            }
        }
        if !planned.add.iter().any(|tag| tag.source == TagSource::Owner.as_str()) {
            self.other_owners = self.other_owners.saturating_add(1);
        }
        let service = planned.resource_type.split(':').next().unwrap_or_default();
        one_more(&mut self.services, service.to_owned());
        let tags = planned.add.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>();
        let alike = [planned.account.clone(), planned.region.clone(), service.to_owned(), tags.join("\n")];
        match self.batch.as_mut().filter(|batch| batch.alike == alike) {
            Some(batch) => batch.count = batch.count.saturating_add(1),
            None => {
                self.end_batch();
                let per_call = match resource(verdict).map(|resource| resource.route) {
                    Some(Route::Ec2CreateTags) => PER_EC2_CALL,
                    Some(Route::TaggingApi(_)) => PER_CALL,
                    _ => 1,
                };
                self.batch = Some(Batch { alike, per_call, count: 1 });
            }
        }
    }

    fn end_batch(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.calls = self.calls.saturating_add(batch.count.div_ceil(batch.per_call.max(1)));
        }
    }

    fn of(&self, state: State) -> u64 {
        self.states.get(state.as_str()).copied().unwrap_or(0)
    }

    /// Shows a plan.
    pub(super) fn show(&mut self, out: &mut impl Write, run: &Run, shown: Shown<'_>) -> io::Result<()> {
        self.end_batch();
        let Shown::Text(command) = shown else {
            let plan = run.plan().display().to_string();
            return write_json(out, &InJson { about: &run.about, plan, summary: self });
        };
        self.head(out, &run.about)?;
        self.table(out, &run.about)?;
        let to_tag = self.of(State::Add);
        write!(out, "Calls: {}, {}. ", grouped(self.calls), about(self.calls / CALLS_A_SECOND))?;
        let is_applied = run.is_applied();
        let changed = if is_applied { "Tags were written by this plan" } else { "Nothing was changed" };
        write!(out, "{changed}. Details: {}.", visible(run.plan().display()))?;
        match command {
            Some(command) if is_applied => {
                writeln!(out, " What is left: {}", visible(command))?;
                writeln!(out, "Take them back: aws-tags undo {}", visible(&run.about.run))
            }
            _ if to_tag == 0 => writeln!(out, " There is nothing to do."),
            Some(command) => writeln!(out, " Do it: {}", visible(command)),
            None => writeln!(out),
        }
    }

    fn head(&self, out: &mut impl Write, about: &About) -> io::Result<()> {
        let account = match &about.given.account {
            Some(account) => format!("account {account}"),
            None => "offline: present tags are unknown, and some of it may be gone".to_owned(),
        };
        let filters: Vec<String> =
            about.given.filters.iter().map(|(name, value)| format!(", {name} {value}")).collect();
        writeln!(out, "Plan {}: {account}{}", about.run, visible(filters.concat()))
    }

    fn table(&self, out: &mut impl Write, about: &About) -> io::Result<()> {
        let row = |out: &mut dyn Write, what: &str, count: u64, of_which: &str| {
            let line = format!("  {what:<22}{:>11}   {}", grouped(count), visible(of_which));
            writeln!(out, "{}", line.trim_end())
        };
        writeln!(out, "{:<24}{:>11}   of which", "", "resources")?;
        row(out, "to tag", self.of(State::Add), &self.keys_by_count())?;
        let offline = about.given.account.is_none();
        if !offline || self.of(State::Complete) > 0 {
            row(out, "tagged already", self.of(State::Complete), "")?;
        }
        row(out, "gone", self.of(State::Gone), "")?;
        row(out, "unsure", self.of(State::Unsure), &all_by_count(&self.doubts))?;
        for (what, state, of_which) in [
            ("unreadable", State::Unreadable, top(&self.unreadable)),
            ("left alone", State::Excluded, String::new()),
        ] {
            if self.of(state) > 0 {
                row(out, what, self.of(state), &of_which)?;
            }
        }
        let counts = &about.counts;
        for (what, count, why) in [
            ("calls without names", counts.unresolvable, "their records do not tell what was created"),
            (
                "only AWS could name",
                counts.to_look_up,
                if offline {
                    "not looked up: offline"
                } else {
                    "found no more, or of accounts that were not asked"
                },
            ),
        ] {
            if count > 0 {
                row(out, what, count, why)?;
            }
        }
        for (what, counts) in [("By owner", &self.owners), ("By service", &self.services)] {
            if !counts.is_empty() {
                writeln!(out, "  {what:<11} {}", visible(top(counts)))?;
            }
        }
        match counts.unread {
            0 => Ok(()),
            unread => {
                writeln!(out, "  Not read    {unread} files or records: their events are missing above")
            }
        }
    }

    fn keys_by_count(&self) -> String {
        let all = all_by_count(&self.keys.iter().map(|(key, count)| (key.as_str(), *count)).collect());
        match self.other_owners {
            0 => all,
            others => format!("{all} · {others} keep their owner"),
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct InJson<'a> {
    #[serde(flatten)]
    about: &'a About,
    plan: String,
    #[serde(flatten)]
    summary: &'a Summary,
}

fn by_count<K: Ord + Clone>(counts: &BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut sorted: Vec<(K, u64)> = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

fn all_by_count(counts: &BTreeMap<&str, u64>) -> String {
    let all = by_count(counts).into_iter().map(|(key, count)| format!("{} {key}", grouped(count)));
    all.collect::<Vec<_>>().join(" · ")
}

fn top(counts: &BTreeMap<String, u64>) -> String {
    let all = by_count(counts);
    let shown = all.iter().take(SHOWN).map(|(key, count)| format!("{key} {}", grouped(*count)));
    let more = all.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("{more} more"));
    shown.chain(more).collect::<Vec<_>>().join(" · ")
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn about(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("about {} s at {CALLS_A_SECOND}/s", seconds.max(1)),
        _ => format!("about {} min at {CALLS_A_SECOND}/s", grouped(seconds.div_ceil(60))),
    }
}
