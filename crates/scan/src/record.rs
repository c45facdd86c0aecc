//! Reads one record in one pass: checks that it is JSON, takes the fields that decide, and copies it without spaces
//! and session tokens. Strict: what is not written as CloudTrail writes it is *odd*, and left to `serde_json`.

/// The fields of a record that decide whether it is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) source: &'a str,
    pub(crate) name: &'a str,
    pub(crate) id: Option<&'a str>,
    pub(crate) time: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) category: Option<&'a str>,
    pub(crate) failed: bool,
    pub(crate) reads: bool,
}

/// The record is not written as CloudTrail writes records, or is no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Odd;

/// Reads a record, and appends it to `copy`; what was appended is only meant if it is not odd.
pub(crate) fn read<'a>(record: &'a str, copy: &mut Vec<u8>) -> Result<Head<'a>, Odd> {
    let mut reader = Reader { text: record, bytes: record.as_bytes(), at: 0, copied: 0, copy };
    let head = reader.record()?;
    reader.copy_to_here();
    (reader.at == record.len()).then_some(head).ok_or(Odd)
}

/// Objects and lists in each other; `serde_json` gives up at 128.
const DEEPEST: usize = 64;
/// Digits of a number that is certainly exact as it is.
const DIGITS: usize = 15;

struct Reader<'a, 'b> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Up to here, everything is in the copy or left out.
    copied: usize,
    copy: &'b mut Vec<u8>,
}

/// A value of a member.
enum Value<'a> {
    Text(&'a str),
    /// A text with escapes.
    Escaped,
    True,
    False,
    Null,
    Other,
}

impl<'a> Value<'a> {
    /// A text that is as it is written, or nothing.
    fn text(&self) -> Result<Option<&'a str>, Odd> {
        match self {
            // Texts that are blank or begin in another way may be CloudTrail's marks for what it hides.
            Self::Text(text)
                if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.starts_with("HIDDEN") =>
            {
                Ok(Some(text))
            }
            Self::Null => Ok(None),
            _ => Err(Odd),
        }
    }
}

