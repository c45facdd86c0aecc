//! Each service's own operation that adds tags to a resource, found in its API model.
//!
//! An operation qualifies if it takes nothing but the resource and the tags, so that one generic caller
//! can call them all. One that replaces tags does not: it would delete tags that others set.

use std::collections::BTreeMap;

use crate::authorization::Authorization;
use crate::endpoints::{EndpointOverride, Endpoints, Host};
use crate::models::{Api, Operation, Reference, Shape};
use crate::naming::plain;
use crate::overrides::{OWN_TAG_OPERATIONS, RESOURCE_VALUES};

/// Usual names of the operation, the likeliest first.
const NAMES: &[&str] = &["TagResource", "AddTagsToResource", "AddTags", "CreateTags", "TagResources"];

/// Tags that a call takes if the model does not limit them.
const TAGS_PER_CALL: u64 = 50;

/// An operation that adds tags to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagOperation {
    /// IAM's name, e.g. `dax:TagResource`.
    pub name: String,
    /// API and operation, e.g. `dax` and `TagResource`.
    pub from: (String, String),
    /// The IAM actions that it needs.
    pub actions: Vec<String>,
    /// The service's name in SDKs.
    pub service_id: String,
    /// The service's name in signatures.
    pub signing_name: String,
    /// Where it is called.
    pub endpoint: (Host, Vec<EndpointOverride>),
    /// The protocol, as Rust.
    pub protocol: String,
    /// `POST` or `PUT`.
    pub method: String,
    /// Path and query with `{labels}`.
    pub path: String,
    /// The member that names the resource, as Rust.
    pub resource: String,
    /// The shape of its tags, as Rust.
    pub tags: String,
    /// Tags that one call takes.
    pub tags_per_call: u64,
}

impl TagOperation {
    /// Name of its constant.
    pub fn constant(&self) -> String {
        let (api, operation) = &self.from;
        let words = crate::naming::words(operation).join("_");
        format!("{}_{words}", api.replace('-', "_")).to_uppercase()
    }
}

/// Where to look for operations.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// All API models.
    pub apis: &'a [Api],
    /// All authorization data.
    pub authorizations: &'a BTreeMap<String, Authorization>,
    /// All rule sets.
    pub endpoints: &'a Endpoints,
}

impl Search<'_> {
    /// The operation for a type that an API's call creates: of that API, else of one with the same signing name.
    pub fn operation(&self, api: &str, resource_type: &str) -> Option<TagOperation> {
        let api = self.apis.iter().find(|one| one.name == api)?;
        let signs_alike = |one: &&Api| one.name != api.name && one.signing_name() == api.signing_name();
        // Another API tags what its action lists: AppRegistry's does not tag portfolios.
        let listed = |operation: &TagOperation| self.lists(resource_type, &operation.from.1);
        self.of_api(api, resource_type).or_else(|| {
            self.apis
                .iter()
                .filter(signs_alike)
                .filter_map(|other| self.of_api(other, resource_type))
                .find(listed)
        })
    }

    fn of_api(&self, api: &Api, resource_type: &str) -> Option<TagOperation> {
        let own = OWN_TAG_OPERATIONS
            .iter()
            .find(|(of, name, _)| *of == resource_type && api.operations.contains_key(*name));
        let usual = NAMES.iter().filter_map(|name| api.operations.get(*name));
        let named = own.and_then(|(_, name, _)| api.operations.get(*name));
        named.into_iter().chain(usual).find_map(|operation| self.described(api, operation, resource_type))
    }

    fn described(&self, api: &Api, operation: &Operation, resource_type: &str) -> Option<TagOperation> {
        let input = api.input(operation)?;
        let is_tags =
            |name: &&String| matches!(plain(name).as_str(), "tags" | "taglist" | "resourcetags" | "addtags");
        let tags = input.members.keys().find(is_tags)?;
        let others: Vec<&String> =
            match input.required.iter().filter(|name| *name != tags).collect::<Vec<_>>() {
                required if required.is_empty() => {
                    input.members.keys().filter(|name| *name != tags).collect()
                }
                required => required,
            };
        // Endpoint discovery would need a second call.
        if operation.discovery.required {
            return None;
        }
        let ([resource], None) = (others.as_slice(), &input.payload) else { return None };
        let mut endpoint = self.endpoints.of(&api.name, &operation.parameters)?;
        if let Some(prefix) = &operation.endpoint.host_prefix {
            if prefix.contains('{') {
                return None;
            }
            let hosts = std::iter::once(&mut endpoint.0).chain(endpoint.1.iter_mut().map(|(_, host)| host));
            hosts.for_each(|host| host.pattern.insert_str(0, prefix));
        }
        let prefix = resource_type.split(':').next().unwrap_or_default();
        let protocol = protocol(api, operation)?;
        let (tags, tags_per_call) = tag_shape(api, tags, input.members.get(tags)?, &protocol)?;
        let signing_name = endpoint.0.signing_name.clone().unwrap_or_else(|| api.signing_name().to_owned());
        Some(TagOperation {
            name: format!("{prefix}:{}", operation.name),
            from: (api.name.clone(), operation.name.clone()),
            actions: self.actions(prefix, &operation.name),
            service_id: api.metadata.service_id.clone(),
            signing_name,
            endpoint,
            method: operation.http.method.clone(),
            path: if operation.http.request_uri.is_empty() {
                "/".into()
            } else {
                operation.http.request_uri.clone()
            },
            resource: resource_member(api, operation, input, resource)?,
            protocol,
            tags,
            tags_per_call,
        })
    }

    /// Whether the action of the operation's name applies to a type, if it lists types.
    fn lists(&self, resource_type: &str, operation: &str) -> bool {
        let Some((prefix, key)) = resource_type.split_once(':') else { return false };
        let action =
            self.authorizations.get(prefix).and_then(|known| known.actions.get(&operation.to_lowercase()));
        let types = action.map(|action| action.resource_types.as_slice()).unwrap_or_default();
        types.is_empty() || types.iter().any(|on| on.name == key)
    }

    /// The action of the operation's name, and what the authorization data says it depends on.
    fn actions(&self, prefix: &str, operation: &str) -> Vec<String> {
        let action =
            self.authorizations.get(prefix).and_then(|known| known.actions.get(&operation.to_lowercase()));
        let dependent = action.map(|action| action.dependent_actions.clone()).unwrap_or_default();
        [format!("{prefix}:{operation}")].into_iter().chain(dependent).collect()
    }
}

