//! Who removed tags in the last day, by CloudTrail's own history of management events.

use std::collections::BTreeSet;

use aws_tags_aws::{Asked, Error, LookupEvents};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

/// Calls that remove tags: of most services, of EC2, of databases and parameters, of IAM. Whoever removes tags again
/// and again makes one of them; the history is asked by name, twice a second.
const CALLS: &[&str] = &["UntagResource", "DeleteTags", "RemoveTagsFromResource", "UntagRole"];

/// A call that removed tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    /// The role or user.
    pub(crate) by: String,
    pub(crate) user_agent: String,
    /// All texts of the request, the keys of the tags among them.
    pub(crate) texts: BTreeSet<String>,
}

impl Removal {
    /// The last calls of each name in the last day, at most a page of each, so that it takes two seconds whatever the
    /// account does. Calls that failed removed nothing.
    pub(crate) async fn all(history: &LookupEvents, region: &str) -> Result<Vec<Self>, Error> {
        let to = OffsetDateTime::now_utc();
        let from = to.saturating_sub(Duration::DAY);
        let mut removals = Vec::new();
        for name in CALLS {
            let asked = Asked { attribute: "EventName", value: (*name).to_owned(), from, to };
            let page = history.page(region, &asked, None).await?;
            removals.extend(page.records.iter().filter_map(|record| removal(record)));
        }
        Ok(removals)
    }
}

/// The removal of a record.
fn removal(record: &str) -> Option<Removal> {
    let record: Value = serde_json::from_str(record).ok()?;
    if record.get("errorCode").is_some_and(Value::is_string) {
        return None;
    }
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let by = text("/userIdentity/sessionContext/sessionIssuer/arn").or_else(|| text("/userIdentity/arn"));
    let mut texts = BTreeSet::new();
    collect(record.get("requestParameters")?, &mut texts);
    Some(Removal {
        by: by.or_else(|| text("/userIdentity/invokedBy"))?,
        user_agent: text("/userAgent").unwrap_or_default(),
        texts,
    })
}

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, texts)),
        Value::Object(all) => all.values().for_each(|one| collect(one, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_found_wherever_a_service_names_them() {
        let found = |parameters: Value| {
            let record = json!({"userIdentity": {"arn": "arn:aws:iam::111122223333:user/jo"}, "requestParameters": parameters});
            removal(&record.to_string()).map(|removal| removal.texts.contains("Owner"))
        };
        for parameters in [
            json!({"tagKeys": ["Owner"]}),
            json!({"resourcesSet": {"items": []}, "tagSet": {"items": [{"key": "Owner"}]}}),
        ] {
            assert_eq!(found(parameters.clone()), Some(true), "{parameters}");
        }
        assert_eq!(found(json!({"tagKeys": ["owner"]})), Some(false));
        assert_eq!(found(Value::Null), Some(false));
    }

    #[test]
    fn a_call_that_failed_removed_nothing() {
        let record = json!({"userIdentity": {"arn": "arn"}, "errorCode": "AccessDenied", "requestParameters": {"tagKeys": ["Owner"]}});
        assert_eq!(removal(&record.to_string()), None);
    }
}
