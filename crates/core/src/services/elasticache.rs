//! Amazon ElastiCache. Most responses lack their wrapper, and `aRN` is at the top; records of before
//! 2020 have no ARN, but the identifier as ElastiCache stored it.

use super::{Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "elasticache",
    title: "Amazon ElastiCache",
    route: Route::TaggingApi,
    actions: &["elasticache:AddTagsToResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new(
        "CopyServerlessCacheSnapshot",
        "elasticache:serverlesscachesnapshot",
        &[
            "responseElements.aRN",
            "responseElements.serverlessCacheSnapshot.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:serverlesscachesnapshot:${responseElements.serverlessCacheSnapshotName}",
        ],
    ),
    Row::new(
        "CopySnapshot",
        "elasticache:snapshot",
        &[
            "responseElements.aRN",
            "responseElements.snapshot.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:snapshot:${responseElements.snapshotName}",
        ],
    ),
    Row::new(
        "CreateCacheCluster",
        "elasticache:cluster",
        &[
            "responseElements.aRN",
            "responseElements.cacheCluster.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:cluster:${responseElements.cacheClusterId}",
        ],
    ),
    Row::new(
        "CreateCacheParameterGroup",
        "elasticache:parametergroup",
        &[
            "responseElements.aRN",
            "responseElements.cacheParameterGroup.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:parametergroup:${responseElements.cacheParameterGroupName}",
        ],
    ),
    Row::new(
        "CreateCacheSecurityGroup",
        "elasticache:securitygroup",
        &[
            "responseElements.aRN",
            "responseElements.cacheSecurityGroup.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:securitygroup:${responseElements.cacheSecurityGroupName}",
        ],
    ),
    Row::new(
        "CreateCacheSubnetGroup",
        "elasticache:subnetgroup",
        &[
            "responseElements.aRN",
            "responseElements.cacheSubnetGroup.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:subnetgroup:${responseElements.cacheSubnetGroupName}",
        ],
    ),
    Row::new(
        "CreateGlobalReplicationGroup",
        "elasticache:globalreplicationgroup",
        &["responseElements.aRN", "responseElements.globalReplicationGroup.aRN"],
    ),
    Row::new(
        "CreateReplicationGroup",
        "elasticache:replicationgroup",
        &[
            "responseElements.aRN",
            "responseElements.replicationGroup.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:replicationgroup:${responseElements.replicationGroupId}",
        ],
    ),
    Row::new(
        "CreateReplicationGroup",
        "elasticache:cluster",
        &["arn:${Partition}:elasticache:${Region}:${Account}:cluster:${responseElements.memberClusters[]}"],
    )
    .optional()
    // A group that is put over an existing cluster names it among its members.
    .but("requestParameters.primaryClusterId"),
    Row::new(
        "CreateServerlessCache",
        "elasticache:serverlesscache",
        &[
            "responseElements.aRN",
            "responseElements.serverlessCache.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:serverlesscache:${responseElements.serverlessCacheName}",
        ],
    ),
    Row::new(
        "CreateServerlessCacheSnapshot",
        "elasticache:serverlesscachesnapshot",
        &[
            "responseElements.aRN",
            "responseElements.serverlessCacheSnapshot.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:serverlesscachesnapshot:${responseElements.serverlessCacheSnapshotName}",
        ],
    ),
    Row::new(
        "CreateSnapshot",
        "elasticache:snapshot",
        &[
            "responseElements.aRN",
            "responseElements.snapshot.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:snapshot:${responseElements.snapshotName}",
        ],
    ),
    Row::new(
        "CreateUser",
        "elasticache:user",
        &[
            "responseElements.aRN",
            "responseElements.user.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:user:${responseElements.userId}",
        ],
    ),
    Row::new(
        "CreateUserGroup",
        "elasticache:usergroup",
        &[
            "responseElements.aRN",
            "responseElements.userGroup.aRN",
            "arn:${Partition}:elasticache:${Region}:${Account}:usergroup:${responseElements.userGroupId}",
        ],
    ),
    Row::new(
        "PurchaseReservedCacheNodesOffering",
        "elasticache:reserved-instance",
        &["responseElements.reservationARN", "responseElements.reservedCacheNode.reservationARN"],
    ),
];
