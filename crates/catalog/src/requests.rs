//! Prints the requests of all tag operations, to compare them with those of an SDK.

use std::collections::BTreeMap;

use aws_tags::Arn;
use aws_tags::table::tag_operation::TagOperation;
use aws_tags::table::{self, Route};
use aws_tags::tags::TagMap;
use serde_json::json;

/// A usual Region, us-east-1, one in China and one of GovCloud.
const REGIONS: &[&str] = &["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"];

/// One JSON object per line for every operation and Region.
pub fn print() {
    let mut operations: BTreeMap<(&str, &str), (&str, &TagOperation)> = BTreeMap::new();
    for service in table::all() {
        for row in service.rows.iter().filter(|row| row.creates()) {
            if let Route::TagOperation(operation) = row.route.unwrap_or(service.route) {
                operations.insert((operation.service_id, operation.name), (row.resource_type, operation));
            }
        }
    }
    for (resource_type, operation) in operations.values() {
        for region in REGIONS {
            println!("{}", request(resource_type, operation, region));
        }
    }
}

fn request(resource_type: &str, operation: &TagOperation, region: &str) -> serde_json::Value {
    let (prefix, name) = resource_type.split_once(':').unwrap_or_default();
    let text = format!("arn:aws:{prefix}:{region}:111122223333:{name}/some/path/wsinst-0123456789abc+d");
    let tags = TagMap::from([
        ("Owner".to_owned(), "ann & <bob>".to_owned()),
        ("é/=+".to_owned(), "x:y@z".to_owned()),
    ]);
    let Some(arn) = Arn::parse(&text) else { return json!({"error": text}) };
    let (endpoint, request) = (operation.endpoint.resolve(region), operation.request(&arn, &tags));
    json!({
        "service": operation.service_id, "operation": operation.name.split(':').nth(1), "region": region,
        "arn": text, "id": arn.id(), "tags": tags, "method": request.method, "host": endpoint.host,
        "path": request.path, "headers": request.headers.into_iter().collect::<BTreeMap<_, _>>(),
        "body": request.body, "signing": [endpoint.signing_region, operation.signing_name],
    })
}
