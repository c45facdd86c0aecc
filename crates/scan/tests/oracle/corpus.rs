//! What is mutated: trails' files of recorded and made-up records, laid out in the ways that people meet.

use std::path::Path;

use aws_tags::Event;
use fastrand::Rng;
use serde_json::{Value, json};

/// Of files that are mutated: what is wrong with one shows as well in a short one, and sooner.
const LONGEST: usize = 2500;

/// A record, written in each way.
pub(crate) struct Record {
    compact: Vec<u8>,
    pretty: Vec<u8>,
    crlf: Vec<u8>,
}

impl Record {
    fn new(record: &Value) -> Self {
        let pretty = serde_json::to_string_pretty(record).expect("JSON");
        let crlf = pretty.replace('\n', "\r\n").into_bytes();
        Self { compact: record.to_string().into_bytes(), pretty: pretty.into_bytes(), crlf }
    }

    pub(crate) fn compact(&self) -> &[u8] {
        &self.compact
    }
}

/// The records of the event files, and some that matter to nobody.
pub(crate) fn records() -> Vec<Record> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut records = Vec::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.expect("readable");
        if entry.path().extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("readable");
        let event: Value = serde_json::from_str(&text).expect("JSON");
        let events = match event {
            Value::Array(events) => events,
            event => vec![event],
        };
        records.extend(events.into_iter().filter_map(|event| match Event::from_json(event) {
            Ok(event) if text.len() < LONGEST => Some(Record::new(&Value::Object(event.record().clone()))),
            _ => None,
        }));
    }
    for name in
        ["DescribeInstances", "GetObject", "DeleteVolume", "TerminateInstances", "CreateLogStream", "Decrypt"]
    {
        let source = if name == "Decrypt" { "kms.amazonaws.com" } else { "ec2.amazonaws.com" };
        records.push(Record::new(&json!({
            "eventVersion": "1.11", "eventSource": source, "eventName": name, "readOnly": !name.starts_with("De"),
            "requestParameters": {"text": "{\"eventName\":\"RunInstances\"}", "eventName": "CreateVolume", "n": [1, -2.5]},
        })));
    }
    assert!(records.len() > 200, "the event files are gone");
    records
}

/// A record, the shorter ones more often.
pub(crate) fn one<'a>(records: &'a [Record], rng: &mut Rng) -> &'a Record {
    let [one, other] = [&records[rng.usize(..records.len())], &records[rng.usize(..records.len())]];
    if one.compact.len() < other.compact.len() { one } else { other }
}

/// A trail's file of some records.
pub(crate) fn file(records: &[Record], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rng.u8(..8) == 0 {
        bytes.extend_from_slice(b"\xef\xbb\xbf");
    }
    let layout = rng.u8(..4);
    let (open, between): (&[u8], &[u8]) = match layout {
        0 => (b"{\n  \"Records\": [\n", b",\n"),
        1 => (b"{\r\n\t\"Records\" : [\r\n", b"\r\n,\r\n"),
        _ => (b"{\"Records\":[", b","),
    };
    bytes.extend_from_slice(open);
    for nth in 0..rng.usize(..4) {
        if nth > 0 {
            bytes.extend_from_slice(between);
        }
        let record = one(records, rng);
        bytes.extend_from_slice(match layout {
            0 => &record.pretty,
            1 => &record.crlf,
            _ => &record.compact,
        });
    }
    bytes.extend_from_slice(if layout < 2 { b"\n]\n}\n" } else { b"]}" });
    bytes
}
