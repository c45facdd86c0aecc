//! Reading a trail with Athena: the table's definition, a query for each month, and what that costs.
//!
//! The queries are generated from the table of creating calls, and their rows end in the same reduction as a scan's.
//! <https://docs.aws.amazon.com/athena/latest/ug/cloudtrail-logs.html>

mod costs;
mod sql;

use std::io::{self, Write};

use clap::Args;
use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::Filter;
use crate::console::{End, bad_input};

/// Bytes of a query.
/// <https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>
const LONGEST_QUERY: usize = 262_144;
/// Partitions that a query may read.
/// <https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html>
const MOST_PARTITIONS: usize = 1_000_000;
/// A file is in the folder of the day on which it was delivered: the last events of a day are in the next one's.
const DELIVERED_WITHIN: Duration = Duration::DAY;

/// Where a trail is, for Athena.
#[derive(Args)]
pub(crate) struct Trail {
    /// Bucket of the trail.
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// What stands before `AWSLogs/` in it.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The organisation whose trail it is, such as `o-exampleorgid`.
    #[arg(long, value_name = "ID")]
    org: Option<String>,
    /// Where Athena writes the rows: `s3://bucket/folder`.
    #[arg(long, value_name = "S3")]
    to: Option<String>,
    /// Name of the table in Athena.
    #[arg(long, value_name = "NAME", default_value = "aws_tags_trail")]
    table: String,
    /// Gigabytes of the trail, packed, for the costs.
    #[arg(long, value_name = "GB", default_value_t = 1000)]
    size: u64,
}

/// What is asked of which table.
struct Query<'a> {
    table: &'a str,
    /// `s3://bucket/prefix/AWSLogs/o-id`
    logs: String,
    to: &'a str,
    accounts: &'a [String],
    regions: &'a [String],
    since: OffsetDateTime,
    until: OffsetDateTime,
}

/// A part of the time: a month, or what of it is asked for. Both ends are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: OffsetDateTime,
    to: OffsetDateTime,
}

/// Prints the SQL, and the costs as comments.
pub(super) fn print(trail: &Trail, filter: &Filter, out: &mut impl Write) -> io::Result<End> {
    let query = match Query::of(trail, filter) {
        Ok(query) => query,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let spans = query.spans();
    let queries: Vec<String> = spans.iter().map(|span| sql::unload(&query, *span)).collect();
    if let Some(longest) = queries.iter().map(String::len).max().filter(|bytes| *bytes > LONGEST_QUERY) {
        let reason =
            format!("the query has {longest} bytes, and Athena takes {LONGEST_QUERY}: name fewer accounts");
        return Ok(bad_input(&reason));
    }
    if let Some(count) = query.partitions(&spans).filter(|count| *count > MOST_PARTITIONS) {
        let reason = format!(
            "a month has {count} partitions, and Athena reads {MOST_PARTITIONS}: name fewer accounts"
        );
        return Ok(bad_input(&reason));
    }
    for line in costs::lines(trail.size, spans.len()) {
        writeln!(out, "-- {line}")?;
    }
    writeln!(out, "\n{};", sql::table(&query))?;
    for query in queries {
        writeln!(out, "\n{query};")?;
    }
    Ok(End::Done)
}

impl<'a> Query<'a> {
    fn of(trail: &'a Trail, filter: &'a Filter) -> Result<Self, String> {
        let required = |value: &'a Option<String>, name: &str| {
            value
                .as_deref()
                .filter(|value| is_plain(value))
                .ok_or_else(|| format!("--athena-sql needs {name}"))
        };
        let bucket = required(&trail.bucket, "--bucket, the name of the trail's bucket")?;
        let to = required(&trail.to, "--to, where Athena writes the rows, such as s3://bucket/folder")?;
        if !to.starts_with("s3://") {
            return Err(format!("--to {to}: expected an address such as s3://bucket/folder"));
        }
        let others = [trail.prefix.as_ref(), trail.org.as_ref(), Some(&trail.table)];
        let lists = filter.accounts.iter().chain(&filter.regions);
        if let Some(odd) = others.into_iter().flatten().chain(lists).find(|text| !is_plain(text)) {
            return Err(format!("`{odd}`: expected letters, digits and `-_./:`"));
        }
        if filter.accounts.is_empty() || filter.regions.iter().all(|region| region == "all") {
            return Err(
                "--athena-sql needs --accounts and --regions: Athena finds the trail's folders by them"
                    .to_owned(),
            );
        }
        let Some(since) = filter.since() else {
            return Err("--athena-sql needs --since, the first day that is read, or --last".to_owned());
        };
        let until = filter.until.unwrap_or_else(OffsetDateTime::now_utc);
        if until < since {
            return Err("--until is before --since".to_owned());
        }
        let before = trail.prefix.iter().map(|prefix| format!("/{}", prefix.trim_matches('/')));
        let after = trail.org.iter().map(|org| format!("/{org}"));
        let parts: String = before.chain(["/AWSLogs".to_owned()]).chain(after).collect();
        Ok(Self {
            table: &trail.table,
            logs: format!("s3://{bucket}{parts}"),
            to: to.trim_end_matches('/'),
            accounts: &filter.accounts,
            regions: &filter.regions,
            since,
            until,
        })
    }

    /// The time in months.
    fn spans(&self) -> Vec<Span> {
        let (mut spans, mut from) = (Vec::new(), self.since);
        while from <= self.until {
            let next = start_of_next_month(from.date());
            let end = next.map_or(self.until, |next| next.saturating_sub(Duration::SECOND));
            spans.push(Span { from, to: end.min(self.until) });
            let Some(next) = next else { break };
            from = next;
        }
        spans
    }

    /// The partitions of the month with the most.
    fn partitions(&self, spans: &[Span]) -> Option<usize> {
        let days = spans.iter().map(|span| {
            let (first, last) = span.days();
            usize::try_from(last.to_julian_day().saturating_sub(first.to_julian_day())).unwrap_or_default()
        });
        let days = days.max()?.saturating_add(1);
        Some(self.accounts.len().saturating_mul(self.regions.len()).saturating_mul(days))
    }
}

