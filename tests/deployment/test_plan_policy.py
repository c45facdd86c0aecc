"""The policies that `aws-tags policy --plan` prints let `aws-tags backfill` read a history, and of what that created the tags and the age, and
do nothing else. By the IAM simulator, of all actions of every service involved. That planning uses no other actions, backfill/test_plan.py
shows."""
import json
import unittest
from collections import defaultdict

from iam_simulator import ANY, OTHER_ACCOUNT, Request, Role, actions, known, printed, wanted
from local_aws import ACCOUNT, say

READS = {"List", "Read"}
# Which lists of tags the reference takes for more.
MISLABELLED = {"bcm-pricing-calculator:ListTagsForResource", "route53globalresolver:ListTagsForResource"}
# What a plan asks and the tag-handler does not; `iam:Get…` is in a statement of its own in the handler's template.
HISTORY = {"cloudtrail:LookupEvents", "ec2:DescribeRegions", "iam:GetRole", "iam:GetUser"}
# What Glue asks for besides where it tags, not where it tells tags.
FOR_TAGGING = {"glue:GetConnection", "glue:GetDatabase"}
# What shows more than what there is and how it is tagged.
SECRETS = {"secretsmanager:GetSecretValue", "ssm:GetParameter", "s3:GetObject", "dynamodb:GetItem", "lambda:GetFunction", "sqs:ReceiveMessage",
           "kms:Decrypt", "iam:GetAccountAuthorizationDetails", "lightsail:DownloadDefaultKeyPair", "lightsail:GetInstanceAccessDetails"}


def named(documents):
    return dict(known(action) for document in documents.values() for one in document["Statement"] for action in one["Action"])


def not_allowed():
    """Resource types that an action is not allowed on: API Gateway's tags are at paths of their own, and no row creates the others."""
    return {"apigateway:GET": set(actions("apigateway")["apigateway:GET"]) - {"Tags"}, "backup:ListTags": {"recoveryPoint"},
            "devicefarm:ListTagsForResource": {"device", "deviceinstance"}}


class PlanPolicy(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        documents = printed("policy", "--tier", "all", "--plan")
        cls.levels = named(documents)
        cls.role = Role("plan", documents, [set(documents)], [dict.fromkeys(cls.levels, ANY)], {})
        cls.answers = cls.role.simulate()

    def test_what_is_named_is_allowed_in_the_account_and_nothing_else(self):
        say(self.role.summary(self.answers))
        wrong = defaultdict(set)
        for request, answer in self.answers:
            if bool(answer["by"]) != wanted(request, self.role.needs[0]):
                wrong[request.action].add(request.kind)
        self.assertEqual(wrong, not_allowed())
        self.assertEqual(set(self.levels) - {request.action for request, answer in self.answers if answer["by"]}, set())
        self.assertTrue(any(request.account == OTHER_ACCOUNT for request, _ in self.answers))

    def test_nothing_is_changed_and_no_secret_is_shown(self):
        self.assertEqual({action for action, level in self.levels.items() if level not in READS}, MISLABELLED)
        self.assertEqual(set(self.levels) & SECRETS, set())

    def test_it_names_what_tagging_reads_and_the_history(self):
        tagging = named(printed("policy", "--tier", "all"))
        reads = {action for action, level in tagging.items() if level in READS} - FOR_TAGGING | MISLABELLED
        self.assertEqual(set(self.levels), reads | HISTORY)
        self.assertGreater(len(reads), 300)

    def test_of_buckets_only_the_trail_s_is_read(self):
        documents = printed("policy", "--tier", "all", "--plan", "--bucket", "org-trail")
        role = Role("plan", documents, [set(documents)], [{}], {})
        # The bucket may be another account's; that it lets others read, its own policy says.
        asked = [Request(action, "", arn, account) for account in (ACCOUNT, OTHER_ACCOUNT) for action, arn in (
            ("s3:ListBucket", "arn:aws:s3:::org-trail"), ("s3:GetObject", "arn:aws:s3:::org-trail/AWSLogs/x.json.gz"),
            ("s3:ListBucket", "arn:aws:s3:::org-trail-2"), ("s3:GetObject", "arn:aws:s3:::other/AWSLogs/x.json.gz"),
            ("s3:PutObject", "arn:aws:s3:::org-trail/AWSLogs/x.json.gz"), ("s3:DeleteObject", "arn:aws:s3:::org-trail/AWSLogs/x.json.gz"))]
        self.assertEqual([bool(answer["by"]) for _, answer in role.simulate(asked)], [True, True, False, False, False, False] * 2)
        self.assertEqual({name: document for name, document in documents.items() if name != "aws-tags-trail"}, self.role.policies)

    def test_each_fits_into_a_managed_policy_and_all_into_a_role(self):
        for name, document in self.role.policies.items():
            self.assertLessEqual(len(json.dumps(document, separators=(",", ":"))), 6144, name)
        # With that of the trail.
        self.assertLess(len(self.role.policies), 10)
