#!/usr/bin/env python3
"""The cost of the release binaries: start, memory, CPU and AWS calls. Prints each figure with its bound;
times also as a ratio to the time that /bin/true takes to start on the same machine in the same run.

The functions talk to a minimal Lambda Runtime API and a minimal AWS in this process. Both answer at once
and count requests, so that only the function itself is measured. Linux only (/proc).
"""
import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from local_aws import ACCOUNT, COMMAND, ROOT, TARGET, batch, client_env, load
from records import fresh
from runtime_api import Function, Handler, Server
from sessionless import report_all

SESSION = load("sts/AssumeRole")
VOLUME = load("ec2/CreateVolume")
# A name: an old event would be late.
TOPIC = fresh(load("sns/CreateTopic"))
PAYLOADS = {"session-recorder": SESSION, "tag-handler": VOLUME}
FUNCTIONS = tuple(PAYLOADS)


class Aws(Server):
    """Answers the functions' requests and counts them."""

    def __init__(self):
        self.calls = []
        super().__init__(AwsHandler)


class AwsHandler(Handler):
    def do_POST(self):
        body, target = self.body().decode(), self.headers.get("x-amz-target")
        call = target.split(".")[1] if target else urllib.parse.parse_qs(body)["Action"][0]
        self.server.calls.append(call)
        self.answer(ANSWERS[call])


def xml(call, result):
    return f"<{call}Response><{call}Result>{result}</{call}Result></{call}Response>"


def item():
    credentials = SESSION["detail"]["responseElements"]["credentials"]
    user = SESSION["detail"]["responseElements"]["assumedRoleUser"]
    return {"issued": {"S": f"{SESSION['detail']['eventTime']}#{credentials['accessKeyId']}"}, "arn": {"S": user["arn"]},
            "tags": {"M": {"Team": {"S": "payments"}}}, "transitive_tag_keys": {"L": []},
            "expires_at": {"S": "2026-05-04T21:00:00Z"}}


ROLE_ID = VOLUME["detail"]["userIdentity"]["principalId"].split(":")[0]
ANSWERS = {
    "DescribeInstances": "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>",
    "DescribeTags": "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>",
    "CreateTags": "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
    "ListTagsForResource": xml("ListTagsForResource", "<Tags/>"),
    "TagResource": xml("TagResource", ""),
    "TagResources": '{"FailedResourcesMap": {}}',
    "Query": json.dumps({"Count": 1, "ScannedCount": 1, "Items": [item()]}),
    "PutItem": "{}",
    "GetCallerIdentity": xml("GetCallerIdentity", f"<Account>{ACCOUNT}</Account><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/own/f</Arn>"),
    "GetRole": xml("GetRole", f"<Role><RoleId>{ROLE_ID}</RoleId><RoleName>developer</RoleName><Path>/</Path><Arn>arn:aws:iam::{ACCOUNT}:role/developer</Arn>"
                   "<CreateDate>2020-01-01T00:00:00Z</CreateDate><Tags><member><Key>CostCenter</Key><Value>1</Value></member></Tags></Role>"),
}


def true_start():
    """The time to start a process that does nothing: the unit of the ratios."""
    started = time.perf_counter()
    subprocess.run(["/bin/true"], check=True)
    return time.perf_counter() - started


def numbered(event, n):
    text = json.dumps(event)
    resource_id = {"CreateVolume": VOLUME["detail"]["responseElements"].get("volumeId"),
                   "CreateTopic": TOPIC["detail"]["responseElements"].get("topicArn")}[event["detail"]["eventName"]]
    number = f"{resource_id[:-4]}{n:04}" if resource_id.startswith("vol-") else f"{resource_id}-{n}"
    return json.loads(text.replace(resource_id, number))


