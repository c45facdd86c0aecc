//! The second stage: of each call, what the functions would have done, by their own code: its resources, its session,
//! and the tags that follow. It comes out as claims, kept with all others to the same resource.

use std::io;
use std::path::Path;
use std::time::Instant;

use aws_tags::backfill::claim::{Taken, claims};
use aws_tags::history::endings::last_part;
use aws_tags::ports::{Lookups, Ports, PrincipalTags, Tagger};
use aws_tags::tagging::{Scope, plan_only};
use aws_tags::{Event, Settings};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::super::disk::replace;
use super::super::run::Counts;
use super::Stop;
use super::sessions::RunSessions;
use super::shards::{self, Lines, SHARDS, Shards, filed, shard_of};
use crate::console::Progress;

/// How often what was joined is brought to the disk.
const CHECKPOINT: std::time::Duration = std::time::Duration::from_secs(5);

/// How far the stage is: written down after each part.
#[derive(Default, Serialize, Deserialize)]
struct Joined {
    parts: usize,
    lengths: Vec<u64>,
    unresolvable: u64,
    to_look_up: u64,
}

/// Joins calls and sessions, part by part.
pub(super) async fn join<P: PrincipalTags, L: Lookups, T: Tagger>(
    folder: &Path,
    settings: &Settings,
    ports: &Ports<RunSessions, P, L, T>,
    counts: &mut Counts,
    turn_to: impl Fn(&Event),
    stop: &Stop,
) -> io::Result<()> {
    let state = folder.join("joined.json");
    let mut joined: Joined = match std::fs::read(&state) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Joined::default(),
        Err(error) => return Err(error),
    };
    let mut out = Shards::open(folder, "claims", &joined.lengths)?;
    let (mut progress, mut done, mut last) = (Progress::new("calls joined"), 0_u64, Instant::now());
    for shard in joined.parts..SHARDS {
        let mut calls = Lines::of(&shards::path(folder, "calls", shard))?;
        while let Some(call) = calls.next()? {
            stop.check()?;
            let event = Event::from_text(filed::<1>(call)?.1).map_err(io::Error::other)?;
            turn_to(&event);
            ports.sessions.shelves.turn_to(&event);
            let outcome = plan_only(ports, settings, &Scope::default(), long_after(&event), &event).await;
            let record = |key: &str| ports.sessions.record(key);
            joined.keep(claims(&event, &outcome, record), &mut out)?;
            done = done.saturating_add(1);
            progress.set(done);
        }
        joined.parts = shard.saturating_add(1);
        if last.elapsed() > CHECKPOINT || joined.parts == SHARDS {
            joined.lengths = out.settle()?;
            replace(&state, |file| serde_json::to_writer(file, &joined).map_err(io::Error::from))?;
            last = Instant::now();
        }
    }
    progress.end();
    (counts.unresolvable, counts.to_look_up) = (joined.unresolvable, joined.to_look_up);
    Ok(())
}

impl Joined {
    /// Keeps claims with all others to the same resource.
    fn keep(&mut self, taken: Taken, out: &mut Shards) -> io::Result<()> {
        match taken {
            Taken::Claims { claims, to_look_up } => {
                self.to_look_up = self.to_look_up.saturating_add(to_look_up as u64);
                for claim in claims {
                    out.add(shard_of(last_part(&claim.arn)), &claim)?;
                }
            }
            Taken::Unresolvable(_) => self.unresolvable = self.unresolvable.saturating_add(1),
            Taken::Nothing => {}
        }
        Ok(())
    }
}

/// When an event is looked at: whatever could still come has come.
pub(super) fn long_after(event: &Event) -> OffsetDateTime {
    event.time().unwrap_or(OffsetDateTime::UNIX_EPOCH).saturating_add(Duration::weeks(1))
}
