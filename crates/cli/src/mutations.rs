//! Broken and hostile input: event files and trails, changed at random, go the way of `explain`. Whatever comes in,
//! nothing panics, hangs, or reaches a terminal unescaped.
//!
//! `make mutations` tries ten million; the test a seeded sample. A failure names the seed: `SEED=… MUTATIONS=1`.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::console::visible;
use crate::input::records_in;
use crate::{explain, replay};

/// What may stand where a record or its tools have something else.
const SNIPPETS: &[&[u8]] = &[
    b"\x1b]52;c;aGk=\x07",
    b"\xc2\x9b31m",
    "\u{202e}".as_bytes(),
    "\u{2028}".as_bytes(),
    b"\\u001b[2J",
    b"\\ud800",
    b"\0",
    b"\xff\xfe",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"1e999",
    b"-0",
    b"99999999999999999999",
    b"9999-12-31T23:59:59Z",
    b"arn:aws:sqs:eu-west-1:999999999999:q",
    b"arn:::::",
    b"\"Records\": [",
    b"\"detail\": {",
    b"\"body\": \"",
    b"\"CloudTrailEvent\": ",
    b"\n",
    b"\n{",
    b"\r\n",
    b"aws:",
    b"Owner",
    b"\"data\": \"H4sI\"",
    b"${x}",
];
/// The colours of `replay`, which a pipe does not get.
const STYLES: &[&str] = &["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m"];
/// One input takes no longer.
const LONGEST: Duration = Duration::from_secs(5);

/// Files that people have: the event files, trails, and both in the envelopes of tools.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let files = walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("readable").into_path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut seeds: Vec<Vec<u8>> = json.map(|path| std::fs::read(path).expect("readable")).collect();
    // The long files of generated rows are of one kind.
    seeds.retain(|seed| seed.len() < 20_000);
    let texts: Vec<String> =
        seeds.iter().step_by(10).map(|seed| String::from_utf8_lossy(seed).into_owned()).collect();
    let envelopes: [fn(&str) -> Value; 5] = [
        |text| json!({"Events": [{"CloudTrailEvent": text}]}),
        |text| json!([text]),
        |text| json!({"Records": [{"messageId": "1", "body": text}]}),
        |text| json!({"messageType": "DATA_MESSAGE", "logEvents": [{"message": text}]}),
        |text| json!({"QueryResultRows": [[{"eventJson": text}]]}),
    ];
    seeds.extend(
        texts.iter().zip(envelopes.iter().cycle()).map(|(text, wrap)| wrap(text).to_string().into_bytes()),
    );
    assert!(seeds.len() > 200, "the event files are gone");
    seeds
}

fn mutated(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(..seeds.len())].clone();
    for _ in 0..rng.usize(1..8) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..64)).min(bytes.len());
        match rng.u8(..8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 | 2 => {
                let snippet = SNIPPETS[rng.usize(..SNIPPETS.len())];
                bytes.splice(at..at, snippet.iter().copied());
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                bytes.splice(to..to, part);
            }
            5 => {
                let other = &seeds[rng.usize(..seeds.len())];
                let from = rng.usize(..=other.len());
                bytes.splice(at..at, other[from..(from + 200).min(other.len())].iter().copied());
            }
            6 if rng.u8(..4) == 0 => bytes.truncate(at),
            _ => {
                let snippet = SNIPPETS[rng.usize(..SNIPPETS.len())];
                bytes.splice(at..end, snippet.iter().copied());
            }
        }
    }
    match rng.u8(..16) {
        0 => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(&bytes).expect("writable");
            let mut packed = packed.finish().expect("writable");
            if rng.bool() {
                let at = rng.usize(..packed.len());
                packed[at] ^= 1 << rng.u8(..8);
            }
            packed
        }
        1 => String::from_utf8_lossy(&bytes).encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => bytes,
    }
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

#[test]
fn nothing_panics_hangs_or_steers_the_terminal() {
    let count =
        |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (first, mutations) = (count("SEED", 0), count("MUTATIONS", 20_000));
    let seeds = seeds();
    let (mut records, mut complaints) = (0_u64, 0_u64);
    for nth in first..first + mutations {
        let _seed = Seed(nth);
        let input = mutated(&seeds, &mut Rng::with_seed(nth));
        let (length, began) = (input.len(), Instant::now());
        let (found, complained) = records_in(input);
        let mut out = Vec::new();
        for record in &found {
            explain::write(&mut out, nth % 2 == 0, None, record).expect("writable");
        }
        if nth % 16 == 0 {
            replay::offline(&found, &mut out).expect("writable");
        }
        for complaint in &complained {
            writeln!(out, "{}", visible(complaint)).expect("writable");
        }
        let mut text = String::from_utf8(out).expect("UTF-8");
        for style in STYLES {
            text = text.replace(style, "");
        }
        let raw = text.chars().find(|c| *c != '\n' && visible(*c).chars().count() > 1);
        assert_eq!(raw, None, "{text:?}");
        assert!(text.len() < 100_000 + 40 * length, "{} bytes from {length}", text.len());
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
        records += u64::try_from(found.len()).unwrap_or_default();
        complaints += u64::try_from(complained.len()).unwrap_or_default();
    }
    println!(
        "{mutations} mutated inputs: {records} records explained, {complaints} complaints, nothing raw, no panic, none over {LONGEST:?}"
    );
    assert!(
        first > 0 || mutations < 1000 || records > mutations / 4 && complaints > mutations / 4,
        "{records} {complaints}"
    );
}
