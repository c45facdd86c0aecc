//! What an operation answers, in any of the protocols: the tags of a resource, or when it was created.

use roxmltree::{Document, Node};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::row::{Among, Protocol, ReadOperation, TagShape, TimeOperation};
use crate::record::{Arn, timestamp};
use crate::tags::TagMap;

/// One part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub tags: TagMap,
    /// Whether it tells of the resource.
    pub found: bool,
    /// What the next request must say, if there are more.
    pub next: Option<String>,
}

/// An answer that cannot be read: its tags are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable answer: {0}")]
pub struct Unreadable(String);

impl Unreadable {
    pub(super) fn new(why: impl ToString) -> Self {
        Self(why.to_string())
    }
}

impl ReadOperation {
    /// Whether it asks about one resource, and not about all.
    pub fn names_it(&self) -> bool {
        self.among.is_none()
    }

    /// The tags of a resource in an answer. Without the member that should have them, there are none.
    pub fn page(&self, arn: &Arn, body: &str) -> Result<Page, Unreadable> {
        let answer = parsed(self.operation.protocol, body)?;
        let meant = match self.among {
            None => Some(&answer),
            Some(Among { items, arn: named }) => {
                let is_meant =
                    |item: &&Value| at(item, named).iter().any(|found| text_of(found) == arn.as_str());
                at(&answer, items).into_iter().find(is_meant)
            }
        };
        let tags = meant.map(|meant| tags_in(meant, self.tags)).transpose()?;
        let next = self.pages.map(|pages| at(&answer, pages.next)).unwrap_or_default();
        let next = next.first().map(|next| text(Some(next))).filter(|next| !next.is_empty());
        Ok(Page { found: tags.is_some(), tags: tags.unwrap_or_default(), next })
    }
}

impl TimeOperation {
    /// The creation time in an answer; `None` if it has none (yet).
    pub fn time(&self, body: &str) -> Result<Option<OffsetDateTime>, Unreadable> {
        let answer = parsed(self.operation.protocol, body)?;
        at(&answer, self.at).first().map(|value| time_of(value)).transpose()
    }
}

/// The tags at their place in an answer, or in a part of it.
pub(super) fn tags_in(answer: &Value, shape: TagShape) -> Result<TagMap, Unreadable> {
    let mut tags = TagMap::new();
    match shape {
        TagShape::Map { name } => {
            for map in at(answer, name).into_iter().filter_map(Value::as_object) {
                tags.extend(map.iter().map(|(key, value)| (key.clone(), text(Some(value)))));
            }
        }
        TagShape::List { name, key, value } => {
            for tag in at(answer, name) {
                let named = tag.get(key).and_then(Value::as_str);
                let named = named.ok_or_else(|| Unreadable::new(format!("a tag without `{key}`")))?;
                tags.insert(named.to_owned(), text(tag.get(value)));
            }
        }
    }
    Ok(tags)
}

pub(super) fn time_of(value: &Value) -> Result<OffsetDateTime, Unreadable> {
    let text = text_of(value);
    let time = match text.parse::<f64>() {
        // Seconds since 1970, in JSON with a fraction.
        Ok(seconds) => OffsetDateTime::from_unix_timestamp(seconds as i64).ok(),
        Err(_) => timestamp::parse(&text),
    };
    time.ok_or_else(|| Unreadable::new(format!("`{text}` is not a time")))
}

/// A text, number or truth value as text.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn parsed(protocol: Protocol, body: &str) -> Result<Value, Unreadable> {
    match protocol {
        Protocol::Json { .. } | Protocol::RestJson => serde_json::from_str(body).map_err(Unreadable::new),
        Protocol::RestXml { .. } | Protocol::Query { .. } => {
            Ok(element(Document::parse(body).map_err(Unreadable::new)?.root_element()))
        }
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The values at a path; lists are gone through.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut values = vec![value];
    for step in path.split('.').filter(|step| !step.is_empty()) {
        values = each(values).filter_map(|value| value.get(step)).collect();
    }
    each(values).filter(|value| !value.is_null()).collect()
}

fn each(values: Vec<&Value>) -> impl Iterator<Item = &Value> {
    values.into_iter().flat_map(|value| match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    })
}

