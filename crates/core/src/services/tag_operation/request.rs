//! A tag operation as an HTTP request, one function per protocol.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{At, Field, Protocol, Says, TagOperation, Tags};
use crate::arn::Arn;
use crate::tags::TagMap;

/// What URLs and forms hold unescaped.
/// <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An HTTP request that is yet to be sent somewhere and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `POST` or `PUT`.
    pub method: &'static str,
    /// Path and query, escaped.
    pub path: String,
    /// Headers, among them the body's type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl TagOperation {
    /// The request that adds `tags` to a resource which is tagged in `region`.
    pub fn request(&self, region: &str, arn: &Arn, tags: &TagMap) -> Request {
        let said = Said { operation: self, region, arn, tags };
        let (kind, body) = match self.protocol {
            Protocol::Json { version: "1.0", .. } => ("application/x-amz-json-1.0", said.json()),
            Protocol::Json { .. } => ("application/x-amz-json-1.1", said.json()),
            Protocol::RestJson => ("application/json", said.json()),
            Protocol::RestXml { root, namespace } => ("application/xml", said.xml(root, namespace)),
            Protocol::Query { action, version } => {
                ("application/x-www-form-urlencoded", said.form(action, version))
            }
        };
        let mut headers = vec![("content-type", kind.to_owned())];
        if let Protocol::Json { target, .. } = self.protocol {
            headers.push(("x-amz-target", target.to_owned()));
        }
        headers.extend(said.fields(At::Header));
        Request { method: self.method, path: said.path(), headers, body }
    }
}

/// An operation with what it is about.
struct Said<'a> {
    operation: &'a TagOperation,
    region: &'a str,
    arn: &'a Arn,
    tags: &'a TagMap,
}

