//! Amazon Athena. Responses are empty: the request names what is made.

use super::{Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "athena",
    title: "Amazon Athena",
    route: Route::TaggingApi,
    actions: &["athena:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new(
        "CreateCapacityReservation",
        "athena:capacity-reservation",
        &["arn:${Partition}:athena:${Region}:${Account}:capacity-reservation/${requestParameters.name}"],
    ),
    Row::new(
        "CreateDataCatalog",
        "athena:datacatalog",
        &["arn:${Partition}:athena:${Region}:${Account}:datacatalog/${requestParameters.name}"],
    ),
    Row::new(
        "CreateWorkGroup",
        "athena:workgroup",
        &["arn:${Partition}:athena:${Region}:${Account}:workgroup/${requestParameters.name}"],
    ),
    Row::new(
        "StartSession",
        "athena:session",
        &[
            "arn:${Partition}:athena:${Region}:${Account}:workgroup/${requestParameters.workGroup}/session/${responseElements.sessionId}",
        ],
    ),
];
