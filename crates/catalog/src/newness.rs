//! Whether what a call answers for is new: which ARNs are never given twice, which calls also answer for
//! what is there already, and where their responses tell its age.

use crate::models::{Api, Operation, Shape};
use crate::naming::{camel, plain};
use crate::overrides::overrides;

/// Ends of the names of ids that AWS makes up.
const IDS: &[&str] = &[
    "id",
    "uuid",
    "guid",
    "identifier",
    "revision",
    "revisionnumber",
    "creationtime",
    "creationtimestamp",
    "token",
];

/// Parts of the names of errors that say that something is there already.
const THERE: &[&str] = &["exist", "conflict", "inuse", "duplicate", "notunique"];

/// Names of members with a creation time.
pub(crate) const TIMES: &[&str] =
    &["creationdate", "createdat", "creationtime", "createdtime", "createtime", "createdate"];

/// Whether the ARN of what a call creates ends in an id that AWS makes up: by the format of the ARN or
/// the place in the record, and if the request has no member of that name.
pub fn is_unique(api: &Api, operation: &Operation, formats: &[&str], places: &[String]) -> bool {
    let in_format = formats.first().and_then(|format| last_variable(format));
    let in_places: Vec<String> = places
        .iter()
        .filter(|place| place.starts_with("arn:"))
        .filter_map(|place| last_variable(place))
        .collect();
    let is_id = |name: &String| IDS.iter().any(|end| plain(name).ends_with(end));
    let names: Vec<String> = in_format.into_iter().chain(in_places).collect();
    names.iter().any(is_id) && !names.iter().any(|name| chosen(api, operation, name))
}

/// `${TopicName}` of `arn:…:${TopicName}`, `topicName` of `…:${responseElements.topic.topicName}`.
fn last_variable(format: &str) -> Option<String> {
    let (_, rest) = format.rsplit_once("${")?;
    let (variable, _) = rest.split_once('}')?;
    variable.rsplit('.').next().map(str::to_owned)
}

/// Whether the request has a member of this name, at the top or one step down.
fn chosen(api: &Api, operation: &Operation, name: &str) -> bool {
    let Some(input) = api.input(operation) else { return false };
    let has = |shape: &Shape| shape.members.keys().any(|member| plain(member) == plain(name));
    let nested = input.members.values().filter_map(|reference| api.shape(reference));
    has(input) || nested.filter(|shape| shape.kind == "structure").any(has)
}

/// Whether a call also answers for what is there: one that changes it, too, or whose API knows no error
/// that says so.
pub fn is_idempotent(source: &str, operation: &Operation, upsert: bool) -> bool {
    if overrides().fails_if_there.iter().any(|one| one.source == source) {
        return false;
    }
    let says_there = |error: &crate::models::Reference| {
        let name = plain(&error.shape);
        THERE.iter().any(|part| name.contains(part))
    };
    upsert || !operation.errors.iter().any(says_there)
}

/// Whether a call is known to answer for what is there, whatever its ARN.
pub fn answers_for_old(source: &str, event_name: &str) -> bool {
    overrides().answers_for_old.iter().any(|one| one.is(source, event_name))
}

/// Path to the creation time in a call's response.
pub fn created_at(api: &Api, operation: &Operation) -> Option<String> {
    let output = api.output(operation)?;
    let time = |shape: &Shape| {
        shape.members.keys().find(|name| TIMES.contains(&plain(name).as_str())).map(|name| camel(name))
    };
    let nested = || {
        output.members.iter().find_map(|(name, reference)| {
            let shape = api.shape(reference).filter(|shape| shape.kind == "structure")?;
            Some(format!("{}.{}", camel(name), time(shape)?))
        })
    };
    time(output).or_else(nested).map(|path| format!("responseElements.{path}"))
}
