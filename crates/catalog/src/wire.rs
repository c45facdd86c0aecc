//! What a request is made of: the same types as the table's, which are all static, with texts of their own.

use serde::Deserialize;

/// The protocol that the caller speaks and the service understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    Json { version: String, target: String },
    RestJson,
    RestXml { root: String, namespace: String },
    Query { action: String, version: String },
}

impl Protocol {
    /// Whether bodies are JSON; else they are XML, or forms that are answered in XML.
    pub const fn is_json(&self) -> bool {
        matches!(self, Self::Json { .. } | Self::RestJson)
    }
}

/// Where a member of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    Payload,
    Label,
    Query,
    Header,
}

impl Binding {
    /// By the model's word for it.
    pub fn of(location: Option<&str>) -> Option<Self> {
        Some(match location {
            None => Self::Payload,
            Some("uri") => Self::Label,
            Some("querystring") => Self::Query,
            Some("header") => Self::Header,
            Some(_) => return None,
        })
    }
}

/// What a member says of the resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    Arn,
    /// The last part of the ARN.
    Id,
    /// The part after the type.
    Name,
    /// The same, with a slash before it if there is one in it.
    Hierarchy,
    /// The part after these words.
    After(String),
    /// One of the parts between slashes, the type being the first.
    Part(usize),
    /// Another word for the first part of the ARN's resource.
    Type(Vec<Word>),
    Account,
    QueueUrl,
    /// Always the same.
    Fixed(String),
}

/// The word for the first part of an ARN's resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    pub part: String,
    pub word: String,
}

/// A member of a request that names the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<V = Value> {
    pub name: String,
    pub binding: Binding,
    pub value: V,
    pub list: bool,
}

/// What a tag says besides its key and value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagMember {
    Resource(Value),
    AtLaunch,
}

/// What a member of a lookup's request or answer says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordValue {
    /// The id or name that is looked up.
    Subject,
    /// What the record has at the first of these paths.
    Recorded(Vec<String>),
    /// Always the same.
    Fixed(String),
}

/// States of what ends later than the call that began it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub at: String,
    pub done: Vec<String>,
    #[serde(default)]
    pub failed: Vec<String>,
}

/// The shape of tags in a request or an answer. In an answer, the name is the path to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagShape {
    Map { name: String },
    List { name: String, key: String, value: String },
}

/// How an operation answers in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The member that asks for the next part.
    pub ask: String,
    pub binding: Binding,
    /// Path to what it is asked with, in the answer.
    pub next: String,
}

/// The shape of keys in a request that takes tags away. In forms and XML the name is the whole path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyShape {
    /// A list of keys.
    Keys { name: String, binding: Binding },
    /// A list of tags, with values only where these are required.
    Tags { name: String, key: String, value: Option<String> },
}
