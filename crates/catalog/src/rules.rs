//! Which operations create which taggable resource types.

use std::collections::BTreeMap;

use crate::authorization::{Action, Authorization, ResourceType};
use crate::event_sources::event_source;
use crate::members::members;
use crate::models::{Api, Operation, Shape};
use crate::naming::{plain, singular, words};
use crate::overrides::overrides;
use crate::registry::Registered;

/// Words that begin the names of calls that create what the rest of the name says.
const CREATE: &[&str] = &["Create", "Run", "Import", "Copy", "Allocate", "Purchase"];

/// Words that begin the names of calls that change, send, read or end something, whatever they take.
const NEVER: &[&str] = &[
    "Cancel",
    "Change",
    "Deregister",
    "Delete",
    "Describe",
    "Disable",
    "Disassociate",
    "Get",
    "Invoke",
    "List",
    "Modify",
    "Remove",
    "Replace",
    "Reset",
    "Send",
    "Set",
    "Tag",
    "Terminate",
    "Unregister",
    "Unsubscribe",
    "Untag",
    "Update",
    "Search",
    "Detach",
    "Query",
    "Reject",
    "Stop",
    "Validate",
    "Assume",
    "Test",
];

/// Words that begin the names of calls that create only if their request takes tags.
const ONLY_WITH_TAGS: &[&str] =
    &["Associate", "Attach", "Add", "Apply", "Enable", "Accept", "Restore", "Register"];

/// Last words of a name that give the generation of an API or type.
const VERSIONS: &[&str] = &["V2", "V3"];

/// An operation that creates a resource type.
#[derive(Clone, Debug)]
pub struct Creation<'a> {
    /// Name of the operation.
    pub event_name: &'a str,
    /// Prefix and name of the type, e.g. `ec2:volume`.
    pub resource_type: String,
    /// ARN formats of the type, where the authorization data knows the type.
    pub formats: Vec<&'a str>,
    /// CloudFormation's type.
    pub registered: Option<&'a Registered>,
    /// What the call's name says it creates, plain and singular.
    pub noun: String,
    /// Whether the type is surely the one that the call's name means.
    pub sure: bool,
    /// Whether it creates several.
    pub several: bool,
    /// Whether it also changes existing resources.
    pub upsert: bool,
    /// Why it counts as a creation.
    pub because: Because,
}

/// Why an operation counts as a creation of a taggable resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its request takes tags.
    TagsInRequest,
    /// Policies can ask for the tags in its request.
    RequestTag,
    /// Its name says so, and the type takes tags.
    Name,
    /// An override says so.
    Override,
}

/// What is known about one service.
pub struct Known<'a> {
    /// Its prefixes in the authorization data, with what that says.
    pub authorizations: Vec<(&'a str, &'a Authorization)>,
    /// CloudFormation's types by the action that creates them, in lower case.
    pub registry: &'a BTreeMap<String, Vec<&'a Registered>>,
}

impl<'a> Known<'a> {
    fn named(&self, name: &str) -> Option<(&'a str, &'a ResourceType, bool)> {
        let (wanted, key) = name.split_once(':')?;
        let (prefix, authorization) = self.authorizations.iter().find(|(prefix, _)| *prefix == wanted)?;
        Some((*prefix, authorization.types.get(key)?, true))
    }

    fn has_type(&self, plain_name: &str) -> bool {
        let types = self.authorizations.iter().flat_map(|(_, known)| known.types.values());
        types.into_iter().any(|resource_type| plain(&resource_type.key) == plain_name)
    }

    /// The one type that the name of an ARN in the response gives: `provisionedModelArn`.
    fn named_by_response(
        &self,
        api: &Api,
        operation: &Operation,
    ) -> Option<(&'a str, &'a ResourceType, bool)> {
        let response = api.output(operation).map(|shape| members(api, shape, false)).unwrap_or_default();
        let request = api.input(operation).map(|shape| members(api, shape, false)).unwrap_or_default();
        let requested: Vec<String> = request.iter().map(|member| plain(&member.name)).collect();
        let stems: Vec<String> = response
            .iter()
            .map(|member| plain(&member.name))
            .filter(|name| !requested.contains(name))
            .filter_map(|name| name.strip_suffix("arn").map(str::to_owned))
            .collect();
        let mut found = self.authorizations.iter().flat_map(|(prefix, known)| {
            let types =
                known.types.values().filter(|resource_type| stems.contains(&plain(&resource_type.key)));
            types.map(move |resource_type| (*prefix, resource_type, false))
        });
        let one = found.next()?;
        found.next().is_none().then_some(one)
    }
}

