//! What a scan finds: lines to keep, and records that could not be read.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use aws_tags::backfill::relevance::Kind;
use serde_json::Value;

use crate::record::TOKEN;

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Found {
    /// Records that are kept, each on a line.
    pub lines: Vec<u8>,
    pub kept: Vec<Kept>,
    /// All records, kept or not.
    pub records: u64,
    /// The first of the records that could not be read: a file may have any number of them.
    pub flaws: Vec<Flaw>,
    /// How many could not be read.
    pub flawed: u64,
}

/// Flaws of a file that are told; others are counted.
const FLAWS: usize = 8;

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
        (self.records, self.flawed) = (0, 0);
    }

    /// Says what is wrong with the last record.
    pub(crate) fn flaw(&mut self, reason: String) {
        self.flawed = self.flawed.saturating_add(1);
        if self.flaws.len() < FLAWS {
            self.flaws.push(Flaw { record: self.records, reason });
        }
    }
}

/// Gives ids short names, by keys of this run: 128 bits, so that two are never the same by chance.
#[derive(Clone, Default)]
pub struct Ids([RandomState; 2]);

impl Ids {
    pub(crate) fn name(&self, id: &str) -> u128 {
        let [high, low] = self.0.each_ref().map(|state| u128::from(state.hash_one(id)));
        high << 64 | low
    }
}

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
