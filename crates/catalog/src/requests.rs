//! Prints the requests of all operations on tags, and what they read in answers, to compare both with an
//! SDK.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use anyhow::{Context, Result};
use aws_tags::Arn;
use aws_tags::table::operation::{AtLaunch, LookupOperation, Operation, ReadOperation, Request};
use aws_tags::table::{self, CreationTime, Locator, LookupKind, Read, Route};
use aws_tags::tags::TagMap;
use serde_json::json;

fn partition_of(region: &str) -> &'static str {
    match region {
        "cn-north-1" => "aws-cn",
        "us-gov-west-1" => "aws-us-gov",
        _ => "aws",
    }
}

/// A usual Region, us-east-1, one in China and one of GovCloud.
const REGIONS: &[&str] = &["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"];

/// One JSON object per line for every operation and Region.
pub fn print() {
    let tags = TagMap::from([
        ("Owner".to_owned(), "ann & <bob>".to_owned()),
        ("é/=+".to_owned(), "x:y@z".to_owned()),
    ]);
    let mut printed: BTreeMap<(&str, &str, &str), serde_json::Value> = BTreeMap::new();
    let mut untags: BTreeMap<(&str, &str, &str), serde_json::Value> = BTreeMap::new();
    for service in table::all() {
        for row in service.rows.iter().filter(|row| row.creates()) {
            for region in REGIONS {
                let arn = example(row.resource_type, region);
                let mut print =
                    |operation: &'static Operation, request: Request, tags: &TagMap, tells_time: bool| {
                        let key = (operation.api.service_id, operation.name, *region);
                        printed
                            .entry(key)
                            .or_insert_with(|| line(operation, region, &arn, request, tags, tells_time));
                    };
                if let Route::TaggingApi(Some(tag)) | Route::TagOperation(tag) = row.route(service) {
                    print(&tag.operation, tag.request(&arn, &tags, AtLaunch::Keep), &tags, false);
                    if let Some(untag) = tag.untag {
                        let key = (untag.operation.api.service_id, untag.operation.name, *region);
                        untags.entry(key).or_insert_with(|| {
                            let (request, none) = (untag.request(&arn, &tags), TagMap::new());
                            let mut line = line(&untag.operation, region, &arn, request, &none, false);
                            line["untags"] = json!(tags);
                            line["byUpdate"] = json!(tag.operation.name == untag.operation.name);
                            line
                        });
                    }
                }
                if let CreationTime::Operation(time) = row.creation_time {
                    print(&time.operation, time.request(&arn), &TagMap::new(), true);
                }
                if let Read::Operation(read) = row.read_by(service) {
                    print(&read.operation, read.request(&arn, None), &TagMap::new(), false);
                }
            }
        }
    }
    printed.values().chain(untags.values()).for_each(|line| println!("{line}"));
    for lookup in lookups() {
        for region in REGIONS {
            let (question, asked) = lookup.example();
            let request = lookup.request(&question, question.subjects.first().map_or("", String::as_str));
            let mut line = line(
                &lookup.operation,
                region,
                &example("some:thing", region),
                request,
                &TagMap::new(),
                false,
            );
            line["asked"] = json!(asked.into_iter().collect::<BTreeMap<_, _>>());
            line["told"] = json!(lookup.example_answer().into_iter().collect::<BTreeMap<_, _>>());
            println!("{line}");
        }
    }
}

/// Every lookup of the table by a service's own operation.
fn lookups() -> impl Iterator<Item = &'static LookupOperation> {
    let rows = table::all().flat_map(|service| service.rows);
    let found = rows.filter_map(|row| match row.locator {
        Locator::Lookup { kind: LookupKind::Operation(lookup), .. } => Some(lookup),
        _ => None,
    });
    found.flat_map(|first| std::iter::successors(Some(first), |one| one.then))
}

/// Reads the answers on the standard input, one JSON object per line with `service`, `operation`, `arn` and
/// `body`; prints the tags in each and what the next request says.
pub fn read_answers() -> Result<()> {
    for line in io::stdin().lock().lines() {
        let answer: serde_json::Value = serde_json::from_str(&line?)?;
        let text = |name: &str| answer.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        if let Some(lookup) = lookups().find(|lookup| {
            answer.get("told").is_some() && is_named(&lookup.operation, text("service"), text("operation"))
        }) {
            let (question, _) = lookup.example();
            let subject = question.subjects.first().map_or("", String::as_str);
            let found = lookup.found(&question, subject, text("body"))?;
            let found = found
                .iter()
                .map(|one| json!({"name": one.name, "created": one.created.map(|at| at.unix_timestamp()), "tags": one.tags}));
            println!("{}", found.collect::<serde_json::Value>());
            continue;
        }
        let arn = Arn::parse(text("arn")).context("no ARN")?;
        let read = read_operation(text("service"), text("operation"));
        let page = read.with_context(|| format!("no operation in {answer}"))?.page(&arn, text("body"))?;
        println!("{}", json!({"tags": page.tags, "next": page.next}));
    }
    Ok(())
}

fn read_operation(service: &str, name: &str) -> Option<&'static ReadOperation> {
    let mut rows = table::all().flat_map(|of| of.rows.iter().map(move |row| row.read_by(of)));
    rows.find_map(|read| match read {
        Read::Operation(read) => is_named(&read.operation, service, name).then_some(read),
        _ => None,
    })
}

fn is_named(Operation { api, name: own, .. }: &Operation, service: &str, name: &str) -> bool {
    api.service_id == service && own.ends_with(&format!(":{name}"))
}

/// An ARN that has every part that requests take from one.
#[expect(clippy::expect_used, reason = "the table's types are parts of ARNs")]
fn example(resource_type: &str, region: &str) -> Arn {
    let (prefix, name) = resource_type.split_once(':').unwrap_or_default();
    let text = format!(
        "arn:{}:{}:{region}:111122223333:{name}/some/path/wsinst-0123456789abc+d",
        partition_of(region),
        prefix.to_lowercase()
    );
    Arn::parse(&text).expect("an ARN")
}

fn line(
    operation: &Operation,
    region: &str,
    arn: &Arn,
    request: Request,
    tags: &TagMap,
    tells_time: bool,
) -> serde_json::Value {
    let endpoint = operation.api.endpoint.resolve(region, arn.account());
    json!({
        "service": operation.api.service_id, "operation": operation.name.split(':').nth(1), "region": region,
        "arn": arn.as_str(), "id": arn.id(), "tags": tags, "method": request.method, "host": endpoint.host,
        "path": request.path, "headers": request.headers.into_iter().collect::<BTreeMap<_, _>>(),
        "body": request.body, "actions": operation.actions, "tellsTime": tells_time, "signing": [endpoint.signing_region, operation.api.signing_name.to_owned()],
    })
}