/// An XML element as JSON: text, or its children by name; several of a name are a list.
fn element(node: Node<'_, '_>) -> Value {
    let mut members: Map<String, Value> = Map::new();
    for child in node.children().filter(Node::is_element) {
        let value = element(child);
        match members.get_mut(child.tag_name().name()) {
            Some(Value::Array(items)) => items.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
            None => drop(members.insert(child.tag_name().name().to_owned(), value)),
        }
    }
    match members.is_empty() {
        true => Value::String(node.text().unwrap_or_default().to_owned()),
        false => Value::Object(members),
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::super::row::{Among, Api, HttpBinding, Operation, Pages};
    use super::*;

    const API: Api = Api {
        service_id: "Some",
        signing_name: "some",
        endpoint: Endpoint {
            host: "some.${Region}.${Suffix}",
            signing_region: None,
            overrides: &[],
            discovery: None,
        },
    };

    const OPERATION: Operation = Operation {
        name: "some:ListTags",
        actions: &[],
        api: &API,
        protocol: Protocol::RestJson,
        method: "GET",
        path: "/",
        headers: &[],
        resource: &[],
    };

    const QUERY: Operation =
        Operation { protocol: Protocol::Query { action: "ListTags", version: "1" }, ..OPERATION };

    fn arn() -> Arn {
        Arn::parse("arn:aws:some:eu-west-1:111122223333:thing/a").expect("an ARN")
    }

    fn read(operation: Operation, tags: TagShape, body: &str) -> Result<Page, Unreadable> {
        let pages = Some(Pages { ask: "Marker", binding: HttpBinding::Payload, next: "Result.Marker" });
        ReadOperation { operation, tags, pages, among: None }.page(&arn(), body)
    }

    fn tags(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    const LIST: TagShape = TagShape::List { name: "Result.Tags.member", key: "Key", value: "Value" };
    const MAP: TagShape = TagShape::Map { name: "resource.tags" };

    #[test]
    fn a_lone_tag_and_several_and_none_are_read_from_xml() {
        let answer = |tags: &str, marker: &str| {
            let body = format!(
                "<Response xmlns=\"http://x/\"><Result><Tags>{tags}</Tags>{marker}</Result></Response>"
            );
            read(QUERY, LIST, &body).expect("an answer")
        };
        let one = "<member><Key>Key</Key><Value>a &amp; b</Value></member>";
        assert_eq!(answer(one, "").tags, tags(&[("Key", "a & b")]));
        let two = format!("{one}<member><Key>Empty</Key><Value/></member>");
        assert_eq!(answer(&two, "").tags, tags(&[("Empty", ""), ("Key", "a & b")]));
        assert_eq!(
            answer("", "<Marker>m</Marker>"),
            Page { found: true, tags: TagMap::new(), next: Some("m".into()) }
        );
    }

    #[test]
    fn a_map_may_have_any_keys() {
        let page = read(OPERATION, MAP, r#"{"resource": {"tags": {"key": "k", "value": "v"}}}"#);
        assert_eq!(page.expect("an answer").tags, tags(&[("key", "k"), ("value", "v")]));
        for none in [r#"{"resource": {"tags": null}}"#, r#"{"resource": {}}"#, "{}"] {
            let page = Page { found: true, ..Page::default() };
            assert_eq!(read(OPERATION, MAP, none), Ok(page), "{none}");
        }
    }

    #[test]
    fn of_a_list_of_all_only_the_one_that_is_meant_counts() {
        let among = Some(Among { items: "things", arn: "detail.arn" });
        let tags_shape = TagShape::List { name: "tags", key: "key", value: "value" };
        let read = ReadOperation { operation: OPERATION, tags: tags_shape, pages: None, among };
        let thing = |name: &str| {
            let arn = arn().as_str().replace("/a", name);
            format!(r#"{{"detail": {{"arn": "{arn}"}}, "tags": [{{"key": "name", "value": "{name}"}}]}}"#)
        };
        let page = |names: &[&str]| {
            let things: Vec<String> = names.iter().map(|name| thing(name)).collect();
            read.page(&arn(), &format!(r#"{{"things": [{}]}}"#, things.join(","))).expect("an answer")
        };
        let meant = Page { found: true, tags: tags(&[("name", "/a")]), next: None };
        assert_eq!(page(&["/b", "/a", "/ab"]), meant);
        // A resource that is not listed is not one without tags.
        assert_eq!(page(&["/b", "/ab"]), Page::default());
    }

    #[test]
    fn creation_times_come_in_seconds_and_in_text() {
        let time = |operation, body: &str| {
            let read = TimeOperation { operation, at: "Role.CreateDate" };
            read.time(body).map(|at| at.map(timestamp::format))
        };
        let at = || Ok(Some("2026-05-04T09:59:00Z".to_owned()));
        assert_eq!(time(OPERATION, r#"{"Role": {"CreateDate": 1777888740.123}}"#), at());
        assert_eq!(time(OPERATION, r#"{"Role": {"CreateDate": "1777888740"}}"#), at());
        let body = "<R><Role><CreateDate>2026-05-04T09:59:00Z</CreateDate></Role></R>";
        assert_eq!(time(QUERY, body), at());
        assert_eq!(time(OPERATION, "{}"), Ok(None));
        assert!(time(OPERATION, r#"{"Role": {"CreateDate": "soon"}}"#).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_an_untagged_resource() {
        for (operation, body) in [
            (OPERATION, ""),
            (OPERATION, "<html>"),
            (QUERY, "<Response>"),
            (OPERATION, r#"{"Result": {"Tags": {"member": [{"K": "a"}]}}}"#),
        ] {
            assert!(read(operation, LIST, body).is_err(), "{body}");
        }
    }
}
