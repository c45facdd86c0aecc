//! Policies of resources: who may use them besides those whom IAM lets. Queues tell theirs with their attributes.

use aws_tags::table::operation::{Api, Endpoint};
use aws_tags_aws::{Aws, Error};
use serde_json::json;

use super::regional_clients::RegionalClients;

static KMS: Api =
    Api { service_id: "KMS", signing_name: "kms", endpoint: Endpoint::regional("kms.${Region}.${Suffix}") };

impl RegionalClients {
    /// The policy of a function, as JSON; `None` where it has none.
    pub(crate) async fn function_policy(&self, name: &str) -> Result<Option<String>, Error> {
        let asked = self.lambda.get_policy().function_name(name).send().await;
        found(asked.map(|answer| answer.policy))
    }

    /// The policy of a table, as JSON; `None` where it has none.
    pub(crate) async fn table_policy(&self, arn: &str) -> Result<Option<String>, Error> {
        let asked = self.dynamodb.get_resource_policy().resource_arn(arn).send().await;
        found(asked.map(|answer| answer.policy))
    }
}

/// The policy of a key, as JSON. Every key has one, of this name.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>
pub(crate) async fn key_policy(aws: &Aws, region: &str, key: &str) -> Result<Option<String>, Error> {
    let call = ("application/x-amz-json-1.1", "TrentService.GetKeyPolicy");
    let answer = aws.call_json(&KMS, call, region, &json!({"KeyId": key, "PolicyName": "default"})).await?;
    Ok(answer.get("Policy").and_then(|policy| policy.as_str()).map(str::to_owned))
}

/// What was asked for, or nothing where AWS says that there is none.
fn found<E>(asked: Result<Option<String>, E>) -> Result<Option<String>, Error>
where
    Error: From<E>,
{
    match asked.map_err(Error::from) {
        Err(error) if error.is_not_found() => Ok(None),
        answer => answer,
    }
}
