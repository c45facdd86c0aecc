#!/usr/bin/env python3
"""Many creations at AWS's real rates: how long until all are tagged, with what the templates set. Five release binaries take batches
of ten from a real queue; a proxy before a local AWS keeps the quotas: five calls a second of TagResources, ten of everything else.

Each run is compared with the time that the slowest quota needs: no tagger can be faster. With `--against`, another commit tries the
same with its own settings.
"""
import argparse
import concurrent.futures
import datetime
import sys
import time

from bench import copies

import local_aws
import resources
from cloudformation import Template
from event_source_mapping import Mapping
from fault_proxy import Unreliable
from local_aws import ACCOUNT, REGION, say
from records import Session, creation, now
from resources import ec2_arn
from rig import trust

QUOTAS, OTHERS = {"TagResources": 5, "DescribeTags": 20}, 10
PASSING = ("throttled", "500", "reset", "slow")
# What a run may take, and how much memory may grow.
MOST, GROWTH = 1.3, 4


def topic(c, name):
    return "sns/CreateTopic", c("sns").create_topic(Name=name)["TopicArn"], resources.topic_tags


def bucket(c, name):
    """Only the tagging API tags it."""
    c("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return "s3/CreateBucket", f"arn:aws:s3:::{name}", resources.bucket_tags


def volume(c, name):
    return "ec2/CreateVolume", ec2_arn("volume", resources.volume(c, None)), resources.ec2_tags


def function(c, name):
    made = c("lambda").create_function(FunctionName=name, Runtime="python3.12", Role=f"arn:aws:iam::{ACCOUNT}:role/role-0",
                                       Handler="main.handler", Code={"ZipFile": resources.code()})
    return "lambda/CreateFunction20150331", made["FunctionArn"], resources.lambda_tags


def table(c, name):
    return "dynamodb/CreateTable", resources.table(c, None, name), resources.dynamodb_tags


def secret(c, name):
    return "secretsmanager/CreateSecret", c("secretsmanager").create_secret(Name=name, SecretString="{}")["ARN"], resources.secret_tags


def cluster(c, name):
    return "ecs/CreateCluster", c("ecs").create_cluster(clusterName=name)["cluster"]["clusterArn"], resources.ecs_tags


class World:
    """A local AWS of its own for each run, with callers and what they have created. Its queue is ministack's: moto's takes seconds
    for each message where there are thousands."""

    def __init__(self):
        self.moto, self.queue = local_aws.moto(), local_aws.ministack()
        self.c = local_aws.session(self.moto.url)
        self.clients = {}
        local_aws.make_session_table(self.client)

    def client(self, service, region=REGION):
        return self.clients.setdefault((service, region), self.c(service, region))

    def callers(self, count):
        """Roles with tags, each with a session of an hour ago in the table."""
        sessions, at = [], now() - datetime.timedelta(minutes=40)
        for n in range(count):
            tags = [{"Key": "Squad", "Value": f"squad-{n}"}]
            role = self.client("iam").create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=trust(), Tags=tags)["Role"]
            sessions.append(Session(self.client, role, "ann", [("Person", f"ann-{n}")], at=at))
        recorder = Mapping(self.c, self.moto.url, "session-recorder", release=True, names=("recorded", "recorded-dead"))
        for start in range(0, count, 10):
            answer = recorder.functions[0].invoke(local_aws.batch([session.event for session in sessions[start:start + 10]]))
            assert answer == {"batchItemFailures": []}
        recorder.stop()
        return sessions


