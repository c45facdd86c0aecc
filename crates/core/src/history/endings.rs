//! Which resources a call may have ended.
//!
//! No list of AWS says. A call of an ending's name ends what its request names, by ARN, id or name as a whole value; it
//! surely does where its own name also ends with what the resource is called. `DeleteBucket` ends a bucket,
//! `DeleteBucketPolicy` names one as well. A call that ends nothing of ours only makes us silent.

use serde_json::Value;

use crate::record::{Arn, Event};
use crate::table::{Row, all};

use super::lives::Did;

/// The texts of a request that may name what it ends, each once.
pub fn named_by(event: &Event) -> Vec<&str> {
    let mut texts = Vec::new();
    for request in event.values("requestParameters") {
        collect(request, &mut texts);
    }
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

/// The last part of a name, ARN or address: what names the same resource has this in common.
pub fn last_part(text: &str) -> &str {
    text.rsplit_once(['/', ':']).map_or(text, |(_, end)| end)
}

/// Whether a text names a resource: its ARN, its name in it, or an address that ends in its id.
pub fn names(text: &str, arn: &Arn) -> bool {
    if text == arn.as_str() || text == arn.id() {
        return true;
    }
    if text.contains("://") {
        return text.rsplit_once('/').is_some_and(|(_, end)| end == arn.id());
    }
    // A name with separators: `/aws/lambda/f` of `log-group:/aws/lambda/f`.
    let before = arn.resource().strip_suffix(text);
    !text.is_empty()
        && before
            .is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']) || text.starts_with('/'))
}

/// What a call of an ending's name did to a resource that it names, by the words of both.
pub fn did(event_name: &str, resource_type: &str) -> Did {
    let ending = words(without_schedule(event_name));
    let ends_with = |noun: &str| {
        let noun = words(noun);
        !noun.is_empty() && ending.ends_with(&noun)
    };
    let kind = resource_type.split_once(':').map_or(resource_type, |(_, kind)| kind);
    match ends_with(kind) || nouns(resource_type).any(ends_with) {
        true => Did::Ended,
        false => Did::MayHaveEnded,
    }
}

/// What the calls that create a type call it: `Table` of `CreateTable`, and the whole names.
fn nouns(resource_type: &str) -> impl Iterator<Item = &'static str> {
    let rows = all().flat_map(|service| service.rows);
    let of_type = rows.filter(move |row| row.creates() && row.resource_type == resource_type);
    of_type.flat_map(|row: &Row| {
        let verb = row.event_name.bytes().skip(1).position(|byte| byte.is_ascii_uppercase());
        let noun = verb.and_then(|end| row.event_name.get(end.saturating_add(1)..));
        [Some(row.event_name), noun].into_iter().flatten()
    })
}

/// KMS deletes a key by `ScheduleKeyDeletion`.
fn without_schedule(name: &str) -> &str {
    let inner = name.strip_prefix("Schedule").and_then(|rest| rest.strip_suffix("Deletion"));
    inner.unwrap_or(name)
}

/// The words of a name as letters in lower case, without plurals and the dates of APIs: names spell the same thing
/// in several ways.
fn words(name: &str) -> String {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_' || c == 'v');
    let mut squashed = String::with_capacity(name.len());
    let mut letters = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').peekable();
    while let Some(letter) = letters.next() {
        let ends_word = letters.peek().is_none_or(|next| next.is_ascii_uppercase() || *next == '-');
        let is_plural = letter == 's' && ends_word;
        if letter != '-' && !is_plural {
            squashed.push(letter.to_ascii_lowercase());
        }
    }
    squashed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_ends_what_its_name_ends_with() {
        for (call, resource_type) in [
            ("DeleteBucket", "s3:bucket"),
            ("DeleteTable", "dynamodb:table"),
            ("TerminateInstances", "ec2:instance"),
            ("ReleaseAddress", "ec2:elastic-ip"),
            ("DeregisterImage", "ec2:image"),
            ("DeleteVpcEndpoints", "ec2:vpc-endpoint"),
            ("DeleteFunction20150331", "lambda:function"),
            ("DeleteLogGroup", "logs:log-group"),
            ("DeleteDBInstance", "rds:db"),
            ("ScheduleKeyDeletion", "kms:key"),
            ("DeleteParameters", "ssm:parameter"),
            ("CancelSpotInstanceRequests", "ec2:spot-instances-request"),
            ("DeleteDistribution2020_05_31", "cloudfront:distribution"),
        ] {
            assert_eq!(did(call, resource_type), Did::Ended, "{call} {resource_type}");
        }
        for (call, resource_type) in [
            ("DeleteBucketPolicy", "s3:bucket"),
            ("RemovePermission20150331v2", "lambda:function"),
            ("DeleteLogStream", "logs:log-group"),
            ("DeleteRolePolicy", "iam:role"),
            ("RemoveTags", "cloudtrail:trail"),
            ("DeleteItem", "dynamodb:table"),
        ] {
            assert_eq!(did(call, resource_type), Did::MayHaveEnded, "{call} {resource_type}");
        }
    }

    #[test]
    fn a_request_names_a_resource_by_whole_values() {
        let arn = |text: &str| Arn::parse(text).expect("an ARN");
        let queue = arn("arn:aws:sqs:eu-west-1:111122223333:orders");
        for (text, named) in [
            ("orders", true),
            ("arn:aws:sqs:eu-west-1:111122223333:orders", true),
            ("https://sqs.eu-west-1.amazonaws.com/111122223333/orders", true),
            ("my-orders", false),
            ("order", false),
            ("arn:aws:sqs:eu-west-1:111122223333:other", false),
            ("arn:aws:sqs:us-east-1:111122223333:orders", false),
            ("https://sqs.eu-west-1.amazonaws.com/111122223333/my-orders", false),
            ("", false),
        ] {
            assert_eq!(names(text, &queue), named, "{text}");
        }
        let group = arn("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f");
        assert!(names("/aws/lambda/f", &group) && names("f", &group) && !names("x/f", &group));
        let parameter = arn("arn:aws:ssm:eu-west-1:111122223333:parameter/a/b");
        assert!(names("/a/b", &parameter) && !names("/x/b", &parameter));
    }

    #[test]
    fn all_texts_of_a_request_are_looked_at() {
        let record = json!({"eventSource": "s", "eventName": "n", "requestParameters":
            {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}, {"instanceId": "i-1"}]}, "force": true}});
        assert_eq!(named_by(&Event::from_json(record).expect("a record")), ["i-1", "i-2"]);
    }
}
