//! Our rules, and other rules that match the same events.

use std::collections::BTreeSet;

use aws_tags::deployment::resource_names::{
    CREATION_RULES, FORWARDED_SESSION_RULE, FORWARDER_HEARTBEAT_RULE, HANDLER_HEARTBEAT_RULE, HEARTBEAT_RULE,
    PREFIX, SESSION_RECORDER, SESSION_RULE, TAG_HANDLER,
};
use aws_tags::table::{self, Row, Service};
use serde_json::Value;

use super::{DEPLOY, Finding, Place};
use crate::account::Rule;
use crate::doctor::pattern::could_match;

/// Our rules, and other rules that match the same events.
pub(in crate::doctor) fn rules(rules: &[Rule], place: Place) -> Vec<Finding> {
    let stack = |name: &str| format!("{DEPLOY} for this Region as well: stack {name}");
    let forwarder = "aws-tags-region-forwarder";
    let (creation_stack, session_stack, session_rule) = match place {
        Place::Home => (TAG_HANDLER, SESSION_RECORDER, SESSION_RULE),
        Place::Recorder => (forwarder, SESSION_RECORDER, SESSION_RULE),
        Place::Forwarder => (forwarder, forwarder, FORWARDED_SESSION_RULE),
    };
    let creations: Vec<&Rule> = rules.iter().filter(|rule| rule.name.starts_with(CREATION_RULES)).collect();
    let sessions: Vec<&Rule> = rules.iter().filter(|rule| rule.name == session_rule).collect();
    let mut findings = Vec::new();
    for (found, name, of) in [
        (&creations, format!("{CREATION_RULES}<n>"), creation_stack),
        (&sessions, session_rule.to_owned(), session_stack),
    ] {
        if found.is_empty() {
            findings.push(Finding::error(format!("no rule `{name}`"), stack(of)));
        }
        findings.extend(found.iter().flat_map(|rule| our_rule(rule)));
    }
    findings.extend(
        HEARTBEATS
            .iter()
            .filter(|beat| beat.places.contains(&place))
            .filter_map(|beat| beat.finding(rules.iter().find(|rule| rule.name == beat.rule))),
    );
    if !creations.is_empty() {
        findings.extend(left_out(&creations));
    }
    findings.extend(rules.iter().filter(|rule| !rule.name.starts_with(PREFIX)).filter_map(other_tagger));
    findings
}

/// A schedule of ours.
struct Heartbeat {
    rule: &'static str,
    places: &'static [Place],
    /// What is wrong without it.
    without: &'static str,
}

const HEARTBEATS: &[Heartbeat] = &[
    Heartbeat {
        rule: HEARTBEAT_RULE,
        places: &[Place::Home, Place::Recorder],
        without: "events of callers whose session is not recorded wait for a day",
    },
    Heartbeat {
        rule: HANDLER_HEARTBEAT_RULE,
        places: &[Place::Home],
        without: "no alarm says that a session-recorder is behind, and where nothing is created, that events do not arrive",
    },
    Heartbeat {
        rule: FORWARDER_HEARTBEAT_RULE,
        places: &[Place::Recorder, Place::Forwarder],
        without: "no alarm says that events of this Region do not reach the home Region",
    },
];

impl Heartbeat {
    fn finding(&self, rule: Option<&Rule>) -> Option<Finding> {
        let wrong = match rule {
            None => "there is no rule",
            Some(rule) if rule.state == "DISABLED" => "it is disabled",
            Some(rule) if rule.targets.is_empty() => "it has no target",
            Some(_) => return None,
        };
        Some(Finding::error(format!("`{}`: {wrong}: {}", self.rule, self.without), DEPLOY))
    }
}

const ALL_EVENTS: &str = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

fn our_rule(rule: &Rule) -> Vec<Finding> {
    let Rule { name, state, targets, .. } = rule;
    let mut findings = Vec::new();
    let for_sessions = [SESSION_RULE, FORWARDED_SESSION_RULE].contains(&name.as_str());
    let wanted = if for_sessions { ALL_EVENTS } else { "ENABLED" };
    if state == "DISABLED" {
        findings.push(Finding::error(
            format!("rule `{name}` is disabled"),
            format!("enable it as {wanted}: {DEPLOY}"),
        ));
    } else if for_sessions && state != ALL_EVENTS {
        findings.push(Finding::error(
            format!("rule `{name}` is {state}, so that it never sees AssumeRole, which CloudTrail counts as read-only"),
            format!("set its state to {ALL_EVENTS}: {DEPLOY}"),
        ));
    } else if !for_sessions && state == ALL_EVENTS {
        findings.push(Finding::warning(
            format!("rule `{name}` is {ALL_EVENTS}, which creation events do not need"),
            format!("set its state to ENABLED: {DEPLOY}"),
        ));
    }
    if targets.is_empty() {
        findings.push(Finding::error(format!("rule `{name}` has no target"), DEPLOY));
    }
    for target in targets.iter().filter(|target| target.dead_letter_queue.is_none()) {
        findings.push(Finding::warning(
            format!(
                "rule `{name}` has no dead-letter queue for {}: events that cannot be delivered are lost",
                target.arn
            ),
            DEPLOY,
        ));
    }
    findings
}

