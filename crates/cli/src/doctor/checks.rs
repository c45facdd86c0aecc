//! The checks: facts in, findings out.

use std::collections::BTreeSet;

use aws_tags::Settings;
use aws_tags::deployment::resource_names::{
    CREATION_QUEUE, CREATION_RULES, DEAD_LETTERS, FORWARDED_SESSION_RULE, HEARTBEAT_RULE, PREFIX,
    SESSION_QUEUE, SESSION_RECORDER, SESSION_RULE, SESSION_TABLE, TAG_HANDLER, TTL_ATTRIBUTE,
};
use aws_tags::table::{self, Row, Service};
use serde_json::Value;

use super::finding::Finding;
use super::pattern::could_match;
use crate::account::{Function, Queue, Rule, Table, Trail};

/// More waiting messages than this are a backlog.
const BACKLOG: u64 = 1000;

const DEPLOY: &str = "deploy again (`make deploy`)";

/// One of the two functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Recorder,
    Handler,
}

impl Part {
    pub(super) const fn function_name(self) -> &'static str {
        match self {
            Self::Recorder => SESSION_RECORDER,
            Self::Handler => TAG_HANDLER,
        }
    }
}

/// What stands in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Both functions.
    Home,
    /// A session-recorder, and a forwarder of creation events.
    Recorder,
    /// A forwarder of creation and STS events.
    Forwarder,
}

/// Whether EventBridge gets the management events of a Region.
pub(super) fn trails(trails: &[Trail]) -> Vec<Finding> {
    let on: Vec<&Trail> = trails.iter().filter(|trail| trail.logging).collect();
    if on.is_empty() {
        let off: Vec<&str> = trails.iter().map(|trail| trail.name.as_str()).collect();
        return vec![match off.first() {
            None => Finding::error(
                "no trail covers the Region: AWS sends no CloudTrail events to EventBridge",
                "create a multi-Region trail that logs management events: `aws cloudtrail create-trail --is-multi-region-trail …`",
            ),
            Some(first) => Finding::error(
                format!("logging is off: {}", off.join(", ")),
                format!("turn it on: `aws cloudtrail start-logging --name {first}`"),
            ),
        }];
    }
    let names = on.iter().map(|trail| trail.name.as_str()).collect::<Vec<_>>().join(", ");
    let any = |logs: fn((bool, bool)) -> bool| on.iter().any(|trail| trail.management.is_none_or(logs));
    let mut findings = Vec::new();
    if !any(|(writes, _)| writes) {
        findings.push(Finding::error(
            format!("no management events that write are logged by {names}"),
            "log them in a trail: `aws cloudtrail put-event-selectors` with ReadWriteType All",
        ));
    } else if !any(|(_, reads)| reads) {
        findings.push(Finding::warning(
            format!("no read-only management events are logged by {names}, and AssumeRole is one"),
            "log them in a trail too, or session tags may be missing: `aws cloudtrail put-event-selectors` with ReadWriteType All",
        ));
    }
    if !on.iter().any(|trail| trail.multi_region) {
        findings.push(Finding::warning(
            format!("no active trail covers all Regions: {names}"),
            format!(
                "extend one: `aws cloudtrail update-trail --is-multi-region-trail --name {}`",
                on[0].name
            ),
        ));
    }
    findings
}

/// Our rules, and other rules that match the same events.
pub(super) fn rules(rules: &[Rule], place: Place) -> Vec<Finding> {
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
    if place != Place::Forwarder {
        findings.extend(heartbeat(rules.iter().find(|rule| rule.name == HEARTBEAT_RULE)));
    }
    if !creations.is_empty() {
        findings.extend(left_out(&creations));
    }
    findings.extend(rules.iter().filter(|rule| !rule.name.starts_with(PREFIX)).filter_map(other_tagger));
    findings
}

