//! Amazon SNS.

use crate::table::generated::operations;
use crate::table::row::{Place, Read, Route, Row, Service, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "sns",
    title: "Amazon SNS",
    route: Route::TaggingApi(Some(&operations::SNS_TAG_RESOURCE)),
    actions: &["sns:TagResource"],
    read: Read::Operation(&operations::SNS_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

const TOPIC: &[Place] = &[Path("responseElements.topicArn"), Resource("${requestParameters.name}")];

const ROWS: &[Row] = &[row("CreateTopic", "sns:topic", TOPIC).idempotent()];
