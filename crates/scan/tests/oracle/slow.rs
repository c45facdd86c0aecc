//! The slow reader: byte by byte, each record parsed. Whoever reads it should see at once that it is right.

use std::collections::BTreeSet;

use aws_tags::Event;
use aws_tags::backfill::relevance::{Kind, Names, kind_of};
use aws_tags::stacks::CLOUDFORMATION;
use aws_tags_scan::{Filter, without_tokens};
use serde_json::{Map, Value};

/// What a file gives.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Trail {
    pub(crate) kept: Vec<Kept>,
    /// All records, kept or not.
    pub(crate) records: u64,
    /// Numbers of records that cannot be read, and of those of them that have to be named.
    pub(crate) broken: BTreeSet<u64>,
    pub(crate) to_name: BTreeSet<u64>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) record: Value,
    pub(crate) kind: Kind,
    pub(crate) id: Option<String>,
}

pub(crate) struct Reader {
    pub(crate) names: Names,
    /// A record that is longer is none.
    pub(crate) longest: usize,
}

impl Reader {
    /// What a file gives. `None` if it is plainly no trail's file.
    pub(crate) fn read(&self, text: &[u8], filter: &Filter) -> Option<Trail> {
        let mut trail = Trail::default();
        for object in objects(text)? {
            trail.records += 1;
            if trail.records == 1 && object.len() <= self.longest && !is_record(object) {
                return None;
            }
            if object.len() > self.longest {
                trail.broken.insert(trail.records);
                trail.to_name.insert(trail.records);
                continue;
            }
            match serde_json::from_slice::<Value>(object) {
                Ok(value) => trail.kept.extend(kept(value, filter)),
                Err(_) => {
                    trail.broken.insert(trail.records);
                    if self.has_name(object) {
                        trail.to_name.insert(trail.records);
                    }
                }
            }
        }
        Some(trail)
    }

    /// Whether a text has the name of a call that may matter, as CloudTrail writes it.
    fn has_name(&self, text: &[u8]) -> bool {
        let after_spaces = |text: &[u8]| {
            let spaces = text.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
            text[spaces..].to_vec()
        };
        let mut rest = text;
        while let Some(at) = find(rest, br#""eventName""#) {
            rest = &rest[at + br#""eventName""#.len()..];
            let value = after_spaces(rest).strip_prefix(b":").map(after_spaces);
            let name = value.as_deref().and_then(|value| value.strip_prefix(b"\""));
            let end = name.and_then(|name| find(name, b"\""));
            if name.zip(end).is_some_and(|(name, end)| self.names.may_matter(&name[..end])) {
                return true;
            }
        }
        false
    }
}

/// The place of a part.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// What is in the list of a trail's file, and all that follows.
pub(crate) fn list(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for part in [&b"{"[..], b"\"Records\"", b":", b"["] {
        rest = rest.trim_ascii_start().strip_prefix(part)?;
    }
    Some(rest)
}

/// The objects in the list of a trail's file, told from each other by quotes, backslashes and braces alone.
fn objects(text: &[u8]) -> Option<Vec<&[u8]>> {
    let rest = list(text)?;
    let (mut objects, mut gap, mut start) = (Vec::new(), Vec::new(), 0);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for (nth, byte) in rest.iter().copied().enumerate() {
        let in_gap = depth == 0;
        if in_gap && !in_string && byte == b'}' {
            return (gap.trim_ascii() == b"]" && rest[nth + 1..].trim_ascii().is_empty()).then_some(objects);
        }
        match byte {
            b'"' | b'\\' if std::mem::take(&mut escaped) => {}
            b'"' => in_string = !in_string,
            b'\\' => escaped = true,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => depth -= 1,
            _ => {}
        }
        if byte != b'\\' {
            escaped = false;
        }
        match (in_gap, depth) {
            (true, 0) => gap.push(byte),
            (true, _) => {
                let expected: &[u8] = if objects.is_empty() { b"" } else { b"," };
                if gap.trim_ascii() != expected {
                    return None;
                }
                gap.clear();
                start = nth;
            }
            (false, 0) => objects.push(&rest[start..=nth]),
            (false, _) => {}
        }
    }
    None
}

/// The same by `serde_json` alone, of a whole file that is JSON.
pub(crate) fn of_json(text: &[u8], filter: &Filter) -> Option<Vec<Kept>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let file: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let mut members = file.into_iter();
    let (Some((key, Value::Array(records))), None) = (members.next(), members.next()) else { return None };
    let all_objects = key == "Records" && records.iter().all(Value::is_object);
    let is_trail = records.first().is_none_or(|first| is_record(first.to_string().as_bytes()));
    (all_objects && is_trail).then(|| records.into_iter().filter_map(|record| kept(record, filter)).collect())
}

/// Whether the first record of a file is one of CloudTrail's.
fn is_record(object: &[u8]) -> bool {
    let event = serde_json::from_slice(object).ok().and_then(|value| Event::from_json(value).ok());
    event.is_some_and(|event| !event.source.starts_with("aws:"))
}

/// What a record gives that is kept.
fn kept(record: Value, filter: &Filter) -> Option<Kept> {
    let event = Event::from_json(record).ok()?;
    let kind = kind_of(&event)?;
    if !asks_for(filter, kind, &event) {
        return None;
    }
    let mut record = Value::Object(event.record().clone());
    without_tokens(&mut record);
    // The last digit of a long number may change when it is written and read again.
    let record = serde_json::from_str(&record.to_string()).expect("JSON");
    Some(Kept { record, kind, id: event.id().map(|id| id.into_owned()) })
}

/// Whether a filter asks for an event: what it does not tell is no reason to lose it.
fn asks_for(filter: &Filter, kind: Kind, event: &Event) -> bool {
    let has = |asked: &[String], found: &str| asked.is_empty() || asked.iter().any(|one| one == found);
    let in_time = event.time().is_none_or(|time| {
        filter.since.is_none_or(|since| time >= since) && filter.until.is_none_or(|until| time < until)
    });
    in_time
        && (kind == Kind::Session || event.source == CLOUDFORMATION || has(&filter.sources, &event.source))
        && (event.region().is_empty() || has(&filter.regions, event.region()))
        && event.account().is_none_or(|account| has(&filter.accounts, &account))
}
