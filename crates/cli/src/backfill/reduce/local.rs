//! Files, folders and pipes of this machine, found one at a time: however many there are, none is remembered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_tags_scan::Filter;

use super::progress::Progress;
use super::{Body, File, LeftOut, Next, Source, with_path};
use crate::input::is_log;

/// A path of the command line.
pub(super) struct Local {
    path: PathBuf,
    /// Entries of the folder, if it is one.
    entries: Option<walkdir::IntoIter>,
    filter: Arc<Filter>,
    /// What is being written, which is no source.
    written: Vec<PathBuf>,
    is_first: bool,
    has_files: bool,
}

impl Local {
    pub(super) fn new(path: &Path, filter: &Arc<Filter>, written: Vec<PathBuf>) -> Self {
        let entries = path.is_dir().then(|| walk(path));
        Self {
            path: path.to_owned(),
            entries,
            filter: Arc::clone(filter),
            written,
            is_first: true,
            has_files: false,
        }
    }

    /// A path that is no folder.
    fn lone(&mut self) -> Option<Next> {
        if !std::mem::take(&mut self.is_first) {
            return None;
        }
        let path = self.path.clone();
        let is_file = path != Path::new("-") && path.metadata().is_ok_and(|metadata| metadata.is_file());
        let may_be_missing = path != Path::new("-") && !path.exists();
        let name = path.display().to_string();
        let body = if is_file || may_be_missing { Body::Path(path) } else { Body::Once(path) };
        Some(Next::File(File { name, body, may_be_anything: false }))
    }

    fn of_entry(&mut self, entry: walkdir::Result<walkdir::DirEntry>) -> Option<Next> {
        let entry = match entry {
            Ok(entry) => entry,
            // A link to a folder around it.
            Err(error) if error.loop_ancestor().is_some() => return Some(Next::LeftOut(LeftOut::Other)),
            Err(error) => {
                let path = error.path().unwrap_or(&self.path).display().to_string();
                let reason = error.io_error().map_or_else(|| error.to_string(), |error| error.to_string());
                return Some(Next::Unreadable(path, reason));
            }
        };
        let (path, kind) = (entry.path(), entry.file_type());
        let name = path.display().to_string();
        if kind.is_dir() {
            let is_odd = entry.depth() > 0 && is_packed_log(path);
            return is_odd.then(|| Next::Unreadable(name, "a folder, in spite of its name".to_owned()));
        }
        if self.written.iter().any(|written| written == path) {
            return None;
        }
        self.has_files = true;
        if !kind.is_file() {
            return Some(match is_log(path) {
                true => Next::Unreadable(name, "no regular file".to_owned()),
                false => Next::LeftOut(LeftOut::Other),
            });
        }
        Some(match left_out(path, &self.filter) {
            Some(reason) => Next::LeftOut(reason),
            None => {
                let may_be_anything = !is_log(path);
                Next::File(File { name, body: Body::Path(entry.into_path()), may_be_anything })
            }
        })
    }
}

impl Source for Local {
    fn next(&mut self) -> Option<Next> {
        while let Some(entries) = &mut self.entries {
            let Some(entry) = entries.next() else {
                self.entries = None;
                self.is_first = false;
                let reason = "no file inside".to_owned();
                return (!self.has_files).then(|| Next::Unreadable(self.path.display().to_string(), reason));
            };
            if let Some(next) = self.of_entry(entry) {
                return Some(next);
            }
        }
        self.lone()
    }
}

/// Why a file need not be opened.
fn left_out(path: &Path, filter: &Filter) -> Option<LeftOut> {
    with_path(path, |says| match () {
        () if says.is_neighbour => Some(LeftOut::Neighbour),
        () if !filter.may_hold(says) => Some(LeftOut::ByFilter),
        () => None,
    })
}

/// Whether a name is that of a trail's file. Other names with a dot are names of folders, too.
fn is_packed_log(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".json.gz")
}

fn walk(folder: &Path) -> walkdir::IntoIter {
    // In no order: sorting would take memory for as many files as a folder has.
    walkdir::WalkDir::new(folder).follow_links(true).into_iter()
}

/// Counts what will be read while that has begun, for an estimate on a terminal.
pub(super) fn count_ahead(sources: &[String], filter: &Arc<Filter>, progress: &Arc<Progress>) {
    let is_local = |source: &&String| !source.starts_with("s3://") && *source != "-";
    let folders: Vec<PathBuf> = sources.iter().filter(is_local).map(PathBuf::from).collect();
    if !Progress::is_shown() || folders.len() < sources.len() {
        return;
    }
    let (filter, progress) = (Arc::clone(filter), Arc::clone(progress));
    // Left behind if the work ends before it.
    std::thread::spawn(move || {
        for entry in folders.iter().flat_map(|folder| walk(folder)).flatten() {
            if entry.file_type().is_file() && left_out(entry.path(), &filter).is_none() {
                progress.add_total(entry.metadata().map_or(0, |metadata| metadata.len()));
            }
        }
        progress.total_is_known();
    });
}
