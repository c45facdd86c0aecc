//! One line an event: who did what, what became of each resource, with whose tags. Keys of tags and
//! their sources; values only where the settings say so, and never a secret.
//!
//! `timestamp`, `level` and `message` are the names that Lambda's JSON log format knows.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::Recorded;
use crate::event::Event;
use crate::principal::Principal;
use crate::settings::Settings;
use crate::tagging::{Outcome, Skip, Tagged};
use crate::timestamp;

/// What the tag handler did about an event.
pub fn tagged(settings: &Settings, now: OffsetDateTime, event: &Event, outcome: &Outcome) -> Value {
    let again = outcome.retry_reasons();
    let word = match &outcome.skipped {
        Some(Skip::Nothing) => outcome.meaning.word(),
        Some(_) => "left-alone",
        None if again.is_empty() => "tagged",
        None => "must-come-again",
    };
    let level = if again.is_empty() { "INFO" } else { "WARN" };
    let mut line = line(now, level, word);
    describe(&mut line, event, &outcome.principal);
    match &outcome.skipped {
        Some(Skip::Nothing) => set(&mut line, "reason", outcome.meaning.reason()),
        Some(why) => set(&mut line, "reason", why.to_string()),
        None => {
            set(&mut line, "session", outcome.session.word());
            let resources = outcome.resources.iter().map(|tagged| resource(settings, outcome, tagged));
            set(&mut line, "resources", Value::from_iter(resources));
        }
    }
    if !again.is_empty() {
        set(&mut line, "again", again);
    }
    Value::Object(line)
}

