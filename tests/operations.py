#!/usr/bin/env python3
"""The built command in a local AWS: `aws-tags doctor` on an installation with every possible fault, one at a time,
and `aws-tags redrive` on dead letters of every shape."""
import datetime
import json
import os
import signal
import subprocess
import threading
import time
import unittest

import local_aws
from local_aws import ACCOUNT, COMMAND, REGION, client_env, load

local_aws.with_boto3()

import kinds  # noqa: E402
from installation import (CREATIONS, DEAD_LETTERS, FORWARDED_REGION, OTHER_REGION, SESSIONS, Installation,  # noqa: E402
                          make_queues, queue_arn)
from kinds import ec2_arn, ec2_tags  # noqa: E402
from history import History  # noqa: E402
from records import Session, creation, fresh, now  # noqa: E402
from stack import Stack, build  # noqa: E402


def env_of(url, **more):
    return {**os.environ, **client_env(url), **more}


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def supported():
    """The rows of the table, as the built command lists them."""
    out = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True).stdout
    return [row for row in lines(out) if row["resourceType"]]


class TheDoctor(unittest.TestCase):
    """Each test creates a healthy installation, breaks one thing, and expects only that finding."""

    @classmethod
    def setUpClass(cls):
        cls.moto, cls.faults = DOCTOR
        calls, actions = {}, {"dynamodb:Query", "iam:GetRole", "iam:GetUser"}
        for row in supported():
            calls.setdefault(row["eventSource"].removesuffix(".amazonaws.com"), []).append(row["eventName"])
            actions |= set(row["actions"]) if not row["optIn"] else set()
        cls.actions = actions
        # A few rules are enough.
        some = {service: sorted(set(calls[service])) for service in ("athena", "lambda", "sqs")}
        cls.here = Installation(cls.moto.url, MINISTACK.url, some)

    def setUp(self):
        self.here.make()
        self.here.allow("aws-tags-tag-handler", self.actions)
        self.here.allow("aws-tags-session-recorder", ["dynamodb:PutItem"])
        self.addCleanup(self.faults.tell)

    def doctor(self, *arguments, **env):
        command = [COMMAND, "doctor", *arguments]
        env = env_of(self.faults.url, AWS_ENDPOINT_URL_IAM=MINISTACK.url, **env)
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)

    def finds(self, severity, check, text, region=REGION, todo=""):
        done = self.doctor("--json")
        found = lines(done.stdout)
        self.assertEqual([(one["severity"], one["check"], one["region"]) for one in found], [(severity, check, region)], done)
        self.assertIn(text, found[0]["found"])
        self.assertIn(todo, found[0]["todo"])
        self.assertEqual(done.returncode, 1)

    def test_a_healthy_installation_has_no_findings(self):
        done = self.doctor("--json")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)
        done = self.doctor()
        self.assertEqual(done.returncode, 0)
        self.assertIn("All is well", done.stdout)
        self.assertIn(f"Account {ACCOUNT}, home Region {REGION}, Regions {REGION}, {OTHER_REGION}", done.stdout)
        self.assertNotIn("\x1b", done.stdout, "colours are for terminals")

    def test_a_trail_that_is_not_logging(self):
        self.here.c("cloudtrail").stop_logging(Name="main")
        found = lines(self.doctor("--json").stdout)
        self.assertEqual([(one["check"], one["region"], one["severity"]) for one in found],
                         [("trails", REGION, "error"), ("trails", OTHER_REGION, "error")])
        self.assertIn("aws cloudtrail start-logging --name main", found[0]["todo"])

    def test_a_trail_of_one_region(self):
        self.here.c("cloudtrail").update_trail(Name="main", IsMultiRegionTrail=False)
        found = lines(self.doctor("--json").stdout)
        self.assertEqual([(one["region"], one["severity"]) for one in found], [(REGION, "warning"), (OTHER_REGION, "error")])

    def test_a_trail_that_logs_no_management_events(self):
        self.here.select("All", management=False)
        self.assertIn("no management events that write", self.doctor("--regions", REGION).stdout)

    def test_a_trail_that_logs_only_write_events(self):
        self.here.select("WriteOnly")
        done = self.doctor("--regions", REGION)
        self.assertIn("AssumeRole is one", done.stdout)
        self.assertIn("errors: 0, warnings: 1, not checked: 0", done.stdout)

    def test_a_missing_session_rule_in_the_region_of_the_global_endpoint(self):
        events = self.here.c("events", OTHER_REGION)
        events.remove_targets(Rule="aws-tags-sessions", Ids=["queue"])
        events.delete_rule(Name="aws-tags-sessions")
        self.finds("error", "rules", "no rule `aws-tags-sessions`", OTHER_REGION, "aws-tags-session-recorder")

    def test_a_missing_session_rule_in_a_region_without_a_recorder(self):
        self.assertEqual(self.doctor("--json", "--regions", FORWARDED_REGION).stdout, "")
        events = self.here.c("events", FORWARDED_REGION)
        events.remove_targets(Rule="aws-tags-forwarded-sessions", Ids=["queue"])
        events.delete_rule(Name="aws-tags-forwarded-sessions")
        (found,) = lines(self.doctor("--json", "--regions", FORWARDED_REGION).stdout)
        self.assertEqual((found["severity"], found["region"]), ("error", FORWARDED_REGION))
        self.assertIn("no rule `aws-tags-forwarded-sessions`", found["found"])
        self.assertIn("aws-tags-region-forwarder", found["todo"])

    def test_a_missing_recorder(self):
        self.here.c("lambda", OTHER_REGION).delete_function(FunctionName="aws-tags-session-recorder")
        self.finds("error", "functions", "no function `aws-tags-session-recorder`", OTHER_REGION)

    def test_a_recorder_that_the_handler_waits_for(self):
        self.configure(SESSION_TABLE="aws-tags-sessions", RECORDER_REGIONS=f"{REGION},{OTHER_REGION},{FORWARDED_REGION}")
        found = {(one["check"], one["region"]) for one in lines(self.doctor("--json").stdout)}
        self.assertEqual(found, {("rules", FORWARDED_REGION), ("functions", FORWARDED_REGION), ("queues", FORWARDED_REGION)})

    def test_a_session_rule_that_never_sees_assume_role(self):
        self.here.c("events").enable_rule(Name="aws-tags-sessions")
        self.finds("error", "rules", "never sees AssumeRole", todo="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")

    def test_a_disabled_rule(self):
        self.here.c("events").disable_rule(Name="aws-tags-creations-1")
        self.finds("error", "rules", "`aws-tags-creations-1` is disabled")

    def test_a_heartbeat_that_stands_still(self):
        self.here.c("events").disable_rule(Name="aws-tags-heartbeat")
        self.finds("error", "rules", "`aws-tags-heartbeat`: it is disabled")

    def test_a_rule_without_a_target(self):
        self.here.c("events").remove_targets(Rule="aws-tags-creations-1", Ids=["queue"])
        self.finds("error", "rules", "`aws-tags-creations-1` has no target")

    def test_a_rule_whose_undelivered_events_are_lost(self):
        self.here.make_rule(REGION, "aws-tags-creations-1", "ENABLED", "athena", self.here.calls["athena"], CREATIONS,
                            DeadLetterConfig=None)
        self.finds("warning", "rules", "no dead-letter queue")

    def test_rules_of_an_older_version(self):
        self.here.make_rule(REGION, "aws-tags-creations-1", "ENABLED", "athena", ["CreateWorkGroup"], CREATIONS)
        self.finds("warning", "rules", "athena:CreateDataCatalog")

    def test_another_tagger(self):
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:AutoTag"
        self.here.make_rule(REGION, "AutoTag", "ENABLED", "ec2", [{"prefix": "Create"}, "RunInstances"], CREATIONS, Arn=arn)
        self.finds("warning", "rules", f"`AutoTag` sends creation events to {arn}", todo="another tagger")

    def test_a_missing_function(self):
        self.here.c("lambda").delete_function(FunctionName="aws-tags-tag-handler")
        self.finds("error", "functions", "no function `aws-tags-tag-handler`")

    def test_a_function_that_is_stopped(self):
        self.here.c("lambda").put_function_concurrency(FunctionName="aws-tags-tag-handler", ReservedConcurrentExecutions=0)
        self.finds("error", "functions", "reserved concurrency is 0", todo="delete-function-concurrency")

    def configure(self, **variables):
        self.here.c("lambda").update_function_configuration(FunctionName="aws-tags-tag-handler", Environment={"Variables": variables})

    def test_a_wrong_setting(self):
        self.configure(SESSION_TABLE="aws-tags-sessions", OWNER="everyone")
        self.finds("error", "functions", "OWNER is `everyone`", todo="`principal-arn`")

    def test_another_table(self):
        self.configure(SESSION_TABLE="other")
        self.finds("error", "functions", "uses the session table `other`")

    def mapping(self, **change):
        client = self.here.c("lambda")
        uuid = client.list_event_source_mappings(FunctionName="aws-tags-tag-handler")["EventSourceMappings"][0]["UUID"]
        client.update_event_source_mapping(UUID=uuid, **change) if change else client.delete_event_source_mapping(UUID=uuid)

    def test_a_queue_that_nobody_reads(self):
        self.mapping()
        self.finds("error", "functions", "does not read queue `aws-tags-creations`")

    def test_a_disabled_mapping(self):
        self.mapping(Enabled=False)
        self.finds("error", "functions", "the mapping is Disabled")

    def test_a_mapping_that_loses_single_failures(self):
        self.mapping(FunctionResponseTypes=[])
        self.finds("error", "functions", "lacks ReportBatchItemFailures")

    def test_a_missing_table(self):
        self.here.c("dynamodb").delete_table(TableName="aws-tags-sessions")
        self.finds("error", "table", "no table `aws-tags-sessions`")

    def test_a_table_without_ttl(self):
        self.here.c("dynamodb").update_time_to_live(TableName="aws-tags-sessions", TimeToLiveSpecification={
            "Enabled": False, "AttributeName": "forget_after"})
        self.finds("warning", "table", "TTL is not on for `forget_after`")

    def test_a_table_that_cannot_be_restored(self):
        self.here.c("dynamodb").update_continuous_backups(TableName="aws-tags-sessions", PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": False})
        self.finds("warning", "table", "no point-in-time recovery")

    def test_a_missing_queue(self):
        self.here.c("sqs").delete_queue(QueueUrl=self.here.urls[SESSIONS])
        self.finds("error", "queues", "no queue `aws-tags-sessions`")

    def test_a_queue_without_dead_letter_queue(self):
        self.here.c("sqs").set_queue_attributes(QueueUrl=self.here.urls[CREATIONS], Attributes={"RedrivePolicy": ""})
        self.finds("error", "queues", "`aws-tags-creations` has no dead-letter queue")

    def test_dead_letters(self):
        url, denied = self.here.urls[CREATIONS + DEAD_LETTERS], {"DataType": "String", "StringValue": "denied"}
        for attributes in ({}, {"AwsTagsReason": denied}, {"AwsTagsReason": denied}):
            self.here.c("sqs").send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=attributes)
        self.finds("warning", "queues", "dead letters in `aws-tags-creations-dead-letters`: 3 (2 denied, 1 queue)", todo="aws-tags redrive")
        self.finds("warning", "queues", "3 (2 denied, 1 queue)")

    def test_dead_letters_of_another_region(self):
        sqs = self.here.c("sqs", OTHER_REGION)
        url = sqs.create_queue(QueueName=SESSIONS + DEAD_LETTERS)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        self.finds("warning", "queues", "dead letters in `aws-tags-sessions-dead-letters`: 1", OTHER_REGION)

    def test_a_role_that_lacks_permissions(self):
        self.here.allow("aws-tags-tag-handler", self.actions - {"sns:TagResource", "iam:GetRole"})
        self.finds("error", "permissions", "does not allow iam:GetRole, sns:TagResource")

    def test_a_denied_check_is_a_finding_and_the_others_go_on(self):
        self.here.c("events").disable_rule(Name="aws-tags-creations-1")
        self.faults.tell({"service": "*", "operation": "DescribeTable",
                          "error": {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}})
        done = self.doctor("--json")
        found = {one["check"]: one for one in lines(done.stdout)}
        self.assertEqual(set(found), {"rules", "table"}, done)
        self.assertEqual(found["table"]["severity"], "unchecked")
        self.assertIn("AccessDenied", found["table"]["found"])
        self.assertIn("dynamodb:DescribeTable", found["table"]["todo"])
        self.assertEqual(done.returncode, 1)

    def test_without_credentials_nothing_can_be_checked(self):
        done = self.doctor("--endpoint-url", "http://127.0.0.1:1")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "aws-tags: cannot ask AWS at http://127.0.0.1:1 whose credentials these are: cannot connect: "
                                      "Connection refused (os error 111)\n")


