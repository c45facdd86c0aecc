//! The bytes of a file as UTF-8 text, whatever it was saved as: gzip, with several members or zeros at its end;
//! UTF-8 with a byte order mark; UTF-16, as PowerShell writes it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::GzDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What a gzip file may always unpack to, and beyond that how many times its own size: logs of CloudTrail
/// shrink to a tenth or twentieth.
const UNPACKED_BYTES: u64 = 256 << 20;
const UNPACKED_TIMES: u64 = 200;

/// Opens a file, or standard input for `-`, to read it as text.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    match path == Path::new("-") {
        true => text(io::stdin()),
        false => text(File::open(path)?),
    }
}

/// Bytes as text.
pub(super) fn text(bytes: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut bytes = BufReader::with_capacity(1 << 16, bytes);
    let unpacked: Box<dyn Read> = match bytes.fill_buf()?.starts_with(&GZIP) {
        true => Box::new(Gzip::new(bytes, UNPACKED_BYTES)),
        false => Box::new(bytes),
    };
    let mut decoder = DecodeReaderBytesBuilder::new();
    Ok(Box::new(decoder.bom_sniffing(true).strip_bom(true).utf8_passthru(true).build(unpacked)))
}

/// The members of a gzip file, one after the other. Zeros after the last are padding.
struct Gzip<R: BufRead> {
    member: Option<GzDecoder<Counted<R>>>,
    packed: Rc<Cell<u64>>,
    unpacked: u64,
    /// What it may unpack to, however small it is.
    allowance: u64,
}

impl<R: BufRead> Gzip<R> {
    fn new(bytes: R, allowance: u64) -> Self {
        let packed = Rc::new(Cell::new(0));
        let member = Some(GzDecoder::new(Counted { inner: bytes, count: Rc::clone(&packed) }));
        Self { member, packed, unpacked: 0, allowance }
    }

    /// The next member, if there is one.
    fn next(mut rest: Counted<R>) -> io::Result<Option<GzDecoder<Counted<R>>>> {
        loop {
            let buffer = rest.fill_buf()?;
            let Some(first) = buffer.first() else { return Ok(None) };
            match first {
                0 => {
                    let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
                    rest.consume(zeros);
                }
                0x1f => return Ok(Some(GzDecoder::new(rest))),
                _ => return Err(io::Error::other("broken gzip: bytes after its end that are no gzip")),
            }
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member
                .read(buffer)
                .map_err(|error| io::Error::new(error.kind(), format!("broken gzip: {error}")))?;
            if count > 0 {
                self.unpacked = self.unpacked.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                if self.unpacked > self.allowance && self.unpacked / UNPACKED_TIMES > self.packed.get() {
                    let text = format!(
                        "unpacks to over {UNPACKED_TIMES} times its size: no log of CloudTrail; unpack it yourself to read it all the same"
                    );
                    return Err(io::Error::other(text));
                }
                return Ok(count);
            }
            self.member = match self.member.take() {
                Some(member) => Self::next(member.into_inner())?,
                None => None,
            };
        }
        Ok(0)
    }
}

/// Counts the bytes that are taken.
struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.set(self.count.get().saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.count.set(self.count.get().saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).expect("writable");
        encoder.finish().expect("writable")
    }

    fn read(bytes: Vec<u8>) -> Result<String, String> {
        let mut read = String::new();
        let opened = text(io::Cursor::new(bytes)).and_then(|mut text| text.read_to_string(&mut read));
        opened.map(|_| read).map_err(|error| error.to_string())
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let plain = "{\"a\": \"ü\"}";
        let utf16 = |bytes: fn(u16) -> [u8; 2], mark: u16| {
            [mark].into_iter().chain(plain.encode_utf16()).flat_map(bytes).collect::<Vec<u8>>()
        };
        let bytes = plain.as_bytes();
        for (form, bytes) in [
            ("UTF-8", bytes.to_vec()),
            ("byte order mark", [b"\xef\xbb\xbf", bytes].concat()),
            ("UTF-16, little-endian", utf16(u16::to_le_bytes, 0xfeff)),
            ("UTF-16, big-endian", utf16(u16::to_be_bytes, 0xfeff)),
            ("gzip", gzipped(bytes)),
            ("two members", [gzipped(&bytes[..4]), gzipped(&bytes[4..])].concat()),
            ("zeros at the end", [gzipped(bytes), vec![0; 100_000]].concat()),
            ("gzip of UTF-16", gzipped(&utf16(u16::to_le_bytes, 0xfeff))),
        ] {
            assert_eq!(read(bytes).as_deref(), Ok(plain), "{form}");
        }
    }

    #[test]
    fn broken_gzip_is_said() {
        let whole = gzipped(b"{}");
        for broken in [whole[..12].to_vec(), [whole, b"junk".to_vec()].concat()] {
            assert!(read(broken).is_err_and(|error| error.starts_with("broken gzip: ")));
        }
    }

    #[test]
    fn a_bomb_ends_early() {
        let bomb = gzipped(&vec![b' '; 8 << 20]);
        let read = io::copy(&mut Gzip::new(bomb.as_slice(), 1 << 20), &mut io::sink());
        assert!(read.is_err_and(|error| error.to_string().contains("200 times its size")));
    }
}
