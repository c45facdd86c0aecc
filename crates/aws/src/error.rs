//! Errors of AWS, in one line that says what to do, where that is known.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;
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

impl StdError for Error {}

impl<E> From<SdkError<E, Response>> for Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    fn from(error: SdkError<E, Response>) -> Self {
        let answer = error.raw_response().map(|answer| format!("HTTP {}", answer.status().as_u16()));
        let code = error.code().map(str::to_owned).or(answer);
        let message = match (error.message(), &error) {
            (Some(message), _) => message.to_owned(),
            (None, SdkError::ServiceError(_)) => "AWS gives no reason".to_owned(),
            (None, error) => without_answer(error),
        };
        Self { code, message }
    }
}

/// What kept AWS from answering.
fn without_answer<E: StdError + 'static>(error: &SdkError<E, Response>) -> String {
    if let Some(error) = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        return match error {
            CredentialsError::CredentialsNotLoaded(_) => format!("no credentials: {LOG_IN}"),
            error => format!("no credentials: {}; {LOG_IN}", root(error).trim_end_matches('.')),
        };
    }
    match error {
        SdkError::TimeoutError(_) => "AWS does not answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            "AWS does not answer in time".to_owned()
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => format!("cannot connect: {}", root(error)),
        SdkError::ResponseError(_) => format!("the answer cannot be read: {}", root(error)),
        _ => root(error),
    }
}

const LOG_IN: &str = "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in (`aws login`, `aws sso login`)";

/// An error, and what caused it, to the first cause.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source())
}

/// The first cause.
fn root(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

impl Error {
    /// What AWS says about one of several resources in a successful answer.
    pub(crate) fn of_resource(code: &str, message: &str) -> Self {
        Self { code: Some(code.to_owned()), message: message.to_owned() }
    }

    /// A request that cannot be built.
    pub fn incomplete(error: impl fmt::Display) -> Self {
        Self { code: None, message: error.to_string() }
    }

    /// Whether AWS says that the resource does not exist: codes like `NoSuchEntity`,
    /// `InvalidVolume.NotFound`, `ResourceNotFoundException`, `NoSuchBucket`; some services say
    /// it in the message of a general code.
    pub fn is_not_found(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let general = GENERAL_CODES.iter().any(|start| code.starts_with(start));
        names_absence(code) || general && names_absence(&without_names(&self.message))
    }

    /// What the pace of an operation leaves no time for in this invocation.
    pub(crate) fn no_turn(operation: &str) -> Self {
        let message = format!("{operation}: AWS's quota leaves no room in this invocation");
        Self { code: Some("Throttled".to_owned()), message }
    }

    /// Whether AWS says that it is asked too often.
    pub fn is_throttling(&self) -> bool {
        self.code.as_deref().is_some_and(is_throttling)
    }

    /// Which limit `LimitExceeded` means, the message says: of tags, or of calls at the same time.
    fn is_about_tags(&self) -> bool {
        self.message.to_ascii_lowercase().contains("tag")
    }

    /// Whether AWS says that a permission is missing.
    pub fn is_denied(&self) -> bool {
        self.failure_kind() == FailureKind::Denied
    }

    /// AWS's message, or what kept it from answering.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn failure_kind(&self) -> FailureKind {
        let code = self.code.as_deref().unwrap_or_default();
        let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
        if self.is_not_found() {
            FailureKind::NotFound
        } else if has(DENIED) {
            FailureKind::Denied
        } else if self.is_throttling() {
            FailureKind::Throttled
        } else if code.is_empty() || has(TRANSIENT) {
            FailureKind::Transient
        } else if has(REFUSED) && !has(STATE) || has(&["LimitExceeded"]) && self.is_about_tags() {
            FailureKind::Refused
        } else {
            FailureKind::Other
        }
    }
}

/// Parts of codes of what may pass within seconds. Without a code, AWS has not answered.
const TRANSIENT: &[&str] = &["HTTP 5", "Internal", "RequestTimeout", "ServiceUnavailable"];

/// Parts of codes that say that AWS is asked too often.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttl",
    "TooManyRequests",
];

/// Parts of codes that say that something in the request is wrong.
const REFUSED: &[&str] =
    &["BadRequest", "BadResource", "Invalid", "Malformed", "Tag", "Unsupported", "Validation"];

/// Parts of codes that say that the resource is not ready: they pass, and say nothing of the request.
const STATE: &[&str] = &["Busy", "Conflict", "Concurrent", "InUse", "Modified", "State"];

