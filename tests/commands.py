#!/usr/bin/env python3
"""The commands of infra/README.md: a shell runs them unchanged, and the AWS CLI parses each `aws` command, builds its request
and validates it against the API's model. Nothing leaves the machine: AWS's answers are made up from the model.

usage: commands.py | commands.py aws …    (the latter stands in for `aws` in that shell)
"""
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import types
import unittest

import local_aws
from local_aws import ROOT, TARGET, read

local_aws.run_in("aws-cli")

from deploy import parameters  # noqa: E402

README = os.path.join(ROOT, "infra", "README.md")
# Variables that readers must have; the README sets all others.
GIVEN = {"HOME_REGION": "eu-west-1", "DEPLOYMENT_ACCOUNT": "111122223333"}
# Other programs that the README calls. They are replaced by programs that do nothing.
OTHERS = ("bin/make", "bin/cargo", "bin/sleep", "infra/deploy.py")
UPLOADED = ("target/lambda/tag-handler/bootstrap.zip", "target/lambda/session-recorder/bootstrap.zip",
            "infra/tag-handler.yaml", "infra/session-recorder.yaml", "infra/region-forwarder.yaml")


def answered(shape, within=()):
    """An answer of the given shape. Operations have succeeded, and lists have no next page."""
    kind = shape.type_name
    if kind == "structure":
        members = {} if shape.name in within else shape.members
        return {name: answered(member, (*within, shape.name)) for name, member in members.items()
                if not re.search("(Next|Continuation).*(Token|Marker)", name)}
    if kind == "list":
        return [answered(shape.member, within)]
    if kind == "map":
        return {"key": answered(shape.value, within)}
    if kind == "string":
        name = shape.name.ljust(shape.metadata.get("min", 0), "x")
        return "SUCCEEDED" if "SUCCEEDED" in shape.enum else (*shape.enum, name)[0]
    plain = {"timestamp": "2026-01-01T00:00:00Z", "boolean": False, "blob": io.BytesIO(b"x"), "float": 1.0, "double": 1.0}
    return plain.get(kind, 1)


def stand_in(arguments):
    """The AWS CLI without its last step: the request is written down instead of sent."""
    from awscli.clidriver import create_clidriver

    asked = {}

    def note(params, model, **_):
        asked[model.name] = params

    def answer(model, **_):
        line = {"command": arguments[:2], "operation": model.name, "asked": asked.get(model.name)}
        with open(os.environ["NOTED"], "a") as file:
            file.write(json.dumps(line, default=str) + "\n")
        shape = model.output_shape
        return types.SimpleNamespace(status_code=200), {**(answered(shape) if shape else {}), "ResponseMetadata": {}}

    driver = create_clidriver()
    driver.session.register("before-parameter-build.*.*", note)
    driver.session.register("before-call.*.*", answer)
    return driver.main(arguments)


def blocks(language):
    """The README's code blocks in a language, in order."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", read(README), re.M | re.S)
    return [text for _, text in found]


def run(script):
    """The finished shell that ran a script, and the requests that its `aws` commands made."""
    with tempfile.TemporaryDirectory() as folder:
        noted = os.path.join(folder, "noted")
        aws = f'exec "{sys.executable}" "{os.path.abspath(__file__)}" aws "$@"'
        files = {"bin/aws": aws, **dict.fromkeys(OTHERS, "true"), **dict.fromkeys((*UPLOADED, "noted"))}
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
        alarms = [text.count("Type: AWS::CloudWatch::Alarm") for text in (handler, recorder)]
        self.assertIn(f"{alarms[0]} alarms, dashboard", readme)
        self.assertIn(f"rule, {alarms[1]} alarms", readme)
        self.assertIn(f"{sum(alarms)} → ${sum(alarms) / 10:.2f}", readme)

    def test_cargo_builds_packages_of_the_workspace(self):
        command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
        metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
        built = {name for line in self.script.splitlines() if line.startswith("cargo ") for name in re.findall(r" -p (\S+)", line)}
        self.assertTrue(built)
        self.assertLessEqual(built, {package["name"] for package in metadata["packages"]})

    def test_policies_are_json(self):
        policies = [json.loads(text) for text in blocks("json")]
        self.assertEqual({policy["Version"] for policy in policies}, {"2012-10-17"})


if __name__ == "__main__":
    if sys.argv[1:2] == ["aws"]:
        sys.exit(stand_in(sys.argv[2:]))
    unittest.main(verbosity=2)
