"""Least privilege of the roles in infra/*.yaml, by an IAM simulator: of all actions of every service involved, a role may use
what it needs and nothing else.

The needs of the tag handler come from `aws-tags services` and from this file, not from the policies.
"""
import functools
import json
import os
import re
import subprocess
import unittest
from collections import defaultdict

import local_aws
from cloudformation import Template, source
from iam_simulator import ANY, OTHER_ACCOUNT, Request, Role, actions, listed, simulate, wanted
from local_aws import ACCOUNT, COMMAND, REGION, say

SESSIONS = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/aws-tags-sessions"
HOME_BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
# A Region with a session recorder that is not the home Region.
AWAY = "us-east-1"
# Parameter values that change what is allowed.
PLAIN, EXTRA = {"Tracing": "off", "EncryptionKey": "aws-owned"}, {"Tracing": "on", "EncryptionKey": "customer-managed"}
CHOICES = [{"Services": services, "AlsoTag": also, **PLAIN} for services in ("essential", "common", "all") for also in ("", "*")]
CHOICES.append({"Services": "all", "AlsoTag": "*", **EXTRA})
SWEEP = {"SweepRegions": f"{REGION},{AWAY}"}
CHOICES.append({"Services": "essential", "AlsoTag": "", **PLAIN, **SWEEP})
TIERS = ("essential", "common", "all")
# Actions that lookups need, by the resource type that they find.
LOOKUPS = {
    "ec2:internet-gateway": ["ec2:DescribeInternetGateways"],
    "ec2:network-acl": ["ec2:DescribeNetworkAcls"],
    "ec2:route-table": ["ec2:DescribeRouteTables"],
    "ec2:security-group": ["ec2:DescribeSecurityGroups"],
    "ec2:snapshot": ["ec2:DescribeImages", "ec2:DescribeSnapshots"],
    "ec2:subnet": ["ec2:DescribeSubnets"],
    "ec2:volume": ["ec2:DescribeInstances", "ec2:DescribeVolumes"],
    "secretsmanager:Secret": ["secretsmanager:DescribeSecret"],
}

# Actions by which the tags of parents are read, whatever the services.
PARENTS = ["autoscaling:DescribeTags", "batch:ListTagsForResource", "cloud9:ListTagsForResource", "ec2:DescribeTags", "eks:DescribeNodegroup",
           "eks:ListTagsForResource", "elasticloadbalancing:DescribeTags", "elasticmapreduce:DescribeCluster", "fsx:ListTagsForResource",
           "imagebuilder:ListTagsForResource", "lambda:ListTags", "rds:ListTagsForResource", "redshift:DescribeTags", "sagemaker:ListTags"]

# Resource types with two ARN formats, which the simulator cannot distinguish: it is asked for any resource.
TWO_FORMATS = {("greengrass:TagResource", "deployment"),
               ("lex:TagResource", "bot"), ("lex:TagResource", "bot alias"), ("greengrass:ListTagsForResource", "deployment"),
               ("lex:ListTagsForResource", "bot"), ("lex:ListTagsForResource", "bot alias")}
# Despite their names, these delete a handled message, start a function's log, or add tags.
HARMLESS = {"sqs:DeleteMessage", "logs:CreateLogStream", "autoscaling:CreateOrUpdateTags", *(f"{service}:CreateTags" for service in (
    "ec2", "elasticfilesystem", "medialive", "mq", "redshift", "workspaces"))}


@functools.cache
def not_allowed():
    """Resource types that an action is not allowed on although it is needed for others, and the reason."""
    return {
        # Backup's recovery points have the ARNs of other services' snapshots; Device Farm's devices are AWS's.
        "backup:TagResource": (["recoveryPoint"], "no row creates them"),
        # API Gateway tags resources with PUT on a path of its own; the other PUTs change APIs and their parts.
        "apigateway:PUT": (["DocumentationPart", "GatewayResponse", "IntegrationResponse", "MethodResponse", "RestApi"],
                           "tags are put to `/tags/…`"),
        "devicefarm:TagResource": (["device", "deviceinstance"], "no row creates them"),
        "backup:ListTags": (["recoveryPoint"], "no row creates them"),
        "devicefarm:ListTagsForResource": (["device", "deviceinstance"], "no row creates them"),
        "apigateway:GET": (sorted(set(actions("apigateway")["apigateway:GET"]) - {"Tags"}), "tags are got from `/tags/…`"),
    }


