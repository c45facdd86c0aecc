//! The first stage of planning: records are filed by what they are looked for: calls and sessions by their callers, so
//! that both meet, endings by whatever may have the names that their requests hold.
//!
//! They are filed as they are. Most are never looked for, and never parsed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use aws_tags::backfill::ended::may_name;
use aws_tags::backfill::relevance::Kind;
use aws_tags::history::endings::{last_part, named_by};
use aws_tags::stacks::{CLOUDFORMATION, is_deploy};
use aws_tags::{Event, Session};
use serde_json::{Value, json};

use super::super::reduce::Keeper;
use super::glance::{self, Call};
use super::shards::{self, Shards, hash_of, second_of};
use super::shelves::Cover;

/// Bytes that an ending may take under all of its names as it is.
const LARGEST_ENDING: usize = 1 << 15;

/// Keeps the records that matter.
pub(in crate::backfill) struct Intake {
    calls: Shards,
    sessions: Shards,
    endings: Shards,
    deploys: Shards,
    folder: PathBuf,
    cover: Cover,
}

impl Intake {
    /// Begins anew, with a history of all Regions or of some: what an earlier process left of later stages goes.
    pub(in crate::backfill) fn open(folder: &Path, in_part: bool) -> io::Result<Self> {
        for name in ["claims", "verdicts", "asked"] {
            shards::remove(folder, name)?;
        }
        let shards = |name| Shards::open(folder, name, &[]);
        let [calls, sessions, endings, deploys] =
            [shards("calls")?, shards("sessions")?, shards("endings")?, shards("deploys")?];
        let (folder, cover) = (folder.to_owned(), Cover::new(in_part));
        Ok(Self { calls, sessions, endings, deploys, folder, cover })
    }

    /// Where a caller is not known, or oddly spelled, its sessions are only farther away.
    fn call(&mut self, record: &str) -> io::Result<()> {
        let whole;
        let call = match glance::call(record) {
            Some(call) => call,
            None => {
                whole = event(record)?;
                Call::of(&whole)
            }
        };
        self.cover.take(&call);
        self.calls.file(&[hash_of(&call.caller)], record)
    }

    /// A call that deploys a stack may create or end one besides.
    fn deploy(&mut self, record: &str) -> io::Result<()> {
        let event = event(record)?;
        if !is_deploy(&event) {
            return Ok(());
        }
        let call = Call::of(&event);
        self.cover.take(&call);
        self.deploys.file(&[hash_of(&call.caller)], record)
    }

    fn session(&mut self, record: &str) -> io::Result<()> {
        let whole = || {
            let session = Session::of(&event(record).ok()?).ok()?;
            Some((session.id?, session.issued_at))
        };
        match glance::session(record).or_else(whole) {
            Some((id, began)) => self.sessions.file(&[hash_of(&id), second_of(began)], record),
            None => Ok(()),
        }
    }

    fn ending(&mut self, record: &str) -> io::Result<()> {
        let glance = glance::texts_of_request(record);
        let texts = match glance {
            Some(texts) => texts,
            None => named_by(&event(record)?).into_iter().map(|text| text.to_owned().into()).collect(),
        };
        let texts = texts.iter().map(AsRef::as_ref).filter(|text| may_name(text));
        let names: BTreeMap<u64, &str> = texts.map(|text| (hash_of(last_part(text)), text)).collect();
        if names.len().saturating_mul(record.len()) > LARGEST_ENDING {
            return self.large_ending(record);
        }
        names.keys().try_for_each(|name| self.endings.file(&[*name], record))
    }

    /// One with many names is filed under each of them with nothing else of its request.
    fn large_ending(&mut self, record: &str) -> io::Result<()> {
        let event = event(record)?;
        let mut small = event.record().clone();
        small.retain(|_, value| !value.is_array());
        small.insert("responseElements".to_owned(), Value::Null);
        for text in named_by(&event).into_iter().filter(|text| may_name(text)) {
            small.insert("requestParameters".to_owned(), json!({ "name": text }));
            self.endings.file(&[hash_of(last_part(text))], &serde_json::to_string(&small)?)?;
        }
        Ok(())
    }
}

impl Keeper for Intake {
    fn keep(&mut self, kind: Kind, line: &[u8]) -> io::Result<()> {
        let record = str::from_utf8(line.trim_ascii_end()).map_err(io::Error::other)?;
        if kind != Kind::Session && record.contains(CLOUDFORMATION) {
            self.deploy(record)?;
        }
        match kind {
            Kind::Deploy => Ok(()),
            Kind::Creation => self.call(record),
            Kind::Session => self.session(record),
            Kind::Ending => self.ending(record),
        }
    }

    /// Brings all to the disk.
    fn end(self: Box<Self>) -> io::Result<()> {
        for mut shards in [self.calls, self.sessions, self.endings, self.deploys] {
            shards.settle()?;
        }
        self.cover.save(&self.folder)
    }
}

fn event(record: &str) -> io::Result<Event> {
    Event::from_text(record).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use aws_tags::backfill::ended::Ending;

    use super::super::shards::{SHARDS, filed, lines, path};
    use super::*;

    /// However large its record, and in however many names.
    #[test]
    fn an_ending_is_found_by_each_of_its_names() {
        for count in [0, 1, 3, 2000] {
            let folder = tempfile::tempdir().expect("a folder");
            let names: Vec<String> = (0..count).map(|nth| format!("vol-{nth}")).collect();
            let record = json!({"eventSource": "ec2.amazonaws.com", "eventName": "DeleteVolumes", "eventID": "e",
                "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "eventTime": "2025-03-04T10:12:55Z",
                "userIdentity": {"arn": "arn:aws:iam::111122223333:user/jo"}, "requestParameters": {"ids": names.clone()}});
            let mut intake = Box::new(Intake::open(folder.path(), false).expect("writable"));
            intake.keep(Kind::Ending, format!("{record}\n").as_bytes()).expect("writable");
            intake.end().expect("writable");
            let (mut found, mut bytes) = (Vec::new(), 0);
            for shard in 0..SHARDS {
                let mut take = |line: &[u8]| {
                    let ([name], record) = filed(line)?;
                    let event = event(record)?;
                    bytes += line.len();
                    let named = Ending::all(&event).filter(|ending| hash_of(&ending.text) == name);
                    found.extend(named.map(|ending| {
                        assert_eq!(ending.event.by.as_deref(), Some("arn:aws:iam::111122223333:user/jo"));
                        ending.text
                    }));
                    Ok(())
                };
                lines(&path(folder.path(), "endings", shard), &mut take).expect("readable");
            }
            found.sort_by_key(|name| name[4..].parse::<usize>().expect("a number"));
            assert_eq!((found, bytes < 1 << 20), (names, true));
        }
    }
}
