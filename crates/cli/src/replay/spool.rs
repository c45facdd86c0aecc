//! Keeps records until all are read, to give them back in order of time: in memory while they are few, else in a
//! temporary file that has no name and goes with the process.

use std::io::{self, Read, Seek, SeekFrom, Write};

use aws_tags::Event;
use tempfile::SpooledTempFile;
use time::OffsetDateTime;

use crate::input::Record;

/// More than this goes into a file.
const IN_MEMORY: usize = 32 << 20;

pub(crate) struct Spool {
    records: SpooledTempFile,
    length: u64,
    index: Vec<Place>,
    files: Vec<String>,
}

/// Where a record is.
struct Place {
    at: Option<OffsetDateTime>,
    offset: u64,
    length: usize,
    file: usize,
}

impl Spool {
    pub(crate) fn new() -> Self {
        Self { records: SpooledTempFile::new(IN_MEMORY), length: 0, index: Vec::new(), files: Vec::new() }
    }

    pub(crate) fn keep(&mut self, Record { file, event }: &Record) -> io::Result<()> {
        let text = event.to_json().to_string();
        self.records.write_all(text.as_bytes())?;
        if self.files.last() != Some(file) {
            self.files.push(file.clone());
        }
        let (offset, length) = (self.length, text.len());
        self.length = self.length.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        let file = self.files.len().saturating_sub(1);
        self.index.push(Place { at: event.time(), offset, length, file });
        Ok(())
    }

    /// The records in order of time, in groups of that size. Those without a time come last, in the order in which
    /// they were kept.
    pub(crate) fn in_order(mut self, size: usize) -> impl Iterator<Item = io::Result<Vec<Record>>> {
        self.index.sort_by_key(|place| (place.at.is_none(), place.at));
        let mut index = std::mem::take(&mut self.index).into_iter();
        std::iter::from_fn(move || {
            let places: Vec<Place> = index.by_ref().take(size).collect();
            (!places.is_empty()).then(|| places.iter().map(|place| self.read(place)).collect())
        })
    }

    fn read(&mut self, place: &Place) -> io::Result<Record> {
        let mut text = vec![0; place.length];
        self.records.seek(SeekFrom::Start(place.offset))?;
        self.records.read_exact(&mut text)?;
        let event = Event::from_json(serde_json::from_slice(&text)?).map_err(io::Error::other)?;
        Ok(Record { file: self.files[place.file].clone(), event })
    }
}
