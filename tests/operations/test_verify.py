"""`aws-tags verify` on stacks of three Regions in a local AWS, whole and with each hop broken. The local AWS writes no records of
calls: support/call_recorder.py does, in place of CloudTrail.
"""
import os
import re
import signal
import subprocess
import time

from call_recorder import CallRecorder
from cloudformation import Template
from iam_simulator import listed
from local_aws import COMMAND, REGION, ROOT, env_of, lines, read, snapshot
from three_regions import GLOBAL_REGION, OTHER_REGION, Stacks, until

REGIONS = (REGION, GLOBAL_REGION, OTHER_REGION)
KINDS = {"queue": "sqs.amazonaws.com", "security group": "ec2.amazonaws.com", "bucket": "s3.amazonaws.com"}
# Permissions that other calls need besides their own.
NAMES_GROUPS = {"ec2:CreateTags"}
PASSES_TAGS_AND_READS_ENCRYPTED = {"sts:TagSession", "kms:Decrypt"}
# Long enough for what arrives, and for what is broken to be given up.
WAIT = "20"


class Verify(Stacks):
    # As in the template, with a shorter delay: each event is tried once while a test lasts, and after its session is recorded.
    VISIBILITY_TIMEOUT, ATTEMPTS, DELAY = "190", 100, "5"

    def setUp(self):
        super().setUp()
        self.make_trail()
        self.deploy()
        self.c("cloudformation").create_stack(StackName="aws-tags-verify", TemplateBody=read(os.path.join(ROOT, "infra", "verify.yaml")),
                                              Capabilities=["CAPABILITY_NAMED_IAM"])
        self.trail = CallRecorder(self.server.url)
        self.addCleanup(self.trail.shutdown)

    def command(self, *arguments, wait=WAIT):
        return [COMMAND, "verify", "--regions", OTHER_REGION, "--wait", wait, *arguments]

    def start(self):
        """A run that waits for what cannot come, once it has made everything."""
        self.switch_off("aws-tags-tag-handler", REGION)
        made = lambda: len([record for record in self.trail.records if record["eventName"].startswith("Create")])
        before = made()
        run = subprocess.Popen(self.command(wait="100"), env=env_of(self.trail.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        self.assertTrue(until(lambda: made() == before + 9, 30), "not everything was made")
        time.sleep(1)
        return run

    def verify(self, *arguments, wait=WAIT):
        return subprocess.run(self.command(*arguments, wait=wait), env=env_of(self.trail.url), capture_output=True, text=True, timeout=300)

    def stops(self, wait=WAIT):
        """Where each record that did not arrive stopped, by Region and kind."""
        done = self.verify("--json", wait=wait)
        found = lines(done.stdout)
        self.assertEqual(len(found), 12, done)
        stopped = [row for row in found if row["outcome"] == "stopped"]
        self.assertEqual(done.returncode, 1 if stopped else 0, done)
        for row in stopped:
            self.assertTrue(row["found"] and row["todo"], row)
        self.found = {(row["region"], row["what"]): row["found"] for row in stopped}
        self.assert_nothing_is_left()
        return {(row["region"], row["what"]): row["stoppedAt"] for row in stopped}

    def assert_nothing_is_left(self):
        buckets = [bucket["Name"] for bucket in self.c("s3").list_buckets()["Buckets"]]
        left = [name for name in buckets if name.startswith("aws-tags-verify-")]
        for region in REGIONS:
            left += self.c("sqs", region).list_queues(QueueNamePrefix="aws-tags-verify-").get("QueueUrls", [])
            groups = self.c("ec2", region).describe_security_groups()["SecurityGroups"]
            left += [group["GroupName"] for group in groups if group["GroupName"].startswith("aws-tags-verify-")]
        self.assertEqual(left, [])

    def test_all_arrives_in_three_regions_and_nothing_is_left(self):
        done = self.verify(wait="60")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        done.stdout = re.sub(r"verify-[0-9a-f]{10}-", "verify-<run>-", re.sub(r"\d+ s\b", "<time>", done.stdout))
        # They come in the order in which they arrived.
        done.stdout = re.sub(r"(\w+-\w+-\d .+\n)+", lambda rows: "".join(sorted(rows[0].splitlines(keepends=True))), done.stdout)
        snapshot(self, "verify", done)
        self.assert_nothing_is_left()
        self.assertEqual((self.stops(wait="60"), self.found), ({}, {}))

    def test_a_rule_of_the_home_region_that_is_off(self):
        off = self.disable_rule_of("queue", REGION)
        self.assertEqual(self.stops(), {(region, kind): "rule" for region in REGIONS for kind in off})
        self.assertIn(f"in {REGION} is disabled", self.found[OTHER_REGION, "queue"])

    def test_a_rule_of_another_region_that_is_off(self):
        off = self.disable_rule_of("queue", OTHER_REGION)
        self.assertEqual(self.stops(), {(OTHER_REGION, kind): "rule" for kind in off})
        self.assertIn(f"in {OTHER_REGION} is disabled", self.found[OTHER_REGION, "queue"])

    def disable_rule_of(self, kind, region):
        """Disables the rule for a kind; gives all kinds that it is for."""
        events = self.c("events", region)
        (rule,) = (rule for rule in events.list_rules()["Rules"] if f'"{KINDS[kind]}"' in rule.get("EventPattern", ""))
        events.disable_rule(Name=rule["Name"])
        off = {other for other, source in KINDS.items() if f'"{source}"' in rule["EventPattern"]}
        self.assertNotEqual(off, set(KINDS))
        return off

    def test_a_mapping_that_is_off(self):
        self.switch_off("aws-tags-tag-handler", REGION)
        self.assertEqual(self.stops(), {(region, kind): "mapping" for region in REGIONS for kind in KINDS})

    def test_a_recorders_mapping_that_is_off(self):
        self.switch_off("aws-tags-session-recorder", GLOBAL_REGION)
        self.assertEqual(self.stops(), {(GLOBAL_REGION, what): "mapping" for what in ("session", *KINDS)})
        self.assertIn("its session did not come", self.found[GLOBAL_REGION, "queue"])

    def switch_off(self, function, region):
        functions = self.c("lambda", region)
        (mapping,) = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def test_a_table_that_is_gone(self):
        self.c("dynamodb").delete_table(TableName="aws-tags-sessions")
        self.assertEqual(self.stops(), {(region, what): "table" for region in REGIONS for what in ("session", *KINDS)})

    def test_a_permission_that_is_missing(self):
        self.deny_tagging()
        self.assertEqual(self.stops(), {(region, kind): "tags" for region in REGIONS for kind in ("queue", "bucket")})
        self.assertIn("AccessDenied", self.found[REGION, "queue"])

    def deny_tagging(self):
        """Denies both ways in which a queue may be tagged: alone, or together with the bucket."""
        denied = {"service": "*", "times": 99, "error": {"code": "AccessDeniedException"}}
        self.faults.tell(*({**denied, "operation": name} for name in ("TagQueue", "TagResources")))

    def test_a_recorder_that_may_not_write(self):
        self.faults.tell({"service": "*", "operation": "PutItem", "times": 999, "error": {"code": "AccessDeniedException"}})
        stopped = self.stops()
        self.assertEqual({stopped[region, "session"] for region in REGIONS}, {"table"})
        self.assertEqual(set(stopped.values()), {"table"})

    def test_a_forwarder_that_is_gone(self):
        self.c("cloudformation", OTHER_REGION).delete_stack(StackName="aws-tags-region-forwarder")
        self.assertEqual(self.stops(), {(OTHER_REGION, what): "forwarder" for what in ("session", *KINDS)})

    def test_a_recorder_that_is_gone(self):
        self.c("lambda", GLOBAL_REGION).delete_function(FunctionName="aws-tags-session-recorder")
        stopped = self.stops()
        self.assertEqual(stopped, {(GLOBAL_REGION, what): "function" for what in ("session", *KINDS)})
        self.assertIn("no function `aws-tags-session-recorder`", self.found[GLOBAL_REGION, "session"])

    def test_a_queue_that_is_gone(self):
        self.c("sqs").delete_queue(QueueUrl=self.queue("aws-tags-creations"))
        self.assertEqual(self.stops(), {(region, kind): "queue" for region in REGIONS for kind in KINDS})

    def test_a_trail_that_does_not_log(self):
        self.c("cloudtrail").stop_logging(Name="main")
        self.trail.sends = False
        self.assertEqual(self.stops(), {(region, what): "CloudTrail" for region in REGIONS for what in ("session", *KINDS)})

    def test_a_role_that_may_not_make_something(self):
        self.trail.refuses = "CreateSecurityGroup"
        self.assertEqual(self.stops(), {(region, "security group"): "call" for region in REGIONS})

    def test_the_policies_of_the_template_are_what_is_used(self):
        # So that there are dead letters to be looked at.
        self.deny_tagging()
        self.verify(wait="60")
        self.verify("--clean-up")
        template = Template("verify")
        of_role = template.policies("Role")["make-and-delete"]
        of_caller = template.resources["Caller"]["Properties"]["PolicyDocument"]
        for is_session, policy, implied in ((True, of_role, NAMES_GROUPS), (False, of_caller, PASSES_TAGS_AND_READS_ENCRYPTED)):
            allowed = {action for statement in policy["Statement"] for action in listed(statement["Action"])}
            self.assertEqual(allowed - implied, self.trail.used[is_session] - {"sts:GetCallerIdentity"})

    def test_what_is_wrong_before_it_begins(self):
        done = self.verify("--role", "arn:aws:iam::111122223333:role/nobody")
        self.assertEqual((done.returncode, done.stdout.count("\n")), (2, 3), done)
        self.assertIn("cannot assume arn:aws:iam::111122223333:role/nobody", done.stderr)
        self.assertIn("deploy `infra/verify.yaml`, or name a role with --role", done.stderr)
        self.c("lambda").delete_function(FunctionName="aws-tags-tag-handler")
        done = self.verify()
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(f"no function `aws-tags-tag-handler` in {REGION}", done.stderr)

    def test_an_interrupted_run_leaves_nothing(self):
        for sent in (signal.SIGINT, signal.SIGTERM):
            run = self.start()
            run.send_signal(sent)
            _, said = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 130, said)
            self.assertIn("interrupted: deleting what was made", said)
            self.assert_nothing_is_left()

    def test_what_a_killed_run_left_is_cleaned_up(self):
        run = self.start()
        run.kill()
        run.wait()
        done = self.verify("--clean-up")
        self.assertEqual((done.returncode, done.stdout), (0, "deleted: 9 resources\n"), done)
        self.assert_nothing_is_left()
