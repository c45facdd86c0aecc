//! Where the report goes. A file appears, or is replaced, once it is whole.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub(super) enum Target {
    Output,
    File(PathBuf),
}

impl Target {
    /// Where a report goes that should go there, or by itself to standard output.
    pub(super) fn of(path: Option<&Path>) -> Result<Self, String> {
        match path {
            Some(path) if path == Path::new("-") => Ok(Self::Output),
            Some(path) if path.is_dir() => {
                Err(format!("{}: expected a file, found a folder", path.display()))
            }
            Some(path) => Ok(Self::File(path.to_owned())),
            None if io::stdout().is_terminal() => Err(
                "a report is no text for a terminal: give `-o report.html`, or `-o -` to see it all the same"
                    .to_owned(),
            ),
            None => Ok(Self::Output),
        }
    }
}

/// Writes a file for its owner only, as it names people; one that is there keeps its permissions.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        // A pipe or a device cannot be replaced.
        return fs::write(path, bytes);
    }
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
    file.write_all(bytes)?;
    if let Some(there) = there {
        file.as_file().set_permissions(there.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
