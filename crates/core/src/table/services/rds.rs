//! Amazon RDS, and DocumentDB and Neptune, which log as RDS. The wrapper of the response is missing in
//! most records; records from before 2017 have no ARNs, but the identifier as RDS stored it.

use crate::table::generated::operations;
use crate::table::row::{Place, Read, Route, Row, Service, arn, row};
use Place::{ArnFormat, Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "rds",
    title: "Amazon RDS, DocumentDB, Neptune",
    route: Route::TaggingApi(Some(&operations::RDS_ADD_TAGS_TO_RESOURCE)),
    actions: &["rds:AddTagsToResource"],
    read: Read::Operation(&operations::RDS_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

const CLUSTER_PG: &[Place] = &[
    Path("responseElements.dBClusterParameterGroupArn"),
    Path("responseElements.dBClusterParameterGroup.dBClusterParameterGroupArn"),
    Resource("cluster-pg:${responseElements.dBClusterParameterGroupName}"),
];
const CLUSTER_SNAPSHOT: &[Place] = &[
    Path("responseElements.dBClusterSnapshotArn"),
    Path("responseElements.dBClusterSnapshot.dBClusterSnapshotArn"),
    Resource("cluster-snapshot:${responseElements.dBClusterSnapshotIdentifier}"),
];
const PG: &[Place] = &[
    Path("responseElements.dBParameterGroupArn"),
    Path("responseElements.dBParameterGroup.dBParameterGroupArn"),
    Resource("pg:${responseElements.dBParameterGroupName}"),
];
const SNAPSHOT: &[Place] = &[
    Path("responseElements.dBSnapshotArn"),
    Path("responseElements.dBSnapshot.dBSnapshotArn"),
    Resource("snapshot:${responseElements.dBSnapshotIdentifier}"),
];
const OG: &[Place] = &[
    Path("responseElements.optionGroupArn"),
    Path("responseElements.optionGroup.optionGroupArn"),
    Resource("og:${responseElements.optionGroupName}"),
];
const DEPLOYMENT: &[Place] = &[
    Resource("deployment:${responseElements.blueGreenDeployment.blueGreenDeploymentIdentifier}"),
    Resource("deployment:${responseElements.blueGreenDeploymentIdentifier}"),
];
const CLUSTER: &[Place] = &[
    Path("responseElements.dBClusterArn"),
    Path("responseElements.dBCluster.dBClusterArn"),
    Resource("cluster:${responseElements.dBClusterIdentifier}"),
];
const DB: &[Place] = &[
    Path("responseElements.dBInstanceArn"),
    Path("responseElements.dBInstance.dBInstanceArn"),
    Resource("db:${responseElements.dBInstanceIdentifier}"),
];
const PROXY: &[Place] = &[Path("responseElements.dBProxy.dBProxyArn"), Path("responseElements.dBProxyArn")];
const PROXY_ENDPOINT: &[Place] = &[
    Path("responseElements.dBProxyEndpoint.dBProxyEndpointArn"),
    Path("responseElements.dBProxyEndpointArn"),
];
const SECGRP: &[Place] = &[
    Path("responseElements.dBSecurityGroupArn"),
    Path("responseElements.dBSecurityGroup.dBSecurityGroupArn"),
    Resource("secgrp:${responseElements.dBSecurityGroupName}"),
];
const SUBGRP: &[Place] = &[
    Path("responseElements.dBSubnetGroupArn"),
    Path("responseElements.dBSubnetGroup.dBSubnetGroupArn"),
    Resource("subgrp:${responseElements.dBSubnetGroupName}"),
];
const ES: &[Place] = &[
    Path("responseElements.eventSubscriptionArn"),
    Path("responseElements.eventSubscription.eventSubscriptionArn"),
    Resource("es:${responseElements.custSubscriptionId}"),
];
const GLOBAL_CLUSTER: &[Place] = &[
    Path("responseElements.globalClusterArn"),
    Path("responseElements.globalCluster.globalClusterArn"),
    ArnFormat("arn:${Partition}:rds::${Account}:global-cluster:${responseElements.globalClusterIdentifier}"),
];
const TENANT_DATABASE: &[Place] =
    &[Path("responseElements.tenantDatabaseARN"), Path("responseElements.tenantDatabase.tenantDatabaseARN")];
const RI: &[Place] = &[
    Path("responseElements.reservedDBInstanceArn"),
    Path("responseElements.reservedDBInstance.reservedDBInstanceArn"),
    Resource("ri:${responseElements.reservedDBInstanceId}"),
];
const AUTO_BACKUP: &[Place] = &[
    Path("responseElements.dBInstanceAutomatedBackupsArn"),
    Path("responseElements.dBInstanceAutomatedBackup.dBInstanceAutomatedBackupsArn"),
];

const ROWS: &[Row] = &[
    row("CopyDBClusterParameterGroup", "rds:cluster-pg", CLUSTER_PG),
    row("CopyDBClusterSnapshot", "rds:cluster-snapshot", CLUSTER_SNAPSHOT),
    row("CopyDBParameterGroup", "rds:pg", PG),
    row("CopyDBSnapshot", "rds:snapshot", SNAPSHOT),
    row("CopyOptionGroup", "rds:og", OG),
    row("CreateBlueGreenDeployment", "rds:deployment", DEPLOYMENT).unique(),
    arn("CreateCustomDBEngineVersion", "rds:cev", "responseElements.dBEngineVersionArn").unique(),
    row("CreateDBCluster", "rds:cluster", CLUSTER),
    arn("CreateDBClusterEndpoint", "rds:cluster-endpoint", "responseElements.dBClusterEndpointArn"),
    row("CreateDBClusterParameterGroup", "rds:cluster-pg", CLUSTER_PG),
    row("CreateDBClusterSnapshot", "rds:cluster-snapshot", CLUSTER_SNAPSHOT),
    row("CreateDBInstance", "rds:db", DB),
    row("CreateDBInstanceReadReplica", "rds:db", DB),
    row("CreateDBParameterGroup", "rds:pg", PG),
    row("CreateDBProxy", "rds:proxy", PROXY).unique(),
    row("CreateDBProxyEndpoint", "rds:proxy-endpoint", PROXY_ENDPOINT).unique(),
    row("CreateDBSecurityGroup", "rds:secgrp", SECGRP),
    arn("CreateDBShardGroup", "rds:shardgrp", "responseElements.dBShardGroupArn"),
    row("CreateDBSnapshot", "rds:snapshot", SNAPSHOT),
    row("CreateDBSubnetGroup", "rds:subgrp", SUBGRP),
    row("CreateEventSubscription", "rds:es", ES),
    row("CreateGlobalCluster", "rds:global-cluster", GLOBAL_CLUSTER),
    arn("CreateIntegration", "rds:integration", "responseElements.integrationArn").unique(),
    row("CreateOptionGroup", "rds:og", OG),
    row("CreateTenantDatabase", "rds:tenant-database", TENANT_DATABASE).unique(),
    row("PurchaseReservedDBInstancesOffering", "rds:ri", RI),
    row("RestoreDBClusterFromS3", "rds:cluster", CLUSTER),
    row("RestoreDBClusterFromSnapshot", "rds:cluster", CLUSTER),
    row("RestoreDBClusterToPointInTime", "rds:cluster", CLUSTER),
    row("RestoreDBInstanceFromDBSnapshot", "rds:db", DB),
    row("RestoreDBInstanceFromS3", "rds:db", DB),
    row("RestoreDBInstanceToPointInTime", "rds:db", DB),
    row("StartDBInstanceAutomatedBackupsReplication", "rds:auto-backup", AUTO_BACKUP).unique(),
];
