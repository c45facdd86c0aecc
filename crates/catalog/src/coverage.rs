//! Writes the coverage page: every service, type, creating call, route and evidence, and which types
//! are not covered and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use aws_tags::table::{self, Evidence, Read};

use crate::event_sources::{self, event_sources, prefixes};
use crate::overrides::{Type, overrides};
use crate::table::{Catalog, Route, Row, by_hand};

/// Columns of the table of rows.
const HEAD: &str = "| Service | Call | Creates | Tagged by | Evidence |\n|---|---|---|---|---|\n";

/// Titles of what is missing.
const UNREAD: &str = "Types whose tags nothing lists";
const GAPS: &str = "Types without a row that calls create";

/// A type without a row: not creatable for a reason, or a gap.
enum Missing {
    /// A type with a row has the same ARN format.
    SameArn(String),
    /// No published API has the service's actions.
    NoApi,
    /// No call creates it.
    NotCreated(&'static str),
    /// A call creates it, and no row finds it.
    Gap(String),
}

/// How much of what calls create can be found, tagged and read.
struct Reach {
    covered: BTreeMap<String, Vec<String>>,
    missing: Vec<(String, Missing)>,
    /// Types with a row that tags them, though nothing lists their tags.
    unread: BTreeMap<&'static str, &'static str>,
}

impl Reach {
    fn of(catalog: &Catalog, rows: &[Row]) -> Self {
        let covered = covered(rows);
        let missing = taggable(catalog)
            .filter(|(resource_type, _)| !covered.contains_key(resource_type))
            .map(|(resource_type, arn)| {
                let why = why(catalog, rows, &covered, &resource_type, &arn);
                (resource_type, why)
            })
            .collect();
        Self { covered, missing, unread: unread() }
    }

    /// Types that calls create.
    fn creatable(&self) -> usize {
        let gaps = self.missing.iter().filter(|(_, why)| matches!(why, Missing::Gap(_))).count();
        self.covered.len().saturating_add(gaps)
    }

    fn percent(&self, types: usize) -> f64 {
        100.0 * types as f64 / self.creatable().max(1) as f64
    }

    fn text(&self, catalog: &Catalog) -> String {
        let (routed, read) = (self.covered.len(), self.covered.len().saturating_sub(self.unread.len()));
        format!(
            "- The tagging actions of the service authorization data list {} types. Calls of published APIs create \
             {} of them (with those that a record shows though no action lists them), and {routed} have a row with a \
             route: {:.1} %. {read} have besides an operation in every row that lists the tags of one: {:.1} %.\n",
            taggable(catalog).count(),
            self.creatable(),
            self.percent(routed),
            self.percent(read),
        )
    }

