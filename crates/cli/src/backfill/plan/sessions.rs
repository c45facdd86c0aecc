//! The sessions of a run, a part of them at a time: those of one caller are in one part.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use aws_tags::Session;
use aws_tags::backfill::plan::Origin;
use aws_tags::identity::SessionKey;
use aws_tags::ports::offline::MemorySessions;
use aws_tags::ports::{Failure, SessionStore};
use aws_tags::stacks::{Deploy, Shelf};
use time::OffsetDateTime;

use super::intake::Began;
use super::shards::{self, shard_of};
use super::shelves::Shelves;

/// Parts in memory at once: that of the callers, and those of who started their sessions.
const AT_ONCE: usize = 3;

/// Sessions by caller, from the disk when they are asked for.
pub(super) struct RunSessions {
    folder: PathBuf,
    /// The latest used last.
    parts: RefCell<Vec<Part>>,
    /// Who deployed which stack.
    pub(super) shelves: Shelves,
}

struct Part {
    shard: usize,
    sessions: MemorySessions,
    /// By the access key that STS issued.
    records: HashMap<String, Origin>,
}

impl RunSessions {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), parts: RefCell::default(), shelves: Shelves::of(folder) }
    }

    /// The record that began a session of that part.
    pub(super) fn record(&self, shard: usize, access_key_id: &str) -> Option<Origin> {
        let parts = self.parts.borrow();
        let part = parts.iter().find(|part| part.shard == shard)?;
        part.records.get(access_key_id).cloned()
    }

    /// Has a part in memory.
    pub(super) async fn load(&self, shard: usize) -> io::Result<()> {
        let known = self.parts.borrow().iter().position(|part| part.shard == shard);
        if let Some(nth) = known {
            let mut parts = self.parts.borrow_mut();
            let part = parts.remove(nth);
            parts.push(part);
            return Ok(());
        }
        let mut began = Vec::new();
        shards::lines(&shards::path(&self.folder, "sessions", shard), &mut |line| {
            began.push(serde_json::from_slice::<Began>(line)?);
            Ok(())
        })?;
        let part = Part { shard, sessions: MemorySessions::default(), records: HashMap::new() };
        let mut records = part.records;
        for Began { session, record } in began {
            // It keeps nothing outside itself, and cannot fail.
            let _ = part.sessions.put(&session).await;
            records.entry(session.access_key_id).or_insert(record);
        }
        let mut parts = self.parts.borrow_mut();
        if parts.len() >= AT_ONCE {
            parts.remove(0);
        }
        parts.push(Part { records, ..part });
        Ok(())
    }
}

impl SessionStore for RunSessions {
    async fn put(&self, _: &Session) -> Result<(), Failure> {
        Ok(())
    }

    async fn find(
        &self,
        key: &SessionKey,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure> {
        let shard = shard_of(&key.id);
        self.load(shard).await.map_err(|error| Failure::other(error.to_string()))?;
        let found = {
            let parts = self.parts.borrow();
            let part = parts.iter().find(|part| part.shard == shard);
            part.map(|part| futures_util::FutureExt::now_or_never(part.sessions.find(key, window)))
        };
        found.flatten().unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn beat(&self, _: &str, _: OffsetDateTime) -> Result<(), Failure> {
        Ok(())
    }

    /// All of the history has been read: what is not in it will not come.
    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure> {
        Ok(None)
    }

    /// The session may have begun in a Region or at a time that was not read, and many trails log no STS records.
    fn is_whole(&self) -> bool {
        false
    }

    /// They are remembered before anything is planned.
    async fn remember(&self, _: &Deploy) -> Result<(), Failure> {
        Ok(())
    }

    async fn deploys(
        &self,
        shelf: &Shelf,
        window: (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure> {
        self.shelves.find(shelf, window, most).map_err(|error| Failure::other(error.to_string()))
    }
}
