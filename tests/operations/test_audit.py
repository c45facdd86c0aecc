"""`aws-tags audit` against a local AWS, with a Resource Explorer of our own: every resource is in its state, what an inventory cannot show is
said, and a pipeline is not told that all is well where it may not be."""
import csv
import io
import json
import os
import re
import subprocess
import tempfile
import unittest

import local_aws
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines, read, session, snapshot
from modelled_resources import TRUST, event_of
from records import Session, creation
from resource_explorer import ResourceExplorer, view
from resources import TABLE, ec2_arn, ec2_tags, rds_tags
from rig import trust

PER_KIND, PRINCIPALS = 50, 10
OTHER_REGION = "eu-central-1"


def of_ec2(kind, make):
    return lambda c, net, name: ec2_arn(kind, make(c("ec2"), net))


# What the event file of CreateVolume says that the request set.
OF_RECORD = [{"Key": "Team", "Value": "orders"}]
# Twenty kinds: the event file of the creation, and how a real client creates one of that name.
KINDS = [
    ("ec2/CreateVolume", of_ec2("volume", lambda ec2, net: ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": OF_RECORD}])["VolumeId"])),
    ("ec2/CreateInternetGateway", of_ec2("internet-gateway", lambda ec2, net: ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])),
    ("ec2/CreateNetworkInterface", of_ec2("network-interface", lambda ec2, net: ec2.create_network_interface(SubnetId=net)["NetworkInterface"]["NetworkInterfaceId"])),
    ("ec2/CreateDhcpOptions", of_ec2("dhcp-options", lambda ec2, net: ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["x.example"]}])["DhcpOptions"]["DhcpOptionsId"])),
    ("ec2/AllocateAddress", of_ec2("elastic-ip", lambda ec2, net: ec2.allocate_address(Domain="vpc")["AllocationId"])),
    ("ec2/CreateVpnGateway", of_ec2("vpn-gateway", lambda ec2, net: ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"])),
    ("ec2/CreateKeyPair", lambda c, net, name: ec2_arn("key-pair", c("ec2").create_key_pair(KeyName=name)["KeyPairId"])),
    ("sqs/CreateQueue", lambda c, net, name: c("sqs").create_queue(QueueName=name) and f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
    ("sns/CreateTopic", lambda c, net, name: c("sns").create_topic(Name=name)["TopicArn"]),
    ("dynamodb/CreateTable", lambda c, net, name: c("dynamodb").create_table(TableName=name, **TABLE)["TableDescription"]["TableArn"]),
    ("s3/CreateBucket", lambda c, net, name: c("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}) and f"arn:aws:s3:::{name}"),
    ("ecs/CreateCluster", lambda c, net, name: c("ecs").create_cluster(clusterName=name)["cluster"]["clusterArn"]),
    ("glue/CreateWorkflow", lambda c, net, name: c("glue").create_workflow(Name=name) and f"arn:aws:glue:{REGION}:{ACCOUNT}:workflow/{name}"),
    ("glue/CreateTrigger", lambda c, net, name: c("glue").create_trigger(Name=name, Type="ON_DEMAND", Actions=[]) and f"arn:aws:glue:{REGION}:{ACCOUNT}:trigger/{name}"),
    ("rds/CreateDBParameterGroup", lambda c, net, name: c("rds").create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="postgres16", Description="d")["DBParameterGroup"]["DBParameterGroupArn"]),
    ("rds/CreateDBClusterParameterGroup", lambda c, net, name: c("rds").create_db_cluster_parameter_group(DBClusterParameterGroupName=name, DBParameterGroupFamily="aurora-postgresql16", Description="d")["DBClusterParameterGroup"]["DBClusterParameterGroupArn"]),
    ("rds/CreateOptionGroup", lambda c, net, name: c("rds").create_option_group(OptionGroupName=name, EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="d")["OptionGroup"]["OptionGroupArn"]),
    ("elasticache/CreateCacheSubnetGroup", lambda c, net, name: c("elasticache").create_cache_subnet_group(CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=[net])["CacheSubnetGroup"]["ARN"]),
    ("kms", "CreateKey", lambda c, net, name: c("kms").create_key()["KeyMetadata"]["Arn"]),
    ("iam", "CreateRole", lambda c, net, name: c("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]),
]


class Audit(unittest.TestCase):
    def setUp(self):
        self.moto = local_aws.moto()
        self.addCleanup(self.moto.stop)
        self.c = session(self.moto.url)
        self.aws = ResourceExplorer(self.moto.url)
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def audit(self, *arguments, url=None, **env):
        return subprocess.run([COMMAND, "audit", *arguments], env=env_of(url or self.aws.url, **env), capture_output=True, text=True, timeout=600, cwd=self.folder)

    def found(self, *arguments, code=0, **env):
        """The head, and the resources by ARN."""
        done = self.audit("--json", *arguments, **env)
        self.assertEqual(done.returncode, code, done)
        head, *resources = lines(done.stdout)
        return head["audit"], {one["arn"]: one for one in resources}

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def queue(self, name, region=REGION, **tags):
        self.c("sqs", region).create_queue(QueueName=name, tags=tags)
        return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"

    def explorer(self, *arns, **more):
        """A Resource Explorer that shows these, with an aggregator index."""
        self.aws.indexes, self.aws.views = [(REGION, "AGGREGATOR"), (OTHER_REGION, "LOCAL"), ("us-east-1", "LOCAL")], [view("all", **more)]
        self.aws.resources = [(arn, f"{arn.split(':')[2]}:thing", {}) for arn in arns]


class EveryKind(Audit):
    def test_a_thousand_resources_are_all_covered_once_the_functions_have_tagged_them(self):
        sessions = [Session(self.c, self.c("iam").create_role(RoleName=f"team{n}", AssumeRolePolicyDocument=trust(), Tags=[{"Key": "Owner", "Value": "platform"}])["Role"],
                            f"person{n}", [("Team", f"t{n}")]) for n in range(PRINCIPALS)]
        vpc = self.c("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        net = self.c("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/16", AvailabilityZone=f"{REGION}a")["Subnet"]["SubnetId"]
        events, owners = [one.event for one in sessions], {}
        for nth, (*call, make) in enumerate(KINDS):
            for n in range(PER_KIND):
                caller = sessions[n % PRINCIPALS]
                arn = make(self.c, net, f"made-{nth}-{n}-of-kind")
                owners[arn] = caller.arn
                events.append(event_of(*call, arn, caller.identity) if len(call) == 2 else creation(*call, arn, caller.identity))
        self.assertEqual(len(owners), 1000)
        trail = self.file("trail.json", json.dumps({"Records": [event["detail"] for event in events]}))
        self.explorer(*owners)

        _, before = self.found("--require", "Owner,Team")
        self.assertEqual({before[arn]["state"] for arn in owners}, {"owner-unknown"})
        _, named = self.found("--require", "Owner,Team", "--history", trail)
        self.assertEqual({named[arn].get("owner") or named[arn]["guess"]["owner"]: 0 for arn in owners}, dict.fromkeys(owners.values(), 0))
        self.assertEqual({arn: named[arn].get("owner") or named[arn]["guess"]["owner"] for arn in owners}, owners)
        # Calls that also answer for what is there name nobody for certain.
        unsure = {arn for arn in owners if named[arn]["state"] != "incomplete"}
        self.assertEqual(({named[arn]["created"]["name"] for arn in unsure if "created" in named[arn]}, {named[arn]["state"] for arn in unsure}), (set(), {"owner-unknown"}))
        self.assertEqual({arn.split(":")[2] for arn in unsure}, {"sns", "ecs", "sqs", "s3"})

        # What comes with an account, somebody has tagged by hand.
        ours = {arn.rsplit("/", 1)[-1] for arn in owners}
        others = [arn.rsplit("/", 1)[-1] for arn in before if arn.split(":")[2] == "ec2" and arn.rsplit("/", 1)[-1] not in ours]
        self.c("ec2").create_tags(Resources=others, Tags=[{"Key": "Owner", "Value": "platform"}, {"Key": "Team", "Value": "platform"}])
        for one in sessions:
            self.c("iam").tag_role(RoleName=one.arn.split("/")[1], Tags=[{"Key": "Team", "Value": "platform"}])
        applied = subprocess.run([COMMAND, "replay", "--apply", "--summary", trail], env=env_of(self.moto.url), capture_output=True, text=True, timeout=600)
        self.assertEqual(applied.returncode, 0, applied)

        # Resource Explorer shows tags within minutes. Here nothing else does, of those.
        read_by = {"rds": rds_tags, "ec2": ec2_tags}
        self.aws.resources = [(arn, kind, read_by[arn.split(":")[2]](self.c, arn) if arn.split(":")[2] in read_by else {})
                              for arn, kind, _ in self.aws.resources]
        head, after = self.found("--require", "Owner,Team", "--min-coverage", "100%", "--fail-on", "unowned,incomplete")
        self.assertFalse(head["partial"], head)
        self.assertEqual({arn: (after[arn]["state"], after[arn]["owner"]) for arn in owners}, {arn: ("ours", owner) for arn, owner in owners.items()})
        self.assertEqual({one["state"] for arn, one in after.items() if arn not in owners}, {"tagged-otherwise"})
        text = self.audit("--require", "Owner,Team", "--by", "key")
        self.assertIn(f"Coverage 100 %: {len(after):,} of {len(after):,}", text.stdout)
        print(f"{len(owners)} resources of {len(KINDS)} kinds under {PRINCIPALS} principals: {text.stdout.split('Coverage')[1].splitlines()[0]}")


class Inventories(Audit):
    def test_a_partial_inventory_does_not_pass(self):
        self.queue("orders", Owner="ann")
        done = self.audit("--services", "sqs", "--min-coverage", "50%")
        self.assertEqual((done.returncode, "Partial" in done.stdout, len(done.stderr.splitlines())), (2, True, 1), done)
        self.assertIn("the inventory is partial", done.stderr)
        accepted = self.audit("--services", "sqs", "--min-coverage", "50%", "--accept-partial")
        self.assertEqual((accepted.returncode, accepted.stderr), (0, ""), accepted)
        for arguments in (("--csv",), ("--json",)):
            self.assertIn("no index of Resource Explorer in this account", self.audit(*arguments).stdout)

    def test_where_nothing_is_there_is_no_coverage_to_pass_by(self):
        done = self.audit("--services", "sqs", "--min-coverage", "99", "--accept-partial")
        self.assertEqual((done.returncode, done.stderr), (1, "aws-tags: no resource was found, so that there is no coverage, expected at least 99 %\n"))

    def test_what_was_never_tagged_is_seen_by_resource_explorer_alone(self):
        never, tagged = self.queue("never"), self.queue("tagged", Owner="ann")
        _, seen = self.found("--services", "sqs")
        self.assertEqual(set(seen), {tagged})
        self.explorer(never, tagged)
        head, seen = self.found("--services", "sqs")
        self.assertEqual({arn: (one["state"], one["owner"] if "owner" in one else None) for arn, one in seen.items()},
                         {never: ("owner-unknown", None), tagged: ("tagged-otherwise", "ann")})
        self.assertFalse(head["partial"])
        self.assertEqual({(one["source"], one["region"]): one["resources"] for one in head["inventory"]},
                         {("ListResources", REGION): 2, ("GetResources", REGION): 1})
        below = self.audit("--services", "sqs", "--min-coverage", "50.01%")
        self.assertEqual((below.returncode, below.stderr), (1, "aws-tags: the coverage is 50 %, expected at least 50.01 %\n"))

    def test_pages_and_the_rate_are_those_of_resource_explorer(self):
        arns = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{n}" for n in range(2500)]
        self.explorer(*arns)
        self.aws.quotas["/ListResources"] = 1
        _, seen = self.found("--services", "sqs")
        self.assertEqual(set(seen), set(arns))
        self.assertEqual(sum(operation == "/ListResources" for operation, _ in self.aws.asked), 3)
        self.assertGreater(self.aws.throttled["/ListResources"], 0)

    def test_a_view_without_tags_or_with_a_filter_is_said(self):
        never = self.queue("never")
        for more, said in ((dict(tags=False), "no view of Resource Explorer includes tags"), (dict(filter="service:sqs"), "what its view leaves out: `service:sqs`")):
            with self.subTest(more):
                self.explorer(never, **more)
                head, _ = self.found("--services", "sqs")
                self.assertTrue(head["partial"])
                (explorer,) = [one for one in head["inventory"] if one["source"] == "ListResources"]
                self.assertTrue(any(said in what for what in explorer["cannotSee"]), explorer)
        self.aws.views = [view("a", tags=False), view("b", filter="service:sqs"), view("c")]
        head, seen = self.found("--services", "sqs")
        self.assertEqual((head["partial"], set(seen)), (False, {never}), "the best view is asked")
        head, _ = self.found("--services", "sqs", "--view", view("b", filter="x")["ViewArn"])
        self.assertTrue(head["partial"], "a view that was chosen is asked")

    def test_regions_without_an_index_are_said(self):
        self.explorer()
        self.aws.indexes = [(REGION, "LOCAL")]
        head, _ = self.found("--services", "sqs", "--regions", f"{REGION},{OTHER_REGION}")
        self.assertTrue(head["partial"])
        self.assertIn(f"resources of {OTHER_REGION}: no index of Resource Explorer there", head["inventory"][0]["cannotSee"])

    def test_what_no_region_has_needs_an_index_in_its_region(self):
        self.explorer(self.queue("orders"))
        self.aws.indexes = [(REGION, "AGGREGATOR")]
        head, _ = self.found("--services", "sqs")
        self.assertFalse(head["partial"])
        head, _ = self.found("--services", "sqs,iam")
        self.assertTrue(head["partial"])
        self.assertIn("resources of us-east-1: no index of Resource Explorer there", head["inventory"][0]["cannotSee"])

    def test_a_region_that_fails_is_named_and_the_rest_goes_on(self):
        here, there = self.queue("here", Owner="ann"), self.queue("there", OTHER_REGION, Owner="ann")
        self.explorer()
        _, seen = self.found("--services", "sqs", "--regions", f"{OTHER_REGION},{REGION}")
        self.assertEqual(set(seen), {here, there})
        self.aws.broken = {OTHER_REGION}
        done = self.audit("--services", "sqs", "--regions", f"{OTHER_REGION},{REGION}", "--json")
        head, *resources = lines(done.stdout)
        self.assertEqual((done.returncode, [one["arn"] for one in resources], head["audit"]["partial"]), (1, [here], True), done)
        self.assertEqual(done.stderr, f"aws-tags: {OTHER_REGION}: tag:GetResources: InternalServiceException: no\n")

    def test_a_resource_explorer_that_fails_is_named_and_the_rest_goes_on(self):
        queue = self.queue("orders", Owner="ann")
        self.explorer(queue)
        for operation, fault, code in (("ListIndexes", "500", 1), ("ListViews", "500", 1), ("ListIndexes", "denied", 0)):
            with self.subTest(operation, fault=fault):
                self.aws.faults = {f"/{operation}": fault}
                done = self.audit("--services", "sqs", "--json")
                head, *resources = lines(done.stdout)
                self.assertEqual((done.returncode, [one["arn"] for one in resources], head["audit"]["partial"]), (code, [queue], True), done)
                self.assertEqual(f"{REGION}: resource-explorer-2:{operation}: " in done.stderr, code == 1, done)
                self.assertIn(f"anything: resource-explorer-2:{operation}: ", head["audit"]["inventory"][0]["cannotSee"][0])

    def test_all_regions_are_those_that_the_account_has_enabled(self):
        there = self.queue("there", OTHER_REGION, Owner="ann")
        head, seen = self.found("--services", "sqs", "--regions", "all")
        self.assertEqual(set(seen), {there})
        enabled = {one["RegionName"] for one in self.c("ec2").describe_regions()["Regions"]}
        self.assertEqual(set(head["regions"]), enabled)

    def test_a_token_that_is_too_old_begins_by_service_again(self):
        arns = {self.queue(f"q{n}", Owner="ann") for n in range(250)}
        self.aws.expiring = 2
        _, seen = self.found("--services", "sqs")
        self.assertEqual(set(seen), arns)
        self.assertEqual((self.aws.expiring, sum(operation == "GetResources" for operation, _ in self.aws.asked)), (0, 2 + 2 + 3))

    def test_throttling_is_waited_for(self):
        arns = {self.queue(f"q{n}", Owner="ann") for n in range(250)}
        self.aws.quotas["GetResources"] = 1
        _, seen = self.found("--services", "sqs")
        self.assertEqual(set(seen), arns)
        self.assertGreater(self.aws.throttled["GetResources"], 0)

    def test_roles_users_groups_and_what_ec2_never_tagged_come_from_the_services(self):
        role = self.c("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "owner", "Value": "ann"}])["Role"]["Arn"]
        self.c("iam").create_role(RoleName="AWSReservedSSO_x", Path="/aws-reserved/sso.amazonaws.com/", AssumeRolePolicyDocument=TRUST)
        user = self.c("iam").create_user(UserName="bo")["User"]["Arn"]
        volume = ec2_arn("volume", self.c("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"])
        snapshot_id = self.c("ec2").create_snapshot(VolumeId=volume.rsplit("/", 1)[1], TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "Owner", "Value": "cy"}]}])["SnapshotId"]
        image = self.c("ec2").describe_images()["Images"][0]["ImageId"]
        self.c("autoscaling").create_launch_configuration(LaunchConfigurationName="l", ImageId=image, InstanceType="t3.micro")
        self.c("autoscaling").create_auto_scaling_group(AutoScalingGroupName="web", MinSize=0, MaxSize=1, LaunchConfigurationName="l", AvailabilityZones=[f"{REGION}a"])
        group = self.c("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
        _, seen = self.found("--services", "iam,ec2,autoscaling")
        states = {arn: seen[arn]["state"] for arn in (role, user, volume, ec2_arn("snapshot", snapshot_id, ""), group)}
        self.assertEqual(states, {role: "tagged-otherwise", user: "owner-unknown", volume: "owner-unknown", ec2_arn("snapshot", snapshot_id, ""): "tagged-otherwise",
                                  group: "owner-unknown"})
        self.assertEqual([arn for arn in seen if "AWSReserved" in arn], [])
        self.assertEqual(seen[role]["region"], "us-east-1")
        # A deleted volume that the tagging API still shows is not there.
        self.explorer(volume, ec2_arn("volume", "vol-00000000000000001"))
        _, seen = self.found("--services", "ec2")
        self.assertEqual([arn for arn in seen if ":volume/" in arn], [volume])

    def test_it_uses_what_its_first_policy_names(self):
        self.c("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=TRUST)
        self.c("iam").create_user(UserName="bo")
        self.explorer(self.queue("orders"))
        self.found()
        self.found("--services", "sqs,iam", "--regions", "all")
        done = subprocess.run([COMMAND, "audit", "--policy", "--json"], check=True, capture_output=True, text=True)
        (statement,) = lines(done.stdout)[0]["document"]["Statement"]
        self.assertEqual(self.aws.actions - {"sts:GetCallerIdentity"}, set(statement["Action"]), "nobody needs a permission for the one left out")

    def test_without_one_permission_the_rest_is_audited(self):
        role = self.c("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        queue = self.queue("orders", Owner="ann")
        self.aws.faults["ListUsers"] = "denied"
        done = self.audit("--services", "sqs,iam", "--json", "--min-coverage", "1%")
        head, *resources = lines(done.stdout)
        self.assertEqual(({one["arn"] for one in resources}, head["audit"]["partial"], done.returncode), ({role, queue}, True, 2), done)
        self.assertIn("us-east-1: iam:ListUsers: AccessDenied", done.stderr)
        cannot = [what for one in head["audit"]["inventory"] for what in one["cannotSee"]]
        self.assertTrue(any(what.startswith("iam:user: AccessDenied") for what in cannot), cannot)

    def test_without_permissions_nothing_is_audited(self):
        self.queue("orders", Owner="ann")
        self.aws.faults["GetResources"] = "denied"
        done = self.audit("--services", "sqs")
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        self.assertIn("tag:GetResources: AccessDenied", done.stderr)


class Past(Audit):
    def test_the_history_names_creators_and_finds_what_nothing_shows(self):
        ann = Session(self.c, self.c("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=trust())["Role"], "ann")
        make = {name: make for name, make in (kind for kind in KINDS if len(kind) == 2)}
        topic, table, volume = (make[name](self.c, None, "orders") for name in ("sns/CreateTopic", "dynamodb/CreateTable", "ec2/CreateVolume"))
        gone = f"arn:aws:sns:{REGION}:{ACCOUNT}:gone"
        queue, other = self.queue("orders", Owner=ann.arn), self.queue("other", Owner="bo")
        tagged = make["dynamodb/CreateTable"](self.c, None, "tagged")
        self.c("dynamodb").tag_resource(ResourceArn=tagged, Tags=[{"Key": "Owner", "Value": ann.arn}])
        events = [creation(name, arn, ann.identity) for name, arn in (
            ("sns/CreateTopic", topic), ("sns/CreateTopic", gone), ("dynamodb/CreateTable", table), ("dynamodb/CreateTable", tagged), ("ec2/CreateVolume", volume),
            ("sqs/CreateQueue", queue), ("sqs/CreateQueue", other))]
        trail = self.file("trail/a.json", json.dumps({"Records": [event["detail"] for event in (ann.event, *events)]}))
        head, seen = self.found("--history", os.path.dirname(trail), "--services", "sns,dynamodb,sqs,ec2")
        states = {topic: "owner-unknown", table: "incomplete", volume: "incomplete", queue: "tagged-otherwise", other: "tagged-otherwise", tagged: "ours"}
        self.assertEqual({arn: seen[arn]["state"] for arn in states}, states)
        self.assertNotIn(gone, seen)
        self.assertEqual(seen[table]["owner"], ann.arn)
        created = seen[table]["created"]
        self.assertEqual((created["event"], created["name"], created["by"]), (events[2]["detail"]["eventID"], "CreateTable", ann.arn))
        self.assertTrue(created["file"].endswith("a.json"))
        self.assertEqual({tag["key"]: tag["from"] for tag in seen[tagged]["tags"]}, {"Owner": "principal"})
        self.assertEqual({tag["key"]: tag["from"] for tag in seen[other]["tags"]}, {"Owner": "other"})
        (past,) = [one for one in head["inventory"] if one["source"] == "history"]
        self.assertEqual(past["resources"], 2, "the topic and the table, as EC2 lists its volumes")

    def planned(self, trail, account=ACCOUNT):
        """The folder of a run that has planned by these records, without asking anybody."""
        done = subprocess.run([COMMAND, "backfill", "--offline", "--state", "runs", trail], env=env_of(self.aws.url), capture_output=True, text=True, timeout=600, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done)
        (run,) = os.listdir(os.path.join(self.folder, "runs"))
        return os.path.join(self.folder, "runs", run)

    def test_what_the_planner_is_unsure_of_is_shown_with_its_guess_whichever_history_it_is(self):
        ann = Session(self.c, self.c("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=trust())["Role"], "ann")
        topics = [self.c("sns").create_topic(Name=f"topic{n}")["TopicArn"] for n in range(12)]
        events = [ann.event, *(creation("sns/CreateTopic", arn, ann.identity) for arn in topics)]
        trail = self.file("trail.json", json.dumps({"Records": [event["detail"] for event in events]}))
        run = self.planned(trail)
        for history in (trail, run, os.path.join(run, "plan.jsonl")):
            with self.subTest(history):
                _, seen = self.found("--services", "sns", "--history", history)
                self.assertEqual({arn: one["state"] for arn, one in seen.items()}, dict.fromkeys(topics, "owner-unknown"))
                for one in seen.values():
                    self.assertEqual((one["guess"]["owner"], "owner" in one, "created" in one), (ann.arn, False, False), one)
                    self.assertEqual(one["guess"]["why"], "by `CreateTopic`, not certain: `CreateTopic` also answers for what is there, and no record shows that nothing was")
        report = subprocess.run([COMMAND, "report", "-"], input=self.audit("--json", "--services", "sns", "--history", run).stdout, capture_output=True, text=True, timeout=60)
        self.assertNotIn("names who created them", report.stdout)
        self.assertEqual(report.stdout.count("a guess: <bdi>by `CreateTopic`, not certain: "), 12)

    def test_what_a_history_cannot_show_stands_at_each_region(self):
        self.queue("orders", Owner="ann")
        head, _ = self.found("--services", "sqs", "--regions", f"{REGION},{OTHER_REGION}", "--history", self.file("trail.json", json.dumps(
            {"Records": [creation("sns/CreateTopic", f"arn:aws:sns:{REGION}:{ACCOUNT}:gone", Session(self.c, self.c("iam").create_role(
                RoleName="dev", AssumeRolePolicyDocument=trust())["Role"], "ann").identity)["detail"]]})))
        cannot = {one["region"]: one["cannotSee"] for one in head["inventory"] if one["source"] == "history"}
        self.assertEqual(cannot, dict.fromkeys((REGION, OTHER_REGION), ["what was created before it begins, or without a record in it"]))

    def test_what_should_have_ended_and_is_there_is_nobodys(self):
        ann = Session(self.c, self.c("iam").create_role(RoleName="dev", AssumeRolePolicyDocument=trust())["Role"], "ann")
        table = self.c("dynamodb").create_table(TableName="orders", **TABLE)["TableDescription"]["TableArn"]
        made = creation("dynamodb/CreateTable", table, ann.identity)["detail"]
        ended = {**made, "eventName": "DeleteTable", "eventID": "e-ended", "eventTime": made["eventTime"][:11] + "23:59:59Z", "requestParameters": {"tableName": "orders"}}
        _, seen = self.found("--services", "dynamodb", "--history", self.file("trail.json", json.dumps({"Records": [made, ended]})))
        self.assertEqual((seen[table]["state"], "owner" in seen[table], "created" in seen[table], "guess" in seen[table]), ("owner-unknown", False, False, False))

    def test_what_a_history_has_of_other_accounts_is_not_asked_of_ours(self):
        other = "444455556666"
        self.queue("orders", Owner="ann")
        planned = lambda arn, kind: json.dumps({"arn": arn, "type": kind, "account": other, "region": REGION, "state": "add", "by": f"arn:aws:iam::{other}:user/bo",
                                                "event": {"id": "e1", "time": "2025-03-04T10:12:55Z", "name": "CreateIt"}, "add": [{"key": "Owner", "value": "bo", "source": "owner"}]})
        plan = self.file("plan.jsonl", "\n".join([planned(f"arn:aws:apigateway:{REGION}::/apis/x", "apigateway:Api"), planned("arn:aws:s3:::theirs", "s3:bucket")]))
        event = creation("s3/CreateBucket", "arn:aws:s3:::theirs", {"type": "IAMUser", "arn": f"arn:aws:iam::{other}:user/bo", "accountId": other, "principalId": "AIDABO", "userName": "bo"})
        trail = self.file("trail.json", json.dumps({"Records": [{**event["detail"], "recipientAccountId": other}]}))
        for history, count in ((plan, 2), (trail, 1)):
            with self.subTest(history):
                self.aws.asked.clear()
                head, seen = self.found("--services", "sqs,s3,apigateway", "--history", history)
                self.assertEqual(list(seen), [f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"])
                (past,) = [one for one in head["inventory"] if one["source"] == "history"]
                self.assertIn(f"{count} resources of other accounts", past["cannotSee"])
                self.assertEqual({operation for operation, _ in self.aws.asked} - {"GetResources", "/ListIndexes", "GetCallerIdentity"}, set())

    def test_the_folder_of_a_run_says_what_was_written(self):
        queue, other, gone = self.queue("orders", Owner="ann"), self.queue("other", Owner="bo"), f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
        planned = lambda arn, state, **more: json.dumps({"arn": arn, "type": "sqs:queue", "account": ACCOUNT, "region": REGION, "state": state,
                                                         "event": {"id": "e1", "time": "2025-03-04T10:12:55Z", "name": "CreateQueue"}, "by": "arn:aws:iam::1:user/ann", **more})
        add = [{"key": "Owner", "value": "ann", "source": "owner"}]
        self.file("run-k3/plan.jsonl", "\n".join(['{"plan": {"version": 1}}', planned(queue, "add", add=add), planned(other, "complete", keep={"Owner": "bo"}),
                                                  planned(gone, "gone")]))
        self.file("run-k3/journal.jsonl", "\n".join([json.dumps({"n": 1, "do": "tag", "arns": [queue], "add": {"Owner": "ann"}}), json.dumps({"n": 1, "done": [queue]})]))
        _, seen = self.found("--services", "sqs", "--history", "run-k3")
        self.assertEqual({arn: one["state"] for arn, one in seen.items()}, {queue: "ours", other: "tagged-otherwise"})
        self.assertEqual(seen[queue]["tags"], [{"key": "Owner", "value": "ann", "from": "principal", "run": "run-k3"}])
        self.assertEqual(seen[queue]["created"], {"at": "2025-03-04T10:12:55Z", "event": "e1", "name": "CreateQueue", "by": "arn:aws:iam::1:user/ann"})

    def test_a_history_that_is_not_there_or_broken_is_named(self):
        done = self.audit("--history", "nowhere.json")
        self.assertIn("nowhere.json", done.stderr)
        self.queue("orders", Owner="ann")
        done = self.audit("--services", "sqs", "--history", self.file("plan.jsonl", '{"plan": {}}\n{"arn": 1}\n'))
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("plan.jsonl: line 2: ", done.stderr)

    def test_whose_it_may_be_is_a_guess(self):
        stack = self.c("cloudformation").create_stack(StackName="web", Tags=[{"Key": "Owner", "Value": "ann"}], TemplateBody=json.dumps(
            {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-web"}}}}))["StackId"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:of-web"
        self.explorer(queue, stack)
        self.aws.resources = [(queue, "sqs:queue", {"aws:cloudformation:stack-id": stack}), (stack, "cloudformation:stack", {"Owner": "ann"})]
        _, seen = self.found("--services", "sqs,cloudformation")
        one = seen[queue]
        if one["state"] == "owner-unknown":
            self.assertEqual(one["guess"]["owner"], "ann", one)


class Output(Audit):
    """What differs each time stands there by its name."""

    HOSTILE = "\x1b]52;c;aGk=\x07=cmd()\u202e</script>"

    def setUp(self):
        super().setUp()
        self.queue("orders", Owner="ann", PrincipalId="AROA1:ann", Team="payments")
        self.queue("taken", Owner="someone-else", PrincipalId="AROA1:ann", Team="payments")
        self.queue("invoices", Owner="bo", Team="=HYPERLINK(\"http://x\")")
        self.queue("carts", Team="+1, say")
        self.queue("none", Old="x")
        self.c("sns").create_topic(Name="alerts", Tags=[{"Key": "Owner", "Value": "@ann"}])
        self.explorer(f"arn:aws:sqs:{REGION}:{ACCOUNT}:never")

    def snapshot(self, name, *arguments):
        done = self.audit("--services", "sqs,sns", "--require", "Owner,Team", *arguments)
        at = re.search(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", done.stdout)
        snapshot(self, f"audit-{name}", done, at=at[0] if at else "-")
        return done

    def test_text(self):
        self.snapshot("text", "--by", "service,owner,key,account")
        self.snapshot("below", "--by", "service", "--min-coverage", "95%", "--fail-on", "unowned,incomplete")

    def test_json(self):
        self.snapshot("json", "--json")

    def test_csv_is_a_table_without_formulas(self):
        done = self.snapshot("csv", "--csv")
        header, *rows = csv.reader(io.StringIO(done.stdout, newline=""))
        self.assertEqual({len(row) for row in rows}, {len(header)})
        self.assertEqual([cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")], [])
        owners = {row[1].rsplit(":", 1)[1]: row[6] for row in rows if row[0] == "resource"}
        self.assertEqual(owners, {"orders": "ann", "taken": "someone-else", "invoices": "bo", "carts": "", "none": "", "never": "", "alerts": "'@ann"})

    def test_hostile_values_steer_no_terminal(self):
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:hostile"
        self.aws.resources = [(arn, "sqs:queue", {"Owner": self.HOSTILE, self.HOSTILE[:30]: "x"})]
        for arguments in (("--by", "owner,key"), ("--csv",), ("--json",)):
            done = self.audit("--services", "sqs", *arguments)
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("cmd()", done.stdout)
            for character in ("\x1b", "\x07", "\u202e"):
                self.assertNotIn(character, done.stdout, arguments)
        head, *resources = lines(done.stdout)
        (one,) = [one for one in resources if one["arn"] == arn]
        self.assertEqual(one["owner"], self.HOSTILE, "JSON keeps what it escapes")

    def test_bad_input_is_one_line(self):
        for arguments in (("--min-coverage", "all"), ("--services", "sqs:queue"), ("--services", "nosuch", "--min-coverage", "99", "--accept-partial"),
                          ("--services", ""), ("--services", "sqs,"), ("--regions", ""), ("--regions", "eu-west"), ("--regions", "eu-west-1, us-east-1"), ("--accept-partial",), ("--by", "colour")):
            done = self.audit(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        self.assertEqual(self.aws.asked, [])