    /// A line for each type that lacks a reader, or a row.
    fn lacking(&self) -> (String, String) {
        let line = |(name, reason): (&str, &str)| format!("- `{name}`: {reason}\n");
        let unread = self.unread.iter().map(|(name, reason)| line((name, reason))).collect();
        let gaps = self.missing.iter().filter_map(|(name, why)| match why {
            Missing::Gap(reason) => Some(line((name, reason))),
            Missing::SameArn(_) | Missing::NoApi | Missing::NotCreated(_) => None,
        });
        (unread, gaps.collect())
    }
}

/// What of the types that calls create can be tagged and read, and what lacks what.
pub fn reach(catalog: &Catalog, rows: &[Row]) -> String {
    let reach = Reach::of(catalog, rows);
    let (unread, gaps) = reach.lacking();
    format!("{}\n{UNREAD}:\n\n{unread}\n{GAPS}:\n\n{gaps}", reach.text(catalog))
}

/// The page, from the compiled table (which must be the newest) and the packages.
pub fn page(catalog: &Catalog, rows: &[Row]) -> String {
    let reach = Reach::of(catalog, rows);
    let sources: BTreeSet<&str> = table::all().map(|service| service.name).collect();
    let (rows_table, counts) = rows_table();
    let count = |evidence: Evidence| counts.get(&evidence).copied().unwrap_or_default();
    let (recorded, documented) = (count(Evidence::Recorded), count(Evidence::Documented));
    let (probed, modelled) = (count(Evidence::Probed), count(Evidence::Modelled));
    let mut page = format!(
        "# Coverage\n\nWritten by `make generate`.\n\n\
         - {} calls of {} event sources create taggable resources of {} types. {recorded} rows are `recorded`: a \
         published record confirms them. {documented} are `documented`: a record that AWS's guide prints does. {probed} are \
         `probed`: the model of the API says where the record names the resource, and AWS has shown which API tags it. \
         {modelled} are `modelled`: the models say so. [evidence.toml](evidence.toml) has the pages.\n\
         {}- On demand: only if the setting `ALSO_TAG` names the type.\n\n\
         `cargo run --bin catalog -- reach` prints these figures, and what is missing.\n\n## Rows\n\n{HEAD}{rows_table}",
        count_calls(),
        sources.len(),
        reach.covered.len(),
        reach.text(catalog),
    );
    let (unread, _) = reach.lacking();
    for (title, text) in lists(rows, &reach.missing).into_iter().chain([(UNREAD, unread)]) {
        let _ = write!(page, "\n## {title}\n\n{text}");
    }
    page
}

/// Types with a row that has no reader, each with the reason.
fn unread() -> BTreeMap<&'static str, &'static str> {
    let rows = table::all().flat_map(|service| service.rows.iter().map(move |row| (service, row)));
    let without = rows.filter(|(service, row)| row.creates() && row.read_by(service) == Read::Never);
    let reason = |resource_type: &str| {
        let known = overrides().no_reader.iter().find(|one| one.resource_type == resource_type);
        known.map_or("no operation of the API lists its tags", |one| one.reason.as_str())
    };
    without.map(|(_, row)| (row.resource_type, reason(row.resource_type))).collect()
}

/// Every type that a tagging action lists, with its ARN format.
fn taggable(catalog: &Catalog) -> impl Iterator<Item = (String, String)> {
    catalog.authorizations.iter().flat_map(|(prefix, known)| {
        let listed = known.listed_as_taggable();
        let types =
            known.types.values().filter(move |resource_type| listed.contains(resource_type.key.as_str()));
        let own = types.filter(move |resource_type| resource_type.arn.split(':').nth(2) == Some(prefix));
        own.map(move |resource_type| (format!("{prefix}:{}", resource_type.key), resource_type.arn.clone()))
    })
}

/// Types with a row that finds and tags them, with their ARN formats.
fn covered(rows: &[Row]) -> BTreeMap<String, Vec<String>> {
    let by_hand = table::all()
        .flat_map(|service| service.rows)
        .filter(|row| row.creates())
        .map(|row| (row.resource_type.to_owned(), Vec::new()));
    let generated = rows.iter().filter(|row| row.finds() && row.route != Route::Unknown);
    by_hand.chain(generated.map(|row| (row.resource_type.clone(), row.formats.clone()))).collect()
}

fn why(
    catalog: &Catalog,
    rows: &[Row],
    covered: &BTreeMap<String, Vec<String>>,
    resource_type: &str,
    arn: &str,
) -> Missing {
    let prefix = resource_type.split(':').next().unwrap_or_default();
    if let Some(Type { reason, .. }) =
        overrides().not_created.iter().find(|one| one.resource_type == resource_type)
    {
        return Missing::NotCreated(reason);
    }
    let same =
        |(_, formats): &(&String, &Vec<String>)| formats.iter().any(|format| shape(format) == shape(arn));
    if let Some((other, _)) = covered.iter().find(same) {
        return Missing::SameArn(other.clone());
    }
    if !catalog.apis.iter().any(|api| prefixes(api).contains(&prefix)) {
        return Missing::NoApi;
    }
    if let Some(Type { reason, .. }) =
        overrides().no_row.iter().find(|one| one.resource_type == resource_type)
    {
        return Missing::Gap((*reason).to_owned());
    }
    Missing::Gap(match rows.iter().find(|row| row.resource_type == resource_type) {
        Some(row) if row.route == Route::Unknown => {
            format!("`{}` creates it, and no operation of the API adds tags to it alone", row.event_name)
        }
        Some(row) => format!("the record of `{}` names neither its ARN nor all parts of it", row.event_name),
        None => "no rule finds the call that creates it".to_owned(),
    })
}

/// An ARN format without the names of its variables.
fn shape(format: &str) -> String {
    format
        .split("${")
        .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest))
        .collect::<Vec<_>>()
        .join("$")
}

