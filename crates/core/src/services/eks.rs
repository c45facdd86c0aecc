//! Amazon EKS. All ARNs but the cluster's end in a random id, so only the response knows them.

use super::{Route, Row, Service};

pub(super) const SERVICE: Service = Service {
    name: "eks",
    title: "Amazon EKS",
    route: Route::TaggingApi,
    actions: &["eks:TagResource"],
    rows: ROWS,
};

const ROWS: &[Row] = &[
    Row::new("CreateAccessEntry", "eks:access-entry", &["responseElements.accessEntry.accessEntryArn"]),
    Row::new("CreateAddon", "eks:addon", &["responseElements.addon.addonArn"]),
    Row::new("CreateCapability", "eks:capability", &["responseElements.capability.arn"]),
    Row::new(
        "CreateCluster",
        "eks:cluster",
        &[
            "responseElements.cluster.arn",
            "arn:${Partition}:eks:${Region}:${Account}:cluster/${requestParameters.name}",
        ],
    ),
    Row::new(
        "CreateEksAnywhereSubscription",
        "eks:eks-anywhere-subscription",
        &["responseElements.subscription.arn"],
    ),
    Row::new(
        "CreateFargateProfile",
        "eks:fargateprofile",
        &["responseElements.fargateProfile.fargateProfileArn"],
    ),
    Row::new("CreateNodegroup", "eks:nodegroup", &["responseElements.nodegroup.nodegroupArn"]),
    Row::new(
        "CreatePodIdentityAssociation",
        "eks:podidentityassociation",
        &["responseElements.association.associationArn"],
    ),
    Row::new(
        "RegisterCluster",
        "eks:cluster",
        &[
            "responseElements.cluster.arn",
            "arn:${Partition}:eks:${Region}:${Account}:cluster/${requestParameters.name}",
        ],
    ),
];
