"""The policies that `aws-tags audit --policy` prints allow what an audit asks, and nothing that changes anything or hands out a secret. By
the IAM simulator, of all actions of every service involved. That an audit uses what they name, operations/test_audit.py shows."""
import functools
import unittest

from iam_simulator import ANY, Role, known, printed, wanted
from local_aws import ACCOUNT, say
from printed_policies import HARMLESS, LONGEST, MISLABELLED, SECRETS, longest

# Actions that the simulator's data does not have yet.
TOO_NEW = {"resource-explorer-2:ListResources"}

@functools.cache
def documents():
    return printed("audit", "--policy")


class AuditPolicy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        named = {action for document in documents().values() for one in document["Statement"] for action in one["Action"]}
        cls.role = Role("audit", documents(), [set(documents())], [dict.fromkeys(named, ANY)], {})

    def test_each_policy_allows_what_is_needed_and_nothing_else(self):
        answers = [(one, answer) for one, answer in self.role.simulate() if one.account == ACCOUNT]
        say(self.role.summary(answers))
        wrong = {(one.action, one.arn) for one, answer in answers if bool(answer["by"]) != wanted(one, self.role.needs[0])}
        self.assertEqual(wrong, set())
        self.assertEqual(self.role.unasked(answers), TOO_NEW)

    def test_nothing_is_changed(self):
        levels = {action: known(action)[1] for action in self.role.named - TOO_NEW}
        self.assertEqual({action for action, one in levels.items() if one not in HARMLESS}, MISLABELLED)
        self.assertGreater(len(levels), 300)

    def test_no_secret_is_shown(self):
        self.assertEqual(self.role.named & SECRETS, set())

    def test_the_first_alone_does_for_an_audit_without_a_history(self):
        first = next(iter(documents().values()))["Statement"][0]["Action"]
        self.assertLessEqual({"tag:GetResources", "resource-explorer-2:ListResources", "iam:ListRoleTags", "ec2:DescribeVolumes"}, set(first))
        others = [action for document in list(documents().values())[1:] for action in document["Statement"][0]["Action"]]
        self.assertEqual(set(first) & set(others), set())

    def test_each_fits_into_a_managed_policy(self):
        self.assertLessEqual(longest(documents()), LONGEST)
