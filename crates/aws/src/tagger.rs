//! The tagging APIs, with one result for each resource, even where a call fails as a whole.

mod error_response;
mod halving;
mod tag_operation;

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, TagDescription};
use aws_sdk_s3::types::{Tag as ObjectTag, Tagging};
use aws_tags::ports::{Batch, Failure, Tagger};
use aws_tags::table::{Resource, Route};
use aws_tags::tags::{Tag, TagMap};

use crate::client::Regional;
use crate::error::Error;
use halving::{Results, UNCLEAR, with_retries};
use tag_operation::TagOperationCaller;

/// EC2, the Resource Groups Tagging API, S3, and services' own tag operations.
#[derive(Debug)]
pub struct AwsTagger {
    ec2: Regional<aws_sdk_ec2::Client>,
    tagging_api: Regional<aws_sdk_resourcegroupstagging::Client>,
    s3: Regional<aws_sdk_s3::Client>,
    tag_operations: TagOperationCaller,
}

impl Tagger for AwsTagger {
    async fn tag(&self, batch: &Batch) -> Results {
        let Batch { route, region, tags, resources } = batch;
        with_retries(resources, async |part: &[Resource]| match route {
            Route::Ec2CreateTags => self.create_tags(region, tags, part).await,
            Route::TaggingApi => self.tag_resources(region, tags, part).await,
            Route::S3Object => self.put_object_tagging(region, tags, part).await,
            Route::TagOperation(operation) => {
                let (tags, mut results) = (tag_map(tags), Results::new());
                for Resource { arn, .. } in part {
                    let added = self.tag_operations.add(operation, region, arn, &tags).await;
                    results.push(added.map_err(Failure::from));
                }
                Ok(results)
            }
        })
        .await
    }

    async fn read(&self, route: Route, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        match route {
            Route::Ec2CreateTags => self.describe_tags(region, resources).await,
            Route::TaggingApi | Route::S3Object | Route::TagOperation(_) => {
                let failure = Failure::other(format!("the tags of {} are not read", route.as_str()));
                vec![Err(failure); resources.len()]
            }
        }
    }
}

impl AwsTagger {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: Regional::new(config, aws_sdk_ec2::Client::new),
            tagging_api: Regional::new(config, aws_sdk_resourcegroupstagging::Client::new),
            s3: Regional::new(config, aws_sdk_s3::Client::new),
            tag_operations: TagOperationCaller::new(config.clone()),
        }
    }

    async fn create_tags(
        &self,
        region: &str,
        tags: &[Tag],
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let tag = |tag: &Tag| aws_sdk_ec2::types::Tag::builder().key(&tag.key).value(&tag.value).build();
        let ids = resources.iter().map(|resource| resource.arn.id().to_owned()).collect();
        let call = self.ec2.client(region).create_tags().set_resources(Some(ids));
        call.set_tags(Some(tags.iter().map(tag).collect())).send().await?;
        Ok(vec![Ok(()); resources.len()])
    }

    /// The tags of all resources; a page has up to 1,000 tags.
    async fn describe_tags(&self, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        let ids = resources.iter().map(|resource| resource.arn.id().to_owned()).collect();
        let filter = Filter::builder().name("resource-id").set_values(Some(ids)).build();
        let mut tags =
            self.ec2.client(region).describe_tags().filters(filter).into_paginator().items().send();
        let mut by_id: HashMap<String, TagMap> = HashMap::new();
        while let Some(tag) = tags.next().await {
            match tag.map_err(Error::from) {
                Ok(TagDescription { resource_id: Some(id), key: Some(key), value, .. }) => {
                    by_id.entry(id).or_default().insert(key, value.unwrap_or_default());
                }
                Ok(_) => {}
                Err(error) => return vec![Err(error.into()); resources.len()],
            }
        }
        resources
            .iter()
            .map(|resource| Ok(by_id.get(resource.arn.id()).cloned().unwrap_or_default()))
            .collect()
    }

    /// The API answers 200 even if all ARNs failed: a map in the answer has the failures.
    async fn tag_resources(
        &self,
        region: &str,
        tags: &[Tag],
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let arns = resources.iter().map(|resource| resource.arn.to_string()).collect();
        let tags: HashMap<_, _> = tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        let call = self.tagging_api.client(region).tag_resources();
        let answer = call.set_resource_arn_list(Some(arns)).set_tags(Some(tags)).send().await?;
        let failed = answer.failed_resources_map.unwrap_or_default();
        let asked = |arn: &str| resources.iter().any(|resource| resource.arn.as_str() == arn);
        // Which resource is meant is clear only where one alone was asked for.
        if let Some((other, failure)) = failed.iter().find(|(arn, _)| !asked(arn)) {
            let message = failure.error_message.as_deref().unwrap_or_default();
            return Err(Error::of_resource(UNCLEAR, &format!("`{other}`: {message}")));
        }
        let result = |arn: &str| match failed.get(arn) {
            None => Ok(()),
            Some(failure) => {
                let code = failure.error_code.as_ref().map_or("failed", |code| code.as_str());
                let message = failure.error_message.as_deref().unwrap_or_default();
                Err(Error::of_resource(code, message).into())
            }
        };
        Ok(resources.iter().map(|resource| result(resource.arn.as_str())).collect())
    }

    /// `PutObjectTagging` replaces all tags, so they are read first, and nothing is written if they
    /// cannot be read.
    async fn put_object_tagging(
        &self,
        region: &str,
        tags: &[Tag],
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let client = self.s3.client(region);
        let mut results = Results::new();
        for resource in resources {
            let (bucket, key) = resource.arn.resource().split_once('/').unwrap_or_default();
            let current = client.get_object_tagging().bucket(bucket).key(key).send().await?;
            let old: TagMap = current.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect();
            let mut new = old.clone();
            new.extend(tag_map(tags));
            if new.len() > resource.max_tags {
                let message = format!("{} tags are over the limit of {}", new.len(), resource.max_tags);
                results.push(Err(Failure::other(message)));
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

fn tag_map(tags: &[Tag]) -> TagMap {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}
