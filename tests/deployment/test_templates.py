"""The templates: generated parts are up to date, cfn-lint and checkov find nothing, and the template gives a reason for each
finding of cdk-nag. Every setting of the functions is a parameter."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from cloudformation import Template, source
from local_aws import COMMAND, REGION, ROOT, read, tool
from node_packages import node

NAMES = ("tag-handler", "session-recorder", "region-forwarder")
TEMPLATES = [os.path.join(ROOT, "infra", f"{name}.yaml") for name in (*NAMES, "verify")]
# CloudFormation's limits for a template in a bucket.
TEMPLATE_BYTES, RESOURCES = 1_000_000, 500
# EventBridge's: characters of a pattern, less a margin for white space; half of the rules of a bus where fewest are allowed.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
PATTERN, RULES = 2048 - 100, 100 // 2
# Lambda's: concurrent executions of a new account. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
CONCURRENCY = 10


def run(command, **more):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **more)


def suppressed(template):
    """The (resource, rule) pairs that a template suppresses for cdk-nag, each with a reason."""
    found, resource = set(), None
    for line in read(template).splitlines():
        name = re.match(r"  (\w+):$", line)
        resource = name[1] if name else resource
        if "rules_to_suppress" in line:
            pairs = re.findall(r'"?id"?: "?([\w-]+)"?, "?reason"?: "([^"]{10,})"', line)
            assert pairs, line
            found |= {(resource, rule) for rule, _ in pairs}
    return found


class Templates(unittest.TestCase):
    def test_generated_parts_are_up_to_date(self):
        done = run([sys.executable, "infra/generate.py", "--check", "--command", COMMAND])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_cfn_lint_finds_nothing(self):
        done = run([os.path.join(tool("cfn-lint"), "cfn-lint"), *TEMPLATES])
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)

    def test_checkov_finds_nothing(self):
        command = [os.path.join(tool("checkov"), "checkov"), "--compact", "--framework", "cloudformation", "--output", "json"]
        done = run(command + [part for path in TEMPLATES for part in ("--file", path)])
        report = json.loads(done.stdout)
        failed = [(check["check_id"], check["resource"]) for check in report["results"]["failed_checks"]]
        self.assertEqual(failed, [])
        self.assertGreater(report["summary"]["passed"], 50)
        self.assertEqual(report["summary"]["parsing_errors"], 0)

    def test_every_cdk_nag_finding_has_a_reason_and_every_reason_a_finding(self):
        with tempfile.TemporaryDirectory() as out:
            done = node("nag.mjs", out, *TEMPLATES, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr[-3000:])
            report = json.loads(read(os.path.join(out, "validation-report.json")))
        found = {name: set() for name in (*NAMES, "verify")}
        for plugin in report["pluginReports"]:
            for violation in plugin["violations"]:
                rule = violation["ruleName"].split("[")[0]
                for construct in violation["violatingConstructs"]:
                    if rule.startswith("AwsSolutions-"):
                        stack, _, resource = construct["constructPath"].split("/")
                        found[stack].add((resource, rule))
        for name, template in zip(found, TEMPLATES):
            self.assertEqual(found[name], suppressed(template), name)
        self.assertTrue(found["tag-handler"])

    def test_templates_are_plain_and_fit(self):
        for template in TEMPLATES:
            text = read(template)
            self.assertLess(len(text), TEMPLATE_BYTES)
            self.assertLess(len(re.findall(r"^    Type: ", text, re.M)), RESOURCES)
            for word in ("Transform:", "AWS::CloudFormation::Stack", "Fn::Transform", "AWS::Include"):
                self.assertNotIn(word, text)

    def test_rules_leave_room_in_every_region(self):
        for name in NAMES:
            rules = [resource["Properties"] for resource in source(name)["Resources"].values() if resource["Type"] == "AWS::Events::Rule"]
            lengths = [len(json.dumps(rule["EventPattern"], separators=(",", ":"))) for rule in rules if "EventPattern" in rule]
            self.assertTrue(lengths, name)
            self.assertLessEqual(max(lengths), PATTERN, name)
            self.assertLessEqual(len(rules), RULES, name)

    def test_both_functions_fit_into_a_new_account(self):
        at_once = [source(name)["Parameters"]["MaximumConcurrency"]["Default"] for name in NAMES[:2]]
        self.assertLess(sum(at_once), CONCURRENCY)

    def test_an_account_that_is_known_to_be_quiet_has_no_alarm_for_silence(self):
        for name in NAMES[:2]:
            for days, periods in ((0, None), (3, 3)):
                home = {"HomeRegion": REGION} if name == "session-recorder" else {}
                alarm = Template(name, SilenceDays=days, **home).resources.get("SilenceAlarm")
                self.assertEqual(alarm and alarm["Properties"]["EvaluationPeriods"], periods, name)

    def test_the_dashboard_is_json_and_its_searches_quote_names(self):
        body = source(NAMES[0])["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        widgets = json.loads(body)["widgets"]
        searches = [metric[0]["expression"] for widget in widgets for metric in widget["properties"]["metrics"] if isinstance(metric[0], dict)]
        self.assertTrue(searches)
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
        for search in searches:
            names = re.search(r"\{(.*?)\}", search)[1].split(",")
            self.assertTrue(all(name.isalnum() or re.fullmatch('"[^"]+"', name) for name in names), search)

    def test_every_setting_is_a_parameter_with_the_same_default(self):
        out = run([COMMAND, "settings"]).stdout
        settings = dict(line.split("=", 1) for line in out.splitlines() if re.match(r"[A-Z_]+=", line))
        text = read(TEMPLATES[0])
        for variable, default in settings.items():
            name = "".join(word.capitalize() for word in variable.split("_"))
            with self.subTest(setting=variable):
                parameter = re.search(rf"\n  {name}:\n(?:    .*\n)*?    Default: (.*)\n", text)
                self.assertTrue(parameter, f"no parameter {name}")
                self.assertEqual(parameter[1].strip('"'), default)
                self.assertIn(f"          {variable}: !Ref {name}\n", text)
        self.assertGreater(len(settings), 8)
