"""`aws-tags backfill --athena-sql`: its queries, run by another engine, end in the reduction of a scan, record for record."""
import copy
import datetime
import gzip
import json
import os
import random
import re
import subprocess
import tempfile
import unittest
import uuid

from local_aws import ACCOUNT, COMMAND, ROOT, lines, load, read, tool
from records import iso

BUCKET, ORG, PREFIX, OTHER_ACCOUNT = "org-trail", "o-exampleorgid", "logs", "444455556666"
REGIONS = ("eu-west-1", "us-east-1")
SINCE, UNTIL = datetime.datetime(2025, 11, 28, tzinfo=datetime.timezone.utc), datetime.datetime(2026, 1, 3, 23, 59, 59, tzinfo=datetime.timezone.utc)
DEPLOYS = ("CancelUpdateStack", "ContinueUpdateRollback", "CreateChangeSet", "CreateStack", "DeleteStack", "ExecuteChangeSet", "RollbackStack",
           "UpdateStack")
SECRET = "FwoGZXIvYXdzEXAMPLETOKEN/+="


class Trail:
    """An organisation's trail on disk, and which of its records matter."""

    def __init__(self, folder, seed=1):
        self.folder, self.random = folder, random.Random(seed)
        self.files, self.matter = {}, {}

    def add(self, record, matters, day=None, copies=1, account=ACCOUNT, region=None):
        """A record, in the folder of the day on which it was delivered."""
        record = copy.deepcopy(record)
        at = SINCE + (UNTIL - SINCE) * self.random.random() if day is None else day
        region = region or self.random.choice(REGIONS)
        record.update(eventID=str(uuid.UUID(int=self.random.getrandbits(128))), eventTime=iso(at), awsRegion=region, recipientAccountId=account)
        if matters:
            self.matter[record["eventID"]] = json.loads(re.sub(r'"sessionToken": "[^"]*"', '"sessionToken": ""', json.dumps(record)))
        delivered = at + datetime.timedelta(minutes=self.random.choice((3, 15)))
        for nth in range(copies):
            self.files.setdefault((account, region, delivered.strftime("%Y/%m/%d"), nth), []).append(record)

    def write(self):
        for (account, region, day, nth), records in self.files.items():
            folder = os.path.join(self.folder, BUCKET, PREFIX, "AWSLogs", ORG, account, "CloudTrail", region, day)
            os.makedirs(folder, exist_ok=True)
            name = f"{account}_CloudTrail_{region}_{day.replace('/', '')}T0000Z_{nth:016}.json.gz"
            with gzip.open(os.path.join(folder, name), "wt", encoding="utf-8") as file:
                json.dump({"Records": records}, file)


def event_files():
    """The example events of this repository, one for each row of the table and more."""
    for folder, _, names in os.walk(os.path.join(ROOT, "events")):
        for name in sorted(names):
            if name.endswith(".json"):
                event = json.loads(read(os.path.join(folder, name)))
                if "detail" in event:
                    yield event["detail"]


