"""The commands of infra/README.md: a shell runs them unchanged, and the AWS CLI parses each `aws` command, builds its request
and validates it against the API's model. Nothing leaves the machine: AWS's answers are made up from the model.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from deploy import parameters
from local_aws import ROOT, TARGET, read, tool

README = os.path.join(ROOT, "infra", "README.md")
STAND_IN = os.path.join(ROOT, "tests", "support", "aws_cli_stand_in.py")
# Variables that readers must have; the README sets all others.
GIVEN = {"HOME_REGION": "eu-west-1", "DEPLOYMENT_ACCOUNT": "111122223333"}
# Other programs that the README calls. They are replaced by programs that do nothing.
OTHERS = ("bin/aws-tags", "bin/make", "bin/cargo", "bin/sleep", "infra/deploy.py")
UPLOADED = ("target/lambda/tag-handler/bootstrap.zip", "target/lambda/session-recorder/bootstrap.zip",
            "infra/tag-handler.yaml", "infra/session-recorder.yaml", "infra/region-forwarder.yaml")
# Files whose content goes into a request.
PASSED = ("infra/verify.yaml",)


def blocks(language):
    """The README's code blocks in a language, in order."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", read(README), re.M | re.S)
    return [text for _, text in found]


def run(script):
    """The finished shell that ran a script, and the requests that its `aws` commands made."""
    with tempfile.TemporaryDirectory() as folder:
        noted = os.path.join(folder, "noted")
        aws = f'exec "{os.path.join(tool("aws-cli"), "python")}" "{STAND_IN}" "$@"'
        files = {"bin/aws": aws, **dict.fromkeys(OTHERS, "true"), **dict.fromkeys((*UPLOADED, "noted"))}
        for name in PASSED:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), os.path.join(folder, name))
        for name, does in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(f"#!/bin/sh\n{does}\n" if does else "")
            os.chmod(path, 0o755)
        env = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": folder, "NOTED": noted, "AWS_ACCESS_KEY_ID": "none",
               "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true", "CARGO_TARGET_DIR": TARGET, "PYTHONUTF8": "1", **GIVEN}
        done = subprocess.run(["sh", "-eu", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=600)
        return done, [json.loads(line) for line in read(noted).splitlines()]


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.script = "\n".join(blocks("sh"))
        cls.done, cls.requests = run(cls.script)

    def test_a_shell_runs_them_and_the_aws_cli_knows_every_option(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        self.assertEqual(self.done.stderr, "")

    def test_every_command_makes_a_request(self):
        written = set(re.findall(r"\baws ([a-z0-9]+) ([a-z0-9-]+)", self.script))
        self.assertGreater(len(written), 15)
        self.assertEqual(written, {tuple(request["command"]) for request in self.requests})

    def test_stack_sets_get_only_parameters_of_their_templates(self):
        seen = set()
        for request in self.requests:
            asked = request["asked"] or {}
            given = asked.get("Parameters", []) + asked.get("ParameterOverrides", [])
            if given:
                template = asked["StackSetName"].removeprefix("aws-tags-")
                seen.add(template)
                self.assertLessEqual({one["ParameterKey"] for one in given}, set(parameters(template)), template)
                self.assertEqual(os.path.basename(asked.get("TemplateURL", f"{template}.yaml")), f"{template}.yaml")
        self.assertEqual(seen, {"tag-handler", "session-recorder", "region-forwarder"})

    def test_wrong_commands_are_found(self):
        wrong = {
            "aws cloudformation create-stack-set --stack-set-name x --call-us SELF": "Unknown options: --call-us",
            "aws cloudformation create-stack-set --stack-set-name x --managed-execution Activ=true": "Activ",
            "aws cloudformation create-stack-instances --stack-set-name x": "required: --regions",
            "aws s3 cp no-such-file s3://bucket/key": "no-such-file",
            "aws cloudformation make-stack-set --stack-set-name x": "Invalid choice",
        }
        for command, complaint in wrong.items():
            with self.subTest(command):
                done, requests = run(f"export AWS_DEFAULT_REGION=eu-west-1\n{command}")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(complaint, done.stderr)
                self.assertEqual(requests, [])

    def test_numbers_match_the_templates(self):
        handler, recorder = (read(os.path.join(ROOT, "infra", f"{name}.yaml")) for name in ("tag-handler", "session-recorder"))
        readme = read(README)
        for name, row in (("DelaySeconds", "`DelaySeconds`"), ("VisibilityTimeout", "`VisibilityTimeout`"), ("Timeout", "Timeout of"),
                          ("maxReceiveCount", "`maxReceiveCount`"), ("BatchSize", "Batch")):
            numbers = [int(next(iter(re.findall(rf"^ +{name}: (\d+)$", text, re.M)), 0)) for text in (handler, recorder)]
            found = re.search(rf"^\| {row}[^|]*\| (\d+)[^|]*\| (\d+)", readme, re.M)
            self.assertEqual([int(number) for number in found.groups()], numbers, name)

    def test_cargo_builds_packages_of_the_workspace(self):
        command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
        metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
        built = {name for line in self.script.splitlines() if line.startswith("cargo ") for name in re.findall(r" -p (\S+)", line)}
        self.assertTrue(built)
        self.assertLessEqual(built, {package["name"] for package in metadata["packages"]})

    def test_policies_are_json(self):
        policies = [json.loads(text) for text in blocks("json")]
        self.assertEqual({policy["Version"] for policy in policies}, {"2012-10-17"})
