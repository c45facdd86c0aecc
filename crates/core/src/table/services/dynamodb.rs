//! Amazon DynamoDB. A global table of 2017 takes no tags itself: its replica in each Region does.

use crate::table::generated::operations;
use crate::table::operation::TimeOperation;
use crate::table::row::{Ending, Place, Read, Route, Row, Service, arn_format, nothing, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "dynamodb",
    title: "Amazon DynamoDB",
    route: Route::TaggingApi(Some(&operations::DYNAMODB_TAG_RESOURCE)),
    actions: &["dynamodb:TagResource"],
    read: Read::Operation(&operations::DYNAMODB_LIST_TAGS_OF_RESOURCE),
    rows: ROWS,
};

const REPLICAS: &str = "arn:${Partition}:dynamodb:${requestParameters.replicationGroup[].regionName}:${Account}:table/${requestParameters.globalTableName}";
const TABLE: &[Place] = &[
    Path("responseElements.tableDescription.tableArn"),
    Path("requestParameters.tableName"),
    Resource("table/${requestParameters.tableName}"),
];
const IMPORTED_TABLE: &[Place] = &[
    Path("responseElements.importTableDescription.tableArn"),
    Resource("table/${requestParameters.tableCreationParameters.tableName}"),
];
const RESTORED_TABLE: &[Place] = &[
    Path("responseElements.tableDescription.tableArn"),
    Resource("table/${requestParameters.targetTableName}"),
];

const DESCRIBE_TABLE: &TimeOperation = &operations::DYNAMODB_DESCRIBE_TABLE;

const ROWS: &[Row] = &[
    nothing("CreateBackup", Ending::NotTaggable("DynamoDB backups take no tags")),
    arn_format("CreateGlobalTable", "dynamodb:table", REPLICAS),
    row("CreateTable", "dynamodb:table", TABLE).creation_time(DESCRIBE_TABLE),
    row("ImportTable", "dynamodb:table", IMPORTED_TABLE).creation_time(DESCRIBE_TABLE),
    row("RestoreTableFromBackup", "dynamodb:table", RESTORED_TABLE).creation_time(DESCRIBE_TABLE),
    row("RestoreTableToPointInTime", "dynamodb:table", RESTORED_TABLE).creation_time(DESCRIBE_TABLE),
];
