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

const ROWS: &[Row] = &[
    arn(
        "CreateCapacityProvider",
        "ecs:capacity-provider",
        "responseElements.capacityProvider.capacityProviderArn",
    ),
    arn("CreateCluster", "ecs:cluster", "responseElements.cluster.clusterArn"),
    arn("CreateDaemon", "ecs:daemon", "responseElements.daemonArn"),
    arn("CreateExpressGatewayService", "ecs:service", "responseElements.service.serviceArn"),
    arn("CreateService", "ecs:service", "responseElements.service.serviceArn"),
    arn("CreateTaskSet", "ecs:task-set", "responseElements.taskSet.taskSetArn"),
    arn(
        "RegisterContainerInstance",
        "ecs:container-instance",
        "responseElements.containerInstance.containerInstanceArn",
    ),
    arn(
        "RegisterDaemonTaskDefinition",
        "ecs:daemon-task-definition",
        "responseElements.daemonTaskDefinitionArn",
    ),
    arn("RegisterTaskDefinition", "ecs:task-definition", "responseElements.taskDefinition.taskDefinitionArn"),
    arn("RunTask", "ecs:task", "responseElements.tasks[].taskArn").opt_in(TASKS),
    arn("StartTask", "ecs:task", "responseElements.tasks[].taskArn").opt_in(TASKS),
];
