//! The scan finds exactly what `serde_json` finds that parses everything: in records as they are, laid out in every
//! way, broken and hostile.
//!
//! `make scan-mutations` tries ten million; the test a seeded sample. A failure names the seed: `SEED=… MUTATIONS=1`.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use aws_tags::Event;
use aws_tags::backfill::relevance::{Names, kind_of};
use aws_tags_scan::{Filter, Found, Ids, Scanner, Shape, without_tokens};
use fastrand::Rng;
use serde_json::{Map, Value, json};

/// What may come between anything.
const SNIPPETS: &[&[u8]] = &[
    br#""eventName":"RunInstances","#,
    br#","eventName":"DeleteVolume""#,
    br#""eventName" : "AssumeRole","#,
    br#""eventSource":"ec2.amazonaws.com","#,
    br#""eventSource":"sts.amazonaws.com","#,
    br#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"}"#,
    br#",{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"}"#,
    br#""x":{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"},"#,
    br#""detail":{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"},"#,
    br#"\"eventName\":\"RunInstances\""#,
    br#""ev\u0065ntName":"CreateVpc","#,
    br#""eventName":"Cr\u0065ateVpc","#,
    br#""errorCode":null,"#,
    br#""errorCode":"AccessDenied","#,
    br#""ErrorCode":"AccessDenied","#,
    br#""error-code":" ","#,
    br#""readOnly":true,"#,
    br#""readOnly":"true","#,
    br#""eventCategory":"NetworkActivity","#,
    br#""sessionToken":"secret","#,
    br#""SESSIONTOKEN":{"a":"secret"},"#,
    br#""s\u0065ssionToken":"secret","#,
    b"1e999",
    b"12345678901234567890123",
    b"-0.0",
    b"\\ud83d\\ude00",
    b"\\ud800",
    b"\\u003c",
    b"\\",
    b"\\\\",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\r\n\t",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"null",
    b"{\"Records\":[",
    b"]}",
    b"},{",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// The records of the event files, and some that matter to nobody.
fn records() -> Vec<Value> {
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
            Ok(event) if text.len() < 20_000 => Some(Value::Object(event.record().clone())),
            _ => None,
        }));
    }
    for name in
        ["DescribeInstances", "GetObject", "DeleteVolume", "TerminateInstances", "CreateLogStream", "Decrypt"]
    {
        let source = if name == "Decrypt" { "kms.amazonaws.com" } else { "ec2.amazonaws.com" };
        records.push(json!({
            "eventVersion": "1.11", "eventSource": source, "eventName": name, "readOnly": !name.starts_with("De"),
            "requestParameters": {"text": "{\"eventName\":\"RunInstances\"}", "eventName": "CreateVolume", "n": [1, -2.5]},
        }));
    }
    assert!(records.len() > 200, "the event files are gone");
    records
}

/// A trail's file of some records, laid out in one of the ways that people meet.
fn file(records: &[Value], rng: &mut Rng) -> Vec<u8> {
    let some: Vec<&Value> = (0..rng.usize(..4)).map(|_| &records[rng.usize(..records.len())]).collect();
    let trail = json!({"Records": some});
    let text = match rng.u8(..4) {
        0 => serde_json::to_string_pretty(&trail).expect("JSON"),
        1 => serde_json::to_string_pretty(&trail).expect("JSON").replace('\n', "\r\n"),
        _ => trail.to_string(),
    };
    let mut bytes = text.into_bytes();
    if rng.u8(..8) == 0 {
        bytes.splice(0..0, *b"\xef\xbb\xbf");
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(..5) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..40)).min(bytes.len());
        match rng.u8(..10) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                bytes.splice(to..to, part);
            }
            3 if rng.u8(..4) == 0 => bytes.truncate(at),
            // Between members: most of what is inserted there leaves JSON.
            4..=6 => {
                let comma = bytes
                    .iter()
                    .enumerate()
                    .skip(at)
                    .find(|(_, byte)| **byte == b',')
                    .map_or(at, |(nth, _)| nth + 1);
                let snippet = SNIPPETS[rng.usize(..SNIPPETS.len())];
                bytes.splice(comma..comma, snippet.iter().copied());
            }
            _ => {
                let snippet = SNIPPETS[rng.usize(..SNIPPETS.len())];
                bytes.splice(at..at, snippet.iter().copied());
            }
        }
    }
}

/// What a record gives that is kept.
fn kept(record: &[u8]) -> Option<Value> {
    let event = Event::from_json(serde_json::from_slice(record).ok()?).ok()?;
    kind_of(&event)?;
    let mut record = Value::Object(event.record().clone());
    without_tokens(&mut record);
    // The last digit of a long number may change when it is written and read again.
    Some(serde_json::from_str(&record.to_string()).expect("JSON"))
}

