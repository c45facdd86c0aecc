//! Amazon EC2, VPC and EBS. Ids, not ARNs, name the resources: `CreateTags` takes ids, and images and
//! snapshots have no account in their ARN.

use crate::table::row::{
    Ending, LookupKind, Place, Read, Route, Row, Service, id, lookup, nothing, object, row,
};
use LookupKind::*;
use Place::{Id, Path, Resource};

pub(super) const SERVICE: Service = Service {
    name: "ec2",
    title: "Amazon EC2, VPC, EBS",
    route: Route::Ec2CreateTags,
    actions: &["ec2:CreateTags"],
    read: Read::Ec2DescribeTags,
    rows: ROWS,
};

/// Lambda, load balancers, ECS and other services create and delete them all the time.
const INTERFACES: &str = "services make and delete many of their own";

const PLACEMENT_GROUP: &[Place] = &[
    Path("responseElements.placementGroup.groupArn"),
    Resource("placement-group/${requestParameters.groupName}"),
];
const TRANSIT_GATEWAY_ROUTE_TABLE: &[Place] = &[
    Id("responseElements.transitGateway.options.associationDefaultRouteTableId"),
    Id("responseElements.transitGateway.options.propagationDefaultRouteTableId"),
];

const RULES: &str = "responseElements.securityGroupRuleSet.items[].securityGroupRuleId";
const FLEET_INSTANCES: &str = "responseElements.fleetInstanceSet.items[].instanceIds.items[]";
const INSTANCES: &str = "responseElements.instancesSet.items[].instanceId";

const SPLIT_RESERVATION: &str = "responseElements.destinationCapacityReservation.capacityReservationId";
const RESERVATION_FLEET: &str = "responseElements.capacityReservationFleetId";
const CONNECT_ENDPOINT_INTERFACES: &str =
    "responseElements.instanceConnectEndpoint.networkInterfaceIdSet.items[]";
const TEMPLATE_VERSION: Ending = Ending::Update("launch template versions take no tags of their own");
const INTERFACE_GROUP_ASSOCIATION: &str = "ec2:local-gateway-route-table-virtual-interface-group-association";
const CONNECT_ATTACHMENT: &str = "responseElements.transitGatewayConnect.transitGatewayAttachmentId";
const PEERING_ATTACHMENT: &str =
    "responseElements.transitGatewayPeeringAttachment.transitGatewayAttachmentId";
const VPC_ATTACHMENT: &str = "responseElements.transitGatewayVpcAttachment.transitGatewayAttachmentId";
const EXCLUSION: &str = "responseElements.vpcBlockPublicAccessExclusion.exclusionId";
const VPC_ENDPOINT_INTERFACES: &str = "responseElements.vpcEndpoint.networkInterfaceIdSet.items[]";
const ENDPOINT_SERVICE: &str = "responseElements.serviceConfiguration.serviceId";
const HOST_RESERVATIONS: &str = "responseElements.purchase.items[].hostReservationId";
const SPOT_REQUESTS: &str = "responseElements.spotInstanceRequestSet.items[].spotInstanceRequestId";
const GIVEN_INTERFACES: &str = "requestParameters.networkInterfaceSet.items[].networkInterfaceId";
const NEW_INTERFACES: &str =
    "responseElements.instancesSet.items[].networkInterfaceSet.items[].networkInterfaceId";
const SECONDARY_INTERFACES: &str =
    "responseElements.instancesSet.items[].secondaryInterfaceSet.items[].secondaryInterfaceId";
const SPOT_REQUESTS_OF_INSTANCES: &str = "responseElements.instancesSet.items[].spotInstanceRequestId";

const IMPORT_TASK: &str = "responseElements.importTaskId";
const NAT_GATEWAY: &str = "responseElements.natGateway.natGatewayId";

