//! Amazon S3. The response is empty: the request names bucket and key. Objects are data events.

use crate::table::generated::operations;
use crate::table::row::{Ending, Place, Read, Route, Row, Service, arn, arn_format, nothing, resource, row};
use Place::{Path, Resource};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
const OBJECT_TAGS: usize = 10;

pub(super) const SERVICE: Service = Service {
    name: "s3",
    title: "Amazon S3",
    route: Route::TaggingApi(None),
    actions: &["s3:TagResource"],
    read: Read::Operation(&operations::S3CONTROL_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

/// `PutObjectTagging` replaces all tags, so they are read first.
const OBJECT_ACTIONS: &[&str] = &["s3:GetObjectTagging", "s3:PutObjectTagging"];

/// A bucket's tags go through `PutBucketTagging`, or `TagResource` if ABAC is enabled on it.
const BUCKET_ACTIONS: &[&str] = &["s3:GetBucketTagging", "s3:PutBucketTagging", "s3:TagResource"];

const OBJECTS: &str = "needs a trail with data events, and costs two calls an object";

const UPLOAD: Ending = Ending::NothingCreated("the object exists when the upload is completed");
const BUCKET: &str = "arn:${Partition}:s3:::${requestParameters.bucketName}";
const KEY: &str = "arn:${Partition}:s3:::${requestParameters.bucketName}/${requestParameters.key}";

const fn object(event_name: &'static str) -> Row {
    arn_format(event_name, "s3:object", KEY)
        .via(Route::S3Object)
        .read(Read::S3Object)
        .max_tags(OBJECT_TAGS)
        .actions(OBJECT_ACTIONS)
        .opt_in(OBJECTS)
}

const ACCESSPOINT: &[Place] =
    &[Path("responseElements.accessPointArn"), Resource("accesspoint/${requestParameters.name}")];

const STORAGE_LENS_GROUP: &str = "storage-lens-group/${requestParameters.storageLensGroup.name}";

const ROWS: &[Row] = &[
    object("CompleteMultipartUpload"),
    object("CopyObject"),
    arn("CreateAccessGrant", "s3:accessgrant", "responseElements.accessGrantArn").unique(),
    arn("CreateAccessGrantsInstance", "s3:accessgrantsinstance", "responseElements.accessGrantsInstanceArn"),
    arn("CreateAccessGrantsLocation", "s3:accessgrantslocation", "responseElements.accessGrantsLocationArn"),
    row("CreateAccessPoint", "s3:accesspoint", ACCESSPOINT),
    arn_format("CreateBucket", "s3:bucket", BUCKET)
        .actions(BUCKET_ACTIONS)
        .read(Read::S3Bucket)
        .idempotent()
        .bucket_creation_time(),
    resource("CreateJob", "s3:job", "job/${responseElements.jobId}").unique(),
    nothing("CreateMultipartUpload", UPLOAD),
    resource("CreateStorageLensGroup", "s3:storagelensgroup", STORAGE_LENS_GROUP),
    object("PostObject"),
    object("PutObject"),
    nothing("UploadPart", UPLOAD),
    nothing("UploadPartCopy", UPLOAD),
];
