//! `aws-tags backfill`: who created what is there already, by the history of an account. What reads a history ends in one
//! *reduction*, a reduction in a plan, and nothing is written without it.

#[cfg(feature = "aws")]
pub(crate) mod apply;
mod athena;
#[cfg(feature = "aws")]
pub(crate) mod books;
#[cfg(feature = "aws")]
pub(crate) mod call;
mod disk;
mod filter;
#[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "what works with plans needs AWS"))]
pub(crate) mod folder;
#[cfg(feature = "aws")]
mod history;
#[cfg(feature = "aws")]
mod in_aws;
#[cfg(feature = "aws")]
mod line;
pub(crate) mod options;
mod plan;
#[cfg(feature = "aws")]
mod rate;
mod reading;
mod reduce;
mod run;
mod stop;
#[cfg(feature = "aws")]
pub(crate) mod tally;
#[cfg(not(feature = "aws"))]
mod without_aws;
#[cfg(feature = "aws")]
pub(crate) mod work;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::Settings;
use clap::Args;
use tokio::runtime::Runtime;

#[cfg(feature = "aws")]
use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain};
use crate::shell::line;
use filter::Filter;
use folder::{StateOptions, from_anywhere};
use options::WriteOptions;
use plan::Asked;
#[cfg(feature = "aws")]
pub(crate) use plan::of_records;
use run::{Given, HISTORY, Run};
use stop::Stop;

/// As a run remembers it.
#[cfg(feature = "aws")]
const NO_IAM_TAGS: &str = "--no-iam-tags";

#[derive(Args)]
pub(crate) struct Options {
    /// The history: `history` for CloudTrail's own of the last 90 days, by LookupEvents; or files, folders, `-` for standard
    /// input, or `s3://bucket/prefix` of a trail, reductions, rows of Athena. A trail's files are read fastest.
    #[arg(value_name = "SOURCE", required_unless_present_any = ["resume", "athena_sql"])]
    sources: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Write the reduction of the history to FILE, and do nothing else: one record a line of those that tell who created what.
    /// A name that ends in `.gz` is packed; `-` is standard output.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["athena_sql", "resume"])]
    reduce_only: Option<PathBuf>,
    /// Print the SQL by which Athena reads a trail to the same reduction, and what each way of reading it costs.
    #[arg(long, conflicts_with_all = ["sources", "resume"])]
    athena_sql: bool,
    #[command(flatten)]
    trail: athena::Trail,
    /// Read with as many threads as that [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    #[command(flatten)]
    state: StateOptions,
    /// Go on with a run, in whichever stage it is: its name, or the path to its folder.
    #[arg(long, value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    resume: Option<String>,
    /// Plan by the history alone, and ask AWS for nothing else. Present tags are unknown then, and what is gone unseen.
    #[arg(long)]
    offline: bool,
    /// Do not ask IAM for the tags that roles and users have today.
    #[cfg(feature = "aws")]
    #[arg(long)]
    no_iam_tags: bool,
    /// Write the tags of the plan, after showing it.
    #[cfg(feature = "aws")]
    #[arg(long, conflicts_with_all = ["offline", "athena_sql", "reduce_only"])]
    apply: bool,
    /// Write also where some of the history could not be read: a later creator or an ending may be missing.
    #[cfg(feature = "aws")]
    #[arg(long, requires = "apply")]
    accept_partial: bool,
    #[command(flatten)]
    write: WriteOptions,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    access: AccessOptions,
}