def role(name, logical_id, needs, choices=({},), **more):
    """A role of a template, with its policies for each choice of parameters."""
    policies, present = {}, []
    for choice in choices:
        found = Template(name, **more, **choice).policies(logical_id)
        changed = [policy for policy in found if policies.get(policy, found[policy]) != found[policy]]
        assert not changed, f"{changed} differ with {choice}: one simulation is not enough"
        policies.update(found)
        present.append(set(found))
    known_as = f"{name} in {more['region']}" if more.get("region", REGION) != REGION else name
    return Role(known_as, policies, present, [needs(choice) for choice in choices], {"aws:RequestedRegion": REGION})


def fixed(function, queue, region=REGION):
    """What any of the functions needs to run."""
    queue = f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}"
    stream = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:/aws/lambda/{function}:log-stream:x1"
    take = dict.fromkeys(("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), (queue,))
    log = dict.fromkeys(("logs:CreateLogStream", "logs:PutLogEvents"), (stream,))
    return {**take, **log, "sqs:SendMessage": (f"{queue}-dead-letters",)}


def chosen(choice, region=REGION):
    """What the choices that have nothing to do with services need besides."""
    trace = dict.fromkeys(("xray:PutTelemetryRecords", "xray:PutTraceSegments"), ANY) if choice["Tracing"] == "on" else {}
    has_key = choice["EncryptionKey"] == "customer-managed"
    key = dict.fromkeys(("kms:Decrypt", "kms:GenerateDataKey"), (f"arn:aws:kms:{region}:{ACCOUNT}:key/Key",)) if has_key else {}
    return {**trace, **key}


def recorder_needs(region):
    """The same in any Region, with the home Region's table."""
    return lambda choice: {**fixed("aws-tags-session-recorder", "aws-tags-sessions", region), **chosen(choice, region), "dynamodb:PutItem": (SESSIONS,)}


def handler_needs(choice):
    needed = {**fixed("aws-tags-tag-handler", "aws-tags-creations"), **chosen(choice), **dict.fromkeys(("dynamodb:PutItem", "dynamodb:Query"), (SESSIONS,)), "iam:GetRole": ANY, "iam:GetUser": ANY,
              **dict.fromkeys(PARENTS, ANY)}
    if choice.get("SweepRegions"):
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:aws-tags-creations"
        needed.update({"cloudtrail:LookupEvents": ANY, "sqs:SendMessage": (queue, f"{queue}-dead-letters")})
    for row in rows():
        if TIERS.index(row["tier"]) <= TIERS.index(choice["Services"]) and (choice["AlsoTag"] or not row["optIn"]):
            # Services' own operations are among the row's actions.
            looked_up = LOOKUPS.get(row["resourceType"], []) if row["found"] == "by lookup" else []
            needed.update(dict.fromkeys([*row["actions"], *looked_up], ANY))
    return needed


def run(command):
    """The output of a subcommand of `catalog`."""
    catalog = os.path.join(local_aws.TARGET, "debug", "catalog")
    return subprocess.run([catalog, command], check=True, capture_output=True, text=True).stdout


@functools.cache
def rows():
    """The table, as the built command lists it."""
    out = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def names(template):
    """The names of a template's rules."""
    return {rule["Properties"]["Name"] for rule in template.of("AWS::Events::Rule")}


# SQS's quotas: statements of a queue's policy, and conditions; here also values of a condition, which AWS may count.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
QUEUE_POLICY = {"statements": 20, "conditions": 10, "values": 10, "bytes": 8192}


class LeastPrivilege(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.roles = [
            role("tag-handler", "TagHandlerRole", handler_needs, CHOICES),
            *(role("session-recorder", "SessionRecorderRole", recorder_needs(region), [PLAIN, EXTRA], region=region, HomeRegion=REGION) for region in (REGION, AWAY)),
            role("region-forwarder", "ForwardRole", lambda _: {"events:PutEvents": (HOME_BUS,)}, HomeRegion=REGION),
        ]
        cls.answers = {one.name: one.simulate() for one in cls.roles}
        for one in cls.roles:
            say(one.summary(cls.answers[one.name]))

    def test_what_is_needed_is_allowed_and_nothing_else(self):
        for role in self.roles:
            with self.subTest(role.name):
                wrong = defaultdict(set)
                for request, answer in self.answers[role.name]:
                    for present, needs in zip(role.present, role.needs):
                        if bool(present.intersection(answer["by"])) != wanted(request, needs):
                            wrong[request.action].add(request.kind or request.arn)
                exceptions = not_allowed() if role.name == "tag-handler" else {}
                self.assertEqual({action: sorted(kinds) for action, kinds in wrong.items()},
                                 {action: kinds for action, (kinds, _) in exceptions.items()})

    def test_the_simulator_knows_everything_needed(self):
        for role in self.roles:
            with self.subTest(role.name):
                self.assertEqual(role.unasked(self.answers[role.name]), set())
                loose = {(one.action, one.kind) for one, answer in self.answers[role.name]
                         if one.action in role.at_stake and one.kind not in not_allowed().get(one.action, ([],))[0] and answer["asked"] == "*" != one.arn}
                self.assertEqual(loose, TWO_FORMATS if role.name == "tag-handler" else set())

    def test_every_allowed_action_is_exercised_by_a_test_or_has_a_reason(self):
        """Tag handler only: tests/deployment/test_deploy.py uses all of the few actions of the other roles."""
        allowed = {action for choice in CHOICES for action in handler_needs(choice)}
        by_route = defaultdict(set)
        for row in rows():
            by_route[row["taggedBy"]].update(row["actions"])
        shared = {"ec2:CreateTags", "tag:TagResources", "s3:PutObjectTagging"}
        tested = {
            "tested by tests/deployment/test_deploy.py: running the function":
                set(fixed("aws-tags-tag-handler", "q")) | {"kms:Decrypt", "kms:GenerateDataKey", "dynamodb:PutItem", "dynamodb:Query", "iam:GetRole", "iam:GetUser"},
            "tested by tests/functions/test_sweep.py: looking up what events missed": {"cloudtrail:LookupEvents"},
            "tested by tests/functions/test_end_to_end.py: EC2's tags, the tagging API, buckets and objects, lookups":
                shared | {"s3:GetBucketTagging"} | by_route["ec2:CreateTags"] | by_route["s3:PutObjectTagging"] | {a for actions in LOOKUPS.values() for a in actions},
            "tested by tests/table/test_tag_operations.py: the request of every service's own operation":
                {action for request in map(json.loads, run("requests").splitlines()) for action in request["actions"]},
        }
        reasons = {
            "needed by the tagging API on AWS's side, which no local AWS checks": by_route["tag:TagResources"],
            "for X-Ray, which no local AWS has": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
        }
        for group in (tested, reasons):
            for why, some in group.items():
                say(f"tag-handler: {len(some & allowed)} actions {why}")
        self.assertEqual(allowed - set().union(*tested.values(), *reasons.values()), set())

    def test_nothing_can_be_removed_or_created(self):
        for role in self.roles:
            with self.subTest(role.name):
                allowed = {request.action for request, answer in self.answers[role.name] if answer["by"]}
                bad = {action for action in allowed if re.search(":(untag|remove|delete|create)", action.lower())}
                self.assertEqual(bad - HARMLESS, set())

    def test_the_tag_handler_writes_who_deploys_stacks_and_no_session(self):
        (handler,) = [one for one in self.roles if one.name == "tag-handler"]
        request = Request("dynamodb:PutItem", "table", SESSIONS, ACCOUNT)
        keys = {f"#stack#{ACCOUNT}#{REGION}#web": True, f"#change-set#arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/c/1": True, f"#deploys#{ACCOUNT}": True,
                f"{ACCOUNT}#AROAEXAMPLE:ann": False, "#heartbeat": False, "#": False, "#arrived#2026-05-04T10": "sweep", "#arrived#": "sweep"}
        answers = {key: handler.simulate([request], **{"dynamodb:LeadingKeys": [key]})[0][1]["by"] for key in keys}
        self.assertEqual({key: "sweep" if by == ["sweep"] else bool(by) for key, by in answers.items()}, keys)

    def test_the_history_is_asked_only_by_a_sweep_and_in_its_regions(self):
        off, on = Template("tag-handler"), Template("tag-handler", **SWEEP)
        self.assertEqual(on.resources.keys() - off.resources.keys(), {"Sweep", "MissedAlarm"})
        self.assertEqual(on.policies("TagHandlerRole").keys() - off.policies("TagHandlerRole").keys(), {"sweep"})
        self.assertNotIn("cloudtrail:LookupEvents", json.dumps(off.policies("TagHandlerRole")))
        self.assertNotIn("aws-tags-sweep", json.dumps(off.resources))
        (handler,) = [one for one in self.roles if one.name == "tag-handler"]
        request = Request("cloudtrail:LookupEvents", "", "*", ACCOUNT)
        answers = {region: handler.simulate([request], **{"aws:RequestedRegion": region})[0][1]["by"] for region in (REGION, AWAY, "eu-west-3")}
        self.assertEqual(answers, {REGION: ["sweep"], AWAY: ["sweep"], "eu-west-3": []})

    def test_only_the_rules_of_the_stack_may_use_queues_keys_and_roles(self):
        events, origin = "events.amazonaws.com", "aws:SourceArn"
        key = {"EncryptionKey": "customer-managed"}
        for services, also in (("essential", ""), ("all", "*")):
            handler = Template("tag-handler", Services=services, AlsoTag=also, **key, **(SWEEP if also else {}))
            at_home = Template("session-recorder", HomeRegion=REGION, **key)
            away = Template("session-recorder", region=AWAY, HomeRegion=REGION, **key)
            forwarder = Template("region-forwarder", region="eu-west-3", HomeRegion=REGION, Services=services, AlsoTag=also, **key)
            every = set().union(*map(names, (Template("tag-handler", Services="all", AlsoTag="*", **SWEEP), at_home, forwarder)))
            asked, policies = [], 0
            for template in (handler, at_home, away, forwarder):
                rules = f"arn:aws:events:{template.values['AWS::Region']}:{ACCOUNT}:rule/"
                for arn, document in template.resource_policies():
                    services_named = {statement["Principal"].get("Service") for statement in document["Statement"]}
                    for statement in document["Statement"]:
                        self.assertIn(list(statement["Principal"]), (["Service"], ["AWS"]), arn)
                        self.assertIn(statement["Principal"].get("AWS"), (None, f"arn:aws:iam::{ACCOUNT}:root"), arn)
                    if events not in services_named:
                        continue
                    policies += 1
                    (action, *_) = next(listed(one["Action"]) for one in document["Statement"] if one["Principal"].get("Service") == events)
                    ours = names(template)
                    if template is forwarder and ":role/" not in arn:
                        # Its heartbeat writes to no queue.
                        ours = ours - {"aws-tags-forwarder-heartbeat"}
                    # A trust policy has no room for all names.
                    allowed = {name for name in every if "-creations-" in name} | ours if ":role/" in arn else ours
                    senders = [(events, rules + name, name in allowed) for name in sorted(every | {"x1"})]
                    one = rules + min(ours)
                    senders += [(events, one.replace(ACCOUNT, OTHER_ACCOUNT), False), (events, None, False), ("sns.amazonaws.com", one, False)]
                    asked += [(wanted, {"principal": who, "action": action, "resource": arn, "account": ACCOUNT, "policies": [],
                                        "context": {origin: rule} if rule else {}, "resourcePolicy": document}) for who, rule, wanted in senders]
            answers = simulate({}, [request for _, request in asked])
            wrong = [(request["resource"], request["principal"], request["context"]) for (wanted, request), answer in zip(asked, answers)
                     if answer["allowed"] is not wanted]
            self.assertEqual(wrong, [], services)
            # Four keys, seven queues, one role.
            self.assertEqual(policies, 12)

    def test_the_sample_service_control_policies_know_our_roles_by_their_path(self):
        readme = local_aws.read(os.path.join(local_aws.ROOT, "infra", "README.md"))
        controls = {policy["Statement"][0]["Sid"]: policy for policy in map(json.loads, re.findall(r"^```json\n(.*?)^```$", readme, re.M | re.S))}
        everything = {"all": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
        ours = ["aws-tags/aws-tags-tag-handler-TagHandlerRole-x1", "aws-tags/StackSet-aws-tags-tag-handler-x1-TagHandlerRole-x2"]
        others = ["developer", "aws-tags-tag-handler-TagHandlerRole-x1", "StackSet-aws-tags-x1", "team/aws-tags/x1"]
        function, role = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:x1", f"arn:aws:iam::{ACCOUNT}:role/x1"
        for sid, action, resource, keys, allowed in (
                ("OnlyAwsTagsNamesOwners", "lambda:TagResource", function, ["owner", "Team"], ours),
                ("OnlyAwsTagsNamesOwners", "lambda:TagResource", function, ["Team"], [*ours, *others]),
                ("AwsTagsTagsAndNoMore", "iam:TagRole", role, ["Team"], others),
                ("AwsTagsTagsAndNoMore", "lambda:TagResource", function, ["Team"], [*ours, *others])):
            arns = [f"arn:aws:iam::{ACCOUNT}:role/{who}" for who in [*ours, *others]]
            requests = [{"principal": arn, "action": action, "resource": resource, "account": ACCOUNT, "policies": ["all"],
                         "context": {"aws:TagKeys": keys, "aws:PrincipalArn": arn}, "controls": [controls[sid]]} for arn in arns]
            answers = dict(zip([*ours, *others], simulate(everything, requests)))
            self.assertEqual({who: answer for who, answer in answers.items() if "error" in answer}, {})
            self.assertEqual([who for who, answer in answers.items() if answer["allowed"]], allowed, (sid, action, keys))

    def test_rules_come_after_what_lets_them_write(self):
        for name in ("tag-handler", "session-recorder", "region-forwarder"):
            resources = source(name)["Resources"]
            (policy,) = (key for key, one in resources.items() if one["Type"] == "AWS::SQS::QueuePolicy")
            early = {key for key, one in resources.items() if one["Type"] == "AWS::Events::Rule" and one.get("DependsOn") != policy}
            self.assertEqual(early, {"Heartbeat"} if name == "region-forwarder" else set(), name)

    def test_the_policies_fit_into_queues(self):
        for name in ("tag-handler", "session-recorder", "region-forwarder"):
            more = {"Services": "all", "AlsoTag": "*"} if name != "session-recorder" else {}
            more |= SWEEP if name == "tag-handler" else {}
            template = Template(name, region="us-gov-west-1", **more)
            for policy in template.of("AWS::SQS::QueuePolicy"):
                document = policy["Properties"]["PolicyDocument"]
                statements = document["Statement"]
                values = [value for one in statements for of_key in one["Condition"].values() for value in of_key.values()]
                has = {"statements": len(statements), "conditions": len(values), "values": max(len(listed(one)) for one in values),
                       "bytes": len(json.dumps(document).replace("arn:aws:", "arn:aws-us-gov:"))}
                self.assertEqual({what: count for what, count in has.items() if count > QUEUE_POLICY[what]}, {}, name)

    def test_sessions_are_forwarded_where_no_recorder_is_waited_for(self):
        four = "eu-central-1,eu-north-1,ap-southeast-2,sa-east-1"
        for further in ("", "eu-north-1", four):
            variables = Template("tag-handler", RecorderRegions=further).resources["TagHandler"]["Properties"]["Environment"]["Variables"]
            recorders = set(filter(None, variables["RECORDER_REGIONS"].split(",")))
            self.assertEqual(recorders, {REGION, "us-east-1", *filter(None, further.split(","))})
            for region in ("us-east-1", "eu-west-3", *four.split(",")):
                forwarder = Template("region-forwarder", region=region, HomeRegion=REGION, RecorderRegions=further)
                self.assertEqual("SessionsRule" in forwarder.resources, region not in recorders, (further, region))

    def test_the_policies_fit_into_a_role(self):
        for role in self.roles:
            with self.subTest(role.name):
                managed = [name for name in role.policies if name[0].isupper()]
                self.assertLessEqual(len(managed), 10)
                for name, document in role.policies.items():
                    text = json.dumps(document, separators=(",", ":")).replace("arn:aws:", "arn:aws-us-gov:")
                    self.assertLessEqual(len(text), 6144, name)
                    self.assertEqual({one["Effect"] for one in document["Statement"]}, {"Allow"}, name)
