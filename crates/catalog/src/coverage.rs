//! Writes the coverage page: every service, type, creating call, route and evidence, and what is
//! not covered and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use aws_tags::services::{self, Evidence, Found};

use crate::table::{Catalog, Row};

/// Columns of the table of rows.
const HEAD: &str = "| Service | Call | Creates | Tagged by | Evidence |\n|---|---|---|---|---|\n";

/// The page, from the compiled table (which must be the newest) and the packages.
pub fn page(catalog: &Catalog, rows: &[Row]) -> String {
    let covered = covered(rows);
    let missing: Vec<(String, &str)> = catalog
        .authorizations
        .iter()
        .flat_map(|(prefix, known)| {
            let listed = known.listed_as_taggable();
            let types = known.types.values().filter(move |kind| listed.contains(kind.key.as_str()));
            types.map(move |kind| (format!("{prefix}:{}", kind.key), kind.arn.as_str()))
        })
        .filter(|(kind, arn)| !covered.contains(kind) && own(kind, arn))
        .collect();
    let (calls, mut kinds) = (count_calls(), BTreeSet::new());
    let mut table = HEAD.to_owned();
    for service in services::all() {
        for row in service.rows.iter().filter(|row| !matches!(row.found, Found::Nothing(_))) {
            kinds.insert(row.kind);
            let route = row.route.unwrap_or(service.route).call();
            let alone = if row.opt_in.is_some() { ", on demand" } else { "" };
            let evidence = if row.evidence == Evidence::Recorded { "recorded" } else { "modelled" };
            let _ = writeln!(
                table,
                "| {} | {} | {} | {route}{alone} | {evidence} |",
                service.name, row.call, row.kind
            );
        }
    }
    let total = covered.len() + missing.len();
    let percent = 100.0 * covered.len() as f64 / total.max(1) as f64;
    let sources: BTreeSet<&str> = services::all().map(|service| service.name).collect();
    let mut page = format!(
        "# Coverage\n\nWritten by `cargo run -p aws-tags-catalog -- coverage`. {calls} calls of {} event sources create {} \
         kinds of resources. Of {total} types that the tagging actions of the service authorization data list, \
         {} have a row ({percent:.1} %).\n\n`recorded`: a published record confirms the row. `modelled`: the model of \
         the API says so. On demand: only if the setting `ALSO_TAG` names the kind.\n\n## Rows\n\n{table}",
        sources.len(),
        kinds.len(),
        covered.len(),
    );
    page.push_str("\n## Known calls whose record does not name the resource\n\n");
    for row in rows.iter().filter(|row| row.places.is_empty()) {
        let _ = writeln!(page, "- {} {}: {}", row.source, row.call, row.kind);
    }
    page.push_str("\n## Types without a row\n\n");
    for (kind, arn) in missing {
        let _ = writeln!(page, "- `{kind}`: {}", reason(catalog, &kind, arn));
    }
    page
}

/// Types with a row that finds them.
fn covered(rows: &[Row]) -> BTreeSet<String> {
    let by_hand = services::all()
        .flat_map(|service| service.rows)
        .filter(|row| !matches!(row.found, Found::Nothing(_)));
    let generated = rows.iter().filter(|row| !row.places.is_empty()).map(|row| row.kind.clone());
    by_hand.map(|row| row.kind.to_owned()).chain(generated).collect()
}

fn count_calls() -> usize {
    let calls =
        services::all().flat_map(|service| service.rows.iter().map(move |row| (service.name, row.call)));
    calls.collect::<BTreeSet<_>>().len()
}

/// A type of the service itself, and not one of another service that its actions work on.
fn own(kind: &str, arn: &str) -> bool {
    arn.split(':').nth(2) == kind.split(':').next()
}

fn reason(catalog: &Catalog, kind: &str, arn: &str) -> &'static str {
    let (prefix, key) = kind.split_once(':').unwrap_or_default();
    let creates = catalog.authorizations.get(prefix).is_some_and(|known| {
        known.actions.values().any(|action| {
            action.name.starts_with("Create") && action.resource_types.iter().any(|on| on.name == key)
        })
    });
    let variants: BTreeMap<&str, usize> = catalog
        .authorizations
        .get(prefix)
        .map(|known| {
            known.types.values().fold(BTreeMap::new(), |mut counts, kind| {
                *counts.entry(kind.arn.as_str()).or_default() += 1;
                counts
            })
        })
        .unwrap_or_default();
    if variants.get(arn).is_some_and(|count| *count > 1) {
        "shares its ARN format with a type that may have a row"
    } else if creates {
        "no rule finds it in the answer of a creating call"
    } else {
        "no call of the API models is known to create it: made by other means, or retired"
    }
}
