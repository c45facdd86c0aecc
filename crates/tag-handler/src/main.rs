//! Tags the resources that creation events name with their creator's tags.

use std::pin::pin;
use std::process::ExitCode;

use aws_tags::delivery::Obstacle;
use aws_tags::ports::{Failure, Ports};
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metrics, TAG_HANDLER};
use aws_tags::{Event, Outcome, Settings, tag_each};
use aws_tags_aws::{Aws, AwsLookups, AwsTagger, Bounded, IamTags, SessionTable};
use aws_tags_lambda::{Function, recorder_regions, run, session_table};
use futures_util::StreamExt;
use serde_json::{Map, Value};
use time::OffsetDateTime;

struct TagHandler {
    ports: Ports<Bounded<SessionTable>, Bounded<IamTags>, Bounded<AwsLookups>, Bounded<AwsTagger>>,
    settings: Settings,
}

fn main() -> ExitCode {
    run(|aws| {
        let settings = Settings::read(|name| std::env::var_os(name))?;
        let budget = aws.budget();
        let ports = Ports {
            sessions: Bounded::new(
                SessionTable::new(aws, session_table()?).watching(recorder_regions()),
                budget,
            ),
            principal_tags: Bounded::new(IamTags::new(aws), budget),
            lookups: Bounded::new(AwsLookups::new(aws), budget),
            tagger: Bounded::new(AwsTagger::new(aws, settings.at_launch), budget),
        };
        Ok(TagHandler { ports, settings })
    })
}

impl Function for TagHandler {
    type Outcome = Outcome;
    const NAME: &'static str = "tag-handler";

    fn metrics() -> &'static Metrics<Outcome> {
        TAG_HANDLER
    }

    async fn handle(
        &self,
        aws: &Aws,
        events: &[&Event],
        ended: &mut dyn FnMut(usize, Outcome),
    ) -> Result<(), Failure> {
        let now = |_: &Event| OffsetDateTime::now_utc();
        let scope = aws.budget().ask(async { Ok(aws.scope().await?) }).await?;
        let mut outcomes = pin!(tag_each(&self.ports, &self.settings, scope, &now, events));
        while let Some((place, outcome)) = outcomes.next().await {
            ended(place, outcome);
        }
        Ok(())
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Outcome) -> Map<String, Value> {
        event_log::tagged(&self.settings, now, event, outcome)
    }

    fn obstacles(&self, outcome: &Outcome) -> Vec<Obstacle> {
        outcome.unfinished().iter().map(Obstacle::from).collect()
    }
}
