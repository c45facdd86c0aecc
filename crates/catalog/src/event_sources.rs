//! The event source under which CloudTrail records an API.

use crate::models::Api;

/// APIs whose event source is not the name that requests are signed with.
///
/// From the sample records in the services' documentation of CloudTrail.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("application-autoscaling", "autoscaling"),
    ("marketplace-catalog", "marketplacecatalog"),
    ("pinpoint", "pinpoint"),
    ("mq", "amazonmq"),
    ("servicecatalog-appregistry", "servicecatalog-appregistry"),
];

/// The event source without `.amazonaws.com`.
pub fn event_source(api: &Api) -> &str {
    let other = EXCEPTIONS.iter().find(|(name, _)| *name == api.name);
    other.map_or_else(|| api.signing_name(), |(_, source)| source)
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
