//! IAM tags of roles and users. IAM's request rate is per account and cannot be raised, so answers are
//! kept for minutes, including "no tags".

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use aws_tags::identity::{IamIdentity, IamKind, takes_session_tags};
use aws_tags::ports::{Failure, IamEntity, PrincipalTags};
use aws_tags::tags::TagMap;

use crate::cache::Cache;
use crate::client::Aws;
use crate::error::Error;
use crate::pace::Paces;
use crate::retry::client;

/// A changed IAM tag reaches new resources within this time.
const KEPT: Duration = Duration::from_secs(300);

/// IAM has one quota for all Regions.
const GLOBAL: &str = "";

/// Tags of roles and users. Answers are kept for minutes, "no tags" among them.
#[derive(Debug)]
pub struct IamTags {
    client: Client,
    paces: Paces,
    known: Cache<IamIdentity, Option<IamEntity>>,
}

impl IamTags {
    pub fn new(aws: &Aws) -> Self {
        let client = client!(aws_sdk_iam, aws.config());
        Self { client, paces: aws.paces().clone(), known: Cache::new(KEPT) }
    }

    /// `GetRole` and `GetUser` return the unique id and all tags in one call.
    async fn ask(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Error> {
        let answer = match identity.kind {
            IamKind::Role => {
                let call = self.client.get_role().role_name(&identity.name).send();
                self.paces.call(("IAM", "GetRole"), GLOBAL, call).await.map(|answer| {
                    let role = answer.role?;
                    let takes_none =
                        role.assume_role_policy_document.is_some_and(|policy| !takes_session_tags(&policy));
                    Some((role.role_id, role.tags, takes_none))
                })
            }
            IamKind::User => {
                let call = self.client.get_user().user_name(&identity.name).send();
                self.paces.call(("IAM", "GetUser"), GLOBAL, call).await.map(|answer| {
                    let user = answer.user?;
                    Some((user.user_id, user.tags, false))
                })
            }
        };
        match answer {
            // Deleted and created again under the same name: these tags are not the principal's.
            Ok(Some((id, ..))) if id != identity.id => Ok(None),
            Ok(Some((_, tags, takes_no_session_tags))) => {
                Ok(Some(IamEntity { tags: tag_map(tags.unwrap_or_default()), takes_no_session_tags }))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl PrincipalTags for IamTags {
    async fn entity(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Failure> {
        self.known.get(identity, |_| true, async || self.ask(identity).await).await.map_err(Failure::from)
    }
}

fn tag_map(tags: Vec<Tag>) -> TagMap {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
