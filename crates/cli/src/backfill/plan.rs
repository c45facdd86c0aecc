//! The planner of `backfill`: records become parts of a run, joined, judged, and in the end a plan. Each stage goes on
//! where it was stopped, and none holds more than a part in memory.

#[cfg(feature = "aws")]
mod ask;
pub(super) mod filter;
mod intake;
mod join;
mod judge;
mod merge;
mod sessions;
mod shards;
mod summary;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_tags::Settings;
use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups};
use aws_tags::ports::{Failure, Ports};

use super::run::{Run, Stage};
use crate::console::{complain, visible};
use crate::input::{Files, Input};
#[cfg(feature = "aws")]
pub(super) use ask::Access;
use filter::Filters;
use intake::Intake;
use sessions::RunSessions;

/// Ctrl-C, which is heard between two records.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on. A second Ctrl-C ends the process at once.
    pub(super) fn listen() -> io::Result<Self> {
        let stop = Self::default();
        let second = i32::from(super::INTERRUPTED);
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, second, stop.0.clone())?;
            signal_hook::flag::register(signal, stop.0.clone())?;
        }
        Ok(stop)
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        match self.is_asked_for() {
            true => Err(io::Error::other("stopped")),
            false => Ok(()),
        }
    }
}

/// Whom AWS is asked by.
pub(super) enum Asked {
    Nobody,
    #[cfg(feature = "aws")]
    Aws(Box<ask::Access>),
}

impl Asked {
    /// The account whose AWS is asked.
    pub(super) fn account(&self) -> Option<String> {
        match self {
            Self::Nobody => None,
            #[cfg(feature = "aws")]
            Self::Aws(access) => Some(access.account.clone()),
        }
    }
}

/// Whether filters can be used, or why not.
pub(super) fn check(given: &BTreeMap<String, String>) -> Result<(), String> {
    Filters::read(given).map(drop)
}

/// Plans, from wherever the run has come to. Gives whether all input was read.
pub(super) async fn plan(
    run: &mut Run,
    settings: &Settings,
    asked: &Asked,
    stop: &Stop,
    json: bool,
    out: &mut impl Write,
) -> io::Result<bool> {
    let filters = Filters::read(&run.about.given.filters).map_err(io::Error::other)?;
    if run.about.stage == Stage::Reading {
        read(run, stop)?;
        run.reach(Stage::Joining)?;
        shards_gone_stale(run)?;
    }
    if run.about.stage == Stage::Joining {
        // In a box: what it awaits is deep.
        Box::pin(join(run, settings, asked, stop)).await?;
        run.reach(Stage::Judging)?;
        shards::remove(&run.folder, "calls")?;
    }
    if run.about.stage == Stage::Judging {
        judge::judge(&run.folder, &filters, stop)?;
        run.reach(Stage::Asking)?;
        shards::remove(&run.folder, "claims")?;
        shards::remove(&run.folder, "endings")?;
    }
    let from = match asked {
        Asked::Nobody => "verdicts",
        #[cfg(feature = "aws")]
        Asked::Aws(access) => {
            if run.about.stage == Stage::Asking {
                Box::pin(ask::ask(&run.folder, settings, access, stop)).await?;
            }
            "asked"
        }
    };
    let mut summary = merge::merge(&run.folder, from, &run.plan())?;
    run.reach(Stage::Planned)?;
    summary.show(out, run, json)?;
    Ok(run.about.counts.unread == 0)
}

/// What another, earlier process of this run left of later stages cannot be: they had not begun.
fn shards_gone_stale(run: &Run) -> io::Result<()> {
    for name in ["claims", "verdicts", "asked"] {
        shards::remove(&run.folder, name)?;
    }
    Ok(())
}

/// Reads the sources.
fn read(run: &mut Run, stop: &Stop) -> io::Result<()> {
    let intake = RefCell::new(Intake::open(&run.folder)?);
    let before = intake.borrow().files_before();
    if before > 0 {
        complain(&format!("run {} goes on: {before} files are read already", run.about.run));
    }
    let input = Input { paths: run.about.given.sources.iter().map(PathBuf::from).collect() };
    let mut files = Between { intake: &intake };
    let reading = input.read_files(&mut files, &mut |record| {
        stop.check()?;
        intake.borrow_mut().take(&record.event, &record.file)
    })?;
    let mut intake = intake.into_inner();
    intake.counts.unread = intake.counts.unread.saturating_add(reading.unread as u64);
    intake.settle()?;
    run.about.counts = intake.counts;
    if run.about.counts.creations > 0 && run.about.counts.sessions == 0 {
        complain("no AssumeRole record in the history: session tags will be missing");
    }
    Ok(())
}

/// Tells the intake where files begin and end.
struct Between<'a> {
    intake: &'a RefCell<Intake>,
}

impl Files for Between<'_> {
    fn wants(&self, file: &str) -> bool {
        self.intake.borrow().wants(file)
    }

    fn ended(&mut self, file: &str) -> io::Result<()> {
        self.intake.borrow_mut().ended(file)
    }
}

/// Joins with whatever is asked.
async fn join(run: &mut Run, settings: &Settings, asked: &Asked, stop: &Stop) -> io::Result<()> {
    let sessions = RunSessions::new(&run.folder);
    match asked {
        Asked::Nobody => {
            let not_found = || Failure::not_found("nobody is asked");
            let ports = Ports {
                sessions,
                principal_tags: GivenIamTags { failure: Some(not_found()), ..GivenIamTags::default() },
                lookups: GivenLookups(Err(not_found())),
                tagger: CountingTagger::default(),
            };
            join::join(&run.folder, settings, &ports, &mut run.about.counts, |_| (), stop).await
        }
        #[cfg(feature = "aws")]
        Asked::Aws(access) => {
            let ports = access.ports(sessions, settings);
            let turn_to = |event: &aws_tags::Event| access.turn_to(event);
            join::join(&run.folder, settings, &ports, &mut run.about.counts, turn_to, stop).await
        }
    }
}

/// What to say when it was stopped.
pub(super) fn saved(run: &Run) -> String {
    format!("saved. Go on with: aws-tags backfill --resume {}", visible(&run.about.run))
}
