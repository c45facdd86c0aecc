//! Elastic Load Balancing, classic and v2 behind one event source. Calls of v2 may create several
//! resources, and their ARNs end in random ids: only the response has them. A repeated creation with the
//! same settings answers with what is there.

use crate::table::generated::operations;
use crate::table::operation::LookupOperation;
use crate::table::row::{Read, Route, Row, Service, arn, resource, told};

pub(super) const SERVICE: Service = Service {
    name: "elasticloadbalancing",
    title: "Elastic Load Balancing",
    route: Route::TaggingApi(Some(&operations::ELBV2_ADD_TAGS)),
    actions: &["elasticloadbalancing:AddTags"],
    read: Read::Operation(&operations::ELBV2_DESCRIBE_TAGS),
    rows: ROWS,
};

const DEFAULT_RULE: &LookupOperation = &operations::LOOKUP_ELBV2_DESCRIBE_RULES;
const LISTENERS: &str = "responseElements.listeners[].listenerArn";
const LOAD_BALANCER: &str = "responseElements.loadBalancers[].loadBalancerArn";
const CLASSIC_LOAD_BALANCER: &str = "loadbalancer/${requestParameters.loadBalancerName}";
const TARGET_GROUP: &str = "responseElements.targetGroups[].targetGroupArn";
const TRUST_STORE: &str = "responseElements.trustStores[].trustStoreArn";

const ROWS: &[Row] = &[
    arn("CreateListener", "elasticloadbalancing:listener", LISTENERS).unique().idempotent(),
    told("CreateListener", "elasticloadbalancing:listener-rule", DEFAULT_RULE, LISTENERS)
        .unique()
        .optional()
        .opt_in("AWS does not say whether the default rule of a listener takes tags"),
    // The responses for application, network and gateway load balancers have ARNs; a classic one is
    // named by the request, in a parameter that v2 does not have.
    arn("CreateLoadBalancer", "elasticloadbalancing:loadbalancer", LOAD_BALANCER)
        .unique()
        .idempotent()
        .created_at("responseElements.loadBalancers[].createdTime"),
    resource("CreateLoadBalancer", "elasticloadbalancing:loadbalancer", CLASSIC_LOAD_BALANCER)
        .via(Route::TaggingApi(Some(&operations::ELB_ADD_TAGS)))
        .read(Read::Operation(&operations::ELB_DESCRIBE_TAGS))
        .max_tags(10),
    arn("CreateRule", "elasticloadbalancing:listener-rule", "responseElements.rules[].ruleArn").unique(),
    arn("CreateTargetGroup", "elasticloadbalancing:targetgroup", TARGET_GROUP).unique().idempotent(),
    arn("CreateTrustStore", "elasticloadbalancing:truststore", TRUST_STORE).unique(),
];
