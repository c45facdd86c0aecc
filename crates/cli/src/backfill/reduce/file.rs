//! The reduction as a file: all of it or nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::backfill::relevance::Kind;
use aws_tags_scan::Packer;
use tempfile::NamedTempFile;

use super::Keeper;

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

pub(super) struct ReductionFile {
    to: To,
    packer: Option<Packer>,
    lines: Vec<u8>,
}

impl ReductionFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let is_device = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        let to = match () {
            () if path == Path::new("-") => To::Standard,
            () if path.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            () if is_device => To::Device(File::options().write(true).open(path)?),
            () => To::File(NamedTempFile::with_prefix_in(".aws-tags-", folder(path))?, path.to_owned()),
        };
        let is_packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        Ok(Self { to, packer: is_packed.then(Packer::default), lines: Vec::new() })
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
}

impl Keeper for ReductionFile {
    fn keep(&mut self, _: Kind, line: &[u8]) -> io::Result<()> {
        self.lines.extend_from_slice(line);
        if self.lines.len() > TOGETHER { self.flush() } else { Ok(()) }
    }

    /// Writes the rest, and gives the file its name.
    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.flush()?;
        if let To::File(file, path) = self.to {
            file.as_file().sync_all()?;
            file.persist(&path)?;
            // So that the name lasts, too; where folders cannot be opened, it does anyway.
            if let Ok(folder) = File::open(folder(&path)) {
                folder.sync_all()?;
            }
        }
        Ok(())
    }

    /// What is being written, and what it may replace.
    fn files(&self) -> Vec<PathBuf> {
        match &self.to {
            To::File(temporary, path) => vec![temporary.path().to_owned(), path.clone()],
            _ => Vec::new(),
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
