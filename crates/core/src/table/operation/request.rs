//! An operation as an HTTP request, one function per protocol.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::list::ListOperation;
use super::question::Question;
use super::row::{
    AtLaunch, HttpBinding, KeyShape, LookupOperation, Member, Operation, Protocol, ReadOperation,
    ResourceValue, TagMember, TagOperation, TagShape, TimeOperation, UntagOperation,
};
use crate::record::Arn;
use crate::tags::TagMap;

/// Characters that URLs and forms escape: all but the unreserved ones.
/// <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An HTTP request without a host, not yet signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// Path and query, escaped.
    pub path: String,
    /// Headers, including the content type where there is a body.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl TagOperation {
    /// The request that adds `tags` to a resource.
    pub fn request(&self, arn: &Arn, tags: &TagMap, at_launch: AtLaunch) -> Request {
        let mut request = self.operation.of(arn);
        match self.operation.protocol {
            Protocol::Query { .. } => {
                let each = self.each.iter().map(|(name, value)| {
                    let text = match value {
                        TagMember::Resource(value) => self.operation.text(*value, arn),
                        TagMember::AtLaunch => (at_launch == AtLaunch::Propagate).to_string(),
                    };
                    (*name, text)
                });
                request.form.extend(form_of(self.tags, tags, &each.collect::<Vec<_>>()));
            }
            Protocol::RestXml { .. } => request.xml = xml_of(self.tags, tags),
            Protocol::Json { .. } | Protocol::RestJson => {
                let (name, tags) = match self.tags {
                    TagShape::Map { name } => (name, json!(tags)),
                    TagShape::List { name, key, value } => {
                        (name, tags.iter().map(|tag| json!({key: tag.0, value: tag.1})).collect())
                    }
                };
                request.json.insert(name.to_owned(), tags);
            }
        }
        self.operation.request(request)
    }
}

impl UntagOperation {
    /// The request that takes these tags from a resource, whatever values they have.
    pub fn request(&self, arn: &Arn, tags: &TagMap) -> Request {
        let mut request = self.operation.of(arn);
        match (self.keys, self.operation.protocol) {
            (KeyShape::Keys { name, binding: HttpBinding::Query }, _) => {
                tags.keys().for_each(|key| request.add(name, HttpBinding::Query, key.clone(), false));
            }
            (KeyShape::Keys { name, .. }, Protocol::Query { .. }) => {
                let keys = (1..).zip(tags.keys()).map(|(nth, key)| (format!("{name}.{nth}"), key.clone()));
                request.form.extend(keys);
            }
            (KeyShape::Tags { name, key, .. }, Protocol::Query { .. }) => {
                for (nth, text) in (1..).zip(tags.keys()) {
                    request.form.push((format!("{name}.{nth}.{key}"), text.clone()));
                    let each = self.each.iter();
                    let each = each
                        .map(|(of, value)| (format!("{name}.{nth}.{of}"), self.operation.text(*value, arn)));
                    request.form.extend(each);
                }
            }
            (KeyShape::Keys { name, .. }, Protocol::RestXml { .. }) => {
                let (list, item) = name.split_once('.').unwrap_or((name, "member"));
                let keys = tags.keys().map(|key| format!("<{item}>{}</{item}>", xml_escaped(key)));
                request.xml = format!("<{list}>{}</{list}>", keys.collect::<String>());
            }
            (KeyShape::Keys { name, .. }, _) => {
                insert(&mut request.json, name, tags.keys().map(String::as_str).collect());
            }
            (KeyShape::Tags { name, key, value: None }, _) => {
                insert(&mut request.json, name, tags.keys().map(|text| json!({key: text})).collect());
            }
            (KeyShape::Tags { name, key, value: Some(value) }, _) => {
                let tags = tags.iter().map(|(text, of)| json!({key: text, value: of}));
                insert(&mut request.json, name, tags.collect());
            }
        }
        self.operation.request(request)
    }
}

impl ReadOperation {
    /// The request that lists the tags of a resource; `from` is what the part before said of the next.
    pub fn request(&self, arn: &Arn, from: Option<&str>) -> Request {
        let mut request = self.operation.of(arn);
        if let (Some(pages), Some(from)) = (self.pages, from) {
            request.add(pages.ask, pages.binding, from.to_owned(), false);
        }
        self.operation.request(request)
    }
}

impl TimeOperation {
    /// The request that asks when a resource was created.
    pub fn request(&self, arn: &Arn) -> Request {
        self.operation.request(self.operation.of(arn))
    }
}

