//! Records made from the API models, with values that show which member they are of: for event files,
//! and to try every row.

use aws_tags::Event;
use aws_tags::table::{created, rows};
use serde_json::{Map, Value, json};

use crate::locate::variables;
use crate::models::{Api, Reference, Shape};
use crate::naming::camel;
use crate::overrides::overrides;
use crate::table::{Catalog, Route, Row};

/// The account of all samples.
pub const ACCOUNT: &str = "111122223333";
/// Structures within structures are followed this deep.
const DEPTH: usize = 5;

/// What varies between samples of one call.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Goes into every name and id.
    pub seed: u32,
    /// `awsRegion`.
    pub region: &'static str,
}

/// A record of a row's call, and the ARN that the row must find in it, if it finds one there; `None` where the
/// model does not hold the row's first place.
pub fn record(catalog: &Catalog, row: &Row, variant: Variant) -> Option<(Value, Option<String>)> {
    let api = catalog.apis.iter().find(|api| api.name == row.from.0)?;
    let operation = api.operations.values().find(|operation| operation.name == row.from.1)?;
    let request = operation.input.as_ref().map(|shape| sample(api, shape, variant, 0));
    let mut response =
        operation.output.as_ref().map(|shape| sample(api, shape, variant, 0)).map(|all| bare(api, all));
    let mut request = request.unwrap_or_else(|| json!({}));
    // For an overridden row, the first place that the model has: records hold more than models.
    let known = if by_hand(row) { row.places.as_slice() } else { row.places.get(..1).unwrap_or_default() };
    let found = known.iter().find_map(|place| put(place, &mut request, response.as_mut(), row, variant));
    let path = row.places.first().and_then(|place| place.strip_prefix("responseElements."));
    let arn = match (found, path, &row.lookup) {
        (Some(arn), _, _) => Some(arn),
        // An override knows better than the model.
        (None, Some(path), _) if by_hand(row) => {
            let arn = arn(row, variant);
            at_or_created(response.get_or_insert_default(), path).clone_from(&Value::from(arn.as_str()));
            Some(arn)
        }
        (None, None, Some(lookup)) => {
            let mut has = |path: &&str| match path.split_once('.') {
                Some(("requestParameters", path)) => at(&mut request, path).is_some(),
                Some((_, path)) => response.as_mut().is_some_and(|response| at(response, path).is_some()),
                None => false,
            };
            lookup.paths().iter().all(|paths| paths.iter().any(&mut has)).then_some(None)?
        }
        _ => return None,
    };
    let record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAEXAMPLEDEVELOPER1:ann@example.com",
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/developer/ann@example.com"), "accountId": ACCOUNT,
        },
        "eventTime": "2026-05-04T10:28:00Z", "eventSource": format!("{}.amazonaws.com", row.source),
        "eventName": row.event_name, "awsRegion": variant.region, "requestParameters": request,
        "responseElements": response, "eventID": format!("00000000-0000-4000-8000-{:012}", variant.seed),
        "eventType": "AwsApiCall", "recipientAccountId": ACCOUNT,
    });
    Some((record, arn))
}

/// Whether an override says where a row's resource is.
fn by_hand(row: &Row) -> bool {
    overrides().places.iter().any(|one| one.is(&row.source, &row.event_name, &row.resource_type))
}

/// Puts an ARN at a place, and returns it; `None` if the record has no such place.
fn put(
    place: &str,
    request: &mut Value,
    response: Option<&mut Value>,
    row: &Row,
    variant: Variant,
) -> Option<String> {
    if place.starts_with("arn:") {
        return filled(place, request, response.as_deref(), variant);
    }
    let arn = arn(row, variant);
    let (part, path) = place.split_once('.')?;
    *at(if part == "responseElements" { response? } else { request }, path)? = Value::from(arn.as_str());
    Some(arn)
}

/// What is wrong with a row, by samples of its call: it finds no resource, or the wrong one.
pub fn fault(catalog: &Catalog, row: &Row) -> Option<String> {
    let mut variants =
        (1..=3).flat_map(|seed| ["eu-west-1", "us-east-1"].map(|region| Variant { seed, region }));
    variants.find_map(|variant| fault_in(catalog, row, variant))
}

