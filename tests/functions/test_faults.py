"""Every AWS call of the functions on a bad day. The built binaries run under a Lambda Runtime API with a deadline, take their events
from a real queue, and a proxy injects the fault between them and a local AWS.

Each time the function answers before its deadline, what does not need the call is tagged at once, and the rest is put off, or
becomes a dead letter with a reason and is tagged after `aws-tags redrive`. infra/README.md has the result as a table, which
`make faults` writes.
"""
import concurrent.futures
import datetime
import json
import os
import re
import subprocess
import threading
import time
import unittest

import local_aws
import resources
from event_source_mapping import Mapping
from fault_proxy import Unreliable
from local_aws import ACCOUNT, COMMAND, REGION, ROOT, client_env, say
from records import Session, creation, fresh, iso, now
from resources import ec2_arn, ec2_tags
from rig import trust

# Seconds that Lambda gives the function here: fewer than a silent call takes to be given up for good.
SECONDS = 10
FAULTS = ["throttled", "500", "reset", "silent", "slow", "truncated", "denied", "not found", "partial"]
# Answers that can be good as a whole while a part has failed.
PARTIAL = {"TagResources", "ChangeMessageVisibilityBatch"}
AT_ONCE = 8
README = os.path.join(ROOT, "infra", "README.md")
TABLE = re.compile("(<!-- written by `make faults` -->\n).*?(<!-- end -->\n)", re.DOTALL)


class World:
    """A local AWS, and what is created in it."""

    def __init__(self):
        self.moto = local_aws.moto()
        self.c = local_aws.session(self.moto.url)
        local_aws.make_session_table(self.c)
        self.net = resources.Net(self.c)
        self.role = self.make_role("developer", {})
        self.lock = threading.Lock()
        self.recorder = Mapping(self.c, self.moto.url, "session-recorder", names=("recorded", "recorded-dead"))

    def make_role(self, name, tags):
        made = self.c("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(), Tags=listed(tags))
        return made["Role"]

    def session(self, name, role=None, recorded=True):
        """A session of its own, old enough not to be waited for."""
        session = Session(self.c, role or self.role, name, [("Person", "ann")], at=now() - datetime.timedelta(minutes=20))
        if recorded:
            with self.lock:
                assert self.recorder.functions[0].invoke(local_aws.batch([session.event])) == {"batchItemFailures": []}
        return session


    def record(self, made):
        """Records the session of `made` after all."""
        with self.lock:
            assert self.recorder.functions[0].invoke(local_aws.batch([made.session.event])) == {"batchItemFailures": []}


def listed(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Made:
    """What somebody created: its events, the tags that it must get, and how its tags are read."""

    def __init__(self, w, n, events, read, identity=None, **tags):
        self.session = None if identity else w.session(f"s-{n}")
        self.identity = identity or self.session.identity
        self.events = [event if isinstance(event, dict) else creation(*event, self.identity) for event in events]
        for event in self.events:
            event["detail"]["userIdentity"] = self.identity
        self.read, self.wanted = read, {"Owner": self.identity["arn"], **(tags or {"Person": "ann"})}

    def is_tagged(self):
        return all(self.wanted.items() <= tags.items() for tags in self.read())


def volume(w, n, **more):
    arn = ec2_arn("volume", resources.volume(w.c, w.net))
    return Made(w, n, [("ec2/CreateVolume", arn)], lambda: [ec2_tags(w.c, arn)], **more)


def by_role(w, n):
    return volume(w, n, identity=w.session(f"s-{n}", w.make_role(f"role-{n}", {"Squad": "t"})).identity, Squad="t", Person="ann")


def by_user(w, n):
    user = w.c("iam").create_user(UserName=f"user-{n}", Tags=listed({"Squad": "t"}))["User"]
    return volume(w, n, identity={"type": "IAMUser", "principalId": user["UserId"], "arn": user["Arn"], "accountId": ACCOUNT,
                                  "accessKeyId": "AKIAEXAMPLE", "userName": user["UserName"]}, Squad="t")


def instance(w, n):
    made = resources.instance(w.c, w.net)
    arn = ec2_arn("instance", made["InstanceId"])
    of = [{"Name": "attachment.instance-id", "Values": [made["InstanceId"]]}]
    disk = w.c("ec2").describe_volumes(Filters=of)["Volumes"][0]["VolumeId"]
    event = creation("ec2/RunInstances", arn, {})
    items = event["detail"]["responseElements"]["instancesSet"]["items"]
    del items[1:]
    items[0].pop("networkInterfaceSet", None)
    return Made(w, n, [event], lambda: [ec2_tags(w.c, arn), ec2_tags(w.c, f"x/{disk}")])


def image(w, n):
    id = w.c("ec2").create_image(InstanceId=resources.instance(w.c, w.net)["InstanceId"], Name=f"image-{n}")["ImageId"]
    mappings = w.c("ec2").describe_images(ImageIds=[id])["Images"][0]["BlockDeviceMappings"]
    ids = [id, *(mapping["Ebs"]["SnapshotId"] for mapping in mappings)]
    return Made(w, n, [("ec2/CreateImage", ec2_arn("image", id, ""))], lambda: [ec2_tags(w.c, f"x/{one}") for one in ids])


def vpc(w, n):
    ec2 = w.c("ec2")
    id = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    of = [{"Name": "vpc-id", "Values": [id]}]
    ids = [id, ec2.describe_security_groups(Filters=of)["SecurityGroups"][0]["GroupId"],
           ec2.describe_network_acls(Filters=of)["NetworkAcls"][0]["NetworkAclId"],
           ec2.describe_route_tables(Filters=of)["RouteTables"][0]["RouteTableId"]]
    return Made(w, n, [("ec2/CreateVpc", ec2_arn("vpc", id))], lambda: [ec2_tags(w.c, f"x/{one}") for one in ids])


def default_vpc(region):
    """A Region has one: what was tagged before is bare again."""
    def make(w, n):
        c = lambda service: w.c(service, region)
        ec2 = c("ec2")
        id = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        of = [{"Name": "attachment.vpc-id", "Values": [id]}]
        if not ec2.describe_internet_gateways(Filters=of)["InternetGateways"]:
            ec2.attach_internet_gateway(VpcId=id, InternetGatewayId=ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
        gateway = ec2.describe_internet_gateways(Filters=of)["InternetGateways"][0]["InternetGatewayId"]
        subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [id]}])["Subnets"]
        ids = [id, gateway, *(subnet["SubnetId"] for subnet in subnets)]
        ec2.delete_tags(Resources=ids, Tags=[{"Key": key} for key in ("Owner", "PrincipalId", "Person")])
        event = creation("ec2/CreateDefaultVpc", ec2_arn("vpc", id), {})
        event["region"] = event["detail"]["awsRegion"] = region
        return Made(w, n, [event], lambda: [ec2_tags(c, f"x/{one}") for one in ids])
    return make


