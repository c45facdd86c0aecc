//! What exists in an account: AWS's inventories, and services' own lists.
//!
//! None shows everything, and each says so in words of its own: [`aws_tags::audit`] has what each cannot show.

mod explorer;

use aws_sdk_resourcegroupstagging::types::ResourceTagMapping;
use aws_tags::Arn;
use aws_tags::table::operation::{ListOperation, Listed, ListedIn, Operation};
use aws_tags::tags::TagMap;

use crate::client::{Aws, Regional};
use crate::error::Error;
use crate::operation::{OperationCaller, name_of};
use crate::pace::{Paces, until_not_throttled};
use crate::retry::client;
pub use explorer::{Index, View};

/// Resources in one part of the answer of `GetResources`.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>
const RESOURCES_PER_PAGE: i32 = 100;

/// Services that one call may be about.
const FILTERS_PER_CALL: usize = 100;

/// How often the list of a Region, or of a service, is begun again.
const MOST_WALKS: usize = 3;

/// The account's inventories.
#[derive(Debug)]
pub struct Inventories {
    tagging_api: Regional<aws_sdk_resourcegroupstagging::Client>,
    ec2: Regional<aws_sdk_ec2::Client>,
    operations: OperationCaller,
    paces: Paces,
}

/// A resource that an inventory shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub arn: Arn,
    /// `None` where the inventory does not tell them.
    pub tags: Option<TagMap>,
    /// Whose it is, where the inventory shows those of others, too.
    pub account: Option<String>,
    /// The Region in which the inventory has it.
    pub region: String,
    /// Its type as the inventory calls it, e.g. `ec2:instance`, where it does.
    pub kind: Option<String>,
}

/// How a walk through pages ended.
enum Walk {
    Done,
    /// The token for the next page is too old.
    Expired,
}

impl Inventories {
    pub fn new(aws: &Aws) -> Self {
        let config = aws.config();
        Self {
            tagging_api: Regional::new(config, |config| client!(aws_sdk_resourcegroupstagging, config)),
            ec2: Regional::new(config, |config| client!(aws_sdk_ec2, config)),
            operations: OperationCaller::new(config.clone()),
            paces: aws.paces().clone(),
        }
    }

    /// The Regions that the account has enabled.
    pub async fn regions(&self, region: &str) -> Result<Vec<String>, Error> {
        let client = self.ec2.client(region);
        let ask = async || {
            let call = client.describe_regions().send();
            self.paces.call(("EC2", "DescribeRegions"), region, call).await
        };
        let regions = until_not_throttled(ask).await?.regions.unwrap_or_default();
        let mut names: Vec<String> = regions.into_iter().filter_map(|region| region.region_name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What the tagging API shows of a Region: what is tagged or was, deleted resources for hours among them. With
    /// `services`, only theirs.
    ///
    /// A token for the next page lives 15 minutes. Where one was too old, each service is listed by itself, so that
    /// what is begun again is less; a resource may then be shown twice.
    pub async fn get_resources(
        &self,
        region: &str,
        services: &[&str],
        all_services: &[&str],
        take: &mut impl FnMut(Seen),
    ) -> Result<(), Error> {
        let filters = if services.len() > FILTERS_PER_CALL { &[] } else { services };
        if matches!(self.walk(region, filters, take).await?, Walk::Done) {
            return Ok(());
        }
        let each = if services.is_empty() { all_services } else { services };
        for service in each {
            self.walk_again(region, service, take).await?;
        }
        Ok(())
    }

    async fn walk_again(
        &self,
        region: &str,
        service: &str,
        take: &mut impl FnMut(Seen),
    ) -> Result<(), Error> {
        for _ in 0..MOST_WALKS {
            match self.walk(region, &[service], take).await {
                Ok(Walk::Done) => return Ok(()),
                Ok(Walk::Expired) => {}
                // A name that the tagging API does not know as a service's has no resources there.
                Err(error) if error.code.as_deref() == Some("InvalidParameterException") => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(Error::incomplete(format!(
            "tag:GetResources: the pages of {service} take longer than a token lives"
        )))
    }

    async fn walk(
        &self,
        region: &str,
        services: &[&str],
        take: &mut impl FnMut(Seen),
    ) -> Result<Walk, Error> {
        let client = self.tagging_api.client(region);
        let filters = (!services.is_empty())
            .then(|| services.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let mut token: Option<String> = None;
        loop {
            let ask = async || {
                let call = client.get_resources().resources_per_page(RESOURCES_PER_PAGE);
                let call = call
                    .set_resource_type_filters(filters.clone())
                    .set_pagination_token(token.clone())
                    .send();
                self.paces.call(("Resource Groups Tagging API", "GetResources"), region, call).await
            };
            let page = match until_not_throttled(ask).await {
                Ok(page) => page,
                Err(error) if error.code.as_deref() == Some("PaginationTokenExpiredException") => {
                    return Ok(Walk::Expired);
                }
                Err(error) => return Err(error),
            };
            page.resource_tag_mapping_list
                .into_iter()
                .flatten()
                .filter_map(|one| seen(one, region))
                .for_each(&mut *take);
            token = page.pagination_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(Walk::Done);
            }
        }
    }

    /// What a service's own operation lists.
    pub async fn list(
        &self,
        list: &'static ListOperation,
        place: ListedIn<'_>,
        take: &mut impl FnMut(Seen),
    ) -> Result<(), Error> {
        let Operation { api, name, .. } = list.operation;
        let mut next: Option<String> = None;
        loop {
            let ask = async || {
                let request = list.request(next.as_deref());
                let call = self.operations.send(api, name, place.region, place.account, request);
                self.paces.call(name_of(&list.operation), place.region, call).await
            };
            let body = until_not_throttled(ask).await?;
            let (listed, from) = list.page(&body, place).map_err(Error::incomplete)?;
            for Listed { arn, tags } in listed {
                take(Seen {
                    arn,
                    tags,
                    account: None,
                    region: place.region.to_owned(),
                    kind: Some(list.resource_type.to_owned()),
                });
            }
            next = from;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

fn seen(mapping: ResourceTagMapping, region: &str) -> Option<Seen> {
    let arn = Arn::parse(&mapping.resource_arn?)?;
    let tags = mapping.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect();
    Some(Seen { arn, tags: Some(tags), account: None, region: region.to_owned(), kind: None })
}
