//! The event sources under which CloudTrail records an API: `event_sources.toml`, with the evidence.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::models::Api;

/// An event source of an API, without `.amazonaws.com`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSource {
    pub source: String,
    pub evidence: Evidence,
    /// Where it stands.
    #[serde(default)]
    pub page: String,
}

/// What says that it is the event source, as the file describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    Listed,
    Sample,
    Record,
    Assumed,
}

type ByApi = BTreeMap<String, Vec<EventSource>>;

fn all() -> &'static ByApi {
    static ALL: LazyLock<ByApi> = LazyLock::new(|| {
        toml::from_str(include_str!("../event_sources.toml"))
            .unwrap_or_else(|wrong| panic!("event_sources.toml: {wrong}"))
    });
    &ALL
}

/// The event sources of an API, the likeliest first.
pub fn event_sources(api: &str) -> &'static [EventSource] {
    all().get(api).map_or(&[], Vec::as_slice)
}

/// The likeliest event source, by which the overrides know an API's calls.
pub fn event_source(api: &Api) -> &str {
    event_sources(&api.name).first().map_or_else(|| api.signing_name(), |first| &first.source)
}

/// Fails for an API that the file lacks, and for one that no model has any more: raised pins ask for a look at AWS's
/// pages.
pub fn check(apis: &[Api]) -> Result<()> {
    let unknown = apis.iter().filter(|api| event_sources(&api.name).is_empty());
    let unknown = unknown
        .map(|api| format!("{} has no event source; it signs with `{}`", api.name, api.signing_name()));
    let signs_otherwise = |api: &&Api| {
        let mut all = event_sources(&api.name).iter();
        all.any(|one| one.evidence == Evidence::Assumed && one.source != api.signing_name())
    };
    let otherwise = apis.iter().filter(signs_otherwise);
    let otherwise =
        otherwise.map(|api| format!("{} is assumed to have another than `{}`", api.name, api.signing_name()));
    let gone = all().keys().filter(|name| !apis.iter().any(|api| api.name == **name));
    let gone = gone.map(|name| format!("no model is named {name}"));
    let wrong: Vec<String> = unknown.chain(otherwise).chain(gone).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => bail!("event_sources.toml: {}", wrong.join("; ")),
    }
}

/// The prefixes of the service authorization data that have an API's actions and resources, the
/// likeliest first.
pub fn prefixes(api: &Api) -> Vec<&str> {
    const EXCEPTIONS: &[(&str, &[&str])] = &[
        ("cloudwatch", &["cloudwatch"]),
        ("iotsecuretunneling", &["iot"]),
        ("mq", &["mq"]),
        ("pinpoint", &["mobiletargeting"]),
        ("application-autoscaling", &["application-autoscaling"]),
    ];
    if let Some((_, prefixes)) = EXCEPTIONS.iter().find(|(name, _)| *name == api.name) {
        return prefixes.to_vec();
    }
    if api.name.starts_with("partnercentral-") {
        return vec!["partnercentral"];
    }
    vec![api.signing_name()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_evidence_but_none_names_its_page() {
        for EventSource { source, evidence, page } in all().values().flatten() {
            assert_eq!(page.is_empty(), *evidence == Evidence::Assumed, "{source}");
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(source.chars().all(is_name), "{source}: patterns are case-sensitive");
        }
    }

    #[test]
    fn an_api_without_event_source_is_named_with_what_it_signs_with() {
        let mut new = Api {
            name: "brand-new".to_owned(),
            metadata: crate::models::Metadata { endpoint_prefix: "new".to_owned(), ..Default::default() },
            operations: BTreeMap::new(),
            shapes: BTreeMap::new(),
        };
        let wrong = |api: &Api| check(std::slice::from_ref(api)).expect_err("wrong").to_string();
        assert!(wrong(&new).contains("brand-new has no event source; it signs with `new`"));
        new.name = "kafka".to_owned();
        assert!(!wrong(&new).contains("kafka has no") && wrong(&new).contains("no model is named sqs"));
    }
}
