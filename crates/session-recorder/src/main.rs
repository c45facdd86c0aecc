//! Records the sessions that STS starts, so that the tag-handler finds their tags later.

use std::process::ExitCode;

use aws_tags::ports::Failure;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metric, SESSION_RECORDER};
use aws_tags::{Event, Recorded, record_session};
use aws_tags_aws::{Access, Aws, Bounded, Budget, SessionTable};
use aws_tags_lambda::{Error, Function, run, session_table};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;

/// Sessions that are stored at once.
const AT_ONCE: usize = 10;

struct SessionRecorder {
    sessions: Bounded<SessionTable>,
    budget: Budget,
}

fn main() -> ExitCode {
    run(async || {
        let table = session_table()?;
        let aws = Aws::connect(&Access::default()).await;
        let budget = Budget::default();
        let sessions = Bounded::new(SessionTable::new(aws.config(), table), budget.clone());
        Ok(SessionRecorder { sessions, budget })
    })
}

impl Function for SessionRecorder {
    /// What became of the record, or the table's error.
    type Outcome = Result<Recorded, Failure>;
    const NAME: &'static str = "session-recorder";

    fn metrics() -> &'static [Metric<Self::Outcome>] {
        SESSION_RECORDER
    }

    async fn handle(
        &self,
        events: &[&Event],
        deadline: Option<Instant>,
    ) -> Result<Vec<Self::Outcome>, Error> {
        self.budget.begin(deadline);
        let stored = events.iter().map(|event| record_session(&self.sessions, event));
        Ok(stream::iter(stored).buffered(AT_ONCE).collect().await)
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Self::Outcome) -> Value {
        event_log::recorded(now, event, outcome)
    }

    fn retry_reason(&self, outcome: &Self::Outcome) -> Option<String> {
        outcome.as_ref().err().map(ToString::to_string)
    }
}