impl LookupOperation {
    /// The request that asks about one subject of a question.
    pub fn request(&self, question: &Question, subject: &str) -> Request {
        let text = |value| question.text(value, subject).unwrap_or_default();
        self.operation.request(self.operation.parts(self.asks, text))
    }
}

impl ListOperation {
    /// The request for a part of the list; `from` is what the part before said of the next.
    pub fn request(&self, from: Option<&str>) -> Request {
        let mut request = self.operation.parts::<ResourceValue>(&[], |_| String::new());
        for (name, text) in self.asks {
            request.add(name, HttpBinding::Payload, (*text).to_owned(), false);
        }
        if let (Some(pages), Some(from)) = (self.pages, from) {
            request.add(pages.ask, pages.binding, from.to_owned(), false);
        }
        self.operation.request(request)
    }
}

/// The parts of a request while it is being written.
struct Parts {
    path: String,
    headers: Vec<(&'static str, String)>,
    json: Map<String, Value>,
    form: Vec<(String, String)>,
    xml: String,
}

impl Parts {
    fn add(&mut self, name: &'static str, binding: HttpBinding, text: String, list: bool) {
        match binding {
            HttpBinding::Payload => {
                let value = if list { json!([text]) } else { json!(text) };
                insert(&mut self.json, name, value);
                self.form.push((name.to_owned(), text));
            }
            HttpBinding::Query => {
                let joint = if self.path.contains('?') { '&' } else { '?' };
                self.path = format!("{}{joint}{name}={}", self.path, escaped(&text));
            }
            HttpBinding::Label => {
                let text = escaped(&text);
                self.path = self.path.replace(&format!("{{{name}}}"), &text);
                // A greedy label takes several parts of the path.
                self.path = self.path.replace(&format!("{{{name}+}}"), &text.replace("%2F", "/"));
            }
            HttpBinding::Header => self.headers.push((name, text)),
        }
    }
}

impl Operation {
    /// The parts of a request about a resource.
    fn of(&self, arn: &Arn) -> Parts {
        self.parts(self.resource, |value| self.text(value, arn))
    }

    fn parts<V: Copy>(&self, members: &'static [Member<V>], text: impl Fn(V) -> String) -> Parts {
        let path = self.path.to_owned();
        let headers = self.headers.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let mut parts = Parts { path, headers, json: Map::new(), form: Vec::new(), xml: String::new() };
        for Member { name, binding, value, list } in members {
            parts.add(name, *binding, text(*value), *list);
        }
        parts
    }

    /// What a member says of the resource.
    fn text(&self, value: ResourceValue, arn: &Arn) -> String {
        let resource = arn.resource();
        let (kind, name) = resource.split_once(['/', ':']).unwrap_or((resource, resource));
        match value {
            ResourceValue::Arn => arn.to_string(),
            ResourceValue::Id => arn.id().to_owned(),
            ResourceValue::Name => name.to_owned(),
            ResourceValue::After(words) => {
                resource.split_once(words).map_or(name, |(_, after)| after).to_owned()
            }
            ResourceValue::Part(nth) => resource.split('/').nth(nth).unwrap_or(name).to_owned(),
            ResourceValue::Hierarchy if name.contains('/') => format!("/{name}"),
            ResourceValue::Hierarchy => name.to_owned(),
            ResourceValue::Type(words) => {
                let found = words.iter().find(|(own, _)| *own == kind);
                found.map_or(kind, |(_, word)| word).to_owned()
            }
            ResourceValue::Fixed(text) => text.to_owned(),
            ResourceValue::Account => arn.account().to_owned(),
            ResourceValue::QueueUrl => {
                let host = self.api.endpoint.resolve(arn.region(), arn.account()).host;
                format!("https://{host}/{}/{resource}", arn.account())
            }
        }
    }

