//! IAM policies from the table: the tagging actions that the tag-handler needs, the reads for them, and
//! nothing else.
//!
//! `${AWS::Partition}` and `${AWS::AccountId}` are left for CloudFormation to fill in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::tiers::Tier;
use crate::table::{Read, Service, WITHOUT_RESOURCES, parent_actions};

/// Characters of a managed policy, white space not counted.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(super) const POLICY_LENGTH: usize = 6144;

/// One managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The narrowest tier that needs it.
    pub tier: Tier,
    /// Whether only opt-in types need it.
    pub opt_in: bool,
    /// Actions on resources of the account. An action works on resources of its own service only,
    /// so all share one list of resources.
    scoped: BTreeSet<&'static str>,
    /// Actions without resource-level permissions.
    unscoped: BTreeSet<&'static str>,
}

/// ARNs of the services whose ARNs do not all name the account, or name another service.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/>
const OTHER_ARNS: &[(&str, &[&str])] = &[
    // Tags are put at a path of their own; `PUT` at other paths changes APIs.
    ("apigateway", &["arn:${AWS::Partition}:apigateway:*::/tags/*"]),
    // ARNs of images and snapshots name no account.
    ("ec2", &["arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:*", "arn:${AWS::Partition}:ec2:*::*"]),
    (
        "elasticbeanstalk",
        &[
            "arn:${AWS::Partition}:elasticbeanstalk:*:${AWS::AccountId}:*",
            "arn:${AWS::Partition}:elasticbeanstalk:*::platform/*",
        ],
    ),
    (
        "es",
        &[
            "arn:${AWS::Partition}:es:*:${AWS::AccountId}:*",
            "arn:${AWS::Partition}:opensearch:*:${AWS::AccountId}:*",
        ],
    ),
    (
        "gamelift",
        &[
            "arn:${AWS::Partition}:gamelift:*:${AWS::AccountId}:*",
            "arn:${AWS::Partition}:gamelift:*::alias/*",
        ],
    ),
    (
        "managedblockchain",
        &[
            "arn:${AWS::Partition}:managedblockchain:*:${AWS::AccountId}:*",
            "arn:${AWS::Partition}:managedblockchain:*::*",
        ],
    ),
    ("route53", &["arn:${AWS::Partition}:route53:::*"]),
    (
        "route53-recovery-control-config",
        &["arn:${AWS::Partition}:route53-recovery-control::${AWS::AccountId}:*"],
    ),
    // Buckets and objects; access points, grants, jobs and lens groups.
    ("s3", &["arn:${AWS::Partition}:s3:::*", "arn:${AWS::Partition}:s3:*:${AWS::AccountId}:*"]),
    // Portfolios and products; applications and attribute groups.
    (
        "servicecatalog",
        &[
            "arn:${AWS::Partition}:catalog:*:${AWS::AccountId}:*",
            "arn:${AWS::Partition}:servicecatalog:*:${AWS::AccountId}:*",
        ],
    ),
    ("sso", &["arn:${AWS::Partition}:sso:::*", "arn:${AWS::Partition}:sso::${AWS::AccountId}:*"]),
];

/// The policies for tagging what the services create. No action is in two policies of which one
/// implies the other: a wider tier adds what the narrower one lacks.
pub fn policies<'a>(services: impl IntoIterator<Item = (Tier, &'a Service)>) -> Vec<Policy> {
    let mut needs: BTreeMap<(bool, Tier), BTreeSet<&'static str>> = BTreeMap::new();
    for (tier, service) in services {
        for row in service.rows.iter().filter(|row| row.creates()) {
            let needed = needs.entry((row.opt_in.is_some(), tier)).or_default();
            needed.extend(row.needed_actions(service));
        }
    }
    // Services create for resources of any service, whichever are tagged.
    needs.entry((false, Tier::Essential)).or_default().extend(parent_actions());
    split(needs)
}

/// The policies for `aws-tags undo`: to read the tags of what the services create, and to take tags away. `undo --redo`
/// needs those for tagging, too.
pub fn undo_policies<'a>(services: impl IntoIterator<Item = (Tier, &'a Service)>) -> Vec<Policy> {
    let mut needs: BTreeMap<(bool, Tier), BTreeSet<&'static str>> = BTreeMap::new();
    for (tier, service) in services {
        for row in service.rows.iter().filter(|row| row.creates()) {
            let reading = row.read_by(service).actions();
            // What nothing reads is not written to.
            if matches!(row.read_by(service), Read::Never | Read::Told(_)) {
                continue;
            }
            let needed = needs.entry((row.opt_in.is_some(), tier)).or_default();
            needed.extend(row.untagging_actions(service).into_iter().chain(reading.iter().copied()));
        }
    }
    split(needs)
}

