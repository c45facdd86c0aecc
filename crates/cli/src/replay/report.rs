//! The output of `replay`: a few lines per event, and a summary.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use aws_tags::record::timestamp;
use aws_tags::table::Lookup;
use aws_tags::tagging::{Dropped, Handling, ResourceOutcome, ResourceSkip, TagResult, Unfinished};
use aws_tags::tags::{Tag, TagSource};
use aws_tags::{Effect, Outcome, SessionMatch, Settings};
use clap::Args;
use serde::Serialize;

use super::Asked;
use super::filter::outcome_of;
use super::summary::Summary;
use crate::console::{visible, write_json};
use crate::describe::{self, SessionFields};
use crate::input::{Reading, Record};

/// How much is shown to people.
#[derive(Clone, Copy, Default, Args)]
pub(super) struct Detail {
    /// Also show calls that create nothing.
    #[arg(long, conflicts_with_all = ["quiet", "summary"])]
    all: bool,
    /// Show only what could not be tagged, and the summary.
    #[arg(long, short, conflicts_with = "summary")]
    quiet: bool,
    /// Show only the summary; with --json, on standard error.
    #[arg(long)]
    summary: bool,
}

/// Writes what became of each event, and counts it.
pub(super) struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
    detail: Detail,
    asked: Asked,
    settings: &'a Settings,
    summary: Summary,
    /// Whether an event was written.
    has_lines: bool,
}

impl Asked {
    pub(super) const fn writes(self) -> bool {
        #[cfg(feature = "aws")]
        let writes = matches!(self, Self::AwsAndWritten);
        #[cfg(not(feature = "aws"))]
        let writes = false;
        writes
    }
}

impl<'a, W: Write> Report<'a, W> {
    pub(super) fn new(
        out: &'a mut W,
        json: bool,
        detail: Detail,
        asked: Asked,
        settings: &'a Settings,
    ) -> Self {
        Self { out, json, detail, asked, settings, summary: Summary::default(), has_lines: false }
    }

    pub(super) const fn asked(&self) -> Asked {
        self.asked
    }

    /// Whether a call with this effect can be of interest: not one that creates nothing.
    pub(super) fn shows(&self, effect: &Effect) -> bool {
        let is_of_interest = matches!(
            effect,
            Effect::Created(_) | Effect::Unresolvable(_) | Effect::Session(_) | Effect::NotOurs(_)
        ) || effect.unresolvable().is_some();
        is_of_interest || self.detail.all || self.json
    }

    /// Counts a call that is not shown.
    pub(super) fn count_unshown(&mut self, effect: &Effect) {
        self.summary.add_unshown(effect);
    }

    /// Writes what became of an event.
    pub(super) fn add(&mut self, record: &Record, outcome: &Outcome) -> io::Result<()> {
        self.summary.add(outcome, self.asked, |tags| self.settings.owner_of(tags));
        let is_problem =
            matches!(outcome.as_str(), "failed" | "late" | "unresolvable") || is_unfinished(outcome);
        if self.detail.summary || self.detail.quiet && !is_problem {
            return Ok(());
        }
        self.has_lines = true;
        match self.json {
            true => write_json(self.out, &Line::new(record, outcome, self.asked)),
            false => self.write_text(record, outcome),
        }
    }

