//! Whether the sweep, where one is set, comes, and looks up every Region that events come from.

use aws_tags::deployment::resource_names::SWEEP_RULE;

use super::{DEPLOY, Finding};
use crate::account::{Function, Rule};

/// The Regions that a tag-handler sweeps.
pub(in crate::doctor) fn swept(handler: Option<&Function>) -> Vec<String> {
    let named = handler.and_then(|handler| handler.environment.get("SWEEP_REGIONS"));
    let names = named.map(String::as_str).unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A sweep of these Regions, its schedule, and the Regions of a deployment.
pub(in crate::doctor) fn sweep(swept: &[String], rule: Option<&Rule>, regions: &[String]) -> Vec<Finding> {
    if swept.is_empty() {
        return Vec::new();
    }
    let wrong = match rule {
        None => Some("there is no rule"),
        Some(rule) if rule.state == "DISABLED" => Some("it is disabled"),
        Some(rule) if rule.targets.is_empty() => Some("it has no target"),
        Some(_) => None,
    };
    let stands_still = wrong.map(|wrong| {
        let found = format!("`{SWEEP_RULE}`: {wrong}: creations that events miss stay without tags");
        Finding::error(found, DEPLOY)
    });
    let left_out = regions.iter().filter(|region| !swept.contains(region)).map(|region| {
        let found = format!("the sweep leaves {region} out, whose events come here");
        Finding::warning(found, format!("name it in SweepRegions: {DEPLOY}"))
    });
    stands_still.into_iter().chain(left_out).collect()
}

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::account::Target;
    use crate::doctor::finding::Severity;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_sweep_comes_and_looks_up_every_region() {
        let target = Target { arn: "arn:aws:sqs:eu-west-1:111122223333:q".into(), dead_letter_queue: None };
        let rule = |state: &str, targets| Rule {
            name: SWEEP_RULE.into(),
            state: state.into(),
            pattern: String::new(),
            targets,
        };
        let (swept, regions) = (names(&["eu-west-1", "us-east-1"]), names(&["eu-west-1", "us-east-1"]));
        let there = rule("ENABLED", vec![target.clone()]);
        assert_eq!(sweep(&swept, Some(&there), &regions), []);
        assert_eq!(sweep(&[], None, &regions), [], "it is off");
        for wrong in [None, Some(rule("DISABLED", vec![target])), Some(rule("ENABLED", vec![]))] {
            assert_eq!(severities(&sweep(&swept, wrong.as_ref(), &regions)), [Severity::Error]);
        }
        let more = sweep(&swept, Some(&there), &names(&["eu-west-1", "eu-west-3"]));
        assert_eq!(severities(&more), [Severity::Warning]);
        assert!(more[0].found.contains("leaves eu-west-3 out"), "{more:?}");
    }
}