class Run:
    def __init__(self, what, makers, creations, callers, slowest, share=0, bounded=True):
        self.what, self.makers, self.creations, self.callers = what, makers, creations, callers
        # Seconds that the slowest needed quota takes. A short run is mostly the queue's delay, and not bounded.
        self.slowest, self.share, self.bounded = slowest, share, bounded

    def go(self, binary, setting, seconds):
        world = World()
        sessions = world.callers(self.callers)
        made = []
        for n in range(self.creations):
            name, arn, read = self.makers[n % len(self.makers)](world.client, f"load-{n}")
            made.append((name, arn, read, n * 7919 % self.callers))
        proxy = Unreliable(world.moto.url, QUOTAS, OTHERS)
        proxy.share, proxy.kinds = self.share, PASSING
        env = {"AWS_ENDPOINT_URL_SQS": world.queue.url}
        mapping = Mapping(local_aws.session(world.queue.url), proxy.url, binary, env=env, **setting)
        mapping.send([creation(name, arn, sessions[who].identity) for name, arn, _, who in made])
        peaks, _started = [], time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            drained = pool.submit(mapping.drain, seconds)
            while not drained.done():
                time.sleep(1)
                peaks.append(max(function.peak() for function in mapping.functions))
        took = drained.result()
        tagged = sum(read(world.client, arn).items() >= {"Person": f"ann-{who}", "Squad": f"squad-{who}"}.items()
                     for _, arn, read, who in made)
        early = peaks[min(len(peaks) - 1, max(30, len(peaks) // 4))]
        self.result = {
            "took": took, "tagged": tagged, "late": mapping.late, "failed": mapping.failed, "dead": sum(mapping.count(mapping.dead)),
            "throttled": sum(proxy.throttled.values()), "injected": len(proxy.injected), "peak": peaks[-1], "growth": peaks[-1] - early,
            "calls": sum(proxy.accepted.values()), "invocations": mapping.invocations}
        mapping.stop()
        world.moto.stop()
        world.queue.stop()
        return self.result

    def report(self, result):
        took = f"{result['took']:.0f} s"
        say(f"{self.what}: {result['tagged']} of {self.creations} tagged in {took}, {result['took'] / self.slowest:.2f} × the {self.slowest} s "
            f"that the slowest quota takes; {result['tagged'] / result['took']:.1f} a second; {result['late']} time-outs, {result['dead']} dead "
            f"letters; {result['throttled']} of {result['calls']} calls throttled, {result['injected']} faults injected; "
            f"{result['invocations']} invocations; peak {result['peak']:.1f} MiB, grown by {result['growth']:.1f} MiB")


def shipped():
    """What the template sets."""
    template = Template("tag-handler")
    mapping, queue = template.resources["CreationsToTagHandler"]["Properties"], template.resources["Creations"]["Properties"]
    function = template.resources["TagHandler"]["Properties"]
    return {"processes": int(template.values["MaximumConcurrency"]), "batch_size": mapping["BatchSize"],
            "delay": queue["DelaySeconds"], "seconds": function["Timeout"]}


RUNS = {
    "callers": Run("1,000 topics of 1,000 callers", [topic], 1000, 1000, 100),
    "caller": Run("1,000 topics of one caller", [topic], 1000, 1, 100),
    "ec2-caller": Run("1,000 volumes of one caller", [volume], 1000, 1, 10, bounded=False),
    "tagging-api": Run("1,000 buckets of 1,000 callers", [bucket], 1000, 1000, 200),
    "faults": Run("10,000 creations of 6 kinds by 200 callers, 1 % faults", [volume, topic, function, table, secret, cluster],
                  10000, 200, 167, share=0.01, bounded=False),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"one of {', '.join(RUNS)}; default: all")
    parser.add_argument("--against", metavar="COMMIT", help="run `callers` with another commit as well")
    options = parser.parse_args()
    binary, bad = copies()["tag-handler"], []
    say(f"settings: {shipped()}")
    for name in options.runs or RUNS:
        run = RUNS[name]
        result = run.go(binary, shipped(), run.slowest * 5)
        run.report(result)
        lost = result["tagged"] < run.creations or result["late"] or result["failed"] or result["dead"]
        slow = run.bounded and result["took"] > MOST * run.slowest
        bad.extend([name] * bool(lost or slow or result["growth"] > GROWTH))
    if options.against:
        run = RUNS["callers"]
        say(f"{options.against}, with 10 functions and batches of 50, for as long as it takes here five times:")
        old = {"processes": 10, "batch_size": 50, "delay": 20, "seconds": 30}
        run.report(run.go(copies(options.against)["tag-handler"], old, run.slowest * 5))
    if bad:
        sys.exit("over the bounds: " + ", ".join(bad))


if __name__ == "__main__":
    main()
