//! The reduction as a file: each record once, and all of it or nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::backfill::relevance::Kind;
use aws_tags_scan::{Found, Kept, Packer, Seen, Spilled};
use indicatif::HumanCount;
use tempfile::NamedTempFile;

/// Bytes that are written together; packed, they are a member of the file.
const TOGETHER: usize = 1 << 18;

/// Where the reduction goes.
enum To {
    Standard,
    /// A device or pipe: what cannot be replaced.
    Device(File),
    /// A file beside it, which takes its name at the end.
    File(NamedTempFile, PathBuf),
}

/// How many records were kept.
#[derive(Default)]
pub(in crate::backfill) struct Counts {
    pub(in crate::backfill) creations: u64,
    pub(in crate::backfill) sessions: u64,
    pub(in crate::backfill) endings: u64,
    pub(in crate::backfill) deploys: u64,
    /// Records that came again, and were left out.
    pub(in crate::backfill) again: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [creations, sessions, endings, deploys] =
            [self.creations, self.sessions, self.endings, self.deploys].map(HumanCount);
        write!(f, "{creations} creations, {sessions} sessions, {endings} endings, {deploys} deploys")
    }
}

pub(super) struct Output {
    to: To,
    packer: Option<Packer>,
    lines: Vec<u8>,
    seen: Spilled,
    counts: Counts,
}

impl Output {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let is_device = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        let to = match () {
            () if path == Path::new("-") => To::Standard,
            () if path.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            () if is_device => To::Device(File::options().write(true).open(path)?),
            () => To::File(NamedTempFile::with_prefix_in(".aws-tags-", folder(path))?, path.to_owned()),
        };
        let is_packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let packer = is_packed.then(Packer::default);
        Ok(Self { to, packer, lines: Vec::new(), seen: Spilled::default(), counts: Counts::default() })
    }

    /// What is being written, and what it may replace.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match &self.to {
            To::File(temporary, path) => vec![temporary.path().to_owned(), path.clone()],
            _ => Vec::new(),
        }
    }

    /// Takes what was found in a file, without what came before.
    pub(super) fn take(&mut self, found: &Found) -> io::Result<()> {
        for Kept { kind, id, line } in &found.kept {
            let line = found.lines.get(line.clone()).unwrap_or_default();
            match id.map(|id| (id, self.seen.see(id))) {
                None | Some((_, Seen::Never)) => self.line(*kind, line)?,
                Some((_, Seen::Before)) => self.counts.again = self.counts.again.saturating_add(1),
                Some((id, Seen::Unsure)) => self.seen.put_off(id, *kind, line)?,
            }
        }
        Ok(())
    }

    fn line(&mut self, kind: Kind, line: &[u8]) -> io::Result<()> {
        let count = match kind {
            Kind::Creation => &mut self.counts.creations,
            Kind::Session => &mut self.counts.sessions,
            Kind::Ending => &mut self.counts.endings,
            Kind::Deploy => &mut self.counts.deploys,
        };
        *count = count.saturating_add(1);
        self.lines.extend_from_slice(line);
        if self.lines.len() > TOGETHER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = match &mut self.packer {
            Some(packer) => packer.pack(&self.lines).map_err(io::Error::other)?,
            None => &self.lines,
        };
        match &mut self.to {
            To::Standard => io::stdout().lock().write_all(bytes)?,
            To::Device(file) => file.write_all(bytes)?,
            To::File(file, _) => file.write_all(bytes)?,
        }
        self.lines.clear();
        Ok(())
    }

    /// Writes the rest, and gives the file its name.
    pub(super) fn finish(mut self) -> io::Result<Counts> {
        let mut all = 0_u64;
        let put_off = std::mem::take(&mut self.seen);
        let count = u64::try_from(put_off.put_off_count()).unwrap_or(u64::MAX);
        put_off.finish(&mut |kind, line| {
            all = all.saturating_add(1);
            self.line(kind, line)
        })?;
        self.counts.again = self.counts.again.saturating_add(count.saturating_sub(all));
        self.flush()?;
        if let To::File(file, path) = self.to {
            file.as_file().sync_all()?;
            file.persist(&path)?;
            // So that the name lasts, too; where folders cannot be opened, it does anyway.
            if let Ok(folder) = File::open(folder(&path)) {
                folder.sync_all()?;
            }
        }
        Ok(self.counts)
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
