"""`aws-tags redrive` in a local AWS, on dead letters of every shape: nothing is lost, even if it is interrupted."""
import datetime
import json
import signal
import subprocess
import threading
import time
import unittest

import local_aws
import resources
from installation import (
    CREATIONS,
    DEAD_LETTERS,
    OTHER_REGION,
    SESSIONS,
    make_queues,
    queue_arn,
)
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines, load, snapshot
from lookup_events import History
from records import Session, creation, fresh, now
from resources import ec2_arn, ec2_tags
from rig import Rig


class Redrive(unittest.TestCase):
    def setUp(self):
        self.sqs = RIG.c("sqs")
        self.urls = make_queues(RIG.c)
        self.dead = self.urls[CREATIONS + DEAD_LETTERS]
        self.addCleanup(RIG.faults.tell)
        self.addCleanup(lambda: [self.sqs.delete_queue(QueueUrl=url) for url in self.urls.values()])

    def redrive(self, *arguments, **env):
        return subprocess.run([COMMAND, "redrive", *arguments], env=env_of(RIG.faults.url, **env), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600)

    def volume(self):
        """The ARN and the creation event of a volume that can be tagged."""
        arn = ec2_arn("volume", resources.volume(RIG.c, RIG.net))
        return arn, creation("ec2/CreateVolume", arn, RIG.session.identity)

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
                answer = RIG.lambdas.invoke("tag-handler", {"Records": records})
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
        done = self.redriven()
        rows = {row["eventID"]: row for row in lines(done.stdout)}
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual([rows[event["detail"]["eventID"]]["outcome"] for _, event in made], ["handled"] * 5)
        because = [(rows[event["detail"]["eventID"]]["givenUpBy"], rows[event["detail"]["eventID"]]["because"]) for _, event in made]
        self.assertEqual(because, [("rule", "NO_PERMISSIONS: not allowed"), ("queue", None), ("function", "200: throttled"),
                                   ("function", "RetriesExhausted"), ("function", "denied")])
        self.assertEqual(rows[made[4][1]["detail"]["eventID"]]["message"], "IAM tags of dev: AccessDenied: no")
        for arn, _ in made:
            self.assertEqual(ec2_tags(RIG.c, arn)["Person"], "ann")
        self.assertEqual(self.count(self.dead), 0)

    def test_late_events_are_settled_by_the_history(self):
        ann, bob = RIG.session, Session(RIG.c, RIG.make_role("operator", {}), "bob")
        at, sns = (lambda hours: now() - datetime.timedelta(hours=hours)), RIG.c("sns")
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
        tags = {name: resources.topic_tags(RIG.c, arn) for name, arn in topics.items()}
        self.assertEqual({name: tags[name].get("Owner") for name in tags}, {"kept": ann.arn, "first": ann.arn, "again": None, "found": None})
        self.assertLessEqual(len(history.calls), 6, "one scan of CreateTopic and one of DeleteTopic, in pages")

    def test_without_the_history_late_events_stay(self):
        topic = RIG.c("sns").create_topic(Name="late-denied")["TopicArn"]
        self.bury(creation("sns/CreateTopic", topic, RIG.session.identity, now() - datetime.timedelta(hours=4)))
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
        event = Session(RIG.c, RIG.role, "again").event
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
        self.assertEqual(done.returncode, 2)
        self.assertIn("1 found sns:CreateTopic given up by the queue: tried too often", done.stdout)
        self.assertIn("add --yes", done.stderr)
        self.assertEqual((self.count(self.dead), self.count(self.urls[CREATIONS])), (1, 0))
        self.assertEqual(len(self.bodies(self.dead)), 1, "it can be received at once")

    def test_what_it_prints(self):
        event = fresh(load("sns/CreateTopic"))
        known = {"EVENT": event["detail"]["eventID"], "TIME": event["detail"]["eventTime"]}
        self.bury(event, AwsTagsReason="denied", AwsTagsMessage="AccessDenied: not authorized")
        snapshot(self, "redrive-dry-run", self.redrive("--dry-run"), **known)
        snapshot(self, "redrive-dry-run-json", self.redrive("--dry-run", "--json"), **known)
        snapshot(self, "redrive-in-colour", self.redrive("--dry-run", CLICOLOR_FORCE="1"), **known)
        snapshot(self, "redrive-unasked", self.redrive(), **known)
        snapshot(self, "redrive", self.redrive("--yes", "--wait", "0"), **known)

    def redriven(self):
        """Redrives all while the function polls its queue, until each event has its outcome."""
        stop = threading.Event()
        poller = threading.Thread(target=self.poll, args=[stop], daemon=True)
        poller.start()
        done = self.redrive("--yes", "--json", "--wait", "300")
        stop.set()
        poller.join(60)
        return done

    def test_an_event_that_fails_again_is_reported_so(self):
        good, bad = self.volume()[1], fresh(load("ec2/CreateVolume--omitted-response"))
        self.bury(good)
        self.bury(bad)
        done = self.redriven()
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
        RIG.faults.tell({"service": "*", "operation": "SendMessage", "error": {"code": "AccessDenied", "status": 403}})
        done = self.redrive("--yes", "--json")
        row, = lines(done.stdout)
        self.assertEqual((row["outcome"], done.returncode), ("not sent", 1))
        self.assertIn("AccessDenied", row["reason"])
        RIG.faults.tell()
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
        for sign in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
            before = self.count(self.urls[CREATIONS])
            running = subprocess.Popen([COMMAND, "redrive", "--yes", "--wait", "0"], env=env_of(RIG.faults.url),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while running.poll() is None and self.count(self.urls[CREATIONS]) < before + 20:
                time.sleep(0.02)
            running.send_signal(sign)
            out, _ = running.communicate(timeout=600)
            self.assertGreaterEqual(self.count(self.urls[CREATIONS]) + self.count(self.dead), 300)
            self.assertGreater(self.count(self.dead), 0, "it was interrupted")
        self.assertEqual(running.returncode, 130)
        self.assertIn("interrupted", out)
        # Messages that the killed run had received stay invisible for some minutes.
        self.assertEqual(self.redrive("--yes", "--wait", "0").returncode, 0)
        self.assertLessEqual(self.count(self.dead), 10)
        self.assertGreaterEqual(self.count(self.urls[CREATIONS]) + self.count(self.dead), 300)

    def test_dead_letters_of_another_region_go_to_the_home_region(self):
        sqs = RIG.c("sqs", OTHER_REGION)
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
    global RIG
    RIG = Rig("operations", local_aws.moto())
