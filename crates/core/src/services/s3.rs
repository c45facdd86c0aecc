//! Amazon S3. The response is empty: the request names bucket and key. Objects are data events.

use super::{Ending, Route, Row, Service};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
const OBJECT_TAGS: usize = 10;

pub(super) const SERVICE: Service =
    Service { name: "s3", title: "Amazon S3", route: Route::TaggingApi, rows: ROWS };

const ROWS: &[Row] = &[
    Row::new(
        "CompleteMultipartUpload",
        "s3:object",
        &["arn:${Partition}:s3:::${requestParameters.bucketName}/${requestParameters.key}"],
    )
    .via(Route::S3Object)
    .at_most(OBJECT_TAGS),
    Row::new(
        "CopyObject",
        "s3:object",
        &["arn:${Partition}:s3:::${requestParameters.bucketName}/${requestParameters.key}"],
    )
    .via(Route::S3Object)
    .at_most(OBJECT_TAGS),
    Row::new("CreateBucket", "s3:bucket", &["arn:${Partition}:s3:::${requestParameters.bucketName}"]),
    Row::nothing(
        "CreateMultipartUpload",
        Ending::NothingCreated("the object exists when the upload is completed"),
    ),
    Row::new(
        "PostObject",
        "s3:object",
        &["arn:${Partition}:s3:::${requestParameters.bucketName}/${requestParameters.key}"],
    )
    .via(Route::S3Object)
    .at_most(OBJECT_TAGS),
    Row::new(
        "PutObject",
        "s3:object",
        &["arn:${Partition}:s3:::${requestParameters.bucketName}/${requestParameters.key}"],
    )
    .via(Route::S3Object)
    .at_most(OBJECT_TAGS),
    Row::nothing("UploadPart", Ending::NothingCreated("the object exists when the upload is completed")),
    Row::nothing("UploadPartCopy", Ending::NothingCreated("the object exists when the upload is completed")),
];
