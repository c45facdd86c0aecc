//! The sessions of a run, a part of them at a time: those of one caller are in one part.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use aws_tags::backfill::plan::Origin;
use aws_tags::identity::SessionKey;
use aws_tags::ports::offline::MemorySessions;
use aws_tags::ports::{Failure, SessionStore};
use aws_tags::stacks::{Deploy, Shelf};
use aws_tags::{Event, Session};
use time::OffsetDateTime;

use super::shards::{self, Lines, filed, hash_of, second_of, shard_of};
use super::shelves::Shelves;

/// Parts in memory at once: that of the callers, and those of who started their sessions.
const AT_ONCE: usize = 3;

/// Sessions by caller, parsed when they are asked for.
pub(super) struct RunSessions {
    folder: PathBuf,
    /// The latest used last.
    parts: RefCell<Vec<Part>>,
    /// Who deployed which stack.
    pub(super) shelves: Shelves,
}

struct Part {
    shard: usize,
    lines: Lines,
    /// The hash of a session's id, the second in which it began, and where its record is: in order.
    places: Vec<[u64; 3]>,
    /// Places of those that were read.
    read: HashSet<u64>,
    sessions: MemorySessions,
    /// By the access key that STS issued.
    records: HashMap<String, Origin>,
}

impl Part {
    fn open(path: &Path, shard: usize) -> io::Result<Self> {
        let (mut lines, mut places, mut offset) = (Lines::of(path)?, Vec::new(), 0_u64);
        while let Some(line) = lines.next()? {
            let ([id, began], _) = filed(line)?;
            places.push([id, began, offset]);
            offset = offset.saturating_add(line.len() as u64).saturating_add(1);
        }
        places.sort_unstable();
        let lines = Lines::some_of(path)?;
        let (read, sessions, records) = (HashSet::new(), MemorySessions::default(), HashMap::new());
        Ok(Self { shard, lines, places, read, sessions, records })
    }

    /// Has the sessions of an id that began in those seconds in memory.
    async fn read(&mut self, id: &str, (from, to): (OffsetDateTime, OffsetDateTime)) -> io::Result<()> {
        let (id, from, to) = (hash_of(id), second_of(from), second_of(to));
        let first = self.places.partition_point(|place| *place < [id, from, 0]);
        let those = self.places.get(first..).unwrap_or_default();
        for [_, _, place] in those.iter().take_while(|[other, began, _]| *other == id && *began <= to) {
            if self.read.contains(place) {
                continue;
            }
            let Some(line) = self.lines.at(*place)? else { continue };
            let event = Event::from_text(filed::<2>(line)?.1).map_err(io::Error::other)?;
            self.read.insert(*place);
            let Ok(session) = Session::of(&event) else { continue };
            // It keeps nothing outside itself, and cannot fail.
            let _ = self.sessions.put(&session).await;
            let record = Origin::of(&event, session.assumed_by);
            self.records.entry(session.access_key_id).or_insert(record);
        }
        Ok(())
    }
}

impl RunSessions {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), parts: RefCell::default(), shelves: Shelves::of(folder) }
    }

    /// The record that began a session that was just found.
    pub(super) fn record(&self, access_key_id: &str) -> Option<Origin> {
        let parts = self.parts.borrow();
        parts.iter().rev().find_map(|part| part.records.get(access_key_id)).cloned()
    }

    /// Has a part as the last.
    fn load(&self, shard: usize) -> io::Result<()> {
        let mut parts = self.parts.borrow_mut();
        let part = match parts.iter().position(|part| part.shard == shard) {
            Some(nth) => parts.remove(nth),
            None => Part::open(&shards::path(&self.folder, "sessions", shard), shard)?,
        };
        if parts.len() >= AT_ONCE {
            parts.remove(0);
        }
        parts.push(part);
        Ok(())
    }

    async fn found(
        &self,
        key: &SessionKey,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> io::Result<Result<Vec<Session>, Failure>> {
        self.load(shard_of(&key.id))?;
        // Nobody else has it meanwhile: nothing of a part waits.
        let last = self.parts.borrow_mut().pop();
        let Some(mut part) = last else { return Ok(Ok(Vec::new())) };
        let read = part.read(&key.id, window).await;
        let found = part.sessions.find(key, window).await;
        self.parts.borrow_mut().push(part);
        read.map(|()| found)
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
        self.found(key, window).await.map_err(|error| Failure::other(error.to_string()))?
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
