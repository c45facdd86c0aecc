//! Where a record stopped: what is known of a deployment and of the record in, the first hop that is broken out.

use aws_tags::deployment::resource_names::{
    CREATION_QUEUE, CREATION_RULES, FORWARDED_SESSION_RULE, SESSION_QUEUE, SESSION_RECORDER, SESSION_RULE,
    SESSION_TABLE, TAG_HANDLER,
};

use super::facts::Facts;
use super::trace::{Ended, Hop, Said, Stop, Trace, What};
use crate::account::{Function, Rule};
use crate::doctor::pattern::could_match;

const DEPLOY: &str = "deploy again (`make deploy`)";

/// What could be checked before a hop; each finds the break at one.
const CHECKS: &[fn(&Trace, &Facts) -> Option<Stop>] =
    &[trail, rules, forwarder, queue, function, mapping, table, said];

/// The break that a record cannot pass, if one is known; the first on its way.
pub(super) fn broken(trace: &Trace, facts: &Facts) -> Option<Stop> {
    CHECKS.iter().find_map(|check| check(trace, facts))
}

/// Where a record waits that has not come further in time, although nothing is known to be broken.
pub(super) fn waiting(trace: &Trace, session: Option<&Trace>, facts: &Facts) -> Stop {
    if let Some(stop) = broken(trace, facts) {
        return stop;
    }
    if let Some(Ended::Stopped(stop)) = session.and_then(|session| session.ended.as_ref())
        && trace.said.is_some()
    {
        let found = format!("its session did not come: {}", stop.found);
        return Stop::at(stop.hop, found, stop.todo.clone());
    }
    let function = function_of(trace);
    match (&trace.said, trace.reached.contains_key(&Hop::CloudTrail)) {
        (Some(Said { outcome, reasons }), _) => {
            let reasons = if reasons.is_empty() { missing(trace) } else { reasons.join("; ") };
            let last = if trace.what == What::Session { Hop::Table } else { Hop::Tags };
            let found = format!("{function} says `{outcome}`: {reasons}");
            Stop::at(last, found, "wait longer (--wait), or mend what it says")
        }
        (None, true) => {
            let found = format!(
                "CloudTrail has the record, {function} has not logged it, and all between looks right"
            );
            let todo = "run `aws-tags doctor`, whose checks go further; what EventBridge could not deliver is in its metrics";
            Stop::at(Hop::Rule, found, todo)
        }
        (None, false) => {
            let todo = "CloudTrail takes 15 minutes at times: wait longer (--wait)";
            Stop::at(Hop::CloudTrail, "the record is not in CloudTrail's history yet", todo)
        }
    }
}

/// What there is not, although the function says that it is done.
fn missing(trace: &Trace) -> String {
    match trace.what {
        What::Session => "the table has no session with that tag".to_owned(),
        What::Resource(_) => format!("the resource lacks {}", trace.missing.join(", ")),
    }
}

fn trail(trace: &Trace, facts: &Facts) -> Option<Stop> {
    let trails = facts.regions.get(&trace.region)?.trails.as_ref()?;
    let is_read = trace.what == What::Session;
    let logs = |(writes, reads): (bool, bool)| if is_read { reads } else { writes };
    let good = trails.iter().any(|trail| trail.logging != Some(false) && trail.management.is_none_or(logs));
    let what = if is_read { "read-only management events" } else { "management events that write" };
    let todo = "let a multi-Region trail log them: `aws cloudtrail put-event-selectors`, `start-logging`";
    (!good).then(|| Stop::at(Hop::CloudTrail, format!("no trail logs {what} in {}", trace.region), todo))
}

/// The Regions whose rules the record has to meet: its own, and the home Region where it is forwarded.
fn way<'a>(trace: &'a Trace, facts: &'a Facts) -> Vec<&'a str> {
    let [from, to] = [trace.region.as_str(), destination(trace, facts)];
    if from == to { vec![from] } else { vec![from, to] }
}

/// The Region of the queue that a record comes to.
fn destination<'a>(trace: &'a Trace, facts: &'a Facts) -> &'a str {
    let stays = trace.what == What::Session && facts.recorders.contains(&trace.region);
    if stays { &trace.region } else { &facts.home }
}

/// The rules of ours in a Region that could match the record.
fn matching<'a>(trace: &Trace, rules: &'a [Rule]) -> Vec<&'a Rule> {
    let (service, call) = trace.what.call();
    let named = |rule: &&Rule| match trace.what {
        What::Session => [SESSION_RULE, FORWARDED_SESSION_RULE].contains(&rule.name.as_str()),
        What::Resource(_) => rule.name.starts_with(CREATION_RULES),
    };
    let matches = |rule: &&Rule| {
        serde_json::from_str(&rule.pattern).is_ok_and(|pattern| could_match(&pattern, service, call))
    };
    rules.iter().filter(named).filter(matches).collect()
}

fn rules(trace: &Trace, facts: &Facts) -> Option<Stop> {
    way(trace, facts).into_iter().find_map(|region| {
        let rules = facts.regions.get(region)?.rules.as_ref()?;
        let found = matching(trace, rules);
        let names = || found.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(", ");
        if found.is_empty() {
            return Some(no_rule(trace, facts, region));
        }
        if found.iter().all(|rule| rule.state == "DISABLED") {
            let found = format!("rule {} in {region} is disabled", names());
            return Some(Stop::at(Hop::Rule, found, DEPLOY));
        }
        let no_target = found.iter().all(|rule| rule.targets.is_empty());
        no_target.then(|| Stop::at(Hop::Rule, format!("rule {} in {region} has no target", names()), DEPLOY))
    })
}

