"""Every event file against the generated rules of the templates: a call that creates something or deploys a stack must match exactly
one rule, a call that starts a session the rule for sessions, and a call that failed or creates nothing no rule.

`events:TestEventPattern` of the local AWS does the matching.
"""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import unittest

import local_aws
from local_aws import COMMAND, ROOT, load

# Some services append the date of their API version.
DATE = re.compile(r"(20\d{6}(v\d+)?|20\d\d_\d\d_\d\d)$")


def rules(template):
    """The patterns of a template's rules, by name."""
    text = local_aws.read(os.path.join(ROOT, "infra", f"{template}.yaml"))
    found = re.findall(r'^      Name: (aws-tags-\S+)\n(?:      .*\n)*?      EventPattern: (\{.*\})$', text, re.M)
    return dict(found)


def creating_calls():
    out = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return {(row["eventSource"], row["eventName"]) for row in rows if row["resourceType"]}


def enveloped(name, content):
    """The events of a file, in EventBridge's envelope; modelled files hold bare records. Messages of our own schedules go past rules."""
    if content.get("eventSource", "").endswith(".aws-tags"):
        return []
    if "Records" not in content:
        return [(name, content)]
    envelope = lambda record: {"source": "aws." + record["eventSource"].split(".")[0],
                               "detail-type": "AWS API Call via CloudTrail", "detail": record}
    return [(f"{name} {record['eventName']}", envelope(record)) for record in content["Records"]]


class Patterns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.events = staticmethod(local_aws.session(local_aws.ministack().url)("events"))
        cls.rules = {**rules("tag-handler"), **rules("session-recorder")}
        cls.calls = creating_calls()

    def matching(self, event):
        """The rules that match an event."""
        whole = {"id": "1", "account": "111122223333", "time": "2026-01-01T00:00:00Z", "region": "eu-west-1", "resources": [], **event}
        text = json.dumps(whole)
        # Patterns list full event sources: a pattern without the event's source cannot match.
        source = json.dumps(event["detail"]["eventSource"])
        matches = lambda pattern: source in pattern and self.events.test_event_pattern(EventPattern=pattern, Event=text)["Result"]
        return [name for name, pattern in self.rules.items() if matches(pattern)]

    def expected(self, event):
        detail = event["detail"]
        call = (detail.get("eventSource"), DATE.sub("", detail.get("eventName", "")))
        if detail.get("errorCode") or event.get("detail-type") not in VIA_CLOUDTRAIL:
            return None
        if call[0] == "sts.amazonaws.com":
            return "aws-tags-sessions" if call[1] in STARTS else None
        deploys = call[0] == "cloudformation.amazonaws.com" and call[1] in DEPLOYS
        return "aws-tags-creations-" if deploys or call in self.calls else None

    def test_every_event_file_matches_the_rule_that_it_should(self):
        names = [path[len(os.path.join(ROOT, "events")) + 1:-5] for path in glob.glob(os.path.join(ROOT, "events", "**", "*.json"), recursive=True)]
        events = [one for name in sorted(names) for one in enveloped(name, load(name))]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            matched = list(pool.map(lambda one: self.matching(one[1]), events))
        count = {"one rule": 0, "no rule": 0}
        for (name, event), found in zip(events, matched):
            with self.subTest(event=name):
                expected = self.expected(event)
                count["one rule" if expected else "no rule"] += 1
                self.assertEqual(len(found), 1 if expected else 0, found)
                self.assertTrue(not expected or found[0].startswith(expected), found)
        print(count)
        self.assertGreater(min(count.values()), 5)

    def test_the_forwarder_has_the_rules_of_the_home_region(self):
        # Beside a recorder, whose rule has the same pattern, the forwarder's must have a name of its own.
        forwarded = {name.replace("aws-tags-forwarded-sessions", "aws-tags-sessions"): pattern for name, pattern in rules("region-forwarder").items()}
        self.assertEqual(forwarded, self.rules)

    def test_all_calls_that_deploy_a_stack_match_a_rule(self):
        event = load("cloudformation/UpdateStack")
        for call in sorted(DEPLOYS):
            with self.subTest(call):
                found = self.matching({**event, "detail": {**event["detail"], "eventName": call}})
                self.assertEqual([name.rsplit("-", 1)[0] for name in found], ["aws-tags-creations"])
        failed = {**event, "detail": {**event["detail"], "errorCode": "ValidationException"}}
        self.assertEqual(self.matching(failed), [])

    def test_events_of_another_source_match_no_rule(self):
        event = load("sqs/CreateQueue")
        self.assertEqual(len(self.matching(event)), 1)
        self.assertEqual(self.matching({**event, "source": "my.app"}), [])


VIA_CLOUDTRAIL = {"AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"}
# Who makes these is remembered.
DEPLOYS = {"CancelUpdateStack", "ContinueUpdateRollback", "CreateChangeSet", "CreateStack", "DeleteStack", "ExecuteChangeSet", "RollbackStack", "UpdateStack"}
STARTS = {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken"}
