//! `aws-tags rules` and `aws-tags policy`: what a deployment derives from the table.

use std::io::{self, Write};

use aws_tags::deployment::iam_policies::{policies, undo_policies};
use aws_tags::deployment::plan_policies;
use aws_tags::deployment::resource_names::{CREATION_RULES, PREFIX, SESSION_RULE};
use aws_tags::deployment::{Tier, event_rules, tier};
use aws_tags::table::{self, Service};
use clap::Args;
use serde_json::{Value, json};

use crate::console::End;

#[derive(Args)]
pub(crate) struct Options {
    /// The tier of services, as the parameter `Services` of the templates: essential, common (which includes essential), or all.
    #[arg(long, value_name = "WHICH", default_value = "common")]
    tier: Tier,
    /// One JSON object per rule or policy.
    #[arg(long)]
    json: bool,
}

/// Prints the rule for sessions, and those for creation events.
pub(crate) fn rules(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let session = event_rules::session_pattern();
    let state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
    let about = json!({"name": SESSION_RULE, "tier": "essential", "optIn": false, "state": state});
    print(out, options, &about, "pattern", &session)?;
    for (nth, rule) in event_rules::rules(chosen(options.tier)).iter().enumerate() {
        let about = json!({
            "name": format!("{CREATION_RULES}{}", nth + 1),
            "tier": rule.tier.as_str(), "optIn": rule.opt_in, "state": "ENABLED",
        });
        print(out, options, &about, "pattern", &rule.pattern())?;
    }
    Ok(End::Done)
}

#[derive(Args)]
pub(crate) struct PolicyOptions {
    #[command(flatten)]
    of: Options,
    /// Those of `undo` instead: to read tags, and to take them away.
    #[arg(long)]
    undo: bool,
    /// Those of the plan of `backfill` instead: to read CloudTrail's history, and tags and creation times.
    #[arg(long, conflicts_with = "undo")]
    plan: bool,
    /// The bucket of a trail that a plan reads: one more policy.
    #[arg(long, value_name = "NAME", requires = "plan", conflicts_with = "undo")]
    bucket: Option<String>,
}

/// Prints the policies.
pub(crate) fn policy(options: &PolicyOptions, out: &mut impl Write) -> io::Result<End> {
    let PolicyOptions { of: options, undo, plan, bucket } = options;
    let (verb, policies) = match (undo, plan) {
        (true, _) => ("untagging", undo_policies(chosen(options.tier))),
        (_, true) => ("planning", plan_policies::policies(chosen(options.tier))),
        _ => ("tagging", policies(chosen(options.tier))),
    };
    for (nth, policy) in policies.iter().enumerate() {
        let about = json!({
            "name": format!("{PREFIX}{verb}-{}", nth + 1),
            "tier": policy.tier.as_str(), "optIn": policy.opt_in, "length": policy.length(),
        });
        print(out, options, &about, "document", &policy.document())?;
    }
    if let Some(bucket) = bucket {
        let document = plan_policies::trail_document(bucket);
        let length = document.to_string().len();
        let about = json!({
            "name": format!("{PREFIX}trail"), "tier": "essential", "optIn": false, "length": length,
        });
        print(out, options, &about, "document", &document)?;
    }
    Ok(End::Done)
}

fn chosen(widest: Tier) -> impl Iterator<Item = (Tier, &'static Service)> {
    let services = table::all().map(|service| (tier(service.name), service));
    services.filter(move |(tier, _)| *tier <= widest)
}

/// A line of JSON, or a heading with the document below it.
fn print(
    out: &mut impl Write,
    options: &Options,
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
    let opt_in = if about["optIn"] == true { ", for ALSO_TAG" } else { "" };
    writeln!(out, "{} ({} services{opt_in})\n{document:#}\n", text("name"), text("tier"))
}
