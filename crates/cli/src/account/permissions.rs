//! What a role may do, according to IAM's policy simulator.

use aws_sdk_iam::types::PolicyEvaluationDecisionType;

use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

/// Actions simulated in one call; a page of the answer holds as many.
const ACTIONS_PER_CALL: usize = 50;

impl RegionalClients {
    /// The actions that the role may not use on a resource, or on `*`. Where that depends on
    /// context that the simulator lacks, e.g. an account in a condition, an action counts as allowed.
    pub(crate) async fn denied(
        &self,
        role: &str,
        resource: &str,
        actions: &[&str],
    ) -> Result<Vec<String>, Error> {
        let mut denied = Vec::new();
        for some in actions.chunks(ACTIONS_PER_CALL) {
            let names = some.iter().map(|action| (*action).to_owned()).collect();
            let mut pages = self
                .iam
                .simulate_principal_policy()
                .policy_source_arn(role)
                .set_action_names(Some(names))
                .resource_arns(resource)
                .into_paginator()
                .items()
                .send();
            while let Some(result) = pages.next().await {
                let result = result?;
                let refused = result.eval_decision != PolicyEvaluationDecisionType::Allowed;
                if refused && result.missing_context_values().is_empty() {
                    denied.push(result.eval_action_name);
                }
            }
        }
        Ok(denied)
    }
}
