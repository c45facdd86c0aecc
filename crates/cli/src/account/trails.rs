//! Trails of CloudTrail: EventBridge gets management events only where one logs them.

use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, ReadWriteType};

use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

/// A trail that covers a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trail {
    pub(crate) name: String,
    /// Whether it covers all Regions.
    pub(crate) multi_region: bool,
    pub(crate) logging: bool,
    /// Whether it logs management events that write, and those that read; `None` where we may not
    /// ask, as with an organization trail.
    pub(crate) management: Option<(bool, bool)>,
}

impl RegionalClients {
    /// The trails that cover the Region, including those of other Regions and of the organization.
    pub(crate) async fn trails(&self) -> Result<Vec<Trail>, Error> {
        let listed = self.cloudtrail.describe_trails().send().await?.trail_list.unwrap_or_default();
        let mut trails = Vec::with_capacity(listed.len());
        for trail in listed {
            // A trail whose home Region is another one is known here by its ARN only.
            let arn = trail.trail_arn().or(trail.name()).unwrap_or_default();
            let status = self.cloudtrail.get_trail_status().name(arn).send().await?;
            let selectors = self.cloudtrail.get_event_selectors().trail_name(arn).send().await;
            trails.push(Trail {
                name: trail.name().unwrap_or(arn).to_owned(),
                multi_region: trail.is_multi_region_trail.unwrap_or_default(),
                logging: status.is_logging.unwrap_or_default(),
                management: selectors.ok().as_ref().map(management),
            });
        }
        Ok(trails)
    }
}

fn management(selectors: &GetEventSelectorsOutput) -> (bool, bool) {
    let pairs = selectors.event_selectors().iter().map(of_basic);
    let pairs = pairs.chain(selectors.advanced_event_selectors().iter().map(of_advanced));
    pairs.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1))
}

fn of_basic(selector: &EventSelector) -> (bool, bool) {
    if !selector.include_management_events.unwrap_or(true) {
        return (false, false);
    }
    match selector.read_write_type {
        Some(ReadWriteType::ReadOnly) => (false, true),
        Some(ReadWriteType::WriteOnly) => (true, false),
        _ => (true, true),
    }
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html>
fn of_advanced(selector: &AdvancedEventSelector) -> (bool, bool) {
    let equals = |field: &str| {
        let found = selector.field_selectors().iter().find(|of| of.field() == field);
        found.map(|of| of.equals())
    };
    let is_management = equals("eventCategory").is_some_and(|all| all.iter().any(|one| one == "Management"));
    let read_only = equals("readOnly").and_then(|all| all.first());
    match read_only.map(String::as_str) {
        _ if !is_management => (false, false),
        Some("true") => (false, true),
        Some("false") => (true, false),
        _ => (true, true),
    }
}