/// Reduces a history, plans a run, or goes on with one.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    if options.athena_sql {
        return athena::print(&options.trail, &options.filter, out);
    }
    if let Some(reason) = options.is_mixed() {
        return Ok(bad_input(reason));
    }
    if let Some(reason) = options.sources.iter().find_map(|source| is_a_run(Path::new(source))) {
        return Ok(bad_input(&reason));
    }
    if let Some(file) = &options.reduce_only {
        return options.reduce_only(file, out);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = match options.resume.as_deref().map(|run| options.state.path_of(run)).transpose() {
        Ok(folder) => folder,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    if let Some(folder) = folder.as_deref().filter(|folder| !folder.is_dir()) {
        return Ok(bad_input(&format!("{}: there is no such run", folder.display())));
    }
    #[cfg(feature = "aws")]
    if let Some(folder) = folder.as_deref().filter(|folder| options.apply && is_planned(folder)) {
        let chosen = match options.chosen(folder) {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        return options.apply(folder, chosen, &runtime, out);
    }
    let settings = match Settings::read(|name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let (mut run, asked) = match options.open(folder.as_deref(), &runtime) {
        Ok(opened) => opened,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    if folder.is_none() {
        // Whatever ends this process, it is known what goes on.
        let (name, path, again) =
            (&run.about.run, from_anywhere(&run.folder), options.again(&run, options.applies()));
        complain(&format!("run {name} is in {path}; if it is stopped, go on with: {again}"));
    }
    match options.gather(&mut run)? {
        End::Done => {}
        end => return Ok(end),
    }
    let stop = Stop::listen()?;
    let do_it = options.again(&run, true);
    let shown = match options.write.json {
        true => plan::Shown::Json,
        false => plan::Shown::Text((!options.applies()).then_some(do_it.as_str())),
    };
    let planned = runtime.block_on(plan::plan(&mut run, &settings, &asked, &stop, shown, out));
    let is_whole = match planned {
        Ok(is_whole) => is_whole,
        Err(_) if stop.is_asked() => {
            complain(&plan::saved(&options.again(&run, options.applies())));
            return Ok(End::Interrupted);
        }
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error),
        Err(error) => {
            let again = options.again(&run, options.applies());
            return Ok(bad_input(&format!("run {}: {error}; go on with: {again}", run.about.run)));
        }
    };
    let end = if is_whole { End::Done } else { End::Failed };
    #[cfg(feature = "aws")]
    if options.apply {
        let folder = run.folder.clone();
        // So that it can be locked again.
        drop(run);
        return options.apply(&folder, None, &runtime, out);
    }
    Ok(end)
}

/// Whether there is nothing left but to write: a plan without a run is somebody's own.
#[cfg(feature = "aws")]
fn is_planned(folder: &Path) -> bool {
    run::about(folder)
        .map_or_else(|| folder.join(folder::PLAN).is_file(), |about| about.stage == run::Stage::Planned)
}

impl Options {
    fn is_mixed(&self) -> Option<&'static str> {
        let is_history = |source: &String| source == HISTORY;
        let mixed = self.sources.len() > 1 && self.sources.iter().any(is_history);
        if mixed {
            return Some(
                "`history` and files cannot be read at once: reduce each, then plan by both reductions",
            );
        }
        (self.reduce_only.is_some() && self.filter.is_of_owners())
            .then_some("--owner is for plans: a record alone does not tell whom a resource is given to")
    }

    /// The command that goes on with a run.
    fn again(&self, run: &Run, apply: bool) -> String {
        self.command(&run.about.run, apply, None)
    }

    /// The same, of some lines of the plan.
    fn command(&self, name: &str, apply: bool, chosen: Option<&Filter>) -> String {
        let run = self.resume.as_deref().unwrap_or(name);
        let words =
            ["aws-tags", "backfill", "--resume", &StateOptions::word(run)].map(str::to_owned).into_iter();
        let words = words.chain(apply.then(|| "--apply".to_owned())).chain(self.state.words(run));
        let words = words.chain(chosen.map(Filter::words).unwrap_or_default()).chain(self.write.words());
        #[cfg(feature = "aws")]
        let words = words
            .chain(self.accept_partial.then(|| "--accept-partial".to_owned()))
            .chain(self.access.words());
        line(&words.collect::<Vec<_>>())
    }

    const fn applies(&self) -> bool {
        #[cfg(feature = "aws")]
        return self.apply;
        #[cfg(not(feature = "aws"))]
        false
    }

    fn reduce_only(&self, file: &Path, out: &mut impl Write) -> io::Result<End> {
        if self.sources == [HISTORY] {
            return self.history_only(file, out);
        }
        let request = self.request(&self.sources, self.filter.of_records());
        reduce::run(&request, file, self.write.json, out)
    }

    /// Begins a run, or goes on with one.
    fn open(&self, folder: Option<&Path>, runtime: &Runtime) -> Result<(Run, Asked), String> {
        let begun = folder.and_then(run::about);
        let asked = runtime.block_on(self.asked(begun.as_ref()))?;
        let mut given = self.given(&asked)?;
        let run = match folder {
            Some(folder) => Run::resume(folder, &mut given)?,
            None => Run::begin(&self.state.folder()?, given)?,
        };
        Ok((run, asked))
    }

    fn given(&self, asked: &Asked) -> Result<Given, String> {
        let filters = self.filter.given();
        #[cfg(feature = "aws")]
        let filters = {
            let ignored = self.no_iam_tags.then(|| (NO_IAM_TAGS.to_owned(), "yes".to_owned()));
            filters.into_iter().chain(ignored).collect()
        };
        Ok(Given {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sources: self.sources.iter().map(whole).collect::<Result<_, _>>()?,
            settings: Given::settings(),
            filters,
            account: asked.account(),
        })
    }
}

/// What to say of a source that is a run or the plan of one, and no history.
fn is_a_run(source: &Path) -> Option<String> {
    let folder = if source.ends_with(folder::PLAN) { source.parent()? } else { source };
    let run = run::about(folder)?.run;
    let again = "go on with it by --resume, or give the history that it was made of";
    Some(format!("{}: this is run {run} of a backfill, and no history: {again}", source.display()))
}

/// A source as it is found from any folder, if it is there.
fn whole(source: &String) -> Result<String, String> {
    if source == HISTORY || source == "-" || source.starts_with("s3://") {
        return Ok(source.clone());
    }
    match Path::new(source).exists() {
        true => {
            Ok(std::path::absolute(source).map_or_else(|_| source.clone(), |path| path.display().to_string()))
        }
        false => Err(format!("{source}: there is no such file or folder")),
    }
}
