//! Each service's own operations on tags, found in its API model: one that adds some to a resource, and
//! one that lists those that it has.
//!
//! An operation qualifies if it takes nothing but what an ARN says and the tags, so that one generic
//! caller can call them all. One that replaces tags does not: it would delete tags that others set.

use std::collections::BTreeMap;

use crate::authorization::Authorization;
use crate::endpoints::{EndpointOverride, Endpoints, Host};
use crate::event_sources::prefixes;
use crate::models::{self, Reference, Shape};
use crate::naming::{plain, singular, words};
use crate::overrides::{EachTag, OwnOperation, overrides};
use crate::rules::call_name;
use crate::untagging::UntagOperation;
use crate::wire::{Binding, Member, Pages, Protocol, TagMember, TagShape, Value};

/// Usual names of the operation that adds tags, the likeliest first.
const ADD: &[&str] = &[
    "TagResource",
    "AddTagsToResource",
    "AddTags",
    "CreateTags",
    "TagResources",
    "UpdateTagsForResource",
    "UpdateTagsForDomain",
    "TagCertificateAuthority",
    "Tag",
];

/// Names of its member with the tags.
const TAGS: &[&str] =
    &["tags", "taglist", "tagslist", "resourcetags", "addtags", "tagstoadd", "tagstoupdate"];

/// Usual names of the operation that lists tags, the likeliest first.
const LIST: &[&str] = &[
    "ListTagsForResource",
    "ListTags",
    "ListResourceTags",
    "ListTagsOfResource",
    "ListTagsForResources",
    "GetTags",
    "DescribeTags",
];

/// Tags that a call takes if the model does not limit them.
const TAGS_PER_CALL: u64 = 50;

/// An API as operations share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The service's name in SDKs.
    pub service_id: String,
    /// The service's name in signatures.
    pub signing_name: String,
    /// Where it is called.
    pub endpoint: (Host, Vec<EndpointOverride>),
    /// What tells where it is called instead, by IAM's name, and its target.
    pub discovery: Option<(String, String)>,
}

/// A call about one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// IAM's name, e.g. `dax:TagResource`.
    pub name: String,
    /// API and operation, e.g. `dax` and `TagResource`.
    pub from: (String, String),
    /// The IAM actions that it needs.
    pub actions: Vec<String>,
    pub api: Api,
    pub protocol: Protocol,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path and query with `{labels}`.
    pub path: String,
    /// Headers that are always the same.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The members that name the resource.
    pub resource: Vec<Member>,
}

/// An operation that adds tags to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagOperation {
    pub operation: Operation,
    pub tags: TagShape,
    /// Tags that one call takes.
    pub tags_per_call: u64,
    /// Whether keys or values are ASCII only.
    pub ascii: bool,
    /// What each tag says besides its key and value.
    pub each: Vec<(String, TagMember)>,
    /// What takes the tags away.
    pub untag: Option<Box<UntagOperation>>,
}

/// An operation that lists the tags of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOperation {
    pub operation: Operation,
    /// Where the answer has them.
    pub tags: TagShape,
    /// How it answers in parts.
    pub pages: Option<Pages>,
    /// Paths to the list of all and to the ARN of each, if it lists all.
    pub among: Option<(String, String)>,
}

/// An operation that tells when a resource was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeOperation {
    pub operation: Operation,
    /// Path to the time in the answer.
    pub at: String,
}

impl Operation {
    /// Name of its constant. One API may serve two prefixes of IAM.
    pub fn constant(&self) -> String {
        let (api, operation) = &self.from;
        let prefix = self.name.split(':').next().unwrap_or_default();
        let of = if prefix == "s3express" { format!("{api}_{prefix}") } else { api.clone() };
        format!("{of}_{}", words(operation).join("_")).replace('-', "_").to_uppercase()
    }
}

/// Where to look for operations.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// All API models.
    pub apis: &'a [models::Api],
    /// All authorization data.
    pub authorizations: &'a BTreeMap<String, Authorization>,
    /// All rule sets.
    pub endpoints: &'a Endpoints,
}

