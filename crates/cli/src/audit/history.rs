//! What the past says of resources: records of a trail, the plan of a backfill, the journal of what a run wrote.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use aws_tags::audit::{Creation, Guess, TagOrigin};
use aws_tags::backfill::asked;
use aws_tags::backfill::plan::{self, Origin, Planned, PlannedTag, State};
use aws_tags::backfill::verdict::{Open, Verdict};
use aws_tags::table::Resource;
use aws_tags::tags::{TagMap, TagSource};
use aws_tags::{Arn, Settings};
use serde_json::Value;

use super::inventory::Place;
use crate::backfill::of_records;
use crate::console::complain;

/// What the past says of one resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// The event that created it, where that is certain.
    pub(super) created: Option<Creation>,
    /// What the table says of it: how its tags are read.
    pub(super) resource: Option<Resource>,
    /// The tags that it should have.
    pub(super) planned: BTreeMap<String, (String, TagOrigin)>,
    /// The tags that the request set.
    pub(super) requested: TagMap,
    /// The tags that runs of ours wrote.
    pub(super) written: TagMap,
    /// The run that wrote them.
    pub(super) run: Option<String>,
    /// Whose it may be, where that is not certain.
    pub(super) guess: Option<Guess>,
}

/// What the past says, by ARN.
#[derive(Default)]
pub(super) struct History {
    pub(super) past: BTreeMap<String, Past>,
    /// What could not be read, each said already.
    pub(super) unread: usize,
    /// How many resources of other accounts it has: their ARNs need not say so.
    pub(super) others: u64,
}

impl History {
    /// Reads trails, plans and folders of runs, as far as they are of this account.
    pub(super) async fn read(paths: &[PathBuf], settings: &Settings, account: &str) -> io::Result<Self> {
        let mut history = Self::default();
        let mut trails = Vec::new();
        for path in paths {
            let run = path.join("plan.jsonl");
            match (run.is_file(), is_plan(path)) {
                (true, _) => {
                    history.plan(&run, settings, account)?;
                    history.journal(path)?;
                }
                (false, true) => history.plan(path, settings, account)?,
                (false, false) => trails.push(path.clone()),
            }
        }
        if !trails.is_empty() {
            history.records(trails, settings, account).await?;
        }
        Ok(history)
    }

    /// By the spelling of ARNs that inventories have.
    pub(super) fn spelt(&self, place: &Place) -> BTreeMap<String, Past> {
        let spelt =
            |arn: &str| Arn::parse(arn).map_or_else(|| arn.to_owned(), |arn| place.spelt(arn).to_string());
        self.past.iter().map(|(arn, past)| (spelt(arn), past.clone())).collect()
    }

    /// Takes over each line of a plan.
    fn plan(&mut self, path: &Path, settings: &Settings, account: &str) -> io::Result<()> {
        let mark = settings.principal_id_tag.as_deref();
        for (nth, line) in lines_of(path)? {
            let line = line?;
            match serde_json::from_str::<Planned>(&line) {
                Ok(planned) => {
                    let (shown, doubt, open, parent) = (TagMap::new(), None, Open::Settled, None);
                    self.judged(Verdict { planned, shown, doubt, open, parent }, None, mark, account);
                }
                // The head of the plan.
                Err(_) if nth == 1 && serde_json::from_str::<Value>(&line).is_ok() => {}
                Err(error) => self.reject(path, nth, &error.to_string()),
            }
        }
        Ok(())
    }

    /// Takes over what a run wrote, as far as its journal says that it did.
    fn journal(&mut self, run: &Path) -> io::Result<()> {
        let path = run.join("journal.jsonl");
        if !path.is_file() {
            return Ok(());
        }
        let name = run.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut begun: BTreeMap<u64, TagMap> = BTreeMap::new();
        for (nth, line) in lines_of(&path)? {
            let Ok(entry) = serde_json::from_str::<Value>(&line?) else {
                self.reject(&path, nth, "not JSON: a line that was cut off?");
                continue;
            };
            let number = entry.get("n").and_then(Value::as_u64).unwrap_or_default();
            if entry.get("do").and_then(Value::as_str) == Some("tag") {
                let added = entry.get("add").cloned().unwrap_or_default();
                begun.insert(number, serde_json::from_value(added).unwrap_or_default());
            }
            for arn in
                entry.get("done").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
            {
                let Some(tags) = begun.get(&number) else { continue };
                // What the plan says nothing of is another account's.
                let Some(past) = self.past.get_mut(arn) else { continue };
                past.written.extend(tags.clone());
                past.run.clone_from(&name);
            }
        }
        Ok(())
    }

