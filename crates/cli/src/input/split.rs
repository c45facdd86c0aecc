//! Splits a text into its JSON values, and lists of records into theirs, by structure alone: brackets and
//! strings. What is inside a value is never looked at, so that nothing in a record can pass for the end of it.
//!
//! Constant memory: no more than one value is held, and that is bounded. What is broken loses itself: the next
//! value begins where the brackets say, or on the next line.

use aws_tags::record::timestamp;

/// A value may be as long as this. CloudTrail's own limit for a record is 256 KB.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
pub(super) const LONGEST: usize = 32 << 20;

/// Open brackets that are remembered. Nobody parses what is deeper: there, any bracket closes any other.
const DEEPEST: usize = 256;

/// A time has so many letters at most.
const LONGEST_TIME: usize = 64;

/// Keys whose lists hold records, each in its envelope or not.
const LISTS: &[&str] = &[
    "Records",
    "records",
    "Events",
    "events",
    "Messages",
    "logEvents",
    "results",
    "QueryResultRows",
    "configurationItems",
];

/// What was split off.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// A value: a text that should be JSON, and the key of the list that it is in.
    Value(&'a [u8], Option<&'static str>),
    /// An object whose lists were split: the text without their values.
    Around(&'a [u8]),
    /// What is no value, with the number of its line.
    Broken(Flaw, usize),
}

/// What is wrong with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is no JSON object, list or text.
    NotJson,
    /// It ends inside a value.
    Cut,
    /// A value is longer than any record.
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between values of the text.
    Between,
    /// In text that is no JSON, until its line or a bracket.
    Junk,
    /// In an object of the text, outside of its lists.
    Object,
    /// Between values of a list.
    List,
    /// In a value.
    Value,
}

/// The splitter. Feed it all bytes in chunks of any size, then call [`Splitter::end`].
#[derive(Debug)]
pub(super) struct Splitter {
    state: State,
    /// Open brackets of the value, or of the object of the text; and how many more are open in these.
    open: Vec<u8>,
    deeper: u64,
    in_string: bool,
    escaped: bool,
    /// The value so far, or what is no JSON.
    value: Vec<u8>,
    too_long: bool,
    /// Whether the value is a string, number or word.
    plain: bool,
    /// The object of the text so far, without its lists' values.
    object: Vec<u8>,
    /// Open brackets of the object, while in its list.
    outside: Vec<u8>,
    /// The last string directly in the object, which may be a key.
    key: Vec<u8>,
    /// Whether a list was split.
    has_lists: bool,
    /// Whether a list is being split, and the key that it has.
    in_list: bool,
    list: Option<&'static str>,
    line: usize,
    /// The line on which the value began.
    began: usize,
    /// The last byte.
    last: u8,
    /// A value that is longer is broken.
    longest: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            state: State::Between,
            open: Vec::new(),
            deeper: 0,
            in_string: false,
            escaped: false,
            value: Vec::new(),
            too_long: false,
            plain: false,
            object: Vec::new(),
            outside: Vec::new(),
            key: Vec::new(),
            has_lists: false,
            in_list: false,
            list: None,
            line: 1,
            began: 1,
            last: b'\n',
            longest: LONGEST,
        }
    }
}

impl Splitter {
    /// One that takes longer values for broken.
    pub(super) fn new(longest: usize) -> Self {
        Self { longest, ..Self::default() }
    }

