//! The planner of `backfill`: records become parts of a run, joined, judged, and in the end a plan. Each stage goes on
//! where it was stopped, and none holds more than a part in memory.

#[cfg(feature = "aws")]
mod ask;
mod glance;
mod intake;
mod join;
mod judge;
mod merge;
#[cfg(feature = "aws")]
pub(crate) mod of_records;
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
#[cfg(feature = "aws")]
pub(super) use ask::Access;
pub(super) use intake::Intake;
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

/// Plans, from wherever the run has come to since its history was read. Gives whether all input was read.
pub(super) async fn plan(
    run: &mut Run,
    settings: &Settings,
    asked: &Asked,
    stop: &Stop,
    shown: Shown<'_>,
    out: &mut impl Write,
) -> io::Result<bool> {
    let filter = Filter::of_given(&run.about.given.filters).map_err(io::Error::other)?;
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
    for name in ["calls", "sessions", "deploys"] {
        shards::remove(&run.folder, name)?;
    }
    shelves::remove(&run.folder)?;
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

/// Remembers deploys or joins calls, with whatever is asked.
async fn with_asked(run: &mut Run, settings: &Settings, asked: &Asked, stop: &Stop) -> io::Result<()> {
    let sessions = RunSessions::new(&run.folder);
    match asked {
        Asked::Nobody => {
            let ports = ports_of_nobody(sessions);
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

/// Ports that know the sessions of the history, and nothing else.
fn ports_of_nobody(sessions: RunSessions) -> Ports<RunSessions, GivenIamTags, GivenLookups, CountingTagger> {
    let not_found = || Failure::not_found("nobody is asked");
    Ports {
        sessions,
        principal_tags: GivenIamTags { failure: Some(not_found()), ..GivenIamTags::default() },
        lookups: GivenLookups(Err(not_found())),
        tagger: CountingTagger::default(),
    }
}

/// What to say when it was stopped, with the command that goes on.
pub(super) fn saved(again: &str) -> String {
    format!("saved. Go on with: {again}")
}