class Redrive(unittest.TestCase):
    def setUp(self):
        self.sqs = STACK.c("sqs")
        self.urls = make_queues(STACK.c)
        self.dead = self.urls[CREATIONS + DEAD_LETTERS]
        self.addCleanup(STACK.faults.tell)
        self.addCleanup(lambda: [self.sqs.delete_queue(QueueUrl=url) for url in self.urls.values()])

    def redrive(self, *arguments, **env):
        return subprocess.run([COMMAND, "redrive", *arguments], env=env_of(STACK.faults.url, **env), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600)

    def volume(self):
        """The ARN and the creation event of a volume that can be tagged."""
        arn = ec2_arn("volume", kinds.volume(STACK.c, STACK.net))
        return arn, creation("ec2/CreateVolume", arn, STACK.session.identity)

    def bury(self, body, queue=None, **attributes):
        body = body if isinstance(body, str) else json.dumps(body)
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.sqs.send_message(QueueUrl=queue or self.dead, MessageBody=body, MessageAttributes=attributes)

    def count(self, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def bodies(self, url):
        """Receives and deletes all messages of a queue."""
        bodies = []
        while True:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return bodies
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def poll(self, stop):
        """Does what Lambda's poller does, with the built function."""
        url = self.urls[CREATIONS]
        while not stop.is_set():
            asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
            messages = self.sqs.receive_message(**asked).get("Messages", [])
            if messages:
                attributes = [{name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                               for name, value in m.get("MessageAttributes", {}).items()} for m in messages]
                records = [{"messageId": m["MessageId"], "body": m["Body"], "eventSource": "aws:sqs", "messageAttributes": said}
                           for m, said in zip(messages, attributes)]
                answer = STACK.lambdas.invoke("tag-handler", {"Records": records})
                failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
                for message in messages:
                    if message["MessageId"] not in failed:
                        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            time.sleep(0.1)

    def test_dead_letters_of_all_shapes_are_redriven_and_tagged(self):
        made = [self.volume() for _ in range(5)]
        bodies = [json.dumps(event, indent=n) for n, (_, event) in enumerate(made)]
        self.bury(bodies[0], RULE_ARN=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/aws-tags-creations-1",
                  TARGET_ARN=queue_arn(CREATIONS), ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="not allowed")
        self.bury(bodies[1])
        self.bury(bodies[2], RequestID="1", ErrorCode="200", ErrorMessage="throttled")
        self.bury('{"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": %s}' % bodies[3])
        self.bury(bodies[4], AwsTagsReason="denied", AwsTagsMessage="IAM tags of dev: AccessDenied: no")
        stop = threading.Event()
        poller = threading.Thread(target=self.poll, args=[stop], daemon=True)
        poller.start()
        done = self.redrive("--yes", "--json", "--wait", "300")
        stop.set()
        poller.join(60)
        rows = {row["eventID"]: row for row in lines(done.stdout)}
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual([rows[event["detail"]["eventID"]]["outcome"] for _, event in made], ["handled"] * 5)
        because = [(rows[event["detail"]["eventID"]]["givenUpBy"], rows[event["detail"]["eventID"]]["because"]) for _, event in made]
        self.assertEqual(because, [("rule", "NO_PERMISSIONS: not allowed"), ("queue", None), ("function", "200: throttled"),
                                   ("function", "RetriesExhausted"), ("function", "denied")])
        self.assertEqual(rows[made[4][1]["detail"]["eventID"]]["message"], "IAM tags of dev: AccessDenied: no")
        for arn, _ in made:
            self.assertEqual(ec2_tags(STACK.c, arn)["Person"], "ann")
        self.assertEqual(self.count(self.dead), 0)

    def test_late_events_are_settled_by_the_history(self):
        ann, bob = STACK.session, Session(STACK.c, STACK.make_role("operator", {}), "bob")
        at, sns = (lambda hours: now() - datetime.timedelta(hours=hours)), STACK.c("sns")
        topics = {name: sns.create_topic(Name=f"late-{name}")["TopicArn"] for name in ("kept", "again", "found", "first")}
        created = lambda name, who, hours: creation("sns/CreateTopic", topics[name], who.identity, at(hours))
        deleted = fresh(load("sns/CreateTopic"), at(3))["detail"]
        deleted |= {"eventName": "DeleteTopic", "requestParameters": {"topicArn": topics["again"]}, "responseElements": None}
        of_ann = {name: created(name, ann, 4) for name in topics}
        others = [created("again", bob, 2), created("found", bob, 900), created("first", bob, 1)]
        noise = [creation("sns/CreateTopic", topics["kept"] + f"-{n}", bob.identity, at(3)) for n in range(7)]
        history = History([event["detail"] for event in (*of_ann.values(), *others, *noise)] + [deleted])
        for event in of_ann.values():
            self.bury(event)
        stop = threading.Event()
        poller = threading.Thread(target=self.poll, args=[stop], daemon=True)
        poller.start()
        done = self.redrive("--yes", "--json", "--wait", "300", AWS_ENDPOINT_URL_CLOUDTRAIL=history.url)
        stop.set()
        poller.join(60)
        rows = {row["eventID"]: row for row in lines(done.stdout)}
        rows = {name: rows[event["detail"]["eventID"]] for name, event in of_ann.items()}
        self.assertEqual({name: row["outcome"] for name, row in rows.items()},
                         {"kept": "handled", "first": "handled", "again": "not ours", "found": "not ours"}, done)
        self.assertEqual((done.returncode, self.count(self.dead), history.throttled), (0, 0, 0), done.stderr)
        self.assertEqual({row["because"] for row in rows.values()}, {"late: another resource may have its name by now"})
        by = [f"{bob.arn} created by CreateTopic", f"event {others[0]['detail']['eventID']}"]
        self.assertTrue(all(text in rows["again"]["reason"] for text in by), rows["again"])
        tags = {name: kinds.topic_tags(STACK.c, arn) for name, arn in topics.items()}
        self.assertEqual({name: tags[name].get("Owner") for name in tags}, {"kept": ann.arn, "first": ann.arn, "again": None, "found": None})
        self.assertLessEqual(len(history.calls), 6, "one scan of CreateTopic and one of DeleteTopic, in pages")

    def test_without_the_history_late_events_stay(self):
        topic = STACK.c("sns").create_topic(Name="late-denied")["TopicArn"]
        self.bury(creation("sns/CreateTopic", topic, STACK.session.identity, now() - datetime.timedelta(hours=4)))
        history = History()
        history.denied = True
        done = self.redrive("--yes", "--json", "--wait", "0", AWS_ENDPOINT_URL_CLOUDTRAIL=history.url)
        row, = lines(done.stdout)
        self.assertEqual((row["outcome"], done.returncode, self.count(self.dead)), ("not sent", 1, 1), done)
        self.assertIn("cloudtrail:LookupEvents", row["reason"])

    def test_bodies_are_redriven_unchanged(self):
        body = json.dumps(fresh(load("sns/CreateTopic")), indent=3)
        self.bury('{"requestContext": {}, "requestPayload": %s}' % body)
        self.assertEqual(self.redrive("--yes", "--wait", "0").returncode, 0)
        self.assertEqual(self.bodies(self.urls[CREATIONS]), [body])

    def test_sessions_go_to_the_recorder_and_their_token_is_never_shown(self):
        event = Session(STACK.c, STACK.role, "again").event
        token = event["detail"]["responseElements"]["credentials"]["sessionToken"]
        self.bury(event)
        self.bury('{"sessionToken": "%s"}' % token)
        self.bury(token)
        shown = self.redrive("--dry-run"), self.redrive("--dry-run", "--json"), self.redrive("--yes", "--wait", "0", "--json")
        for done in shown:
            self.assertNotIn(token, done.stdout + done.stderr)
        del event["detail"]["responseElements"]["credentials"]["sessionToken"]
        self.assertEqual([json.loads(body) for body in self.bodies(self.urls[SESSIONS])], [event])
        self.assertEqual(self.bodies(self.urls[CREATIONS]), [])
        self.assertEqual(shown[2].returncode, 1, "two messages are not events")
        self.assertEqual(self.count(self.dead), 2, "and they stay")

    def test_without_yes_nothing_is_sent(self):
        self.bury(fresh(load("sns/CreateTopic")))
        done = self.redrive()
        self.assertEqual(done.returncode, 0)
        self.assertIn("1 found sns:CreateTopic given up by the queue: tried too often", done.stdout)
        self.assertIn("add --yes", done.stderr)
        self.assertEqual((self.count(self.dead), self.count(self.urls[CREATIONS])), (1, 0))
        self.assertEqual(len(self.bodies(self.dead)), 1, "it can be received at once")

    def test_an_event_that_fails_again_is_reported_so(self):
        good, bad = self.volume()[1], fresh(load("ec2/CreateVolume--omitted-response"))
        self.bury(good)
        self.bury(bad)
        stop = threading.Event()
        poller = threading.Thread(target=self.poll, args=[stop], daemon=True)
        poller.start()
        done = self.redrive("--yes", "--json", "--wait", "300")
        stop.set()
        poller.join(60)
        rows = {row["eventID"]: row["outcome"] for row in lines(done.stdout)}
        self.assertEqual(rows, {good["detail"]["eventID"]: "handled", bad["detail"]["eventID"]: "failed again"})
        self.assertEqual(done.returncode, 1)

    def test_an_event_that_nobody_receives_is_in_progress(self):
        self.bury(fresh(load("sns/CreateTopic")))
        done = self.redrive("--yes", "--json", "--wait", "3")
        self.assertEqual([row["outcome"] for row in lines(done.stdout)], ["in progress"])
        self.assertEqual(done.returncode, 0)

    def test_a_failed_send_leaves_the_dead_letter(self):
        self.bury(fresh(load("sns/CreateTopic")))
        STACK.faults.tell({"service": "*", "operation": "SendMessage", "error": {"code": "AccessDenied", "status": 403}})
        done = self.redrive("--yes", "--json")
        row, = lines(done.stdout)
        self.assertEqual((row["outcome"], done.returncode), ("not sent", 1))
        self.assertIn("AccessDenied", row["reason"])
        STACK.faults.tell()
        self.assertEqual((self.count(self.dead), self.count(self.urls[CREATIONS])), (1, 0))
        self.assertEqual(self.redrive("--yes", "--wait", "0").returncode, 0)
        self.assertEqual((self.count(self.dead), self.count(self.urls[CREATIONS])), (0, 1))

    def test_filters_select_and_the_others_stay(self):
        for name in ("sns/CreateTopic", "sqs/CreateQueue", "sqs/CreateQueue"):
            self.bury(fresh(load(name)))
        self.assertEqual(self.redrive("--yes", "--wait", "0", "--event-name", "CreateQueue", "--limit", "1").returncode, 0)
        sent, = self.bodies(self.urls[CREATIONS])
        self.assertEqual(json.loads(sent)["detail"]["eventName"], "CreateQueue")
        self.assertEqual(len(self.bodies(self.dead)), 2, "they can be received at once")

    def test_an_interrupted_run_loses_nothing_and_can_go_on(self):
        events = [fresh(load("sns/CreateTopic")) for _ in range(300)]
        for start in range(0, 300, 10):
            self.sqs.send_message_batch(QueueUrl=self.dead, Entries=[
                {"Id": str(n), "MessageBody": json.dumps(events[n])} for n in range(start, start + 10)])
        for sign in (signal.SIGKILL, signal.SIGINT):
            before = self.count(self.urls[CREATIONS])
            running = subprocess.Popen([COMMAND, "redrive", "--yes", "--wait", "0"], env=env_of(STACK.faults.url),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while running.poll() is None and self.count(self.urls[CREATIONS]) < before + 20:
                time.sleep(0.02)
            running.send_signal(sign)
            out, _ = running.communicate(timeout=600)
            self.assertGreaterEqual(self.count(self.urls[CREATIONS]) + self.count(self.dead), 300)
            self.assertGreater(self.count(self.dead), 0, "it was interrupted")
        self.assertEqual(running.returncode, 1)
        self.assertIn("interrupted", out)
        # Messages that the killed run had received stay invisible for some minutes.
        self.assertEqual(self.redrive("--yes", "--wait", "0").returncode, 0)
        self.assertLessEqual(self.count(self.dead), 10)
        self.assertGreaterEqual(self.count(self.urls[CREATIONS]) + self.count(self.dead), 300)

    def test_dead_letters_of_another_region_go_to_the_home_region(self):
        sqs = STACK.c("sqs", OTHER_REGION)
        url = sqs.create_queue(QueueName=CREATIONS + DEAD_LETTERS)["QueueUrl"]
        self.addCleanup(sqs.delete_queue, QueueUrl=url)
        event = fresh(load("sns/CreateTopic"))
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
        self.assertEqual(self.redrive("--yes", "--wait", "0").stdout, "No dead letters.\n")
        self.assertEqual(self.redrive("--yes", "--wait", "0", "--regions", OTHER_REGION).returncode, 0)
        self.assertEqual([json.loads(body) for body in self.bodies(self.urls[CREATIONS])], [event])

    def test_without_queues_there_is_nothing_to_read(self):
        done = self.redrive("--region", "eu-north-1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no queue in eu-north-1 is called `aws-tags-…-dead-letters`", done.stderr)


def setUpModule():
    global STACK, MINISTACK, DOCTOR
    build()
    MINISTACK = local_aws.ministack()
    moto = local_aws.moto()
    DOCTOR = moto, local_aws.Faults(moto)
    STACK = Stack("operations", local_aws.moto())


if __name__ == "__main__":
    unittest.main(verbosity=2)
