//! What the rules get wrong or cannot know, each with its reason. Short lists: where several
//! entries look alike, a rule is missing.

/// Calls that create nothing, though the rules think so: event source, call, reason.
pub const CREATE_NOTHING: &[(&str, &str, &str)] = &[
    ("ec2", "CreateTags", "tags what is there"),
    (
        "cloudformation",
        "CreateChangeSet",
        "a change set takes no tags; its tags are for the stack that it will change",
    ),
    ("cloudformation", "ImportStacksToStackSet", "the stacks are there"),
    ("organizations", "InviteAccountToOrganization", "the account is there"),
    ("organizations", "InviteOrganizationToTransferResponsibility", "an invitation"),
    ("servicecatalog", "ProvisionProduct", "a provisioned product is tagged by its stack"),
    ("s3", "RestoreObject", "the object is there"),
    ("codepipeline", "RegisterWebhookWithThirdParty", "the webhook is there"),
    ("sagemaker", "RegisterDevices", "several devices, named only in a list of the request"),
];

/// Types that the rules miss: event source, call, type, reason.
pub const CREATES: &[(&str, &str, &str, &str)] = &[
    (
        "applicationinsights",
        "CreateApplication",
        "applicationinsights:application",
        "the authorization data has no types",
    ),
    ("dms", "CreateReplicationSubnetGroup", "dms:ReplicationSubnetGroup", "as its name says"),
    (
        "events",
        "PutRule",
        "events:rule-on-default-event-bus",
        "the same type on the default bus and on others",
    ),
    ("ebs", "StartSnapshot", "ec2:snapshot", "another API of EC2's snapshots"),
    ("iam", "CreateOpenIDConnectProvider", "iam:oidc-provider", "the type's name is an abbreviation"),
    ("iam", "CreateServiceLinkedRole", "iam:role", "a service-linked role takes tags, by `TagRole` only"),
    ("kinesis", "RegisterStreamConsumer", "kinesis:consumer", "a consumer, not its stream"),
    (
        "applicationinsights",
        "CreateApplication",
        "applicationinsights:application",
        "the authorization data has no types",
    ),
    ("ds", "CreateMicrosoftAD", "ds:directory", "a kind of directory"),
    ("ds", "CreateHybridAD", "ds:directory", "a kind of directory"),
    ("directconnect", "CreateInterconnect", "directconnect:dxcon", "a kind of connection"),
    ("directconnect", "AllocateHostedConnection", "directconnect:dxcon", "a kind of connection"),
    ("elasticmapreduce", "RunJobFlow", "elasticmapreduce:cluster", "the API's old name of a cluster"),
    ("ses", "CreateEmailTemplate", "ses:template", "the API's longer name of a template"),
    ("redshift", "RestoreFromClusterSnapshot", "redshift:cluster", "the name does not say what it makes"),
    ("cassandra", "RestoreTable", "cassandra:table", "restores to a new table"),
    ("route53domains", "RegisterDomain", "route53domains:domain", "tagged by a call of its own"),
    ("route53domains", "TransferDomain", "route53domains:domain", "tagged by a call of its own"),
    ("ec2", "PurchaseReservedInstancesOffering", "ec2:reserved-instances", "buys from an offering"),
];

const SCOPE: &str = "the request spells the scope otherwise than the ARN";