fn fault_in(catalog: &Catalog, row: &Row, variant: Variant) -> Option<String> {
    let Some((record, arn)) = record(catalog, row, variant) else {
        let places = row.places.first().cloned();
        let place = places.or_else(|| row.lookup.as_ref().map(|lookup| lookup.by.clone()))?;
        return Some(format!("{} {}: the model has no `{place}`", row.source, row.event_name));
    };
    // Other members may say that the call changed something.
    let record = if arn.is_some() { record } else { short(&record, row) };
    let event = Event::from_json(record).ok()?;
    let (service, rows) = rows(&event.source, &event.name)?;
    let creation = match created(service, rows, &event) {
        Ok(creation) => creation,
        Err(ending) => return Some(format!("{} {}: {ending:?}", row.source, row.event_name)),
    };
    let Some(arn) = arn else {
        let asks = creation.lookups.iter().any(|lookup| lookup.resource_type() == row.resource_type);
        return (!asks).then(|| format!("{} {} looks nothing up", row.source, row.event_name));
    };
    let found: Vec<String> = creation.resources.iter().map(|resource| resource.arn.to_string()).collect();
    // Names that a service keeps in lower case are found in lower case.
    let wanted = |found: &String| *found == arn || (row.lower_case && *found == arn.to_lowercase());
    let is_of_type = |found: &String| {
        row.formats.is_empty() || by_hand(row) || row.formats.iter().any(|format| matches(format, found))
    };
    if !found.iter().any(wanted) {
        return Some(format!("{} {}: wanted {arn}, found {found:?}", row.source, row.event_name));
    }
    let mismatch = found.iter().find(|found| wanted(found) && !is_of_type(found));
    mismatch.map(|found| format!("{} {}: {found} is unlike {:?}", row.source, row.event_name, row.formats))
}

/// Whether an ARN has a format, with any values of the variables.
fn matches(format: &str, arn: &str) -> bool {
    let mut pattern = String::from("^(?i)");
    let mut rest = format;
    while let Some((text, (_, after))) =
        rest.split_once("${").and_then(|(text, rest)| Some((text, rest.split_once('}')?)))
    {
        pattern += &regex::escape(text).replace(r"\*", ".*");
        pattern += ".*";
        rest = after;
    }
    pattern += &regex::escape(rest).replace(r"\*", ".*");
    regex::Regex::new(&(pattern + "$")).is_ok_and(|pattern| pattern.is_match(arn))
}

/// An ARN as the row's type has it.
fn arn(row: &Row, variant: Variant) -> String {
    let of_nothing = || {
        format!(
            "arn:${{Partition}}:{}:${{Region}}:${{Account}}:{}x/${{Id}}",
            row.arn_service,
            row.resource_prefix()
        )
    };
    let mut arn = row.formats.first().cloned().unwrap_or_else(of_nothing);
    let names: Vec<String> = variables(&arn).map(str::to_owned).collect();
    for name in names {
        let value = match name.as_str() {
            "Partition" => "aws".to_owned(),
            "Region" => variant.region.to_owned(),
            "Account" | "AccountId" => ACCOUNT.to_owned(),
            _ => text(&name, variant),
        };
        arn = arn.replace(&format!("${{{name}}}"), &value);
    }
    arn.replace('*', "x").replace(['[', ']'], "")
}

/// A place with its variables filled in from the record.
fn filled(place: &str, request: &Value, response: Option<&Value>, variant: Variant) -> Option<String> {
    let mut filled = place.to_owned();
    for name in variables(place) {
        let value = match name.split_once('.') {
            None if name == "Partition" => "aws".to_owned(),
            None if name == "Region" => variant.region.to_owned(),
            None => ACCOUNT.to_owned(),
            Some(("requestParameters", path)) => scalar(at(&mut request.clone(), path)?)?,
            Some((_, path)) => scalar(at(&mut response?.clone(), path)?)?,
        };
        filled = filled.replace(&format!("${{{name}}}"), &value);
    }
    Some(filled)
}

fn scalar(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
}

/// The value at a path, in the first item of lists.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').try_fold(value, |value, step| {
        let key = step.trim_end_matches("[]");
        // EC2's newer calls wrap everything in the call's name, which the model does not have.
        if key.ends_with("Response") && value.get(key).is_none() && value.is_object() {
            return Some(value);
        }
        let fields = value.as_object_mut()?;
        let name = fields.keys().find(|name| name.eq_ignore_ascii_case(key))?.clone();
        let inner = fields.get_mut(&name)?;
        if step.ends_with("[]") { inner.as_array_mut()?.first_mut() } else { Some(inner) }
    })
}

/// The value at a path of names, created if it is absent.
fn at_or_created<'v>(value: &'v mut Value, path: &str) -> &'v mut Value {
    path.split('.').fold(value, |value, step| &mut value[step])
}

