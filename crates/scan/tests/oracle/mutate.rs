//! Mutations of texts: what breaks them, what hides something in them, and what only looks different.

use fastrand::Rng;

use crate::corpus::{self, Record};

/// What may come between anything.
const SNIPPETS: &[&[u8]] = &[
    br#""eventName":"RunInstances","#,
    br#","eventName":"DeleteVolume""#,
    br#""eventName" : "AssumeRole","#,
    b"\"eventName\"\r\n:\t\"CreateVpc\",",
    br#""eventName":null,"#,
    br#""eventName":["CreateVpc"],"#,
    br#""eventName":"","#,
    br#""eventSource":"ec2.amazonaws.com","#,
    br#""eventSource":"sts.amazonaws.com","#,
    br#""eventSource":"aws:sqs","#,
    br#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"}"#,
    br#",{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"}"#,
    br#""x":{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"},"#,
    br#""detail":{"eventSource":"ec2.amazonaws.com","eventName":"CreateVolume"},"#,
    br#""detail":null,"#,
    br#"\"eventName\":\"RunInstances\""#,
    br#""ev\u0065ntName":"CreateVpc","#,
    br#""eventName":"Cr\u0065ateVpc","#,
    br#""eventID":"00000000-0000-4000-8000-000000000000","#,
    br#""event-id":"1","#,
    br#""errorCode":null,"#,
    br#""errorCode":"AccessDenied","#,
    br#""ErrorCode":"AccessDenied","#,
    br#""error-code":" ","#,
    br#""readOnly":true,"#,
    br#""readOnly":"true","#,
    br#""eventCategory":"NetworkActivity","#,
    br#""eventTime":"2025-01-31T12:00:00Z","#,
    br#""eventTime":"yesterday","#,
    br#""awsRegion":"eu-west-1","#,
    br#""AWSRegion":"us-east-1","#,
    br#""recipientAccountId":"111122223333","#,
    br#""recipientAccountId":444455556666,"#,
    br#""sessionToken":"secret","#,
    br#""SESSIONTOKEN":{"a":"secret"},"#,
    br#""s\u0065ssionToken":"secret","#,
    br#""n":1e999,"#,
    br#""n":12345678901234567890123,"#,
    br#""n":-0.0,"#,
    br#""n":01,"#,
    br#""n":1.,"#,
    br#""n":-,"#,
    b"\\ud83d\\ude00",
    b"\\ud800",
    b"\\u003c",
    b"\\u000",
    b"\\x",
    b"\0",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\xef\xbb\xbf",
    b"null",
    b"true",
    b"{\"Records\":[",
    b"\"Records\":[],",
    b"]}",
    b"},{",
    b"/*",
    b"'",
    b"\x0c",
];
/// What JSON is made of.
const STRUCTURE: &[u8] = b"{}[]\",:\\";

pub(crate) fn mutate(bytes: &mut Vec<u8>, records: &[Record], rng: &mut Rng) {
    for _ in 0..rng.usize(..5) {
        match rng.u8(..16) {
            0..=3 => bytewise(bytes, rng),
            4..=5 => of_structure(bytes, rng),
            6..=7 => of_keys(bytes, rng),
            8..=11 => inserted(bytes, rng),
            12..=13 => nested(bytes, records, rng),
            14 => spaced(bytes, rng),
            _ => joined(bytes, records, rng),
        }
    }
}

/// Bits turned, pieces gone, there twice, or the end gone.
fn bytewise(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let end = (at + rng.usize(..40)).min(bytes.len());
    match rng.u8(..8) {
        0..=1 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        2..=3 => drop(bytes.drain(at..end)),
        4..=5 => {
            let part = bytes[at..end].to_vec();
            insert(bytes, rng.usize(..=bytes.len()), &part);
        }
        6 if rng.bool() => bytes.truncate(at),
        // An escape is as good as the letter.
        _ => {
            let letter = find(bytes, at, |byte| byte.is_ascii_alphanumeric());
            escape(bytes, letter, rng);
        }
    }
}

/// A brace, bracket, quote, comma, colon or backslash gone, there twice, or another.
fn of_structure(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = find(bytes, rng.usize(..=bytes.len()), |byte| STRUCTURE.contains(&byte));
    let other = STRUCTURE[rng.usize(..STRUCTURE.len())];
    match rng.u8(..3) {
        _ if at == bytes.len() => bytes.push(other),
        0 => drop(bytes.remove(at)),
        1 => insert(bytes, at, &[bytes[at]]),
        _ => bytes[at] = other,
    }
}

