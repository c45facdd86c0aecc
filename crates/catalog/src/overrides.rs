//! Corrections of what the rules get wrong or cannot know: `overrides.toml`, each with its reason.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::wire::{RecordValue, State, TagMember, Value};

/// All corrections.
pub fn overrides() -> &'static Overrides {
    static ALL: LazyLock<Overrides> = LazyLock::new(|| {
        toml::from_str(include_str!("../overrides.toml"))
            .unwrap_or_else(|wrong| panic!("overrides.toml: {wrong}"))
    });
    &ALL
}

/// The tables of the file, as it describes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overrides {
    pub create_nothing: Vec<Call>,
    pub creates: Vec<Created>,
    pub places: Vec<Placed>,
    pub also_creates: Vec<Placed>,
    pub upserts: Vec<Call>,
    pub formats: Vec<Format>,
    pub tag_actions: Vec<TagActions>,
    pub opt_in: Vec<Type>,
    pub own_tag_operations: Vec<OwnOperation>,
    pub own_read_operations: Vec<OwnOperation>,
    pub not_read_by: Vec<Unused>,
    pub not_tagged_by: Vec<Unused>,
    pub members: Vec<Members>,
    pub each_tag: Vec<EachTag>,
    pub lookups: Vec<Lookup>,
    pub headers: Vec<Header>,
    pub actions: Vec<Actions>,
    pub creation_times: Vec<CreationTime>,
    pub answers_for_old: Vec<Call>,
    pub fails_if_there: Vec<Source>,
    pub max_tags: Vec<MaxTags>,
    pub lower_case: Vec<Source>,
    pub unnamed: Vec<Call>,
    pub not_created: Vec<Type>,
    pub no_row: Vec<Type>,
    pub no_reader: Vec<Type>,
}

/// A call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub source: String,
    pub call: String,
    pub reason: String,
}

/// A call and a type that it creates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    pub source: String,
    pub call: String,
    #[serde(rename = "type")]
    pub resource_type: String,
    pub reason: String,
}

/// A call, a type that it creates, and where its record names that, the likeliest first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    pub source: String,
    pub call: String,
    #[serde(rename = "type")]
    pub resource_type: String,
    pub places: Vec<String>,
    pub reason: String,
}

/// A type and its ARN format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    #[serde(rename = "type")]
    pub resource_type: String,
    pub format: String,
    pub reason: String,
}

/// A prefix of IAM and its actions that tag.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagActions {
    pub prefix: String,
    pub actions: Vec<String>,
    pub reason: String,
}

/// A type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Type {
    #[serde(rename = "type")]
    pub resource_type: String,
    pub reason: String,
}

/// A type and an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnOperation {
    #[serde(rename = "type")]
    pub resource_type: String,
    pub operation: String,
    pub reason: String,
}

/// An operation of an API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unused {
    pub api: String,
    pub operation: String,
    pub reason: String,
}

/// An operation and its members that name the resource, in their order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    pub api: String,
    pub operation: String,
    pub members: Vec<Named<Value>>,
    pub reason: String,
}

/// An operation and what it wants each tag to say besides its key and value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EachTag {
    pub api: String,
    pub operation: String,
    pub members: Vec<Named<TagMember>>,
    pub reason: String,
}

/// A call whose record does not name a resource, and the operation that tells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lookup {
    pub source: String,
    pub calls: Vec<String>,
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Path in the record to the ids or names to ask about.
    pub by: String,
    pub api: String,
    pub operation: String,
    pub asks: Vec<Named<RecordValue>>,
    /// Path in the answer to what it tells of each resource.
    #[serde(default)]
    pub found: String,
    /// Path in that to its ARN or id.
    pub name: String,
    /// Path in that to its creation time.
    pub created_at: Option<String>,
    /// What that must say.
    #[serde(default)]
    pub only: Vec<Named<RecordValue>>,
    pub state: Option<State>,
    /// Whether AWS never gives the same ARN twice.
    #[serde(default)]
    pub unique: bool,
    #[serde(default)]
    pub several: bool,
    /// Paths that a record has only where the call changed what is there.
    #[serde(default)]
    pub changes: Vec<String>,
    /// What tells the ARN, where this tells only an id.
    pub then: Option<Further>,
    pub reason: String,
}

/// The operation that tells the ARN to an id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Further {
    pub operation: String,
    pub asks: Vec<Named<RecordValue>>,
    #[serde(default)]
    pub found: String,
    pub name: String,
}

/// A header.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub api: String,
    pub name: String,
    pub value: String,
    pub reason: String,
}

/// An operation and its IAM actions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    pub api: String,
    pub operation: String,
    pub actions: Vec<String>,
    pub reason: String,
}

/// A type, the operation that tells when one was created, and the path in its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreationTime {
    #[serde(rename = "type")]
    pub resource_type: String,
    pub api: String,
    pub operation: String,
    pub members: Vec<Named<Value>>,
    pub at: String,
    pub reason: String,
}

/// An event source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub source: String,
    pub reason: String,
}

/// A type and how many user tags it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxTags {
    #[serde(rename = "type")]
    pub resource_type: String,
    pub most: usize,
    pub reason: String,
}

/// A member of a request and what it says of the resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named<V> {
    pub name: String,
    pub value: V,
}

impl Call {
    pub fn is(&self, source: &str, call: &str) -> bool {
        self.source == source && self.call == call
    }
}

impl Created {
    pub fn is(&self, source: &str, call: &str) -> bool {
        self.source == source && self.call == call
    }
}

impl Lookup {
    pub fn is(&self, source: &str, call: &str, resource_type: &str) -> bool {
        self.source == source
            && self.calls.iter().any(|one| one == call)
            && self.resource_type == resource_type
    }
}

impl Placed {
    pub fn is(&self, source: &str, call: &str, resource_type: &str) -> bool {
        self.source == source && self.call == call && self.resource_type == resource_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_override_gives_a_reason() {
        let Overrides {
            create_nothing,
            creates,
            places,
            also_creates,
            upserts,
            formats,
            opt_in,
            no_row,
            no_reader,
            lookups,
            unnamed,
            ..
        } = overrides();
        let calls = create_nothing.iter().chain(upserts).chain(unnamed).map(|one| (&one.call, &one.reason));
        let placed = places.iter().chain(also_creates).map(|one| (&one.call, &one.reason));
        let created = creates.iter().map(|one| (&one.call, &one.reason));
        let types = opt_in.iter().chain(no_row).chain(no_reader).map(|one| (&one.resource_type, &one.reason));
        let formats = formats.iter().map(|one| (&one.resource_type, &one.reason));
        let lookups = lookups.iter().map(|one| (&one.resource_type, &one.reason));
        let all: Vec<_> =
            calls.chain(placed).chain(created).chain(types).chain(formats).chain(lookups).collect();
        assert!(all.len() > 300);
        assert!(all.iter().all(|(_, reason)| reason.len() > 5), "{all:?}");
    }
}
