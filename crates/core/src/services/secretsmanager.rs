//! AWS Secrets Manager. The ARN ends in a random suffix: where the response is empty, the secret is
//! looked up by its name.

use super::{LookUp, Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "secretsmanager",
    title: "AWS Secrets Manager",
    route: Route::TaggingApi,
    actions: &["secretsmanager:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new("CreateSecret", "secretsmanager:Secret", &["responseElements.aRN"]),
    Row::look_up(
        "CreateSecret",
        "secretsmanager:Secret",
        LookUp::SecretNamed,
        "requestParameters.name",
        "${Id}",
    ),
];
