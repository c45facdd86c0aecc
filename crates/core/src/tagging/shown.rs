//! Tags that a record shows on what was created, so that they can be kept.
//!
//! They are in the request (`tagSpecificationSet`, `tags`, …) and, where a launch template or a
//! copied resource set them, in the response.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::record::{Event, member, pairs, scalar};
use crate::table::Resource;
use crate::tags::{SkipMark, TagMap, starts_reserved};

/// Names under which requests have the tags of what they create, at the top or one step down.
const TAG_LISTS: &[&str] = &["tags", "tagList", "tagsList", "tagSet", "tagging"];

/// EC2's specifications of tags by resource type, in the spellings of older and newer calls.
const SPECIFICATIONS: &[&str] = &[
    "requestParameters.tagSpecificationSet.items[]",
    "requestParameters.tagSpecification[]",
    "requestParameters.tagSpecifications[]",
    "requestParameters.spotFleetRequestConfig.tagSpecificationSet.items[]",
    "requestParameters.spotFleetRequestConfig.tagSpecification[]",
    "requestParameters.spotFleetRequestConfig.tagSpecifications[]",
];

/// Names of members that hold tags: of a specification, and of a resource in a response.
const TAG_MEMBERS: &[&str] = &["tag", "tags", "tagSet", "tagList"];

/// Members in which XML APIs wrap a list of tags.
const LIST_WRAPPERS: &[&str] = &["items", "tagSet", "tag", "member"];

/// The tags that a record shows, found once for all that it created: a response may name thousands.
pub(super) struct Shown<'a> {
    of_request: TagMap,
    of_header: Vec<(String, String)>,
    specifications: Vec<&'a Value>,
    /// Objects of the response that have tags, by the texts beside those.
    of_response: HashMap<&'a str, Vec<&'a Map<String, Value>>>,
}

/// Whether a request carries the skip mark, for whichever of the resources that it creates.
pub fn marked_request(mark: &SkipMark, event: &Event) -> bool {
    let specified = specifications(event).filter_map(Value::as_object).flat_map(tag_members);
    let mut requested = requested(event).chain(header(event)).chain(specified);
    requested.any(|(key, value)| mark.is_among([(&key, &value)], |one, other| one == other))
}

impl<'a> Shown<'a> {
    pub(super) fn by(event: &'a Event) -> Self {
        let mut of_response = HashMap::new();
        for response in event.values("responseElements") {
            index(response, &mut of_response);
        }
        Self {
            of_request: requested(event).collect(),
            of_header: header(event),
            specifications: specifications(event).collect(),
            of_response,
        }
    }

    /// The value of a tag that the request sets, on whatever it creates.
    pub(super) fn requested(&self, key: &str) -> Option<String> {
        let specified = || {
            let fields = self.specifications.iter().filter_map(|one| one.as_object());
            fields.flat_map(tag_members).find(|(other, _)| other == key).map(|(_, value)| value)
        };
        self.of_request.get(key).cloned().or_else(specified)
    }

    /// The end of the only key that begins so, of the tags that the request sets.
    pub(super) fn requested_key(&self, start: &str) -> Option<String> {
        let fields = self.specifications.iter().filter_map(|one| one.as_object());
        let specified = fields.flat_map(tag_members).map(|(key, _)| key);
        let mut ends: Vec<String> = (self.of_request.keys().cloned().chain(specified))
            .filter_map(|key| key.strip_prefix(start).filter(|end| !end.is_empty()).map(str::to_owned))
            .collect();
        ends.sort();
        ends.dedup();
        if ends.len() == 1 { ends.pop() } else { None }
    }

    /// The tags on a resource, without `aws:` tags: those do not count towards its limit.
    pub(super) fn on(&self, resource: &Resource) -> TagMap {
        let mut tags = self.of_request.clone();
        let (_, type_name) = resource.resource_type.split_once(':').unwrap_or_default();
        for specification in &self.specifications {
            tags.extend(of_specification(specification, type_name));
        }
        tags.extend(self.of_header.iter().cloned());
        let names = [resource.arn.id(), resource.arn.as_str()];
        let beside = names.iter().filter_map(|name| self.of_response.get(name));
        tags.extend(beside.flatten().flat_map(|fields| tag_members(fields)));
        tags.retain(|key, _| !starts_reserved(key));
        tags
    }
}

