//! One thread's work: takes a file, finds what matters in it, hands that over, takes the next.

use std::fs;
use std::io::{self, Read};
#[cfg(feature = "aws")]
use std::io::{Cursor, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_tags::backfill::relevance::Names;
use aws_tags_scan::{Filter, Found, Ids, LONGEST_RECORD, Scanner, Shape, Unpacked, Unpacker};

use super::super::stop::{Stop, Stopping};
use super::output::Output;
use super::pending::Pending;
use super::progress::Progress;
use super::report::Report;
use super::{Body, File, Next, Source};
use crate::input::{self, Record};

/// What the texts of all threads take in memory; a file that is larger is read bit by bit.
const TEXTS: usize = 24 << 20;
const LARGEST: usize = 12 << 20;
const SMALLEST: usize = 1 << 20;
/// Lines that are held in memory of a file whose end is not read.
const LINES: usize = 1 << 20;
/// Complaints about one file; the rest is counted.
const COMPLAINTS: usize = 3;

/// What the threads share.
pub(super) struct Shared {
    pub(super) sources: Mutex<Vec<Box<dyn Source>>>,
    pub(super) output: Mutex<Output>,
    pub(super) report: Mutex<Report>,
    /// Whoever parses everything does so alone: it takes memory.
    pub(super) slow: Mutex<()>,
    pub(super) stop: Stop,
    pub(super) progress: Arc<Progress>,
}

impl Shared {
    /// The next file. Whatever is none is reported.
    fn next(&self) -> Option<File> {
        let mut sources = held(&self.sources);
        loop {
            let next = match sources.first_mut()?.next() {
                Some(next) => next,
                None => {
                    drop(sources.remove(0));
                    continue;
                }
            };
            match next {
                Next::File(file) => return Some(file),
                Next::Unreadable(name, reason) => held(&self.report).unread(&name, &reason),
                Next::LeftOut(what) => held(&self.report).left_out(what),
            }
        }
    }
}

impl Shared {
    /// The text of a file, from its beginning.
    fn text(&self, body: &Body) -> io::Result<Box<dyn Read>> {
        match body {
            Body::Once(path) if path == Path::new("-") => {
                input::text_of(Stopping::new(io::stdin(), &self.stop))
            }
            Body::Path(path) | Body::Once(path) => {
                input::text_of(Stopping::new(fs::File::open(path)?, &self.stop))
            }
            #[cfg(feature = "aws")]
            Body::Bytes(bytes) => input::text_of(Cursor::new(Arc::clone(bytes))),
            #[cfg(feature = "aws")]
            Body::Temporary(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                input::text_of(Stopping::new(file, &self.stop))
            }
        }
    }
}

/// A thread that panicked has done nothing by halves.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Worker<'a> {
    shared: &'a Shared,
    scanner: Scanner,
    unpacker: Unpacker,
    largest: usize,
    packed: Vec<u8>,
    found: Found,
    /// What was found in the file before, if that is too much for memory.
    pending: Option<Pending>,
    /// Bytes of the file, as it is packed.
    size: u64,
}

