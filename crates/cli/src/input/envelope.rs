//! Takes records out of what tools wrap them in.
//!
//! | Envelope | What holds the record |
//! |---|---|
//! | EventBridge | `detail`, which [`Event`] reads itself |
//! | `lookup-events` | `CloudTrailEvent`, a text; with `--query`, the texts themselves |
//! | SQS | `body` or `Body`, a text |
//! | SNS | `Message` of a notification or of `Sns`, a text |
//! | CloudWatch Logs | `message` of log events, a text; `awslogs.data`, packed; `field` and `value` of a query |
//! | Firehose, Kinesis | `data` or `kinesis.data`, in base64 |
//! | CloudTrail Lake | `eventJson` of a row, a text |
//! | Athena, Lake | a row with a column for each field |

use std::io::Read;

use aws_tags::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{bytes, rows};

/// Envelopes in envelopes, e.g. CloudWatch Logs by Firehose.
const DEEPEST: usize = 8;

/// What a value is.
#[derive(Debug)]
pub(crate) enum Content {
    Record(Box<Event>),
    /// It belongs to CloudTrail or its neighbours and holds no record.
    Other(&'static str),
}

/// The contents of a JSON value, or why it has none.
pub(super) fn contents(value: Value, depth: usize) -> Vec<Result<Content, String>> {
    if depth > DEEPEST {
        return vec![Err(format!("more than {DEEPEST} envelopes around each other"))];
    }
    match value {
        Value::Array(values) => match row_of_fields(&values) {
            Some(row) => contents(row, depth + 1),
            None => values.into_iter().flat_map(|value| contents(value, depth + 1)).collect(),
        },
        Value::String(text) => of_text(&text, depth),
        Value::Object(fields) => of_object(fields, depth),
        other => vec![Event::from_json(other).map(record).map_err(|error| error.to_string())],
    }
}

fn record(event: Event) -> Content {
    Content::Record(Box::new(event))
}

fn of_text(text: &str, depth: usize) -> Vec<Result<Content, String>> {
    match serde_json::from_str(text) {
        Ok(Value::String(inner)) if inner == text => vec![Err("a text that is no record".to_owned())],
        Ok(value) => contents(value, depth + 1),
        Err(_) => vec![Err("a text that is not JSON".to_owned())],
    }
}

fn of_object(mut fields: Map<String, Value>, depth: usize) -> Vec<Result<Content, String>> {
    if let Some(other) = other(&fields) {
        return vec![Ok(Content::Other(other))];
    }
    if let Some(reason) = no_answer(&fields) {
        return vec![Err(reason)];
    }
    // Whole records, perhaps beside other columns that a query selected.
    for key in ["CloudTrailEvent", "eventJson"] {
        if let Some(text) = fields.get(key).and_then(Value::as_str) {
            return of_member(key, text, depth);
        }
    }
    // Records of Lambda's other triggers have sources such as `aws:kinesis`.
    let is_of_trigger =
        fields.get("eventSource").and_then(Value::as_str).is_some_and(|name| name.starts_with("aws:"));
    if fields.contains_key("detail") || fields.contains_key("eventName") && !is_of_trigger {
        return of_record(fields);
    }
    for key in ["body", "Body", "Message", "message"] {
        if let Some(text) = fields.get(key).and_then(Value::as_str) {
            return of_member(key, text, depth);
        }
    }
    for key in ["Sns", "kinesis", "awslogs", "ResultSet"] {
        if let Some(Value::Object(inner)) = fields.remove(key) {
            return of_object(inner, depth + 1);
        }
    }
    if let Some(text) = fields.get("data").and_then(Value::as_str) {
        return of_packed(text, depth);
    }
    for key in
        ["Records", "records", "Events", "events", "logEvents", "Messages", "results", "QueryResultRows"]
    {
        if let Some(Value::Array(values)) = fields.remove(key) {
            return values.into_iter().flat_map(|value| contents(value, depth + 1)).collect();
        }
    }
    if let Some(Value::Array(rows)) = fields.remove("Rows") {
        return athena_rows(&rows).into_iter().flat_map(|row| contents(row, depth + 1)).collect();
    }
    of_record(fields)
}

/// The text of a member that is an envelope.
fn of_member(key: &str, text: &str, depth: usize) -> Vec<Result<Content, String>> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => contents(value, depth + 1),
        Err(_) if key == "message" => vec![Ok(Content::Other("lines of another log"))],
        Err(error) => vec![Err(format!("`{key}` is not JSON: {error}"))],
    }
}