/// The creation that an operation is, if it is one.
pub fn creation<'a>(api: &'a Api, operation: &'a Operation, known: &Known<'a>) -> Option<Creation<'a>> {
    let name = call_name(&operation.name);
    let source = event_source(api);
    if overrides().create_nothing.iter().any(|one| one.is(source, name)) {
        return None;
    }
    let forced = overrides().creates.iter().find(|one| one.is(source, name));
    let forced = forced.map(|one| one.resource_type.as_str());
    let parts = words(name);
    let verb = *parts.first()?;
    let batch = verb == "Batch";
    let (verb, nouns) = if batch { (*parts.get(1)?, parts.get(2..)?) } else { (verb, parts.get(1..)?) };
    if NEVER.contains(&verb) && forced.is_none() {
        return None;
    }
    // A call that fails if the resource exists only creates.
    let only_creates = operation
        .errors
        .iter()
        .any(|error| error.shape.starts_with("Duplicate") || error.shape.contains("AlreadyExists"));
    let upsert = (verb == "Put" && !only_creates)
        || verb == "Upsert"
        || nouns.starts_with(&["Or", "Update"])
        || overrides().upserts.iter().any(|one| one.is(source, name));
    let nouns: Vec<&str> =
        nouns.iter().copied().skip_while(|word| matches!(*word, "Or" | "Update")).collect();
    let whole = plain(&nouns.concat());
    let mut noun_words = without_qualifiers(&nouns);
    // `ConnectorV2` is a type beside `Connector`; `QueueV2` only another call.
    if nouns.last().is_some_and(|word| VERSIONS.contains(word)) && known.has_type(&whole) {
        noun_words = nouns.clone();
    }
    if noun_words.iter().any(|word| matches!(*word, "Tags" | "Tag" | "Tagging")) {
        return None;
    }
    let joined = plain(&noun_words.concat());
    // Associating creates an association.
    let noun = singular(&joined) + if verb == "Associate" { "association" } else { "" };
    let (prefix, action) = known
        .authorizations
        .iter()
        .find_map(|(prefix, authorization)| Some((*prefix, authorization.actions.get(&name.to_lowercase())?)))
        .map_or((None, None), |(prefix, action)| (Some(prefix), Some(action)));
    let because = if forced.is_some() {
        Because::Override
    } else if api.input(operation).is_some_and(|input| takes_tags(api, input)) {
        Because::TagsInRequest
    } else if !ONLY_WITH_TAGS.contains(&verb)
        && action.is_some_and(|action| action.takes_tags() && !action.tags())
    {
        Because::RequestTag
    } else if CREATE.contains(&verb) {
        Because::Name
    } else {
        return None;
    };
    let cfn = known.registry.get(&format!("{}:{}", prefix.unwrap_or_default(), name).to_lowercase());
    let best = match forced {
        Some(resource_type) => known.named(resource_type),
        None => best_type(known, &noun, action, cfn, because).or_else(|| {
            (because == Because::TagsInRequest).then(|| known.named_by_response(api, operation)).flatten()
        }),
    };
    let (resource_type, formats, sure) = match best {
        Some((prefix, resource_type, sure)) => {
            (format!("{prefix}:{}", resource_type.key), formats(resource_type), sure)
        }
        None if forced.is_some() => (forced.unwrap_or_default().to_owned(), Vec::new(), false),
        None if because == Because::TagsInRequest => {
            let prefix = prefix.or_else(|| known.authorizations.first().map(|(prefix, _)| *prefix))?;
            (format!("{prefix}:{}", noun_words.join("-").to_lowercase()), Vec::new(), false)
        }
        None => return None,
    };
    let registered = cfn.and_then(|all| {
        let same = |one: &&&Registered| {
            let name = plain(one.name.rsplit("::").next().unwrap_or_default());
            name == noun || one.arn.as_deref().is_some_and(|arn| formats.contains(&arn))
        };
        all.iter().find(same).copied()
    });
    let several = (batch || joined != singular(&joined)) && api.output(operation).is_some();
    Some(Creation {
        event_name: name,
        resource_type,
        formats,
        registered,
        noun,
        sure,
        several,
        upsert,
        because,
    })
}