impl Search<'_> {
    /// The operation that adds tags to a type that an API's call creates: of that API, else of one with
    /// the same signing name.
    pub fn adding(&self, api: &str, resource_type: &str) -> Option<TagOperation> {
        self.found(api, resource_type, &overrides().own_tag_operations, ADD, true, &|api, operation| {
            self.adds(api, operation, resource_type)
        })
    }

    /// The operation that lists the tags of a type that an API's call creates, likewise.
    pub fn listing(&self, api: &str, resource_type: &str) -> Option<ReadOperation> {
        self.found(api, resource_type, &overrides().own_read_operations, LIST, false, &|api, operation| {
            self.lists(api, operation, resource_type)
        })
    }

    /// The operation that tells when a resource of a type was created.
    pub fn telling_time(&self, resource_type: &str) -> Option<TimeOperation> {
        let known = overrides().creation_times.iter().find(|one| one.resource_type == resource_type)?;
        let api = self.apis.iter().find(|one| one.name == known.api)?;
        let operation = api.operations.get(&known.operation)?;
        let (input, protocol) = (api.input(operation)?, protocol(api, operation)?);
        let resource = known
            .members
            .iter()
            .map(|one| member_at(api, input, &one.name, one.value.clone(), &protocol))
            .collect::<Option<_>>()?;
        let operation = self.described(api, operation, input, resource, protocol, resource_type)?;
        Some(TimeOperation { operation, at: known.at.clone() })
    }

    fn found<T>(
        &self,
        api: &str,
        resource_type: &str,
        own: &[OwnOperation],
        usual: &[&str],
        only_listed: bool,
        described: &dyn Fn(&models::Api, &models::Operation) -> Option<T>,
    ) -> Option<T> {
        let api = self.apis.iter().find(|one| one.name == api)?;
        let of_api = |api: &models::Api, listed: bool| -> Option<T> {
            let own = own.iter().filter(|one| one.resource_type == resource_type);
            let own = own.map(|one| one.operation.as_str());
            let names = own.chain(usual.iter().copied());
            names
                .filter_map(|name| api.operations.get(name))
                .filter(|operation| !listed || self.applies(resource_type, &operation.name))
                .find_map(|operation| described(api, operation))
        };
        let signs_alike =
            |one: &&models::Api| one.name != api.name && one.signing_name() == api.signing_name();
        // Another API tags what its action lists: AppRegistry's does not tag portfolios.
        let others = || self.apis.iter().filter(signs_alike);
        of_api(api, false)
            .or_else(|| others().find_map(|other| of_api(other, true)))
            .or_else(|| others().find_map(|other| of_api(other, only_listed)))
            // What one API of a service creates, another may list, though it signs with another name: to read
            // `AWS::CloudWatch::View`, CloudFormation calls `cloudwatch:ListTagsForResource`, which is not of its API.
            .or_else(|| {
                let prefix = resource_type.split(':').next().unwrap_or_default();
                let shares = |one: &&models::Api| one.name != api.name && prefixes(one).contains(&prefix);
                self.apis
                    .iter()
                    .filter(shares)
                    .filter(|_| !only_listed)
                    .find_map(|other| of_api(other, false))
            })
    }

    fn adds(
        &self,
        api: &models::Api,
        operation: &models::Operation,
        resource_type: &str,
    ) -> Option<TagOperation> {
        if overrides().not_tagged_by.iter().any(|one| one.api == api.name && one.operation == operation.name)
        {
            return None;
        }
        let input = api.input(operation)?;
        let tags = input.members.keys().find(|name| TAGS.contains(&plain(name).as_str()))?;
        let protocol = protocol(api, operation)?;
        let (shape, tags_per_call) = tag_shape(api, tags, input.members.get(tags)?, &protocol)?;
        let resource = resource_members(api, operation, input, Some(tags), &protocol, &operation.name)?;
        let operation = self.described(api, operation, input, resource, protocol, resource_type)?;
        let ascii = is_ascii(api, input.members.get(tags)?);
        let each = each_tag(api, &operation.from.1)
            .map(|known| known.members.iter().map(|one| (one.name.clone(), one.value.clone())).collect())
            .unwrap_or_default();
        let mut found = TagOperation { operation, tags: shape, tags_per_call, ascii, each, untag: None };
        found.untag = self.removing(&found).map(Box::new);
        Some(found)
    }

    fn lists(
        &self,
        api: &models::Api,
        operation: &models::Operation,
        resource_type: &str,
    ) -> Option<ReadOperation> {
        if overrides().not_read_by.iter().any(|one| one.api == api.name && one.operation == operation.name) {
            return None;
        }
        let (input, output) = (api.input(operation)?, api.output(operation)?);
        let protocol = protocol(api, operation)?;
        let answer = Answer { api, xml: !protocol.is_json() };
        let wrapper = operation.output.as_ref().and_then(|reference| reference.result_wrapper.clone());
        // Where an API speaks JSON as well, there is none.
        let start: Vec<String> = wrapper.filter(|_| answer.xml).into_iter().collect();
        let tags = match &output.payload {
            // The body is the member itself.
            Some(payload) => answer.tags(api.shape(output.members.get(payload)?)?, &start, 3),
            None => answer.tags(output, &start, 3),
        }?;
        let pages = pages(input, output, &start);
        let resource = resource_members(api, operation, input, None, &protocol, &operation.name)?;
        let operation = self.described(api, operation, input, resource, protocol, resource_type)?;
        Some(ReadOperation { operation, tags, pages, among: None })
    }

    /// The call with the members that name the resource.
    pub(crate) fn described(
        &self,
        api: &models::Api,
        operation: &models::Operation,
        input: &Shape,
        resource: Vec<Member>,
        protocol: Protocol,
        resource_type: &str,
    ) -> Option<Operation> {
        if input.payload.is_some() {
            return None;
        }
        let prefix = resource_type.split(':').next().unwrap_or_default();
        let discovery = match operation.discovery.required {
            true => Some(discovery(api, prefix, &protocol)?),
            false => None,
        };
        let mut endpoint = self.endpoints.of(&api.name, &operation.parameters)?;
        if let Some(prefix) = &operation.endpoint.host_prefix
            && !endpoint.0.pattern.starts_with("${Account}")
        {
            if prefix.contains('{') {
                return None;
            }
            let hosts = std::iter::once(&mut endpoint.0).chain(endpoint.1.iter_mut().map(|(_, host)| host));
            hosts.for_each(|host| host.pattern.insert_str(0, prefix));
        }
        if prefix == "s3express" {
            // By the rules of endpoints, ARNs of directory buckets have a host of their own.
            let host = Host {
                pattern: "s3express-control.${Region}.${Suffix}".to_owned(),
                signing_region: None,
                signing_name: Some("s3express".to_owned()),
            };
            endpoint = (host, Vec::new());
        }
        let signing_name = endpoint.0.signing_name.clone().unwrap_or_else(|| api.signing_name().to_owned());
        let path = operation.http.request_uri.as_str();
        Some(Operation {
            name: format!("{prefix}:{}", call_name(&operation.name)),
            from: (api.name.clone(), operation.name.clone()),
            actions: self
                .actions(api, prefix, call_name(&operation.name))
                .into_iter()
                .chain(discovery.clone().map(|one| one.0))
                .collect(),
            api: Api { service_id: api.metadata.service_id.clone(), signing_name, endpoint, discovery },
            protocol,
            method: operation.http.method.clone(),
            path: if path.is_empty() { "/".into() } else { path.to_owned() },
            headers: overrides()
                .headers
                .iter()
                .filter(|one| one.api == api.name)
                .map(|one| (one.name.as_str(), one.value.as_str()))
                .collect(),
            resource,
        })
    }

    /// Whether the action of the operation's name applies to a type, if it lists types.
    fn applies(&self, resource_type: &str, operation: &str) -> bool {
        let Some((prefix, key)) = resource_type.split_once(':') else { return false };
        let action =
            self.authorizations.get(prefix).and_then(|known| known.actions.get(&operation.to_lowercase()));
        let types = action.map(|action| action.resource_types.as_slice()).unwrap_or_default();
        types.is_empty() || types.iter().any(|on| on.name == key)
    }

    /// The action of the operation's name, and what the authorization data says it depends on.
    fn actions(&self, api: &models::Api, prefix: &str, operation: &str) -> Vec<String> {
        let known = overrides().actions.iter().find(|one| one.api == api.name && one.operation == operation);
        if let Some(known) = known {
            return known.actions.clone();
        }
        let action =
            self.authorizations.get(prefix).and_then(|known| known.actions.get(&operation.to_lowercase()));
        let dependent = action.map(|action| action.dependent_actions.clone()).unwrap_or_default();
        [format!("{prefix}:{operation}")].into_iter().chain(dependent).collect()
    }
}