fn requested(event: &Event) -> impl Iterator<Item = (String, String)> {
    event.values("requestParameters").into_iter().filter_map(Value::as_object).flat_map(of_request)
}

fn header(event: &Event) -> Vec<(String, String)> {
    event.text("requestParameters.x-amz-tagging").map_or_else(Vec::new, |header| url_pairs(&header))
}

fn specifications(event: &Event) -> impl Iterator<Item = &Value> {
    SPECIFICATIONS.iter().flat_map(|path| event.values(path))
}

fn of_specification(specification: &Value, type_name: &str) -> Vec<(String, String)> {
    let Value::Object(fields) = specification else {
        return Vec::new();
    };
    let of = member(fields, "resourceType").and_then(scalar);
    if of.is_some_and(|of| of != type_name) {
        return Vec::new();
    }
    tag_members(fields)
}

/// The tags in a request: under one of the usual names, else under one of the service's own, as in
/// `fileSystemTags`. Deeper lists describe other things.
fn of_request(request: &Map<String, Value>) -> Vec<(String, String)> {
    let usual = |name: &str| TAG_LISTS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let own = |name: &str| name.get(name.len().saturating_sub(4)..).is_some_and(|end| end == "Tags");
    let at_the_top = |named: &dyn Fn(&str) -> bool| -> Vec<(String, String)> {
        request.iter().filter(|(name, _)| named(name)).flat_map(|(_, value)| of_list(value)).collect()
    };
    let inside = request.iter().filter(|(name, _)| !usual(name) && !name.ends_with("pecification"));
    let inside = inside.filter_map(|(_, value)| value.as_object());
    let one_step_down = inside.flat_map(|fields| fields.iter().filter(|(name, _)| usual(name)));
    let mut tags = at_the_top(&usual);
    tags.extend(one_step_down.flat_map(|(_, value)| of_list(value)));
    if tags.is_empty() {
        tags = at_the_top(&own);
    }
    tags
}

/// Collects the objects that have tags, wherever in a response they are, by the texts beside those: one of
/// them names the resource.
fn index<'a>(value: &'a Value, found: &mut HashMap<&'a str, Vec<&'a Map<String, Value>>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| index(item, found)),
        Value::Object(fields) => {
            if !tag_members(fields).is_empty() {
                for text in fields.values().filter_map(Value::as_str) {
                    found.entry(text).or_default().push(fields);
                }
            }
            fields.values().for_each(|inner| index(inner, found));
        }
        _ => {}
    }
}

fn tag_members(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let named = |name: &String| TAG_MEMBERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    fields.iter().filter(|(name, _)| named(name)).flat_map(|(_, value)| of_list(value)).collect()
}

/// A list of `{key, value}`, also inside `items`, `tag` or both, or a map.
fn of_list(value: &Value) -> Vec<(String, String)> {
    let inside = |fields| LIST_WRAPPERS.iter().find_map(|name| member(fields, name));
    match value {
        Value::Array(items) => items.iter().flat_map(pairs).collect(),
        Value::Object(fields) => match inside(fields).filter(|inner| inner.is_array() || inner.is_object()) {
            Some(inner) => of_list(inner),
            None => pairs(value),
        },
        _ => Vec::new(),
    }
}

