//! Tags: keys and values, AWS's limits, and the spellings in which records have them.
//!
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::event::{member, scalar};

/// Tag keys and values, sorted by key.
pub type TagMap = BTreeMap<String, String>;

/// Longest key, in characters.
pub const KEY_LENGTH: usize = 128;
/// Longest value, in characters.
pub const VALUE_LENGTH: usize = 256;
/// User tags that most resources take.
pub const TAGS_PER_RESOURCE: usize = 50;
/// Keys that begin so, in any case of letters, belong to AWS.
const RESERVED: &str = "aws:";

/// Inserts; a key that differs only in case is replaced, and the new spelling kept.
///
/// Session and IAM tag keys are case-insensitive, resource tag keys are not.
pub fn insert_ignoring_case(tags: &mut TagMap, key: String, value: String) {
    tags.retain(|known, _| !known.eq_ignore_ascii_case(&key));
    tags.insert(key, value);
}

/// The tags in one JSON value: a `{key, value}` or `{tagKey, tagValue}` entry of a list, or a map.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let Value::Object(fields) = value else {
        return Vec::new();
    };
    let text = |value: &Value| match value {
        // An empty value is a value.
        Value::String(text) => Some(text.clone()),
        // Newer calls of EC2 turn "true" into true.
        Value::Bool(truth) => Some(truth.to_string()),
        other => scalar(other).map(std::borrow::Cow::into_owned),
    };
    let named = |name: &str, long: &str| member(fields, name).or_else(|| member(fields, long));
    match named("key", "tagKey").and_then(text) {
        Some(key) => {
            let value = named("value", "tagValue").and_then(text).unwrap_or_default();
            vec![(key, value)]
        }
        None => fields.iter().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect(),
    }
}

/// The alphabet of tag keys and values: letters, digits, spaces and `_ . : / = + - @`.
pub fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

pub(crate) fn starts_reserved(key: &str) -> bool {
    key.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

pub(crate) fn too_long(text: &str, limit: usize) -> bool {
    text.chars().count() > limit
}
