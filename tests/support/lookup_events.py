"""CloudTrail's `LookupEvents`, as AWS documents it: one attribute, a time range, pages with tokens, two calls a second.

No local AWS has it with response elements and pages.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""
import datetime
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# The most that a page of AWS has is 50.
PER_PAGE = 3
CALLS_PER_SECOND = 2


class Error(Exception):
    pass


class History:
    """A server with these records, from the last to the first."""

    def __init__(self, records=(), per_page=PER_PAGE):
        self.records, self.per_page, self.calls, self.throttled, self.denied = list(records), per_page, [], 0, False
        # By Region, the error that its calls end with.
        self.refused = {}
        # Calls, counted in each Region, at which a token is taken no more.
        self.old_tokens = set()
        # Records that are there only after so many calls in their Region, by their id.
        self.late = {}
        history, self.lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                try:
                    region = self.headers["authorization"].split("/")[2]
                    status, answer = 200, history.answer(self.headers["x-amz-target"].split(".")[-1], asked, region)
                except Error as error:
                    status, answer = 400, {"__type": error.args[0], "message": error.args[1]}
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forget_calls(self):
        """Counts from now on."""
        with self.lock:
            self.calls, self.throttled = [], 0

    @property
    def requests(self):
        return len(self.calls) + self.throttled

    def answer(self, operation, asked, region):
        if operation != "LookupEvents":
            raise Error("UnknownOperationException", operation)
        if self.denied:
            raise Error("AccessDeniedException", "User is not authorized to perform: cloudtrail:LookupEvents")
        if region in self.refused:
            raise Error(*self.refused[region])
        now = time.monotonic()
        with self.lock:
            recent = [at for there, at in self.calls if there == region and at > now - 1]
            if len(recent) >= CALLS_PER_SECOND:
                self.throttled += 1
                raise Error("ThrottlingException", "Rate exceeded")
            self.calls.append((region, now))
            nth = sum(there == region for there, _ in self.calls)
        if "NextToken" in asked and nth in self.old_tokens:
            raise Error("InvalidNextTokenException", "The token is invalid or expired")
        if asked["StartTime"] > asked["EndTime"]:
            raise Error("InvalidTimeRangeException", "The start is after the end")
        (attribute,) = asked["LookupAttributes"]
        found = [record for record in self.records if record["awsRegion"] == region and self.late.get(record["eventID"], 0) < nth
                 and self.matches(record, attribute, asked)]
        found.sort(key=lambda record: record["eventTime"], reverse=True)
        start, size = int(asked.get("NextToken", "0")), min(self.per_page, asked.get("MaxResults", 50))
        page = found[start:start + size]
        more = {"NextToken": str(start + size)} if len(found) > start + size else {}
        return {"Events": [{"EventId": record["eventID"], "EventName": record["eventName"], "CloudTrailEvent": json.dumps(record)}
                           for record in page], **more}

    @staticmethod
    def matches(record, attribute, asked):
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        values = {"EventName": lambda: [record["eventName"]],
                  "ReadOnly": lambda: [str(record.get("readOnly", False)).lower()],
                  "ResourceName": lambda: resource_names(record)}[key]()
        at = datetime.datetime.fromisoformat(record["eventTime"]).timestamp()
        return value in values and asked["StartTime"] <= at <= asked["EndTime"]


def resource_names(record):
    """What CloudTrail indexes a record by: of STS key, session, role; of others the texts of request and response, more than AWS has."""
    response = record.get("responseElements") or {}
    if record["eventSource"] != "sts.amazonaws.com":
        return texts(record.get("requestParameters")) + texts(response)
    user, credentials = response.get("assumedRoleUser", {}), response.get("credentials", {})
    names = [credentials.get("accessKeyId"), user.get("arn"), user.get("assumedRoleId"), user.get("arn", "").rsplit("/", 1)[-1],
             (record.get("requestParameters") or {}).get("roleArn")]
    return [name for name in names if name]


def texts(value):
    if isinstance(value, (dict, list)):
        return [text for inner in (value.values() if isinstance(value, dict) else value) for text in texts(inner)]
    return [value] if isinstance(value, str) else []