/// Places that the rules cannot find: event source, call, type, places, reason.
pub const PLACES: &[(&str, &str, &str, &[&str], &str)] = &[
    (
        "dms",
        "CreateReplicationSubnetGroup",
        "dms:ReplicationSubnetGroup",
        &["responseElements.replicationSubnetGroup.replicationSubnetGroupArn"],
        "records name an ARN that the model leaves out",
    ),
    (
        "applicationinsights",
        "CreateApplication",
        "applicationinsights:application",
        &[
            "arn:${Partition}:applicationinsights:${Region}:${Account}:application/resource-group/${responseElements.applicationInfo.resourceGroupName}",
        ],
        "the format is in the service's documentation only",
    ),
    (
        "ebs",
        "StartSnapshot",
        "ec2:snapshot",
        &["arn:${Partition}:ec2:${Region}::snapshot/${responseElements.snapshotId}"],
        "another API of EC2's snapshots",
    ),
    (
        "iam",
        "CreateVirtualMFADevice",
        "iam:mfa",
        &["responseElements.virtualMFADevice.serialNumber"],
        "the serial number of a virtual device is its ARN",
    ),
    (
        "cloudformation",
        "CreateStack",
        "cloudformation:stack",
        &["responseElements.stackId"],
        "the id is the ARN",
    ),
    (
        "cloudformation",
        "CreateStackSet",
        "cloudformation:stackset",
        &["arn:${Partition}:cloudformation:${Region}:${Account}:stackset/${responseElements.stackSetId}"],
        "the id holds the name: `name:uuid`",
    ),
    (
        "events",
        "PutRule",
        "events:rule-on-default-event-bus",
        &["responseElements.ruleArn"],
        "a rule of another bus has the bus in its ARN",
    ),
    (
        "apigateway",
        "CreateStage",
        "apigateway:Stage",
        &[
            "arn:${Partition}:apigateway:${Region}::/restapis/${requestParameters.restApiId}/stages/${responseElements.stageName}",
            "arn:${Partition}:apigateway:${Region}::/restapis/${requestParameters.restApiId}/stages/${requestParameters.createStageInput.stageName}",
            "arn:${Partition}:apigateway:${Region}::/apis/${requestParameters.apiId}/stages/${responseElements.stageName}",
            "arn:${Partition}:apigateway:${Region}::/apis/${requestParameters.apiId}/stages/${requestParameters.stageName}",
        ],
        "two APIs share the call; records of REST APIs wrap the request's body once more",
    ),
    (
        "redshift",
        "CreateCluster",
        "redshift:cluster",
        &["arn:${Partition}:redshift:${Region}:${Account}:cluster:${responseElements.clusterIdentifier}"],
        "the ARN holds the identifier, whatever the format calls it",
    ),
    (
        "redshift",
        "RestoreFromClusterSnapshot",
        "redshift:cluster",
        &["arn:${Partition}:redshift:${Region}:${Account}:cluster:${responseElements.clusterIdentifier}"],
        "the ARN holds the identifier, whatever the format calls it",
    ),
    (
        "redshift",
        "CreateClusterSnapshot",
        "redshift:snapshot",
        &[
            "responseElements.snapshotArn",
            "arn:${Partition}:redshift:${Region}:${Account}:snapshot:${responseElements.clusterIdentifier}/${responseElements.snapshotIdentifier}",
        ],
        "the ARN holds the identifiers, whatever the format calls them",
    ),
    (
        "redshift",
        "CreateClusterSecurityGroup",
        "redshift:securitygroup",
        &[
            "arn:${Partition}:redshift:${Region}:${Account}:securitygroup:${responseElements.clusterSecurityGroupName}",
        ],
        "the format is that of a rule in the group",
    ),
    (
        "redshift",
        "CreateEventSubscription",
        "redshift:eventsubscription",
        &[
            "arn:${Partition}:redshift:${Region}:${Account}:eventsubscription:${responseElements.custSubscriptionId}",
        ],
        "an unusual name for the name",
    ),
    (
        "elasticmapreduce",
        "RunJobFlow",
        "elasticmapreduce:cluster",
        &[
            "responseElements.clusterArn",
            "arn:${Partition}:elasticmapreduce:${Region}:${Account}:cluster/${responseElements.jobFlowId}",
        ],
        "the API's old name of a cluster",
    ),
    (
        "ses",
        "CreateEmailIdentity",
        "ses:identity",
        &["arn:${Partition}:ses:${Region}:${Account}:identity/${requestParameters.emailIdentity}"],
        "the ARN holds the address or domain",
    ),
    (
        "ses",
        "CreateDedicatedIpPool",
        "ses:dedicated-ip-pool",
        &["arn:${Partition}:ses:${Region}:${Account}:dedicated-ip-pool/${requestParameters.poolName}"],
        "the ARN holds the name",
    ),
    (
        "ses",
        "CreateTemplate",
        "ses:template",
        &["arn:${Partition}:ses:${Region}:${Account}:template/${requestParameters.template.templateName}"],
        "the name is in a structure",
    ),
    ("wafv2", "CreateIPSet", "wafv2:ipset", &["responseElements.summary.aRN"], SCOPE),
    ("wafv2", "CreateRegexPatternSet", "wafv2:regexpatternset", &["responseElements.summary.aRN"], SCOPE),
    ("wafv2", "CreateRuleGroup", "wafv2:rulegroup", &["responseElements.summary.aRN"], SCOPE),
    ("wafv2", "CreateWebACL", "wafv2:webacl", &["responseElements.summary.aRN"], SCOPE),
    (
        "directconnect",
        "CreateInterconnect",
        "directconnect:dxcon",
        &["arn:${Partition}:directconnect:${Region}:${Account}:dxcon/${responseElements.interconnectId}"],
        "a kind of connection",
    ),
    (
        "directconnect",
        "AllocateHostedConnection",
        "directconnect:dxcon",
        &["arn:${Partition}:directconnect:${Region}:${Account}:dxcon/${responseElements.connectionId}"],
        "a kind of connection",
    ),
    (
        "network-firewall",
        "CreateRuleGroup",
        "network-firewall:StatefulRuleGroup",
        &["responseElements.ruleGroupResponse.ruleGroupArn"],
        "stateful or stateless, which only the ARN tells",
    ),
    (
        "ec2",
        "PurchaseReservedInstancesOffering",
        "ec2:reserved-instances",
        &[
            "arn:${Partition}:ec2:${Region}:${Account}:reserved-instances/${responseElements.reservedInstancesId}",
        ],
        "the name of the call is that of the offering",
    ),
    (
        "route53domains",
        "RegisterDomain",
        "route53domains:domain",
        &["arn:${Partition}:route53domains::${Account}:domain/${requestParameters.domainName}"],
        "the response has only an operation's id, and the authorization data no type",
    ),
    (
        "securityhub",
        "EnableSecurityHub",
        "securityhub:hub",
        &["arn:${Partition}:securityhub:${Region}:${Account}:hub/default"],
        "there is one hub, whose name is fixed",
    ),
];

