//! How a command ends, its messages on standard error, and texts of records for people's eyes.

use std::fmt::{Display, Write as _};
#[cfg(feature = "aws")]
use std::io::BufRead;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// The exit code of what a signal ended.
/// <https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html>
pub(crate) const INTERRUPTED: u8 = 130;

/// How a command ended. Bad input is reported at once, on standard error, and remembered here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Done,
    Failed,
    BadInput,
    /// By a signal; the command can go on later.
    Interrupted,
}

/// One line on standard error.
pub(crate) fn complain(message: &str) {
    // With standard error closed, there is nowhere to report it.
    let _ = writeln!(anstream::stderr(), "aws-tags: {}", visible(message));
}

/// Asks on a terminal whether to do it. Where nobody can be asked, says what does it without asking. An error is how the
/// command ends: nothing is done.
#[cfg(feature = "aws")]
pub(crate) fn agreed(question: &str, without_asking: &str) -> Result<(), End> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        complain(without_asking);
        return Err(End::BadInput);
    }
    let _ = write!(anstream::stderr(), "\n{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    let is_yes = read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes");
    is_yes.then_some(()).ok_or(End::Done)
}

/// A text of a record for people: characters that steer terminals, or turn the direction of writing, are
/// escaped. Whoever may write a tag or a name may otherwise write to the reader's clipboard, or hide the
/// rest of the output.
pub(crate) fn visible(text: impl Display) -> String {
    let mut visible = String::new();
    for c in text.to_string().chars() {
        match steers(c) {
            true => drop(write!(visible, "{}", c.escape_default())),
            false => visible.push(c),
        }
    }
    visible
}

/// Whether a character does something to a terminal or a line instead of standing in it: controls, marks that turn
/// the direction of writing, separators of lines, invisible tags.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One JSON value on a line of its own: the same characters are escaped in it, as JSON does.
pub(crate) fn write_json(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    let text = serde_json::to_string(value)?;
    let mut rest = text.as_str();
    while let Some((place, c)) = rest.char_indices().find(|(_, c)| steers(*c)) {
        let (before, after) = rest.split_at(place);
        out.write_all(before.as_bytes())?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = after.strip_prefix(c).unwrap_or_default();
    }
    writeln!(out, "{rest}")
}

/// How far long work is, on standard error if that is a terminal, once it has taken a second.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    what: &'static str,
    /// How many there are, if that is known.
    total: Option<u64>,
}

impl Progress {
    /// Progress that counts such things.
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, began: Instant::now(), what, total: None }
    }

    /// Progress through so many things, each of which takes a while.
    #[cfg(feature = "aws")]
    pub(crate) fn of(total: usize, what: &'static str) -> Self {
        let progress = Self { total: Some(total as u64), ..Self::new(what) };
        progress.bar.set_length(total as u64);
        progress
    }

    /// So many things are done.
    pub(crate) fn set(&mut self, count: u64) {
        if self.total.is_none() && !count.is_multiple_of(1000) {
            return;
        }
        let is_long = self.began.elapsed() > Duration::from_secs(1);
        if self.bar.is_hidden() && is_long && std::io::stderr().is_terminal() {
            let of = if self.total.is_some() { " of {human_len}" } else { "" };
            let left = if self.total.is_some() { ", {eta} left" } else { "" };
            let template = format!("{{human_pos}}{of} {} in {{elapsed}}{left}", self.what);
            let style = ProgressStyle::with_template(&template);
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        }
        self.bar.set_position(count);
    }

    /// Makes room for other lines.
    pub(crate) fn hide(&mut self) {
        if !self.bar.is_hidden() {
            self.bar.reset();
        }
    }

    pub(crate) fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Complains about an argument, a file or a setting.
pub(crate) fn bad_input(message: &str) -> End {
    complain(message);
    End::BadInput
}

#[cfg(test)]
mod tests {
    use super::{visible, write_json};

    #[test]
    fn what_steers_a_terminal_is_shown_and_everything_else_stays() {
        assert_eq!(visible("\u{1b}]52;c;aGk=\u{7}"), r"\u{1b}]52;c;aGk=\u{7}");
        assert_eq!(visible("a\nb\u{9b}31m\u{202e}c"), r"a\nb\u{9b}31m\u{202e}c");
        assert_eq!(visible("größe 日本 `x` 'y'"), "größe 日本 `x` 'y'");
        let mut written = Vec::new();
        write_json(&mut written, &"a\u{9b}b\u{202e}\u{2028}\u{e0041}ü\u{1b}").expect("writable");
        let written = String::from_utf8(written).expect("UTF-8");
        assert_eq!(written, "\"a\\u009bb\\u202e\\u2028\\udb40\\udc41ü\\u001b\"\n");
        let back: String = serde_json::from_str(&written).expect("JSON");
        assert_eq!(back, "a\u{9b}b\u{202e}\u{2028}\u{e0041}ü\u{1b}");
    }
}
