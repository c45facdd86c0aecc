//! What is asked about resources that a record does not name, and what an answer tells of them.

use serde_json::Value;
use time::OffsetDateTime;

use super::answer::{Unreadable, at, parsed, tags_in, text_of, time_of};
use super::row::{LookupOperation, RecordValue, State, TagShape};
use crate::tags::TagMap;

/// What a lookup takes from a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Ids or names to ask about, one by one.
    pub subjects: Vec<String>,
    /// What else the record says, by the paths that may have it.
    recorded: Vec<(&'static [&'static str], String)>,
}

/// A resource that an answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its ARN or id.
    pub name: String,
    /// When it was created, where the answer says so.
    pub created: Option<OffsetDateTime>,
    /// Its tags, where the answer has them.
    pub tags: Option<TagMap>,
}

impl<T: Into<String>> From<T> for Found {
    fn from(name: T) -> Self {
        Self { name: name.into(), created: None, tags: None }
    }
}

/// Why an answer names no resource, or none that is surely meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It may come.
    #[error("`{0}` is not there yet")]
    NotFound(String),
    /// What makes it has not ended.
    #[error("`{subject}` is in the state `{state}`")]
    NotYet { subject: String, state: String },
    /// The service says of what is there neither name nor age, so that nothing tells it from another.
    #[error("the answer for `{subject}` has no `{path}`")]
    Untold { subject: String, path: &'static str },
    /// Which of them is meant, nothing tells.
    #[error("the answer for `{subject}` names {count} resources, expected one")]
    Several { subject: String, count: usize },
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Question {
    /// The question that takes nothing else from the record.
    pub(crate) fn about(subjects: Vec<String>) -> Self {
        Self { subjects, recorded: Vec::new() }
    }

    /// The question about these subjects; the paths at which the record lacks something else that is asked.
    pub(crate) fn new(
        operation: &LookupOperation,
        subjects: Vec<String>,
        text: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        let of_request = operation.asks.iter().map(|member| member.value);
        let of_answer = operation.only.iter().map(|(_, value)| *value);
        let mut recorded = Vec::new();
        for value in of_request.chain(of_answer) {
            if let RecordValue::Recorded(paths) = value {
                let found = paths.iter().find_map(|path| text(path));
                let absent = || paths.first().copied().unwrap_or_default();
                recorded.push((paths, found.ok_or_else(absent)?));
            }
        }
        Ok(Self { subjects, recorded })
    }

    /// What a member says; `None` only where the question is of another operation.
    pub(crate) fn text(&self, value: RecordValue, subject: &str) -> Option<String> {
        match value {
            RecordValue::Subject => Some(subject.to_owned()),
            RecordValue::Fixed(text) => Some(text.to_owned()),
            RecordValue::Recorded(paths) => {
                let found = self.recorded.iter().find(|(of, _)| *of == paths);
                found.map(|(_, text)| text.clone())
            }
        }
    }
}

impl LookupOperation {
    /// A question whose texts say where they come from, and what each member of the request says of it.
    pub fn example(&self) -> (Question, Vec<(&'static str, String)>) {
        let question = Question::new(self, vec!["a & <b>".to_owned()], |path| Some(format!("é/{path}")));
        let question = question.unwrap_or_else(|_| Question::about(Vec::new()));
        let text = |value| question.text(value, "a & <b>").unwrap_or_default();
        let asked = self.asks.iter().map(|member| (member.name, text(member.value))).collect();
        (question, asked)
    }

    /// An answer to that, as the paths of what it tells and the texts there.
    pub fn example_answer(&self) -> Vec<(String, String)> {
        let within = |path: &str| format!("{}.{path}", self.found).trim_matches('.').to_owned();
        let (question, _) = self.example();
        let name = (within(self.name), "arn:aws:some:::thing/a".to_owned());
        let created = self.created_at.map(|path| (within(path), "2026-05-04T10:00:00Z".to_owned()));
        let only = self
            .only
            .iter()
            .map(|(path, value)| (within(path), question.text(*value, "a & <b>").unwrap_or_default()));
        let done = |state: State| Some((within(state.at), (*state.done.first()?).to_owned()));
        let tag = self.tags.map(|shape| match shape {
            TagShape::Map { name } => vec![(format!("{name}.Owner"), "ann")],
            TagShape::List { name, key, value } => {
                vec![(format!("{name}.{key}"), "Owner"), (format!("{name}.{value}"), "ann")]
            }
        });
        let tag = tag.into_iter().flatten().map(|(path, text)| (within(&path), text.to_owned()));
        let told = [Some(name), created, self.state.and_then(done)].into_iter().flatten();
        told.chain(only).chain(tag).collect()
    }

    /// The resources that the answer for one subject names: none where there will be none, else one, unless the
    /// row says that a call creates several.
    pub fn found(&self, question: &Question, subject: &str, body: &str) -> Result<Vec<Found>, Unanswered> {
        let answer = parsed(self.operation.protocol, body)?;
        let is_meant = |item: &&Value| {
            self.only.iter().all(|(path, value)| {
                let wanted = question.text(*value, subject);
                at(item, path).first().map(|found| text_of(found)) == wanted
            })
        };
        let meant: Vec<&Value> = at(&answer, self.found).into_iter().filter(is_meant).collect();
        let subject = subject.to_owned();
        if meant.is_empty() {
            return Err(Unanswered::NotFound(subject));
        }
        if meant.len() > 1 && !self.several {
            return Err(Unanswered::Several { subject, count: meant.len() });
        }
        let mut found = Vec::new();
        for item in meant {
            match self.state.map(|state| state.of(item)) {
                Some(Stage::Failed) => continue,
                Some(Stage::Running(state)) => return Err(Unanswered::NotYet { subject, state }),
                Some(Stage::Done) | None => {}
            }
            let names: Vec<String> = at(item, self.name).into_iter().map(text_of).collect();
            if names.iter().all(String::is_empty) {
                return Err(Unanswered::Untold { subject, path: self.name });
            }
            if names.len() > 1 && !self.several {
                return Err(Unanswered::Several { subject, count: names.len() });
            }
            let created = self.created_at.map(|path| match at(item, path).first() {
                Some(time) => Ok(time_of(time)?),
                None => Err(Unanswered::Untold { subject: subject.clone(), path }),
            });
            let created = created.transpose()?;
            let tags = self.tags.map(|shape| tags_in(item, shape)).transpose()?;
            found.extend(names.into_iter().map(|name| Found { name, created, tags: tags.clone() }));
        }
        Ok(found)
    }
}

/// How far something is.
enum Stage {
    Running(String),
    Done,
    Failed,
}

impl State {
    fn of(self, item: &Value) -> Stage {
        let word = at(item, self.at).first().map(|word| text_of(word)).unwrap_or_default();
        match word.as_str() {
            word if self.done.contains(&word) => Stage::Done,
            word if self.failed.contains(&word) => Stage::Failed,
            _ => Stage::Running(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::super::row::{Api, HttpBinding, Member, Operation, Protocol};
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

    const LOOKUP: LookupOperation = LookupOperation {
        operation: Operation {
            name: "some:GetThings",
            actions: &[],
            api: &API,
            protocol: Protocol::RestJson,
            method: "POST",
            path: "/groups/{group}",
            headers: &[],
            resource: &[],
        },
        asks: &[
            Member {
                name: "group",
                binding: HttpBinding::Label,
                value: RecordValue::Recorded(&["requestParameters.groupName", "requestParameters.group"]),
                list: false,
            },
            Member {
                name: "thing.names",
                binding: HttpBinding::Payload,
                value: RecordValue::Subject,
                list: true,
            },
            Member {
                name: "thing.type",
                binding: HttpBinding::Payload,
                value: RecordValue::Fixed("small"),
                list: false,
            },
        ],
        found: "things",
        name: "arn",
        created_at: Some("createdAt"),
        only: &[("name", RecordValue::Subject)],
        tags: None,
        state: Some(State { at: "state", done: &["READY"], failed: &["FAILED"] }),
        several: false,
        changes: &[],
        then: None,
    };

    fn question() -> Question {
        let text = |path: &str| (path == "requestParameters.group").then(|| "g/1".to_owned());
        Question::new(&LOOKUP, vec!["a".to_owned()], text).expect("the record has it all")
    }

    fn found(body: &str) -> Result<Vec<String>, String> {
        let found = LOOKUP.found(&question(), "a", body);
        found.map(|found| found.into_iter().map(|one| one.name).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_says_what_the_record_says() {
        let request = LOOKUP.request(&question(), "a");
        assert_eq!(request.path, "/groups/g%2F1");
        assert_eq!(request.body, r#"{"thing":{"names":["a"],"type":"small"}}"#);
        let lacking = Question::new(&LOOKUP, vec!["a".to_owned()], |_| None);
        assert_eq!(lacking, Err("requestParameters.groupName"));
    }

    #[test]
    fn one_resource_that_is_surely_meant_is_found_and_nothing_else() {
        let thing = |name: &str, state: &str, time: &str| {
            format!(r#"{{"name": "{name}", "arn": "arn-{name}", "state": "{state}", "createdAt": {time}}}"#)
        };
        let answer = |things: &[String]| found(&format!(r#"{{"things": [{}]}}"#, things.join(", ")));
        let (a, b) = (thing("a", "READY", "1777888740"), thing("b", "READY", "1777888740"));
        assert_eq!(answer(&[a.clone(), b.clone()]), Ok(vec!["arn-a".to_owned()]));
        assert_eq!(answer(&[b]), Err("`a` is not there yet".to_owned()));
        assert_eq!(answer(&[a.clone(), a]), Err("the answer for `a` names 2 resources, expected one".into()));
        assert_eq!(answer(&[thing("a", "MAKING", "1")]), Err("`a` is in the state `MAKING`".into()));
        assert_eq!(answer(&[thing("a", "FAILED", "1")]), Ok(Vec::new()), "there will be none");
        let ageless = answer(&[thing("a", "READY", "null")]);
        assert_eq!(ageless, Err("the answer for `a` has no `createdAt`".into()));
        assert!(answer(&[thing("a", "READY", "\"soon\"")]).is_err());
    }
}