/// Parts of codes that say that a permission is missing.
const DENIED: &[&str] = &["AccessDenied", "AuthFailure", "Forbidden", "NotAuthorized", "Unauthorized"];

/// Whether a code says that AWS is asked too often.
pub(crate) fn is_throttling(code: &str) -> bool {
    THROTTLING.iter().any(|part| code.contains(part))
}

/// Prefixes of codes that only say that something in a request is wrong.
const GENERAL_CODES: &[&str] =
    &["Validation", "InvalidParameter", "InvalidInput", "InvalidRequest", "BadRequest"];

/// Signs of it in lower case. Systems Manager says `InvalidResourceId`; SQS, `QueueDoesNotExist`, and before
/// it spoke JSON `AWS.SimpleQueueService.NonExistentQueue`.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html#API_TagQueue_Errors>
const ABSENCE: &[&str] = &[
    "notfound",
    "not found",
    "nosuch",
    "does not exist",
    "doesn't exist",
    "doesnotexist",
    "nonexistent",
    "invalidresourceid",
];

/// Whether an error code or message says that a resource is not there.
fn names_absence(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ABSENCE.iter().any(|sign| text.contains(sign))
}

/// A message without ARNs, quoted names and paths: a queue may be called `notfound`.
fn without_names(message: &str) -> String {
    let is_name = |word: &&str| !word.contains([':', '/', '\'', '"', '`', '_']) || word.ends_with(':');
    // An apostrophe within a word quotes nothing.
    let message = message.replace("doesn't", "does not");
    message.split_whitespace().filter(is_name).collect::<Vec<_>>().join(" ")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: error.failure_kind(), message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failure_means_is_read_from_its_code() {
        for (code, kind) in [
            ("ThrottlingException", FailureKind::Throttled),
            ("RequestLimitExceeded", FailureKind::Throttled),
            ("TooManyRequestsException", FailureKind::Throttled),
            ("InternalServiceException", FailureKind::Transient),
            ("HTTP 503", FailureKind::Transient),
            ("AccessDeniedException", FailureKind::Denied),
            ("UnauthorizedOperation", FailureKind::Denied),
            ("InvalidParameterException", FailureKind::Refused),
            ("ValidationException", FailureKind::Refused),
            ("TagLimitExceeded", FailureKind::Refused),
            ("TooManyTagsException", FailureKind::Refused),
            ("TagPolicyException", FailureKind::Refused),
            ("InvalidDBInstanceState", FailureKind::Other),
            ("ResourceInUseException", FailureKind::Other),
            ("ConcurrentTagAccessException", FailureKind::Other),
            ("OperationAborted", FailureKind::Other),
            ("InvalidVolume.NotFound", FailureKind::NotFound),
        ] {
            assert_eq!(Error::of_resource(code, "").failure_kind(), kind, "{code}");
        }
        let limit = |message| Error::of_resource("LimitExceeded", message).failure_kind();
        assert_eq!(limit("Cannot exceed quota for TagsPerRole: 50"), FailureKind::Refused);
        assert_eq!(limit("Up to 500 simultaneous table operations"), FailureKind::Other);
        assert_eq!(Error::incomplete("connection reset").failure_kind(), FailureKind::Transient);
    }

    #[test]
    fn not_found_is_read_from_codes_and_not_from_names() {
        for (code, message, not_found) in [
            ("InvalidVolume.NotFound", "The volume 'vol-1' does not exist.", true),
            ("NoSuchEntity", "", true),
            ("InvalidResourceId", "Invalid Resource Id", true),
            ("QueueDoesNotExist", "The specified queue does not exist.", true),
            ("AWS.SimpleQueueService.NonExistentQueue", "", true),
            ("ValidationException", "Table: orders not found", true),
            ("InvalidParameterException", "The topic 'orders' doesn't exist", true),
            ("AccessDeniedException", "not authorized to perform sqs:TagQueue on notfound", false),
            ("InvalidParameterException", "arn:aws:sqs:eu-west-1:111122223333:notfound takes no tags", false),
            ("ValidationException", "'nosuch-queue' has too many tags", false),
            ("ValidationException", "invalid tag on log group /app/notfound", false),
            ("InternalServiceException", "a backend was not found", false),
        ] {
            assert_eq!(Error::of_resource(code, message).is_not_found(), not_found, "{code}: {message}");
        }
    }
}
