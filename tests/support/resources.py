"""Resource types that a local AWS can create: how a real client creates one, and how to read its tags
from the service itself instead of the tagging API.

A row has the event file of the creation, a function that creates the resource and returns its ARN, and
a function that reads its tags back. `name` is the last part of the ARN in the event file: resources
that can be named get that name, so that the event matches unchanged.
"""
import io
import json
import zipfile

from local_aws import ACCOUNT, REGION


def ec2_arn(kind, id, account=ACCOUNT):
    return f"arn:aws:ec2:{REGION}:{account}:{kind}/{id}"


def pairs(tags, key="Key", value="Value"):
    return {tag[key]: tag[value] for tag in tags or []}


def ec2_tags(c, arn):
    filters = [{"Name": "resource-id", "Values": [arn.rsplit("/", 1)[1]]}]
    return pairs(c("ec2").describe_tags(Filters=filters)["Tags"])


class Net:
    """What most resource types need, created once for each local AWS."""

    def __init__(self, c):
        ec2 = c("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = [f"{REGION}a", f"{REGION}b"]
        blocks = [f"10.0.{n}.0/24" for n in range(2)]
        self.subnets = [ec2.create_subnet(VpcId=self.vpc, CidrBlock=b, AvailabilityZone=z)["Subnet"]["SubnetId"]
                        for b, z in zip(blocks, zones)]
        self.image = ec2.describe_images()["Images"][0]["ImageId"]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"Service": ["lambda.amazonaws.com", "eks.amazonaws.com"]}}]}
        role = c("iam").create_role(RoleName="service", AssumeRolePolicyDocument=json.dumps(trust))
        self.role = role["Role"]["Arn"]


def instance(c, net):
    made = c("ec2").run_instances(ImageId=net.image, MinCount=1, MaxCount=1, SubnetId=net.subnets[0])
    return made["Instances"][0]


def volume(c, net):
    return c("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]


def snapshot(c, net):
    return c("ec2").create_snapshot(VolumeId=volume(c, net))["SnapshotId"]


def image(c, net):
    return c("ec2").create_image(InstanceId=instance(c, net)["InstanceId"], Name="web")["ImageId"]


def transit_gateway(c, net):
    return c("ec2").create_transit_gateway()["TransitGateway"]["TransitGatewayId"]


def customer_gateway(c, net):
    return c("ec2").create_customer_gateway(Type="ipsec.1", PublicIp="192.0.2.1", BgpAsn=65000)["CustomerGateway"]["CustomerGatewayId"]


def vpn_gateway(c, net):
    return c("ec2").create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]


def launch_template(c, net):
    return c("ec2").create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": net.image})["LaunchTemplate"]["LaunchTemplateId"]