/// The operation that tells where an API is called, and its target.
fn discovery(api: &models::Api, prefix: &str, protocol: &Protocol) -> Option<(String, String)> {
    let Protocol::Json { version, target } = protocol else { return None };
    let discovers = api.operations.values().find(|one| one.discovers)?;
    let (api, _) = target.split_once('.').filter(|_| version == "1.0")?;
    Some((format!("{prefix}:{}", discovers.name), format!("{api}.{}", discovers.name)))
}

/// The protocol that the caller speaks and the service understands.
pub(crate) fn protocol(api: &models::Api, operation: &models::Operation) -> Option<Protocol> {
    let metadata = &api.metadata;
    let speaks =
        |name: &str| metadata.protocol == name || metadata.protocols.iter().any(|other| other == name);
    if speaks("json") {
        let target = format!("{}.{}", metadata.target_prefix.as_deref()?, operation.name);
        return Some(Protocol::Json { version: metadata.json_version.clone()?, target });
    }
    if speaks("rest-json") {
        return Some(Protocol::RestJson);
    }
    if speaks("rest-xml") {
        let body = operation.input.clone().unwrap_or_default();
        let root = body.location_name.unwrap_or_default();
        let namespace = body.xml_namespace.unwrap_or_default().uri;
        return Some(Protocol::RestXml { root, namespace });
    }
    speaks("query")
        .then(|| Protocol::Query { action: operation.name.clone(), version: metadata.api_version.clone() })
}

