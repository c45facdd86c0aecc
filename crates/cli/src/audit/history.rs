//! What the past says of resources: records of a trail, the plan of a backfill, the journal of what a run wrote.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use aws_tags::audit::{Creation, TagOrigin};
use aws_tags::backfill::plan::{Planned, State};
use aws_tags::ports::Ports;
use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
use aws_tags::table::{Resource, existing};
use aws_tags::tagging::{Outcome, Scope};
use aws_tags::tags::{Tag, TagMap, TagSource};
use aws_tags::{Arn, Effect, Event, Settings, record_session, tag_resources};
use futures_util::FutureExt;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::inventory::Place;
use crate::console::complain;
use crate::input::{Input, Record};
use crate::replay::Spool;

/// What the past says of one resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// The event that created it, the last if there were several.
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
}

/// What the past says, by ARN.
#[derive(Default)]
pub(super) struct History {
    pub(super) past: BTreeMap<String, Past>,
    /// What could not be read, each said already.
    pub(super) unread: usize,
}

impl History {
    /// Reads trails, plans and folders of runs.
    pub(super) async fn read(paths: &[PathBuf], settings: &Settings) -> io::Result<Self> {
        let mut history = Self::default();
        let mut trails = Vec::new();
        for path in paths {
            let run = path.join("plan.jsonl");
            match (run.is_file(), is_plan(path)) {
                (true, _) => {
                    history.plan(&run)?;
                    history.journal(path)?;
                }
                (false, true) => history.plan(path)?,
                (false, false) => trails.push(path.clone()),
            }
        }
        if !trails.is_empty() {
            history.records(trails, settings).await?;
        }
        Ok(history)
    }

    /// By the spelling of ARNs that inventories have.
    pub(super) fn spelt(&self, place: &Place) -> BTreeMap<String, Past> {
        let spelt =
            |arn: &str| Arn::parse(arn).map_or_else(|| arn.to_owned(), |arn| place.spelt(arn).to_string());
        self.past.iter().map(|(arn, past)| (spelt(arn), past.clone())).collect()
    }

    /// Takes over each line of a plan. What is gone or not certain names no creator.
    fn plan(&mut self, path: &Path) -> io::Result<()> {
        for (nth, line) in lines_of(path)? {
            let line = line?;
            match serde_json::from_str::<Planned>(&line) {
                Ok(planned) => self.planned(planned),
                // The head of the plan.
                Err(_) if nth == 1 && serde_json::from_str::<Value>(&line).is_ok() => {}
                Err(error) => self.reject(path, nth, &error.to_string()),
            }
        }
        Ok(())
    }

    fn planned(&mut self, planned: Planned) {
        if matches!(planned.state, State::Gone | State::Unsure | State::Unresolvable) {
            return;
        }
        let Some(arn) = Arn::parse(&planned.arn) else { return };
        let resource = existing(arn, &planned.region);
        let past = self.past.entry(planned.arn).or_default();
        past.resource = resource;
        past.created = planned.event.time.map(|at| Creation {
            at,
            event: planned.event.id.unwrap_or_default(),
            name: planned.event.name,
            by: planned.by.or(planned.event.by).unwrap_or_default(),
            file: None,
        });
        let origin = |key: &str, source: &str| match source {
            "owner" => TagOrigin::Principal,
            "extra" if key == "PrincipalId" => TagOrigin::Principal,
            "extra" => TagOrigin::Extra,
            "session" => TagOrigin::Session,
            "iam" => TagOrigin::Iam,
            "parent" => TagOrigin::Parent,
            _ => TagOrigin::Other,
        };
        let tags =
            planned.add.into_iter().map(|tag| (tag.key.clone(), (tag.value, origin(&tag.key, &tag.source))));
        past.planned = tags.collect();
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
                let past = self.past.entry(arn.to_owned()).or_default();
                past.written.extend(tags.clone());
                past.run.clone_from(&name);
            }
        }
        Ok(())
    }

    /// Takes over what the functions would make of records, in order of time: the last creation counts.
    async fn records(&mut self, paths: Vec<PathBuf>, settings: &Settings) -> io::Result<()> {
        let ports = Ports {
            sessions: MemorySessions::default(),
            principal_tags: GivenIamTags::default(),
            lookups: GivenLookups::default(),
            tagger: CountingTagger::default(),
        };
        let mut spool = Spool::new();
        let reading = Input { paths }.read(&mut |record| {
            let recorded = record_session(&ports.sessions, None, &record.event).now_or_never();
            recorded.transpose().map_err(|failure| io::Error::other(failure.to_string()))?;
            match Effect::of(&record.event) {
                Effect::Created(_) => spool.keep(&record),
                _ => Ok(()),
            }
        })?;
        self.unread = self.unread.saturating_add(reading.unread);
        for records in spool.in_order(1) {
            for mut record in records? {
                record.event.is_last_of_its_name = true;
                let events = [&record.event];
                for outcome in tag_resources(&ports, settings, &Scope::default(), day_after, &events).await {
                    self.outcome(&record, &outcome, settings);
                }
            }
        }
        Ok(())
    }

    fn outcome(&mut self, record: &Record, outcome: &Outcome, settings: &Settings) {
        let Some(tagging) = outcome.tagging() else { return };
        for made in &tagging.resources {
            let past = self.past.entry(made.resource.arn.to_string()).or_default();
            past.created = creation(record, outcome);
            past.resource = Some(made.resource.clone());
            past.requested.clone_from(&made.shown);
            let origin = |tag: &Tag| match tag.source {
                TagSource::Owner => TagOrigin::Principal,
                TagSource::Extra if Some(&tag.key) == settings.principal_id_tag.as_ref() => {
                    TagOrigin::Principal
                }
                TagSource::Extra => TagOrigin::Extra,
                TagSource::Session => TagOrigin::Session,
                TagSource::Iam => TagOrigin::Iam,
                TagSource::Parent => TagOrigin::Parent,
            };
            let tags =
                tagging.merged.tags.iter().map(|tag| (tag.key.clone(), (tag.value.clone(), origin(tag))));
            past.planned = tags.collect();
        }
    }

    fn reject(&mut self, path: &Path, line: usize, why: &str) {
        complain(&format!("{}: line {line}: {why}", path.display()));
        self.unread = self.unread.saturating_add(1);
    }
}

fn creation(record: &Record, outcome: &Outcome) -> Option<Creation> {
    let principal = &outcome.principal;
    let by = principal
        .service()
        .or(principal.arn.as_deref())
        .or(principal.id.as_deref())
        .or(principal.account.as_deref());
    Some(Creation {
        at: record.event.time()?,
        event: record.event.id().unwrap_or_default().into_owned(),
        name: record.event.name.clone(),
        by: by.unwrap_or_default().to_owned(),
        file: Some(record.file.clone()),
    })
}

/// When an event counts as handled: late enough that a session that is not recorded is unknown, not pending.
fn day_after(event: &Event) -> OffsetDateTime {
    event.time().unwrap_or(OffsetDateTime::UNIX_EPOCH).saturating_add(Duration::DAY)
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
