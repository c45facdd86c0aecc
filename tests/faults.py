#!/usr/bin/env python3
"""Every AWS call of the functions on a bad day: throttled, failing, reset, silent, slow, denied. The built binaries run under a
Lambda Runtime API with a deadline, and a proxy injects the fault between them and a local AWS.

Each time the function answers before its deadline, what does not need the call is tagged at once, and the rest is answered as
failed and tagged when it comes again. infra/README.md has the result as a table, which `--write` writes.
"""
import datetime
import json
import os
import re
import sys
import time
import unittest

import local_aws
from local_aws import ACCOUNT, REGION, ROOT, TARGET, client_env, say

local_aws.with_boto3()

import kinds  # noqa: E402
from kinds import ec2_arn, ec2_tags  # noqa: E402
from records import Session, creation, now  # noqa: E402
from runtime_api import Function  # noqa: E402
from stack import Stack, build  # noqa: E402

# Seconds that Lambda gives the function here: fewer than a silent call takes to be given up for good.
SECONDS = 8
FAULTS = {
    "throttled": {"error": {"code": "ThrottlingException", "status": 400}},
    "500": {"error": {"code": "InternalFailure", "status": 500}},
    "reset": {"reset": True},
    "silent": {"timeout_ms": 60000},
    "slow": {"latency": 2000},
    "denied": {"error": {"code": "AccessDeniedException", "status": 403}},
}
# What is created, and the call whose fault is tried.
CALLS = [("ec2/CreateVolume", "DescribeTags"), ("ec2/CreateVolume", "CreateTags"), ("sns/CreateTopic", "ListTagsForResource"),
         ("sns/CreateTopic", "TagResource"), ("sns/CreateTopic two", "TagResources"), ("sqs/CreateQueue", "GetQueueAttributes"),
         ("ec2/RunInstances", "DescribeInstances"), ("ec2/RunInstances", "DescribeVolumes"), ("ec2/CreateVolume role", "GetRole"),
         ("ec2/CreateVolume session", "Query")]
README = os.path.join(ROOT, "infra", "README.md")
TABLE = re.compile("(<!-- written by tests/faults.py -->\n).*?(<!-- end -->\n)", re.DOTALL)


def table(rows):
    """The table of infra/README.md."""
    lines = [f"| | {' | '.join(FAULTS)} |", "|---" * (len(FAULTS) + 1) + "|"]
    return "".join(f"{line}\n" for line in lines + [f"| `{call}` | {' | '.join(row)} |" for call, row in rows])