/// The protocol that the caller speaks and the service understands, as Rust.
fn protocol(api: &Api, operation: &Operation) -> Option<String> {
    let metadata = &api.metadata;
    let speaks =
        |name: &str| metadata.protocol == name || metadata.protocols.iter().any(|other| other == name);
    if speaks("json") {
        let target = format!("{}.{}", metadata.target_prefix.as_deref()?, operation.name);
        let version = metadata.json_version.as_deref()?;
        return Some(format!("Protocol::Json {{ version: {version:?}, target: {target:?} }}"));
    }
    if speaks("rest-json") {
        return Some("Protocol::RestJson".to_owned());
    }
    speaks("query").then(|| {
        format!("Protocol::Query {{ action: {:?}, version: {:?} }}", operation.name, metadata.api_version)
    })
}

/// The member that names the resource, as Rust.
fn resource_member(api: &Api, operation: &Operation, input: &Shape, name: &str) -> Option<String> {
    let reference = input.members.get(name)?;
    let shape = api.shape(reference)?;
    let known = RESOURCE_VALUES.iter().find(|(of, name, _, _)| *of == api.name && *name == operation.name);
    let pattern = shape.pattern.as_deref().unwrap_or_default();
    let value = match known {
        Some((_, _, value, _)) => *value,
        None if plain(name).ends_with("arn") || pattern.contains("arn") => "ResourceValue::Arn",
        None => return None,
    };
    let binding = match (reference.location.as_deref(), shape.kind.as_str()) {
        (None, "string") => "HttpBinding::Payload",
        (Some("uri"), "string") => "HttpBinding::Label",
        (Some("querystring"), "string") => "HttpBinding::Query",
        _ => return None,
    };
    let wire = reference.location_name.as_deref().unwrap_or(name);
    Some(format!("ResourceMember {{ name: {wire:?}, binding: {binding}, value: {value} }}"))
}

/// The shape of the request's tags, as Rust, and how many it takes.
fn tag_shape(api: &Api, name: &str, reference: &Reference, protocol: &str) -> Option<(String, u64)> {
    let shape = api.shape(reference)?;
    let most = shape.max.map_or(TAGS_PER_CALL, |max| (max as u64).min(TAGS_PER_CALL));
    let wire = reference.location_name.as_deref().unwrap_or(name);
    if reference.location.is_some() {
        return None;
    }
    if shape.kind == "map" {
        return Some((format!("TagShape::Map {{ name: {wire:?} }}"), most));
    }
    let item = shape.member.as_ref()?;
    let tag = api.shape(item)?;
    let member = |end: &str| {
        let name =
            tag.members.keys().find(|name| plain(name) == end || plain(name) == format!("tag{end}"))?;
        Some(tag.members.get(name)?.location_name.clone().unwrap_or_else(|| name.clone()))
    };
    let (key, value) = (member("key")?, member("value")?);
    if tag.members.len() != 2 {
        return None;
    }
    let query = protocol.starts_with("Protocol::Query") && !shape.flattened;
    let list = if query {
        format!("{wire}.{}", item.location_name.as_deref().unwrap_or("member"))
    } else {
        wire.into()
    };
    let tag_shape = format!("TagShape::List {{ name: {list:?}, key: {key:?}, value: {value:?} }}");
    Some((tag_shape, most))
}
