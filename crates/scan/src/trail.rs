//! The records of a trail's file that matter, without parsing the others.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use aws_tags::Event;
use aws_tags::backfill::relevance::{Call, Kind, Names, kind, kind_of};
use aws_tags::record::NotAnEvent;
use fearless_simd::Level;
use memchr::memmem;
use serde_json::Value;

use crate::blocks::{Bound, Bounds};
use crate::filter::{Filter, time_of};
use crate::record::{self, Head, Odd, TOKEN};

/// A record that is longer is none: CloudTrail's own limit is 256 KB.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
pub const LONGEST_RECORD: usize = 4 << 20;
/// Lines that are handed on while a long file is being read.
const LINES: usize = 1 << 20;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{"Records": […]}`, whole, and the first of these is a record.
    Trail,
    /// Something else, perhaps with records in it: a slower reader may know.
    Other,
}

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Found {
    /// Records that are kept, each on a line.
    pub lines: Vec<u8>,
    pub kept: Vec<Kept>,
    /// All records, kept or not.
    pub records: u64,
    pub flaws: Vec<Flaw>,
}

/// A record that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub kind: Kind,
    /// Stands for its `eventID`; a record without one is like no other.
    pub id: Option<u128>,
    /// Its line, with the end.
    pub line: Range<usize>,
}

/// What is wrong with a record that would matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Its number in the file, from 1.
    pub record: u64,
    pub reason: String,
}

impl Found {
    /// Empties it for another file.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.kept.clear();
        self.flaws.clear();
        self.records = 0;
    }

    fn flaw(&mut self, reason: String) {
        self.flaws.push(Flaw { record: self.records, reason });
    }
}

/// Gives ids short names, by keys of this run: 128 bits, so that two are never the same by chance.
#[derive(Clone, Default)]
pub struct Ids([RandomState; 2]);

impl Ids {
    fn name(&self, id: &str) -> u128 {
        let [high, low] = self.0.each_ref().map(|state| u128::from(state.hash_one(id)));
        high << 64 | low
    }
}

/// Finds records that matter. Made once for each thread, with the same names, filter and ids.
pub struct Scanner {
    names: Arc<Names>,
    filter: Arc<Filter>,
    ids: Ids,
    key: memmem::Finder<'static>,
    /// Places of names that may matter.
    hits: Vec<usize>,
    scratch: Vec<u8>,
    /// Which instructions this machine has.
    level: Level,
    bounds: Vec<Bound>,
}

/// Where in a file the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    /// Between records, of which there was one already, or none.
    Records {
        first: bool,
    },
    After,
}

/// The text is no trail's file.
struct NoTrail;

impl Scanner {
    pub fn new(names: Arc<Names>, filter: Arc<Filter>, ids: Ids) -> Self {
        let key = memmem::Finder::new(b"\"eventName\"");
        Self {
            names,
            filter,
            ids,
            key,
            hits: Vec::new(),
            scratch: Vec::new(),
            level: Level::new(),
            bounds: Vec::new(),
        }
    }

    /// Adds what is kept of a whole text. If that is of another shape, what was added means nothing.
    pub fn scan(&mut self, text: &[u8], found: &mut Found) -> Shape {
        let mut place = Place::Before;
        match self.part(text, &mut place, true, found) {
            Ok(_) if place == Place::After => Shape::Trail,
            _ => Shape::Other,
        }
    }

    /// Reads a text of any size through a buffer of bounded size, and hands on what it finds.
    pub fn stream(
        &mut self,
        text: &mut dyn Read,
        found: &mut Found,
        hand_on: &mut dyn FnMut(&mut Found) -> io::Result<()>,
    ) -> io::Result<Shape> {
        let (mut window, mut place) = (Window::new(), Place::Before);
        loop {
            let is_last = window.fill(text)?;
            let Ok(used) = self.part(window.bytes(), &mut place, is_last, found) else {
                return Ok(Shape::Other);
            };
            if is_last {
                return Ok(if place == Place::After { Shape::Trail } else { Shape::Other });
            }
            window.drop_first(used);
            if window.bytes().len() > LONGEST_RECORD {
                found.records = found.records.saturating_add(1);
                found.flaw(TOO_LONG.to_owned());
                window.skip_object(text)?;
                place = Place::Records { first: false };
            }
            if found.lines.len() > LINES {
                hand_on(found)?;
            }
        }
    }

    /// Takes the records that are whole in a part of a text, and gives the number of its bytes that are done.
    fn part(
        &mut self,
        text: &[u8],
        place: &mut Place,
        is_last: bool,
        found: &mut Found,
    ) -> Result<usize, NoTrail> {
        let mut at = 0;
        if *place == Place::Before {
            at = opening(text).ok_or(NoTrail)?;
            *place = Place::Records { first: true };
        }
        if let Place::Records { first } = place {
            self.find_names(text, at);
            let (mut bounds, mut next_hit) = (Bounds::new(text, at), 0);
            let mut nth = 0;
            self.bounds.clear();
            loop {
                let bound = match self.bounds.get(nth) {
                    Some(bound) => *bound,
                    None => {
                        bounds.next(self.level, &mut self.bounds);
                        nth = 0;
                        continue;
                    }
                };
                nth = nth.wrapping_add(1);
                match bound {
                    Bound::Object { start, end, escapes } => {
                        let (gap, object) = (text.get(at..start), text.get(start..end));
                        let (Some(gap), Some(object)) = (gap, object) else { return Err(NoTrail) };
                        if !is_gap(gap, *first) || *first && !self.is_record(object) {
                            return Err(NoTrail);
                        }
                        *first = false;
                        at = end;
                        let before = next_hit;
                        while self.hits.get(next_hit).is_some_and(|hit| *hit < end) {
                            next_hit = next_hit.wrapping_add(1);
                        }
                        found.records = found.records.wrapping_add(1);
                        if next_hit > before || escapes || object.len() > LONGEST_RECORD {
                            self.take(object, found);
                        }
                    }
                    Bound::Close(close) => {
                        let tail = text.get(at..close).unwrap_or_default().trim_ascii();
                        if tail != b"]" {
                            return Err(NoTrail);
                        }
                        (*place, at) = (Place::After, close.wrapping_add(1));
                        break;
                    }
                    Bound::End if is_last => return Err(NoTrail),
                    Bound::End => return Ok(at),
                }
            }
        }
        let rest = text.get(at..).unwrap_or_default();
        if rest.trim_ascii().is_empty() { Ok(text.len()) } else { Err(NoTrail) }
    }

    /// Finds the names that may matter, wherever they stand: in a record of its own, in an object in it.
    fn find_names(&mut self, text: &[u8], from: usize) {
        self.hits.clear();
        let text = text.get(from..).unwrap_or_default();
        for at in self.key.find_iter(text) {
            let after = text.get(at.wrapping_add(KEY)..).unwrap_or_default();
            let may_matter = match after {
                [b':', b'"', name @ ..] => self.may_matter(name),
                _ => name_after(after).is_some_and(|name| self.may_matter(name)),
            };
            if may_matter {
                self.hits.push(at.wrapping_add(from));
            }
        }
    }

    /// Whether a name, up to the next quote, may matter. One with an escape may.
    #[inline]
    fn may_matter(&self, text: &[u8]) -> bool {
        let start = text.get(..LONGEST_NAME).unwrap_or(text);
        match memchr::memchr2(b'"', b'\\', start) {
            Some(end) if start.get(end) == Some(&b'"') => {
                self.names.may_matter(start.get(..end).unwrap_or_default())
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Whether an object is a record of CloudTrail's: not a message, a notification or an insight.
    fn is_record(&mut self, object: &[u8]) -> bool {
        let Ok(text) = str::from_utf8(object) else { return false };
        self.scratch.clear();
        match record::read(text, &mut self.scratch) {
            Ok(head) => !is_of_trigger(head.source),
            Err(Odd) => Event::from_text(text).is_ok_and(|event| !is_of_trigger(&event.source)),
        }
    }

    /// Decides about a record in which a name may matter.
    fn take(&self, object: &[u8], found: &mut Found) {
        if object.len() > LONGEST_RECORD {
            return found.flaw(TOO_LONG.to_owned());
        }
        let Ok(text) = str::from_utf8(object) else { return found.flaw("not UTF-8".to_owned()) };
        let start = found.lines.len();
        let read = record::read(text, &mut found.lines).and_then(|head| Ok((self.decide(&head)?, head.id)));
        match read {
            Ok((Some(kind), id)) => {
                found.lines.push(b'\n');
                let id = id.map(|id| self.ids.name(id));
                found.kept.push(Kept { kind, id, line: start..found.lines.len() });
            }
            Ok((None, _)) => found.lines.truncate(start),
            Err(Odd) => {
                found.lines.truncate(start);
                match Event::from_text(text) {
                    Ok(event) => self.take_event(&event, found),
                    // A name in an object of what is no record.
                    Err(NotAnEvent::NotARecord(_)) => {}
                    Err(error) => found.flaw(error.to_string()),
                }
            }
        }
    }

    /// Why a record is kept, if it is. What the filter needs and the record does not tell as CloudTrail would is odd.
    fn decide(&self, head: &Head<'_>) -> Result<Option<Kind>, Odd> {
        let Head { source, name, category, failed, reads, .. } = *head;
        let Some(kind) = kind(&Call { source, name, category, failed, reads }) else { return Ok(None) };
        let time = if self.filter.asks_for_times() { time_of(head.time) } else { None };
        if !self.filter.accounts.is_empty() && !head.account.is_some_and(is_account) {
            return Err(Odd);
        }
        Ok(self.filter.asks_for(kind, source, time, head.region, head.account).then_some(kind))
    }

    /// Adds a record that was read in another way, if it matters.
    pub fn take_event(&self, event: &Event, found: &mut Found) {
        let Some(kind) = kind_of(event) else { return };
        let region = Some(event.region()).filter(|region| !region.is_empty());
        if !self.filter.asks_for(kind, &event.source, event.time(), region, event.account().as_deref()) {
            return;
        }
        let (start, id) = (found.lines.len(), event.id().map(|id| self.ids.name(&id)));
        let mut record = Value::Object(event.record().clone());
        without_tokens(&mut record);
        found.lines.extend_from_slice(record.to_string().as_bytes());
        found.lines.push(b'\n');
        found.kept.push(Kept { kind, id, line: start..found.lines.len() });
    }
}

/// What is said of a record that has no end in sight.
const TOO_LONG: &str = "longer than 4 MiB, which no record is";
/// The bytes of the key that is searched for.
const KEY: usize = "\"eventName\"".len();
/// Bytes in which a name ends, if it is one.
const LONGEST_NAME: usize = 256;

/// Takes the secrets out of a record: a session token, in any spelling, becomes an empty text.
pub fn without_tokens(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.eq_ignore_ascii_case(TOKEN) {
                    true => *value = Value::from(""),
                    false => without_tokens(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_tokens),
        _ => {}
    }
}

/// The length of what is before a trail's first record: `{"Records": [`, perhaps after a byte order mark.
fn opening(text: &[u8]) -> Option<usize> {
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for part in [&b"{"[..], b"\"Records\"", b":", b"["] {
        rest = rest.trim_ascii_start().strip_prefix(part)?;
    }
    Some(text.len().saturating_sub(rest.len()))
}

/// Whether this is all that is between two records, or before the first.
fn is_gap(gap: &[u8], first: bool) -> bool {
    match gap {
        [] => first,
        [b','] => !first,
        gap => gap.trim_ascii() == if first { &b""[..] } else { b"," },
    }
}

/// The value after a key, if it is a text: spaces may be around the colon.
fn name_after(key: &[u8]) -> Option<&[u8]> {
    key.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
}

/// Messages and notifications that Lambda gets have sources such as `aws:sqs`.
fn is_of_trigger(source: &str) -> bool {
    source.starts_with("aws:")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is in memory of a text that is read bit by bit.
struct Window {
    buffer: Vec<u8>,
    end: usize,
}

impl Window {
    fn new() -> Self {
        Self { buffer: vec![0; LONGEST_RECORD.saturating_add(LINES)], end: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.end).unwrap_or_default()
    }

    /// Reads until it is full, or the text ends; whether it does.
    fn fill(&mut self, text: &mut dyn Read) -> io::Result<bool> {
        while let Some(free @ [_, ..]) = self.buffer.get_mut(self.end..) {
            match text.read(free) {
                Ok(0) => return Ok(true),
                Ok(count) => self.end = self.end.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn drop_first(&mut self, count: usize) {
        self.buffer.copy_within(count.min(self.end)..self.end, 0);
        self.end = self.end.saturating_sub(count);
    }

    /// Leaves out the next object, however long it is, or all that follows.
    fn skip_object(&mut self, text: &mut dyn Read) -> io::Result<()> {
        let (mut depth, mut in_string, mut escaped) = (0_u64, false, false);
        loop {
            for (nth, byte) in self.bytes().iter().enumerate() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = !in_string,
                    b'{' if !in_string => depth = depth.saturating_add(1),
                    b'}' if !in_string && depth <= 1 => {
                        self.drop_first(nth.saturating_add(1));
                        return Ok(());
                    }
                    b'}' if !in_string => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            self.end = 0;
            if self.fill(text)? && self.end == 0 {
                return Ok(());
            }
        }
    }
}
