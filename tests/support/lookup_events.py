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

    def __init__(self, records=()):
        self.records, self.calls, self.throttled, self.denied = list(records), [], 0, False
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

    def answer(self, operation, asked, region):
        if operation != "LookupEvents":
            raise Error("UnknownOperationException", operation)
        if self.denied:
            raise Error("AccessDeniedException", "User is not authorized to perform: cloudtrail:LookupEvents")
        now = time.monotonic()
        with self.lock:
            recent = [at for there, at in self.calls if there == region and at > now - 1]
            if len(recent) >= CALLS_PER_SECOND:
                self.throttled += 1
                raise Error("ThrottlingException", "Rate exceeded")
            self.calls.append((region, now))
        (attribute,) = asked["LookupAttributes"]
        found = [record for record in self.records if record["awsRegion"] == region and self.matches(record, attribute, asked)]
        found.sort(key=lambda record: record["eventTime"], reverse=True)
        start = int(asked.get("NextToken", "0"))
        page = found[start:start + PER_PAGE]
        more = {"NextToken": str(start + PER_PAGE)} if len(found) > start + PER_PAGE else {}
        return {"Events": [{"EventId": record["eventID"], "EventName": record["eventName"], "CloudTrailEvent": json.dumps(record)}
                           for record in page], **more}

    @staticmethod
    def matches(record, attribute, asked):
        assert attribute["AttributeKey"] == "EventName", attribute
        at = datetime.datetime.fromisoformat(record["eventTime"]).timestamp()
        return record["eventName"] == attribute["AttributeValue"] and asked["StartTime"] <= at <= asked["EndTime"]