def fleet(c, net):
    template = {"LaunchTemplateSpecification": {"LaunchTemplateName": "fleet", "Version": "$Latest"}}
    c("ec2").create_launch_template(LaunchTemplateName="fleet", LaunchTemplateData={"ImageId": net.image, "InstanceType": "t3.micro"})
    return c("ec2").create_fleet(LaunchTemplateConfigs=[template], Type="request",
                                 TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"})["FleetId"]


def flow_log(c, net):
    c("s3").create_bucket(Bucket="flow-logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    return c("ec2").create_flow_logs(ResourceIds=[net.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
                                     LogDestination="arn:aws:s3:::flow-logs")["FlowLogIds"][0]


# Event file, type in the ARN, and a function that creates the resource and returns its id.
EC2 = [
    ("AllocateAddress", "elastic-ip", lambda c, n: c("ec2").allocate_address(Domain="vpc")["AllocationId"]),
    ("CopyImage", "image", lambda c, n: c("ec2").copy_image(Name="copy", SourceImageId=image(c, n), SourceRegion=REGION)["ImageId"]),
    ("CopySnapshot", "snapshot", lambda c, n: c("ec2").copy_snapshot(SourceSnapshotId=snapshot(c, n), SourceRegion=REGION)["SnapshotId"]),
    ("CreateCarrierGateway", "carrier-gateway", lambda c, n: c("ec2").create_carrier_gateway(VpcId=n.vpc)["CarrierGateway"]["CarrierGatewayId"]),
    ("CreateCustomerGateway", "customer-gateway", customer_gateway),
    ("CreateDhcpOptions", "dhcp-options", lambda c, n: c("ec2").create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}])["DhcpOptions"]["DhcpOptionsId"]),
    ("CreateEgressOnlyInternetGateway", "egress-only-internet-gateway", lambda c, n: c("ec2").create_egress_only_internet_gateway(VpcId=n.vpc)["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]),
    ("CreateFleet", "fleet", fleet),
    ("CreateFlowLogs", "vpc-flow-log", flow_log),
    ("CreateImage", "image", image),
    ("CreateInternetGateway", "internet-gateway", lambda c, n: c("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]),
    ("CreateKeyPair", "key-pair", lambda c, n: c("ec2").create_key_pair(KeyName="web")["KeyPairId"]),
    ("CreateLaunchTemplate", "launch-template", launch_template),
    ("CreateManagedPrefixList", "prefix-list", lambda c, n: c("ec2").create_managed_prefix_list(PrefixListName="office", MaxEntries=3, AddressFamily="IPv4")["PrefixList"]["PrefixListId"]),
    ("CreateNatGateway", "natgateway", lambda c, n: c("ec2").create_nat_gateway(SubnetId=n.subnets[0], ConnectivityType="private")["NatGateway"]["NatGatewayId"]),
    ("CreateNetworkAcl", "network-acl", lambda c, n: c("ec2").create_network_acl(VpcId=n.vpc)["NetworkAcl"]["NetworkAclId"]),
    ("CreateNetworkInterface", "network-interface", lambda c, n: c("ec2").create_network_interface(SubnetId=n.subnets[0])["NetworkInterface"]["NetworkInterfaceId"]),
    ("CreateRouteTable", "route-table", lambda c, n: c("ec2").create_route_table(VpcId=n.vpc)["RouteTable"]["RouteTableId"]),
    ("CreateSecurityGroup", "security-group", lambda c, n: c("ec2").create_security_group(GroupName="web", Description="web", VpcId=n.vpc)["GroupId"]),
    ("CreateSnapshot", "snapshot", snapshot),
    ("CreateSnapshots--one", "snapshot", lambda c, n: c("ec2").create_snapshots(InstanceSpecification={"InstanceId": instance(c, n)["InstanceId"]})["Snapshots"][0]["SnapshotId"]),
    ("CreateSubnet", "subnet", lambda c, n: c("ec2").create_subnet(VpcId=n.vpc, CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]),
    ("CreateTransitGatewayPeeringAttachment", "transit-gateway-attachment", lambda c, n: c("ec2").create_transit_gateway_peering_attachment(TransitGatewayId=transit_gateway(c, n), PeerTransitGatewayId=transit_gateway(c, n), PeerAccountId=ACCOUNT, PeerRegion=REGION)["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]),
    ("CreateTransitGatewayRouteTable", "transit-gateway-route-table", lambda c, n: c("ec2").create_transit_gateway_route_table(TransitGatewayId=transit_gateway(c, n))["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]),
    ("CreateTransitGatewayVpcAttachment", "transit-gateway-attachment", lambda c, n: c("ec2").create_transit_gateway_vpc_attachment(TransitGatewayId=transit_gateway(c, n), VpcId=n.vpc, SubnetIds=n.subnets[:1])["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]),
    ("CreateVolume", "volume", volume),
    ("CreateVpcEndpointServiceConfiguration", "vpc-endpoint-service", lambda c, n: c("ec2").create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[load_balancer(c, n, "service", "network")])["ServiceConfiguration"]["ServiceId"]),
    ("CreateVpcPeeringConnection", "vpc-peering-connection", lambda c, n: c("ec2").create_vpc_peering_connection(VpcId=n.vpc, PeerVpcId=c("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])["VpcPeeringConnection"]["VpcPeeringConnectionId"]),
    ("CreateVpnConnection", "vpn-connection", lambda c, n: c("ec2").create_vpn_connection(Type="ipsec.1", CustomerGatewayId=customer_gateway(c, n), VpnGatewayId=vpn_gateway(c, n))["VpnConnection"]["VpnConnectionId"]),
    ("CreateVpnGateway", "vpn-gateway", vpn_gateway),
    ("ImportKeyPair", "key-pair", lambda c, n: c("ec2").import_key_pair(KeyName="imported", PublicKeyMaterial=PUBLIC_KEY)["KeyPairId"]),
    ("RegisterImage", "image", lambda c, n: c("ec2").register_image(Name="registered", RootDeviceName="/dev/xvda")["ImageId"]),
]

PUBLIC_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGIIj3Z7F3Q2uW7WgX2vY0b9sT3m1q0nqU8wq6Yw0c3F example"


def load_balancer(c, net, name, kind):
    made = c("elbv2").create_load_balancer(Name=name, Type=kind, Subnets=net.subnets)
    return made["LoadBalancers"][0]["LoadBalancerArn"]


def elb_tags(c, arn):
    return pairs(c("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


def target_group(c, net, name):
    made = c("elbv2").create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=net.vpc)
    return made["TargetGroups"][0]["TargetGroupArn"]


def listener(c, net, name):
    made = c("elbv2").create_listener(
        LoadBalancerArn=load_balancer(c, net, f"lb-{name[:8]}", "application"), Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group(c, net, f"tg-{name[:8]}")}])
    return made["Listeners"][0]["ListenerArn"]


def rule(c, net, name):
    made = c("elbv2").create_rule(
        ListenerArn=listener(c, net, f"r{name[:6]}"), Priority=5,
        Conditions=[{"Field": "path-pattern", "Values": ["/orders/*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}])
    return made["Rules"][0]["RuleArn"]


def classic(c, net, name):
    c("elb").create_load_balancer(LoadBalancerName=name, AvailabilityZones=[f"{REGION}a"], Listeners=[
        {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}])
    return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/{name}"


def rds_tags(c, arn):
    return pairs(c("rds").list_tags_for_resource(ResourceName=arn)["TagList"])


def db_instance(c, net, name):
    made = c("rds").create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t4g.micro", Engine="postgres",
                                       AllocatedStorage=20, MasterUsername="admin1", MasterUserPassword="not-a-secret")
    return made["DBInstance"]["DBInstanceArn"]


def db_cluster(c, net, name):
    made = c("rds").create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="admin1",
                                      MasterUserPassword="not-a-secret")
    return made["DBCluster"]["DBClusterArn"]


def db_snapshot(c, net, name):
    db_instance(c, net, f"of-{name}")
    return c("rds").create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=f"of-{name}")["DBSnapshot"]["DBSnapshotArn"]


def db_cluster_snapshot(c, net, name):
    db_cluster(c, net, f"of-{name}")
    made = c("rds").create_db_cluster_snapshot(DBClusterSnapshotIdentifier=name, DBClusterIdentifier=f"of-{name}")
    return made["DBClusterSnapshot"]["DBClusterSnapshotArn"]


def read_replica(c, net, name):
    db_instance(c, net, f"of-{name}")
    made = c("rds").create_db_instance_read_replica(DBInstanceIdentifier=name, SourceDBInstanceIdentifier=f"of-{name}")
    return made["DBInstance"]["DBInstanceArn"]


def copied_db_snapshot(c, net, name):
    source = db_snapshot(c, net, f"src-{name}").rsplit(":", 1)[1]
    return c("rds").copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier=name)["DBSnapshot"]["DBSnapshotArn"]


def copied_cluster_snapshot(c, net, name):
    source = db_cluster_snapshot(c, net, f"src-{name}").rsplit(":", 1)[1]
    made = c("rds").copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier=source, TargetDBClusterSnapshotIdentifier=name)
    return made["DBClusterSnapshot"]["DBClusterSnapshotArn"]


def restored_instance(c, net, name):
    source = db_snapshot(c, net, f"src-{name}").rsplit(":", 1)[1]
    made = c("rds").restore_db_instance_from_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=source)
    return made["DBInstance"]["DBInstanceArn"]


def restored_cluster(c, net, name):
    source = db_cluster_snapshot(c, net, f"src-{name}").rsplit(":", 1)[1]
    made = c("rds").restore_db_cluster_from_snapshot(DBClusterIdentifier=name, SnapshotIdentifier=source, Engine="aurora-postgresql")
    return made["DBCluster"]["DBClusterArn"]


def db_proxy(c, net, name):
    made = c("rds").create_db_proxy(DBProxyName=name, EngineFamily="POSTGRESQL", RoleArn=net.role, VpcSubnetIds=net.subnets,
                                    Auth=[{"AuthScheme": "SECRETS"}])
    return made["DBProxy"]["DBProxyArn"]


def code():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): pass")
    return file.getvalue()


def function(c, net, name):
    made = c("lambda").create_function(FunctionName=name, Runtime="python3.12", Role=net.role, Handler="main.handler", Code={"ZipFile": code()})
    return made["FunctionArn"]


def event_source_mapping(c, net, name):
    queue = c("sqs").create_queue(QueueName="source")["QueueUrl"]
    queue_arn = c("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function(c, net, "consumer")
    made = c("lambda").create_event_source_mapping(EventSourceArn=queue_arn, FunctionName="consumer")
    return made.get("EventSourceMappingArn") or f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{made['UUID']}"


def lambda_tags(c, arn):
    return c("lambda").list_tags(Resource=arn)["Tags"]


def elasticache_tags(c, arn):
    return pairs(c("elasticache").list_tags_for_resource(ResourceName=arn)["TagList"])


def glue_tags(c, arn):
    return c("glue").get_tags(ResourceArn=arn)["Tags"]


def glue(call, **arguments):
    def make(c, net, name):
        getattr(c("glue"), call)(**{key: net.role if value == "ROLE" else value for key, value in arguments.items()}, Name=name)
        kind = call.removeprefix("create_")
        return f"arn:aws:glue:{REGION}:{ACCOUNT}:{kind}/{name}"
    return make


def glue_database(c, net, name):
    c("glue").create_database(DatabaseInput={"Name": name})
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:database/{name}"


def glue_connection(c, net, name):
    c("glue").create_connection(ConnectionInput={"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": {}})
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:connection/{name}"


def ecs_tags(c, arn):
    return pairs(c("ecs").list_tags_for_resource(resourceArn=arn).get("tags"), "key", "value")


def task_definition(c, net, name):
    made = c("ecs").register_task_definition(family="orders", containerDefinitions=[{"name": "web", "image": "web", "memory": 64}])
    return made["taskDefinition"]["taskDefinitionArn"]


def ecs_service(c, net, name):
    c("ecs").create_cluster(clusterName="of-service")
    made = c("ecs").create_service(cluster="of-service", serviceName=name, desiredCount=1, taskDefinition=task_definition(c, net, name))
    return made["service"]["serviceArn"]


def dynamodb_tags(c, arn):
    return pairs(c("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"])


TABLE = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
         "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}


def table(c, net, name):
    return c("dynamodb").create_table(TableName=name, **TABLE)["TableDescription"]["TableArn"]


def bucket(c, net, name):
    c("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    c("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "by-other-tool", "Value": "stays"}]})
    return f"arn:aws:s3:::{name}"


def bucket_tags(c, arn):
    return pairs(c("s3").get_bucket_tagging(Bucket=arn.split(":::")[1])["TagSet"])


def athena_tags(c, arn):
    return pairs(c("athena").list_tags_for_resource(ResourceARN=arn)["Tags"])


def workgroup(c, net, name):
    c("athena").create_work_group(Name=name)
    return f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{name}"


def catalog(c, net, name):
    c("athena").create_data_catalog(Name=name, Type="GLUE", Parameters={"catalog-id": ACCOUNT})
    return f"arn:aws:athena:{REGION}:{ACCOUNT}:datacatalog/{name}"


def queue(c, net, name):
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    c("sqs").create_queue(QueueName=name, Attributes=fifo)
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def queue_tags(c, arn):
    url = c("sqs").get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    return c("sqs").list_queue_tags(QueueUrl=url).get("Tags", {})


def topic_tags(c, arn):
    return pairs(c("sns").list_tags_for_resource(ResourceArn=arn)["Tags"])


def secret_tags(c, arn):
    return pairs(c("secretsmanager").describe_secret(SecretId=arn).get("Tags"))


def parameter(c, net, name):
    name = "/shop/orders/url"
    c("ssm").put_parameter(Name=name, Value="https://orders.example.com", Type="String")
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"


def ssm_tags(kind):
    def read(c, arn):
        id = arn.rsplit("/", 1)[1] if kind != "Parameter" else arn.split(":parameter")[1]
        return pairs(c("ssm").list_tags_for_resource(ResourceType=kind, ResourceId=id)["TagList"])
    return read


def document(c, net, name):
    content = {"schemaVersion": "2.2", "description": "d", "mainSteps": []}
    c("ssm").create_document(Name=name, Content=json.dumps(content), DocumentType="Command", DocumentFormat="JSON")
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{name}"


def maintenance_window(c, net, name):
    made = c("ssm").create_maintenance_window(Name="patch", Schedule="rate(7 days)", Duration=2, Cutoff=1, AllowUnassociatedTargets=False)
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:maintenancewindow/{made['WindowId']}"


def eks_cluster(c, net, name):
    made = c("eks").create_cluster(name=name, roleArn=net.role, resourcesVpcConfig={"subnetIds": net.subnets})
    return made["cluster"]["arn"]


def eks_tags(c, arn):
    return c("eks").list_tags_for_resource(resourceArn=arn)["tags"]


def fargate_profile(c, net, name):
    eks_cluster(c, net, "of-fargate")
    made = c("eks").create_fargate_profile(fargateProfileName="batch", clusterName="of-fargate", podExecutionRoleArn=net.role, selectors=[{"namespace": "batch"}])
    return made["fargateProfile"]["fargateProfileArn"]


OTHERS = [
    ("athena/CreateDataCatalog", catalog, athena_tags),
    ("athena/CreateWorkGroup", workgroup, athena_tags),
    ("dynamodb/CreateTable", table, dynamodb_tags),
    ("ecs/CreateCluster", lambda c, n, name: c("ecs").create_cluster(clusterName=name)["cluster"]["clusterArn"], ecs_tags),
    ("ecs/CreateService", ecs_service, ecs_tags),
    ("ecs/RegisterTaskDefinition", task_definition, ecs_tags),
    ("eks/CreateCluster", eks_cluster, eks_tags),
    ("eks/CreateFargateProfile", fargate_profile, eks_tags),
    ("elasticache/CreateCacheCluster", lambda c, n, name: c("elasticache").create_cache_cluster(CacheClusterId=name, Engine="redis", NumCacheNodes=1, CacheNodeType="cache.t4g.micro")["CacheCluster"]["ARN"], elasticache_tags),
    ("elasticache/CreateCacheSubnetGroup", lambda c, n, name: c("elasticache").create_cache_subnet_group(CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=n.subnets)["CacheSubnetGroup"]["ARN"], elasticache_tags),
    ("elasticache/CreateReplicationGroup", lambda c, n, name: c("elasticache").create_replication_group(ReplicationGroupId=name, ReplicationGroupDescription="d", Engine="redis", CacheNodeType="cache.t4g.micro")["ReplicationGroup"]["ARN"], elasticache_tags),
    ("elasticache/CreateSnapshot", lambda c, n, name: c("elasticache").create_snapshot(SnapshotName=name, CacheClusterId=c("elasticache").create_cache_cluster(CacheClusterId="of-snapshot", Engine="redis", NumCacheNodes=1, CacheNodeType="cache.t4g.micro")["CacheCluster"]["CacheClusterId"])["Snapshot"]["ARN"], elasticache_tags),
    ("elasticloadbalancing/CreateListener", listener, elb_tags),
    ("elasticloadbalancing/CreateLoadBalancer", lambda c, n, name: load_balancer(c, n, "orders", "application"), elb_tags),
    ("elasticloadbalancing/CreateLoadBalancer--classic", classic, lambda c, arn: pairs(c("elb").describe_tags(LoadBalancerNames=[arn.rsplit("/", 1)[1]])["TagDescriptions"][0]["Tags"])),
    ("elasticloadbalancing/CreateLoadBalancer--network", lambda c, n, name: load_balancer(c, n, "orders-net", "network"), elb_tags),
    ("elasticloadbalancing/CreateRule", rule, elb_tags),
    ("elasticloadbalancing/CreateTargetGroup", lambda c, n, name: target_group(c, n, "orders"), elb_tags),
    ("glue/CreateConnection", glue_connection, glue_tags),
    ("glue/CreateCrawler", glue("create_crawler", Role="ROLE", Targets={"S3Targets": [{"Path": "s3://x"}]}), glue_tags),
    ("glue/CreateDatabase", glue_database, glue_tags),
    ("glue/CreateJob", glue("create_job", Role="ROLE", Command={"Name": "glueetl"}), glue_tags),
    ("glue/CreateTrigger", glue("create_trigger", Type="ON_DEMAND", Actions=[]), glue_tags),
    ("glue/CreateWorkflow", glue("create_workflow"), glue_tags),
    ("lambda/CreateEventSourceMapping20150331", event_source_mapping, lambda_tags),
    ("lambda/CreateFunction20150331", function, lambda_tags),
    ("rds/CopyDBClusterSnapshot", copied_cluster_snapshot, rds_tags),
    ("rds/CopyDBSnapshot", copied_db_snapshot, rds_tags),
    ("rds/CreateDBCluster", db_cluster, rds_tags),
    ("rds/CreateDBClusterParameterGroup", lambda c, n, name: c("rds").create_db_cluster_parameter_group(DBClusterParameterGroupName=name, DBParameterGroupFamily="aurora-postgresql16", Description="d")["DBClusterParameterGroup"]["DBClusterParameterGroupArn"], rds_tags),
    ("rds/CreateDBClusterSnapshot", db_cluster_snapshot, rds_tags),
    ("rds/CreateDBInstance", db_instance, rds_tags),
    ("rds/CreateDBInstanceReadReplica", read_replica, rds_tags),
    ("rds/CreateDBParameterGroup", lambda c, n, name: c("rds").create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="postgres16", Description="d")["DBParameterGroup"]["DBParameterGroupArn"], rds_tags),
    ("rds/CreateDBProxy", db_proxy, rds_tags),
    ("rds/CreateDBSnapshot", db_snapshot, rds_tags),
    ("rds/CreateDBSubnetGroup", lambda c, n, name: c("rds").create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=n.subnets)["DBSubnetGroup"]["DBSubnetGroupArn"], rds_tags),
    ("rds/CreateGlobalCluster", lambda c, n, name: c("rds").create_global_cluster(GlobalClusterIdentifier=name, Engine="aurora-postgresql")["GlobalCluster"]["GlobalClusterArn"], rds_tags),
    ("rds/CreateOptionGroup", lambda c, n, name: c("rds").create_option_group(OptionGroupName=name, EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="d")["OptionGroup"]["OptionGroupArn"], rds_tags),
    ("rds/RestoreDBClusterFromSnapshot", restored_cluster, rds_tags),
    ("rds/RestoreDBInstanceFromDBSnapshot", restored_instance, rds_tags),
    ("s3/CreateBucket", bucket, bucket_tags),
    ("secretsmanager/CreateSecret", lambda c, n, name: c("secretsmanager").create_secret(Name="orders/db", SecretString="{}")["ARN"], secret_tags),
    ("sns/CreateTopic", lambda c, n, name: c("sns").create_topic(Name=name)["TopicArn"], topic_tags),
    ("sqs/CreateQueue", queue, queue_tags),
    ("sqs/CreateQueue--fifo", queue, queue_tags),
    ("ssm/CreateDocument", document, ssm_tags("Document")),
    ("ssm/CreateMaintenanceWindow", maintenance_window, ssm_tags("MaintenanceWindow")),
    ("ssm/PutParameter", parameter, ssm_tags("Parameter")),
]


def of_ec2(kind, make):
    account = "" if kind in ("image", "snapshot") else ACCOUNT
    return lambda c, net, name: ec2_arn(kind, make(c, net), account)


KINDS = [(f"ec2/{file}", of_ec2(kind, make), ec2_tags) for file, kind, make in EC2] + OTHERS
