//! Directory buckets of Amazon S3, an event source of their own. The response is empty: the request
//! names the bucket.

use crate::table::generated::operations;
use crate::table::row::{Read, Route, Row, Service, resource};

pub(super) const SERVICE: Service = Service {
    name: "s3express",
    title: "Amazon S3 Express One Zone",
    route: Route::TagOperation(&operations::S3CONTROL_S3EXPRESS_TAG_RESOURCE),
    actions: &[],
    read: Read::Operation(&operations::S3CONTROL_S3EXPRESS_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-tagging.html>
const ROWS: &[Row] =
    &[resource("CreateBucket", "s3express:bucket", "bucket/${requestParameters.bucketName}")];