/// The schedule without which no absent session is final.
fn heartbeat(rule: Option<&Rule>) -> Option<Finding> {
    let wrong = match rule {
        None => "there is no rule",
        Some(rule) if rule.state == "DISABLED" => "it is disabled",
        Some(rule) if rule.targets.is_empty() => "it has no target",
        Some(_) => return None,
    };
    let found = format!(
        "`{HEARTBEAT_RULE}`: {wrong}: events of callers whose session is not recorded wait for a day"
    );
    Some(Finding::error(found, DEPLOY))
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
pub(super) fn services_of(rules: &[Rule]) -> Vec<&'static Service> {
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

/// A function, its settings, and what it is fed from. `table_region` is the Region of the session table, if
/// it is another.
pub(super) fn function(part: Part, function: Option<&Function>, table_region: Option<&str>) -> Vec<Finding> {
    let name = part.function_name();
    let queue = match part {
        Part::Recorder => SESSION_QUEUE,
        Part::Handler => CREATION_QUEUE,
    };
    let Some(function) = function else {
        return vec![Finding::error(format!("no function `{name}`"), DEPLOY)];
    };
    let because = |why: &Option<String>| why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let mut findings = Vec::new();
    let (state, why) = &function.state;
    if state != "Active" {
        findings.push(Finding::error(format!("function `{name}` is {state}{}", because(why)), DEPLOY));
    }
    let (update, why) = &function.last_update;
    if update != "Successful" {
        let found = format!("the last update of function `{name}` is {update}{}", because(why));
        findings.push(Finding::warning(found, format!("wait for it, or {DEPLOY}")));
    }
    if function.reserved == Some(0) {
        let todo =
            format!("remove the limit: `aws lambda delete-function-concurrency --function-name {name}`");
        findings.push(Finding::error(
            format!("function `{name}` is stopped: its reserved concurrency is 0"),
            todo,
        ));
    }
    findings.extend(settings(part, function, table_region));
    findings.extend(source(name, queue, function));
    findings
}

fn settings(part: Part, function: &Function, table_region: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (name, table_name) = (part.function_name(), SESSION_TABLE.0);
    let todo = format!("correct the setting and {DEPLOY}");
    let of_region = |table: &str| match table_region {
        None => table == table_name || table.ends_with(&format!(":table/{table_name}")),
        Some(region) => {
            table.contains(&format!(":{region}:")) && table.ends_with(&format!(":table/{table_name}"))
        }
    };
    match function.environment.get("SESSION_TABLE").map(String::as_str) {
        Some(table) if of_region(table) => {}
        Some(table) => {
            let of = table_region.map_or(String::new(), |region| format!(" of {region}"));
            let found = format!("function `{name}` uses the session table `{table}`, not `{table_name}`{of}");
            findings.push(Finding::error(found, todo.clone()));
        }
        None => {
            findings.push(Finding::error(format!("function `{name}` has no SESSION_TABLE"), todo.clone()))
        }
    }
    let wrong = match part {
        Part::Recorder => Vec::new(),
        Part::Handler => Settings::read(|variable| function.environment.get(variable).cloned())
            .map_or_else(|wrong| wrong.0, |_| Vec::new()),
    };
    findings.extend(wrong.into_iter().map(|wrong| {
        let found = format!("function `{name}` cannot start: {} is `{}`", wrong.name, wrong.value);
        Finding::error(found, format!("allowed: {}; {todo}", wrong.allowed))
    }));
    findings
}

fn source(name: &str, queue: &str, function: &Function) -> Vec<Finding> {
    let end = format!(":{queue}");
    let Some(source) = function.event_source_mappings.iter().find(|source| source.arn.ends_with(&end)) else {
        return vec![Finding::error(format!("function `{name}` does not read queue `{queue}`"), DEPLOY)];
    };
    let mut findings = Vec::new();
    if !matches!(source.state.as_str(), "Enabled" | "Enabling" | "Updating" | "Creating") {
        let found =
            format!("function `{name}` does not read queue `{queue}`: the mapping is {}", source.state);
        findings.push(Finding::error(found, "enable it: `aws lambda update-event-source-mapping --enabled`"));
    }
    if !source.reports_failures {
        let found =
            format!("the mapping of queue `{queue}` lacks ReportBatchItemFailures: failed events are lost");
        findings.push(Finding::error(found, DEPLOY));
    }
    findings
}

/// The session table.
pub(super) fn table(table: Option<&Table>) -> Vec<Finding> {
    let (name, key) = SESSION_TABLE;
    let Some(table) = table else {
        return vec![Finding::error(format!("no table `{name}`"), DEPLOY)];
    };
    let mut findings = Vec::new();
    if !matches!(table.status.as_str(), "ACTIVE" | "UPDATING") {
        findings.push(Finding::error(format!("table `{name}` is {}", table.status), "wait, or restore it"));
    }
    if table.key != key {
        let found = format!("the key of table `{name}` is {}, not {}", table.key.join(", "), key.join(", "));
        findings.push(Finding::error(found, format!("move it away and {DEPLOY}")));
    }
    if table.ttl.as_deref() != Some(TTL_ATTRIBUTE) {
        let found = format!("table `{name}` never deletes sessions: TTL is not on for `{TTL_ATTRIBUTE}`");
        findings.push(Finding::warning(found, DEPLOY));
    }
    if !table.point_in_time_recovery {
        let found = format!("table `{name}` has no point-in-time recovery");
        findings.push(Finding::warning(found, DEPLOY));
    }
    findings
}

/// Where Identity Center starts sessions, and whether a recorder stands there. Whether a read-only event that
/// is forwarded meets a rule in another Region, no document says.
pub(super) fn identity_centers(
    centers: &[String],
    recorders: &[String],
    regions: &[String],
    partition: &str,
) -> Vec<Finding> {
    let without = centers.iter().filter(|center| !recorders.contains(center));
    let finding = |center: &String| {
        let found =
            format!("Identity Center starts its sessions in {center}, where no session-recorder stands");
        let todo = format!("put one there: {DEPLOY} with that Region in RecorderRegions");
        match regions.contains(center) {
            _ if partition != "aws" => {
                let todo = "deploy in that Region: here EventBridge sends no events between Regions";
                Finding::error(format!("{found}: they are not seen"), todo)
            }
            true => Finding::warning(
                format!("{found}: that they are forwarded rests on what AWS does not document"),
                todo,
            ),
            false => Finding::warning(
                format!("{found}, and perhaps no forwarder"),
                format!("{todo}; or name it in --regions to have its forwarder checked"),
            ),
        }
    };
    without.map(finding).collect()
}

/// Queues, their backlog, and dead letters.
pub(super) fn queues(queues: &[Queue], place: Place, account: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let read: &[&str] = match place {
        Place::Home => &[SESSION_QUEUE, CREATION_QUEUE],
        Place::Recorder => &[SESSION_QUEUE],
        Place::Forwarder => &[],
    };
    for &name in read {
        let Some(queue) = queues.iter().find(|queue| queue.name == name) else {
            findings.push(Finding::error(format!("no queue `{name}` in account {account}"), DEPLOY));
            continue;
        };
        if queue.dead_letter_queue.is_none() {
            let found = format!("queue `{name}` has no dead-letter queue: events that keep failing are lost");
            findings.push(Finding::error(found, DEPLOY));
        }
        if queue.waiting > BACKLOG {
            let found = format!("messages waiting in queue `{name}`: {}", queue.waiting);
            let todo = "check the function's throttles and errors, and its reserved concurrency";
            findings.push(Finding::warning(found, todo));
        }
    }
    findings.extend(dead_letters(queues));
    findings
}

/// Dead letters: every Region with rules has queues for them.
fn dead_letters(queues: &[Queue]) -> Vec<Finding> {
    let dead = queues.iter().filter(|queue| queue.name.ends_with(DEAD_LETTERS));
    dead.filter(|queue| queue.waiting + queue.in_progress > 0)
        .map(|queue| {
            let mut found =
                format!("dead letters in `{}`: {}", queue.name, queue.waiting + queue.in_progress);
            let reasons: Vec<String> =
                queue.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            if !reasons.is_empty() {
                found = format!("{found} ({})", reasons.join(", "));
            }
            let todo = "fix the cause, which `aws-tags redrive --dry-run` and the function's log show, then \
                        `aws-tags redrive`";
            Finding::warning(found, todo)
        })
        .collect()
}

/// Actions that a function needs whatever its settings.
const ALWAYS: &[(Part, &[&str])] = &[
    (Part::Recorder, &["dynamodb:PutItem"]),
    (Part::Handler, &["dynamodb:Query", "iam:GetRole", "iam:GetUser"]),
];

/// The actions that a function's role must allow: for the tag-handler those of all rows of the services that the
/// rules deliver, except opt-in types that its settings do not name.
pub(super) fn needed_actions(part: Part, function: &Function, delivered: &[&Service]) -> Vec<&'static str> {
    let always = ALWAYS.iter().filter(|(of, _)| *of == part).flat_map(|(_, actions)| actions.iter().copied());
    let mut actions: BTreeSet<&str> = always.collect();
    let settings = Settings::read(|variable| function.environment.get(variable).cloned());
    let also =
        |resource_type: &str| settings.as_ref().is_ok_and(|settings| settings.also_tags(resource_type));
    if part == Part::Handler {
        for service in delivered {
            let tagged = service.rows.iter().filter(|row| row.creates());
            let wanted = tagged.filter(|row| row.opt_in.is_none() || also(row.resource_type));
            actions.extend(wanted.flat_map(|row| row.needed_actions(service)));
        }
    }
    actions.into_iter().collect()
}

