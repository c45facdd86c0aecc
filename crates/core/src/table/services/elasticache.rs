//! Amazon ElastiCache. Most responses lack their wrapper, and `aRN` is at the top; records from
//! before 2020 have no ARN, but the identifier as ElastiCache stored it.

use crate::table::generated::operations;
use crate::table::row::{Place, Read, Route, Row, Service, resource, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "elasticache",
    title: "Amazon ElastiCache",
    route: Route::TaggingApi(Some(&operations::ELASTICACHE_ADD_TAGS_TO_RESOURCE)),
    actions: &["elasticache:AddTagsToResource"],
    read: Read::Operation(&operations::ELASTICACHE_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

const SERVERLESSCACHESNAPSHOT: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.serverlessCacheSnapshot.aRN"),
    Resource("serverlesscachesnapshot:${responseElements.serverlessCacheSnapshotName}"),
];
const SNAPSHOT: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.snapshot.aRN"),
    Resource("snapshot:${responseElements.snapshotName}"),
];
const CLUSTER: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.cacheCluster.aRN"),
    Resource("cluster:${responseElements.cacheClusterId}"),
];
const PARAMETERGROUP: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.cacheParameterGroup.aRN"),
    Resource("parametergroup:${responseElements.cacheParameterGroupName}"),
];
const SECURITYGROUP: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.cacheSecurityGroup.aRN"),
    Resource("securitygroup:${responseElements.cacheSecurityGroupName}"),
];
const SUBNETGROUP: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.cacheSubnetGroup.aRN"),
    Resource("subnetgroup:${responseElements.cacheSubnetGroupName}"),
];
const GLOBALREPLICATIONGROUP: &[Place] =
    &[Path("responseElements.aRN"), Path("responseElements.globalReplicationGroup.aRN")];
const REPLICATIONGROUP: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.replicationGroup.aRN"),
    Resource("replicationgroup:${responseElements.replicationGroupId}"),
];
const SERVERLESSCACHE: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.serverlessCache.aRN"),
    Resource("serverlesscache:${responseElements.serverlessCacheName}"),
];
const USER: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.user.aRN"),
    Resource("user:${responseElements.userId}"),
];
const USERGROUP: &[Place] = &[
    Path("responseElements.aRN"),
    Path("responseElements.userGroup.aRN"),
    Resource("usergroup:${responseElements.userGroupId}"),
];
const RESERVED_INSTANCE: &[Place] =
    &[Path("responseElements.reservationARN"), Path("responseElements.reservedCacheNode.reservationARN")];

const ROWS: &[Row] = &[
    row("CopyServerlessCacheSnapshot", "elasticache:serverlesscachesnapshot", SERVERLESSCACHESNAPSHOT),
    row("CopySnapshot", "elasticache:snapshot", SNAPSHOT),
    row("CreateCacheCluster", "elasticache:cluster", CLUSTER),
    row("CreateCacheParameterGroup", "elasticache:parametergroup", PARAMETERGROUP),
    row("CreateCacheSecurityGroup", "elasticache:securitygroup", SECURITYGROUP),
    row("CreateCacheSubnetGroup", "elasticache:subnetgroup", SUBNETGROUP),
    row("CreateGlobalReplicationGroup", "elasticache:globalreplicationgroup", GLOBALREPLICATIONGROUP),
    row("CreateReplicationGroup", "elasticache:replicationgroup", REPLICATIONGROUP),
    resource("CreateReplicationGroup", "elasticache:cluster", "cluster:${responseElements.memberClusters[]}")
        .optional()
        // A group created around an existing cluster lists it as a member.
        .excluding("requestParameters.primaryClusterId"),
    row("CreateServerlessCache", "elasticache:serverlesscache", SERVERLESSCACHE),
    row("CreateServerlessCacheSnapshot", "elasticache:serverlesscachesnapshot", SERVERLESSCACHESNAPSHOT),
    row("CreateSnapshot", "elasticache:snapshot", SNAPSHOT),
    row("CreateUser", "elasticache:user", USER),
    row("CreateUserGroup", "elasticache:usergroup", USERGROUP),
    row("PurchaseReservedCacheNodesOffering", "elasticache:reserved-instance", RESERVED_INSTANCE),
];
