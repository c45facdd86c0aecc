//! What a call did, from its record alone.

use std::borrow::Cow;

use crate::identity::{NotASession, Principal, STS, Session};
use crate::record::Event;
use crate::stacks::{Act, CLOUDFORMATION, Deploy, Stack};
use crate::table::{Creation, Ending, LocateError, Nothing, created, rows};

/// The event source of heartbeats: events that a schedule sends through a function's own queue. By the
/// session-recorder's, whoever looks for a session knows until when all are recorded; by its own, the
/// tag-handler shows that events reach it, and looks after the recorders.
pub const HEARTBEAT: &str = "heartbeat.aws-tags";
/// The event source of sweeps: messages of a schedule, and of the tag-handler to itself, at which it looks up what
/// events missed.
pub const SWEEP: &str = "sweep.aws-tags";

/// What the call of a CloudTrail record did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It created resources: named in the record, or to be looked up.
    Created(Creation),
    /// It creates resources, and its record does not name them where it should.
    Unresolvable(Vec<LocateError>),
    /// It is known, and there is nothing to tag.
    NothingToTag(Ending),
    /// It created resources of another account.
    NotOurs(LocateError),
    /// It failed, or was a dry run; the error code.
    FailedCall(String),
    /// The record is of another category than calls: a call through a VPC endpoint has a second record,
    /// without request and response.
    NotACall(String),
    /// It deployed a stack, or prepared that: who did is remembered. `None` where only the change set is named.
    Deployed(Option<Stack>),
    /// No row covers it.
    NotSupported,
    /// It started a session.
    Session(Box<Session>),
    /// It is a call of STS that started no session which could carry tags.
    NotASession(NotASession),
    /// It is no call: a schedule of ours sent it through a function's queue.
    Heartbeat,
    /// It is no call: a schedule of ours, or the tag-handler itself, asks for a sweep.
    Sweep,
}

/// The categories of records of calls.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
pub(crate) const CALLS: &[&str] = &["Management", "Data"];

impl Effect {
    /// Reads a record.
    pub fn of(event: &Event) -> Self {
        if let Some(category) = event.text("eventCategory").filter(|category| !CALLS.contains(&&**category)) {
            return Self::NotACall(category.into_owned());
        }
        if event.source == HEARTBEAT {
            return Self::Heartbeat;
        }
        if event.source == SWEEP {
            return Self::Sweep;
        }
        if event.source == STS {
            return match Session::of(event) {
                Ok(session) => Self::Session(Box::new(session)),
                Err(reason) => Self::NotASession(reason),
            };
        }
        let known = rows(&event.source, &event.name);
        let deploy = deploy(event).filter(|deploy| deploy.act != Act::Creates);
        if let (Some(code), true) = (event.error_code(), known.is_some() || deploy.is_some()) {
            return Self::FailedCall(code.into_owned());
        }
        if let Some(deploy) = deploy {
            return Self::Deployed(deploy.stack);
        }
        let Some((service, rows)) = known else {
            return Self::NotSupported;
        };
        match created(service, rows, event) {
            Err(Nothing::Ending(ending)) => Self::NothingToTag(ending),
            Err(Nothing::NotOurs(error)) => Self::NotOurs(error),
            Ok(creation) if !creation.resources.is_empty() || !creation.lookups.is_empty() => {
                Self::Created(creation)
            }
            Ok(creation) if creation.missing.is_empty() => {
                Self::NothingToTag(Ending::NothingCreated("the response lists none"))
            }
            Ok(creation) => Self::Unresolvable(creation.missing),
        }
    }

    /// The `outcome` of `explain --json`, and of the log where the effect is all there is to say.
    pub fn as_str(&self) -> &'static str {
        match self {
            // Only a lookup can find them: the record itself names none.
            Self::Created(creation) if creation.resources.is_empty() => "unresolvable",
            Self::Created(_) => "tag",
            Self::Unresolvable(_) => "unresolvable",
            Self::NothingToTag(ending) => ending.as_str(),
            Self::NotOurs(_) => "not-ours",
            Self::FailedCall(_) => "failed-call",
            Self::NotACall(_) => "not-a-call",
            Self::Deployed(_) => "deploy",
            Self::NotSupported => "not-supported",
            Self::Session(_) => "session",
            Self::NotASession(_) => "skip",
            Self::Heartbeat => "heartbeat",
            Self::Sweep => "sweep",
        }
    }

    /// Why, where a reader would ask.
    pub fn reason(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Created(creation) if creation.resources.is_empty() => {
                let types: Vec<_> = creation.lookups.iter().map(|lookup| lookup.resource_type()).collect();
                format!("the record does not name it: {} needs a lookup in AWS", types.join(", ")).into()
            }
            Self::Created(Creation { missing, .. }) | Self::Unresolvable(missing) if !missing.is_empty() => {
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                missing.join("; ").into()
            }
            Self::NothingToTag(ending) => ending.reason().into(),
            Self::NotOurs(error) => error.to_string().into(),
            Self::FailedCall(code) => code.as_str().into(),
            Self::NotACall(category) => format!("a record of the category {category}").into(),
            Self::NotASession(reason) => reason.to_string().into(),
            Self::Deployed(stack) => {
                let stack = stack.as_ref().map_or_else(|| "a stack".to_owned(), ToString::to_string);
                format!("who deploys {stack} is remembered").into()
            }
            Self::Sweep => "no call: the tag-handler looks up the creations that events missed".into(),
            Self::Created(_)
            | Self::Unresolvable(_)
            | Self::NotSupported
            | Self::Session(_)
            | Self::Heartbeat => return None,
        })
    }

    /// Why the resources of a creation cannot be found. Such an event is kept for redrive, never dropped.
    pub fn unresolvable(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Unresolvable(_) | Self::NothingToTag(Ending::Unresolvable(_)) => self.reason(),
            _ => None,
        }
    }
}

/// Only CloudFormation's records are read for it.
fn deploy(event: &Event) -> Option<Deploy> {
    (event.source == CLOUDFORMATION).then(|| Deploy::of(event, &Principal::of(event)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn outcome_of(mut record: Value) -> &'static str {
        record["awsRegion"] = json!("eu-west-1");
        record["recipientAccountId"] = json!("111122223333");
        Effect::of(&Event::from_json(record).expect("a record")).as_str()
    }

    #[test]
    fn a_record_has_one_effect() {
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
                "not-a-call",
                json!({"eventSource": "kms.amazonaws.com", "eventName": "CreateKey",
                                  "eventCategory": "NetworkActivity"}),
            ),
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
            (
                "deploy",
                json!({"eventSource": "cloudformation.amazonaws.com", "eventName": "UpdateStack", "eventID": "e",
                       "eventTime": "2026-05-04T10:00:00Z", "requestParameters": {"stackName": "web"}}),
            ),
            ("heartbeat", json!({"eventSource": HEARTBEAT, "eventName": "Heartbeat"})),
            ("sweep", json!({"eventSource": SWEEP, "eventName": "Sweep"})),
        ] {
            assert_eq!(outcome_of(record.clone()), expected, "{record}");
        }
    }
}
