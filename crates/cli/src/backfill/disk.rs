//! The files of runs: for their owner only, whole or as they were, and one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why there is no run to work in.
pub(super) type Refusal = String;

/// Writes a file that replaces another once it is whole.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut io::BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let new = path.with_extension("new");
    let file = private_file(&new, true)?;
    let mut out = io::BufWriter::new(&file);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.sync_all()?;
    fs::rename(&new, path)
}

/// A file that only its owner reads.
pub(super) fn private_file(path: &Path, truncate: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A folder that only its owner enters, and those above it.
pub(super) fn private_folder(path: &Path) -> io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    Ok(path.to_owned())
}

pub(super) fn new_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Keeps other processes out of a run as long as the answer lives, and tells them who has it.
pub(super) fn lock(folder: &Path) -> Result<File, Refusal> {
    let path = folder.join("lock");
    let mut file = private_file(&path, false).map_err(|error| cannot(&path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // It may be writing its number at this moment.
            let _ = file.read_to_string(&mut holder);
            let pid = holder.trim();
            return Err(format!("{} is in use by process {pid}", folder.display()));
        }
        Err(TryLockError::Error(error)) => return Err(cannot(&path, &error)),
    }
    let text = format!("{}\n", std::process::id());
    file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(|error| cannot(&path, &error))?;
    Ok(file)
}

pub(super) fn cannot(path: &Path, error: &io::Error) -> Refusal {
    format!("{}: {error}", path.display())
}