/// Whether the first record of a file is one of CloudTrail's.
fn is_record(object: &[u8]) -> bool {
    let event = serde_json::from_slice(object).ok().and_then(|value| Event::from_json(value).ok());
    event.is_some_and(|event| !event.source.starts_with("aws:"))
}

/// What a file gives, byte by byte, each record parsed. `None` if it is plainly no trail's file.
fn oracle(text: &[u8]) -> Option<Vec<Value>> {
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for part in [&b"{"[..], b"\"Records\"", b":", b"["] {
        rest = rest.trim_ascii_start().strip_prefix(part)?;
    }
    let (mut values, mut gap, mut object, mut is_first) = (Vec::new(), Vec::new(), Vec::new(), true);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for (nth, byte) in rest.iter().copied().enumerate() {
        let in_gap = depth == 0;
        if in_gap && !in_string && byte == b'}' {
            return (gap.trim_ascii() == b"]" && rest[nth + 1..].trim_ascii().is_empty()).then_some(values);
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
        if in_gap && depth == 0 {
            gap.push(byte);
            continue;
        }
        object.push(byte);
        if depth == 0 {
            let expected: &[u8] = if is_first { b"" } else { b"," };
            if gap.trim_ascii() != expected || is_first && !is_record(&object) {
                return None;
            }
            is_first = false;
            values.extend(kept(&object));
            gap.clear();
            object.clear();
        }
    }
    None
}

/// The same by `serde_json` alone, of a whole file that is JSON.
fn oracle_of_json(text: &[u8]) -> Option<Vec<Value>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let file: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let [(key, Value::Array(records))] = &file.into_iter().collect::<Vec<_>>()[..] else { return None };
    let all_objects = key == "Records" && records.iter().all(Value::is_object);
    let texts: Vec<String> = records.iter().map(Value::to_string).collect();
    let is_trail = texts.first().is_none_or(|first| is_record(first.as_bytes()));
    (all_objects && is_trail).then(|| texts.iter().filter_map(|text| kept(text.as_bytes())).collect())
}

fn found(lines: &[u8]) -> Vec<Value> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect()
}

/// Names the seed where the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it alone: SEED={} MUTATIONS=1", self.0);
        }
    }
}

#[derive(Default)]
struct Counts {
    trails: u64,
    json: u64,
    kept: u64,
}

fn try_range(range: Range<u64>, records: &[Value]) -> Counts {
    let mut scanner = Scanner::new(Arc::new(Names::of_table()), Arc::new(Filter::default()), Ids::default());
    let mut counts = Counts::default();
    let mut scan = Found::default();
    for nth in range {
        let _seed = Seed(nth);
        let mut rng = Rng::with_seed(nth);
        let mut text = file(records, &mut rng);
        mutate(&mut text, &mut rng);
        scan.clear();
        let shape = scanner.scan(&text, &mut scan);
        let expected = oracle(&text);
        assert_eq!(shape == Shape::Trail, expected.is_some(), "{}", String::from_utf8_lossy(&text));
        let Some(expected) = expected else { continue };
        assert_eq!(found(&scan.lines), expected, "{}", String::from_utf8_lossy(&text));
        assert_eq!(scan.kept.len(), expected.len());
        counts.trails += 1;
        counts.kept += u64::try_from(expected.len()).expect("few");
        if let Some(of_json) = oracle_of_json(&text) {
            assert_eq!(of_json, expected, "{}", String::from_utf8_lossy(&text));
            counts.json += 1;
        }
        if nth % 256 == 0 {
            let mut stream = Found::default();
            let shape =
                scanner.stream(&mut Cursor::new(&text), &mut stream, &mut |_| Ok(())).expect("readable");
            assert!(shape == Shape::Trail && stream.lines == scan.lines && stream.records == scan.records);
        }
    }
    counts
}

#[test]
fn the_scan_finds_what_parsing_everything_finds() {
    let count =
        |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (first, mutations): (u64, u64) = (count("SEED", 0), count("MUTATIONS", 8_000));
    let records = &records();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let share = mutations.div_ceil(threads);
    let counts: Vec<Counts> = std::thread::scope(|scope| {
        let ranges = (0..threads).map(|nth| first + nth * share..first + mutations.min((nth + 1) * share));
        let running: Vec<_> = ranges.map(|range| scope.spawn(move || try_range(range, records))).collect();
        running.into_iter().map(|thread| thread.join().expect("no difference")).collect()
    });
    let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>();
    let (trails, json, kept) = (sum(|one| one.trails), sum(|one| one.json), sum(|one| one.kept));
    println!(
        "{mutations} mutated files: {trails} still a trail's, {json} of them JSON; {kept} records kept, as by parsing everything"
    );
    assert!(
        mutations < 1000 || trails > mutations / 4 && json > mutations / 8 && kept > mutations / 8,
        "{trails} {json} {kept}"
    );
}
