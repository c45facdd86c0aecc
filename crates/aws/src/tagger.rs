//! The tagging APIs, with one result for each resource, even where a call fails as a whole.

mod halving;
mod s3;
mod untag;

pub use untag::Removal;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, TagDescription};
use aws_sdk_resourcegroupstagging::types::FailureInfo;
use aws_tags::Arn;
use aws_tags::ports::{Batch, Failure, FailureKind, Tagger};
use aws_tags::table::operation::{AtLaunch, TagOperation};
use aws_tags::table::{CreationTime, Read, Resource, Route};
use aws_tags::tags::{Tag, TagMap};
use time::OffsetDateTime;

use crate::cache::Cache;
use crate::client::{Aws, Regional};
use crate::error::Error;
use crate::operation::{OperationCaller, name_of};
use crate::pace::Paces;
use crate::retry::client;
use halving::{Results, UNCLEAR, whole_or_halves};
use s3::S3;

/// EC2, the Resource Groups Tagging API, S3, and services' own tag operations.
#[derive(Debug)]
pub struct AwsTagger {
    ec2: Regional<aws_sdk_ec2::Client>,
    tagging_api: Regional<aws_sdk_resourcegroupstagging::Client>,
    s3: S3,
    operations: OperationCaller,
    paces: Paces,
    at_launch: AtLaunch,
    /// Resource types that the tagging API has refused, and their own operations have not.
    refused: RefCell<HashSet<&'static str>>,
    /// Tags of resources for which others were created: a service may create hundreds for one.
    parents: Cache<Arn, TagMap>,
}

/// How long the tags of a parent count: soon enough after its owner has changed.
const PARENT_KEPT: Duration = Duration::from_secs(60);

impl Tagger for AwsTagger {
    async fn tag(&self, batch: &Batch) -> Results {
        let Batch { route, region, tags, resources } = batch;
        match (route, resources.as_slice()) {
            (Route::TaggingApi(_), _) => self.tag_resources_or_own(region, tags, resources).await,
            (Route::TagOperation(own), [one]) if matches!(one.route, Route::TaggingApi(_)) => {
                vec![self.tag_by_own_or_tagging_api(own, region, tags, one).await]
            }
            _ => self.tag_by(*route, region, tags, resources).await,
        }
    }

    async fn read(&self, read: Read, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        if read == Read::Ec2DescribeTags {
            return self.describe_tags(region, resources).await;
        }
        let mut results = Vec::with_capacity(resources.len());
        for Resource { arn, told, .. } in resources {
            let tags = match read {
                Read::Told(_) => Ok(told.clone().unwrap_or_default()),
                Read::S3Bucket => self.s3.bucket_tags(region, arn).await,
                Read::S3Object => self.s3.object_tags(region, arn).await,
                Read::Operation(operation) => {
                    let call = self.operations.list(operation, region, arn);
                    self.paces.call(name_of(&operation.operation), region, call).await
                }
                Read::Ec2DescribeTags | Read::Never => {
                    results.push(Err(Failure::other("no operation lists its tags")));
                    continue;
                }
            };
            results.push(tags.map_err(Failure::from));
        }
        results
    }

    async fn parent_tags(&self, parent: &Resource) -> Result<Option<TagMap>, Failure> {
        let read = async || {
            let one = std::slice::from_ref(parent);
            let tags = self.read(parent.read, &parent.region, one).await.into_iter().next();
            tags.unwrap_or_else(|| Err(Failure::other("AWS gives no answer")))
        };
        // One that has no tags yet may have them soon.
        self.parents.get(&parent.arn, |tags| !tags.is_empty(), read).await.map(Some)
    }

    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        let Resource { region, arn, .. } = resource;
        let time = match resource.creation_time {
            CreationTime::S3Bucket => self.s3.bucket_creation_time(region, arn).await,
            CreationTime::Operation(time) => {
                let call = self.operations.creation_time(time, region, arn);
                self.paces.call(name_of(&time.operation), region, call).await
            }
            CreationTime::Never => Ok(None),
        };
        time.map_err(Failure::from)
    }
}

impl AwsTagger {
    pub fn new(aws: &Aws, at_launch: AtLaunch) -> Self {
        let config = aws.config();
        Self {
            ec2: Regional::new(config, |config| client!(aws_sdk_ec2, config)),
            tagging_api: Regional::new(config, |config| client!(aws_sdk_resourcegroupstagging, config)),
            s3: S3::new(aws),
            operations: OperationCaller::new(config.clone()),
            paces: aws.paces().clone(),
            at_launch,
            refused: RefCell::default(),
            parents: Cache::new(PARENT_KEPT),
        }
    }

    /// One route for all.
    async fn tag_by(&self, route: Route, region: &str, tags: &[Tag], resources: &[Resource]) -> Results {
        whole_or_halves(resources, &async |part: &[Resource]| match route {
            Route::Ec2CreateTags => self.create_tags(region, tags, part).await,
            Route::TaggingApi(_) => self.tag_resources(region, tags, part).await,
            Route::S3Object => self.s3.put_object_tagging(region, tags, part).await,
            Route::TagOperation(operation) => {
                let (tags, mut results) = (tag_map(tags), Results::new());
                for Resource { arn, .. } in part {
                    let call = self.operations.add(operation, region, arn, &tags, self.at_launch);
                    let added = self.paces.call(name_of(&operation.operation), region, call).await;
                    results.push(added.map(|()| route).map_err(Failure::from));
                }
                Ok(results)
            }
        })
        .await
    }

