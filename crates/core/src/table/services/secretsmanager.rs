//! AWS Secrets Manager. The ARN ends in a random suffix: where the response is empty, the secret is
//! looked up by its name.

use crate::table::generated::operations;
use crate::table::row::{LookupKind, Read, Route, Row, Service, arn, lookup};
use LookupKind::SecretByName;

pub(super) const SERVICE: Service = Service {
    name: "secretsmanager",
    title: "AWS Secrets Manager",
    route: Route::TaggingApi(Some(&operations::SECRETSMANAGER_TAG_RESOURCE)),
    actions: &["secretsmanager:TagResource"],
    read: Read::Operation(&operations::SECRETSMANAGER_DESCRIBE_SECRET),
    rows: ROWS,
};

const ROWS: &[Row] = &[
    arn("CreateSecret", "secretsmanager:Secret", "responseElements.aRN").unique(),
    lookup("CreateSecret", "secretsmanager:Secret", SecretByName, "requestParameters.name"),
];
