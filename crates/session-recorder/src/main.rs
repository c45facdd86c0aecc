//! Records the sessions that STS starts, so that the tag-handler finds their tags later.

use std::process::ExitCode;

use aws_tags::ports::Failure;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metric, SESSION_RECORDER};
use aws_tags::{Event, Recorded, record_session};
use aws_tags_aws::{Access, Aws, SessionTable};
use aws_tags_lambda::{Error, Function, run, session_table};
use serde_json::Value;
use time::OffsetDateTime;

struct SessionRecorder {
    sessions: SessionTable,
}

fn main() -> ExitCode {
    run(async || {
        let table = session_table()?;
        let aws = Aws::connect(&Access::default()).await;
        Ok(SessionRecorder { sessions: SessionTable::new(aws.config(), table) })
    })
}

impl Function for SessionRecorder {
    /// What became of the record, or the table's error.
    type Outcome = Result<Recorded, Failure>;
    const NAME: &'static str = "session-recorder";

    fn metrics() -> &'static [Metric<Self::Outcome>] {
        SESSION_RECORDER
    }

    async fn handle(&self, events: &[&Event]) -> Result<Vec<Self::Outcome>, Error> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            outcomes.push(record_session(&self.sessions, event).await);
        }
        Ok(outcomes)
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Self::Outcome) -> Value {
        event_log::recorded(now, event, outcome)
    }

    fn retry_reason(&self, outcome: &Self::Outcome) -> Option<String> {
        outcome.as_ref().err().map(ToString::to_string)
    }
}
