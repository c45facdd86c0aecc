"""The plan of `aws-tags backfill` in a local AWS: what is there with which tags, what is gone, and what was made again unseen."""
import datetime
import gzip
import json
import os
import subprocess
import tempfile
import unittest

import local_aws
import resources
from fault_proxy import Unreliable
from iam_simulator import printed
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines, load, say
from lookup_events import History
from modelled_resources import GENERATED_KINDS, event_of
from records import Session, creation, fresh, name_in, now
from resources import KINDS, ec2_arn
from rig import Rig
from routed import Routed


class Planning(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.addCleanup(RIG.faults.tell)
        self.events = [RIG.session.event]

    def made(self, name, arn, identity=None, at=None):
        self.events.append(creation(name, arn, identity or RIG.session.identity, at))
        return arn

    def table(self, name, **more):
        resources.table(RIG.c, RIG.net, name)
        self.addCleanup(RIG.c("dynamodb").delete_table, TableName=name)
        return self.made("dynamodb/CreateTable", self.table_arn(name), **more)

    def table_arn(self, name):
        return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"

    def ended(self, name):
        event = fresh(load("dynamodb/CreateTable"), now() + datetime.timedelta(seconds=5))
        detail = event["detail"]
        detail.update(eventName="DeleteTable", requestParameters={"tableName": name}, responseElements=None, recipientAccountId=ACCOUNT,
                      awsRegion=REGION, readOnly=False)
        self.events.append({**event, "account": ACCOUNT, "region": REGION})

    def plan(self, *arguments, code=0, **env):
        trail = os.path.join(self.folder, "records.jsonl")
        with open(trail, "w") as file:
            file.writelines(json.dumps(event["detail"]) + "\n" for event in self.events)
        with tempfile.TemporaryDirectory(dir=self.folder) as state:
            command = [COMMAND, "backfill", "--json", "--state", state, *arguments, trail]
            done = subprocess.run(command, env=env_of(RIG.faults.url, **env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
            self.assertEqual(done.returncode, code, done)
            with open(json.loads(done.stdout)["plan"]) as file:
                return {line["arn"]: line for line in lines(file.read())}

    def tags(self, line):
        return {tag["key"]: tag["value"] for tag in line.get("add", [])}

    def test_what_is_there_keeps_its_tags_and_gets_the_rest(self):
        plain, marked = self.table("plain"), self.table("marked")
        RIG.c("dynamodb").tag_resource(ResourceArn=marked, Tags=[{"Key": "Owner", "Value": "by-hand"}])
        volume = self.made("ec2/CreateVolume", ec2_arn("volume", resources.volume(RIG.c, RIG.net)))
        plan = self.plan()
        self.assertEqual({line["state"] for line in plan.values()}, {"add"}, plan)
        inherited = {"squad": "payments", "Person": "ann", "CostCenter": "4711"}
        for arn in (plain, volume):
            self.assertEqual(self.tags(plan[arn]), {"Owner": RIG.session.arn, "PrincipalId": RIG.session.id, **inherited})
            self.assertEqual(plan[arn]["session"]["name"], "AssumeRole")
        self.assertEqual(self.tags(plan[marked]), {"PrincipalId": RIG.session.id, **inherited})
        self.assertEqual(plan[marked]["keep"], {"Owner": "by-hand"})
        without = self.plan("--no-iam-tags")
        self.assertNotIn("CostCenter", self.tags(without[plain]), "the role's tags of today")
        self.assertEqual(self.tags(without[plain])["squad"], "payments")

    def test_where_the_session_is_not_recorded_no_tag_of_iam_stands_for_one_of_it(self):
        arn = self.table("unseen")
        self.events.remove(RIG.session.event)
        line = self.plan()[arn]
        self.assertEqual(self.tags(line), {"Owner": RIG.session.arn, "PrincipalId": RIG.session.id})
        self.assertIn("session is not in the history", line["why"])

    def test_a_session_of_a_session_brings_the_tags_it_was_passed(self):
        passed = Session(RIG.c, RIG.make_role("deployer-of-plan", {}), "ci", incoming={"Person": "ann"})
        self.events.append(passed.event)
        arn = self.table("chained", identity=passed.identity)
        self.assertEqual(self.tags(self.plan()[arn]), {"Owner": passed.arn, "PrincipalId": passed.id, "Person": "ann"})

    def test_what_a_stacks_service_role_made_is_the_deployers(self):
        role, at = RIG.make_role("stacks-of-plan", {"CostCenter": "of the role"}), now() - datetime.timedelta(hours=1)
        stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/web/7f59c3cf"
        deployer = Session(RIG.c, RIG.role, "ann", [("Person", "ann")], at=at - datetime.timedelta(minutes=20))
        deploy = fresh(load("cloudformation/CreateStack"), at)
        deploy["detail"].update(userIdentity=deployer.identity, responseElements={"stackId": stack}, recipientAccountId=ACCOUNT, awsRegion=REGION)
        deploy["detail"]["requestParameters"].update(stackName="web", roleARN=role["Arn"])
        by = {**Session(RIG.c, role, "AWSCloudFormation", at=at).identity, "invokedBy": "cloudformation.amazonaws.com"}
        for name, of in (("of-stack", stack), ("of-another", stack.replace("web", "other"))):
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
            RIG.c("sqs").create_queue(QueueName=name)
            event = creation("sqs/CreateQueue--stack", arn, by, now())
            event["detail"]["requestParameters"]["tags"] = {"aws:cloudformation:stack-id": of}
            self.events.append(event)
        self.events += [{**deploy, "account": ACCOUNT, "region": REGION}, {**deployer.event, "account": ACCOUNT}]
        plan = {line["arn"].rsplit(":", 1)[-1]: line for line in self.plan().values()}
        owner = {"Owner": deployer.arn, "PrincipalId": deployer.id, "Person": "ann", "Squad": "from-iam", "CostCenter": "4711"}
        made, other = plan["of-stack"], plan["of-another"]
        self.assertEqual((made["state"], self.tags(made)), ("add", owner), made)
        self.assertEqual({tag["source"] for tag in made["add"]}, {"parent"})
        self.assertEqual((other["state"], other.get("add")), ("unsure", None), other)
        self.assertEqual(other["why"], "a service created it for stack other, whose owner is not known")

    def test_what_is_gone_or_was_made_again_gets_nothing(self):
        again = self.table("again")
        self.ended("again")
        gone = self.made("dynamodb/CreateTable", self.table_arn("gone"))
        vanished = self.made("ec2/CreateVolume", ec2_arn("volume", "vol-0123456789abcdef0"))
        self.ended("gone")
        lost = self.made("dynamodb/CreateTable", self.table_arn("lost"))
        old = self.table("older", at=now() + datetime.timedelta(hours=3))
        plan = self.plan()
        states = {arn: line["state"] for arn, line in plan.items()}
        self.assertEqual((states[again], states[gone], states[lost], states[old]), ("unsure", "gone", "gone", "unsure"))
        self.assertIn("made again since by somebody whom no record names", plan[again]["why"])
        self.assertIn("AWS says that it was created at", plan[old]["why"])
        del plan[vanished]  # moto tells of no volume that it does not know it.
        self.assertFalse([line for line in plan.values() if "add" in line])

    def test_what_cannot_be_read_is_not_planned_and_another_account_is_not_asked(self):
        arn = self.table("denied")
        RIG.faults.tell({"service": "*", "operation": "ListTagsOfResource", "error": {"code": "AccessDeniedException", "status": 400}})
        line = self.plan()[arn]
        self.assertEqual((line["state"], line.get("add")), ("unreadable", None), line)
        RIG.faults.tell()
        self.events = json.loads(json.dumps(self.events).replace(ACCOUNT, "444455556666"))
        line, = self.plan().values()
        self.assertEqual(line["state"], "unreadable")
        self.assertIn(f"its account was not asked: the credentials are of {ACCOUNT}", line["why"])


class Permissions(unittest.TestCase):
    """Of ninety types, by whichever source."""

    def test_planning_uses_what_its_policies_name(self):
        bucket, c, by = "org-trail", RIG.c, RIG.session.identity
        events = [RIG.session.event, *(creation(name, make(c, RIG.net, name_in(name)), by) for name, make, _ in KINDS),
                  *(event_of(source, call, make(c), by) for source, call, make, _ in GENERATED_KINDS)]
        records = [event["detail"] for event in events]
        c("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/01/31/{ACCOUNT}_CloudTrail_{REGION}_20260131T1200Z_x1.json.gz"
        c("s3").put_object(Bucket=bucket, Key=key, Body=gzip.compress(json.dumps({"Records": records}).encode()))
        allowed = {action for document in printed("policy", "--tier", "all", "--plan", "--bucket", bucket).values()
                   for statement in document["Statement"] for action in statement["Action"]}
        only = {"history": {"cloudtrail:LookupEvents", "ec2:DescribeRegions"}, f"s3://{bucket}": {"s3:GetObject", "s3:ListBucket"}}
        history = History(records, per_page=50)
        everything = {}
        for source, more in only.items():
            proxy = Unreliable(Routed(RIG.server.url, {"LookupEvents": history.url}).url)
            with tempfile.TemporaryDirectory() as state:
                arguments = ["--regions", "all", "--last", "1d"] if source == "history" else []
                done = subprocess.run([COMMAND, "backfill", "--json", "--state", state, *arguments, source], env=env_of(proxy.url), stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=300)
                self.assertEqual(done.returncode, 0, done)
                self.assertGreater(json.loads(done.stdout)["states"].get("add", 0), 80, done)
            # Nobody needs a permission for the one left out.
            self.assertEqual(proxy.used - allowed, {"sts:GetCallerIdentity"}, source)
            self.assertLessEqual({*more, "iam:GetRole", "ec2:DescribeTags", "s3:ListAllMyBuckets"}, proxy.used)
            everything[source] = proxy.used - more
        one, other = everything.values()
        self.assertEqual(one, other)
        say(f"{len(events) - 1} resources planned: {len(one)} permissions used, and two to read a history; all are in the policies")


def setUpModule():
    global RIG
    RIG = Rig("backfill", local_aws.moto())


def tearDownModule():
    local_aws.stop_all()
