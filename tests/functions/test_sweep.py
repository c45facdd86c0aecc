"""The sweep: creations whose events were lost are tagged within a day, and what arrived is not handled again, whatever somebody has
done to it since. The built tag-handler takes its messages from a real queue; CloudTrail's history is a test server with its pages,
tokens and quota."""
import datetime
import json
import unittest

import local_aws
import resources
from event_source_mapping import Mapping
from lookup_events import History
from local_aws import ACCOUNT, REGION, TABLE
from records import Session, creation, iso, now
from resources import ec2_arn, ec2_tags, topic_tags
from rig import trust

AWAY = "us-east-1"
MESSAGE = {"eventSource": "sweep.aws-tags", "eventName": "Sweep", "awsRegion": REGION}


def ago(**time):
    return now() - datetime.timedelta(**time)


class World:
    def __init__(self):
        self.moto = local_aws.moto()
        self.c = local_aws.session(self.moto.url)
        local_aws.make_session_table(self.c)
        self.net = resources.Net(self.c)
        role = self.c("iam").create_role(RoleName="sweeper", AssumeRolePolicyDocument=trust())["Role"]
        self.session = Session(self.c, role, "ann", [("Person", "ann")], at=ago(hours=6))
        recorder = Mapping(self.c, self.moto.url, "session-recorder", names=("recorded", "recorded-dead"))
        assert recorder.functions[0].invoke(local_aws.batch([self.session.event])) == {"batchItemFailures": []}
        recorder.stop()


def setUpModule():
    global WORLD
    WORLD = World()


