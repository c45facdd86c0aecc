//! Reads sources on all cores, and keeps the records that matter: the *reduction*.

#[cfg(feature = "aws")]
mod bucket;
mod file;
mod local;
mod output;
mod pending;
mod progress;
mod report;
mod worker;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use aws_tags::backfill::relevance::{Kind, Names};
use aws_tags_scan::{Filter, Ids, PathSays};

use super::stop::Stop;
#[cfg(feature = "aws")]
use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain, visible};
use file::ReductionFile;
use local::Local;
use output::Output;
use worker::{Shared, Worker};

pub(super) use output::Counts;
pub(super) use progress::Progress;
pub(super) use report::Report;

/// A file to read.
struct File {
    /// As people know it.
    name: String,
    body: Body,
    /// Whether it was found in a folder and is named as no log is: then it may hold anything.
    may_be_anything: bool,
}

enum Body {
    Path(PathBuf),
    /// A pipe, a device, standard input: what can be read once.
    Once(PathBuf),
    #[cfg(feature = "aws")]
    Bytes(Arc<[u8]>),
    /// An object too large for memory.
    #[cfg(feature = "aws")]
    Temporary(std::fs::File),
}

/// What a source gives next.
enum Next {
    File(File),
    /// What cannot be read, and why.
    Unreadable(String, String),
    /// What is left out without being opened.
    LeftOut(LeftOut),
}

#[derive(Clone, Copy)]
enum LeftOut {
    ByFilter,
    Neighbour,
    Other,
}

/// Where files come from, one after the other.
trait Source: Send {
    fn next(&mut self) -> Option<Next>;
}

/// Who keeps the records that matter, each of which comes once and as a line without secrets.
pub(super) trait Keeper: Send {
    fn keep(&mut self, kind: Kind, line: &[u8]) -> io::Result<()>;
    /// All has come: what was kept is to last.
    fn end(self: Box<Self>) -> io::Result<()>;
    /// What is being written, which is no source.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// What a reduction is made of.
pub(super) struct Request<'a> {
    /// As on the command line: paths, `-`, `s3://bucket/prefix`.
    pub(super) sources: &'a [String],
    pub(super) filter: Arc<Filter>,
    /// As many as there are cores, if it is not said.
    pub(super) threads: Option<usize>,
    #[cfg(feature = "aws")]
    pub(super) access: &'a AccessOptions,
}

/// What became of it.
pub(super) enum Reduced {
    /// It is kept; what could not be read is named and counted.
    Kept(Counts, Report),
    Interrupted,
    /// It is not, for this reason.
    Failed(String),
}

/// Reduces sources to a file, as the command line says.
pub(super) fn run(request: &Request<'_>, file: &Path, json: bool, out: &mut impl Write) -> io::Result<End> {
    match to_file(request, file, &Stop::listen()?, &Arc::new(Progress::default())) {
        Reduced::Kept(counts, report) => report.write(file, &counts, json, out),
        Reduced::Interrupted => {
            complain(&interruption(file));
            Ok(End::Interrupted)
        }
        Reduced::Failed(reason) => Ok(bad_input(&reason)),
    }
}

fn interruption(file: &Path) -> String {
    match file == Path::new("-") {
        true => "interrupted".to_owned(),
        false => format!("interrupted: {} is as it was", file.display()),
    }
}

/// Reduces sources to a file. Whoever kills it finds the file whole or as it was, and begins again.
pub(super) fn to_file(request: &Request<'_>, file: &Path, stop: &Stop, progress: &Arc<Progress>) -> Reduced {
    if let Some(source) = request.sources.iter().find(|source| has(Path::new(source), file)) {
        let (file, source) = (file.display(), visible(source));
        return Reduced::Failed(format!(
            "{file}: is part of the source {source}, and would be replaced: name another file"
        ));
    }
    match ReductionFile::create(file) {
        Ok(keeper) => reduce(request, Box::new(keeper), file, stop, progress),
        Err(error) => cannot_write(file, &error),
    }
}

/// Whether a file that is there is a source, or lies in one.
fn has(source: &Path, file: &Path) -> bool {
    let found = |path: &Path| path.canonicalize().ok();
    file.is_file() && found(source).zip(found(file)).is_some_and(|(source, file)| file.starts_with(source))
}

/// Reduces sources for whoever keeps it at that place.
pub(super) fn reduce(
    request: &Request<'_>,
    keeper: Box<dyn Keeper>,
    place: &Path,
    stop: &Stop,
    progress: &Arc<Progress>,
) -> Reduced {
    let filter = &request.filter;
    let sources = match open(request, &keeper.files(), stop) {
        Ok(sources) => sources,
        Err(wrong) => return Reduced::Failed(wrong),
    };
    local::count_ahead(request.sources, filter, progress);
    let threads = request.threads.unwrap_or_else(cores);
    let shared = Shared {
        sources: Mutex::new(sources),
        output: Mutex::new(Output::new(keeper)),
        report: Mutex::new(Report::new(Arc::clone(progress))),
        slow: Mutex::new(()),
        stop: stop.clone(),
        progress: Arc::clone(progress),
    };
    let ended = work(&shared, threads, filter);
    let output = shared.output.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = shared.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    if ended.is_ok() && stop.is_asked() {
        return Reduced::Interrupted;
    }
    match ended.and_then(|()| output.finish()) {
        Ok(counts) => Reduced::Kept(counts, report),
        Err(error) => cannot_write(place, &error),
    }
}

fn cannot_write(place: &Path, error: &io::Error) -> Reduced {
    Reduced::Failed(format!("{}: cannot be written: {error}", place.display()))
}

fn open(request: &Request<'_>, written: &[PathBuf], stop: &Stop) -> Result<Vec<Box<dyn Source>>, String> {
    #[cfg(not(feature = "aws"))]
    let _ = stop;
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for source in request.sources {
        sources.push(match source.strip_prefix("s3://") {
            None => Box::new(Local::new(Path::new(source), &request.filter, written.to_vec())),
            #[cfg(feature = "aws")]
            Some(place) => match bucket::Bucket::open(place, request.access, &request.filter, stop) {
                Ok(bucket) => Box::new(bucket),
                Err(wrong) => return Err(format!("{source}: {wrong}")),
            },
            #[cfg(not(feature = "aws"))]
            Some(_) => return Err(format!("{source}: this build does not reach AWS")),
        });
    }
    Ok(sources)
}

/// Works on all threads until nothing is left.
fn work(shared: &Shared, threads: usize, filter: &Arc<Filter>) -> io::Result<()> {
    let (names, ids) = (Arc::new(Names::of_table()), Ids::default());
    thread::scope(|scope| {
        let ticker = scope.spawn(|| shared.progress.show());
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let worker =
                    Worker::new(shared, threads, Arc::clone(&names), Arc::clone(filter), ids.clone());
                scope.spawn(move || worker.run())
            })
            .collect();
        let ended = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))));
        let ended = ended.collect::<Vec<_>>().into_iter().collect::<io::Result<()>>();
        shared.progress.end();
        ticker.thread().unpark();
        let _ = ticker.join();
        ended
    })
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What a path says, whichever way its parts are separated.
fn with_path<T>(path: &Path, of: impl FnOnce(&PathSays<'_>) -> T) -> T {
    let text = path.to_string_lossy();
    match std::path::MAIN_SEPARATOR {
        '/' => of(&PathSays::of(&text)),
        other => of(&PathSays::of(&text.replace(other, "/"))),
    }
}
