//! The journals of a run on disk. What they say is on disk before AWS is called: each line is written through to it.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aws_tags::backfill::journal::Entry;
use aws_tags::backfill::ledger::{Book, Ledger};

/// Both journals of a run, and what they say.
#[derive(Debug)]
pub(crate) struct Books {
    folder: PathBuf,
    ledger: RefCell<Ledger>,
    files: RefCell<BTreeMap<Book, File>>,
    /// Why a line could not be written, if one could not: then no further line may follow it.
    broken: RefCell<Option<String>>,
}

/// An entry, and the journal and line in which it stands.
pub(crate) type Placed = (Book, usize, Entry);

/// Why a journal cannot be used.
#[derive(Debug)]
pub(crate) enum BookError {
    Io(PathBuf, io::Error),
    Damaged { path: PathBuf, line: usize, flaw: String },
}

impl std::fmt::Display for BookError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Damaged { path, line, flaw } => {
                write!(
                    f,
                    "{}, line {line}: {flaw}; nothing was done, as it is not known what is ours",
                    path.display()
                )
            }
        }
    }
}

const fn name_of(book: Book) -> &'static str {
    match book {
        Book::Apply => "journal.jsonl",
        Book::Undo => "undo.jsonl",
    }
}

/// What a journal on disk says.
struct Lines {
    /// Each with the number of its line.
    entries: Vec<(usize, Entry)>,
    /// Where the whole lines end, if something follows them.
    torn_at: Option<u64>,
}

impl Books {
    /// The entries of both journals, in order, each with where it stands; and the names of journals whose last line was
    /// torn off: that is as good as not written.
    fn entries(folder: &Path, wants: impl Fn(&str) -> bool) -> Result<(Vec<Placed>, Vec<String>), BookError> {
        let (mut all, mut torn) = (Vec::new(), Vec::new());
        for book in [Book::Apply, Book::Undo] {
            let lines = read(&folder.join(name_of(book)), &wants)?;
            if lines.torn_at.is_some() {
                torn.push(name_of(book).to_owned());
            }
            all.extend(lines.entries.into_iter().map(|(nth, entry)| (book, nth, entry)));
        }
        // Numbers run through both; a call's beginning and end have the same, in their order.
        all.sort_by_key(|(.., entry)| entry.number());
        Ok((all, torn))
    }

    /// Those that name a resource; no others are read.
    pub(crate) fn entries_about(folder: &Path, arn: &str) -> Result<(Vec<Placed>, Vec<String>), BookError> {
        // As a line has it.
        let quoted = serde_json::to_string(arn).unwrap_or_default();
        Self::entries(folder, |line| line.contains(&quoted))
    }

    /// Reads the journals and changes nothing. Names those whose last line was torn off.
    pub(crate) fn read(folder: &Path) -> Result<(Self, Vec<String>), BookError> {
        let (all, torn) = Self::entries(folder, |_| true)?;
        let mut ledger = Ledger::default();
        for (book, line, entry) in all {
            let path = folder.join(name_of(book));
            let fits = ledger.take(book, entry);
            fits.map_err(|flaw| BookError::Damaged { path, line, flaw: flaw.to_string() })?;
        }
        let books = Self {
            folder: folder.to_owned(),
            ledger: RefCell::new(ledger),
            files: RefCell::default(),
            broken: RefCell::default(),
        };
        Ok((books, torn))
    }

    /// The same, and makes them ready to be written to: what was torn off is cut off. Names those of which it was.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Vec<String>), BookError> {
        let (books, torn) = Self::read(folder)?;
        for book in [Book::Apply, Book::Undo] {
            let path = folder.join(name_of(book));
            let file = append(&path).map_err(|error| BookError::Io(path.clone(), error))?;
            if let Some(at) = read(&path, |_| false)?.torn_at {
                let cut = file.set_len(at).and_then(|()| file.sync_all());
                cut.map_err(|error| BookError::Io(path, error))?;
            }
            books.files.borrow_mut().insert(book, file);
        }
        // The names of new files are written through, too.
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| BookError::Io(folder.to_owned(), error))?;
        Ok((books, torn))
    }

    pub(crate) fn ledger(&self) -> Ref<'_, Ledger> {
        self.ledger.borrow()
    }

    /// The number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.ledger.borrow().next()
    }

    /// Writes an entry through to the disk.
    pub(crate) fn write(&self, book: Book, entry: Entry) -> Result<(), BookError> {
        let path = self.folder.join(name_of(book));
        let failed = |error: io::Error| BookError::Io(path.clone(), error);
        if let Some(why) = self.broken.borrow().as_ref() {
            return Err(failed(io::Error::other(why.clone())));
        }
        let line = entry.line().map_err(|error| failed(error.into()))?;
        let mut files = self.files.borrow_mut();
        let file = files.get_mut(&book).ok_or_else(|| failed(ErrorKind::NotFound.into()))?;
        if let Err(error) = write_through(file, &line) {
            *self.broken.borrow_mut() = Some(error.to_string());
            return Err(failed(error));
        }
        let fits = self.ledger.borrow_mut().take(book, entry);
        fits.map_err(|flaw| failed(io::Error::other(flaw)))
    }
}