class Sweep(unittest.TestCase):
    def setUp(self):
        self.history = History(per_page=50)
        self.addCleanup(self.history.server.shutdown)
        self.forget()

    def start(self, regions=REGION, seconds=30):
        self.mapping = Mapping(WORLD.c, WORLD.moto.url, seconds=seconds, env={
            "SWEEP_REGIONS": regions, "SERVICES": "common", "CREATION_QUEUE_ARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:aws-tags-creations",
            "AWS_ENDPOINT_URL_CLOUDTRAIL": self.history.url})
        self.addCleanup(self.mapping.stop)

    # What the table has of sweeps.

    def items(self):
        found = WORLD.c("dynamodb").scan(TableName=TABLE)["Items"]
        return [item for item in found if item["caller"]["S"].startswith("#arrived#")]

    def forget(self):
        for item in self.items():
            WORLD.c("dynamodb").delete_item(TableName=TABLE, Key={key: item[key] for key in ("caller", "issued")})

    def mark(self, since=None, until=None):
        since, until = since or ago(hours=30), until or ago(hours=25)
        WORLD.c("dynamodb").put_item(TableName=TABLE, Item={
            "caller": {"S": "#arrived#"}, "issued": {"S": "sweep"}, "since": {"S": iso(since)}, "until": {"S": iso(until)}})

    # What is created, delivered and lost.

    def volumes(self, count, at=None):
        arns = [ec2_arn("volume", resources.volume(WORLD.c, WORLD.net)) for _ in range(count)]
        events = [creation("ec2/CreateVolume", arn, WORLD.session.identity, at or ago(hours=5.5)) for arn in arns]
        self.happened(events)
        return arns, events

    def happened(self, events):
        self.history.records += [event["detail"] for event in events]

    def deliver(self, events):
        self.mapping.send(events)
        self.mapping.drain(120)

    def sweep(self, message=None):
        """A sweep to its end; the log lines of its messages, and of what it sent."""
        seen = len(self.mapping.lines)
        self.mapping.send([message or {**MESSAGE, "eventTime": iso(now())}])
        self.mapping.drain(300)
        lines = [line for line in self.mapping.lines[seen:] if "outcome" in line]
        mine = [line for line in lines if line["eventSource"] == MESSAGE["eventSource"]]
        self.metrics = [line for line in self.mapping.lines[seen:] if "_aws" in line]
        return mine, [line for line in lines if line not in mine]

    def missed(self, lines):
        return sum(line.get("missed", 0) for line in lines)

    def is_tagged(self, arn):
        tags = ec2_tags(WORLD.c, arn)
        wanted = {"Owner": WORLD.session.arn, "Person": "ann"}
        self.assertIn(set(wanted) & set(tags), (set(), set(wanted)), tags)
        return wanted.items() <= tags.items()

    def test_what_no_event_brought_is_tagged_and_what_arrived_stays_as_it_is(self):
        self.start()
        self.mark()
        arns, events = self.volumes(6)
        self.deliver(events[:4])
        self.assertEqual([self.is_tagged(arn) for arn in arns], [True] * 4 + [False] * 2)
        # Somebody changes one, and takes all tags off another.
        ec2 = WORLD.c("ec2")
        ids = [arn.rsplit("/", 1)[1] for arn in arns]
        ec2.create_tags(Resources=[ids[0]], Tags=[{"Key": "Person", "Value": "bob"}])
        ec2.delete_tags(Resources=[ids[1]], Tags=[{"Key": key} for key in ec2_tags(WORLD.c, arns[1])])
        swept, handled = self.sweep()
        self.assertEqual([line["outcome"] for line in swept], ["sweep-divided", "swept"])
        self.assertEqual((swept[1]["creations"], self.missed(swept), swept[1]["isWhole"], swept[1]["region"]), (6, 2, True, REGION))
        self.assertEqual(sorted(line["eventID"] for line in handled), sorted(event["detail"]["eventID"] for event in events[4:]))
        self.assertEqual([self.is_tagged(arn) for arn in arns[2:]], [True] * 4)
        self.assertEqual(ec2_tags(WORLD.c, arns[0])["Person"], "bob")
        self.assertEqual(ec2_tags(WORLD.c, arns[1]), {}, "what was taken off stays off")
        self.assertEqual(sum(line.get("CreationsMissed", 0) for line in self.metrics), 2)
        self.assertTrue(all("Events" not in line for line in self.metrics if line.get("CreationsMissed")))
        # Again, over the same hours: nothing is left to do.
        self.mark()
        swept, handled = self.sweep()
        self.assertEqual((swept[1]["creations"], self.missed(swept), handled), (6, 0, []))
        self.assertEqual(sum(self.mapping.count(self.mapping.dead)), 0)

    def test_an_event_that_comes_again_by_itself_hides_none_of_those_it_came_with(self):
        self.start()
        self.mark()
        _, events = self.volumes(3)
        self.deliver(events)
        self.deliver([min(events, key=lambda event: event["detail"]["eventID"])])
        swept, handled = self.sweep()
        self.assertEqual((swept[1]["creations"], self.missed(swept), handled), (3, 0, []))

    def test_the_first_sweep_only_begins(self):
        self.start()
        self.volumes(1)
        swept, handled = self.sweep()
        self.assertEqual(([line["outcome"] for line in swept], handled, self.history.requests), (["sweep-begun"], [], 0))
        self.assertIn("arrivals are noted since", swept[0]["reason"])

    def test_names_are_the_last_creators(self):
        self.start()
        self.mark()
        c, at = WORLD.c, ago(hours=4)
        topic = c("sns").create_topic(Name="lost")["TopicArn"]
        again = c("sns").create_topic(Name="made-again")["TopicArn"]
        identity = WORLD.session.identity
        lost, first, second = (creation("sns/CreateTopic", arn, identity, at + datetime.timedelta(minutes=minute))
                               for minute, arn in enumerate((topic, again, again)))
        ended = json.loads(json.dumps(first))
        ended["detail"].update(eventName="DeleteTopic", eventID="ended", requestParameters={"topicArn": again}, responseElements=None,
                               eventTime=iso(at + datetime.timedelta(seconds=90)))
        self.happened([lost, first, ended, second])
        swept, handled = self.sweep()
        line = swept[-1]
        self.assertEqual((line["creations"], line["missed"], line["superseded"]), (3, 2, 1), swept)
        self.assertEqual({one["eventID"] for one in handled}, {one["detail"]["eventID"] for one in (lost, second)})
        self.assertEqual([topic_tags(c, arn).get("Owner") for arn in (topic, again)], [WORLD.session.arn] * 2)
        self.assertEqual(sum(self.mapping.count(self.mapping.dead)), 0, "nothing is left as late")

    def test_what_does_not_fit_into_an_invocation_is_sent_on(self):
        self.history.per_page = 4
        # In ten seconds there is time for one page.
        self.start(f"{REGION},{AWAY}", seconds=10)
        self.mark()
        arns, events = [], []
        for minute in range(5):
            some, those = self.volumes(3, ago(hours=5.9) + datetime.timedelta(minutes=minute))
            arns, events = arns + some, events + those
        self.deliver(events[::2])
        # One of the tokens is too old by then.
        self.history.old_tokens = {3}
        swept, handled = self.sweep()
        parts = [line for line in swept if line["outcome"] == "swept" and line["region"] == REGION]
        self.assertGreaterEqual(len(parts), 4)
        self.assertEqual([line["isWhole"] for line in parts], [False] * (len(parts) - 1) + [True])
        self.assertEqual((self.missed(swept), len(handled)), (7, 7))
        self.assertEqual([self.is_tagged(arn) for arn in arns], [True] * 15)
        self.assertEqual((self.mapping.late, self.mapping.failed), (0, 0))

    def test_it_waits_where_aws_throttles_and_says_what_it_may_not_ask(self):
        self.start()
        arns, _ = self.volumes(1)
        part = {**MESSAGE, "eventName": "SweepPart", "eventTime": iso(now()), "requestParameters": {"from": iso(ago(hours=8)), "to": iso(ago(hours=1))}}
        self.history.refused = {REGION: ("ThrottlingException", "Rate exceeded")}
        self.mapping.send([part])
        messages = self.mapping.receive()
        self.assertEqual(len(self.mapping.invoke(self.mapping.functions[0], messages)), 1)
        line = [line for line in self.mapping.lines if line.get("eventName") == "SweepPart"][-1]
        self.assertEqual((line["outcome"], "Rate exceeded" in line["unfinished"][0]), ("retry", True), line)
        # It passes, and the message comes again.
        self.history.refused = {}
        self.assertEqual(self.mapping.invoke(self.mapping.functions[0], messages), [])
        self.mapping.drain(60)
        self.assertTrue(self.is_tagged(arns[0]))
        self.history.denied = True
        swept, _ = self.sweep(part)
        self.assertEqual((swept[0]["outcome"], swept[0]["because"]), ("given-up", "denied"))
        (letter,) = self.mapping.receive(self.mapping.dead)
        self.assertIn("cloudtrail:LookupEvents", letter["MessageAttributes"]["AwsTagsMessage"]["StringValue"])

    def test_it_asks_for_nothing_but_what_it_is_set_to(self):
        self.start()
        elsewhere = {**MESSAGE, "eventName": "SweepPart", "awsRegion": "eu-west-3", "eventTime": iso(now()),
                     "requestParameters": {"from": iso(ago(hours=8)), "to": iso(ago(hours=1))}}
        swept, _ = self.sweep(elsewhere)
        self.assertEqual((swept[0]["outcome"], swept[0]["because"]), ("given-up", "refused"))
        self.assertEqual(self.history.requests, 0)

    def test_switched_off_it_does_nothing_and_notes_nothing(self):
        self.start(regions="")
        arns, events = self.volumes(2)
        self.deliver(events[:1])
        swept, handled = self.sweep()
        self.assertEqual((swept[0]["outcome"], swept[0]["reason"], handled), ("skipped", "no Region is swept", []))
        self.assertEqual((self.items(), self.history.requests, self.is_tagged(arns[1])), ([], 0, False))


if __name__ == "__main__":
    unittest.main()
