//! Tags the resources that creation events name with their creator's tags.

use std::process::ExitCode;

use aws_tags::ports::Ports;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metric, TAG_HANDLER};
use aws_tags::{Event, Outcome, Settings, tag_resources};
use aws_tags_aws::{Access, Aws, AwsLookups, AwsTagger, Bounded, Budget, IamTags, SessionTable};
use aws_tags_lambda::{Error, Function, run, session_table};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;

/// Everything that lives as long as the process.
struct TagHandler {
    aws: Aws,
    ports: Ports<Bounded<SessionTable>, Bounded<IamTags>, Bounded<AwsLookups>, Bounded<AwsTagger>>,
    budget: Budget,
    settings: Settings,
}

fn main() -> ExitCode {
    run(async || {
        let settings = Settings::read(|name| std::env::var_os(name))?;
        let table = session_table()?;
        let aws = Aws::connect(&Access::default()).await;
        let budget = Budget::default();
        let ports = Ports {
            sessions: Bounded::new(SessionTable::new(aws.config(), table), budget.clone()),
            principal_tags: Bounded::new(IamTags::new(aws.config()), budget.clone()),
            lookups: Bounded::new(AwsLookups::new(aws.config()), budget.clone()),
            tagger: Bounded::new(AwsTagger::new(aws.config()), budget.clone()),
        };
        Ok(TagHandler { aws, ports, budget, settings })
    })
}

impl Function for TagHandler {
    type Outcome = Outcome;
    const NAME: &'static str = "tag-handler";

    fn metrics() -> &'static [Metric<Outcome>] {
        TAG_HANDLER
    }

    async fn handle(&self, events: &[&Event], deadline: Option<Instant>) -> Result<Vec<Outcome>, Error> {
        self.budget.begin(deadline);
        let now = |_: &Event| OffsetDateTime::now_utc();
        let scope = self.budget.ask(async { Ok(self.aws.scope().await) }).await??;
        Ok(tag_resources(&self.ports, &self.settings, scope, now, events).await)
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Outcome) -> Value {
        event_log::tagged(&self.settings, now, event, outcome)
    }

    fn retry_reason(&self, outcome: &Outcome) -> Option<String> {
        let reasons: Vec<String> = outcome.retry_reasons().iter().map(ToString::to_string).collect();
        Some(reasons.join("; ")).filter(|reasons| !reasons.is_empty())
    }
}
