//! Records the sessions that STS starts, so that the tag-handler finds their tags later.

use std::pin::pin;
use std::process::ExitCode;

use aws_tags::delivery::Obstacle;
use aws_tags::ports::Failure;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metrics, SESSION_RECORDER};
use aws_tags::{Event, Recorded, record_session};
use aws_tags_aws::{Aws, Bounded, SessionTable};
use aws_tags_lambda::{Function, run, session_table};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Sessions that are stored at once.
const AT_ONCE: usize = 10;

struct SessionRecorder {
    sessions: Bounded<SessionTable>,
    /// The account of the table, where its ARN says so: sessions of others are not kept.
    account: Option<String>,
}

fn main() -> ExitCode {
    run(|aws| {
        let table = session_table()?;
        let account = table.home.as_ref().map(|(_, account)| account.clone());
        let sessions = Bounded::new(SessionTable::new(aws, table), aws.budget());
        Ok(SessionRecorder { sessions, account })
    })
}

impl Function for SessionRecorder {
    /// What became of the record, or the table's failure.
    type Outcome = Result<Recorded, Failure>;
    const NAME: &'static str = "session-recorder";

    fn metrics() -> &'static Metrics<Self::Outcome> {
        SESSION_RECORDER
    }

    async fn handle(
        &self,
        _: &Aws,
        events: &[&Event],
        ended: &mut dyn FnMut(usize, Self::Outcome),
    ) -> Result<(), Failure> {
        let stored = events.iter().enumerate().map(async |(place, event)| {
            (place, record_session(&self.sessions, self.account.as_deref(), event).await)
        });
        let mut stored = pin!(stream::iter(stored).buffer_unordered(AT_ONCE));
        while let Some((place, outcome)) = stored.next().await {
            ended(place, outcome);
        }
        Ok(())
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Self::Outcome) -> Map<String, Value> {
        event_log::recorded(now, event, outcome)
    }

    fn obstacles(&self, outcome: &Self::Outcome) -> Vec<Obstacle> {
        outcome.as_ref().err().map(Obstacle::from).into_iter().collect()
    }
}
