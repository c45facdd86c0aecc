"""The policies that `aws-tags probe --policy` prints allow what a probe needs: the one tag of its own, and lists of tags. By the IAM
simulator, of all actions of every service involved."""
import functools
import json
import re
import subprocess
import unittest

from iam_simulator import ANY, Role, wanted
from local_aws import ACCOUNT, COMMAND, lines, say

OURS, OTHER = "aws-tags:probe", "Owner"
LIVE = "aws-tags-probe-live"
# Actions of types that a probe asks about which may do more than add tags, or show more than tags: why they are not allowed.
LEFT_OUT = {
    "changes what it tags, too": {"apigateway:PUT", "batch:SetCapacityTags", "codebuild:UpdateFleet", "codebuild:UpdateProject",
                                  "codebuild:UpdateReportGroup", "servicecatalog:UpdatePortfolio", "servicecatalog:UpdateProduct"},
    "removes or replaces tags, too": {"elasticbeanstalk:UpdateTagsForResource", "route53:ChangeTagsForResource", "route53domains:UpdateTagsForDomain",
                                      "s3:PutBucketTagging", "s3:PutStorageLensConfigurationTagging"},
}


@functools.cache
def documents():
    done = subprocess.run([COMMAND, "probe", "--policy", "--json"], check=True, capture_output=True, text=True)
    return {line["name"]: line["document"] for line in lines(done.stdout)}


def without_live():
    return {name: document for name, document in documents().items() if name != LIVE}


def asked():
    """The services' own operations that a probe calls, and what the tagging API needs for the same types, by `aws-tags services`."""
    done = subprocess.run([COMMAND, "services", "--json"], check=True, capture_output=True, text=True)
    rows = [row for row in lines(done.stdout) if row["resourceType"] and row["taggedBy"] not in ("ec2:CreateTags", "s3:PutObjectTagging")]
    return {action for row in rows for action in row["actions"]}


class ProbePolicy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        actions = {action for document in without_live().values() for one in document["Statement"] for action in one["Action"]}
        cls.role = Role("probe", without_live(), [set(without_live())], [dict.fromkeys(actions, ANY)], {})
        cls.requests = [request for request in cls.role.requests() if request.account == ACCOUNT]
        cls.adding = {action for action in actions if re.search(":(AddTag|CreateOrUpdateTags|CreateTags|Tag)", action) and action != "tag:TagResources"}

    def allowed(self, requests, **context):
        return {request.action for request, answer in self.role.simulate(requests, **context) if answer["by"]}

    def test_the_one_tag_is_allowed_and_nothing_else_is_done(self):
        answers = self.role.simulate(self.requests, **{"aws:TagKeys": [OURS]})
        say(self.role.summary(answers))
        allowed = {request.action for request, answer in answers if answer["by"]}
        self.assertEqual(allowed, self.role.named)
        self.assertEqual({action for action in allowed - self.adding if not re.search(":(List|Describe|Get)[A-Za-z]*Tag", action)}, {"tag:TagResources"})

    def test_no_other_tag_can_be_set(self):
        adding = [request for request in self.requests if request.action in self.adding]
        self.assertGreater(len(adding), 300)
        for keys in ([OTHER], [OURS, OTHER], []):
            with self.subTest(keys):
                self.assertEqual(self.allowed(adding, **({"aws:TagKeys": keys} if keys else {})), set())

    def test_live_may_use_a_queue_and_a_bucket_of_its_own_names(self):
        live = Role("live", {LIVE: documents()[LIVE]}, [{LIVE}], [{
            action: (f"arn:aws:{service}:*:aws-tags-probe-*",) for service, verbs in {
                "sqs": ("CreateQueue", "DeleteQueue", "GetQueueUrl", "ListQueueTags", "TagQueue"),
                "s3": ("CreateBucket", "DeleteBucket", "GetBucketTagging", "PutBucketTagging")}.items()
            for verb in verbs for action in [f"{service}:{verb}"]}], {})
        answers = [(one, answer) for one, answer in live.simulate() if one.account == ACCOUNT]
        say(live.summary(answers))
        wrong = {(one.action, one.arn) for one, answer in answers if bool(answer["by"]) != wanted(one, live.needs[0])}
        self.assertEqual(wrong, set())
        self.assertEqual(live.unasked(answers), set())

    def test_what_a_probe_asks_and_may_not_has_a_reason(self):
        left = asked() - self.role.named - set().union(*LEFT_OUT.values())
        shows_more = {action for action in left if re.search(":(List|Describe|Get|BatchGet|GET)", action)}
        say(f"probe: {len(shows_more)} actions show more than tags")
        self.assertEqual(left, shows_more)
        self.assertEqual({action for action in self.role.named - asked()}, set())

    def test_each_fits_into_a_managed_policy(self):
        for name, document in documents().items():
            self.assertLessEqual(len(json.dumps(document, separators=(",", ":"))), 6144, name)
