"""The functions as Lambda runs them: a process of the built binary with a Runtime API of its own, in this process."""
import http.server
import json
import os
import queue
import subprocess
import sys
import threading
import time

from local_aws import ACCOUNT, REGION, TABLE

# What the template gives the functions, and tests that are not about time.
USUAL_SECONDS = 60


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, body, headers=None, status=200):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for key, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        self.address = "127.0.0.1:%d" % self.server_address[1]

    def handle_error(self, request, client_address):
        # A stopped function leaves its connections open.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class RuntimeApi(Server):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html"""

    def __init__(self, seconds):
        self.seconds, self.payloads, self.answers, self.asked = seconds, queue.Queue(), queue.Queue(), queue.Queue()
        super().__init__(RuntimeHandler)


class RuntimeHandler(Handler):
    def do_GET(self):
        self.server.asked.put(time.perf_counter())
        payload = self.server.payloads.get()
        if payload is None:
            self.close_connection = True
            return
        self.answer(json.dumps(payload), {
            "lambda-runtime-aws-request-id": "1", "lambda-runtime-deadline-ms": str(int((time.time() + self.server.seconds) * 1000)),
            "lambda-runtime-invoked-function-arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bench"})

    def do_POST(self):
        body = self.body()
        self.answer("", status=202)
        self.server.answers.put((self.path.rsplit("/", 1)[1], json.loads(body or b"null")))


def one_bundle():
    """Certificates from one file. Debian also has a folder with two links to each certificate. Reading it takes as long as
    the rest of the start, and says nothing about the function. Lambda's image was not tried."""
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    return {"SSL_CERT_FILE": bundle} if os.path.exists(bundle) else {}


class Function:
    """A function's process with its own Runtime API."""

    def __init__(self, binary, env, seconds=USUAL_SECONDS, log=subprocess.DEVNULL):
        self.api = RuntimeApi(seconds)
        env = {**env, **one_bundle(), "AWS_LAMBDA_RUNTIME_API": self.api.address, "SESSION_TABLE": TABLE,
               "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
               "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_LOG_GROUP_NAME": "", "AWS_LAMBDA_LOG_STREAM_NAME": ""}
        started = time.perf_counter()
        self.process = subprocess.Popen([binary], env=env, stdout=log, stderr=subprocess.DEVNULL)
        self.start = self.api.asked.get(timeout=20) - started

    def invoke(self, payload):
        self.api.payloads.put(payload)
        how, answer = self.api.answers.get(timeout=60)
        if how != "response":
            raise SystemExit(f"the function failed: {answer}")
        return answer

    def cpu(self):
        """CPU seconds so far, with nanosecond precision."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
        return total / 1e9

    def peak(self):
        """Peak resident memory so far, in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.api.shutdown()