/// Policies that are short enough, each action once.
pub(super) fn split(needs: BTreeMap<(bool, Tier), BTreeSet<&'static str>>) -> Vec<Policy> {
    let mut granted: Vec<(Tier, &'static str)> = Vec::new();
    let mut policies: Vec<Policy> = Vec::new();
    for ((opt_in, tier), mut actions) in needs {
        actions.retain(|action| !granted.iter().any(|(by, granted)| *by <= tier && granted == action));
        if !opt_in {
            granted.extend(actions.iter().map(|action| (tier, *action)));
        }
        let from = policies.len();
        for action in actions {
            if !policies[from..].last_mut().is_some_and(|policy| policy.take(action)) {
                let mut policy = Policy { tier, opt_in, scoped: BTreeSet::new(), unscoped: BTreeSet::new() };
                policy.take(action);
                policies.push(policy);
            }
        }
    }
    policies
}

impl Policy {
    /// The policy document.
    pub fn document(&self) -> Value {
        let mut statements = Vec::new();
        if !self.scoped.is_empty() {
            let services: BTreeSet<&str> = self.scoped.iter().map(|action| service_of(action)).collect();
            let resources: Vec<String> = services.into_iter().flat_map(resources).collect();
            statements.push(json!({
                "Sid": "InThisAccount", "Effect": "Allow", "Action": self.scoped, "Resource": resources,
                // Some ARNs name no account; a few services do not say whose a resource is.
                "Condition": {"StringEqualsIfExists": {"aws:ResourceAccount": "${AWS::AccountId}"}},
            }));
        }
        if !self.unscoped.is_empty() {
            statements.push(json!({
                "Sid": "WithoutResources", "Effect": "Allow", "Action": self.unscoped, "Resource": "*",
            }));
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    /// Every allowed action.
    pub fn actions(&self) -> impl Iterator<Item = &'static str> {
        self.scoped.iter().chain(&self.unscoped).copied()
    }

    /// Characters of the document in the partition with the longest name.
    pub fn length(&self) -> usize {
        let text = self.document().to_string();
        let filled =
            text.replace("${AWS::Partition}", "aws-us-gov").replace("${AWS::AccountId}", "111122223333");
        filled.chars().filter(|c| !c.is_whitespace()).count()
    }

    /// Adds an action, if the document stays short enough.
    fn take(&mut self, action: &'static str) -> bool {
        let actions =
            if has_resource_level_permissions(action) { &mut self.scoped } else { &mut self.unscoped };
        actions.insert(action);
        if self.length() <= POLICY_LENGTH {
            return true;
        }
        self.scoped.remove(action);
        self.unscoped.remove(action);
        false
    }
}

/// A resource that an allowed action would be allowed on, to ask IAM's simulator about: one of the
/// account, or `*` for an action without resource-level permissions.
pub fn example(action: &str, partition: &str, region: &str, account: &str) -> String {
    if !has_resource_level_permissions(action) {
        return "*".to_owned();
    }
    let of_services = || resources(service_of(action)).swap_remove(0);
    let of_ours = OWN_RESOURCES.iter().find(|(own, _)| *own == action).map(|(_, arn)| (*arn).to_owned());
    let arn = of_ours.unwrap_or_else(of_services);
    let arn = arn.replace("${AWS::Partition}", partition).replace("${AWS::AccountId}", account);
    // The first wildcard is the Region, the last the resource.
    let regional = arn.replacen(":*:", &format!(":{region}:"), 1);
    regional.strip_suffix('*').map_or(regional.clone(), |start| format!("{start}example"))
}

/// Resources that the functions use themselves.
const OWN_RESOURCES: &[(&str, &str)] = &[
    ("dynamodb:PutItem", "arn:${AWS::Partition}:dynamodb:*:${AWS::AccountId}:table/aws-tags-sessions"),
    ("dynamodb:Query", "arn:${AWS::Partition}:dynamodb:*:${AWS::AccountId}:table/aws-tags-sessions"),
    ("iam:GetRole", "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/example"),
    ("iam:GetUser", "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/example"),
];

fn has_resource_level_permissions(action: &str) -> bool {
    !WITHOUT_RESOURCES.contains(&action)
        && !action.starts_with("ec2:Describe")
        && action != "cloudtrail:LookupEvents"
}

fn service_of(action: &str) -> &str {
    action.split(':').next().unwrap_or_default()
}

/// The resources of a service, in this account.
fn resources(service: &str) -> Vec<String> {
    match OTHER_ARNS.iter().find(|(name, _)| *name == service) {
        Some((_, arns)) => arns.iter().map(|arn| (*arn).to_owned()).collect(),
        None => vec![format!("arn:${{AWS::Partition}}:{service}:*:${{AWS::AccountId}}:*")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{self, BY_HAND};

    fn essential() -> Vec<Policy> {
        policies(BY_HAND.iter().map(|service| (Tier::Essential, service)))
    }

    #[test]
    fn every_needed_action_is_allowed_once() {
        let policies = essential();
        let allowed: Vec<_> = policies.iter().flat_map(Policy::actions).collect();
        let once: BTreeSet<_> = allowed.iter().copied().collect();
        assert_eq!(once.len(), allowed.len());
        for service in BY_HAND {
            for row in service.rows.iter().filter(|row| row.creates()) {
                assert!(row.needed_actions(service).iter().all(|action| once.contains(action)), "{row:?}");
            }
        }
    }

    #[test]
    fn no_action_untags_deletes_or_creates() {
        for action in essential().iter().flat_map(Policy::actions) {
            let name = action.split(':').nth(1).unwrap_or_default().to_lowercase();
            let creates = name.starts_with("create") && name != "createtags";
            let bad = ["untag", "remove", "delete", "*"].iter().any(|word| name.contains(word));
            assert!(!creates && !bad, "{action}");
        }
    }

    #[test]
    fn undoing_may_take_tags_from_whatever_tagging_gives_them_to() {
        let all = || table::all().map(|service| (Tier::All, service));
        let policies = undo_policies(all());
        assert!(policies.iter().all(|policy| policy.length() <= POLICY_LENGTH));
        // It has no resource-level permissions.
        assert!(policies.iter().any(|policy| policy.unscoped.contains("tag:UntagResources")));
        let allowed: BTreeSet<&str> = policies.iter().flat_map(Policy::actions).collect();
        for (_, service) in all() {
            for row in service.rows.iter().filter(|row| row.creates()) {
                // The tagging API's own, the reads, and at least one that the service asks for besides.
                let untagging = row.untagging_actions(service);
                let of_service = |action: &&str| {
                    row.tagging_actions(service)
                        .iter()
                        .any(|tagging| service_of(tagging) == service_of(action))
                };
                assert!(
                    untagging.iter().any(|action| *action != "tag:UntagResources" && of_service(action)),
                    "{row:?}"
                );
                if !matches!(row.read_by(service), Read::Never | Read::Told(_)) {
                    let mut needed = untagging.iter().chain(row.read_by(service).actions());
                    assert!(needed.all(|action| allowed.contains(action)), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn policies_are_short_enough_and_split_where_they_must_be() {
        let one: &Service = &BY_HAND[0];
        let policies = essential();
        assert!(policies.iter().all(|policy| policy.length() <= POLICY_LENGTH));
        let names: Vec<&'static str> =
            (0..400).map(|nth| &*format!("{}:TagResource{nth}", one.name).leak()).collect();
        let mut policy =
            Policy { tier: Tier::All, opt_in: false, scoped: BTreeSet::new(), unscoped: BTreeSet::new() };
        let taken = names.iter().take_while(|name| policy.take(name)).count();
        assert!(taken < names.len() && policy.actions().count() == taken, "{taken}");
        assert!(policy.length() <= POLICY_LENGTH && policy.length() > POLICY_LENGTH - 40);
    }

    #[test]
    fn example_arns_are_in_the_account_and_covered_by_the_policies() {
        let example = |action| example(action, "aws", "eu-west-1", "111122223333");
        assert_eq!(example("sqs:TagQueue"), "arn:aws:sqs:eu-west-1:111122223333:example");
        assert_eq!(example("s3:TagResource"), "arn:aws:s3:::example");
        assert_eq!(example("ec2:CreateTags"), "arn:aws:ec2:eu-west-1:111122223333:example");
        assert_eq!(example("tag:TagResources"), "*");
        assert_eq!(example("iam:GetRole"), "arn:aws:iam::111122223333:role/example");
    }

    #[test]
    fn opt_in_types_need_a_policy_of_their_own() {
        let policies = essential();
        let also: Vec<_> = policies.iter().filter(|policy| policy.opt_in).flat_map(Policy::actions).collect();
        let of_objects = ["s3:GetObjectTagging", "s3:PutObjectTagging"];
        assert_eq!(also, [&of_objects[..], &["elasticloadbalancing:DescribeRules"]].concat());
    }
}
