//! IAM policies for `aws-tags audit`: it lists, and reads tags. None changes anything.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::iam_policies::POLICY_LENGTH;
use super::resource_names::PREFIX;
use crate::table::{LISTS, all};

/// What every audit asks, besides the services' own lists.
const INVENTORIES: &[&str] = &[
    "ec2:DescribeRegions",
    "iam:ListRoleTags",
    "iam:ListUserTags",
    "resource-explorer-2:BatchGetView",
    "resource-explorer-2:ListIndexes",
    "resource-explorer-2:ListResources",
    "resource-explorer-2:ListViews",
    "tag:GetResources",
];

/// The policy documents and their names: the first for every audit, the others for what only a history shows, whose
/// tags each service's own operation reads.
pub fn documents() -> Vec<(String, Value)> {
    let lists = LISTS.iter().flat_map(|list| list.operation.actions);
    let always: BTreeSet<&str> = INVENTORIES.iter().chain(lists).copied().collect();
    let rows = all().flat_map(|service| service.rows.iter().map(move |row| (service, row)));
    let created = rows.filter(|(_, row)| row.creates());
    let reading: BTreeSet<&str> =
        created.flat_map(|(service, row)| row.read_by(service).actions()).copied().collect();
    let mut documents = vec![document(&always.iter().copied().collect::<Vec<_>>())];
    let mut some: Vec<&str> = Vec::new();
    for action in reading.difference(&always) {
        some.push(action);
        if length(&some) > POLICY_LENGTH {
            some.pop();
            documents.push(document(&some));
            some = vec![action];
        }
    }
    documents.push(document(&some));
    (1..).zip(documents).map(|(nth, document)| (format!("{PREFIX}audit-{nth}"), document)).collect()
}

fn document(actions: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

/// Characters, white space not counted.
fn length(actions: &[&str]) -> usize {
    document(actions).to_string().chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_fit_into_managed_policies_and_allow_each_action_once() {
        let documents = documents();
        let mut actions = Vec::new();
        for (name, document) in &documents {
            assert!(document.to_string().len() <= POLICY_LENGTH, "{name}");
            let of_statement = document["Statement"][0]["Action"].as_array().expect("actions");
            actions.extend(of_statement.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        let once: BTreeSet<&String> = actions.iter().collect();
        assert_eq!(once.len(), actions.len());
        assert!(actions.len() > 300, "{}", actions.len());
        assert!(documents[0].1.to_string().contains("tag:GetResources"));
    }
}
