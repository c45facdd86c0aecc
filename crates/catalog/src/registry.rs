//! CloudFormation's registry: which calls create a resource, whether it takes tags, and whether its
//! identifier is chosen by the caller or made by the service.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::sources::source;

/// A resource type of CloudFormation.
#[derive(Debug, Default)]
pub struct Registered {
    /// E.g. `AWS::SQS::Queue`.
    pub name: String,
    /// Whether it takes tags.
    pub taggable: bool,
    /// The IAM actions of a creation, in lower case, e.g. `sqs:createqueue`.
    pub creates_with: BTreeSet<String>,
    /// Last parts of the properties that identify it, e.g. `QueueName`.
    pub identified_by: Vec<String>,
    /// Last parts of the read-only properties.
    pub read_only: BTreeSet<String>,
    /// Its ARN format, if AWS publishes it.
    pub arn: Option<String>,
}

impl Registered {
    /// Whether the caller chooses what identifies it.
    pub fn caller_names_it(&self) -> bool {
        !self.identified_by.is_empty() && self.identified_by.iter().all(|name| !self.read_only.contains(name))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    type_name: String,
    tagging: Option<Tagging>,
    #[serde(default)]
    taggable: Option<bool>,
    #[serde(default)]
    primary_identifier: Vec<String>,
    #[serde(default)]
    read_only_properties: Vec<String>,
    #[serde(default)]
    handlers: BTreeMap<String, Handler>,
}

#[derive(Deserialize)]
struct Tagging {
    #[serde(default)]
    taggable: Option<bool>,
}

#[derive(Deserialize)]
struct Handler {
    #[serde(default)]
    permissions: Vec<String>,
}

/// Every resource type of us-east-1.
pub fn registry() -> Result<Vec<Registered>> {
    const FOLDER: &str = "cfnlint/data/schemas/";
    let files = source("cfn-lint")?.files(|path| {
        path.starts_with(&format!("{FOLDER}resources/"))
            || path == format!("{FOLDER}providers/us-east-1.json")
    })?;
    let index = files.get(&format!("{FOLDER}providers/us-east-1.json")).context("no index of schemas")?;
    let index: BTreeMap<String, Value> = serde_json::from_slice(index)?;
    let spec = specification()?;
    let mut all = Vec::new();
    for (name, file) in &index {
        let Some(text) = file.as_str().and_then(|file| files.get(&format!("{FOLDER}resources/{file}.json")))
        else {
            continue;
        };
        // Schemas of modules and of third parties lack parts.
        let Ok(schema) = serde_json::from_slice::<Schema>(text) else { continue };
        let last = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
        let tagging = schema.tagging.and_then(|tagging| tagging.taggable).or(schema.taggable);
        let (in_spec, arn) = spec.get(name).cloned().unwrap_or_default();
        let create = schema.handlers.get("create").map(|handler| handler.permissions.as_slice());
        all.push(Registered {
            taggable: tagging.unwrap_or(in_spec) || in_spec,
            creates_with: create.unwrap_or_default().iter().map(|action| action.to_lowercase()).collect(),
            identified_by: schema.primary_identifier.iter().map(last).collect(),
            read_only: schema.read_only_properties.iter().map(last).collect(),
            arn,
            name: schema.type_name,
        });
    }
    Ok(all)
}

/// Which resources take tags, and their ARN formats, by CloudFormation's name.
fn specification() -> Result<BTreeMap<String, (bool, Option<String>)>> {
    let files = source("@aws-cdk/aws-service-spec")?.files(|path| path == "package/db.json.gz")?;
    let text = files.into_values().next().context("no db.json")?;
    let database: Value = serde_json::from_slice(&text)?;
    let resources = database.pointer("/schema/resource/entities").and_then(Value::as_array);
    let resources = resources.context("db.json has no resources")?;
    Ok(resources
        .iter()
        .filter_map(|resource| {
            let name = resource.get("cloudFormationType")?.as_str()?.to_owned();
            let arn = resource.get("arnTemplate").and_then(Value::as_str).map(str::to_owned);
            Some((name, (resource.get("tagInformation").is_some(), arn)))
        })
        .collect())
}
