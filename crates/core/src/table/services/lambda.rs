//! AWS Lambda. Call names end in the date of the API; `functionArn` of a function that is published at
//! once ends in the version, which takes no tags, so the ARN is built from the name.

use crate::table::generated::operations;
use crate::table::row::{Ending, Place, Read, Route, Row, Service, arn, nothing, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "lambda",
    title: "AWS Lambda",
    route: Route::TaggingApi(Some(&operations::LAMBDA_TAG_RESOURCE)),
    actions: &["lambda:TagResource"],
    read: Read::Operation(&operations::LAMBDA_LIST_TAGS),
    rows: ROWS,
};

const CODE_SIGNING_CONFIG: &[Place] = &[
    Path("responseElements.codeSigningConfig.codeSigningConfigArn"),
    Resource("code-signing-config:${responseElements.codeSigningConfig.codeSigningConfigId}"),
];
const EVENT_SOURCE_MAPPING: &[Place] = &[
    Path("responseElements.eventSourceMappingArn"),
    Resource("event-source-mapping:${responseElements.uUID}"),
];
const FUNCTION: &[Place] =
    &[Resource("function:${responseElements.functionName}"), Path("responseElements.functionArn")];

const CAPACITY_PROVIDER: &str = "responseElements.capacityProvider.capacityProviderArn";

const ROWS: &[Row] = &[
    arn("CreateCapacityProvider", "lambda:capacityProvider", CAPACITY_PROVIDER),
    row("CreateCodeSigningConfig", "lambda:code signing config", CODE_SIGNING_CONFIG).unique(),
    row("CreateEventSourceMapping", "lambda:eventSourceMapping", EVENT_SOURCE_MAPPING).unique(),
    row("CreateFunction", "lambda:function", FUNCTION),
    nothing("PublishLayerVersion", Ending::NotTaggable("Lambda layers take no tags")),
    nothing("PublishVersion", Ending::NotTaggable("versions share the tags of their function")),
];
