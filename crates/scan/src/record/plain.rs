//! The plain part of a string: most are plain to their end.

/// How many bytes of a string follow before a quote, a backslash or a control: eight at a time.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
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
    use super::plain;

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