    /// Takes the next bytes, and gives the parts that end in them.
    pub(super) fn feed(&mut self, bytes: &[u8], found: &mut impl FnMut(Part<'_>)) {
        for &byte in bytes {
            self.take(byte, found);
            if byte == b'\n' {
                self.line = self.line.saturating_add(1);
            }
            self.last = byte;
        }
    }

    /// The text ends.
    pub(super) fn end(&mut self, found: &mut impl FnMut(Part<'_>)) {
        match self.state {
            State::Between => {}
            State::Junk => found(Part::Broken(Flaw::NotJson, self.began)),
            State::Value if self.plain && !self.in_string && !self.in_list => self.finish(found),
            State::Value | State::Object | State::List => found(Part::Broken(Flaw::Cut, self.line)),
        }
        *self = Self { line: self.line, ..Self::new(self.longest) };
    }

    fn take(&mut self, byte: u8, found: &mut impl FnMut(Part<'_>)) {
        match self.state {
            State::Between => self.begin(byte),
            State::Junk => self.junk(byte, found),
            State::Object => self.in_object(byte, found),
            State::List => match byte {
                b']' => self.leave_list(byte),
                byte if byte.is_ascii_whitespace() || byte == b',' => {}
                // The list ends with its object, without a bracket of its own.
                b'}' if !self.outside.is_empty() => {
                    found(Part::Broken(Flaw::NotJson, self.line));
                    self.leave_list(b']');
                    self.in_object(byte, found);
                }
                _ => self.begin_value(byte),
            },
            State::Value => self.in_value(byte, found),
        }
    }

    fn leave_list(&mut self, byte: u8) {
        (self.in_list, self.list) = (false, None);
        self.open = std::mem::take(&mut self.outside);
        self.state = match self.open.is_empty() {
            true => State::Between,
            false => State::Object,
        };
        self.object.push(byte);
    }

    /// The first byte of a value of the text.
    fn begin(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            return;
        }
        self.began = self.line;
        match byte {
            b'{' => {
                (self.has_lists, self.too_long) = (false, false);
                self.object.clear();
                self.object.push(byte);
                self.open.push(byte);
                self.state = State::Object;
            }
            b'[' => {
                (self.in_list, self.list) = (true, None);
                self.state = State::List;
            }
            b'"' => self.begin_value(byte),
            _ => {
                self.value.clear();
                self.value.push(byte);
                self.state = State::Junk;
            }
        }
    }

    fn begin_value(&mut self, byte: u8) {
        self.began = self.line;
        (self.too_long, self.in_string, self.escaped) = (false, byte == b'"', false);
        self.plain = !matches!(byte, b'{' | b'[');
        self.value.clear();
        self.value.push(byte);
        self.open.clear();
        self.deeper = 0;
        if !self.plain {
            self.open.push(byte);
        }
        self.state = State::Value;
    }

    /// Text that is no JSON. The time that exports of CloudWatch Logs put before each record is none either.
    fn junk(&mut self, byte: u8, found: &mut impl FnMut(Part<'_>)) {
        match byte {
            b'\n' => {
                self.state = State::Between;
                found(Part::Broken(Flaw::NotJson, self.began));
            }
            b'{' if is_time(&self.value) => {
                self.state = State::Between;
                self.begin(byte);
            }
            _ if self.value.len() < self.longest => self.value.push(byte),
            _ => {}
        }
    }

    fn in_object(&mut self, byte: u8, found: &mut impl FnMut(Part<'_>)) {
        let directly = self.open.len() == 1;
        if self.is_cut(byte) {
            found(Part::Broken(Flaw::NotJson, self.began));
            self.open.clear();
            self.deeper = 0;
            self.in_string = false;
            self.object.clear();
            self.state = State::Between;
            return self.begin(byte);
        }
        if self.object.len() < self.longest {
            self.object.push(byte);
        } else {
            self.too_long = true;
        }
        if self.in_string {
            if directly && self.key.len() < 64 {
                self.key.push(byte);
            }
            return self.string(byte);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if directly {
                    self.key.clear();
                }
            }
            b'[' if directly && self.list_key().is_some() => {
                self.list = self.list_key();
                (self.has_lists, self.in_list) = (true, true);
                self.outside = std::mem::take(&mut self.open);
                self.state = State::List;
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => {
                self.close(byte);
                if self.open.is_empty() {
                    self.state = State::Between;
                    let began = self.began;
                    found(match (self.too_long, self.has_lists) {
                        (true, _) => Part::Broken(Flaw::TooLong, began),
                        (false, true) => Part::Around(&self.object),
                        (false, false) => Part::Value(&self.object, None),
                    });
                    self.object.clear();
                    self.object.shrink_to(1 << 20);
                }
            }
            _ => {}
        }
    }

    /// Whether a line begins with an object although the one before has not ended: records are one a line, and
    /// the one before was cut.
    fn is_cut(&self, byte: u8) -> bool {
        byte == b'{'
            && self.last == b'\n'
            && !self.has_lists
            && self.line == self.began.saturating_add(1)
            // After these an object may come, wherever lines are broken.
            && !matches!(self.object.trim_ascii_end().last(), Some(b':' | b',' | b'[' | b'{'))
    }

    /// The list that begins after the last string, if that is the key of one.
    fn list_key(&self) -> Option<&'static str> {
        let text = self.object.strip_suffix(b"[").unwrap_or(&self.object).trim_ascii_end();
        let key = self.key.strip_suffix(b"\"")?;
        let after_key = text.ends_with(b":");
        LISTS.iter().find(|list| after_key && list.as_bytes() == key).copied()
    }

    fn in_value(&mut self, byte: u8, found: &mut impl FnMut(Part<'_>)) {
        if self.plain && !self.in_string {
            let ends = byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}');
            if ends {
                self.finish(found);
                return self.take(byte, found);
            }
        }
        match self.value.len() < self.longest {
            true => self.value.push(byte),
            false => self.too_long = true,
        }
        if self.in_string {
            self.string(byte);
            if !self.in_string && self.plain {
                self.finish(found);
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => {
                self.close(byte);
                if self.open.is_empty() {
                    self.finish(found);
                }
            }
            _ => {}
        }
    }

    /// A byte in a string. A line cannot end in one: then the string was cut.
    fn string(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' | b'\n' => self.in_string = false,
            _ => {}
        }
    }

    fn open(&mut self, byte: u8) {
        match self.open.len() < DEEPEST {
            true => self.open.push(byte),
            false => self.deeper = self.deeper.saturating_add(1),
        }
    }

    /// A closing bracket ends what it fits to, and what was left open inside.
    fn close(&mut self, byte: u8) {
        if self.deeper > 0 {
            self.deeper = self.deeper.saturating_sub(1);
            return;
        }
        let fits = if byte == b'}' { b'{' } else { b'[' };
        match self.open.iter().rposition(|open| *open == fits) {
            Some(place) => self.open.truncate(place),
            None => drop(self.open.pop()),
        }
    }

    fn finish(&mut self, found: &mut impl FnMut(Part<'_>)) {
        self.state = match self.in_list {
            true => State::List,
            false => State::Between,
        };
        found(match self.too_long {
            true => Part::Broken(Flaw::TooLong, self.began),
            false => Part::Value(&self.value, self.list),
        });
        self.value.clear();
        self.value.shrink_to(1 << 20);
        self.open.clear();
        self.deeper = 0;
        self.in_string = false;
    }
}

/// Whether a text is a time, such as exports of CloudWatch Logs have before each line.
fn is_time(text: &[u8]) -> bool {
    text.len() < LONGEST_TIME
        && str::from_utf8(text).is_ok_and(|text| timestamp::parse(text.trim_ascii()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts as texts, from chunks of that size.
    fn parts_of(text: &str, size: usize) -> Vec<String> {
        let (mut parts, mut splitter) = (Vec::new(), Splitter::default());
        let mut found = |part: Part<'_>| {
            parts.push(match part {
                Part::Value(value, None) => String::from_utf8_lossy(value).into_owned(),
                Part::Value(value, Some(list)) => format!("{list}: {}", String::from_utf8_lossy(value)),
                Part::Around(object) => format!("around {}", String::from_utf8_lossy(object)),
                Part::Broken(flaw, line) => format!("{flaw:?} in {line}"),
            });
        };
        for chunk in text.as_bytes().chunks(size) {
            splitter.feed(chunk, &mut found);
        }
        splitter.end(&mut found);
        parts
    }

    #[test]
    fn values_are_split_wherever_chunks_end() {
        for (text, parts) in [
            ("", vec![]),
            (r#"{"a": 1}"#, vec![r#"{"a": 1}"#]),
            ("{\"a\": 1}\n{\"b\": [2, {}]}{}\n", vec![r#"{"a": 1}"#, r#"{"b": [2, {}]}"#, "{}"]),
            (
                r#"[{"a": "]}"}, {"b": "\\"}, "c\"", 4]"#,
                vec![r#"{"a": "]}"}"#, r#"{"b": "\\"}"#, r#""c\"""#, "4"],
            ),
            (r#""one" "two""#, vec![r#""one""#, r#""two""#]),
            (
                r#"{"x": [1], "Records": [{"a": {"Records": [1]}}, {}], "y": "]"}"#,
                vec![
                    r#"Records: {"a": {"Records": [1]}}"#,
                    "Records: {}",
                    r#"around {"x": [1], "Records": [], "y": "]"}"#,
                ],
            ),
            (r#"{"Records": []}"#, vec![r#"around {"Records": []}"#]),
            (r#"{"detail": {"Records": [1]}}"#, vec![r#"{"detail": {"Records": [1]}}"#]),
            (r#"{"a": "Records", "b": [1]}"#, vec![r#"{"a": "Records", "b": [1]}"#]),
            (
                "2026-11-26T12:00:00.000Z {\"a\": 1}\n2026-11-26T12:00:01.000Z {\"b\": 2}\n",
                vec![r#"{"a": 1}"#, r#"{"b": 2}"#],
            ),
        ] {
            for size in [1, 2, 7, 1000] {
                assert_eq!(parts_of(text, size), parts, "{text} in chunks of {size}");
            }
        }
    }

    #[test]
    fn what_is_broken_loses_itself() {
        for (text, parts) in [
            ("hello\n{}\nworld", vec!["NotJson in 1", "{}", "NotJson in 3"]),
            ("3\n{}", vec!["NotJson in 1", "{}"]),
            (
                r#"{"Records": [{"a": [1}, {"b": 2}]}"#,
                vec![r#"Records: {"a": [1}"#, r#"Records: {"b": 2}"#, r#"around {"Records": []}"#],
            ),
            (r#"{"Records": [{"a": 1}"#, vec![r#"Records: {"a": 1}"#, "Cut in 1"]),
            (
                r#"{"Records": [{"a": 1}}"#,
                vec![r#"Records: {"a": 1}"#, "NotJson in 1", r#"around {"Records": []}"#],
            ),
            ("{\"a\": \"cut\n{\"b\": 2}\n", vec!["NotJson in 1", r#"{"b": 2}"#]),
            ("{\"a\": [1\n{\"b\": 2}\n", vec!["NotJson in 1", r#"{"b": 2}"#]),
            ("{\"detail\":\n{\"b\": 2}}", vec!["{\"detail\":\n{\"b\": 2}}"]),
        ] {
            assert_eq!(parts_of(text, 3), parts, "{text}");
        }
    }

    #[test]
    fn what_is_far_too_deep_takes_neither_time_nor_memory() {
        let (open, crossed) = ("[".repeat(1_000_000), "}".repeat(1_000_000));
        let deep = format!("[{{\"a\":{open}{}}}, 1]", "]".repeat(1_000_000));
        assert_eq!(parts_of(&deep, 1 << 16), [&deep[1..deep.len() - 4], "1"]);
        // No bracket fits to another: each closes the last.
        assert_eq!(parts_of(&format!("[{open}{crossed}, 1]"), 1 << 16), [&format!("{open}{crossed}"), "1"]);
        // On one line of junk, every brace might be what comes after a time.
        assert_eq!(
            parts_of(&format!("x{}\n1", "{".repeat(1_000_000)), 1 << 16),
            ["NotJson in 1", "NotJson in 2"]
        );
        let mut splitter = Splitter::default();
        splitter.feed(open.as_bytes(), &mut |_| {});
        assert!(splitter.open.capacity() <= DEEPEST && splitter.deeper > 900_000);
    }

    #[test]
    fn a_value_that_is_too_long_is_not_held() {
        let long = format!("[\"{}\", 1]", "x".repeat(LONGEST + 10));
        assert_eq!(parts_of(&long, 1 << 16), ["TooLong in 1", "1"]);
        let long = format!("{{\"a\": \"{}\"}} {{}}", "x".repeat(LONGEST + 10));
        assert_eq!(parts_of(&long, 1 << 16), ["TooLong in 1", "{}"]);
    }
}
