//! Amazon ECS. Every response names the ARN.

use crate::table::row::{Route, Row, Service, arn};

pub(super) const SERVICE: Service = Service {
    name: "ecs",
    title: "Amazon ECS",
    route: Route::TaggingApi,
    actions: &["ecs:TagResource"],
    rows: ROWS,
};

/// A busy service starts thousands a day, and `propagateTags` tags those that services schedule too.
const TASKS: &str = "tasks live for minutes, and ECS propagates tags to them itself";

const CAPACITY_PROVIDER: &str = "responseElements.capacityProvider.capacityProviderArn";
const CONTAINER_INSTANCE: &str = "responseElements.containerInstance.containerInstanceArn";
const DAEMON_TASK_DEFINITION: &str = "responseElements.daemonTaskDefinitionArn";

const ROWS: &[Row] = &[
    arn("CreateCapacityProvider", "ecs:capacity-provider", CAPACITY_PROVIDER),
    arn("CreateCluster", "ecs:cluster", "responseElements.cluster.clusterArn"),
    arn("CreateDaemon", "ecs:daemon", "responseElements.daemonArn"),
    arn("CreateExpressGatewayService", "ecs:service", "responseElements.service.serviceArn"),
    arn("CreateService", "ecs:service", "responseElements.service.serviceArn"),
    arn("CreateTaskSet", "ecs:task-set", "responseElements.taskSet.taskSetArn"),
    arn("RegisterContainerInstance", "ecs:container-instance", CONTAINER_INSTANCE),
    arn("RegisterDaemonTaskDefinition", "ecs:daemon-task-definition", DAEMON_TASK_DEFINITION),
    arn("RegisterTaskDefinition", "ecs:task-definition", "responseElements.taskDefinition.taskDefinitionArn"),
    arn("RunTask", "ecs:task", "responseElements.tasks[].taskArn").opt_in(TASKS),
    arn("StartTask", "ecs:task", "responseElements.tasks[].taskArn").opt_in(TASKS),
];
