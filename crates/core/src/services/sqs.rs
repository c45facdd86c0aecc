//! Amazon SQS. `CreateQueue` answers with a URL, so the ARN is built from the name of the queue.

use super::{Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "sqs",
    title: "Amazon SQS",
    route: Route::TaggingApi,
    actions: &["sqs:TagQueue"],
    rows: ROWS,
};

const ROWS: &[Row] = &[Row::new(
    "CreateQueue",
    "sqs:queue",
    &["arn:${Partition}:sqs:${Region}:${Account}:${requestParameters.queueName}"],
)];
