//! `aws-tags rules` and `aws-tags policy`: what a deployment derives from the table.

use std::io::{self, Write};

use aws_tags::policy::policies;
use aws_tags::rules;
use aws_tags::services::{self, Service, Tier, tier as tier_of};
use serde_json::{Value, json};

use crate::{Deployment, End};

/// Reads a choice of services.
pub fn tier(word: &str) -> Result<Tier, String> {
    let all = [Tier::Original, Tier::Common, Tier::All];
    let found = all.into_iter().find(|tier| tier.word() == word);
    found.ok_or_else(|| "allowed: original, common or all".to_owned())
}

/// Prints the rule for sessions, and those for creation events.
pub fn rules(options: &Deployment, out: &mut impl Write) -> io::Result<End> {
    let session = rules::session_pattern();
    let state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
    let about = json!({"name": "sessions", "tier": "original", "optIn": false, "state": state});
    print(out, options, &about, "pattern", &session)?;
    for (nth, rule) in rules::rules(chosen(options.services)).iter().enumerate() {
        let about = json!({
            "name": format!("creations-{}", nth + 1),
            "tier": rule.tier.word(), "optIn": rule.opt_in, "state": "ENABLED",
        });
        print(out, options, &about, "pattern", &rule.pattern())?;
    }
    Ok(End::Done)
}

/// Prints the policies.
pub fn policy(options: &Deployment, out: &mut impl Write) -> io::Result<End> {
    for (nth, policy) in policies(chosen(options.services)).iter().enumerate() {
        let about = json!({
            "name": format!("tagging-{}", nth + 1),
            "tier": policy.tier.word(), "optIn": policy.opt_in, "length": policy.length(),
        });
        print(out, options, &about, "document", &policy.document())?;
    }
    Ok(End::Done)
}

fn chosen(widest: Tier) -> impl Iterator<Item = (Tier, &'static Service)> {
    let services = services::all().map(|service| (tier_of(service.name), service));
    services.filter(move |(tier, _)| *tier <= widest)
}

/// A line of JSON, or a heading with the document below it.
fn print(
    out: &mut impl Write,
    options: &Deployment,
    about: &Value,
    part: &str,
    document: &Value,
) -> io::Result<()> {
    if options.json {
        let mut line = about.clone();
        line[part] = document.clone();
        return writeln!(out, "{line}");
    }
    let text = |name: &str| about[name].as_str().unwrap_or_default();
    let on_demand = if about["optIn"] == true { ", for ALSO_TAG" } else { "" };
    writeln!(out, "{} ({} services{on_demand})\n{document:#}\n", text("name"), text("tier"))
}
