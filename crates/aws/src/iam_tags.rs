//! IAM tags of roles and users. IAM's request rate is per account and cannot be raised, so answers are
//! kept for minutes, including "no tags".

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use aws_tags::identity::{IamIdentity, IamKind};
use aws_tags::ports::{Failure, PrincipalTags};
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
    known: Cache<IamIdentity, Option<TagMap>>,
}

impl IamTags {
    pub fn new(aws: &Aws) -> Self {
        let client = client!(aws_sdk_iam, aws.config());
        Self { client, paces: aws.paces().clone(), known: Cache::new(KEPT) }
    }

    /// `GetRole` and `GetUser` return the unique id and all tags in one call.
    async fn ask(&self, identity: &IamIdentity) -> Result<Option<TagMap>, Error> {
        let answer = match identity.kind {
            IamKind::Role => {
                let call = self.client.get_role().role_name(&identity.name).send();
                self.paces.call(("IAM", "GetRole"), GLOBAL, call).await.map(|answer| {
                    let role = answer.role?;
                    Some((role.role_id, role.tags))
                })
            }
            IamKind::User => {
                let call = self.client.get_user().user_name(&identity.name).send();
                self.paces.call(("IAM", "GetUser"), GLOBAL, call).await.map(|answer| {
                    let user = answer.user?;
                    Some((user.user_id, user.tags))
                })
            }
        };
        match answer {
            // Deleted and created again under the same name: these tags are not the principal's.
            Ok(Some((id, _))) if id != identity.id => Ok(None),
            Ok(Some((_, tags))) => Ok(Some(tag_map(tags.unwrap_or_default()))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl PrincipalTags for IamTags {
    async fn tags(&self, identity: &IamIdentity) -> Result<Option<TagMap>, Failure> {
        self.known.get(identity, |_| true, async || self.ask(identity).await).await.map_err(Failure::from)
    }
}

fn tag_map(tags: Vec<Tag>) -> TagMap {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
