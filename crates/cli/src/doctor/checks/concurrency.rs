//! Whether the functions get the concurrency that their mappings are set to.

use super::Finding;
use crate::account::{Concurrency, Function};

/// Of the concurrency that no function reserves, a delivery above it is throttled, and takes one of the event's
/// attempts. New accounts have ten executions at a time instead of a thousand.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(in crate::doctor) fn concurrency(functions: &[(&str, &Function)], quota: Concurrency) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut needed = 0;
    for (name, function) in functions {
        let most: i32 =
            function.event_source_mappings.iter().filter_map(|source| source.maximum_concurrency).sum();
        match function.reserved {
            None => needed += most,
            // A stopped function has a finding of its own.
            Some(0) => {}
            Some(reserved) if reserved < most => findings.push(Finding::warning(
                format!("function `{name}` reserves {reserved} concurrent executions, and its queue feeds up to {most}"),
                "raise ReservedConcurrency, or lower MaximumConcurrency: throttled events use up their attempts",
            )),
            Some(_) => {}
        }
    }
    if needed > quota.unreserved {
        let Concurrency { all, unreserved } = quota;
        findings.push(Finding::warning(
            format!(
                "the queues feed up to {needed} concurrent executions, and of the account's {all} none has reserved {unreserved}"
            ),
            "raise the quota: `aws service-quotas request-service-quota-increase --service-code lambda \
             --quota-code L-B99A9384 --desired-value 1000`, or lower MaximumConcurrency: throttled events use up their attempts",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::account::EventSourceMapping;
    use crate::doctor::finding::Severity;

    #[test]
    fn what_the_queues_feed_fits_into_what_is_left() {
        let function = |most, reserved| Function {
            reserved,
            event_source_mappings: vec![EventSourceMapping {
                id: "1".into(),
                arn: "arn".into(),
                state: "Enabled".into(),
                reports_failures: true,
                maximum_concurrency: Some(most),
            }],
            ..Function::default()
        };
        let found = |handler, recorder, unreserved| {
            let functions: [(&str, &Function); 2] = [("tag-handler", &handler), ("recorder", &recorder)];
            severities(&concurrency(&functions, Concurrency { all: 10, unreserved }))
        };
        assert_eq!(found(function(5, None), function(3, None), 10), []);
        assert_eq!(found(function(8, None), function(3, None), 10), [Severity::Warning]);
        assert_eq!(found(function(5, Some(5)), function(3, None), 5), []);
        assert_eq!(found(function(5, Some(4)), function(3, None), 5), [Severity::Warning]);
        assert_eq!(found(function(5, Some(0)), function(3, None), 3), []);
    }
}
