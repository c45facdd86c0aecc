//! One line for each event: who did what, what became of each resource, with whose tags. A line has
//! the keys of tags and their sources; their values only if the settings say so, and never a secret.
//!
//! `timestamp`, `level` and `message` are the names that Lambda's JSON log format knows.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::delivery::{Fate, Obstacle};
use crate::identity::Principal;
use crate::ports::Failure;
use crate::record::{Event, timestamp};
use crate::recording::Recorded;
use crate::settings::Settings;
use crate::sweep::Swept;
use crate::table::Route;
use crate::tagging::{Handling, Outcome, ResourceOutcome};

/// What the tag-handler did about an event.
pub fn tagged(
    settings: &Settings,
    now: OffsetDateTime,
    event: &Event,
    outcome: &Outcome,
) -> Map<String, Value> {
    let mut line = line(now, "INFO", outcome.as_str());
    describe(&mut line, event, &outcome.principal);
    match &outcome.handling {
        Handling::NotACreation => {
            set(&mut line, "reason", outcome.effect.reason().map(|why| why.into_owned()))
        }
        Handling::Skipped(why) => set(&mut line, "reason", why.to_string()),
        Handling::Unresolvable => {}
        Handling::LookedAfter(recorders) => set(&mut line, "reason", recorders.reason()),
        Handling::Swept(swept) => {
            set(&mut line, "reason", swept.to_string());
            if let Swept::LookedUp { part, tally, rest } = swept.as_ref() {
                for (key, value) in [("region", json!(part.region)), ("isWhole", json!(rest.is_none()))] {
                    set(&mut line, key, value);
                }
                for (key, count) in [
                    ("creations", tally.creations),
                    ("missed", tally.missed),
                    ("superseded", tally.superseded),
                ] {
                    set(&mut line, key, count);
                }
            }
        }
        Handling::Tagging(tagging) => {
            set(&mut line, "session", tagging.session.as_str());
            if let Some(parent) = &tagging.parent {
                set(&mut line, "parent", parent.to_string());
            }
            if let Some(stack) = tagging.deploy.as_ref().and_then(|deploy| deploy.stack.as_ref()) {
                set(&mut line, "remembers", stack.to_string());
            }
            let resources = tagging.resources.iter().map(|made| resource(settings, made));
            set(&mut line, "resources", Value::from_iter(resources));
        }
    }
    line
}

/// What the session-recorder did about an event; a failure is the store's.
pub fn recorded(
    now: OffsetDateTime,
    event: &Event,
    recorded: &Result<Recorded, Failure>,
) -> Map<String, Value> {
    let (name, reason) = match recorded {
        Ok(Recorded::Stored(_)) => ("recorded", None),
        Ok(Recorded::Heartbeat) => ("heartbeat", None),
        Ok(Recorded::MissedHeartbeat(failure)) => ("missed-heartbeat", Some(failure.to_string())),
        Ok(Recorded::OtherAccount) => ("skipped", Some("the role lives in another account".to_owned())),
        Ok(Recorded::Unmatchable) => {
            ("skipped", Some("the session has no id to match later calls by".to_owned()))
        }
        Ok(Recorded::NotASession(reason)) => ("not-a-session", Some(reason.to_string())),
        Err(_) => ("not-recorded", None),
    };
    let mut line = line(now, "INFO", name);
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
    line
}

/// A delivered message that is not a CloudTrail event.
pub fn unreadable(now: OffsetDateTime) -> Map<String, Value> {
    line(now, "ERROR", "unreadable")
}

/// An event that was not handled, as the function could not begin.
pub fn not_handled(now: OffsetDateTime, event: &Event) -> Map<String, Value> {
    let mut line = line(now, "ERROR", "not-handled");
    describe(&mut line, event, &Principal::of(event));
    line
}

/// The line with what becomes of the event, and why it is not done.
pub fn with_fate(mut line: Map<String, Value>, fate: &Fate, obstacles: &[Obstacle]) -> Value {
    let (level, name) = match fate {
        Fate::Done => return Value::Object(line),
        Fate::Again(_) => ("WARN", "retry"),
        Fate::GivenUp(_) => ("ERROR", "given-up"),
    };
    name_it(&mut line, level, name);
    match fate {
        Fate::Again(Some(pause)) => set(&mut line, "againInSeconds", pause.as_secs()),
        Fate::GivenUp(reason) => set(&mut line, "because", reason.as_str()),
        Fate::Done | Fate::Again(None) => {}
    }
    let reasons: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.message.as_str()).collect();
    set(&mut line, "unfinished", reasons);
    Value::Object(line)
}

fn line(now: OffsetDateTime, level: &str, outcome: &str) -> Map<String, Value> {
    let mut line = Map::new();
    set(&mut line, "timestamp", timestamp::format(now));
    name_it(&mut line, level, outcome);
    line
}

fn name_it(line: &mut Map<String, Value>, level: &str, outcome: &str) {
    set(line, "level", level);
    set(line, "message", outcome.replace('-', " "));
    set(line, "outcome", outcome);
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
    use crate::delivery::Queued;
    use crate::identity::Session;
    use crate::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
    use crate::ports::{FailureKind, Ports};
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
        let obstacles: Vec<Obstacle> = outcomes[0].unfinished().iter().map(Obstacle::from).collect();
        let queued = Queued { attempt: 2, ..Queued::default() };
        let fate = Fate::of(&obstacles, Some(&queued), now, 0);
        with_fate(tagged(&settings, now, &event, &outcomes[0]), &fate, &obstacles)
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
        let failure = |kind| Failure { kind, message: "Throttling: slow down".into() };
        let line = logged(Some(failure(FailureKind::Throttled)), "hide");
        assert_eq!((&line["level"], &line["outcome"]), (&json!("WARN"), &json!("retry")));
        assert_eq!(line["resources"][0]["result"], "failed");
        assert_eq!(line["resources"][0]["reason"], "Throttling: slow down");
        assert_eq!(line["unfinished"][0], "arn:aws:sns:eu-west-1:111122223333:orders: Throttling: slow down");
        let pause = line["againInSeconds"].as_u64();
        assert!(pause.is_some_and(|seconds| (45..=75).contains(&seconds)), "{pause:?}");
        let line = logged(Some(failure(FailureKind::Denied)), "hide");
        assert_eq!((&line["level"], &line["outcome"]), (&json!("ERROR"), &json!("given-up")));
        assert_eq!((&line["because"], &line["message"]), (&json!("denied"), &json!("given up")));
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
        let line = with_fate(recorded(OffsetDateTime::UNIX_EPOCH, &event, &stored), &Fate::Done, &[]);
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
        let (now, failed) = (OffsetDateTime::UNIX_EPOCH, Failure::other("throttled"));
        let obstacles = [Obstacle::from(&failed)];
        let line = recorded(now, &event.expect("a record"), &Err(failed));
        let line = with_fate(line, &Fate::Again(None), &obstacles);
        assert_eq!((&line["outcome"], &line["unfinished"][0]), (&json!("retry"), &json!("throttled")));
    }
}
