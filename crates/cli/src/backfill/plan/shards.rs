//! Parts of a run on disk: what belongs together is in one part, so that no more than a part is ever in memory.
//!
//! Lines are only appended, and how long each file was at the last checkpoint is written down: what came after it is
//! cut off when the run goes on, and made again.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::super::disk::{private_file, private_folder};

/// Of a terabyte of logs, a part holds 20 MB.
pub(super) const SHARDS: usize = 64;

/// Digits of a number.
const DIGITS: usize = 16;

/// What stands for a text in the files of a run.
pub(super) fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The number of the part in which a text is looked for.
pub(super) fn shard_of(text: &str) -> usize {
    shard_of_hash(hash_of(text))
}

fn shard_of_hash(hash: u64) -> usize {
    usize::try_from(hash % SHARDS as u64).unwrap_or_default()
}

/// The second of a time, to be filed under: in order from 1970 on.
pub(super) fn second_of(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp()).unwrap_or_default()
}

/// What a record is filed under, and the record.
pub(super) fn filed<const N: usize>(line: &[u8]) -> io::Result<([u64; N], &str)> {
    let (mut numbers, mut rest) = ([0; N], str::from_utf8(line).map_err(io::Error::other)?);
    for number in &mut numbers {
        let (digits, more) = rest.split_at_checked(DIGITS).ok_or(io::ErrorKind::InvalidData)?;
        *number = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        rest = more;
    }
    Ok((numbers, rest))
}

/// Where a part is kept.
pub(super) fn path(folder: &Path, name: &str, shard: usize) -> PathBuf {
    folder.join("parts").join(format!("{name}-{shard:02}.jsonl"))
}

/// The parts of one kind, being written.
pub(super) struct Shards {
    files: Vec<BufWriter<File>>,
}

impl Shards {
    /// Opens them, cut to the lengths of the last checkpoint.
    pub(super) fn open(folder: &Path, name: &str, lengths: &[u64]) -> io::Result<Self> {
        private_folder(&folder.join("parts"))?;
        let file = |shard: usize| {
            let mut file = private_file(&path(folder, name, shard), false)?;
            file.set_len(lengths.get(shard).copied().unwrap_or(0))?;
            file.seek(SeekFrom::End(0))?;
            Ok(BufWriter::with_capacity(1 << 16, file))
        };
        Ok(Self { files: (0..SHARDS).map(file).collect::<io::Result<_>>()? })
    }

    /// Appends a line.
    pub(super) fn add(&mut self, shard: usize, line: &impl Serialize) -> io::Result<()> {
        let Some(file) = self.files.get_mut(shard) else { return Ok(()) };
        serde_json::to_writer(&mut *file, line)?;
        file.write_all(b"\n")
    }

    /// Appends a record, to be looked for by the hash of a text, and whatever else is said.
    pub(super) fn file(&mut self, numbers: &[u64], record: &str) -> io::Result<()> {
        let Some(shard) = numbers.first().map(|hash| shard_of_hash(*hash)) else { return Ok(()) };
        let Some(file) = self.files.get_mut(shard) else { return Ok(()) };
        for number in numbers {
            write!(file, "{number:0DIGITS$x}")?;
        }
        file.write_all(record.as_bytes())?;
        file.write_all(b"\n")
    }

    /// Brings all to the disk. Gives their lengths.
    pub(super) fn settle(&mut self) -> io::Result<Vec<u64>> {
        let mut lengths = Vec::with_capacity(SHARDS);
        for file in &mut self.files {
            file.flush()?;
            let length = file.get_ref().metadata()?.len();
            // What is empty is cut to nothing again when it is opened.
            if length > 0 {
                file.get_ref().sync_data()?;
            }
            lengths.push(length);
        }
        Ok(lengths)
    }
}

/// The lines of a part, one at a time.
pub(super) struct Lines {
    reader: Option<BufReader<File>>,
    line: Vec<u8>,
}

impl Lines {
    /// A part that is not there has none.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Self::with_buffer(path, 1 << 16)
    }

    /// The same, of which only some are looked up.
    pub(super) fn some_of(path: &Path) -> io::Result<Self> {
        Self::with_buffer(path, 1 << 12)
    }

    fn with_buffer(path: &Path, size: usize) -> io::Result<Self> {
        let reader = match File::open(path) {
            Ok(file) => Some(BufReader::with_capacity(size, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { reader, line: Vec::new() })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        self.line.clear();
        if reader.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.line.strip_suffix(b"\n").unwrap_or(&self.line)))
    }
}

impl Lines {
    /// The line that begins there.
    pub(super) fn at(&mut self, offset: u64) -> io::Result<Option<&[u8]>> {
        if let Some(reader) = &mut self.reader {
            reader.seek(SeekFrom::Start(offset))?;
        }
        self.next()
    }
}

/// Gives each line of a part.
pub(super) fn lines(path: &Path, take: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut lines = Lines::of(path)?;
    while let Some(line) = lines.next()? {
        take(line)?;
    }
    Ok(())
}

/// Takes parts away that nobody needs any more.
pub(super) fn remove(folder: &Path, name: &str) -> io::Result<()> {
    for shard in 0..SHARDS {
        match fs::remove_file(path(folder, name, shard)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