/// Calls that this version tags by default and the rules miss, in services that the rules do cover: the rules
/// are older. A service that no rule covers is left out on purpose.
fn left_out(rules: &[&Rule]) -> Option<Finding> {
    let patterns = Patterns::of(rules);
    let mut calls = BTreeSet::new();
    for service in patterns.services() {
        let by_default = service.rows.iter().filter(|row| row.creates() && row.opt_in.is_none());
        let left = by_default.filter(|row| !patterns.catch(service, row));
        calls.extend(left.map(|row| format!("{}:{}", service.name, row.event_name)));
    }
    let first = calls.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let more = calls.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!calls.is_empty()).then(|| {
        let found = format!("no rule matches {first}{more}, which this version supports");
        Finding::warning(found, format!("the rules are of another version: {DEPLOY}"))
    })
}

/// The patterns of rules for creation events.
struct Patterns(Vec<Value>);

impl Patterns {
    fn of<'a>(rules: impl IntoIterator<Item = &'a &'a Rule>) -> Self {
        Self(rules.into_iter().filter_map(|rule| serde_json::from_str(&rule.pattern).ok()).collect())
    }

    fn catch(&self, service: &Service, row: &Row) -> bool {
        // Some services append the date of their API to the name.
        let dated = format!("{}20", row.event_name);
        let names = [row.event_name, &dated];
        self.0.iter().any(|pattern| names.iter().any(|name| could_match(pattern, service.name, name)))
    }

    /// The services of which they catch something, with all that this version knows of them.
    fn services(&self) -> Vec<&'static Service> {
        let is_caught =
            |service: &&Service| service.rows.iter().any(|row| row.creates() && self.catch(service, row));
        let names: BTreeSet<&str> = table::all().filter(is_caught).map(|service| service.name).collect();
        table::all().filter(|service| names.contains(service.name)).collect()
    }
}

/// The services whose creations our rules deliver.
pub(in crate::doctor) fn services_of(rules: &[Rule]) -> Vec<&'static Service> {
    let ours: Vec<&Rule> = rules.iter().filter(|rule| rule.name.starts_with(CREATION_RULES)).collect();
    Patterns::of(&ours).services()
}

/// A rule that is not ours and sends creation events to a function.
fn other_tagger(rule: &Rule) -> Option<Finding> {
    let is_function = |arn: &&str| arn.contains(":lambda:");
    let functions: Vec<&str> =
        rule.targets.iter().map(|target| target.arn.as_str()).filter(is_function).collect();
    let pattern: Value = serde_json::from_str(&rule.pattern).ok()?;
    let is_caught = || {
        table::all()
            .any(|service| service.rows.iter().any(|row| could_match(&pattern, service.name, row.event_name)))
    };
    if rule.state == "DISABLED" || functions.is_empty() || !is_caught() {
        return None;
    }
    Some(Finding::warning(
        format!("rule `{}` sends creation events to {} as well", rule.name, functions.join(", ")),
        "if that is another tagger, make sure that the two write different keys, or remove one",
    ))
}

#[cfg(test)]
mod tests {
    use aws_tags::deployment::event_rules::{self, EventRule};
    use aws_tags::deployment::{Tier, tier};

    use super::super::severities;
    use super::*;
    use crate::account::Target;
    use crate::doctor::finding::Severity;

    fn rule(name: &str, state: &str, pattern: &str) -> Rule {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:q".to_owned();
        let targets = vec![Target { arn: queue.clone(), dead_letter_queue: Some(queue) }];
        Rule { name: name.into(), state: state.into(), pattern: pattern.into(), targets }
    }

