//! A reduction: of a history, the records that say who created what, each once, as lines of JSON.
//!
//! It is whole or not there: another file takes its place at the end.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use aws_tags::Event;
use aws_tags::backfill::relevance::{Kind, kind_of};
use tempfile::NamedTempFile;

/// A reduction that is being written.
pub(super) struct Reduction {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    ids: HashSet<String>,
    pub(super) counts: Counts,
}

/// What a reduction holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) creations: u64,
    pub(super) sessions: u64,
    pub(super) endings: u64,
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        let count = match kind {
            Kind::Creation => &mut self.creations,
            Kind::Session => &mut self.sessions,
            Kind::Ending => &mut self.endings,
        };
        *count = count.saturating_add(1);
    }
}

impl Reduction {
    /// One that will be at that path.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
        let (ids, counts) = (HashSet::new(), Counts::default());
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), ids, counts })
    }

    /// Adds a record as its line, if it matters and is not there yet.
    pub(super) fn add(&mut self, event: &Event, line: &str) -> io::Result<()> {
        let Some(kind) = kind_of(event) else { return Ok(()) };
        if event.id().is_some_and(|id| !self.ids.insert(id.into_owned())) {
            return Ok(());
        }
        self.counts.add(kind);
        writeln!(self.file, "{line}")
    }

    /// Puts it in its place.
    pub(super) fn end(self) -> io::Result<Counts> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(self.counts)
    }
}
