//! Amazon ECS. Every response names the ARN.

use super::{Route, Row, Service};

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
    Row::new(
        "CreateCapacityProvider",
        "ecs:capacity-provider",
        &["responseElements.capacityProvider.capacityProviderArn"],
    ),
    Row::new("CreateCluster", "ecs:cluster", &["responseElements.cluster.clusterArn"]),
    Row::new("CreateDaemon", "ecs:daemon", &["responseElements.daemonArn"]),
    Row::new("CreateExpressGatewayService", "ecs:service", &["responseElements.service.serviceArn"]),
    Row::new("CreateService", "ecs:service", &["responseElements.service.serviceArn"]),
    Row::new("CreateTaskSet", "ecs:task-set", &["responseElements.taskSet.taskSetArn"]),
    Row::new(
        "RegisterContainerInstance",
        "ecs:container-instance",
        &["responseElements.containerInstance.containerInstanceArn"],
    ),
    Row::new(
        "RegisterDaemonTaskDefinition",
        "ecs:daemon-task-definition",
        &["responseElements.daemonTaskDefinitionArn"],
    ),
    Row::new(
        "RegisterTaskDefinition",
        "ecs:task-definition",
        &["responseElements.taskDefinition.taskDefinitionArn"],
    ),
    Row::new("RunTask", "ecs:task", &["responseElements.tasks[].taskArn"]).opt_in(TASKS),
    Row::new("StartTask", "ecs:task", &["responseElements.tasks[].taskArn"]).opt_in(TASKS),
];