def fill(trail, creating):
    """Every kind of record that there is."""
    for record in event_files():
        dateless = re.sub(r"(\d{8}(v\d+)?|\d{4}_\d\d_\d\d)$", "", record["eventName"])
        is_creation = (record["eventSource"], dateless) in creating
        is_session = record["eventSource"] == "sts.amazonaws.com" and record["eventName"] in (
            "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken")
        if record.get("errorCode") or record.get("eventCategory") not in (None, "Management", "Data"):
            continue
        ending = record["eventName"].startswith(("Delete", "Terminate")) and not record.get("readOnly")
        is_deploy = record["eventSource"] == "cloudformation.amazonaws.com" and record["eventName"] in DEPLOYS
        trail.add(record, is_creation or is_session or ending or is_deploy, copies=trail.random.choice((1, 1, 1, 2)))
    queue, volume, role = (load(name)["detail"] for name in ("sqs/CreateQueue", "ec2/CreateVolume", "sts/AssumeRole"))
    odd = {"name": "it's {a=b}, \"q\" \\ \u2028 ü 日本 </script>", "n": 12345678901234567890, "f": 0.1, "deep": [{"sessionToken": SECRET}]}
    trail.add({**queue, "requestParameters": odd, "userAgent": "[x.amazonaws.com]"}, True)
    # By their time they are the day before, by their folder the day after; and beyond both ends.
    trail.add(queue, True, day=datetime.datetime(2025, 11, 30, 23, 58, tzinfo=datetime.timezone.utc))
    trail.add(queue, True, day=UNTIL - datetime.timedelta(seconds=1))
    trail.add(queue, True, day=SINCE)
    trail.add(queue, False, day=SINCE - datetime.timedelta(seconds=1))
    trail.add(queue, False, day=UNTIL + datetime.timedelta(seconds=1))
    # Another account of the organisation, and what was not asked for.
    trail.add(volume, True, account=OTHER_ACCOUNT)
    trail.add(volume, False, account="999988887777")
    trail.add(volume, False, region="sa-east-1")
    # Names with the date of their API, a source of China, a name that only begins like one that is known.
    trail.add({**queue, "eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction20150331v2"}, True)
    trail.add({**queue, "eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction2015"}, False)
    trail.add({**queue, "eventSource": "cloudfront.amazonaws.com", "eventName": "CreateDistribution2020_05_31"}, True)
    trail.add({**queue, "eventSource": "ec2.amazonaws.com.cn", "eventName": "RunInstances"}, True)
    trail.add({**queue, "eventName": "CreateQueues"}, False)
    trail.add({**queue, "eventSource": "unheard.amazonaws.com", "eventName": "DeleteThing"}, False)
    trail.add({**queue, "eventSource": "ec2.example.com", "eventName": "RunInstances"}, False)
    # Endings, and what is none.
    for source, name in (("ec2.amazonaws.com", "TerminateInstances"), ("kms.amazonaws.com", "ScheduleKeyDeletion"), ("sqs.amazonaws.com", "PurgeQueue"),
                         ("lambda.amazonaws.com", "DeleteFunction20150331"), ("ecs.amazonaws.com", "DeregisterTaskDefinition")):
        trail.add({**queue, "eventSource": source, "eventName": name, "readOnly": False, "responseElements": None}, True)
    trail.add({**queue, "eventName": "DeleteQueue", "readOnly": True}, False)
    trail.add({**queue, "eventName": "DeleteQueue", "readOnly": "true"}, False)
    trail.add({**queue, "eventName": "DeleteQueue", "errorCode": "AccessDenied"}, False)
    trail.add({**queue, "eventName": "undeletedQueue"}, False)
    # Deploys of stacks, and what is none.
    for name in DEPLOYS:
        stack = {**queue, "eventSource": "cloudformation.amazonaws.com", "eventName": name, "readOnly": False, "requestParameters": {"stackName": "web"}}
        trail.add(stack, True)
        trail.add({**stack, "errorCode": "ValidationException"}, False)
        trail.add({**stack, "eventCategory": "NetworkActivity"}, False)
    trail.add({**queue, "eventSource": "cloudformation.amazonaws.com", "eventName": "SignalResource", "readOnly": False}, False)
    trail.add({**queue, "eventSource": "cloudformation.amazonaws.com", "eventName": "UpdateStackSet", "readOnly": False}, False)
    trail.add({**queue, "eventSource": "ec2.amazonaws.com", "eventName": "UpdateStack", "readOnly": False}, False)
    # Calls that failed, and records that are none of calls.
    trail.add({**queue, "errorCode": "AccessDenied", "responseElements": None}, False)
    trail.add({**queue, "errorCode": None, "errorMessage": None}, True)
    trail.add({**queue, "eventCategory": "NetworkActivity"}, False)
    trail.add({**queue, "eventCategory": "Data"}, True)
    # Sessions of every kind, and what else STS does.
    credentials = {**role["responseElements"], "credentials": {"accessKeyId": "ASIAX", "sessionToken": SECRET, "expiration": "x"}}
    oidc = {"federatedProvider": "arn:aws:iam::1:oidc-provider/a.b", "attributes": {"Sub-Ject": "Mixed", "aud": "x"}}
    identity = {"type": "WebIdentityUser", "principalId": "a.b:x", "userName": "repo:x", "identityProvider": "a.b",
                "sessionContext": {"sourceIdentity": "Ann", "webIdFederationData": oidc, "ec2RoleDelivery": "2.0",
                                   "attributes": {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "true"}}}
    for name in ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken"):
        trail.add({**role, "eventName": name, "responseElements": credentials, "readOnly": True, "userIdentity": identity}, True)
    trail.add({**role, "eventName": "GetCallerIdentity", "responseElements": None}, False)
    trail.add({**role, "errorCode": "AccessDenied", "responseElements": None}, False)
    # A text that looks like a record, in one that does not matter.
    forged = {"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "eventID": "forged"}
    trail.add({**queue, "eventName": "GetQueueUrl", "readOnly": True, "requestParameters": {"a": json.dumps(forged), "Records": [forged]}}, False)


def plain(value):
    """A record without what is null: Athena does not tell that from what is not there."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


class Athena(unittest.TestCase):
    maxDiff = None

    def reduce(self, name, *sources):
        path = os.path.join(self.folder.name, name)
        filters = ["--since", iso(SINCE), "--until", iso(UNTIL), "--accounts", f"{ACCOUNT},{OTHER_ACCOUNT}", "--regions", ",".join(REGIONS)]
        done = subprocess.run([COMMAND, "backfill", "--reduce-only", path, *filters, *sources], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        print(done.stdout, end="")
        text = read(path)
        self.assertNotIn(SECRET, text)
        found = {record["eventID"]: record for record in lines(text)}
        self.assertEqual(len(found), text.count("\n"), "each once")
        return found

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_rows_of_athena_are_the_reduction_of_a_scan_record_for_record(self):
        trail = Trail(self.folder.name)
        services = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True).stdout
        creating = {(row["eventSource"], row["eventName"]) for row in lines(services) if row["resourceType"]}
        fill(trail, creating)
        trail.write()
        scanned = self.reduce("scanned.jsonl", os.path.join(self.folder.name, BUCKET))
        sql = os.path.join(self.folder.name, "athena.sql")
        command = [COMMAND, "backfill", "--athena-sql", "--bucket", BUCKET, "--prefix", PREFIX, "--org", ORG, "--to", "s3://rows/aws-tags",
                   "--accounts", f"{ACCOUNT},{OTHER_ACCOUNT}", "--regions", ",".join(REGIONS), "--since", iso(SINCE), "--until", iso(UNTIL)]
        with open(sql, "w", encoding="utf-8") as file:
            subprocess.run(command, check=True, stdout=file)
        rows = os.path.join(self.folder.name, "athena")
        script = os.path.join(ROOT, "tests", "support", "athena.py")
        subprocess.run([os.path.join(tool("sql"), "python"), script, sql, self.folder.name, rows], check=True)
        asked = self.reduce("asked.jsonl", os.path.join(rows, "rows"))
        self.assertEqual(asked.keys(), scanned.keys())
        for one, record in scanned.items():
            self.assertEqual(plain(asked[one]), plain(record))
        # And both are what was put there.
        known = scanned.keys() - trail.matter.keys()
        self.assertEqual([trail.matter[one]["eventName"] for one in trail.matter.keys() - scanned.keys()], [])
        self.assertEqual([scanned[one]["eventName"] for one in known], [])
        for one, record in trail.matter.items():
            self.assertEqual(scanned[one], record)


if __name__ == "__main__":
    unittest.main()
