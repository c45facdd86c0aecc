//! What the planner says of records, for whoever wants no run: by the same stages, in a folder that goes with them.
//! Nobody is asked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use aws_tags::Settings;
use aws_tags::backfill::relevance::{Kind, kind_of};
use aws_tags::backfill::verdict::Verdict;
use aws_tags_scan::without_tokens;
use serde_json::Value;

use super::super::filter::Filter;
use super::super::reduce::Keeper;
use super::super::run::Counts;
use super::intake::Intake;
use super::merge::{each, guess, owners_of_parents};
use super::sessions::RunSessions;
use super::{Stop, join, judge, ports_of_nobody, remember};
use crate::input::Input;

/// Gives the verdict on each resource that records of these files and folders name, with the file that has its event.
/// Returns how much could not be read.
pub(crate) async fn verdicts(
    paths: Vec<PathBuf>,
    settings: &Settings,
    take: &mut impl FnMut(Verdict, Option<String>),
) -> io::Result<usize> {
    let (folder, stop) = (tempfile::tempdir()?, Stop::default());
    let folder = folder.path();
    let mut intake = Intake::open(folder, false)?;
    let (mut files, mut last): (HashMap<String, Rc<str>>, Rc<str>) = (HashMap::new(), "".into());
    let reading = Input { paths }.read(&mut |record| {
        if *last != *record.file {
            last = record.file.as_str().into();
        }
        let Some(kind) = kind_of(&record.event) else { return Ok(()) };
        let id = record.event.id().filter(|_| kind == Kind::Creation);
        match id.map(|id| files.entry(id.into_owned())) {
            // Trails overlap, and CloudTrail delivers some records twice.
            Some(Entry::Occupied(_)) => return Ok(()),
            Some(Entry::Vacant(new)) => drop(new.insert(last.clone())),
            None => {}
        }
        let mut whole = Value::Object(record.event.record().clone());
        without_tokens(&mut whole);
        intake.keep(kind, &serde_json::to_vec(&whole)?)
    })?;
    Box::new(intake).end()?;
    let ports = ports_of_nobody(RunSessions::new(folder));
    // In a box: what it awaits is deep.
    Box::pin(remember::all(folder, settings, &ports, |_| (), &stop)).await?;
    Box::pin(join::join(folder, settings, &ports, &mut Counts::default(), |_| (), &stop)).await?;
    judge::judge(folder, &Filter::default(), &stop)?;
    let owners = owners_of_parents(folder, "verdicts")?;
    each(folder, "verdicts", |mut verdict: Verdict| {
        guess(&mut verdict, &owners);
        let file = verdict.planned.event.id.as_ref().and_then(|id| files.get(id));
        let file = file.map(|file| file.to_string());
        take(verdict, file);
    })?;
    Ok(reading.unread)
}
