"""A local AWS for tests, demo and benchmark: real servers, real clients, the built Lambda binaries.

infra/tools.py installs the tools below the target folder, each in its own virtual environment, because their
dependencies conflict.
"""
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

from tools import ROOT, TARGET, TOOLS, read, say, tool  # noqa: F401

# The account and Region of the event files, so that they match resources in the local AWS.
ACCOUNT, REGION = "111122223333", "eu-west-1"
TABLE = "aws-tags-sessions"
# The built command; see rig.py's `build`.
COMMAND = os.path.join(TARGET, "debug", "aws-tags")

# Nobody meets an AWS of their own, and no proxy on the way to a local one.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("no_proxy"), "127.0.0.1", "localhost", "::1"]))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# Servers that run, and end with whoever started them.
RUNNING = []


def stop_all():
    while RUNNING:
        RUNNING.pop().stop()


atexit.register(stop_all)


class Process:
    """A server in its own process group, which ends with this script."""

    def __init__(self, name, command, port, env=None, timeout=180, host="127.0.0.1"):
        os.makedirs(TOOLS, exist_ok=True)
        self.log = os.path.join(TOOLS, f"{name}.log")
        self.host, self.url = host, f"http://{f'[{host}]' if ':' in host else host}:{port}"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT, start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        RUNNING.append(self)
        self.wait_for(port, timeout)

    def wait_for(self, port, timeout):
        end = time.time() + timeout
        while time.time() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection((self.host, port), 1):
                return
            time.sleep(0.05)
        self.stop()
        raise SystemExit(f"{self.log} says:\n{read(self.log)[-3000:]}")

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def moto():
    port = free_port()
    command = [os.path.join(tool("tests"), "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    return Process("moto", command, port, {"MOTO_ACCOUNT_ID": ACCOUNT})


def ministack():
    port = free_port()
    env = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
           "MINISTACK_ACCOUNT_ID": ACCOUNT}
    return Process("ministack", [os.path.join(tool("ministack"), "ministack")], port, env)


def ministack_as_aws():
    """ministack whose event bus accepts events of AWS services, with a fault proxy between it and its functions."""
    port, faults_port = free_port(), free_port()
    env = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_ACCOUNT_ID": ACCOUNT, "MINISTACK_REGION": REGION,
           "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{faults_port}",
           "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2"}
    python = os.path.join(tool("ministack"), "python")
    server = Process("ministack", [python, os.path.join(ROOT, "tests", "support", "ministack_as_aws.py")], port, env)
    return server, Faults(server, faults_port)


class Faults:
    """A proxy in front of a local AWS that answers with injected faults, in the form that AWS uses."""

    def __init__(self, upstream, port=None):
        port = port or free_port()
        command = [os.path.join(tool("microburst"), "microburst"), "-u", upstream.url, "-p", str(port), "--host", "127.0.0.1"]
        self.server = Process("microburst", command, port)
        self.url = self.server.url

    def tell(self, *rules):
        """Replaces all fault rules."""
        self.call("rules", json.dumps(rules).encode())

    def fired(self):
        return self.call("fired")

    def call(self, path, body=None):
        request = urllib.request.Request(f"{self.url}/_microburst/{path}", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def client_env(url):
    """The environment in which an AWS client reaches a local AWS and nothing else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def env_of(url, **more):
    """The environment of a command that reaches a local AWS and nothing else."""
    return {**os.environ, **client_env(url), **more}


def lines(text):
    """The JSON objects of a text that has one a line. A text in them may have other ends of lines, which `splitlines` knows."""
    return [json.loads(line) for line in text.split("\n") if line]


def snapshot(test, name, done, **stand_for):
    """Compares what a command printed, and its exit code, with a file of tests/operations/snapshots. `UPDATE=1` writes it. What differs
    each time stands there by its name."""
    text = f"{done.stdout}{'--- standard error' if done.stderr else ''}{chr(10) if done.stderr else ''}{done.stderr}--- exit code {done.returncode}{chr(10)}"
    for word, value in stand_for.items():
        text = text.replace(value, f"<{word}>")
    path = os.path.join(ROOT, "tests", "operations", "snapshots", f"{name}.txt")
    if "UPDATE" in os.environ:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    test.assertEqual(text, read(path) if os.path.exists(path) else None)


class Lambdas:
    """The functions of this workspace, run by `cargo lambda watch`."""

    def __init__(self, name, env, host="127.0.0.1", port=None):
        self.port = port or free_port()
        path = f"{tool('cargo-lambda')}{os.pathsep}{os.environ['PATH']}"
        self.env = {**env, "SESSION_TABLE": TABLE, "PATH": path}
        # All features, as in `build`: any other choice would build the AWS SDK again.
        command = ["cargo", "lambda", "watch", "--all-features", "--locked", "--ignore-changes", "-A", host, "-P", str(self.port)]
        self.server = Process(f"lambdas-{name}", command, self.port, self.env, host=host)

    def invoke(self, function, payload):
        """The function's answer; a function error is raised with its message."""
        url = f"{self.server.url}/2015-03-31/functions/{function}/invocations"
        request = urllib.request.Request(url, json.dumps(payload).encode(), {"content-type": "application/json"})
        try:
            # On the first invocation, cargo checks whether the function is built.
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise FunctionError(error.read().decode()) from None

    def invoke_file(self, function, path):
        """The same with `cargo lambda invoke`, as in the README."""
        command = ["cargo", "lambda", "invoke", function, "--data-file", path, "-A", "127.0.0.1", "-P", str(self.port)]
        env = {**os.environ, "PATH": self.env["PATH"]}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    def log(self):
        """The log lines of the functions, one object each."""
        lines = []
        for line in read(self.server.log).splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line[line.index("{"):]))
        return lines


class FunctionError(Exception):
    """The error that a function returned instead of a result."""


def session(url):
    """A boto3 session's client factory for a local AWS."""
    import boto3

    made = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return lambda service, region=REGION: made.client(service, endpoint_url=url, region_name=region)


def make_session_table(client):
    """Creates the session table as infra/tag-handler.yaml does."""
    client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "caller", "KeyType": "HASH"}, {"AttributeName": "issued", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("caller", "issued")],
        BillingMode="PAY_PER_REQUEST",
    )


def batch(events):
    """Events as the messages of an SQS batch."""
    return {"Records": [{"messageId": str(n), "body": json.dumps(e), "eventSource": "aws:sqs"} for n, e in enumerate(events)]}


def load(name):
    return json.loads(read(os.path.join(ROOT, "events", f"{name}.json")))
