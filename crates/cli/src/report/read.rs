//! Reads audits: the resources of the latest, and of all how many are in which state.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use aws_tags::audit::{Head, Line, LineError, Tally};
use flate2::bufread::MultiGzDecoder;

use super::rows::Rows;
use super::words;
use crate::console::{Progress, complain};

/// A line of an audit is some hundred bytes long, with all fifty tags some ten thousand.
const LINE_BYTES: u64 = 4 << 20;
/// Complaints about one file; the rest is counted.
const COMPLAINTS: usize = 3;

/// What is told of an audit whose resources are not kept.
pub(super) struct Audit {
    pub(super) head: Head,
    pub(super) tally: Tally,
    /// How many resources it should have, where some are not there: it was cut off, and its coverage says nothing.
    pub(super) cut_from: Option<u64>,
}

impl Audit {
    /// Whether both are of the same accounts and Regions, and ask for the same tags.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let sets = |head: &Head| {
            [&head.accounts, &head.regions, &head.required].map(|all| BTreeSet::from_iter(all.clone()))
        };
        sets(&self.head) == sets(&other.head)
    }

    /// Its coverage in words.
    pub(super) fn coverage(&self) -> String {
        match (self.cut_from, self.tally.coverage()) {
            (Some(_), _) => "cut off".to_owned(),
            (None, Some(coverage)) => coverage.to_string(),
            (None, None) => "–".to_owned(),
        }
    }

    /// Whether they have an account in common.
    fn meets(&self, other: &Self) -> bool {
        self.head.accounts.iter().any(|account| other.head.accounts.contains(account))
    }
}

/// All audits that were given.
pub(super) struct Audits {
    /// In the order of their times.
    pub(super) all: Vec<Audit>,
    /// The resources of the last of them.
    pub(super) rows: Rows,
    /// Lines and files that could not be read: each is reported on standard error, and does not stop the rest.
    pub(super) unread: usize,
}

impl Audits {
    /// The head of an audit that has no account in common with the latest.
    pub(super) fn stranger(&self) -> Option<&Head> {
        let latest = self.all.last()?;
        self.all.iter().find(|audit| !audit.meets(latest)).map(|audit| &audit.head)
    }
}

/// Reads files, or `-` for standard input. If there is no audit in them, gives why, unless that is said already.
pub(super) fn read(paths: &[impl AsRef<Path>]) -> Result<Audits, Option<&'static str>> {
    let mut reader = Reader {
        audits: Vec::new(),
        latest: None,
        unread: 0,
        has_plan: false,
        lines: 0,
        progress: Progress::new("resources"),
    };
    for path in paths {
        reader.file(path.as_ref());
    }
    reader.progress.end();
    let why =
        (!reader.has_plan).then_some("there is no audit to report on: `aws-tags audit --json` writes one");
    reader.audits().ok_or(why)
}

struct Reader {
    audits: Vec<Audit>,
    /// The number of the latest audit so far, and its resources.
    latest: Option<(usize, Rows)>,
    unread: usize,
    has_plan: bool,
    lines: u64,
    progress: Progress,
}

/// The audit whose resources are being read.
struct Current {
    audit: Audit,
    rows: Option<Rows>,
    /// Its lines, also those that cannot be used.
    lines: u64,
}