def topics(count):
    def make(w, n):
        arns = [w.c("sns").create_topic(Name=f"t-{n}-{part}")["TopicArn"] for part in range(count)]
        return Made(w, n, [("sns/CreateTopic", arn) for arn in arns], lambda: [resources.topic_tags(w.c, arn) for arn in arns])
    return make


def queue(w, n):
    arn = resources.queue(w.c, w.net, f"q-{n}")
    return Made(w, n, [("sqs/CreateQueue", arn)], lambda: [resources.queue_tags(w.c, arn)])


def tagged_queue(w, n):
    """Its tags are not of the request, so that its age is asked for."""
    made = queue(w, n)
    url = w.c("sqs").get_queue_url(QueueName=f"q-{n}")["QueueUrl"]
    w.c("sqs").tag_queue(QueueUrl=url, Tags={"a": "tag of another's"})
    return made


def function(w, n):
    arn = resources.function(w.c, w.net, f"f-{n}")
    return Made(w, n, [("lambda/CreateFunction20150331", arn)], lambda: [resources.lambda_tags(w.c, arn)])


def bucket(w, n):
    arn = resources.bucket(w.c, w.net, f"bucket-{n}")
    return Made(w, n, [("s3/CreateBucket", arn)], lambda: [resources.bucket_tags(w.c, arn)])


def s3_object(w, n):
    s3 = w.c("s3")
    s3.create_bucket(Bucket=f"objects-{n}", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=f"objects-{n}", Key="a", Body=b"")
    event = creation("s3/PutObject", f"arn:aws:s3:::objects-{n}/a", {})
    event["detail"]["requestParameters"] |= {"bucketName": f"objects-{n}", "key": "a"}
    read = lambda: [resources.pairs(s3.get_object_tagging(Bucket=f"objects-{n}", Key="a")["TagSet"])]
    return Made(w, n, [event], read)


