//! How a command ends, and what it says on standard error.

use std::io::Write;

/// How a command ended. Bad input is said at once, on standard error, and remembered here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Done,
    Failed,
    BadInput,
}

/// One line on standard error.
pub(crate) fn complain(message: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(anstream::stderr(), "aws-tags: {message}");
}

/// Complains about an argument, a file or a setting.
pub(crate) fn bad_input(message: &str) -> End {
    complain(message);
    End::BadInput
}
