//! The plan of a backfill: a line of JSON for each resource, with the tags that it would get and why, or why none.
//!
//! It is made and shown before anything is written; what applies it reads nothing else of the past.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::record::timestamp;
use crate::tags::{Tag, TagMap};

/// What is planned for one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    pub arn: String,
    /// Resource type of the Service Authorization Reference, e.g. `sqs:queue`: with ARN and Region it says how it is
    /// read and tagged.
    #[serde(rename = "type")]
    pub resource_type: String,
    pub account: String,
    /// The Region in which it is tagged.
    pub region: String,
    pub state: State,
    /// Why it is in that state, where a reader would ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The creation that counts: the last one.
    pub event: Origin,
    /// The ARN of who made the call, or the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The STS call that began the caller's session, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Origin>,
    /// The tags that it lacks and would get, the most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<PlannedTag>,
    /// Tags of the same keys that it has, and keeps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keep: TagMap,
    /// Who else may own it, where no history tells: shown, never written unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
    /// What became of the name before: creations and deletions, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Origin>,
}

/// What is to be done with a resource: exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It gets the tags of `add`.
    Add,
    /// It has every tag that it would get.
    Complete,
    /// It is not there any more: deleted, by the history or by what AWS answers.
    Gone,
    /// Whose it is cannot be said for certain.
    Unsure,
    /// Nothing reads the tags of its kind, so that they cannot be kept.
    Unreadable,
    /// Settings or a skip mark leave it alone.
    Excluded,
    /// Its record does not tell which resource was created.
    Unresolvable,
}

impl State {
    /// As the plan spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Complete => "complete",
            Self::Gone => "gone",
            Self::Unsure => "unsure",
            Self::Unreadable => "unreadable",
            Self::Excluded => "excluded",
            Self::Unresolvable => "unresolvable",
        }
    }
}

/// A record of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// `eventID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `eventTime`, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    pub time: Option<OffsetDateTime>,
    /// `eventName`.
    pub name: String,
    /// The ARN of who made the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A tag that a resource would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTag {
    pub key: String,
    pub value: String,
    /// Where it comes from, as logs name it: `owner`, `session`, `iam`, `extra`, `parent`.
    pub source: String,
}

impl From<&Tag> for PlannedTag {
    fn from(tag: &Tag) -> Self {
        Self { key: tag.key.clone(), value: tag.value.clone(), source: tag.source.as_str().to_owned() }
    }
}

/// An owner that is likely, and not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guess {
    pub owner: String,
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_plan_is_read_back_as_it_was_written() {
        let line = r#"{"arn":"arn:aws:sqs:eu-west-1:111122223333:orders","type":"sqs:queue","account":"111122223333","region":"eu-west-1","state":"add","event":{"id":"6bb45355","time":"2025-03-04T10:12:55Z","name":"CreateQueue"},"by":"arn:aws:sts::111122223333:assumed-role/dev/ann","add":[{"key":"Owner","value":"ann","source":"owner"}],"keep":{"Env":"prod"}}"#;
        let planned: Planned = serde_json::from_str(line).expect("a line of the plan");
        assert_eq!(planned.state, State::Add);
        assert_eq!(serde_json::to_string(&planned).expect("JSON"), line);
    }

    #[test]
    fn a_field_that_nobody_knows_is_an_error() {
        let line = r#"{"arn":"a","type":"t","account":"1","region":"r","state":"gone","event":{"name":"n"},"owner":"x"}"#;
        let error = serde_json::from_str::<Planned>(line).expect_err("an unknown field");
        assert!(error.to_string().contains("unknown field `owner`"), "{error}");
    }

    #[test]
    fn a_state_is_written_as_it_is_shown() {
        use State::{Add, Complete, Excluded, Gone, Unreadable, Unresolvable, Unsure};
        for state in [Add, Complete, Gone, Unsure, Unreadable, Excluded, Unresolvable] {
            assert_eq!(serde_json::to_value(state).expect("JSON"), state.as_str());
        }
    }
}
