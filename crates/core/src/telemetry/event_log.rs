//! One line for each event: who did what, what became of each resource, with whose tags. A line has
//! the keys of tags and their sources; their values only if the settings say so, and never a secret.
//!
//! `timestamp`, `level` and `message` are the names that Lambda's JSON log format knows.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::identity::Principal;
use crate::ports::Failure;
use crate::record::{Event, NotAnEvent, timestamp};
use crate::recording::Recorded;
use crate::settings::Settings;
use crate::table::Route;
use crate::tagging::{Handling, Outcome, ResourceOutcome};

/// What the tag-handler did about an event.
pub fn tagged(settings: &Settings, now: OffsetDateTime, event: &Event, outcome: &Outcome) -> Value {
    let retry: Vec<String> = outcome.retry_reasons().iter().map(ToString::to_string).collect();
    let name = match &outcome.handling {
        Handling::NotACreation => outcome.effect.as_str(),
        Handling::Skipped(_) => "skipped",
        _ if !retry.is_empty() => "retry",
        _ => "tagged",
    };
    let level = if retry.is_empty() { "INFO" } else { "WARN" };
    let mut line = line(now, level, name);
    describe(&mut line, event, &outcome.principal);
    match &outcome.handling {
        Handling::NotACreation => {
            set(&mut line, "reason", outcome.effect.reason().map(|why| why.into_owned()))
        }
        Handling::Skipped(why) => set(&mut line, "reason", why.to_string()),
        Handling::Unresolvable => {}
        Handling::Tagging(tagging) => {
            set(&mut line, "session", tagging.session.as_str());
            let resources = tagging.resources.iter().map(|made| resource(settings, made));
            set(&mut line, "resources", Value::from_iter(resources));
        }
    }
    if !retry.is_empty() {
        set(&mut line, "retryReasons", retry);
    }
    Value::Object(line)
}

/// What the session-recorder did about an event; an error is the store's.
pub fn recorded(now: OffsetDateTime, event: &Event, recorded: &Result<Recorded, Failure>) -> Value {
    let (level, name, reason) = match recorded {
        Ok(Recorded::Stored(_)) => ("INFO", "recorded", None),
        Ok(Recorded::OtherAccount) => {
            ("INFO", "skipped", Some("the role lives in another account".to_owned()))
        }
        Ok(Recorded::Unmatchable) => {
            ("INFO", "skipped", Some("the session has no id to match later calls by".to_owned()))
        }
        Ok(Recorded::NotASession(reason)) => ("INFO", "not-a-session", Some(reason.to_string())),
        Err(error) => ("ERROR", "retry", Some(error.to_string())),
    };
    let mut line = line(now, level, name);
    describe(&mut line, event, &Principal::of(event));
    if let Some(reason) = reason {
        set(&mut line, "reason", reason);
    }
    if let Ok(Recorded::Stored(session)) = recorded {
        set(&mut line, "session", session.id.clone());
        set(&mut line, "issuedAt", timestamp::format(session.issued_at));
        set(&mut line, "expiresAt", timestamp::format(session.expires_at));
        let keys: Value = session.tags.keys().map(|key| (key.clone(), json!("session"))).collect();
        set(&mut line, "tags", keys);
    }
    Value::Object(line)
}

/// A delivered message that is not a CloudTrail event.
pub fn unreadable(now: OffsetDateTime, reason: &NotAnEvent) -> Value {
    let mut line = line(now, "ERROR", "unreadable");
    set(&mut line, "reason", reason.to_string());
    Value::Object(line)
}

fn line(now: OffsetDateTime, level: &str, outcome: &str) -> Map<String, Value> {
    let mut line = Map::new();
    set(&mut line, "timestamp", timestamp::format(now));
    set(&mut line, "level", level);
    set(&mut line, "message", outcome.replace('-', " "));
    set(&mut line, "outcome", outcome);
    line
}

fn describe(line: &mut Map<String, Value>, event: &Event, principal: &Principal) {
    set(line, "eventID", event.id().map(|id| id.into_owned()));
    set(line, "eventSource", event.source.clone());
    set(line, "eventName", event.name.clone());
    set(line, "region", event.region());
    set(line, "principal", principal.arn.as_deref().or(principal.id.as_deref()).or(principal.service()));
}

fn set(line: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    line.insert(key.to_owned(), value.into());
}

