//! Who there is in an account, and what IAM's policy simulator says that they may do.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use aws_sdk_iam::types::{AttachedPolicy, EvaluationResult, PolicyDetail, PolicyEvaluationDecisionType};
use aws_tags::identity::PolicyDocument;
use aws_tags_aws::{Aws, Error};

use super::regional_clients::RegionalClients;

/// Path of the roles that only an AWS service may use.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
const SERVICE_LINKED: &str = "/aws-service-role/";

/// Calls that IAM throttles are made again this often, each time more slowly.
const ATTEMPTS: usize = 12;

/// What the simulator says of one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) allowed: bool,
    /// Keys of conditions that decide, and that a simulation does not know, e.g. `aws:SourceIp`.
    pub(crate) depends_on: Vec<String>,
}

/// A role or user, with its policies and those of its groups.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) arn: String,
    /// ARNs of its managed policies.
    pub(crate) managed: Vec<String>,
    documents: Vec<Rc<PolicyDocument>>,
}

/// Managed policies by their ARNs, of which many principals have the same.
type Managed = HashMap<String, Rc<PolicyDocument>>;

impl Principal {
    fn of(arn: Option<&str>) -> Self {
        Self { arn: arn.unwrap_or_default().to_owned(), managed: Vec::new(), documents: Vec::new() }
    }

    fn add(&mut self, own: &[PolicyDetail], attached: &[AttachedPolicy], managed: &Managed) {
        let read = |policy: &PolicyDetail| {
            policy.policy_document().map_or_else(PolicyDocument::unknown, PolicyDocument::read)
        };
        self.documents.extend(own.iter().map(|policy| Rc::new(read(policy))));
        for arn in attached.iter().filter_map(|policy| policy.policy_arn.clone()) {
            let known = managed.get(&arn).cloned();
            self.documents.push(known.unwrap_or_else(|| Rc::new(PolicyDocument::unknown())));
            self.managed.push(arn);
        }
    }

    /// Whether its policies might allow an action on a resource: where not, IAM need not be asked.
    pub(crate) fn might(&self, action: &str, resource: &str) -> bool {
        self.documents.iter().any(|document| document.might_allow(action, resource))
    }
}

impl RegionalClients {
    /// All roles and users, without the roles that are linked to a service.
    pub(crate) async fn principals(&self) -> Result<Vec<Principal>, Error> {
        let mut pages = self.iam.get_account_authorization_details().max_items(1000).into_paginator().send();
        let (mut roles, mut users) = (Vec::new(), Vec::new());
        let (mut groups, mut managed) = (HashMap::new(), Managed::new());
        while let Some(page) = pages.next().await {
            let page = page?;
            roles.extend(page.role_detail_list.unwrap_or_default());
            users.extend(page.user_detail_list.unwrap_or_default());
            for group in page.group_detail_list.unwrap_or_default() {
                groups.insert(group.group_name.clone().unwrap_or_default(), group);
            }
            for policy in page.policies.unwrap_or_default() {
                let versions = policy.policy_version_list();
                let current = versions.iter().find(|version| version.is_default_version);
                let document = current.and_then(|version| version.document());
                managed.extend(policy.arn.clone().zip(document.map(PolicyDocument::read).map(Rc::new)));
            }
        }
        let roles =
            roles.into_iter().filter(|role| !role.path().unwrap_or_default().starts_with(SERVICE_LINKED));
        let roles = roles.map(|role| {
            let mut principal = Principal::of(role.arn());
            principal.add(role.role_policy_list(), role.attached_managed_policies(), &managed);
            principal
        });
        let users = users.into_iter().map(|user| {
            let mut principal = Principal::of(user.arn());
            principal.add(user.user_policy_list(), user.attached_managed_policies(), &managed);
            for group in user.group_list().iter().filter_map(|name| groups.get(name)) {
                principal.add(group.group_policy_list(), group.attached_managed_policies(), &managed);
            }
            principal
        });
        Ok(roles.chain(users).collect())
    }