/// `DistributionWithTags` → `Distribution`, `TableFromBackup` → `Table`, `QueueV2` → `Queue`.
fn without_qualifiers<'a>(nouns: &[&'a str]) -> Vec<&'a str> {
    let end = nouns
        .iter()
        .skip(1)
        .position(|word| matches!(*word, "From" | "To" | "With" | "Using" | "By" | "For"));
    let mut kept: Vec<&str> = nouns[..end.map_or(nouns.len(), |at| at + 1)].to_vec();
    if kept.len() > 1
        && kept.last().is_some_and(|word| VERSIONS.contains(word) || matches!(*word, "Async" | "Batch"))
    {
        kept.pop();
    }
    kept
}

/// Prefixes of members with tags that are not for the new resource.
const NOT_ITS_TAGS: &[&str] = &["override", "include", "session", "filter", "copy"];

/// Whether a request has a list or map for tags, at the top or in the one structure that describes
/// the new resource.
fn takes_tags(api: &Api, input: &Shape) -> bool {
    let tags = |shape: &Shape, whole: bool| {
        shape.members.iter().any(|(name, member)| {
            let name = plain(name);
            if NOT_ITS_TAGS.iter().any(|start| name.starts_with(start)) {
                return false;
            }
            let named = name == "tags"
                || name == "taglist"
                || (whole
                    && (name.ends_with("tags") || name.starts_with("tagspecification") || name == "tagset"));
            named
                && api
                    .shape(member)
                    .is_some_and(|shape| matches!(shape.kind.as_str(), "list" | "map" | "structure"))
        })
    };
    const DESCRIBES: &[&str] =
        &["withtags", "input", "request", "definition", "config", "specification", "data"];
    let describes =
        |name: &str| DESCRIBES.iter().any(|end| plain(name).ends_with(end)) && !name.starts_with("Filter");
    tags(input, true)
        || input.members.iter().any(|(name, member)| {
            (describes(name) || input.payload.as_ref() == Some(name))
                && api.shape(member).is_some_and(|shape| shape.kind == "structure" && tags(shape, false))
        })
}

/// CloudFront's operations end in the date of their API, which the table leaves out.
pub fn call_name(name: &str) -> &str {
    let start = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    if name.len() - start.len() == "2020_05_31".len() { start } else { name }
}

/// The ARN formats of a type: a few have two, for two generations of an API.
fn formats(resource_type: &ResourceType) -> Vec<&str> {
    let corrected = overrides().formats.iter().find(|one| {
        let name = &one.resource_type;
        name.rsplit(':').next() == Some(&resource_type.key) && same_service(name, &resource_type.arn)
    });
    corrected.map_or_else(|| resource_type.arn.split(", ").collect(), |one| vec![one.format.as_str()])
}

fn same_service(name: &str, arn: &str) -> bool {
    arn.split(':').nth(2) == name.split(':').next()
}

/// A type's name and the last fixed part of its ARN: `restapi` and `restapis`.
pub fn names_of(resource_type: &ResourceType) -> Vec<String> {
    let key = plain(&resource_type.key);
    let mut names = vec![singular(&key), key.clone()];
    if let Some(stem) = key.strip_suffix("resource") {
        names.push(stem.to_owned());
    }
    let resource = resource_type.arn.splitn(6, ':').nth(5).unwrap_or_default();
    let fixed = resource.split(['/', ':']).rfind(|part| !part.is_empty() && !part.contains('$'));
    if let Some(fixed) = fixed {
        names.push(singular(&plain(fixed)));
    }
    names
}

fn best_type<'a>(
    known: &Known<'a>,
    noun: &str,
    action: Option<&Action>,
    cfn: Option<&Vec<&'a Registered>>,
    because: Because,
) -> Option<(&'a str, &'a ResourceType, bool)> {
    let mut best: Option<(u32, bool, &'a str, &'a ResourceType)> = None;
    let mut untaggable = 0;
    for (prefix, authorization) in &known.authorizations {
        let listed = authorization.listed_as_taggable();
        for resource_type in authorization.types.values() {
            let (score, sure) = score(resource_type, noun, action, cfn);
            let registered = cfn.is_some_and(|all| {
                all.iter().any(|one| one.taggable && one.arn.as_deref() == Some(resource_type.arn.as_str()))
            });
            let by_request = because == Because::TagsInRequest;
            let takes_tags = listed.contains(resource_type.key.as_str())
                || (resource_type.has_tags()
                    && (by_request || registered || because == Because::RequestTag || listed.is_empty()));
            if !takes_tags {
                untaggable = untaggable.max(score);
                continue;
            }
            let better = |(other, _, _, old): (u32, bool, &str, &ResourceType)| {
                score > other || (score == other && resource_type.key.len() < old.key.len())
            };
            if best.is_none_or(better) {
                best = Some((score, sure, prefix, resource_type));
            }
        }
    }
    let (score, sure, prefix, resource_type) = best?;
    let is_good_enough = match because {
        Because::TagsInRequest => score >= fit::ENOUGH_WITH_TAGS_IN_REQUEST,
        Because::RequestTag => sure && score >= fit::ENOUGH_WITH_REQUEST_TAG,
        Because::Name | Because::Override => score >= fit::ENOUGH_BY_NAME && score > untaggable,
    };
    is_good_enough.then_some((prefix, resource_type, sure))
}