    fn request(&self, parts: Parts) -> Request {
        let Parts { path, mut headers, json, mut form, xml } = parts;
        let (content_type, body) = match self.protocol {
            Protocol::Json { version: "1.0", .. } => ("application/x-amz-json-1.0", object(json)),
            Protocol::Json { .. } => ("application/x-amz-json-1.1", object(json)),
            Protocol::RestJson | Protocol::RestXml { .. } if self.method == "GET" => ("", String::new()),
            Protocol::RestJson if self.method == "DELETE" && json.is_empty() => ("", String::new()),
            Protocol::RestXml { .. } if self.method == "DELETE" && xml.is_empty() => ("", String::new()),
            Protocol::RestJson => ("application/json", object(json)),
            Protocol::RestXml { root, namespace } => {
                ("application/xml", format!("<{root} xmlns=\"{namespace}\">{xml}</{root}>"))
            }
            Protocol::Query { action, version } => {
                form.insert(0, ("Action".to_owned(), action.to_owned()));
                form.insert(1, ("Version".to_owned(), version.to_owned()));
                let pairs: Vec<String> =
                    form.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
                ("application/x-www-form-urlencoded", pairs.join("&"))
            }
        };
        if !content_type.is_empty() {
            headers.insert(0, ("content-type", content_type.to_owned()));
        }
        if let Protocol::Json { target, .. } = self.protocol {
            headers.push(("x-amz-target", target.to_owned()));
        }
        Request { method: self.method, path, headers, body }
    }
}

fn object(members: Map<String, Value>) -> String {
    Value::Object(members).to_string()
}

/// Puts a value at a path of member names.
fn insert(members: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(members.insert(path.to_owned(), value)),
        Some((outer, rest)) => {
            let inner = members.entry(outer).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                insert(inner, rest, value);
            }
        }
    }
}

fn form_of(shape: TagShape, tags: &TagMap, each: &[(&str, String)]) -> Vec<(String, String)> {
    let (list, key_name, value_name) = match shape {
        TagShape::Map { name } => (format!("{name}.entry"), "key", "value"),
        TagShape::List { name, key, value } => (name.to_owned(), key, value),
    };
    let mut form = Vec::new();
    for (nth, (key, value)) in (1..).zip(tags) {
        form.push((format!("{list}.{nth}.{key_name}"), key.clone()));
        form.push((format!("{list}.{nth}.{value_name}"), value.clone()));
        form.extend(each.iter().map(|(name, text)| (format!("{list}.{nth}.{name}"), text.clone())));
    }
    form
}

/// `<Tags><Tag><Key>…</Key><Value>…</Value></Tag></Tags>` for the path `Tags.Tag`.
fn xml_of(shape: TagShape, tags: &TagMap) -> String {
    let TagShape::List { name, key, value } = shape else { return String::new() };
    let (list, item) = name.split_once('.').unwrap_or((name, "member"));
    let tags: String = tags
        .iter()
        .map(|(of, text)| {
            format!(
                "<{item}><{key}>{}</{key}><{value}>{}</{value}></{item}>",
                xml_escaped(of),
                xml_escaped(text)
            )
        })
        .collect();
    format!("<{list}>{tags}</{list}>")
}

