"""infra/deployer-policy.json allows what deploy and undeploy need, infra/doctor-policy.json what doctor needs, and nothing else."""
import ast
import glob
import json
import os
import re
import unittest

from cloudformation import source
from iam_simulator import ANY, OTHER_ACCOUNT, Request, Role, wanted
from local_aws import ACCOUNT, REGION, ROOT, read, say, tool

TEMPLATES = ("tag-handler", "session-recorder", "region-forwarder")
# Actions of calls in deploy.py that need more than the action that they are named after, or another one.
CALLS = {
    "create_change_set": ["cloudformation:CreateChangeSet", "cloudformation:TagResource"],
    # Allowed to everybody.
    "get_caller_identity": [],
    "head_bucket": ["s3:ListBucket"],
    "head_object": ["s3:GetObject", "s3:ListBucket"],
    "list_object_versions": ["s3:ListBucketVersions"],
    "delete_object": ["s3:DeleteObjectVersion"],
    "put_public_access_block": ["s3:PutBucketPublicAccessBlock"],
    "change_set_create_complete": ["cloudformation:DescribeChangeSet"],
}
# The resources that a deployer may act on.
OURS = {
    "cloudformation": ["stack/aws-tags-*/*"],
    "cloudwatch": ["alarm:aws-tags-*", "dashboard/aws-tags-*"],
    "dynamodb": ["table/aws-tags-sessions"],
    "events": ["rule/aws-tags-*"],
    "iam": ["role/aws-tags/*", "policy/aws-tags/*"],
    # AWS makes up the ids of keys and mappings; conditions limit them.
    "kms": ["alias/aws-tags", "key/*"],
    "lambda": ["function:aws-tags-tag-handler", "function:aws-tags-session-recorder", "event-source-mapping:*"],
    "logs": ["log-group:/aws/lambda/aws-tags-*"],
    "s3": ["aws-tags-code-*", "aws-tags-code-*/*"],
    "sqs": ["aws-tags-*"],
}
# What doctor needs on resources of any name: other people's trails and rules, and whoever may use a door.
ANYWHERE = {"cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus", "cloudwatch:GetMetricData", "events:ListTargetsByRule",
            "iam:SimulatePrincipalPolicy"}

# Actions that CloudFormation needs only for properties that the templates do not use.
UNUSED = {kind: set(" ".join(actions).split()) for kind, actions in {
    "AWS::DynamoDB::Table": [
        # Replicas.
        "dynamodb:AssociateTableReplica dynamodb:BatchWriteItem dynamodb:CreateTableReplica dynamodb:DeleteItem dynamodb:GetItem",
        "dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem iam:CreateServiceLinkedRole",
        # Imports, streams, insights, policies, customer managed keys.
        "dynamodb:DescribeImport dynamodb:ImportTable logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents s3:GetObjectMetadata",
        "dynamodb:DisableKinesisStreamingDestination dynamodb:EnableKinesisStreamingDestination",
        "dynamodb:UpdateKinesisStreamingDestination kinesis:DescribeStream kinesis:PutRecords dynamodb:UpdateContributorInsights",
        "dynamodb:DeleteResourcePolicy dynamodb:PutResourcePolicy kms:CreateGrant kms:Decrypt kms:Encrypt kms:RevokeGrant"],
    "AWS::IAM::ManagedPolicy": ["iam:AttachGroupPolicy iam:AttachUserPolicy iam:DetachGroupPolicy iam:DetachUserPolicy"],
    "AWS::Lambda::EventSourceMapping": ["kms:Decrypt kms:GenerateDataKey"],
    "AWS::Lambda::Function": [
        # Networks, file systems, layers, capacity, signed code, versions, customer managed keys.
        "ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs",
        "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets lambda:GetLayerVersion",
        "lambda:PassCapacityProvider lambda:PutFunctionScalingConfig lambda:PutFunctionRecursionConfig lambda:PutRuntimeManagementConfig",
        "lambda:AssociateRuntimeAlias lambda:DeleteFunctionCodeSigningConfig lambda:GetCodeSigningConfig",
        "lambda:PutFunctionCodeSigningConfig lambda:PublishVersion s3:GetObjectVersion",
        "kms:CreateGrant kms:Decrypt kms:Encrypt kms:GenerateDataKey"],
    "AWS::Logs::LogGroup": [
        # Deliveries, policies, indexes, tokens; the retention is always set.
        "firehose:TagDeliveryStream logs:CreateLogDelivery logs:DeleteIndexPolicy logs:DeleteResourcePolicy logs:DeleteRetentionPolicy",
        "logs:PutBearerTokenAuthentication logs:PutDataProtectionPolicy logs:PutIndexPolicy logs:PutLogGroupDeletionProtection",
        "logs:PutResourcePolicy s3:REST.PUT.OBJECT"],
}.items()}


def policy(name):
    return json.loads(read(os.path.join(ROOT, "infra", f"{name}-policy.json")))


def calls():
    """The actions that the AWS calls in deploy.py need."""
    tree = ast.parse(read(os.path.join(ROOT, "infra", "deploy.py")))
    for node in ast.walk(tree):
        service = service_of(node.func.value) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        if service is None:
            continue
        call = node.func.attr
        if call in ("get_paginator", "get_waiter"):
            # The names of the waiters for stacks are variables; they call DescribeStacks.
            call = node.args[0].value if isinstance(node.args[0], ast.Constant) else "describe_stacks"
        yield from CALLS.get(call, [f"{service}:{''.join(word.capitalize() for word in call.split('_'))}"])


