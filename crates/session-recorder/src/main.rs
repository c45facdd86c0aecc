//! Records the sessions that STS starts, so that the tag handler finds their tags later.

use anyhow::{Error, anyhow};
use aws_tags::metrics::{Handled, SESSION_RECORDER, documents};
use aws_tags::{Delivery, Recorded, log, record_session};
use aws_tags_aws::{Access, Aws, SessionTable, lambda, now};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init_log();
    let table = lambda::session_table().map_err(|reason| anyhow!(reason))?;
    let sessions = Aws::connect(&Access::default()).await.sessions(table);
    let sessions = &sessions;
    lambda_runtime::run(service_fn(async |invocation| handle(sessions, invocation).await))
        .await
        .map_err(|error| anyhow!(error))
}

/// A stored session, another good end, or what the store said.
type Stored = Result<Recorded, String>;

async fn handle(sessions: &SessionTable, invocation: LambdaEvent<Value>) -> Result<Value, Error> {
    let delivery = Delivery::of(invocation.payload);
    let mut handled: Vec<Handled<'_, Stored>> = Vec::with_capacity(delivery.events.len());
    for event in &delivery.events {
        handled.push(match event {
            Ok(event) => {
                Ok((event, record_session(sessions, event).await.map_err(|error| error.to_string())))
            }
            Err(reason) => Err(reason.as_str()),
        });
    }
    let lines = handled.iter().map(line);
    lambda::write(lines.chain(documents("session-recorder", SESSION_RECORDER, now(), &handled)))?;
    let again: Vec<Option<String>> = handled.iter().map(again).collect();
    delivery.answer(&again).map_err(|reason| anyhow!(reason))
}

fn line(handled: &Handled<'_, Stored>) -> Value {
    match handled {
        Ok((event, stored)) => log::recorded(now(), event, stored),
        Err(reason) => log::unreadable(now(), reason),
    }
}

/// Why an event must come again.
fn again(handled: &Handled<'_, Stored>) -> Option<String> {
    match handled {
        Ok((_, stored)) => stored.as_ref().err().cloned(),
        Err(reason) => Some((*reason).to_owned()),
    }
}