    #[test]
    fn rules_of_an_older_version_are_noticed_and_left_out_services_are_not() {
        let sqs = r#"{"detail": {"eventSource": ["sqs.amazonaws.com"], "eventName": ["CreateQueue"]}}"#;
        let athena =
            r#"{"detail": {"eventSource": ["athena.amazonaws.com"], "eventName": ["CreateWorkGroup"]}}"#;
        let sessions = rule(SESSION_RULE, ALL_EVENTS, "{}");
        let found = |pattern| {
            let heartbeat = |name| rule(name, "ENABLED", "");
            let ours = [
                rule("aws-tags-creations-1", "ENABLED", pattern),
                sessions.clone(),
                heartbeat(HEARTBEAT_RULE),
                heartbeat(FORWARDER_HEARTBEAT_RULE),
            ];
            rules(&ours, Place::Recorder)
        };
        assert_eq!(found(sqs), []);
        let old = found(athena);
        assert_eq!(severities(&old), [Severity::Warning]);
        assert!(old[0].found.contains("athena:CreateDataCatalog"), "{old:?}");
        // Of the generated part of the table as well.
        let braket = r#"{"detail": {"eventSource": ["braket.amazonaws.com"], "eventName": ["CreateJob"]}}"#;
        let old = found(braket);
        assert_eq!(severities(&old), [Severity::Warning]);
        assert!(old[0].found.contains("braket:CreateQuantumTask"), "{old:?}");
    }

    #[test]
    fn a_call_that_is_missing_in_the_rules_of_the_templates_is_found() {
        let services = table::all().map(|service| (tier(service.name), service));
        let deployed = event_rules::rules(services.filter(|(tier, _)| *tier == Tier::Essential));
        let found = |without: &str| {
            let pattern = |rule: &EventRule| rule.pattern().to_string().replace(without, "");
            let rules: Vec<Rule> = deployed
                .iter()
                .filter(|deployed| !deployed.opt_in)
                .map(|deployed| rule("aws-tags-creations-1", "ENABLED", &pattern(deployed)))
                .collect();
            left_out(&rules.iter().collect::<Vec<_>>()).map(|finding| finding.found)
        };
        assert_eq!(found("\u{0}"), None);
        let without = found("\"CreateVolume\",").unwrap_or_default();
        assert!(without.contains("no rule matches ec2:CreateVolume, which"), "{without}");
    }

    #[test]
    fn the_rules_of_a_region_are_those_of_what_stands_there() {
        let ours = |sessions: &str, heartbeats: &[(&str, &str)]| {
            let sqs = r#"{"detail": {"eventSource": ["sqs.amazonaws.com"], "eventName": ["CreateQueue"]}}"#;
            let heartbeats = heartbeats.iter().map(|(name, state)| rule(name, state, ""));
            let rules = [rule("aws-tags-creations-1", "ENABLED", sqs), rule(sessions, ALL_EVENTS, "{}")];
            rules.into_iter().chain(heartbeats).collect::<Vec<_>>()
        };
        for (place, sessions, [first, second]) in [
            (Place::Home, SESSION_RULE, [HEARTBEAT_RULE, HANDLER_HEARTBEAT_RULE]),
            (Place::Recorder, SESSION_RULE, [HEARTBEAT_RULE, FORWARDER_HEARTBEAT_RULE]),
        ] {
            let found = |heartbeats: &[(&str, &str)]| rules(&ours(sessions, heartbeats), place);
            assert_eq!(found(&[(first, "ENABLED"), (second, "ENABLED")]), []);
            let disabled = found(&[(first, "ENABLED"), (second, "DISABLED")]);
            assert_eq!(severities(&disabled), [Severity::Error]);
            assert!(disabled[0].found.starts_with(&format!("`{second}`: it is disabled")), "{disabled:?}");
            assert_eq!(severities(&found(&[])), [Severity::Error; 2]);
        }
        let heartbeat = [(FORWARDER_HEARTBEAT_RULE, "ENABLED")];
        assert_eq!(rules(&ours(FORWARDED_SESSION_RULE, &heartbeat), Place::Forwarder), []);
        let missing = rules(&ours(SESSION_RULE, &heartbeat), Place::Forwarder);
        assert_eq!(severities(&missing), [Severity::Error]);
        assert!(missing[0].todo.contains("stack aws-tags-region-forwarder"), "{missing:?}");
    }

    #[test]
    fn only_functions_that_get_creation_events_may_be_other_taggers() {
        let pattern = r#"{"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": [{"prefix": "Create"}]}}"#;
        let mut other = rule("auto-tag", "ENABLED", pattern);
        assert_eq!(other_tagger(&other), None, "its target is a queue");
        other.targets[0].arn = "arn:aws:lambda:eu-west-1:111122223333:function:AutoTag".into();
        assert!(other_tagger(&other).is_some_and(|finding| finding.found.contains("function:AutoTag")));
        other.state = "DISABLED".into();
        assert_eq!(other_tagger(&other), None);
    }
}
