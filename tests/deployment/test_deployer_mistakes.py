"""Everyday mistakes of a deployer: each ends infra/deploy.py with one line that says what to do, and leaves nothing behind."""
import os
import pty
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import local_aws
from deploy import address
from local_aws import REGION, ROOT, client_env


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, cls.faults = local_aws.ministack_as_aws()
        cls.c = staticmethod(local_aws.session(cls.server.url))
        cls.code = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.code.cleanup)
        for name in ("tag-handler.zip", "session-recorder.zip"):
            with open(os.path.join(cls.code.name, name), "wb") as file:
                file.write(b"PK")

    def setUp(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.server.url}/_ministack/reset", b"", method="POST"))
        self.addCleanup(self.faults.tell)

    def command(self, *arguments):
        return [sys.executable, os.path.join(ROOT, "infra", "deploy.py"), "--home", REGION, "--code", self.code.name, "--no-doctor",
                "--endpoint-url", self.faults.url, *arguments]

    def one_line(self, *arguments, **more):
        """The one line that a failed deployment says last, as an error, with no traceback before it."""
        env = {**os.environ, **client_env(self.faults.url), **more}
        done = subprocess.run(self.command("--yes", *arguments), env=env, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 1, done)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr.splitlines()[-1]

    def fault(self, operation, code, message="no"):
        self.faults.tell({"service": "*", "operation": operation, "times": 1, "error": {"code": code, "message": message}})

    def stacks(self):
        return self.c("cloudformation").describe_stacks()["Stacks"]

    def test_no_credentials(self):
        with tempfile.TemporaryDirectory() as home:
            line = self.one_line(HOME=home, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_EC2_METADATA_DISABLED="true")
            self.assertTrue(line.startswith("error: no AWS credentials: log in"), line)
            line = self.one_line("--profile", "prod", HOME=home)
            self.assertEqual(line, "error: --profile: The config profile (prod) could not be found; `aws configure list-profiles` shows all")

    def test_credentials_that_aws_does_not_take(self):
        self.fault("GetCallerIdentity", "ExpiredToken")
        self.assertTrue(self.one_line().startswith("error: the AWS credentials have expired: log in again"))
        self.fault("GetCallerIdentity", "InvalidClientTokenId")
        self.assertIn("AWS does not take the credentials", self.one_line())

    def test_a_missing_permission(self):
        self.fault("CreateChangeSet", "AccessDenied", "User: ann is not authorized to perform: cloudformation:CreateChangeSet")
        line = self.one_line()
        self.assertIn("ann is not authorized to perform: cloudformation:CreateChangeSet: infra/deployer-policy.json has", line)
        self.assertEqual(self.stacks(), [])

    def test_a_region_that_does_not_exist_or_is_not_enabled(self):
        for wrong in (["--home", "eu-west-9"], ["--regions", "eu-west-9"], ["--set", "RecorderRegions=eu-west-9"]):
            self.assertTrue(self.one_line(*wrong).startswith("no Region eu-west-9: expected"), wrong)
        self.assertEqual(self.c("s3").list_buckets()["Buckets"], [])

    def test_no_network(self):
        line = self.one_line("--endpoint-url", "http://127.0.0.1:1")
        self.assertIn('Could not connect to the endpoint URL: "http://127.0.0.1:1/": no such Region, or no network', line)

    def test_code_that_is_not_there(self):
        line = self.one_line("--code", os.path.join(ROOT, "infra"))
        self.assertTrue(line.endswith("expected tag-handler.zip and session-recorder.zip"), line)

    def test_settings_that_do_not_exist(self):
        self.assertIn("expected `Parameter=value` with one of the parameters", self.one_line("--set", "Onwer=x"))

    def test_a_pipeline_that_cannot_be_asked(self):
        done = subprocess.run(self.command(), env={**os.environ, **client_env(self.faults.url)}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600)
        self.assertEqual((done.returncode, done.stderr), (1, "cannot ask for confirmation without a terminal: pass --yes\n"))

    def test_a_refused_first_change_set_leaves_no_stack(self):
        self.fault("DescribeChangeSet", "ValidationError")
        self.assertTrue(self.one_line().startswith(f"{REGION} aws-tags-tag-handler:"))
        self.assertEqual(self.stacks(), [])

    def test_a_declined_first_change_set_leaves_no_stack(self):
        ours, its = pty.openpty()
        os.write(ours, b"n\n")
        done = subprocess.run(self.command(), env={**os.environ, **client_env(self.faults.url)}, stdin=its, capture_output=True, text=True,
                              timeout=600)
        self.assertEqual(done.returncode, 1, done)
        self.assertTrue(done.stderr.endswith(f"{REGION} aws-tags-tag-handler: nothing was changed\n"), done.stderr)
        self.assertEqual(self.stacks(), [])

    def test_templates_have_the_address_of_their_region(self):
        import boto3
        for region, host in (("eu-central-2", "s3.eu-central-2.amazonaws.com"), ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn")):
            s3 = boto3.Session(region_name=region).client("s3")
            self.assertEqual(address(s3, "aws-tags-code-1", "x/t.yaml"), f"https://aws-tags-code-1.{host}/x/t.yaml")
        s3 = boto3.Session(region_name=REGION).client("s3", endpoint_url="http://127.0.0.1:4566")
        self.assertEqual(address(s3, "aws-tags-code-1", "x/t.yaml"), "http://127.0.0.1:4566/aws-tags-code-1/x/t.yaml")
