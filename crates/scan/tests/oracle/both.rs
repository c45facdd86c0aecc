//! The fast readers beside the slow one: whether they agree on a text.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

use aws_tags::backfill::relevance::Names;
use aws_tags_scan::{Filter, Found, Ids, LONGEST_RECORD, Scanner, Shape, Unpacker};
use fastrand::Rng;
use serde_json::Value;
use time::macros::datetime;

use crate::packed;
use crate::slow::{self, Kept, Reader, Trail};

/// The longest record of the small buffer: some records are longer.
pub(crate) const LONGEST: usize = 2000;

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) trails: u64,
    pub(crate) json: u64,
    pub(crate) kept: u64,
    pub(crate) named: u64,
    pub(crate) streamed: u64,
    pub(crate) unpacked: u64,
    pub(crate) filtered: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.trails += other.trails;
        self.json += other.json;
        self.kept += other.kept;
        self.named += other.named;
        self.streamed += other.streamed;
        self.unpacked += other.unpacked;
        self.filtered += other.filtered;
    }
}

/// A reader that gives some bytes at a time, as pipes do.
struct Bits<'a>(&'a [u8], Rng);

impl Read for Bits<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.u8(..16) == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.1.usize(1..2000).min(buffer.len()).min(self.0.len());
        let (now, rest) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = rest;
        Ok(count)
    }
}

/// The fast readers and the slow ones.
pub(crate) struct Both {
    at_once: Scanner,
    bit_by_bit: Scanner,
    filter: Filter,
    filtered: Scanner,
    unpacker: Unpacker,
    slow: Reader,
    slow_bits: Reader,
    /// What an id is called.
    ids: HashMap<String, u128>,
    found: Found,
    pub(crate) counts: Counts,
}

impl Both {
    pub(crate) fn new() -> Self {
        let filter = Filter {
            since: Some(datetime!(2021-01-01 0:00 UTC)),
            until: Some(datetime!(2026-05-04 12:00 UTC)),
            accounts: vec!["111122223333".to_owned(), "123456789012".to_owned()],
            regions: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
            sources: vec!["ec2.amazonaws.com".to_owned(), "rds.amazonaws.com".to_owned()],
        };
        let scanner = |filter: &Filter| {
            Scanner::new(Arc::new(Names::of_table()), Arc::new(filter.clone()), Ids::default())
        };
        let slow = |longest| Reader { names: Names::of_table(), longest };
        Self {
            at_once: scanner(&Filter::default()),
            bit_by_bit: scanner(&Filter::default()).with_longest(LONGEST),
            filtered: scanner(&filter),
            filter,
            unpacker: Unpacker::new(1 << 20),
            slow: slow(LONGEST_RECORD),
            slow_bits: slow(LONGEST),
            ids: HashMap::new(),
            found: Found::default(),
            counts: Counts::default(),
        }
    }

    /// Whether all agree on a text.
    pub(crate) fn try_one(&mut self, text: &[u8], rng: &mut Rng) {
        let all = Filter::default();
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let shape = self.at_once.scan(text, &mut found);
        let expected = self.slow.read(text, &all);
        same(text, shape, &found, expected.as_ref());
        match rng.u8(..16) {
            0..=3 => {
                let expected = self.slow_bits.read(text, &all);
                let (shape, found) = self.stream(text, rng);
                same(text, shape, &found, expected.as_ref());
                self.counts.streamed += u64::from(expected.is_some());
            }
            4 => self.counts.unpacked += u64::from(packed::try_one(text, &mut self.unpacker, rng)),
            5..=6 => {
                let mut found = Found::default();
                let shape = self.filtered.scan(text, &mut found);
                let expected = self.slow.read(text, &self.filter);
                same(text, shape, &found, expected.as_ref());
                self.counts.filtered += expected.map_or(0, |trail| trail.kept.len() as u64);
            }
            _ => {}
        }
        if rng.u8(..4) == 0 {
            self.try_whole(text, expected.as_ref());
        }
        if let Some(expected) = expected {
            self.counts.trails += 1;
            self.counts.kept += expected.kept.len() as u64;
            self.counts.named += found.flawed;
            self.same_ids(&found, &expected.kept);
        }
        self.found = found;
    }

