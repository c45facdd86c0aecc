"""CloudTrail as a member account of an organisation sees it: a trail of the management account, into which it may not look.

No local AWS lists trails of other accounts. The refusal is AWS's own: https://github.com/turbot/steampipe-plugin-aws/issues/577
"""
import json

from local_aws import REGION
from runtime_api import Handler, Server

MANAGEMENT_ACCOUNT = "444455556666"
ARN = f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT_ACCOUNT}:trail/organisation"
TRAIL = {"Name": "organisation", "TrailARN": ARN, "HomeRegion": REGION, "IsMultiRegionTrail": True, "IsOrganizationTrail": True}


class OrganisationTrail(Server):
    def __init__(self):
        super().__init__(MemberAccount)
        self.url = f"http://{self.address}"


class MemberAccount(Handler):
    def do_POST(self):
        self.body()
        operation = self.headers["x-amz-target"].split(".")[-1]
        answers = {"DescribeTrails": {"trailList": [TRAIL]}, "GetTrailStatus": {"IsLogging": True}}
        refusal = {"__type": "CloudTrailARNInvalidException", "message": "AccountID in ARN is wrong"}
        self.answer(json.dumps(answers.get(operation, refusal)), {"content-type": "application/x-amz-json-1.1"},
                    200 if operation in answers else 400)
