//! Finds and reads records, in every form that CloudTrail, EventBridge and their tools give them.

mod bytes;
mod envelope;
mod rows;
mod split;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_tags::Event;
use aws_tags_scan::{TOO_MANY_VALUES, has_too_many_values};
use clap::Args;
use serde_json::Value;

use crate::console::{Progress, complain};
use envelope::Content;
use split::{Flaw, LONGEST, Part, Splitter};

/// Complaints about one file; the rest is counted.
const COMPLAINTS: usize = 3;
/// Text without any record or end of line that is read before a file is given up: it may have no end.
const IDLE_BYTES: u64 = 64 << 20;

/// Bytes that a value takes at least, on average: parsed, a short one takes a hundred times that of its text.
const BYTES_OF_VALUE: usize = 32;

/// Where records come from.
#[derive(Args)]
pub(crate) struct Input {
    /// Files, folders, or `-` for standard input. Folders are searched, and links followed. Records may be bare or in any
    /// envelope: of trails, EventBridge, `lookup-events`, SQS, SNS, CloudWatch Logs, Firehose, CloudTrail Lake; one or many in a
    /// file; gzipped or not; in UTF-8, or UTF-16 with its byte order mark.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// A record and its file, as the user named it.
pub(crate) struct Record {
    /// Path, or `-`.
    pub(crate) file: String,
    pub(crate) event: Event,
}

/// What was in the input besides records.
pub(crate) struct Reading {
    /// What holds no records, by what it is: digest files, other files of a folder.
    pub(crate) others: BTreeMap<&'static str, usize>,
    /// Records and files that could not be read: each is reported on standard error, and does not stop the rest.
    pub(crate) unread: usize,
}

impl Reading {
    const fn new() -> Self {
        Self { others: BTreeMap::new(), unread: 0 }
    }

    /// Whether all input was good.
    pub(crate) const fn is_all_good(&self) -> bool {
        self.unread == 0
    }
}

impl Input {
    /// Gives every record of all paths, in the order of paths, sorted by name within folders.
    pub(crate) fn read(&self, take: &mut impl FnMut(Record) -> io::Result<()>) -> io::Result<Reading> {
        let mut reader = Reader {
            take,
            reading: Reading::new(),
            records: 0,
            longest: LONGEST,
            progress: Progress::new("records"),
        };
        for path in &self.paths {
            match path.is_dir() {
                true => reader.folder(path)?,
                false => reader.file(path, false)?,
            }
        }
        reader.progress.end();
        Ok(reader.reading)
    }
}

/// What one file held besides records.
pub(crate) struct FileReading {
    /// What could not be read, for people; `unread` counts it.
    pub(crate) complaints: Vec<String>,
    pub(crate) unread: usize,
    /// Whether the file could be read to its end.
    pub(crate) is_whole: bool,
    pub(crate) others: BTreeMap<&'static str, usize>,
}

/// The text of a file, whatever it is packed and encoded in.
pub(crate) fn text_of(bytes: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    bytes::text(bytes)
}

/// Reads one file that somebody else found. A value over `longest` bytes is broken; a file that may be anything is
/// none of ours if it holds no record.
pub(crate) fn read_file(
    file: &str,
    text: Box<dyn Read>,
    may_be_anything: bool,
    longest: usize,
    mut take: &mut dyn FnMut(Record) -> io::Result<()>,
) -> io::Result<FileReading> {
    let (reading, progress, mut found) = (Reading::new(), Progress::new("records"), Found::default());
    let mut reader = Reader { take: &mut take, reading, records: 0, longest, progress };
    let end = reader.text(file, text, &mut found)?;
    let is_whole = end.is_none();
    reader.judge(&mut found, end, may_be_anything);
    let Reading { others, unread } = reader.reading;
    let unread = unread.saturating_add(found.complaints.len());
    Ok(FileReading { complaints: found.complaints, unread, is_whole, others })
}

/// The records in some bytes, and the complaints about them.
#[cfg(test)]
pub(crate) fn records_in(bytes: Vec<u8>) -> (Vec<Record>, Vec<String>) {
    let (mut records, mut found) = (Vec::new(), Found::default());
    let mut take = |record| {
        records.push(record);
        Ok(())
    };
    let mut reader = Reader {
        take: &mut take,
        reading: Reading::new(),
        records: 0,
        longest: LONGEST,
        progress: Progress::new("records"),
    };
    let end = bytes::text(io::Cursor::new(bytes)).and_then(|text| reader.text("file", text, &mut found));
    let end = end.unwrap_or_else(|error| Some(error.to_string()));
    (records, found.complaints.into_iter().chain(end).collect())
}

struct Reader<'a, F> {
    take: &'a mut F,
    reading: Reading,
    /// Records so far.
    records: u64,
    /// A value that is longer is broken.
    longest: usize,
    progress: Progress,
}

