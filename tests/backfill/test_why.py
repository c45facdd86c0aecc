"""`aws-tags why` says of a resource who made it, where each tag comes from and what was there before: after planning, applying, changes by
others and undoing, by the journal; and by the functions' log and CloudTrail's records."""
import json
import os
import re
import datetime
import subprocess
import tempfile
import time
import unittest
import zlib

import local_aws
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines, say
from lookup_events import History
from past import Past, clients
from records import iso, now
from routed import Routed

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"


def record(name, minute, **more):
    return {"eventVersion": "1.08", "eventSource": "dynamodb.amazonaws.com", "eventName": name, "awsRegion": REGION, "eventID": f"{name}-{minute}",
            "eventTime": f"2026-05-04T10:{minute:02}:00Z", "recipientAccountId": ACCOUNT,
            "userIdentity": {"type": "IAMUser", "userName": "carl", "principalId": "AIDAX", "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/carl"}, **more}


class Why(unittest.TestCase):
    def setUp(self):
        self.state = self.enterContext(tempfile.TemporaryDirectory())

    def run_it(self, *arguments):
        return subprocess.run([COMMAND, *arguments, "--state", self.state], env=env_of(MOTO.url), capture_output=True, text=True, timeout=120)

    def why(self, arn, *arguments, code=0):
        done = self.run_it("why", arn, *arguments)
        self.assertEqual(done.returncode, code, done)
        return done

    def tags(self, arn, *arguments):
        (line,) = [one for one in lines(self.why(arn, "--json", *arguments).stdout) if one["from"] == "run"]
        return line, {tag["key"]: tag for tag in line["tags"]}

    def test_a_run_tells_each_tag_from_the_plan_to_its_undoing(self):
        past = Past(CLIENTS, 20, 31)
        past.plan(self.state)
        one = next(one for one in past.made if one.foreign and len(one.planned) > 1)
        line, tags = self.tags(one.arn)
        self.assertEqual(line["event"], one.line["event"])
        self.assertEqual((line["by"], line["run"], line["state"]), (one.line["by"], "run", "add"))
        self.assertEqual({tags[key]["fate"] for key in one.planned}, {"planned"})
        self.assertEqual({tag["key"]: tag["source"] for tag in one.line["add"]}, {key: tags[key]["source"] for key in one.planned})
        self.assertEqual(self.run_it("backfill", "--resume", "run", "--apply", "--yes", "--rate", "100").returncode, 0)
        _, tags = self.tags(one.arn)
        self.assertEqual({key: tag["fate"] for key, tag in tags.items()}, {**dict.fromkeys(one.foreign, "there"), **dict.fromkeys(one.planned, "written")})
        self.assertEqual({key: tag["value"] for key, tag in tags.items()}, {**one.foreign, **one.planned})
        self.assertRegex(self.why(one.arn, "--now").stdout, r"Owner +person\d +owner +written 20\S+Z; so it is now\n")
        one.kind.put(CLIENTS, one.arn, {"Owner": "bo"})
        _, tags = self.tags(one.arn, "--now")
        self.assertEqual([tags[key]["isThereNow"] for key in ("Owner", "PrincipalId")], [False, True])
        self.assertIn("; now `bo`", self.why(one.arn, "--now").stdout)
        self.assertEqual(self.run_it("undo", "run", "--yes", "--rate", "100").returncode, 0)
        _, tags = self.tags(one.arn)
        self.assertEqual((tags["Owner"]["fate"], tags["Owner"]["now"], tags["PrincipalId"]["fate"]), ("changed", "bo", "taken-back"))
        said = self.why(one.arn).stdout
        self.assertRegex(said, rf"^{re.escape(one.arn)}\n\nRun run\n  made +2025-03-04T10:12:55Z  Create, event event-\d+\n  by +arn:aws:sts::{ACCOUNT}:assumed-role/dev/person\d\n")
        self.assertRegex(said, r"Owner +person\d +owner +written, then `bo` by somebody else, kept\n")
        self.assertRegex(said, r"Env +prod +there before us, kept\n")

    def test_what_is_gone_by_now_is_told_all_the_same(self):
        past = Past(CLIENTS, 20, 33)
        past.plan(self.state)
        one = next(one for one in past.made if one.kind.name == "sqs:queue")
        sqs = CLIENTS("sqs", one.region)
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=one.arn.rsplit(":", 1)[1])["QueueUrl"])
        done = self.run_it("why", one.arn, "--now")
        self.assertEqual((done.returncode, done.stderr), (0, f"aws-tags: {one.arn}: AWS does not find it: it is gone now\n"), done)
        self.assertEqual(done.stdout, self.why(one.arn).stdout)

    def test_the_log_tells_what_the_functions_did(self):
        path = os.path.join(self.state, "handler.log")
        line = {"timestamp": "2026-05-04T10:01:00Z", "level": "INFO", "message": "tagged", "eventID": "e-1", "eventName": "CreateTopic",
                "principal": f"arn:aws:iam::{ACCOUNT}:user/carl", "session": "none", "resources": [
                    {"arn": TOPIC, "result": "tagged", "tags": {"Owner": "owner", "Team": "iam"}, "dropped": {"Env": "present"}}]}
        with open(path, "w", encoding="utf-8") as file:
            file.write("START RequestId: 1\n" + json.dumps(line) + "\n" + json.dumps({**line, "resources": [{"arn": TOPIC + "-2"}]}) + "\n")
        said = self.why(TOPIC, "--log", path).stdout
        self.assertRegex(said, r"Log 2026-05-04T10:01:00Z\n  made +CreateTopic, event e-1\n  by +\S+user/carl\n  session +none\n  result +tagged\n  Owner +owner\n  Team +iam\n  Env +not written: present\n$")
        self.assertEqual([one["line"] for one in lines(self.why(TOPIC, "--log", path, "--json").stdout)], [line])

    def test_records_tell_each_creation_and_deletion_of_the_name(self):
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
        made = {"requestParameters": {"tableName": "orders"}, "responseElements": {"tableDescription": {"tableArn": arn, "tableName": "orders"}}}
        path = os.path.join(self.state, "records.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"Records": [
                record("CreateTable", 30, **made), record("CreateTable", 1, **made), record("CreateTable", 1, **made), record("DeleteTable", 20, requestParameters={"tableName": "orders"}),
                record("DeleteTable", 21, requestParameters={"tableName": "others"}), record("DeleteTable", 22, errorCode="Denied", requestParameters={"tableName": "orders"})]}, file)
        told = [(one["did"], one["event"]["id"], one["event"]["by"]) for one in lines(self.why(arn, "--history", path, "--json").stdout)]
        by = f"arn:aws:iam::{ACCOUNT}:user/carl"
        self.assertEqual(told, [("created", "CreateTable-1", by), ("deleted", "DeleteTable-20", by), ("created", "CreateTable-30", by)])
        self.assertRegex(self.why(arn, "--history", path).stdout, rf"Records\n  created +2026-05-04T10:01:00Z  CreateTable, event CreateTable-1, by {by}  \(")

    def told(self, arn, records):
        path = os.path.join(self.state, "records.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"Records": records}, file)
        return [(one["did"], one["event"]["name"]) for one in lines(self.why(arn, "--history", path, "--json").stdout)]

    def test_endings_are_those_of_a_plan_whatever_they_are_called(self):
        of_ec2 = {"eventSource": "ec2.amazonaws.com"}
        instance = {"items": [{"instanceId": "i-0123456789abcdef0"}]}
        for kind, id, made, ended, ends in (
                ("instance", "i-0123456789abcdef0", record("RunInstances", 1, **of_ec2, responseElements={"instancesSet": instance}),
                 "TerminateInstances", {"instancesSet": instance}),
                ("elastic-ip", "eipalloc-0123456789abcdef0", record("AllocateAddress", 1, **of_ec2, responseElements={"allocationId": "eipalloc-0123456789abcdef0"}),
                 "ReleaseAddress", {"allocationId": "eipalloc-0123456789abcdef0"}),
                ("image", "ami-0123456789abcdef0", record("CreateImage", 1, **of_ec2, responseElements={"imageId": "ami-0123456789abcdef0"}),
                 "DeregisterImage", {"imageId": "ami-0123456789abcdef0"})):
            arn = f"arn:aws:ec2:{REGION}:{'' if kind == 'image' else ACCOUNT}:{kind}/{id}"
            end = record(ended, 9, **of_ec2, requestParameters=ends)
            others = [record(ended, 7, **of_ec2, requestParameters=ends, errorCode="Client.DryRunOperation"),
                      record(ended, 8, **{**of_ec2, "awsRegion": "sa-east-1"}, requestParameters=ends)]
            self.assertEqual(self.told(arn, [end, made, *others]), [("created", made["eventName"]), ("deleted", ended)])
            # The ARN alone tells what it is, where no creation is in the records.
            self.assertEqual(self.told(arn, [end, *others]), [("deleted", ended)])
        bucket = {"eventSource": "s3.amazonaws.com", "requestParameters": {"bucketName": "logs"}}
        self.assertEqual(self.told("arn:aws:s3:::logs", [record("CreateBucket", 1, **bucket), record("DeleteBucketPolicy", 2, **bucket),
                                                         record("DeleteBucketPolicy", 3, **bucket), record("DeleteBucket", 4, **bucket)]),
                         [("created-or-found", "CreateBucket"), ("may-have-deleted", "DeleteBucketPolicy"), ("deleted", "DeleteBucket")])

    def test_the_history_is_asked_about_one_resource_in_few_calls(self):
        arn, began = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders", now() - datetime.timedelta(days=3)
        at = lambda minutes: {"eventTime": iso(began + datetime.timedelta(minutes=minutes))}
        session = {"credentials": {"accessKeyId": "ASIAANN"}, "assumedRoleUser": {"assumedRoleId": "AROADEV:ann", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ann"}}
        by = {"type": "AssumedRole", "principalId": "AROADEV:ann", "accountId": ACCOUNT, "accessKeyId": "ASIAANN", "arn": session["assumedRoleUser"]["arn"],
              "sessionContext": {"attributes": {"creationDate": iso(began)}, "sessionIssuer": {"type": "Role", "principalId": "AROADEV", "userName": "dev",
                                                                                               "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:role/dev"}}}
        made = {"requestParameters": {"tableName": "orders"}, "responseElements": {"tableDescription": {"tableArn": arn, "tableName": "orders"}}}
        noise = [record("DescribeTable", 30, **{**at(n), "eventID": f"noise-{n}"}, requestParameters={"tableName": "orders"}) for n in range(130)]
        history = History([record("AssumeRole", 1, eventSource="sts.amazonaws.com", responseElements=session, **at(0)), *noise,
                           record("CreateTable", 2, **at(5), **made), record("DeleteTable", 3, **at(9), requestParameters={"tableName": "orders"}),
                           record("CreateTable", 4, **at(12), **made, userIdentity=by)], per_page=50)
        routed = Routed(MOTO.url, {"LookupEvents": history.url})
        run = lambda *more: subprocess.run([COMMAND, "why", arn, "--state", self.state, "--in", "history", *more], env=env_of(routed.url), capture_output=True, text=True, timeout=120)
        done = run("--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        told = [(one["did"], one["event"]["id"], one.get("session", {}).get("id")) for one in lines(done.stdout)]
        self.assertEqual(told, [("created", "CreateTable-2", None), ("deleted", "DeleteTable-3", None), ("created", "CreateTable-4", "AssumeRole-1")])
        say(f"why --in history: {history.requests} calls of LookupEvents for a table with {len(history.records)} records")
        # Three pages by its name, one by its ARN, one each of two Regions for the session.
        self.assertEqual((history.requests, history.throttled), (6, 0))
        self.assertRegex(run().stdout, r"created +\S+  CreateTable, event CreateTable-4, by \S+/dev/ann  \(history\)\n  session +\S+  AssumeRole, event AssumeRole-1")
        history.records = []
        done = run()
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing is known of it by history; --log or --history may know more", done.stderr)
        history.denied = True
        done = run()
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{REGION}: cannot ask CloudTrail's history: AccessDeniedException", done.stderr)
        self.assertIn("allow yourself cloudtrail:LookupEvents", done.stderr)
        other = subprocess.run([COMMAND, "why", arn.replace(ACCOUNT, "444455556666"), "--in", "history"], env=env_of(routed.url), capture_output=True, text=True)
        self.assertIn(f"these credentials are of account {ACCOUNT}, and it is of 444455556666", other.stderr)

    def test_a_run_of_a_gigabyte_of_history_is_looked_through_in_a_tenth_of_a_second(self):
        """10,000 resources, as an archive of 1 GB has, planned and tagged, 20 a call."""
        folder, count = os.path.join(self.state, "run"), 10_000
        os.makedirs(folder)
        arn = lambda nth: f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue-with-a-name-as-long-as-others-{nth:05}"
        add = [{"key": "Owner", "value": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/ann", "source": "owner"},
               {"key": "PrincipalId", "value": "AROAEXAMPLEDEVELOPER1:ann", "source": "extra"}, {"key": "Team", "value": "payments", "source": "session"}]
        with open(os.path.join(folder, "plan.jsonl"), "w", encoding="utf-8") as file:
            for nth in range(count):
                line = {"arn": arn(nth), "type": "sqs:queue", "account": ACCOUNT, "region": REGION, "state": "add", "by": add[0]["value"], "add": add,
                        "event": {"id": f"{nth:08}-0000-4000-a000-000000000000", "time": "2025-03-04T10:12:55Z", "name": "CreateQueue"},
                        "session": {"id": f"{nth:08}-0000-4000-a000-000000000001", "time": "2025-03-04T10:00:00Z", "name": "AssumeRole", "by": add[0]["value"]}}
                file.write(json.dumps(line) + "\n")
        with open(os.path.join(folder, "journal.jsonl"), "w", encoding="utf-8") as file:
            for n, start in enumerate(range(0, count, 20), 1):
                arns = [arn(nth) for nth in range(start, start + 20)]
                begun = {"n": n, "at": "2026-05-04T10:00:00Z", "do": "tag", "account": ACCOUNT, "region": REGION, "arns": arns, "types": ["sqs:queue"] * 20,
                         "add": {tag["key"]: tag["value"] for tag in add}, "before": [{"Env": "prod"}] * 20}
                for entry in (begun, {"n": n, "done": arns}):
                    text = json.dumps(entry)[:-1]
                    file.write(f'{text},"crc":"{zlib.crc32(text.encode()):08x}"}}\n')
        took = []
        for nth in (0, count // 2, count - 1, count - 1, count - 1):
            began = time.perf_counter()
            said = self.why(arn(nth)).stdout
            took.append((time.perf_counter() - began) * 1000)
            self.assertRegex(said, r"Owner +\S+dev/ann +owner +written 2026-05-04T10:00:00Z\n")
        size = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
        say(f"why in a run of {count:,} resources, {size / 1e6:.1f} MB: {min(took):.0f} to {max(took):.0f} ms, as it is built for tests")
        self.assertLessEqual(min(took), 100)

    def test_what_is_not_known_or_readable_is_said(self):
        self.assertIn("nothing is known of it by any run; --log or --history or --in history may know more", self.why(TOPIC, code=1).stderr)
        self.assertIn("is not an ARN", self.why("orders", code=2).stderr)
        self.assertIn("none: there is no run", self.why(TOPIC, "--in", "none", code=2).stderr)
        self.assertIn("no.log", self.why(TOPIC, "--log", os.path.join(self.state, "no.log"), code=2).stderr)

    def test_hostile_values_reach_no_terminal_raw(self):
        past = Past(CLIENTS, 1, 32)
        past.made[0].line["add"][0]["value"] = "\x1b[2J\u202e"
        past.plan(self.state)
        said = self.why(past.made[0].arn).stdout
        self.assertNotIn("\x1b", said)
        self.assertIn("\\u{1b}[2J\\u{202e}", said)


def setUpModule():
    global MOTO, CLIENTS
    MOTO = local_aws.moto()
    CLIENTS = clients(MOTO.url)