/// How well a type fits a call: names first, then what policies and CloudFormation say.
mod fit {
    /// The call is named after the type.
    pub(super) const NAME: u32 = 11;
    /// It is named after the last fixed part of the type's ARN.
    pub(super) const OTHER_NAME: u32 = 10;
    /// One of the two names ends in the other: `CreateCacheCluster`, `cluster`.
    pub(super) const END_OF_NAME: u32 = 5;
    /// One begins with the other.
    pub(super) const START_OF_NAME: u32 = 1;
    /// Policies can ask for the tags of the request on the type.
    pub(super) const REQUEST_TAG: u32 = 5;
    /// The action lists the type.
    pub(super) const LISTED: u32 = 2;
    /// CloudFormation creates the type with the call.
    pub(super) const REGISTERED: u32 = 6;

    /// A request that takes tags creates something: almost any sign tells what.
    pub(super) const ENOUGH_WITH_TAGS_IN_REQUEST: u32 = START_OF_NAME + LISTED + 1;
    /// The end of the name and a sign of policies.
    pub(super) const ENOUGH_WITH_REQUEST_TAG: u32 = 9;
    /// The whole name.
    pub(super) const ENOUGH_BY_NAME: u32 = OTHER_NAME;
}

/// How well a type fits, and whether the name or CloudFormation shows that the call creates this type
/// and does not only use it.
fn score(
    resource_type: &ResourceType,
    noun: &str,
    action: Option<&Action>,
    cfn: Option<&Vec<&Registered>>,
) -> (u32, bool) {
    let names = names_of(resource_type);
    let (mut score, mut sure) = (0, true);
    if names.iter().any(|name| name == noun) {
        score += if names[0] == noun || names[1] == noun { fit::NAME } else { fit::OTHER_NAME };
    } else if names
        .iter()
        .any(|name| name.len() > 3 && (noun.ends_with(name.as_str()) || name.ends_with(noun)))
    {
        score += fit::END_OF_NAME;
    } else {
        sure = false;
        if names
            .iter()
            .any(|name| name.len() > 3 && (noun.starts_with(name.as_str()) || name.starts_with(noun)))
        {
            score += fit::START_OF_NAME;
        }
    }
    if let Some(on) =
        action.and_then(|action| action.resource_types.iter().find(|on| on.name == resource_type.key))
    {
        let by_tag = on.condition_keys.iter().any(|key| key.starts_with("aws:RequestTag"));
        score += if by_tag { fit::REQUEST_TAG } else { fit::LISTED };
    }
    let same = |one: &&Registered| {
        let name = plain(one.name.rsplit("::").next().unwrap_or_default());
        one.arn.as_deref() == Some(resource_type.arn.as_str()) && (name == noun || noun.ends_with(&name))
    };
    let registered = cfn.is_some_and(|all| all.iter().any(same));
    (score + if registered { fit::REGISTERED } else { 0 }, sure || registered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::places;
    use serde_json::{Value, json};

    /// An API with one operation, whose request and response have string members of these names, and tags if the
    /// request shall take some.
    fn api(operation: &str, request: &[&str], response: &[&str], takes_tags: bool) -> Api {
        let members = |names: &[&str]| -> serde_json::Map<String, Value> {
            names.iter().map(|name| ((*name).to_owned(), json!({"shape": "Text"}))).collect()
        };
        let mut request = members(request);
        if takes_tags {
            request.insert("Tags".to_owned(), json!({"shape": "Tags"}));
        }
        let structure = |members| json!({"type": "structure", "members": members});
        let model = json!({
            "metadata": {"endpointPrefix": "things", "protocol": "json"},
            "operations": {operation: {"name": operation, "input": {"shape": "In"}, "output": {"shape": "Out"}}},
            "shapes": {"Text": {"type": "string"}, "Tags": {"type": "map"}, "In": structure(request),
                       "Out": structure(members(response))},
        });
        let mut api: Api = serde_json::from_value(model).expect("a model");
        api.name = "things".to_owned();
        api
    }

    fn authorization() -> Authorization {
        let resource_type = |key: &str, variable: &str| {
            let arn = format!("arn:${{Partition}}:things:${{Region}}:${{Account}}:{key}/${{{variable}}}");
            let keys = vec!["aws:ResourceTag/${TagKey}".to_owned()];
            (key.to_owned(), ResourceType { key: key.to_owned(), arn, condition_keys: keys })
        };
        let types = [resource_type("thing", "ThingName"), resource_type("thing-group", "GroupId")];
        Authorization { types: types.into(), ..Authorization::default() }
    }

    /// The type that a call creates, and where its record names it.
    fn found(
        name: &str,
        request: &[&str],
        response: &[&str],
        takes_tags: bool,
    ) -> Option<(String, Vec<String>, bool)> {
        let (api, authorization, registry) =
            (api(name, request, response, takes_tags), authorization(), BTreeMap::new());
        let known = Known { authorizations: vec![("things", &authorization)], registry: &registry };
        let operation = api.operations.get(name)?;
        let creation = creation(&api, operation, &known)?;
        let places = places(&api, operation, &creation);
        Some((creation.resource_type, places, creation.upsert))
    }

    #[test]
    fn what_a_call_creates_is_told_by_its_name_and_whether_its_request_takes_tags() {
        const TAGS: bool = true;
        for (name, takes_tags, creates) in [
            ("CreateThing", TAGS, Some("things:thing")),
            ("CreateThing", !TAGS, Some("things:thing")),
            ("CreateThings", TAGS, Some("things:thing")),
            ("CreateThingGroup", TAGS, Some("things:thing-group")),
            ("CreateThingFromBackup", TAGS, Some("things:thing")),
            ("CreateThingV2", TAGS, Some("things:thing")),
            ("CopyThing", !TAGS, Some("things:thing")),
            ("PutThing", TAGS, Some("things:thing")),
            ("PutThing", !TAGS, None),
            ("RegisterThing", TAGS, Some("things:thing")),
            ("RegisterThing", !TAGS, None),
            ("StartJob", TAGS, Some("things:job")),
            ("StartJob", !TAGS, None),
            ("CreateGadget", !TAGS, None),
            ("CreateTags", TAGS, None),
            ("TagThing", TAGS, None),
            ("UpdateThing", TAGS, None),
            ("DeleteThing", TAGS, None),
            ("DescribeThing", TAGS, None),
        ] {
            let found = found(name, &[], &[], takes_tags).map(|(resource_type, ..)| resource_type);
            assert_eq!(found.as_deref(), creates, "{name}, tags: {takes_tags}");
        }
    }

    #[test]
    fn calls_that_also_change_what_is_there_are_known_by_their_verb() {
        for (name, upserts) in
            [("CreateThing", false), ("PutThing", true), ("UpsertThing", true), ("CreateOrUpdateThing", true)]
        {
            assert_eq!(found(name, &[], &[], true).map(|(.., upsert)| upsert), Some(upserts), "{name}");
        }
    }

    #[test]
    fn where_a_record_names_what_was_created_is_told_by_the_members_of_request_and_response() {
        let format =
            |path: &str| format!("arn:${{Partition}}:things:${{Region}}:${{Account}}:thing/${{{path}}}");
        for (request, response, places) in [
            // The ARN is enough.
            (&["ThingName"][..], &["ThingArn"][..], vec!["responseElements.thingArn".to_owned()]),
            (&["ThingName"], &[], vec![format("requestParameters.thingName")]),
            (&[], &["ThingName"], vec![format("responseElements.thingName")]),
            (&["Name"], &[], vec![format("requestParameters.name")]),
            // Of what it belongs to.
            (&["GroupName"], &[], vec![]),
            (&[], &["GroupArn"], vec![]),
        ] {
            let found = found("CreateThing", request, response, true).map(|(_, places, _)| places);
            assert_eq!(found, Some(places), "{request:?} → {response:?}");
        }
    }
}