def service_of(client):
    """The service of `s3` or `self.client("s3", …)`."""
    if isinstance(client, ast.Name) and client.id in ("s3", "cloudformation"):
        return client.id
    makes = isinstance(client, ast.Call) and isinstance(client.func, ast.Attribute) and client.func.attr == "client"
    return client.args[0].value if makes else None


def doctors():
    """The actions that `aws-tags doctor` needs according to its own list."""
    checks = re.search(r"const CHECKS.*?\];", read(os.path.join(ROOT, "crates", "cli", "src", "doctor.rs")), re.DOTALL)
    return set(re.findall(r"[a-z]+:[A-Z]\w+", checks[0]))


def handlers():
    """For each resource type in the templates, the actions that CloudFormation needs according to its registry."""
    (schemas,) = glob.glob(os.path.join(os.path.dirname(tool("cfn-lint")), "lib", "python3*", "site-packages", "cfnlint", "data", "schemas"))
    names = json.loads(read(os.path.join(schemas, "providers", f"{REGION}.json")))
    for kind in sorted({resource["Type"] for template in TEMPLATES for resource in source(template)["Resources"].values()}):
        schema = json.loads(read(os.path.join(schemas, "resources", f"{names[kind]}.json")))
        yield kind, {action for name, handler in schema["handlers"].items() if name != "list" for action in handler["permissions"]}


def deployers():
    """The actions that deploying and removing need: those of deploy.py, and what CloudFormation does for it."""
    return {*calls(), *(action for kind, all_of in handlers() for action in all_of - UNUSED.get(kind, set()))}


def needed(actions):
    """The patterns of ARNs on which each action is needed: resources of ours."""
    where = {}
    for action in actions:
        service = action.split(":")[0]
        where[action] = tuple(f"arn:aws:{service}:*:{one}" for one in OURS.get(action) or OURS.get(service, ()))
    return where


def role(name, needs, **context):
    """A role that has one of the policies."""
    return Role(name, {name: policy(name)}, [{name}], [needs], {"aws:PrincipalAccount": ACCOUNT, **context})


class Deployer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deployer = role("deployer", needed(deployers()), **{
            "aws:CalledVia": ["cloudformation.amazonaws.com"], "iam:PassedToService": "lambda.amazonaws.com",
            "iam:PolicyARN": f"arn:aws:iam::{ACCOUNT}:policy/aws-tags/aws-tags-tag-handler-Tagging1-x1",
            "lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:aws-tags-tag-handler"})
        cls.doctor = role("doctor", {**needed(doctors()), **dict.fromkeys(ANYWHERE, ANY)})

    def test_each_policy_allows_what_is_needed_and_nothing_else(self):
        for one in (self.deployer, self.doctor):
            with self.subTest(one.name):
                answers = [(request, answer) for request, answer in one.simulate() if request.account == ACCOUNT]
                say(one.summary(answers))
                wrong = {(request.action, request.arn) for request, answer in answers if bool(answer["by"]) != wanted(request, one.needs[0])}
                self.assertEqual(wrong, set())
                self.assertEqual(one.unasked(answers), set())

    def test_a_doctor_only_looks(self):
        changing = {action for action in self.doctor.named if not re.search(":(Describe|Get|List|Lookup|Simulate)", action)}
        self.assertEqual(changing, set())

    def test_every_unused_action_is_in_the_registry(self):
        registry = dict(handlers())
        self.assertEqual({kind: unused - registry[kind] for kind, unused in UNUSED.items() if unused - registry[kind]}, {})

    def test_conditions_hold(self):
        role = f"arn:aws:iam::{ACCOUNT}:role/aws-tags/aws-tags-tag-handler-x1"
        key, bucket = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/x1", "arn:aws:s3:::aws-tags-code-x1"
        for action, arn, right, wrong in (
                ("iam:PassRole", role, {"iam:PassedToService": "events.amazonaws.com"}, {"iam:PassedToService": "ec2.amazonaws.com"}),
                ("iam:AttachRolePolicy", role, {}, {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}),
                ("iam:AttachRolePolicy", role, {}, {"iam:PolicyARN": f"arn:aws:iam::{ACCOUNT}:policy/aws-tags-tag-handler-x1"}),
                ("kms:PutKeyPolicy", key, {}, {"aws:CalledVia": []}),
                ("lambda:CreateEventSourceMapping", "*", {}, {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:x1"}),
                ("s3:ListBucket", bucket, {}, {"aws:ResourceAccount": OTHER_ACCOUNT})):
            with self.subTest(action):
                request = Request(action, "", arn, ACCOUNT)
                allowed = [bool(self.deployer.simulate([request], **context)[0][1]["by"]) for context in (right, wrong)]
                self.assertEqual(allowed, [True, False])

    def test_each_policy_fits_into_a_managed_policy(self):
        for name in ("deployer", "doctor"):
            self.assertLessEqual(len(json.dumps(policy(name), separators=(",", ":"))), 6144, name)