    /// Takes over what the planner of a backfill says of records: who created what, and what is not certain.
    async fn records(&mut self, paths: Vec<PathBuf>, settings: &Settings, account: &str) -> io::Result<()> {
        let take =
            &mut |verdict, file| self.judged(verdict, file, settings.principal_id_tag.as_deref(), account);
        let unread = of_records::verdicts(paths, settings, take).await?;
        self.unread = self.unread.saturating_add(unread);
        Ok(())
    }

    /// Takes over what the planner says of one resource, by records or as a line of its plan.
    fn judged(&mut self, verdict: Verdict, file: Option<String>, mark: Option<&str>, account: &str) {
        if verdict.planned.account != account {
            self.others = self.others.saturating_add(1);
            return;
        }
        let resource = asked::resource(&verdict);
        let Verdict { planned, shown, open, .. } = verdict;
        let is_unsure = match planned.state {
            State::Unresolvable => return,
            // It should have ended. If it is there, somebody unknown made it again; what has a unique id is not.
            State::Gone if open == Open::Existence && resource.as_ref().is_some_and(|made| !made.unique) => {
                true
            }
            State::Gone => return,
            state => state == State::Unsure,
        };
        let past = self.past.entry(planned.arn.clone()).or_default();
        past.resource = resource;
        past.guess = guess(&planned);
        if !is_unsure {
            past.requested = shown;
            past.planned = match planned.state {
                State::Add => planned.add.iter().map(|tag| tag_of(tag, mark)).collect(),
                _ => BTreeMap::new(),
            };
            past.created = creation(planned, file);
        }
    }

    fn reject(&mut self, path: &Path, line: usize, why: &str) {
        complain(&format!("{}: line {line}: {why}", path.display()));
        self.unread = self.unread.saturating_add(1);
    }
}

fn creation(planned: Planned, file: Option<String>) -> Option<Creation> {
    let Origin { id, time, name, by } = planned.event;
    let by = planned.by.or(by).unwrap_or_default();
    Some(Creation { at: time?, event: id.unwrap_or_default(), name, by, file })
}

/// Whose the planner takes a resource for that is not certain, and why it is not.
fn guess(planned: &Planned) -> Option<Guess> {
    let plan::Guess { owner, why } = planned.guess.as_ref()?;
    let doubt = planned.why.as_ref().map(|doubt| format!(", not certain: {doubt}"));
    Some(Guess { owner: owner.clone(), why: format!("{why}{}", doubt.unwrap_or_default()) })
}

fn tag_of(tag: &PlannedTag, mark: Option<&str>) -> (String, (String, TagOrigin)) {
    let origin = match TagSource::parse(&tag.source) {
        Some(TagSource::Owner) => TagOrigin::Principal,
        Some(TagSource::Extra) if Some(tag.key.as_str()) == mark => TagOrigin::Principal,
        Some(TagSource::Extra) => TagOrigin::Extra,
        Some(TagSource::Session) => TagOrigin::Session,
        Some(TagSource::Iam) => TagOrigin::Iam,
        Some(TagSource::Parent) => TagOrigin::Parent,
        None => TagOrigin::Other,
    };
    (tag.key.clone(), (tag.value.clone(), origin))
}

/// Why there is nothing to read at a path: said before anybody is asked whose account it is.
pub(super) fn unreadable(path: &Path) -> Option<String> {
    std::fs::metadata(path).err().map(|error| format!("{}: {error}", path.display()))
}

/// Whether a file is a plan: by its name, or by what its first line has.
fn is_plan(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "plan.jsonl") {
        return true;
    }
    let first = || lines_of(path).ok()?.next()?.1.ok();
    path.is_file() && first().is_some_and(|line| serde_json::from_str::<Planned>(&line).is_ok())
}

/// The lines of a file with their numbers, empty ones left out.
fn lines_of(path: &Path) -> io::Result<impl Iterator<Item = (usize, io::Result<String>)>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let lines = BufReader::new(File::open(path).map_err(named)?).lines();
    let numbered = (1..).zip(lines);
    Ok(numbered.filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty())))
}
