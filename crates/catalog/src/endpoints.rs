//! Where services are called: the rule sets with which SDKs resolve endpoints, evaluated for every
//! Region, and reduced to a few patterns.
//! <https://smithy.io/2.0/additional-specs/rules-engine/specification.html>

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::models::Parameters;
use crate::sources::source;

/// A partition of AWS: its Regions and its DNS suffixes.
#[derive(Debug, Deserialize)]
pub struct Partition {
    /// E.g. `aws-cn`.
    pub id: String,
    regions: BTreeMap<String, Value>,
    outputs: Map<String, Value>,
}

/// Rule sets by API, and the partitions.
#[derive(Debug)]
pub struct Endpoints {
    rule_sets: BTreeMap<String, Value>,
    partitions: Vec<Partition>,
}

/// A host as a pattern over Regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// With `${Region}`, `${Suffix}` and `${DualStackSuffix}`.
    pub pattern: String,
    /// The Region that signatures name, if it is not the one called in.
    pub signing_region: Option<String>,
    /// The service that signatures name, if the rules say it.
    pub signing_name: Option<String>,
}

/// An account, where a host has one.
const ACCOUNT: &str = "the-account";

/// A Region or partition, and the host there.
pub type EndpointOverride = (String, Host);

impl Endpoints {
    /// Reads all rule sets.
    pub fn read() -> Result<Self> {
        let files = source("botocore")?.files(|path| {
            path.ends_with("/endpoint-rule-set-1.json.gz") || path == "botocore/data/partitions.json"
        })?;
        #[derive(Deserialize)]
        struct Partitions {
            partitions: Vec<Partition>,
        }
        let partitions = files.get("botocore/data/partitions.json").context("no partitions.json")?;
        let Partitions { partitions } = serde_json::from_slice(partitions)?;
        let mut rule_sets = BTreeMap::new();
        for (path, text) in &files {
            if let (Some(name), true) = (path.split('/').nth(2), path.contains("/endpoint-rule-set-1")) {
                rule_sets
                    .insert(name.to_owned(), serde_json::from_slice(text).with_context(|| path.clone())?);
            }
        }
        Ok(Self { rule_sets, partitions })
    }

    /// The usual host of an API, and the Regions and partitions with another.
    /// `parameters` are those that an operation fixes.
    pub fn of(&self, api: &str, parameters: &Parameters) -> Option<(Host, Vec<EndpointOverride>)> {
        let rules = self.rule_sets.get(api)?;
        let by_partition: Vec<(&Partition, Vec<(&str, Host)>)> = self
            .partitions
            .iter()
            .map(|partition| (partition, self.hosts(rules, partition, parameters)))
            .collect();
        let usual = commonest(by_partition.iter().flat_map(|(_, hosts)| hosts.iter().map(|(_, host)| host)))?;
        let mut overrides = Vec::new();
        for (partition, hosts) in by_partition {
            let agrees =
                |pattern: &Host| hosts.iter().all(|(region, host)| pattern.at(region) == host.at(region));
            match commonest(hosts.iter().map(|(_, host)| host)) {
                Some(_) if agrees(&usual) => {}
                Some(own) if agrees(&own) => overrides.push((partition.id.clone(), own)),
                _ => {
                    let exceptions =
                        hosts.into_iter().filter(|(region, host)| usual.at(region) != host.at(region));
                    overrides.extend(exceptions.map(|(region, host)| (region.to_owned(), host)));
                }
            }
        }
        Some((usual, overrides))
    }

    fn hosts<'a>(
        &self,
        rules: &Value,
        partition: &'a Partition,
        parameters: &Parameters,
    ) -> Vec<(&'a str, Host)> {
        let regions = partition.regions.keys().filter(|region| !region.ends_with("-global"));
        regions
            .filter_map(|region| Some((region.as_str(), self.host(rules, partition, region, parameters)?)))
            .collect()
    }

    fn host(
        &self,
        rule_set: &Value,
        partition: &Partition,
        region: &str,
        fixed: &Parameters,
    ) -> Option<Host> {
        let mut scope = HashMap::from([("Region".to_owned(), Value::from(region))]);
        for (name, parameter) in rule_set.get("parameters")?.as_object()? {
            if let Some(default) = parameter.get("default") {
                scope.insert(name.clone(), default.clone());
            }
        }
        // Only its place in the host matters.
        if rule_set.pointer("/parameters/AccountId").is_some() {
            scope.insert("AccountId".to_owned(), Value::from(ACCOUNT));
        }
        scope.extend(fixed.iter().map(|(name, parameter)| (name.clone(), parameter.value.clone())));
        let endpoint = Evaluation { partition, region }.rules(rule_set.get("rules")?, &scope)?;
        let host = endpoint.get("url")?.as_str()?.strip_prefix("https://")?.to_owned();
        let scheme = endpoint.pointer("/properties/authSchemes/0");
        let signs = |name: &str| Some(scheme?.get(name)?.as_str()?.to_owned());
        let output = |name: &str| partition.outputs.get(name).and_then(Value::as_str).unwrap_or_default();
        let (plain, dual_stack) = (output("dnsSuffix"), output("dualStackDnsSuffix"));
        let suffixed = match (host.strip_suffix(dual_stack), host.strip_suffix(plain)) {
            (Some(start), _) => format!("{start}${{DualStackSuffix}}"),
            (None, Some(start)) => format!("{start}${{Suffix}}"),
            (None, None) => host,
        };
        let pattern = suffixed.replace(&format!(".{region}."), ".${Region}.").replace(ACCOUNT, "${Account}");
        // The signature for a host of a whole partition names the partition's global Region.
        let global = || (!pattern.contains("${Region}")).then(|| output("implicitGlobalRegion").to_owned());
        let signing_region = signs("signingRegion").or_else(global);
        Some(Host {
            signing_region: signing_region.filter(|signing| signing != region),
            pattern,
            signing_name: signs("signingName"),
        })
    }
}

