"""`aws-tags probe` against a local AWS whose tagging API refuses types as AWS does: exactly those are written, and nothing is changed."""
import collections
import datetime
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import local_aws
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines, read, session
from tagging_api import TaggingApi

ARNS_PER_CALL = 20
# Services' own answers, where moto has the services only in part. Lex and Keyspaces have looked for what does not exist.
ERRORS = {"lex": (404, "ResourceNotFoundException"), "cassandra": (404, "ResourceNotFoundException"), "appsync": (400, "BadRequestException"),
          "batch": (403, "AccessDeniedException"), "kinesisvideo": (404, "UnknownOperationException"), "athena": (400, "InvalidRequestException")}
# Some with many types, which need not be real for what is tested with them.
MANY = ("sagemaker", "glue", "iot", "connect")
ERRORS |= dict.fromkeys(MANY, (404, "ResourceNotFoundException"))
SERVICES = ("sns", "sqs", "cassandra", "lex", "kinesisvideo", "appsync", "athena", "batch", "iam", "securityhub")


class Probe(unittest.TestCase):
    def setUp(self):
        self.aws = TaggingApi(MOTO.url, ERRORS)
        self.file = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "probed.jsonl")

    def command(self, *arguments, services=SERVICES):
        return [COMMAND, "probe", "--out", self.file, "--services", ",".join(services), *arguments]

    def probe(self, *arguments, services=SERVICES, **env):
        return subprocess.run(self.command(*arguments, services=services), env=env_of(self.aws.url, **env), capture_output=True, text=True, timeout=600)

    def written(self):
        header, *rows = lines(read(self.file))
        return header, {row["type"]: row for row in rows}

    def asked(self):
        """The ARNs that the tagging API was asked about."""
        return [arn for _, arns in self.aws.calls for arn in arns]

    def test_known_refusals_are_written_and_nothing_else_is(self):
        done = self.probe()
        header, rows = self.written()
        self.assertEqual(done.returncode, 0, done)
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        self.assertEqual(header, {"version": 1, "date": today, "partition": "aws", "region": "default"})
        answers = collections.defaultdict(set)
        for name, row in rows.items():
            answers[row["tagResources"]["answer"] if "tagResources" in row else "not probed"].add(name)
        of = lambda *services: {name for name in rows if name.split(":")[0] in services}
        # Lex's and IAM's are known to be refused only because their own operations know the ARNs; of these, moto has no operations.
        unknown = {"iam:mfa", "iam:saml-provider", "iam:server-certificate"}
        refused = {"kinesisvideo:stream", "cassandra:keyspace", "cassandra:table", "lex:bot"} | of("iam") - unknown
        self.assertEqual(answers["refused"], refused)
        self.assertEqual(answers["unclear"], {"athena:workgroup", "athena:session", "batch:job-queue", "batch:quota-share", *unknown}
                         | of("appsync") - {"appsync:domain"})
        self.assertIn("securityhub:hub", answers["not probed"])
        self.assertEqual(answers["accepted"], set(rows) - refused - answers["unclear"] - answers["not probed"])
        self.assertTrue({"sns:topic", "sqs:queue", "lex:bot alias"} <= answers["accepted"])
        self.assertEqual(rows["lex:bot"]["tagResources"]["said"], "BadResourceException: The specified ARN '<arn>' is invalid.")
        self.assertEqual(rows["kinesisvideo:stream"]["tagResources"]["said"], "InvalidParameterException: Unrecognized service or resource type for tagging")
        self.assertIn("Refused by tag:TagResources", done.stdout)

    def test_the_catalog_takes_it_over(self):
        self.probe(services=("cassandra", "kinesisvideo", "sns"))
        root = self.enterContext(tempfile.TemporaryDirectory())
        for folder in ("crates/core/src/table/generated", "crates/catalog", "events/modelled"):
            os.makedirs(os.path.join(root, folder))
        catalog = [os.path.join(local_aws.TARGET, "debug", "catalog")]
        subprocess.run([*catalog, "generate", "--root", root, "--probed", self.file], check=True)
        text = read(os.path.join(root, "crates/core/src/table/generated/services.rs"))
        row = next(line for line in text.splitlines() if '"RestoreTable", "cassandra:table"' in line)
        service = next(line for line in text.splitlines() if 'name: "cassandra"' in line)
        self.assertIn("Route::TagOperation(&operations::KEYSPACES_TAG_RESOURCE)", service)
        self.assertIn(".probed()", row)
        of_both = re.compile('row\\("[A-Za-z]+", "(cassandra|kinesisvideo):')
        self.assertEqual([line for line in text.splitlines() if (".probed()" in line) != bool(of_both.search(line))], [])
        checked = subprocess.run([*catalog, "check", "--root", root, "--probed", self.file], capture_output=True, text=True)
        said = [line for line in checked.stderr.splitlines() if "a probe of AWS contradicts" in line]
        self.assertTrue(said and all("kinesisvideo" in line and "unknown operation" in line for line in said), checked)

    def test_what_the_own_operations_answer_is_written(self):
        self.probe()
        _, rows = self.written()
        own = {name: (rows[name]["tag"]["operation"], rows[name]["tag"]["answer"]) for name in
               ("sns:topic", "sqs:queue", "lex:bot", "cassandra:table", "kinesisvideo:stream", "batch:job-queue", "athena:workgroup", "iam:role")}
        self.assertEqual(own, {
            "sns:topic": ("sns:TagResource", "as-modelled"), "sqs:queue": ("sqs:TagQueue", "as-modelled"),
            "lex:bot": ("lex:TagResource", "as-modelled"), "cassandra:table": ("cassandra:TagResource", "as-modelled"),
            "kinesisvideo:stream": ("kinesisvideo:TagResource", "unknown-operation"), "batch:job-queue": ("batch:TagResource", "denied"),
            "athena:workgroup": ("athena:TagResource", "malformed"), "iam:role": ("iam:TagRole", "as-modelled"),
        })
        self.assertEqual(rows["sqs:queue"]["read"]["operation"], "sqs:ListQueueTags")

    def test_the_file_says_nothing_of_the_account(self):
        done = self.probe("--json")
        text = read(self.file)
        self.assertEqual(lines(done.stdout), sorted(lines(text)[1:], key=lambda row: [json.loads(line) for line in done.stdout.splitlines()].index(row)))
        names = {part for arn in self.asked() for part in re.split("[/:]", arn) if len(part) >= 26}
        for secret in (ACCOUNT, "arn:", REGION, "admin", "/jo", "0a1b2c3d", *names):
            self.assertNotIn(secret, text)
        self.assertNotRegex(text, r"\d{12}|[0-9a-f]{8}-[0-9a-f]{4}")
        types = [row["type"] for row in lines(text)[1:]]
        self.assertEqual(types, sorted(types), "a maintainer compares it with diff")

    def test_one_bad_arn_fails_no_other(self):
        self.probe(services=("iam", "cloudfront"))
        _, rows = self.written()
        self.assertEqual({rows[name]["tagResources"]["answer"] for name in rows if name.startswith("cloudfront:")}, {"accepted"})
        self.assertEqual({region for region, _ in self.aws.calls}, {"us-east-1"}, "all are global")

    def test_it_keeps_below_the_rate_of_the_tagging_api(self):
        self.probe(services=MANY)
        between = [after - before for before, after in zip(self.aws.times, self.aws.times[1:])]
        self.assertGreater(len(between), 5)
        self.assertGreater(min(between), 0.2, "4 a second, and the server's clock is not the command's")
        self.assertTrue(all(len(arns) <= ARNS_PER_CALL for _, arns in self.aws.calls))

    def test_a_tagging_api_that_throttles_is_asked_more_slowly(self):
        self.aws = TaggingApi(MOTO.url, ERRORS, quotas={"TagResources": 1})
        done = self.probe()
        _, rows = self.written()
        self.assertEqual(done.returncode, 0, done)
        self.assertGreater(self.aws.throttled["TagResources"], 0)
        self.assertTrue(all("tagResources" in row or "notProbed" in row for row in rows.values()))

    def test_an_interrupted_probe_goes_on(self):
        services = (*MANY, "sns")
        running = subprocess.Popen(self.command(services=services), env=env_of(self.aws.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.time() + 60
        while len(self.aws.calls) < 3 and time.time() < end:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
        _, before = self.written()
        self.assertEqual(running.returncode, 130)
        self.assertIn("the same command goes on", said)
        self.assertGreaterEqual(len(before), ARNS_PER_CALL)
        first = len(self.aws.calls)
        done = self.probe(services=services)
        _, rows = self.written()
        self.assertEqual((done.returncode, {name: rows[name] for name in before}), (0, before), done)
        self.assertIn(f"known before {len(before)}", done.stdout)
        self.assertIn("sns:topic", rows)
        left = sum("tagResources" in row for name, row in rows.items() if name not in before)
        self.assertEqual(sum(len(arns) for _, arns in self.aws.calls[first:]), left, "none is asked about again")
        asked = len(self.aws.calls)
        self.probe(services=services)
        self.assertEqual(len(self.aws.calls), asked)

    def test_nothing_is_changed(self):
        client = session(MOTO.url)
        topic = client("sns").create_topic(Name="kept", Tags=[{"Key": "Team", "Value": "a"}])["TopicArn"]
        queue = client("sqs").create_queue(QueueName="kept", tags={"Team": "a"})["QueueUrl"]
        client("iam").create_role(RoleName="kept", AssumeRolePolicyDocument="{}", Tags=[{"Key": "Team", "Value": "a"}])
        tags = lambda: (client("sns").list_tags_for_resource(ResourceArn=topic)["Tags"], client("sqs").list_queue_tags(QueueUrl=queue)["Tags"],
                        client("iam").list_role_tags(RoleName="kept")["Tags"])
        before = tags()
        self.probe()
        self.assertEqual(tags(), before)
        asked = [request for service, request in self.aws.own if service not in ("sts",)]
        self.assertTrue(asked)
        self.assertEqual([request for request in asked if "kept" in request or not re.search("[0-9a-z-]{26}|[0-9a-f]{32}", request)], [])

    def left_over(self):
        """What `--live` has made, and what is still there."""
        client = session(MOTO.url)
        return client("sqs").list_queues(QueueNamePrefix="aws-tags-probe-").get("QueueUrls", []) + [
            bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"] if bucket["Name"].startswith("aws-tags-probe-")]

    def live(self, *arguments, url=None):
        return subprocess.run([COMMAND, "probe", "--live", *arguments], env=env_of(url or self.aws.url), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=300)

    def test_rate_and_lags_are_measured_with_resources_of_its_own(self):
        self.aws = TaggingApi(MOTO.url, quotas={"TagResources": 5})
        self.aws.lag = 0.4
        done = self.live("--yes", "--json")
        self.assertEqual((done.returncode, self.left_over()), (0, []), done)
        queue, bucket, rate = lines(done.stdout)
        for lag, kind in ((queue, "sqs:queue"), (bucket, "s3:bucket")):
            self.assertEqual((lag["kind"], len(lag["milliseconds"]), lag["never"]), (kind, 5, 0))
            self.assertTrue(all(400 <= shown < 5000 for shown in lag["milliseconds"]), lag)
        self.assertTrue(rate["throttled"] and 5 <= rate["burst"] <= 10, rate)
        self.assertAlmostEqual(rate["perSecond"], 5, delta=2)
        self.assertLessEqual(rate["calls"], 200 + 10)

    def test_without_a_yes_nothing_is_made(self):
        done = self.live()
        self.assertEqual((done.returncode, done.stdout, self.aws.live_calls), (2, "", 0), done)
        self.assertIn("add --yes", done.stderr)
        self.assertEqual({service for service, _ in self.aws.own}, {"sts"})

    def test_what_was_made_is_deleted_after_an_error_and_after_ctrl_c(self):
        self.aws.faults["GetBucketTagging"] = "denied"
        failed = self.live("--yes")
        self.assertEqual((failed.returncode, self.left_over()), (2, []), failed)
        self.assertIn("cannot measure: AccessDenied", failed.stderr)
        self.aws.lag = 30
        running = subprocess.Popen([COMMAND, "probe", "--live", "--yes"], env=env_of(self.aws.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.time() + 60
        before = self.aws.live_calls
        while self.aws.live_calls == before and time.time() < end:
            time.sleep(0.02)
        self.assertEqual(len(self.left_over()), 2)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
        self.assertEqual((running.returncode, self.left_over()), (130, []), said)

    def test_no_permission_is_one_line_that_names_it(self):
        self.aws.denied = True
        done = self.probe()
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done)
        self.assertIn("tag:TagResources", done.stderr)
        self.assertEqual(len(self.aws.calls), 1)

    def test_a_dry_run_sends_nothing(self):
        done = self.probe("--dry-run", "--json")
        rows = {row["type"]: row for row in lines(done.stdout)}
        self.assertEqual((self.aws.calls, {service for service, _ in self.aws.own}, os.path.exists(self.file)), ([], {"sts"}, False), done)
        self.assertEqual(rows["sqs:queue"]["operations"], ["tag:TagResources", "sqs:ListQueueTags", "sqs:TagQueue"])
        self.assertRegex(rows["sqs:queue"]["arn"], f"^arn:aws:sqs:{REGION}:{ACCOUNT}:p[0-9a-z]{{25}}$")
        self.assertEqual(rows["iam:role"]["region"], "us-east-1")
        self.assertIsNone(rows["securityhub:hub"]["arn"])

    def test_bad_input_is_one_line(self):
        with open(self.file, "w") as file:
            file.write('{"version":1,"date":"2026-11-26","partition":"aws-cn","region":"default"}\n')
        for arguments, services, said in (((), SERVICES, "expected a probe of a Region like eu-west-1"), ((), ("snss",), "`snss` is not a supported service")):
            done = self.probe(*arguments, services=services)
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done)
            self.assertIn(said, done.stderr)
        self.assertEqual(self.aws.calls, [])


def setUpModule():
    global MOTO
    MOTO = local_aws.moto()
