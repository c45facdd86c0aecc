"""End to end: a real client creates resources in a local AWS, the built functions get events in the
shapes of CloudTrail's, and the tags are read back from the services that own the resources."""
import datetime
import json
import os
import subprocess
import tempfile
import unittest
import uuid

import costs
import local_aws
import resources
from local_aws import (
    ACCOUNT,
    COMMAND,
    REGION,
    TABLE,
    TARGET,
    FunctionError,
    client_env,
    load,
)
from modelled_resources import GENERATED_KINDS, event_of
from records import Session, creation, fresh, iso, name_in, now
from resources import KINDS, ec2_arn, ec2_tags, pairs
from rig import Rig

# Resource types that moto's tagging API refuses, as AWS's does some: their services' own operations tag them.
REFUSED_BY_MOTO = {
    "eks/CreateCluster", "eks/CreateFargateProfile", "elasticloadbalancing/CreateListener",
    "elasticloadbalancing/CreateLoadBalancer", "elasticloadbalancing/CreateLoadBalancer--classic",
    "elasticloadbalancing/CreateLoadBalancer--network", "elasticloadbalancing/CreateRule",
    "elasticloadbalancing/CreateTargetGroup", "rds/CreateGlobalCluster", "sqs/CreateQueue", "sqs/CreateQueue--fifo",
    "ssm/CreateDocument", "ssm/CreateMaintenanceWindow", "ssm/PutParameter",
}
# Resource types that moto cannot tag or, while they are untagged, list the tags of: aws-tags must report a failure. The test
# fails when moto can.
NOT_IN_MOTO = {"athena/CreateDataCatalog", "athena/CreateWorkGroup", "eks/CreateFargateProfile", "rds/CreateGlobalCluster"}
# Resource types that only ministack has, and some that both have.
IN_MINISTACK = [
    "dynamodb/CreateTable", "ecs/CreateCluster", "elasticache/CreateCacheCluster", "glue/CreateJob",
    "lambda/CreateFunction20150331", "s3/CreateBucket", "sns/CreateTopic", "sqs/CreateQueue", "sqs/CreateQueue--fifo",
    "ec2/CreateVolume",
]

def make_all(stack, names):
    """Creates a resource of every type; returns the event, the ARN, and the function that reads its tags."""
    made = []
    for name, make, read in KINDS:
        if name in names:
            arn = make(stack.c, stack.net, name_in(name))
            made.append((name, creation(name, arn, stack.session.identity), arn, read))
    return made


class EveryResourceType(unittest.TestCase):
    """Each resource type that an emulator can create and tag, with session, IAM and owner tags."""

    def check(self, stack, names, refused=frozenset()):
        made = make_all(stack, names)
        self.assertEqual(len(made), len(names))
        for start in range(0, len(made), 10):
            some = made[start:start + 10]
            failed = stack.tag([event for _, event, _, _ in some])
            for n, (name, _, arn, read) in enumerate(some):
                with self.subTest(name):
                    if stack is MOTO and name in NOT_IN_MOTO:
                        self.assertIn(n, failed, "moto now supports this resource type")
                        continue
                    self.assertNotIn(n, failed, stack.lambdas.log()[-12:])
                    tags = read(stack.c, arn)
                    self.assertEqual({k: tags.get(k) for k in stack.wanted()}, stack.wanted())
                    if name == "s3/CreateBucket":
                        self.assertEqual(tags.get("by-other-tool"), "stays")
                    (line,) = [one for one in stack.lambdas.log() if one.get("eventID") == some[n][1]["detail"]["eventID"]]
                    by = line["resources"][0]["by"]
                    self.assertFalse(name in refused and by == "tag:TagResources", line)
        print(f"{len(names)} resource types tagged and read back, {len(refused)} of them refused by the tagging API")

    def test_every_resource_type_of_moto(self):
        self.check(MOTO, [name for name, _, _ in KINDS], REFUSED_BY_MOTO)

    def test_resource_types_of_ministack(self):
        self.check(MINISTACK, IN_MINISTACK)


class GeneratedRows(unittest.TestCase):
    """Resource types with generated rows, most of them tagged by their service's own operation."""

    def test_every_resource_type_gets_its_tags(self):
        c = MOTO.c
        made = [(source, call, make(c), read) for source, call, make, read in GENERATED_KINDS]
        failed = MOTO.tag([event_of(source, call, arn, MOTO.session.identity) for source, call, arn, _ in made])
        for nth, (source, call, arn, read) in enumerate(made):
            with self.subTest(f"{source} {call}"):
                if call == "CreateInstanceProfile":
                    self.assertIn(nth, failed, "moto now lists its tags")
                    continue
                self.assertNotIn(nth, failed)
                self.assertEqual(read(c, arn), MOTO.wanted())


class Sessions(unittest.TestCase):
    def test_a_session_is_stored_once_without_its_secret(self):
        session = Session(MOTO.c, MOTO.role, "twice", [("Team", "a")], at=now() - datetime.timedelta(minutes=1))
        again = fresh(session.event, session.at)
        again["detail"]["sharedEventID"] = "8d7c5f2e-0000-4000-8000-000000000000"
        answer = MOTO.lambdas.invoke("session-recorder", local_aws.batch([session.event, again]))
        self.assertEqual(answer, {"batchItemFailures": []})
        items = MOTO.c("dynamodb").query(
            TableName=TABLE, KeyConditionExpression="caller = :c",
            ExpressionAttributeValues={":c": {"S": f"{ACCOUNT}#{session.id}"}})["Items"]
        self.assertEqual(len(items), 1)
        self.assertEqual(items[0]["issued"]["S"], f"{iso(session.at)}#{session.key}")
        self.assertEqual(items[0]["tags"]["M"], {"Team": {"S": "a"}})
        self.assertGreater(int(items[0]["forget_after"]["N"]), session.at.timestamp() + 14 * 86400)
        token = session.event["detail"]["responseElements"]["credentials"]["sessionToken"]
        self.assertNotIn(token, str(items))
        self.assertNotIn(token, local_aws.read(MOTO.lambdas.server.log))

    def test_transitive_tags_reach_the_next_role_of_a_chain(self):
        role = MOTO.make_role("deployer", {"Squad": "platform"})
        session = Session(MOTO.c, role, "pipeline", incoming={"Person": "ann"})
        MOTO.record(session)
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        self.assertEqual(MOTO.tag([creation("ec2/CreateVolume", arn, session.identity)]), [])
        tags = ec2_tags(MOTO.c, arn)
        self.assertEqual((tags["Person"], tags["Squad"], tags["Owner"]), ("ann", "platform", session.arn))

    def test_a_young_session_is_tagged_at_once_and_completed_later(self):
        session = Session(MOTO.c, MOTO.role, "late", [("Person", "bob")])
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, session.identity)
        self.assertEqual(MOTO.tag([event]), [0], "must be retried")
        tags = ec2_tags(MOTO.c, arn)
        self.assertEqual(tags, {"Owner": session.arn, "PrincipalId": session.id}, "inherited tags wait until they are certain")
        MOTO.record(session)
        self.assertEqual(MOTO.tag([event]), [])
        tags = ec2_tags(MOTO.c, arn)
        self.assertEqual((tags["Squad"], tags["Person"]), ("from-iam", "bob"))

    def test_tags_that_an_ec2_resource_has_stay_however_late_and_often_an_event_comes(self):
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, MOTO.session.identity)
        self.assertEqual(MOTO.tag([event]), [])
        changed = {"Owner": "bob", "squad": "theirs", "Else": "where"}
        MOTO.c("ec2").create_tags(Resources=[arn.rsplit("/", 1)[-1]], Tags=[{"Key": k, "Value": v} for k, v in changed.items()])
        self.assertEqual(MOTO.tag([event]), [])
        self.assertEqual(ec2_tags(MOTO.c, arn), MOTO.wanted(**changed))

    def test_an_old_session_without_a_record_does_not_wait(self):
        session = Session(MOTO.c, MOTO.role, "old", at=now() - datetime.timedelta(minutes=20))
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        self.assertEqual(MOTO.tag([creation("ec2/CreateVolume", arn, session.identity)]), [])
        self.assertEqual(ec2_tags(MOTO.c, arn)["Owner"], session.arn)

    def test_the_console_uses_another_key_and_is_the_same_session(self):
        session = Session(MOTO.c, MOTO.role, "console", [("Person", "ann")], at=now() - datetime.timedelta(minutes=10))
        MOTO.record(session)
        identity = {**session.identity, "accessKeyId": "ASIAEXAMPLECONSOLE01"}
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        self.assertEqual(MOTO.tag([creation("ec2/CreateVolume", arn, identity)]), [0], "another of the same second may be recorded yet")
        self.assertEqual(ec2_tags(MOTO.c, arn)["Owner"], session.arn)
        call = creation("ec2/CreateVolume", arn, identity, now() - datetime.timedelta(minutes=3))
        self.assertEqual(MOTO.tag([call]), [0], "the record does not say that it is the console")
        call["detail"]["sessionCredentialFromConsole"] = "true"
        self.assertEqual(MOTO.tag([call]), [])
        self.assertEqual(ec2_tags(MOTO.c, arn)["Person"], "ann")


