"""The real templates and functions in a local AWS: deployed by infra/deploy.py, sent events through the event bus, changed, and
removed."""
import json
import os
import subprocess

from local_aws import ACCOUNT, COMMAND, REGION, client_env
from records import Session, creation, iso, name_in, now
from rig import ROLE_TAGS, SESSION_TAGS, trust
from three_regions import GLOBAL_REGION, OTHER_REGION, Stacks, until


class Deployment(Stacks):
    def send(self, *events, region=REGION):
        """Sends events to the bus, as AWS does."""
        entries = [{"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
                   for event in events]
        answer = self.c("events", region).put_events(Entries=entries)
        self.assertEqual(answer["FailedEntryCount"], 0, answer)

    def deploy_and_start_session(self, *settings, region=REGION, **more):
        """Starts a session whose STS record is logged in that Region."""
        done = self.deploy(*settings, **more)
        tags = [{"Key": k, "Value": v} for k, v in ROLE_TAGS.items()]
        role = self.c("iam").create_role(RoleName="developer", AssumeRolePolicyDocument=trust(), Tags=tags)["Role"]
        self.session = Session(self.c, role, "ann", SESSION_TAGS.items(), ["Person"])
        event = self.session.event
        event["region"] = event["detail"]["awsRegion"] = region
        self.send(event, region=region)
        self.assertTrue(until(self.sessions), self.log())
        return done

    def items(self):
        return self.c("dynamodb").scan(TableName="aws-tags-sessions")["Items"]

    def sessions(self):
        return [item for item in self.items() if not item["caller"]["S"].startswith("#")]

    def assert_a_new_queue_gets_the_tags(self):
        url, arn = self.make_queue(name_in("sqs/CreateQueue"))
        self.send(creation("sqs/CreateQueue", arn, self.session.identity))
        self.assertTrue(until(lambda: self.tags(url).get("Person")), self.log())
        self.assertEqual(self.tags(url), self.wanted())

    def make_queue(self, name):
        url = self.c("sqs").create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def tags(self, url):
        return self.c("sqs").list_queue_tags(QueueUrl=url).get("Tags", {})

    def wanted(self, **more):
        return {"squad": "payments", "Person": "ann", "CostCenter": "4711", "Owner": self.session.arn,
                "PrincipalId": self.session.id, **more}

    def dead_letters(self, name="aws-tags-creations-dead-letters"):
        attributes = self.c("sqs").get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def test_a_first_deployment_creates_every_stack_and_satisfies_the_doctor(self):
        self.make_trail()
        done = self.run_deploy("--code", self.code, "--set", "Architecture=x86_64")
        stacks = {REGION: ("tag-handler", "session-recorder"), GLOBAL_REGION: ("session-recorder", "region-forwarder"),
                  OTHER_REGION: ("region-forwarder",)}
        for region, stack in ((region, stack) for region, all_of in stacks.items() for stack in all_of):
            self.assertIn(f"{region} aws-tags-{stack}: done", done.stderr)
        # The local AWS ignores these two properties of a table in a template.
        for known in ("TTL is not on", "has no point-in-time recovery"):
            self.assertIn(known, done.stdout, done)
        self.assertIn("errors: 0, warnings: 2, not checked: 0", done.stdout, done)
        again = self.deploy()
        self.assertEqual(again.count("up to date"), 5, again)
        # What the templates write opens no door: neither the policies of queues and keys, nor those of the roles.
        doors = subprocess.run([COMMAND, "doctor", "--doors", "--json", "--regions", OTHER_REGION], env={**os.environ, **client_env(self.server.url)},
                               capture_output=True, text=True, timeout=600).stdout
        self.assertEqual([one for one in map(json.loads, doors.splitlines()) if one["check"] == "doors"], [])

    def test_a_session_that_the_home_region_logs_is_recorded_there(self):
        self.deploy_and_start_session()
        self.assert_a_new_queue_gets_the_tags()

    def test_a_session_of_the_global_endpoint_is_recorded_in_us_east_1(self):
        # Nothing of STS leaves that Region.
        self.deploy_and_start_session(region=GLOBAL_REGION)
        self.assertNotIn("aws-tags-forwarded-sessions", [rule["Name"] for rule in self.c("events", GLOBAL_REGION).list_rules()["Rules"]])
        self.assert_a_new_queue_gets_the_tags()

    def test_a_session_of_a_region_without_a_recorder_is_forwarded(self):
        self.deploy_and_start_session(region=OTHER_REGION)
        self.assert_a_new_queue_gets_the_tags()

    def test_regions_that_get_no_events_of_others_stand_alone(self):
        for wrong, said in ((["--regions", "cn-northwest-1"], "sends no events between Regions"),
                            (["--set", "RecorderRegions=cn-northwest-1"], "recorded in the home Region only")):
            done = self.run_deploy("--code", self.code, "--no-doctor", "--home", "cn-north-1", "--regions", "", *wrong)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(said, done.stderr)
            self.assertEqual(self.c("s3").list_buckets()["Buckets"], [])

    def test_identity_centers_region_gets_a_recorder(self):
        path = f"/aws-reserved/sso.amazonaws.com/{OTHER_REGION}/"
        self.c("iam").create_role(RoleName="AWSReservedSSO_Admin_0123456789abcdef", Path=path, AssumeRolePolicyDocument=trust())
        said = self.deploy_and_start_session()
        self.assertIn(f"Identity Center starts its sessions in {OTHER_REGION}", said)
        self.assertIn(f"--set RecorderRegions={OTHER_REGION}", said)
        self.make_trail()
        doctor = lambda: subprocess.run([COMMAND, "doctor", "--regions", OTHER_REGION], env={**os.environ, **client_env(self.server.url)},
                                        capture_output=True, text=True, timeout=600).stdout
        self.assertIn(f"Identity Center starts its sessions in {OTHER_REGION}", doctor())
        # The recorder comes before the forwarder stops, so that no session is lost.
        recorders = (REGION, GLOBAL_REGION, OTHER_REGION)
        said = self.deploy(f"RecorderRegions={OTHER_REGION}", recorders=recorders)
        self.assertLess(said.index(f"{OTHER_REGION} aws-tags-session-recorder: done"), said.index(f"{OTHER_REGION} aws-tags-region-forwarder: done"))
        self.assertNotIn("Identity Center", said)
        self.assertNotIn("Identity Center", doctor())
        bob = Session(self.c, self.c("iam").get_role(RoleName="developer")["Role"], "bob", [("Person", "bob")])
        event = bob.event
        event["region"] = event["detail"]["awsRegion"] = OTHER_REGION
        self.send(event, region=OTHER_REGION)
        url, arn = self.make_queue("by-bob")
        self.send(creation("sqs/CreateQueue", arn, bob.identity))
        self.assertTrue(until(lambda: self.tags(url).get("Person") == "bob"), self.log())
        # It stays where it is until it is said otherwise.
        self.assertEqual(self.deploy(recorders=recorders).count("up to date"), 6)
        said = self.deploy("RecorderRegions=")
        self.assertIn("add     AWS::Events::Rule SessionsRule", said)
        self.assertEqual(self.c("lambda", OTHER_REGION).list_functions()["Functions"], [])

    def test_events_of_other_regions_are_forwarded(self):
        self.deploy_and_start_session()
        arn = f"arn:aws:sqs:{OTHER_REGION}:{ACCOUNT}:elsewhere"
        url = self.c("sqs", OTHER_REGION).create_queue(QueueName="elsewhere")["QueueUrl"]
        event = creation("sqs/CreateQueue", arn, self.session.identity)
        event["region"] = event["detail"]["awsRegion"] = OTHER_REGION
        self.send(event, region=OTHER_REGION)
        tags = lambda: self.c("sqs", OTHER_REGION).list_queue_tags(QueueUrl=url).get("Tags", {})
        self.assertTrue(until(lambda: tags().get("Person")), self.log())
        self.assertEqual(tags(), self.wanted())

    def test_an_event_that_keeps_failing_becomes_a_dead_letter_and_is_redriven(self):
        self.deploy_and_start_session()
        url, arn = self.make_queue("unlucky")
        denied = {"service": "*", "operation": "TagQueue", "times": 99, "error": {"code": "AccessDeniedException"}}
        self.faults.tell(denied)
        self.send(creation("sqs/CreateQueue", arn, self.session.identity))
        self.assertTrue(until(self.dead_letters), self.log())
        self.assertEqual(self.tags(url), {})
        self.faults.tell()
        done = subprocess.run([COMMAND, "redrive", "--yes"], env={**os.environ, **client_env(self.server.url)},
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(until(lambda: self.tags(url).get("Person")), self.log())
        self.assertEqual(self.tags(url), self.wanted())
        self.assertEqual(self.dead_letters(), 0)

    def test_a_changed_setting_changes_the_function_and_nothing_else(self):
        self.deploy_and_start_session()
        output = self.deploy("OwnerTag=Creator", "Owner=session-name")
        self.assertIn("modify  AWS::Lambda::Function TagHandler", output)
        self.assertEqual(output.count("up to date"), 4, output)
        url, arn = self.make_queue("changed")
        self.send(creation("sqs/CreateQueue", arn, self.session.identity))
        self.assertTrue(until(lambda: self.tags(url).get("Creator")), self.log())
        self.assertEqual(self.tags(url)["Creator"], "ann")
        # Parameters that are not passed again keep their values.
        self.assertEqual(self.deploy().count("up to date"), 5)

    def test_a_sweep_is_switched_on_and_off(self):
        self.make_trail()
        self.deploy_and_start_session(f"SweepRegions={REGION},{GLOBAL_REGION},{OTHER_REGION}")
        self.assert_a_new_queue_gets_the_tags()
        of = lambda caller: [item for item in self.items() if item["caller"]["S"].startswith(caller)]
        self.assertEqual([len(item["ids"]["L"]) for item in of("#arrived#2")], [1], "what arrived is noted")
        (rule,) = (rule for rule in self.c("events").list_rules()["Rules"] if rule["Name"] == "aws-tags-sweep")
        self.assertEqual((rule["ScheduleExpression"], rule["State"]), ("rate(1 day)", "ENABLED"))
        (target,) = self.c("events").list_targets_by_rule(Rule="aws-tags-sweep")["Targets"]
        message = target["InputTransformer"]["InputTemplate"].replace("<time>", iso(now())).replace("<region>", REGION)
        self.c("sqs").send_message(QueueUrl=self.queue("aws-tags-creations"), MessageBody=message)
        self.assertTrue(until(lambda: any("until" in item for item in of("#arrived#"))), self.log())
        self.assertEqual(self.dead_letters(), 0)
        doctor = subprocess.run([COMMAND, "doctor", "--json", "--regions", OTHER_REGION], env={**os.environ, **client_env(self.server.url)},
                                capture_output=True, text=True, timeout=600).stdout
        findings = [json.loads(line) for line in doctor.splitlines()]
        self.assertEqual([one for one in findings if "sweep" in one["found"] or one["check"] in ("functions", "permissions")], [])
        self.assertIn("AWS::Events::Rule Sweep", self.deploy("SweepRegions="))
        self.assertNotIn("aws-tags-sweep", [rule["Name"] for rule in self.c("events").list_rules()["Rules"]])

    def test_a_removal_leaves_the_session_table_and_a_new_deployment_takes_it_up(self):
        self.deploy_and_start_session()
        done = self.run_deploy("--remove")
        self.assertEqual(done.returncode, 0, done.stderr)
        for region in (REGION, GLOBAL_REGION, OTHER_REGION):
            stacks = self.c("cloudformation", region).list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
            self.assertEqual(stacks["StackSummaries"], [], region)
            self.assertEqual(self.c("lambda", region).list_functions()["Functions"], [], region)
        self.assertEqual(self.c("s3").list_buckets()["Buckets"], [])
        self.assertTrue(self.sessions())
        self.assertIn("taking up the table", self.deploy())
