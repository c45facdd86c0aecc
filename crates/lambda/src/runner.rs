//! Serves invocations with one of the functions.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_tags::Event;
use aws_tags::delivery::{Delivery, Fate, Message, Obstacle, Queued, Reason};
use aws_tags::ports::Failure;
use aws_tags::record::NotAnEvent;
use aws_tags::settings::Monitoring;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Counts, Handled, Metrics};
use aws_tags_aws::{Access, Aws, Queue};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::settings;

pub use lambda_runtime::Error;

/// One of the functions: what it does with events, and what it reports about each.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded runner awaits these")]
pub trait Function {
    /// What became of an event.
    type Outcome: 'static;
    /// Its name in metrics.
    const NAME: &'static str;

    fn metrics() -> &'static Metrics<Self::Outcome>;

    /// Handles the events of an invocation within its budget, and tells of each when it has ended: its place
    /// among the events, and the outcome. A failure is of all events that have not ended.
    async fn handle(
        &self,
        aws: &Aws,
        events: &[&Event],
        ended: &mut dyn FnMut(usize, Self::Outcome),
    ) -> Result<(), Failure>;

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Self::Outcome) -> Map<String, Value>;

    /// What keeps the event from being done; nothing if it is.
    fn obstacles(&self, outcome: &Self::Outcome) -> Vec<Obstacle>;
}

/// A function, and what is around it as long as the process lives.
struct Runner<F> {
    function: F,
    aws: Aws,
    /// Where the function may put its messages; without, only SQS and Lambda bring them again.
    queue: Option<Queue>,
    monitoring: Monitoring,
}

/// Makes the function and serves invocations until Lambda stops the process. An error that keeps it
/// from starting is logged in one line, and ends the process.
pub fn run<F: Function>(make: impl FnOnce(&Aws) -> Result<F, Error>) -> ExitCode {
    init_log();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let access = Access { processes: settings::processes()?, ..Access::default() };
            let dead_letters = settings::dead_letters()?;
            let aws = Aws::connect(&access).await;
            let queue = dead_letters.map(|arn| Queue::new(&aws, arn));
            let monitoring = settings::monitoring()?;
            let runner = &Runner { function: make(&aws)?, aws, queue, monitoring };
            lambda_runtime::run(service_fn(async |invocation| runner.serve(invocation).await)).await
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

/// Logs what keeps no event from being done.
pub fn warn(what: &str) {
    tracing::warn!("{what}");
}

/// What becomes of a message.
struct Verdict {
    fate: Fate,
    /// Why it is not done.
    why: String,
}

impl<F: Function> Runner<F> {
    async fn serve(&self, invocation: LambdaEvent<Value>) -> Result<Value, Error> {
        let deadlines = Deadlines::of(invocation.context.deadline(), SystemTime::now(), Instant::now());
        self.aws.budget().begin(deadlines.map(|deadlines| deadlines.calls));
        let mut delivery = Delivery::of(invocation.payload);
        let counts = Counts::new(F::metrics(), self.monitoring);
        let mut desk = Desk { runner: self, counts, throttled: 0 };
        let mut verdicts = Vec::with_capacity(delivery.messages.len());
        for part in delivery.parts() {
            let messages = delivery.messages.get_mut(part).unwrap_or_default();
            verdicts.extend(self.handle(messages, &mut desk).await);
        }
        write(desk.counts.documents(F::NAME, OffsetDateTime::now_utc()))?;
        let messages: Vec<_> = delivery.messages.iter().zip(verdicts).collect();
        Ok(delivery.answer(&self.settle(&messages, deadlines.map(|deadlines| deadlines.answer)).await)?)
    }

    /// Reads and handles messages, and says what becomes of each.
    async fn handle(&self, messages: &mut [Message], desk: &mut Desk<'_, F>) -> Vec<Verdict> {
        let read: Vec<Result<Event, NotAnEvent>> = messages.iter_mut().map(Message::event).collect();
        let arrived: Vec<Arrived<'_>> =
            messages.iter().zip(&read).map(|(message, event)| Arrived { message, event }).collect();
        let events = read.iter().enumerate().filter_map(|(place, event)| Some((place, event.as_ref().ok()?)));
        let (places, events): (Vec<usize>, Vec<&Event>) = events.unzip();
        let mut verdicts: Vec<Option<Verdict>> = arrived.iter().map(|_| None).collect();
        let mut ended = |nth: usize, outcome| {
            let place = places.get(nth).copied().unwrap_or_default();
            if let (Some(verdict), Some(arrived)) = (verdicts.get_mut(place), arrived.get(place)) {
                *verdict = Some(desk.ended(arrived, Some(&outcome), None));
            }
        };
        let handled = self.function.handle(&self.aws, &events, &mut ended).await;
        let of_all = handled.as_ref().err();
        arrived
            .iter()
            .zip(verdicts)
            .map(|(arrived, verdict)| verdict.unwrap_or_else(|| desk.ended(arrived, None, of_all)))
            .collect()
    }

    /// Puts messages off and gives others up. Why each stays in the queue, if it does.
    async fn settle(
        &self,
        messages: &[(&Message, Verdict)],
        deadline: Option<Instant>,
    ) -> Vec<Option<String>> {
        let unfinished = |verdict: &Verdict| (verdict.fate != Fate::Done).then(|| verdict.why.clone());
        let mut stays: Vec<_> = messages.iter().map(|(_, verdict)| unfinished(verdict)).collect();
        let Some(queue) = &self.queue else { return stays };
        let settled = async {
            let put_off: Vec<(&Queued, Duration)> = messages
                .iter()
                .filter_map(|(message, verdict)| match verdict.fate {
                    Fate::Again(Some(pause)) => Some((message.queued.as_ref()?, pause)),
                    _ => None,
                })
                .collect();
            if let Err(error) = queue.put_off(&put_off).await {
                tracing::warn!(
                    "cannot put messages off, they come again after the visibility timeout: {error}"
                );
            }
            for (stay, (message, verdict)) in stays.iter_mut().zip(messages) {
                let (Fate::GivenUp(reason), Some(queued)) = (&verdict.fate, &message.queued) else {
                    continue;
                };
                match queue.give_up(queued, *reason, &verdict.why).await {
                    Ok(()) => *stay = None,
                    Err(error) => tracing::warn!("cannot send a dead letter, the event comes again: {error}"),
                }
            }
        };
        match deadline {
            None => settled.await,
            // What is not settled stays in the queue.
            Some(deadline) => drop(timeout_at(deadline, settled).await),
        }
        stays
    }
}

/// A message, and the event in it or why there is none.
struct Arrived<'a> {
    message: &'a Message,
    event: &'a Result<Event, NotAnEvent>,
}

