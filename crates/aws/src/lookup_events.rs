//! CloudTrail's own history of management events, which every account has for 90 days, without a trail.
//!
//! `LookupEvents` takes two calls a second in a Region, and the quota cannot be raised: whoever asks, asks here, one
//! thing at a time in each Region.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use aws_tags::table::operation::{Api, Endpoint, Request};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::client::Aws;
use crate::error::Error;
use crate::operation::OperationCaller;

static CLOUDTRAIL: Api = Api {
    service_id: "CloudTrail",
    signing_name: "cloudtrail",
    endpoint: Endpoint::regional("cloudtrail.${Region}.${Suffix}"),
};

/// Events of a page: the most that AWS gives.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
pub const EVENTS_PER_PAGE: usize = 50;
/// From an answer to the next call. AWS counts calls as they arrive: counted from the answer, no more than two do so
/// within a second, however long each was under way.
const BETWEEN_CALLS: Duration = Duration::from_millis(500);
/// However much AWS throttles, it is asked this often.
const SLOWEST: Duration = Duration::from_secs(8);

/// Asks the histories of an account's Regions.
#[derive(Debug)]
pub struct LookupEvents {
    caller: OperationCaller,
    /// How often a throttled call is made, in all.
    attempts: u32,
    regions: RefCell<HashMap<String, Rc<Mutex<Turn>>>>,
}

/// When a Region may be asked again.
#[derive(Clone, Copy, Debug)]
struct Turn {
    last_answer: Option<Instant>,
    interval: Duration,
}

/// What is asked: the records with an attribute, of a span of time. Both ends are in it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// One of `LookupAttributeKey`, such as `EventName`.
    pub attribute: &'static str,
    pub value: String,
    pub from: OffsetDateTime,
    pub to: OffsetDateTime,
}

/// A page of an answer, the latest record first.
#[derive(Debug, Default)]
pub struct Page {
    /// The records, as JSON.
    pub records: Vec<String>,
    /// With what the next page is asked for; `None` at the end.
    pub next: Option<String>,
}

impl LookupEvents {
    /// A throttled call is made that often in all, ever more slowly.
    pub fn new(aws: &Aws, attempts: u32) -> Self {
        Self { caller: OperationCaller::new(aws.config().clone()), attempts, regions: RefCell::default() }
    }

    /// The first page of an answer, or with `next` another, in the Region's turn.
    pub async fn page(&self, region: &str, asked: &Asked, next: Option<&str>) -> Result<Page, Error> {
        let turn = self.regions.borrow_mut().entry(region.to_owned()).or_default().clone();
        let mut turn = turn.lock().await;
        let mut attempt = 1;
        loop {
            turn.wait().await;
            let answer = self.ask(region, asked, next).await;
            let throttled = answer.as_ref().is_err_and(Error::is_throttling);
            turn.answered(throttled);
            if !throttled || attempt >= self.attempts {
                return answer;
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// All records of an answer; `progress` is told of every page.
    pub async fn all(
        &self,
        region: &str,
        asked: &Asked,
        progress: impl Fn(usize),
    ) -> Result<Vec<String>, Error> {
        let mut page = self.page(region, asked, None).await?;
        let mut records = std::mem::take(&mut page.records);
        progress(records.len());
        while let Some(next) = page.next {
            page = self.page(region, asked, Some(&next)).await?;
            records.append(&mut page.records);
            progress(records.len());
        }
        Ok(records)
    }

    async fn ask(&self, region: &str, asked: &Asked, next: Option<&str>) -> Result<Page, Error> {
        let mut body = json!({
            "LookupAttributes": [{"AttributeKey": asked.attribute, "AttributeValue": asked.value}],
            "StartTime": asked.from.unix_timestamp(),
            "EndTime": asked.to.unix_timestamp(),
            "MaxResults": EVENTS_PER_PAGE,
        });
        if let Some(next) = next {
            body["NextToken"] = json!(next);
        }
        let request = Request {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", "CloudTrail_20131101.LookupEvents".to_owned()),
            ],
            body: body.to_string(),
        };
        let answer = self.caller.send(&CLOUDTRAIL, "LookupEvents", region, "", request).await?;
        let answer: Value = serde_json::from_str(&answer).map_err(Error::incomplete)?;
        Ok(Page::of(&answer))
    }
}

impl Page {
    fn of(answer: &Value) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let events = answer.get("Events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            records: events.iter().filter_map(|event| text(event, "CloudTrailEvent")).collect(),
            next: text(answer, "NextToken").filter(|next| !next.is_empty()),
        }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self { last_answer: None, interval: BETWEEN_CALLS }
    }
}

impl Turn {
    async fn wait(&self) {
        if let Some(at) = self.last_answer.and_then(|last| last.checked_add(self.interval)) {
            sleep_until(at).await;
        }
    }

    /// Others ask as well, which only throttling tells.
    fn answered(&mut self, throttled: bool) {
        self.last_answer = Some(Instant::now());
        self.interval = match throttled {
            true => self.interval.saturating_mul(2).min(SLOWEST),
            false => (self.interval.saturating_mul(3) / 4).max(BETWEEN_CALLS),
        };
    }
}

impl Error {
    /// Whether AWS takes the mark of a page no more.
    pub fn is_old_token(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.contains("NextToken"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_records_and_where_the_next_begins() {
        let page =
            Page::of(&json!({"Events": [{"CloudTrailEvent": "{}"}, {"EventId": "a"}], "NextToken": "n"}));
        assert_eq!((page.records, page.next.as_deref()), (vec!["{}".to_owned()], Some("n")));
        assert!(Page::of(&json!({"Events": [], "NextToken": ""})).next.is_none());
        assert!(Page::of(&json!({})).records.is_empty());
    }

    #[test]
    fn throttling_makes_a_region_slow_for_a_while() {
        let mut turn = Turn::default();
        turn.answered(true);
        assert_eq!(turn.interval, BETWEEN_CALLS * 2);
        (0..9).for_each(|_| turn.answered(true));
        assert_eq!(turn.interval, SLOWEST);
        (0..10).for_each(|_| turn.answered(false));
        assert_eq!(turn.interval, BETWEEN_CALLS);
    }

    #[test]
    fn a_token_that_aws_takes_no_more_is_told_from_other_errors() {
        assert!(Error::of_resource("InvalidNextTokenException", "").is_old_token());
        assert!(!Error::of_resource("ThrottlingException", "").is_old_token());
    }
}
