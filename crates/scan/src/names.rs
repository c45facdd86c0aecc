//! Finds the names of calls that may matter by their bytes, wherever they stand: in a record, in an object or a text
//! in it. They only say which records have to be read.

use std::sync::Arc;

use aws_tags::backfill::relevance::Names;
use memchr::memmem;

/// The key that is searched for.
const KEY: &[u8] = b"\"eventName\"";
/// Bytes in which a name ends. One that is longer may be anything.
const LONGEST_NAME: usize = 256;

pub(crate) struct Search {
    names: Arc<Names>,
    key: memmem::Finder<'static>,
    /// Places of what was found, and how many of them were passed.
    hits: Vec<usize>,
    passed: usize,
}

impl Search {
    pub(crate) fn new(names: Arc<Names>) -> Self {
        Self { names, key: memmem::Finder::new(KEY), hits: Vec::new(), passed: 0 }
    }

    /// Finds those of a text from a place on.
    pub(crate) fn find(&mut self, text: &[u8], from: usize) {
        self.hits.clear();
        self.passed = 0;
        let text = text.get(from..).unwrap_or_default();
        for at in self.key.find_iter(text) {
            let after = text.get(at.wrapping_add(KEY.len())..).unwrap_or_default();
            let may_matter = match after {
                [b':', b'"', name @ ..] => self.may_matter(name),
                _ => name_after(after).is_some_and(|name| self.may_matter(name)),
            };
            if may_matter {
                self.hits.push(at.wrapping_add(from));
            }
        }
    }

    /// Passes those before a place; whether there were any.
    #[inline]
    pub(crate) fn pass(&mut self, end: usize) -> bool {
        let before = self.passed;
        while self.hits.get(self.passed).is_some_and(|hit| *hit < end) {
            self.passed = self.passed.wrapping_add(1);
        }
        self.passed > before
    }

    /// Whether a name, up to the next quote, may matter. One with an escape may.
    #[inline]
    fn may_matter(&self, text: &[u8]) -> bool {
        let start = text.get(..LONGEST_NAME).unwrap_or(text);
        match memchr::memchr2(b'"', b'\\', start) {
            Some(end) if start.get(end) == Some(&b'"') => {
                self.names.may_matter(start.get(..end).unwrap_or_default())
            }
            Some(_) => true,
            None => start.len() < text.len(),
        }
    }
}

/// The value after a key, if it is a text: spaces may be around the colon.
fn name_after(key: &[u8]) -> Option<&[u8]> {
    key.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
}