fn resource(settings: &Settings, made: &ResourceOutcome) -> Value {
    let tags: Value = made.tags.iter().map(|tag| (tag.key.clone(), json!(tag.source.as_str()))).collect();
    let dropped: Value =
        made.dropped.iter().map(|dropped| (dropped.key.clone(), json!(dropped.reason.as_str()))).collect();
    let mut line = Map::new();
    set(&mut line, "arn", made.resource.arn.as_str());
    set(&mut line, "result", made.result.as_str());
    set(&mut line, "tags", tags);
    let by = made.by.map(Route::as_str);
    for (key, value) in [("by", json!(by)), ("reason", json!(made.result.reason())), ("dropped", dropped)] {
        if value != json!(null) && value != json!({}) {
            set(&mut line, key, value);
        }
    }
    if settings.log_values {
        let values: Value = made.tags.iter().map(|tag| (tag.key.clone(), json!(tag.value))).collect();
        set(&mut line, "values", values);
    }
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Session;
    use crate::ports::Ports;
    use crate::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
    use crate::tagging::{Scope, tag_resources};
    use crate::tags::TagMap;

    fn logged(failure: Option<Failure>, values: &str) -> Value {
        let event = Event::from_json(json!({
            "eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "awsRegion": "eu-west-1", "eventID": "e-1",
            "eventTime": "2026-05-04T10:00:00Z", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "userName": "carl", "principalId": "AIDAX",
                             "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/carl"},
            "responseElements": {"topicArn": "arn:aws:sns:eu-west-1:111122223333:orders"},
        }))
        .expect("a record");
        let settings =
            Settings::read(|name| (name == "LOG_VALUES").then(|| values.to_owned())).expect("valid");
        let tags = TagMap::from([("Team".into(), "secret-value".into())]);
        let ports = Ports {
            sessions: MemorySessions::default(),
            principal_tags: GivenIamTags { tags: [("user/carl".to_owned(), tags)].into(), failure: None },
            lookups: GivenLookups::default(),
            tagger: CountingTagger {
                failures: failure.map(|failure| ("orders", failure)).into_iter().collect(),
                ..CountingTagger::default()
            },
        };
        let now = event.time().expect("a time");
        let (scope, events) = (Scope::default(), [&event]);
        let outcomes = tag_resources(&ports, &settings, &scope, |_| now, &events);
        let outcomes = futures_executor::block_on(outcomes);
        tagged(&settings, now, &event, &outcomes[0])
    }

    #[test]
    fn a_line_says_who_what_and_whose_tags_but_no_values() {
        let line = logged(None, "hide");
        assert_eq!(
            line,
            json!({
                "timestamp": "2026-05-04T10:00:00Z", "level": "INFO", "message": "tagged", "outcome": "tagged",
                "eventID": "e-1", "eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "region": "eu-west-1",
                "principal": "arn:aws:iam::111122223333:user/carl", "session": "none",
                "resources": [{"arn": "arn:aws:sns:eu-west-1:111122223333:orders", "result": "tagged",
                               "by": "sns:TagResource", "tags": {"Owner": "owner", "PrincipalId": "extra", "Team": "iam"}}],
            })
        );
    }

    #[test]
    fn values_are_logged_if_the_settings_say_so() {
        assert_eq!(logged(None, "show")["resources"][0]["values"]["Team"], "secret-value");
    }

    #[test]
    fn a_failure_is_logged_with_why_the_event_is_retried() {
        let line = logged(Some(Failure::other("Throttling: slow down")), "hide");
        assert_eq!((&line["level"], &line["outcome"]), (&json!("WARN"), &json!("retry")));
        assert_eq!(line["resources"][0]["result"], "failed");
        assert_eq!(line["resources"][0]["reason"], "Throttling: slow down");
        assert_eq!(
            line["retryReasons"][0],
            "arn:aws:sns:eu-west-1:111122223333:orders: Throttling: slow down"
        );
    }

    #[test]
    fn a_session_is_logged_without_its_token_and_values() {
        let event = Event::from_json(json!({
            "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": "2026-05-04T10:00:00Z",
            "recipientAccountId": "111122223333", "eventID": "e-2",
            "requestParameters": {"tags": [{"key": "Team", "value": "secret-value"}]},
            "responseElements": {
                "credentials": {"accessKeyId": "ASIAX", "sessionToken": "token", "expiration": "May 4, 2026, 11:00:00 AM"},
                "assumedRoleUser": {"assumedRoleId": "AROAX:ann", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}},
        }))
        .expect("a record");
        let session = Box::new(Session::of(&event).expect("a session"));
        let stored = Ok(Recorded::Stored(session));
        let line = recorded(OffsetDateTime::UNIX_EPOCH, &event, &stored);
        assert_eq!((&line["outcome"], &line["tags"]), (&json!("recorded"), &json!({"Team": "session"})));
        assert_eq!(
            (&line["session"], &line["expiresAt"]),
            (&json!("AROAX:ann"), &json!("2026-05-04T11:00:00Z"))
        );
        let text = line.to_string();
        assert!(!text.contains("secret-value") && !text.contains("token"), "{text}");
    }

    #[test]
    fn an_error_of_the_store_is_logged() {
        let event = Event::from_json(json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}));
        let line = recorded(
            OffsetDateTime::UNIX_EPOCH,
            &event.expect("a record"),
            &Err(Failure::other("throttled")),
        );
        assert_eq!((&line["level"], &line["reason"]), (&json!("ERROR"), &json!("throttled")));
    }
}
