"""The stacks in a local AWS: deployed by infra/deploy.py into three Regions, with the built functions. Each test starts with an empty
account.

Two things differ from the templates: queues retry after a second instead of minutes, and the rule for sessions has the state
`ENABLED`, because the local AWS does not know the state that the template gives it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import zipfile

import local_aws
from local_aws import ACCOUNT, REGION, ROOT, TARGET, client_env

# Where the global endpoint of STS is logged, with a session recorder; and a Region with a forwarder only.
GLOBAL_REGION, OTHER_REGION = "us-east-1", "eu-central-1"


def zipped():
    """A folder with a zip file of each built function, as Lambda expects it."""
    folder = tempfile.mkdtemp()
    for name in ("tag-handler", "session-recorder"):
        with zipfile.ZipFile(os.path.join(folder, f"{name}.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            info = zipfile.ZipInfo("bootstrap")
            info.external_attr = 0o755 << 16
            with open(os.path.join(TARGET, "debug", name), "rb") as binary:
                file.writestr(info, binary.read(), zipfile.ZIP_DEFLATED, 1)
    return folder


def until(what, seconds=120):
    """Calls `what` until it returns something true, and returns that."""
    end = time.time() + seconds
    while time.time() < end:
        found = what()
        if found:
            return found
        time.sleep(0.5)
    return what()


class Stacks(unittest.TestCase):
    # Seconds instead of minutes, two attempts, no delay of creations.
    VISIBILITY_TIMEOUT, ATTEMPTS, DELAY = "1", 2, "0"

    @classmethod
    def setUpClass(cls):
        cls.server, cls.faults = local_aws.ministack_as_aws()
        cls.c = staticmethod(local_aws.session(cls.server.url))
        cls.code = zipped()
        cls.addClassCleanup(shutil.rmtree, cls.code)

    def setUp(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.server.url}/_ministack/reset", b"", method="POST"))
        self.addCleanup(self.faults.tell)

    def run_deploy(self, *arguments):
        command = [sys.executable, os.path.join(ROOT, "infra", "deploy.py"), "--home", REGION, "--regions", OTHER_REGION,
                   "--endpoint-url", self.server.url, "--yes", *arguments]
        env = {**os.environ, **client_env(self.server.url)}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)

    def deploy(self, *settings, recorders=(REGION, GLOBAL_REGION)):
        done = self.run_deploy("--code", self.code, "--no-doctor", "--set", "Architecture=x86_64", *settings)
        self.assertEqual(done.returncode, 0, done.stderr)
        for region, name in ((REGION, "aws-tags-creations"), *((region, "aws-tags-sessions") for region in recorders)):
            dead = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}-dead-letters"
            self.c("sqs", region).set_queue_attributes(QueueUrl=self.queue(name, region), Attributes={
                "VisibilityTimeout": self.VISIBILITY_TIMEOUT, "DelaySeconds": self.DELAY if name == "aws-tags-creations" else "0",
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": self.ATTEMPTS})})
        self.enable_session_rules(recorders)
        return done.stderr

    def enable_session_rules(self, recorders):
        """The local AWS delivers no events for rules in the state that includes read events."""
        for region in (REGION, GLOBAL_REGION, OTHER_REGION):
            events = self.c("events", region)
            (rule,) = (rule for rule in events.list_rules()["Rules"] if rule["Name"].endswith("sessions"))
            self.assertEqual(rule["Name"], "aws-tags-sessions" if region in recorders else "aws-tags-forwarded-sessions")
            self.assertIn(rule["State"], ("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "ENABLED"))
            events.put_rule(Name=rule["Name"], EventPattern=rule["EventPattern"], State="ENABLED")

    def queue(self, name, region=REGION):
        return self.c("sqs", region).get_queue_url(QueueName=name)["QueueUrl"]

    def make_trail(self):
        self.c("s3").create_bucket(Bucket="trail", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.c("cloudtrail").create_trail(Name="main", S3BucketName="trail", IsMultiRegionTrail=True)
        self.c("cloudtrail").start_logging(Name="main")

    def log(self):
        return local_aws.read(self.server.log)[-4000:]