/// RDS, ElastiCache and Redshift leave the outermost member out.
fn bare(api: &Api, response: Value) -> Value {
    match (api.metadata.endpoint_prefix.as_str(), response) {
        ("rds" | "elasticache" | "redshift", Value::Object(all)) if all.len() == 1 => {
            all.into_iter().next().map_or(Value::Null, |(_, inner)| inner)
        }
        (_, response) => response,
    }
}

fn sample(api: &Api, reference: &Reference, variant: Variant, depth: usize) -> Value {
    let Some(shape) = api.shape(reference) else { return Value::Null };
    match shape.kind.as_str() {
        "structure" if depth < DEPTH => Value::Object(members(api, shape, variant, depth)),
        "list" if depth < DEPTH => {
            let item =
                shape.member.as_ref().map_or(Value::Null, |item| sample(api, item, variant, depth + 1));
            if api.metadata.protocol == "ec2" { json!({"items": [item]}) } else { json!([item]) }
        }
        "integer" | "long" => json!(variant.seed),
        "boolean" => json!(false),
        "float" | "double" => json!(0.5),
        "timestamp" => json!("May 4, 2026, 10:28:00 AM"),
        "string" => {
            Value::from(shape.allowed.first().cloned().unwrap_or_else(|| text(&reference.shape, variant)))
        }
        _ => json!({}),
    }
}

fn members(api: &Api, shape: &Shape, variant: Variant, depth: usize) -> Map<String, Value> {
    let member = |(name, reference): (&String, &Reference)| {
        let wire = reference.location_name.as_deref().filter(|_| api.metadata.protocol == "ec2");
        let is_secret = name.to_lowercase().contains("password") || name.to_lowercase().contains("secret");
        let value = match (api.shape(reference).map(|shape| shape.kind.as_str()), is_secret) {
            (Some("string"), true) => json!("HIDDEN_DUE_TO_SECURITY_REASONS"),
            // Two members of one shape get two values.
            (Some("string"), false) if api.shape(reference).is_some_and(|shape| shape.allowed.is_empty()) => {
                Value::from(text(name, variant))
            }
            _ => sample(api, reference, variant, depth + 1),
        };
        (camel(wire.unwrap_or(name)), value)
    };
    shape.members.iter().map(member).collect()
}

fn text(name: &str, variant: Variant) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_lowercase();
    if plain.ends_with("account") || plain.ends_with("accountid") {
        return ACCOUNT.to_owned();
    }
    format!("{plain}-{}", variant.seed)
}

/// Whether a row is in the generated table and finds something.
pub fn is_tried(row: &Row) -> bool {
    row.finds() && row.route != Route::Unknown
}

/// The record with only what places and lookups need of request and response, so that event files are readable.
pub fn short(record: &Value, row: &Row) -> Value {
    let mut short = record.clone();
    for part in ["requestParameters", "responseElements"] {
        let of_places = row.places.iter().flat_map(|place| {
            if place.starts_with("arn:") { variables(place).collect() } else { vec![place.as_str()] }
        });
        let of_lookup = row.lookup.iter().flat_map(|lookup| lookup.paths().into_iter().flatten());
        let paths: Vec<&str> = of_places
            .chain(of_lookup)
            .filter_map(|path| path.strip_prefix(part)?.strip_prefix('.'))
            .collect();
        let whole = record.get(part).cloned().unwrap_or_default();
        let kept = kept(&whole, &paths);
        short[part] = if kept.is_object() || part == "requestParameters" { kept } else { Value::Null };
    }
    short
}

fn kept(value: &Value, paths: &[&str]) -> Value {
    match value {
        Value::Object(fields) => {
            let mut left = Map::new();
            for (name, inner) in fields {
                let below: Vec<&str> = paths
                    .iter()
                    .filter_map(|path| {
                        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
                        step.trim_end_matches("[]").eq_ignore_ascii_case(name).then_some(rest)
                    })
                    .collect();
                let is_end = below.contains(&"");
                if is_end || !below.is_empty() {
                    left.insert(name.clone(), if is_end { inner.clone() } else { kept(inner, &below) });
                }
            }
            Value::Object(left)
        }
        Value::Array(items) => items.iter().map(|item| kept(item, paths)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_matches_its_own_arns_only() {
        let format = "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}";
        assert!(matches(format, "arn:aws:sqs:eu-west-1:111122223333:q"));
        assert!(!matches(format, "arn:aws:sns:eu-west-1:111122223333:q"));
    }

    #[test]
    fn only_members_that_a_place_needs_are_kept() {
        let value = json!({"a": {"b": [{"c": 1, "d": 2}], "e": 3}, "f": 4});
        assert_eq!(kept(&value, &["a.b[].c"]), json!({"a": {"b": [{"c": 1}]}}));
    }
}
