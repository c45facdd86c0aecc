//! IAM policies for `aws-tags probe`: it may ask for one tag, on whatever, and list tags.
//!
//! Its resources have random names, so no pattern of ARNs limits them. What limits them is the tag: with
//! these policies nobody can set, change or remove another. So an action that may do more than add tags
//! (`s3:PutBucketTagging` replaces all, `codebuild:UpdateProject` changes the project), or that shows more
//! than tags (`cloudformation:DescribeStacks`), is not allowed, and one that does not tell its tags to IAM
//! is denied: there, the probe finds `denied`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::iam_policies::POLICY_LENGTH;
use crate::probing::TAG;
use crate::table::{Route, Service};

/// What a statement allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allows {
    /// The call that asks about 20 at once. It needs the service's own action, too.
    Asking,
    /// To add the one tag.
    TheTag,
    /// To list tags.
    Reading,
}

/// The policy documents for probing the resources of these services, none longer than IAM takes.
pub fn documents<'a>(services: impl IntoIterator<Item = &'a Service>) -> Vec<Value> {
    let (mut tagging, mut reading): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    for service in services {
        let is_probed = |route| matches!(route, Route::TaggingApi(_) | Route::TagOperation(_));
        for row in service.rows.iter().filter(|row| row.creates() && is_probed(row.route(service))) {
            tagging.extend(row.tagging_actions(service));
            reading.extend(row.read_by(service).actions());
        }
    }
    tagging
        .retain(|action| ADDING.iter().any(|start| name_of(action).starts_with(start)) && *action != ASKING);
    reading.retain(|action| name_of(action).contains("Tag"));
    let mut documents = vec![document(Allows::Asking, &[ASKING])];
    for (allows, actions) in [(Allows::TheTag, tagging), (Allows::Reading, reading)] {
        let mut some: Vec<&str> = Vec::new();
        for action in actions {
            some.push(action);
            if length(allows, &some) > POLICY_LENGTH {
                some.pop();
                documents.push(document(allows, &some));
                some = vec![action];
            }
        }
        documents.push(document(allows, &some));
    }
    documents
}

/// What `probe --live` needs besides: a queue and a bucket, whose names begin like this command's.
pub fn live_document() -> Value {
    let queue =
        ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:TagQueue"];
    let bucket = ["s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucketTagging", "s3:PutBucketTagging"];
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": queue, "Resource": format!("arn:*:sqs:*:*:{LIVE_PREFIX}*")},
        {"Effect": "Allow", "Action": bucket, "Resource": format!("arn:*:s3:::{LIVE_PREFIX}*")},
    ]})
}

/// How the names of its resources begin.
pub const LIVE_PREFIX: &str = "aws-tags-probe-";

const ASKING: &str = "tag:TagResources";

/// How the names of actions begin that only add tags.
const ADDING: &[&str] = &["AddTag", "CreateOrUpdateTags", "CreateTags", "Tag"];

fn name_of(action: &str) -> &str {
    action.split_once(':').map_or(action, |(_, name)| name)
}

fn document(allows: Allows, actions: &[&str]) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    if allows == Allows::TheTag {
        // Without the second condition, a request without tags would meet the first.
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
        statement["Condition"] = json!({
            "ForAllValues:StringEquals": {"aws:TagKeys": [TAG.0]}, "Null": {"aws:TagKeys": "false"},
        });
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// Characters, white space not counted.
fn length(allows: Allows, actions: &[&str]) -> usize {
    document(allows, actions).to_string().chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn the_documents_fit_into_managed_policies_and_allow_each_action_once() {
        let documents = documents(table::all());
        let mut actions = Vec::new();
        for document in &documents {
            assert!(document.to_string().chars().filter(|c| !c.is_whitespace()).count() <= POLICY_LENGTH);
            let of_statement = document["Statement"][0]["Action"].as_array().expect("actions");
            actions.extend(of_statement.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        let once: BTreeSet<&String> = actions.iter().collect();
        assert_eq!(once.len(), actions.len());
        assert!(actions.len() > 400, "{}", actions.len());
    }
}