impl Said<'_> {
    fn text(&self, says: Says) -> String {
        match says {
            Says::Arn => self.arn.to_string(),
            Says::Id => self.arn.id().to_owned(),
            Says::Name => {
                let resource = self.arn.resource();
                resource.split_once(['/', ':']).map_or(resource, |(_, name)| name).to_owned()
            }
            Says::Account => self.arn.account().to_owned(),
            Says::QueueUrl => {
                let host = self.operation.place(self.region, self.arn).host;
                format!("https://{host}/{}/{}", self.arn.account(), self.arn.id())
            }
            Says::Fixed(text) => text.to_owned(),
        }
    }

    fn fields(&self, at: At) -> impl Iterator<Item = (&'static str, String)> {
        let there = self.operation.fields.iter().filter(move |field| field.at == at);
        there.map(|field| (field.name, self.text(field.says)))
    }

    fn path(&self) -> String {
        let mut path = self.operation.path.to_owned();
        for (name, text) in self.fields(At::Path) {
            path = path.replace(&format!("{{{name}}}"), &escaped(&text));
            // A greedy label takes several parts of the path.
            path = path.replace(&format!("{{{name}+}}"), &escaped(&text).replace("%2F", "/"));
        }
        for (name, text) in self.fields(At::Query) {
            let joint = if path.contains('?') { '&' } else { '?' };
            path = format!("{path}{joint}{name}={}", escaped(&text));
        }
        path
    }

    fn json(&self) -> String {
        let mut members: Map<String, Value> = Map::new();
        members.extend(self.fields(At::Body).map(|(name, text)| (name.to_owned(), json!(text))));
        members.extend(self.fields(At::List).map(|(name, text)| (name.to_owned(), json!([text]))));
        let (name, tags) = match self.operation.tags {
            Tags::Map { name } => (name, json!(self.tags)),
            Tags::List { name, key, value, .. } => {
                (name, self.tags.iter().map(|tag| json!({key: tag.0, value: tag.1})).collect())
            }
        };
        members.insert(name.to_owned(), tags);
        Value::Object(members).to_string()
    }

    fn form(&self, action: &str, version: &str) -> String {
        let mut form = vec![("Action".to_owned(), action.to_owned()), ("Version".into(), version.into())];
        form.extend(self.fields(At::Body).map(|(name, text)| (name.to_owned(), text)));
        for (nth, tag) in (1..).zip(self.tags) {
            let pair = self.pair(tag).into_iter().map(|(name, text)| match self.operation.tags {
                Tags::Map { name: all } => (format!("{all}.entry.{nth}.{name}"), text),
                Tags::List { name: all, .. } => (format!("{all}.{nth}.{name}"), text),
            });
            form.extend(pair);
        }
        let pairs: Vec<String> =
            form.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
        pairs.join("&")
    }

    fn xml(&self, root: &str, namespace: &str) -> String {
        let (name, item) = match self.operation.tags {
            Tags::Map { name } => (name, "entry"),
            Tags::List { name, item, .. } => (name, item),
        };
        let texts = |pairs: Vec<(&str, String)>| -> String {
            pairs.iter().map(|(name, text)| format!("<{name}>{}</{name}>", for_xml(text))).collect()
        };
        let tags: String =
            self.tags.iter().map(|tag| format!("<{item}>{}</{item}>", texts(self.pair(tag)))).collect();
        let fields = texts(self.fields(At::Body).collect());
        format!("<{root} xmlns=\"{namespace}\">{fields}<{name}>{tags}</{name}></{root}>")
    }

    /// The members of one tag.
    fn pair(&self, (key, value): (&String, &String)) -> Vec<(&'static str, String)> {
        let (key_name, value_name, also): (_, _, &[Field]) = match self.operation.tags {
            Tags::Map { .. } => ("key", "value", &[]),
            Tags::List { key, value, also, .. } => (key, value, also),
        };
        let mut pair = vec![(key_name, key.clone()), (value_name, value.clone())];
        pair.extend(also.iter().map(|field| (field.name, self.text(field.says))));
        pair
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn for_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;
    use super::*;

    const JSON: TagOperation = TagOperation {
        call: "dax:TagResource",
        actions: &["dax:TagResource"],
        service_id: "DAX",
        signing_name: "dax",
        endpoint: Endpoint { host: "dax.${Region}.${Suffix}", signed_for: None, elsewhere: &[] },
        protocol: Protocol::Json { version: "1.1", target: "AmazonDAXV3.TagResource" },
        method: "POST",
        path: "/",
        fields: &[Field { name: "ResourceName", at: At::Body, says: Says::Arn }],
        tags: Tags::List { name: "Tags", item: "", key: "Key", value: "Value", also: &[] },
        tags_per_call: 50,
    };

    fn request(operation: TagOperation, arn: &str) -> Request {
        let tags = TagMap::from([("a&b".to_owned(), "1 <2>".to_owned())]);
        operation.request("eu-west-1", &Arn::parse(arn).expect("an ARN"), &tags)
    }

    fn sent_to(operation: TagOperation, region: &str) -> (String, String) {
        let arn = Arn::parse("arn:aws:dax::111122223333:cache/c").expect("an ARN");
        let place = operation.place(region, &arn);
        (place.host, place.signing_region)
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
        let fields = &[Field { name: "resourceArn", at: At::Path, says: Says::Arn }];
        let path = "/tags/{resourceArn}";
        let operation = TagOperation {
            protocol: Protocol::RestJson,
            path,
            fields,
            tags: Tags::Map { name: "tags" },
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
            fields: &[Field { name: "RoleName", at: At::Body, says: Says::Id }],
            tags: Tags::List { name: "Tags.member", item: "", key: "Key", value: "Value", also: &[] },
            ..JSON
        };
        assert_eq!(
            request(operation, "arn:aws:iam::111122223333:role/team/developer").body,
            "Action=TagRole&Version=2010-05-08&RoleName=developer\
             &Tags.member.1.Key=a%26b&Tags.member.1.Value=1%20%3C2%3E"
        );
    }

    #[test]
    fn xml_escapes_what_tags_say() {
        let operation = TagOperation {
            protocol: Protocol::RestXml { root: "Change", namespace: "https://example.com/" },
            path: "/tags/{ResourceType}/{ResourceId}",
            fields: &[
                Field { name: "ResourceType", at: At::Path, says: Says::Fixed("hostedzone") },
                Field { name: "ResourceId", at: At::Path, says: Says::Id },
            ],
            tags: Tags::List { name: "AddTags", item: "Tag", key: "Key", value: "Value", also: &[] },
            ..JSON
        };
        let request = request(operation, "arn:aws:route53:::hostedzone/Z1");
        assert_eq!(request.path, "/tags/hostedzone/Z1");
        assert_eq!(
            request.body,
            "<Change xmlns=\"https://example.com/\"><AddTags><Tag><Key>a&amp;b</Key>\
             <Value>1 &lt;2&gt;</Value></Tag></AddTags></Change>"
        );
    }

    #[test]
    fn partitions_and_regions_have_hosts_of_their_own() {
        let endpoint = Endpoint {
            host: "dax.${Region}.${Suffix}",
            signed_for: None,
            elsewhere: &[super::super::Elsewhere {
                within: "aws-us-gov",
                host: "dax.us-gov.amazonaws.com",
                signed_for: Some("us-gov-west-1"),
            }],
        };
        let operation = TagOperation { endpoint, ..JSON };
        let texts = |(host, region): (&str, &str)| (host.to_owned(), region.to_owned());
        for (region, place) in [
            ("eu-west-1", ("dax.eu-west-1.amazonaws.com", "eu-west-1")),
            ("cn-north-1", ("dax.cn-north-1.amazonaws.com.cn", "cn-north-1")),
            ("us-gov-east-1", ("dax.us-gov.amazonaws.com", "us-gov-west-1")),
        ] {
            assert_eq!(sent_to(operation, region), texts(place));
        }
    }
}
