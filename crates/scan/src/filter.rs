//! Which accounts, Regions, services and times are asked for: by the path of a file before it is opened, then by record.

use aws_tags::backfill::relevance::Kind;
use aws_tags::record::timestamp;
use aws_tags::stacks::CLOUDFORMATION;
use time::{Date, Duration, Month, OffsetDateTime};

/// What is asked for; empty lists ask for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Events at this time and later.
    pub since: Option<OffsetDateTime>,
    /// Events before this time.
    pub until: Option<OffsetDateTime>,
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Event sources, e.g. `ec2.amazonaws.com`. Sessions are kept all the same: whoever created something has one. So is
    /// what CloudFormation was told: stacks make resources of any service.
    pub sources: Vec<String>,
}

impl Filter {
    /// Whether a file may hold what is asked for.
    pub fn may_hold(&self, path: &PathSays<'_>) -> bool {
        asks(&self.accounts, path.account) && asks(&self.regions, path.region) && self.may_be_of(path.day)
    }

    /// Whether a day's folder may. The day is that of publication, some minutes after the event: events of a day are
    /// in the next day's folder, too.
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html>
    pub fn may_be_of(&self, day: Option<Date>) -> bool {
        let Some(day) = day else { return true };
        let last = self.until.map(|until| until.saturating_add(Duration::DAY).date());
        self.since.is_none_or(|since| day >= since.date()) && last.is_none_or(|last| day <= last)
    }

    /// Whether a record is asked for. What it does not tell is no reason to lose it.
    pub(crate) fn asks_for(
        &self,
        kind: Kind,
        source: &str,
        time: Option<OffsetDateTime>,
        region: Option<&str>,
        account: Option<&str>,
    ) -> bool {
        let early = time.zip(self.since).is_some_and(|(time, since)| time < since);
        let late = time.zip(self.until).is_some_and(|(time, until)| time >= until);
        let of_service =
            kind == Kind::Session || source == CLOUDFORMATION || asks(&self.sources, Some(source));
        !early && !late && of_service && asks(&self.regions, region) && asks(&self.accounts, account)
    }

    pub(crate) const fn asks_for_times(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }
}

fn asks(asked: &[String], found: Option<&str>) -> bool {
    asked.is_empty() || found.is_none_or(|found| asked.iter().any(|one| one == found))
}

/// What the path of a trail's file says, as far as it is one:
/// `[prefix/]AWSLogs/[organisation/]account/CloudTrail/Region/yyyy/mm/dd/account_CloudTrail_Region_time_id.json.gz`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathSays<'a> {
    pub account: Option<&'a str>,
    pub region: Option<&'a str>,
    /// The day of publication.
    pub day: Option<Date>,
    /// Whether it is a digest, or of insights: what a trail writes beside logs.
    pub is_neighbour: bool,
}

impl<'a> PathSays<'a> {
    /// Reads a path, whose parts are separated by `/`. A lone name says as much as its folders would.
    pub fn of(path: &'a str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        let after_account = |nth: &usize| {
            parts.get(*nth).is_some_and(|part| is_trail(part))
                && parts.get(nth.saturating_sub(1)).is_some_and(|part| is_account(part))
        };
        match (1..parts.len()).rev().find(after_account) {
            Some(nth) => Self {
                account: parts.get(nth.saturating_sub(1)).copied(),
                region: parts.get(nth.saturating_add(1)).copied(),
                day: parts.get(nth.saturating_add(2)..nth.saturating_add(5)).and_then(day_of),
                is_neighbour: parts.get(nth) != Some(&LOGS),
            },
            None => parts.last().map_or_else(Self::default, |name| Self::of_name(name)),
        }
    }

    fn of_name(name: &'a str) -> Self {
        let mut parts = name.split('_');
        let account = parts.next().filter(|part| is_account(part));
        match (account, parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(kind), Some(region), Some(time)) if is_trail(kind) => {
                Self { account, region: Some(region), day: timestamp_day(time), is_neighbour: kind != LOGS }
            }
            _ => Self::default(),
        }
    }
}

/// The folder of logs. Its neighbours' names go on with a hyphen: `CloudTrail-Digest`, `CloudTrail-Insight`.
const LOGS: &str = "CloudTrail";

