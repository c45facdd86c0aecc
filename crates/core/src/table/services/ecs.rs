//! Amazon ECS. Every response names the ARN.

use crate::table::generated::operations;
use crate::table::row::{Read, Route, Row, Service, arn};

pub(super) const SERVICE: Service = Service {
    name: "ecs",
    title: "Amazon ECS",
    route: Route::TaggingApi(Some(&operations::ECS_TAG_RESOURCE)),
    actions: &["ecs:TagResource"],
    read: Read::Operation(&operations::ECS_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

/// A busy service starts thousands a day, and `propagateTags` tags those that services schedule too.
const TASKS: &str = "tasks live for minutes, and ECS propagates tags to them itself";

const CAPACITY_PROVIDER: &str = "responseElements.capacityProvider.capacityProviderArn";
const CONTAINER_INSTANCE: &str = "responseElements.containerInstance.containerInstanceArn";
const DAEMON_TASK_DEFINITION: &str = "responseElements.daemonTaskDefinitionArn";

const TASK_DEFINITION: &str = "responseElements.taskDefinition.taskDefinitionArn";

const ROWS: &[Row] = &[
    arn("CreateCapacityProvider", "ecs:capacity-provider", CAPACITY_PROVIDER),
    arn("CreateCluster", "ecs:cluster", "responseElements.cluster.clusterArn").idempotent(),
    arn("CreateDaemon", "ecs:daemon", "responseElements.daemonArn"),
    arn("CreateExpressGatewayService", "ecs:service", "responseElements.service.serviceArn"),
    arn("CreateService", "ecs:service", "responseElements.service.serviceArn"),
    arn("CreateTaskSet", "ecs:task-set", "responseElements.taskSet.taskSetArn").unique(),
    arn("RegisterContainerInstance", "ecs:container-instance", CONTAINER_INSTANCE).unique(),
    arn("RegisterDaemonTaskDefinition", "ecs:daemon-task-definition", DAEMON_TASK_DEFINITION).unique(),
    arn("RegisterTaskDefinition", "ecs:task-definition", TASK_DEFINITION).unique(),
    arn("RunTask", "ecs:task", "responseElements.tasks[].taskArn").unique().opt_in(TASKS),
    arn("StartTask", "ecs:task", "responseElements.tasks[].taskArn").unique().opt_in(TASKS),
];
