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
    Row::new("CreateAccessGrant", "s3:accessgrant", &["responseElements.accessGrantArn"]),
    Row::new(
        "CreateAccessGrantsInstance",
        "s3:accessgrantsinstance",
        &["responseElements.accessGrantsInstanceArn"],
    ),
    Row::new(
        "CreateAccessGrantsLocation",
        "s3:accessgrantslocation",
        &["responseElements.accessGrantsLocationArn"],
    ),
    Row::new(
        "CreateAccessPoint",
        "s3:accesspoint",
        &[
            "responseElements.accessPointArn",
            "arn:${Partition}:s3:${Region}:${Account}:accesspoint/${requestParameters.name}",
        ],
    ),
    Row::new("CreateBucket", "s3:bucket", &["arn:${Partition}:s3:::${requestParameters.bucketName}"]),
    Row::new(
        "CreateJob",
        "s3:job",
        &["arn:${Partition}:s3:${Region}:${Account}:job/${responseElements.jobId}"],
    ),
    Row::nothing(
        "CreateMultipartUpload",
        Ending::NothingCreated("the object exists when the upload is completed"),
    ),
    Row::new(
        "CreateStorageLensGroup",
        "s3:storagelensgroup",
        &[
            "arn:${Partition}:s3:${Region}:${Account}:storage-lens-group/${requestParameters.storageLensGroup.name}",
        ],
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