/// What the session recorder did about an event; an error is the store's.
pub fn recorded(now: OffsetDateTime, event: &Event, recorded: &Result<Recorded, String>) -> Value {
    let (level, word, reason) = match recorded {
        Ok(Recorded::Stored(_)) => ("INFO", "recorded", None),
        Ok(Recorded::Elsewhere) => ("INFO", "left-alone", Some("the role lives in another account")),
        Ok(Recorded::Unmatchable) => {
            ("INFO", "left-alone", Some("the session has no id to match later calls by"))
        }
        Ok(Recorded::NoSession(reason)) => ("INFO", "no-session", Some(reason.as_str())),
        Err(reason) => ("ERROR", "must-come-again", Some(reason.as_str())),
    };
    let mut line = line(now, level, word);
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

/// Something delivered that is no CloudTrail event.
pub fn unreadable(now: OffsetDateTime, reason: &str) -> Value {
    let mut line = line(now, "ERROR", "unreadable");
    set(&mut line, "reason", reason);
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

fn resource(settings: &Settings, outcome: &Outcome, tagged: &Tagged) -> Value {
    let (result, reason) = match (&tagged.failed, &tagged.skipped) {
        (Some(why), _) => ("failed", Some(why)),
        (None, Some(why)) => ("skipped", Some(why)),
        (None, None) => ("tagged", None),
    };
    let source = |key: &str| {
        let tag = outcome.merged.tags.iter().find(|tag| tag.key == key);
        tag.map(|tag| tag.source.to_string())
    };
    let tags: Value = tagged.tags.keys().map(|key| (key.clone(), json!(source(key)))).collect();
    let dropped: Value =
        tagged.dropped.iter().map(|dropped| (dropped.key.clone(), json!(dropped.reason))).collect();
    let mut line = Map::new();
    set(&mut line, "arn", tagged.resource.arn.as_str());
    set(&mut line, "result", result);
    set(&mut line, "tags", tags);
    for (key, value) in [("reason", json!(reason)), ("dropped", dropped)] {
        if value != json!(null) && value != json!({}) {
            set(&mut line, key, value);
        }
    }
    if settings.log_values {
        set(&mut line, "values", json!(tagged.tags));
    }
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::{Caller, IamIdentity};
    use crate::services::Question;
    use crate::tagging::{Cloud, Failure, LookUps, PrincipalTags, Served, SessionStore, Tagger};
    use crate::tags::TagMap;
    use crate::{Batch, Session, tag_resources};
    use std::convert::Infallible;

    /// A cloud that has one IAM tag, no sessions, and a tagger that says what it is told.
    struct Cloudlet(Result<(), Failure>);

    impl SessionStore for Cloudlet {
        type Error = Infallible;
        async fn put(&self, _: &Session) -> Result<(), Infallible> {
            Ok(())
        }
        async fn find(
            &self,
            _: &Caller,
            _: (OffsetDateTime, OffsetDateTime),
        ) -> Result<Vec<Session>, Infallible> {
            Ok(Vec::new())
        }
    }

    impl PrincipalTags for Cloudlet {
        type Error = Infallible;
        async fn tags(&self, _: &IamIdentity) -> Result<Option<TagMap>, Infallible> {
            Ok(Some(TagMap::from([("Team".into(), "secret-value".into())])))
        }
    }

    impl LookUps for Cloudlet {
        async fn look_up(&self, _: &Question, _: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
            Ok(Vec::new())
        }
    }

    impl Tagger for Cloudlet {
        async fn tag(&self, batch: &Batch) -> Vec<Result<(), Failure>> {
            batch.resources.iter().map(|_| self.0.clone()).collect()
        }
    }

    fn logged(answer: Result<(), Failure>, values: &str) -> Value {
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
        let part = || Cloudlet(answer.clone());
        let cloud = Cloud { sessions: part(), principals: part(), look_ups: part(), tagger: part() };
        let now = event.time().expect("a time");
        let served = Served::default();
        let events = [event];
        let outcomes = tag_resources(&cloud, &settings, &served, |_| now, &events);
        let outcomes = futures_executor::block_on(outcomes);
        tagged(&settings, now, &events[0], &outcomes[0])
    }

    #[test]
    fn a_line_says_who_what_and_whose_tags_but_no_values() {
        let line = logged(Ok(()), "hide");
        assert_eq!(
            line,
            json!({
                "timestamp": "2026-05-04T10:00:00Z", "level": "INFO", "message": "tagged", "outcome": "tagged",
                "eventID": "e-1", "eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "region": "eu-west-1",
                "principal": "arn:aws:iam::111122223333:user/carl", "session": "none",
                "resources": [{"arn": "arn:aws:sns:eu-west-1:111122223333:orders", "result": "tagged",
                               "tags": {"Owner": "owner", "PrincipalId": "extra", "Team": "iam"}}],
            })
        );
    }

    #[test]
    fn values_are_there_when_asked_for() {
        assert_eq!(logged(Ok(()), "show")["resources"][0]["values"]["Team"], "secret-value");
    }

    #[test]
    fn a_failure_says_why_and_that_the_event_must_come_again() {
        let line = logged(Err(Failure::new("Throttling: slow down")), "hide");
        assert_eq!((&line["level"], &line["outcome"]), (&json!("WARN"), &json!("must-come-again")));
        assert_eq!(line["resources"][0]["result"], "failed");
        assert_eq!(line["resources"][0]["reason"], "Throttling: slow down");
        assert_eq!(line["again"][0], "arn:aws:sns:eu-west-1:111122223333:orders: Throttling: slow down");
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
        let line = recorded(OffsetDateTime::UNIX_EPOCH, &event, &Ok(Recorded::Stored(session)));
        assert_eq!((&line["outcome"], &line["tags"]), (&json!("recorded"), &json!({"Team": "session"})));
        assert_eq!(
            (&line["session"], &line["expiresAt"]),
            (&json!("AROAX:ann"), &json!("2026-05-04T11:00:00Z"))
        );
        let text = line.to_string();
        assert!(!text.contains("secret-value") && !text.contains("token"), "{text}");
    }

    #[test]
    fn an_error_of_the_store_is_said() {
        let event = Event::from_json(json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}));
        let line = recorded(OffsetDateTime::UNIX_EPOCH, &event.expect("a record"), &Err("throttled".into()));
        assert_eq!((&line["level"], &line["reason"]), (&json!("ERROR"), &json!("throttled")));
    }
}
