//! A text of any size, through a buffer of bounded size.

use std::io::{self, Read};

use crate::found::Found;
use crate::trail::{NoTrail, Place, Scanner, Shape, TOO_LONG, is_gap};

/// Bytes that are read beside the longest record, and lines that are handed on while a long text is being read.
const TOGETHER: usize = 1 << 20;

impl Scanner {
    /// Reads a text of any size, and hands on what it finds.
    pub fn stream(
        &mut self,
        text: &mut dyn Read,
        found: &mut Found,
        hand_on: &mut dyn FnMut(&mut Found) -> io::Result<()>,
    ) -> io::Result<Shape> {
        let together = TOGETHER.min(self.longest);
        let (mut window, mut place) = (Window::new(self.longest.saturating_add(together)), Place::Before);
        loop {
            let is_last = window.fill(text)?;
            let Ok(used) = self.part(window.bytes(), &mut place, is_last, found) else {
                return Ok(Shape::Other);
            };
            if is_last {
                return Ok(if place == Place::After { Shape::Trail } else { Shape::Other });
            }
            window.drop_first(used);
            if let Place::Records { first } = &mut place {
                let Ok(is_long) = window.shorten_gap(*first, self.longest) else { return Ok(Shape::Other) };
                if is_long {
                    found.records = found.records.saturating_add(1);
                    found.flaw(TOO_LONG.to_owned());
                    window.skip_object(text)?;
                    *first = false;
                }
            }
            if found.lines.len() > together {
                hand_on(found)?;
            }
        }
    }
}

/// What is in memory of the text.
struct Window {
    buffer: Vec<u8>,
    end: usize,
}

impl Window {
    fn new(size: usize) -> Self {
        Self { buffer: vec![0; size], end: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.end).unwrap_or_default()
    }

    /// Reads until it is full, or the text ends; whether it does.
    fn fill(&mut self, text: &mut dyn Read) -> io::Result<bool> {
        while let Some(free @ [_, ..]) = self.buffer.get_mut(self.end..) {
            match text.read(free) {
                Ok(0) => return Ok(true),
                Ok(count) => self.end = self.end.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn drop_first(&mut self, count: usize) {
        self.buffer.copy_within(count.min(self.end)..self.end, 0);
        self.end = self.end.saturating_sub(count);
    }

    /// Makes room between two records, where there may be any number of spaces; whether what follows is no gap, but
    /// a record without an end in sight.
    fn shorten_gap(&mut self, first: bool, longest: usize) -> Result<bool, NoTrail> {
        let bytes = self.bytes();
        let brace = memchr::memchr(b'{', bytes);
        let end = brace.unwrap_or(bytes.len());
        let gap = bytes.get(..end).unwrap_or_default();
        // Only spaces may follow for long after a comma, or the bracket that ends the list.
        let is_open = brace.is_none() && matches!(gap.trim_ascii(), b"" | b"," | b"]");
        if !is_open && !is_gap(gap, first) {
            return Err(NoTrail);
        }
        let mark = gap.trim_ascii().first().copied().unwrap_or(b' ');
        if end > 1 {
            self.drop_first(end.saturating_sub(1));
            self.buffer.iter_mut().take(1).for_each(|byte| *byte = mark);
        }
        Ok(self.end > longest.saturating_add(1))
    }

    /// Leaves out the next object, however long it is, or all that follows.
    fn skip_object(&mut self, text: &mut dyn Read) -> io::Result<()> {
        let (mut depth, mut in_string, mut escaped) = (0_u64, false, false);
        loop {
            for (nth, byte) in self.bytes().iter().enumerate() {
                match byte {
                    b'"' | b'\\' if std::mem::take(&mut escaped) => continue,
                    b'"' => in_string = !in_string,
                    b'{' if !in_string => depth = depth.saturating_add(1),
                    b'}' if !in_string && depth <= 1 => {
                        self.drop_first(nth.saturating_add(1));
                        return Ok(());
                    }
                    b'}' if !in_string => depth = depth.saturating_sub(1),
                    _ => {}
                }
                escaped = *byte == b'\\';
            }
            self.end = 0;
            if self.fill(text)? && self.end == 0 {
                return Ok(());
            }
        }
    }
}
