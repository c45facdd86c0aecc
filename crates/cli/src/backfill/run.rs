//! The folder of a run: what it goes by, how far it has come, and the lock that keeps a second process out.
//!
//! A plan names people and what they made, so that nobody else may read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::record::timestamp;
use aws_tags::settings::SETTINGS;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::disk::{Refusal, cannot, lock, new_folder, private_folder, replace};

/// The source that is CloudTrail's own history.
pub(super) const HISTORY: &str = "history";

/// A run, as long as this process has it.
pub(super) struct Run {
    pub(super) folder: PathBuf,
    pub(super) about: About,
    /// Held as long as it is open.
    _lock: File,
}

/// `run.json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    pub(super) run: String,
    /// RFC 3339.
    pub(super) began: String,
    #[serde(flatten)]
    pub(super) given: Given,
    pub(super) stage: Stage,
    /// When the plan was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) planned: Option<String>,
    pub(super) counts: Counts,
}

/// What a plan follows from. A run that goes on with anything else would be neither plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    pub(super) version: String,
    pub(super) sources: Vec<String>,
    /// The settings that are not as they are by default.
    pub(super) settings: BTreeMap<String, String>,
    pub(super) filters: BTreeMap<String, String>,
    /// Of which account AWS is asked; none where it is not.
    pub(super) account: Option<String>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// CloudTrail's own history is asked: what of it matters becomes a reduction.
    Reducing,
    /// Trails, files, or that reduction are read, and the records that matter kept by their callers.
    Reading,
    /// Who deployed which stack is remembered.
    Remembering,
    /// Calls and sessions of a caller are joined.
    Joining,
    /// Of all that is said of a resource, what counts is found.
    Judging,
    /// AWS is asked what is there.
    Asking,
    /// The plan is there.
    Planned,
}

/// What was read so far, and what it came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) creations: u64,
    pub(super) sessions: u64,
    pub(super) endings: u64,
    /// Calls that deploy stacks, and neither create nor end what they name.
    pub(super) deploys: u64,
    /// Files and records that could not be read.
    pub(super) unread: u64,
    /// Creations whose record does not tell what was created.
    pub(super) unresolvable: u64,
    /// Resources that only AWS could name.
    pub(super) to_look_up: u64,
}

impl Given {
    /// The settings of the environment that are not the defaults.
    pub(super) fn settings() -> BTreeMap<String, String> {
        let set = SETTINGS.iter().filter_map(|setting| {
            let value = std::env::var_os(setting.name)?.to_string_lossy().into_owned();
            (value != setting.default).then(|| (setting.name.to_owned(), value))
        });
        set.collect()
    }

    /// Whether CloudTrail's own history is asked.
    pub(super) fn is_of_history(&self) -> bool {
        self.sources == [HISTORY]
    }

    /// What differs from what a run began with.
    fn differences(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        let mut differs = |what: &str, was: String, is: String| {
            if was != is {
                all.push(format!("{what} was {was}, now it is {is}"));
            }
        };
        differs("the version", self.version.clone(), now.version.clone());
        differs("the history", self.sources.join(" "), now.sources.join(" "));
        let account = |given: &Self| given.account.clone().unwrap_or_else(|| "none (offline)".to_owned());
        differs("the account", account(self), account(now));
        all.extend(changes(&self.settings, &now.settings));
        all.extend(changes(&self.filters, &now.filters));
        all
    }

    /// Which settings are no longer as they were.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "what applies a plan needs AWS"))]
    pub(super) fn changed_settings(&self) -> Vec<String> {
        changes(&self.settings, &Self::settings())
    }
}

fn changes(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name: &String| {
        of.get(name).map_or_else(|| "not given".to_owned(), |value| format!("`{value}`"))
    };
    let changed = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    changed.map(|name| format!("{name} was {}, now it is {}", value(was, name), value(is, name))).collect()
}

impl Run {
    /// Begins a run in a new folder of its own.
    pub(super) fn begin(state: &Path, given: Given) -> Result<Self, Refusal> {
        let made = private_folder(state).map_err(|error| cannot(state, &error))?;
        let now = OffsetDateTime::now_utc();
        loop {
            let run = format!("{}-{}", now.date(), two_letters());
            let folder = made.join(&run);
            match new_folder(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(cannot(&folder, &error)),
                Ok(()) => {}
            }
            let began = timestamp::format(now);
            let stage = if given.is_of_history() { Stage::Reducing } else { Stage::Reading };
            let about = About { run, began, given, stage, planned: None, counts: Counts::default() };
            let run = Self { _lock: lock(&folder)?, folder, about };
            run.save().map_err(|error| cannot(&run.folder, &error))?;
            return Ok(run);
        }
    }

    /// Goes on with a run. Without sources and filters, they are the run's own; whatever is given must be as it was.
    pub(super) fn resume(folder: &Path, given: &mut Given) -> Result<Self, Refusal> {
        let held = lock(folder)?;
        let path = folder.join("run.json");
        let text = fs::read(&path).map_err(|error| cannot(&path, &error))?;
        let about: About =
            serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if given.sources.is_empty() {
            given.sources.clone_from(&about.given.sources);
            if given.filters.is_empty() {
                given.filters.clone_from(&about.given.filters);
            }
        }
        match about.given.differences(given).as_slice() {
            [] => Ok(Self { folder: folder.to_owned(), about, _lock: held }),
            others => Err(format!("run {} cannot go on: {}", about.run, others.join("; "))),
        }
    }

    /// Writes down how far it has come, at once or not at all.
    pub(super) fn save(&self) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.about)?;
        replace(&self.folder.join("run.json"), |file| writeln!(file, "{text}"))
    }

    pub(super) fn reach(&mut self, stage: Stage) -> io::Result<()> {
        self.about.stage = stage;
        if stage == Stage::Planned && self.about.planned.is_none() {
            self.about.planned = Some(timestamp::format(OffsetDateTime::now_utc()));
        }
        self.save()
    }

    /// What of CloudTrail's own history matters.
    pub(super) fn reduction(&self) -> PathBuf {
        self.folder.join("reduction.jsonl.gz")
    }

    /// Whether something was written by its plan.
    pub(super) fn is_applied(&self) -> bool {
        fs::metadata(self.folder.join("journal.jsonl")).is_ok_and(|journal| journal.len() > 0)
    }

    pub(super) fn plan(&self) -> PathBuf {
        self.folder.join("plan.jsonl")
    }
}

/// What a run says of itself, if its folder is there.
pub(super) fn about(folder: &Path) -> Option<About> {
    serde_json::from_slice(&fs::read(folder.join("run.json")).ok()?).ok()
}

/// Two letters or digits, to tell the runs of one day apart.
fn two_letters() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = RandomState::new().hash_one(());
    let letter = |shift: u32| char::from(LETTERS[usize::try_from(random >> shift & 31).unwrap_or_default()]);
    [letter(0), letter(5)].iter().collect()
}
