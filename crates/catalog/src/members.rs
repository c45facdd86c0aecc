//! The scalar members of a request or response, each with its path as CloudTrail spells it.

use crate::models::{Api, Reference, Shape};
use crate::naming::camel;

/// A scalar member of a message.
#[derive(Clone, Debug)]
pub struct Member {
    /// Path below `responseElements` or `requestParameters`.
    pub path: String,
    pub name: String,
    /// Names of the members around it, the outermost first.
    pub chain: Vec<String>,
    /// Whether it is in a list.
    pub listed: bool,
    /// Whether the message must hold it.
    pub required: bool,
    /// Regular expression of its values.
    pub pattern: Option<String>,
    /// Greatest length of its values.
    pub max: Option<f64>,
    pub documentation: String,
}

/// Structures within structures are followed this deep: deeper ones describe other resources.
const DEPTH: usize = 3;

/// The members of a message; those in lists only if `lists` says so.
pub fn members(api: &Api, shape: &Shape, lists: bool) -> Vec<Member> {
    let mut found = Vec::new();
    walk(api, shape, &Context { lists, ..Context::default() }, &mut found);
    found
}

#[derive(Clone, Default)]
struct Context {
    path: String,
    chain: Vec<String>,
    lists: bool,
    listed: bool,
    optional: bool,
}

fn walk(api: &Api, shape: &Shape, context: &Context, found: &mut Vec<Member>) {
    for (name, reference) in &shape.members {
        let Some(target) = api.shape(reference) else { continue };
        let step = spelled(api, name, reference);
        let path = if context.path.is_empty() { step.clone() } else { format!("{}.{step}", context.path) };
        let required = !context.optional && shape.required.contains(name);
        match target.kind.as_str() {
            "string" | "integer" | "long" => {
                found.push(member(name, reference, target, context, path, required))
            }
            "structure" if context.chain.len() < DEPTH => {
                walk(api, target, &inside(context, name, path, false, !required), found);
            }
            "list" if context.lists && !context.listed => {
                let Some(item) = &target.member else { continue };
                let Some(item_shape) = api.shape(item) else { continue };
                // EC2 and Query APIs put list items in `items`.
                let path = if api.metadata.protocol == "ec2" {
                    format!("{path}.items[]")
                } else {
                    format!("{path}[]")
                };
                if item_shape.kind == "string" {
                    let context = Context { listed: true, ..context.clone() };
                    found.push(member(name, item, item_shape, &context, path, required));
                } else if context.chain.len() < DEPTH {
                    walk(api, item_shape, &inside(context, name, path, true, !required), found);
                }
            }
            _ => {}
        }
    }
}

fn inside(context: &Context, name: &str, path: String, listed: bool, optional: bool) -> Context {
    let mut chain = context.chain.clone();
    chain.push(name.to_owned());
    Context {
        path,
        chain,
        lists: context.lists,
        listed: context.listed || listed,
        optional: context.optional || optional,
    }
}

fn member(
    name: &str,
    reference: &Reference,
    shape: &Shape,
    context: &Context,
    path: String,
    required: bool,
) -> Member {
    Member {
        path,
        name: name.to_owned(),
        chain: context.chain.clone(),
        listed: context.listed,
        required,
        pattern: shape.pattern.clone(),
        max: shape.max,
        documentation: format!("{} {}", reference.documentation, shape.documentation),
    }
}

/// CloudTrail writes EC2's names on the wire; of other APIs the names of the members.
fn spelled(api: &Api, name: &str, reference: &Reference) -> String {
    match &reference.location_name {
        Some(wire) if api.metadata.protocol == "ec2" => camel(wire),
        _ => camel(name),
    }
}
