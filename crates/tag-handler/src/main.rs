//! Tags what creation events name with the tags of whoever created it.

mod log;

use anyhow::{Error, anyhow};
use aws_tags::{Cloud, Delivery, Event, Settings, tag_resources};
use aws_tags_aws::{Aws, AwsLookUps, AwsTagger, IamTags, SessionTable, lambda};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

/// Everything that lives as long as the process.
struct Handler {
    aws: Aws,
    cloud: Cloud<SessionTable, IamTags, AwsLookUps, AwsTagger>,
    settings: Settings,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init_log();
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let table = lambda::session_table().map_err(|reason| anyhow!(reason))?;
    let aws = Aws::connect(None).await;
    let cloud = Cloud {
        sessions: aws.sessions(table),
        principals: aws.principal_tags(),
        look_ups: aws.look_ups(),
        tagger: aws.tagger(),
    };
    let handler = &Handler { aws, cloud, settings };
    lambda_runtime::run(service_fn(async |invocation| handler.handle(invocation).await))
        .await
        .map_err(|error| anyhow!(error))
}

impl Handler {
    async fn handle(&self, invocation: LambdaEvent<Value>) -> Result<Value, Error> {
        let delivery = Delivery::of(invocation.payload);
        let events: Vec<Event> = delivery.events.iter().flatten().cloned().collect();
        let served = self.aws.served().await?;
        let now = |_: &Event| aws_tags_aws::now();
        let outcomes = tag_resources(&self.cloud, &self.settings, served, now, &events).await;
        let mut tagged = events.iter().zip(&outcomes);
        let again: Vec<Option<String>> = delivery
            .events
            .iter()
            .map(|event| match event {
                Ok(_) => tagged.next().and_then(|(event, outcome)| log::outcome(event, outcome)),
                Err(reason) => Some(log::unreadable(reason)),
            })
            .collect();
        delivery.answer(&again).map_err(|reason| anyhow!(reason))
    }
}
