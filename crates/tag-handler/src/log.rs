//! One line an event: what was done to what, with whose tags. Keys and sources, never values.

use aws_tags::{Event, Outcome, Skip, Tagged};
use serde_json::{Value, json};

/// Logs what became of an event; returns why it must come again.
pub fn outcome(event: &Event, outcome: &Outcome) -> Option<String> {
    let id = event.id().unwrap_or_default();
    let name = event.name.as_str();
    let source = event.source.as_str();
    let meaning = outcome.meaning.word();
    let reasons = outcome.retry_reasons();
    let again = (!reasons.is_empty()).then(|| reasons.join("; "));
    match &outcome.skipped {
        Some(Skip::Nothing) => {
            tracing::info!(%id, source, name, meaning, reason = outcome.meaning.reason(), "nothing to tag");
        }
        Some(why) => tracing::info!(%id, source, name, meaning, reason = %why, "left alone"),
        None => {
            let principal = outcome.principal.arn.as_deref().or(outcome.principal.service());
            let session = outcome.session.word();
            let resources =
                Value::from_iter(outcome.resources.iter().map(|tagged| resource(outcome, tagged)));
            match &again {
                None => tracing::info!(%id, source, name, principal, session, %resources, "tagged"),
                Some(again) => {
                    tracing::warn!(%id, source, name, principal, session, %resources, again, "must come again");
                }
            }
        }
    }
    again
}

/// Logs a delivered thing that is no CloudTrail event; returns why, so that it is kept.
pub fn unreadable(reason: &str) -> String {
    tracing::error!(reason, "unreadable");
    reason.to_owned()
}

fn resource(outcome: &Outcome, tagged: &Tagged) -> Value {
    let source = |key: &str| {
        let tag = outcome.merged.tags.iter().find(|tag| tag.key == key);
        tag.map(|tag| tag.source.to_string())
    };
    let tags: Value = tagged.tags.keys().map(|key| (key.clone(), json!(source(key)))).collect();
    let dropped: Value =
        tagged.dropped.iter().map(|dropped| (dropped.key.clone(), json!(dropped.reason))).collect();
    json!({
        "arn": tagged.resource.arn.as_str(),
        "tags": tags,
        "dropped": dropped,
        "skipped": tagged.skipped,
        "failed": tagged.failed,
    })
}