    /// The tagging API, and for what it refuses the services' own operations. It decides by resource
    /// type, and its list of services says nothing about that.
    async fn tag_resources_or_own(&self, region: &str, tags: &[Tag], resources: &[Resource]) -> Results {
        let is_refused = |resource: &Resource| self.refused.borrow().contains(resource.resource_type);
        let asked: Vec<Resource> = resources.iter().filter(|one| !is_refused(one)).cloned().collect();
        let mut answers = self
            .tag_by(Route::TaggingApi(None), region, tags, &asked)
            .await
            .into_iter()
            .zip(&asked)
            .peekable();
        let mut results = Results::with_capacity(resources.len());
        for resource in resources {
            let answer = answers.next_if(|(_, asked)| asked.arn == resource.arn).map(|(result, _)| result);
            results.push(match (answer, resource.route) {
                (Some(Err(failure)), Route::TaggingApi(Some(own)))
                    if failure.kind == FailureKind::Refused =>
                {
                    let by_own = self.tag_one_by(Route::TagOperation(own), region, tags, resource).await;
                    if by_own.is_ok() {
                        self.refused.borrow_mut().insert(resource.resource_type);
                    }
                    by_own
                }
                (None, Route::TaggingApi(Some(own))) => {
                    self.tag_one_by(Route::TagOperation(own), region, tags, resource).await
                }
                (Some(result), _) => result,
                (None, _) => Err(Failure::other("the tagging API refuses its type")),
            });
        }
        results
    }

    /// The service's own operation, and for what it refuses the tagging API: whichever knows the
    /// resource. The first refusal is what counts.
    async fn tag_by_own_or_tagging_api(
        &self,
        own: &'static TagOperation,
        region: &str,
        tags: &[Tag],
        resource: &Resource,
    ) -> Result<Route, Failure> {
        let by_own = self.tag_one_by(Route::TagOperation(own), region, tags, resource).await;
        match by_own {
            Err(failure) if failure.kind == FailureKind::Refused => {
                self.tag_one_by(Route::TaggingApi(None), region, tags, resource).await.or(Err(failure))
            }
            by_own => by_own,
        }
    }

    async fn tag_one_by(
        &self,
        route: Route,
        region: &str,
        tags: &[Tag],
        resource: &Resource,
    ) -> Result<Route, Failure> {
        let one = std::slice::from_ref(resource);
        let result = self.tag_by(route, region, tags, one).await.pop();
        result.unwrap_or_else(|| Err(Failure::other("no answer")))
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
        let call = call.set_tags(Some(tags.iter().map(tag).collect())).send();
        self.paces.call(("EC2", "CreateTags"), region, call).await?;
        Ok(vec![Ok(Route::Ec2CreateTags); resources.len()])
    }

    /// The tags of all resources; a page has up to 1,000 tags.
    async fn describe_tags(&self, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        let ids = resources.iter().map(|resource| resource.arn.id().to_owned()).collect();
        let filter = Filter::builder().name("resource-id").set_values(Some(ids)).build();
        let client = self.ec2.client(region);
        let (mut by_id, mut next): (HashMap<String, TagMap>, _) = (HashMap::new(), None);
        loop {
            let call = client.describe_tags().filters(filter.clone()).set_next_token(next).send();
            let page = match self.paces.call(("EC2", "DescribeTags"), region, call).await {
                Ok(page) => page,
                Err(error) => return vec![Err(error.into()); resources.len()],
            };
            for TagDescription { resource_id, key, value, .. } in page.tags.unwrap_or_default() {
                if let (Some(id), Some(key)) = (resource_id, key) {
                    by_id.entry(id).or_default().insert(key, value.unwrap_or_default());
                }
            }
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
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
        let call = call.set_resource_arn_list(Some(arns)).set_tags(Some(tags)).send();
        let api = ("Resource Groups Tagging API", "TagResources");
        let answer = self.paces.call(api, region, call).await?;
        each_result(resources, answer.failed_resources_map)
    }
}

/// What failed of the resources in a call that as such succeeded, in the order of the resources.
fn each_result(
    resources: &[Resource],
    failed: Option<HashMap<String, FailureInfo>>,
) -> Result<Results, Error> {
    let failed = failed.unwrap_or_default();
    let asked = |arn: &str| resources.iter().any(|resource| resource.arn.as_str() == arn);
    // Which resource is meant is clear only where one alone was asked for.
    if let Some((other, failure)) = failed.iter().find(|(arn, _)| !asked(arn)) {
        let message = failure.error_message.as_deref().unwrap_or_default();
        return Err(Error::of_resource(UNCLEAR, &format!("`{other}`: {message}")));
    }
    let result = |arn: &str| match failed.get(arn) {
        None => Ok(Route::TaggingApi(None)),
        Some(failure) => {
            let code = failure.error_code.as_ref().map_or("failed", |code| code.as_str());
            let message = failure.error_message.as_deref().unwrap_or_default();
            let mut failure_of_one = Failure::from(Error::of_resource(code, message));
            // An internal error whose status blames the request will not pass.
            if (400..500).contains(&failure.status_code) && failure_of_one.kind == FailureKind::Transient {
                failure_of_one.kind = FailureKind::Refused;
            }
            Err(failure_of_one)
        }
    };
    Ok(resources.iter().map(|resource| result(resource.arn.as_str())).collect())
}

fn tag_map(tags: &[Tag]) -> TagMap {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}
