//! Asks what AWS tags, about resources that do not exist: see [`aws_tags::probing`].
//!
//! Nothing is changed: a request that names no invented resource is not sent.

mod reply;
mod scrub;

use std::time::Duration;

use aws_tags::probing::{Invented, TAG};
use aws_tags::table::operation::{AtLaunch, Operation, ReadOperation, Request, TagOperation};
use aws_tags::tags::TagMap;
use tokio::time::{Instant, sleep_until};

use crate::client::{Aws, Regional};
use crate::error::Error;
use crate::operation::OperationCaller;
use crate::pace::{Paces, until_not_throttled};
use crate::retry::client;
pub use reply::{OwnReply, TaggingApiReply};

/// ARNs that one call takes.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>
pub const ARNS_PER_CALL: usize = 20;

/// From one call of `TagResources` to the next: 4 a second of the 5 that AWS allows an account, so that
/// others are not throttled for us.
const TAG_RESOURCES_INTERVAL: Duration = Duration::from_millis(250);

/// Asks about invented resources. An error that it returns is about us: a permission, our credentials, the
/// connection. `None` is no answer this time: AWS throttles, or the request was not sent.
#[derive(Debug)]
pub struct Prober {
    tagging_api: Regional<aws_sdk_resourcegroupstagging::Client>,
    operations: OperationCaller,
    paces: Paces,
}

impl Prober {
    pub fn new(aws: &Aws) -> Self {
        let config = aws.config();
        Self {
            tagging_api: Regional::new(config, |config| client!(aws_sdk_resourcegroupstagging, config)),
            operations: OperationCaller::new(config.clone()),
            paces: aws.paces().clone(),
        }
    }

    /// What the tagging API says of each; a call that fails because of one of them is halved.
    pub async fn tag_resources(
        &self,
        region: &str,
        invented: &[Invented],
    ) -> Result<Vec<Option<TaggingApiReply>>, Error> {
        let error = match self.tag_resources_once(region, invented).await {
            Ok(replies) => return Ok(replies),
            Err(error) if error.is_about_us() => return Err(error),
            Err(error) => error,
        };
        match invented {
            _ if error.is_throttling() => Ok(vec![None; invented.len()]),
            [one] => Ok(vec![TaggingApiReply::of(&error, region, one)]),
            _ => {
                let (left, right) = invented.split_at(invented.len() / 2);
                let mut replies = Box::pin(self.tag_resources(region, left)).await?;
                replies.extend(Box::pin(self.tag_resources(region, right)).await?);
                Ok(replies)
            }
        }
    }

    async fn tag_resources_once(
        &self,
        region: &str,
        invented: &[Invented],
    ) -> Result<Vec<Option<TaggingApiReply>>, Error> {
        let (key, value) = TAG;
        let arns: Vec<String> = invented.iter().map(|one| one.arn.to_string()).collect();
        let ask = async || {
            let next = Instant::now().checked_add(TAG_RESOURCES_INTERVAL);
            let call = self.tagging_api.client(region).tag_resources();
            let call = call.set_resource_arn_list(Some(arns.clone())).tags(key, value).send();
            let operation = ("Resource Groups Tagging API", "TagResources");
            let answer = self.paces.call(operation, region, call).await;
            if let Some(next) = next {
                sleep_until(next).await;
            }
            answer
        };
        let mut failed = until_not_throttled(ask).await?.failed_resources_map.unwrap_or_default();
        let reply = |one: &Invented| {
            let Some(failure) = failed.remove(one.arn.as_str()) else { return Some(TaggingApiReply::done()) };
            let code = failure.error_code.as_ref().map_or("failed", |code| code.as_str());
            let message = failure.error_message.as_deref().unwrap_or_default();
            TaggingApiReply::of(&Error::of_resource(code, message), region, one)
        };
        let replies = invented.iter().map(reply).collect();
        match failed.is_empty() {
            true => Ok(replies),
            // Which one is meant is clear only where one alone was asked about.
            false => Err(Error::of_resource("UnclearAnswer", "the answer is about another resource")),
        }
    }

    /// Sets the tag of a resource that we made ourselves, at once and at no pace.
    pub async fn tag_own(&self, region: &str, arn: &str, value: &str) -> Result<(), Error> {
        let call = self.tagging_api.client(region).tag_resources().resource_arn_list(arn);
        let answer = call.tags(TAG.0, value).send().await?;
        let Some((_, failure)) = answer.failed_resources_map.into_iter().flatten().next() else {
            return Ok(());
        };
        let code = failure.error_code.as_ref().map_or("failed", |code| code.as_str());
        Err(Error::of_resource(code, failure.error_message.as_deref().unwrap_or_default()))
    }

    /// What a service's own operation that lists tags says.
    pub async fn read(
        &self,
        read: &'static ReadOperation,
        region: &str,
        invented: &Invented,
    ) -> Result<Option<OwnReply>, Error> {
        let operation = &read.operation;
        let Some(answer) = self.send(operation, region, invented, read.request(&invented.arn, None)).await
        else {
            return Ok(None);
        };
        let page = answer.and_then(|body| {
            read.page(&invented.arn, &body)
                .map_err(|why| Error::of_resource("UnlikeTheModel", &why.to_string()))
        });
        OwnReply::of(operation, region, invented, page.map(|_| ()))
    }

    /// What a service's own operation that adds tags says.
    pub async fn tag(
        &self,
        tag: &'static TagOperation,
        region: &str,
        invented: &Invented,
    ) -> Result<Option<OwnReply>, Error> {
        let (key, value) = TAG;
        let request =
            tag.request(&invented.arn, &TagMap::from([(key.to_owned(), value.to_owned())]), AtLaunch::Keep);
        match self.send(&tag.operation, region, invented, request).await {
            Some(answer) => OwnReply::of(&tag.operation, region, invented, answer.map(|_| ())),
            None => Ok(None),
        }
    }

    /// The body of an answer; `None` where the request does not name the invented resource, and so is not
    /// sent.
    async fn send(
        &self,
        operation: &'static Operation,
        region: &str,
        invented: &Invented,
        request: Request,
    ) -> Option<Result<String, Error>> {
        if !invented.is_named_in(&request) {
            return None;
        }
        let ask = async || {
            let (api, account) = (operation.api, invented.arn.account());
            let call = self.operations.send(api, operation.name, region, account, request.clone());
            self.paces.call((api.service_id, operation.name), region, call).await
        };
        Some(until_not_throttled(ask).await)
    }
}