/// A key in other letters, with an escape, or a member that comes twice.
fn of_keys(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let comma = after_comma(bytes, rng.usize(..=bytes.len()));
    let quote = find(bytes, comma, |byte| byte == b'"');
    let letter = find(bytes, quote + 1 + rng.usize(..14), |byte| byte.is_ascii_alphabetic());
    match rng.u8(..4) {
        0 => escape(bytes, letter, rng),
        1 if letter < bytes.len() => bytes[letter] ^= 0x20,
        2 => insert(bytes, letter, if rng.bool() { b"-" } else { b"_" }),
        _ => {
            let member = bytes[comma..after_comma(bytes, comma)].to_vec();
            insert(bytes, after_comma(bytes, rng.usize(..=bytes.len())), &member);
        }
    }
}

/// Something from outside, mostly between members: most of what is inserted there leaves JSON.
fn inserted(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let at = if rng.u8(..4) == 0 { at } else { after_comma(bytes, at) };
    // Around 64 bytes, which are looked at together, and around the longest name that is searched for.
    let long = [1, 2, 3, 31, 62, 63, 64, 65, 127, 128, 129, 255, 256, 257][rng.usize(..14)];
    match rng.u8(..8) {
        0 => {
            let member = [b"\"\":\"", vec![b'\\'; long].as_slice(), b"\","].concat();
            insert(bytes, at, &member);
        }
        1 => {
            let name = ["Delete", "CreateVolume", "Terminate", "CreateFunction2015", "Get"][rng.usize(..5)];
            let digits = "0".repeat(long);
            insert(bytes, at, format!("\"eventName\":\"{name}{digits}\",").as_bytes());
        }
        2 => {
            let (open, close) = [("[", "]"), ("{\"a\":", "}"), ("[{\"eventName\":", "}]")][rng.usize(..3)];
            let deep =
                format!("\"deep\":{}\"RunInstances\"{},", open.repeat(long / 2), close.repeat(long / 2));
            insert(bytes, at, deep.as_bytes());
        }
        3 => insert(bytes, at, format!("\"pad\":\"{}\",", "x".repeat(rng.usize(..64))).as_bytes()),
        _ => insert(bytes, at, SNIPPETS[rng.usize(..SNIPPETS.len())]),
    }
}

/// A record in a record: as an object, in a list, as a text, as a text in a text.
fn nested(bytes: &mut Vec<u8>, records: &[Record], rng: &mut Rng) {
    let inner = corpus::one(records, rng).compact();
    let quoted = |text: &[u8]| serde_json::to_vec(&String::from_utf8_lossy(text)).expect("JSON");
    let form: [&[u8]; 3] = match rng.u8(..7) {
        0 => [b"\"x\":", inner, b","],
        1 => [b"\"Records\":[", inner, b"],"],
        2 => [b"\"x\":", &quoted(inner), b","],
        3 => [b"\"x\":", &quoted(&quoted(inner)), b","],
        4 => [b"\"detail\":", inner, b","],
        // The end of a text, of the record and of the file, as somebody would write it who wants to forge one.
        5 => [b"\"x\":\"\\\"}},", inner, b",{\"\":\"\","],
        _ => [b"", inner, b","],
    };
    let at = after_comma(bytes, rng.usize(..=bytes.len()));
    insert(bytes, at, &form.concat());
}

/// Spaces, and what only looks like some, beside what JSON is made of.
fn spaced(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = find(bytes, rng.usize(..=bytes.len()), |byte| STRUCTURE.contains(&byte));
    let at = (at + usize::from(rng.bool())).min(bytes.len());
    let space: &[u8] = match rng.u8(..12) {
        0 => b"\0",
        1 => b"\xef\xbb\xbf",
        2 => b"\xc2\xa0",
        3 => b"\x0b",
        4..=5 => b"\r\n",
        6..=7 => b"\t",
        8 => b"\n",
        _ => b" ",
    };
    let times = if rng.bool() { 1 } else { rng.usize(..140) };
    insert(bytes, at, &space.repeat(times));
}

/// Another file in the middle, at the end, or in place of the rest.
fn joined(bytes: &mut Vec<u8>, records: &[Record], rng: &mut Rng) {
    let other = corpus::file(records, rng);
    let (at, from) = (rng.usize(..=bytes.len()), rng.usize(..=other.len()));
    match rng.u8(..4) {
        0 => bytes.extend_from_slice(&other),
        1 => insert(bytes, at, &other),
        2 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            let at = after_comma(bytes, at);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[after_comma(&other, from)..]);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    let at = at.min(bytes.len());
    bytes.splice(at..at, part.iter().copied());
}

/// `e` as `\u0065`.
fn escape(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let Some(&byte) = bytes.get(at) else { return };
    let text = if rng.bool() { format!("\\u{byte:04x}") } else { format!("\\u{byte:04X}") };
    bytes.splice(at..=at, text.bytes());
}

/// The first byte of that kind from a place on, or the end.
fn find(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    let from = from.min(bytes.len());
    bytes[from..].iter().position(|byte| is(*byte)).map_or(bytes.len(), |nth| from + nth)
}

fn after_comma(bytes: &[u8], from: usize) -> usize {
    (find(bytes, from, |byte| byte == b',') + 1).min(bytes.len())
}
