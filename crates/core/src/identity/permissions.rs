//! A policy of a role, user or group: what it might allow, whatever others deny.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use wildmatch::WildMatch;

use super::trust::list;

/// A policy document, or one that cannot be read and might allow anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDocument(Option<Value>);

impl PolicyDocument {
    /// Of a document as IAM gives it, percent-encoded.
    pub fn read(encoded: &str) -> Self {
        let text = percent_decode_str(encoded).decode_utf8_lossy();
        Self(serde_json::from_str(&text).ok())
    }

    /// The document that nobody has seen.
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// Whether a statement might allow an action on a resource: `false` is certain. Conditions and variables may hold,
    /// and what another statement denies is left to IAM.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>
    pub fn might_allow(&self, action: &str, resource: &str) -> bool {
        let Some(document) = &self.0 else { return true };
        list(document.get("Statement")).iter().any(|statement| {
            let may = |element: &str, matches: &dyn Fn(&str) -> bool| {
                let all = list(statement.get(element));
                all.is_empty() || all.iter().any(|one| one.as_str().is_none_or(matches))
            };
            statement.get("Effect").is_none_or(|effect| effect == "Allow")
                && may("Action", &|pattern| WildMatch::new_case_insensitive(pattern).matches(action))
                && may("Resource", &|pattern| WildMatch::new(&without_variables(pattern)).matches(resource))
        })
    }
}

/// A pattern with `*` in place of policy variables, e.g. `${aws:username}`.
fn without_variables(pattern: &str) -> String {
    let mut parts = pattern.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('*');
        text.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:aws-tags-creations";

    fn might_allow(statement: Value) -> bool {
        let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        PolicyDocument::read(&document.replace('{', "%7B")).might_allow("sqs:SendMessage", QUEUE)
    }

    #[test]
    fn only_what_surely_allows_nothing_is_ruled_out() {
        let allow =
            |action: &str, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        for (statement, expected) in [
            (allow("*", "*"), true),
            (allow("SQS:send*", QUEUE), true),
            (allow("sqs:SendMessag?", "arn:aws:sqs:*:*:aws-tags-*"), true),
            (allow("sqs:*", "arn:aws:sqs:*:*:${aws:username}-creations"), true),
            (allow("sqs:ReceiveMessage", "*"), false),
            (allow("sqs:*", "arn:aws:sqs:*:*:orders"), false),
            (json!([allow("s3:*", "*"), allow("sqs:*", "*")]), true),
            (json!({"Effect": "Deny", "Action": "*", "Resource": "*"}), false),
            (json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), true),
            (json!({"Effect": "Allow", "Action": ["s3:*", "sqs:*"], "NotResource": ["x"]}), true),
            (
                json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"a": "true"}}}),
                true,
            ),
        ] {
            assert_eq!(might_allow(statement.clone()), expected, "{statement}");
        }
        assert!(PolicyDocument::read("no JSON").might_allow("sqs:SendMessage", QUEUE));
    }
}
