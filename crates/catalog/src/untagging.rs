//! The counterpart of each operation that adds tags: the one that takes them away by their keys, found in the same API
//! model. It names the resource as the other does.

use crate::models::{self, Reference};
use crate::naming::plain;
use crate::operations::{Operation, Search, TagOperation, each_tag, part_of_tag, protocol, resource_members};
use crate::wire::{Binding, KeyShape, Protocol, TagMember, Value};

/// How the names of adding operations begin, and how those of removing ones do.
const COUNTERPARTS: &[(&str, &str)] = &[
    ("Tag", "Untag"),
    ("AddTagsTo", "RemoveTagsFrom"),
    ("AddTags", "RemoveTags"),
    ("AddTags", "DeleteTags"),
    ("CreateTags", "DeleteTags"),
    ("CreateOrUpdateTags", "DeleteTags"),
    ("UpdateTagsFor", "DeleteTagsFor"),
];

/// Names of the member with the keys, where the operation does nothing else.
const KEYS: &[&str] =
    &["tagkeys", "tagkeylist", "resourcetagkeys", "tagstodelete", "tagstoremove", "keys", "tags", "tagslist"];
/// The same, where one operation adds and removes.
const KEYS_TO_REMOVE: &[&str] = &["tagstoremove", "removetagkeys", "removetags"];

/// Keys that a call takes if the model does not limit them.
const KEYS_PER_CALL: u64 = 50;

/// An operation that takes tags from one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntagOperation {
    pub operation: Operation,
    pub keys: KeyShape,
    /// Keys that one call takes.
    pub keys_per_call: u64,
    /// What each tag says besides its key.
    pub each: Vec<(String, Value)>,
}

impl UntagOperation {
    /// Name of its constant. One operation may add and remove.
    pub fn constant(&self) -> String {
        let name = self.operation.constant();
        if name.contains("UPDATE") { format!("{name}_TO_REMOVE") } else { name }
    }
}

impl Search<'_> {
    /// The operation that takes away what another adds.
    pub fn removing(&self, tag: &TagOperation) -> Option<UntagOperation> {
        let (api, adding) = &tag.operation.from;
        let api = self.apis.iter().find(|one| one.name == *api)?;
        let (prefix, _) = tag.operation.name.split_once(':')?;
        let other = |(from, to): &(&str, &str)| Some(format!("{to}{}", adding.strip_prefix(from)?));
        let others = COUNTERPARTS.iter().filter_map(other);
        let found = others.filter_map(|name| api.operations.get(&name));
        let found = found.filter_map(|operation| self.removes(api, operation, adding, prefix, KEYS)).next();
        let same = || self.removes(api, api.operations.get(adding)?, adding, prefix, KEYS_TO_REMOVE);
        found.or_else(same)
    }

    fn removes(
        &self,
        api: &models::Api,
        operation: &models::Operation,
        adding: &str,
        prefix: &str,
        names: &[&str],
    ) -> Option<UntagOperation> {
        let input = api.input(operation)?;
        let keys = input.members.keys().find(|name| names.contains(&plain(name).as_str()))?;
        let protocol = protocol(api, operation)?;
        let (shape, keys_per_call) = key_shape(api, keys, input.members.get(keys)?, &protocol)?;
        let resource = resource_members(api, operation, input, Some(keys), &protocol, adding)?;
        let operation = self.described(api, operation, input, resource, protocol, prefix)?;
        let each = each_tag(api, adding).map(|known| {
            let of_resource = known.members.iter().filter_map(|one| match &one.value {
                TagMember::Resource(value) => Some((one.name.clone(), value.clone())),
                // It says how a tag is added.
                TagMember::AtLaunch => None,
            });
            of_resource.collect()
        });
        Some(UntagOperation { operation, keys: shape, keys_per_call, each: each.unwrap_or_default() })
    }
}

/// The shape of the request's keys, and how many it takes.
fn key_shape(
    api: &models::Api,
    name: &str,
    reference: &Reference,
    protocol: &Protocol,
) -> Option<(KeyShape, u64)> {
    let shape = api.shape(reference).filter(|shape| shape.kind == "list")?;
    let most = shape.max.map_or(KEYS_PER_CALL, |max| (max as u64).min(KEYS_PER_CALL));
    let wire = reference.location_name.as_deref().unwrap_or(name).to_owned();
    let binding = Binding::of(reference.location.as_deref())?;
    let item = shape.member.as_ref()?;
    let of_item = item.location_name.as_deref().unwrap_or("member");
    let wrapped = !protocol.is_json() && !shape.flattened && binding == Binding::Payload;
    let name = if wrapped { format!("{wire}.{of_item}") } else { wire };
    let item = api.shape(item)?;
    match (item.kind.as_str(), binding) {
        ("string", Binding::Payload | Binding::Query) => Some((KeyShape::Keys { name, binding }, most)),
        ("structure", Binding::Payload) => {
            let wants_value = item.required.iter().any(|name| plain(name).ends_with("value"));
            let value = part_of_tag(item, "value").filter(|_| wants_value);
            Some((KeyShape::Tags { name, key: part_of_tag(item, "key")?, value }, most))
        }
        _ => None,
    }
}
