//! The tagging APIs, with one result per resource whatever a call says about all of them.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::types::{Tag as ObjectTag, Tagging};
use aws_tags::services::Route;
use aws_tags::services::tag_operation::TagOperation;
use aws_tags::tags::TagMap;
use aws_tags::{Batch, Failure, Tagger};

use crate::Regional;
use crate::error::{Error, names_absence};
use crate::native::Native;

/// Waits before resources that failed for a passing reason are tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// EC2, the Resource Groups Tagging API, S3, and services' own tag operations.
#[derive(Debug)]
pub struct AwsTagger {
    ec2: Regional<aws_sdk_ec2::Client>,
    tagging_api: Regional<aws_sdk_resourcegroupstagging::Client>,
    s3: Regional<aws_sdk_s3::Client>,
    native: Native,
}

type Results = Vec<Result<(), Failure>>;

impl AwsTagger {
    pub(crate) fn new(config: SdkConfig) -> Self {
        Self {
            ec2: Regional::new(&config, aws_sdk_ec2::Client::new),
            tagging_api: Regional::new(&config, aws_sdk_resourcegroupstagging::Client::new),
            s3: Regional::new(&config, aws_sdk_s3::Client::new),
            native: Native::new(config),
        }
    }

    /// One call for all; where it fails because of one of them, one call for each half.
    async fn whole_or_halves(&self, batch: &Batch) -> Results {
        let count = batch.resources.len();
        let answer = match batch.route {
            Route::Ec2CreateTags => self.create_tags(batch).await,
            Route::TaggingApi => self.tag_resources(batch).await,
            Route::S3Object => self.tag_object(batch).await,
            Route::Native(operation) => Ok(self.tag_each(operation, batch).await),
        };
        match answer {
            Ok(results) => results,
            Err(error) if count > 1 && blames_one(&error) => {
                let (left, right) = batch.resources.split_at(count / 2);
                let mut results = Vec::with_capacity(count);
                for half in [left, right] {
                    let half = Batch { resources: half.to_vec(), ..batch.clone() };
                    results.extend(Box::pin(self.whole_or_halves(&half)).await);
                }
                results
            }
            Err(error) => vec![Err(error.into()); count],
        }
    }

    async fn create_tags(&self, batch: &Batch) -> Result<Results, Error> {
        let tag = |(key, value): (&String, &String)| {
            aws_sdk_ec2::types::Tag::builder().key(key).value(value).build()
        };
        self.ec2
            .client(&batch.region)
            .create_tags()
            .set_resources(Some(
                batch.resources.iter().map(|resource| resource.arn.id().to_owned()).collect(),
            ))
            .set_tags(Some(batch.tags.iter().map(tag).collect()))
            .send()
            .await?;
        Ok(vec![Ok(()); batch.resources.len()])
    }

    /// Answers 200 even where all ARNs failed: the result of each stands in a map.
    async fn tag_resources(&self, batch: &Batch) -> Result<Results, Error> {
        let answer = self
            .tagging_api
            .client(&batch.region)
            .tag_resources()
            .set_resource_arn_list(Some(
                batch.resources.iter().map(|resource| resource.arn.to_string()).collect(),
            ))
            .set_tags(Some(batch.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
            .send()
            .await?;
        let failed = answer.failed_resources_map.unwrap_or_default();
        let result = |arn: &str| match failed.get(arn) {
            None => Ok(()),
            Some(failure) => {
                let code = failure.error_code.as_ref().map_or("failed", |code| code.as_str());
                let message = failure.error_message.as_deref().unwrap_or_default();
                Err(Failure { reason: format!("{code}: {message}"), not_found: names_absence(message) })
            }
        };
        Ok(batch.resources.iter().map(|resource| result(resource.arn.as_str())).collect())
    }

    async fn tag_each(&self, operation: &'static TagOperation, batch: &Batch) -> Results {
        let mut results = Vec::new();
        for resource in &batch.resources {
            let added = self.native.add(operation, &batch.region, &resource.arn, &batch.tags).await;
            results.push(added.map_err(Failure::from));
        }
        results
    }

    /// `PutObjectTagging` replaces all tags, so they are read first, and nothing is written where
    /// they cannot be read.
    async fn tag_object(&self, batch: &Batch) -> Result<Results, Error> {
        let client = self.s3.client(&batch.region);
        let mut results = Vec::new();
        for resource in &batch.resources {
            let (bucket, key) = resource.arn.resource().split_once('/').unwrap_or_default();
            let current = client.get_object_tagging().bucket(bucket).key(key).send().await?;
            let old: TagMap = current.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect();
            let mut new = old.clone();
            new.extend(batch.tags.clone());
            if new.len() > resource.limit {
                let reason = format!("{} tags are over the limit of {}", new.len(), resource.limit);
                results.push(Err(Failure::new(reason)));
                continue;
            }
            if new != old {
                let tags = new.iter().map(|(key, value)| ObjectTag::builder().key(key).value(value).build());
                let tags: Vec<ObjectTag> = tags.collect::<Result<_, _>>().map_err(Error::incomplete)?;
                let tagging =
                    Tagging::builder().set_tag_set(Some(tags)).build().map_err(Error::incomplete)?;
                client.put_object_tagging().bucket(bucket).key(key).tagging(tagging).send().await?;
            }
            results.push(Ok(()));
        }
        Ok(results)
    }
}

/// Whether one bad resource may have spoilt the call for the others.
fn blames_one(error: &Error) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    error.is_not_found()
        || code.starts_with("Invalid")
        || code == "TagLimitExceeded"
        || code == "UnauthorizedOperation"
}

impl Tagger for AwsTagger {
    async fn tag(&self, batch: &Batch) -> Vec<Result<(), Failure>> {
        let mut results = self.whole_or_halves(batch).await;
        for pause in PAUSES {
            let passing = |result: &Result<(), Failure>| result.as_ref().is_err_and(is_passing);
            let again: Vec<usize> = (0..results.len()).filter(|nth| passing(&results[*nth])).collect();
            if again.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
            let resources = again.iter().map(|nth| batch.resources[*nth].clone()).collect();
            let retried = self.whole_or_halves(&Batch { resources, ..batch.clone() }).await;
            for (nth, result) in again.into_iter().zip(retried) {
                results[nth] = result;
            }
        }
        results
    }
}

/// Whether a failure inside a successful answer may pass within a second: the SDK, which retries
/// failed calls, does not see it. What takes longer is left to the queue.
fn is_passing(failure: &Failure) -> bool {
    let code = failure.reason.split(':').next().unwrap_or_default();
    !failure.not_found && (code == "InternalServiceException" || code.contains("Throttl"))
}
