//! The records of a trail's file that matter, without parsing the others.

use std::sync::Arc;

use aws_tags::backfill::relevance::Names;
use fearless_simd::Level;

use crate::blocks::{Bound, Bounds};
use crate::filter::Filter;
use crate::found::{Found, Ids};
use crate::names::Search;

/// A record that is longer is none: CloudTrail's own limit is 256 KB.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
pub const LONGEST_RECORD: usize = 4 << 20;
/// What is said of one that is longer.
pub(crate) const TOO_LONG: &str = "longer than 4 MiB, which no record is";

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{"Records": […]}`, whole, and the first of these is a record.
    Trail,
    /// Something else, perhaps with records in it: a slower reader may know.
    Other,
}

/// Finds records that matter. Made once for each thread, with the same names, filter and ids.
pub struct Scanner {
    pub(crate) filter: Arc<Filter>,
    pub(crate) ids: Ids,
    pub(crate) scratch: Vec<u8>,
    /// A record that is longer is none.
    pub(crate) longest: usize,
    search: Search,
    /// Which instructions this machine has.
    level: Level,
    bounds: Vec<Bound>,
}

/// Where in a file the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Before,
    /// Between records, of which there was one already, or none.
    Records {
        first: bool,
    },
    After,
}

/// The text is no trail's file.
pub(crate) struct NoTrail;

impl Scanner {
    pub fn new(names: Arc<Names>, filter: Arc<Filter>, ids: Ids) -> Self {
        Self {
            filter,
            ids,
            scratch: Vec::new(),
            longest: LONGEST_RECORD,
            search: Search::new(names),
            level: Level::new(),
            bounds: Vec::new(),
        }
    }

    /// One to which shorter records are too long, so that short texts show what becomes of these.
    pub fn with_longest(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    /// Adds what is kept of a whole text. If that is of another shape, what was added means nothing.
    pub fn scan(&mut self, text: &[u8], found: &mut Found) -> Shape {
        let mut place = Place::Before;
        match self.part(text, &mut place, true, found) {
            Ok(_) if place == Place::After => Shape::Trail,
            _ => Shape::Other,
        }
    }

    /// Takes the records that are whole in a part of a text, and gives the number of its bytes that are done.
    pub(crate) fn part(
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
            self.search.find(text, at);
            let (mut bounds, mut nth) = (Bounds::new(text, at), 0_usize);
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
                        if !is_gap(gap, *first) || *first && !self.may_be_record(object) {
                            return Err(NoTrail);
                        }
                        *first = false;
                        at = end;
                        found.records = found.records.wrapping_add(1);
                        if self.search.pass(end) || escapes || object.len() > self.longest {
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
pub(crate) fn is_gap(gap: &[u8], first: bool) -> bool {
    match gap {
        [] => first,
        [b','] => !first,
        gap => gap.trim_ascii() == if first { &b""[..] } else { b"," },
    }
}
