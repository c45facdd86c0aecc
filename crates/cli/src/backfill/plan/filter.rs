//! Which lines a plan has. A filter never hides a record from the others: who created something last is found among
//! all.

use std::collections::BTreeMap;

use aws_tags::backfill::plan::Planned;
use aws_tags::record::timestamp;
use aws_tags::tags::TagSource;
use clap::Args;
use time::{Date, Duration, OffsetDateTime};
use wildmatch::WildMatch;

#[derive(Args, Clone, Debug, Default)]
pub(in super::super) struct FilterOptions {
    /// Only what was created since then: a day, or a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what was created until then, that day included.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only resources of these accounts.
    #[arg(long, value_name = "ACCOUNTS", value_delimiter = ',')]
    accounts: Vec<String>,
    /// Only resources in these Regions.
    #[arg(long, value_name = "REGIONS", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only resources of these services, e.g. `ec2,s3`.
    #[arg(long, value_name = "SERVICES", value_delimiter = ',')]
    services: Vec<String>,
    /// Only resources of owners like this, with * and ?; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    owner: Vec<String>,
}

impl FilterOptions {
    /// As a run remembers them.
    pub(in super::super) fn given(&self) -> BTreeMap<String, String> {
        let lists = [
            ("--accounts", &self.accounts),
            ("--regions", &self.regions),
            ("--services", &self.services),
            ("--owner", &self.owner),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(name, list)| (name.to_owned(), list.join(",")));
        let times = [("--since", &self.since), ("--until", &self.until)];
        let times = times.into_iter().filter_map(|(name, time)| Some((name.to_owned(), time.clone()?)));
        lists.chain(times).collect()
    }
}

/// Filters that can be used.
#[derive(Debug)]
pub(super) struct Filters {
    since: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    accounts: Vec<String>,
    regions: Vec<String>,
    services: Vec<String>,
    owner: Vec<WildMatch>,
}

impl Filters {
    /// Reads what [`FilterOptions::given`] gave, perhaps in another process.
    pub(super) fn read(given: &BTreeMap<String, String>) -> Result<Self, String> {
        let list = |name: &str| -> Vec<String> {
            let items = given.get(name).map(|list| list.split(',').map(str::trim).map(str::to_owned));
            items.into_iter().flatten().filter(|item| !item.is_empty()).collect()
        };
        let time = |name: &str, is_end| match given.get(name) {
            None => Ok(None),
            Some(text) => instant(text, is_end)
                .map(Some)
                .ok_or_else(|| format!("{name} is `{text}`, allowed: 2025-01-31, or 2025-01-31T12:00:00Z")),
        };
        Ok(Self {
            since: time("--since", false)?,
            until: time("--until", true)?,
            accounts: list("--accounts"),
            regions: list("--regions"),
            services: list("--services"),
            owner: list("--owner").iter().map(|text| WildMatch::new_case_insensitive(text)).collect(),
        })
    }

    pub(super) fn want(&self, planned: &Planned) -> bool {
        let is_one = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
        let at = planned.event.time;
        let service = planned.resource_type.split(':').next().unwrap_or_default();
        self.since.is_none_or(|since| at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| at.is_some_and(|at| at < until))
            && is_one(&self.accounts, &planned.account)
            && is_one(&self.regions, &planned.region)
            && is_one(&self.services, service)
            && self.wants_owner(planned)
    }

    fn wants_owner(&self, planned: &Planned) -> bool {
        let owner = planned.add.iter().find(|tag| tag.source == TagSource::Owner.as_str());
        let is_wanted = |value: &str| self.owner.iter().any(|pattern| pattern.matches(value));
        self.owner.is_empty() || owner.is_some_and(|tag| is_wanted(&tag.value))
    }
}

/// A time, or the begin of a day; as an end, that of the next.
fn instant(text: &str, is_end: bool) -> Option<OffsetDateTime> {
    if let Some(at) = timestamp::parse(text) {
        return Some(at);
    }
    let mut parts = text.splitn(3, '-').map(str::parse::<u16>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let begin = date.midnight().assume_utc();
    Some(if is_end { begin.saturating_add(Duration::DAY) } else { begin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_begins_with_it_and_ends_with_the_next() {
        assert_eq!(instant("2025-01-31", false), Some(datetime!(2025-01-31 00:00 UTC)));
        assert_eq!(instant("2025-01-31", true), Some(datetime!(2025-02-01 00:00 UTC)));
        assert_eq!(instant("2025-01-31T12:00:00+01:00", true), Some(datetime!(2025-01-31 11:00 UTC)));
        for text in ["", "2025", "2025-02-30", "yesterday", "2025-1-2-3"] {
            assert_eq!(instant(text, false), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_read_is_named_with_what_is_allowed() {
        let given = BTreeMap::from([("--until".to_owned(), "soon".to_owned())]);
        let wrong = Filters::read(&given).expect_err("no time");
        assert_eq!(wrong, "--until is `soon`, allowed: 2025-01-31, or 2025-01-31T12:00:00Z");
    }
}
