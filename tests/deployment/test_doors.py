"""The SCP of infra/README.md that closes the doors: it keeps out whom it should, and nobody else. doors.rs proves that it has every
door's actions."""
import json
import os
import re
import unittest

from iam_simulator import Request, actions, example, simulate
from local_aws import ACCOUNT, REGION, ROOT, read

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# As the templates write it: without it, nobody may use a key.
KEY_POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}]}
EXEMPT = ("pipeline", "stacksets-exec-1", "aws-tags/aws-tags-tag-handler-x1", "aws-tags/StackSet-aws-tags-tag-handler-x1")
# Neither the name of a role nor a path below another makes it ours.
OTHER_ROLES = ("somebody", "aws-tags-tag-handler-x1", "team/aws-tags/x1")
# A resource of ours, and one of somebody else's, for each type of resource that the actions of doors name.
RESOURCES = {
    "queue": ("arn:aws:sqs:{r}:{a}:aws-tags-creations-dead-letters", "arn:aws:sqs:{r}:{a}:orders"),
    "function": ("arn:aws:lambda:{r}:{a}:function:aws-tags-tag-handler", "arn:aws:lambda:{r}:{a}:function:orders"),
    "table": ("arn:aws:dynamodb:{r}:{a}:table/aws-tags-sessions", "arn:aws:dynamodb:{r}:{a}:table/orders"),
    "rule-on-default-event-bus": ("arn:aws:events:{r}:{a}:rule/aws-tags-creations-1", "arn:aws:events:{r}:{a}:rule/orders"),
    "object": ("arn:aws:s3:::aws-tags-code-{a}-{r}/x/tag-handler.zip", "arn:aws:s3:::orders/x"),
    "role": ("arn:aws:iam::{a}:role/aws-tags/aws-tags-tag-handler-x1", "arn:aws:iam::{a}:role/orders"),
    "policy": ("arn:aws:iam::{a}:policy/aws-tags/aws-tags-tag-handler-Tagging1-x1", "arn:aws:iam::{a}:policy/orders"),
    "key": ("arn:aws:kms:{r}:{a}:key/1", "arn:aws:kms:{r}:{a}:key/2"),
}
# Which of them tells by a condition whose it is.
OURS = {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:aws-tags-tag-handler", "kms:ResourceAliases": ["alias/aws-tags"]}
OTHERS = {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders", "kms:ResourceAliases": ["alias/orders"]}


def scp():
    blocks = re.findall(r"```json\n(.*?)```", read(os.path.join(ROOT, "infra", "README.md")), re.DOTALL)
    return next(policy for policy in map(json.loads, blocks) if policy["Statement"][0]["Sid"] == "OnlyThePipelineUsesDoors")


def requests(of):
    """A request for each action that the SCP denies, on our resource or another's."""
    for action in sorted({action for statement in scp()["Statement"] for action in statement["Action"]}):
        types = actions(action.split(":")[0])[action]
        kind = next((kind for kind in types if kind in RESOURCES), None)
        arn = RESOURCES[kind][of].format(r=REGION, a=ACCOUNT) if kind else example("*", ACCOUNT)
        yield Request(action, kind or "", arn, ACCOUNT)


class Doors(unittest.TestCase):
    def denied(self, who, of, context):
        """The actions that the SCP keeps from a principal that may do everything else."""
        asked, arn = list(requests(of)), f"arn:aws:iam::{ACCOUNT}:role/{who}"
        answers = simulate({"all": ALLOW_ALL}, [
            {"principal": arn, "action": one.action, "resource": one.arn, "account": one.account, "policies": ["all"], "controls": [scp()],
             "context": {"aws:PrincipalArn": arn, **context}, **({"resourcePolicy": KEY_POLICY} if one.action.startswith("kms:") else {})}
            for one in asked])
        self.assertEqual([answer for answer in answers if "error" in answer], [])
        return {one.action for one, answer in zip(asked, answers) if not answer["allowed"]}, {one.action for one in asked}

    def test_nobody_but_the_pipeline_uses_a_door(self):
        for who in OTHER_ROLES:
            denied, asked = self.denied(who, 0, OURS)
            self.assertEqual(denied, asked, who)
        for who in EXEMPT[:2]:
            self.assertEqual(self.denied(who, 0, OURS)[0], set(), who)

    def test_our_roles_keep_what_they_need(self):
        for who in EXEMPT[2:]:
            self.assertFalse({"sqs:SendMessage", "dynamodb:PutItem"} & self.denied(who, 0, OURS)[0], who)

    def test_what_is_not_ours_is_left_alone(self):
        self.assertEqual(self.denied("somebody", 1, OTHERS)[0], set())
