//! What a record means, told from the record alone.

use crate::event::Event;
use crate::services::{Creation, Ending, created, rows};
use crate::session::{NoSession, STS, Session};

/// What a CloudTrail record means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The call created resources: named in the record, or to be looked up.
    Created(Creation),
    /// A creating call whose resources the record does not tell; the text says why.
    Unresolvable(String),
    /// The call made no resource (yet).
    NothingCreated(String),
    /// The call failed, or was a dry run; the error code.
    FailedCall(String),
    /// What the call makes takes no tags.
    NotTaggable(String),
    /// It changed something that was there before.
    Update(String),
    /// No row knows the call.
    NotSupported,
    /// An STS record that starts a session.
    Session(Box<Session>),
    /// An STS record that starts none.
    Skip(String),
}

impl Meaning {
    /// Reads a record.
    pub fn of(event: &Event) -> Self {
        if event.source == STS {
            return match Session::of(event) {
                Ok(session) => Self::Session(Box::new(session)),
                Err(NoSession(reason)) => Self::Skip(reason),
            };
        }
        let Some((service, rows)) = rows(&event.source, &event.name) else {
            return Self::NotSupported;
        };
        if let Some(code) = event.error_code() {
            return Self::FailedCall(code.into_owned());
        }
        match created(service, rows, event) {
            Ok(creation) if !creation.resources.is_empty() || !creation.questions.is_empty() => {
                Self::Created(creation)
            }
            Ok(creation) if creation.missing.is_empty() => {
                Self::NothingCreated("the response lists none".to_owned())
            }
            Ok(creation) => Self::Unresolvable(creation.missing.join("; ")),
            Err(Ending::NothingCreated(why)) => Self::NothingCreated(why.to_owned()),
            Err(Ending::NotTaggable(why)) => Self::NotTaggable(why.to_owned()),
            Err(Ending::Update(why)) => Self::Update(why.to_owned()),
            Err(Ending::Unresolvable(why)) => Self::Unresolvable(why.to_owned()),
        }
    }

    /// One word for it, as `explain --json` and the logs say it.
    pub fn word(&self) -> &'static str {
        match self {
            // Only a look-up can tell: the record itself names nothing.
            Self::Created(creation) if creation.resources.is_empty() => "unresolvable",
            Self::Created(_) => "tag",
            Self::Unresolvable(_) => "unresolvable",
            Self::NothingCreated(_) => "nothing-created",
            Self::FailedCall(_) => "failed-call",
            Self::NotTaggable(_) => "not-taggable",
            Self::Update(_) => "update",
            Self::NotSupported => "not-supported",
            Self::Session(_) => "session",
            Self::Skip(_) => "skip",
        }
    }

    /// Why, where a reader would ask; empty otherwise.
    pub fn reason(&self) -> String {
        match self {
            Self::Created(creation) if creation.resources.is_empty() => {
                let kinds: Vec<_> = creation.questions.iter().map(|question| question.kind()).collect();
                format!("the record does not name it: {} is looked up when it is tagged", kinds.join(", "))
            }
            Self::Created(creation) => creation.missing.join("; "),
            Self::Unresolvable(why)
            | Self::NothingCreated(why)
            | Self::FailedCall(why)
            | Self::NotTaggable(why)
            | Self::Update(why)
            | Self::Skip(why) => why.clone(),
            Self::NotSupported | Self::Session(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn word(mut record: Value) -> &'static str {
        record["awsRegion"] = json!("eu-west-1");
        record["recipientAccountId"] = json!("111122223333");
        Meaning::of(&Event::from_json(record).expect("a record")).word()
    }

    #[test]
    fn a_record_has_one_meaning() {
        for (expected, record) in [
            ("not-supported", json!({"eventSource": "unheard.amazonaws.com", "eventName": "CreateThing"})),
            ("not-supported", json!({"eventSource": "ec2.amazonaws.com", "eventName": "AttachVolume"})),
            (
                "failed-call",
                json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume",
                                   "errorCode": "Client.DryRunOperation"}),
            ),
            ("unresolvable", json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume"})),
            (
                "unresolvable",
                json!({"eventSource": "secretsmanager.amazonaws.com", "eventName": "CreateSecret",
                                    "requestParameters": {"name": "db"}}),
            ),
            (
                "nothing-created",
                json!({"eventSource": "ecs.amazonaws.com", "eventName": "RunTask",
                                       "responseElements": {"tasks": [], "failures": [{"reason": "MISSING"}]}}),
            ),
            ("not-taggable", json!({"eventSource": "dynamodb.amazonaws.com", "eventName": "CreateBackup"})),
            ("nothing-created", json!({"eventSource": "s3.amazonaws.com", "eventName": "UploadPart"})),
            (
                "update",
                json!({"eventSource": "ssm.amazonaws.com", "eventName": "PutParameter",
                              "requestParameters": {"name": "/a"}, "responseElements": {"version": 2}}),
            ),
            (
                "tag",
                json!({"eventSource": "ssm.amazonaws.com", "eventName": "PutParameter",
                           "requestParameters": {"name": "/a"}, "responseElements": {"version": 1}}),
            ),
            ("skip", json!({"eventSource": "sts.amazonaws.com", "eventName": "GetSessionToken"})),
        ] {
            assert_eq!(word(record.clone()), expected, "{record}");
        }
    }
}
