//! What the SDK tries again by itself, at once: failures inside AWS and broken connections, but no call that
//! was throttled. Asking again at once makes throttling last; the event comes again later.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};

use crate::error::is_throttling;
use crate::error_response;

/// Forbids to try again what was throttled.
#[derive(Debug)]
pub(crate) struct OnceIfThrottled;

impl ClassifyRetry for OnceIfThrottled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(response) = context.response().filter(|response| !response.status().is_success()) else {
            return RetryAction::NoActionIndicated;
        };
        let body = response.body().bytes().unwrap_or_default();
        let header = response.headers().get("x-amzn-errortype");
        let error = error_response::read(header, body, response.status().as_u16());
        match error.code().is_some_and(is_throttling) {
            true => RetryAction::RetryForbidden,
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "once if throttled"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// A client of an SDK that does not try again what was throttled.
macro_rules! client {
    ($sdk:ident, $config:expr) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($config).retry_classifier($crate::retry::OnceIfThrottled).build(),
        )
    };
}

pub(crate) use client;

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::interceptors::context::Input;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// What becomes of a call that AWS answered with this status, error header and body.
    fn fate(status: u16, header: Option<&'static str>, body: &str) -> RetryAction {
        let mut response = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        if let Some(error) = header {
            response.headers_mut().insert("x-amzn-errortype", error);
        }
        let mut context = InterceptorContext::new(Input::erase(()));
        context.set_response(response);
        OnceIfThrottled.classify_retry(&context)
    }

    #[test]
    fn a_throttled_call_is_not_tried_again_whatever_the_protocol() {
        for (status, header, body) in [
            (400, None, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
            (400, None, r#"{"__type":"com.amazonaws.dynamodb#ProvisionedThroughputExceededException"}"#),
            (429, Some("TooManyRequestsException:http://internal.amazon.com/"), "{}"),
            (
                503,
                None,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
            ),
            (400, None, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"),
        ] {
            assert_eq!(fate(status, header, body), RetryAction::RetryForbidden, "{status} {body}");
        }
    }

    #[test]
    fn all_else_is_left_to_the_sdk() {
        for (status, body) in [
            (200, "{}"),
            (500, r#"{"__type":"InternalServerError"}"#),
            (503, "<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>"),
            (400, r#"{"__type":"AccessDeniedException"}"#),
            (502, "not an answer of AWS"),
        ] {
            assert_eq!(fate(status, None, body), RetryAction::NoActionIndicated, "{status} {body}");
        }
    }

    #[test]
    fn its_word_is_the_last() {
        assert!(OnceIfThrottled.priority() > RetryClassifierPriority::transient_error_classifier());
    }
}
