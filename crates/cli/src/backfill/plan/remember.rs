//! Between reading and joining: who deployed which stack is remembered, with the tags of the caller, for what the
//! stack's service role made.

use std::io;

use aws_tags::backfill::deploys::{deploy, is_within_another, of_change_set};
use aws_tags::ports::{Lookups, Ports, PrincipalTags, Tagger};
use aws_tags::tagging::{Scope, remember};
use aws_tags::{Event, Principal, Settings};

use super::Stop;
use super::join::long_after;
use super::sessions::RunSessions;
use super::shards::{self, Lines, SHARDS, filed};
use crate::input::Record;
use crate::replay::Spool;

/// Remembers all deploys of a run, those of callers first, by caller: stacks within stacks come in the order of time,
/// as each may depend on those before.
pub(super) async fn all<P: PrincipalTags, L: Lookups, T: Tagger>(
    folder: &std::path::Path,
    settings: &Settings,
    ports: &Ports<RunSessions, P, L, T>,
    turn_to: impl Fn(&Event),
    stop: &Stop,
) -> io::Result<()> {
    let shelves = &ports.sessions.shelves;
    shelves.begin()?;
    let mut within = Spool::new();
    for shard in 0..SHARDS {
        let mut deploys = Lines::of(&shards::path(folder, "deploys", shard))?;
        while let Some(line) = deploys.next()? {
            stop.check()?;
            let ([_], record) = filed(line)?;
            let event = Event::from_text(record).map_err(io::Error::other)?;
            match is_within_another(&event) {
                true => within.keep(&Record { file: String::new(), event })?,
                false => {
                    turn_to(&event);
                    one(settings, ports, &event).await?;
                }
            }
        }
    }
    name_change_sets(ports)?;
    for records in within.in_order(1) {
        for record in records? {
            stop.check()?;
            turn_to(&record.event);
            one(settings, ports, &record.event).await?;
        }
    }
    name_change_sets(ports)?;
    shelves.end()
}

async fn one<P: PrincipalTags, L: Lookups, T: Tagger>(
    settings: &Settings,
    ports: &Ports<RunSessions, P, L, T>,
    event: &Event,
) -> io::Result<()> {
    let caller = Principal::of(event);
    let handling = remember(ports, settings, &Scope::default(), long_after(event), event, &caller).await;
    deploy(event, &handling).map_or(Ok(()), |deploy| ports.sessions.shelves.put(&deploy))
}

/// Finds the stacks of change sets that were executed by their ARN alone.
fn name_change_sets<P, L, T>(ports: &Ports<RunSessions, P, L, T>) -> io::Result<()> {
    let shelves = &ports.sessions.shelves;
    for deploys in shelves.change_sets()? {
        of_change_set(&deploys).iter().try_for_each(|deploy| shelves.put(deploy))?;
    }
    Ok(())
}
