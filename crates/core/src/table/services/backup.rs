//! AWS Backup. Jobs that a plan starts make no call: an event of the service says that one has ended, and names
//! the recovery point. That of a volume or table may be a snapshot, which EC2's or RDS's own call creates.

use crate::table::generated::operations;
use crate::table::row::{Read, Route, Row, Service, arn};

pub(super) const SERVICE: Service = Service {
    name: "backup",
    title: "AWS Backup",
    route: Route::TaggingApi(Some(&operations::BACKUP_TAG_RESOURCE)),
    actions: &["backup:TagResource"],
    read: Read::Operation(&operations::BACKUP_LIST_TAGS),
    rows: ROWS,
};

/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/logging-using-cloudtrail.html>
const ROWS: &[Row] =
    &[arn("BackupJobCompleted", "backup:recoveryPoint", "serviceEventDetails.recoveryPointArn")
        .resource_prefix("recovery-point:")
        .optional()
        .unique()
        .service_event()];
