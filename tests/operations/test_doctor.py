"""`aws-tags doctor` in a local AWS, on an installation with every possible fault, one at a time."""
import datetime
import json
import subprocess
import time
import unittest

import local_aws
from fault_proxy import Unreliable
from installation import (
    CREATIONS,
    DEAD_LETTERS,
    FORWARDED_REGION,
    OTHER_REGION,
    SESSIONS,
    Installation,
    empty_zip,
    queue_arn,
)
from local_aws import ACCOUNT, COMMAND, REGION, env_of, lines, snapshot
from lookup_events import History
from organisation_trail import OrganisationTrail
from routed import Routed

TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.80.0"


def supported():
    """The rows of the table, as the built command lists them."""
    out = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True).stdout
    return [row for row in lines(out) if row["resourceType"]]


class TheDoctor(unittest.TestCase):
    """Each test creates a healthy installation, breaks one thing, and expects only that finding."""

    @classmethod
    def setUpClass(cls):
        cls.moto, cls.faults = DOCTOR
        # What moto lacks.
        cls.history = History()
        cls.routed = Routed(cls.faults.url, {"/account-settings": MINISTACK.url, "LookupEvents": cls.history.url})
        calls, actions = {}, {"dynamodb:Query", "iam:GetRole", "iam:GetUser"}
        for row in supported():
            calls.setdefault(row["eventSource"].removesuffix(".amazonaws.com"), []).append(row["eventName"])
            actions |= set(row["actions"]) if not row["optIn"] else set()
        cls.actions = actions
        # A few rules are enough.
        some = {service: sorted(set(calls[service])) for service in ("athena", "lambda", "sqs")}
        cls.here = Installation(cls.moto.url, MINISTACK.url, some)

    def setUp(self):
        self.here.make()
        self.history.records, self.history.calls, self.history.denied = [], [], False
        self.here.allow("aws-tags-tag-handler", self.actions)
        self.here.allow("aws-tags-session-recorder", ["dynamodb:PutItem"])
        self.addCleanup(self.faults.tell)

    def doctor(self, *arguments, **env):
        command = [COMMAND, "doctor", *arguments]
        env = {**env_of(self.routed.url, AWS_ENDPOINT_URL_IAM=MINISTACK.url), **env}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)

    def finds(self, severity, check, text, region=REGION, todo=""):
        done = self.doctor("--json")
        found = lines(done.stdout)
        self.assertEqual([(one["severity"], one["check"], one["region"]) for one in found], [(severity, check, region)], done)
        self.assertIn(text, found[0]["found"])
        self.assertIn(todo, found[0]["todo"])
        self.assertEqual(done.returncode, 1)

    def test_a_healthy_installation_has_no_findings(self):
        done = self.doctor("--json")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)
        done = self.doctor()
        self.assertEqual(done.returncode, 0)
        self.assertIn("All is well", done.stdout)
        self.assertIn(f"Account {ACCOUNT}, home Region {REGION}, Regions {REGION}, {OTHER_REGION}", done.stdout)
        self.assertNotIn("\x1b", done.stdout, "colours are for terminals")

    def test_what_it_prints(self):
        snapshot(self, "doctor-all-is-well", self.doctor())
        self.here.c("events").disable_rule(Name="aws-tags-creations-1")
        self.here.c("lambda", OTHER_REGION).delete_function(FunctionName="aws-tags-session-recorder")
        self.here.c("dynamodb").update_time_to_live(TableName="aws-tags-sessions", TimeToLiveSpecification={
            "Enabled": False, "AttributeName": "forget_after"})
        self.faults.tell({"service": "*", "operation": "DescribeTrails",
                          "error": {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}})
        snapshot(self, "doctor", self.doctor())
        snapshot(self, "doctor-json", self.doctor("--json"))
        snapshot(self, "doctor-in-colour", self.doctor(CLICOLOR_FORCE="1"))
        snapshot(self, "doctor", self.doctor(CLICOLOR_FORCE="1", NO_COLOR="1"))

    def test_a_trail_that_is_not_logging(self):
        self.here.c("cloudtrail").stop_logging(Name="main")
        found = lines(self.doctor("--json").stdout)
        self.assertEqual([(one["check"], one["region"], one["severity"]) for one in found],
                         [("trails", REGION, "error"), ("trails", OTHER_REGION, "error")])
        self.assertIn("aws cloudtrail start-logging --name main", found[0]["todo"])

    def test_a_trail_of_one_region(self):
        self.here.c("cloudtrail").update_trail(Name="main", IsMultiRegionTrail=False)
        found = lines(self.doctor("--json").stdout)
        self.assertEqual([(one["region"], one["severity"]) for one in found], [(REGION, "warning"), (OTHER_REGION, "error")])

    def test_a_trail_that_logs_no_management_events(self):
        self.here.select("All", management=False)
        self.assertIn("no management events that write", self.doctor("--regions", REGION).stdout)

    def test_a_trail_that_logs_only_write_events(self):
        self.here.select("WriteOnly")
        done = self.doctor("--regions", REGION)
        self.assertEqual(done.stdout.count("AssumeRole is one"), 2, "its settings are known in each Region that it covers")
        self.assertIn("errors: 0, warnings: 2, not checked: 0", done.stdout)

    def count(self, metric, rule, number, region=REGION):
        """What EventBridge would count of a rule."""
        self.here.c("cloudwatch", region).put_metric_data(Namespace="AWS/Events", MetricData=[
            {"MetricName": metric, "Dimensions": [{"Name": "RuleName", "Value": rule}], "Value": number,
             "Timestamp": datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2)}])

    def test_a_trail_of_the_organisation_is_no_finding(self):
        trails = Routed(self.routed.url, {r"\.(DescribeTrails|GetTrailStatus|GetEventSelectors)$": OrganisationTrail().url})
        done = self.doctor(AWS_ENDPOINT_URL=trails.url)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(done.stdout.count("trail `organisation` is another account's"), 1, "once, not in each Region")
        self.assertIn("All is well", done.stdout)
        self.count("Invocations", SESSIONS, 3)
        self.assertEqual(self.doctor("--json", AWS_ENDPOINT_URL=trails.url).stdout, "", "a session began, so read events are logged")

    def test_events_that_eventbridge_lost(self):
        self.count("InvocationsFailedToBeSentToDlq", "aws-tags-creations-2", 3, OTHER_REGION)
        self.finds("error", "delivery", "rule `aws-tags-creations-2` lost 3 events in the last day", OTHER_REGION, "aws-tags replay")

    def test_events_that_eventbridge_delivered_late_or_to_the_dead_letters_are_notes(self):
        self.count("FailedInvocations", "aws-tags-creations-1", 2)
        self.count("ThrottledRules", SESSIONS, 1)
        self.count("FailedInvocations", "orders", 2)
        done = self.doctor("--json")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual([(one["severity"], one["check"]) for one in lines(done.stdout)], [("note", "delivery")] * 2)

    def remove_tags(self, call, parameters, agent, region=REGION, **more):
        """A record of somebody who removed tags an hour ago."""
        at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        issuer = {"arn": f"arn:aws:iam::{ACCOUNT}:role/ci"}
        self.history.records.append({
            "eventID": str(len(self.history.records)), "eventName": call, "eventTime": at.isoformat(), "awsRegion": region,
            "userIdentity": {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run", "sessionContext": {"sessionIssuer": issuer}},
            "userAgent": agent, "requestParameters": parameters, **more})

    def test_terraform_that_removes_tags_again(self):
        self.remove_tags("UntagResource", {"resourceArn": "arn", "tagKeys": ["CreatedBy", "Team"]}, TERRAFORM)
        self.remove_tags("DeleteTags", {"tagSet": {"items": [{"key": "PrincipalId"}]}}, TERRAFORM, OTHER_REGION)
        self.remove_tags("DeleteTags", {"tagSet": {"items": [{"key": "Team"}]}}, TERRAFORM)
        self.remove_tags("DeleteTags", {"tagSet": {"items": [{"key": "PrincipalId"}]}}, "AWS Internal")
        self.remove_tags("UntagRole", {"roleName": "x", "tagKeys": ["CreatedBy"]}, TERRAFORM, errorCode="AccessDenied")
        self.configure(SESSION_TABLE="aws-tags-sessions", OWNER_TAG="CreatedBy", EXTRA_TAGS="At=${eventTime}")
        self.finds("warning", "removals", f"role/ci removed `CreatedBy`, `PrincipalId` again with Terraform: 2 calls in the last day, in {REGION}, {OTHER_REGION}",
                   todo='ignore_tags { keys = ["At", "CreatedBy", "PrincipalId"] }')

    def test_a_history_that_may_not_be_asked(self):
        self.history.denied = True
        found = lines(self.doctor("--json").stdout)
        self.assertEqual([(one["severity"], one["check"], one["region"]) for one in found],
                         [("unchecked", "removals", REGION), ("unchecked", "removals", OTHER_REGION)])
        self.assertIn("cloudtrail:LookupEvents", found[0]["todo"])

    def test_the_history_is_asked_twice_a_second_and_no_more(self):
        self.history.throttled = 0
        began = time.monotonic()
        self.assertEqual(self.doctor("--json", "--regions", FORWARDED_REGION).stdout, "")
        self.assertEqual(self.history.throttled, 0)
        self.assertLess(time.monotonic() - began, 6, "all Regions at the same time")

    def test_a_missing_session_rule_in_the_region_of_the_global_endpoint(self):
        events = self.here.c("events", OTHER_REGION)
        events.remove_targets(Rule="aws-tags-sessions", Ids=["queue"])
        events.delete_rule(Name="aws-tags-sessions")
        self.finds("error", "rules", "no rule `aws-tags-sessions`", OTHER_REGION, "aws-tags-session-recorder")

    def test_a_missing_session_rule_in_a_region_without_a_recorder(self):
        self.assertEqual(self.doctor("--json", "--regions", FORWARDED_REGION).stdout, "")
        events = self.here.c("events", FORWARDED_REGION)
        events.remove_targets(Rule="aws-tags-forwarded-sessions", Ids=["queue"])
        events.delete_rule(Name="aws-tags-forwarded-sessions")
        (found,) = lines(self.doctor("--json", "--regions", FORWARDED_REGION).stdout)
        self.assertEqual((found["severity"], found["region"]), ("error", FORWARDED_REGION))
        self.assertIn("no rule `aws-tags-forwarded-sessions`", found["found"])
        self.assertIn("aws-tags-region-forwarder", found["todo"])

    def test_a_missing_recorder(self):
        self.here.c("lambda", OTHER_REGION).delete_function(FunctionName="aws-tags-session-recorder")
        self.finds("error", "functions", "no function `aws-tags-session-recorder`", OTHER_REGION)

    def test_a_recorder_that_the_handler_waits_for(self):
        self.configure(SESSION_TABLE="aws-tags-sessions", RECORDER_REGIONS=f"{REGION},{OTHER_REGION},{FORWARDED_REGION}")
        found = {(one["check"], one["region"]) for one in lines(self.doctor("--json").stdout)}
        self.assertEqual(found, {("rules", FORWARDED_REGION), ("functions", FORWARDED_REGION), ("queues", FORWARDED_REGION)})

    def test_a_session_rule_that_never_sees_assume_role(self):
        self.here.c("events").enable_rule(Name="aws-tags-sessions")
        self.finds("error", "rules", "never sees AssumeRole", todo="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")

    def test_a_disabled_rule(self):
        self.here.c("events").disable_rule(Name="aws-tags-creations-1")
        self.finds("error", "rules", "`aws-tags-creations-1` is disabled")

    def test_a_heartbeat_that_stands_still(self):
        self.here.c("events").disable_rule(Name="aws-tags-heartbeat")
        self.finds("error", "rules", "`aws-tags-heartbeat`: it is disabled")

    def test_heartbeats_that_are_gone(self):
        for region, name in ((REGION, "aws-tags-handler-heartbeat"), (OTHER_REGION, "aws-tags-forwarder-heartbeat")):
            with self.subTest(name):
                self.here.make()
                events = self.here.c("events", region)
                events.remove_targets(Rule=name, Ids=["home"])
                events.delete_rule(Name=name)
                self.finds("error", "rules", f"`{name}`: there is no rule", region)

    def test_a_sweep_that_does_not_come_or_leaves_a_region_out(self):
        events = self.here.c("events")
        self.here.allow("aws-tags-tag-handler", self.actions | {"cloudtrail:LookupEvents"})
        self.configure(SESSION_TABLE="aws-tags-sessions", SWEEP_REGIONS=f"{REGION},{OTHER_REGION}")
        self.finds("error", "rules", "`aws-tags-sweep`: there is no rule: creations that events miss")
        events.put_rule(Name="aws-tags-sweep", ScheduleExpression="rate(1 day)", State="ENABLED")
        events.put_targets(Rule="aws-tags-sweep", Targets=[{"Id": "queue", "Arn": queue_arn(CREATIONS)}])
        self.assertEqual(self.doctor("--json").stdout, "")
        self.configure(SESSION_TABLE="aws-tags-sessions", SWEEP_REGIONS=REGION)
        self.finds("warning", "rules", f"the sweep leaves {OTHER_REGION} out", todo="SweepRegions")
        self.here.allow("aws-tags-tag-handler", self.actions)
        self.configure(SESSION_TABLE="aws-tags-sessions", SWEEP_REGIONS=f"{REGION},{OTHER_REGION}")
        self.finds("error", "permissions", "does not allow cloudtrail:LookupEvents")

    def test_a_rule_without_a_target(self):
        self.here.c("events").remove_targets(Rule="aws-tags-creations-1", Ids=["queue"])
        self.finds("error", "rules", "`aws-tags-creations-1` has no target")

    def test_a_rule_whose_undelivered_events_are_lost(self):
        self.here.make_rule(REGION, "aws-tags-creations-1", "ENABLED", "athena", self.here.calls["athena"], CREATIONS,
                            DeadLetterConfig=None)
        self.finds("warning", "rules", "no dead-letter queue")

    def test_rules_of_an_older_version(self):
        self.here.make_rule(REGION, "aws-tags-creations-1", "ENABLED", "athena", ["CreateWorkGroup"], CREATIONS)
        self.finds("warning", "rules", "athena:CreateDataCatalog")

    def test_another_tagger(self):
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:AutoTag"
        self.here.make_rule(REGION, "AutoTag", "ENABLED", "ec2", [{"prefix": "Create"}, "RunInstances"], CREATIONS, Arn=arn)
        self.finds("warning", "rules", f"`AutoTag` sends creation events to {arn}", todo="another tagger")

    def test_a_missing_function(self):
        self.here.c("lambda").delete_function(FunctionName="aws-tags-tag-handler")
        self.finds("error", "functions", "no function `aws-tags-tag-handler`")

    def test_a_function_that_is_stopped(self):
        self.here.c("lambda").put_function_concurrency(FunctionName="aws-tags-tag-handler", ReservedConcurrentExecutions=0)
        self.finds("error", "functions", "reserved concurrency is 0", todo="delete-function-concurrency")

    def test_a_quota_that_is_too_small_for_both_functions(self):
        for function, most in (("aws-tags-tag-handler", 5), ("aws-tags-session-recorder", 3)):
            self.mapping(function, ScalingConfig={"MaximumConcurrency": most})
        self.assertEqual(self.doctor("--json").stdout, "")
        # Another function reserves all of the account's concurrency but seven.
        others = self.here.iam("lambda")
        limit = others.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
        others.create_function(FunctionName="other", Runtime="python3.12", Handler="x.x", Code={"ZipFile": empty_zip()},
                               Role=f"arn:aws:iam::{ACCOUNT}:role/aws-tags-tag-handler")
        self.addCleanup(others.delete_function, FunctionName="other")
        others.put_function_concurrency(FunctionName="other", ReservedConcurrentExecutions=limit - 7)
        self.finds("warning", "concurrency", f"feed up to 8 concurrent executions, and of the account's {limit} none has reserved 7",
                   todo="L-B99A9384")

    def configure(self, **variables):
        self.here.c("lambda").update_function_configuration(FunctionName="aws-tags-tag-handler", Environment={"Variables": variables})

    def test_a_wrong_setting(self):
        self.configure(SESSION_TABLE="aws-tags-sessions", OWNER="everyone")
        self.finds("error", "functions", "OWNER is `everyone`", todo="`principal-arn`")

    def test_another_table(self):
        self.configure(SESSION_TABLE="other")
        self.finds("error", "functions", "uses the session table `other`")

    def mapping(self, function="aws-tags-tag-handler", **change):
        client = self.here.c("lambda")
        uuid = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"][0]["UUID"]
        client.update_event_source_mapping(UUID=uuid, **change) if change else client.delete_event_source_mapping(UUID=uuid)

    def test_a_queue_that_nobody_reads(self):
        self.mapping()
        self.finds("error", "functions", "does not read queue `aws-tags-creations`")

    def test_a_disabled_mapping(self):
        self.mapping(Enabled=False)
        self.finds("error", "functions", "the mapping is Disabled")

    def test_a_mapping_that_loses_single_failures(self):
        self.mapping(FunctionResponseTypes=[])
        self.finds("error", "functions", "lacks ReportBatchItemFailures")

    def test_a_missing_table(self):
        self.here.c("dynamodb").delete_table(TableName="aws-tags-sessions")
        self.finds("error", "table", "no table `aws-tags-sessions`")

    def test_a_table_without_ttl(self):
        self.here.c("dynamodb").update_time_to_live(TableName="aws-tags-sessions", TimeToLiveSpecification={
            "Enabled": False, "AttributeName": "forget_after"})
        self.finds("warning", "table", "TTL is not on for `forget_after`")

    def test_a_table_that_cannot_be_restored(self):
        self.here.c("dynamodb").update_continuous_backups(TableName="aws-tags-sessions", PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": False})
        self.finds("warning", "table", "no point-in-time recovery")

    def test_a_missing_queue(self):
        self.here.c("sqs").delete_queue(QueueUrl=self.here.urls[SESSIONS])
        self.finds("error", "queues", "no queue `aws-tags-sessions`")

    def test_a_queue_without_dead_letter_queue(self):
        self.here.c("sqs").set_queue_attributes(QueueUrl=self.here.urls[CREATIONS], Attributes={"RedrivePolicy": ""})
        self.finds("error", "queues", "`aws-tags-creations` has no dead-letter queue")

    def test_dead_letters(self):
        url, denied = self.here.urls[CREATIONS + DEAD_LETTERS], {"DataType": "String", "StringValue": "denied"}
        for attributes in ({}, {"AwsTagsReason": denied}, {"AwsTagsReason": denied}):
            self.here.c("sqs").send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=attributes)
        self.finds("warning", "queues", "dead letters in `aws-tags-creations-dead-letters`: 3 (2 denied, 1 queue)", todo="aws-tags redrive")
        self.finds("warning", "queues", "3 (2 denied, 1 queue)")

    def test_dead_letters_of_another_region(self):
        sqs = self.here.c("sqs", OTHER_REGION)
        url = sqs.create_queue(QueueName=SESSIONS + DEAD_LETTERS)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        self.finds("warning", "queues", "dead letters in `aws-tags-sessions-dead-letters`: 1", OTHER_REGION)

    def test_a_role_that_lacks_permissions(self):
        self.here.allow("aws-tags-tag-handler", self.actions - {"sqs:TagQueue", "iam:GetRole"})
        self.finds("error", "permissions", "does not allow iam:GetRole, sqs:TagQueue")

    def test_a_denied_check_is_a_finding_and_the_others_go_on(self):
        self.here.c("events").disable_rule(Name="aws-tags-creations-1")
        self.faults.tell({"service": "*", "operation": "DescribeTable",
                          "error": {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}})
        done = self.doctor("--json")
        found = {one["check"]: one for one in lines(done.stdout)}
        self.assertEqual(set(found), {"rules", "table"}, done)
        self.assertEqual(found["table"]["severity"], "unchecked")
        self.assertIn("AccessDenied", found["table"]["found"])
        self.assertIn("dynamodb:DescribeTable", found["table"]["todo"])
        self.assertEqual(done.returncode, 1)

    def grant(self, arn_of, name, statement, path="/"):
        """A role or user that is allowed something, until the test ends."""
        iam, kind = self.here.iam("iam"), arn_of.capitalize()
        trust = {"AssumeRolePolicyDocument": '{"Version":"2012-10-17","Statement":[]}'} if arn_of == "role" else {}
        getattr(iam, f"create_{arn_of}")(**{f"{kind}Name": name}, Path=path, **trust)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
        getattr(iam, f"put_{arn_of}_policy")(**{f"{kind}Name": name}, PolicyName="own", PolicyDocument=json.dumps(policy))

        def remove():
            getattr(iam, f"delete_{arn_of}_policy")(**{f"{kind}Name": name}, PolicyName="own")
            getattr(iam, f"delete_{arn_of}")(**{f"{kind}Name": name})
        self.addCleanup(remove)
        return f"arn:aws:iam::{ACCOUNT}:{arn_of}{path}{name}"

    def test_doors_that_nobody_but_administrators_may_use(self):
        done = self.doctor("--doors", "--json")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)
        self.grant("role", "Admin", {"Action": "*", "Resource": "*"})
        self.grant("role", "AWSServiceRoleForX", {"Action": "*", "Resource": "*"}, path="/aws-service-role/x.amazonaws.com/")
        done = self.doctor("--doors")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("who may use every door (1): role/Admin", done.stdout)
        self.assertIn("removals, doors.", done.stdout)
        self.assertNotIn("doors", self.doctor().stdout)

    def test_who_may_use_which_door(self):
        here, there = (f"arn:aws:sqs:{region}:{ACCOUNT}:{SESSIONS}" for region in (REGION, OTHER_REGION))
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/aws-tags-sessions"
        ci = self.grant("role", "ci", {"Action": "sqs:SendMessage", "Resource": there})
        jo = self.grant("user", "jo", {"Action": ["dynamodb:Update*", "sqs:Send*"], "Resource": [table, here, there]})
        self.grant("role", "reader", {"Action": ["sqs:Receive*", "dynamodb:Get*", "lambda:List*"], "Resource": "*"})
        done = self.doctor("--doors", "--json")
        self.assertEqual(done.returncode, 1)
        found = lines(done.stdout)
        self.assertEqual({(one["severity"], one["check"], one["region"]) for one in found}, {("warning", "doors", REGION)})
        self.assertEqual([one["found"] for one in found], [
            f"sqs:SendMessage on the queues `aws-tags-sessions`: role/ci ({OTHER_REGION}), user/jo",
            "dynamodb:UpdateItem on the table `aws-tags-sessions`: user/jo"])
        self.assertEqual([(one["principal"], one["resources"]) for one in found[0]["principals"]],
                         [(ci, [there]), (jo, sorted([here, there]))])
        self.assertIn("it lets them record sessions that never began", found[1]["todo"])
        self.grant("role", "Admin", {"Action": "*", "Resource": "*"})
        snapshot(self, "doctor-doors", self.doctor("--doors"))
        done = self.doctor("--doors", "--json", "--trusted", "*:role/ci,*:user/j?,*:role/Admin")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)

    def test_iam_is_asked_only_for_those_whose_policies_might_open_a_door(self):
        calls = []
        for more in ({"Action": ["logs:*", "sqs:Receive*"], "Resource": "*"}, {"Action": "sqs:*", "Resource": f"arn:aws:sqs:*:{ACCOUNT}:orders"},
                     {"Action": "sqs:*", "Resource": f"arn:aws:sqs:*:{ACCOUNT}:aws-tags-*"}):
            self.grant("role", f"role-{len(calls)}", more)
            iam = Unreliable(MINISTACK.url)
            self.doctor("--doors", "--json", AWS_ENDPOINT_URL_IAM=iam.url)
            calls.append(iam.accepted["SimulatePrincipalPolicy"])
        self.assertEqual(calls[0], calls[1])
        self.assertGreater(calls[2], calls[1])

    def test_iam_that_throttles_makes_it_slower_and_no_different(self):
        iam = local_aws.Faults(MINISTACK)
        self.addCleanup(iam.server.stop)
        self.grant("role", "ci", {"Action": "sqs:SendMessage", "Resource": "*"})
        throttled = {"service": "*", "operation": "SimulatePrincipalPolicy", "error": {"code": "Throttling", "message": "Rate exceeded"}}
        doors = lambda done: [one for one in lines(done.stdout) if one["check"] == "doors"]
        wanted = doors(self.doctor("--doors", "--json"))
        # More often than the SDK tries again, also after the roles of the functions were asked for.
        iam.tell({**throttled, "times": 13})
        self.assertEqual(doors(self.doctor("--doors", "--json", AWS_ENDPOINT_URL_IAM=iam.url)), wanted)
        iam.tell({**throttled, "error": {"code": "AccessDenied", "status": 403, "message": "not allowed"}})
        (found,) = doors(self.doctor("--doors", "--json", AWS_ENDPOINT_URL_IAM=iam.url))
        self.assertEqual(found["severity"], "unchecked")
        self.assertIn("iam:SimulatePrincipalPolicy", found["todo"])

    def test_policies_of_resources_that_let_others_in(self):
        self.here.c("sqs").add_permission(QueueUrl=self.here.urls[CREATIONS], Label="x", AWSAccountIds=["444455556666"], Actions=["SendMessage"])
        self.here.c("lambda").add_permission(FunctionName="aws-tags-tag-handler", StatementId="x", Action="lambda:InvokeFunction",
                                             Principal="s3.amazonaws.com")
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/aws-tags-sessions"
        self.here.c("dynamodb").put_resource_policy(ResourceArn=table, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "dynamodb:PutItem", "Resource": table}]}))
        found = [(one["check"], one["found"]) for one in lines(self.doctor("--doors", "--json").stdout)]
        self.assertEqual({check for check, _ in found}, {"doors"})
        for part, text in (("queue `aws-tags-creations`", "444455556666"), ("function `aws-tags-tag-handler`", "s3.amazonaws.com"),
                           ("table `aws-tags-sessions`", "444455556666")):
            self.assertTrue(any(f"policy of {part} allows" in one and text in one for _, one in found), (part, found))

    def test_the_policy_of_the_key(self):
        kms = self.here.c("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.here.c("sqs").set_queue_attributes(QueueUrl=self.here.urls[CREATIONS], Attributes={"KmsMasterKeyId": key})
        ci = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{CREATIONS}"
        self.grant("role", "ci", {"Action": "sqs:SendMessage", "Resource": ci})
        done = self.doctor("--doors", "--json")
        self.assertEqual((done.returncode, done.stdout), (0, ""), "the queue cannot be written to without its key")
        self.here.iam("iam").put_role_policy(RoleName="ci", PolicyName="own", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage", "kms:GenerateDataKey"], "Resource": "*"}]}))
        self.assertIn("on the queue `aws-tags-creations`: role/ci", self.doctor("--doors").stdout)
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}]}))
        self.assertIn("allows kms:Decrypt to *", self.doctor("--doors").stdout)

    def test_without_credentials_nothing_can_be_checked(self):
        done = self.doctor("--endpoint-url", "http://127.0.0.1:1")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "aws-tags: AWS at http://127.0.0.1:1: cannot ask whose credentials these are: cannot connect: "
                                      "Connection refused (os error 111)\n")


def setUpModule():
    global DOCTOR, MINISTACK
    MINISTACK = local_aws.ministack()
    moto = local_aws.moto()
    DOCTOR = moto, local_aws.Faults(moto)
