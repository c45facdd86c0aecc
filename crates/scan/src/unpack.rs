//! Unpacks a file at once into a buffer that is used again, as fast as that can be done.

use libdeflater::{Decompressor, crc32};
use memchr::memmem;

/// What every gzip member begins with: the format, and deflate, which is the only method.
/// <https://www.rfc-editor.org/rfc/rfc1952>
const GZIP: &[u8] = b"\x1f\x8b\x08";
/// Bytes of a member's head, before the name of the file.
const HEAD: usize = 10;
/// Flags of a head that has a name, or a comment. Whatever else there may be is rare.
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;
/// What a member ends with: checksum and size of the text.
const TAIL: usize = 8;

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Unpacked<'a> {
    /// Its text, which the checksum confirms if it was packed.
    Text(&'a [u8]),
    /// It is larger than the buffer may be, has several members, or is broken: to be read bit by bit.
    Otherwise,
}

/// A buffer, and what fills it.
pub struct Unpacker {
    decompressor: Decompressor,
    text: Vec<u8>,
    largest: usize,
}

impl Unpacker {
    /// One that holds texts up to this size.
    pub fn new(largest: usize) -> Self {
        Self { decompressor: Decompressor::new(), text: Vec::new(), largest }
    }

    /// The text of a file.
    pub fn unpack<'a>(&'a mut self, packed: &'a [u8]) -> Unpacked<'a> {
        let is_packed = packed.starts_with(GZIP);
        let text = match is_packed {
            true => self.unpack_member(packed),
            false => Some(packed).filter(|text| text.len() <= self.largest),
        };
        text.map_or(Unpacked::Otherwise, Unpacked::Text)
    }

    /// The text of a file that is one member and nothing else.
    fn unpack_member(&mut self, packed: &[u8]) -> Option<&[u8]> {
        let (rest, tail) = packed.split_last_chunk::<TAIL>()?;
        let [checksum, size] = halves(*tail);
        let size = usize::try_from(size).ok().filter(|size| *size <= self.largest)?;
        let body = rest.get(head(packed)?..)?;
        if self.text.len() < size {
            self.text.resize(size, 0);
        }
        let text = self.text.get_mut(..size)?;
        let unpacked = self.decompressor.deflate_decompress(body, text).ok()?;
        // What follows the text is not looked at: if it is another member or anything else, the tail of the first is
        // in front of it.
        let is_whole = unpacked == size && crc32(text) == checksum && memmem::find(rest, tail).is_none();
        is_whole.then_some(text)
    }
}

/// The length of a member's head.
fn head(packed: &[u8]) -> Option<usize> {
    let mut end = HEAD;
    let flags = *packed.get(GZIP.len())?;
    if flags & !(HAS_NAME | HAS_COMMENT) > 1 {
        return None;
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 {
            let name = memchr::memchr(0, packed.get(end..)?)?;
            end = end.saturating_add(name).saturating_add(1);
        }
    }
    Some(end)
}

/// Two numbers.
fn halves(bytes: [u8; TAIL]) -> [u32; 2] {
    let both = u64::from_le_bytes(bytes);
    [both, both >> 32].map(|half| u32::try_from(half & u64::from(u32::MAX)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).expect("writable");
        encoder.finish().expect("writable")
    }

    fn named(text: &[u8], name: Option<&str>, comment: Option<&str>) -> Vec<u8> {
        let mut head = flate2::GzBuilder::new();
        head = name.into_iter().fold(head, flate2::GzBuilder::filename);
        head = comment.into_iter().fold(head, flate2::GzBuilder::comment);
        let mut encoder = head.write(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("writable");
        encoder.finish().expect("writable")
    }

    fn claiming(mut packed: Vec<u8>, size: u32) -> Vec<u8> {
        let at = packed.len() - 4;
        packed[at..].copy_from_slice(&size.to_le_bytes());
        packed
    }

    #[test]
    fn a_text_is_unpacked_or_left_and_never_wrong() {
        let whole = packed(b"{\"Records\": []}");
        let mut flipped = whole.clone();
        flipped[12] ^= 4;
        for (form, bytes, text) in [
            ("packed", whole.clone(), Some(&b"{\"Records\": []}"[..])),
            ("plain", b"plain".to_vec(), Some(b"plain")),
            ("empty", Vec::new(), Some(b"")),
            ("nothing packed", packed(b""), Some(b"")),
            ("cut", whole[..whole.len() - 1].to_vec(), None),
            ("a head only", whole[..10].to_vec(), None),
            ("a flipped bit", flipped, None),
            ("a size that is too large", claiming(whole.clone(), 900), None),
            ("a size that is far too large", claiming(whole.clone(), u32::MAX), None),
            ("a size that is too small", claiming(whole.clone(), 3), None),
            ("two members of one size", [whole.clone(), whole.clone()].concat(), None),
            ("two, of which one is broken", [&whole, &[&[0x0f], &whole[1..]].concat()[..]].concat(), None),
            ("an end that is there twice", [&whole, &whole[9..]].concat(), None),
            (
                "one that begins as another member",
                packed(b"\x1f\x8b\x08\0\0\0\0\0\0\xff"),
                Some(b"\x1f\x8b\x08\0\0\0\0\0\0\xff"),
            ),
            ("a name", named(b"text", Some("a"), None), Some(b"text")),
            ("a comment", named(b"text", None, Some("a")), Some(b"text")),
            ("both", named(b"text", Some(""), Some("a")), Some(b"text")),
            ("more of a head", [b"\x1f\x8b\x08\x04", &whole[4..]].concat(), None),
            ("a name without end", [b"\x1f\x8b\x08\x08", &[b'x'; 50][..]].concat(), None),
            ("zeros at the end", [whole.clone(), vec![0; 8]].concat(), None),
            ("more than fits", packed(&[b' '; 1001]), None),
            ("more than fits, plain", vec![b' '; 1001], None),
        ] {
            let mut unpacker = Unpacker::new(1000);
            let expected = text.map_or(Unpacked::Otherwise, Unpacked::Text);
            assert_eq!(unpacker.unpack(&bytes), expected, "{form}");
        }
    }

    #[test]
    fn a_short_text_after_a_long_one_has_nothing_of_it() {
        let mut unpacker = Unpacker::new(1000);
        assert_eq!(unpacker.unpack(&packed(b"a long one")), Unpacked::Text(b"a long one"));
        assert_eq!(unpacker.unpack(&packed(b"short")), Unpacked::Text(b"short"));
    }
}
