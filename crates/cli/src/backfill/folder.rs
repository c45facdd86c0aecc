//! The folder of a run: its plan, and the journals of what was written and taken back.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use aws_tags::backfill::plan::Planned;
use aws_tags::record::timestamp;
use clap::Args;
use time::OffsetDateTime;

use super::{disk, run};
use crate::shell::flag;

/// Where runs are kept.
#[derive(Args)]
pub(crate) struct StateOptions {
    /// The folder of all runs; by default aws-tags in $XDG_STATE_HOME or ~/.local/state.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl StateOptions {
    /// The words by which a command finds that run again: a path does, and a name with its folder.
    pub(crate) fn words(&self, run: &str) -> Vec<String> {
        let state = self.state.as_ref().filter(|_| !is_path(run)).map(|state| from_anywhere(state));
        flag("--state", state.as_deref())
    }

    /// A run as any command finds it, wherever that is given.
    pub(crate) fn word(run: &str) -> String {
        if is_path(run) { from_anywhere(Path::new(run)) } else { run.to_owned() }
    }

    /// The folder of all runs.
    pub(crate) fn folder(&self) -> Result<PathBuf, String> {
        if let Some(state) = &self.state {
            return Ok(state.clone());
        }
        let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || Some(of("HOME")?.join(".local/state"));
        let all = of("XDG_STATE_HOME").filter(|path| path.is_absolute()).or_else(home);
        all.map(|all| all.join("aws-tags")).ok_or_else(|| "no home directory: give --state".to_owned())
    }

    /// All runs, the last first.
    pub(crate) fn runs(&self) -> Result<Vec<RunFolder>, String> {
        let folder = self.folder()?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(format!("{}: {error}", folder.display())),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.join(PLAN).is_file());
        // Names of one day say nothing of the order.
        let began = |path: &PathBuf| (run::about(path).map(|about| about.began), path.clone());
        paths.sort_by_cached_key(began);
        paths.iter().rev().map(|path| RunFolder::of(path)).collect()
    }

    /// The folder of a run, by its name or by the path to it.
    pub(super) fn path_of(&self, run: &str) -> Result<PathBuf, String> {
        match is_path(run) {
            true => Ok(PathBuf::from(run)),
            false => Ok(self.folder()?.join(run)),
        }
    }

    /// A run that has a plan.
    pub(crate) fn run(&self, run: &str) -> Result<RunFolder, String> {
        RunFolder::of(&self.path_of(run)?)
    }
}

/// Whether a run is given by the path to it.
fn is_path(run: &str) -> bool {
    run.contains(std::path::MAIN_SEPARATOR)
}

/// A path that does not depend on the folder in which a command is given.
pub(super) fn from_anywhere(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// The folder of one run.
#[derive(Debug)]
pub(crate) struct RunFolder {
    pub(crate) path: PathBuf,
    /// Its name, by which other commands find it.
    pub(crate) name: String,
}

impl RunFolder {
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        if !path.join(PLAN).is_file() {
            return Err(format!("{}: there is no run with a plan", path.display()));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { path: path.to_owned(), name })
    }

    /// Keeps other processes from writing to it, as long as the answer lives.
    pub(crate) fn lock(&self) -> Result<File, String> {
        disk::lock(&self.path)
    }

    /// When it was planned.
    pub(crate) fn planned_at(&self) -> Option<OffsetDateTime> {
        let planned = run::about(&self.path).and_then(|about| about.planned);
        if let Some(planned) = planned.as_deref().and_then(timestamp::parse) {
            return Some(planned);
        }
        let modified = fs::metadata(self.path.join(PLAN)).ok()?.modified().ok()?;
        Some(modified.into())
    }

    /// What the plan says of a resource. Only lines that hold its ARN are read.
    pub(crate) fn planned(&self, arn: &str) -> Result<Option<Planned>, String> {
        let path = self.path.join(PLAN);
        let wrong = |nth: usize, error: &dyn Display| format!("{}, line {nth}: {error}", path.display());
        let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (nth, line) in (1..).zip(BufReader::with_capacity(1 << 16, file).lines()) {
            let line = line.map_err(|error| wrong(nth, &error))?;
            let is_head = nth == 1 && !line.contains("\"arn\":");
            if is_head || !line.contains(arn) {
                continue;
            }
            let one: Planned = serde_json::from_str(&line).map_err(|error| wrong(nth, &error))?;
            if one.arn == arn {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }

    /// The lines of the plan, one after the other.
    pub(crate) fn plan(&self) -> Result<impl Iterator<Item = Result<Planned, String>> + use<>, String> {
        let path = self.path.join(PLAN);
        let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = (1..).zip(BufReader::with_capacity(1 << 16, file).lines());
        Ok(lines.filter_map(move |(nth, line)| {
            let line = match line {
                Ok(line) => line,
                Err(error) => return Some(Err(format!("{}: {error}", path.display()))),
            };
            // A head says what the plan is, and plans nothing.
            let is_head = nth == 1 && !line.contains("\"arn\":");
            let wrong = |error| format!("{}, line {nth}: {error}", path.display());
            (!is_head && !line.trim().is_empty()).then(|| serde_json::from_str(&line).map_err(wrong))
        }))
    }
}

/// The plan in the folder of a run.
pub(crate) const PLAN: &str = "plan.jsonl";
