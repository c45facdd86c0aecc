//! What EventBridge counted of our rules.

use std::collections::BTreeMap;

use aws_tags::table::operation::{Api, Endpoint};
use aws_tags_aws::{Aws, Error};
use serde_json::{Value, json};
use time::OffsetDateTime;

static CLOUDWATCH: Api = Api {
    service_id: "CloudWatch",
    signing_name: "monitoring",
    endpoint: Endpoint::regional("monitoring.${Region}.${Suffix}"),
};

/// Metrics of one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const QUERIES_PER_CALL: usize = 500;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What EventBridge counted of a rule in the last day. It sends no zeros, at best effort.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html>
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RuleCounts {
    /// Times that its target was invoked.
    pub(crate) invoked: f64,
    /// Events that could not be delivered, for good.
    pub(crate) failed: f64,
    /// Events that could not even be sent to the dead letters.
    pub(crate) lost: f64,
    /// Times that the rule had to wait.
    pub(crate) throttled: f64,
}

/// A metric, and where its sum goes.
type Metric = (&'static str, fn(&mut RuleCounts) -> &mut f64);

const METRICS: &[Metric] = &[
    ("Invocations", |counts| &mut counts.invoked),
    ("FailedInvocations", |counts| &mut counts.failed),
    ("InvocationsFailedToBeSentToDlq", |counts| &mut counts.lost),
    ("ThrottledRules", |counts| &mut counts.throttled),
];

/// The counts of each rule of a Region's default bus.
pub(crate) async fn rule_counts(
    aws: &Aws,
    region: &str,
    rules: &[String],
) -> Result<BTreeMap<String, RuleCounts>, Error> {
    let all: Vec<(&String, &Metric)> =
        rules.iter().flat_map(|rule| METRICS.iter().map(move |metric| (rule, metric))).collect();
    let mut counts: BTreeMap<String, RuleCounts> = BTreeMap::new();
    for some in all.chunks(QUERIES_PER_CALL) {
        let queries: Vec<Value> =
            some.iter().enumerate().map(|(nth, (rule, (name, _)))| query(nth, name, rule)).collect();
        for (nth, sum) in sums(aws, region, &queries).await? {
            if let Some((rule, (_, place))) = some.get(nth) {
                *place(counts.entry((*rule).clone()).or_default()) += sum;
            }
        }
    }
    Ok(counts)
}

fn query(nth: usize, name: &str, rule: &str) -> Value {
    let dimensions = json!([{"Name": "RuleName", "Value": rule}]);
    let metric = json!({"Namespace": "AWS/Events", "MetricName": name, "Dimensions": dimensions});
    json!({"Id": format!("m{nth}"), "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}})
}

/// The sum of each metric over the last day, by its place among the queries.
async fn sums(aws: &Aws, region: &str, queries: &[Value]) -> Result<Vec<(usize, f64)>, Error> {
    let end = OffsetDateTime::now_utc().unix_timestamp();
    let start = end.saturating_sub(DAY_SECONDS);
    let call = ("application/x-amz-json-1.0", "GraniteServiceVersion20100801.GetMetricData");
    let mut asked = json!({"StartTime": start, "EndTime": end, "MetricDataQueries": queries});
    let mut sums = Vec::new();
    loop {
        let answer = aws.call_json(&CLOUDWATCH, call, region, &asked).await?;
        let results = answer.get("MetricDataResults").and_then(Value::as_array);
        let results =
            results.ok_or_else(|| Error::incomplete("cloudwatch:GetMetricData gives no results"))?;
        sums.extend(results.iter().filter_map(sum));
        match answer.get("NextToken").filter(|token| token.is_string()) {
            Some(token) => asked["NextToken"] = token.clone(),
            None => return Ok(sums),
        }
    }
}

fn sum(result: &Value) -> Option<(usize, f64)> {
    let nth = result.get("Id")?.as_str()?.strip_prefix('m')?.parse().ok()?;
    let values = result.get("Values")?.as_array()?;
    Some((nth, values.iter().filter_map(Value::as_f64).sum()))
}
