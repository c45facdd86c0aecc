//! The texts in a request or response, each with its path as CloudTrail spells it.

use crate::models::{Api, Reference, Shape};
use crate::words::camel;

/// A text somewhere in a message.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Path below `responseElements` or `requestParameters`.
    pub path: String,
    /// Name of the member.
    pub name: String,
    /// Names of the members around it, the outermost first.
    pub chain: Vec<String>,
    /// Whether it stands in a list.
    pub listed: bool,
    /// Whether the message must hold it.
    pub required: bool,
    /// Regular expression of its values.
    pub pattern: Option<String>,
    /// Greatest length of its values.
    pub max: Option<f64>,
    /// What it is.
    pub documentation: String,
}

/// Structures within structures are followed this deep: deeper ones describe other resources.
const DEPTH: usize = 3;

/// The texts of a message. Lists are entered if `lists` says so.
pub fn leaves(api: &Api, shape: &Shape, lists: bool) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk(api, shape, &Around { lists, ..Around::default() }, &mut found);
    found
}

#[derive(Clone, Default)]
struct Around {
    path: String,
    chain: Vec<String>,
    lists: bool,
    listed: bool,
    optional: bool,
}

fn walk(api: &Api, shape: &Shape, around: &Around, found: &mut Vec<Leaf>) {
    for (name, reference) in &shape.members {
        let Some(target) = api.shape(reference) else { continue };
        let step = spelled(api, name, reference);
        let path = if around.path.is_empty() { step.clone() } else { format!("{}.{step}", around.path) };
        let required = !around.optional && shape.required.contains(name);
        match target.kind.as_str() {
            "string" | "integer" | "long" => {
                found.push(leaf(name, reference, target, around, path, required))
            }
            "structure" if around.chain.len() < DEPTH => {
                walk(api, target, &inside(around, name, path, false, !required), found);
            }
            "list" if around.lists && !around.listed => {
                let Some(item) = &target.member else { continue };
                let Some(item_shape) = api.shape(item) else { continue };
                // EC2 and Query APIs put list items in `items`.
                let path = if api.metadata.protocol == "ec2" {
                    format!("{path}.items[]")
                } else {
                    format!("{path}[]")
                };
                if item_shape.kind == "string" {
                    let around = Around { listed: true, ..around.clone() };
                    found.push(leaf(name, item, item_shape, &around, path, required));
                } else if around.chain.len() < DEPTH {
                    walk(api, item_shape, &inside(around, name, path, true, !required), found);
                }
            }
            _ => {}
        }
    }
}

fn inside(around: &Around, name: &str, path: String, listed: bool, optional: bool) -> Around {
    let mut chain = around.chain.clone();
    chain.push(name.to_owned());
    Around {
        path,
        chain,
        lists: around.lists,
        listed: around.listed || listed,
        optional: around.optional || optional,
    }
}

fn leaf(
    name: &str,
    reference: &Reference,
    shape: &Shape,
    around: &Around,
    path: String,
    required: bool,
) -> Leaf {
    Leaf {
        path,
        name: name.to_owned(),
        chain: around.chain.clone(),
        listed: around.listed,
        required,
        pattern: shape.pattern.clone(),
        max: shape.max,
        documentation: format!("{} {}", reference.documentation, shape.documentation),
    }
}

/// EC2 has names of its own on the wire, and CloudTrail writes those; others write the member.
fn spelled(api: &Api, name: &str, reference: &Reference) -> String {
    match &reference.location_name {
        Some(wire) if api.metadata.protocol == "ec2" => camel(wire),
        _ => camel(name),
    }
}