/// ARN formats that the authorization data spells otherwise than AWS does: type, format, reason.
pub const FORMATS: &[(&str, &str, &str)] = &[
    (
        "events:rule-on-default-event-bus",
        "arn:${Partition}:events:${Region}:${Account}:rule/${RuleName}",
        "the brackets of the format mean an optional part",
    ),
    (
        "redshift:securitygroup",
        "arn:${Partition}:redshift:${Region}:${Account}:securitygroup:${SecurityGroupName}",
        "the format is that of a rule in the group",
    ),
    (
        "cloudformation:stackset",
        "arn:${Partition}:cloudformation:${Region}:${Account}:stackset/${StackSetName}:${Id}",
        "as published",
    ),
    (
        "network-firewall:StatefulRuleGroup",
        "arn:${Partition}:network-firewall:${Region}:${Account}:${RuleGroupType}/${Name}",
        "one call makes both types of rule groups",
    ),
    ("securityhub:hub", "arn:${Partition}:securityhub:${Region}:${Account}:hub/default", "as published"),
];

/// Tagging actions that the authorization data does not list: prefix, actions, reason.
pub const TAG_ACTIONS: &[(&str, &[&str], &str)] = &[
    ("apigateway", &["apigateway:PUT"], "its actions are HTTP methods; tags are put"),
    ("aoss", &["aoss:TagResource"], "the data leaves it out"),
    ("ec2", &["ec2:CreateTags"], "for the types of EC2 that other services create"),
    (
        "codebuild",
        &["codebuild:UpdateProject", "codebuild:UpdateReportGroup", "codebuild:UpdateFleet"],
        "tags are part of what is updated",
    ),
];

/// Event sources that keep names in lower case in their ARNs, whatever a request says.
pub const LOWER_CASE: &[&str] = &["memorydb", "redshift", "sagemaker"];

const SHORT_LIVED: &str = "many, and each lives for minutes";

/// Kinds that are tagged only where a setting names them: kind, reason.
pub const OPT_IN: &[(&str, &str)] = &[
    ("cloudformation:stack", "tagging a stack updates it, with everything in it"),
    ("cloudformation:stackset", "tagging a stack set updates it, in all its accounts"),
    ("athena:session", SHORT_LIVED),
    ("batch:job", SHORT_LIVED),
    ("batch:service-job", SHORT_LIVED),
    ("bedrock:session", SHORT_LIVED),
    ("datasync:taskexecution", SHORT_LIVED),
    ("emr-containers:jobRun", SHORT_LIVED),
    ("emr-serverless:jobRun", SHORT_LIVED),
    ("mediaconvert:Job", SHORT_LIVED),
    ("omics:run", SHORT_LIVED),
];

/// Types that a tagging operation of their own tags: type, operation, reason.
pub const OWN_TAG_OPERATIONS: &[(&str, &str, &str)] = &[
    ("iam:instance-profile", "TagInstanceProfile", "one operation per type"),
    ("iam:mfa", "TagMFADevice", "one operation per type"),
    ("iam:oidc-provider", "TagOpenIDConnectProvider", "one operation per type"),
    ("iam:policy", "TagPolicy", "one operation per type"),
    ("iam:role", "TagRole", "one operation per type"),
    ("iam:saml-provider", "TagSAMLProvider", "one operation per type"),
    ("iam:server-certificate", "TagServerCertificate", "one operation per type"),
    ("iam:user", "TagUser", "one operation per type"),
];

/// What a tagging operation wants to hear of the resource, where the member's name and pattern do
/// not tell: API, operation, what it says as Rust, reason.
pub const SAYS: &[(&str, &str, &str, &str)] = &[
    ("cur", "TagResource", "Says::Name", "the name of the report"),
    ("dax", "TagResource", "Says::Arn", "`ResourceName` takes the ARN, by its documentation"),
    ("iam", "TagInstanceProfile", "Says::Id", "the name without its path"),
    ("iam", "TagMFADevice", "Says::Arn", "the serial number of a virtual device is its ARN"),
    ("iam", "TagRole", "Says::Id", "the name without its path"),
    ("iam", "TagServerCertificate", "Says::Id", "the name without its path"),
    ("iam", "TagUser", "Says::Id", "the name without its path"),
    ("workspaces-instances", "TagResource", "Says::Id", "the id"),
];
