"""Runs of `aws-tags backfill` on a past: their commands, what others change meanwhile, what the journal says, and kills."""
import collections
import json
import os
import signal
import subprocess
import unittest

from local_aws import COMMAND, env_of
from past import journal


class Runs(unittest.TestCase):
    """Tests have `past`, `calls` before it, `state`, and `folder`, that of the run."""

    def command(self, *arguments):
        return [COMMAND, *arguments, "--state", self.state]

    def run_it(self, *arguments, stdin=subprocess.DEVNULL, **env):
        return subprocess.run(self.command(*arguments), env=env_of(self.calls.url, **env), stdin=stdin, capture_output=True, text=True, timeout=600)

    def apply(self, *arguments, **env):
        return self.run_it("backfill", "--resume", self.run_name(), "--apply", "--yes", "--rate", "100", *arguments, **env)

    def undo(self, *arguments, **env):
        return self.run_it("undo", self.run_name(), "--yes", "--rate", "100", *arguments, **env)

    def run_name(self):
        return os.path.basename(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def ends(self, done, code=0):
        self.assertEqual(done.returncode, code, done)
        return done

    def written(self):
        """What the journal says that we wrote."""
        begun, written = {}, collections.defaultdict(dict)
        for entry in journal(self.folder):
            if "do" in entry:
                begun[entry["n"]] = entry
            for arn in entry.get("done", []):
                lacking = entry.get("lacking", {}).get(arn, {})
                written[arn].update({k: v for k, v in begun[entry["n"]]["add"].items() if k not in lacking})
        return written

    def disturb_some(self, rng, share=0.5):
        for one in self.past.made:
            self.disturb(rng, one, share)

    def disturb(self, rng, one, share):
        """What somebody else does to a resource, at random."""
        if rng.random() > share:
            return
        put = lambda tags: one.kind.put(self.past.c, one.arn, tags)
        some = rng.choice(["Owner", "PrincipalId", "Team"])
        rng.choice([
            lambda: put({some: f"by-hand-{rng.randrange(99)}"}), lambda: put({"Later": "é"}), lambda: put({some.lower() + "-x": "1"}),
            lambda: one.kind.remove(self.past.c, one.arn, [some]), lambda: one.kind.remove(self.past.c, one.arn, ["Env"]),
            # By chance the same value as ours.
            lambda: put({some: one.planned.get(some, "x")}),
        ])()

    def stays_but_for_ours(self, apply):
        """Applying leaves each tag as it was, and adds exactly what the journal says."""
        before = self.past.tags()
        self.ends(apply())
        after, self.ours = self.past.tags(), self.written()
        for arn, tags in before.items():
            self.assertEqual({k: after[arn].get(k) for k in tags}, tags, arn)
            self.assertEqual({k: v for k, v in after[arn].items() if k not in tags}, self.ours.get(arn, {}), arn)

    def stays_but_for_what_is_ours_still(self, undo):
        """Undoing takes away what we wrote and nobody has changed. Gives how many tags of others stayed."""
        changed = self.past.tags()
        self.ends(undo())
        end, kept = self.past.tags(), 0
        for arn, tags in changed.items():
            foreign = {k: v for k, v in tags.items() if self.ours.get(arn, {}).get(k) != v}
            self.assertEqual(end[arn], foreign, arn)
            kept += len(foreign)
        return kept

    def killed_once(self, rng, go, name, again):
        """Starts a command, kills it at a random call, and gives whether it was before it had ended. `again` learns what was under way."""
        process = subprocess.Popen(self.command(*go, "--yes", "--rate", "100"), env=env_of(self.calls.url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.calls.kill_at(process, rng.choice(["read", "before", "after"]), rng.randint(1, 6))
        ended = process.wait(timeout=120)
        self.calls.kill = None
        if ended == 0:
            return False
        self.assertEqual(ended, -signal.SIGKILL)
        path = self.path(name)
        whole = open(path, "rb").read() if os.path.exists(path) else b""
        if whole and b'"done":' in whole.splitlines()[-1] and rng.random() < 0.3:
            # It was being written: as every line before it, the call before it was through.
            with open(path, "ab") as file:
                file.truncate(len(whole) - rng.randint(1, len(whole.splitlines()[-1])))
        entries = [json.loads(line) for line in open(path, "rb").read().split(b"\n")[:-1]] if whole else []
        known = {(entry["n"], arn) for entry in entries for part in ("done", "failed", "left") for arn in entry.get(part, [])}
        for entry in entries:
            if "do" in entry:
                change = "add" if entry["do"] == "tag" else "remove"
                again.update((change, arn) for arn in entry["arns"] if (entry["n"], arn) not in known)
        return True
