//! Amazon EKS. All ARNs but the cluster's end in a random id, so only the response has them.

use crate::table::generated::operations;
use crate::table::row::{Place, Read, Route, Row, Service, arn, row};
use Place::{Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "eks",
    title: "Amazon EKS",
    route: Route::TaggingApi(Some(&operations::EKS_TAG_RESOURCE)),
    actions: &["eks:TagResource"],
    read: Read::Operation(&operations::EKS_LIST_TAGS_FOR_RESOURCE),
    rows: ROWS,
};

const CLUSTER: &[Place] =
    &[Path("responseElements.cluster.arn"), Resource("cluster/${requestParameters.name}")];

const EKS_ANYWHERE_SUBSCRIPTION: &str = "responseElements.subscription.arn";
const FARGATE_PROFILE: &str = "responseElements.fargateProfile.fargateProfileArn";
const POD_IDENTITY_ASSOCIATION: &str = "responseElements.association.associationArn";

const ROWS: &[Row] = &[
    arn("CreateAccessEntry", "eks:access-entry", "responseElements.accessEntry.accessEntryArn").unique(),
    arn("CreateAddon", "eks:addon", "responseElements.addon.addonArn").unique(),
    arn("CreateCapability", "eks:capability", "responseElements.capability.arn").unique(),
    row("CreateCluster", "eks:cluster", CLUSTER).creation_time(&operations::EKS_DESCRIBE_CLUSTER),
    arn("CreateEksAnywhereSubscription", "eks:eks-anywhere-subscription", EKS_ANYWHERE_SUBSCRIPTION).unique(),
    arn("CreateFargateProfile", "eks:fargateprofile", FARGATE_PROFILE).unique(),
    arn("CreateNodegroup", "eks:nodegroup", "responseElements.nodegroup.nodegroupArn")
        .unique()
        .read(Read::Operation(&operations::EKS_DESCRIBE_NODEGROUP)),
    arn("CreatePodIdentityAssociation", "eks:podidentityassociation", POD_IDENTITY_ASSOCIATION).unique(),
    row("RegisterCluster", "eks:cluster", CLUSTER).creation_time(&operations::EKS_DESCRIBE_CLUSTER),
];
