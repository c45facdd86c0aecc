//! The functions: their settings, what they are fed from, and what their roles may do.

use std::collections::BTreeSet;

use aws_tags::Settings;
use aws_tags::deployment::resource_names::{CREATION_QUEUE, SESSION_QUEUE, SESSION_TABLE};
use aws_tags::table::{self, Service};

use super::{DEPLOY, Finding, Part, swept};
use crate::account::Function;

/// A function, its settings, and what it is fed from. `table_region` is the Region of the session table, if
/// it is another.
pub(in crate::doctor) fn function(
    part: Part,
    function: Option<&Function>,
    table_region: Option<&str>,
) -> Vec<Finding> {
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

/// The keys of the tags that a tag-handler states: those of the default settings, where there is none.
pub(in crate::doctor) fn stated_keys(handler: Option<&Function>) -> Vec<String> {
    let set = |variable: &str| handler.and_then(|handler| handler.environment.get(variable).cloned());
    let settings = Settings::read(set).or_else(|_| Settings::read(|_| None::<String>));
    settings.map_or_else(|_| Vec::new(), |all| all.stated_keys().into_iter().map(str::to_owned).collect())
}

/// Actions that a function needs whatever its settings.
const ALWAYS: &[(Part, &[&str])] = &[
    (Part::Recorder, &["dynamodb:PutItem"]),
    (Part::Handler, &["dynamodb:Query", "iam:GetRole", "iam:GetUser"]),
];

/// The actions that a function's role must allow: for the tag-handler those of all rows of the services that the
/// rules deliver, except opt-in types that its settings do not name.
pub(in crate::doctor) fn needed_actions(
    part: Part,
    function: &Function,
    delivered: &[&Service],
) -> Vec<&'static str> {
    let always = ALWAYS.iter().filter(|(of, _)| *of == part).flat_map(|(_, actions)| actions.iter().copied());
    let mut actions: BTreeSet<&str> = always.collect();
    let settings = Settings::read(|variable| function.environment.get(variable).cloned());
    let also =
        |resource_type: &str| settings.as_ref().is_ok_and(|settings| settings.also_tags(resource_type));
    if part == Part::Handler && !swept(Some(function)).is_empty() {
        actions.insert("cloudtrail:LookupEvents");
    }
    if part == Part::Handler && !delivered.is_empty() {
        actions.extend(table::parent_actions());
        for service in delivered {
            let tagged = service.rows.iter().filter(|row| row.creates());
            let wanted = tagged.filter(|row| row.opt_in.is_none() || also(row.resource_type));
            actions.extend(wanted.flat_map(|row| row.needed_actions(service)));
        }
    }
    actions.into_iter().collect()
}

/// Actions that a function's role does not allow.
pub(in crate::doctor) fn permissions(name: &str, role: &str, denied: &[String]) -> Vec<Finding> {
    if denied.is_empty() {
        return Vec::new();
    }
    let found = format!("the role of function `{name}` does not allow {}", denied.join(", "));
    vec![Finding::error(found, format!("add them to {role}, or {DEPLOY}"))]
}

#[cfg(test)]
mod tests {
    use aws_tags::table;

    use super::super::severities;
    use super::*;
    use crate::account::EventSourceMapping;
    use crate::doctor::finding::Severity;

    fn handler() -> Function {
        let source = EventSourceMapping {
            id: "1".into(),
            arn: format!("arn:aws:sqs:eu-west-1:111122223333:{CREATION_QUEUE}"),
            state: "Enabled".into(),
            reports_failures: true,
            maximum_concurrency: None,
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
    fn a_recorder_writes_to_the_table_of_the_home_region() {
        let recorder = |table: &str| Function {
            environment: [("SESSION_TABLE".to_owned(), table.to_owned())].into(),
            event_source_mappings: vec![EventSourceMapping {
                id: "1".into(),
                arn: format!("arn:aws:sqs:us-east-1:111122223333:{SESSION_QUEUE}"),
                state: "Enabled".into(),
                reports_failures: true,
                maximum_concurrency: None,
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
        let sweeps = Function {
            environment: [("SWEEP_REGIONS".to_owned(), "eu-west-1".to_owned())].into(),
            ..handler()
        };
        assert!(needed_actions(Part::Handler, &sweeps, &[]).contains(&"cloudtrail:LookupEvents"));
        assert!(!needed_actions(Part::Handler, &handler(), &[]).contains(&"cloudtrail:LookupEvents"));
        // What no rule delivers needs no permission either.
        assert!(!needed_actions(Part::Handler, &function, &[]).contains(&"ec2:CreateTags"));
    }
}
