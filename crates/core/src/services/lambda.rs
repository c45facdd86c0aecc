//! AWS Lambda. Call names end in the date of the API; `functionArn` of a function that is published at
//! once ends in the version, which takes no tags, so the ARN is built from the name.

use super::{Ending, Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "lambda",
    title: "AWS Lambda",
    route: Route::TaggingApi,
    actions: &["lambda:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new(
        "CreateCapacityProvider",
        "lambda:capacityProvider",
        &["responseElements.capacityProvider.capacityProviderArn"],
    ),
    Row::new(
        "CreateCodeSigningConfig",
        "lambda:code signing config",
        &[
            "responseElements.codeSigningConfig.codeSigningConfigArn",
            "arn:${Partition}:lambda:${Region}:${Account}:code-signing-config:${responseElements.codeSigningConfig.codeSigningConfigId}",
        ],
    ),
    Row::new(
        "CreateEventSourceMapping",
        "lambda:eventSourceMapping",
        &[
            "responseElements.eventSourceMappingArn",
            "arn:${Partition}:lambda:${Region}:${Account}:event-source-mapping:${responseElements.uUID}",
        ],
    ),
    Row::new(
        "CreateFunction",
        "lambda:function",
        &[
            "arn:${Partition}:lambda:${Region}:${Account}:function:${responseElements.functionName}",
            "responseElements.functionArn",
        ],
    ),
    Row::nothing("PublishLayerVersion", Ending::NotTaggable("Lambda layers take no tags")),
    Row::nothing("PublishVersion", Ending::NotTaggable("versions share the tags of their function")),
];
