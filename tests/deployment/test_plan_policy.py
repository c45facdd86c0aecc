"""The policies that `aws-tags policy --plan` prints let `aws-tags backfill` read a history, and of what that created the tags and the age, and
do nothing else. By the IAM simulator, of all actions of every service involved. That planning uses no other actions, backfill/test_plan.py
shows."""
import unittest

from iam_simulator import OTHER_ACCOUNT, Request, Role, actions, printed
from local_aws import ACCOUNT
from printed_policies import HARMLESS, MISLABELLED, SECRETS, OfTheAccount, levels

# What a plan asks and the tag-handler does not; `iam:Get…` is in a statement of its own in the handler's template.
HISTORY = {"cloudtrail:LookupEvents", "ec2:DescribeRegions", "iam:GetRole", "iam:GetUser"}
# What Glue asks for besides where it tags, not where it tells tags.
FOR_TAGGING = {"glue:GetConnection", "glue:GetDatabase"}


class PlanPolicy(OfTheAccount, unittest.TestCase):
    name, arguments = "plan", ("policy", "--tier", "all", "--plan")

    def not_allowed(self):
        """API Gateway's tags are at paths of their own, and no row creates the others."""
        return {"apigateway:GET": set(actions("apigateway")["apigateway:GET"]) - {"Tags"}, "backup:ListTags": {"recoveryPoint"},
                "devicefarm:ListTagsForResource": {"device", "deviceinstance"}}

    def test_nothing_is_changed_and_no_secret_is_shown(self):
        self.assertEqual({action for action, level in self.levels.items() if level not in HARMLESS}, MISLABELLED)
        self.assertEqual(set(self.levels) & SECRETS, set())

    def test_it_names_what_tagging_reads_and_the_history(self):
        tagging = levels(printed("policy", "--tier", "all"))
        reads = {action for action, level in tagging.items() if level in HARMLESS} - FOR_TAGGING | MISLABELLED
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

    def test_all_fit_into_a_role(self):
        # With that of the trail.
        self.assertLess(len(self.role.policies), 10)
