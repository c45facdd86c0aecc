"""Alarms and costs. Every alarm watches what there is: a metric of AWS's with its dimension, of a part of the same template; or one that
the function reports with that monitoring. A quiet account costs no more than $3."""
import itertools
import json
import re
import unittest

import costs
import local_aws
from cloudformation import Template
from local_aws import REGION, load
from stacks import Stack

AWAY, FORWARDED = "us-east-1", "eu-west-3"
# AWS's metrics that alarms may use, with their dimension.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
DOCUMENTED = {
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "NumberOfMessagesSent"}),
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "Invocations"}),
    "AWS/Events": ("RuleName", {"FailedInvocations", "Invocations", "InvocationsFailedToBeSentToDlq"}),
}
# The type and the property that a dimension's values come from.
NAMED_BY = {"QueueName": ("AWS::SQS::Queue", "QueueName"), "FunctionName": ("AWS::Lambda::Function", "FunctionName"),
            "RuleName": ("AWS::Events::Rule", "Name")}
# What someone must hear of, whatever the monitoring.
ALWAYS = {
    "tag-handler": {"DeadLettersAlarm", "DeliveryAlarm", "ErrorsAlarm", "HeartbeatAlarm", "RecordersAlarm", "RefusedTypesAlarm",
                    "SessionsUnknownAlarm", "SilenceAlarm", "TagsRefusedAlarm", "ThrottledAlarm", "ThrottlesAlarm"},
    "session-recorder": {"DeadLettersAlarm"},
    "region-forwarder": {"DeadLettersAlarm", "ForwardingAlarm"},
}
MINUTES = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 24 * 60}


def templates(**given):
    """Each template where it is deployed."""
    for name, region in (("tag-handler", REGION), ("session-recorder", REGION), ("session-recorder", AWAY), ("region-forwarder", FORWARDED)):
        home = {} if name == "tag-handler" else {"HomeRegion": REGION}
        known = {key: value for key, value in given.items() if key in Template(name, **home).source["Parameters"]}
        yield name, Template(name, region=region, **home, **known)


def alarms(template):
    return template.of("AWS::CloudWatch::Alarm")


def watched(alarm):
    """Namespace, metric and dimensions of all that an alarm watches."""
    properties = alarm["Properties"]
    metrics = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", []) if "MetricStat" in one] or [properties]
    return [(one["Namespace"], one["MetricName"], {of["Name"]: of["Value"] for of in one["Dimensions"]}) for one in metrics]


def named(template, dimension):
    """The names of a template's resources, and what a reference to a function resolves to here."""
    kind, key = NAMED_BY[dimension]
    resources = template.of(kind)
    references = [template.reference(one["Id"]) for one in resources if dimension == "FunctionName"]
    return {*references, *(one["Properties"][key] for one in resources)}


def schedule(template, name):
    """Minutes between what a schedule sends."""
    (rate,) = (one["Properties"]["ScheduleExpression"] for one in template.of("AWS::Events::Rule") if one["Properties"]["Name"] == name)
    count, unit = re.fullmatch(r"rate\((\d+) (\w+)\)", rate).groups()
    return int(count) * MINUTES[unit]


