//! Tags what creation events name with the tags of whoever created it.

use anyhow::{Error, anyhow};
use aws_tags::metrics::{Handled, TAG_HANDLER, documents};
use aws_tags::{Cloud, Delivery, Event, Outcome, Settings, log, tag_resources};
use aws_tags_aws::{Access, Aws, AwsLookUps, AwsTagger, IamTags, SessionTable, lambda, now};
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
    let aws = Aws::connect(&Access::default()).await;
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
        let outcomes = tag_resources(&self.cloud, &self.settings, served, |_| now(), &events).await;
        let mut outcomes = events.iter().zip(outcomes);
        let handled: Vec<Handled<'_, Outcome>> = delivery
            .events
            .iter()
            .map(|event| match event {
                Ok(_) => outcomes.next().ok_or("has no outcome"),
                Err(reason) => Err(reason.as_str()),
            })
            .collect();
        let lines = handled.iter().map(|handled| self.line(handled));
        lambda::write(lines.chain(documents("tag-handler", TAG_HANDLER, now(), &handled)))?;
        let again: Vec<Option<String>> = handled.iter().map(again).collect();
        delivery.answer(&again).map_err(|reason| anyhow!(reason))
    }

    fn line(&self, handled: &Handled<'_, Outcome>) -> Value {
        match handled {
            Ok((event, outcome)) => log::tagged(&self.settings, now(), event, outcome),
            Err(reason) => log::unreadable(now(), reason),
        }
    }
}

/// Why an event must come again.
fn again(handled: &Handled<'_, Outcome>) -> Option<String> {
    match handled {
        Ok((_, outcome)) => Some(outcome.retry_reasons().join("; ")).filter(|reasons| !reasons.is_empty()),
        Err(reason) => Some((*reason).to_owned()),
    }
}