impl Reader {
    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let before = self.unread;
        if let Err(error) = open(path).and_then(|lines| self.lines(&name, lines)) {
            self.unread += 1;
            self.progress.hide();
            complain(&format!("{name}: {error}"));
        }
        let more = (self.unread - before).saturating_sub(COMPLAINTS);
        if more > 0 {
            complain(&format!("{name}: {more} more lines could not be read"));
        }
    }

    fn lines(&mut self, name: &str, mut lines: impl BufRead) -> io::Result<()> {
        let (mut current, mut number, mut bad) = (None, 0_u64, 0);
        loop {
            number += 1;
            let read = match line(&mut lines) {
                Ok(Some(Ok(text))) if text.is_empty() => continue,
                // No other line is an audit's either.
                Ok(Some(Ok(text))) if current.is_none() && is_planned(&text) => {
                    self.has_plan = true;
                    return Err(io::Error::other(LineError::Plan));
                }
                Ok(Some(text)) => text.and_then(|text| self.take(name, &text, &mut current)),
                Ok(None) => break,
                // What was read before counts.
                Err(error) => {
                    self.close(name, current);
                    return Err(error);
                }
            };
            if let Err(why) = read {
                if let Some(current) = &mut current {
                    current.lines += 1;
                }
                self.unread += 1;
                bad += 1;
                if bad <= COMPLAINTS {
                    self.progress.hide();
                    complain(&format!("{name}: line {number}: {why}"));
                }
            }
        }
        match current {
            None if bad == 0 => return Err(io::Error::other("expected the head of an audit, found nothing")),
            current => self.close(name, current),
        }
        Ok(())
    }

    fn take(&mut self, name: &str, text: &str, current: &mut Option<Current>) -> Result<(), String> {
        let line = Line::parse(text).map_err(|error| {
            // What follows the head of another version does not belong to the audit before.
            if matches!(error, LineError::Version(_)) {
                self.close(name, current.take());
            }
            error.to_string()
        });
        match line? {
            Line::Head(head) => {
                self.close(name, current.take());
                let latest = self.latest.as_ref().and_then(|(number, _)| self.audits.get(*number));
                let rows = latest.is_none_or(|latest| latest.head.at <= head.at).then(Rows::default);
                *current = Some(Current {
                    audit: Audit { head, tally: Tally::default(), cut_from: None },
                    rows,
                    lines: 0,
                });
            }
            Line::Resource(resource) => {
                let Some(current) = current else {
                    return Err("expected the head of an audit first".to_owned());
                };
                current.audit.tally.add(resource.state);
                current.lines += 1;
                if let Some(rows) = &mut current.rows {
                    rows.add(*resource);
                }
                self.lines += 1;
                self.progress.set(self.lines);
            }
        }
        Ok(())
    }

    fn close(&mut self, name: &str, current: Option<Current>) {
        let Some(Current { mut audit, rows, lines }) = current else { return };
        audit.cut_from = audit.head.resources.filter(|all| *all > lines);
        if let Some(all) = audit.cut_from {
            self.progress.hide();
            let [there, all] = [lines, all].map(words::number);
            complain(&format!("{name}: the audit is cut off: {there} of {all} resources are there"));
        }
        if let Some(rows) = rows {
            self.latest = Some((self.audits.len(), rows));
        }
        self.audits.push(audit);
    }

    fn audits(mut self) -> Option<Audits> {
        let (latest, mut rows) = self.latest?;
        let again = rows.sort();
        if again > 0 {
            self.unread += again;
            complain(&format!(
                "{again} resources are named more than once in the latest audit: each counts once"
            ));
            let mut tally = Tally::default();
            rows.rows.iter().for_each(|row| tally.add(row.state));
            self.audits.get_mut(latest)?.tally = tally;
        }
        let mut all = self.audits;
        all.sort_by_key(|audit| audit.head.at);
        // The same audit given twice, or a file beside its copy.
        all.dedup_by(|later, earlier| later.head == earlier.head && later.tally == earlier.tally);
        Some(Audits { all, rows, unread: self.unread })
    }
}

fn is_planned(text: &str) -> bool {
    matches!(Line::parse(text), Err(LineError::Plan))
}

/// A file or standard input, unpacked where it is gzip.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let bytes: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    };
    let mut bytes = BufReader::new(bytes);
    match bytes.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        true => Ok(Box::new(BufReader::new(MultiGzDecoder::new(bytes)))),
        false => Ok(Box::new(bytes)),
    }
}

/// The next line without its end, or what is wrong with it; `None` after the last.
fn line(lines: &mut impl BufRead) -> io::Result<Option<Result<String, String>>> {
    let mut bytes = Vec::new();
    let read = lines.take(LINE_BYTES).read_until(b'\n', &mut bytes)?;
    if read as u64 == LINE_BYTES && bytes.last() != Some(&b'\n') {
        lines.skip_until(b'\n')?;
        return Ok(Some(Err("expected a line of at most 4 MiB".to_owned())));
    }
    let text = String::from_utf8(bytes).map_err(|_| "expected UTF-8".to_owned());
    Ok((read > 0).then(|| text.map(|text| text.trim().to_owned())))
}
