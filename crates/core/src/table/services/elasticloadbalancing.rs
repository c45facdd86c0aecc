//! Elastic Load Balancing, classic and v2 behind one event source. Calls of v2 may create several
//! resources, and their ARNs end in random ids: only the response has them.

use crate::table::row::{Route, Row, Service, arn, resource};

pub(super) const SERVICE: Service = Service {
    name: "elasticloadbalancing",
    title: "Elastic Load Balancing",
    route: Route::TaggingApi,
    actions: &["elasticloadbalancing:AddTags"],
    rows: ROWS,
};

const LOAD_BALANCER: &str = "responseElements.loadBalancers[].loadBalancerArn";
const CLASSIC_LOAD_BALANCER: &str = "loadbalancer/${requestParameters.loadBalancerName}";
const TARGET_GROUP: &str = "responseElements.targetGroups[].targetGroupArn";
const TRUST_STORE: &str = "responseElements.trustStores[].trustStoreArn";

const ROWS: &[Row] = &[
    arn("CreateListener", "elasticloadbalancing:listener", "responseElements.listeners[].listenerArn"),
    // The responses for application, network and gateway load balancers have ARNs; a classic one is
    // named by the request, in a parameter that v2 does not have.
    arn("CreateLoadBalancer", "elasticloadbalancing:loadbalancer", LOAD_BALANCER),
    resource("CreateLoadBalancer", "elasticloadbalancing:loadbalancer", CLASSIC_LOAD_BALANCER).max_tags(10),
    arn("CreateRule", "elasticloadbalancing:listener-rule", "responseElements.rules[].ruleArn"),
    arn("CreateTargetGroup", "elasticloadbalancing:targetgroup", TARGET_GROUP),
    arn("CreateTrustStore", "elasticloadbalancing:truststore", TRUST_STORE),
];
