//! Whether EventBridge delivered the events of the last day.

use std::collections::BTreeMap;

use super::{DEPLOY, Finding};
use crate::account::RuleCounts;

/// What was lost is wrong. What became a dead letter, or came late, is worth knowing: the check of the queues finds dead
/// letters for as long as they are there.
pub(in crate::doctor) fn delivery(counts: &BTreeMap<String, RuleCounts>) -> Vec<Finding> {
    counts.iter().flat_map(|(rule, counts)| of_rule(rule, counts)).collect()
}

fn of_rule(rule: &str, counts: &RuleCounts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if counts.lost > 0.0 {
        findings.push(Finding::error(
            format!(
                "rule `{rule}` lost {} events in the last day: neither its target nor its dead-letter queue took them",
                counts.lost
            ),
            format!(
                "EventBridge may not write to the queues, or not use their key: {DEPLOY}; then `aws-tags replay --apply` \
                 the trail's files of that day"
            ),
        ));
    } else if counts.failed > 0.0 {
        findings.push(Finding::note(
            format!("rule `{rule}` could not deliver {} events in the last day", counts.failed),
            "they became dead letters: find the cause, and `aws-tags redrive` those that are still there",
        ));
    }
    if counts.throttled > 0.0 {
        findings.push(Finding::note(
            format!(
                "rule `{rule}` was throttled {} times in the last day: its events came late",
                counts.throttled
            ),
            "raise EventBridge's quota `Invocations throttle limit in transactions per second`",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn what_is_lost_is_an_error_and_what_came_late_a_note() {
        let found = |lost, failed, throttled| {
            let counts = RuleCounts { invoked: 9.0, failed, lost, throttled };
            severities(&delivery(&[("aws-tags-sessions".to_owned(), counts)].into()))
        };
        assert_eq!(found(0.0, 0.0, 0.0), []);
        assert_eq!(found(2.0, 2.0, 0.0), [Severity::Error]);
        assert_eq!(found(0.0, 2.0, 1.0), [Severity::Note, Severity::Note]);
    }
}
