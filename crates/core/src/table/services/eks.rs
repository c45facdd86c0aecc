//! Amazon EKS. All ARNs but the cluster's end in a random id, so only the response has them.

use crate::table::row::{Place, Route, Row, Service, arn, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "eks",
    title: "Amazon EKS",
    route: Route::TaggingApi,
    actions: &["eks:TagResource"],
    rows: ROWS,
};

const CLUSTER: &[Place] =
    &[Path("responseElements.cluster.arn"), Resource("cluster/${requestParameters.name}")];

const EKS_ANYWHERE_SUBSCRIPTION: &str = "responseElements.subscription.arn";
const POD_IDENTITY_ASSOCIATION: &str = "responseElements.association.associationArn";

const ROWS: &[Row] = &[
    arn("CreateAccessEntry", "eks:access-entry", "responseElements.accessEntry.accessEntryArn"),
    arn("CreateAddon", "eks:addon", "responseElements.addon.addonArn"),
    arn("CreateCapability", "eks:capability", "responseElements.capability.arn"),
    row("CreateCluster", "eks:cluster", CLUSTER),
    arn("CreateEksAnywhereSubscription", "eks:eks-anywhere-subscription", EKS_ANYWHERE_SUBSCRIPTION),
    arn("CreateFargateProfile", "eks:fargateprofile", "responseElements.fargateProfile.fargateProfileArn"),
    arn("CreateNodegroup", "eks:nodegroup", "responseElements.nodegroup.nodegroupArn"),
    arn("CreatePodIdentityAssociation", "eks:podidentityassociation", POD_IDENTITY_ASSOCIATION),
    row("RegisterCluster", "eks:cluster", CLUSTER),
];