def lookup(report):
    """The cost of finding the rows of a call."""
    out = subprocess.run(["cargo", "bench", "--quiet", "-p", "aws-tags", "--bench", "rows"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    for what, nanoseconds in re.findall(r"lookup of (.*), mean of .*: ([0-9.]+) ns", out):
        report(f"lookup of {what}, in the whole table", float(nanoseconds), 100, "ns")


def build(tree):
    command = ["cargo", "build", "--release", "--locked", "-p", "tag-handler", "-p", "session-recorder"]
    subprocess.run(command, cwd=tree, check=True)


def copies(commit=None):
    """The functions, built and copied: cargo's own file starts otherwise than a copy of it does. Of another commit they are
    built in a folder of its own, with the same target folder, so that dependencies are shared. Its files are new there (-m), or
    cargo might take what it built of others for theirs."""
    name = subprocess.run(["git", "rev-parse", commit], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip() \
        if commit else "here"
    folder = os.path.join(TARGET, "bench", name)
    binaries = {function: os.path.join(folder, function) for function in FUNCTIONS}
    if commit and all(map(os.path.exists, binaries.values())):
        return binaries
    tree = os.path.join(folder, "tree") if commit else ROOT
    os.makedirs(tree, exist_ok=True)
    if commit:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-m", "-C", tree], input=archive, check=True)
    os.makedirs(folder, exist_ok=True)
    build(tree)
    for function, binary in binaries.items():
        shutil.copy(os.path.join(TARGET, "release", function), binary)
    return binaries


def elsewhere(payload):
    """The same event in many Regions: each has its quotas, so that none waits for its turn."""
    text = json.dumps(payload)
    return [json.loads(text.replace("eu-west-1", f"eu-west-{n}")) for n in range(1, 21)]


def warm_up(function, payload):
    for one in elsewhere(payload):
        function.invoke(one)


def warm_cpu(function, payload, rounds=5):
    """Seconds of CPU that an event takes."""
    everywhere = elsewhere(payload)
    before = function.cpu()
    for _ in range(rounds):
        for one in everywhere:
            function.invoke(one)
    return (function.cpu() - before) / (rounds * len(everywhere))


def full_batch():
    """As much as Lambda passes to a function, 6 MB, of launches of many instances each."""
    launch = fresh(load("ec2/RunInstances"))
    items = launch["detail"]["responseElements"]["instancesSet"]["items"]
    one, launches, size = json.dumps(items[0]), [], 0
    while True:
        event = json.loads(json.dumps(launch))
        event["detail"]["responseElements"]["instancesSet"]["items"] = [
            json.loads(one.replace(items[0]["instanceId"], f"i-{len(launches):08x}{n:09x}")) for n in range(120)]
        size += len(json.dumps(json.dumps(event)))
        if size > 6_000_000:
            return batch(launches)
        launches.append(event)


# The highest good ratios to another commit: a budget for what it does more.
WORST = {"size": 1.05, "start": 1.05, "CPU of a warm event": 1.2, "peak memory after 120 events": 1.2}


def compare(commit, rounds):
    """Prints this commit's figures as ratios to another's: medians of pairs that alternate, so that whatever else the machine
    does falls on both. Gives the names of those that are worse than they may be."""
    theirs, ours, aws, over = copies(commit), copies(), Aws(), []

    def report(what, ratio):
        worst = WORST[what.split(": ")[1]]
        over.extend([what] * (ratio > worst))
        print(f"{what:<58} {ratio:9.3f} ×      bound {worst:<5} {'OVER' if ratio > worst else 'ok'}", flush=True)

    print(f"to {commit}, medians of {rounds * 4} pairs:")
    for name, payload in PAYLOADS.items():
        pair = (ours[name], theirs[name])
        ratios = {"start": [], "CPU of a warm event": [], "peak memory after 120 events": []}
        for nth in range(rounds * 4):
            figures = {}
            for binary in pair if nth % 2 else reversed(pair):
                function = Function(binary, client_env(f"http://{aws.address}"))
                warm_up(function, payload)
                figures[binary] = (function.start, warm_cpu(function, payload), function.peak())
                function.stop()
            for kept, mine, other in zip(ratios.values(), *(figures[binary] for binary in pair)):
                kept.append(mine / other)
        report(f"{name}: size", os.path.getsize(ours[name]) / os.path.getsize(theirs[name]))
        for what, kept in ratios.items():
            report(f"{name}: {what}", statistics.median(kept))
    return over


def full(report, binary, aws, bad):
    """A full batch, with the time and the memory that the template gives."""
    function = Function(binary, client_env(f"http://{aws.address}"), seconds=30)
    function.invoke(VOLUME)
    payload, before, started = full_batch(), function.cpu(), time.monotonic()
    answer = function.invoke(payload)
    took, cpu = time.monotonic() - started, function.cpu() - before
    if answer["batchItemFailures"]:
        bad.append(f"full batch: {len(answer['batchItemFailures'])} failed")
    events = len(payload["Records"])
    report(f"tag-handler: peak memory of a full batch, {events} launches", function.peak(), 64, "MiB")
    report("tag-handler: CPU of a full batch", cpu, 27 * 128 / 1769, "s")
    report("tag-handler: time of a full batch", took, 27, "s")
    print(f"with 128 MB, Lambda gives {128 / 1769:.3f} of a CPU: a full batch takes {cpu * 1769 / 128:.1f} s of it")
    function.stop()


def replayed(report):
    """Peak memory of `aws-tags replay` and `explain`, with 100,000 records: all sessions and creations, which are more than half of no
    trail, in one file and with the order of time reversed. The built command; release or not, memory is the same."""
    session, volume = (json.dumps(event["detail"]) for event in (SESSION, VOLUME))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        # Not held here: a child's peak begins with its parent's.
        for n in range(100_000):
            record = json.loads(session if n % 5 == 0 else volume)
            record["eventID"], at = f"{n:032x}", time.gmtime(1_777_900_000 - n)
            record["eventTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", at)
            if n % 5 == 0:
                credentials, user = record["responseElements"]["credentials"], record["responseElements"]["assumedRoleUser"]
                credentials["accessKeyId"], user["assumedRoleId"] = f"ASIA{n:016}", f"{user['assumedRoleId']}-{n}"
            file.write(('{"Records": [' if n == 0 else ",") + json.dumps(record))
        file.write("]}")
        file.flush()
        for command in (["replay", "--json"], ["replay", "--summary"], ["explain"]):
            with open(os.devnull, "w") as nowhere:
                process = subprocess.Popen([COMMAND, *command, file.name], stdout=nowhere)
                _, status, usage = os.wait4(process.pid, 0)
            report(f"aws-tags {' '.join(command)}: peak memory with 100,000 records", usage.ru_maxrss / 1024 if status == 0 else 1e9, 128, "MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="starts measured for each function (default 15)")
    parser.add_argument("--against", metavar="COMMIT", help="compare with another commit as well; builds it: minutes")
    options = parser.parse_args()
    rounds = options.rounds
    binaries = copies()
    bad = compare(options.against, rounds) if options.against else []

    def report(what, value, bound, unit, ratio=None):
        over = value > bound
        bad.extend([what] * over)
        more = f"  {ratio:6.2f} × /bin/true" if ratio else ""
        print(f"{what:<58} {value:9.3f} {unit:<6} bound {bound:<5.3g} {'OVER' if over else 'ok'}{more}", flush=True)

    lookup(report)
    for name, payload in PAYLOADS.items():
        size = os.path.getsize(binaries[name]) / 2**20
        print(f"{name}: {size:.1f} MiB")
        aws = Aws()
        starts, units, peaks = [], [], []
        for _ in range(rounds):
            units.append(true_start())
            function = Function(binaries[name], client_env(f"http://{aws.address}"))
            starts.append(function.start)
            warm_up(function, payload)
            peaks.append(function.peak())
            function.stop()
        start, unit = statistics.median(starts), statistics.median(units)
        report(f"{name}: start to the first request for work, median", start * 1000, 10, "ms", start / unit)
        report(f"{name}: peak memory after 20 events, most", max(peaks), 16, "MiB")

    aws = Aws()
    function = Function(binaries["tag-handler"], client_env(f"http://{aws.address}"))
    warm_up(function, VOLUME)
    aws.calls.clear()
    events = 500
    cpu = warm_cpu(function, VOLUME, events // 20)
    report("tag-handler: CPU of a warm EC2 event, mean of 500", cpu * 1000, 1, "ms", cpu / statistics.median(units))
    report("tag-handler: AWS calls of a warm EC2 event", len(aws.calls) / events, 2, "calls")
    if set(aws.calls) != {"DescribeTags", "CreateTags"}:
        bad.append(f"calls were {set(aws.calls)}")
    for what, event, count in (("EC2", VOLUME, 1000), ("SNS", TOPIC, 200)):
        aws.calls.clear()
        many = [numbered(event, n) for n in range(count)]
        for start in range(0, count, 100):
            answer = function.invoke(batch(many[start:start + 100]))
            if answer["batchItemFailures"]:
                bad.append(f"{what}: {len(answer['batchItemFailures'])} failed")
        calls = sum(call in ("CreateTags", "TagResource", "TagResources") for call in aws.calls)
        report(f"tag-handler: tagging calls of {count:,} {what} events in batches of 100", calls, count * 6 / 100, "calls")
    function.stop()
    full(report, binaries["tag-handler"], aws, bad)
    report_all(report, binaries["tag-handler"])
    replayed(report)
    cpus, memory = os.cpu_count(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{cpus} CPUs; this script itself used {memory} MiB")
    if bad:
        sys.exit("over the bounds: " + ", ".join(bad))


if __name__ == "__main__":
    main()