/// The table of rows, and how many rest on each kind of evidence.
fn rows_table() -> (String, BTreeMap<Evidence, usize>) {
    let (mut text, mut counts) = (String::new(), BTreeMap::new());
    for service in table::all() {
        for row in service.rows.iter().filter(|row| row.creates()) {
            let route = row.route.unwrap_or(service.route).as_str();
            let alone = if row.opt_in.is_some() { ", on demand" } else { "" };
            let evidence = table::evidence(service, row);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {route}{alone} | {} |",
                service.name,
                row.event_name,
                row.resource_type,
                evidence.as_str()
            );
            *counts.entry(evidence).or_default() += 1;
        }
    }
    (text, counts)
}

/// The event sources of rows that no page shows, with their APIs.
fn assumed_sources(rows: &[Row]) -> String {
    let is_assumed = |row: &&Row| {
        let mut sources = event_sources(&row.from.0).iter().filter(|one| one.source == row.source);
        sources.any(|one| one.evidence == event_sources::Evidence::Assumed)
    };
    let assumed: BTreeSet<(&str, &str)> =
        rows.iter().filter(is_assumed).map(|row| (row.source.as_str(), row.from.0.as_str())).collect();
    assumed.iter().map(|(source, api)| format!("- `{source}`: {api}\n")).collect()
}

fn lists(rows: &[Row], missing: &[(String, Missing)]) -> [(&'static str, String); 6] {
    let mut texts: [String; 5] = Default::default();
    for (resource_type, why) in missing {
        let (nth, reason) = match why {
            Missing::Gap(reason) => (1, reason.clone()),
            Missing::NotCreated(reason) => (2, (*reason).to_owned()),
            Missing::SameArn(other) => (3, format!("`{other}`")),
            Missing::NoApi => (4, String::new()),
        };
        let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
        let _ = writeln!(texts[nth], "- `{resource_type}`{reason}");
    }
    let is_unnamed =
        |row: &&Row| !row.finds() && row.route != Route::Unknown && !by_hand(&row.source, &row.event_name);
    for row in rows.iter().filter(is_unnamed) {
        let why = overrides().unnamed.iter().find(|one| one.is(&row.source, &row.event_name));
        let why = why.map_or(String::new(), |one| format!(": {}", one.reason));
        let _ = writeln!(texts[0], "- {} {}: `{}`{why}", row.source, row.event_name, row.resource_type);
    }
    let [unnamed, gaps, not_created, same, no_api] = texts;
    [
        (
            "Event sources that no page of AWS's shows: the name that the API signs with",
            assumed_sources(rows),
        ),
        ("Known calls whose record does not name the resource", unnamed),
        (GAPS, gaps),
        ("Types that no call of their own creates", not_created),
        ("Types with the ARN format of another", same),
        ("Types of services without a published API: retired, or made in a console only", no_api),
    ]
}

fn count_calls() -> usize {
    let rows = table::all().flat_map(|service| {
        let found = service.rows.iter().filter(|row| row.creates());
        found.map(move |row| (service.name, row.event_name))
    });
    rows.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_compared_without_the_names_of_their_variables() {
        assert_eq!(shape("arn:${Partition}:x:${Id}/y"), shape("arn:${Partition}:x:${Name}/y"));
        assert_ne!(shape("arn:${Partition}:x:${Id}/y"), shape("arn:${Partition}:x:${Id}/z"));
    }
}