fn xml_escaped(text: &str) -> String {
    let escapes = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#xD;"), ("\n", "&#xA;")];
    escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::super::row::{Alphabet, Api, Pages};
    use super::*;

    const API: Api = Api {
        service_id: "DAX",
        signing_name: "dax",
        endpoint: Endpoint {
            host: "dax.${Region}.${Suffix}",
            signing_region: None,
            overrides: &[],
            discovery: None,
        },
    };

    const JSON: Operation = Operation {
        name: "dax:TagResource",
        actions: &["dax:TagResource"],
        api: &API,
        protocol: Protocol::Json { version: "1.1", target: "AmazonDAXV3.TagResource" },
        method: "POST",
        path: "/",
        headers: &[],
        resource: &[Member {
            name: "ResourceName",
            binding: HttpBinding::Payload,
            value: ResourceValue::Arn,
            list: false,
        }],
    };

    const LIST: TagShape = TagShape::List { name: "Tags", key: "Key", value: "Value" };

    fn request(operation: Operation, tags: TagShape, arn: &str) -> Request {
        let added = TagMap::from([("a&b".to_owned(), "1 <2>".to_owned())]);
        let arn = Arn::parse(arn).expect("an ARN");
        let tag = TagOperation {
            operation,
            tags,
            tags_per_call: 50,
            alphabet: Alphabet::Any,
            each: &[],
            untag: None,
        };
        tag.request(&arn, &added, AtLaunch::Keep)
    }

    #[test]
    fn json_names_the_operation_in_a_header() {
        let request = request(JSON, LIST, "arn:aws:dax:eu-west-1:111122223333:cache/c");
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
        const OPERATION: Operation = Operation {
            protocol: Protocol::RestJson,
            path: "/tags/{resourceArn}",
            resource: &[Member {
                name: "resourceArn",
                binding: HttpBinding::Label,
                value: ResourceValue::Arn,
                list: false,
            }],
            ..JSON
        };
        let arn = "arn:aws:batch:eu-west-1:111122223333:job-queue/q";
        let request = request(OPERATION, TagShape::Map { name: "tags" }, arn);
        assert_eq!(request.path, "/tags/arn%3Aaws%3Abatch%3Aeu-west-1%3A111122223333%3Ajob-queue%2Fq");
        assert_eq!(request.body, r#"{"tags":{"a&b":"1 <2>"}}"#);
        let pages = Pages { ask: "nextToken", binding: HttpBinding::Query, next: "nextToken" };
        let read = ReadOperation {
            operation: Operation { method: "GET", ..OPERATION },
            tags: TagShape::Map { name: "tags" },
            pages: Some(pages),
            among: None,
        };
        let arn = Arn::parse(arn).expect("an ARN");
        assert!(read.request(&arn, Some("a=")).path.ends_with("job-queue%2Fq?nextToken=a%3D"));
        assert_eq!((read.request(&arn, None).headers.len(), read.request(&arn, None).body), (0, "".into()));
    }

    #[test]
    fn a_form_numbers_the_tags() {
        const OPERATION: Operation = Operation {
            protocol: Protocol::Query { action: "TagRole", version: "2010-05-08" },
            resource: &[Member {
                name: "RoleName",
                binding: HttpBinding::Payload,
                value: ResourceValue::Id,
                list: false,
            }],
            ..JSON
        };
        let list = TagShape::List { name: "Tags.member", key: "Key", value: "Value" };
        assert_eq!(
            request(OPERATION, list, "arn:aws:iam::111122223333:role/team/developer").body,
            "Action=TagRole&Version=2010-05-08&RoleName=developer\
             &Tags.member.1.Key=a%26b&Tags.member.1.Value=1%20%3C2%3E"
        );
    }

    #[test]
    fn xml_holds_the_tags_and_the_path_the_resource() {
        const OPERATION: Operation = Operation {
            protocol: Protocol::RestXml { root: "TagResourceRequest", namespace: "http://x/" },
            path: "/tags/{arn+}",
            headers: &[("x-version", "1")],
            resource: &[
                Member { name: "arn", binding: HttpBinding::Label, value: ResourceValue::Arn, list: false },
                Member {
                    name: "x-account",
                    binding: HttpBinding::Header,
                    value: ResourceValue::Account,
                    list: false,
                },
            ],
            ..JSON
        };
        let list = TagShape::List { name: "Tags.Tag", key: "Key", value: "Value" };
        let request = request(OPERATION, list, "arn:aws:s3express:eu-west-1:111122223333:bucket/b");
        assert_eq!(request.path, "/tags/arn%3Aaws%3As3express%3Aeu-west-1%3A111122223333%3Abucket/b");
        assert_eq!(
            request.body,
            "<TagResourceRequest xmlns=\"http://x/\"><Tags><Tag><Key>a&amp;b</Key><Value>1 &lt;2&gt;</Value></Tag>\
             </Tags></TagResourceRequest>"
        );
        let names: Vec<_> = request.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["content-type", "x-version", "x-account"]);
    }

    #[test]
    fn members_say_what_the_operation_asks_for() {
        let types = ResourceValue::Type(&[("parameter", "Parameter")]);
        for (value, arn, text) in [
            (ResourceValue::Name, "arn:aws:cur:us-east-1:111122223333:definition/a/b", "a/b"),
            (ResourceValue::Hierarchy, "arn:aws:ssm:eu-west-1:111122223333:parameter/app/url", "/app/url"),
            (ResourceValue::Hierarchy, "arn:aws:ssm:eu-west-1:111122223333:parameter/url", "url"),
            (
                ResourceValue::Part(1),
                "arn:aws:pi:eu-west-1:111122223333:perf-reports/RDS/db-1/report-1",
                "RDS",
            ),
            (types, "arn:aws:ssm:eu-west-1:111122223333:parameter/url", "Parameter"),
            (ResourceValue::Part(2), "arn:aws:eks:eu-west-1:111122223333:nodegroup/shop/web/1a-2b", "web"),
            (ResourceValue::Account, "arn:aws:ssm:eu-west-1:111122223333:parameter/url", "111122223333"),
            (
                ResourceValue::QueueUrl,
                "arn:aws:sqs:cn-north-1:111122223333:q",
                "https://dax.cn-north-1.amazonaws.com.cn/111122223333/q",
            ),
        ] {
            assert_eq!(JSON.text(value, &Arn::parse(arn).expect("an ARN")), text);
        }
    }
}
