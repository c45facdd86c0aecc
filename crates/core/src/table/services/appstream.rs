//! Amazon AppStream 2.0. An image builder makes its image within itself: no call, but an event of the service.

use crate::table::generated::operations;
use crate::table::row::{Read, Route, Row, Service, resource};

pub(super) const SERVICE: Service = Service {
    name: "appstream",
    title: "Amazon AppStream 2.0",
    route: Route::TaggingApi(Some(&operations::APPSTREAM_TAG_RESOURCE)),
    actions: &["appstream:TagResource"],
    read: Read::Operation(&operations::APPSTREAM_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

/// <https://docs.aws.amazon.com/appstream2/latest/developerguide/logging-using-cloudtrail.html>
const ROWS: &[Row] =
    &[resource("CreateImage", "appstream:image", "image/${serviceEventDetails.ImageName}").service_event()];
