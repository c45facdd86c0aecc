//! Whether EventBridge gets the management events of a Region.

use std::collections::BTreeMap;

use aws_tags::deployment::resource_names::{FORWARDED_SESSION_RULE, SESSION_RULE};

use super::{Finding, Place};
use crate::account::{RuleCounts, Trail};

/// Whether the rule for STS events matched any in the last day: then read events are logged, whoever's the trail is.
pub(in crate::doctor) fn sessions_began(counts: &BTreeMap<String, RuleCounts>) -> bool {
    let of_sessions = [SESSION_RULE, FORWARDED_SESSION_RULE].into_iter().filter_map(|name| counts.get(name));
    of_sessions.map(|counts| counts.invoked).sum::<f64>() > 0.0
}

/// Whether EventBridge gets the management events of a Region. `sessions_began` says that it got read events.
pub(in crate::doctor) fn trails(trails: &[Trail], place: Place, sessions_began: bool) -> Vec<Finding> {
    let on: Vec<&Trail> = trails.iter().filter(|trail| trail.logging != Some(false)).collect();
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
    findings.extend(unseen(&on, place, sessions_began));
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

/// A trail of the organisation's that only its own account may look into, where nothing else shows what it logs. That
/// is how a healthy member account looks, so it is no finding; and it is the same in all Regions.
fn unseen(on: &[&Trail], place: Place, sessions_began: bool) -> Option<Finding> {
    let is_seen = |trail: &&&Trail| trail.logging == Some(true) && trail.management == Some((true, true));
    if place != Place::Home || sessions_began || on.iter().any(|trail| is_seen(&trail)) {
        return None;
    }
    let unseen = on.iter().find(|trail| trail.management.is_none())?;
    let Trail { name, arn, .. } = unseen;
    let found = format!(
        "trail `{name}` is another account's, which alone may see what it logs, and no session began in the last day that would \
         show it"
    );
    let todo = format!(
        "ask there, it must be ReadWriteType All: `aws cloudtrail get-event-selectors --trail-name {arn}`; or look again after \
         somebody has assumed a role"
    );
    Some(Finding::note(found, todo))
}

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::doctor::finding::Severity;

    fn trail(logging: bool, multi_region: bool, management: Option<(bool, bool)>) -> Trail {
        let logging = management.map(|_| logging);
        Trail { name: "main".into(), arn: "arn".into(), multi_region, logging, management }
    }

    #[test]
    fn a_region_needs_a_trail_that_logs_events_that_write_and_read() {
        let (all, of_another) = (Some((true, true)), trail(true, true, None));
        for (trails_there, expected) in [
            (vec![], vec![Severity::Error]),
            (vec![trail(false, true, all)], vec![Severity::Error]),
            (vec![trail(true, true, Some((false, true)))], vec![Severity::Error]),
            (vec![trail(true, true, Some((true, false)))], vec![Severity::Warning]),
            (vec![trail(true, false, all)], vec![Severity::Warning]),
            (vec![trail(false, false, all), trail(true, true, all)], vec![]),
            (vec![of_another.clone(), trail(true, true, all)], vec![]),
            (vec![of_another.clone(), trail(true, true, Some((true, false)))], vec![Severity::Note]),
            (vec![of_another], vec![Severity::Note]),
        ] {
            assert_eq!(severities(&trails(&trails_there, Place::Home, false)), expected, "{trails_there:?}");
        }
    }

    #[test]
    fn what_a_trail_of_the_organisation_logs_shows_in_the_sessions_that_began() {
        let of_another = [trail(true, true, None)];
        assert_eq!(trails(&of_another, Place::Home, true), []);
        assert_eq!(trails(&of_another, Place::Forwarder, false), [], "once is enough");
        let counts =
            |rule: &str, invoked| [(rule.to_owned(), RuleCounts { invoked, ..RuleCounts::default() })].into();
        assert!(sessions_began(&counts(SESSION_RULE, 1.0)));
        assert!(!sessions_began(&counts(SESSION_RULE, 0.0)));
        assert!(!sessions_began(&counts("aws-tags-creations-1", 1.0)));
    }
}
