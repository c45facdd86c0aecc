"""The policies that `aws-tags policy --undo` prints let `aws-tags undo` read tags and take them away, on the account's resources, and do
nothing else. By the IAM simulator, of all actions of every service involved. That undoing uses no other actions, backfill/test_apply.py shows."""
import re
import subprocess
import unittest

from iam_simulator import actions
from local_aws import COMMAND, lines
from printed_policies import HARMLESS, MISLABELLED, OfTheAccount

TAKES_AWAY = re.compile(r":(Untag|Remove\w*Tag|Delete\w*Tag)", re.I)
# Actions by which a service takes tags away and that may do more: nothing less is to be had.
DO_MORE = {"apigateway:DELETE", "codebuild:UpdateFleet", "codebuild:UpdateProject", "codebuild:UpdateReportGroup", "elasticbeanstalk:UpdateTagsForResource",
           "route53:ChangeTagsForResource", "s3:PutBucketTagging", "s3:PutObjectTagging", "servicecatalog:UpdatePortfolio", "servicecatalog:UpdateProduct"}


class UndoPolicy(OfTheAccount, unittest.TestCase):
    name, arguments = "undo", ("policy", "--tier", "all", "--undo")

    def not_allowed(self):
        """API Gateway's tags are at paths of their own, and no row creates the others."""
        of_gateway = {action: set(actions("apigateway")[action]) - {"Tags"} for action in ("apigateway:GET", "apigateway:DELETE")}
        return {**of_gateway, **dict.fromkeys(("backup:ListTags", "backup:UntagResource"), {"recoveryPoint"}),
                **dict.fromkeys(("devicefarm:ListTagsForResource", "devicefarm:UntagResource"), {"device", "deviceinstance"})}

    def test_it_reads_and_takes_away(self):
        writes = {action for action, level in self.levels.items() if level not in HARMLESS} - MISLABELLED
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

    def test_all_fit_into_a_role(self):
        self.assertLessEqual(len(self.role.policies), 10)
