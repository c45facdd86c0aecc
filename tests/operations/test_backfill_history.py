"""`aws-tags backfill` reads the history by `LookupEvents`: everything that matters, in few calls, whatever happens meanwhile."""
import copy
import datetime
import json
import math
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

import local_aws
from local_aws import ACCOUNT, COMMAND, env_of, lines, load, read
from lookup_events import History
from records import iso, now
from routed import Routed

HOME, GLOBAL, QUIET = "eu-west-1", "us-east-1", "eu-central-1"
REGIONS = (HOME, GLOBAL, QUIET)
PAGE = 50
SECRET = "FwoGZXIvYXdzEXAMPLETOKEN"
STARTS = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")


class Account:
    """Records of an account's history, and which of them matter. It knows as it makes them."""

    def __init__(self, seed):
        self.random, self.now = random.Random(seed), now()
        self.records, self.matter = [], set()
        # By Region, sessions that somebody created something with and whose record is there.
        self.wanted = {region: 0 for region in REGIONS}
        # And those whose record is nowhere.
        self.lost = 0

    def at(self, days=89):
        return self.now - datetime.timedelta(seconds=self.random.randint(1800, days * 86400))

    def add(self, record, matters=False):
        record["eventID"] = str(uuid.UUID(int=self.random.getrandbits(128)))
        self.records.append(record)
        if matters:
            self.matter.add(record["eventID"])
        return record

    def call(self, region, source, name, at, identity=None, matters=False, **fields):
        file = fields.pop("file", "sqs/CreateQueue")
        record = {**copy.deepcopy(load(file)["detail"]), "eventSource": source, "eventName": name, "eventTime": iso(at), "awsRegion": region,
                  "recipientAccountId": ACCOUNT, "readOnly": False, **fields}
        record["userIdentity"] = identity or {"type": "IAMUser", "principalId": "AIDAX", "accountId": ACCOUNT, "userName": "jo",
                                              "arn": f"arn:aws:iam::{ACCOUNT}:user/jo"}
        return self.add(record, matters)

    def writes(self, region, count):
        """Calls that create, that end, that fail, and that do neither."""
        for nth in range(count):
            at, kind = self.at(), self.random.random()
            if kind < 0.15:
                self.call(region, "sqs.amazonaws.com", "CreateQueue", at, matters=True)
            elif kind < 0.25:
                self.call(region, "ec2.amazonaws.com", "TerminateInstances", at, matters=True)
            elif kind < 0.3:
                self.call(region, "sqs.amazonaws.com", "CreateQueue", at, errorCode="AccessDenied", responseElements=None)
            else:
                self.call(region, "ec2.amazonaws.com", "StopInstances", at)

    def session(self, region, role, name, at, start="AssumeRole", by=None, matters=True):
        """A session, and the `userIdentity` of its calls."""
        self_id, key = f"AROA{role.upper()}:{name}", f"ASIA{self.random.getrandbits(60):x}".upper()
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"
        response = {"credentials": {"accessKeyId": key, "sessionToken": SECRET, "expiration": "Jan 1, 2030, 1:00:00 PM"},
                    "assumedRoleUser": {"assumedRoleId": self_id, "arn": arn}}
        request = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "roleSessionName": name}
        if region:
            self.call(region, "sts.amazonaws.com", start, at, by, matters, file="sts/AssumeRole", readOnly=True,
                      requestParameters=request, responseElements=response)
        return {"type": "AssumedRole", "principalId": self_id, "arn": arn, "accountId": ACCOUNT, "accessKeyId": key,
                "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": self_id.split(":")[0], "accountId": ACCOUNT,
                                                     "arn": request["roleArn"], "userName": role},
                                   "attributes": {"creationDate": iso(at), "mfaAuthenticated": "false"}}}

    def use(self, region, identity, began):
        """The session creates something, twice."""
        for minutes in (1, 20):
            self.call(region, "sqs.amazonaws.com", "CreateQueue", began + datetime.timedelta(minutes=minutes), identity, True)

    def used_session(self, used_in, begun_in, role, name, **more):
        at = self.at(80)
        identity = self.session(begun_in, role, name, at, **more)
        self.use(used_in, identity, at)
        if begun_in:
            self.wanted[begun_in] += 1
        else:
            self.lost += 1
        return identity

    def deploy(self, at, stack, name, call, wanted, change_set_type=None):
        """A deploy of a stack with a service role, by a session of its own, whose record matters if the deploy made something."""
        by = self.session(HOME, "deploy", name, at - datetime.timedelta(minutes=5), matters=wanted)
        self.wanted[HOME] += wanted
        arn = f"arn:aws:cloudformation:{HOME}:{ACCOUNT}:stack/{stack}/id"
        request = {"stackName": stack, "roleARN": f"arn:aws:iam::{ACCOUNT}:role/exec", "changeSetName": "next", "changeSetType": change_set_type}
        self.call(HOME, "cloudformation.amazonaws.com", call, at, by, True, requestParameters=request,
                  responseElements={"stackId": arn} if call != "ExecuteChangeSet" else None)

    def stacks(self, count):
        """What service roles make leads to the sessions of who deployed last before, and of who made stacks; not to those of deploys
        that made nothing."""
        for nth in range(count):
            stack, at = f"stack{nth}", self.at(80)
            later = lambda minutes: at + datetime.timedelta(minutes=minutes)
            self.deploy(at, stack, f"announces{nth}", "CreateChangeSet", True, "CREATE")
            self.deploy(later(1), stack, f"executes{nth}", "ExecuteChangeSet", True)
            made_by = self.session(HOME, "exec", "AWSCloudFormation", later(2))
            made_by["invokedBy"] = "cloudformation.amazonaws.com"
            self.wanted[HOME] += 1
            tags = {"aws:cloudformation:stack-id": f"arn:aws:cloudformation:{HOME}:{ACCOUNT}:stack/{stack}/id"}
            self.call(HOME, "sqs.amazonaws.com", "CreateQueue", later(3), made_by, True, requestParameters={"queueName": stack, "tags": tags})
            self.deploy(later(60), stack, f"prepares{nth}", "CreateChangeSet", False, "UPDATE")
            self.deploy(later(61), stack, f"changes{nth}", "ExecuteChangeSet", False)
            self.deploy(later(90), stack, f"updates{nth}", "UpdateStack", False)

    def unused_sessions(self, region, count):
        for nth in range(count):
            self.session(region, "service", f"s{nth}", self.at(), matters=False)

    def least(self):
        """The fewest calls that can tell all of it: pages of writing calls; for the sessions of a Region, one each or the pages of
        all; for a session that is nowhere, one in each Region."""
        pages = lambda records: max(1, math.ceil(len(records) / PAGE))
        of = lambda region, test: [record for record in self.records if record["awsRegion"] == region and test(record)]
        writes = sum(pages(of(region, lambda record: not record["readOnly"])) for region in REGIONS)
        by_pages = lambda region: sum(pages(of(region, lambda record: record["eventName"] == start)) for start in STARTS)
        sessions = sum(min(count, by_pages(region)) for region, count in self.wanted.items())
        return writes + sessions + self.lost * len(REGIONS)


