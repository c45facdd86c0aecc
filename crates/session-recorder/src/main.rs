//! Records the sessions that STS starts, so that the tag handler finds their tags later.

use anyhow::{Context, Error, anyhow};
use aws_tags::{Delivery, Event, Recorded, record_session, timestamp};
use aws_tags_aws::{Aws, SessionTable, lambda};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::init_log();
    let table = lambda::session_table().map_err(|reason| anyhow!(reason))?;
    let sessions = Aws::connect(None).await.sessions(table);
    let sessions = &sessions;
    lambda_runtime::run(service_fn(async |invocation| handle(sessions, invocation).await))
        .await
        .map_err(|error| anyhow!(error))
}

async fn handle(sessions: &SessionTable, invocation: LambdaEvent<Value>) -> Result<Value, Error> {
    let delivery = Delivery::of(invocation.payload);
    let mut again = Vec::with_capacity(delivery.events.len());
    for event in &delivery.events {
        let recorded = match event {
            Ok(event) => record(sessions, event).await,
            Err(reason) => Err(anyhow!("{reason}")),
        };
        again.push(recorded.err().map(|error| {
            let reason = format!("{error:#}");
            tracing::error!(reason, "not recorded");
            reason
        }));
    }
    delivery.answer(&again).map_err(|reason| anyhow!(reason))
}

async fn record(sessions: &SessionTable, event: &Event) -> Result<(), Error> {
    let id = event.id().unwrap_or_default();
    let recorded = record_session(sessions, event).await.with_context(|| format!("event {id}"))?;
    let name = event.name.as_str();
    match recorded {
        Recorded::Stored(session) => {
            // Keys only: values may say who a person is.
            let keys: Vec<&str> = session.tags.keys().map(String::as_str).collect();
            let issued_at = timestamp::format(session.issued_at);
            tracing::info!(%id, name, session = session.id, issued_at, keys = keys.join(" "), "recorded");
        }
        Recorded::Elsewhere => tracing::info!(%id, name, "the role lives in another account"),
        Recorded::Unmatchable => tracing::info!(%id, name, "the session has no id to match later calls by"),
        Recorded::NoSession(reason) => tracing::info!(%id, name, reason, "no session"),
    }
    Ok(())
}