/// What was found in a file so far.
#[derive(Default)]
struct Found {
    /// Values of the text and of its lists: what complaints call records.
    values: usize,
    records: usize,
    /// Whether it holds a list of records, empty or not, or what is known to hold none.
    is_known: bool,
    complaints: Vec<String>,
    /// Complaints beyond those.
    more: usize,
    is_csv: bool,
}

impl Found {
    fn complain(&mut self, complaint: String) {
        match self.complaints.len() < COMPLAINTS {
            true => self.complaints.push(complaint),
            false => self.more = self.more.saturating_add(1),
        }
    }
}

impl<F: FnMut(Record) -> io::Result<()>> Reader<'_, F> {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        let before = (self.records, self.reading.others.clone(), self.reading.unread);
        for entry in walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() => self.file(entry.path(), true)?,
                Ok(_) => {}
                Err(error) if error.loop_ancestor().is_some() => self.count("links to a folder around them"),
                Err(error) => {
                    let path = error.path().unwrap_or(folder).display().to_string();
                    let reason = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
                    self.reject(&path, &reason);
                }
            }
        }
        if before == (self.records, self.reading.others.clone(), self.reading.unread) {
            self.reject(&folder.display().to_string(), "no file with CloudTrail records inside");
        }
        Ok(())
    }

    /// Reads a file. One that was found in a folder, has another name than logs have, and holds no record is no
    /// mistake.
    fn file(&mut self, path: &Path, in_folder: bool) -> io::Result<()> {
        let file = path.display().to_string();
        let mut found = Found::default();
        let end = match bytes::open(path) {
            Ok(text) => self.text(&file, text, &mut found)?,
            Err(error) => Some(error.to_string()),
        };
        self.judge(&mut found, end, in_folder && !is_log(path));
        for complaint in &found.complaints {
            self.reject(&file, complaint);
        }
        Ok(())
    }

    /// Says what is wrong with a file, and counts it if it is none of ours.
    fn judge(&mut self, found: &mut Found, end: Option<String>, may_be_anything: bool) {
        let has_none = found.records == 0 && !found.is_known;
        if has_none && may_be_anything {
            self.count(if found.is_csv { "CSV files" } else { "other files" });
            return found.complaints.clear();
        }
        if has_none && found.complaints.is_empty() && end.is_none() {
            found.complain("no CloudTrail record: the file is empty".to_owned());
        }
        if found.more > 0 {
            found.complaints.push(format!("{} more like these", found.more));
            self.reading.unread = self.reading.unread.saturating_add(found.more.saturating_sub(1));
        }
        found.complaints.extend(end);
    }

    /// Reads a text to its end. Gives the reason why the rest cannot be read, if it cannot.
    fn text(&mut self, file: &str, mut text: Box<dyn Read>, found: &mut Found) -> io::Result<Option<String>> {
        let (mut splitter, mut chunk, mut idle) = (Splitter::new(self.longest), vec![0; 1 << 16], 0_u64);
        let mut start = Vec::new();
        loop {
            let count = match text.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Some(error.to_string())),
            };
            if start.len() < FIRST_LINE {
                start.extend_from_slice(&chunk[..count.min(FIRST_LINE)]);
                if found.records == 0 && is_csv(&start) {
                    *found = Found { is_csv: true, ..Found::default() };
                    return Ok(Some(CSV.to_owned()));
                }
            }
            let (mut written, mut parts) = (Ok(()), 0_u64);
            splitter.feed(&chunk[..count], &mut |part| {
                parts = parts.saturating_add(1);
                if written.is_ok() {
                    written = self.part(file, part, found);
                }
            });
            written?;
            idle = if parts > 0 { 0 } else { idle.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)) };
            if idle > IDLE_BYTES {
                return Ok(Some(format!("given up after {} MB without a record", IDLE_BYTES >> 20)));
            }
        }
        let mut written = Ok(());
        splitter.end(&mut |part| written = self.part(file, part, found));
        written?;
        Ok(None)
    }

    fn part(&mut self, file: &str, part: Part<'_>, found: &mut Found) -> io::Result<()> {
        match part {
            Part::Value(value, list) => {
                found.values = found.values.saturating_add(1);
                if list == Some("configurationItems") {
                    found.is_known = true;
                    return Ok(());
                }
                self.value(file, value, list.is_some(), found)
            }
            Part::Around(object) => {
                found.is_known = true;
                let around = serde_json::from_slice::<Value>(object).ok();
                let fields = around.as_ref().and_then(Value::as_object);
                if let Some(kind) = fields.and_then(envelope::other) {
                    self.count(kind);
                }
                if let Some(reason) = fields.and_then(envelope::no_answer) {
                    found.complain(reason);
                }
                Ok(())
            }
            Part::Broken(flaw, line) => {
                found.complain(match flaw {
                    Flaw::NotJson => format!("line {line}: neither a JSON object nor a list"),
                    Flaw::Cut => format!("line {line}: JSON ends too early"),
                    Flaw::TooLong => format!("line {line}: longer than any record"),
                });
                Ok(())
            }
        }
    }

    /// A value of the text, or of one of its lists.
    fn value(&mut self, file: &str, value: &[u8], in_list: bool, found: &mut Found) -> io::Result<()> {
        let contents = match has_too_many_values(value, self.longest / BYTES_OF_VALUE) {
            true => vec![Err(TOO_MANY_VALUES.to_owned())],
            false => match serde_json::from_slice::<Value>(value) {
                Ok(value) => envelope::contents(value, 0),
                Err(error) => vec![Err(format!("not JSON: {error}"))],
            },
        };
        found.is_known |= in_list || contents.is_empty();
        let nth = found.values;
        for content in contents {
            match content {
                Ok(Content::Record(event)) => {
                    found.records = found.records.saturating_add(1);
                    self.records = self.records.saturating_add(1);
                    self.progress.set(self.records);
                    (self.take)(Record { file: file.to_owned(), event: *event })?;
                }
                Ok(Content::Other(kind)) => {
                    found.is_known = true;
                    self.count(kind);
                }
                Err(reason) => found.complain(format!("record {nth}: {reason}")),
            }
        }
        Ok(())
    }

    fn count(&mut self, kind: &'static str) {
        let count = self.reading.others.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    fn reject(&mut self, file: &str, reason: &str) {
        self.reading.unread = self.reading.unread.saturating_add(1);
        self.progress.hide();
        complain(&format!("{file}: {reason}"));
    }
}

/// Bytes in which the first line of a table of records ends.
const FIRST_LINE: usize = 4096;

/// What is said of a table of records: a structure in one of its cells cannot be read back.
const CSV: &str = "a CSV file, which is not read: save the answer as JSON, by `aws athena get-query-results`, `aws cloudtrail \
                   get-query-results` or `aws cloudtrail lookup-events`";

/// Whether a text begins as tables of records do: with the names of its columns instead of JSON.
fn is_csv(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start.get(..FIRST_LINE).unwrap_or(start)).to_ascii_lowercase();
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default().trim();
    let columns: Vec<&str> = first.split(',').map(|name| name.trim().trim_matches('"')).collect();
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || " _()".contains(c))
    };
    let has = |wanted: &str| columns.iter().any(|name| name.replace([' ', '_'], "") == wanted);
    columns.iter().all(is_name) && (has("eventname") || has("eventjson") || has("cloudtrailevent"))
}

/// Whether a file is named as logs of CloudTrail are.
pub(crate) fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".json", ".jsonl", ".ndjson"].iter().any(|end| name.ends_with(end))
}
