//! `aws-tags backfill`: what a history says of resources that are there already. Whatever reads it, by LookupEvents,
//! on disk or with Athena, ends in one *reduction*.

mod athena;
mod files;
#[cfg(feature = "aws")]
mod history;
mod line;
mod reduction;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::record::timestamp;
use clap::Args;
use time::{Duration, OffsetDateTime};

#[cfg(feature = "aws")]
use crate::account::AccessOptions;
use crate::console::{End, bad_input};
use reduction::Counts;

/// The source that is no file.
const HISTORY: &str = "history";

#[derive(Args)]
pub(crate) struct Options {
    /// Where the history is: `history` for CloudTrail's own of the last 90 days, by LookupEvents; or files and folders, as
    /// `replay` takes them, and rows of Athena.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Write the reduction of the history to this file: creations, sessions and endings, as lines of JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "athena_sql")]
    reduce_only: Option<PathBuf>,
    /// Print the SQL by which Athena reads a trail to the same reduction, and what each way of reading it costs.
    #[arg(long)]
    athena_sql: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    trail: athena::Trail,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    access: AccessOptions,
}

/// Which part of a history.
#[derive(Args)]
pub(crate) struct Filter {
    /// From this time on: a day, or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = start_of)]
    since: Option<OffsetDateTime>,
    /// Until this time: a day with its end, or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = end_of)]
    until: Option<OffsetDateTime>,
    /// The same as --since, counted back from now, such as `90d` or `36h`.
    #[arg(long, value_name = "TIME", value_parser = ago, conflicts_with = "since")]
    last: Option<Duration>,
    /// Only these Regions, or `all` that are enabled.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only these accounts.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    accounts: Vec<String>,
}

impl Filter {
    fn since(&self) -> Option<OffsetDateTime> {
        let ago = |last| OffsetDateTime::now_utc().saturating_sub(last);
        self.since.or_else(|| self.last.map(ago))
    }
}

/// Reads a history, or says how Athena does.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    if options.athena_sql {
        return athena::print(&options.trail, &options.filter, out);
    }
    let Some(file) = &options.reduce_only else {
        return Ok(bad_input("say what to do: --reduce-only FILE, or --athena-sql"));
    };
    match options.sources.as_slice() {
        [] => Ok(bad_input("no source: give `history`, or files and folders")),
        [source] if source == HISTORY => history(options, file, out),
        sources if sources.iter().any(|source| source == HISTORY) => {
            Ok(bad_input("`history` and files cannot be read at once: reduce each, then both reductions"))
        }
        sources => {
            let (counts, end) = files::reduce(sources, &options.filter, file)?;
            written(file, counts, out)?;
            Ok(end)
        }
    }
}

#[cfg(feature = "aws")]
fn history(options: &Options, file: &Path, out: &mut impl Write) -> io::Result<End> {
    let filter = &options.filter;
    let wanted = history::Wanted {
        access: &options.access,
        regions: &filter.regions,
        last: filter.last,
        since: filter.since,
        until: filter.until,
    };
    match history::reduce(&wanted, file)? {
        history::Read::Unfinished(end) => Ok(end),
        history::Read::Whole(counts, requests) => {
            written(file, counts, out)?;
            writeln!(out, "{requests} calls of LookupEvents")?;
            Ok(End::Done)
        }
    }
}

#[cfg(not(feature = "aws"))]
fn history(_: &Options, _: &Path, _: &mut impl Write) -> io::Result<End> {
    Ok(bad_input("this command was built without AWS, and cannot ask CloudTrail's history"))
}

fn written(
    file: &Path,
    Counts { creations, sessions, endings }: Counts,
    out: &mut impl Write,
) -> io::Result<()> {
    let file = file.display();
    writeln!(out, "{file}: {creations} creations, {sessions} sessions, {endings} endings")
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
        assert!(start_of("yesterday").is_err());
    }

    #[test]
    fn a_time_before_now_is_in_days_or_hours() {
        assert_eq!((ago("90d"), ago("36h")), (Ok(Duration::days(90)), Ok(Duration::hours(36))));
        for text in ["", "d", "0d", "9", "9w", "-1d", "é"] {
            assert!(ago(text).is_err(), "{text}");
        }
    }
}
