//! Takes tags away again, by the counterpart of whichever API added them.

use aws_tags::ports::{Failure, FailureKind};
use aws_tags::table::operation::UntagOperation;
use aws_tags::table::{Resource, Route};
use aws_tags::tags::TagMap;

use super::AwsTagger;
use super::each_result;
use super::halving::{Results, whole_or_halves};
use crate::error::Error;
use crate::operation::name_of;

/// Resources of one route and Region that lose the same tags; fits into one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub route: Route,
    pub region: String,
    /// The tags, with the values that they have.
    pub tags: TagMap,
    pub resources: Vec<Resource>,
}

impl AwsTagger {
    /// Takes the tags from each resource; others stay. One result per resource, in their order.
    ///
    /// Only EC2 and S3 objects compare the values; elsewhere what was read just before counts.
    pub async fn untag(&self, removal: &Removal) -> Results {
        let Removal { route, region, tags, resources } = removal;
        match route {
            Route::TaggingApi(_) => self.untag_resources_or_own(region, tags, resources).await,
            Route::TagOperation(own) => {
                let mut results = Results::with_capacity(resources.len());
                for resource in resources {
                    results.push(self.untag_by_own_or_tagging_api(own.untag, region, tags, resource).await);
                }
                results
            }
            Route::Ec2CreateTags | Route::S3Object => {
                whole_or_halves(resources, &async |part: &[Resource]| match route {
                    Route::Ec2CreateTags => self.delete_tags(region, tags, part).await,
                    _ => self.s3.remove_object_tags(region, tags, part).await,
                })
                .await
            }
        }
    }

    /// The tagging API, and for what it refuses the service's own operation.
    async fn untag_resources_or_own(&self, region: &str, tags: &TagMap, resources: &[Resource]) -> Results {
        let is_refused = |resource: &Resource| self.refused.borrow().contains(resource.resource_type);
        let asked: Vec<Resource> = resources.iter().filter(|one| !is_refused(one)).cloned().collect();
        let mut answers = match asked.is_empty() {
            true => Results::new(),
            false => {
                whole_or_halves(&asked, &async |part: &[Resource]| {
                    self.untag_resources(region, tags, part).await
                })
                .await
            }
        }
        .into_iter();
        let mut results = Results::with_capacity(resources.len());
        for resource in resources {
            let answer = if is_refused(resource) { None } else { answers.next() };
            let own = match resource.route {
                Route::TaggingApi(own) => own.and_then(|own| own.untag),
                _ => None,
            };
            results.push(match (answer, own) {
                (Some(Err(failure)), Some(own)) if failure.kind == FailureKind::Refused => {
                    self.untag_by(own, region, tags, resource).await
                }
                (None, Some(own)) => self.untag_by(own, region, tags, resource).await,
                (Some(result), _) => result,
                (None, None) => Err(Failure::other("the tagging API refuses its type")),
            });
        }
        // Only now: the answers were told by what was refused before.
        let refused = results.iter().zip(resources).filter_map(|(result, resource)| {
            let by_own = matches!(result, Ok(Route::TagOperation(_)));
            by_own.then_some(resource.resource_type)
        });
        self.refused.borrow_mut().extend(refused);
        results
    }

    /// The service's own operation, and for what it refuses, or where there is none, the tagging API.
    async fn untag_by_own_or_tagging_api(
        &self,
        own: Option<&'static UntagOperation>,
        region: &str,
        tags: &TagMap,
        resource: &Resource,
    ) -> Result<Route, Failure> {
        let by_own = match own {
            Some(own) => self.untag_by(own, region, tags, resource).await,
            None => Err(Failure {
                kind: FailureKind::Refused,
                message: "no operation takes its tags away".to_owned(),
            }),
        };
        match by_own {
            Err(failure) if failure.kind == FailureKind::Refused => {
                let one = std::slice::from_ref(resource);
                let by_api = self.untag_resources(region, tags, one).await;
                by_api.ok().and_then(|results| results.into_iter().next()?.ok()).ok_or(failure)
            }
            by_own => by_own,
        }
    }

    async fn untag_by(
        &self,
        own: &'static UntagOperation,
        region: &str,
        tags: &TagMap,
        resource: &Resource,
    ) -> Result<Route, Failure> {
        let call = self.operations.remove(own, region, &resource.arn, tags);
        self.paces.call(name_of(&own.operation), region, call).await?;
        Ok(match resource.route {
            Route::TaggingApi(Some(own)) => Route::TagOperation(own),
            route => route,
        })
    }

    async fn untag_resources(
        &self,
        region: &str,
        tags: &TagMap,
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let arns = resources.iter().map(|resource| resource.arn.to_string()).collect();
        let keys = tags.keys().cloned().collect();
        let call = self.tagging_api.client(region).untag_resources();
        let call = call.set_resource_arn_list(Some(arns)).set_tag_keys(Some(keys)).send();
        let api = ("Resource Groups Tagging API", "UntagResources");
        let answer = self.paces.call(api, region, call).await?;
        each_result(resources, answer.failed_resources_map)
    }

    /// `DeleteTags` takes away a tag only if it has the value that the request names.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>
    async fn delete_tags(
        &self,
        region: &str,
        tags: &TagMap,
        resources: &[Resource],
    ) -> Result<Results, Error> {
        let tag = |(key, value): (&String, &String)| {
            aws_sdk_ec2::types::Tag::builder().key(key).value(value).build()
        };
        let ids = resources.iter().map(|resource| resource.arn.id().to_owned()).collect();
        let call = self.ec2.client(region).delete_tags().set_resources(Some(ids));
        let call = call.set_tags(Some(tags.iter().map(tag).collect())).send();
        self.paces.call(("EC2", "DeleteTags"), region, call).await?;
        Ok(vec![Ok(Route::Ec2CreateTags); resources.len()])
    }
}
