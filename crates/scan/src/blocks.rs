//! Where records begin and end, by structure alone: quotes, backslashes and braces, 64 bytes at a time.

mod strings;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};
use strings::Strings;

/// Bytes that are looked at together: one bit each.
const BLOCK: usize = 64;
/// Objects that are given together; of a text of empty objects, all would take more memory than the text.
const TOGETHER: usize = 1024;

/// What was found next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// An object, from its brace to the end of the other, and whether a letter is escaped in it that need not be.
    Object { start: usize, end: usize, escapes: bool },
    /// The brace that closes what is around the objects.
    Close(usize),
    /// The text ends before that brace.
    End,
}

/// The objects in a text, from a place between two of them.
pub(crate) struct Bounds<'a> {
    text: &'a [u8],
    /// The block after the one that is looked at.
    next_block: usize,
    /// Braces of the block that are still to be counted, and which of them close.
    braces: u64,
    closing: u64,
    depth: i64,
    strings: Strings,
    start: usize,
}

impl<'a> Bounds<'a> {
    pub(crate) const fn new(text: &'a [u8], from: usize) -> Self {
        Self { text, next_block: from, braces: 0, closing: 0, depth: 0, strings: Strings::new(), start: 0 }
    }

    /// Gives what follows, some at a time; the last is no object.
    pub(crate) fn next(&mut self, level: Level, found: &mut Vec<Bound>) {
        found.clear();
        dispatch!(level, simd => self.find(simd, found));
    }

    #[inline(always)]
    fn find<S: Simd>(&mut self, simd: S, found: &mut Vec<Bound>) {
        while found.len() < TOGETHER {
            while self.braces != 0 {
                let nth = self.braces.trailing_zeros();
                self.braces &= self.braces - 1;
                let place = self.next_block - BLOCK + nth as usize;
                if self.closing >> nth & 1 == 0 {
                    self.depth += 1;
                    if self.depth == 1 {
                        self.start = place;
                    }
                    continue;
                }
                self.depth -= 1;
                if self.depth == 0 {
                    let escapes = self.strings.have_escapes_since(self.start);
                    found.push(Bound::Object { start: self.start, end: place + 1, escapes });
                }
                if self.depth < 0 {
                    return found.push(Bound::Close(place));
                }
            }
            if !self.read_block(simd) {
                return found.push(Bound::End);
            }
        }
    }

    /// Looks at the next block: counts its braces, or leaves them for where an object may begin or end.
    #[inline(always)]
    fn read_block<S: Simd>(&mut self, simd: S) -> bool {
        let mut last = [b' '; BLOCK];
        let rest = self.text.get(self.next_block..).unwrap_or_default();
        let block = match rest.first_chunk::<BLOCK>() {
            Some(block) => block,
            None if rest.is_empty() => return false,
            None => {
                last[..rest.len()].copy_from_slice(rest);
                &last
            }
        };
        let block = u8x64::from_slice(simd, block);
        let is = |byte| block.simd_eq(u8x64::splat(simd, byte));
        let (quotes, backslashes) = (is(b'"').to_bitmask(), is(b'\\').to_bitmask());
        let inside = self.strings.inside(quotes, backslashes, self.text, self.next_block);
        let braces = (is(b'{') | is(b'}')).to_bitmask() & !inside;
        if braces != 0 {
            let closing = is(b'}').to_bitmask() & braces;
            let closes = i64::from(closing.count_ones());
            if self.depth > closes {
                self.depth += i64::from(braces.count_ones()) - 2 * closes;
            } else {
                (self.braces, self.closing) = (braces, closing);
            }
        }
        self.next_block += BLOCK;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, a byte at a time.
    fn slowly(text: &[u8]) -> Vec<Bound> {
        let (mut found, mut depth, mut start, mut last_escape) = (Vec::new(), 0, 0, None);
        let (mut in_string, mut escaped) = (false, false);
        for (place, byte) in text.iter().enumerate() {
            // Outside of strings, a backslash is no JSON, and takes nothing away from a brace.
            if std::mem::take(&mut escaped) && matches!(byte, b'"' | b'\\') {
                continue;
            }
            match byte {
                b'\\' => {
                    escaped = true;
                    if matches!(text[place + 1..], [b'u', b'0', b'0', b'4'..=b'7', ..]) {
                        last_escape = Some(place);
                    }
                }
                b'"' => in_string = !in_string,
                b'{' if !in_string => {
                    depth += 1;
                    if depth == 1 {
                        start = place;
                    }
                }
                b'}' if !in_string => {
                    depth -= 1;
                    if depth < 0 {
                        found.push(Bound::Close(place));
                        return found;
                    }
                    if depth == 0 {
                        let escapes = last_escape.is_some_and(|escape| escape >= start);
                        found.push(Bound::Object { start, end: place + 1, escapes });
                    }
                }
                _ => {}
            }
        }
        found.push(Bound::End);
        found
    }

    fn quickly(level: Level, text: &[u8]) -> Vec<Bound> {
        let (mut all, mut found, mut bounds) = (Vec::new(), Vec::new(), Bounds::new(text, 0));
        while matches!(all.last(), None | Some(Bound::Object { .. })) {
            bounds.next(level, &mut found);
            all.append(&mut found);
        }
        all
    }

    /// Where an object ends in the middle of a block, a later escape in the block counts as one of the object, too.
    fn without_escapes(bounds: Vec<Bound>) -> Vec<Bound> {
        let plain = |bound| match bound {
            Bound::Object { start, end, .. } => Bound::Object { start, end, escapes: false },
            other => other,
        };
        bounds.into_iter().map(plain).collect()
    }

    #[test]
    fn objects_are_found_as_byte_by_byte() {
        const PIECES: &[&str] = &[
            "{",
            "}",
            "\"",
            "\\",
            "\\\\",
            "\\\"",
            "a",
            "\\u0065",
            "\\u003c",
            ",",
            " ",
            "{\"a\":{}}",
            "{\"}\":\"\\\\\"}",
        ];
        // The best instructions of this machine, and those that every machine has.
        let (mut rng, levels) = (fastrand::Rng::with_seed(1), [Level::new(), Level::baseline()]);
        let (mut objects, mut escapes) = (0, 0);
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..rng.usize(..80) {
                text.push_str(PIECES[rng.usize(..PIECES.len())]);
            }
            let level = levels[rng.usize(..levels.len())];
            let (slow, quick) = (slowly(text.as_bytes()), quickly(level, text.as_bytes()));
            for (slow, quick) in slow.iter().zip(&quick) {
                if let (Bound::Object { escapes: true, .. }, Bound::Object { escapes: quick, .. }) =
                    (slow, quick)
                {
                    assert!(quick, "{text}");
                    escapes += 1;
                }
            }
            objects += slow.len() - 1;
            assert_eq!(without_escapes(quick), without_escapes(slow), "{text}");
        }
        let many = "{},".repeat(5000);
        assert_eq!(
            without_escapes(quickly(Level::new(), many.as_bytes())),
            without_escapes(slowly(many.as_bytes()))
        );
        assert!(objects > 10_000 && escapes > 1000, "{objects} {escapes}");
    }
}
