"""A proxy before a local AWS that keeps AWS's request quotas and has bad days: it injects faults by operation or at random."""
import http.client
import json
import random
import re
import socket
import struct
import threading
import time
import urllib.parse

import permissions
from runtime_api import Handler, Server

# Codes as each protocol writes them: EC2, other query APIs, JSON, S3.
CODES = {
    "throttled": ("RequestLimitExceeded", "Throttling", "ThrottlingException", "SlowDown"),
    "500": ("InternalError", "InternalFailure", "InternalServerError", "InternalError"),
    "denied": ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AccessDenied"),
    "not found": ("InvalidID.NotFound", "NotFound", "ResourceNotFoundException", "NoSuchKey"),
}
STATUS = {"throttled": (503, 400, 400, 503), "500": (500,) * 4, "denied": (403, 403, 400, 403), "not found": (400, 404, 400, 404)}
SLOW, SILENT = 2, 60
# Operations that are told by method and path.
REST = [
    ("GET", r"^/[^/?]+/?\?.*\btagging\b", "GetBucketTagging"), ("GET", r"^/[^?]+\?.*\btagging\b", "GetObjectTagging"),
    ("PUT", r"^/[^?]+\?.*\btagging\b", "PutObjectTagging"), ("GET", r"^/(\?|$)", "ListBuckets"), ("GET", r"/tags/", "ListTags"),
    ("POST", r"/tags/", "TagResource"),
]


class Unreliable(Server):
    """`faults` has a kind by operation; `share` of all other calls get one of `kinds`; `quotas` are calls a second by operation, with
    as many at once after a second's rest. `seen` are the requests, as far as they tell what they may need."""

    def __init__(self, upstream, quotas=None, default_quota=None):
        self.upstream = upstream.removeprefix("http://")
        self.faults, self.share, self.kinds = {}, 0, ()
        self.quotas, self.default_quota, self.buckets = quotas or {}, default_quota, {}
        self.random, self.lock, self.local = random.Random(1), threading.Lock(), threading.local()
        self.injected, self.accepted, self.throttled, self.seen = [], {}, {}, set()
        super().__init__(Proxy)
        self.url = f"http://{self.address}"

    @property
    def used(self):
        """The permissions that the requests need, as IAM names them."""
        with self.lock:
            return {permissions.permission(*one) for one in self.seen}

    def fault(self, operation):
        with self.lock:
            kind = self.faults.get(operation)
            if not kind and self.share and operation not in UNMETERED and self.random.random() < self.share:
                kind = self.random.choice(self.kinds)
            if kind:
                self.injected.append((operation, kind))
            return kind

    def has_quota(self, service, operation):
        """Takes one of the calls that a quota allows, if there is one."""
        quota = self.quotas.get(operation, None if operation in UNMETERED else self.default_quota)
        with self.lock:
            if quota:
                now = time.monotonic()
                tokens, since = self.buckets.get((service, operation), (quota, now))
                tokens = min(quota, tokens + (now - since) * quota)
                self.buckets[service, operation] = (tokens - (tokens >= 1), now)
                if tokens < 1:
                    self.throttled[operation] = self.throttled.get(operation, 0) + 1
                    return False
            self.accepted[operation] = self.accepted.get(operation, 0) + 1
            return True


# DynamoDB on demand, SQS and STS have no quota that matters here.
UNMETERED = {"Query", "PutItem", "SendMessage", "ChangeMessageVisibilityBatch", "GetCallerIdentity"}


class Proxy(Handler):
    def operation(self, body):
        target = self.headers.get("x-amz-target")
        if target:
            return target.split(".")[-1]
        if b"Action=" in body:
            return urllib.parse.parse_qs(body.decode())["Action"][0]
        return next((name for method, path, name in REST if method == self.command and re.search(path, self.path)), self.path)

    def service(self):
        """The service, by the signature's scope."""
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers.get("authorization") or "")
        return scope[1] if scope else ""

    def serve(self):
        body = self.body()
        operation = self.operation(body)
        with self.server.lock:
            self.server.seen.add(permissions.seen(self, body))
        kind = self.server.fault(operation)
        if kind is None and not self.server.has_quota(self.service(), operation):
            kind = "throttled"
        if kind in CODES:
            return self.refuse(kind)
        if kind == "silent":
            return self.be_silent()
        if kind == "reset":
            return self.hang_up()
        if kind == "slow":
            time.sleep(SLOW)
        status, headers, answer = self.forward(body)
        if kind == "partial":
            answer = partial(operation, body)
        if kind == "truncated":
            self.send_response(status)
            for key, value in {**headers, "content-length": str(len(answer) + 9)}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(answer[:len(answer) // 2])
            return self.hang_up()
        self.answer(answer, headers, status)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve

    def forward(self, body):
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("content-length", "connection")}
        for attempt in range(2):
            connection = getattr(self.server.local, "connection", None) or http.client.HTTPConnection(self.server.upstream, timeout=60)
            self.server.local.connection = connection
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                kept = {key: value for key, value in answer.getheaders()
                        if key.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server")}
                return answer.status, kept, answer.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                self.server.local.connection = None
                if attempt:
                    raise

    def refuse(self, kind):
        service, is_json = self.service(), self.headers.get("x-amz-target") or self.path.startswith("/20") or self.service() == "resource-explorer-2"
        nth = 0 if service == "ec2" else 3 if service == "s3" else 2 if is_json else 1
        code, status, message = CODES[kind][nth], STATUS[kind][nth], "injected"
        error = f"<Code>{code}</Code><Message>{message}</Message>"
        body = {0: f"<Response><Errors><Error>{error}</Error></Errors><RequestID>x</RequestID></Response>",
                1: f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>x</RequestId></ErrorResponse>",
                2: json.dumps({"__type": code, "message": message}), 3: f"<Error>{error}</Error>"}[nth]
        self.answer(body, {"x-amzn-errortype": code} if nth == 2 else {}, status)

    def be_silent(self):
        """Says nothing until the client goes away."""
        self.connection.settimeout(SILENT)
        try:
            self.connection.recv(1)
        except OSError:
            pass
        self.close_connection = True

    def hang_up(self):
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass


def partial(operation, body):
    """An answer that is good as a whole, and says that one part has failed."""
    asked = json.loads(body)
    if operation == "TagResources":
        why = {"StatusCode": 500, "ErrorCode": "InternalServiceException", "ErrorMessage": "injected"}
        return json.dumps({"FailedResourcesMap": {asked["ResourceARNList"][0]: why}}).encode()
    failed = {"Id": asked["Entries"][0]["Id"], "SenderFault": False, "Code": "InternalError", "Message": "injected"}
    return json.dumps({"Successful": [], "Failed": [failed]}).encode()