/// `Team=a%20b&Cost=1`, as the `x-amz-tagging` header has it.
fn url_pairs(header: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    header
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Effect;
    use serde_json::json;

    /// Types and requested tags of everything that a record names.
    fn requested(source: &str, name: &str, request: Value, response: Value) -> Vec<(String, Vec<String>)> {
        let event = Event::from_json(json!({
            "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333",
            "requestParameters": request, "responseElements": response}));
        let event = event.expect("a record");
        let Effect::Created(creation) = Effect::of(&event) else {
            panic!("creates nothing");
        };
        let tags = |resource| {
            let tags = Shown::by(&event).on(resource);
            tags.iter().map(|(key, value)| format!("{key}={value}")).collect()
        };
        creation.resources.iter().map(|made| (made.resource_type.to_owned(), tags(made))).collect()
    }

    #[test]
    fn specifications_count_for_their_resource_type() {
        let found = requested(
            "ec2.amazonaws.com",
            "RunInstances",
            json!({"tagSpecificationSet": {"items": [
                {"resourceType": "instance", "tags": [{"key": "Name", "value": "web"}]},
                {"resourceType": "network-interface", "tags": [{"key": "Net", "value": ""}]}]}}),
            json!({"instancesSet": {"items": [{"instanceId": "i-1",
                "tagSet": {"items": [{"key": "FromTemplate", "value": "t"}]},
                "networkInterfaceSet": {"items": [{"networkInterfaceId": "eni-1",
                    "tagSet": {"items": [{"key": "Own", "value": "e"}]}}]}}]}}),
        );
        assert_eq!(
            found,
            [
                ("ec2:instance".to_owned(), vec!["FromTemplate=t".to_owned(), "Name=web".to_owned()]),
                ("ec2:network-interface".to_owned(), vec!["Net=".to_owned(), "Own=e".to_owned()]),
            ]
        );
    }

    #[test]
    fn the_only_specification_may_be_of_another_type() {
        let found = requested(
            "ec2.amazonaws.com",
            "CreateVolume",
            json!({"tagSpecification": {"resourceType": "snapshot", "tags": [{"key": "Not", "value": "this"}]}}),
            json!({"volumeId": "vol-1"}),
        );
        assert_eq!(found, [("ec2:volume".to_owned(), vec![])]);
    }

    #[test]
    fn newer_calls_lists_maps_and_headers_are_read_too() {
        let volume = json!({"volumeId": "vol-1"});
        for (source, name, request, response) in [
            (
                "ec2.amazonaws.com",
                "CreateVpc",
                json!({"CreateVpcRequest": {"TagSpecification": {"ResourceType": "vpc", "tag": 1,
                    "Tag": {"Key": "Team", "tag": 1, "Value": "a b"}}}}),
                json!({"CreateVpcResponse": {"vpc": {"vpcId": "vpc-1"}}}),
            ),
            (
                "ec2.amazonaws.com",
                "CreateVolume",
                json!({"tagSpecificationSet": {"items": [{"resourceType": "volume",
                    "tags": [{"key": "Team", "value": "a b"}]}]}}),
                volume,
            ),
            (
                "sqs.amazonaws.com",
                "CreateQueue",
                json!({"queueName": "q", "tags": {"Team": "a b"}}),
                json!(null),
            ),
            (
                "rds.amazonaws.com",
                "CreateDBInstance",
                json!({"tags": [{"key": "Team", "value": "a b"}]}),
                json!({"dBInstanceIdentifier": "db"}),
            ),
            (
                "elasticache.amazonaws.com",
                "CreateUser",
                json!({"someTags": {"Team": "a b"}, "dataTags": [{"tagKey": "Team", "tagValue": "a b"}]}),
                json!({"aRN": "arn:aws:elasticache:eu-west-1:111122223333:user:u"}),
            ),
            (
                "s3.amazonaws.com",
                "CreateBucket",
                json!({"bucketName": "b", "otherTags": {"Not": "this"}, "CreateBucketConfiguration": {
                    "Tags": {"Tag": {"Key": "Team", "Value": "a b"}}}}),
                json!(null),
            ),
            (
                "s3.amazonaws.com",
                "PutObject",
                json!({"bucketName": "b", "key": "k", "x-amz-tagging": "Team=a+b&aws:x=y"}),
                json!(null),
            ),
        ] {
            let found = requested(source, name, request, response);
            assert_eq!(found[0].1, ["Team=a b"], "{name}");
        }
    }
}
