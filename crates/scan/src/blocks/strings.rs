//! Which bytes are in strings, 64 at a time: a bit each, the first the lowest.

/// What is known from the blocks before.
pub(super) struct Strings {
    /// All ones in a string.
    in_string: u64,
    /// Whether the last byte escapes the next.
    escapes_next: bool,
    /// The place of the last letter that is escaped although it need not be.
    last_escape: Option<usize>,
}

impl Strings {
    pub(super) const fn new() -> Self {
        Self { in_string: 0, escapes_next: false, last_escape: None }
    }

    /// The bytes of the next block, at a place of the text, that are in strings.
    #[inline(always)]
    pub(super) fn inside(&mut self, mut quotes: u64, backslashes: u64, text: &[u8], block: usize) -> u64 {
        if backslashes != 0 || self.escapes_next {
            quotes &= !self.escaped(backslashes, text, block);
        }
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = 0u64.wrapping_sub(inside >> 63);
        inside
    }

    /// Whether a letter was escaped that need not be, at a place or after it.
    pub(super) fn have_escapes_since(&self, place: usize) -> bool {
        self.last_escape.is_some_and(|escape| escape >= place)
    }

    /// The bytes of a block that a backslash escapes.
    fn escaped(&mut self, backslashes: u64, text: &[u8], block: usize) -> u64 {
        let mut escaped = u64::from(self.escapes_next);
        let mut rest = backslashes & !escaped;
        self.escapes_next = false;
        while rest != 0 {
            let nth = rest.trailing_zeros();
            self.note_escape(text, block + nth as usize);
            if nth == 63 {
                self.escapes_next = true;
                break;
            }
            escaped |= 2 << nth;
            rest &= !(3 << nth);
        }
        escaped
    }

    /// `\u0041` to `\u007a` may be letters of a key or name, which nobody who writes JSON escapes.
    fn note_escape(&mut self, text: &[u8], place: usize) {
        let after = text.get(place + 1..place + 5).unwrap_or_default();
        if let [b'u', b'0', b'0', b'4'..=b'7'] = after {
            self.last_escape = Some(place);
        }
    }
}

/// For each bit the parity of those up to it: what is between quotes.
#[inline(always)]
const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}
