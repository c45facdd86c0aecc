//! Sessions that carry a tag, and the credentials that they get.

use aws_config::{Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_sts::types::Tag;
use aws_tags::identity::SessionKey;
use aws_tags_aws::{Aws, Error};

/// Key of the session tag, whose value is the run's own. The role of `infra/verify.yaml` takes no other.
pub(super) const SESSION_TAG: &str = "aws-tags-verify";

/// A session of the role, started in one Region.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) region: String,
    /// How the session table and the records of its calls name it.
    pub(super) key: SessionKey,
    /// For clients of the Region with its credentials.
    pub(super) config: SdkConfig,
}

/// Starts a session by the Region's own endpoint, so that its record is logged there.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html>
pub(super) async fn start(
    aws: &Aws,
    region: &str,
    account: &str,
    role: &str,
    (name, tag): (&str, &str),
) -> Result<Session, Error> {
    let config = aws.config().to_builder().region(Region::new(region.to_owned())).build();
    let tag = Tag::builder().key(SESSION_TAG).value(tag).build().map_err(Error::incomplete)?;
    let call = aws_sdk_sts::Client::new(&config).assume_role().role_arn(role).role_session_name(name);
    let answer = call.tags(tag).send().await?;
    let given = answer.credentials.ok_or_else(|| Error::incomplete("AssumeRole gave no credentials"))?;
    let id = answer.assumed_role_user.map(|user| user.assumed_role_id).unwrap_or_default();
    let key = SessionKey {
        account: account.to_owned(),
        id,
        created: None,
        access_key_id: Some(given.access_key_id.clone()),
        signed_in: false,
        issuer: None,
    };
    let (secret, token) = (given.secret_access_key, Some(given.session_token));
    let credentials = Credentials::new(given.access_key_id, secret, token, None, "aws-tags verify");
    let config =
        config.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
    Ok(Session { region: region.to_owned(), key, config })
}