/// The members that name the resource: those of an override for it or for the operation that it is like, else the
/// required ones, else the only one that names an ARN.
pub(crate) fn resource_members(
    api: &models::Api,
    operation: &models::Operation,
    input: &Shape,
    tags: Option<&String>,
    protocol: &Protocol,
    like: &str,
) -> Option<Vec<Member>> {
    let of = |name: &str| overrides().members.iter().find(|one| one.api == api.name && one.operation == name);
    let known = of(&operation.name).or_else(|| of(like));
    // Its tags say which resource is meant.
    if each_tag(api, like).is_some() {
        return Some(Vec::new());
    }
    if let Some(known) = known {
        return known
            .members
            .iter()
            .map(|one| member_at(api, input, &one.name, one.value.clone(), protocol))
            .collect();
    }
    let of = |names: Vec<&String>| -> Option<Vec<Member>> {
        names
            .into_iter()
            .filter(|name| Some(*name) != tags)
            .map(|name| member(api, input.members.get(name)?, name, protocol))
            .collect()
    };
    match input.required.iter().filter(|name| Some(*name) != tags).collect::<Vec<_>>() {
        required if required.is_empty() => {
            let arn = |name: &&String| singular(&plain(name)).ends_with("arn") && Some(*name) != tags;
            of(input.members.keys().filter(arn).take(1).collect()).filter(|members| !members.is_empty())
        }
        required => of(required),
    }
}

/// What an override says of the tags of an operation.
pub(crate) fn each_tag(api: &models::Api, operation: &str) -> Option<&'static EachTag> {
    overrides().each_tag.iter().find(|one| one.api == api.name && one.operation == operation)
}

/// A member whose name or pattern shows what it says.
fn member(api: &models::Api, reference: &Reference, name: &str, protocol: &Protocol) -> Option<Member> {
    let shape = api.shape(reference)?;
    let pattern = shape.pattern.as_deref().unwrap_or_default();
    let value = if plain(name) == "accountid" {
        Value::Account
    } else if singular(&plain(name)).ends_with("arn") || pattern.contains("arn") {
        Value::Arn
    } else {
        return None;
    };
    let binding = Binding::of(reference.location.as_deref())?;
    let (name, list) = wire_name(api, reference, name, protocol)?;
    Some(Member { name, binding, value, list })
}

