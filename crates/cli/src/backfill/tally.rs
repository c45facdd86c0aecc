//! What a command did, and how it says so.

use std::collections::BTreeMap;
use std::io::{self, Write};

use aws_tags::backfill::journal::LeftBecause;
use aws_tags::tags::{Tag, TagMap};
use serde_json::{Value, json};

use super::work::Item;
use crate::console::{Progress, visible, write_json};

/// Failures that are shown; the journal has all.
const SHOWN: usize = 20;

/// What became of each resource.
pub(crate) struct Tally {
    of: BTreeMap<String, Outcome>,
    progress: Progress,
}

#[derive(Debug, Default)]
struct Outcome {
    done: TagMap,
    /// Keys that appeared since the plan, or the undoing.
    kept: Vec<String>,
    lacking: BTreeMap<String, String>,
    left: Option<LeftBecause>,
    failed: Option<String>,
}

/// How it ended for a resource.
pub(crate) enum End<'a> {
    Done { tags: &'a [Tag], lacking: BTreeMap<String, String> },
    Failed(String),
}

/// How a command speaks of what it did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// To a resource, e.g. `tagged`.
    pub(crate) done: &'static str,
    /// The same at the beginning of a line.
    pub(crate) headline: &'static str,
}

impl Tally {
    pub(crate) fn new(total: usize) -> Self {
        Self { of: BTreeMap::new(), progress: Progress::of(total, "resources") }
    }

    fn of(&mut self, arn: &str) -> &mut Outcome {
        let count = self.of.len() as u64;
        self.progress.set(count);
        self.of.entry(arn.to_owned()).or_default()
    }

    pub(crate) fn kept(&mut self, item: &Item, keys: &[String]) {
        self.of(item.resource.arn.as_str()).kept = keys.to_vec();
    }

    pub(crate) fn left(&mut self, arn: &str, because: &LeftBecause) {
        self.of(arn).left = Some(because.clone());
    }

    pub(crate) fn end(&mut self, item: &Item, end: End<'_>) {
        let outcome = self.of(item.resource.arn.as_str());
        match end {
            End::Done { tags, lacking } => {
                let done = tags.iter().filter(|tag| !lacking.contains_key(&tag.key));
                outcome.done.extend(done.map(|tag| (tag.key.clone(), tag.value.clone())));
                outcome.lacking = lacking;
                outcome.failed = None;
            }
            End::Failed(why) => outcome.failed = Some(why),
        }
    }

    pub(crate) fn end_progress(&mut self) {
        self.progress.end();
    }

    /// Whether anything failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.of.values().any(|outcome| outcome.failed.is_some())
    }

    /// One object a resource.
    pub(crate) fn write_json(&self, words: Words, out: &mut impl Write) -> io::Result<()> {
        for (arn, outcome) in &self.of {
            let mut line = json!({"arn": arn, "result": outcome.word(words)});
            let mut add = |name: &str, value: Value| line[name] = value;
            if !outcome.done.is_empty() {
                add("tags", json!(outcome.done));
            }
            if !outcome.kept.is_empty() {
                add("kept", json!(outcome.kept));
            }
            if !outcome.lacking.is_empty() {
                add("refused", json!(outcome.lacking));
            }
            if let Some(because) = &outcome.left {
                add("left", json!(because));
            }
            if let Some(why) = &outcome.failed {
                add("why", json!(why));
            }
            write_json(out, &line)?;
        }
        Ok(())
    }

    /// A few lines for people.
    pub(crate) fn write(&self, words: Words, out: &mut impl Write) -> io::Result<()> {
        let count = |is: &dyn Fn(&Outcome) -> bool| self.of.values().filter(|one| is(one)).count();
        let done = count(&|one| !one.done.is_empty());
        let keys = counted(self.of.values().flat_map(|one| one.done.keys().cloned()));
        let keys = if keys.is_empty() { String::new() } else { format!(": {keys}") };
        writeln!(out, "{} {}{keys}", words.headline, resources(done))?;
        let kept = counted(self.of.values().flat_map(|one| one.kept.iter().cloned()));
        let left = self.of.values().filter_map(|one| one.left.as_ref().map(LeftBecause::as_str));
        let left = counted(left.map(str::to_owned));
        let refused = counted(self.of.values().flat_map(|one| one.lacking.keys().cloned()));
        for (name, text) in [("kept", kept), ("left alone", left), ("refused tags", refused)] {
            if !text.is_empty() {
                writeln!(out, "  {name:<12}  {text}")?;
            }
        }
        for (arn, others) in self.of.iter().filter_map(|(arn, one)| Some((arn, one.left.as_ref()?.others()?)))
        {
            for (key, now) in others {
                let now =
                    now.as_ref().map_or("gone".to_owned(), |now| format!("`{now}` now, by somebody else"));
                writeln!(out, "  stays         {}", visible(format!("{arn} {key}: {now}")))?;
            }
        }
        let failed: Vec<_> =
            self.of.iter().filter_map(|(arn, one)| Some((arn, one.failed.as_ref()?))).collect();
        if !failed.is_empty() {
            writeln!(out, "  {:<12}  {}", "failed", failed.len())?;
        }
        for (arn, why) in failed.iter().take(SHOWN) {
            writeln!(out, "    {}", visible(format!("{arn}: {why}")))?;
        }
        if failed.len() > SHOWN {
            writeln!(out, "    and {} more, see the journal", failed.len().saturating_sub(SHOWN))?;
        }
        Ok(())
    }
}

impl Outcome {
    fn word(&self, words: Words) -> &'static str {
        match (&self.failed, &self.left, self.done.is_empty()) {
            (Some(_), ..) => "failed",
            (None, _, false) => words.done,
            (None, Some(because), true) => because.as_str(),
            (None, None, true) => "under-way",
        }
    }
}

/// `Owner 12 · Team 3`, the most frequent first.
pub(crate) fn counted(names: impl Iterator<Item = String>) -> String {
    counted_to(usize::MAX, names)
}

/// The same, of which the first are named.
pub(crate) fn counted_to(most: usize, names: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| {
        let count = counts.entry(name).or_default();
        *count = count.saturating_add(1);
    });
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let more = counts.len().saturating_sub(most);
    let shown = counts.iter().take(most).map(|(name, count)| format!("{} {count}", visible(name)));
    shown.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(" · ")
}

/// `1 resource`, `2 resources`.
pub(crate) fn resources(count: usize) -> String {
    match count {
        1 => "1 resource".to_owned(),
        count => format!("{count} resources"),
    }
}
