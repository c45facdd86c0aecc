//! AWS Systems Manager. A parameter's name may begin with a slash, which its ARN has only once, and
//! `PutParameter` also changes parameters.

use super::{Ending, Route, Row, Service};
use crate::event::Event;

pub(super) const SERVICE: Service = Service {
    name: "ssm",
    title: "AWS Systems Manager",
    route: Route::TaggingApi,
    actions: &["ssm:AddTagsToResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new(
        "CreateAssociation",
        "ssm:association",
        &[
            "arn:${Partition}:ssm:${Region}:${Account}:association/${responseElements.associationDescription.associationId}",
        ],
    ),
    Row::new(
        "CreateDocument",
        "ssm:document",
        &[
            "arn:${Partition}:ssm:${Region}:${Account}:document/${responseElements.documentDescription.name}",
            "arn:${Partition}:ssm:${Region}:${Account}:document/${requestParameters.name}",
        ],
    ),
    Row::new(
        "CreateMaintenanceWindow",
        "ssm:maintenancewindow",
        &["arn:${Partition}:ssm:${Region}:${Account}:maintenancewindow/${responseElements.windowId}"],
    ),
    Row::new(
        "CreateOpsItem",
        "ssm:opsitem",
        &[
            "responseElements.opsItemArn",
            "arn:${Partition}:ssm:${Region}:${Account}:opsitem/${responseElements.opsItemId}",
        ],
    ),
    Row::new("CreateOpsMetadata", "ssm:opsmetadata", &["responseElements.opsMetadataArn"]),
    Row::new(
        "CreatePatchBaseline",
        "ssm:patchbaseline",
        &["arn:${Partition}:ssm:${Region}:${Account}:patchbaseline/${responseElements.baselineId}"],
    ),
    Row::custom("PutParameter", "ssm:parameter", parameter),
    Row::new(
        "StartAutomationExecution",
        "ssm:automation-execution",
        &[
            "arn:${Partition}:ssm:${Region}:${Account}:automation-execution/${responseElements.automationExecutionId}",
        ],
    ),
];

const SLASHED: &str = "arn:${Partition}:ssm:${Region}:${Account}:parameter${requestParameters.name}";
const PLAIN: &str = "arn:${Partition}:ssm:${Region}:${Account}:parameter/${requestParameters.name}";

/// The first version is a creation. Without a version in the record, a call that may overwrite
/// tells nothing.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html>
fn parameter(event: &Event) -> Result<&'static str, Ending> {
    let overwrite = event.values("requestParameters.overwrite");
    let may_overwrite = overwrite.first().is_some_and(|value| value.as_bool().unwrap_or(true));
    match event.text("responseElements.version").as_deref() {
        Some("1") => {}
        Some(_) => return Err(Ending::Update("a new version of a parameter")),
        None if may_overwrite => {
            return Err(Ending::Unresolvable(
                "PutParameter with overwrite and without `responseElements.version`",
            ));
        }
        None => {}
    }
    let name = event.text("requestParameters.name");
    Ok(if name.is_some_and(|name| name.starts_with('/')) { SLASHED } else { PLAIN })
}
