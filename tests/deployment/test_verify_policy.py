"""The two policies of infra/verify.yaml allow their actions on what `aws-tags verify` makes and on parts of a deployment, and on nothing
else. That they name exactly the actions that it uses, operations/test_verify.py shows."""
import unittest

from cloudformation import Template
from iam_simulator import ANY, Request, Role, listed, wanted
from local_aws import ACCOUNT, REGION, say

# Where each service's actions are allowed.
OF_SESSIONS = {
    "sqs": ["sqs:*:aws-tags-verify-*"], "s3": ["s3:::aws-tags-verify-*"],
    "ec2:CreateSecurityGroup": ["ec2:*:vpc/*", "ec2:*:security-group/*"], "ec2": ["ec2:*:security-group/*"],
}
OF_CALLER = {
    "sts": ["iam::*:role/aws-tags-verify"], "iam": ["iam::*:role/aws-tags-verify"], "cloudtrail": ["cloudtrail:*:trail/*"],
    "events": ["events:*:rule/aws-tags-*"], "lambda": ["lambda:*:function:aws-tags-*"], "logs": ["logs:*:log-group:/aws/lambda/aws-tags-*"],
    "dynamodb": ["dynamodb:*:table/aws-tags-sessions"], "sqs:GetQueueAttributes": ["sqs:*:aws-tags-*"], "sqs:ListQueueTags": ["sqs:*:aws-tags-*"],
    "sqs": ["sqs:*:aws-tags-*-dead-letters"], "s3": ["s3:::aws-tags-verify-*"], "kms": ["kms:*:key/*"],
}
# Roles are IAM's resources, so the simulator's data has no matching ones for STS.
TRIED_BELOW = {"sts:AssumeRole", "sts:TagSession"}
# Conditions that hold for what the command makes and reads.
CONTEXT = {
    "aws:RequestTag/Name": "aws-tags-verify-x1", "aws:ResourceTag/Name": "aws-tags-verify-x1", "aws:TagKeys": ["Name"],
    "ec2:CreateAction": "CreateSecurityGroup", "kms:ViaService": f"sqs.{REGION}.amazonaws.com", "kms:ResourceAliases": ["alias/aws-tags"],
}


def role(name, document, where):
    """A role with that policy, whose actions are needed there, or anywhere where a statement says so."""
    needs = {}
    for statement in document["Statement"]:
        for action in listed(statement["Action"]):
            places = where.get(action) or where.get(action.split(":")[0], ())
            needs[action] = ANY if statement["Resource"] == "*" else tuple(f"arn:aws:{place}" for place in places)
    return Role(name, {name: document}, [{name}], [needs], CONTEXT)


class VerifyPolicies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        template = Template("verify")
        cls.sessions = role("sessions", template.policies("Role")["make-and-delete"], OF_SESSIONS)
        cls.caller = role("caller", template.resources["Caller"]["Properties"]["PolicyDocument"], OF_CALLER)

    def test_each_policy_allows_what_is_needed_and_nothing_else(self):
        for one in (self.sessions, self.caller):
            with self.subTest(one.name):
                # An organisation's trail is another account's.
                answers = [(request, answer) for request, answer in one.simulate()
                           if request.account == ACCOUNT or not request.action.startswith("cloudtrail:")]
                say(one.summary(answers))
                wrong = {(request.action, request.arn) for request, answer in answers if bool(answer["by"]) != wanted(request, one.needs[0])}
                self.assertEqual(wrong, set())
                self.assertEqual(one.unasked(answers) - TRIED_BELOW, set())

    def test_conditions_hold(self):
        group, key = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-1", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/x1"
        for one, action, arn, wrong in (
                (self.sessions, "ec2:DeleteSecurityGroup", group, {"aws:ResourceTag/Name": "web"}),
                (self.sessions, "ec2:CreateSecurityGroup", group, {"aws:RequestTag/Name": "web"}),
                (self.sessions, "ec2:CreateTags", group, {"ec2:CreateAction": "RunInstances"}),
                (self.sessions, "ec2:CreateTags", group, {"aws:TagKeys": ["Name", "Owner"]}),
                (self.caller, "kms:Decrypt", key, {"kms:ResourceAliases": ["alias/other"]}),
                (self.caller, "kms:Decrypt", key, {"kms:ViaService": f"s3.{REGION}.amazonaws.com"})):
            with self.subTest(action, **wrong):
                request = Request(action, "", arn, ACCOUNT)
                self.assertEqual([bool(one.simulate([request], **context)[0][1]["by"]) for context in ({}, wrong)], [True, False])

    def test_a_caller_may_assume_that_role_only(self):
        for action in sorted(TRIED_BELOW):
            requests = [Request(action, "", f"arn:aws:iam::{ACCOUNT}:role/{name}", ACCOUNT) for name in ("aws-tags-verify", "admin")]
            self.assertEqual([bool(answer["by"]) for _, answer in self.caller.simulate(requests)], [True, False], action)

    def test_the_role_takes_no_other_session_tags(self):
        (statement,) = Template("verify").resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(statement["Condition"], {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-tags-verify"]}})
        self.assertEqual(statement["Principal"], {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