class Principals(unittest.TestCase):
    def tags_of(self, identity):
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        self.assertEqual(MOTO.tag([creation("ec2/CreateVolume", arn, identity)]), [])
        return ec2_tags(MOTO.c, arn)

    def test_a_user_passes_on_its_iam_tags(self):
        user = MOTO.c("iam").create_user(UserName="carl", Tags=[{"Key": "Squad", "Value": "ops"}])["User"]
        identity = {"type": "IAMUser", "principalId": user["UserId"], "arn": user["Arn"], "accountId": ACCOUNT, "userName": "carl"}
        self.assertEqual(self.tags_of(identity), {"Squad": "ops", "Owner": user["Arn"], "PrincipalId": user["UserId"]})

    def test_a_role_that_was_created_again_passes_on_no_tags(self):
        role = MOTO.make_role("remade", {"Squad": "new"})
        identity = Session(MOTO.c, {**role, "RoleId": "AROAEXAMPLEDELETED01"}, "before", at=now() - datetime.timedelta(hours=1)).identity
        self.assertNotIn("Squad", self.tags_of(identity))

    def test_a_caller_of_another_account_gives_only_the_owner(self):
        identity = load("ec2/CreateVolume--cross-account")["detail"]["userIdentity"]
        self.assertEqual(self.tags_of(identity), {"Owner": identity["accountId"]})

    def test_a_service_gives_only_its_name_as_owner(self):
        identity = {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}
        self.assertEqual(self.tags_of(identity), {"Owner": "autoscaling.amazonaws.com"})

    def test_events_of_another_account_are_ignored(self):
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, MOTO.session.identity)
        event["account"] = event["detail"]["recipientAccountId"] = "444455556666"
        self.assertEqual(MOTO.tag([event]), [])
        self.assertEqual(ec2_tags(MOTO.c, arn), {})


