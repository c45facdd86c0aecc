//! A role's trust policy: whether its sessions can have tags.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use wildmatch::WildMatch;

/// Whether somebody may pass session tags to the role with this trust policy, which IAM gives
/// percent-encoded. A policy that cannot be read may allow it.
///
/// STS refuses a session with tags, transitive ones too, unless the trust policy allows this action.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required>
pub fn takes_session_tags(trust_policy: &str) -> bool {
    let text = percent_decode_str(trust_policy).decode_utf8_lossy();
    let Ok(policy) = serde_json::from_str::<Value>(&text) else { return true };
    list(policy.get("Statement")).iter().any(|statement| {
        statement.get("Effect").is_none_or(|effect| effect == "Allow")
            && (statement.get("NotAction").is_some() || list(statement.get("Action")).iter().any(allows))
    })
}

fn allows(action: &Value) -> bool {
    let matches = |pattern| WildMatch::new_case_insensitive(pattern).matches("sts:TagSession");
    action.as_str().is_none_or(matches)
}

/// A list, or one item that stands for a list of one.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(item) => std::slice::from_ref(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_role_takes_session_tags_if_its_trust_policy_allows_them() {
        let policy = |action: Value| json!({"Statement": {"Effect": "Allow", "Action": action}}).to_string();
        for (text, takes) in [
            (policy(json!("sts:AssumeRole")), false),
            (policy(json!(["sts:AssumeRoleWithSAML", "sts:TagSession"])), true),
            (policy(json!(["sts:assumerole", "STS:tagsession"])), true),
            (policy(json!("sts:*")), true),
            (policy(json!("*")), true),
            (json!({"Statement": [{"Effect": "Deny", "Action": "sts:TagSession"}]}).to_string(), false),
            (json!({"Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]}).to_string(), true),
            ("%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D".into(), false),
            ("not a policy".into(), true),
        ] {
            assert_eq!(takes_session_tags(&text), takes, "{text}");
        }
    }
}
