//! Lists of what inventories of AWS do not show: what was never tagged, and what the tagging API does not know.
//!
//! The tagging API shows what is or was tagged, and neither roles nor users nor Auto Scaling groups.
//! <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html>
//! EC2's operations tell the tags with the resources, so that a call does for a thousand of them.

use super::generated::operations::{AUTOSCALING_DESCRIBE_TAGS, IAM_LIST_ROLE_TAGS};
use super::operation::{Api, Endpoint, HttpBinding, ListOperation, Operation, Pages, Protocol, TagShape};
use super::row::split;

static EC2: Api =
    Api { service_id: "EC2", signing_name: "ec2", endpoint: Endpoint::regional("ec2.${Region}.${Suffix}") };

/// The lists, sorted by type.
pub static LISTS: &[ListOperation] = &[
    ListOperation {
        resource_type: "autoscaling:autoScalingGroup",
        operation: query(
            AUTOSCALING_DESCRIBE_TAGS.operation.api,
            &["autoscaling:DescribeAutoScalingGroups"],
            "2011-01-01",
        ),
        asks: &[("MaxRecords", "100")],
        found: "DescribeAutoScalingGroupsResult.AutoScalingGroups.member",
        name: "AutoScalingGroupARN",
        tags: Some(TagShape::List { name: "Tags.member", key: "Key", value: "Value" }),
        without: &[],
        pages: Some(pages("NextToken", "DescribeAutoScalingGroupsResult.NextToken")),
    },
    ec2("ec2:dhcp-options", &["ec2:DescribeDhcpOptions"], "dhcpOptionsSet.item", "dhcpOptionsId"),
    ListOperation {
        asks: &[],
        pages: None,
        ..ec2("ec2:elastic-ip", &["ec2:DescribeAddresses"], "addressesSet.item", "allocationId")
    },
    // Others' images are public by the ten thousand.
    ListOperation {
        asks: &[("Owner.1", "self"), ("MaxResults", "1000")],
        ..ec2("ec2:image", &["ec2:DescribeImages"], "imagesSet.item", "imageId")
    },
    ListOperation {
        without: &[("instanceState.name", "terminated")],
        ..ec2(
            "ec2:instance",
            &["ec2:DescribeInstances"],
            "reservationSet.item.instancesSet.item",
            "instanceId",
        )
    },
    ec2(
        "ec2:internet-gateway",
        &["ec2:DescribeInternetGateways"],
        "internetGatewaySet.item",
        "internetGatewayId",
    ),
    ListOperation {
        asks: &[],
        pages: None,
        ..ec2("ec2:key-pair", &["ec2:DescribeKeyPairs"], "keySet.item", "keyPairId")
    },
    ListOperation {
        asks: &[("MaxResults", "200")],
        ..ec2(
            "ec2:launch-template",
            &["ec2:DescribeLaunchTemplates"],
            "launchTemplates.item",
            "launchTemplateId",
        )
    },
    // They are shown for an hour after they were deleted.
    ListOperation {
        without: &[("state", "deleted"), ("state", "failed")],
        ..ec2("ec2:natgateway", &["ec2:DescribeNatGateways"], "natGatewaySet.item", "natGatewayId")
    },
    ec2("ec2:network-acl", &["ec2:DescribeNetworkAcls"], "networkAclSet.item", "networkAclId"),
    ec2(
        "ec2:network-interface",
        &["ec2:DescribeNetworkInterfaces"],
        "networkInterfaceSet.item",
        "networkInterfaceId",
    ),
    ListOperation {
        asks: &[("MaxResults", "100")],
        ..ec2("ec2:route-table", &["ec2:DescribeRouteTables"], "routeTableSet.item", "routeTableId")
    },
    ec2("ec2:security-group", &["ec2:DescribeSecurityGroups"], "securityGroupInfo.item", "groupId"),
    ListOperation {
        asks: &[("Owner.1", "self"), ("MaxResults", "1000")],
        ..ec2("ec2:snapshot", &["ec2:DescribeSnapshots"], "snapshotSet.item", "snapshotId")
    },
    ec2("ec2:subnet", &["ec2:DescribeSubnets"], "subnetSet.item", "subnetId"),
    ListOperation {
        without: &[("state", "deleted")],
        ..ec2(
            "ec2:transit-gateway",
            &["ec2:DescribeTransitGateways"],
            "transitGatewaySet.item",
            "transitGatewayId",
        )
    },
    ec2("ec2:volume", &["ec2:DescribeVolumes"], "volumeSet.item", "volumeId"),
    ec2("ec2:vpc", &["ec2:DescribeVpcs"], "vpcSet.item", "vpcId"),
    ListOperation {
        without: &[("vpcEndpointState", "deleted")],
        ..ec2("ec2:vpc-endpoint", &["ec2:DescribeVpcEndpoints"], "vpcEndpointSet.item", "vpcEndpointId")
    },
    // Nobody but AWS may change those that Identity Center makes.
    // https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    ListOperation {
        without: &[("Path", "/aws-reserved/")],
        ..iam("iam:role", &["iam:ListRoles"], "ListRolesResult.Roles.member", "ListRolesResult.Marker")
    },
    iam("iam:user", &["iam:ListUsers"], "ListUsersResult.Users.member", "ListUsersResult.Marker"),
];

const fn ec2(
    resource_type: &'static str,
    actions: &'static [&'static str; 1],
    found: &'static str,
    id: &'static str,
) -> ListOperation {
    ListOperation {
        resource_type,
        operation: query(&EC2, actions, "2016-11-15"),
        asks: &[("MaxResults", "1000")],
        found,
        name: id,
        tags: Some(TagShape::List { name: "tagSet.item", key: "key", value: "value" }),
        without: &[],
        pages: Some(pages("NextToken", "nextToken")),
    }
}

const fn iam(
    resource_type: &'static str,
    actions: &'static [&'static str; 1],
    found: &'static str,
    next: &'static str,
) -> ListOperation {
    ListOperation {
        resource_type,
        operation: query(IAM_LIST_ROLE_TAGS.operation.api, actions, "2010-05-08"),
        asks: &[("MaxItems", "1000")],
        found,
        name: "Arn",
        tags: None,
        without: &[],
        pages: Some(pages("Marker", next)),
    }
}

const fn query(api: &'static Api, actions: &'static [&'static str; 1], version: &'static str) -> Operation {
    let [name] = *actions;
    let protocol = Protocol::Query { action: split(name).1, version };
    Operation { name, actions, api, protocol, method: "POST", path: "/", headers: &[], resource: &[] }
}

const fn pages(ask: &'static str, next: &'static str) -> Pages {
    Pages { ask, binding: HttpBinding::Payload, next }
}
