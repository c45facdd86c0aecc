//! The first stage: records are read and kept by their callers, so that a call and the session that made it meet.
//!
//! What says nothing is dropped at once; a session is kept as its few fields, without its secret.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_tags::backfill::plan::Origin;
use aws_tags::backfill::relevance::{Kind, kind_of};
use aws_tags::backfill::verdict::Ending;
use aws_tags::history::endings::{last_part, named_by};
use aws_tags::{Event, Principal, Session};
use serde::{Deserialize, Serialize};

use super::super::run::Counts;
use super::shards::{self, Shards, shard_of};

/// Texts of a request longer than this name nothing: ARNs have 2,048 characters at most.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
const LONGEST_NAME: usize = 2048;
/// How often what was read is brought to the disk.
pub(super) const CHECKPOINT: Duration = Duration::from_secs(5);

/// A session in its part.
#[derive(Serialize, Deserialize)]
pub(super) struct Began {
    pub(super) session: Session,
    pub(super) record: Origin,
}

/// Takes records, and keeps what matters.
pub(super) struct Intake {
    folder: PathBuf,
    calls: Shards,
    sessions: Shards,
    endings: Shards,
    pub(super) counts: Counts,
    /// Files that are read to their end, since the last checkpoint and before.
    ended: Vec<String>,
    before: HashSet<String>,
    last: Instant,
}

/// A line of `units.jsonl`: what was whole when it was written.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    files: Vec<String>,
    lengths: [Vec<u64>; 3],
    counts: Counts,
}

const KINDS: [&str; 3] = ["calls", "sessions", "endings"];

impl Intake {
    /// Goes on where the last checkpoint was.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let (mut before, mut last) = (HashSet::new(), None);
        let mut whole = 0_u64;
        shards::lines(&units(folder), &mut |line| {
            // The last line may be torn: what it says is read again.
            if let Ok(checkpoint) = serde_json::from_slice::<Checkpoint>(line) {
                before.extend(checkpoint.files.iter().cloned());
                whole = whole.saturating_add(line.len() as u64).saturating_add(1);
                last = Some(checkpoint);
            }
            Ok(())
        })?;
        super::super::run::private_file(&units(folder), false)?.set_len(whole)?;
        let (lengths, counts) = last.map(|last| (last.lengths, last.counts)).unwrap_or_default();
        let [calls, sessions, endings] = &lengths;
        Ok(Self {
            calls: Shards::open(folder, KINDS[0], calls)?,
            sessions: Shards::open(folder, KINDS[1], sessions)?,
            endings: Shards::open(folder, KINDS[2], endings)?,
            folder: folder.to_owned(),
            counts,
            ended: Vec::new(),
            before,
            last: Instant::now(),
        })
    }

    /// Whether a file is still to be read.
    pub(super) fn wants(&self, file: &str) -> bool {
        !self.before.contains(file)
    }

    /// How many files were read before.
    pub(super) fn files_before(&self) -> usize {
        self.before.len()
    }

    /// Takes a record.
    pub(super) fn take(&mut self, event: &Event, file: &str) -> io::Result<()> {
        self.counts.records = self.counts.records.saturating_add(1);
        let Some(kind) = kind_of(event) else { return Ok(()) };
        let count = match kind {
            Kind::Creation => &mut self.counts.creations,
            Kind::Session => &mut self.counts.sessions,
            Kind::Ending => &mut self.counts.endings,
        };
        *count = count.saturating_add(1);
        match kind {
            Kind::Creation => self.call(event, file),
            Kind::Session => self.session(event, file),
            Kind::Ending => self.ending(event, file),
        }
    }

    fn call(&mut self, event: &Event, file: &str) -> io::Result<()> {
        let caller = event.text("userIdentity.principalId").unwrap_or_default();
        // A name with a tab would end the name too early.
        let file = file.replace('\t', " ");
        let record = event.to_line()?;
        self.calls.add(shard_of(&caller), &[file.as_bytes(), b"\t", record.as_bytes()])
    }

    fn session(&mut self, event: &Event, file: &str) -> io::Result<()> {
        let Ok(session) = Session::of(event) else { return Ok(()) };
        let shard = shard_of(session.id.as_deref().unwrap_or_default());
        let record = Origin::of(event, session.assumed_by.clone(), file);
        let line = serde_json::to_vec(&Began { session, record })?;
        self.sessions.add(shard, &[&line])
    }

    /// An ending is kept with whatever may have the names that its request holds.
    fn ending(&mut self, event: &Event, file: &str) -> io::Result<()> {
        let mut texts = named_by(event);
        texts.retain(|text| !text.is_empty() && text.len() <= LONGEST_NAME);
        if texts.is_empty() {
            return Ok(());
        }
        let principal = Principal::of(event);
        let by = principal.arn.or(principal.invoked_by).or(principal.id);
        let account = event.account().unwrap_or_default().into_owned();
        let origin = Origin::of(event, by, file);
        for text in texts {
            let ending = Ending {
                text: text.to_owned(),
                source: event.source.clone(),
                account: account.clone(),
                region: event.region().to_owned(),
                event: origin.clone(),
            };
            self.endings.add(shard_of(last_part(text)), &[&serde_json::to_vec(&ending)?])?;
        }
        Ok(())
    }

    /// A file was read to its end.
    pub(super) fn ended(&mut self, file: &str) -> io::Result<()> {
        self.ended.push(file.to_owned());
        match self.last.elapsed() > CHECKPOINT {
            true => self.settle(),
            false => Ok(()),
        }
    }

    /// Brings all to the disk that came of files which were read to their end. Not to be called within one.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.last = Instant::now();
        let lengths = [self.calls.settle()?, self.sessions.settle()?, self.endings.settle()?];
        let checkpoint = Checkpoint { files: std::mem::take(&mut self.ended), lengths, counts: self.counts };
        let mut units = OpenOptions::new().append(true).create(true).open(units(&self.folder))?;
        writeln!(units, "{}", serde_json::to_string(&checkpoint)?)?;
        units.sync_data()?;
        self.before.extend(checkpoint.files);
        Ok(())
    }
}

fn units(folder: &Path) -> PathBuf {
    folder.join("units.jsonl")
}
