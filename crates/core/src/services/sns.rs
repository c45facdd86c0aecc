//! Amazon SNS.

use super::{Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "sns",
    title: "Amazon SNS",
    route: Route::TaggingApi,
    actions: &["sns:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[Row::new(
    "CreateTopic",
    "sns:topic",
    &["responseElements.topicArn", "arn:${Partition}:sns:${Region}:${Account}:${requestParameters.name}"],
)];
