//! Tells what was seen already, in bounded memory: ids are kept up to a number, and what comes beyond is put off
//! in files, one for each part of the ids, of which one after the other is sorted out at the end.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use aws_tags::backfill::relevance::Kind;

/// Sets that grow one after the other, so that never all are there twice.
const SETS: usize = 64;
/// Ids of a set before it would grow again: 64 sets of them take 18 MiB.
const IDS: usize = 14_000;
/// Files of what is put off.
const FILES: usize = 64;

/// What is known of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Never,
    Before,
    /// There are too many to tell: put it off.
    Unsure,
}

/// The ids of records that were seen.
pub struct Spilled {
    sets: Vec<HashSet<u128, BuildHasherDefault<Same>>>,
    ids_in_set: usize,
    files: Vec<Option<(BufWriter<File>, usize)>>,
}

impl Default for Spilled {
    fn default() -> Self {
        Self::with_ids(IDS)
    }
}

impl Spilled {
    fn with_ids(ids_in_set: usize) -> Self {
        let files = (0..FILES).map(|_| None).collect();
        Self { sets: vec![HashSet::default(); SETS], ids_in_set, files }
    }

    /// Whether a record was seen; now it was.
    pub fn see(&mut self, id: u128) -> Seen {
        let Some(set) = self.sets.get_mut(part(id, SETS)) else { return Seen::Never };
        match set.contains(&id) {
            true => Seen::Before,
            false if set.len() >= self.ids_in_set => Seen::Unsure,
            false => {
                set.insert(id);
                Seen::Never
            }
        }
    }

    /// Keeps a line until the end.
    pub fn put_off(&mut self, id: u128, kind: Kind, line: &[u8]) -> io::Result<()> {
        let Some(file) = self.files.get_mut(part(id.rotate_left(64), FILES)) else { return Ok(()) };
        if file.is_none() {
            *file = Some((BufWriter::with_capacity(1 << 14, tempfile::tempfile()?), 0));
        }
        if let Some((file, count)) = file {
            *count = count.saturating_add(1);
            file.write_all(&[kind as u8])?;
            file.write_all(&id.to_le_bytes())?;
            file.write_all(&u64::try_from(line.len()).unwrap_or(u64::MAX).to_le_bytes())?;
            file.write_all(line)?;
        }
        Ok(())
    }

    /// How many lines were put off.
    pub fn put_off_count(&self) -> usize {
        self.files.iter().flatten().map(|(_, count)| count).sum()
    }

    /// Gives the lines that were put off, each once.
    pub fn finish(mut self, write: &mut dyn FnMut(Kind, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let at_once = self.ids_in_set.saturating_mul(SETS).max(1);
        self.sets.clear();
        for (file, count) in self.files.into_iter().flatten() {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            let rounds = count.div_ceil(at_once).max(1);
            for round in 0..rounds {
                file.rewind()?;
                sort_out(&file, rounds, round, write)?;
            }
        }
        Ok(())
    }
}

/// Gives those of a file's lines whose turn it is in this round.
fn sort_out(
    file: &File,
    rounds: usize,
    round: usize,
    write: &mut dyn FnMut(Kind, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let (mut seen, mut line) = (HashSet::<u128, BuildHasherDefault<Same>>::default(), Vec::new());
    let (mut file, mut kind, mut id, mut length) = (BufReader::new(file), [0; 1], [0; 16], [0; 8]);
    loop {
        match file.read_exact(&mut kind) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        file.read_exact(&mut id)?;
        file.read_exact(&mut length)?;
        line.clear();
        Read::by_ref(&mut file).take(u64::from_le_bytes(length)).read_to_end(&mut line)?;
        let id = u128::from_le_bytes(id);
        if part(id.rotate_left(32), rounds) == round && seen.insert(id) {
            write(kind_of(kind), &line)?;
        }
    }
}

const fn kind_of(number: [u8; 1]) -> Kind {
    match number {
        [0] => Kind::Creation,
        [1] => Kind::Session,
        [2] => Kind::Ending,
        _ => Kind::Deploy,
    }
}

/// The part, of so many, to which an id belongs, by its first bits.
fn part(id: u128, parts: usize) -> usize {
    let first = usize::try_from(id >> 96).unwrap_or_default();
    first.checked_rem(parts).unwrap_or_default()
}

/// Ids are hashes already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = u64::try_from(id & u128::from(u64::MAX)).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that looks like a hash.
    fn id(number: u128) -> u128 {
        number
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .rotate_left(61)
            .wrapping_mul(0xda94_2042_e4dd_58b5)
    }

    #[test]
    fn a_kind_is_read_as_it_was_written() {
        for kind in [Kind::Creation, Kind::Session, Kind::Ending, Kind::Deploy] {
            assert_eq!(kind_of([kind as u8]), kind);
        }
    }

    #[test]
    fn each_line_comes_once_however_few_ids_fit() {
        for ids_in_set in [0, 1, 3, 100_000] {
            let mut seen = Spilled::with_ids(ids_in_set);
            let (mut lines, mut at_once) = (Vec::new(), 0);
            for number in (0..3000).chain(0..3000).chain(1000..2000) {
                let line = format!("{number}\n");
                match seen.see(id(number)) {
                    Seen::Never => {
                        at_once += 1;
                        lines.push(line);
                    }
                    Seen::Before => {}
                    Seen::Unsure => {
                        seen.put_off(id(number), Kind::Session, line.as_bytes()).expect("writable")
                    }
                }
            }
            assert!(at_once <= ids_in_set.saturating_mul(SETS), "{ids_in_set}");
            seen.finish(&mut |kind, line| {
                assert_eq!(kind, Kind::Session);
                lines.push(String::from_utf8(line.to_vec()).expect("UTF-8"));
                Ok(())
            })
            .expect("readable");
            lines.sort_by_key(|line| line.trim().parse::<u32>().expect("a number"));
            let expected: Vec<String> = (0..3000).map(|number| format!("{number}\n")).collect();
            assert_eq!(lines, expected, "{ids_in_set}");
        }
    }
}
