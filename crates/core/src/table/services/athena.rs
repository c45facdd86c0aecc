//! Amazon Athena. Responses are empty: the request names the resource.

use crate::table::generated::operations;
use crate::table::row::{Read, Route, Row, Service, resource};

pub(super) const SERVICE: Service = Service {
    name: "athena",
    title: "Amazon Athena",
    route: Route::TaggingApi(Some(&operations::ATHENA_TAG_RESOURCE)),
    actions: &["athena:TagResource"],
    read: Read::Operation(&operations::ATHENA_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

const CAPACITY_RESERVATION: &str = "capacity-reservation/${requestParameters.name}";
const SESSION: &str = "workgroup/${requestParameters.workGroup}/session/${responseElements.sessionId}";

const ROWS: &[Row] = &[
    resource("CreateCapacityReservation", "athena:capacity-reservation", CAPACITY_RESERVATION),
    resource("CreateDataCatalog", "athena:datacatalog", "datacatalog/${requestParameters.name}"),
    resource("CreateWorkGroup", "athena:workgroup", "workgroup/${requestParameters.name}"),
    resource("StartSession", "athena:session", SESSION).unique(),
];