/// A member by its path through structures, and in query requests through lists, too.
pub(crate) fn member_at<V>(
    api: &models::Api,
    input: &Shape,
    path: &str,
    value: V,
    protocol: &Protocol,
) -> Option<Member<V>> {
    let (outer, name) = path.rsplit_once('.').map_or((None, path), |(outer, name)| (Some(outer), name));
    let (mut around, mut names, mut binding) = (input, Vec::new(), None);
    for step in outer.into_iter().flat_map(|outer| outer.split('.')) {
        let reference = around.members.get(step)?;
        let (name, inner) = inside(api, reference, step, protocol)?;
        binding = binding.or(Binding::of(reference.location.as_deref()));
        names.push(name);
        around = inner;
    }
    let reference = around.members.get(name)?;
    let (name, list) = wire_name(api, reference, name, protocol)?;
    names.push(name);
    let binding = binding.or(Binding::of(reference.location.as_deref()))?;
    Some(Member { name: names.join("."), binding, value, list })
}

/// A structure within a request and its name there; the first of a list.
fn inside<'a>(
    api: &'a models::Api,
    reference: &Reference,
    name: &str,
    protocol: &Protocol,
) -> Option<(String, &'a Shape)> {
    let (shape, wire) = (api.shape(reference)?, reference.location_name.as_deref().unwrap_or(name));
    match (shape.kind.as_str(), protocol) {
        ("structure", _) => Some((wire.to_owned(), shape)),
        ("list", Protocol::Query { .. }) => {
            let item = shape.member.as_ref()?;
            let of_item = item.location_name.as_deref().unwrap_or("member");
            Some((format!("{wire}.{of_item}.1"), api.shape(item)?))
        }
        _ => None,
    }
}

/// A member's name on the wire, and whether it is a list.
fn wire_name(
    api: &models::Api,
    reference: &Reference,
    name: &str,
    protocol: &Protocol,
) -> Option<(String, bool)> {
    let shape = api.shape(reference)?;
    let list = shape.kind == "list";
    if shape.kind != "string" && !list {
        return None;
    }
    let wire = reference.location_name.as_deref().unwrap_or(name);
    let numbered = list && matches!(protocol, Protocol::Query { .. }) && !shape.flattened;
    let item = || Some(shape.member.as_ref()?.location_name.as_deref().unwrap_or("member"));
    Some((if numbered { format!("{wire}.{}.1", item()?) } else { wire.to_owned() }, list))
}

/// The shape of the request's tags, and how many it takes.
fn tag_shape(
    api: &models::Api,
    name: &str,
    reference: &Reference,
    protocol: &Protocol,
) -> Option<(TagShape, u64)> {
    let shape = api.shape(reference)?;
    let most = shape.max.map_or(TAGS_PER_CALL, |max| (max as u64).min(TAGS_PER_CALL));
    let wire = reference.location_name.as_deref().unwrap_or(name);
    if reference.location.is_some() {
        return None;
    }
    if shape.kind == "map" {
        return Some((TagShape::Map { name: wire.to_owned() }, most));
    }
    let item = shape.member.as_ref()?;
    let tag = api.shape(item)?;
    let (key, value) = key_and_value(tag)?;
    if tag
        .required
        .iter()
        .any(|name| !matches!(plain(name).as_str(), "key" | "value" | "tagkey" | "tagvalue"))
    {
        return None;
    }
    let wrapped = !protocol.is_json() && !shape.flattened;
    let name = if wrapped {
        format!("{wire}.{}", item.location_name.as_deref().unwrap_or("member"))
    } else {
        wire.into()
    };
    Some((TagShape::List { name, key, value }, most))
}

