//! AWS Glue. Most responses are empty: the request names what is made. The catalogue stores the names
//! of databases in lower case.

use super::{Ending, Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "glue",
    title: "AWS Glue",
    route: Route::TaggingApi,
    actions: &["glue:TagResource"],
    rows: ROWS,
};

// Connections and databases are read when they are tagged:
// <https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-tags.html>
const ROWS: &[Row] = &[
    Row::new(
        "CreateBlueprint",
        "glue:blueprint",
        &["arn:${Partition}:glue:${Region}:${Account}:blueprint/${requestParameters.name}"],
    ),
    Row::new(
        "CreateCatalog",
        "glue:catalog",
        &["arn:${Partition}:glue:${Region}:${Account}:catalog/${requestParameters.name}"],
    ),
    Row::new(
        "CreateConnection",
        "glue:connection",
        &["arn:${Partition}:glue:${Region}:${Account}:connection/${requestParameters.connectionInput.name}"],
    )
    .actions(&["glue:TagResource", "glue:GetConnection"]),
    Row::new(
        "CreateCrawler",
        "glue:crawler",
        &["arn:${Partition}:glue:${Region}:${Account}:crawler/${requestParameters.name}"],
    ),
    Row::new(
        "CreateCustomEntityType",
        "glue:customEntityType",
        &["arn:${Partition}:glue:${Region}:${Account}:customEntityType/${requestParameters.name}"],
    ),
    Row::new(
        "CreateDataQualityRuleset",
        "glue:dataQualityRuleset",
        &["arn:${Partition}:glue:${Region}:${Account}:dataQualityRuleset/${requestParameters.name}"],
    ),
    Row::new(
        "CreateDatabase",
        "glue:database",
        &["arn:${Partition}:glue:${Region}:${Account}:database/${requestParameters.databaseInput.name}"],
    )
    .actions(&["glue:TagResource", "glue:GetDatabase"])
    .lower_case(),
    Row::new(
        "CreateDevEndpoint",
        "glue:devendpoint",
        &["arn:${Partition}:glue:${Region}:${Account}:devEndpoint/${requestParameters.endpointName}"],
    ),
    Row::new("CreateIntegration", "glue:integration", &["responseElements.integrationArn"]),
    Row::new(
        "CreateJob",
        "glue:job",
        &["arn:${Partition}:glue:${Region}:${Account}:job/${requestParameters.name}"],
    ),
    Row::new(
        "CreateMLTransform",
        "glue:mlTransform",
        &["arn:${Partition}:glue:${Region}:${Account}:mlTransform/${responseElements.transformId}"],
    ),
    Row::new(
        "CreateRegistry",
        "glue:registry",
        &[
            "responseElements.registryArn",
            "arn:${Partition}:glue:${Region}:${Account}:registry/${requestParameters.registryName}",
        ],
    ),
    Row::new("CreateSchema", "glue:schema", &["responseElements.schemaArn"]),
    Row::new(
        "CreateSession",
        "glue:session",
        &[
            "arn:${Partition}:glue:${Region}:${Account}:session/${responseElements.session.id}",
            "arn:${Partition}:glue:${Region}:${Account}:session/${requestParameters.id}",
        ],
    ),
    Row::nothing("CreateTable", Ending::NotTaggable("Glue tables take no tags")),
    Row::new(
        "CreateTrigger",
        "glue:trigger",
        &["arn:${Partition}:glue:${Region}:${Account}:trigger/${requestParameters.name}"],
    ),
    Row::new(
        "CreateUsageProfile",
        "glue:usageProfile",
        &["arn:${Partition}:glue:${Region}:${Account}:usageProfile/${requestParameters.name}"],
    ),
    Row::new(
        "CreateWorkflow",
        "glue:workflow",
        &["arn:${Partition}:glue:${Region}:${Account}:workflow/${requestParameters.name}"],
    ),
];
