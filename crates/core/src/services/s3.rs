//! Amazon S3. The response is empty: the request names bucket and key. Objects are data events.

use super::{Ending, Route, Row, Service};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
const OBJECT_TAGS: usize = 10;

pub(super) const SERVICE: Service = Service {
    name: "s3",
    title: "Amazon S3",
    route: Route::TaggingApi,
    actions: &["s3:TagResource"],
    rows: ROWS,
};

/// `PutObjectTagging` replaces, so the tags are read first.
const OBJECT_ACTIONS: &[&str] = &["s3:GetObjectTagging", "s3:PutObjectTagging"];

/// A bucket's tags go through `PutBucketTagging`, or `TagResource` where it has ABAC turned on.
const BUCKET_ACTIONS: &[&str] = &["s3:GetBucketTagging", "s3:PutBucketTagging", "s3:TagResource"];

const OBJECTS: &str = "needs a trail with data events, and costs two calls an object";

const fn object(call: &'static str) -> Row {
    const KEY: &[&str] = &["arn:${Partition}:s3:::${requestParameters.bucketName}/${requestParameters.key}"];
    Row::new(call, "s3:object", KEY)
        .via(Route::S3Object)
        .at_most(OBJECT_TAGS)
        .actions(OBJECT_ACTIONS)
        .opt_in(OBJECTS)
}

const ROWS: &[Row] = &[
    object("CompleteMultipartUpload"),
    object("CopyObject"),
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
    Row::new("CreateBucket", "s3:bucket", &["arn:${Partition}:s3:::${requestParameters.bucketName}"])
        .actions(BUCKET_ACTIONS),
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
    object("PostObject"),
    object("PutObject"),
    Row::nothing("UploadPart", Ending::NothingCreated("the object exists when the upload is completed")),
    Row::nothing("UploadPartCopy", Ending::NothingCreated("the object exists when the upload is completed")),
];
