//! How a command ends, its messages on standard error, and texts of records for people's eyes.

use std::fmt::{Display, Write as _};
use std::io::Write;

/// How a command ended. Bad input is reported at once, on standard error, and remembered here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Done,
    Failed,
    BadInput,
}

/// One line on standard error.
pub(crate) fn complain(message: &str) {
    // With standard error closed, there is nowhere to report it.
    let _ = writeln!(anstream::stderr(), "aws-tags: {}", visible(message));
}

/// A text of a record for people: characters that steer terminals, or turn the direction of writing, are
/// escaped. Whoever may write a tag or a name may otherwise write to the reader's clipboard, or hide the
/// rest of the output.
pub(crate) fn visible(text: impl Display) -> String {
    let mut visible = String::new();
    for c in text.to_string().chars() {
        let steers = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        match steers {
            true => drop(write!(visible, "{}", c.escape_default())),
            false => visible.push(c),
        }
    }
    visible
}

/// Complains about an argument, a file or a setting.
pub(crate) fn bad_input(message: &str) -> End {
    complain(message);
    End::BadInput
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_steers_a_terminal_is_shown_and_everything_else_stays() {
        assert_eq!(visible("\u{1b}]52;c;aGk=\u{7}"), r"\u{1b}]52;c;aGk=\u{7}");
        assert_eq!(visible("a\nb\u{9b}31m\u{202e}c"), r"a\nb\u{9b}31m\u{202e}c");
        assert_eq!(visible("größe 日本 `x` 'y'"), "größe 日本 `x` 'y'");
    }
}
