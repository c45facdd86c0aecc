//! For which resource a service created another: where records name the parent.
//!
//! What a service makes on somebody's behalf carries the service's name in its record. The request, or the interface's
//! description, names the resource that it is for. The rows are in order: the first that finds something counts.

use std::collections::BTreeSet;

use super::index::all;
use super::row::{CreationTime, Row, Service};

/// Stacks are asked nothing: who deployed them is remembered.
pub(crate) const STACK: &str = "cloudformation:stack";

/// A parent that records of a service name.
#[derive(Debug)]
pub(crate) struct ParentRow {
    /// Who creates, as CloudTrail names the service. A mark counts only from the service that sets it: anybody may put
    /// a tag `eks:cluster-name` into a request.
    pub(crate) service: &'static str,
    pub(crate) named: Named,
    /// Resource type of the parent, whose tags are read as the table says.
    pub(crate) resource_type: &'static str,
    /// Its ARN format, where `${Name}` is what the record has. Without one, the record has the ARN.
    pub(crate) arn: Option<&'static str>,
    /// The type in people's words.
    pub(crate) title: &'static str,
}

/// Where a record names a parent.
#[derive(Debug)]
pub(crate) enum Named {
    /// By the value of a tag that the request sets.
    Tag(&'static str),
    /// By those of two, with a slash between them.
    Tags(&'static str, &'static str),
    /// By the end of the only key that begins so, of the tags that the request sets.
    Key(&'static str),
    /// At a path.
    At(&'static str),
    /// At a path, after this text, up to the next space.
    After(&'static str, &'static str),
    /// At a path, between these texts, or from the first to the end.
    Between(&'static str, &'static str, &'static str),
    /// At a path, after the first text, before the second and a UUID at the end.
    BeforeUuid(&'static str, &'static str, &'static str),
    /// The same as `After`, if the caller's session is called so, too.
    SessionAfter(&'static str, &'static str),
}

use Named::{After, At, BeforeUuid, Between, Key, SessionAfter, Tag, Tags};

/// The id in it is nowhere but in AWS; the group's tags are read by its name.
const GROUP: &str =
    "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/${Name}";
const CLUSTER: &str = "arn:${Partition}:eks:${Region}:${Account}:cluster/${Name}";
/// So is this one's, and it is read by the names of cluster and node group.
const NODE_GROUP: &str = "arn:${Partition}:eks:${Region}:${Account}:nodegroup/${Name}/*";
const FLEET: &str = "arn:${Partition}:ec2:${Region}:${Account}:fleet/${Name}";
const SPOT_FLEET: &str = "arn:${Partition}:ec2:${Region}:${Account}:spot-fleet-request/${Name}";
const SPOT_REQUEST: &str = "arn:${Partition}:ec2:${Region}:${Account}:spot-instances-request/${Name}";
const LAUNCH_TEMPLATE: &str = "arn:${Partition}:ec2:${Region}:${Account}:launch-template/${Name}";
const LOAD_BALANCER: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/${Name}";
const VPN_ENDPOINT: &str = "arn:${Partition}:ec2:${Region}:${Account}:client-vpn-endpoint/${Name}";
const DB_CLUSTER: &str = "arn:${Partition}:rds:${Region}:${Account}:cluster:${Name}";
const DB: &str = "arn:${Partition}:rds:${Region}:${Account}:db:${Name}";
const VOLUME: &str = "arn:${Partition}:ec2:${Region}:${Account}:volume/${Name}";
const INSTANCE: &str = "arn:${Partition}:ec2:${Region}:${Account}:instance/${Name}";
const FUNCTION: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}";
const FILE_SYSTEM: &str = "arn:${Partition}:fsx:${Region}:${Account}:file-system/${Name}";
const REDSHIFT: &str = "arn:${Partition}:redshift:${Region}:${Account}:cluster:${Name}";
const BATCH: &str = "arn:${Partition}:batch:${Region}:${Account}:compute-environment/${Name}";
const CLOUD9: &str = "arn:${Partition}:cloud9:${Region}:${Account}:environment:${Name}";
const EMR: &str = "arn:${Partition}:elasticmapreduce:${Region}:${Account}:cluster/${Name}";

const DESCRIPTION: &str = "requestParameters.description";
const LOG_GROUP: &str = "requestParameters.logGroupName";

/// The actions that reading the tags of all kinds of parents takes.
pub fn parent_actions() -> BTreeSet<&'static str> {
    let asked = PARENTS.iter().filter(|row| row.resource_type != STACK);
    let reads = asked.filter_map(|row| row_of(row.resource_type));
    reads.flat_map(|(service, row)| row.read_by(service).actions()).copied().collect()
}

/// A row that creates resources of a type, which says how their tags are read; if one of them does, also when a resource
/// was created.
pub(super) fn row_of(resource_type: &str) -> Option<(&'static Service, &'static Row)> {
    let creates = |row: &&Row| row.resource_type == resource_type;
    let is_ageless = |row: &&Row| row.creation_time == CreationTime::Never;
    all().find_map(|service| Some((service, service.rows.iter().filter(creates).min_by_key(is_ageless)?)))
}

/// All rows, by service.
pub(crate) const PARENTS: &[ParentRow] = &[
    // https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    row(
        "autoscaling.amazonaws.com",
        Tag("aws:autoscaling:groupName"),
        "autoscaling:autoScalingGroup",
        GROUP,
        "Auto Scaling group",
    ),
    // Where the group has no owner.
    row(
        "autoscaling.amazonaws.com",
        At("requestParameters.launchTemplate.launchTemplateId"),
        "ec2:launch-template",
        LAUNCH_TEMPLATE,
        "launch template",
    ),
    // https://docs.aws.amazon.com/aws-backup/latest/devguide/integrate-cloudwatch-cloudtrail.html
    row("backup.amazonaws.com", At("requestParameters.volumeId"), "ec2:volume", VOLUME, "volume"),
    row("backup.amazonaws.com", At("requestParameters.instanceId"), "ec2:instance", INSTANCE, "instance"),
    row("backup.amazonaws.com", At("requestParameters.dBInstanceIdentifier"), "rds:db", DB, "DB instance"),
    row(
        "backup.amazonaws.com",
        At("requestParameters.dBClusterIdentifier"),
        "rds:cluster",
        DB_CLUSTER,
        "DB cluster",
    ),
    row(
        "backup.amazonaws.com",
        At("requestParameters.fileSystemId"),
        "fsx:file-system",
        FILE_SYSTEM,
        "file system",
    ),
    row(
        "backup.amazonaws.com",
        At("requestParameters.clusterIdentifier"),
        "redshift:cluster",
        REDSHIFT,
        "Redshift cluster",
    ),
    // https://docs.aws.amazon.com/batch/latest/userguide/service_IAM_role.html
    row(
        "batch.amazonaws.com",
        BeforeUuid("requestParameters.clusterName", "AWSBatch-", "-"),
        "batch:compute-environment",
        BATCH,
        "compute environment",
    ),
    row(
        "batch.amazonaws.com",
        BeforeUuid("requestParameters.clusterName", "", "_Batch_"),
        "batch:compute-environment",
        BATCH,
        "compute environment",
    ),
    // https://docs.aws.amazon.com/cloud9/latest/user-guide/tags.html
    row(
        "cloud9.amazonaws.com",
        Tag("aws:cloud9:environment"),
        "cloud9:environment",
        CLOUD9,
        "Cloud9 environment",
    ),
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-resource-tags.html
    ParentRow {
        arn: None,
        ..row("cloudformation.amazonaws.com", Tag("aws:cloudformation:stack-id"), STACK, "", "stack")
    },
    row(
        "clientvpn.amazonaws.com",
        After(DESCRIPTION, "EndpointId: "),
        "ec2:client-vpn-endpoint",
        VPN_ENDPOINT,
        "Client VPN endpoint",
    ),
    row("dlm.amazonaws.com", At("requestParameters.volumeId"), "ec2:volume", VOLUME, "volume"),
    row("dlm.amazonaws.com", At("requestParameters.instanceId"), "ec2:instance", INSTANCE, "instance"),
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/tag-ec2-fleet.html
    row("ec2fleet.amazonaws.com", Tag("aws:ec2:fleet-id"), "ec2:fleet", FLEET, "EC2 Fleet"),
    row(
        "eks-nodegroup.amazonaws.com",
        Tags("eks:cluster-name", "eks:nodegroup-name"),
        "eks:nodegroup",
        NODE_GROUP,
        "node group",
    ),
    row("eks-nodegroup.amazonaws.com", Tag("eks:cluster-name"), "eks:cluster", CLUSTER, "EKS cluster"),
    row("eks.amazonaws.com", Tag("aws:eks:cluster-name"), "eks:cluster", CLUSTER, "EKS cluster"),
    // https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSComputePolicy.html
    row("eks.amazonaws.com", Tag("eks:eks-cluster-name"), "eks:cluster", CLUSTER, "EKS cluster"),
    row("eks.amazonaws.com", Key("kubernetes.io/cluster/"), "eks:cluster", CLUSTER, "EKS cluster"),
    row("eks.amazonaws.com", After(DESCRIPTION, "Amazon EKS "), "eks:cluster", CLUSTER, "EKS cluster"),
    // The description is `ELB app/name/id`, and the ARN ends so.
    row(
        "elasticloadbalancing.amazonaws.com",
        After(DESCRIPTION, "ELB "),
        "elasticloadbalancing:loadbalancer",
        LOAD_BALANCER,
        "load balancer",
    ),
    // https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-tags.html
    row(
        "elasticmapreduce.amazonaws.com",
        Tag("aws:elasticmapreduce:job-flow-id"),
        "elasticmapreduce:cluster",
        EMR,
        "EMR cluster",
    ),
    ParentRow {
        arn: None,
        ..row("imagebuilder.amazonaws.com", Tag("Ec2ImageBuilderArn"), "imagebuilder:image", "", "image")
    },
    row(
        "lambda.amazonaws.com",
        SessionAfter(LOG_GROUP, "/aws/lambda/"),
        "lambda:function",
        FUNCTION,
        "function",
    ),
    // A function's log group may have any name.
    // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    row(
        "lambda.amazonaws.com",
        At("userIdentity.inScopeOf.credentialsIssuedTo"),
        "lambda:function",
        FUNCTION,
        "function",
    ),
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html
    row("rds.amazonaws.com", Between(LOG_GROUP, "/aws/rds/instance/", "/"), "rds:db", DB, "DB instance"),
    row(
        "rds.amazonaws.com",
        Between(LOG_GROUP, "/aws/rds/cluster/", "/"),
        "rds:cluster",
        DB_CLUSTER,
        "DB cluster",
    ),
    row("rds.amazonaws.com", Between(LOG_GROUP, "/aws/docdb/", "/"), "rds:cluster", DB_CLUSTER, "DB cluster"),
    row(
        "rds.amazonaws.com",
        Between(LOG_GROUP, "/aws/neptune/", "/"),
        "rds:cluster",
        DB_CLUSTER,
        "DB cluster",
    ),
    row(
        "rds.application-autoscaling.amazonaws.com",
        At("requestParameters.dBClusterIdentifier"),
        "rds:cluster",
        DB_CLUSTER,
        "DB cluster",
    ),
    // https://docs.aws.amazon.com/sagemaker/latest/dg/studio-tasks-manage-storage.html
    ParentRow {
        arn: None,
        ..row(
            "sagemaker.amazonaws.com",
            Tag("ManagedByAmazonSageMakerResource"),
            "sagemaker:domain",
            "",
            "SageMaker AI domain",
        )
    },
    row(
        "spot.amazonaws.com",
        At("responseElements.instancesSet.items[].spotInstanceRequestId"),
        "ec2:spot-instances-request",
        SPOT_REQUEST,
        "Spot request",
    ),
    row(
        "spotfleet.amazonaws.com",
        Tag("aws:ec2spot:fleet-request-id"),
        "ec2:spot-fleet-request",
        SPOT_FLEET,
        "Spot Fleet",
    ),
];

const fn row(
    service: &'static str,
    named: Named,
    resource_type: &'static str,
    arn: &'static str,
    title: &'static str,
) -> ParentRow {
    ParentRow { service, named, resource_type, arn: Some(arn), title }
}
