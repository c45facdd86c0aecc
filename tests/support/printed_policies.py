"""What the tests of the policies that commands print have in common."""
import json
from collections import defaultdict

from iam_simulator import ANY, OTHER_ACCOUNT, Role, known, printed, wanted
from local_aws import say

# The levels of access of the Service Authorization Reference that change nothing.
HARMLESS = {"List", "Read"}
# Which lists of tags the reference takes for more.
MISLABELLED = {"bcm-pricing-calculator:ListTagsForResource", "route53globalresolver:ListTagsForResource"}
# What shows more than what there is and how it is tagged: nobody who asks for tags needs it.
SECRETS = {"secretsmanager:GetSecretValue", "ssm:GetParameter", "s3:GetObject", "dynamodb:GetItem", "lambda:GetFunction", "sqs:ReceiveMessage",
           "kms:Decrypt", "iam:GetAccountAuthorizationDetails", "lightsail:DownloadDefaultKeyPair", "lightsail:GetInstanceAccessDetails"}
# Characters of a managed policy, without white space.
LONGEST = 6144


def levels(documents):
    """The actions of policies, with their levels of access."""
    return dict(known(action) for document in documents.values() for one in document["Statement"] for action in one["Action"])


def longest(documents):
    return max(len(json.dumps(document, separators=(",", ":"))) for document in documents.values())


class OfTheAccount:
    """A test case of policies that are limited to the account's resources: `arguments` print them, and a role of that `name` has them. Each
    action is allowed on all of its types but what `not_allowed` gives."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        documents = printed(*cls.arguments)
        cls.levels = levels(documents)
        cls.role = Role(cls.name, documents, [set(documents)], [dict.fromkeys(cls.levels, ANY)], {})
        cls.answers = cls.role.simulate()

    def test_what_is_named_is_allowed_in_the_account_and_nothing_else(self):
        say(self.role.summary(self.answers))
        wrong = defaultdict(set)
        for request, answer in self.answers:
            if bool(answer["by"]) != wanted(request, self.role.needs[0]):
                wrong[request.action].add(request.kind)
        self.assertEqual(wrong, self.not_allowed())
        self.assertEqual(set(self.levels) - {request.action for request, answer in self.answers if answer["by"]}, set())
        self.assertTrue(any(request.account == OTHER_ACCOUNT for request, _ in self.answers))

    def test_each_fits_into_a_managed_policy(self):
        self.assertLessEqual(longest(self.role.policies), LONGEST)
