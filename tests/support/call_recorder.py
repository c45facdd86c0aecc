"""A proxy before a local AWS that does what CloudTrail does: it writes records of calls, sends them to the event bus of their Region,
and answers `LookupEvents`.

It knows the calls that `aws-tags verify` makes. Records have the shape of the event files, which follow recorded ones.
"""
import datetime
import json
import re
import threading
import urllib.parse
import uuid
import xml.etree.ElementTree as ElementTree

import fault_proxy
import local_aws
from local_aws import ACCOUNT
from records import fresh, iso, now
from runtime_api import Server

# CloudTrail's delay, much shortened.
DELAY = 0.2


class CallRecorder(Server):
    def __init__(self, upstream):
        self.upstream = upstream.removeprefix("http://")
        self.c, self.local = local_aws.session(upstream), threading.local()
        self.records, self.sessions = [], {}
        # The permissions that sessions used, and those that everybody else did.
        self.used = {True: set(), False: set()}
        # Whether the records reach the event bus: a trail that does not log sends none.
        self.sends = True
        # A call that is denied.
        self.refuses = None
        super().__init__(Proxy)
        self.url = f"http://{self.address}"

    def record(self, region, source, name, identity, request, response, read_only=False):
        """A record of a call, sent after CloudTrail's delay."""
        event = fresh(local_aws.load(TEMPLATES[name]))
        detail = {**event["detail"], "eventSource": source, "eventName": name, "awsRegion": region, "recipientAccountId": ACCOUNT,
                  "userIdentity": identity, "requestParameters": request, "responseElements": response, "readOnly": read_only,
                  "eventTime": iso(now()), "eventID": str(uuid.uuid4())}
        self.records.append(detail)
        entry = {"Source": "aws." + source.split(".")[0], "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(detail)}
        if self.sends:
            threading.Timer(DELAY, lambda: self.c("events", region).put_events(Entries=[entry])).start()

    def look_up(self, asked, region):
        (attribute,) = asked["LookupAttributes"]
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        of = {"EventName": lambda record: record["eventName"], "AccessKeyId": lambda record: record["userIdentity"].get("accessKeyId")}[key]
        at = lambda record: datetime.datetime.fromisoformat(record["eventTime"]).timestamp()
        found = [record for record in self.records
                 if record["awsRegion"] == region and of(record) == value and asked["StartTime"] <= at(record) <= asked["EndTime"]]
        return {"Events": [{"EventId": record["eventID"], "EventName": record["eventName"], "CloudTrailEvent": json.dumps(record)}
                           for record in found]}


TEMPLATES = {"AssumeRole": "sts/AssumeRole", "CreateQueue": "sqs/CreateQueue", "CreateSecurityGroup": "ec2/CreateSecurityGroup",
             "CreateBucket": "s3/CreateBucket"}


# Permissions that are not called like the operation, and operations that are told by method and path.
PERMISSIONS = {"s3:ListBuckets": "s3:ListAllMyBuckets"}
REST = [
    ("GET", r"^/2015-03-31/functions/[^/]+/configuration", "GetFunctionConfiguration"),
    ("GET", r"^/[0-9-]+/functions/[^/]+/concurrency", "GetFunctionConcurrency"),
    ("GET", r"^/2015-03-31/event-source-mappings", "ListEventSourceMappings"),
    ("PUT", r"^/[^/?]+/?(\?x-id=CreateBucket)?$", "CreateBucket"), ("DELETE", r"^/[^/?]+/?(\?x-id=DeleteBucket)?$", "DeleteBucket"),
    ("GET", r"^/[^/?]+/?\?.*\btagging\b", "GetBucketTagging"), ("GET", r"^/(\?|$)", "ListBuckets"),
]


class Proxy(fault_proxy.Proxy):
    def operation_of(self, form):
        """The name of what is called."""
        target = self.headers.get("x-amz-target")
        rest = (name for method, path, name in REST if method == self.command and re.search(path, self.path))
        return target.split(".")[-1] if target else form.get("Action") or next(rest, f"{self.command} {self.path}")

    def serve(self):
        body = self.body()
        scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", self.headers.get("authorization") or "")
        key, region, service = scope.groups() if scope else ("", "", "")
        form = dict(urllib.parse.parse_qsl(body.decode(errors="replace"))) if b"Action=" in body else {}
        operation = self.operation_of(form)
        permission = f"{service}:{operation}"
        self.server.used[key in self.server.sessions].add(PERMISSIONS.get(permission, permission))
        if operation == "LookupEvents":
            return self.answer(json.dumps(self.server.look_up(json.loads(body), region)), {"content-type": "application/x-amz-json-1.1"})
        if operation == self.server.refuses:
            error = "<Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message></Error>"
            return self.answer(f"<Response><Errors>{error}</Errors><RequestID>x</RequestID></Response>", status=403)
        status, headers, answer = self.forward(body)
        if status == 200:
            caller = self.server.sessions.get(key, {"type": "IAMUser", "principalId": "AIDAX", "accountId": ACCOUNT, "userName": "operator",
                                                    "arn": f"arn:aws:iam::{ACCOUNT}:user/operator", "accessKeyId": key})
            # Before the answer: whoever starts a session uses it at once.
            self.note(operation, region, caller, body, form, answer)
        self.answer(answer, headers, status)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve

    def note(self, operation, region, caller, body, form, answer):
        record = self.server.record
        if operation == "AssumeRole":
            self.note_session(form, answer, region, caller)
        elif operation == "CreateQueue":
            asked = json.loads(body)
            record(region, "sqs.amazonaws.com", operation, caller, {"queueName": asked["QueueName"]},
                   {"queueUrl": json.loads(answer)["QueueUrl"]})
        elif operation == "CreateSecurityGroup":
            group = text(answer, "groupId")
            record(region, "ec2.amazonaws.com", operation, caller,
                   {"groupName": form["GroupName"], "groupDescription": form["GroupDescription"], "vpcId": form["VpcId"]},
                   {"requestId": str(uuid.uuid4()), "_return": True, "groupId": group})
        elif operation == "CreateBucket":
            bucket = self.path.split("?")[0].strip("/")
            request = {"bucketName": bucket, "Host": f"s3.{region}.amazonaws.com"}
            record(region, "s3.amazonaws.com", "CreateBucket", caller, request, None)

    def note_session(self, form, answer, region, caller):
        role, name, key = form["RoleArn"], form["RoleSessionName"], text(answer, "AccessKeyId")
        of_role = self.server.c("iam").get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]
        identity, arn = text(answer, "AssumedRoleId"), text(answer, "Arn")
        tags = [{"key": form[f"Tags.member.{n}.Key"], "value": form[f"Tags.member.{n}.Value"]}
                for n in range(1, 50) if f"Tags.member.{n}.Key" in form]
        began = now()
        self.server.sessions[key] = {
            "type": "AssumedRole", "principalId": identity, "arn": arn, "accountId": ACCOUNT, "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": of_role["RoleId"], "arn": role, "accountId": ACCOUNT,
                                  "userName": of_role["RoleName"]},
                "attributes": {"creationDate": iso(began), "mfaAuthenticated": "false"}}}
        expires = (began + datetime.timedelta(hours=1)).strftime("%b %-d, %Y, %-I:%M:%S %p")
        self.server.record(
            region, "sts.amazonaws.com", "AssumeRole", caller, {"roleArn": role, "roleSessionName": name, "tags": tags},
            {"credentials": {"accessKeyId": key, "sessionToken": "hidden", "expiration": expires},
             "assumedRoleUser": {"assumedRoleId": identity, "arn": arn}}, read_only=True)


def text(xml, name):
    """The first element's text by its name, whatever its namespace."""
    return next(element.text for element in ElementTree.fromstring(xml).iter() if element.tag.split("}")[-1] == name)