class Faults(unittest.TestCase):
    def function(self, name="tag-handler"):
        function = Function(os.path.join(TARGET, "debug", name), client_env(STACK.faults.url), SECONDS)
        self.addCleanup(function.stop)
        return function

    def made(self, what, n):
        """Creates something in a session of its own; returns the events, and a function that tells whether all is tagged."""
        name, _, more = what.partition(" ")
        role = STACK.make_role(f"role-{n}", {"Squad": "t"}) if more == "role" else STACK.role
        session = Session(STACK.c, role, f"s-{n}", [("Person", "ann")], at=now() - datetime.timedelta(minutes=20))
        STACK.record(session)
        tagged = {"Owner": session.arn, "Person": "ann"}
        if name == "sns/CreateTopic":
            arns = [STACK.c("sns").create_topic(Name=f"t-{n}-{part}")["TopicArn"] for part in range(2 if more else 1)]
            read = lambda: [kinds.topic_tags(STACK.c, arn) for arn in arns]
        elif name == "sqs/CreateQueue":
            url = STACK.c("sqs").create_queue(QueueName=f"q-{n}", tags={"a": "tag of another's"})["QueueUrl"]
            arns = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:q-{n}"]
            read = lambda: [STACK.c("sqs").list_queue_tags(QueueUrl=url)["Tags"]]
        elif name == "ec2/RunInstances":
            instance = kinds.instance(STACK.c, STACK.net)
            arns = [ec2_arn("instance", instance["InstanceId"])]
            volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"] if instance.get("BlockDeviceMappings") else None
            read = lambda: [ec2_tags(STACK.c, arns[0]), ec2_tags(STACK.c, f"x/{volume or self.volume_of(instance)}")]
        else:
            arns = [ec2_arn("volume", kinds.volume(STACK.c, STACK.net))]
            read = lambda: [ec2_tags(STACK.c, arns[0])]
        events = [creation(name, arn, session.identity) for arn in arns]
        if name == "ec2/RunInstances":
            items = events[0]["detail"]["responseElements"]["instancesSet"]["items"]
            del items[1:]
            items[0].pop("networkInterfaceSet", None)
        return events, lambda: all(tagged.items() <= tags.items() for tags in read())

    @staticmethod
    def volume_of(instance):
        of = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
        return STACK.c("ec2").describe_volumes(Filters=of)["Volumes"][0]["VolumeId"]

    def test_every_call_of_the_tag_handler_may_fail(self):
        injected, lost, rows = 0, 0, []
        for nth, (what, call) in enumerate(CALLS):
            row = []
            for fault, rule in FAULTS.items():
                with self.subTest(call, fault=fault):
                    function = self.function()
                    events, is_tagged = self.made(what, f"{nth}-{fault}")
                    other = ec2_arn("volume", kinds.volume(STACK.c, STACK.net))
                    unharmed = call in ("ListTagsForResource", "TagResource", "TagResources", "GetQueueAttributes")
                    events += [creation("ec2/CreateVolume", other, STACK.session.identity)] if unharmed else []
                    before = STACK.faults.fired()
                    STACK.faults.tell({"service": "*", "operation": call, **rule})
                    started = time.monotonic()
                    answer = function.invoke(local_aws.batch(events))
                    seconds = time.monotonic() - started
                    new = [one for one in STACK.faults.fired() if one not in before]
                    injected += len(new)
                    STACK.faults.tell()
                    self.assertTrue(new, "the fault was injected")
                    self.assertLess(seconds, SECONDS, "it answers before its deadline")
                    again = [int(item["itemIdentifier"]) for item in answer["batchItemFailures"]]
                    if unharmed:
                        self.assertNotIn(len(events) - 1, again)
                        self.assertEqual(ec2_tags(STACK.c, other)["Person"], "ann", "what does not need the call is tagged")
                    if again:
                        answer = function.invoke(local_aws.batch([events[n] for n in again]))
                        self.assertEqual(answer["batchItemFailures"], [])
                    lost += not is_tagged()
                    self.assertTrue(is_tagged())
                    row.append("again" if again else "at once")
            rows.append((call, row))
        say(f"tag-handler: {injected} faults injected, {lost} resources lost")
        with open(README, encoding="utf-8") as file:
            old = file.read()
        new = TABLE.sub(lambda found: found[1] + table(rows) + found[2], old)
        if WRITE:
            with open(README, "w", encoding="utf-8") as file:
                file.write(new)
            return
        self.assertEqual(TABLE.search(new)[0], TABLE.search(old)[0], "infra/README.md is out of date: run tests/faults.py --write")

    def test_every_call_of_the_session_recorder_may_fail(self):
        for fault, rule in FAULTS.items():
            with self.subTest(fault):
                recorder = self.function("session-recorder")
                session = Session(STACK.c, STACK.role, f"recorded-{fault}", [("Person", "rita")])
                STACK.faults.tell({"service": "*", "operation": "PutItem", **rule})
                started = time.monotonic()
                answer = recorder.invoke(local_aws.batch([session.event]))
                self.assertLess(time.monotonic() - started, SECONDS)
                STACK.faults.tell()
                if answer["batchItemFailures"]:
                    answer = recorder.invoke(local_aws.batch([session.event]))
                self.assertEqual(answer, {"batchItemFailures": []})
                items = STACK.c("dynamodb").query(
                    TableName=local_aws.TABLE, KeyConditionExpression="caller = :c",
                    ExpressionAttributeValues={":c": {"S": f"{ACCOUNT}#{session.id}"}})["Items"]
                self.assertEqual(len(items), 1)

    def test_sessions_are_stored_side_by_side(self):
        sessions = [Session(STACK.c, STACK.role, f"beside-{n}", [("Person", "rita")]) for n in range(10)]
        STACK.faults.tell({"service": "*", "operation": "PutItem", "latency": 1000})
        recorder = self.function("session-recorder")
        started = time.monotonic()
        answer = recorder.invoke(local_aws.batch([session.event for session in sessions]))
        STACK.faults.tell()
        self.assertEqual(answer, {"batchItemFailures": []})
        self.assertLess(time.monotonic() - started, 5, "not ten seconds")

    def test_without_the_account_an_invocation_fails_in_time(self):
        STACK.faults.tell({"service": "*", "operation": "GetCallerIdentity", "timeout_ms": 60000})
        function = self.function()
        started = time.monotonic()
        function.api.payloads.put(local_aws.batch([creation("sns/CreateTopic", f"arn:aws:sns:{REGION}:{ACCOUNT}:x", STACK.session.identity)]))
        how, answer = function.api.answers.get(timeout=60)
        STACK.faults.tell()
        self.assertEqual(how, "error", answer)
        self.assertLess(time.monotonic() - started, SECONDS)


def setUpModule():
    global STACK
    build()
    STACK = Stack("faults", local_aws.moto())


def tearDownModule():
    STACK.faults.tell()


WRITE = "--write" in sys.argv

if __name__ == "__main__":
    sys.argv = [one for one in sys.argv if one != "--write"]
    unittest.main(verbosity=2)
