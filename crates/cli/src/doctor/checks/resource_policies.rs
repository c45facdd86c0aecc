//! Policies of our queues, functions, table and keys: what they allow beyond what the templates write.

use serde_json::Value;

use super::Finding;

/// A resource of ours, and its policy as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct ResourcePolicy {
    /// The resource for a reader, e.g. "queue `aws-tags-creations`".
    pub(in crate::doctor) of: String,
    /// Whether it is a key, whose policy must name the account.
    pub(in crate::doctor) is_key: bool,
    pub(in crate::doctor) policy: String,
}

/// What the templates let services do, as long as a condition names us: service, prefix of its actions, key of the
/// condition, and what each of its values holds.
const SERVICES: &[(&str, &str, &str, &str)] = &[
    ("events.", "sqs:SendMessage", "aws:SourceArn", ":rule/aws-tags-"),
    ("events.", "kms:", "aws:SourceArn", ":rule/aws-tags-"),
    ("logs.", "kms:", "kms:EncryptionContext:aws:logs:arn", ":log-group:/aws/lambda/aws-tags-"),
];

/// What lets others in.
pub(in crate::doctor) fn resource_policies(policies: &[ResourcePolicy], account: &str) -> Vec<Finding> {
    policies.iter().flat_map(|policy| of_one(policy, account)).collect()
}

fn of_one(policy: &ResourcePolicy, account: &str) -> Vec<Finding> {
    let Ok(document) = serde_json::from_str::<Value>(&policy.policy) else {
        return vec![Finding::warning(
            format!("the policy of {} is not JSON", policy.of),
            "look at it by hand",
        )];
    };
    let statements = listed(document.get("Statement"));
    let unknown = statements.iter().filter(|statement| {
        texts(statement.get("Effect")) == ["Allow"] && !is_ours(statement, policy.is_key, account)
    });
    let finding = |statement: &&Value| {
        let principals = principals_of(statement);
        let actions = texts(statement.get("Action").or_else(|| statement.get("NotAction")));
        Finding::warning(
            format!("the policy of {} allows {} to {}", policy.of, actions.join(", "), principals.join(", ")),
            format!(
                "no template of ours writes that: remove the statement unless you put it there for a reason{}",
                conditions(statement)
            ),
        )
    };
    unknown.map(finding).collect()
}

/// Whether a template wrote the statement: the account's own IAM for a key, or a service for what bears our names.
fn is_ours(statement: &Value, is_key: bool, account: &str) -> bool {
    let principals = principals_of(statement);
    if is_key && principals.iter().all(|one| one == account || one.ends_with(&format!("::{account}:root"))) {
        return true;
    }
    let actions = texts(statement.get("Action"));
    let allows = |(service, action, key, holds): &(&str, &str, &str, &str)| {
        let values = values_of(statement, key);
        principals.iter().all(|one| one.starts_with(service) && one.contains(".amazonaws."))
            && actions.iter().all(|one| one.starts_with(action))
            && !values.is_empty()
            && values.iter().all(|value| value.contains(&format!(":{account}")) && value.contains(holds))
    };
    !principals.is_empty() && !actions.is_empty() && SERVICES.iter().any(allows)
}

/// Whom a statement is for: ARNs, accounts, services, or `*`.
fn principals_of(statement: &Value) -> Vec<String> {
    match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.values().flat_map(|of| texts(Some(of))).collect(),
        Some(other) => texts(Some(other)),
        None => vec!["all but some".to_owned()],
    }
}

/// The values that a statement's conditions allow for a key. Operators that deny, or let a missing key pass, give none.
fn values_of(statement: &Value, key: &str) -> Vec<String> {
    let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    let allowing = operators.filter(|(operator, _)| {
        ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].contains(&operator.as_str())
    });
    let of_key = allowing.filter_map(|(_, keys)| {
        keys.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values)
    });
    of_key.flat_map(|values| texts(Some(values))).collect()
}

/// Says that conditions limit a statement, as they do not make it ours.
fn conditions(statement: &Value) -> String {
    let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    let keys: Vec<&str> = operators
        .filter_map(|(_, keys)| keys.as_object())
        .flat_map(|keys| keys.keys().map(String::as_str))
        .collect();
    if keys.is_empty() { String::new() } else { format!("; it is limited by {}", keys.join(", ")) }
}

fn listed(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    listed(value).into_iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use aws_tags::deployment::resource_names::PREFIX;
    use serde_json::json;

    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn found(is_key: bool, statement: Value) -> usize {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        resource_policies(&[ResourcePolicy { of: "it".to_owned(), is_key, policy }], ACCOUNT).len()
    }

    #[test]
    fn what_the_templates_write_is_no_finding_and_everything_else_is() {
        let rule = format!("arn:aws:events:eu-west-1:{ACCOUNT}:rule/{PREFIX}creations-1");
        let by_rule = |arn: &str, operator: &str| {
            json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
                   "Resource": "*", "Condition": {operator: {"aws:SourceArn": arn}}})
        };
        let to = |principal: Value| json!({"Effect": "Allow", "Principal": principal, "Action": ["kms:*"], "Resource": "*"});
        let root = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"});
        for (is_key, statement, findings) in [
            (false, by_rule(&rule, "ArnLike"), 0),
            (false, by_rule(&rule, "ArnNotLike"), 1),
            (false, by_rule(&rule, "ArnLikeIfExists"), 1),
            (false, by_rule(&rule.replace(PREFIX, "other-"), "ArnLike"), 1),
            (false, by_rule(&rule.replace(ACCOUNT, "444455556666"), "ArnLike"), 1),
            (true, to(root.clone()), 0),
            (false, to(root), 1),
            (true, to(json!({"AWS": "444455556666"})), 1),
            (true, to(json!("*")), 1),
            (true, to(json!({"Service": "events.amazonaws.com"})), 1),
            (false, deny, 0),
        ] {
            assert_eq!(found(is_key, statement.clone()), findings, "{statement}");
        }
    }
}