    /// Whether the slow reader finds in JSON what is in the whole of it.
    fn try_whole(&mut self, text: &[u8], expected: Option<&Trail>) {
        let Some(whole) = slow::of_json(text, &Filter::default()) else { return };
        match expected {
            Some(expected) => {
                assert_eq!(whole, expected.kept, "{}", String::from_utf8_lossy(text));
                self.counts.json += 1;
            }
            // What is a trail's file, and is not taken for one, has its key escaped or twice.
            None => {
                let is_odd = slow::list(text).is_none() || count(text, br#""Records""#) > 1;
                assert!(is_odd, "{}", String::from_utf8_lossy(text));
            }
        }
    }

    /// Reads a text through the small buffer.
    fn stream(&mut self, text: &[u8], rng: &mut Rng) -> (Shape, Found) {
        let (mut found, mut all) = (Found::default(), Found::default());
        let mut hand_on = |found: &mut Found| {
            take_over(found, &mut all);
            Ok(())
        };
        let shape = self.bit_by_bit.stream(&mut Bits(text, rng.fork()), &mut found, &mut hand_on);
        take_over(&mut found, &mut all);
        (all.records, all.flawed) = (found.records, found.flawed);
        all.flaws = found.flaws;
        (shape.expect("readable"), all)
    }

    /// Whether equal ids are called alike, and others not.
    fn same_ids(&mut self, found: &Found, expected: &[Kept]) {
        for (kept, expected) in found.kept.iter().zip(expected) {
            assert_eq!(kept.id.is_some(), expected.id.is_some());
            if let (Some(name), Some(id)) = (kept.id, &expected.id) {
                assert_eq!(*self.ids.entry(id.clone()).or_insert(name), name, "{id}");
            }
        }
        if self.ids.len() > 10_000 {
            let names: HashSet<u128> = self.ids.values().copied().collect();
            assert_eq!(names.len(), self.ids.len());
            self.ids.clear();
        }
    }
}

/// Moves lines as whoever gets them does.
fn take_over(found: &mut Found, all: &mut Found) {
    for mut kept in found.kept.drain(..) {
        let start = all.lines.len();
        all.lines.extend_from_slice(&found.lines[kept.line]);
        kept.line = start..all.lines.len();
        all.kept.push(kept);
    }
    found.lines.clear();
}

/// Whether the fast reader found what the slow one did, and named what it has to.
fn same(text: &[u8], shape: Shape, found: &Found, expected: Option<&Trail>) {
    let show = || String::from_utf8_lossy(text);
    assert_eq!(shape == Shape::Trail, expected.is_some(), "{}", show());
    let Some(expected) = expected else { return };
    assert_eq!(found.records, expected.records, "{}", show());
    assert_eq!(found.kept.len(), expected.kept.len(), "{}", show());
    for (kept, expected) in found.kept.iter().zip(&expected.kept) {
        let line = &found.lines[kept.line.clone()];
        let lines = line.iter().filter(|byte| **byte == b'\n').count();
        assert!(line.ends_with(b"\n") && lines == 1, "one line: {}", show());
        let record: Value = serde_json::from_slice(line).expect("a line of JSON");
        assert_eq!((&record, kept.kind), (&expected.record, expected.kind), "{}", show());
    }
    let named: Vec<u64> = found.flaws.iter().map(|flaw| flaw.record).collect();
    assert!(named.is_sorted_by(|one, next| one < next), "each once: {named:?}");
    assert!(named.iter().all(|record| expected.broken.contains(record)), "{named:?}: {}", show());
    match u64::try_from(named.len()) == Ok(found.flawed) {
        true => assert!(expected.to_name.iter().all(|record| named.contains(record)), "{}", show()),
        false => assert!(found.flawed >= expected.to_name.len() as u64, "{}", show()),
    }
}

fn count(text: &[u8], part: &[u8]) -> usize {
    text.windows(part.len()).filter(|window| *window == part).count()
}