class SkipMarks(unittest.TestCase):
    """What carries the tag `aws-tags:ignore` is left alone, wherever the tag is."""

    MARK = {"Key": "aws-tags:ignore", "Value": ""}

    def handle(self, arn, identity, requested=()):
        event = creation("ec2/CreateVolume", arn, identity)
        event["detail"]["requestParameters"]["tagSpecificationSet"] = {"items": [
            {"resourceType": "volume", "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in requested]}]}
        self.assertEqual(MOTO.tag([event]), [])
        (line,) = [one for one in MOTO.lambdas.log() if one.get("eventID") == event["detail"]["eventID"]]
        return line

    def test_the_mark_is_on_the_resource_or_in_the_request(self):
        for requested in (), [self.MARK]:
            with self.subTest(requested=requested):
                arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
                MOTO.c("ec2").create_tags(Resources=[arn.rsplit("/", 1)[-1]], Tags=[self.MARK])
                line = self.handle(arn, MOTO.session.identity, requested)
                self.assertEqual(ec2_tags(MOTO.c, arn), {"aws-tags:ignore": ""})
                if requested:
                    said = (line["outcome"], line["reason"])
                    self.assertEqual(said, ("skipped", "the request carries the skip mark"))
                else:
                    said = (line["resources"][0]["result"], line["resources"][0]["reason"])
                    self.assertEqual(said, ("skipped", "the resource carries the skip mark"))

    def test_the_mark_is_on_the_role_or_the_session_in_any_case(self):
        marked = MOTO.make_role("hidden", {"AWS-Tags:Ignore": "yes"})
        of_role = Session(MOTO.c, marked, "ann", at=now() - datetime.timedelta(minutes=20))
        of_session = Session(MOTO.c, MOTO.role, "hidden", [("AWS-TAGS:IGNORE", "yes")])
        MOTO.record(of_session)
        for carrier, session in [("role", of_role), ("session", of_session)]:
            with self.subTest(carrier):
                arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
                line = self.handle(arn, session.identity)
                self.assertEqual((line["outcome"], line["reason"]), ("skipped", f"the {carrier} carries the skip mark"))
                self.assertEqual(ec2_tags(MOTO.c, arn), {})


class Parents(unittest.TestCase):
    """What services create for other resources gets the owner of those."""

    @classmethod
    def setUpClass(cls):
        cls.owner = {"Owner": MOTO.session.arn, "PrincipalId": MOTO.session.id}
        cls.template = MOTO.c("ec2").create_launch_template(LaunchTemplateName="parents", LaunchTemplateData={
            "ImageId": MOTO.net.image, "InstanceType": "t3.micro"})["LaunchTemplate"]["LaunchTemplateId"]

    def linked(self, service, name, session):
        """The identity of a service-linked role."""
        role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/{name}"
        return {"type": "AssumedRole", "principalId": f"AROAEXAMPLELINKED001:{session}", "accountId": ACCOUNT, "invokedBy": service,
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}", "sessionContext": {"sessionIssuer": {
                    "type": "Role", "principalId": "AROAEXAMPLELINKED001", "arn": role, "accountId": ACCOUNT, "userName": name}}}

    def owned(self, id):
        """Has a resource of EC2 tagged for ann."""
        MOTO.c("ec2").create_tags(Resources=[id], Tags=[{"Key": k, "Value": v} for k, v in {**self.owner, "Name": "x", "stop": "18:00"}.items()])

    def handle(self, event, lambdas=None):
        """Has an event handled to its end; gives the line of the log."""
        lambdas = lambdas or MOTO.lambdas
        answer = lambdas.invoke("tag-handler", local_aws.batch([event]))
        (line,) = [one for one in lambdas.log() if one.get("eventID") == event["detail"]["eventID"]]
        self.assertEqual(answer, {"batchItemFailures": []}, line)
        return line

    def launch(self, service, role, mark, count=2):
        """Launches instances as a service does for what the mark names; gives the ids of all that there is then, and the log."""
        made = [resources.instance(MOTO.c, MOTO.net) for _ in range(count)]
        event = creation("ec2/RunInstances", ec2_arn("instance", made[0]["InstanceId"]), self.linked(service, role, service.split(".")[0]))
        tags = [{"key": key, "value": value} for key, value in mark.items()]
        event["detail"]["requestParameters"]["tagSpecificationSet"] = {"items": [{"resourceType": "instance", "tags": tags}]}
        item = event["detail"]["responseElements"]["instancesSet"]["items"][0]
        interfaces = [one["NetworkInterfaces"][0]["NetworkInterfaceId"] for one in made]
        event["detail"]["responseElements"]["instancesSet"]["items"] = [
            {**item, "instanceId": one["InstanceId"], "networkInterfaceSet": {"items": [{"networkInterfaceId": interface}]}}
            for one, interface in zip(made, interfaces)]
        line = self.handle(event)
        instances = [one["InstanceId"] for one in made]
        described = [one for some in MOTO.c("ec2").describe_instances(InstanceIds=instances)["Reservations"] for one in some["Instances"]]
        volumes = [mapping["Ebs"]["VolumeId"] for one in described for mapping in one["BlockDeviceMappings"]]
        self.assertEqual(len(volumes), count)
        return [*instances, *interfaces, *volumes], line

    def check(self, ids):
        for id in ids:
            self.assertEqual(ec2_tags(MOTO.c, f"x/{id}"), self.owner, id)

    def test_all_that_a_fleet_launches(self):
        ec2 = MOTO.c("ec2")
        fleet = ec2.create_fleet(
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateName": "parents", "Version": "$Latest"}}], Type="maintain",
            TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"})["FleetId"]
        self.handle(creation("ec2/CreateFleet", ec2_arn("fleet", fleet), MOTO.session.identity))
        self.assertEqual(ec2_tags(MOTO.c, f"x/{fleet}"), MOTO.wanted())
        spot = f"sfr-{uuid.uuid4()}"
        self.owned(spot)
        for service, role, mark, id, title in [
                ("ec2fleet.amazonaws.com", "AWSServiceRoleForEC2Fleet", "aws:ec2:fleet-id", fleet, "EC2 Fleet"),
                ("spotfleet.amazonaws.com", "AWSServiceRoleForEC2SpotFleet", "aws:ec2spot:fleet-request-id", spot, "Spot Fleet")]:
            with self.subTest(title):
                ids, line = self.launch(service, role, {mark: id})
                self.assertEqual(line["parent"], f"{title} {id}")
                self.check(ids)

    def make_group(self, name):
        MOTO.c("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateId": self.template, "Version": "$Latest"}, MinSize=0, MaxSize=2,
            DesiredCapacity=0, VPCZoneIdentifier=MOTO.net.subnets[0])

    def group_tags(self, name):
        tags = MOTO.c("autoscaling").describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [name]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def test_all_that_an_auto_scaling_group_launches(self):
        self.make_group("parents-group")
        event = fresh(load("autoscaling/CreateAutoScalingGroup"))
        event["detail"].update(userIdentity=MOTO.session.identity)
        event["detail"]["requestParameters"].update(autoScalingGroupName="parents-group", tags=[])
        self.handle(event)
        self.assertEqual(self.group_tags("parents-group"), MOTO.wanted())
        ids, line = self.launch("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling", {"aws:autoscaling:groupName": "parents-group"}, 3)
        self.assertEqual(line["parent"], "Auto Scaling group parents-group")
        self.assertEqual(len(ids), 9)
        self.check(ids)

    def test_a_node_group_owns_its_group_its_template_and_what_the_group_launches(self):
        eks = MOTO.c("eks")
        cluster = eks.create_cluster(name="parents", roleArn=MOTO.net.role, resourcesVpcConfig={"subnetIds": MOTO.net.subnets})["cluster"]["arn"]
        self.handle(creation("eks/CreateCluster", cluster, Session(MOTO.c, MOTO.role, "bob", at=now() - datetime.timedelta(minutes=20)).identity))
        # moto tags no node groups: this one has its owner from the start.
        eks.create_nodegroup(clusterName="parents", nodegroupName="workers", subnets=MOTO.net.subnets, nodeRole=MOTO.net.role,
                             tags={**self.owner, "Name": "x"})
        self.make_group("eks-parents-workers")
        marks = {"eks:cluster-name": "parents", "eks:nodegroup-name": "workers"}
        event = fresh(load("autoscaling/CreateAutoScalingGroup--eks-node-group"))
        event["detail"]["requestParameters"].update(
            autoScalingGroupName="eks-parents-workers", tags=[{"key": key, "value": value} for key, value in marks.items()])
        self.assertEqual(self.handle(event)["parent"], "node group parents/workers")
        self.assertEqual(self.group_tags("eks-parents-workers"), self.owner)
        event = fresh(load("ec2/CreateLaunchTemplate--eks-node-group"))
        text = json.dumps(event).replace("lt-0ddf3efa10eefc98b", self.template).replace('"shop"', '"parents"')
        self.assertEqual(self.handle(json.loads(text))["parent"], "node group parents/workers")
        self.check([self.template])
        mark = {"aws:autoscaling:groupName": "eks-parents-workers", **marks}
        ids, line = self.launch("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling", mark)
        self.assertEqual(line["parent"], "Auto Scaling group eks-parents-workers")
        self.check(ids)

    def test_who_is_no_service_names_no_parent(self):
        """Anybody may put such tags into a request."""
        volume = resources.volume(MOTO.c, MOTO.net)
        eks = MOTO.c("eks")
        eks.create_cluster(name="parents-of-others", roleArn=MOTO.net.role, resourcesVpcConfig={"subnetIds": MOTO.net.subnets}, tags={"Owner": "bob"})
        event = creation("ec2/CreateVolume", ec2_arn("volume", volume), MOTO.session.identity)
        event["detail"]["requestParameters"]["tagSpecificationSet"] = {"items": [{"resourceType": "volume", "tags": [
            {"key": "eks:eks-cluster-name", "value": "parents-of-others"}, {"key": "kubernetes.io/cluster/parents-of-others", "value": "owned"}]}]}
        self.assertNotIn("parent", self.handle(event))
        self.assertEqual(ec2_tags(MOTO.c, f"x/{volume}"), MOTO.wanted())

    def test_a_snapshot_by_backup(self):
        volume = resources.volume(MOTO.c, MOTO.net)
        self.owned(volume)
        snapshot = MOTO.c("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
        role = MOTO.make_role("backup", {"Team": "backups"})
        identity = Session(MOTO.c, role, "AWSBackup-backup").identity
        event = creation("ec2/CreateSnapshot", ec2_arn("snapshot", snapshot, ""), {**identity, "invokedBy": "backup.amazonaws.com"})
        event["detail"]["requestParameters"]["volumeId"] = volume
        self.assertEqual(self.handle(event)["parent"], f"volume {volume}")
        self.check([snapshot])

    def test_a_replica_that_application_auto_scaling_adds(self):
        cluster = resources.db_cluster(MOTO.c, MOTO.net, "scaled")
        self.handle(creation("rds/CreateDBCluster", cluster, MOTO.session.identity))
        rds = MOTO.c("rds")
        arn = rds.create_db_instance(DBInstanceIdentifier="application-autoscaling-1", DBInstanceClass="db.t4g.medium", Engine="aurora-postgresql",
                                     DBClusterIdentifier="scaled")["DBInstance"]["DBInstanceArn"]
        identity = self.linked("rds.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_RDSCluster", "AutoScaling-RDS")
        event = creation("rds/CreateDBInstance", arn, identity)
        event["detail"]["requestParameters"]["dBClusterIdentifier"] = "scaled"
        self.handle(event)
        self.assertEqual(resources.rds_tags(MOTO.c, arn), self.owner)

    def test_the_log_group_of_a_function(self):
        arn = resources.function(MOTO.c, MOTO.net, "parents")
        self.handle(creation("lambda/CreateFunction20150331", arn, MOTO.session.identity))
        self.assertEqual(resources.lambda_tags(MOTO.c, arn), MOTO.wanted())
        logs, name = MOTO.c("logs"), "/aws/lambda/parents"
        logs.create_log_group(logGroupName=name)
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
        # The function calls with its role, in a session of its name.
        execution = Session(MOTO.c, MOTO.make_role("parents-function", {"Squad": "functions"}), "parents").identity
        event = creation("logs/CreateLogGroup--lambda", group, execution)
        event["detail"]["requestParameters"]["logGroupName"] = name
        self.assertEqual(self.handle(event)["parent"], "function parents")
        self.assertEqual(logs.list_tags_for_resource(resourceArn=group)["tags"], self.owner)

    def test_a_parent_without_owner_is_waited_for(self):
        volume = resources.volume(MOTO.c, MOTO.net)
        snapshot = MOTO.c("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
        identity = Session(MOTO.c, MOTO.role, "AWSBackup-x").identity
        event = creation("ec2/CreateSnapshot", ec2_arn("snapshot", snapshot, ""), {**identity, "invokedBy": "backup.amazonaws.com"})
        event["detail"]["requestParameters"]["volumeId"] = volume
        self.assertEqual(MOTO.tag([event]), [0])
        self.assertEqual(ec2_tags(MOTO.c, f"x/{snapshot}"), {})
        self.owned(volume)
        self.assertEqual(MOTO.tag([event]), [], MOTO.lambdas.log()[-1:])
        self.check([snapshot])


class Stacks(unittest.TestCase):
    """What CloudFormation makes with a service role belongs to who deployed the stack, whatever the record of it names."""

    @classmethod
    def setUpClass(cls):
        cls.lambdas = local_aws.Lambdas("origin", {**client_env(MOTO.server.url), "OWNER": "origin"})
        cls.addClassCleanup(cls.lambdas.server.stop)

    handle = Parents.handle

    def deploy(self, call, identity, at, **request):
        event = fresh(load(f"cloudformation/{call}"), at)
        event["detail"]["userIdentity"] = identity
        event["detail"]["requestParameters"].update(request)
        return event

    def make_stack(self, role):
        """Deploys a stack with a queue and a bucket, on the local AWS."""
        name = f"parents-{uuid.uuid4().hex[:8]}"
        template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}},
                                  "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}}}
        made = MOTO.c("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template), RoleARN=role["Arn"])["StackId"]
        self.assertEqual(resources.queue_tags(MOTO.c, f":{name}").get("Owner"), None)
        return name, made

    def by_service_role(self, role, name, stack, at, lambdas):
        """CloudFormation makes queue and bucket with its service role; gives the log of each."""
        session = Session(MOTO.c, role, "AWSCloudFormation", at=at)
        identity = {**session.identity, "invokedBy": "cloudformation.amazonaws.com"}
        queue = creation("sqs/CreateQueue--stack", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", identity, at + datetime.timedelta(seconds=8))
        queue["detail"]["requestParameters"]["tags"] = {"aws:cloudformation:stack-id": stack, "aws:cloudformation:stack-name": name}
        # Its tags come by a second call: no stack is named.
        bucket = creation("s3/CreateBucket--stack", f"arn:aws:s3:::{name}", identity, at + datetime.timedelta(seconds=9))
        return self.handle(queue, lambdas), self.handle(bucket, lambdas)

    def test_a_stack_with_a_service_role_is_the_one_of_who_created_it(self):
        role = MOTO.make_role("parents-stack", {"Squad": "stacks"})
        name, stack = self.make_stack(role)
        # No later deploy can be under way a quarter of an hour after.
        at = now() - datetime.timedelta(minutes=16)
        before = Session(MOTO.c, MOTO.role, "carol", [("Person", "carol")], at=at - datetime.timedelta(minutes=20))
        MOTO.record(before)
        event = self.deploy("CreateStack", before.identity, at, stackName=name, roleARN=role["Arn"])
        event["detail"]["responseElements"] = {"stackId": stack}
        self.assertEqual(self.handle(event)["outcome"], "left-alone")
        queue, bucket = self.by_service_role(role, name, stack, at + datetime.timedelta(seconds=2), MOTO.lambdas)
        self.assertEqual((queue["parent"], bucket["parent"]), (f"stack {name}", f"stack {name}"))
        wanted = {"Squad": "from-iam", "CostCenter": "4711", "Person": "carol", "Owner": before.arn, "PrincipalId": before.id}
        tags = resources.queue_tags(MOTO.c, f":{name}")
        self.assertEqual({key: value for key, value in tags.items() if not key.startswith("aws:")}, wanted)
        tags = resources.bucket_tags(MOTO.c, f"arn:aws:s3:::{name}")
        self.assertEqual({key: value for key, value in tags.items() if not key.startswith("aws:")}, wanted)

    def pipeline(self, at):
        """A pipeline at GitHub, whose session has no session before it."""
        session = Session(MOTO.c, MOTO.make_role("parents-ci", {}), "GitHubActions", at=at)
        event, made = fresh(load("sts/AssumeRoleWithWebIdentity"), at), session.event["detail"]
        event["detail"]["requestParameters"].update(roleArn=made["requestParameters"]["roleArn"])
        event["detail"]["responseElements"].update({key: made["responseElements"][key] for key in ("credentials", "assumedRoleUser")})
        session.event = event
        return session

    def test_a_cdk_deployment_is_the_one_of_the_person_or_pipeline_that_assumed_the_deploy_role(self):
        deploy_role = MOTO.make_role(f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}", {"Squad": "cdk"})
        at = now() - datetime.timedelta(minutes=25)
        person = Session(MOTO.c, MOTO.role, "dora", at=at)
        for who, session in [(person.event["detail"]["userIdentity"]["arn"], person), ("repo:shop/orders:ref:refs/heads/main", self.pipeline(at))]:
            with self.subTest(who):
                execution_role = MOTO.make_role(f"cdk-{uuid.uuid4().hex[:9]}-cfn-exec-role-{ACCOUNT}-{REGION}", {"Squad": "cdk"})
                name, stack = self.make_stack(execution_role)
                deployer = Session(MOTO.c, deploy_role, "aws-cdk", at=at + datetime.timedelta(minutes=1))
                deployer.event["detail"]["userIdentity"] = session.identity
                MOTO.record(session)
                MOTO.record(deployer)
                change_set = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/cdk-deploy-change-set/{uuid.uuid4()}"
                prepared = self.deploy("CreateChangeSet", deployer.identity, at + datetime.timedelta(minutes=2), stackName=name,
                                       roleARN=execution_role["Arn"])
                prepared["detail"]["responseElements"] = {"id": change_set, "stackId": stack}
                executed = self.deploy("ExecuteChangeSet", deployer.identity, at + datetime.timedelta(minutes=3), stackName=name)
                self.assertEqual([self.handle(event, self.lambdas)["outcome"] for event in (executed, prepared)], ["deploy", "deploy"])
                lines = self.by_service_role(execution_role, name, stack, at + datetime.timedelta(minutes=3, seconds=2), self.lambdas)
                self.assertEqual([line["parent"] for line in lines], [f"stack {name}"] * 2)
                for tags in resources.queue_tags(MOTO.c, f":{name}"), resources.bucket_tags(MOTO.c, f"arn:aws:s3:::{name}"):
                    self.assertEqual((tags["Owner"], tags["PrincipalId"]), (who, deployer.id))


class LookedUp(unittest.TestCase):
    """Resources that come with a creation but are not in its record."""

    def test_instances_with_their_interfaces_and_volumes(self):
        made = resources.instance(MOTO.c, MOTO.net)
        arn = ec2_arn("instance", made["InstanceId"])
        event = creation("ec2/RunInstances", arn, MOTO.session.identity)
        instances = event["detail"]["responseElements"]["instancesSet"]["items"]
        del instances[1:]
        interface = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
        instances[0]["networkInterfaceSet"] = {"items": [{"networkInterfaceId": interface}]}
        self.assertEqual(MOTO.tag([event]), [], MOTO.lambdas.log()[-1:])
        described = MOTO.c("ec2").describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]["Instances"][0]
        volumes = [m["Ebs"]["VolumeId"] for m in described["BlockDeviceMappings"]]
        self.assertTrue(volumes)
        for kind, id in [("instance", made["InstanceId"]), ("network-interface", interface)] + [("volume", v) for v in volumes]:
            with self.subTest(kind):
                self.assertEqual(ec2_tags(MOTO.c, ec2_arn(kind, id))["Person"], "ann")

    def test_a_vpc_with_its_security_group_network_acl_and_route_table(self):
        ec2 = MOTO.c("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
        event = creation("ec2/CreateVpc", ec2_arn("vpc", vpc), MOTO.session.identity)
        self.assertEqual(MOTO.tag([event]), [], MOTO.lambdas.log()[-1:])
        of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
        ids = [vpc, ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"][0]["GroupId"],
               ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"][0]["NetworkAclId"],
               ec2.describe_route_tables(Filters=of_vpc)["RouteTables"][0]["RouteTableId"]]
        for id in ids:
            self.assertEqual(ec2_tags(MOTO.c, f"x/{id}")["Person"], "ann", id)

    def test_an_image_with_its_snapshots(self):
        image = resources.image(MOTO.c, MOTO.net)
        event = creation("ec2/CreateImage", ec2_arn("image", image, ""), MOTO.session.identity)
        self.assertEqual(MOTO.tag([event]), [], MOTO.lambdas.log()[-1:])
        described = MOTO.c("ec2").describe_images(ImageIds=[image])["Images"][0]
        snapshots = [m["Ebs"]["SnapshotId"] for m in described["BlockDeviceMappings"] if "Ebs" in m]
        self.assertTrue(snapshots)
        for snapshot in snapshots:
            self.assertEqual(ec2_tags(MOTO.c, f"x/{snapshot}")["Person"], "ann")

    def test_a_secret_without_arn_in_the_record_is_found_by_its_name(self):
        arn = MOTO.c("secretsmanager").create_secret(Name="orders/unnamed", SecretString="{}")["ARN"]
        event = fresh(load("secretsmanager/CreateSecret--omitted-response"))
        event["detail"]["requestParameters"]["name"] = "orders/unnamed"
        event["detail"]["userIdentity"] = MOTO.session.identity
        self.assertEqual(MOTO.tag([event]), [], MOTO.lambdas.log()[-1:])
        self.assertEqual(resources.secret_tags(MOTO.c, arn)["Person"], "ann")

    def test_a_record_that_names_nothing_is_kept_for_redrive(self):
        event = fresh(load("ec2/CreateVolume--omitted-response"))
        self.assertEqual(MOTO.tag([event]), [0])


class Overwrite:
    """The tag handler with the other setting, on the same local AWS."""

    def __init__(self, stack):
        self.lambdas = local_aws.Lambdas("overwrite", {**client_env(stack.server.url), "EXISTING_TAGS": "overwrite"})


class TheRules(unittest.TestCase):
    """Every row of the table of what may be written: see infra/README.md."""

    def setUp(self):
        self.ann = MOTO.session
        self.name = f"rule-{uuid.uuid4().hex[:8]}"

    def handle(self, call, arn, hours=0, history=None, stack=None, **request):
        """Handles a creation of that age by ann; returns whether it must come again, and the log of its resource."""
        stack = stack or MOTO
        event = creation(call, arn, self.ann.identity, now() - datetime.timedelta(hours=hours))
        event["detail"]["requestParameters"].update({"tags": None, **request})
        payload = local_aws.batch([event])
        if history:
            payload["Records"][0]["messageAttributes"] = {"AwsTagsHistory": {"stringValue": history, "dataType": "String"}}
        answer = stack.lambdas.invoke("tag-handler", payload)
        (line,) = [one for one in stack.lambdas.log() if one.get("eventID") == event["detail"]["eventID"]]
        return bool(answer["batchItemFailures"]), line["resources"][0]

    def topic(self, **tags):
        arn = MOTO.c("sns").create_topic(Name=self.name)["TopicArn"]
        MOTO.c("sns").tag_resource(ResourceArn=arn, Tags=[{"Key": k, "Value": v} for k, v in tags.items()] or [{"Key": "x", "Value": ""}])
        if not tags:
            MOTO.c("sns").untag_resource(ResourceArn=arn, TagKeys=["x"])
        return arn

    def queue(self, **tags):
        url = MOTO.c("sqs").create_queue(QueueName=self.name, tags=tags)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"

    def test_an_id_is_written_to_whatever_marks_it_has_at_any_age(self):
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        theirs = {"PrincipalId": "AROAEXAMPLEBOB:bob", "squad": "theirs"}
        MOTO.c("ec2").create_tags(Resources=[arn.rsplit("/", 1)[-1]], Tags=[{"Key": k, "Value": v} for k, v in theirs.items()])
        self.assertEqual(self.handle("ec2/CreateVolume", arn, hours=80)[0], False)
        self.assertEqual(ec2_tags(MOTO.c, arn), MOTO.wanted(**theirs))

    def test_a_name_is_written_to_with_proof_of_its_age(self):
        # Terraform tags with a second call; only the creation time tells this queue from an old one.
        url, arn = self.queue(squad="theirs")
        self.assertEqual(self.handle("sqs/CreateQueue", arn)[0], False)
        self.assertEqual(MOTO.c("sqs").list_queue_tags(QueueUrl=url)["Tags"], MOTO.wanted(squad="theirs"))

    def test_a_bucket_is_proved_new_by_its_creation_date(self):
        s3 = MOTO.c("s3")
        s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": [{"Key": "squad", "Value": "theirs"}]})
        self.assertEqual(self.handle("s3/CreateBucket", f"arn:aws:s3:::{self.name}", bucketName=self.name)[0], False)
        self.assertEqual(pairs(s3.get_bucket_tagging(Bucket=self.name)["TagSet"]), MOTO.wanted(squad="theirs"))

    def test_what_is_older_than_the_event_is_not_ours(self):
        url, arn = self.queue(squad="theirs")
        again, line = self.handle("sqs/CreateQueue", arn, hours=-0.1)
        self.assertEqual((again, line["reason"]), (False, "not ours: it is older than the event"))
        self.assertEqual(MOTO.c("sqs").list_queue_tags(QueueUrl=url)["Tags"], {"squad": "theirs"})

    def test_a_name_with_our_own_mark_gets_what_it_lacks_at_any_age(self):
        arn = self.topic(PrincipalId=self.ann.id, Owner="edited by hand")
        self.assertEqual(self.handle("sns/CreateTopic", arn, hours=80)[0], False)
        self.assertEqual(resources.topic_tags(MOTO.c, arn), MOTO.wanted(Owner="edited by hand"))

    def test_a_name_with_the_mark_of_another_is_not_ours_at_any_age(self):
        theirs = {"PrincipalId": "AROAEXAMPLEBOB:bob"}
        arn = self.topic(**theirs)
        for hours in (0, 80):
            again, line = self.handle("sns/CreateTopic", arn, hours)
            self.assertEqual((again, line["reason"]), (False, "not ours: another principal created it since"))
        self.assertEqual(resources.topic_tags(MOTO.c, arn), theirs)

    def test_what_a_call_must_have_made_is_written_to_within_the_hour(self):
        MOTO.c("glue").create_job(Name=self.name, Role="r", Command={"Name": "glueetl"}, Tags={"squad": "theirs"})
        arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{self.name}"
        self.assertEqual(self.handle("glue/CreateJob", arn)[0], False)
        self.assertEqual(MOTO.c("glue").get_tags(ResourceArn=arn)["Tags"], MOTO.wanted(squad="theirs"))

    def test_what_a_call_may_have_found_is_written_to_if_the_request_explains_its_tags(self):
        arn = self.topic(Name="orders")
        self.assertEqual(self.handle("sns/CreateTopic", arn, tags=[{"key": "Name", "value": "orders"}])[0], False)
        self.assertEqual(resources.topic_tags(MOTO.c, arn), MOTO.wanted(Name="orders"))

    def test_what_a_call_may_have_found_is_left_alone_if_it_has_other_tags(self):
        arn = self.topic(Name="somebody's")
        again, line = self.handle("sns/CreateTopic", arn)
        self.assertEqual((again, line["result"]), (False, "skipped"))
        self.assertIn("may be older", line["reason"])
        self.assertEqual(resources.topic_tags(MOTO.c, arn), {"Name": "somebody's"})

    def test_a_name_without_mark_is_late_after_an_hour_until_the_history_settles_it(self):
        arn = self.topic()
        again, line = self.handle("sns/CreateTopic", arn, hours=1.1)
        self.assertEqual((again, line["result"]), (True, "late"))
        self.assertEqual(resources.topic_tags(MOTO.c, arn), {})
        self.assertEqual(self.handle("sns/CreateTopic", arn, hours=1.1, history="last-of-its-name")[0], False)
        self.assertEqual(resources.topic_tags(MOTO.c, arn), MOTO.wanted())

    def test_with_overwrite_our_values_count_and_others_resources_are_left_alone_all_the_same(self):
        ours, theirs = self.topic(squad="theirs", PrincipalId=self.ann.id), {"PrincipalId": "AROAEXAMPLEBOB:bob"}
        self.assertEqual(self.handle("sns/CreateTopic", ours, stack=OVERWRITE)[0], False)
        self.assertEqual(resources.topic_tags(MOTO.c, ours), MOTO.wanted())
        self.name += "-2"
        other = self.topic(**theirs)
        self.assertEqual(self.handle("sns/CreateTopic", other, stack=OVERWRITE)[0], False)
        self.assertEqual(resources.topic_tags(MOTO.c, other), theirs)

    def test_tags_of_kinds_that_the_tagging_api_refuses_stay(self):
        theirs, c = {"squad": "theirs"}, MOTO.c
        tags = [{"Key": k, "Value": v} for k, v in theirs.items()]
        url, queue = self.queue(**theirs)
        c("ssm").put_parameter(Name=self.name, Value="x", Type="String", Tags=tags)
        parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{self.name}"
        cluster = c("eks").create_cluster(name=self.name, version="1.31", roleArn=f"arn:aws:iam::{ACCOUNT}:role/x",
                                          resourcesVpcConfig={"subnetIds": []}, tags=theirs)["cluster"]["arn"]
        balancer = c("elbv2").create_load_balancer(Name=self.name, Subnets=MOTO.net.subnets, Tags=tags)["LoadBalancers"][0]["LoadBalancerArn"]
        shown = [{"key": k, "value": v} for k, v in theirs.items()]
        for name, arn, by, read in (
                ("sqs/CreateQueue", queue, "sqs:TagQueue", lambda: c("sqs").list_queue_tags(QueueUrl=url)["Tags"]),
                ("ssm/PutParameter", parameter, "ssm:AddTagsToResource",
                 lambda: pairs(c("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=self.name)["TagList"])),
                ("eks/CreateCluster", cluster, "eks:TagResource", lambda: c("eks").list_tags_for_resource(resourceArn=cluster)["tags"]),
                ("elasticloadbalancing/CreateLoadBalancer", balancer, "elasticloadbalancing:AddTags",
                 lambda: pairs(c("elbv2").describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"]))):
            with self.subTest(name):
                again, line = self.handle(name, arn, tags=shown, **({"name": self.name} if name == "ssm/PutParameter" else {}))
                self.assertEqual((again, line.get("by")), (False, by), line)
                self.assertEqual(line["dropped"], {"squad": "on the resource already"})
                self.assertEqual(read(), MOTO.wanted(**theirs))

    def test_a_tag_that_the_service_refuses_keeps_no_other_away(self):
        role = MOTO.make_role("wide", {f"Key{n}": "v" for n in range(6)})
        self.ann = Session(MOTO.c, role, "wide", [("aws-refused", "v")], at=now() - datetime.timedelta(minutes=20))
        MOTO.record(self.ann)
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, self.ann.identity)
        faults = local_aws.Faults(MOTO.server)
        faults.tell({"service": "ec2", "operation": "CreateTags", "body": "contains(values(@), 'Key3')", "error": {"code": "InvalidTagKey.Malformed", "status": 400}})
        stack = local_aws.Lambdas("refused", client_env(faults.url))
        answer = stack.invoke("tag-handler", local_aws.batch([event]))
        self.assertEqual(answer, {"batchItemFailures": []})
        self.assertEqual(set(ec2_tags(MOTO.c, arn)), {"Owner", "PrincipalId", "Key0", "Key1", "Key2", "Key4", "Key5", "aws-refused"})
        (line,) = [one for one in stack.log() if one.get("eventID") == event["detail"]["eventID"]]
        self.assertIn("InvalidTagKey.Malformed", line["resources"][0]["dropped"]["Key3"])


class OtherTags(unittest.TestCase):
    """Existing tags are not lost."""

    def test_an_object_keeps_its_tags(self):
        s3 = MOTO.c("s3")
        event = load("s3/PutObject")
        where = event["detail"]["requestParameters"]
        s3.create_bucket(Bucket=where["bucketName"], CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=where["bucketName"], Key=where["key"], Body=b"x", Tagging="by-other-tool=stays")
        event = fresh(event)
        event["detail"]["userIdentity"] = MOTO.session.identity
        event["detail"]["requestParameters"].pop("x-amz-tagging", None)
        self.assertEqual(MOTO.tag([event]), [], MOTO.lambdas.log()[-1:])
        tags = pairs(s3.get_object_tagging(Bucket=where["bucketName"], Key=where["key"])["TagSet"])
        self.assertEqual((tags["by-other-tool"], tags["Person"]), ("stays", "ann"))

    def test_a_missing_object_is_a_failure_and_nothing_is_written(self):
        event = fresh(load("s3/PutObject"))
        event["detail"]["requestParameters"]["bucketName"] = "no-such-bucket"
        event["detail"]["userIdentity"] = MOTO.session.identity
        self.assertEqual(MOTO.tag([event]), [0])

    def test_tags_of_the_request_are_kept(self):
        made = MOTO.c("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=[
            {"ResourceType": "volume", "Tags": [{"Key": "CostCenter", "Value": "mine"}]}])
        event = creation("ec2/CreateVolume", ec2_arn("volume", made["VolumeId"]), MOTO.session.identity)
        event["detail"]["requestParameters"]["tagSpecificationSet"] = {
            "items": [{"resourceType": "volume", "tags": [{"key": "CostCenter", "value": "mine"}]}]}
        self.assertEqual(MOTO.tag([event]), [])
        tags = ec2_tags(MOTO.c, f"x/{made['VolumeId']}")
        self.assertEqual((tags["CostCenter"], tags["Person"]), ("mine", "ann"))

    def test_the_same_event_twice_changes_nothing(self):
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, MOTO.session.identity)
        self.assertEqual(MOTO.tag([event, event]), [])
        before = ec2_tags(MOTO.c, arn)
        self.assertEqual(MOTO.tag([event]), [])
        self.assertEqual(ec2_tags(MOTO.c, arn), before)


class Faults(unittest.TestCase):
    """AWS on a bad day: a proxy between the functions and the local AWS injects faults."""

    def setUp(self):
        self.arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        self.event = creation("ec2/CreateVolume", self.arn, MOTO.session.identity)
        self.addCleanup(MOTO.faults.tell)

    def test_what_is_throttled_is_not_asked_again_at_once(self):
        before = len(MOTO.faults.fired())
        MOTO.faults.tell({"service": "*", "operation": "CreateTags", "times": 1, "error": {"code": "RequestLimitExceeded"}})
        self.assertEqual(MOTO.tag([self.event]), [0])
        self.assertEqual(len(MOTO.faults.fired()) - before, 1)
        self.assertEqual(MOTO.tag([self.event]), [])
        self.assertEqual(ec2_tags(MOTO.c, self.arn)["Person"], "ann")

    def test_only_the_event_that_keeps_failing_is_retried(self):
        topic = MOTO.c("sns").create_topic(Name="bad-day")["TopicArn"]
        other = creation("sns/CreateTopic", topic, MOTO.session.identity)
        MOTO.faults.tell({"service": "*", "operation": "CreateTags", "error": {"code": "InternalError", "status": 500}})
        self.assertEqual(MOTO.tag([self.event, other]), [0])
        self.assertEqual(resources.topic_tags(MOTO.c, topic)["Person"], "ann")
        MOTO.faults.tell()
        self.assertEqual(MOTO.tag([self.event]), [])
        self.assertEqual(ec2_tags(MOTO.c, self.arn)["Person"], "ann")

    def test_without_iam_the_owner_is_tagged_at_once_and_the_rest_later(self):
        role = MOTO.make_role("unasked", {"Squad": "t"})
        session = Session(MOTO.c, role, "eve")
        MOTO.record(session)
        event = creation("ec2/CreateVolume", self.arn, session.identity)
        MOTO.faults.tell({"service": "*", "operation": "GetRole", "error": {"code": "Throttling"}})
        self.assertEqual(MOTO.tag([event]), [0])
        self.assertEqual(ec2_tags(MOTO.c, self.arn), {"Owner": session.arn, "PrincipalId": session.id})
        MOTO.faults.tell()
        self.assertEqual(MOTO.tag([event]), [])
        self.assertEqual(ec2_tags(MOTO.c, self.arn)["Squad"], "t")


class TheCommand(unittest.TestCase):
    def test_a_replay_can_be_applied(self):
        session = Session(MOTO.c, MOTO.role, "replayed", [("Person", "rita")])
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, session.identity)
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "trail.json"), "w") as file:
                json.dump({"Records": [event["detail"], session.event["detail"]]}, file)
            command = [COMMAND, "replay", "--apply", "--endpoint-url", MOTO.server.url, folder]
            env = {**os.environ, **client_env("http://127.0.0.1:1")}
            done = subprocess.run(command, env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tags = ec2_tags(MOTO.c, arn)
        self.assertEqual((tags["Person"], tags["CostCenter"], tags["Owner"]), ("rita", "4711", session.arn))


class TheFunctions(unittest.TestCase):
    def test_cargo_lambda_invoke_takes_event_files(self):
        done = MOTO.lambdas.invoke_file("session-recorder", "events/sts/AssumeRole.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        name = "ec2/CreateInternetGateway"
        gateway = ec2_arn("internet-gateway", MOTO.c("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
        detail = load(name)["detail"]
        event = creation(name, gateway, detail["userIdentity"], datetime.datetime.fromisoformat(detail["eventTime"]))
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(event, file)
            file.flush()
            done = MOTO.lambdas.invoke_file("tag-handler", file.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        tags = ec2_tags(MOTO.c, gateway)
        self.assertEqual(tags["Owner"], "arn:aws:sts::111122223333:assumed-role/developer/ann@example.com")
        self.assertEqual(tags["Team"], "payments")

    def test_eventbridge_gets_an_error_and_sqs_a_list(self):
        event = fresh(load("ec2/CreateVolume--omitted-response"))
        with self.assertRaises(FunctionError):
            MOTO.lambdas.invoke("tag-handler", event)
        answer = MOTO.lambdas.invoke("tag-handler", {"Records": [{"messageId": "m", "body": "not json"}]})
        self.assertEqual(answer, {"batchItemFailures": [{"itemIdentifier": "m"}]})

    def test_failed_calls_tag_nothing(self):
        for name in ("ec2/RunInstances--failed", "ec2/CreateVolume--dry-run", "s3/CreateBucket--failed"):
            self.assertEqual(MOTO.tag([fresh(load(name))]), [], name)

    def test_a_wrong_setting_stops_the_start_and_says_what_is_allowed(self):
        binary = os.path.join(TARGET, "debug", "tag-handler")
        env = {**os.environ, **client_env("http://127.0.0.1:1"), "OWNER": "everyone", "SESSION_TABLE": TABLE}
        done = subprocess.run([binary], env=env, capture_output=True, text=True, timeout=120)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("OWNER is `everyone`, allowed: `principal-arn`", done.stdout + done.stderr)

    def test_the_log_has_keys_and_sources_but_no_values(self):
        arn = ec2_arn("volume", resources.volume(MOTO.c, MOTO.net))
        event = creation("ec2/CreateVolume", arn, MOTO.session.identity)
        MOTO.tag([event])
        line = next(line for line in MOTO.lambdas.log() if line.get("eventID") == event["detail"]["eventID"])
        self.assertEqual((line["outcome"], line["session"], line["principal"]), ("tagged", "found", MOTO.session.arn))
        resource, = line["resources"]
        self.assertEqual((resource["arn"], resource["result"]), (arn, "tagged"))
        self.assertEqual(resource["tags"], {"Owner": "owner", "Person": "session", "squad": "session", "CostCenter": "iam",
                                            "PrincipalId": "extra"})
        self.assertNotIn("4711", str(line))


HEARTBEAT = {"eventSource": "heartbeat.aws-tags", "eventName": "Heartbeat", "eventTime": iso(now()), "awsRegion": REGION}


class Metrics(unittest.TestCase):
    """The metrics that the functions print are valid for CloudWatch."""

    def counted(self, function, payload):
        before = len(MOTO.lambdas.log())
        MOTO.lambdas.invoke(function, payload)
        return [line for line in MOTO.lambdas.log()[before:] if "_aws" in line]

    def test_one_line_for_each_service_of_an_invocation(self):
        volume = creation("ec2/CreateVolume", ec2_arn("volume", resources.volume(MOTO.c, MOTO.net)), MOTO.session.identity)
        topic = creation("sns/CreateTopic", MOTO.c("sns").create_topic(Name="counted")["TopicArn"], MOTO.session.identity)
        lost = fresh(load("ec2/CreateVolume--omitted-response"))
        ec2, sns = self.counted("tag-handler", local_aws.batch([volume, topic, lost]))
        for line in (ec2, sns):
            self.assertEqual(problems(line), [])
            self.assertEqual(line["Function"], "tag-handler")
        self.assertEqual([ec2[name] for name in ("Service", "Events", "ResourcesTagged", "Retried", "SessionsFound")], ["ec2", 2, 1, 1, 1])
        self.assertEqual([sns[name] for name in ("Service", "Events", "ResourcesTagged", "ResourcesFailed")], ["sns", 1, 1, 0])

    def test_minimal_monitoring_reports_only_what_alarms_watch(self):
        before = len(MINISTACK.lambdas.log())
        volume = creation("ec2/CreateVolume", ec2_arn("volume", resources.volume(MINISTACK.c, MINISTACK.net)), MINISTACK.session.identity)
        MINISTACK.lambdas.invoke("tag-handler", local_aws.batch([volume, HEARTBEAT]))
        MINISTACK.lambdas.invoke("session-recorder", local_aws.batch([MINISTACK.session.event]))
        lines = MINISTACK.lambdas.log()[before:]
        counted, = (line for line in lines if "_aws" in line)
        self.assertEqual(problems(counted), [])
        (directive,) = counted["_aws"]["CloudWatchMetrics"]
        self.assertEqual((directive["Dimensions"], directive["Metrics"]), ([["Function"]], [{"Name": "Events", "Unit": "Count"}]))
        self.assertEqual((counted["Events"], sorted(counted)), (1, ["Events", "Function", "Service", "_aws"]))
        # Such a line is what the costs are calculated with.
        self.assertLessEqual(len(json.dumps(counted)), 1000 * costs.METRICS_LINE["minimal"]["tag-handler"])
        self.assertEqual([line["eventName"] for line in lines if line.get("outcome") == "heartbeat"], ["Heartbeat"])

    def test_the_recorder_counts_sessions(self):
        line, = self.counted("session-recorder", local_aws.batch([MOTO.session.event]))
        self.assertEqual(problems(line), [])
        self.assertEqual([line[name] for name in ("Function", "Service", "Events", "SessionsRecorded", "Retried")],
                         ["session-recorder", "sts", 1, 1, 0])


def problems(document):
    """The violations of the embedded metric format in a line.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    found = []

    def check(good, what):
        found.extend([what] * (not good))

    def is_name(value):
        return isinstance(value, str) and 1 <= len(value) <= 255

    metadata = document["_aws"]
    check(type(metadata.get("Timestamp")) is int, "Timestamp is not an integer")
    at = datetime.datetime.fromtimestamp(metadata["Timestamp"] / 1000, datetime.timezone.utc)
    check(abs(at - now()) < datetime.timedelta(minutes=5), "Timestamp is not now in milliseconds")
    check(metadata["CloudWatchMetrics"], "there is no directive")
    for directive in metadata["CloudWatchMetrics"]:
        check(set(directive) == {"Namespace", "Dimensions", "Metrics"}, f"members are {sorted(directive)}")
        check(directive["Namespace"] == "aws-tags", "the namespace is not aws-tags")
        check(directive["Dimensions"] and all(len(some) <= 9 for some in directive["Dimensions"]), "too few or many dimensions")
        for dimension in sum(directive["Dimensions"], []):
            check(is_name(dimension) and is_name(document.get(dimension)), f"dimension {dimension} is not a string at the root")
        check(1 <= len(directive["Metrics"]) <= 100, f"{len(directive['Metrics'])} metrics")
        for metric in directive["Metrics"]:
            check(set(metric) == {"Name", "Unit"} and is_name(metric["Name"]) and metric["Unit"] == "Count", f"{metric}")
            check(type(document.get(metric["Name"])) is int, f"{metric['Name']} is not a number at the root")
    return found


def setUpModule():
    global MOTO, MINISTACK, OVERWRITE
    MOTO = Rig("moto", local_aws.moto(), ALSO_TAG="s3:object,ecs:task", MONITORING="full")
    MINISTACK = Rig("ministack", local_aws.ministack())
    OVERWRITE = Overwrite(MOTO)
