"""A hand edit in any kind of derived file is found, and what to run is said: each kind is edited in a copy of the repository, which the
checks of `make check` then read."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

from local_aws import COMMAND, ROOT, TARGET, read

# A file of each kind, and a change that a hand could make.
TABLE = {
    "crates/core/src/table/generated/services.rs": ("CreateQueue", "MakeQueue"),
    "crates/core/src/table/generated/operations.rs": ("TagResource", "MarkResource"),
    "crates/core/src/table/generated/arn_formats.rs": ("sqs:queue", "sqs:row"),
    "crates/core/src/table/generated/evidence.rs": ("CreateQueue", "MakeQueue"),
    "crates/catalog/COVERAGE.md": ("# Coverage", "# Covered"),
}
SNAPSHOTS = {"events/sns/CreateTopic.txt": ("outcome   tag", "outcome   none"), "events/sessions/oidc.txt": ("owner", "0wner")}
TEMPLATES = {"infra/tag-handler.yaml": ("sqs:TagQueue", "sqs:UntagQueue"), "infra/region-forwarder.yaml": ('"CreateTopic"', '"MakeTopic"')}
DOCS = {"infra/README.md": [("Key of the owner tag.", "A key."), ("| `LogRetentionInDays` |", "| `LogDays` |"),
                            ("| `ForwardingAlarm` |", "| `ForwardAlarm` |"), ("| alarms | $1.80 |", "| alarms | $1.08 |")]}


class HandEdits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.copy = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.copy)
        for folder in ("infra", "events", "crates/core/src/table/generated"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(cls.copy, folder))
        for path in ("crates/catalog/COVERAGE.md", "tests/iam-tags.json", "crates/cli/tests/session-iam-tags.json"):
            os.makedirs(os.path.join(cls.copy, os.path.dirname(path)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), os.path.join(cls.copy, path))

    def edit(self, path, old, new):
        path = os.path.join(self.copy, path)
        text = read(path)
        self.assertIn(old, text, path)
        self.addCleanup(self.write, path, text)
        self.write(path, text.replace(old, new, 1))

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def run_check(self, command, **env):
        return subprocess.run(command, cwd=self.copy, capture_output=True, text=True, env={**os.environ, **env})

    def test_in_what_is_generated_from_the_packages(self):
        (first, *_) = sorted(os.listdir(os.path.join(self.copy, "events", "modelled")))
        edits = {**TABLE, f"events/modelled/{first}": ("eventName", "eventname")}
        for path, (old, new) in edits.items():
            self.edit(path, old, new)
        extra = os.path.join(self.copy, "events/modelled/unknown.json")
        self.write(extra, "{}")
        self.addCleanup(os.remove, extra)
        done = self.run_check([os.path.join(TARGET, "debug", "catalog"), "check", "--root", self.copy])
        if "skipped" in done.stderr:
            self.skipTest(done.stderr)
        self.assertNotEqual(done.returncode, 0)
        for path in edits:
            self.assertIn(f"{path} differs from what the packages give", done.stderr)
        self.assertIn("events/modelled/unknown.json is left over", done.stderr)
        self.assertIn("run `make generate`", done.stderr)

    def test_in_snapshots(self):
        for path, (old, new) in SNAPSHOTS.items():
            self.edit(path, old, new)
        command = ["cargo", "test", "--workspace", "--all-features", "--locked", "--quiet", "--no-fail-fast", "--manifest-path",
                   os.path.join(ROOT, "Cargo.toml"), "--test", "events", "--test", "sessions"]
        done = self.run_check(command, REPOSITORY=self.copy)
        self.assertNotEqual(done.returncode, 0)
        for path in SNAPSHOTS:
            self.assertIn(re.sub(r"\.txt$", ".json", path), done.stdout + done.stderr)
        self.assertIn("run `make generate`", done.stdout + done.stderr)

    def generate(self, *arguments):
        return self.run_check([sys.executable, os.path.join(self.copy, "infra", "generate.py"), "--command", COMMAND, *arguments])

    def test_in_templates_and_docs(self):
        self.assertEqual(self.generate("--check").returncode, 0)
        wanted = {"infra/tag-handler.yaml": "policies", "infra/region-forwarder.yaml": "rules"}
        for path, (old, new) in TEMPLATES.items():
            with self.subTest(path):
                self.edit(path, old, new)
                done = self.generate("--check")
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"{os.path.basename(path)}: {wanted[path]}", done.stderr)
                self.assertIn("run `make generate`", done.stderr)
        for part, (old, new) in zip(("settings", "parameters", "alarms", "costs"), DOCS["infra/README.md"]):
            with self.subTest(part):
                self.edit("infra/README.md", old, new)
                self.assertIn(f"README.md: {part}", self.generate("--check").stderr)
        # And what it writes is what was there.
        self.assertEqual(self.generate().returncode, 0)
        for path in (*TEMPLATES, *DOCS):
            self.assertEqual(read(os.path.join(self.copy, path)), read(os.path.join(ROOT, path)))


class Dependencies(unittest.TestCase):
    def test_each_is_listed_with_a_reason(self):
        used = set()
        for path in glob.glob(os.path.join(ROOT, "crates", "*", "Cargo.toml")):
            manifest = tomllib.loads(read(path))
            used |= {name for section in ("dependencies", "dev-dependencies") for name in manifest.get(section, {})}
        ours = {name for name in used if name.startswith("aws-tags")}
        part = read(os.path.join(ROOT, "crates", "README.md")).split("## Dependencies")[1].split("\n## ")[0]
        listed = {name for line in part.splitlines() if line.startswith("| `") for name in re.findall(r"`([a-z0-9_-]+)`", line.split("|")[1])}
        self.assertEqual(listed, used - ours)
