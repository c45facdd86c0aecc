//! Where CloudTrail's record of a creation names the resource.

use crate::event_sources::event_source;
use crate::members::{Member, members};
use crate::models::{Api, Operation};
use crate::naming::{camel, plain, singular};
use crate::overrides::overrides;
use crate::rules::Creation;

/// How likely a member names the created resource: first its own name, then the structure around it.
mod likely {
    /// Named after the resource, or as the variable of its ARN: `queueArn`, `queueName`.
    pub(super) const NAMED: u32 = 90;
    /// `arn` and nothing else.
    pub(super) const UNNAMED: u32 = 80;
    /// An id or name, as the variable is, of what the resource is called.
    pub(super) const SAME_KIND: u32 = 80;
    /// `id` or `name` and nothing else.
    pub(super) const ONLY_ITS_KIND: u32 = 70;
    /// `createdArn`.
    pub(super) const CREATED: u32 = 60;
    /// Named after a part of the resource's name.
    pub(super) const PART_OF_NAME: u32 = 55;
    /// Named after the end of the resource's name.
    pub(super) const END_OF_NAME: u32 = 50;
    /// `resourceArn`, which may be another's.
    pub(super) const RESOURCE: u32 = 20;

    /// Not in any structure.
    pub(super) const AT_THE_TOP: u32 = 10;
    /// In one that is named after the resource.
    pub(super) const IN_ITS_STRUCTURE: u32 = 9;
    /// In one that is named after a part of its name.
    pub(super) const IN_A_LIKE_STRUCTURE: u32 = 7;
}

/// The places of a creation, the best first; empty where no rule is sure.
pub fn places(api: &Api, operation: &Operation, creation: &Creation<'_>) -> Vec<String> {
    let (source, event_name) = (event_source(api), creation.event_name);
    let known = overrides().places.iter().find(|one| one.is(source, event_name, &creation.resource_type));
    if let Some(known) = known {
        return known.places.clone();
    }
    let mut response =
        api.output(operation).map(|shape| members(api, shape, creation.several)).unwrap_or_default();
    // The body of a response is the created resource, whatever its member is called.
    let payload = api.output(operation).and_then(|shape| shape.payload.clone());
    for member in response
        .iter_mut()
        .filter(|member| !member.chain.is_empty() && member.chain.first() == payload.as_ref())
    {
        member.chain.remove(0);
    }
    let request = api.input(operation).map(|shape| members(api, shape, false)).unwrap_or_default();
    let subject = Subject::of(creation);
    let by_arn = subject.arn(&response, &request).map(|member| (member, spelled(api, operation, member)));
    let sure = creation.formats.iter().filter(|_| creation.sure);
    let by_ids: Vec<String> = sure
        .filter_map(|format| subject.filled(api, operation, format, &response, &request, creation))
        .flatten()
        .collect();
    // `resourceArn` may be the ARN of another resource, which the new one is for.
    let by_arn = match by_arn {
        Some((member, _)) if plain(&member.name) == "resourcearn" && !by_ids.is_empty() => Vec::new(),
        Some((_, paths)) => paths,
        None => Vec::new(),
    };
    // EC2's tag call takes ids, and its formats are exact; elsewhere a named ARN is the surest.
    if api.name == "ec2" && !by_ids.is_empty() { by_ids } else { [by_arn, by_ids].concat() }
}

/// A path of a response as CloudTrail may spell it.
fn spelled(api: &Api, operation: &Operation, member: &Member) -> Vec<String> {
    let wrapped = format!("responseElements.{}", member.path);
    let Some((outer, rest)) = member.path.split_once('.') else { return vec![wrapped] };
    let payload = api.output(operation).and_then(|shape| shape.payload.as_deref());
    // RDS, ElastiCache and Redshift leave the wrapper out; so may REST APIs whose wrapper is the body.
    let bare = format!("responseElements.{rest}");
    match api.metadata.endpoint_prefix.as_str() {
        "rds" | "elasticache" | "redshift" => vec![bare],
        _ if payload.is_some_and(|payload| camel(payload) == outer) => vec![wrapped, bare],
        _ => vec![wrapped],
    }
}

