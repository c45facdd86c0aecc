"""The policies that `aws-tags policy --undo` prints let `aws-tags undo` read tags and take them away, on the account's resources, and do
nothing else. By the IAM simulator, of all actions of every service involved. That undoing uses no other actions, backfill/test_apply.py shows."""
import json
import re
import subprocess
import unittest
from collections import defaultdict

from iam_simulator import ANY, OTHER_ACCOUNT, Role, actions, known, printed, wanted
from local_aws import COMMAND, lines, say

READS = {"List", "Read"}
TAKES_AWAY = re.compile(r":(Untag|Remove\w*Tag|Delete\w*Tag)", re.I)
# Actions by which a service takes tags away and that may do more: nothing less is to be had.
DO_MORE = {"apigateway:DELETE", "codebuild:UpdateFleet", "codebuild:UpdateProject", "codebuild:UpdateReportGroup", "elasticbeanstalk:UpdateTagsForResource",
           "route53:ChangeTagsForResource", "s3:PutBucketTagging", "s3:PutObjectTagging", "servicecatalog:UpdatePortfolio", "servicecatalog:UpdateProduct"}
# Which lists of tags the reference takes for more.
MISLABELLED = {"bcm-pricing-calculator:ListTagsForResource", "route53globalresolver:ListTagsForResource"}


def not_allowed():
    """Resource types that an action is not allowed on: API Gateway's tags are at paths of their own, and no row creates the others."""
    of_gateway = {action: set(actions("apigateway")[action]) - {"Tags"} for action in ("apigateway:GET", "apigateway:DELETE")}
    return {**of_gateway, **dict.fromkeys(("backup:ListTags", "backup:UntagResource"), {"recoveryPoint"}),
            **dict.fromkeys(("devicefarm:ListTagsForResource", "devicefarm:UntagResource"), {"device", "deviceinstance"})}


class UndoPolicy(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        documents = printed("policy", "--tier", "all", "--undo")
        cls.levels = dict(known(action) for document in documents.values() for one in document["Statement"] for action in one["Action"])
        cls.role = Role("undo", documents, [set(documents)], [dict.fromkeys(cls.levels, ANY)], {})
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

    def test_it_reads_and_takes_away(self):
        writes = {action for action, level in self.levels.items() if level not in READS} - MISLABELLED
        self.assertEqual({action for action in writes if not TAKES_AWAY.search(action)}, DO_MORE)
        self.assertGreater(len(writes), 250)

    def test_each_service_that_is_tagged_can_be_untagged(self):
        service = lambda action: action.split(":")[0]
        takes = {service(action) for action in self.levels if TAKES_AWAY.search(action) or action in DO_MORE}
        done = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True)
        rows = [row for row in lines(done.stdout) if row["resourceType"] and row["actions"]]
        # Of what nothing reads, nothing is written.
        reads = lambda row: any(re.search(":(BatchGet|Describe|Get|GET$|List)", action) for action in row["actions"])
        tagged = {service(action) for row in rows if reads(row) for action in row["actions"] if re.search(r":(Tag|Add\w*Tag|Create\w*Tags)", action)}
        self.assertGreater(len(tagged), 150)
        self.assertEqual(tagged - takes, set())

    def test_each_fits_into_a_managed_policy_and_all_into_a_role(self):
        for name, document in self.role.policies.items():
            self.assertLessEqual(len(json.dumps(document, separators=(",", ":"))), 6144, name)
        self.assertLessEqual(len(self.role.policies), 10)