/// Without rules, a Region other than the home Region has no forwarder.
fn no_rule(trace: &Trace, facts: &Facts, region: &str) -> Stop {
    let (service, call) = trace.what.call();
    let is_forwarded = region != destination(trace, facts);
    let (hop, does) = if is_forwarded { (Hop::Forwarder, "forwards") } else { (Hop::Rule, "matches") };
    let stack = match (is_forwarded, trace.what) {
        (true, _) => "aws-tags-region-forwarder",
        (false, What::Session) => SESSION_RECORDER,
        (false, What::Resource(_)) => TAG_HANDLER,
    };
    Stop::at(hop, format!("no rule in {region} {does} {service}:{call}"), format!("{DEPLOY}: stack {stack}"))
}

fn forwarder(trace: &Trace, facts: &Facts) -> Option<Stop> {
    let here = facts.regions.get(&trace.region)?;
    let to = destination(trace, facts);
    if to == trace.region {
        return None;
    }
    if let Some(letter) = here.letters.iter().find(|letter| letter.is_about(trace.what.call().1, &trace.name))
    {
        let todo = "mend what it says; then `aws-tags redrive` sends it again";
        return Some(Stop::at(Hop::Forwarder, format!("in {}: {}", letter.queue, letter.reason), todo));
    }
    let is_home = |arn: &str| arn.contains(&format!(":events:{to}:")) && arn.ends_with(":event-bus/default");
    let rules = matching(trace, here.rules.as_ref()?);
    let sends = rules.iter().flat_map(|rule| &rule.targets).any(|target| is_home(&target.arn));
    let found = format!("no rule in {} sends to the default event bus of {to}", trace.region);
    (!sends).then(|| Stop::at(Hop::Forwarder, found, DEPLOY))
}

fn queue(trace: &Trace, facts: &Facts) -> Option<Stop> {
    let region = destination(trace, facts);
    let queues = facts.regions.get(region)?.queues.as_ref()?;
    let name = queue_of(trace);
    let is_there = queues.iter().any(|queue| queue.name == name);
    (!is_there).then(|| Stop::at(Hop::Queue, format!("no queue `{name}` in {region}"), DEPLOY))
}

const fn queue_of(trace: &Trace) -> &'static str {
    if matches!(trace.what, What::Session) { SESSION_QUEUE } else { CREATION_QUEUE }
}

pub(super) const fn function_of(trace: &Trace) -> &'static str {
    if matches!(trace.what, What::Session) { SESSION_RECORDER } else { TAG_HANDLER }
}

/// The function that reads the record's queue, where that is known.
fn reader<'a>(trace: &Trace, facts: &'a Facts) -> Option<&'a Option<Function>> {
    match trace.what {
        What::Session => facts.regions.get(destination(trace, facts))?.recorder.as_ref(),
        What::Resource(_) => facts.handler.as_ref(),
    }
}

fn function(trace: &Trace, facts: &Facts) -> Option<Stop> {
    let (name, region) = (function_of(trace), destination(trace, facts));
    let found = match reader(trace, facts)? {
        None => format!("no function `{name}` in {region}"),
        Some(function) if function.state.0 == "Failed" => {
            format!("function `{name}` failed: {}", function.state.1.as_deref().unwrap_or_default())
        }
        Some(function) if function.reserved == Some(0) => {
            format!("function `{name}` is stopped: its reserved concurrency is 0")
        }
        Some(_) => return None,
    };
    Some(Stop::at(Hop::Function, found, DEPLOY))
}

fn mapping(trace: &Trace, facts: &Facts) -> Option<Stop> {
    let function = reader(trace, facts)?.as_ref()?;
    let (name, queue) = (function_of(trace), queue_of(trace));
    let end = format!(":{queue}");
    let found = function.event_source_mappings.iter().find(|mapping| mapping.arn.ends_with(&end));
    let todo = "enable it: `aws lambda update-event-source-mapping --enabled`";
    match found.map(|mapping| mapping.state.as_str()) {
        None => {
            let found = format!("function `{name}` does not read queue `{queue}`");
            Some(Stop::at(Hop::Mapping, found, DEPLOY))
        }
        Some("Disabled" | "Disabling") => Some(Stop::at(
            Hop::Mapping,
            format!("the mapping of queue `{queue}` to `{name}` is disabled"),
            todo,
        )),
        Some(_) => None,
    }
}

/// Both functions need it: without it no session is known, and no event is done.
fn table(_: &Trace, facts: &Facts) -> Option<Stop> {
    let (is_gone, name) = (facts.table.as_ref()?.is_none(), SESSION_TABLE.0);
    is_gone.then(|| Stop::at(Hop::Table, format!("no table `{name}` in {}", facts.home), DEPLOY))
}

/// What the function itself, its queue or its rule says for good.
fn said(trace: &Trace, facts: &Facts) -> Option<Stop> {
    let last = if trace.what == What::Session { Hop::Table } else { Hop::Tags };
    let todo = "mend what it says; then `aws-tags redrive` sends it again";
    let name = function_of(trace);
    if let Some(Said { outcome, reasons }) = &trace.said {
        let found = format!("{name} says `{outcome}`: {}", reasons.join("; "));
        match outcome.as_str() {
            "given-up" => return Some(Stop::at(last, found, todo)),
            "skipped" | "not-ours" | "not-a-session" | "unresolvable" | "not-supported" => {
                return Some(Stop::at(last, found, "see `aws-tags settings`; the role may be excluded"));
            }
            _ => {}
        }
    }
    let here = facts.regions.get(destination(trace, facts))?;
    let letter = here.letters.iter().find(|letter| letter.is_about(trace.what.call().1, &trace.name))?;
    let hop = if letter.reason.starts_with("given up by the function") { last } else { Hop::Queue };
    Some(Stop::at(hop, format!("in {}: {}", letter.queue, letter.reason), todo))
}
