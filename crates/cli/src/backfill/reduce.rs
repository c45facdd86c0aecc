//! Reads sources on all cores, and writes the records that matter: the *reduction*.

#[cfg(feature = "aws")]
mod bucket;
mod local;
mod output;
mod pending;
mod progress;
mod report;
mod worker;

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use aws_tags::backfill::relevance::Names;
use aws_tags_scan::{Filter, Ids, PathSays};

use super::stop::Stop;
#[cfg(feature = "aws")]
use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain};
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
    Path(std::path::PathBuf),
    /// A pipe, a device, standard input: what can be read once.
    Once(std::path::PathBuf),
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

/// What a reduction is made of.
pub(super) struct Request<'a> {
    /// As on the command line: paths, `-`, `s3://bucket/prefix`.
    pub(super) sources: &'a [String],
    pub(super) filter: Arc<Filter>,
    /// Where it goes: it is whole, or as it was before.
    pub(super) file: &'a Path,
    /// As many as there are cores, if it is not said.
    pub(super) threads: Option<usize>,
    #[cfg(feature = "aws")]
    pub(super) access: &'a AccessOptions,
}

/// What became of it.
pub(super) enum Reduced {
    /// It is written; what could not be read is named and counted.
    Written(Counts, Report),
    Interrupted,
    /// Nothing is written, for this reason.
    Failed(String),
}

/// Reduces sources to a file, as the command line says.
pub(super) fn run(request: &Request<'_>, json: bool, out: &mut impl Write) -> io::Result<End> {
    let file = request.file;
    match reduce(request, &Stop::listen()?, &Arc::new(Progress::default())) {
        Reduced::Written(counts, report) => report.write(file, &counts, json, out),
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
pub(super) fn reduce(request: &Request<'_>, stop: &Stop, progress: &Arc<Progress>) -> Reduced {
    let Request { filter, file, .. } = request;
    let cannot_write =
        |error: io::Error| Reduced::Failed(format!("{}: cannot be written: {error}", file.display()));
    let output = match Output::create(file) {
        Ok(output) => output,
        Err(error) => return cannot_write(error),
    };
    let sources = match open(request, &output, stop) {
        Ok(sources) => sources,
        Err(wrong) => return Reduced::Failed(wrong),
    };
    local::count_ahead(request.sources, filter, progress);
    let threads = request.threads.unwrap_or_else(cores);
    let shared = Shared {
        sources: Mutex::new(sources),
        output: Mutex::new(output),
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
        Ok(counts) => Reduced::Written(counts, report),
        Err(error) => cannot_write(error),
    }
}

fn open(request: &Request<'_>, output: &Output, stop: &Stop) -> Result<Vec<Box<dyn Source>>, String> {
    #[cfg(not(feature = "aws"))]
    let _ = stop;
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for source in request.sources {
        sources.push(match source.strip_prefix("s3://") {
            None => Box::new(Local::new(Path::new(source), &request.filter, output.paths())),
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