/// Appends a whole line, or nothing as far as that can be had.
fn write_through(file: &mut File, line: &str) -> io::Result<()> {
    let end = file.seek(SeekFrom::End(0))?;
    let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // If this fails as well, the next run finds a torn line, and cuts it off.
        let _ = file.set_len(end).and_then(|()| file.sync_data());
    }
    written
}

/// Files of people's names and ARNs: for their owner only.
fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Reads the lines that are wanted.
fn read(path: &Path, wants: impl Fn(&str) -> bool) -> Result<Lines, BookError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(BookError::Io(path.to_owned(), error)),
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let torn_at = (whole < bytes.len()).then_some(whole as u64);
    let mut entries = Vec::new();
    for (nth, line) in
        (1..).zip(bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n'))
    {
        let damaged = |flaw: String| BookError::Damaged { path: path.to_owned(), line: nth, flaw };
        let line = std::str::from_utf8(line).map_err(|_| damaged("it is not UTF-8".to_owned()))?;
        if wants(line) {
            let entry = Entry::parse(line.trim_end_matches('\n'));
            entries.push((nth, entry.map_err(|flaw| damaged(flaw.to_string()))?));
        }
    }
    Ok(Lines { entries, torn_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_tags::backfill::journal::{Left, LeftBecause};
    use time::OffsetDateTime;

    fn left(n: u64) -> Entry {
        let left = BTreeMap::from([(format!("arn:{n}"), LeftBecause::SkipMark)]);
        Entry::Left(Left { n, at: OffsetDateTime::UNIX_EPOCH, left })
    }

    fn folder_with(lines: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let (books, torn) = Books::open(folder.path()).expect("new journals");
        assert!(torn.is_empty());
        (1..=lines).for_each(|n| books.write(Book::Apply, left(n)).expect("room"));
        folder
    }

    #[test]
    fn a_torn_last_line_is_cut_off_wherever_it_was_torn() {
        let path = |folder: &tempfile::TempDir| folder.path().join("journal.jsonl");
        let whole = std::fs::read(path(&folder_with(3))).expect("a journal");
        let second =
            whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("lines").0 + 1;
        for cut in second + 1..whole.len() {
            let folder = folder_with(0);
            std::fs::write(path(&folder), &whole[..cut]).expect("writable");
            let (books, torn) = Books::open(folder.path()).expect("two whole lines");
            assert_eq!((books.next(), torn), (3, vec!["journal.jsonl".to_owned()]), "cut at {cut}");
            books.write(Book::Apply, left(3)).expect("room");
            assert_eq!(std::fs::read(path(&folder)).expect("a journal"), whole);
        }
    }

    #[test]
    fn a_bad_line_elsewhere_is_named_by_its_number() {
        let folder = folder_with(3);
        let path = folder.path().join("journal.jsonl");
        let text = std::fs::read_to_string(&path).expect("a journal").replace("arn:2", "arn:9");
        std::fs::write(&path, text).expect("writable");
        let error = Books::open(folder.path()).expect_err("changed").to_string();
        assert!(error.contains("journal.jsonl, line 2: its checksum does not fit"), "{error}");
    }

    #[test]
    fn both_journals_are_numbered_together() {
        let folder = folder_with(2);
        let (books, _) = Books::open(folder.path()).expect("journals");
        books.write(Book::Undo, left(books.next())).expect("room");
        assert_eq!(Books::read(folder.path()).expect("journals").0.next(), 4);
    }
}
