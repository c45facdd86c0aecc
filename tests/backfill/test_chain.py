"""From a trail to tags and back, as an operator goes: plan, apply, audit, why, report, undo. Whatever others change between, nothing of
theirs is lost; killed in any stage and gone on with, it ends the same."""
import collections
import gzip
import json
import os
import random
import re
import shlex
import signal
import subprocess
import tempfile
import time

import local_aws
from local_aws import COMMAND, env_of, lines, read, say
from past import KINDS, REGIONS, Calls, clients, journal
from recorded import PRINCIPALS, Recorded
from resource_explorer import ResourceExplorer, view
from runs import Runs

# `make kills` and `make test` differ only in these numbers.
COUNT = int(os.environ.get("RESOURCES", 40))
KILLS = int(os.environ.get("KILLS", 8))
# Of a run by a trail: only that of CloudTrail's own history is reduced first.
STAGES = ["reading", "remembering", "joining", "judging", "asking"]


class Chain(Runs):
    def world(self, count, seed, moto=None):
        """Resources that a trail tells of, and the proxy before them."""
        self.moto = moto or MOTO
        self.past = Recorded(clients(moto.url) if moto else CLIENTS, count, seed)
        self.calls = Calls(self.moto.url, self.past.made)
        self.addCleanup(self.calls.shutdown)
        self.state = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "the state")
        self.trail = self.past.trail(self.enterContext(tempfile.TemporaryDirectory()))

    def follow(self, said, *more):
        """Does what a message says."""
        command = re.search(r"(?:Do it|[Gg]o on with): aws-tags (.*)$", said, re.MULTILINE)[1]
        return subprocess.run([COMMAND, *shlex.split(command), *more], env=env_of(self.calls.url), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)

    def plan(self):
        """Plans, and gives what it says of it."""
        done = self.ends(self.run_it("backfill", self.trail))
        (name,) = os.listdir(self.state)
        self.folder = os.path.join(self.state, name)
        self.is_as_meant()
        return done.stdout

    def is_as_meant(self):
        """The plan names the events of our creations and nothing else, and adds what their callers bring."""
        rows = {row["arn"]: row for row in lines(read(self.path("plan.jsonl")))}
        for one in self.past.made:
            row = rows.pop(one.arn, {"event": {"id": None}})
            self.assertEqual((row["event"]["id"], {tag["key"]: tag["value"] for tag in row.get("add", [])}), (one.event, one.planned), (one.arn, row))
        self.assertFalse(rows)

    def audit(self, *arguments):
        """An audit with a Resource Explorer that shows all of ours, with their tags."""
        explorer = ResourceExplorer(self.moto.url, [(REGIONS[0], "AGGREGATOR"), *((region, "LOCAL") for region in REGIONS[1:])], [view("all")],
                                    [(arn, f"{arn.split(':')[2]}:thing", tags) for arn, tags in self.past.tags().items()])
        self.addCleanup(explorer.shutdown)
        command = [COMMAND, "audit", "--json", "--regions", ",".join(REGIONS), *arguments]
        done = subprocess.run(command, env=env_of(explorer.url), capture_output=True, text=True, timeout=600)
        ours, rows = {one.arn for one in self.past.made}, {row["arn"]: row for row in lines(done.stdout)[1:]}
        return done, {arn: row for arn, row in rows.items() if arn in ours}, [arn for arn in rows if arn not in ours]

    def tag_by_hand(self, arns):
        """Somebody tags what comes with an account, and the roles of the callers."""
        tags = [{"Key": "Owner", "Value": "platform"}]
        for arn in arns:
            _, _, service, region, _, name = arn.split(":", 5)
            if service == "ec2":
                self.past.c("ec2", region).create_tags(Resources=[name.rsplit("/", 1)[1]], Tags=tags)
            else:
                self.past.c("iam").tag_role(RoleName=name.rsplit("/", 1)[1], Tags=tags)

    def test_a_plan_of_a_part_of_the_history_is_written_only_if_that_is_accepted(self):
        self.world(20, 5)
        with open(os.path.join(self.trail, "torn.json.gz"), "wb") as file:
            file.write(gzip.compress(b'{"Records":[{"eventID"')[:-4])
        planned = self.ends(self.run_it("backfill", self.trail), 1)
        (name,) = os.listdir(self.state)
        self.folder = os.path.join(self.state, name)
        refused = self.ends(self.follow(planned.stdout, "--yes"), 2)
        self.assertIn("1 files or records of the history could not be read", refused.stderr)
        self.assertFalse(self.calls.writes)
        self.ends(self.follow(planned.stdout, "--yes", "--accept-partial"))
        self.assertEqual(len(self.written()), 20)
        again = self.ends(self.run_it("backfill", "--resume", name), 1).stdout
        self.assertIn("Tags were written by this plan", again)
        self.assertNotIn("Nothing was changed", again)

    def test_from_a_trail_to_tags_and_back(self):
        # An account of its own, to be covered wholly.
        moto = local_aws.moto()
        self.addCleanup(moto.stop)
        self.world(COUNT, 41, moto)
        before = self.past.tags()
        said = self.plan()
        self.assertRegex(said, rf"to tag +{COUNT:,} ")
        self.assertEqual(self.past.tags(), before)
        _, found, others = self.audit("--history", self.folder)
        self.tag_by_hand(others)
        self.assertEqual({one["state"] for one in found.values()}, {"incomplete"})
        self.assertEqual({arn: one["owner"] for arn, one in found.items()}, {one.arn: one.owner for one in self.past.made})

        self.assertIn("nothing was written; to do it, add --yes", self.ends(self.follow(said), 2).stderr)
        self.assertEqual(self.past.tags(), before)
        self.ends(self.follow(said, "--yes", "--rate", "100"))
        self.assertEqual(self.past.tags(), {one.arn: {**before[one.arn], **one.planned} for one in self.past.made})
        self.assertEqual(set(self.calls.writes.values()), {1})

        done, found, _ = self.audit("--min-coverage", "100%", "--fail-on", "unowned,incomplete", "--history", self.folder)
        self.assertEqual(self.ends(done).stderr, "")
        self.assertEqual({arn: (one["state"], one["owner"]) for arn, one in found.items()}, {one.arn: ("ours", one.owner) for one in self.past.made})
        for one in self.past.random.sample(self.past.made, 10):
            (row,) = [row for row in lines(self.ends(self.run_it("why", one.arn, "--json")).stdout) if row["from"] == "run"]
            self.assertEqual((row["event"]["id"], row["by"]), (one.event, one.owner))
            self.assertEqual({tag["key"] for tag in row["tags"] if tag["fate"] == "written"}, set(one.planned))
        self.report(done.stdout)
        self.ends(self.undo())
        self.assertEqual(self.past.tags(), before)
        say(f"{COUNT} resources of {len(KINDS)} kinds under {PRINCIPALS} principals, by a trail of {len(self.past.records)} records: "
            f"{len(found)} of {COUNT} ours, and undone, {sum(map(len, before.values()))} tags of others as they were")

    def report(self, audit):
        """The report of an audit names each resource and owner."""
        path = os.path.join(self.state, "report.html")
        done = subprocess.run([COMMAND, "report", "-", "--output", path], input=audit, capture_output=True, text=True, timeout=120)
        self.ends(done)
        page = read(path)
        self.assertTrue(page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>"), page[:100])
        for one in self.past.made:
            self.assertIn(one.owner, page)

    def test_what_others_change_between_is_never_lost(self):
        kept = 0
        for seed, share in ((44, 0.3), (45, 0.6)):
            self.world(COUNT // 2, seed)
            rng = random.Random(seed)
            self.plan()
            self.disturb_some(rng, share)
            self.stays_but_for_ours(self.apply)
            self.disturb_some(rng, share)
            kept += self.stays_but_for_what_is_ours_still(self.undo)
        say(f"{kept} tags of others stayed, 0 were lost")

    def interrupted(self, *go, when):
        """Presses Ctrl-C once something is so, and gives what is said."""
        process = subprocess.Popen(self.command(*go), env=env_of(self.calls.url), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not when():
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, said)
        return said

    def test_interrupted_in_any_stage_it_says_what_goes_on(self):
        self.world(40, 46)
        before, self.folder = self.past.tags(), None
        self.calls.share, self.calls.kinds = 1, ("slow",)
        said = self.interrupted("backfill", self.trail, "--region", REGIONS[0], when=lambda: self.found() and self.stage() in ("joining", "asking"))
        self.calls.share = 0
        self.assertIn(f" --state '{self.state}' --region {REGIONS[0]}\n", said)
        do_it = self.ends(self.follow(said)).stdout
        self.is_as_meant()
        self.assertEqual(self.past.tags(), before)
        said = self.interrupted("backfill", "--resume", self.run_name(), "--apply", "--yes", "--rate", "2", when=lambda: len(journal(self.folder)) > 3)
        self.ends(self.follow(said, "--yes", "--rate", "100"))
        self.assertIn("0 resources to tag", self.ends(self.follow(do_it, "--yes")).stdout)
        tagged = self.past.tags()
        self.assertEqual(tagged, {one.arn: {**before[one.arn], **one.planned} for one in self.past.made})
        # What was chosen, and nothing else, also by the command that goes on.
        chosen = ["--arn", "arn:aws:sqs:*", "--services", "iam,sqs", "--arn", "*:role/*"]
        said = self.interrupted("undo", self.folder, *chosen, "--yes", "--rate", "1", when=lambda: len(journal(self.folder, "undo.jsonl")) > 1)
        self.ends(self.follow(said, "--yes", "--rate", "100"))
        is_chosen = lambda one: one.kind.name in ("sqs:queue", "iam:role")
        self.assertEqual(self.past.tags(), {one.arn: (before if is_chosen(one) else tagged)[one.arn] for one in self.past.made})

    def test_killed_it_has_said_what_goes_on(self):
        self.world(40, 47)
        self.folder = None
        self.calls.share, self.calls.kinds = 1, ("slow",)
        process = subprocess.Popen(self.command("backfill", self.trail), env=env_of(self.calls.url), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not (self.found() and self.stage() in ("joining", "asking")):
            time.sleep(0.01)
        process.kill()
        _, said = process.communicate(timeout=60)
        self.calls.share = 0
        self.assertIn(f"run {self.run_name()} is in {self.folder}; if it is stopped, go on with: aws-tags backfill --resume", said)
        self.ends(self.follow(said))
        self.is_as_meant()

    def stage(self):
        """How far the run has come."""
        path = self.path("run.json")
        return json.loads(read(path))["stage"] if os.path.exists(path) else None

    def killed_in(self, rng, stage):
        """Starts or goes on with a plan, and kills it in a stage. Gives in which it was, if it was killed, and there is a run."""
        go = ["backfill", "--resume", self.folder] if self.folder else ["backfill", self.trail]
        process = subprocess.Popen(self.command(*go), env=env_of(self.calls.url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if stage in ("joining", "asking") and rng.random() < 0.5:
            # At a call, which most of these are.
            self.calls.kill_at(process, "read", rng.randint(2, 12))
        else:
            while process.poll() is None and not (self.found() and self.stage() == stage):
                pass
            time.sleep(rng.random() * 0.01)
            process.kill()
        ended = process.wait(timeout=120)
        self.calls.kill = None
        self.assertIn(ended, (0, -signal.SIGKILL))
        return self.stage() if self.found() and ended else None

    def found(self):
        """Whether a run has begun. One that has not got that far is begun anew."""
        if not self.folder and os.path.exists(self.state):
            begun = [name for name in os.listdir(self.state) if os.path.exists(os.path.join(self.state, name, "run.json"))]
            self.folder = os.path.join(self.state, begun[0]) if begun else None
        return bool(self.folder)

    def test_killed_in_any_stage_it_ends_the_same(self):
        self.world(40, 43)
        before, rng, killed, repeated, rounds, home = self.past.tags(), random.Random(43), collections.Counter(), 0, 0, self.state
        tagged = {one.arn: {**before[one.arn], **one.planned} for one in self.past.made}
        while killed.total() < KILLS or len(killed) < len(STAGES) + 2:
            rounds += 1
            self.state, self.folder = f"{home} {rounds}", None
            for stage in STAGES:
                killed.update(filter(None, [self.killed_in(rng, stage)]))
            self.ends(self.run_it("backfill", "--resume", self.folder) if self.found() else self.run_it("backfill", self.trail))
            self.assertTrue(self.found())
            self.is_as_meant()
            self.assertFalse([name for name in os.listdir(self.path("parts")) if name.split("-")[0] in ("calls", "sessions", "claims", "endings")], "what earlier stages left")
            self.calls.writes.clear()
            again = collections.Counter()
            for stage, go, name, end in (("applying", ["backfill", "--resume", self.folder, "--apply"], "journal.jsonl", tagged),
                                         ("undoing", ["undo", self.folder], "undo.jsonl", before)):
                killed.update([stage] * sum(self.killed_once(rng, go, name, again) for _ in range(2)))
                self.ends(self.run_it(*go, "--yes", "--rate", "100"))
                self.assertEqual(self.past.tags(), end)
            for write, times in self.calls.writes.items():
                self.assertLessEqual(times, 1 + again[write], write)
                repeated += times - 1
            self.assertEqual(len(self.calls.writes), 2 * len(self.past.made))
        by_stage = ", ".join(f"{count} {stage}" for stage, count in killed.items())
        say(f"{killed.total()} kills ({by_stage}) in {rounds} runs: the same end, {repeated} tagging calls repeated, each under way at a kill")


def setUpModule():
    global MOTO, CLIENTS
    MOTO = local_aws.moto()
    CLIENTS = clients(MOTO.url)
