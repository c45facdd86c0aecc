//! AWS Systems Manager. A parameter's name may begin with a slash, which its ARN has only once, and
//! `PutParameter` also changes parameters.

use crate::record::Event;
use crate::table::generated::operations;
use crate::table::row::{Ending, Place, Read, Route, Row, Service, arn, custom, resource, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "ssm",
    title: "AWS Systems Manager",
    route: Route::TaggingApi(Some(&operations::SSM_ADD_TAGS_TO_RESOURCE)),
    actions: &["ssm:AddTagsToResource"],
    read: Read::Operation(&operations::SSM_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

const DOCUMENT: &[Place] = &[
    Resource("document/${responseElements.documentDescription.name}"),
    Resource("document/${requestParameters.name}"),
];
const OPSITEM: &[Place] =
    &[Path("responseElements.opsItemArn"), Resource("opsitem/${responseElements.opsItemId}")];

const ASSOCIATION: &str = "association/${responseElements.associationDescription.associationId}";
const MAINTENANCE_WINDOW: &str = "maintenancewindow/${responseElements.windowId}";
const AUTOMATION_EXECUTION: &str = "automation-execution/${responseElements.automationExecutionId}";

const ROWS: &[Row] = &[
    resource("CreateAssociation", "ssm:association", ASSOCIATION).unique(),
    row("CreateDocument", "ssm:document", DOCUMENT),
    resource("CreateMaintenanceWindow", "ssm:maintenancewindow", MAINTENANCE_WINDOW).unique(),
    row("CreateOpsItem", "ssm:opsitem", OPSITEM).unique(),
    arn("CreateOpsMetadata", "ssm:opsmetadata", "responseElements.opsMetadataArn"),
    resource("CreatePatchBaseline", "ssm:patchbaseline", "patchbaseline/${responseElements.baselineId}")
        .unique(),
    custom("PutParameter", "ssm:parameter", parameter),
    resource("StartAutomationExecution", "ssm:automation-execution", AUTOMATION_EXECUTION).unique(),
];

const SLASHED: Place = Resource("parameter${requestParameters.name}");
const PLAIN: Place = Resource("parameter/${requestParameters.name}");

/// The first version is a creation. Without a version in the record, a call that may overwrite
/// is ambiguous.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html>
fn parameter(event: &Event) -> Result<Place, Ending> {
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