/// Where events are logged, counted and judged when they have ended.
struct Desk<'a, F: Function> {
    runner: &'a Runner<F>,
    counts: Counts<F::Outcome>,
    /// Events that were throttled so far.
    throttled: u32,
}

impl<F: Function> Desk<'_, F> {
    /// Logs a message and says what becomes of it: an event with its outcome, one without, or no event.
    fn ended(
        &mut self,
        Arrived { message, event }: &Arrived<'_>,
        outcome: Option<&F::Outcome>,
        failure: Option<&Failure>,
    ) -> Verdict {
        let (now, function) = (OffsetDateTime::now_utc(), &self.runner.function);
        let (line, obstacles) = match (event, outcome) {
            (Ok(event), Some(outcome)) => {
                (function.log_line(now, event, outcome), function.obstacles(outcome))
            }
            (Ok(event), None) => {
                let failure =
                    failure.map_or_else(|| Obstacle::from(&Failure::other("no outcome")), Obstacle::from);
                (event_log::not_handled(now, event), vec![failure])
            }
            (Err(why), _) => (event_log::unreadable(now), vec![Obstacle::from(why)]),
        };
        let queued = message.queued.as_ref().filter(|_| self.runner.queue.is_some());
        let fate = Fate::of(&obstacles, queued, now, self.throttled);
        if obstacles.iter().any(|obstacle| obstacle.reason == Reason::Throttled) {
            self.throttled = self.throttled.saturating_add(1);
        }
        if let Err(error) = write([event_log::with_fate(line, &fate, &obstacles)]) {
            tracing::warn!("cannot write the log: {error}");
        }
        let event = event.as_ref().ok().zip(outcome);
        self.counts.add(&Handled { event, obstacles: &obstacles, fate: &fate });
        let why: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.message.as_str()).collect();
        Verdict { fate, why: why.join("; ") }
    }
}

/// Before Lambda's deadline: time to put messages off and to answer. Lambda kills a function that is late,
/// and SQS then delivers the whole batch again.
const BEFORE_CALLS_END: Duration = Duration::from_secs(3);
const BEFORE_THE_ANSWER: Duration = Duration::from_millis(500);

/// When the parts of an invocation must have ended.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    /// The function's own calls.
    calls: Instant,
    /// Everything.
    answer: Instant,
}

impl Deadlines {
    /// Lambda's deadline less the margins, which are never more than half of what is left. `None` where
    /// there is none: cargo-lambda names one of 1970.
    fn of(ends: SystemTime, system_now: SystemTime, now: Instant) -> Option<Self> {
        let left = ends.duration_since(system_now).ok()?;
        let less = |margin| now.checked_add(left.saturating_sub(margin).max(left / 2));
        Some(Self { calls: less(BEFORE_CALLS_END)?, answer: less(BEFORE_THE_ANSWER)? })
    }
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
fn write(lines: impl IntoIterator<Item = Value>) -> io::Result<()> {
    let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    io::stdout().lock().write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_end_before_lambda_does() {
        let (system_now, now) = (SystemTime::now(), Instant::now());
        let seconds = |left: u64| {
            let ends = system_now + Duration::from_secs(left);
            let at = Deadlines::of(ends, system_now, now)?;
            Some((at.calls.duration_since(now).as_secs(), at.answer.duration_since(now).as_millis()))
        };
        assert_eq!(seconds(30), Some((27, 29_500)));
        assert_eq!(seconds(4), Some((2, 3_500)));
        assert!(Deadlines::of(SystemTime::UNIX_EPOCH, system_now, now).is_none());
    }
}