/// How a file has to be read.
#[derive(PartialEq, Eq)]
enum Way {
    /// What was found is all.
    Whole,
    /// It is broken, and was named.
    Broken,
    /// Through a buffer of bounded size, or to learn what is wrong with it.
    BitByBit,
    /// It is plainly no trail's file: every value has to be parsed.
    Slowly,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        threads: usize,
        names: Arc<Names>,
        filter: Arc<Filter>,
        ids: Ids,
    ) -> Self {
        let largest = TEXTS.checked_div(threads).unwrap_or(LARGEST).clamp(SMALLEST, LARGEST);
        let (scanner, unpacker) = (Scanner::new(names, filter, ids), Unpacker::new(largest));
        Self {
            shared,
            scanner,
            unpacker,
            largest,
            packed: Vec::new(),
            found: Found::default(),
            pending: None,
            size: 0,
        }
    }

    /// Works until there is nothing left. An error is one of writing: then all ends.
    pub(super) fn run(mut self) -> io::Result<()> {
        while !self.shared.stop.is_asked() {
            let Some(file) = self.shared.next() else { break };
            if let Err(error) = self.file(&file) {
                self.shared.stop.ask();
                return Err(error);
            }
            self.shared.progress.add(self.size);
        }
        Ok(())
    }

    fn file(&mut self, file: &File) -> io::Result<()> {
        self.found.clear();
        let mut way = match self.load(&file.body) {
            Ok(true) => self.at_once(),
            Ok(false) => Way::BitByBit,
            Err(error) => self.broken(file, &error),
        };
        if matches!(file.body, Body::Once(_)) {
            way = Way::Slowly;
        }
        if way == Way::BitByBit {
            way = self.bit_by_bit(file);
        }
        if way == Way::Slowly {
            way = self.slowly(file)?;
        }
        match way {
            Way::Whole => self.hand_over(file),
            _ => Ok(()),
        }
    }

    /// Reads a file into memory, if it is small enough.
    fn load(&mut self, body: &Body) -> io::Result<bool> {
        let limit = u64::try_from(self.largest).unwrap_or(u64::MAX);
        self.packed.clear();
        match body {
            Body::Path(path) => {
                let file = fs::File::open(path)?;
                self.size = file.metadata()?.len();
                file.take(limit.saturating_add(1)).read_to_end(&mut self.packed)?;
            }
            #[cfg(feature = "aws")]
            Body::Bytes(bytes) => {
                self.packed.extend_from_slice(bytes);
                self.size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            }
            #[cfg(feature = "aws")]
            Body::Temporary(file) => {
                self.size = file.metadata()?.len();
                return Ok(false);
            }
            Body::Once(_) => {
                self.size = 0;
                return Ok(false);
            }
        }
        Ok(self.packed.len() <= self.largest)
    }

    /// Scans what is in memory.
    fn at_once(&mut self) -> Way {
        let Unpacked::Text(text) = self.unpacker.unpack(&self.packed) else { return Way::BitByBit };
        match self.scanner.scan(text, &mut self.found) {
            Shape::Trail => Way::Whole,
            Shape::Other => Way::Slowly,
        }
    }

    /// Scans a file through a buffer.
    fn bit_by_bit(&mut self, file: &File) -> Way {
        self.forget();
        let pending = &mut self.pending;
        let scanned = self.shared.text(&file.body).and_then(|mut text| {
            let mut hand_on = |found: &mut Found| pending.get_or_insert_with(Pending::new).take(found);
            self.scanner.stream(&mut text, &mut self.found, &mut hand_on)
        });
        match scanned {
            Ok(Shape::Trail) => Way::Whole,
            Ok(Shape::Other) => Way::Slowly,
            Err(error) => self.broken(file, &error),
        }
    }

    /// Parses every value of a file, whatever its form.
    fn slowly(&mut self, file: &File) -> io::Result<Way> {
        self.forget();
        let _alone = held(&self.shared.slow);
        let text = match self.shared.text(&file.body) {
            Ok(text) => text,
            Err(error) => return Ok(self.broken(file, &error)),
        };
        let (scanner, found, pending) = (&self.scanner, &mut self.found, &mut self.pending);
        let mut take = |record: Record| {
            found.records = found.records.saturating_add(1);
            scanner.take_event(&record.event, found);
            match found.lines.len() > LINES {
                true => pending.get_or_insert_with(Pending::new).take(found),
                false => Ok(()),
            }
        };
        let read = input::read_file(&file.name, text, file.may_be_anything, LONGEST_RECORD, &mut take)?;
        if self.shared.stop.is_asked() {
            return Ok(Way::Broken);
        }
        let mut report = held(&self.shared.report);
        read.complaints.iter().for_each(|complaint| report.unread(&file.name, complaint));
        report.also_unread(read.unread.saturating_sub(read.complaints.len()));
        read.others.iter().for_each(|(kind, count)| report.other(kind, *count));
        Ok(if read.is_whole { Way::Whole } else { Way::Broken })
    }

    /// Names a file that cannot be read to its end. What was found in it does not count: its checksum says nothing.
    fn broken(&mut self, file: &File, error: &io::Error) -> Way {
        if !self.shared.stop.is_asked() {
            held(&self.shared.report).unread(&file.name, &error.to_string());
        }
        Way::Broken
    }

    fn forget(&mut self) {
        self.found.clear();
        self.pending = None;
    }

    /// Hands over what was found in a file.
    fn hand_over(&mut self, file: &File) -> io::Result<()> {
        let (records, flaws, flawed) =
            (self.found.records, std::mem::take(&mut self.found.flaws), self.found.flawed);
        let mut kept = 0_usize;
        let mut take = |found: &mut Found| {
            kept = kept.saturating_add(found.kept.len());
            held(&self.shared.output).take(found)
        };
        match self.pending.take() {
            Some(mut pending) => pending.take(&mut self.found).and_then(|()| pending.give(take))?,
            None => take(&mut self.found)?,
        }
        self.shared.progress.kept(kept);
        let mut report = held(&self.shared.report);
        report.records(records);
        for flaw in flaws.iter().take(COMPLAINTS) {
            report.unread(&file.name, &format!("record {}: {}", flaw.record, flaw.reason));
        }
        let more = usize::try_from(flawed).unwrap_or(usize::MAX).saturating_sub(COMPLAINTS.min(flaws.len()));
        if more > 0 {
            report.unread(&file.name, &format!("{more} more like these"));
            report.also_unread(more.saturating_sub(1));
        }
        Ok(())
    }
}
