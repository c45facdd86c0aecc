//! IAM policies for the plan of `aws-tags backfill`: it reads a history, and of what that created the tags and the age. None
//! changes anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::iam_policies::{Policy, split};
use super::tiers::Tier;
use crate::table::{Service, parent_actions};

/// What every plan asks, besides the services: CloudTrail's history, the Regions of `--regions all`, and the tags that
/// roles and users have today.
const ALWAYS: &[&str] = &["cloudtrail:LookupEvents", "ec2:DescribeRegions", "iam:GetRole", "iam:GetUser"];

/// The policies for planning what the services have created.
pub fn policies<'a>(services: impl IntoIterator<Item = (Tier, &'a Service)>) -> Vec<Policy> {
    let mut needs: BTreeMap<(bool, Tier), BTreeSet<&'static str>> = BTreeMap::new();
    for (tier, service) in services {
        for row in service.rows.iter().filter(|row| row.creates()) {
            needs.entry((row.opt_in.is_some(), tier)).or_default().extend(row.reading_actions(service));
        }
    }
    let always = needs.entry((false, Tier::Essential)).or_default();
    always.extend(parent_actions().into_iter().chain(ALWAYS.iter().copied()));
    split(needs)
}

/// What reading a trail's files needs besides. The bucket may be another account's.
pub fn trail_document(bucket: &str) -> Value {
    let arn = format!("arn:${{AWS::Partition}}:s3:::{bucket}");
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Folders", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": arn},
        {"Sid": "Files", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": format!("{arn}/*")},
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::iam_policies::POLICY_LENGTH;
    use crate::table;

    #[test]
    fn what_planning_asks_is_allowed_once_and_nothing_that_tags() {
        let all = || table::all().map(|service| (Tier::All, service));
        let policies = policies(all());
        assert!(policies.iter().all(|policy| policy.length() <= POLICY_LENGTH));
        let plain: Vec<_> =
            policies.iter().filter(|policy| !policy.opt_in).flat_map(Policy::actions).collect();
        let allowed: BTreeSet<_> = policies.iter().flat_map(Policy::actions).collect();
        assert_eq!(plain.iter().collect::<BTreeSet<_>>().len(), plain.len());
        for (_, service) in all() {
            for row in service.rows.iter().filter(|row| row.creates()) {
                assert!(
                    row.reading_actions(service).iter().all(|action| allowed.contains(action)),
                    "{row:?}"
                );
                let tagging = row.tagging_actions(service);
                // A few services tell their tags by what also changes them.
                let reads = row.reading_actions(service);
                let tags = |action: &&&str| !reads.contains(*action) && allowed.contains(**action);
                assert_eq!(tagging.iter().find(tags), None, "{row:?}");
            }
        }
        assert!(ALWAYS.iter().all(|action| allowed.contains(action)));
    }
}
