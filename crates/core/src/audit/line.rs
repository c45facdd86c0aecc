//! A line of an audit: a head or a resource.

use serde::{Deserialize, Serialize};

use super::{Head, Resource, VERSION};
use crate::backfill::plan::Planned;

/// A line of an audit.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Head(Head),
    Resource(Box<Resource>),
}

/// Why a text is no line of an audit.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("expected a head or a resource: {0}")]
    Neither(serde_json::Error),
    #[error(
        "this is a plan of a backfill, not an audit: give it to `aws-tags audit --history`, and what that writes with `--json` here"
    )]
    Plan,
    #[error("expected version {VERSION} of the format, found {0}")]
    Version(u32),
}

/// A head stands in an object of its own, so that it is no resource.
#[derive(Serialize, Deserialize)]
struct Titled<T> {
    audit: T,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// It is neither a head nor a resource, or of another version.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let neither = match serde_json::from_str(text) {
            Ok(resource) => return Ok(Self::Resource(resource)),
            Err(error) => error,
        };
        // The version first: a head of another version may lack what this one has.
        let Ok(Titled { audit: Version { version } }) = serde_json::from_str(text) else {
            let is_planned = serde_json::from_str::<Planned>(text).is_ok();
            return Err(if is_planned { LineError::Plan } else { LineError::Neither(neither) });
        };
        if version != VERSION {
            return Err(LineError::Version(version));
        }
        let Titled { audit } = serde_json::from_str(text).map_err(LineError::Neither)?;
        Ok(Self::Head(audit))
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Serialize for Line {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Head(audit) => Titled { audit }.serialize(serializer),
            Self::Resource(resource) => resource.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{InventorySource, State, TagOrigin};

    const HEAD: &str = r#"{"audit":{"version":1,"at":"2026-11-26T20:00:00Z","accounts":["111122223333"],"regions":["eu-west-1"],"required":["Owner"],"inventory":[{"source":"service lists","account":"111122223333","region":"eu-west-1","resources":1234,"cannotSee":["never-tagged resources of types without a list operation"]}],"resources":1234,"partial":true}}"#;
    const RESOURCE: &str = r#"{"arn":"arn:aws:sqs:eu-west-1:111122223333:orders","type":"sqs:queue","account":"111122223333","region":"eu-west-1","state":"tagged-otherwise","created":{"at":"2026-11-26T20:00:00Z","event":"6bb45355","name":"CreateQueue","by":"arn:aws:iam::111122223333:user/ann","file":"a.json.gz"},"owner":"ann","missing":["Team"],"tags":[{"key":"Owner","value":"ann","from":"principal","run":"2026-11-26-k3"}],"guess":{"owner":"bo","why":"created the instance"}}"#;

    #[test]
    fn what_is_written_is_read_again_and_looks_the_same() {
        for text in [HEAD, RESOURCE] {
            let line = Line::parse(text).expect("a line");
            assert_eq!(serde_json::to_string(&line).expect("JSON"), text);
        }
    }

    #[test]
    fn what_may_be_absent_is_absent() {
        let least =
            r#"{"arn":"a","type":"sqs:queue","account":"1","region":"eu-west-1","state":"owner-unknown"}"#;
        let Ok(Line::Resource(resource)) = Line::parse(least) else { panic!("no resource") };
        assert_eq!((resource.state, resource.tags.len()), (State::OwnerUnknown, 0));
        let again = serde_json::to_string(&resource).expect("JSON");
        assert!(!again.contains("created") && !again.contains("guess"), "{again}");
        let older = HEAD.replace(r#""resources":1234,"partial""#, r#""partial""#);
        let Ok(Line::Head(head)) = Line::parse(&older) else { panic!("no head") };
        assert_eq!((head.resources, serde_json::to_string(&Line::Head(head)).expect("JSON")), (None, older));
    }

    #[test]
    fn words_are_those_of_the_format() {
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        for state in State::ALL {
            assert_eq!(word(serde_json::to_value(state).expect("JSON")), state.as_str());
        }
        for origin in TagOrigin::ALL {
            assert_eq!(word(serde_json::to_value(origin).expect("JSON")), origin.as_str());
        }
        use InventorySource::{GetResources, History, ListResources, ServiceLists};
        for source in [ListResources, GetResources, ServiceLists, History] {
            assert_eq!(word(serde_json::to_value(source).expect("JSON")), source.as_str());
        }
    }

    #[test]
    fn other_lines_say_what_is_wrong() {
        let error = |text: &str| Line::parse(text).map_err(|error| error.to_string()).expect_err("no line");
        assert_eq!(error(r#"{"audit":{"version":2}}"#), "expected version 1 of the format, found 2");
        assert!(error(&RESOURCE.replace("tagged-otherwise", "fine")).contains("unknown variant `fine`"));
        assert!(error(&RESOURCE.replace("2026-11-26T", "soon ")).contains("expected a time"));
        assert!(error(r#"{"audit":{"version":1}}"#).contains("missing field `at`"));
        assert!(error("{").contains("EOF"));
        let planned = r#"{"arn":"a","type":"sqs:queue","account":"1","region":"r","state":"add","event":{"name":"CreateQueue"}}"#;
        assert!(error(planned).starts_with("this is a plan of a backfill, not an audit: "));
    }
}