/// Why the answer of a query holds no rows, if it does not for a reason.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html>
pub(super) fn no_answer(fields: &Map<String, Value>) -> Option<String> {
    let status = fields.get("QueryStatus").and_then(Value::as_str).filter(|status| *status != "FINISHED")?;
    let message = fields.get("ErrorMessage").and_then(Value::as_str).unwrap_or_default();
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    Some(format!("the query has no result, its status is {status}{message}"))
}

/// A record, or a row of a query with a column for each of its fields.
fn of_record(fields: Map<String, Value>) -> Vec<Result<Content, String>> {
    let is_row = !fields.contains_key("detail")
        && (!fields.contains_key("eventName")
            || ["userIdentity", "requestParameters", "responseElements"]
                .iter()
                .any(|column| fields.get(*column).is_some_and(Value::is_string)));
    let fields = match is_row {
        true => match rows::record_of(fields) {
            Ok(fields) => fields,
            Err(reason) => return vec![Err(reason)],
        },
        false => fields,
    };
    vec![Event::from_json(Value::Object(fields)).map(record).map_err(|error| error.to_string())]
}

/// `[{"field": "@message", "value": "…"}, …]` of CloudWatch Logs Insights, or `[{"eventJson": "…"}, {"eventName": "…"}]`
/// of CloudTrail Lake: one row as a list.
fn row_of_fields(values: &[Value]) -> Option<Value> {
    let mut row = Map::new();
    for value in values {
        let fields = value.as_object()?;
        match (fields.get("field").and_then(Value::as_str), fields.get("value"), fields.len()) {
            (Some("@message"), Some(value), _) => drop(row.insert("message".to_owned(), value.clone())),
            (Some(name), Some(value), _) => drop(row.insert(name.to_owned(), value.clone())),
            (None, _, 1) if values.len() > 1 || fields.contains_key("eventJson") => {
                row.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            _ => return None,
        }
    }
    (!row.is_empty()).then_some(Value::Object(row))
}

/// The rows of Athena's `get-query-results`, whose first one names the columns.
fn athena_rows(rows: &[Value]) -> Vec<Value> {
    let cells = |row: &Value| -> Vec<Value> {
        let cells = row.get("Data").and_then(Value::as_array).cloned().unwrap_or_default();
        cells
            .into_iter()
            .map(|mut cell| cell.get_mut("VarCharValue").map_or(Value::Null, Value::take))
            .collect()
    };
    let Some((names, rows)) = rows.split_first() else { return Vec::new() };
    let names: Vec<String> =
        cells(names).iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect();
    let object = |row| Value::Object(names.iter().cloned().zip(cells(row)).collect());
    rows.iter().map(object).collect()
}

/// Text in base64, packed with gzip or not: what Firehose, Kinesis and CloudWatch Logs deliver.
fn of_packed(text: &str, depth: usize) -> Vec<Result<Content, String>> {
    let unpacked =
        STANDARD.decode(text).map_err(|error| format!("`data` is not base64: {error}")).and_then(|packed| {
            let mut text = String::new();
            bytes::text(std::io::Cursor::new(packed))
                .and_then(|mut bytes| bytes.read_to_string(&mut text))
                .map_err(|error| format!("`data`: {error}"))?;
            Ok(text)
        });
    let text = match unpacked {
        Ok(text) => text,
        Err(reason) => return vec![Err(reason)],
    };
    let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    values
        .flat_map(|value| match value {
            Ok(value) => contents(value, depth + 1),
            Err(error) => vec![Err(format!("`data` is not JSON: {error}"))],
        })
        .collect()
}

/// What holds no record, and is no mistake either.
pub(super) fn other(fields: &Map<String, Value>) -> Option<&'static str> {
    let has = |key: &str| fields.contains_key(key);
    let is = |key: &str, text: &str| fields.get(key).and_then(Value::as_str) == Some(text);
    Some(match () {
        () if has("digestS3Object") || has("digestStartTime") => "digest files",
        () if has("configurationItems") || has("configurationItemVersion") || has("configSnapshotId") => {
            "files of AWS Config"
        }
        () if has("s3Bucket") && has("s3ObjectKey") => "notifications of log files",
        () if has("insightDetails") || is("eventCategory", "Insight") => "insight events",
        () if has("eventCategory") && !has("eventName") => "records of other categories",
        () if is("messageType", "CONTROL_MESSAGE") => "control messages of CloudWatch Logs",
        () if is("Event", "s3:TestEvent") => "test events of S3",
        () if is("Type", "SubscriptionConfirmation") || is("Type", "UnsubscribeConfirmation") => {
            "confirmations of SNS"
        }
        () if has("s3") || is("eventSource", "aws:s3") => "notifications of S3",
        () => return None,
    })
}
