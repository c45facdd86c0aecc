//! Reading JSON by path, whatever the spelling.
//!
//! The same API member is spelled `dBInstanceArn`, `aRN` or `ARN`, and lists are wrapped in
//! `items`, `item` or nothing. All of that is handled here, so that a row of the table is a plain path.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Texts that CloudTrail writes in place of a value that it hides.
const HIDDEN: &[&str] = &["HIDDEN_DUE_TO_SECURITY_REASONS", "***"];

/// A scalar as text; `None` for empty, blank and hidden ones.
///
/// EC2's request lists hold `{"tag": 1, "content": "sg-…"}` in place of a plain text.
pub(crate) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => {
            let hidden = text.trim().is_empty() || HIDDEN.iter().any(|mark| text.starts_with(mark));
            (!hidden).then_some(Cow::Borrowed(text.as_str()))
        }
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Object(fields) if fields.contains_key("tag") => fields.get("content").and_then(scalar),
        _ => None,
    }
}

/// The member named `key`, compared case-insensitively and without hyphens and underscores:
/// `applicationId` finds `application-id` too. The exact spelling wins.
pub(crate) fn member<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let named = |key: &str| {
        fields
            .get(key)
            .or_else(|| fields.iter().find(|(name, _)| same_name(name, key)).map(|(_, value)| value))
    };
    named(key).or_else(|| named((key == "items").then_some("item")?))
}

fn same_name(name: &str, key: &str) -> bool {
    fn normalized(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
    }
    let has_separator = || name.bytes().any(|byte| matches!(byte, b'-' | b'_'));
    // Most differ in their first letter: a member that is not there is looked for among all.
    normalized(name).next() == normalized(key).next()
        && (name.eq_ignore_ascii_case(key) || (has_separator() && normalized(name).eq(normalized(key))))
}

/// The tags in one JSON value: a `{key, value}` or `{tagKey, tagValue}` entry of a list, or a map.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let Value::Object(fields) = value else {
        return Vec::new();
    };
    let text = |value: &Value| match value {
        // An empty value is a value.
        Value::String(text) => Some(text.clone()),
        // Newer EC2 calls turn "true" into true.
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

/// The values that a step leads to: the value itself, or with `[]` its elements.
pub(super) fn elements(value: &Value, each: bool) -> &[Value] {
    match value {
        Value::Array(items) if each => items,
        Value::Array(_) | Value::Null => &[],
        other => std::slice::from_ref(other),
    }
}

/// A path's first step, whether it goes into every element, and the rest.
pub(super) fn step(path: &str) -> (&str, bool, &str) {
    let end = path.bytes().position(|byte| byte == b'.').unwrap_or(path.len());
    let (step, rest) = path.split_at(end);
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    step.strip_suffix("[]").map_or((step, false, rest), |step| (step, true, rest))
}

/// Gives all values to which a path leads from here.
pub(super) fn each_below<'a>(value: &'a Value, path: &str, give: &mut impl FnMut(&'a Value)) {
    if path.is_empty() {
        return give(value);
    }
    let (step, each, rest) = step(path);
    let next = value.as_object().and_then(|fields| member(fields, step));
    for element in next.map_or(&[][..], |next| elements(next, each)) {
        each_below(element, rest, give);
    }
}

/// The first text to which a path leads from here, as [`scalar`] takes it.
pub(crate) fn text_below<'a>(value: &'a Value, path: &str) -> Option<Cow<'a, str>> {
    let mut first = None;
    each_below(value, path, &mut |value| first = first.take().or_else(|| scalar(value)));
    first
}