class Alarms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emitted = costs.emitted(f"{local_aws.TARGET}/debug/catalog")

    def test_each_watches_a_metric_that_there_is(self):
        reported = {(one["function"], one["name"]): one["minimal"] for one in self.emitted}
        for monitoring, services, also, swept in itertools.product(("minimal", "full"), ("essential", "common", "all"), ("", "*"), ("", REGION)):
            for name, template in templates(Monitoring=monitoring, Services=services, AlsoTag=also, SweepRegions=swept):
                for alarm in alarms(template):
                    for namespace, metric, dimensions in watched(alarm):
                        with self.subTest(name, alarm=alarm["Id"], monitoring=monitoring):
                            ((dimension, value),) = dimensions.items()
                            if namespace == "aws-tags":
                                self.assertEqual((dimension, value), ("Function", name))
                                self.assertTrue(reported[value, metric] or monitoring == "full", f"{metric} is reported in full only")
                                continue
                            documented, metrics = DOCUMENTED[namespace]
                            self.assertEqual(dimension, documented)
                            self.assertIn(metric, metrics)
                            self.assertIn(value, named(template, dimension))

    def test_what_is_reported_with_minimal_monitoring_is_watched(self):
        ours = {(*dimensions.values(), metric) for _, template in templates(SweepRegions=REGION) for alarm in alarms(template)
                for namespace, metric, dimensions in watched(alarm) if namespace == "aws-tags"}
        self.assertEqual({(one["function"], one["name"]) for one in self.emitted if one["minimal"]}, ours)

    def test_the_readme_says_what_is_reported_with_minimal_monitoring(self):
        readme = local_aws.read(f"{local_aws.ROOT}/infra/README.md")
        metrics = readme.split("## Metrics\n")[1].split("\n## ")[0]
        bold = set(re.findall(r"\*\*`(\w+)`\*\*", metrics))
        self.assertEqual(bold, {one["name"] for one in self.emitted if one["minimal"]})

    def test_nothing_that_must_be_heard_of_needs_full_monitoring(self):
        for monitoring in ("minimal", "full"):
            for name, template in templates(Monitoring=monitoring):
                there = {alarm["Id"] for alarm in alarms(template)}
                self.assertLessEqual(ALWAYS[name], there, name)
                home = template.values["AWS::Region"] == REGION
                self.assertEqual("SilenceAlarm" in there, name != "region-forwarder" and (home or monitoring == "full"))
                if monitoring == "minimal":
                    self.assertLessEqual(there, ALWAYS[name] | {"SilenceAlarm"}, name)
                    self.assertEqual(template.of("AWS::CloudWatch::Dashboard"), [])

    def test_missing_data_alarms_where_data_must_come_and_nowhere_else(self):
        for _, template in templates(Monitoring="full", Services="all", AlsoTag="*", AlarmTopicArn="arn:aws:sns:eu-west-1:111122223333:t"):
            for alarm in alarms(template):
                properties = alarm["Properties"]
                breaching = properties["ComparisonOperator"] == "LessThanThreshold"
                self.assertEqual(properties["TreatMissingData"], "breaching" if breaching else "notBreaching", alarm["Id"])
                self.assertTrue(properties["AlarmActions"] and len(properties["AlarmDescription"]) > 40, alarm["Id"])

    def test_every_rule_is_watched_with_full_monitoring(self):
        for services, also in itertools.product(("essential", "common", "all"), ("", "*")):
            for name, template in templates(Monitoring="full", Services=services, AlsoTag=also):
                undelivered = [one for alarm in alarms(template) for one in watched(alarm) if one[1] == "InvocationsFailedToBeSentToDlq"]
                rules = [one["Properties"] for one in template.of("AWS::Events::Rule")]
                lost = [rule["Name"] for rule in rules if any("DeadLetterConfig" in target for target in rule["Targets"])]
                self.assertEqual(sorted(dimensions["RuleName"] for *_, dimensions in undelivered), sorted(lost), name)
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
                self.assertLessEqual(max(len(watched(alarm)) for alarm in alarms(template)), 10)

    def test_metric_math_uses_all_its_metrics(self):
        for _, template in templates(Monitoring="full", Services="all", AlsoTag="*"):
            for alarm in alarms(template):
                metrics = alarm["Properties"].get("Metrics", [])
                ids = [one["Id"] for one in metrics if "MetricStat" in one]
                for one in metrics:
                    if "Expression" in one:
                        self.assertEqual(one["Expression"], f"SUM(FILL([{', '.join(ids)}], 0))")

    def test_heartbeats_come_more_often_than_alarms_look(self):
        for monitoring in ("minimal", "full"):
            for (name, template), (alarm, rule) in itertools.product(templates(Monitoring=monitoring), (
                    ("DeliveryAlarm", "aws-tags-handler-heartbeat"), ("HeartbeatAlarm", "aws-tags-handler-heartbeat"),
                    ("RecordersAlarm", "aws-tags-handler-heartbeat"), ("HeartbeatAlarm", "aws-tags-heartbeat"),
                    ("ForwardingAlarm", "aws-tags-forwarder-heartbeat"))):
                there = any(one["Properties"]["Name"] == rule for one in template.of("AWS::Events::Rule"))
                if there and alarm in template.resources:
                    with self.subTest(name, alarm=alarm):
                        self.assertLessEqual(schedule(template, rule), template.resources[alarm]["Properties"]["Period"] / 60)

    def test_a_forwarders_heartbeat_goes_the_way_of_its_events(self):
        template = Template("region-forwarder", HomeRegion=REGION)
        beat, rule = (template.resources[name]["Properties"]["Targets"][0] for name in ("Heartbeat", "CreationsRule1"))
        self.assertEqual({key: beat[key] for key in ("Id", "Arn", "RoleArn")}, {key: rule[key] for key in ("Id", "Arn", "RoleArn")})
        self.assertNotIn("DeadLetterConfig", beat, "a heartbeat among dead letters would only be in the way")
        self.assertLess(beat["RetryPolicy"]["MaximumEventAgeInSeconds"], template.resources["ForwardingAlarm"]["Properties"]["Period"])

    def test_a_sweep_comes_once_a_day_and_its_alarm_with_it(self):
        for monitoring in ("minimal", "full"):
            on, off = (Template("tag-handler", Monitoring=monitoring, SweepRegions=regions) for regions in (f"{REGION},{AWAY}", ""))
            self.assertEqual(schedule(on, "aws-tags-sweep"), 24 * 60)
            self.assertEqual({alarm["Id"] for alarm in alarms(on)} - {alarm["Id"] for alarm in alarms(off)}, {"MissedAlarm"})
            message = json.loads(on.resources["Sweep"]["Properties"]["Targets"][0]["InputTransformer"]["InputTemplate"])
            self.assertEqual(message, {**load("sweep/Sweep"), "eventTime": "<time>", "awsRegion": "<region>"})
            variables = on.resources["TagHandler"]["Properties"]["Environment"]["Variables"]
            self.assertEqual((variables["SWEEP_REGIONS"], variables["SERVICES"]), (f"{REGION},{AWAY}", "common"))
            self.assertTrue(variables["CREATION_QUEUE_ARN"].endswith(":aws-tags-creations"))

    def test_both_functions_are_told(self):
        for monitoring in ("minimal", "full"):
            for name, template in templates(Monitoring=monitoring):
                for function in template.of("AWS::Lambda::Function"):
                    self.assertEqual(function["Properties"]["Environment"]["Variables"]["MONITORING"], monitoring, name)


