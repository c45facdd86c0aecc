//! Unpacks a file at once into a buffer that is used again, as fast as that can be done.

use libdeflater::Decompressor;
use memchr::memmem;

/// What every gzip member begins with: the format, and deflate, which is the only method.
/// <https://www.rfc-editor.org/rfc/rfc1952>
const GZIP: &[u8] = b"\x1f\x8b\x08";
/// The shortest gzip file: head, empty content, checksum and size.
const SHORTEST: usize = 20;

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
        if !packed.starts_with(GZIP) {
            return match packed.len() <= self.largest {
                true => Unpacked::Text(packed),
                false => Unpacked::Otherwise,
            };
        }
        let size = match size(packed) {
            Some(size) if size <= self.largest && !has_more_members(packed) => size,
            _ => return Unpacked::Otherwise,
        };
        if self.text.len() < size {
            self.text.resize(size, 0);
        }
        let Some(text) = self.text.get_mut(..size) else { return Unpacked::Otherwise };
        match self.decompressor.gzip_decompress(packed, text) {
            Ok(found) if found == size => Unpacked::Text(text),
            _ => Unpacked::Otherwise,
        }
    }
}

/// Whether the head of a member is somewhere after the first. That packed bytes look like one by chance, with flags and
/// a system that there are, is rare, and only costs time.
fn has_more_members(packed: &[u8]) -> bool {
    let is_head = |at: usize| match packed.get(at.saturating_add(GZIP.len())..) {
        Some([flags, _, _, _, _, _, system, ..]) => *flags < 0x20 && matches!(system, 0..=13 | 255),
        _ => false,
    };
    memmem::find_iter(packed, GZIP).skip(1).any(is_head)
}

/// The size of the text as the file's last bytes say, which may lie.
fn size(packed: &[u8]) -> Option<usize> {
    let last = packed.last_chunk::<4>().filter(|_| packed.len() >= SHORTEST)?;
    usize::try_from(u32::from_le_bytes(*last)).ok()
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