/// The resource to find, by its names.
struct Subject<'a> {
    noun: &'a str,
    type_name: String,
}

impl<'a> Subject<'a> {
    fn of(creation: &'a Creation<'_>) -> Self {
        let type_name = creation.resource_type.split_once(':').map_or("", |(_, type_name)| type_name);
        // Members leave out the generation: an `automation-rulev2` has a `ruleArn`.
        let type_name = plain(type_name);
        let type_name = type_name.strip_suffix("v2").unwrap_or(&type_name);
        let noun = creation.noun.strip_suffix("v2").unwrap_or(&creation.noun);
        Self { noun, type_name: singular(type_name) }
    }

    fn is_named(&self, name: &str) -> bool {
        name == self.noun || name == self.type_name
    }

    /// `instance` for `dbinstance`: the end of the whole name.
    fn is_partly_named(&self, name: &str) -> bool {
        name.len() > 2 && (self.noun.ends_with(name) || self.type_name.ends_with(name))
            || name.len() > 4
                && (name.ends_with(self.noun)
                    || name.ends_with(&self.type_name)
                    || self.noun.starts_with(name))
    }

    /// How likely the structure around a member is the created resource.
    fn owner(&self, member: &Member) -> u32 {
        let Some(outer) = member.chain.last() else { return likely::AT_THE_TOP };
        let plain_outer = singular(&plain(outer));
        let generic = [
            "summary",
            "details",
            "detail",
            "description",
            "response",
            "info",
            "metadata",
            "output",
            "result",
            "item",
            "entity",
        ];
        let stem = generic.iter().find_map(|end| plain_outer.strip_suffix(end)).unwrap_or(&plain_outer);
        let stem = stem.strip_prefix("created").or_else(|| stem.strip_prefix("create")).unwrap_or(stem);
        if stem.is_empty() || self.is_named(stem) {
            likely::IN_ITS_STRUCTURE
        } else if self.is_partly_named(stem) {
            likely::IN_A_LIKE_STRUCTURE
        } else {
            0
        }
    }

    /// `deploymentsnapshot` ends in `snapshot`; it begins with the subject of the snapshot.
    fn ends_in(&self, name: &str) -> bool {
        name.len() > 2 && (self.noun.ends_with(name) || self.type_name.ends_with(name))
            || name.len() > 4 && (name.ends_with(self.noun) || name.ends_with(&self.type_name))
    }

