//! A reader of JSON that copies what it reads, and gives the members of the outermost object.

use super::Odd;
use super::plain::plain;

/// The key whose value is a secret, in any case of letters.
pub(crate) const TOKEN: &str = "sessionToken";

/// Objects and lists in each other; `serde_json` gives up at 128.
const DEEPEST: usize = 64;
/// Digits of a number that is certainly exact as it is.
const DIGITS: usize = 15;

/// Where it is in a text, and what of it is copied.
pub(super) struct Reader<'a, 'b> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Up to here, everything is in the copy or left out.
    copied: usize,
    copy: &'b mut Vec<u8>,
}

/// A value of a member.
pub(super) enum Value<'a> {
    Text(&'a str),
    /// A text with escapes.
    Escaped,
    True,
    False,
    Null,
    Other,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) const fn new(text: &'a str, copy: &'b mut Vec<u8>) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, copied: 0, copy }
    }

    /// Reads an object that is all there is.
    pub(super) fn object(
        mut self,
        member: &mut impl FnMut(&'a str, Value<'a>) -> Result<(), Odd>,
    ) -> Result<(), Odd> {
        self.members(1, member)?;
        self.copy_to_here();
        (self.at == self.bytes.len()).then_some(()).ok_or(Odd)
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

const fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}
