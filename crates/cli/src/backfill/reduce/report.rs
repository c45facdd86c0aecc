//! What was read, kept, left out and could not be read: for people, and as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::LeftOut;
use super::output::Counts;
use super::progress::Progress;
use crate::console::{End, complain, visible, write_json};

pub(in crate::backfill) struct Report {
    progress: Arc<Progress>,
    records: u64,
    by_filter: u64,
    others: BTreeMap<&'static str, usize>,
    /// Each was named.
    unread: usize,
}

/// `--json`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    file: &'a str,
    files: u64,
    bytes: u64,
    records: u64,
    creations: u64,
    sessions: u64,
    endings: u64,
    deploys: u64,
    again: u64,
    left_out_by_filters: u64,
    others: &'a BTreeMap<&'static str, usize>,
    unread: usize,
}

impl Report {
    pub(super) const fn new(progress: Arc<Progress>) -> Self {
        Self { progress, records: 0, by_filter: 0, others: BTreeMap::new(), unread: 0 }
    }

    pub(super) fn left_out(&mut self, what: LeftOut) {
        match what {
            LeftOut::ByFilter => self.by_filter = self.by_filter.saturating_add(1),
            LeftOut::Neighbour => self.other("digests and insights", 1),
            LeftOut::Other => self.other("other files", 1),
        }
    }

    pub(super) fn other(&mut self, kind: &'static str, count: usize) {
        let known = self.others.entry(kind).or_default();
        *known = known.saturating_add(count);
    }

    pub(super) const fn records(&mut self, count: u64) {
        self.records = self.records.saturating_add(count);
    }

    /// Names what could not be read.
    pub(super) fn unread(&mut self, name: &str, reason: &str) {
        self.unread = self.unread.saturating_add(1);
        self.progress.around(|| complain(&format!("{name}: {reason}")));
    }

    /// Counts what could not be read, and was named by a count only.
    pub(super) const fn also_unread(&mut self, count: usize) {
        self.unread = self.unread.saturating_add(count);
    }

    /// How many records were read.
    pub(in crate::backfill) const fn records_read(&self) -> u64 {
        self.records
    }

    /// How many files and records were not, each of which was named.
    pub(in crate::backfill) const fn not_read(&self) -> usize {
        self.unread
    }

    pub(in crate::backfill) fn write(
        &self,
        file: &Path,
        counts: &Counts,
        json: bool,
        out: &mut impl Write,
    ) -> io::Result<End> {
        let name = file.display().to_string();
        match (name == "-", json) {
            (false, false) => self.for_people(&name, counts, out)?,
            (true, false) => self.for_people(&name, counts, &mut anstream::stderr())?,
            (false, true) => write_json(out, &self.line(&name, counts))?,
            (true, true) => write_json(&mut anstream::stderr(), &self.line(&name, counts))?,
        }
        Ok(match (self.unread, self.progress.files()) {
            (0, _) => End::Done,
            (_, 0) => End::BadInput,
            _ => End::Failed,
        })
    }

    fn line<'a>(&'a self, file: &'a str, counts: &Counts) -> Line<'a> {
        let Counts { creations, sessions, endings, deploys, again } = *counts;
        Line {
            file,
            files: self.progress.files(),
            bytes: self.progress.bytes(),
            records: self.records,
            creations,
            sessions,
            endings,
            deploys,
            again,
            left_out_by_filters: self.by_filter,
            others: &self.others,
            unread: self.unread,
        }
    }

    fn for_people(&self, file: &str, counts: &Counts, out: &mut impl Write) -> io::Result<()> {
        let (files, bytes) = (HumanCount(self.progress.files()), HumanBytes(self.progress.bytes()));
        writeln!(out, "read      {files} files, {bytes}; {} records", HumanCount(self.records))?;
        writeln!(out, "kept      {counts}")?;
        if counts.again > 0 {
            writeln!(out, "again     {} that were kept already", HumanCount(counts.again))?;
        }
        if self.by_filter > 0 {
            writeln!(out, "filtered  {} files, by their path", HumanCount(self.by_filter))?;
        }
        for (kind, count) in &self.others {
            writeln!(out, "left out  {} {kind}", HumanCount(wide(*count)))?;
        }
        if self.unread > 0 {
            writeln!(
                out,
                "not read  {}, named above: what they hold is missing",
                HumanCount(wide(self.unread))
            )?;
        }
        if file == "-" { Ok(()) } else { writeln!(out, "written   {}", visible(file)) }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