class Costs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emitted = costs.emitted(f"{local_aws.TARGET}/debug/catalog")

    def test_a_quiet_account_costs_at_most_three_dollars(self):
        self.assertLessEqual(costs.total(costs.month("quiet", "minimal", self.emitted)), 3.00)

    def test_the_defaults_are_what_costs_least(self):
        for name, template in templates():
            self.assertEqual([template.values[key] for key in ("Monitoring", "EncryptionKey")], ["minimal", "aws-owned"], name)

    def test_each_choice_costs_what_it_adds(self):
        plain, key, full = (costs.month("quiet", *choice) for choice in (
            ("minimal", self.emitted), ("minimal", self.emitted, "customer-managed"), ("full", self.emitted)))
        self.assertEqual((plain["keys"]["keys"], key["keys"]["keys"]), (0, 5))
        self.assertEqual((plain["dashboard"]["dashboards"], full["dashboard"]["dashboards"]), (0, 1))
        self.assertGreater(costs.total(full), 3 * costs.total(plain))

    def test_more_metrics_than_ten_thousand_cost_less(self):
        self.assertAlmostEqual(costs.dollars({"metrics": 20_000}), 10_000 * 0.30 + 10_000 * 0.10)

    def test_a_sweep_costs_little_and_nothing_by_default(self):
        self.assertEqual(Template("tag-handler").values["SweepRegions"], "")
        self.assertLessEqual(costs.dollars(costs.sweep(costs.ACCOUNTS["quiet"])), 0.11)

    def test_stacks_are_read_as_cloudformation_does(self):
        choices = {"Monitoring": ("minimal", "full"), "EncryptionKey": ("aws-owned", "customer-managed"), "Services": ("common", "all"),
                   "AlsoTag": ("", "*"), "SweepRegions": ("", REGION)}
        for chosen in itertools.product(*choices.values()):
            for name, template in templates(**dict(zip(choices, chosen))):
                given = {one: str(template.values[one]) for one in (*choices, "HomeRegion") if one in template.values}
                stack = Stack(name, template.values["AWS::Region"], **given)
                self.assertEqual({one: kind for one, (kind, _) in stack.resources.items()},
                                 {one: of["Type"] for one, of in template.resources.items()})
                metrics = sum(len(watched(alarm)) for alarm in alarms(template))
                self.assertEqual(costs.fixed(stack)["alarms"]["alarms"], metrics)
