//! Which part of the past is meant: in the same words for whatever reads a history, and for the lines of a plan.

use std::collections::BTreeMap;

use aws_tags::backfill::plan::Planned;
use aws_tags::record::timestamp;
use aws_tags::stacks::LONGEST_DEPLOY;
use aws_tags::table::{self, Service};
use aws_tags::tags::TagSource;
use clap::{Args, Parser};
use time::{Duration, OffsetDateTime};
use wildmatch::WildMatch;

/// A session lasts twelve hours, and is recorded before what it creates.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage_duration.html>
const LONGEST_SESSION: Duration = Duration::hours(12);
/// Where the global endpoint of STS is logged.
const GLOBAL_REGION: &str = "us-east-1";
/// Instead of the names of Regions.
const ALL: &str = "all";

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Filter {
    /// From this time on: a day, or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = start_of)]
    pub(super) since: Option<OffsetDateTime>,
    /// Until this time: a day with its end, or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = end_of)]
    pub(super) until: Option<OffsetDateTime>,
    /// The same as --since, counted back from now, such as `90d` or `36h`.
    #[arg(long, value_name = "TIME", value_parser = ago, conflicts_with = "since")]
    pub(super) last: Option<Duration>,
    /// Only these accounts.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = account)]
    pub(super) accounts: Vec<String>,
    /// Only these Regions; for `history`, `all` are those that are enabled.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(super) regions: Vec<String>,
    /// Only these services, e.g. `ec2,rds`; sessions are read all the same.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', value_parser = service)]
    services: Vec<String>,
    /// Only resources of owners like this, with * and ?; may be repeated. Not for --reduce-only.
    #[arg(long, value_name = "PATTERN")]
    owner: Vec<String>,
}

/// A filter on a command line of its own.
#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    filter: Filter,
}

impl Filter {
    pub(super) fn since(&self) -> Option<OffsetDateTime> {
        let ago = |last| OffsetDateTime::now_utc().saturating_sub(last);
        self.since.or_else(|| self.last.map(ago))
    }

    pub(super) const fn is_of_owners(&self) -> bool {
        !self.owner.is_empty()
    }

    /// As a run remembers it, by flag. What is counted back from now is a time then.
    pub(super) fn given(&self) -> BTreeMap<String, String> {
        let times = [("--since", self.since()), ("--until", self.until)];
        let times = times.into_iter().filter_map(|(flag, time)| Some((flag, timestamp::format(time?))));
        let lists =
            [("--accounts", &self.accounts), ("--regions", &self.regions), ("--services", &self.services)];
        let lists = lists.into_iter().map(|(flag, list)| (flag, list.join(",")));
        let owner = [("--owner", self.owner.join("\n"))];
        let all = times.chain(lists).chain(owner).filter(|(_, value)| !value.is_empty());
        all.map(|(flag, value)| (flag.to_owned(), value)).collect()
    }

    /// The flags that choose the same.
    pub(super) fn words(&self) -> Vec<String> {
        let given = self.given();
        let flags =
            given.iter().flat_map(|(flag, values)| values.split('\n').map(move |value| (flag, value)));
        flags.flat_map(|(flag, value)| [flag.clone(), value.to_owned()]).collect()
    }

    /// What [`Filter::given`] gave, perhaps in another process. Other flags are not looked at.
    pub(super) fn of_given(given: &BTreeMap<String, String>) -> Result<Self, String> {
        const FLAGS: [&str; 6] = ["--since", "--until", "--accounts", "--regions", "--services", "--owner"];
        let flags = given.iter().filter(|(flag, _)| FLAGS.contains(&flag.as_str()));
        let line =
            flags.flat_map(|(flag, values)| values.split('\n').map(move |value| format!("{flag}={value}")));
        let parsed = Alone::try_parse_from(["backfill".to_owned()].into_iter().chain(line));
        parsed.map(|alone| alone.filter).map_err(|error| error.to_string())
    }

    /// The Regions that are left, if not all are.
    fn only_regions(&self) -> &[String] {
        match self.regions.iter().any(|region| region == ALL) {
            true => &[],
            false => &self.regions,
        }
    }

    /// Whether Regions are left out.
    pub(super) fn is_of_some_regions(&self) -> bool {
        !self.only_regions().is_empty()
    }

    /// Exactly these records.
    pub(super) fn of_records(&self) -> aws_tags_scan::Filter {
        aws_tags_scan::Filter {
            since: self.since(),
            until: self.until.map(|until| until.saturating_add(Duration::SECOND)),
            accounts: self.accounts.clone(),
            regions: self.only_regions().to_vec(),
            sources: self.services.iter().flat_map(|name| services(name)).map(source_of).collect(),
        }
    }

    /// All records that may say something of such resources: their sessions began before, so did who deployed their
    /// stacks, and what ended them came later.
    pub(super) fn of_records_for_plan(&self) -> aws_tags_scan::Filter {
        let with_global = match self.only_regions() {
            [] => Vec::new(),
            regions => regions.iter().cloned().chain([GLOBAL_REGION.to_owned()]).collect(),
        };
        aws_tags_scan::Filter {
            since: self
                .since()
                .map(|since| since.saturating_sub(LONGEST_SESSION).saturating_sub(LONGEST_DEPLOY)),
            until: None,
            accounts: self.accounts.clone(),
            regions: with_global,
            sources: Vec::new(),
        }
    }

