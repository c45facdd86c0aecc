//! Serves invocations with one of the functions.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_tags::Event;
use aws_tags::delivery::{Delivery, Message};
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Handled, Metric, documents};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing_subscriber::fmt::format::FmtSpan;

pub use lambda_runtime::Error;

/// One of the functions: what it does with events, and what it reports about each.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded runner awaits these")]
pub trait Function {
    /// What became of an event.
    type Outcome: 'static;
    /// Its name in metrics.
    const NAME: &'static str;

    fn metrics() -> &'static [Metric<Self::Outcome>];

    /// Handles the events of an invocation: one outcome for each, in their order, by the deadline if there
    /// is one.
    async fn handle(&self, events: &[&Event], deadline: Option<Instant>)
    -> Result<Vec<Self::Outcome>, Error>;

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Self::Outcome) -> Value;

    /// Why the event must be delivered again, if it must.
    fn retry_reason(&self, outcome: &Self::Outcome) -> Option<String>;
}

/// Makes the function and serves invocations until Lambda stops the process. An error that keeps it
/// from starting is logged in one line, and ends the process.
pub fn run<F: Function>(make: impl AsyncFnOnce() -> Result<F, Error>) -> ExitCode {
    init_log();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let function = &make().await?;
            lambda_runtime::run(service_fn(async |invocation| serve(function, invocation).await)).await
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve<F: Function>(function: &F, invocation: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline = deadline(invocation.context.deadline(), SystemTime::now(), Instant::now());
    let delivery = Delivery::of(invocation.payload);
    let mut outcomes = function.handle(&delivery.events(), deadline).await?.into_iter();
    let handled: Vec<Handled<'_, F::Outcome>> = delivery
        .messages
        .iter()
        .map(|Message { event, .. }| match event {
            // `handle` gives an outcome for each event.
            Ok(event) => outcomes.next().map(|outcome| Ok((event, outcome))),
            Err(reason) => Some(Err(reason)),
        })
        .collect::<Option<_>>()
        .ok_or("fewer outcomes than events")?;
    let now = OffsetDateTime::now_utc();
    let lines = handled.iter().map(|handled| match handled {
        Ok((event, outcome)) => function.log_line(now, event, outcome),
        Err(reason) => event_log::unreadable(now, reason),
    });
    write(lines.chain(documents(F::NAME, F::metrics(), now, &handled)))?;
    let retry_reason = |handled: &Handled<'_, F::Outcome>| match handled {
        Ok((_, outcome)) => function.retry_reason(outcome),
        Err(reason) => Some(reason.to_string()),
    };
    Ok(delivery.answer(&handled.iter().map(retry_reason).collect::<Vec<_>>())?)
}

/// Time to write the log and to answer; Lambda kills a function that is late, and SQS then delivers the
/// whole batch again.
const MARGIN: Duration = Duration::from_secs(2);

/// When the calls of an invocation must have ended: a margin before Lambda's deadline, but never more
/// than half of what is left. `None` where there is none: cargo-lambda names one of 1970.
fn deadline(ends: SystemTime, system_now: SystemTime, now: Instant) -> Option<Instant> {
    let left = ends.duration_since(system_now).ok()?;
    now.checked_add(left.saturating_sub(MARGIN).max(left / 2))
}

/// The runtime's own log goes to standard output as JSON lines, where Lambda collects them.
fn init_log() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_span_events(FmtSpan::NONE)
        .with_max_level(tracing::Level::INFO)
        .init();
}

/// Writes the lines to standard output, all at once.
fn write(lines: impl Iterator<Item = Value>) -> io::Result<()> {
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    io::stdout().lock().write_all(text.as_bytes())
}

/// The name of the session table, which has no default.
pub fn session_table() -> Result<String, Error> {
    let name = std::env::var("SESSION_TABLE").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match (3..=255).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(name),
        false => Err(format!(
            "SESSION_TABLE is `{name}`, allowed: the name of a DynamoDB table, 3 to 255 letters, digits, `_`, `.`, `-`"
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_end_before_lambda_does() {
        let (system_now, now) = (SystemTime::now(), Instant::now());
        let seconds = |left: u64| {
            let ends = system_now + Duration::from_secs(left);
            deadline(ends, system_now, now).map(|at| at.duration_since(now).as_secs())
        };
        assert_eq!((seconds(30), seconds(4), seconds(2)), (Some(28), Some(2), Some(1)));
        assert_eq!(deadline(SystemTime::UNIX_EPOCH, system_now, now), None);
    }
}
