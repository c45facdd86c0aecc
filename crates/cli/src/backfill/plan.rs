//! The planner of `backfill`: records become parts of a run, joined, judged, and in the end a plan. Each stage goes on
//! where it was stopped, and none holds more than a part in memory.

#[cfg(feature = "aws")]
mod ask;
mod intake;
mod join;
mod judge;
mod merge;
mod remember;
mod sessions;
mod shards;
mod shelves;
mod summary;

use std::io::{self, Write};

use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups};
use aws_tags::ports::{Failure, Lookups, Ports, PrincipalTags, Tagger};
use aws_tags::{Event, Settings};

use super::filter::Filter;
use super::run::{Run, Stage};
use super::stop::Stop;
use crate::console::complain;
use crate::input::Input;
#[cfg(feature = "aws")]
pub(super) use ask::Access;
use intake::Intake;
use sessions::RunSessions;

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

/// How a plan is shown.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    Json,
    /// With the command that does it, if that is not what follows.
    Text(Option<&'a str>),
}

/// Plans, from wherever the run has come to since there is a reduction. Gives whether all input was read.
pub(super) async fn plan(
    run: &mut Run,
    settings: &Settings,
    asked: &Asked,
    stop: &Stop,
    shown: Shown<'_>,
    out: &mut impl Write,
) -> io::Result<bool> {
    let filter = Filter::of_given(&run.about.given.filters).map_err(io::Error::other)?;
    if run.about.stage == Stage::Reading {
        read(run, filter.is_of_some_regions(), stop)?;
        run.reach(Stage::Remembering)?;
        shards_gone_stale(run)?;
    }
    if run.about.stage == Stage::Remembering {
        Box::pin(with_asked(run, settings, asked, stop)).await?;
        run.reach(Stage::Joining)?;
    }
    if run.about.stage == Stage::Joining {
        // In a box: what it awaits is deep.
        Box::pin(with_asked(run, settings, asked, stop)).await?;
        run.reach(Stage::Judging)?;
    }
    // Whatever stage it was stopped in, what no later one reads goes.
    for name in ["calls", "deploys"] {
        shards::remove(&run.folder, name)?;
    }
    if run.about.stage == Stage::Judging {
        judge::judge(&run.folder, &filter, stop)?;
        run.reach(Stage::Asking)?;
    }
    for name in ["claims", "endings"] {
        shards::remove(&run.folder, name)?;
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
    summary.show(out, run, shown)?;
    Ok(run.about.counts.unread == 0)
}

/// What another, earlier process of this run left of later stages cannot be: they had not begun.
fn shards_gone_stale(run: &Run) -> io::Result<()> {
    for name in ["claims", "verdicts", "asked"] {
        shards::remove(&run.folder, name)?;
    }
    Ok(())
}

/// Reads the reduction, which takes little time: a run that was stopped here reads it again.
fn read(run: &mut Run, in_part: bool, stop: &Stop) -> io::Result<()> {
    let mut intake = Intake::open(&run.folder, in_part)?;
    let counts = &run.about.counts;
    let is_empty =
        counts.creations == 0 && counts.sessions == 0 && counts.endings == 0 && counts.deploys == 0;
    let input = Input { paths: if is_empty { Vec::new() } else { vec![run.reduction()] } };
    let reading = input.read(&mut |record| {
        stop.check()?;
        intake.take(&record.event)
    })?;
    let counts = &mut run.about.counts;
    (counts.creations, counts.sessions, counts.endings, counts.deploys) = intake.end(&run.folder)?;
    counts.unread = counts.unread.saturating_add(reading.unread as u64);
    if counts.creations > 0 && counts.sessions == 0 {
        complain("no AssumeRole record in the history: session tags will be missing");
    }
    Ok(())
}

/// Remembers deploys or joins calls, with whatever is asked.
async fn with_asked(run: &mut Run, settings: &Settings, asked: &Asked, stop: &Stop) -> io::Result<()> {
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
            joined(run, settings, &ports, |_| (), stop).await
        }
        #[cfg(feature = "aws")]
        Asked::Aws(access) => {
            let ports = access.ports(sessions, settings);
            let turn_to = |event: &Event| access.turn_to(event);
            joined(run, settings, &ports, turn_to, stop).await
        }
    }
}

async fn joined<P: PrincipalTags, L: Lookups, T: Tagger>(
    run: &mut Run,
    settings: &Settings,
    ports: &Ports<RunSessions, P, L, T>,
    turn_to: impl Fn(&Event),
    stop: &Stop,
) -> io::Result<()> {
    match run.about.stage {
        Stage::Remembering => remember::all(&run.folder, settings, ports, turn_to, stop).await,
        _ => join::join(&run.folder, settings, ports, &mut run.about.counts, turn_to, stop).await,
    }
}

/// What to say when it was stopped, with the command that goes on.
pub(super) fn saved(again: &str) -> String {
    format!("saved. Go on with: {again}")
}
