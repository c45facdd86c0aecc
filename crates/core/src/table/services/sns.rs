//! Amazon SNS.

use crate::table::row::{Place, Route, Row, Service, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "sns",
    title: "Amazon SNS",
    route: Route::TaggingApi,
    actions: &["sns:TagResource"],
    rows: ROWS,
};

const TOPIC: &[Place] = &[Path("responseElements.topicArn"), Resource("${requestParameters.name}")];

const ROWS: &[Row] = &[row("CreateTopic", "sns:topic", TOPIC)];
