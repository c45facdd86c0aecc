//! Amazon SQS. `CreateQueue` answers with a URL, so the ARN is built from the name of the queue.

use crate::table::row::{Route, Row, Service, resource};

pub(super) const SERVICE: Service = Service {
    name: "sqs",
    title: "Amazon SQS",
    route: Route::TaggingApi,
    actions: &["sqs:TagQueue"],
    rows: ROWS,
};

const ROWS: &[Row] = &[resource("CreateQueue", "sqs:queue", "${requestParameters.queueName}")];
