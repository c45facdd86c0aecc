//! AWS Glue. Most responses are empty: the request names the resource. The Data Catalog stores names of
//! databases in lower case.

use crate::table::generated::operations;
use crate::table::row::{Ending, Place, Read, Route, Row, Service, arn, nothing, resource, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "glue",
    title: "AWS Glue",
    route: Route::TaggingApi(Some(&operations::GLUE_TAG_RESOURCE)),
    actions: &["glue:TagResource"],
    read: Read::Operation(&operations::GLUE_GET_TAGS),
    rows: ROWS,
};

// Tagging a connection or a database reads it:
// <https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-tags.html>
const REGISTRY: &[Place] =
    &[Path("responseElements.registryArn"), Resource("registry/${requestParameters.registryName}")];
const SESSION: &[Place] =
    &[Resource("session/${responseElements.session.id}"), Resource("session/${requestParameters.id}")];

const DATA_QUALITY_RULESET: &str = "dataQualityRuleset/${requestParameters.name}";

const ROWS: &[Row] = &[
    resource("CreateBlueprint", "glue:blueprint", "blueprint/${requestParameters.name}"),
    resource("CreateCatalog", "glue:catalog", "catalog/${requestParameters.name}"),
    resource("CreateConnection", "glue:connection", "connection/${requestParameters.connectionInput.name}")
        .actions(&["glue:TagResource", "glue:GetConnection"]),
    resource("CreateCrawler", "glue:crawler", "crawler/${requestParameters.name}"),
    resource("CreateCustomEntityType", "glue:customEntityType", "customEntityType/${requestParameters.name}"),
    resource("CreateDataQualityRuleset", "glue:dataQualityRuleset", DATA_QUALITY_RULESET),
    resource("CreateDatabase", "glue:database", "database/${requestParameters.databaseInput.name}")
        .actions(&["glue:TagResource", "glue:GetDatabase"])
        .lower_case(),
    resource("CreateDevEndpoint", "glue:devendpoint", "devEndpoint/${requestParameters.endpointName}"),
    arn("CreateIntegration", "glue:integration", "responseElements.integrationArn").unique(),
    resource("CreateJob", "glue:job", "job/${requestParameters.name}"),
    resource("CreateMLTransform", "glue:mlTransform", "mlTransform/${responseElements.transformId}").unique(),
    row("CreateRegistry", "glue:registry", REGISTRY),
    arn("CreateSchema", "glue:schema", "responseElements.schemaArn"),
    row("CreateSession", "glue:session", SESSION),
    nothing("CreateTable", Ending::NotTaggable("Glue tables take no tags")),
    resource("CreateTrigger", "glue:trigger", "trigger/${requestParameters.name}"),
    resource("CreateUsageProfile", "glue:usageProfile", "usageProfile/${requestParameters.name}"),
    resource("CreateWorkflow", "glue:workflow", "workflow/${requestParameters.name}"),
];
