//! The output of `probe`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use aws_tags::deployment::probe_policies::{documents, live_document};
use aws_tags::deployment::resource_names::PREFIX;
use aws_tags::probing::{OwnAnswer, ProbedType, TAG, TaggingApiAnswer};
use aws_tags::table;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::ask::{Asker, Found};
use super::inquiry::Inquiry;
use crate::console::{End, complain, visible, write_json};

/// Types of one kind of answer that are named; the file has all.
const NAMED: usize = 40;

/// Writes what is found, and how long it takes.
pub(super) struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
    bar: ProgressBar,
    found: Vec<ProbedType>,
    tagged: Vec<String>,
}

/// Prints what would be asked.
pub(super) fn show(asker: &Asker, left: &[Inquiry], json: bool, out: &mut impl Write) -> io::Result<End> {
    for inquiry in left {
        let region = asker.region_of(inquiry);
        let read = inquiry.read.map(|read| read.operation.name);
        let tag = inquiry.tag.map(|tag| tag.operation.name);
        let operations: Vec<&str> = ["tag:TagResources"].into_iter().chain(read).chain(tag).collect();
        let invented = asker.invented(inquiry);
        let first = invented.first().map(|one| one.arn.as_str());
        if json {
            let line = json!({"type": inquiry.resource_type, "region": region, "arn": first, "operations": operations});
            write_json(out, &line)?;
            continue;
        }
        match first {
            Some(arn) => writeln!(
                out,
                "{:<40} {arn}\n  in {region}: {}",
                inquiry.resource_type,
                operations.join(", ")
            )?,
            None => writeln!(out, "{:<40} not probed: {}", inquiry.resource_type, inquiry.why_not())?,
        }
    }
    Ok(End::Done)
}

/// Prints the policies that a probe of all services needs.
pub(super) fn policies(json: bool, out: &mut impl Write) -> io::Result<End> {
    let numbered = documents(table::all()).into_iter().zip(1..);
    let named = numbered.map(|(document, nth)| (format!("{PREFIX}probe-{nth}"), document));
    for (name, document) in named.chain([(format!("{PREFIX}probe-live"), live_document())]) {
        match json {
            true => write_json(out, &json!({"name": name, "document": document}))?,
            false => writeln!(out, "{name}\n{document:#}\n")?,
        }
    }
    Ok(End::Done)
}

impl<'a, W: Write> Report<'a, W> {
    pub(super) fn new(out: &'a mut W, json: bool, count: usize) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if io::stderr().is_terminal() && count > 0 {
            let style = ProgressStyle::with_template("{pos} of {len} types, about {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        }
        bar.set_length(count.try_into().unwrap_or(u64::MAX));
        Self { out, json, bar, found: Vec::new(), tagged: Vec::new() }
    }

    pub(super) fn write(&mut self, found: &Found) -> io::Result<()> {
        self.bar.inc(1);
        self.tagged.extend(found.tagged.iter().cloned());
        self.found.push(found.probed.clone());
        match self.json {
            true => self.bar.suspend(|| write_json(self.out, &found.probed)),
            false => Ok(()),
        }
    }

    /// Makes room for other lines.
    pub(super) fn hide(&self) {
        self.bar.finish_and_clear();
    }

    /// What was found, in numbers and by name; `known` types were in the file already.
    pub(super) fn end(&mut self, path: &Path, known: usize) -> io::Result<End> {
        self.hide();
        if !self.tagged.is_empty() {
            let (count, key) = (self.tagged.len(), TAG.0);
            complain(&format!(
                "{count} invented ARNs took the tag `{key}`, though nothing is there; to remove it, give them to"
            ));
            complain(&format!(
                "`aws resourcegroupstaggingapi untag-resources --tag-keys {key} --resource-arn-list …`:"
            ));
            self.tagged.iter().for_each(|arn| complain(arn));
        }
        if self.json {
            return Ok(End::Done);
        }
        let answers = |answer| {
            self.found
                .iter()
                .filter(move |one| one.tag_resources.as_ref().is_some_and(|one| one.answer == answer))
        };
        let not_probed = self.found.iter().filter(|one| one.not_probed.is_some()).count();
        writeln!(
            self.out,
            "tag:TagResources: accepted {}, refused {}, unclear {}; not probed {not_probed}; known before {known}",
            answers(TaggingApiAnswer::Accepted).count(),
            answers(TaggingApiAnswer::Refused).count(),
            answers(TaggingApiAnswer::Unclear).count(),
        )?;
        let mut own: BTreeMap<OwnAnswer, usize> = BTreeMap::new();
        let operations = || self.found.iter().flat_map(|one| [&one.read, &one.tag]).flatten();
        operations().for_each(|one| *own.entry(one.answer).or_default() += 1);
        let counts: Vec<String> =
            own.iter().map(|(answer, count)| format!("{} {count}", answer.as_str())).collect();
        writeln!(
            self.out,
            "own operations: {}\n",
            if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
        )?;
        let said =
            |one: &ProbedType| one.tag_resources.as_ref().map(|one| one.said.clone()).unwrap_or_default();
        let lines = |answer| answers(answer).map(|one| (one.resource_type.clone(), said(one))).collect();
        let refused: Vec<_> = lines(TaggingApiAnswer::Refused);
        let unclear: Vec<_> = lines(TaggingApiAnswer::Unclear);
        let unlike: Vec<_> = self.found.iter().flat_map(unlike_the_model).collect();
        self.list(AnsiColor::Yellow, "Refused by tag:TagResources", refused)?;
        self.list(AnsiColor::Magenta, "Unclear", unclear)?;
        self.list(AnsiColor::Red, "Operations unlike their models", unlike)?;
        writeln!(self.out, "The answers are in {}.", visible(path.display()))?;
        Ok(End::Done)
    }

    fn list(&mut self, color: AnsiColor, title: &str, lines: Vec<(String, String)>) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let (color, dim) = (color.on_default(), Style::new().dimmed());
        writeln!(self.out, "{color}{title}:{color:#}")?;
        for (what, said) in lines.iter().take(NAMED) {
            writeln!(self.out, "  {:<40} {dim}{}{dim:#}", visible(what), visible(said))?;
        }
        match lines.len().checked_sub(NAMED).filter(|more| *more > 0) {
            Some(more) => writeln!(self.out, "  and {more} more\n"),
            None => writeln!(self.out),
        }
    }
}

/// A type's operations that do not answer as their models say: operation on type, and what AWS said.
fn unlike_the_model(one: &ProbedType) -> Vec<(String, String)> {
    let unlike = [&one.read, &one.tag].into_iter().flatten().filter(|own| own.answer.contradicts_the_model());
    let line = |own: &aws_tags::probing::Observed<OwnAnswer>| {
        let operation = own.operation.as_deref().unwrap_or_default();
        (format!("{operation} on {}", one.resource_type), own.said.clone())
    };
    unlike.map(line).collect()
}
