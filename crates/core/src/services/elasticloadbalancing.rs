//! Elastic Load Balancing, classic and v2 behind one event source. Calls of v2 may create several
//! resources, and their ARNs end in random ids: only the response knows them.

use super::{Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "elasticloadbalancing",
    title: "Elastic Load Balancing",
    route: Route::TaggingApi,
    actions: &["elasticloadbalancing:AddTags"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new("CreateListener", "elasticloadbalancing:listener", &["responseElements.listeners[].listenerArn"]),
    // Application, network and gateway load balancers answer with ARNs; classic ones are named by
    // the request, in a parameter that the others do not have.
    Row::new("CreateLoadBalancer", "elasticloadbalancing:loadbalancer", &["responseElements.loadBalancers[].loadBalancerArn"]),
    Row::new("CreateLoadBalancer", "elasticloadbalancing:loadbalancer", &["arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/${requestParameters.loadBalancerName}"]).at_most(10),
    Row::new("CreateRule", "elasticloadbalancing:listener-rule", &["responseElements.rules[].ruleArn"]),
    Row::new("CreateTargetGroup", "elasticloadbalancing:targetgroup", &["responseElements.targetGroups[].targetGroupArn"]),
    Row::new("CreateTrustStore", "elasticloadbalancing:truststore", &["responseElements.trustStores[].trustStoreArn"]),
];