    /// The member that holds the ARN. A member that the request requires too names an older resource.
    fn arn<'l>(&self, response: &'l [Member], request: &[Member]) -> Option<&'l Member> {
        let scored = response.iter().filter_map(|member| {
            let name = plain(&member.name);
            let requested = |requested: &Member| {
                requested.required && requested.chain.is_empty() && plain(&requested.name) == name
            };
            if member.chain.is_empty() && request.iter().any(requested) {
                return None;
            }
            let stem = singular(name.strip_suffix("arn").or_else(|| name.strip_suffix("arns"))?);
            let stem = stem.strip_suffix("v2").unwrap_or(&stem).to_owned();
            let owner = self.owner(member);
            let score = match stem.as_str() {
                "" if owner > 0 => likely::UNNAMED + owner,
                stem if self.is_named(stem) => likely::NAMED + owner,
                "created" if owner > 0 => likely::CREATED + owner,
                stem if owner > 0 && self.ends_in(stem) => likely::END_OF_NAME + owner,
                "resource" if owner > 0 => likely::RESOURCE + owner,
                _ => return None,
            };
            Some((score, member))
        });
        unambiguous(scored)
    }

    /// The ARN format with a path for each of its variables.
    fn filled(
        &self,
        api: &Api,
        operation: &Operation,
        format: &str,
        response: &[Member],
        request: &[Member],
        creation: &Creation<'_>,
    ) -> Option<Vec<String>> {
        let variables: Vec<&str> =
            variables(format).filter(|v| !matches!(*v, "Partition" | "Region" | "Account")).collect();
        if format.contains('*') {
            return None;
        }
        let own = variables.last().copied()?;
        let mut filled = vec![format.to_owned()];
        for variable in &variables {
            let paths = if *variable == own {
                self.own_paths(api, operation, own, response, request, creation)?
            } else {
                parent_paths(api, operation, variable, response, request)?
            };
            filled = filled
                .iter()
                .flat_map(|start| {
                    paths
                        .iter()
                        .map(|path| start.replace(&format!("${{{variable}}}"), &format!("${{{path}}}")))
                })
                .collect();
        }
        Some(filled)
    }

    fn own_paths(
        &self,
        api: &Api,
        operation: &Operation,
        variable: &str,
        response: &[Member],
        request: &[Member],
        creation: &Creation<'_>,
    ) -> Option<Vec<String>> {
        let mut paths = Vec::new();
        if let Some(member) = unambiguous(
            response.iter().filter_map(|member| Some((self.own_score(variable, member)?, member))),
        ) {
            paths.extend(spelled(api, operation, member));
        } else if let Some(member) = self.of_generic(variable, response) {
            paths.extend(spelled(api, operation, member));
        }
        if self.caller_chooses(variable, response, request, creation)
            && let Some(member) = unambiguous(
                request.iter().filter_map(|member| Some((self.own_score(variable, member)?, member))),
            )
        {
            paths.push(format!("requestParameters.{}", member.path));
        }
        (!paths.is_empty()).then_some(paths)
    }

    /// The member for a variable named `ResourceId` or similar: the id, or else the name.
    fn of_generic<'l>(&self, variable: &str, response: &'l [Member]) -> Option<&'l Member> {
        if !matches!(
            plain(variable).as_str(),
            "resourceid" | "resourcename" | "resourcepath" | "id" | "resource"
        ) {
            return None;
        }
        let of_subject = |end: &str| {
            let named = |member: &&Member| {
                let name = id(&plain(&member.name));
                let stem = name.strip_suffix(end);
                self.owner(member) > 0
                    && !holds_an_arn(member)
                    && stem.is_some_and(|stem| {
                        stem.is_empty()
                            || self.is_named(stem)
                            || (stem.len() > 3 && self.is_partly_named(stem))
                    })
            };
            response.iter().filter(named).min_by_key(|member| member.chain.len())
        };
        // If the response has the ARN, the resource has an id too, and the name is not in the ARN.
        of_subject("id").or_else(|| of_subject("name").filter(|_| self.arn(response, &[]).is_none()))
    }

    /// How likely a member holds the resource's own variable of the ARN format.
    fn own_score(&self, variable: &str, member: &Member) -> Option<u32> {
        let name = id(&plain(&member.name));
        let wanted = id(&plain(variable));
        let owner = self.owner(member);
        if owner == 0 || holds_an_arn(member) {
            return None;
        }
        // `resourceId` is the id of another resource, which the new one is for.
        if name == wanted && !name.starts_with("resource") {
            return Some(likely::NAMED + owner);
        }
        let (wanted_stem, wanted_end) = ending(&wanted)?;
        let (stem, end) = ending(&name)?;
        if end != wanted_end {
            return None;
        }
        let of_subject = |stem: &str| {
            stem.is_empty() || stem == "resource" || self.is_named(stem) || self.is_partly_named(stem)
        };
        let score = match stem {
            "" => likely::ONLY_ITS_KIND,
            stem if self.is_named(stem) => likely::SAME_KIND,
            stem if stem.len() > 3 && self.is_partly_named(stem) => likely::PART_OF_NAME,
            _ => return None,
        };
        of_subject(wanted_stem).then_some(score + owner)
    }

    /// Whether the ARN holds a name that the caller chose. A format with `Name` does, unless the response
    /// has an id or CloudFormation identifies the resource by what the service generates.
    fn caller_chooses(
        &self,
        variable: &str,
        response: &[Member],
        request: &[Member],
        creation: &Creation<'_>,
    ) -> bool {
        let wanted = plain(variable);
        let names_arn = self.arn(response, request).is_some();
        if let Some(registered) = creation.registered {
            let by_arn = registered.identified_by.iter().all(|name| plain(name).ends_with("arn"));
            if !by_arn {
                return registered.caller_names_it()
                    && registered.identified_by.last().is_some_and(|name| {
                        let name = plain(name);
                        name == wanted
                            || (name == "name" && wanted.ends_with("name"))
                            || (ending(&name).map(|e| e.1) == ending(&wanted).map(|e| e.1))
                    });
            }
        }
        let made = response.iter().any(|member| {
            let name = plain(&member.name);
            self.owner(member) > 0
                && (name == "id" || name.strip_suffix("id").is_some_and(|stem| self.is_named(stem)))
        });
        wanted.ends_with("name") && !made && !names_arn
    }
}

