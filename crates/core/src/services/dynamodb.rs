//! Amazon DynamoDB. A global table of 2017 takes no tags itself: its replica in each Region does.

use super::{Ending, Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "dynamodb",
    title: "Amazon DynamoDB",
    route: Route::TaggingApi,
    actions: &["dynamodb:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::nothing("CreateBackup", Ending::NotTaggable("DynamoDB backups take no tags")),
    Row::new(
        "CreateGlobalTable",
        "dynamodb:table",
        &[
            "arn:${Partition}:dynamodb:${requestParameters.replicationGroup[].regionName}:${Account}:table/${requestParameters.globalTableName}",
        ],
    ),
    Row::new(
        "CreateTable",
        "dynamodb:table",
        &[
            "responseElements.tableDescription.tableArn",
            // The request takes a name or an ARN.
            "requestParameters.tableName",
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/${requestParameters.tableName}",
        ],
    ),
    Row::new(
        "ImportTable",
        "dynamodb:table",
        &[
            "responseElements.importTableDescription.tableArn",
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/${requestParameters.tableCreationParameters.tableName}",
        ],
    ),
    Row::new(
        "RestoreTableFromBackup",
        "dynamodb:table",
        &[
            "responseElements.tableDescription.tableArn",
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/${requestParameters.targetTableName}",
        ],
    ),
    Row::new(
        "RestoreTableToPointInTime",
        "dynamodb:table",
        &[
            "responseElements.tableDescription.tableArn",
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/${requestParameters.targetTableName}",
        ],
    ),
];
