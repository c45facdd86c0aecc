//! What `verify` makes: resources that cost nothing and do nothing, one for each route by which the tag-handler tags.

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_tags::tags::TagMap;
use aws_tags_aws::Error;
use clap::ValueEnum;

/// Prefix of the names of all that is made. The policies of `infra/verify.yaml` allow no other.
pub(super) const PREFIX: &str = "aws-tags-verify-";

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Kind {
    /// SQS, tagged by SQS's own operation.
    Queue,
    /// EC2, tagged by `CreateTags`; needs a VPC, and gets no rule that lets anything in.
    SecurityGroup,
    /// S3, tagged by `TagResources`.
    Bucket,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::SecurityGroup => "security group",
            Self::Bucket => "bucket",
        }
    }

    /// The service and the name of the call that makes it.
    pub(super) const fn call(self) -> (&'static str, &'static str) {
        match self {
            Self::Queue => ("sqs", "CreateQueue"),
            Self::SecurityGroup => ("ec2", "CreateSecurityGroup"),
            Self::Bucket => ("s3", "CreateBucket"),
        }
    }
}

/// Makes a resource with that name; `None` where the Region has no VPC for it. Gives what the other functions take:
/// a queue's URL, a group's id, a bucket's name.
pub(super) async fn make(kind: Kind, config: &SdkConfig, name: &str) -> Result<Option<String>, Error> {
    match kind {
        Kind::Queue => {
            let made = aws_sdk_sqs::Client::new(config).create_queue().queue_name(name).send().await?;
            Ok(made.queue_url)
        }
        Kind::SecurityGroup => make_security_group(config, name).await,
        Kind::Bucket => {
            let region = config.region().map(AsRef::as_ref).unwrap_or_default();
            // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
            let place = (region != "us-east-1").then(|| {
                let place = BucketLocationConstraint::from(region);
                CreateBucketConfiguration::builder().location_constraint(place).build()
            });
            let call = aws_sdk_s3::Client::new(config).create_bucket().bucket(name);
            call.set_create_bucket_configuration(place).send().await?;
            Ok(Some(name.to_owned()))
        }
    }
}

/// In the default VPC, else in any. Its name is a tag, too, by which the role may delete it.
async fn make_security_group(config: &SdkConfig, name: &str) -> Result<Option<String>, Error> {
    let client = aws_sdk_ec2::Client::new(config);
    let vpcs = client.describe_vpcs().send().await?.vpcs.unwrap_or_default();
    let default = vpcs.iter().find(|vpc| vpc.is_default.unwrap_or_default());
    let Some(vpc) = default.or(vpcs.first()).and_then(|vpc| vpc.vpc_id()) else { return Ok(None) };
    let tag = TagSpecification::builder()
        .resource_type(ResourceType::SecurityGroup)
        .tags(Tag::builder().key("Name").value(name).build())
        .build();
    let call = client.create_security_group().group_name(name).description("made by aws-tags verify");
    Ok(call.vpc_id(vpc).tag_specifications(tag).send().await?.group_id)
}

/// The tags that a resource has.
pub(super) async fn tags(kind: Kind, config: &SdkConfig, id: &str) -> Result<TagMap, Error> {
    match kind {
        Kind::Queue => {
            let found = aws_sdk_sqs::Client::new(config).list_queue_tags().queue_url(id).send().await?;
            Ok(found.tags.unwrap_or_default().into_iter().collect())
        }
        Kind::SecurityGroup => {
            let only = Filter::builder().name("resource-id").values(id).build();
            let found = aws_sdk_ec2::Client::new(config).describe_tags().filters(only).send().await?;
            let tags = found.tags.unwrap_or_default().into_iter();
            Ok(tags.filter_map(|tag| Some((tag.key?, tag.value?))).collect())
        }
        Kind::Bucket => {
            let asked = aws_sdk_s3::Client::new(config).get_bucket_tagging().bucket(id).send().await;
            match asked.map_err(Error::from) {
                Ok(found) => Ok(found.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
                // S3's answer for a bucket without tags.
                Err(error) if error.code.as_deref() == Some("NoSuchTagSet") => Ok(TagMap::new()),
                Err(error) => Err(error),
            }
        }
    }
}

/// Deletes a resource. One that is gone is no error.
pub(super) async fn delete(kind: Kind, config: &SdkConfig, id: &str) -> Result<(), Error> {
    let deleted: Result<(), Error> = match kind {
        Kind::Queue => {
            let call = aws_sdk_sqs::Client::new(config).delete_queue().queue_url(id);
            call.send().await.map(|_| ()).map_err(Error::from)
        }
        Kind::SecurityGroup => {
            let call = aws_sdk_ec2::Client::new(config).delete_security_group().group_id(id);
            call.send().await.map(|_| ()).map_err(Error::from)
        }
        Kind::Bucket => {
            let call = aws_sdk_s3::Client::new(config).delete_bucket().bucket(id);
            call.send().await.map(|_| ()).map_err(Error::from)
        }
    };
    match deleted {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// What earlier runs left in a Region: names, and what [`delete`] takes.
pub(super) async fn left(kind: Kind, config: &SdkConfig) -> Result<Vec<(String, String)>, Error> {
    let left: Vec<(String, String)> = match kind {
        Kind::Queue => {
            let call = aws_sdk_sqs::Client::new(config).list_queues().queue_name_prefix(PREFIX);
            let urls = call.send().await?.queue_urls.unwrap_or_default().into_iter();
            urls.map(|url| (url.rsplit('/').next().unwrap_or_default().to_owned(), url)).collect()
        }
        Kind::SecurityGroup => {
            let call = aws_sdk_ec2::Client::new(config).describe_security_groups();
            let groups: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
            groups?.into_iter().filter_map(|group| Some((group.group_name?, group.group_id?))).collect()
        }
        Kind::Bucket => {
            let call = aws_sdk_s3::Client::new(config).list_buckets().prefix(PREFIX);
            let buckets = call.send().await?.buckets.unwrap_or_default().into_iter();
            buckets.filter_map(|bucket| bucket.name).map(|name| (name.clone(), name)).collect()
        }
    };
    // A name ends in its Region, also where a list has those of all Regions.
    let region = config.region().map(AsRef::as_ref).unwrap_or_default();
    let is_of_region = |name: &str| name.starts_with(PREFIX) && name.ends_with(region);
    Ok(left.into_iter().filter(|(name, _)| is_of_region(name)).collect())
}
