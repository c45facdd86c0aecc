//! How a command ends, and its messages on standard error.

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
    let _ = writeln!(anstream::stderr(), "aws-tags: {message}");
}

/// Complains about an argument, a file or a setting.
pub(crate) fn bad_input(message: &str) -> End {
    complain(message);
    End::BadInput
}
