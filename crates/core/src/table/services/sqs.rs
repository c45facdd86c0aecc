//! Amazon SQS. `CreateQueue` answers with a URL, so the ARN is built from the name of the queue.

use crate::table::generated::operations;
use crate::table::row::{Read, Route, Row, Service, resource};

pub(super) const SERVICE: Service = Service {
    name: "sqs",
    title: "Amazon SQS",
    route: Route::TaggingApi(Some(&operations::SQS_TAG_QUEUE)),
    actions: &["sqs:TagQueue"],
    read: Read::Operation(&operations::SQS_LIST_QUEUE_TAGS),
    rows: ROWS,
};

const ROWS: &[Row] = &[resource("CreateQueue", "sqs:queue", "${requestParameters.queueName}")
    .idempotent()
    .creation_time(&operations::SQS_GET_QUEUE_ATTRIBUTES)];