    fn write_text(&mut self, Record { event, .. }: &Record, outcome: &Outcome) -> io::Result<()> {
        let at = event.time().map_or_else(String::new, timestamp::format);
        let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
        writeln!(
            self.out,
            "{dim}{at:<20}{dim:#} {bold}{}{bold:#} by {}",
            visible(&event.name),
            visible(describe::short(&outcome.principal))
        )?;
        if let Effect::Session(session) = &outcome.effect {
            let tags: Vec<_> = session.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let tags = if tags.is_empty() { "no tags".to_owned() } else { tags.join(" ") };
            let name = session.arn.as_deref().unwrap_or(&session.account);
            return writeln!(self.out, "  session {}: {}", visible(name), visible(tags));
        }
        if let Some(why) = why_nothing(outcome) {
            return writeln!(self.out, "  {dim}{}{dim:#}", visible(why));
        }
        let Some(tagging) = outcome.tagging() else { return self.write_retries(outcome) };
        match tagging.session {
            SessionMatch::Unknown => writeln!(self.out, "  {dim}session not in the replayed records{dim:#}")?,
            SessionMatch::Ambiguous => writeln!(self.out, "  session ambiguous: its tags are left out")?,
            _ => {}
        }
        if let Some(parent) = &tagging.parent {
            let parent = visible(parent);
            let is_its = tagging.merged.tags.iter().any(|tag| tag.source == TagSource::Parent);
            let says = if is_its {
                format!("tags of {parent}")
            } else {
                format!("for {parent}, whose owner is not known")
            };
            writeln!(self.out, "  {dim}{says}{dim:#}")?;
        }
        for made in &tagging.resources {
            self.write_resource(made)?;
        }
        for lookup in lookups(outcome) {
            writeln!(self.out, "  {dim}needs a lookup in AWS: {}{dim:#}", visible(lookup))?;
        }
        for Dropped { key, source, reason } in &tagging.merged.dropped {
            writeln!(self.out, "  {dim}not used: {} ({source}): {reason}{dim:#}", visible(key))?;
        }
        self.write_retries(outcome)
    }

    /// Why the event as a whole would be retried; a failed resource has its own line.
    fn write_retries(&mut self, outcome: &Outcome) -> io::Result<()> {
        unfinished(outcome)
            .iter()
            .try_for_each(|reason| writeln!(self.out, "  unfinished: {}", visible(reason)))
    }

    fn write_resource(&mut self, made: &ResourceOutcome) -> io::Result<()> {
        let (green, red) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
        let arn = visible(&made.resource.arn);
        match &made.result {
            TagResult::Skipped(why @ ResourceSkip::OptIn(_)) => {
                return writeln!(self.out, "  {arn} is {}", visible(why));
            }
            TagResult::Skipped(why) => return writeln!(self.out, "  {arn} is left alone: {}", visible(why)),
            TagResult::Late => {
                writeln!(self.out, "  {arn} is late: another resource may have its name by now")?
            }
            TagResult::Failed(why) => writeln!(self.out, "  {red}{arn}{red:#} failed: {}", visible(why))?,
            TagResult::Tagged => writeln!(self.out, "  {green}{arn}{green:#}")?,
        }
        for Tag { key, value, source } in &made.tags {
            writeln!(self.out, "    {source:<8} {}", visible(format_args!("{key}={value}")))?;
        }
        for Dropped { key, source, reason } in &made.dropped {
            writeln!(self.out, "    {source:<8} {} is dropped: {}", visible(key), visible(reason))?;
        }
        Ok(())
    }

    /// Ends with a summary. Whether everything that was created is tagged, or left alone on purpose.
    pub(super) fn end(self, reading: &Reading) -> io::Result<bool> {
        if !self.json {
            if self.has_lines {
                writeln!(self.out)?;
            }
            self.summary.write(self.out, self.asked, reading)?;
        } else if self.detail.summary {
            self.summary.write(&mut anstream::stderr(), self.asked, reading)?;
        }
        Ok(self.summary.is_all_good())
    }
}

/// Why nothing was done, in words.
fn why_nothing(outcome: &Outcome) -> Option<String> {
    match &outcome.handling {
        Handling::Skipped(skip) => Some(format!("skipped: {skip}")),
        Handling::Unresolvable => None,
        Handling::Tagging(_) if !matches!(outcome.effect, Effect::Deployed(_)) => None,
        Handling::NotACreation | Handling::LookedAfter(_) | Handling::Swept(_) | Handling::Tagging(_) => {
            Some(match outcome.effect.reason() {
                Some(reason) => format!("{}: {reason}", outcome.effect.as_str()),
                None => outcome.effect.as_str().to_owned(),
            })
        }
    }
}

