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