class Backfill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = local_aws.moto()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = os.path.join(self.folder.name, "reduction.jsonl")

    def serve(self, account):
        history = History(account.records, PAGE)
        return history, Routed(self.moto.url, {"LookupEvents": history.url})

    def command(self, *more):
        return [COMMAND, "backfill", "--reduce-only", self.file, "--regions", ",".join(REGIONS), *more, "history"]

    def backfill(self, routed, *more):
        return subprocess.run(self.command(*more), env=env_of(routed.url), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)

    def check(self, account):
        """The reduction has exactly what matters, as it was recorded, without tokens."""
        text = read(self.file)
        found = {record["eventID"]: record for record in lines(text)}
        self.assertEqual(len(found), text.count("\n"), "each once")
        self.assertEqual(found.keys() - account.matter, set(), "does not matter")
        self.assertEqual(account.matter - found.keys(), set(), "missing")
        self.assertNotIn(SECRET, text)
        for record in account.records:
            if record["eventID"] in found:
                self.assertEqual(found[record["eventID"]], json.loads(json.dumps(record).replace(SECRET, "")))
        self.assertFalse(os.path.exists(self.file + ".parts"))

    def check_calls(self, account, history):
        least = account.least()
        print(f"\n{history.requests} calls, the least are {least}: {history.requests / least:.3f} times; {history.throttled} throttled")
        self.assertLessEqual(history.requests, 1.1 * least)
        self.assertLessEqual(history.throttled, 0.01 * history.requests)
        return least

    def test_everything_that_matters_is_found_in_hardly_more_calls_than_it_takes(self):
        account = Account(1)
        account.writes(HOME, 1450)
        account.writes(GLOBAL, 420)
        account.writes(QUIET, 20)
        for region in REGIONS:
            account.unused_sessions(region, 300)
        for nth in range(30):
            account.used_session(HOME, HOME, f"dev{nth % 4}", f"ann{nth}")
        for nth in range(8):
            account.used_session(HOME, GLOBAL, "sso", f"bo{nth}", start="AssumeRoleWithSAML")
        # STS writes the second before or after.
        began = account.at(80)
        near = account.session(HOME, "dev0", "near", began + datetime.timedelta(seconds=1))
        near["sessionContext"]["attributes"]["creationDate"] = iso(began)
        account.use(QUIET, near, began)
        account.wanted[HOME] += 1
        # A chain: what started the session is wanted, too.
        first = account.session(HOME, "dev1", "chain", account.at(80))
        account.wanted[HOME] += 1
        account.used_session(HOME, HOME, "dev2", "chained", by=first)
        # Nobody recorded it.
        account.used_session(HOME, None, "dev3", "lost")
        # The same id at another time, and a twin in its second with another key, which makes it ambiguous.
        account.session(HOME, "dev0", "ann0", account.at(5), matters=False)
        history, routed = self.serve(account)
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.check(account)
        self.check_calls(account, history)
        self.assertIn(f"{history.requests} calls of LookupEvents", done.stdout)

    def test_who_deployed_what_made_something_is_found_and_nobody_else(self):
        account = Account(6)
        account.writes(HOME, 700)
        account.unused_sessions(HOME, 300)
        account.stacks(3)
        history, routed = self.serve(account)
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.check(account)
        self.check_calls(account, history)

    def test_where_most_sessions_are_wanted_pages_of_all_take_fewer_calls(self):
        account = Account(2)
        for nth in range(220):
            account.used_session(HOME, HOME, f"dev{nth % 9}", f"ann{nth}")
        account.unused_sessions(HOME, 40)
        history, routed = self.serve(account)
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.check(account)
        # The pages of 260 sessions, instead of 220 look-ups. The names that have none cost a call each.
        print(f"\n{history.requests} calls, the least are {account.least()}")
        self.assertLessEqual(history.requests, account.least() + 2)
        self.assertLess(history.requests, 30)

    def test_old_tokens_duplicates_and_late_records_change_nothing(self):
        account = Account(3)
        account.writes(HOME, 1250)
        account.used_session(HOME, HOME, "dev", "ann")
        history, routed = self.serve(account)
        late = account.call(HOME, "sqs.amazonaws.com", "CreateQueue", account.now - datetime.timedelta(minutes=3), matters=True)
        history.records.append(late)
        history.late[late["eventID"]] = 4
        history.records += [copy.deepcopy(record) for record in account.records[::100]]
        history.old_tokens = {7, 15}
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.check(account)
        least = account.least()
        print(f"\n{history.requests} calls, the least are {least}; {history.throttled} throttled")
        self.assertLessEqual(history.requests, 1.1 * least + 2 * 2, "two tokens grew old: a call in vain, and one page again")
        self.assertEqual(history.throttled, 0)

    def test_what_is_interrupted_goes_on_where_it_was(self):
        account = Account(4)
        account.writes(HOME, 1400)
        account.writes(GLOBAL, 300)
        for nth in range(12):
            account.used_session(HOME, HOME, "dev", f"ann{nth}")
        history, routed = self.serve(account)
        total, ends = 0, []
        for seconds, ended_by in ((2, signal.SIGKILL), (1.7, signal.SIGINT), (1.6, signal.SIGKILL), (2.2, signal.SIGINT)):
            process = subprocess.Popen(self.command(), env=env_of(routed.url), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(seconds)
            process.send_signal(ended_by)
            _, said = process.communicate(timeout=60)
            ends.append(process.returncode)
            if ended_by == signal.SIGINT and process.returncode:
                self.assertIn("the same command goes on from there", said)
            self.assertFalse(os.path.exists(self.file))
            total += history.requests
            history.forget_calls()
        self.assertEqual(ends, [-signal.SIGKILL, 130, -signal.SIGKILL, 130])
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.check(account)
        least, last = account.least(), history.requests
        print(f"\n{total + last} calls in five runs, {last} of them in the last one; the least are {least}")
        self.assertLess(last, least)
        # What was under way in each Region is asked again: at most a day's pages, and the page that was being read.
        self.assertLessEqual(total + last, least + 4 * 2 * 3)

    def test_what_keeps_a_region_from_answering_is_named_and_the_rest_is_kept(self):
        account = Account(5)
        account.writes(HOME, 60)
        account.writes(GLOBAL, 60)
        history, routed = self.serve(account)
        history.refused = {GLOBAL: ("AccessDeniedException", "User is not authorized to perform: cloudtrail:LookupEvents"),
                           QUIET: ("ExpiredTokenException", "The security token included in the request is expired")}
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"{GLOBAL}: cannot ask CloudTrail's history: AccessDeniedException", done.stderr)
        self.assertIn("allow yourself cloudtrail:LookupEvents", done.stderr)
        self.assertIn(f"{QUIET}: cannot ask CloudTrail's history: ExpiredTokenException", done.stderr)
        self.assertIn("log in again", done.stderr)
        history.refused, before = {}, [region for region, _ in history.calls]
        other = subprocess.run(self.command("--last", "7d"), env=env_of(routed.url), capture_output=True, text=True)
        self.assertEqual(other.returncode, 2)
        self.assertIn("is of another history", other.stderr)
        done = self.backfill(routed)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.check(account)
        self.assertEqual(sum(region == HOME for region, _ in history.calls), before.count(HOME), "the home Region is not asked again")


if __name__ == "__main__":
    unittest.main()
