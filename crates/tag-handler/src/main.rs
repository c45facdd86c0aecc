//! Tags the resources that creation events name with their creator's tags.

use std::process::ExitCode;

use aws_tags::ports::Ports;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metric, TAG_HANDLER};
use aws_tags::{Event, Outcome, Settings, tag_resources};
use aws_tags_aws::{Access, Aws, AwsLookups, AwsTagger, IamTags, SessionTable};
use aws_tags_lambda::{Error, Function, run, session_table};
use serde_json::Value;
use time::OffsetDateTime;

/// Everything that lives as long as the process.
struct TagHandler {
    aws: Aws,
    ports: Ports<SessionTable, IamTags, AwsLookups, AwsTagger>,
    settings: Settings,
}

fn main() -> ExitCode {
    run(async || {
        let settings = Settings::read(|name| std::env::var_os(name))?;
        let table = session_table()?;
        let aws = Aws::connect(&Access::default()).await;
        let ports = Ports {
            sessions: SessionTable::new(aws.config(), table),
            principal_tags: IamTags::new(aws.config()),
            lookups: AwsLookups::new(aws.config()),
            tagger: AwsTagger::new(aws.config()),
        };
        Ok(TagHandler { aws, ports, settings })
    })
}

impl Function for TagHandler {
    type Outcome = Outcome;
    const NAME: &'static str = "tag-handler";

    fn metrics() -> &'static [Metric<Outcome>] {
        TAG_HANDLER
    }

    async fn handle(&self, events: &[&Event]) -> Result<Vec<Outcome>, Error> {
        let now = |_: &Event| OffsetDateTime::now_utc();
        Ok(tag_resources(&self.ports, &self.settings, self.aws.scope().await?, now, events).await)
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Outcome) -> Value {
        event_log::tagged(&self.settings, now, event, outcome)
    }

    fn retry_reason(&self, outcome: &Outcome) -> Option<String> {
        let reasons: Vec<String> = outcome.retry_reasons().iter().map(ToString::to_string).collect();
        Some(reasons.join("; ")).filter(|reasons| !reasons.is_empty())
    }
}
