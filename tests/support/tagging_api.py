"""AWS's tagging API in front of a local AWS, which knows no types: it refuses types as AWS does, in the words that users of AWS have
published, keeps AWS's rate, and passes on all else.

Kinesis Video: https://github.com/cloud-custodian/cloud-custodian/issues/8449. Lex: https://github.com/cloud-custodian/cloud-custodian/issues/9679.
AppSync's data sources, and roles that fail the whole call: https://github.com/boto/boto3/issues/2760.
"""
import contextlib
import json
import threading
import time

from botocore.exceptions import ClientError
from fault_proxy import Proxy, Unreliable
from local_aws import session

UNKNOWN_TYPE = (400, "InvalidParameterException", "Unrecognized service or resource type for tagging")
# By the beginning of the resource: how each ARN fails.
REFUSED = {
    "kinesisvideo:stream/": UNKNOWN_TYPE,
    "cassandra:/keyspace/": UNKNOWN_TYPE,
    "lex:bot/": (400, "BadResourceException", "The specified ARN '{arn}' is invalid."),
    "appsync:apis/": (400, "BadRequestException", "Invalid input resource arn"),
    "athena:workgroup/": (500, "InternalServiceException", "{arn} of request 0a1b2c3d-0000-4000-8000-000000000001 in account {account}"),
    "batch:job-queue/": (403, "AccessDeniedException", "User: arn:aws:sts::{account}:assumed-role/admin/jo is not authorized to perform: batch:TagResource"),
}
# ARNs that fail the whole call.
WHOLE_CALL = ("iam:", "route53:")


class TaggingApi(Unreliable):
    """`calls` has Region and ARNs of each call, `own` all others; `errors` are services' own answers by the name in their signatures.
    What `probe --live` has made is tagged, `lag` seconds later."""

    def __init__(self, upstream, errors=None, **more):
        self.calls, self.times, self.own, self.errors, self.denied = [], [], [], errors or {}, False
        self.client, self.lag, self.live_calls = session(upstream), 0, 0
        super().__init__(upstream, **more)
        self.RequestHandlerClass = Handler


class Handler(Proxy):
    def forward(self, body):
        server = self.server
        if self.operation(body) != "TagResources":
            service = self.service()
            server.own.append((service, f"{self.command} {self.path} {body.decode()}"))
            if service in server.errors:
                status, code = server.errors[service]
                return status, {"x-amzn-errortype": code}, json.dumps({"__type": code, "message": "no"}).encode()
            return super().forward(body)
        asked = json.loads(body)
        arns = asked["ResourceARNList"]
        if "aws-tags-probe-" in arns[0]:
            server.live_calls += 1
            threading.Timer(server.lag, tag, [server.client, *arns, asked["Tags"]]).start()
            return 200, {"content-type": "application/x-amz-json-1.1"}, b'{"FailedResourcesMap": {}}'
        assert len(arns) <= 20 and asked["Tags"] == {"aws-tags:probe": "nothing is here"}, asked
        server.calls.append((self.headers["authorization"].split("/")[2], arns))
        server.times.append(time.monotonic())
        if server.denied:
            return error("AccessDeniedException", "User: arn:aws:iam::111122223333:user/jo is not authorized to perform: tag:TagResources")
        bad = next((arn for arn in arns if arn.split(":")[2] + ":" in WHOLE_CALL), None)
        if bad:
            return error("InvalidParameterException", f"{bad} is not a valid AmazonResourceName (ARN)")
        failed = {}
        for arn in arns:
            status, code, message = failure(arn)
            failed[arn] = {"StatusCode": status, "ErrorCode": code, "ErrorMessage": message.format(arn=arn, account=arn.split(":")[4])}
        return 200, {"content-type": "application/x-amz-json-1.1"}, json.dumps({"FailedResourcesMap": failed}).encode()


def tag(client, arn, tags):
    """What AWS does with an ARN that exists."""
    name = arn.split(":")[5]
    with contextlib.suppress(ClientError):  # It may be deleted by then.
        if arn.split(":")[2] == "sqs":
            client("sqs").tag_queue(QueueUrl=client("sqs").get_queue_url(QueueName=name)["QueueUrl"], Tags=tags)
        else:
            client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]})


def failure(arn):
    """What becomes of an ARN: all that is not refused does not exist."""
    of = ":".join([arn.split(":")[2], arn.split(":", 5)[5]])
    known = next((how for start, how in REFUSED.items() if of.startswith(start)), None)
    return known or (404, "ResourceNotFoundException", "Resource does not exist: {arn}")


def error(code, message):
    return 400, {"content-type": "application/x-amz-json-1.1"}, json.dumps({"__type": code, "message": message}).encode()
