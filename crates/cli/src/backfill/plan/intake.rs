//! The first stage of planning: records are read and kept by their callers, so that a call and the session that made it meet.
//!
//! What says nothing is dropped at once; a session is kept as its few fields, without its secret.

use std::io;
use std::path::Path;

use aws_tags::backfill::ended::Ending;
use aws_tags::backfill::plan::Origin;
use aws_tags::backfill::relevance::{Kind, kind_of};
use aws_tags::history::endings::last_part;
use aws_tags::stacks::is_deploy;
use aws_tags::{Event, Session};
use serde::{Deserialize, Serialize};

use super::shards::{Shards, shard_of};
use super::shelves::Cover;

/// A session in its part.
#[derive(Serialize, Deserialize)]
pub(super) struct Began {
    pub(super) session: Session,
    pub(super) record: Origin,
}

/// Takes records, and keeps what matters.
pub(super) struct Intake {
    calls: Shards,
    sessions: Shards,
    endings: Shards,
    deploys: Shards,
    cover: Cover,
    /// Creations, sessions, endings, deploys.
    counts: (u64, u64, u64, u64),
}

impl Intake {
    /// Begins anew, with a history of all Regions or of some.
    pub(super) fn open(folder: &Path, in_part: bool) -> io::Result<Self> {
        let shards = |name| Shards::open(folder, name, &[]);
        let (calls, sessions, endings) = (shards("calls")?, shards("sessions")?, shards("endings")?);
        let cover = Cover::new(in_part);
        Ok(Self { calls, sessions, endings, deploys: shards("deploys")?, cover, counts: (0, 0, 0, 0) })
    }

    /// Takes a record.
    pub(super) fn take(&mut self, event: &Event) -> io::Result<()> {
        let Some(kind) = kind_of(event) else { return Ok(()) };
        let count = match kind {
            Kind::Creation => &mut self.counts.0,
            Kind::Session => &mut self.counts.1,
            Kind::Ending => &mut self.counts.2,
            Kind::Deploy => &mut self.counts.3,
        };
        *count = count.saturating_add(1);
        if kind != Kind::Session {
            self.cover.take(event);
        }
        if is_deploy(event) {
            let caller = event.text("userIdentity.principalId").unwrap_or_default();
            self.deploys.add(shard_of(&caller), &[&serde_json::to_vec(event.record())?])?;
        }
        match kind {
            Kind::Creation => self.call(event),
            Kind::Session => self.session(event),
            Kind::Ending => self.ending(event),
            Kind::Deploy => Ok(()),
        }
    }

    fn call(&mut self, event: &Event) -> io::Result<()> {
        let caller = event.text("userIdentity.principalId").unwrap_or_default();
        self.calls.add(shard_of(&caller), &[&serde_json::to_vec(event.record())?])
    }

    fn session(&mut self, event: &Event) -> io::Result<()> {
        let Ok(session) = Session::of(event) else { return Ok(()) };
        let shard = shard_of(session.id.as_deref().unwrap_or_default());
        let record = Origin::of(event, session.assumed_by.clone());
        let line = serde_json::to_vec(&Began { session, record })?;
        self.sessions.add(shard, &[&line])
    }

    /// An ending is kept with whatever may have the names that its request holds.
    fn ending(&mut self, event: &Event) -> io::Result<()> {
        for ending in Ending::all(event) {
            self.endings.add(shard_of(last_part(&ending.text)), &[&serde_json::to_vec(&ending)?])?;
        }
        Ok(())
    }

    /// Brings all to the disk. Gives how many creations, sessions, endings and deploys there were.
    pub(super) fn end(mut self, folder: &Path) -> io::Result<(u64, u64, u64, u64)> {
        for shards in [&mut self.calls, &mut self.sessions, &mut self.endings, &mut self.deploys] {
            shards.settle()?;
        }
        self.cover.save(folder)?;
        Ok(self.counts)
    }
}