impl Span {
    /// The folders in which its records are, first and last.
    fn days(&self) -> (Date, Date) {
        (self.from.date(), self.to.saturating_add(DELIVERED_WITHIN).date())
    }
}

fn start_of_next_month(day: Date) -> Option<OffsetDateTime> {
    let next = day.month().next();
    let year = if next == Month::January { day.year().checked_add(1)? } else { day.year() };
    Some(Date::from_calendar_date(year, next, 1).ok()?.with_time(Time::MIDNIGHT).assume_utc())
}

/// Whether a text means nothing to SQL, nor in a path.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        trail: Trail,
        #[command(flatten)]
        filter: Filter,
    }

    const GIVEN: &[&str] = &[
        "backfill",
        "--bucket",
        "trail",
        "--to",
        "s3://out/rows/",
        "--accounts",
        "111122223333,444455556666",
        "--regions",
        "eu-west-1,us-east-1",
        "--since",
        "2025-11-20",
        "--until",
        "2026-01-05",
    ];

    fn given(more: &[&str]) -> Given {
        Given::parse_from(GIVEN.iter().chain(more))
    }

    fn printed(more: &[&str]) -> String {
        let (given, mut out) = (given(more), Vec::new());
        assert!(print(&given.trail, &given.filter, &mut out).expect("writable") == End::Done);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn there_is_a_query_for_each_month() {
        let given = given(&[]);
        let query = Query::of(&given.trail, &given.filter).expect("a query");
        let spans: Vec<String> =
            query.spans().iter().map(|span| format!("{} {}", span.from.date(), span.to)).collect();
        assert_eq!(
            spans,
            [
                "2025-11-20 2025-11-30 23:59:59.0 +00:00:00",
                "2025-12-01 2025-12-31 23:59:59.0 +00:00:00",
                "2026-01-01 2026-01-05 23:59:59.0 +00:00:00",
            ]
        );
        assert_eq!(query.partitions(&query.spans()), Some(2 * 2 * 32));
        assert_eq!(printed(&[]).matches("UNLOAD (").count(), 3);
    }

    #[test]
    fn queries_are_as_short_as_athena_takes_them_and_name_every_creating_call() {
        let text = printed(&["--org", "o-exampleorgid", "--prefix", "/logs/"]);
        let longest = text.split("\n\n").map(str::len).max().expect("queries");
        assert!(longest < LONGEST_QUERY / 2, "{longest}");
        for part in [
            "LOCATION 's3://trail/logs/AWSLogs/o-exampleorgid/'",
            "'s3://trail/logs/AWSLogs/o-exampleorgid/${account}/CloudTrail/${region}/${day}'",
            "'projection.account.values'='111122223333,444455556666'",
            "'projection.day.range'='2025/11/20,2026/01/06'",
            "sourceidentity:string",
            "day BETWEEN '2025/12/01' AND '2026/01/01'",
            "eventtime BETWEEN '2025-12-01T00:00:00Z' AND '2025-12-31T23:59:59Z'",
            "TO 's3://out/rows/2025-12/'",
        ] {
            assert!(text.contains(part), "{part}");
        }
        for (source, name) in aws_tags::backfill::relevance::creating_calls() {
            assert!(text.contains(&format!("'{source} {name}'")), "{source} {name}");
        }
    }

    #[test]
    fn what_is_missing_or_means_something_to_sql_is_refused() {
        let refused = |arguments: &[&str]| {
            let given = Given::parse_from(arguments);
            Query::of(&given.trail, &given.filter).err().expect("a reason")
        };
        assert!(refused(&["backfill"]).contains("--bucket"));
        assert!(refused(&[GIVEN, &["--org", "o'; DROP"]].concat()).contains("o'; DROP"));
        assert!(refused(&GIVEN[..9]).contains("--since"));
        assert!(refused(&[&GIVEN[..5], &["--since", "2025-01-01"]].concat()).contains("--accounts"));
    }
}
