//! AWS Secrets Manager. The ARN ends in a random suffix: where the response is empty, the secret is
//! looked up by its name.

use crate::table::row::{LookupKind, Route, Row, Service, arn, lookup};
use LookupKind::SecretByName;

pub(super) const SERVICE: Service = Service {
    name: "secretsmanager",
    title: "AWS Secrets Manager",
    route: Route::TaggingApi,
    actions: &["secretsmanager:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    arn("CreateSecret", "secretsmanager:Secret", "responseElements.aRN"),
    lookup("CreateSecret", "secretsmanager:Secret", SecretByName, "requestParameters.name"),
];