impl Host {
    /// What it means in a Region: the host, and the Region of the signature.
    fn at(&self, region: &str) -> (String, String) {
        let signing_region = self.signing_region.as_deref().unwrap_or(region);
        (self.pattern.replace("${Region}", region), signing_region.to_owned())
    }
}

fn commonest<'a>(hosts: impl Iterator<Item = &'a Host>) -> Option<Host> {
    let mut counts: BTreeMap<&Host, usize> = BTreeMap::new();
    hosts.for_each(|host| *counts.entry(host).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(host, _)| host.clone())
}

/// One Region's evaluation of a rule set, with nothing that a user may configure.
struct Evaluation<'a> {
    partition: &'a Partition,
    region: &'a str,
}

type Scope = HashMap<String, Value>;

impl Evaluation<'_> {
    /// The endpoint of the first rule whose conditions hold.
    fn rules(&self, rules: &Value, scope: &Scope) -> Option<Value> {
        rules.as_array()?.iter().find_map(|rule| self.rule(rule, scope))
    }

    fn rule(&self, rule: &Value, scope: &Scope) -> Option<Value> {
        let mut scope = scope.clone();
        for condition in rule.get("conditions")?.as_array()? {
            let value = self.call(condition, &scope)?;
            if value == Value::Bool(false) || value.is_null() {
                return None;
            }
            if let Some(name) = condition.get("assign").and_then(Value::as_str) {
                scope.insert(name.to_owned(), value);
            }
        }
        match rule.get("rules") {
            Some(rules) => self.rules(rules, &scope),
            None => Some(self.value(rule.get("endpoint")?, &scope)),
        }
    }

    fn call(&self, call: &Value, scope: &Scope) -> Option<Value> {
        let arguments = call.get("argv")?.as_array()?;
        let argument = |nth: usize| arguments.get(nth).map_or(Value::Null, |value| self.value(value, scope));
        Some(match call.get("fn")?.as_str()? {
            "isSet" => Value::Bool(!argument(0).is_null()),
            "not" => Value::Bool(argument(0) == Value::Bool(false) || argument(0).is_null()),
            "booleanEquals" | "stringEquals" => Value::Bool(argument(0) == argument(1)),
            "isValidHostLabel" => Value::Bool(true),
            "aws.partition" => Value::Object(self.partition.outputs.clone()),
            "getAttr" => argument(0).get(argument(1).as_str()?)?.clone(),
            _ => Value::Null,
        })
    }

    /// A value with its references and templates filled in.
    fn value(&self, value: &Value, scope: &Scope) -> Value {
        match value {
            Value::Object(map) if map.contains_key("fn") => self.call(value, scope).unwrap_or_default(),
            Value::Object(map) => match map.get("ref").and_then(Value::as_str) {
                Some(name) => scope.get(name).cloned().unwrap_or_default(),
                None => map.iter().map(|(name, value)| (name.clone(), self.value(value, scope))).collect(),
            },
            Value::Array(items) => items.iter().map(|item| self.value(item, scope)).collect(),
            Value::String(text) if text.contains('{') => Value::from(self.filled(text, scope)),
            other => other.clone(),
        }
    }

    /// `https://x.{Region}.{PartitionResult#dnsSuffix}` filled in.
    fn filled(&self, text: &str, scope: &Scope) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            filled.push_str(before);
            let (name, attribute) = name.split_once('#').unwrap_or((name, ""));
            let value = scope.get(name).unwrap_or(&Value::Null);
            let value =
                if attribute.is_empty() { value } else { value.get(attribute).unwrap_or(&Value::Null) };
            filled.push_str(value.as_str().unwrap_or(if name == "Region" { self.region } else { "" }));
            rest = after;
        }
        filled + rest
    }
}