fn is_trail(part: &str) -> bool {
    part.strip_prefix(LOGS).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn day_of(parts: &[&str]) -> Option<Date> {
    match parts {
        [year, month, day] => date(year, month, day),
        _ => None,
    }
}

/// `20250101T0005Z`
fn timestamp_day(time: &str) -> Option<Date> {
    date(time.get(..4)?, time.get(4..6)?, time.get(6..8)?)
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// The time of a record; `None` where it cannot be read.
pub(crate) fn time_of(text: Option<&str>) -> Option<OffsetDateTime> {
    timestamp::parse(text?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "AWSLogs/o-exampleorgid/111122223333/CloudTrail/eu-west-1/2025/01/31";

    fn day(day: u8) -> OffsetDateTime {
        Date::from_calendar_date(2025, Month::January, day).expect("a day").midnight().assume_utc()
    }

    #[test]
    fn a_path_says_account_region_and_day() {
        let file =
            format!("/archive/prefix/{DAY}/111122223333_CloudTrail_eu-west-1_20250131T0005Z_Qx.json.gz");
        let says = PathSays {
            account: Some("111122223333"),
            region: Some("eu-west-1"),
            day: Some(day(31).date()),
            is_neighbour: false,
        };
        assert_eq!(PathSays::of(&file), says);
        assert_eq!(PathSays::of("flat/111122223333_CloudTrail_eu-west-1_20250131T0005Z_Qx.json.gz"), says);
        for (path, is_neighbour) in [
            ("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2025/01/31/x.json.gz", true),
            ("111122223333_CloudTrail-Digest_eu-west-1_trail_eu-west-1_20250131T000500Z.json.gz", true),
            ("AWSLogs/111122223333/CloudTrail-Insight/eu-west-1/2025/01/31/x.json.gz", true),
            ("CloudTrail-Digest/111122223333/CloudTrail/eu-west-1/2025/01/31/x.json.gz", false),
        ] {
            assert_eq!(PathSays::of(path).is_neighbour, is_neighbour, "{path}");
        }
        for path in ["", "x.json", "CloudTrail/x.json.gz", "my-logs/CloudTrail-old/x.json", "1_2_3_4"] {
            assert_eq!(PathSays::of(path), PathSays::default(), "{path}");
        }
    }

    #[test]
    fn files_are_left_out_by_path_and_what_says_nothing_is_read() {
        let all = || Filter::default();
        for (filter, holds) in [
            (all(), true),
            (Filter { accounts: vec!["111122223333".to_owned()], ..all() }, true),
            (Filter { accounts: vec!["444455556666".to_owned()], ..all() }, false),
            (Filter { regions: vec!["us-east-1".to_owned()], ..all() }, false),
            (Filter { since: Some(day(31)), ..all() }, true),
            (Filter { since: Some(day(31).saturating_add(Duration::DAY)), ..all() }, false),
            // Events of the 30th may be published on the 31st.
            (Filter { until: Some(day(30)), ..all() }, true),
            (Filter { until: Some(day(29)), ..all() }, false),
        ] {
            assert_eq!(filter.may_hold(&PathSays::of(&format!("{DAY}/x.json.gz"))), holds, "{filter:?}");
            assert!(filter.may_hold(&PathSays::of("x.json.gz")));
        }
    }

    #[test]
    fn a_record_is_asked_for_by_its_own_time_and_sessions_whatever_the_service() {
        let filter = Filter {
            since: Some(day(2)),
            until: Some(day(3)),
            sources: vec!["ec2.amazonaws.com".to_owned()],
            ..Filter::default()
        };
        let asks = |kind, source, time| filter.asks_for(kind, source, time, None, None);
        assert!(asks(Kind::Creation, "ec2.amazonaws.com", Some(day(2))));
        assert!(!asks(Kind::Creation, "ec2.amazonaws.com", Some(day(3))));
        assert!(!asks(Kind::Ending, "ec2.amazonaws.com", Some(day(1))));
        assert!(!asks(Kind::Creation, "sqs.amazonaws.com", Some(day(2))));
        assert!(asks(Kind::Session, "sts.amazonaws.com", Some(day(2))));
        assert!(asks(Kind::Deploy, "cloudformation.amazonaws.com", Some(day(2))));
        assert!(asks(Kind::Creation, "ec2.amazonaws.com", None));
    }
}