    /// What a principal may do with resources: a decision for each action and resource.
    ///
    /// Where a resource has no decision of its own, it is asked for by itself: simulators other than AWS's answer for
    /// the first only.
    pub(crate) async fn simulate(
        &self,
        principal: &str,
        actions: &[&str],
        resources: &[&str],
    ) -> Result<Vec<Decision>, Error> {
        let mut decisions = self.simulate_together(principal, actions, resources).await?;
        let decided: BTreeSet<String> = decisions.iter().map(|decision| decision.resource.clone()).collect();
        for resource in resources.iter().filter(|resource| !decided.contains(**resource)) {
            decisions.extend(self.simulate_together(principal, actions, &[*resource]).await?);
        }
        Ok(decisions)
    }

    async fn simulate_together(
        &self,
        principal: &str,
        actions: &[&str],
        resources: &[&str],
    ) -> Result<Vec<Decision>, Error> {
        let owned = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let mut pages = self
            .iam
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(owned(actions))
            .set_resource_arns(owned(resources))
            .into_paginator()
            .items()
            .send();
        let mut decisions = Vec::new();
        while let Some(result) = pages.next().await {
            decisions.extend(decisions_of(result?));
        }
        Ok(decisions)
    }
}

/// The same, in its turn: IAM allows few calls a second, and does not say how many.
pub(crate) async fn simulate_in_turn(
    aws: &Aws,
    clients: &RegionalClients,
    principal: &str,
    actions: &[&str],
    resources: &[&str],
) -> Result<Vec<Decision>, Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let call = clients.simulate(principal, actions, resources);
        match aws.in_turn(("IAM", "SimulatePrincipalPolicy"), "", call).await {
            Err(error) if error.is_throttling() && attempts < ATTEMPTS => {}
            answer => return answer,
        }
    }
}

/// The decisions of a result: for each resource, where it tells them apart. What it says as a whole is the most
/// restrictive of them.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>
fn decisions_of(result: EvaluationResult) -> Vec<Decision> {
    let decision = |resource: &str, decision: &PolicyEvaluationDecisionType, missing: &[String]| Decision {
        action: result.eval_action_name.clone(),
        resource: resource.to_owned(),
        allowed: *decision == PolicyEvaluationDecisionType::Allowed,
        depends_on: missing.to_vec(),
    };
    if result.resource_specific_results().is_empty() {
        let resource = result.eval_resource_name().unwrap_or("*");
        return vec![decision(resource, &result.eval_decision, result.missing_context_values())];
    }
    let each = result.resource_specific_results().iter();
    each.map(|one| {
        decision(&one.eval_resource_name, &one.eval_resource_decision, one.missing_context_values())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::ResourceSpecificResult;

    use super::*;

    #[test]
    fn each_resource_has_its_own_decision() {
        let of = |resource: &str, decision| {
            ResourceSpecificResult::builder()
                .eval_resource_name(resource)
                .eval_resource_decision(decision)
                .missing_context_values("aws:SourceIp")
                .build()
                .expect("complete")
        };
        let result = EvaluationResult::builder()
            .eval_action_name("sqs:SendMessage")
            .eval_decision(PolicyEvaluationDecisionType::ImplicitDeny)
            .resource_specific_results(of("q1", PolicyEvaluationDecisionType::Allowed))
            .resource_specific_results(of("q2", PolicyEvaluationDecisionType::ImplicitDeny))
            .build()
            .expect("complete");
        let found: Vec<_> =
            decisions_of(result).into_iter().map(|one| (one.resource, one.allowed, one.depends_on)).collect();
        let ip = || vec!["aws:SourceIp".to_owned()];
        assert_eq!(found, [("q1".to_owned(), true, ip()), ("q2".to_owned(), false, ip())]);
    }
}