/// Whether the patterns of keys or values name the letters of ASCII and no others.
fn is_ascii(api: &models::Api, tags: &Reference) -> bool {
    let Some(shape) = api.shape(tags) else { return false };
    let mut parts: Vec<&Reference> = shape.key.iter().chain(&shape.value).collect();
    if let Some(tag) = shape.member.as_ref().and_then(|item| api.shape(item)) {
        parts.extend(tag.members.values());
    }
    let only_ascii = |reference: &Reference| {
        let pattern = api.shape(reference).and_then(|shape| shape.pattern.as_deref()).unwrap_or_default();
        pattern.contains("a-zA-Z") || pattern.contains("A-Za-z") || pattern.contains("\\w")
    };
    parts.into_iter().any(only_ascii)
}

/// Names on the wire of the key and the value of a tag.
fn key_and_value(tag: &Shape) -> Option<(String, String)> {
    Some((part_of_tag(tag, "key")?, part_of_tag(tag, "value")?))
}

/// Name on the wire of the key or the value of a tag.
pub(crate) fn part_of_tag(tag: &Shape, end: &str) -> Option<String> {
    let name = tag.members.keys().find(|name| plain(name) == end || plain(name) == format!("tag{end}"))?;
    Some(tag.members.get(name)?.location_name.clone().unwrap_or_else(|| name.clone()))
}

/// An answer in which tags are searched.
pub(crate) struct Answer<'a> {
    pub(crate) api: &'a models::Api,
    pub(crate) xml: bool,
}

impl Answer<'_> {
    /// Where the tags are within a shape; those nearest to the top.
    pub(crate) fn tags(&self, shape: &Shape, path: &[String], deeper: u8) -> Option<TagShape> {
        let inside = |name: &str, reference: &Reference| -> Option<(Vec<String>, &Shape)> {
            let (mut path, mut shape) = (path.to_vec(), self.api.shape(reference)?);
            path.push(reference.location_name.as_deref().unwrap_or(name).to_owned());
            if shape.kind == "list" {
                let item = shape.member.as_ref()?;
                if self.xml && !shape.flattened {
                    path.push(item.location_name.as_deref().unwrap_or("member").to_owned());
                }
                shape = self.api.shape(item)?;
            }
            Some((path, shape))
        };
        let found = |path: &[String], name: &str, shape: &Shape| {
            let name_is_tags = plain(name).contains("tag") || plain(name) == "items";
            let name = path.join(".");
            match (shape.kind.as_str(), key_and_value(shape)) {
                ("map", _) if name_is_tags && !self.xml => Some(TagShape::Map { name }),
                ("map", _) if name_is_tags => {
                    let (key, value) = ("key".to_owned(), "value".to_owned());
                    Some(TagShape::List { name: format!("{name}.entry"), key, value })
                }
                ("structure", Some((key, value))) if name_is_tags => {
                    Some(TagShape::List { name, key, value })
                }
                _ => None,
            }
        };
        let mut members: Vec<_> = shape
            .members
            .iter()
            .filter_map(|(name, reference)| Some((name, inside(name, reference)?)))
            .collect();
        // Service Catalog has `TagOptions` besides, which are no tags.
        members.sort_by_key(|(name, _)| plain(name) != "tags");
        let here = members.iter().find_map(|(name, (path, shape))| found(path, name, shape));
        here.or_else(|| {
            let deeper = deeper.checked_sub(1)?;
            members
                .iter()
                .filter(|(_, (_, shape))| shape.kind == "structure")
                .find_map(|(_, (path, shape))| self.tags(shape, path, deeper))
        })
    }
}

/// How an operation answers in parts.
pub(crate) fn pages(input: &Shape, output: &Shape, start: &[String]) -> Option<Pages> {
    let (ask, reference) = input
        .members
        .iter()
        .find(|(name, _)| matches!(plain(name).as_str(), "nexttoken" | "marker" | "pagetoken"))?;
    let (next, answer) = output.members.iter().find(|(name, _)| {
        matches!(plain(name).as_str(), "nexttoken" | "nextmarker" | "marker" | "nextpagetoken")
    })?;
    let binding = Binding::of(reference.location.as_deref())?;
    let ask = reference.location_name.as_deref().unwrap_or(ask);
    let next = answer.location_name.as_deref().unwrap_or(next);
    let next = start.iter().map(String::as_str).chain([next]).collect::<Vec<_>>().join(".");
    Some(Pages { ask: ask.to_owned(), binding, next })
}
