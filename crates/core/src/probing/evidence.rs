//! The file of what a probe found: one JSON object a line, sorted by type, so that people compare two
//! probes with `diff`. It says nothing of the account: no id, no ARN, no name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of the file's format.
const VERSION: u32 = 1;

/// What probes found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbedTypes {
    pub header: Header,
    types: BTreeMap<String, ProbedType>,
}

/// The first line: when and where AWS was asked. Without a date, nobody has asked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    version: u32,
    /// The day of the last answer, e.g. `2026-11-26`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionKind>,
}

/// Which kind of Region was asked; its name is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionKind {
    /// us-east-1, where the global services are.
    Global,
    /// Enabled in every account.
    Default,
    /// Enabled where somebody enabled it; services come later.
    OptIn,
}

/// What AWS says of one type of resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbedType {
    #[serde(rename = "type")]
    pub resource_type: String,
    /// What the Resource Groups Tagging API's `TagResources` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_resources: Option<Observed<TaggingApiAnswer>>,
    /// What the service's own operation that lists tags says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Observed<OwnAnswer>>,
    /// What the service's own operation that adds tags says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Observed<OwnAnswer>>,
    /// Why nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_probed: Option<String>,
}

/// An answer of AWS, and what it says in AWS's words, without the words that name something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed<A> {
    /// A service's own operation, e.g. `acm:ListTagsForResource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    pub answer: A,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

/// Whether `TagResources` takes a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaggingApiAnswer {
    /// It knows the type: the resource does not exist.
    Accepted,
    /// It does not take the type.
    Refused,
    /// Its answer tells neither.
    Unclear,
}

/// Whether a service's own operation answers as its model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnAnswer {
    /// It understands the request: the resource does not exist.
    AsModelled,
    /// It understands the request, but no resource can have such an ARN.
    Malformed,
    /// It does not take the type.
    Refused,
    /// The service has no such operation.
    UnknownOperation,
    /// The request is signed for another service or Region.
    WrongSignature,
    /// Nobody answers at its address.
    Unreachable,
    /// We may not call it.
    Denied,
    /// Its answer tells nothing.
    Unclear,
}

impl TaggingApiAnswer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unclear => "unclear",
        }
    }
}

impl OwnAnswer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsModelled => "as modelled",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::UnknownOperation => "unknown operation",
            Self::WrongSignature => "wrong signature",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Unclear => "unclear",
        }
    }

    /// Whether the operation is not what its model says.
    pub const fn contradicts_the_model(self) -> bool {
        matches!(self, Self::Refused | Self::UnknownOperation | Self::WrongSignature)
    }
}

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    line: usize,
    reason: String,
}

impl std::error::Error for Unreadable {}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl Default for Header {
    fn default() -> Self {
        Self { version: VERSION, date: None, partition: None, region: None }
    }
}

impl ProbedTypes {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let unreadable = |nth: usize, reason: String| Unreadable { line: nth + 1, reason };
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let Some((nth, first)) = lines.next() else { return Ok(Self::default()) };
        let header: Header =
            serde_json::from_str(first).map_err(|error| unreadable(nth, error.to_string()))?;
        if header.version != VERSION {
            let reason = format!("expected version {VERSION}, found `{}`", header.version);
            return Err(unreadable(nth, reason));
        }
        let mut probed = Self { header, types: BTreeMap::new() };
        for (nth, line) in lines {
            let one: ProbedType =
                serde_json::from_str(line).map_err(|error| unreadable(nth, error.to_string()))?;
            let again = format!("the type `{}` is there twice", one.resource_type);
            if probed.types.insert(one.resource_type.clone(), one).is_some() {
                return Err(unreadable(nth, again));
            }
        }
        Ok(probed)
    }

    pub fn get(&self, resource_type: &str) -> Option<&ProbedType> {
        self.types.get(resource_type)
    }

    pub fn insert(&mut self, one: ProbedType) {
        self.types.insert(one.resource_type.clone(), one);
    }

    pub fn iter(&self) -> impl Iterator<Item = &ProbedType> {
        self.types.values()
    }

    /// Whether the tagging API refuses a type.
    pub fn refused(&self, resource_type: &str) -> bool {
        self.tagging_api(resource_type) == Some(TaggingApiAnswer::Refused)
    }

    /// What the tagging API says of a type.
    pub fn tagging_api(&self, resource_type: &str) -> Option<TaggingApiAnswer> {
        Some(self.get(resource_type)?.tag_resources.as_ref()?.answer)
    }

    /// Whether a service's own tag operation answered as its model says.
    pub fn confirms(&self, operation: &str, resource_type: &str) -> bool {
        let asked = self.get(resource_type).and_then(|one| one.tag.as_ref());
        asked.is_some_and(|one| {
            one.operation.as_deref() == Some(operation) && one.answer == OwnAnswer::AsModelled
        })
    }
}

impl fmt::Display for ProbedTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |value: Result<String, serde_json::Error>| value.map_err(|_| fmt::Error);
        writeln!(f, "{}", line(serde_json::to_string(&self.header))?)?;
        self.types.values().try_for_each(|one| writeln!(f, "{}", line(serde_json::to_string(one))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"version":1,"date":"2026-11-26","partition":"aws","region":"default"}
{"type":"cassandra:table","tagResources":{"answer":"refused","said":"InvalidParameterException: Unrecognized service or resource type for tagging"},"tag":{"operation":"cassandra:TagResource","answer":"as-modelled","said":"ResourceNotFoundException"}}
{"type":"securityhub:hub","notProbed":"its ARN has no part to invent"}
"#;

    #[test]
    fn a_file_is_written_as_it_was_read() {
        let probed = ProbedTypes::parse(FILE).expect("readable");
        assert_eq!(probed.to_string(), FILE);
        assert!(probed.refused("cassandra:table") && !probed.refused("securityhub:hub"));
        assert!(probed.confirms("cassandra:TagResource", "cassandra:table"));
        assert!(!probed.confirms("cassandra:TagTable", "cassandra:table"));
    }

    #[test]
    fn lines_are_sorted_whatever_their_order() {
        let mut lines: Vec<&str> = FILE.lines().collect();
        lines[1..].reverse();
        assert_eq!(ProbedTypes::parse(&lines.join("\n")).expect("readable").to_string(), FILE);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, reason) in [
            (r#"{"version":2}"#.to_owned(), "line 1: expected version 1, found `2`"),
            (r#"{"version":1,"account":"x"}"#.to_owned(), "line 1: unknown field `account`"),
            (format!("{FILE}{{"), "line 4: EOF"),
            (
                format!("{FILE}{}", FILE.lines().last().unwrap_or_default()),
                "line 4: the type `securityhub:hub` is there twice",
            ),
            (
                "{\"version\":1}\n{\"type\":\"a:b\",\"tagResources\":{\"answer\":\"maybe\"}}".to_owned(),
                "line 2: unknown variant `maybe`",
            ),
        ] {
            let error = ProbedTypes::parse(&text).expect_err("unreadable").to_string();
            assert!(error.starts_with(reason), "{error}");
        }
        assert_eq!(ProbedTypes::parse(""), Ok(ProbedTypes::default()));
    }
}