    /// Whether a resource is meant.
    pub(super) fn wants(&self, planned: &Planned) -> bool {
        let is_one = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
        let at = planned.event.time;
        self.since().is_none_or(|since| at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| at.is_some_and(|at| at <= until))
            && is_one(&self.accounts, &planned.account)
            && is_one(self.only_regions(), &planned.region)
            && (self.services.is_empty()
                || self.services.iter().any(|name| is_of(&planned.resource_type, name)))
            && self.wants_owner(planned)
    }

    fn wants_owner(&self, planned: &Planned) -> bool {
        let owner = planned.add.iter().find(|tag| tag.source == TagSource::Owner.as_str());
        let patterns = || self.owner.iter().map(|text| WildMatch::new_case_insensitive(text));
        self.owner.is_empty()
            || owner.is_some_and(|tag| patterns().any(|pattern| pattern.matches(&tag.value)))
    }
}

/// The services that have this name: as event sources have it, or as types of resources do.
fn services(name: &str) -> impl Iterator<Item = &'static Service> + use<'_> {
    let is_named = move |service: &Service| {
        service.name == name
            || service.rows.iter().any(|row| row.resource_type.split(':').next() == Some(name))
    };
    table::all().filter(move |service| is_named(service))
}

fn source_of(service: &Service) -> String {
    format!("{}.amazonaws.com", service.name)
}

fn is_of(resource_type: &str, name: &str) -> bool {
    let has = |service: &Service| service.rows.iter().any(|row| row.resource_type == resource_type);
    resource_type.split(':').next() == Some(name)
        || table::all().any(|service| service.name == name && has(service))
}

fn account(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("expected 12 digits".to_owned()),
    }
}

fn service(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches(".amazonaws.com");
    match services(name).next() {
        Some(_) => Ok(name.to_owned()),
        None => Err("not supported: `aws-tags services` lists what is".to_owned()),
    }
}

fn start_of(text: &str) -> Result<OffsetDateTime, String> {
    time_of(text, "T00:00:00Z")
}

fn end_of(text: &str) -> Result<OffsetDateTime, String> {
    time_of(text, "T23:59:59Z")
}

fn time_of(text: &str, of_day: &str) -> Result<OffsetDateTime, String> {
    let day = format!("{text}{of_day}");
    let found = timestamp::parse(text).or_else(|| timestamp::parse(&day));
    found.ok_or_else(|| {
        "expected a day such as `2026-05-04`, or a time such as `2026-05-04T10:00:00Z`".to_owned()
    })
}

/// `90d`, `36h`: a time before now.
fn ago(text: &str) -> Result<Duration, String> {
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse().ok());
    match (number.filter(|number| (1..=36_500).contains(number)), text.chars().last()) {
        (Some(days), Some('d')) => Ok(Duration::days(days)),
        (Some(hours), Some('h')) => Ok(Duration::hours(hours)),
        _ => Err("expected days or hours, such as `90d` or `36h`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_has_a_start_and_an_end() {
        assert_eq!(start_of("2026-05-04"), Ok(datetime!(2026-05-04 00:00:00 UTC)));
        assert_eq!(end_of("2026-05-04"), Ok(datetime!(2026-05-04 23:59:59 UTC)));
        assert_eq!(end_of("2026-05-04T10:00:00+02:00"), Ok(datetime!(2026-05-04 08:00:00 UTC)));
        for text in ["", "2026", "2026-02-30", "yesterday", "31.01.2025"] {
            assert!(start_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_before_now_is_in_days_or_hours() {
        assert_eq!((ago("90d"), ago("36h")), (Ok(Duration::days(90)), Ok(Duration::hours(36))));
        for text in ["", "d", "0d", "9", "9w", "-1d", "é"] {
            assert!(ago(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_run_remembers_is_what_was_given() {
        let line =
            ["backfill", "--last", "90d", "--until", "2026-05-04", "--accounts", "111122223333,444455556666"];
        let more = ["--services", "ec2,cloudwatch", "--owner", "Doe, J*", "--owner", "ann"];
        let filter = Alone::parse_from(line.into_iter().chain(more)).filter;
        let given = filter.given();
        assert_eq!(given["--owner"], "Doe, J*\nann");
        assert_eq!(Filter::of_given(&given).map(|filter| filter.given()), Ok(given));
    }

    #[test]
    fn all_regions_leave_nothing_out() {
        let of = |regions: &str| Alone::parse_from(["backfill", "--regions", regions]).filter;
        let (all, one) = (of("all"), of("eu-west-1"));
        assert_eq!(all.of_records().regions, Vec::<String>::new());
        assert_eq!(all.of_records_for_plan().regions, Vec::<String>::new());
        assert_eq!(one.of_records_for_plan().regions, ["eu-west-1", "us-east-1"]);
        let planned: Planned = serde_json::from_value(serde_json::json!({
            "arn": "arn:aws:sqs:eu-north-1:111122223333:a", "type": "sqs:queue", "account": "111122223333",
            "region": "eu-north-1", "state": "add", "event": {"id": "e", "time": null, "name": "CreateQueue"}, "add": [],
        }))
        .expect("a line of a plan");
        assert!(all.wants(&planned) && !one.wants(&planned));
    }

    #[test]
    fn services_have_the_names_of_event_sources_and_of_types() {
        let sources = |name| services(name).map(source_of).collect::<Vec<_>>();
        assert!(sources("cloudwatch").contains(&"monitoring.amazonaws.com".to_owned()));
        assert_eq!(sources("monitoring"), ["monitoring.amazonaws.com"]);
        assert!(is_of("cloudwatch:alarm", "cloudwatch") && is_of("cloudwatch:alarm", "monitoring"));
        assert!(!is_of("cloudwatch:alarm", "ec2"));
        assert!(service("nothing").is_err() && account("1234").is_err());
    }
}
