//! Trails of CloudTrail: EventBridge gets management events only where one logs them.

use aws_config::Region;
use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, ReadWriteType};

use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

/// A trail that covers a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trail {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// Whether it covers all Regions.
    pub(crate) multi_region: bool,
    /// Whether it logs; `None` where only another account may see it, whose trail it is.
    pub(crate) logging: Option<bool>,
    /// Whether it logs management events that write, and those that read; `None` in the same case.
    pub(crate) management: Option<(bool, bool)>,
}

impl RegionalClients {
    /// The trails that cover the Region, including those of other Regions and of the organisation.
    ///
    /// Of its trail, a member account may see the name; of other accounts' trails, `GetEventSelectors` answers nobody.
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html>
    pub(crate) async fn trails(&self, account: &str) -> Result<Vec<Trail>, Error> {
        let listed = self.cloudtrail.describe_trails().send().await?.trail_list.unwrap_or_default();
        let mut trails = Vec::with_capacity(listed.len());
        for trail in listed {
            // A trail whose home Region is another one is known here by its ARN only, and its selectors there.
            let arn = trail.trail_arn().or(trail.name()).unwrap_or_default();
            let is_own = !arn.starts_with("arn:") || arn.split(':').nth(4) == Some(account);
            let status = self.cloudtrail.get_trail_status().name(arn).send().await;
            let home = trail.home_region().map(|home| Region::new(home.to_owned()));
            let at_home = aws_sdk_cloudtrail::Config::builder().region(home);
            let asked = self.cloudtrail.get_event_selectors().trail_name(arn).customize();
            let selectors = asked.config_override(at_home).send().await;
            trails.push(Trail {
                name: trail.name().unwrap_or(arn).to_owned(),
                arn: arn.to_owned(),
                multi_region: trail.is_multi_region_trail.unwrap_or_default(),
                logging: known(status, is_own)?.map(|status| status.is_logging.unwrap_or_default()),
                management: known(selectors, is_own)?.as_ref().map(management),
            });
        }
        Ok(trails)
    }
}

/// An answer about a trail: of another account's, no answer is nothing wrong.
fn known<T, E>(asked: Result<T, E>, is_own: bool) -> Result<Option<T>, Error>
where
    Error: From<E>,
{
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(_) if !is_own => Ok(None),
        Err(error) => Err(error.into()),
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