/// Actions that a function's role does not allow.
pub(super) fn permissions(name: &str, role: &str, denied: &[String]) -> Vec<Finding> {
    if denied.is_empty() {
        return Vec::new();
    }
    let found = format!("the role of function `{name}` does not allow {}", denied.join(", "));
    vec![Finding::error(found, format!("add them to {role}, or {DEPLOY}"))]
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use std::collections::BTreeMap;

    use aws_tags::deployment::event_rules::{self, EventRule};
    use aws_tags::deployment::{Tier, tier};

    use super::*;
    use crate::account::{EventSourceMapping, Target};

    fn severities(findings: &[Finding]) -> Vec<Severity> {
        findings.iter().map(|finding| finding.severity).collect()
    }

    fn trail(logging: bool, multi_region: bool, management: Option<(bool, bool)>) -> Trail {
        Trail { name: "main".into(), multi_region, logging, management }
    }

    #[test]
    fn a_region_needs_a_trail_that_logs_events_that_write_and_read() {
        let good = trail(true, true, Some((true, true)));
        for (all, expected) in [
            (vec![], vec![Severity::Error]),
            (vec![trail(false, true, None)], vec![Severity::Error]),
            (vec![trail(true, true, Some((false, true)))], vec![Severity::Error]),
            (vec![trail(true, true, Some((true, false)))], vec![Severity::Warning]),
            (vec![trail(true, false, Some((true, true)))], vec![Severity::Warning]),
            (vec![trail(true, true, None)], vec![]),
            (vec![trail(false, false, None), good], vec![]),
        ] {
            assert_eq!(severities(&trails(&all)), expected, "{all:?}");
        }
    }

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
            let heartbeat = rule(HEARTBEAT_RULE, "ENABLED", "");
            let ours = [rule("aws-tags-creations-1", "ENABLED", pattern), sessions.clone(), heartbeat];
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
        let ours = |sessions: &str, more: Option<Rule>| {
            let sqs = r#"{"detail": {"eventSource": ["sqs.amazonaws.com"], "eventName": ["CreateQueue"]}}"#;
            let rules: Vec<Rule> =
                [rule("aws-tags-creations-1", "ENABLED", sqs), rule(sessions, ALL_EVENTS, "{}")].into();
            rules.into_iter().chain(more).collect::<Vec<_>>()
        };
        let heartbeat = |state| Some(rule(HEARTBEAT_RULE, state, ""));
        for place in [Place::Home, Place::Recorder] {
            assert_eq!(rules(&ours(SESSION_RULE, heartbeat("ENABLED")), place), []);
            assert_eq!(
                severities(&rules(&ours(SESSION_RULE, heartbeat("DISABLED")), place)),
                [Severity::Error]
            );
            assert_eq!(severities(&rules(&ours(SESSION_RULE, None), place)), [Severity::Error]);
        }
        assert_eq!(rules(&ours(FORWARDED_SESSION_RULE, None), Place::Forwarder), []);
        let missing = rules(&ours(SESSION_RULE, None), Place::Forwarder);
        assert_eq!(severities(&missing), [Severity::Error]);
        assert!(missing[0].todo.contains("stack aws-tags-region-forwarder"), "{missing:?}");
    }

    #[test]
    fn a_recorder_is_missing_where_identity_center_starts_sessions() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let found = |center: &str, partition| {
            identity_centers(
                &names(&[center]),
                &names(&["eu-west-1", "us-east-1"]),
                &names(&["eu-west-1", "us-east-1", "eu-north-1"]),
                partition,
            )
        };
        assert_eq!(found("us-east-1", "aws"), []);
        assert!(found("eu-north-1", "aws")[0].found.contains("rests on what AWS does not document"));
        assert!(found("eu-central-1", "aws")[0].found.contains("perhaps no forwarder"));
        assert_eq!(severities(&found("us-gov-east-1", "aws-us-gov")), [Severity::Error]);
    }

    #[test]
    fn a_recorder_writes_to_the_table_of_the_home_region() {
        let recorder = |table: &str| Function {
            environment: [("SESSION_TABLE".to_owned(), table.to_owned())].into(),
            event_source_mappings: vec![EventSourceMapping {
                arn: format!("arn:aws:sqs:us-east-1:111122223333:{SESSION_QUEUE}"),
                state: "Enabled".into(),
                reports_failures: true,
            }],
            ..handler()
        };
        let home = "arn:aws:dynamodb:eu-west-1:111122223333:table/aws-tags-sessions";
        let found = |table| function(Part::Recorder, Some(&recorder(table)), Some("eu-west-1"));
        assert_eq!(found(home), []);
        for wrong in ["aws-tags-sessions", &home.replace("eu-west-1", "us-east-1")] {
            assert_eq!(severities(&found(wrong)), [Severity::Error], "{wrong}");
        }
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

    fn handler() -> Function {
        let source = EventSourceMapping {
            arn: format!("arn:aws:sqs:eu-west-1:111122223333:{CREATION_QUEUE}"),
            state: "Enabled".into(),
            reports_failures: true,
        };
        Function {
            state: ("Active".into(), None),
            last_update: ("Successful".into(), None),
            environment: [("SESSION_TABLE".to_owned(), SESSION_TABLE.0.to_owned())].into(),
            event_source_mappings: vec![source],
            ..Function::default()
        }
    }

    #[test]
    fn every_wrong_setting_of_the_function_is_named_with_what_is_allowed() {
        assert_eq!(function(Part::Handler, Some(&handler()), None), []);
        let mut wrong = handler();
        wrong.environment.insert("OWNER".into(), "everyone".into());
        let findings = function(Part::Handler, Some(&wrong), None);
        assert_eq!(severities(&findings), [Severity::Error]);
        assert!(
            findings[0].found.contains("OWNER is `everyone`") && findings[0].todo.contains("principal-arn")
        );
    }

    #[test]
    fn a_backlog_and_dead_letters_are_findings_and_a_few_waiting_messages_are_not() {
        let queue = |name: &str, waiting| Queue {
            name: name.into(),
            url: String::new(),
            waiting,
            in_progress: 1,
            dead_letter_queue: Some("arn".into()),
            reasons: BTreeMap::new(),
        };
        let with = |waiting| [queue(SESSION_QUEUE, 7), queue(CREATION_QUEUE, waiting)];
        assert_eq!(queues(&with(BACKLOG), Place::Home, "111122223333"), []);
        let backlog = queues(&with(BACKLOG + 1), Place::Home, "111122223333");
        assert_eq!(severities(&backlog), [Severity::Warning]);
        assert!(backlog[0].found.ends_with("`aws-tags-creations`: 1001"), "{backlog:?}");
        let dead = [&with(0)[..], &[queue("aws-tags-creations-dead-letters", 2)]].concat();
        assert!(queues(&dead, Place::Home, "111122223333")[0].found.ends_with("dead-letters`: 3"));
        let reasons = [("denied".to_owned(), 2), ("late".to_owned(), 1)].into();
        let dead = Queue { reasons, ..queue("aws-tags-creations-dead-letters", 2) };
        let found = &dead_letters(&[dead])[0].found;
        assert!(found.ends_with("dead-letters`: 3 (2 denied, 1 late)"), "{found}");
    }

    #[test]
    fn opt_in_types_that_are_not_named_need_no_permission() {
        let mut function = handler();
        let delivered: Vec<_> = table::all().collect();
        assert!(!needed_actions(Part::Handler, &function, &delivered).contains(&"s3:PutObjectTagging"));
        function.environment.insert("ALSO_TAG".into(), "s3:object".into());
        let actions = needed_actions(Part::Handler, &function, &delivered);
        assert!(
            actions.contains(&"s3:PutObjectTagging") && actions.contains(&"ec2:CreateTags"),
            "{actions:?}"
        );
        assert_eq!(needed_actions(Part::Recorder, &function, &delivered), ["dynamodb:PutItem"]);
        // What no rule delivers needs no permission either.
        assert!(!needed_actions(Part::Handler, &function, &[]).contains(&"ec2:CreateTags"));
    }
}
