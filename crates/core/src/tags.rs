//! Tags: keys, values and where they come from, and AWS's limits.
//!
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use std::collections::BTreeMap;
use std::fmt;

/// Tag keys and values, sorted by key.
pub type TagMap = BTreeMap<String, String>;

/// A tag and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Key, in the case of its source.
    pub key: String,
    pub value: String,
    pub source: TagSource,
}

/// Where a tag comes from, the most important source first: a resource that cannot take all tags
/// loses the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagSource {
    /// The owner that this program states.
    Owner,
    /// A tag of the session.
    Session,
    /// A tag of the IAM role or user.
    Iam,
    /// `PrincipalId`, and tags made from templates.
    Extra,
}

impl TagSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Session => "session",
            Self::Iam => "iam",
            Self::Extra => "extra",
        }
    }
}

impl fmt::Display for TagSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Longest key, in characters.
pub(crate) const KEY_LENGTH: usize = 128;
/// Longest value, in characters.
pub(crate) const VALUE_LENGTH: usize = 256;
/// Limit on the user tags of most resources.
pub(crate) const TAGS_PER_RESOURCE: usize = 50;
/// Prefix of keys that AWS reserves, case-insensitive.
const RESERVED: &str = "aws:";

/// Inserts a tag; it replaces one whose key differs only in case.
///
/// Session and IAM tag keys are case-insensitive, resource tag keys are not.
pub(crate) fn insert_case_insensitive(tags: &mut TagMap, key: String, value: String) {
    tags.retain(|known, _| !known.eq_ignore_ascii_case(&key));
    tags.insert(key, value);
}

/// The alphabet of tag keys and values: letters, digits, spaces and `_ . : / = + - @`.
pub(crate) fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

pub(crate) fn starts_reserved(key: &str) -> bool {
    key.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

pub(crate) fn too_long(text: &str, limit: usize) -> bool {
    text.chars().count() > limit
}
