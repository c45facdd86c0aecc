//! What `aws-tags probe` found in a real account: `probed.jsonl`, which a maintainer takes over. Until
//! somebody has asked AWS, it has nothing but its first line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aws_tags::probing::{Observed, OwnAnswer, ProbedType, ProbedTypes};
use aws_tags::table::{self, BY_HAND, Service};

use crate::table::{Read, Route, Row};

/// The evidence that is kept, or that of another file.
pub fn probed(file: Option<&Path>) -> Result<ProbedTypes> {
    let Some(file) = file else {
        return ProbedTypes::parse(include_str!("../probed.jsonl")).context("probed.jsonl");
    };
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    ProbedTypes::parse(&text).with_context(|| file.display().to_string())
}

/// Where the evidence contradicts the models, the rows by hand, or itself. A contradiction ends where an
/// override names another operation, or none.
pub fn contradictions(probed: &ProbedTypes, rows: &[Row]) -> Vec<String> {
    let own = rows.iter().flat_map(|row| {
        let one = probed.get(&row.resource_type)?;
        Some([
            unlike(one, one.tag.as_ref(), row.route.own().map(|own| own.operation.name.as_str())),
            unlike(one, one.read.as_ref(), read_operation(row)),
        ])
    });
    let by_hand = BY_HAND
        .iter()
        .flat_map(|service| service.rows.iter().filter_map(|row| refused_by_hand(probed, service, row)));
    let known: BTreeSet<&str> =
        table::all().flat_map(|service| service.rows).map(|row| row.resource_type).collect();
    let is_unknown = |one: &&ProbedType| !known.contains(one.resource_type.as_str());
    let unknown =
        probed.iter().filter(is_unknown).map(|one| format!("`{}` is of no row any more", one.resource_type));
    let all: BTreeSet<String> = own.flatten().flatten().chain(by_hand).chain(unknown).collect();
    all.into_iter().collect()
}

/// What AWS says of an operation that a row has, where that is not what its model says.
fn unlike(one: &ProbedType, asked: Option<&Observed<OwnAnswer>>, used: Option<&str>) -> Option<String> {
    let asked =
        asked.filter(|asked| asked.answer.contradicts_the_model() && asked.operation.as_deref() == used)?;
    let (operation, answer) = (used.unwrap_or_default(), asked.answer.as_str());
    Some(format!("`{operation}` on `{}`: {answer} ({})", one.resource_type, asked.said))
}

fn read_operation(row: &Row) -> Option<&str> {
    match &row.read {
        Read::Operation(read) => Some(&read.operation.name),
        Read::Ec2DescribeTags | Read::Told(_) | Read::Never => None,
    }
}

/// A row by hand that goes to the tagging API, which refuses its type.
fn refused_by_hand(probed: &ProbedTypes, service: &Service, row: &table::Row) -> Option<String> {
    let goes_there = matches!(row.route(service), table::Route::TaggingApi(_)) && row.creates();
    let is_refused = goes_there && probed.refused(row.resource_type);
    is_refused.then(|| {
        format!("{} {}: the tagging API refuses `{}`", service.name, row.event_name, row.resource_type)
    })
}

/// Whether AWS itself has shown that a type is tagged this way.
pub fn shows(probed: &ProbedTypes, resource_type: &str, route: &Route) -> bool {
    use aws_tags::probing::TaggingApiAnswer::Accepted;
    match route {
        Route::TaggingApi(_) => probed.tagging_api(resource_type) == Some(Accepted),
        Route::TagOperation(own) => {
            probed.refused(resource_type) || probed.confirms(&own.operation.name, resource_type)
        }
        Route::Ec2CreateTags | Route::Unknown => false,
    }
}
