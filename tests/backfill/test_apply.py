"""`aws-tags backfill --apply` and `aws-tags undo` on a local AWS: hundreds of resources of twenty kinds under ten principals. Whatever others
do meanwhile, no tag of theirs is lost; what fails is named, and the rest is done."""
import collections
import json
import os
import random
import re
import resource
import signal
import subprocess
import tempfile
import time
import unittest

import local_aws
from iam_simulator import printed
from local_aws import ACCOUNT, env_of, lines, say
from past import KINDS, Calls, Past, clients, journal
from runs import Runs

# `make kills` and `make test` differ only in these numbers.
COUNT = int(os.environ.get("RESOURCES", 200))
KILLS = int(os.environ.get("KILLS", 6))
KILLS_A_RUN = 5


def allowed(*arguments):
    """The actions of the policies that the command prints."""
    return {action for document in printed("policy", "--tier", "all", *arguments).values() for statement in document["Statement"] for action in statement["Action"]}


class Applying(Runs):
    def world(self, count, seed, **quotas):
        """Resources, the proxy before them, and the folder of their run."""
        self.past = Past(CLIENTS, count, seed)
        self.calls = Calls(MOTO.url, self.past.made, **quotas)
        self.addCleanup(self.calls.shutdown)
        self.state = self.enterContext(tempfile.TemporaryDirectory())
        self.folder = self.past.plan(self.state)

    def test_all_are_tagged_and_undone_and_redone(self):
        self.world(COUNT, 1)
        before = self.past.tags()
        self.assertEqual(len(KINDS), 20)
        began = time.monotonic()
        self.ends(self.apply())
        took, calls, to_tag = time.monotonic() - began, len(self.calls.times), self.calls.used
        # Nobody needs a permission for the one left out.
        self.assertEqual(to_tag - allowed(), {"sts:GetCallerIdentity"})
        tagged = {one.arn: {**before[one.arn], **one.planned} for one in self.past.made}
        self.assertEqual(self.past.tags(), tagged)
        self.assertEqual(set(self.calls.writes.values()), {1})
        # Nothing is left to do, and nothing is asked for.
        reads = self.calls.reads
        self.assertIn("0 resources to tag", self.ends(self.apply()).stdout)
        self.assertLessEqual(self.calls.reads - reads, 1, "GetCallerIdentity")
        self.calls.seen.clear()
        self.ends(self.undo())
        self.assertEqual(self.past.tags(), before)
        to_untag = self.calls.used
        self.assertEqual(to_untag - allowed("--undo"), {"sts:GetCallerIdentity"})
        self.assertLessEqual({"tag:UntagResources", "ec2:DeleteTags", "iam:UntagRole"}, to_untag - to_tag)
        say(f"{len(to_tag)} permissions used to tag, {len(to_untag)} to undo; all are in the policies")
        self.calls.seen.clear()
        self.ends(self.undo("--redo"))
        self.assertEqual(self.past.tags(), tagged)
        self.assertEqual(self.calls.used - allowed(), {"sts:GetCallerIdentity"})
        self.ends(self.undo())
        self.assertEqual(self.past.tags(), before)
        say(f"{COUNT} resources of {len(KINDS)} kinds: {calls} tagging calls, {reads} others, {took:.0f} s; undone, redone, undone")

    def test_random_changes_of_others_are_never_lost(self):
        kept = 0
        for seed in range(2, 4):
            self.world(int(COUNT * 0.2), seed)
            rng = random.Random(seed)
            self.disturb_some(rng)
            self.stays_but_for_ours(self.apply)
            self.disturb_some(rng)
            kept += self.stays_but_for_what_is_ours_still(self.undo)
        say(f"{kept} tags of others stayed, 0 were lost")

    def test_what_is_gone_or_another_is_left_alone_and_said(self):
        self.world(40, 5)
        by_kind = {one.kind.name: one for one in self.past.made}
        CLIENTS("sqs", by_kind["sqs:queue"].region).delete_queue(QueueUrl=CLIENTS("sqs", by_kind["sqs:queue"].region).get_queue_url(QueueName=by_kind["sqs:queue"].arn.rsplit(":", 1)[1])["QueueUrl"])
        table, role, volume = by_kind["dynamodb:table"], by_kind["iam:role"], by_kind["ec2:volume"]
        # Somebody else has made them again, and the functions have tagged them; a volume cannot be made again.
        for one in (table, role, volume):
            one.kind.put(CLIENTS, one.arn, {"PrincipalId": "AROAOTHER:bo", "Owner": "bo"})
        rows = {row["arn"]: row for row in lines(self.ends(self.apply("--json")).stdout)}
        self.assertEqual(rows[by_kind["sqs:queue"].arn]["result"], "gone")
        for one in (table, role):
            self.assertEqual(rows[one.arn]["result"], "others-mark", rows[one.arn])
            self.assertEqual(one.kind.tags(CLIENTS, one.arn), {**one.foreign, "PrincipalId": "AROAOTHER:bo", "Owner": "bo"})
        self.assertEqual(rows[volume.arn]["kept"], [key for key in volume.planned if key != "Team"])
        others = [row for row in rows.values() if row["result"] not in ("gone", "others-mark")]
        self.assertEqual({row["result"] for row in others}, {"tagged"})

    def test_a_skip_mark_that_came_since_counts(self):
        self.world(20, 6)
        marked = self.past.made[3]
        marked.kind.put(CLIENTS, marked.arn, {"no-tags": "please"})
        rows = {row["arn"]: row for row in lines(self.ends(self.apply("--json", SKIP_TAG="no-tags")).stdout)}
        self.assertEqual(rows[marked.arn]["result"], "skip-mark")
        self.assertEqual(collections.Counter(row["result"] for row in rows.values()), {"tagged": 19, "skip-mark": 1})

    def test_what_is_denied_is_named_and_the_rest_is_done(self):
        self.world(60, 7)
        self.calls.faults = {"TagRole": "denied", "ListTagsForResource": "denied"}
        done = self.ends(self.apply(), 1)
        self.assertRegex(done.stdout, r"iam::\d+:role/\S+: AccessDenied")
        self.assertIn("go on with: aws-tags backfill --resume run --apply", done.stderr)
        self.calls.faults = {}
        before = sum(self.calls.writes.values())
        self.ends(self.apply())
        self.assertEqual(set(self.calls.writes.values()), {1})
        self.assertLess(before, sum(self.calls.writes.values()))
        self.assertTrue(all(one.planned.items() <= one.kind.tags(CLIENTS, one.arn).items() for one in self.past.made))

    def test_failures_that_leave_open_what_was_done_are_read_back(self):
        """Answers that do not arrive: the call is done, or not, and AWS tells."""
        self.world(60, 8)
        self.calls.faults = {"TagResources": "truncated", "TagRole": "reset", "CreateTags": "500", "CreateOrUpdateTags": "truncated"}
        done = self.ends(self.apply(), 1)
        self.calls.faults = {}
        self.ends(self.apply())
        self.assertTrue(all(one.planned.items() <= one.kind.tags(CLIENTS, one.arn).items() for one in self.past.made), done)
        ours = self.written()
        for one in self.past.made:
            self.assertEqual(ours[one.arn], one.planned, one.arn)
        self.ends(self.undo())
        self.assertFalse(any(set(one.planned) & set(one.kind.tags(CLIENTS, one.arn)) - set(one.foreign) for one in self.past.made))

    def test_rates_hold_when_aws_throttles(self):
        self.world(200, 9, quotas={"TagResources": 2, "CreateTags": 2, "UntagResources": 2, "DeleteTags": 2})
        for go in (self.apply, self.undo):
            self.calls.throttled.clear()
            self.calls.accepted.clear()
            began = time.monotonic()
            self.ends(go())
            took = time.monotonic() - began
            for name in ("TagResources", "UntagResources"):
                accepted = self.calls.accepted.get(name, 0)
                self.assertLessEqual(accepted, 2 * took + 2)
                self.assertLessEqual(self.calls.throttled.get(name, 0), accepted, self.calls.throttled)
        self.assertEqual(set(self.calls.writes.values()), {1})

    def test_the_rate_is_what_was_asked_for(self):
        self.world(60, 10)
        began = time.monotonic()
        self.ends(self.run_it("backfill", "--resume", "run", "--apply", "--yes", "--rate", "5"))
        took = time.monotonic() - began
        by_region = collections.Counter(region for _, region, _ in self.calls.times)
        self.assertEqual(len(by_region), 3)
        for region, calls in by_region.items():
            self.assertLessEqual(calls, 5 * took + 3, region)
        # Regions go beside each other.
        self.assertLess(took, max(by_region.values()) / 5 * 1.5 + 5)

    def test_ctrl_c_finishes_the_call_in_hand_and_says_how_to_go_on(self):
        for go_on, name in ((["backfill", "--resume", "run", "--apply"], "journal.jsonl"), (["undo", "run"], "undo.jsonl")):
            if name == "journal.jsonl":
                self.world(60, 11)
            for number in (signal.SIGINT, signal.SIGTERM):
                process = subprocess.Popen(self.command(*go_on, "--yes", "--rate", "4"), env=env_of(self.calls.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                lines_before = len(journal(self.folder, name))
                while len(journal(self.folder, name)) < lines_before + 4:
                    self.assertIsNone(process.poll())
                    time.sleep(0.01)
                process.send_signal(number)
                _, said = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 130, said)
                self.assertIn("go on with: aws-tags " + " ".join(go_on[:2]), said)
                begun = [entry["n"] for entry in journal(self.folder, name) if "do" in entry]
                ended = [entry["n"] for entry in journal(self.folder, name) if "done" in entry]
                self.assertEqual(sorted(begun), sorted(ended), "nothing is under way")
            self.ends(self.run_it(*go_on, "--yes", "--rate", "100"))
            self.assertEqual(set(self.calls.writes.values()), {1})

    def test_the_plan_is_shown_and_nothing_is_done_unasked(self):
        self.world(20, 12)
        done = self.ends(self.run_it("backfill", "--resume", "run", "--apply"), 2)
        self.assertRegex(done.stdout, r"^Run run: 20 resources to tag\n +tags +Owner 20")
        self.assertIn("nothing was written; to do it, add --yes", done.stderr)
        self.assertFalse(self.calls.writes)
        self.ends(self.apply())
        done = self.ends(self.run_it("undo", "run", "--dry-run"))
        self.assertIn("Owner, PrincipalId", done.stdout)
        self.assertEqual(os.path.getsize(os.path.join(self.folder, "undo.jsonl")) if os.path.exists(os.path.join(self.folder, "undo.jsonl")) else 0, 0)
        self.assertNotIn("remove", {change for change, _ in self.calls.writes})

    def test_only_what_was_chosen_is_written(self):
        self.world(60, 31)
        self.ends(self.apply("--owner", "person3", "--services", "sqs,ec2"))
        chosen = {one.arn for one in self.past.made if one.planned["Owner"] == "person3" and one.arn.split(":")[2] in ("sqs", "ec2")}
        self.assertTrue(chosen and set(self.written()) <= chosen, chosen)
        self.assertIn(" 0 resources to tag", self.ends(self.apply("--owner", "person3", "--services", "sqs,ec2")).stdout)
        self.ends(self.apply())
        self.assertGreater(len(self.written()), len(chosen))

    def test_what_was_never_applied_cannot_be_undone_and_a_slip_is_told(self):
        self.world(20, 32)
        done = self.ends(self.undo(), 2)
        self.assertIn("was never applied", done.stderr)
        self.ends(self.apply())
        done = self.ends(self.undo("--owner", "person"))
        self.assertRegex(done.stderr, r"nothing is chosen\. Of services: \w+ \d+.* Of owners: person\d \d+")

    def test_undo_takes_back_what_was_chosen(self):
        self.world(60, 13)
        self.ends(self.apply())
        self.ends(self.undo("--owner", "person3"))
        self.ends(self.undo("--services", "sqs,iam"))
        self.ends(self.undo("--arn", "arn:aws:ec2:*:volume/*"))
        for one in self.past.made:
            undone = one.planned["Owner"] == "person3" or one.arn.split(":")[2] in ("sqs", "iam") or one.kind.name == "ec2:volume"
            self.assertEqual("Owner" in one.kind.tags(CLIENTS, one.arn), not undone, one.arn)

    def test_what_cannot_be_untagged_is_named(self):
        self.world(20, 14)
        self.ends(self.apply())
        self.calls.faults = {"UntagRole": "denied"}
        done = self.ends(self.undo(), 1)
        self.assertRegex(done.stdout, r"role/\S+: AccessDenied")
        role = next(one for one in self.past.made if one.kind.name == "iam:role")
        self.assertIn("Owner", role.kind.tags(CLIENTS, role.arn))
        self.assertEqual(sum("Owner" in one.kind.tags(CLIENTS, one.arn) for one in self.past.made), 1)

    def test_a_state_folder_that_cannot_be_written_ends_the_run_before_anything_is_done(self):
        self.world(20, 15)
        os.symlink("/proc/nowhere/journal", self.path("journal.jsonl"))
        done = self.ends(self.apply(), 2)
        self.assertIn("journal.jsonl", done.stderr)
        self.assertFalse(self.calls.writes)
        os.remove(self.path("journal.jsonl"))
        self.ends(self.apply())

    def test_a_full_disk_stops_the_run_and_it_goes_on_later(self):
        for undo in (False, True):
            if not undo:
                self.world(60, 16)
            go = ["undo", "run"] if undo else ["backfill", "--resume", "run", "--apply"]
            before = sum(self.calls.writes.values())
            limit = 6000
            # A file may not grow beyond this: what a full disk looks like to a process.
            ignore = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            done = subprocess.run(self.command(*go, "--yes", "--rate", "100"), env=env_of(self.calls.url), capture_output=True, text=True, preexec_fn=ignore, timeout=120)
            self.ends(done, 2)
            self.assertIn("File too large", done.stderr)
            self.assertIn("nothing more is written", done.stderr)
            self.assertGreater(sum(self.calls.writes.values()), before)
            self.ends(self.run_it(*go, "--yes", "--rate", "100"))
        self.assertEqual(set(self.calls.writes.values()), {1})
        self.assertEqual({one.arn: one.foreign for one in self.past.made}, self.past.tags())

    def test_killed_at_any_call_it_goes_on_and_repeats_only_what_was_under_way(self):
        self.world(60, 21)
        rng, killed, repeated = random.Random(21), 0, 0
        tagged = {one.arn: {**one.foreign, **one.planned} for one in self.past.made}
        nth = 0
        while killed < KILLS:
            nth += 1
            run, again = f"run{nth}", collections.Counter()
            self.folder = self.past.plan(self.state, run)
            self.calls.writes.clear()
            for go, name, end in ((["backfill", "--resume", run, "--apply"], "journal.jsonl", tagged),
                                  (["undo", run], "undo.jsonl", {one.arn: one.foreign for one in self.past.made})):
                for _ in range(min(KILLS_A_RUN, KILLS - killed)):
                    killed += self.killed_once(rng, go, name, again)
                self.ends(self.run_it(*go, "--yes", "--rate", "100"))
                self.assertEqual(self.past.tags(), end)
            for write, times in self.calls.writes.items():
                self.assertLessEqual(times, 1 + again[write], write)
                repeated += times - 1
            self.assertEqual(len(self.calls.writes), 2 * len(self.past.made))
        say(f"{killed} kills in {nth} runs and their undoing: the same end, {repeated} calls repeated, each under way at a kill")

    def test_a_journal_that_was_cut_anywhere_in_its_last_line_goes_on(self):
        self.world(20, 22)
        self.ends(self.apply())
        path, rng = self.path("journal.jsonl"), random.Random(22)
        whole = open(path, "rb").read()
        last = len(whole.splitlines()[-1])
        for cut in (1, rng.randint(2, last), last):
            with open(path, "wb") as file:
                file.write(whole[:-cut])
            done = self.ends(self.apply())
            if cut <= last:
                self.assertIn("journal.jsonl: its last line was torn off and is cut off; AWS tells what came of it", done.stderr)
            self.assertEqual(set(self.calls.writes.values()), {1})
            self.assertEqual({arn: tags for arn, tags in self.written().items()}, {one.arn: one.planned for one in self.past.made})
        self.ends(self.undo())
        self.assertEqual(self.past.tags(), {one.arn: one.foreign for one in self.past.made})

    def test_a_byte_that_flipped_anywhere_is_found_and_nothing_is_done(self):
        self.world(20, 23)
        self.ends(self.apply())
        path, rng = self.path("journal.jsonl"), random.Random(23)
        whole = open(path, "rb").read()
        tags = self.past.tags()
        for _ in range(20):
            at = rng.randrange(len(whole) - 1)
            flipped = bytearray(whole)
            flipped[at] ^= 1 << rng.randrange(8)
            with open(path, "wb") as file:
                file.write(flipped)
            number = whole[:at].count(b"\n") + 1
            self.assertRegex(self.ends(self.undo(), 2).stderr, rf"journal.jsonl, line {number}: .*; nothing was done, as it is not known what is ours")
        self.assertEqual(self.past.tags(), tags)
        with open(path, "wb") as file:
            file.write(whole)
        self.ends(self.undo())

    def test_a_damaged_journal_is_refused_with_the_number_of_its_line(self):
        self.world(20, 17)
        self.ends(self.apply())
        text = open(self.path("journal.jsonl"), encoding="utf-8").read()
        with open(self.path("journal.jsonl"), "w", encoding="utf-8") as file:
            file.write(text.replace("person4", "person5", 1))
        number = next(nth for nth, line in enumerate(text.splitlines(), 1) if "person4" in line)
        writes = sum(self.calls.writes.values())
        for go in (self.apply, self.undo):
            self.assertIn(f"journal.jsonl, line {number}: its checksum does not fit", self.ends(go(), 2).stderr)
        self.assertEqual(sum(self.calls.writes.values()), writes)

    def test_two_processes_do_not_work_on_one_run(self):
        self.world(60, 18)
        first = subprocess.Popen(self.command("backfill", "--resume", "run", "--apply", "--yes", "--rate", "4"), env=env_of(self.calls.url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not journal(self.folder):
                time.sleep(0.01)
            self.assertIn("is in use by process", self.ends(self.apply(), 2).stderr)
        finally:
            first.kill()
            first.wait()
        self.ends(self.apply())

    def test_resources_of_other_accounts_are_not_touched_and_named(self):
        self.world(20, 19)
        path = self.path("plan.jsonl")
        rows = lines(open(path, encoding="utf-8").read())
        rows[0]["account"] = "444455556666"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        done = self.ends(self.apply(), 1)
        self.assertIn(f"these credentials are of account {ACCOUNT}, and not of these, by resources: 444455556666 1", done.stderr)
        self.assertEqual(len(self.calls.writes), 19)

    def test_a_run_that_is_not_there_is_said(self):
        self.world(1, 20)
        for arguments in (["backfill", "--resume", "none", "--apply"], ["undo", "none"]):
            self.assertRegex(self.ends(self.run_it(*arguments), 2).stderr, r"none: there is no (such run|run with a plan)")
        with open(self.path("plan.jsonl"), "a", encoding="utf-8") as file:
            file.write("{}\n")
        self.assertTrue(re.search(r"plan.jsonl, line 2: missing field `arn`", self.ends(self.apply(), 2).stderr))


def setUpModule():
    global MOTO, CLIENTS
    MOTO = local_aws.moto()
    CLIENTS = clients(MOTO.url)
