//! Errors of AWS, in one line.

use std::fmt;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_tags::ports::{Failure, FailureKind};

/// A failed call.
#[derive(Debug)]
pub struct Error {
    /// AWS's error code, e.g. `ThrottlingException`; `None` if AWS did not answer.
    pub code: Option<String>,
    message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl<E, R> From<SdkError<E, R>> for Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    fn from(error: SdkError<E, R>) -> Self {
        let code = error.code().map(str::to_owned);
        let message = match error.message() {
            Some(message) => message.to_owned(),
            None => DisplayErrorContext(&error).to_string(),
        };
        Self { code, message }
    }
}

impl Error {
    #[cfg(test)]
    pub(crate) fn with_code(code: &str, message: &str) -> Self {
        Self { code: Some(code.to_owned()), message: message.to_owned() }
    }

    /// A request that cannot be built.
    pub(crate) fn incomplete(error: impl fmt::Display) -> Self {
        Self { code: None, message: error.to_string() }
    }

    /// Whether AWS says that the resource does not exist: codes like `NoSuchEntity`,
    /// `InvalidVolume.NotFound`, `ResourceNotFoundException`, `NoSuchBucket`; some services say
    /// it in the message of a general code.
    pub fn is_not_found(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let general = GENERAL_CODES.iter().any(|start| code.starts_with(start));
        names_absence(code) || general && names_absence(&self.message)
    }
}

/// Prefixes of codes that only say that something in a request is wrong.
const GENERAL_CODES: &[&str] =
    &["Validation", "InvalidParameter", "InvalidInput", "InvalidRequest", "BadRequest"];

/// Whether an error code or message says that a resource is not there.
pub(crate) fn names_absence(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["notfound", "not found", "nosuch", "does not exist", "doesn't exist"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// What an error code means for the next attempt.
pub(crate) fn failure_kind(code: &str, not_found: bool) -> FailureKind {
    if not_found {
        FailureKind::NotFound
    } else if code == "InternalServiceException" || code.contains("Throttl") {
        FailureKind::Transient
    } else {
        FailureKind::Other
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = failure_kind(error.code.as_deref().unwrap_or_default(), error.is_not_found());
        Self { kind, message: error.to_string() }
    }
}