impl<'a> Reader<'a, '_> {
    fn record(&mut self) -> Result<Head<'a>, Odd> {
        let (mut head, mut seen) = (Head::default(), 0u16);
        self.members(1, &mut |key, value| field(&mut head, &mut seen, key, &value))?;
        let is_call = !head.source.is_empty() && !head.name.is_empty();
        is_call.then_some(head).ok_or(Odd)
    }

    /// The members of an object, whose brace is next.
    fn members(
        &mut self,
        depth: usize,
        member: &mut impl FnMut(&'a str, Value<'a>) -> Result<(), Odd>,
    ) -> Result<(), Odd> {
        self.take(b'{')?;
        if self.next_is(b'}') {
            return Ok(());
        }
        loop {
            let Value::Text(key) = self.string()? else { return Err(Odd) };
            self.take(b':')?;
            if key.len() == TOKEN.len() && key.eq_ignore_ascii_case(TOKEN) {
                self.token()?;
            } else {
                let value = self.value(depth)?;
                member(key, value)?;
            }
            if self.next_is(b'}') {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    /// The value of a session token: an empty text takes its place.
    fn token(&mut self) -> Result<(), Odd> {
        self.skip_spaces();
        self.copy_to_here();
        match self.value(DEEPEST)? {
            Value::Text(_) | Value::Escaped => {}
            _ => return Err(Odd),
        }
        self.copy.extend_from_slice(b"\"\"");
        self.copied = self.at;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Odd> {
        self.skip_spaces();
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(),
            Some(b'{') if depth < DEEPEST => {
                self.members(depth + 1, &mut |_, _| Ok(())).map(|()| Value::Other)
            }
            Some(b'[') if depth < DEEPEST => self.elements(depth + 1).map(|()| Value::Other),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Value::Other),
            Some(b't') => self.word("true").map(|()| Value::True),
            Some(b'f') => self.word("false").map(|()| Value::False),
            Some(b'n') => self.word("null").map(|()| Value::Null),
            _ => Err(Odd),
        }
    }

    fn elements(&mut self, depth: usize) -> Result<(), Odd> {
        self.take(b'[')?;
        if self.next_is(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.next_is(b']') {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    fn string(&mut self) -> Result<Value<'a>, Odd> {
        self.take(b'"')?;
        let (start, mut has_escapes) = (self.at, false);
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.escape()?;
                    has_escapes = true;
                }
                // A control, or the end.
                _ => return Err(Odd),
            }
        }
        let text = self.text.get(start..self.at).ok_or(Odd)?;
        self.at += 1;
        Ok(if has_escapes { Value::Escaped } else { Value::Text(text) })
    }

    fn escape(&mut self) -> Result<(), Odd> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            // Half a character of UTF-16, `\ud800` to `\udfff`, may lack its other half.
            Some(b'u') => match self.bytes.get(self.at + 2..self.at + 6) {
                Some(digits)
                    if digits.iter().all(u8::is_ascii_hexdigit) && !matches!(digits, [b'd' | b'D', ..]) =>
                {
                    self.at += 6;
                }
                _ => return Err(Odd),
            },
            _ => return Err(Odd),
        }
        Ok(())
    }

    /// An integer of few digits, perhaps with a fraction.
    fn number(&mut self) -> Result<(), Odd> {
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        let first = self.bytes.get(self.at);
        let whole = self.digits()?;
        if whole > 1 && first == Some(&b'0') {
            return Err(Odd);
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if whole + self.digits()? > DIGITS {
                return Err(Odd);
            }
        }
        match self.bytes.get(self.at) {
            Some(b'e' | b'E') => Err(Odd),
            _ => Ok(()),
        }
    }

    fn digits(&mut self) -> Result<usize, Odd> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (1..=DIGITS).contains(&count).then_some(count).ok_or(Odd)
    }

    fn word(&mut self, word: &str) -> Result<(), Odd> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += word.len();
        rest.starts_with(word.as_bytes()).then_some(()).ok_or(Odd)
    }

    fn take(&mut self, byte: u8) -> Result<(), Odd> {
        self.next_is(byte).then_some(()).ok_or(Odd)
    }

    /// Whether this byte is next; then it is taken.
    #[inline]
    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_spaces();
        let is_next = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    #[inline]
    fn skip_spaces(&mut self) {
        if self.bytes.get(self.at).is_some_and(is_space) {
            self.copy_to_here();
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            self.at += rest.iter().take_while(|byte| is_space(byte)).count();
            self.copied = self.at;
        }
    }

    fn copy_to_here(&mut self) {
        self.copy.extend_from_slice(self.bytes.get(self.copied..self.at).unwrap_or_default());
        self.copied = self.at;
    }
}

/// The key whose value is a secret, in any case of letters.
pub(crate) const TOKEN: &str = "sessionToken";

/// The fields that decide, and a bit for each: one that comes twice is odd.
const FIELDS: [&str; 10] = [
    "eventSource",
    "eventName",
    "eventID",
    "eventTime",
    "awsRegion",
    "recipientAccountId",
    "eventCategory",
    "errorCode",
    "readOnly",
    // An envelope, not a record.
    "detail",
];

fn field<'a>(head: &mut Head<'a>, seen: &mut u16, key: &str, value: &Value<'a>) -> Result<(), Odd> {
    let Some(nth) =
        FIELDS.iter().position(|field| field.len() == key.len() && field.eq_ignore_ascii_case(key))
    else {
        // The core reads `event-id` as `eventID`.
        return if key.contains(['-', '_']) { Err(Odd) } else { Ok(()) };
    };
    if FIELDS[nth] != key || *seen >> nth & 1 == 1 {
        return Err(Odd);
    }
    *seen |= 1 << nth;
    match nth {
        0 => head.source = value.text()?.ok_or(Odd)?,
        1 => head.name = value.text()?.ok_or(Odd)?,
        2 => head.id = value.text()?,
        3 => head.time = value.text()?,
        4 => head.region = value.text()?,
        5 => head.account = value.text()?,
        6 => head.category = value.text()?,
        7 => head.failed = value.text()?.is_some(),
        8 => {
            head.reads = match value {
                Value::True => true,
                Value::False | Value::Null => false,
                _ => return Err(Odd),
            }
        }
        _ => return Err(Odd),
    }
    Ok(())
}

const fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// How many bytes of a string follow before a quote, a backslash or a control: eight at a time.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The lowest byte that is marked is right; higher ones may be marked for it.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (eights, rest) = bytes.as_chunks::<8>();
    for (nth, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = controls | zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return nth * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    bytes.len() - rest.len() + end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(record: &str) -> Result<String, Odd> {
        let mut copy = Vec::new();
        read(record, &mut copy)?;
        Ok(String::from_utf8(copy).expect("UTF-8"))
    }

    #[test]
    fn a_record_is_copied_without_spaces_and_tokens() {
        for (record, copy) in [
            (r#"{"eventSource":"a","eventName":"B"}"#, r#"{"eventSource":"a","eventName":"B"}"#),
            (
                "{ \"eventSource\" : \"a\",\r\n\t\"eventName\": \"B\", \"x\": [ 1 , -2.5, { } , [ ] , \" a \\\" \" ] }",
                r#"{"eventSource":"a","eventName":"B","x":[1,-2.5,{},[]," a \" "]}"#,
            ),
            (
                r#"{"eventSource":"a","eventName":"B","c":{"sessionToken": "s\"ecret","SESSIONTOKEN":"x","k":null}}"#,
                r#"{"eventSource":"a","eventName":"B","c":{"sessionToken":"","SESSIONTOKEN":"","k":null}}"#,
            ),
            (
                r#"{"eventSource":"a","eventName":"B","c":"\"sessionToken\":\"text\""}"#,
                r#"{"eventSource":"a","eventName":"B","c":"\"sessionToken\":\"text\""}"#,
            ),
        ] {
            assert_eq!(copied(record).as_deref(), Ok(copy), "{record}");
        }
    }

    #[test]
    fn the_fields_that_decide_are_those_of_the_record_itself() {
        let mut copy = Vec::new();
        let record = r#"{"x":{"eventName":"Y","errorCode":"Z"},"eventSource":"s","eventName":"N","eventID":"1","readOnly":true,
            "eventTime":"2025","awsRegion":"r","recipientAccountId":"1","eventCategory":"Data","errorCode":null}"#;
        let head = read(record, &mut copy).expect("a record");
        let expected = Head {
            source: "s",
            name: "N",
            id: Some("1"),
            time: Some("2025"),
            region: Some("r"),
            account: Some("1"),
            category: Some("Data"),
            failed: false,
            reads: true,
        };
        assert_eq!(head, expected);
    }

    #[test]
    fn what_cloudtrail_does_not_write_is_odd() {
        let deep = format!(r#""x":{}1{}"#, "[".repeat(80), "]".repeat(80));
        for rest in [
            r#""eventName":"C""#,
            r#""errorcode":"C""#,
            r#""error-code":"C""#,
            r#""error\u0043ode":"C""#,
            r#""errorCode":" ""#,
            r#""errorCode":"HIDDEN_DUE_TO_SECURITY_REASONS""#,
            r#""readOnly":"true""#,
            r#""detail":{}"#,
            r#""x":1e999"#,
            r#""x":01"#,
            r#""x":1."#,
            r#""x":12345678901234567890"#,
            r#""x":1234567890.1234567890"#,
            r#""x":"\ud800""#,
            r#""x":"\x""#,
            "\"x\":\"\t\"",
            r#""x":tru"#,
            r#""x":[1,]"#,
            r#""x":]"#,
            r#""sessionToken":{"a":1}"#,
            deep.as_str(),
        ] {
            let record = format!(r#"{{"eventSource":"a","eventName":"B",{rest}}}"#);
            assert_eq!(copied(&record), Err(Odd), "{record}");
        }
        for record in ["", "{}", "[]", r#"{"eventSource":"a"}"#, r#"{"eventSource":"a","eventName":"B"}}"#] {
            assert_eq!(copied(record), Err(Odd), "{record}");
        }
    }

    #[test]
    fn strings_end_where_they_do_byte_by_byte() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..100_000 {
            let bytes: Vec<u8> = (0..rng.usize(..40))
                .map(|_| match rng.u8(..30) {
                    0 => b'"',
                    1 => b'\\',
                    2 => rng.u8(..0x22),
                    3 => rng.u8(0x80..),
                    _ => rng.u8(0x20..0x7f),
                })
                .collect();
            let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            assert_eq!(plain(&bytes), end.unwrap_or(bytes.len()), "{bytes:?}");
        }
    }
}