fn holds_an_arn(member: &Member) -> bool {
    plain(&member.name).ends_with("arn")
        || member
            .pattern
            .as_deref()
            .is_some_and(|pattern| pattern.starts_with("arn:") || pattern.starts_with("^arn:"))
}

/// Whether a member takes an id or something else, by the caller's choice: then it is not part of an
/// ARN.
fn takes_id_or_more(member: &Member) -> bool {
    const EITHER: &[&str] = &[
        "name or id",
        "id or name",
        "id or arn",
        "name or arn",
        "name or the id",
        "id or the arn",
        "name or amazon resource name",
        "id or amazon resource name",
        "id or the amazon resource name",
        "name or the amazon resource name",
    ];
    let text = member.documentation.to_lowercase();
    EITHER.iter().any(|either| text.contains(either))
}

/// Paths for a variable of the resource's parent: members of that name in request or response.
fn parent_paths(
    api: &Api,
    operation: &Operation,
    variable: &str,
    response: &[Member],
    request: &[Member],
) -> Option<Vec<String>> {
    let wanted = id(&plain(variable));
    let same = |member: &&Member| {
        let name = id(&plain(&member.name));
        (name == wanted || format!("{name}name") == wanted)
            && !holds_an_arn(member)
            && !takes_id_or_more(member)
    };
    if let Some(member) = request.iter().filter(same).min_by_key(|member| member.chain.len()) {
        return Some(vec![format!("requestParameters.{}", member.path)]);
    }
    let member = response.iter().filter(same).min_by_key(|member| member.chain.len())?;
    Some(spelled(api, operation, member))
}

/// The member with the best score, unless two have it.
fn unambiguous<'l>(scored: impl Iterator<Item = (u32, &'l Member)>) -> Option<&'l Member> {
    let mut scored: Vec<_> =
        scored.map(|(score, member)| (score, std::cmp::Reverse(member.chain.len()), member)).collect();
    scored.sort_by_key(|(score, depth, _)| std::cmp::Reverse((*score, *depth)));
    match scored.as_slice() {
        [] => None,
        [(_, _, member)] => Some(member),
        [first, second, ..] => ((first.0, first.1) != (second.0, second.1)).then_some(first.2),
    }
}

/// `functionidentifier` → `functionid`: the two words mean the same.
fn id(name: &str) -> String {
    name.strip_suffix("identifier").map_or_else(|| name.to_owned(), |stem| format!("{stem}id"))
}

/// `queuename` → `queue`, `name`.
fn ending(name: &str) -> Option<(&str, &str)> {
    ["name", "uuid", "id"].into_iter().find_map(|end| Some((name.strip_suffix(end)?, end)))
}

/// The variables of an ARN format, in order.
pub fn variables(format: &str) -> impl Iterator<Item = &str> {
    format.split("${").skip(1).filter_map(|part| part.split('}').next())
}
