//! EventBridge rules from the table: exact event sources and names, packed into as few patterns
//! as the limit on their length allows.
//!
//! `source` is matched by the prefix `aws.`, which only AWS itself may send; the exact source is
//! `detail.eventSource`. Failed calls have an `errorCode`, and are left out.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use serde_json::{Value, json};

use super::tiers::Tier;
use crate::identity::{STS, matchable_starts};
use crate::stacks;
use crate::table::Service;

/// Characters of an event pattern: AWS's limit, and a margin, as nobody promises that CloudFormation hands a pattern
/// on without white space.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const PATTERN_LENGTH: usize = 2048 - 100;

/// Services whose `eventName` may end in the date of their API: `CreateFunction20150331v2`,
/// `CreateDistribution2020_05_31`.
const DATED: &[&str] = &["cloudfront", "lambda"];
/// First digits of such dates. `CreateFunctionUrlConfig` is not a dated `CreateFunction`.
const CENTURY: &str = "20";

/// How EventBridge calls records of calls, and of events that services make. Published rules for AWS Backup's match the
/// first, and AWS's documentation has the second.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
const CALLS: &[&str] = &["AWS API Call via CloudTrail"];
const SERVICE_EVENTS: &[&str] = &["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"];

/// One rule for creation events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// The narrowest tier that has its events.
    pub tier: Tier,
    /// Whether its events create only opt-in types, which are tagged where `ALSO_TAG` names them.
    pub opt_in: bool,
    /// Whether it matches events that services make, and no calls.
    service_events: bool,
    calls: Vec<(&'static str, Vec<&'static str>)>,
}

/// The service whose calls deploy stacks.
const DEPLOYS: &str = "cloudformation";

/// The rules for what the services create, and for who deploys stacks, which make resources of any service. Each call
/// is in one rule; the rules of a tier do not depend on what a wider one adds.
pub fn rules<'a>(services: impl IntoIterator<Item = (Tier, &'a Service)>) -> Vec<EventRule> {
    let services: Vec<_> = services.into_iter().collect();
    let mut rules: Vec<EventRule> = Vec::new();
    for (opt_in, service_events) in [(false, false), (true, false), (false, true)] {
        let from = rules.len();
        let calls_of = |(tier, service): &(Tier, &'a Service)| {
            let calls = calls(service, opt_in, service_events).into_iter();
            calls.map(|call| (*tier, service.name, call)).collect::<Vec<_>>()
        };
        let mut wanted: Vec<_> = services.iter().flat_map(calls_of).collect();
        if (opt_in, service_events) == (false, false) {
            wanted.extend(stacks::calls().map(|call| (Tier::Essential, DEPLOYS, call)));
        }
        wanted.sort_by_key(|(tier, name, _)| (*tier, *name));
        for (tier, name, call) in wanted {
            let last = rules[from..].last_mut().filter(|rule| rule.tier == tier);
            if !last.is_some_and(|rule| rule.take(name, call)) {
                rules.push(EventRule { tier, opt_in, service_events, calls: vec![(name, vec![call])] });
            }
        }
    }
    rules
}

/// The pattern of the rule for sessions. CloudTrail counts its calls, all but `GetFederationToken`, as
/// read-only: the rule's state has to be `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
pub fn session_pattern() -> Value {
    let calls: Vec<Value> = matchable_starts().map(Value::from).collect();
    pattern(CALLS, [(STS, calls)])
}

/// A service's calls that create what is tagged by default, or only opt-in types; or the same of its own events.
fn calls(service: &Service, opt_in: bool, service_events: bool) -> Vec<&'static str> {
    let taggable = service.rows.iter().filter(|row| row.creates() && row.service_event == service_events);
    let by_default = |call: &str| {
        let mut rows = taggable.clone().filter(|row| row.event_name == call);
        rows.any(|row| row.opt_in.is_none())
    };
    let mut calls: Vec<_> =
        taggable.clone().map(|row| row.event_name).filter(|call| by_default(call) != opt_in).collect();
    calls.dedup();
    calls.retain(|call| service.name != DEPLOYS || !stacks::calls().any(|deploys| deploys == *call));
    calls
}

impl EventRule {
    /// The event pattern.
    pub fn pattern(&self) -> Value {
        let detail_types = if self.service_events { SERVICE_EVENTS } else { CALLS };
        let calls = self.calls.iter().map(|(service, calls)| {
            let names = calls.iter().flat_map(|call| names(service, call)).collect();
            (format!("{service}.amazonaws.com"), names)
        });
        pattern(detail_types, calls)
    }

    /// Services and calls whose events it matches.
    pub fn calls(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.calls.iter().flat_map(|(service, calls)| calls.iter().map(move |call| (*service, *call)))
    }

    /// Adds a call, if the pattern stays short enough.
    fn take(&mut self, service: &'static str, call: &'static str) -> bool {
        let before = self.calls.clone();
        match self.calls.last_mut() {
            Some((last, calls)) if *last == service => calls.push(call),
            _ => self.calls.push((service, vec![call])),
        }
        let short_enough = self.pattern().to_string().chars().count() <= PATTERN_LENGTH;
        if !short_enough {
            self.calls = before;
        }
        short_enough
    }
}

