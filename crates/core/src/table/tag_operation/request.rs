//! A tag operation as an HTTP request, one function per protocol.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::operation::{HttpBinding, Protocol, ResourceValue, TagOperation, TagShape};
use crate::record::Arn;
use crate::tags::TagMap;

/// Characters that URLs and forms escape: all but the unreserved ones.
/// <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An HTTP request without a host, not yet signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `POST` or `PUT`.
    pub method: &'static str,
    /// Path and query, escaped.
    pub path: String,
    /// Headers, including the content type.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl TagOperation {
    /// The request that adds `tags` to a resource.
    pub fn request(&self, arn: &Arn, tags: &TagMap) -> Request {
        let (content_type, body) = match self.protocol {
            Protocol::Json { version: "1.0", .. } => ("application/x-amz-json-1.0", self.json(arn, tags)),
            Protocol::Json { .. } => ("application/x-amz-json-1.1", self.json(arn, tags)),
            Protocol::RestJson => ("application/json", self.json(arn, tags)),
            Protocol::Query { action, version } => {
                ("application/x-www-form-urlencoded", self.form(action, version, arn, tags))
            }
        };
        let mut headers = vec![("content-type", content_type.to_owned())];
        if let Protocol::Json { target, .. } = self.protocol {
            headers.push(("x-amz-target", target.to_owned()));
        }
        Request { method: self.method, path: self.path_to(arn), headers, body }
    }

    /// The value of the member that names the resource.
    fn resource_of(&self, arn: &Arn) -> String {
        match self.resource.value {
            ResourceValue::Arn => arn.to_string(),
            ResourceValue::Id => arn.id().to_owned(),
            ResourceValue::Name => {
                let resource = arn.resource();
                resource.split_once(['/', ':']).map_or(resource, |(_, name)| name).to_owned()
            }
        }
    }

    fn path_to(&self, arn: &Arn) -> String {
        let (name, text) = (self.resource.name, escaped(&self.resource_of(arn)));
        match self.resource.binding {
            HttpBinding::Payload => self.path.to_owned(),
            HttpBinding::Query => {
                let joint = if self.path.contains('?') { '&' } else { '?' };
                format!("{}{joint}{name}={text}", self.path)
            }
            HttpBinding::Label => {
                let path = self.path.replace(&format!("{{{name}}}"), &text);
                // A greedy label takes several parts of the path.
                path.replace(&format!("{{{name}+}}"), &text.replace("%2F", "/"))
            }
        }
    }

    fn json(&self, arn: &Arn, tags: &TagMap) -> String {
        let mut members: Map<String, Value> = Map::new();
        if self.resource.binding == HttpBinding::Payload {
            members.insert(self.resource.name.to_owned(), json!(self.resource_of(arn)));
        }
        let (name, tags) = match self.tags {
            TagShape::Map { name } => (name, json!(tags)),
            TagShape::List { name, key, value } => {
                (name, tags.iter().map(|tag| json!({key: tag.0, value: tag.1})).collect())
            }
        };
        members.insert(name.to_owned(), tags);
        Value::Object(members).to_string()
    }

    fn form(&self, action: &str, version: &str, arn: &Arn, tags: &TagMap) -> String {
        let mut form = vec![("Action".to_owned(), action.to_owned()), ("Version".into(), version.into())];
        if self.resource.binding == HttpBinding::Payload {
            form.push((self.resource.name.to_owned(), self.resource_of(arn)));
        }
        let (list, key_name, value_name) = match self.tags {
            TagShape::Map { name } => (format!("{name}.entry"), "key", "value"),
            TagShape::List { name, key, value } => (name.to_owned(), key, value),
        };
        for (nth, (key, value)) in (1..).zip(tags) {
            form.push((format!("{list}.{nth}.{key_name}"), key.clone()));
            form.push((format!("{list}.{nth}.{value_name}"), value.clone()));
        }
        let pairs: Vec<String> =
            form.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
        pairs.join("&")
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::super::operation::ResourceMember;
    use super::*;

    const JSON: TagOperation = TagOperation {
        name: "dax:TagResource",
        actions: &["dax:TagResource"],
        service_id: "DAX",
        signing_name: "dax",
        endpoint: Endpoint { host: "dax.${Region}.${Suffix}", signing_region: None, overrides: &[] },
        protocol: Protocol::Json { version: "1.1", target: "AmazonDAXV3.TagResource" },
        method: "POST",
        path: "/",
        resource: ResourceMember {
            name: "ResourceName",
            binding: HttpBinding::Payload,
            value: ResourceValue::Arn,
        },
        tags: TagShape::List { name: "Tags", key: "Key", value: "Value" },
        tags_per_call: 50,
    };

    fn request(operation: TagOperation, arn: &str) -> Request {
        let tags = TagMap::from([("a&b".to_owned(), "1 <2>".to_owned())]);
        operation.request(&Arn::parse(arn).expect("an ARN"), &tags)
    }

    #[test]
    fn json_names_the_operation_in_a_header() {
        let request = request(JSON, "arn:aws:dax:eu-west-1:111122223333:cache/c");
        assert_eq!(request.headers[1], ("x-amz-target", "AmazonDAXV3.TagResource".to_owned()));
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        assert_eq!(
            body,
            json!({"ResourceName": "arn:aws:dax:eu-west-1:111122223333:cache/c",
                   "Tags": [{"Key": "a&b", "Value": "1 <2>"}]})
        );
    }

    #[test]
    fn rest_json_names_the_resource_in_the_path_escaped() {
        let operation = TagOperation {
            protocol: Protocol::RestJson,
            path: "/tags/{resourceArn}",
            resource: ResourceMember {
                name: "resourceArn",
                binding: HttpBinding::Label,
                value: ResourceValue::Arn,
            },
            tags: TagShape::Map { name: "tags" },
            ..JSON
        };
        let request = request(operation, "arn:aws:batch:eu-west-1:111122223333:job-queue/q");
        assert_eq!(request.path, "/tags/arn%3Aaws%3Abatch%3Aeu-west-1%3A111122223333%3Ajob-queue%2Fq");
        assert_eq!(request.body, r#"{"tags":{"a&b":"1 <2>"}}"#);
    }

    #[test]
    fn a_form_numbers_the_tags() {
        let operation = TagOperation {
            protocol: Protocol::Query { action: "TagRole", version: "2010-05-08" },
            resource: ResourceMember {
                name: "RoleName",
                binding: HttpBinding::Payload,
                value: ResourceValue::Id,
            },
            tags: TagShape::List { name: "Tags.member", key: "Key", value: "Value" },
            ..JSON
        };
        assert_eq!(
            request(operation, "arn:aws:iam::111122223333:role/team/developer").body,
            "Action=TagRole&Version=2010-05-08&RoleName=developer\
             &Tags.member.1.Key=a%26b&Tags.member.1.Value=1%20%3C2%3E"
        );
    }
}