def secret(w, n):
    arn = w.c("secretsmanager").create_secret(Name=f"secret-{n}", SecretString="{}")["ARN"]
    event = fresh(local_aws.load("secretsmanager/CreateSecret--omitted-response"))
    event["detail"]["requestParameters"]["name"] = f"secret-{n}"
    return Made(w, n, [event], lambda: [resources.secret_tags(w.c, arn)])


def unknown_session(w, n):
    """One that is young and not recorded yet: its event is put off."""
    session = Session(w.c, w.role, f"s-{n}", [("Person", "ann")])
    made = volume(w, n, identity=session.identity, Person="ann")
    made.session = session
    return made


# A call whose fault is tried, and what makes the function make it. Where the queue itself is bad, there is something that must be
# put off, or given up.
CALLS = [
    ("ec2:DescribeTags", volume), ("ec2:CreateTags", volume), ("ec2:DescribeInstances", instance), ("ec2:DescribeVolumes", instance),
    ("ec2:DescribeImages", image), ("ec2:DescribeSnapshots", image), ("ec2:DescribeSecurityGroups", vpc),
    ("ec2:DescribeNetworkAcls", vpc), ("ec2:DescribeRouteTables", vpc), ("ec2:DescribeSubnets", default_vpc("eu-central-1")),
    ("ec2:DescribeInternetGateways", default_vpc("eu-west-3")), ("secretsmanager:DescribeSecret", secret),
    ("tag:TagResources", topics(2)), ("sns:ListTagsForResource", topics(1)), ("sns:TagResource", topics(1)),
    ("sqs:ListQueueTags", queue), ("sqs:TagQueue", queue), ("sqs:GetQueueAttributes", tagged_queue), ("lambda:ListTags", function),
    ("lambda:TagResource", function), ("s3:GetBucketTagging", bucket), ("s3:ListBuckets", bucket), ("s3:GetObjectTagging", s3_object), ("s3:PutObjectTagging", s3_object), ("iam:GetRole", by_role), ("iam:GetUser", by_user),
    ("dynamodb:Query", volume), ("sts:GetCallerIdentity", volume), ("sqs:ChangeMessageVisibilityBatch", unknown_session),
    ("sqs:SendMessage", topics(1)),
]
# What needs these is not all that there is to tag.
NEEDED_BY_ALL = {"GetCallerIdentity", "GetRole", "GetUser", "Query", "DescribeTags", "CreateTags", "ChangeMessageVisibilityBatch"}
# Each row has a queue of its own, in a Region of its own.
REGIONS = ["eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2", "us-west-1",
           "us-west-2", "ca-central-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1",
           "ap-southeast-2", "sa-east-1", "eu-central-2", "eu-south-2", "ca-west-1", "me-south-1", "me-central-1", "af-south-1",
           "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "il-central-1", "mx-central-1", "ap-southeast-5"]


class Row:
    """All faults of one call."""

    def __init__(self, nth, call, make):
        self.nth, self.call, self.make, self.operation = nth, call, make, call.split(":")[1]
        self.region, self.proxy = REGIONS[nth], Unreliable(WORLD.moto.url)
        env = {"ALSO_TAG": "s3:object"}
        self.mapping = Mapping(WORLD.c, self.proxy.url, seconds=SECONDS, env=env, region=self.region)
        self.injected, self.lost, self.seconds = 0, 0, 0

    def run(self):
        cells, wrong = [], []
        for fault in FAULTS:
            try:
                cells.append(self.cell(fault))
            except AssertionError as error:
                wrong.append(str(error))
        self.mapping.stop()
        return cells, wrong

    def cell(self, fault):
        """What happens to the event with this fault; what differs from that it should be is an error."""
        if fault == "partial" and self.operation not in PARTIAL:
            return "–"
        mapping, made = self.mapping, self.make(WORLD, f"{self.nth}-{FAULTS.index(fault)}")
        other = None if self.operation in NEEDED_BY_ALL else volume(WORLD, f"{self.nth}-{FAULTS.index(fault)}-other")
        mapping.send(made.events + (other.events if other else []))
        messages = mapping.receive()
        # A new process knows nothing: it makes the call.
        mapping.restart()
        before, lines = len(self.proxy.injected), len(mapping.lines)
        self.proxy.faults = {self.operation: fault, **({"TagResource": "denied"} if self.operation == "SendMessage" else {})}
        started = time.monotonic()
        left = mapping.invoke(mapping.functions[0], messages)
        self.seconds = max(self.seconds, time.monotonic() - started)
        self.proxy.faults = {}
        self.injected += sum(operation == self.operation for operation, _ in self.proxy.injected[before:])
        what = f"{self.call} {fault}"
        assert len(self.proxy.injected) > before, f"{what}: the fault was not injected"
        assert not mapping.late and not mapping.failed, f"{what}: no answer before the deadline"
        assert other is None or other.is_tagged(), f"{what}: what does not need the call is not tagged at once"
        dead = mapping.receive(mapping.dead)
        said = self.said(made, lines, what)
        if left:
            unfinished = [line for line in said if "unfinished" in line]
            # A dead letter whose receipt got lost was sent, perhaps more than once: an event may come twice.
            assert unfinished and (not dead or self.operation == "SendMessage"), f"{what}: {said}"
            for message in dead:
                mapping.sqs.delete_message(QueueUrl=mapping.dead, ReceiptHandle=message["ReceiptHandle"])
            result = "again" if all("againInSeconds" in line for line in unfinished) else "stays"
            again = left
        elif dead:
            result = f"given up: {dead[0]['MessageAttributes']['AwsTagsReason']['StringValue']}"
            for message in dead:
                mapping.sqs.change_message_visibility(QueueUrl=mapping.dead, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
            command = [COMMAND, "redrive", "--yes", "--wait", "0", "--region", self.region]
            env = {**os.environ, **client_env(WORLD.moto.url)}
            done = subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            assert done.returncode == 0 and result.removeprefix("given up: ") in done.stdout, done
            again = mapping.receive()
        else:
            result, again = "at once", []
        if again and self.operation == "ChangeMessageVisibilityBatch":
            # Its record comes.
            WORLD.record(made)
        if again:
            left = mapping.invoke(mapping.functions[0], again)
            assert not left, f"{what}: {mapping.lines[-1]}"
        if not made.is_tagged():
            self.lost += 1
            raise AssertionError(f"{what}: lost: {made.read()}, not {made.wanted}: {said}")
        return result

    def said(self, made, lines, what):
        """The function's log of the events, one line each."""
        ids = {event["detail"]["eventID"] for event in made.events}
        end = time.monotonic() + 5
        while time.monotonic() < end:
            found = [line for line in self.mapping.lines[lines:] if line.get("eventID") in ids]
            if len(found) == len(ids):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what}: not one log line for each event: {found}")


def table(rows):
    """The table of infra/README.md."""
    lines = [f"| | {' | '.join(FAULTS)} |", "|---" * (len(FAULTS) + 1) + "|"]
    return "".join(f"{line}\n" for line in lines + [f"| `{call}` | {' | '.join(row)} |" for call, row in rows])


class Faults(unittest.TestCase):
    maxDiff = None

    def test_every_call_of_the_tag_handler_may_fail(self):
        rows = [Row(nth, *call) for nth, call in enumerate(CALLS)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            cells, wrong = zip(*pool.map(Row.run, rows))
        injected, lost = sum(row.injected for row in rows), sum(row.lost for row in rows)
        say(f"tag-handler: {injected} faults of {len(rows)} calls injected, {lost} resources lost; "
            f"the longest invocation took {max(row.seconds for row in rows):.1f} s of {SECONDS} s")
        self.assertEqual([], [text for texts in wrong for text in texts])
        with open(README, encoding="utf-8") as file:
            old = file.read()
        new = TABLE.sub(lambda found: found[1] + table([(row.call, line) for row, line in zip(rows, cells)]) + found[2], old)
        if "WRITE" in os.environ:
            with open(README, "w", encoding="utf-8") as file:
                file.write(new)
            return
        self.assertEqual(TABLE.search(new)[0], TABLE.search(old)[0], "infra/README.md is out of date: run `make faults`")

    def test_every_call_of_the_session_recorder_may_fail(self):
        proxy, injected = Unreliable(WORLD.moto.url), 0
        mapping = Mapping(WORLD.c, proxy.url, "session-recorder", seconds=SECONDS, names=("s", "s-dead"))
        self.addCleanup(mapping.stop)
        for fault in FAULTS[:-1]:
            with self.subTest(fault):
                session = WORLD.session(f"recorded-{FAULTS.index(fault)}", recorded=False)
                mapping.send([session.event])
                messages = mapping.receive()
                proxy.faults = {"PutItem": fault}
                left = mapping.invoke(mapping.functions[0], messages)
                proxy.faults = {}
                self.assertEqual((mapping.late, mapping.failed), (0, 0))
                dead = mapping.receive(mapping.dead)
                if dead:
                    self.assertNotIn(session.event["detail"]["responseElements"]["credentials"].get("sessionToken"), [None])
                    self.assertNotIn('"sessionToken"', dead[0]["Body"])
                    self.assertEqual(dead[0]["MessageAttributes"]["AwsTagsReason"]["StringValue"], "denied")
                    mapping.send([json.loads(dead[0]["Body"])])
                    mapping.sqs.delete_message(QueueUrl=mapping.dead, ReceiptHandle=dead[0]["ReceiptHandle"])
                    left = mapping.receive()
                self.assertEqual(bool(left), fault != "slow", "each other fault keeps it from being stored at once")
                self.assertEqual(left and mapping.invoke(mapping.functions[0], left), [])
                items = WORLD.c("dynamodb").query(
                    TableName=local_aws.TABLE, KeyConditionExpression="caller = :c",
                    ExpressionAttributeValues={":c": {"S": f"{ACCOUNT}#{session.id}"}})["Items"]
                self.assertEqual(len(items), 1)
                injected += 1
        say(f"session-recorder: {len(proxy.injected)} faults injected, {len(FAULTS) - 1 - injected} sessions lost")

    def test_sessions_are_stored_side_by_side(self):
        proxy = Unreliable(WORLD.moto.url)
        mapping = Mapping(WORLD.c, proxy.url, "session-recorder", seconds=SECONDS, names=("side", "side-dead"))
        self.addCleanup(mapping.stop)
        sessions = [WORLD.session(f"beside-{n}", recorded=False) for n in range(10)]
        proxy.faults = {"PutItem": "slow"}
        started = time.monotonic()
        answer = mapping.functions[0].invoke(local_aws.batch([session.event for session in sessions]))
        self.assertEqual(answer, {"batchItemFailures": []})
        self.assertLess(time.monotonic() - started, 8, "not twenty seconds")


class Later(unittest.TestCase):
    def test_what_is_put_off_comes_when_it_is_due_and_not_after_the_visibility_timeout(self):
        mapping = Mapping(WORLD.c, WORLD.moto.url, names=("later", "later-dead"))
        self.addCleanup(mapping.stop)
        at = now() - datetime.timedelta(minutes=14, seconds=50)
        young = Session(WORLD.c, WORLD.role, "due", at=at)
        mapping.send(volume(WORLD, "due", identity=young.identity).events)
        self.assertEqual(len(mapping.invoke(mapping.functions[0], mapping.receive())), 1)
        self.assertEqual(mapping.receive(), [], "it is hidden")
        end = time.monotonic() + 60
        while not (again := mapping.receive(wait=1)) and time.monotonic() < end:
            pass
        self.assertEqual(len(again), 1, "about half a minute, not 190 s")
        self.assertEqual(mapping.invoke(mapping.functions[0], again), [])


class Heartbeats(unittest.TestCase):
    def test_one_that_cannot_be_stored_is_no_dead_letter(self):
        proxy = Unreliable(WORLD.moto.url)
        mapping = Mapping(WORLD.c, proxy.url, "session-recorder", names=("beats", "beats-dead"))
        self.addCleanup(mapping.stop)
        mapping.send([{"eventSource": "heartbeat.aws-tags", "eventName": "Heartbeat", "eventTime": iso(now()), "awsRegion": REGION}])
        proxy.faults = {"PutItem": "denied"}
        self.assertEqual(mapping.invoke(mapping.functions[0], mapping.receive()), [])
        self.assertEqual((sum(mapping.count()), sum(mapping.count(mapping.dead))), (0, 0))


class ARecorderThatWasDown(unittest.TestCase):
    """Events of that time wait, and get their session tags without an operator."""

    def setUp(self):
        self.proxy = Unreliable(WORLD.moto.url)
        self.mapping = Mapping(WORLD.c, self.proxy.url, env={"RECORDER_REGIONS": REGION}, names=("down", "down-dead"))
        self.addCleanup(self.mapping.stop)

    def deliver(self, messages):
        # A new process remembers no heartbeat.
        self.mapping.restart()
        return self.mapping.invoke(self.mapping.functions[0], messages)

    def beat(self, at=None):
        event = {"eventSource": "heartbeat.aws-tags", "eventName": "Heartbeat", "eventTime": iso(at or now()), "awsRegion": REGION}
        self.assertEqual(WORLD.recorder.functions[0].invoke(local_aws.batch([event])), {"batchItemFailures": []})

    def test_events_wait_until_it_has_kept_up(self):
        sessions = [WORLD.session(name, recorded=False) for name in ("was-down", "never-there")]
        made = [volume(WORLD, name, identity=session.identity) for name, session in zip(("w", "n"), sessions)]
        self.mapping.send([one.events[0] for one in made])
        waiting = self.deliver(self.mapping.receive())
        self.assertEqual(len(waiting), 2)
        lines = [line for line in self.mapping.lines if "unfinished" in line]
        self.assertTrue(all("has not kept up" in line["unfinished"][0] and line["againInSeconds"] for line in lines), lines)
        self.assertEqual([one.read()[0].get("Owner") for one in made], [session.arn for session in sessions], "Owner at once")
        # It is mended: what waited in its queue is recorded, and its heartbeat after that.
        made[0].session = sessions[0]
        WORLD.record(made[0])
        self.assertEqual(len(self.deliver(waiting)), 1, "the one that is recorded now needs no heartbeat")
        self.beat()
        self.assertEqual(self.deliver([message for message in waiting if made[1].events[0]["detail"]["eventID"] in message["Body"]]), [])
        self.assertEqual([one.read()[0].get("Person") for one in made], ["ann", None])


    def test_the_tag_handler_says_that_it_is_behind(self):
        """At each heartbeat of its own: its template's alarm is on `RecordersBehind`."""
        for at, behind in ((now() - datetime.timedelta(minutes=11), 1), (now(), 0)):
            self.beat(at)
            self.mapping.send([{"eventSource": "heartbeat.aws-tags", "eventName": "Heartbeat", "eventTime": iso(now()), "awsRegion": REGION}])
            seen = len(self.mapping.lines)
            self.assertEqual(self.deliver(self.mapping.receive()), [])
            lines = self.mapping.lines[seen:]
            self.assertEqual(sum(line.get("RecordersBehind", 0) for line in lines), behind, lines)
            (beat,) = (line for line in lines if line.get("outcome") == "heartbeat")
            self.assertEqual("has recorded nothing since" in (beat["reason"] or ""), bool(behind))

    def test_every_event_of_an_hour_gets_its_session_tags(self):
        minutes = range(5, 65, 5)
        began = {m: now() - datetime.timedelta(minutes=m) for m in minutes}
        sessions = {m: Session(WORLD.c, WORLD.role, f"hour-{m}", [("Person", f"p{m}")], at=at) for m, at in began.items()}
        self.beat(now() - datetime.timedelta(minutes=65))
        made = {m: volume(WORLD, f"h{m}", identity=session.identity) for m, session in sessions.items()}
        for m, one in made.items():
            at = iso(began[m] + datetime.timedelta(seconds=30))
            one.events[0]["time"] = one.events[0]["detail"]["eventTime"] = at
        self.mapping.send([one.events[0] for one in made.values()])
        waiting = []
        while some := self.mapping.receive():
            left = self.deliver(some)
            self.assertEqual(len(left), len(some), "none is given up, however old")
            waiting += left
        self.assertEqual(len(waiting), len(minutes))
        self.assertEqual([one.read()[0].get("Person") for one in made.values()], [None] * len(minutes))
        # It is mended: what waited in its queue is recorded, and then its heartbeat.
        records = [session.event for session in sessions.values()]
        self.assertEqual(WORLD.recorder.functions[0].invoke(local_aws.batch(records)), {"batchItemFailures": []})
        self.beat()
        for start in range(0, len(waiting), 10):
            self.assertEqual(self.deliver(waiting[start:start + 10]), [])
        self.assertEqual([one.read()[0].get("Person") for one in made.values()], [f"p{m}" for m in minutes])
        self.assertEqual(sum(self.mapping.count(self.mapping.dead)), 0)


def setUpModule():
    global WORLD
    WORLD = World()
