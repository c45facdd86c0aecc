//! What is packed unpacks to what any gzip reader says, or is left to it.

use std::io::{Read, Write};

use aws_tags_scan::{Unpacked, Unpacker};
use fastrand::Rng;
use flate2::Compression;
use flate2::read::{GzDecoder, MultiGzDecoder};
use flate2::write::GzEncoder;

/// Packs a text as one or several members, breaks the file or not, and unpacks it; whether the text came at once.
pub(crate) fn try_one(packed: &[u8], unpacker: &mut Unpacker, rng: &mut Rng) -> bool {
    let mut file = Vec::new();
    let mut rest = packed;
    for left in (0..[1, 1, 1, 2, 3][rng.usize(..5)]).rev() {
        let (part, after) = rest.split_at(if left == 0 { rest.len() } else { rng.usize(..=rest.len()) });
        let mut encoder = GzEncoder::new(file, Compression::new(rng.u32(..3)));
        encoder.write_all(part).expect("memory");
        file = encoder.finish().expect("memory");
        rest = after;
    }
    break_one(&mut file, rng);
    let mut expected = Vec::new();
    let is_whole = MultiGzDecoder::new(file.as_slice()).read_to_end(&mut expected).is_ok();
    match unpacker.unpack(&file) {
        Unpacked::Text(text) if !file.starts_with(b"\x1f\x8b\x08") => {
            assert_eq!(text, file, "what is not packed is as it is");
        }
        Unpacked::Text(text) => {
            // What another reader refuses in the first member may be right all the same, by the checksum at the end:
            // a code that it finds odd; a broken checksum before a member of the same text. Zeros after a member are
            // padding, and look as the end of one without text.
            let refuses_first = || GzDecoder::new(file.as_slice()).read_to_end(&mut Vec::new()).is_err();
            let is_right = || text.is_empty() || packed.starts_with(text) && refuses_first();
            assert!(is_whole && text == expected || is_right(), "another text than flate2's");
        }
        Unpacked::Otherwise => return false,
    }
    true
}

/// Bits turned, the end gone, something behind it, another size.
fn break_one(file: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..file.len());
    let size = file.len() - 4;
    match rng.u8(..12) {
        0 => file[at] ^= 1 << rng.u8(..8),
        1 => file.truncate(at),
        2 => file.extend_from_slice(&vec![0; rng.usize(..600)]),
        3 => file.extend_from_slice(b"junk"),
        4 => file[size..].copy_from_slice(&rng.u32(..).to_le_bytes()),
        5 => file[size..].copy_from_slice(&rng.u32(..20_000).to_le_bytes()),
        // A head, and a head inside of one.
        6 => file.extend_from_slice(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"),
        7 => {
            let part = file[at..].to_vec();
            file.extend_from_slice(&part);
        }
        _ => {}
    }
}
