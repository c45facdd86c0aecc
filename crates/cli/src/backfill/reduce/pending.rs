//! What was found in a file that is read bit by bit, until it is known to be whole: in memory while that is little.

use std::io::{self, BufReader, Read, Seek, Write};

use aws_tags::backfill::relevance::Kind;
use aws_tags_scan::{Found, Kept};
use tempfile::SpooledTempFile;

/// More than this goes into a file.
const IN_MEMORY: usize = 1 << 20;
/// Lines that are given back together.
const TOGETHER: usize = 1 << 18;

pub(super) struct Pending {
    file: SpooledTempFile,
    count: u64,
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { file: SpooledTempFile::new(IN_MEMORY), count: 0 }
    }

    /// Takes the lines over.
    pub(super) fn take(&mut self, found: &mut Found) -> io::Result<()> {
        for Kept { kind, id, line } in found.kept.drain(..) {
            let text = found.lines.get(line).unwrap_or_default();
            let length = u32::try_from(text.len()).map_err(io::Error::other)?;
            self.file.write_all(&[kind as u8, u8::from(id.is_some())])?;
            self.file.write_all(&id.unwrap_or_default().to_le_bytes())?;
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(text)?;
            self.count = self.count.saturating_add(1);
        }
        found.lines.clear();
        Ok(())
    }

    /// Gives them back, some at a time.
    pub(super) fn give(mut self, mut take: impl FnMut(&mut Found) -> io::Result<()>) -> io::Result<()> {
        self.file.rewind()?;
        let (mut file, mut found) = (BufReader::new(self.file), Found::default());
        for _ in 0..self.count {
            let (mut head, mut id, mut length) = ([0; 2], [0; 16], [0; 4]);
            file.read_exact(&mut head)?;
            file.read_exact(&mut id)?;
            file.read_exact(&mut length)?;
            let start = found.lines.len();
            Read::by_ref(&mut file)
                .take(u64::from(u32::from_le_bytes(length)))
                .read_to_end(&mut found.lines)?;
            let [kind, has_id] = head;
            found.kept.push(Kept {
                kind: kind_of(kind),
                id: (has_id == 1).then(|| u128::from_le_bytes(id)),
                line: start..found.lines.len(),
            });
            if found.lines.len() > TOGETHER {
                take(&mut found)?;
                found.clear();
            }
        }
        take(&mut found)
    }
}

const fn kind_of(number: u8) -> Kind {
    match number {
        0 => Kind::Creation,
        1 => Kind::Session,
        2 => Kind::Ending,
        _ => Kind::Deploy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_went() {
        let mut pending = Pending::new();
        let mut expected = Vec::new();
        for nth in 0..3000_u32 {
            let line = format!("{nth} {}\n", "x".repeat(1000)).into_bytes();
            let kind = kind_of(u8::try_from(nth % 4).expect("small"));
            let id = (nth % 2 == 0).then_some(u128::from(nth) << 70);
            expected.push((kind, id, line.clone()));
            let kept = Kept { kind, id, line: 0..line.len() };
            pending.take(&mut Found { lines: line, kept: vec![kept], ..Found::default() }).expect("writable");
        }
        let mut given = Vec::new();
        let take = |found: &mut Found| {
            given.extend(
                found.kept.iter().map(|kept| (kept.kind, kept.id, found.lines[kept.line.clone()].to_vec())),
            );
            Ok(())
        };
        pending.give(take).expect("readable");
        assert_eq!(given, expected);
    }
}