/// Whether tags of its resources are not known yet, or not all of its resources are found.
pub(super) fn is_unfinished(outcome: &Outcome) -> bool {
    outcome.tagging().is_some_and(|tagging| !tagging.unfinished.is_empty())
}

/// Why the event as a whole would come again.
fn unfinished(outcome: &Outcome) -> Vec<String> {
    let of_resource =
        |reason: &Unfinished| matches!(reason, Unfinished::Resource { .. } | Unfinished::Late(_));
    let reasons = outcome.unfinished().into_iter().filter(|reason| !of_resource(reason));
    reasons.map(|reason| reason.to_string()).collect()
}

/// What only AWS can name.
pub(super) fn lookups(outcome: &Outcome) -> &[Lookup] {
    outcome.tagging().map_or(&[], |tagging| &tagging.lookups)
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    file: &'a str,
    event_time: Option<String>,
    event_source: &'a str,
    event_name: &'a str,
    principal: String,
    outcome: &'static str,
    /// Whether AWS was told: else the resources would be tagged.
    applied: bool,
    reason: Option<String>,
    session_match: &'static str,
    session: Option<SessionFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    resources: Vec<ResourceFields<'a>>,
    lookups: Vec<String>,
    unfinished: Vec<String>,
}

#[derive(Serialize)]
struct ResourceFields<'a> {
    arn: &'a str,
    tags: BTreeMap<&'a str, TagFields<'a>>,
    dropped: BTreeMap<&'a str, &'a str>,
    skipped: Option<String>,
    late: bool,
    failed: Option<String>,
}

#[derive(Serialize)]
struct TagFields<'a> {
    value: &'a str,
    source: &'static str,
}

impl<'a> Line<'a> {
    fn new(record: &'a Record, outcome: &'a Outcome, asked: Asked) -> Self {
        let event = &record.event;
        let tagging = outcome.tagging();
        let session = match (&outcome.effect, tagging.map(|tagging| &tagging.session)) {
            (Effect::Session(session), _) | (_, Some(SessionMatch::Found(session))) => Some(session.as_ref()),
            _ => None,
        };
        Self {
            file: &record.file,
            event_time: event.time().map(timestamp::format),
            event_source: &event.source,
            event_name: &event.name,
            principal: describe::principal(&outcome.principal),
            outcome: outcome_of(outcome, asked),
            applied: asked.writes(),
            reason: why_nothing(outcome),
            session_match: tagging
                .map_or(SessionMatch::NoSession.as_str(), |tagging| tagging.session.as_str()),
            session: session.map(SessionFields::from),
            parent: tagging.and_then(|tagging| tagging.parent.as_ref()).map(ToString::to_string),
            resources: outcome.resources().iter().map(ResourceFields::from).collect(),
            lookups: lookups(outcome).iter().map(ToString::to_string).collect(),
            unfinished: unfinished(outcome),
        }
    }
}

impl<'a> From<&'a ResourceOutcome> for ResourceFields<'a> {
    fn from(made: &'a ResourceOutcome) -> Self {
        let tag =
            |tag: &'a Tag| (tag.key.as_str(), TagFields { value: &tag.value, source: tag.source.as_str() });
        let reason_if = |shown: bool| made.result.reason().filter(|_| shown);
        Self {
            arn: made.resource.arn.as_str(),
            tags: made.tags.iter().map(tag).collect(),
            dropped: made.dropped.iter().map(|one| (one.key.as_str(), one.reason.as_str())).collect(),
            skipped: reason_if(matches!(made.result, TagResult::Skipped(_))),
            late: made.result == TagResult::Late,
            failed: reason_if(matches!(made.result, TagResult::Failed(_))),
        }
    }
}
