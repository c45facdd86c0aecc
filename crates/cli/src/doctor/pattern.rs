//! Whether an event pattern of EventBridge could match a CloudTrail event.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use serde_json::{Value, json};
use wildmatch::WildMatch;

/// Whether the pattern could match the event of a successful call. Fields that do not follow from the
/// call count as matching, and so do unknown filters.
pub(crate) fn could_match(pattern: &Value, service: &str, call: &str) -> bool {
    let event = json!({
        "source": format!("aws.{service}"),
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventSource": format!("{service}.amazonaws.com"), "eventName": call},
    });
    matches(pattern, &event)
}

fn matches(pattern: &Value, event: &Value) -> bool {
    let Some(fields) = pattern.as_object() else { return true };
    fields.iter().all(|(key, wanted)| match (wanted, event.get(key)) {
        (Value::Array(alternatives), None) if key == "$or" => {
            alternatives.iter().any(|alternative| matches(alternative, event))
        }
        (Value::Array(filters), Some(value)) => filters.iter().any(|filter| allows(filter, value)),
        (Value::Object(_), Some(inner)) => matches(wanted, inner),
        _ => true,
    })
}

/// One filter of a field's list: a value, or an object with one operator.
fn allows(filter: &Value, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let Some((operator, operand)) = filter.as_object().and_then(|filter| filter.iter().next()) else {
        return filter == value;
    };
    match (operator.as_str(), operand) {
        ("prefix", Value::String(start)) => text.starts_with(start.as_str()),
        ("suffix", Value::String(end)) => text.ends_with(end.as_str()),
        ("equals-ignore-case", Value::String(other)) => text.eq_ignore_ascii_case(other),
        ("wildcard", Value::String(pattern)) => WildMatch::new(pattern).matches(text),
        ("anything-but", Value::Array(others)) => !others.contains(value),
        ("anything-but", Value::Object(_)) => !allows(operand, value),
        ("anything-but", other) => other != value,
        ("exists", Value::Bool(exists)) => *exists,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_calls_as_eventbridge_does() {
        let name =
            |filter: Value| json!({"detail": {"eventName": [filter], "errorCode": [{"exists": false}]}});
        let either = |service: &str| json!({"eventSource": [format!("{service}.amazonaws.com")]});
        for (pattern, matches) in [
            (json!({"source": ["aws.ec2"], "detail": {"eventName": ["RunInstances"]}}), true),
            (json!({"source": ["aws.s3"], "detail": {"eventName": ["RunInstances"]}}), false),
            (json!({"detail-type": ["EC2 Instance State-change Notification"]}), false),
            (json!({"detail-type": ["AWS API Call via CloudTrail"]}), true),
            (json!({"detail": {"eventSource": ["s3.amazonaws.com", "ec2.amazonaws.com"]}}), true),
            (name(json!({"prefix": "Run"})), true),
            (name(json!({"prefix": "Create"})), false),
            (name(json!({"suffix": "Instances"})), true),
            (name(json!({"wildcard": "*Inst*"})), true),
            (name(json!({"equals-ignore-case": "runinstances"})), true),
            (name(json!({"anything-but": ["RunInstances"]})), false),
            (name(json!({"anything-but": {"prefix": "Describe"}})), true),
            (json!({"detail": {"requestParameters": {"x": ["1"]}}}), true),
            (json!({"detail": {"$or": [either("s3"), either("ec2")]}}), true),
            (json!({"detail": {"$or": [either("s3"), either("iam")]}}), false),
            (json!({"detail": {"$or": [either("ec2")], "eventName": ["CreateVolume"]}}), false),
        ] {
            assert_eq!(could_match(&pattern, "ec2", "RunInstances"), matches, "{pattern}");
        }
    }
}
