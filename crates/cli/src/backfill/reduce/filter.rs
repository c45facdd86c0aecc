//! The filters of the command line.

use aws_tags::record::timestamp;
use aws_tags_scan::Filter;
use clap::Args;
use time::{Date, Duration, OffsetDateTime, Time};

#[derive(Args)]
pub(crate) struct FilterOptions {
    /// Only events at this time and later: `2025-01-31`, or `2025-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time; of a date, the whole day still counts.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only these accounts.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    accounts: Vec<String>,
    /// Only these Regions. Sessions of the global endpoint of STS are in us-east-1.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only calls of these services, e.g. `ec2,rds`; sessions are kept all the same.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    services: Vec<String>,
}

impl FilterOptions {
    /// The filter, or what is wrong with it.
    pub(super) fn read(&self) -> Result<Filter, String> {
        for account in &self.accounts {
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("--accounts: `{account}` is no account: expected 12 digits"));
            }
        }
        Ok(Filter {
            since: self.since.as_deref().map(|text| time("--since", text, Duration::ZERO)).transpose()?,
            until: self.until.as_deref().map(|text| time("--until", text, Duration::DAY)).transpose()?,
            accounts: self.accounts.clone(),
            regions: self.regions.clone(),
            sources: self.services.iter().map(|service| source(service)).collect::<Result<_, _>>()?,
        })
    }
}

/// A time; of a date, its beginning and so much more.
fn time(name: &str, text: &str, of_date: Duration) -> Result<OffsetDateTime, String> {
    let date = || {
        let at_midnight = timestamp::parse(&format!("{text}T00:00:00Z")).map(OffsetDateTime::date);
        at_midnight.map(|date: Date| date.with_time(Time::MIDNIGHT).assume_utc().saturating_add(of_date))
    };
    let wrong =
        || format!("{name}: `{text}` is no time: expected e.g. `2025-01-31` or `2025-01-31T12:00:00Z`");
    date().or_else(|| timestamp::parse(text)).ok_or_else(wrong)
}

/// The event source of a service, which the table must know.
fn source(service: &str) -> Result<String, String> {
    let source = if service.contains('.') { service.to_owned() } else { format!("{service}.amazonaws.com") };
    match aws_tags::table::service(&source) {
        Some(_) => Ok(source),
        None => Err(format!("--services: `{service}` is not supported: `aws-tags services` lists what is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_days() {
        let text = |name, text, more| time(name, text, more).map(timestamp::format);
        assert_eq!(text("--since", "2025-01-31", Duration::ZERO).as_deref(), Ok("2025-01-31T00:00:00Z"));
        assert_eq!(text("--until", "2025-01-31", Duration::DAY).as_deref(), Ok("2025-02-01T00:00:00Z"));
        assert_eq!(
            text("--until", "2025-01-31T12:00:00Z", Duration::DAY).as_deref(),
            Ok("2025-01-31T12:00:00Z")
        );
        assert!(
            time("--until", "31.01.2025", Duration::DAY).is_err_and(|wrong| wrong.contains("31.01.2025"))
        );
    }

    #[test]
    fn services_are_those_of_the_table() {
        assert_eq!(source("ec2").as_deref(), Ok("ec2.amazonaws.com"));
        assert_eq!(source("ec2.amazonaws.com").as_deref(), Ok("ec2.amazonaws.com"));
        assert!(source("ec3").is_err());
    }
}
