//! S3's tags: those of buckets, and of objects, which S3 replaces as a whole.

use aws_sdk_s3::types::{Tag as ObjectTag, Tagging};
use aws_tags::Arn;
use aws_tags::ports::Failure;
use aws_tags::table::{Resource, Route};
use aws_tags::tags::{Tag, TagMap};
use time::OffsetDateTime;

use super::halving::Results;
use crate::client::{Aws, Regional};
use crate::error::Error;
use crate::pace::Paces;
use crate::retry::client;

/// S3's code for a bucket without tags.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html>
const NO_TAGS: &str = "NoSuchTagSet";

/// S3, with a client for each Region.
#[derive(Debug)]
pub(super) struct S3 {
    clients: Regional<aws_sdk_s3::Client>,
    paces: Paces,
}

impl S3 {
    pub(super) fn new(aws: &Aws) -> Self {
        let clients = Regional::new(aws.config(), |config| client!(aws_sdk_s3, config));
        Self { clients, paces: aws.paces().clone() }
    }

    /// When a bucket was created, or its policy last edited.
    pub(super) async fn bucket_creation_time(
        &self,
        region: &str,
        arn: &Arn,
    ) -> Result<Option<OffsetDateTime>, Error> {
        let name = arn.resource();
        let (client, mut next) = (self.clients.client(region), None);
        loop {
            let call = client.list_buckets().prefix(name).set_continuation_token(next).send();
            let page = self.paces.call(("S3", "ListBuckets"), region, call).await?;
            let mut buckets = page.buckets.unwrap_or_default().into_iter();
            if let Some(bucket) = buckets.find(|bucket| bucket.name() == Some(name)) {
                return Ok(bucket
                    .creation_date()
                    .and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok()));
            }
            next = page.continuation_token;
            if next.is_none() {
                return Ok(None);
            }
        }
    }

    pub(super) async fn bucket_tags(&self, region: &str, arn: &Arn) -> Result<TagMap, Error> {
        let call = self.clients.client(region).get_bucket_tagging().bucket(arn.resource()).send();
        match self.paces.call(("S3", "GetBucketTagging"), region, call).await {
            Ok(answer) => Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            Err(error) if error.code.as_deref() == Some(NO_TAGS) => Ok(TagMap::new()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn object_tags(&self, region: &str, arn: &Arn) -> Result<TagMap, Error> {
        let (bucket, key) = arn.resource().split_once('/').unwrap_or_default();
        let call = self.clients.client(region).get_object_tagging().bucket(bucket).key(key).send();
        let answer = self.paces.call(("S3", "GetObjectTagging"), region, call).await?;
        Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// Takes these tags away where they still have these values.
    pub(super) async fn remove_object_tags(
        &self,
        region: &str,
        tags: &TagMap,
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let mut results = Results::new();
        for resource in resources {
            let old = self.object_tags(region, &resource.arn).await?;
            let is_kept = |(key, value): &(&String, &String)| tags.get(*key) != Some(*value);
            let new: TagMap =
                old.iter().filter(is_kept).map(|(key, value)| (key.clone(), value.clone())).collect();
            if new != old {
                self.put_tags(region, &resource.arn, &new).await?;
            }
            results.push(Ok(Route::S3Object));
        }
        Ok(results)
    }

    async fn put_tags(&self, region: &str, arn: &Arn, tags: &TagMap) -> Result<(), Error> {
        let (bucket, key) = arn.resource().split_once('/').unwrap_or_default();
        let tags = tags.iter().map(|(key, value)| ObjectTag::builder().key(key).value(value).build());
        let tags: Vec<ObjectTag> = tags.collect::<Result<_, _>>().map_err(Error::incomplete)?;
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build().map_err(Error::incomplete)?;
        let client = self.clients.client(region);
        let call = client.put_object_tagging().bucket(bucket).key(key).tagging(tagging).send();
        self.paces.call(("S3", "PutObjectTagging"), region, call).await?;
        Ok(())
    }

    /// `PutObjectTagging` replaces all tags, so they are read first, and nothing is written if they
    /// cannot be read.
    pub(super) async fn put_object_tagging(
        &self,
        region: &str,
        tags: &[Tag],
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let mut results = Results::new();
        for resource in resources {
            let old = self.object_tags(region, &resource.arn).await?;
            let mut new = old.clone();
            new.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
            if new.len() > resource.max_tags {
                let message = format!("{} tags are over the limit of {}", new.len(), resource.max_tags);
                results.push(Err(Failure::other(message)));
                continue;
            }
            if new != old {
                self.put_tags(region, &resource.arn, &new).await?;
            }
            results.push(Ok(Route::S3Object));
        }
        Ok(results)
    }
}