fn names(service: &str, call: &str) -> Vec<Value> {
    let dated = DATED.contains(&service).then(|| json!({"prefix": format!("{call}{CENTURY}")}));
    [Value::from(call)].into_iter().chain(dated).collect()
}

/// `$or` takes at least two alternatives: with one it would be a field of that name.
fn pattern<S: Into<Value>>(
    detail_types: &[&str],
    sources: impl IntoIterator<Item = (S, Vec<Value>)>,
) -> Value {
    let alternative = |(source, names): (S, Vec<Value>)| {
        let source: Value = source.into();
        json!({"eventSource": [source], "eventName": names})
    };
    let mut alternatives: Vec<Value> = sources.into_iter().map(alternative).collect();
    let mut detail = match alternatives.len() {
        1 => alternatives.remove(0),
        _ => json!({"$or": alternatives}),
    };
    detail["errorCode"] = json!([{"exists": false}]);
    json!({"source": [{"prefix": "aws."}], "detail-type": detail_types, "detail": detail})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::table::BY_HAND;

    fn essential() -> Vec<EventRule> {
        rules(BY_HAND.iter().map(|service| (Tier::Essential, service)))
    }

    #[test]
    fn every_call_with_something_to_tag_is_in_one_rule_and_no_other_call_is_in_any() {
        let rules = essential();
        let ruled: Vec<_> = rules.iter().flat_map(EventRule::calls).collect();
        let set: BTreeSet<_> = ruled.iter().copied().collect();
        assert_eq!(set.len(), ruled.len(), "a call is in two rules");
        let rows = BY_HAND.iter().flat_map(|service| service.rows.iter().map(move |row| (service, row)));
        let wanted: BTreeSet<_> = rows
            .filter(|(_, row)| row.creates())
            .map(|(service, row)| (service.name, row.event_name))
            .chain(stacks::calls().map(|call| (DEPLOYS, call)))
            .collect();
        assert_eq!(set, wanted);
    }

    #[test]
    fn patterns_are_full_but_not_too_long() {
        let rules = essential();
        let lengths: Vec<_> = rules.iter().map(|rule| rule.pattern().to_string().chars().count()).collect();
        assert!(lengths.iter().all(|length| *length <= PATTERN_LENGTH), "{lengths:?}");
        let by_default: Vec<_> = rules.iter().filter(|rule| !rule.opt_in && !rule.service_events).collect();
        for full in &lengths[..by_default.len() - 1] {
            assert!(*full > PATTERN_LENGTH - 200, "{lengths:?}");
        }
    }

    #[test]
    fn a_wider_tier_adds_rules_and_changes_none() {
        let tier = |nth| if nth % 2 == 0 { Tier::Essential } else { Tier::All };
        let both = rules(BY_HAND.iter().enumerate().map(|(nth, service)| (tier(nth), service)));
        let narrow = rules(BY_HAND.iter().step_by(2).map(|service| (Tier::Essential, service)));
        let kept: Vec<_> = both.into_iter().filter(|rule| rule.tier == Tier::Essential).collect();
        assert_eq!(kept, narrow);
    }

    /// What a stack makes is of any service, whichever are tagged.
    #[test]
    fn who_deploys_stacks_is_in_the_rules_of_every_tier() {
        let all = crate::table::all().map(|service| (super::super::tiers::tier(service.name), service));
        let rules = rules(all);
        let deploying: Vec<_> = rules
            .iter()
            .filter(|rule| {
                rule.calls().any(|(source, call)| source == DEPLOYS && stacks::calls().any(|one| one == call))
            })
            .map(|rule| {
                (rule.tier, rule.opt_in, rule.calls().filter(|(source, _)| *source == DEPLOYS).count())
            })
            .collect();
        assert_eq!(deploying, [(Tier::Essential, false, stacks::calls().count())]);
    }

    #[test]
    fn opt_in_types_have_rules_of_their_own() {
        let calls: Vec<_> =
            essential().iter().filter(|rule| rule.opt_in).flat_map(|r| r.calls.clone()).collect();
        assert_eq!(calls[0], ("ecs", vec!["RunTask", "StartTask"]));
        assert!(calls[1].1.contains(&"PutObject"));
    }

    #[test]
    fn events_that_services_make_have_rules_of_their_own() {
        let rules = essential();
        let own: Vec<_> = rules.iter().filter(|rule| rule.service_events).collect();
        let calls: Vec<_> = own.iter().flat_map(|rule| rule.calls()).collect();
        assert_eq!(calls, [("appstream", "CreateImage"), ("backup", "BackupJobCompleted")]);
        assert!(own.iter().all(|rule| rule.pattern()["detail-type"] == json!(SERVICE_EVENTS)));
    }

    #[test]
    fn names_with_a_date_are_matched_by_their_prefix() {
        assert_eq!(
            names("lambda", "CreateFunction"),
            [json!("CreateFunction"), json!({"prefix": "CreateFunction20"})]
        );
        assert_eq!(names("sqs", "CreateQueue"), [json!("CreateQueue")]);
    }

    #[test]
    fn the_rule_for_sessions_names_its_calls_exactly() {
        let names = &session_pattern()["detail"]["eventName"];
        let calls = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken"];
        assert_eq!(names, &json!(calls));
    }
}
