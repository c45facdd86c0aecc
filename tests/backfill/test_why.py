"""`aws-tags why` says of a resource who made it, where each tag comes from and what was there before: after planning, applying, changes by
others and undoing, by the journal; and by the functions' log and CloudTrail's records."""
import json
import os
import re
import subprocess
import tempfile
import unittest

import local_aws
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines
from past import Past, clients

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

    def test_what_is_not_known_or_readable_is_said(self):
        self.assertIn("nothing is known of it by any run; --log or --history may know more", self.why(TOPIC, code=1).stderr)
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
