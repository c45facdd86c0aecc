//! Whether EventBridge gets the management events of a Region.

use super::Finding;
use crate::account::Trail;

/// Whether EventBridge gets the management events of a Region.
pub(in crate::doctor) fn trails(trails: &[Trail]) -> Vec<Finding> {
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

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::doctor::finding::Severity;

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
}
