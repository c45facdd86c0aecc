//! What a role may do, according to IAM's policy simulator; and what roles tell.

use std::collections::BTreeSet;

use aws_tags::tags::TagMap;
use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

/// Path of the roles that Identity Center makes; after it comes its Region, none for us-east-1.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
const IDENTITY_CENTER: &str = "/aws-reserved/sso.amazonaws.com/";

/// Actions simulated in one call; a page of the answer holds as many.
const ACTIONS_PER_CALL: usize = 50;

impl RegionalClients {
    /// The Regions in which Identity Center starts sessions: that is where they are logged.
    pub(crate) async fn identity_centers(&self) -> Result<Vec<String>, Error> {
        let mut regions = BTreeSet::new();
        let mut pages = self.iam.list_roles().path_prefix(IDENTITY_CENTER).into_paginator().items().send();
        while let Some(role) = pages.next().await {
            let role = role?;
            let region = role.path.strip_prefix(IDENTITY_CENTER).unwrap_or_default().trim_matches('/');
            regions.insert(if region.is_empty() { "us-east-1" } else { region }.to_owned());
        }
        Ok(regions.into_iter().collect())
    }

    /// The tags of a role.
    pub(crate) async fn role_tags(&self, arn: &str) -> Result<TagMap, Error> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let role = self.iam.get_role().role_name(name).send().await?.role;
        let tags = role.and_then(|role| role.tags).unwrap_or_default().into_iter();
        Ok(tags.map(|tag| (tag.key, tag.value)).collect())
    }

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
            for decision in self.simulate(role, some, &[resource]).await? {
                if !decision.allowed && decision.depends_on.is_empty() {
                    denied.push(decision.action);
                }
            }
        }
        Ok(denied)
    }
}
