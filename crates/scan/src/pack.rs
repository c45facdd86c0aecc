//! Packs what is written, a member of gzip at a time.

use libdeflater::{CompressionError, CompressionLvl, Compressor};

/// Of 1 to 12: packs as fast as is written, to little more than what takes ten times as long.
const LEVEL: i32 = 2;

pub struct Packer {
    compressor: Compressor,
    packed: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        let level = CompressionLvl::new(LEVEL).unwrap_or_default();
        Self { compressor: Compressor::new(level), packed: Vec::new() }
    }
}

impl Packer {
    /// A text as a member of its own: members that follow each other are one file.
    pub fn pack(&mut self, text: &[u8]) -> Result<&[u8], CompressionError> {
        let bound = self.compressor.gzip_compress_bound(text.len());
        if self.packed.len() < bound {
            self.packed.resize(bound, 0);
        }
        let size = self.compressor.gzip_compress(text, &mut self.packed)?;
        Ok(self.packed.get(..size).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn members_are_one_file() {
        let mut packer = Packer::default();
        let mut file = Vec::new();
        for text in ["one\n", "two\n", ""] {
            file.extend_from_slice(packer.pack(text.as_bytes()).expect("packed"));
        }
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file.as_slice()).read_to_string(&mut text).expect("gzip");
        assert_eq!(text, "one\ntwo\n");
    }
}