const ROWS: &[Row] = &[
    // The response may name the address by the id that it had in the account that gave it away.
    lookup("AcceptAddressTransfer", "ec2:elastic-ip", AddressByIp, "requestParameters.address"),
    id("AllocateAddress", "ec2:elastic-ip", "responseElements.allocationId"),
    id("AllocateHosts", "ec2:dedicated-host", "responseElements.hostIdSet.items[]"),
    object("AllocateIpamPoolCidr", "ec2:ipam-pool-allocation"),
    object("AssociateIpamResourceDiscovery", "ec2:ipam-resource-discovery-association").without_region(),
    id("AuthorizeSecurityGroupEgress", "ec2:security-group-rule", RULES),
    id("AuthorizeSecurityGroupIngress", "ec2:security-group-rule", RULES),
    id("CopyFpgaImage", "ec2:fpga-image", "responseElements.fpgaImageId").without_account(),
    id("CopyImage", "ec2:image", "responseElements.imageId").without_account(),
    lookup("CopyImage", "ec2:snapshot", SnapshotsOfImage, "responseElements.imageId").without_account(),
    id("CopySnapshot", "ec2:snapshot", "responseElements.snapshotId").without_account(),
    id("CopyVolumes", "ec2:volume", "responseElements.volumeSet.items[].volumeId"),
    object("CreateCapacityReservation", "ec2:capacity-reservation"),
    id("CreateCapacityReservationBySplitting", "ec2:capacity-reservation", SPLIT_RESERVATION),
    id("CreateCapacityReservationFleet", "ec2:capacity-reservation-fleet", RESERVATION_FLEET),
    object("CreateCarrierGateway", "ec2:carrier-gateway"),
    id("CreateClientVpnEndpoint", "ec2:client-vpn-endpoint", "responseElements.clientVpnEndpointId"),
    id("CreateCoipPool", "ec2:coip-pool", "responseElements.coipPool.poolId"),
    object("CreateCustomerGateway", "ec2:customer-gateway"),
    object("CreateDefaultSubnet", "ec2:subnet"),
    object("CreateDefaultVpc", "ec2:vpc"),
    lookup("CreateDefaultVpc", "ec2:security-group", SecurityGroupOfVpc, "responseElements.vpc.vpcId"),
    lookup("CreateDefaultVpc", "ec2:network-acl", NetworkAclOfVpc, "responseElements.vpc.vpcId"),
    lookup("CreateDefaultVpc", "ec2:route-table", RouteTableOfVpc, "responseElements.vpc.vpcId"),
    lookup("CreateDefaultVpc", "ec2:subnet", SubnetsOfVpc, "responseElements.vpc.vpcId"),
    lookup("CreateDefaultVpc", "ec2:internet-gateway", InternetGatewayOfVpc, "responseElements.vpc.vpcId"),
    object("CreateDelegateMacVolumeOwnershipTask", "ec2:mac-modification-task"),
    object("CreateDhcpOptions", "ec2:dhcp-options"),
    object("CreateEgressOnlyInternetGateway", "ec2:egress-only-internet-gateway"),
    id("CreateFleet", "ec2:fleet", "responseElements.fleetId"),
    id("CreateFleet", "ec2:instance", FLEET_INSTANCES).optional(),
    lookup("CreateFleet", "ec2:volume", VolumesOfInstances, FLEET_INSTANCES),
    id("CreateFlowLogs", "ec2:vpc-flow-log", "responseElements.flowLogIdSet.items[]"),
    id("CreateFpgaImage", "ec2:fpga-image", "responseElements.fpgaImageId").without_account(),
    id("CreateImage", "ec2:image", "responseElements.imageId").without_account(),
    lookup("CreateImage", "ec2:snapshot", SnapshotsOfImage, "responseElements.imageId").without_account(),
    id("CreateImageUsageReport", "ec2:image-usage-report", "responseElements.reportId"),
    object("CreateInstanceConnectEndpoint", "ec2:instance-connect-endpoint"),
    id("CreateInstanceConnectEndpoint", "ec2:network-interface", CONNECT_ENDPOINT_INTERFACES).optional(),
    object("CreateInstanceEventWindow", "ec2:instance-event-window"),
    id("CreateInstanceExportTask", "ec2:export-instance-task", "responseElements.exportTask.exportTaskId"),
    object("CreateInternetGateway", "ec2:internet-gateway"),
    object("CreateIpam", "ec2:ipam").without_region(),
    object("CreateIpamExternalResourceVerificationToken", "ec2:ipam-external-resource-verification-token")
        .without_region(),
    object("CreateIpamPolicy", "ec2:ipam-policy").without_region(),
    object("CreateIpamPool", "ec2:ipam-pool").without_region(),
    object("CreateIpamPrefixListResolver", "ec2:ipam-prefix-list-resolver").without_region(),
    object("CreateIpamPrefixListResolverTarget", "ec2:ipam-prefix-list-resolver-target").without_region(),
    object("CreateIpamResourceDiscovery", "ec2:ipam-resource-discovery").without_region(),
    object("CreateIpamScope", "ec2:ipam-scope").without_region(),
    id("CreateKeyPair", "ec2:key-pair", "responseElements.keyPairId"),
    object("CreateLaunchTemplate", "ec2:launch-template"),
    nothing("CreateLaunchTemplateVersion", TEMPLATE_VERSION),
    object("CreateLocalGatewayRouteTable", "ec2:local-gateway-route-table"),
    object("CreateLocalGatewayRouteTableVirtualInterfaceGroupAssociation", INTERFACE_GROUP_ASSOCIATION),
    object("CreateLocalGatewayRouteTableVpcAssociation", "ec2:local-gateway-route-table-vpc-association"),
    object("CreateLocalGatewayVirtualInterface", "ec2:local-gateway-virtual-interface"),
    object("CreateLocalGatewayVirtualInterfaceGroup", "ec2:local-gateway-virtual-interface-group"),
    object("CreateMacSystemIntegrityProtectionModificationTask", "ec2:mac-modification-task"),
    object("CreateManagedPrefixList", "ec2:prefix-list"),
    id("CreateNatGateway", "ec2:natgateway", NAT_GATEWAY),
    lookup("CreateNatGateway", "ec2:network-interface", InterfacesOfNatGateway, NAT_GATEWAY),
    object("CreateNetworkAcl", "ec2:network-acl"),
    object("CreateNetworkInsightsAccessScope", "ec2:network-insights-access-scope"),
    object("CreateNetworkInsightsPath", "ec2:network-insights-path"),
    object("CreateNetworkInterface", "ec2:network-interface").opt_in_if_service_created(INTERFACES),
    row("CreatePlacementGroup", "ec2:placement-group", PLACEMENT_GROUP).via(Route::TaggingApi(None)),
    id("CreatePublicIpv4Pool", "ec2:ipv4pool-ec2", "responseElements.poolId"),
    object("CreateReplaceRootVolumeTask", "ec2:replace-root-volume-task"),
    id("CreateRestoreImageTask", "ec2:image", "responseElements.imageId").without_account(),
    lookup("CreateRestoreImageTask", "ec2:snapshot", SnapshotsOfImage, "responseElements.imageId")
        .without_account(),
    object("CreateRouteServer", "ec2:route-server"),
    object("CreateRouteServerEndpoint", "ec2:route-server-endpoint"),
    object("CreateRouteServerPeer", "ec2:route-server-peer"),
    object("CreateRouteTable", "ec2:route-table"),
    id("CreateSecurityGroup", "ec2:security-group", "responseElements.groupId"),
    id("CreateSnapshot", "ec2:snapshot", "responseElements.snapshotId").without_account(),
    id("CreateSnapshots", "ec2:snapshot", "responseElements.snapshotSet.items[].snapshotId")
        .without_account(),
    object("CreateSubnet", "ec2:subnet"),
    object("CreateSubnetCidrReservation", "ec2:subnet-cidr-reservation"),
    object("CreateTrafficMirrorFilter", "ec2:traffic-mirror-filter"),
    object("CreateTrafficMirrorFilterRule", "ec2:traffic-mirror-filter-rule"),
    object("CreateTrafficMirrorSession", "ec2:traffic-mirror-session"),
    object("CreateTrafficMirrorTarget", "ec2:traffic-mirror-target"),
    object("CreateTransitGateway", "ec2:transit-gateway"),
    row("CreateTransitGateway", "ec2:transit-gateway-route-table", TRANSIT_GATEWAY_ROUTE_TABLE).optional(),
    id("CreateTransitGatewayConnect", "ec2:transit-gateway-attachment", CONNECT_ATTACHMENT),
    object("CreateTransitGatewayConnectPeer", "ec2:transit-gateway-connect-peer"),
    object("CreateTransitGatewayMeteringPolicy", "ec2:transit-gateway-metering-policy"),
    object("CreateTransitGatewayMulticastDomain", "ec2:transit-gateway-multicast-domain"),
    id("CreateTransitGatewayPeeringAttachment", "ec2:transit-gateway-attachment", PEERING_ATTACHMENT),
    object("CreateTransitGatewayPolicyTable", "ec2:transit-gateway-policy-table"),
    object("CreateTransitGatewayRouteTable", "ec2:transit-gateway-route-table"),
    object("CreateTransitGatewayRouteTableAnnouncement", "ec2:transit-gateway-route-table-announcement"),
    id("CreateTransitGatewayVpcAttachment", "ec2:transit-gateway-attachment", VPC_ATTACHMENT),
    object("CreateVerifiedAccessEndpoint", "ec2:verified-access-endpoint"),
    object("CreateVerifiedAccessGroup", "ec2:verified-access-group"),
    object("CreateVerifiedAccessInstance", "ec2:verified-access-instance"),
    object("CreateVerifiedAccessTrustProvider", "ec2:verified-access-trust-provider"),
    id("CreateVolume", "ec2:volume", "responseElements.volumeId"),
    object("CreateVpc", "ec2:vpc"),
    lookup("CreateVpc", "ec2:security-group", SecurityGroupOfVpc, "responseElements.vpc.vpcId"),
    lookup("CreateVpc", "ec2:network-acl", NetworkAclOfVpc, "responseElements.vpc.vpcId"),
    lookup("CreateVpc", "ec2:route-table", RouteTableOfVpc, "responseElements.vpc.vpcId"),
    id("CreateVpcBlockPublicAccessExclusion", "ec2:vpc-block-public-access-exclusion", EXCLUSION),
    object("CreateVpcEncryptionControl", "ec2:vpc-encryption-control"),
    object("CreateVpcEndpoint", "ec2:vpc-endpoint"),
    id("CreateVpcEndpoint", "ec2:network-interface", VPC_ENDPOINT_INTERFACES).optional(),
    id("CreateVpcEndpointServiceConfiguration", "ec2:vpc-endpoint-service", ENDPOINT_SERVICE),
    object("CreateVpcPeeringConnection", "ec2:vpc-peering-connection"),
    object("CreateVpnConcentrator", "ec2:vpn-concentrator"),
    object("CreateVpnConnection", "ec2:vpn-connection"),
    object("CreateVpnGateway", "ec2:vpn-gateway"),
    id("ExportImage", "ec2:export-image-task", "responseElements.exportImageTaskId"),
    id("ImportImage", "ec2:import-image-task", IMPORT_TASK),
    lookup("ImportImage", "ec2:image", ImageOfImport, IMPORT_TASK).without_account(),
    lookup("ImportImage", "ec2:snapshot", SnapshotsOfImageImport, IMPORT_TASK).without_account(),
    id("ImportInstance", "ec2:instance", "responseElements.conversionTask.importInstance.instanceId"),
    id("ImportKeyPair", "ec2:key-pair", "responseElements.keyPairId"),
    id("ImportSnapshot", "ec2:import-snapshot-task", IMPORT_TASK),
    lookup("ImportSnapshot", "ec2:snapshot", SnapshotOfImport, IMPORT_TASK).without_account(),
    id("ImportVolume", "ec2:volume", "responseElements.conversionTask.importVolume.volume.id"),
    object("PurchaseCapacityBlock", "ec2:capacity-reservation"),
    id("PurchaseHostReservation", "ec2:host-reservation", HOST_RESERVATIONS),
    id("PurchaseReservedInstancesOffering", "ec2:reserved-instances", "responseElements.reservedInstancesId"),
    id("RegisterImage", "ec2:image", "responseElements.imageId").without_account(),
    id("RequestSpotFleet", "ec2:spot-fleet-request", "responseElements.spotFleetRequestId"),
    id("RequestSpotInstances", "ec2:spot-instances-request", SPOT_REQUESTS),
    id("RunInstances", "ec2:instance", INSTANCES),
    id("RunInstances", "ec2:network-interface", NEW_INTERFACES).optional().excluding(GIVEN_INTERFACES),
    id("RunInstances", "ec2:secondary-interface", SECONDARY_INTERFACES).optional(),
    id("RunInstances", "ec2:spot-instances-request", SPOT_REQUESTS_OF_INSTANCES).optional(),
    lookup("RunInstances", "ec2:volume", VolumesOfInstances, INSTANCES),
    object("StartNetworkInsightsAccessScopeAnalysis", "ec2:network-insights-access-scope-analysis"),
    object("StartNetworkInsightsAnalysis", "ec2:network-insights-analysis"),
];
