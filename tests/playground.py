#!/usr/bin/env python3
"""`make local`: a local AWS and both functions, left running. The role and resources that the event files name exist there, so
that `cargo lambda invoke` can send them to the functions. Prints what was tagged."""
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time

import local_aws
from local_aws import ACCOUNT, REGION, ROOT, TABLE, Lambdas, client_env, say, tool
from records import name_in
from resources import ec2_arn, ec2_tags
from rig import build, trust

# The default of `cargo lambda invoke`.
PORT = 9000
RECORDER, HANDLER = "session-recorder", "tag-handler"
SESSION = "sts/AssumeRole"
# Calls made in the session of that file. What they create has ids, which are never given twice: the files are old, and a name
# might be another resource's by now.
CREATIONS = ["ec2/CreateInternetGateway", "ec2/CreateVolume"]
# The session has another cost centre, which takes precedence.
ROLE_TAGS = {"Squad": "checkout", "CostCenter": "from-iam"}


def address():
    """The address that `cargo lambda invoke` calls, and the option that it needs where there is no IPv6."""
    for family, host, option in ((socket.AF_INET6, "::1", ""), (socket.AF_INET, "127.0.0.1", " -A 127.0.0.1")):
        try:
            with socket.socket(family) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((host, 0))
        except OSError:
            continue
        return family, host, option


def taken(family, host, port):
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError:
            return True
    return False


def moto():
    """Starts moto in this process, so that its role can get the id that the event files have: a different id is another role."""
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    return f"http://127.0.0.1:{server.get_host_and_port()[1]}"


def make_role(c):
    from moto.iam.models import iam_backends

    event = local_aws.load(SESSION)["detail"]
    name = event["requestParameters"]["roleArn"].split("/")[-1]
    c("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(), Tags=[{"Key": k, "Value": v} for k, v in ROLE_TAGS.items()])
    iam_backends[ACCOUNT]["aws"].get_role(name).id = event["responseElements"]["assumedRoleUser"]["assumedRoleId"].split(":")[0]
    return name


def make_resources(c):
    """The resources that the event files name, with the tags that their requests set."""
    from moto.ec2.models import ec2_backends

    ec2, backend = c("ec2"), ec2_backends[ACCOUNT][REGION]
    gateway, volume = (name_in(name) for name in CREATIONS)
    made = backend.internet_gateways.pop(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    made.id, backend.internet_gateways[gateway] = gateway, made
    made = backend.volumes.pop(ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=100)["VolumeId"])
    made.id, backend.volumes[volume] = volume, made
    for name in CREATIONS:
        for asked in local_aws.load(name)["detail"]["requestParameters"].get("tagSpecificationSet", {}).get("items", []):
            tags = [{"Key": tag["key"], "Value": tag["value"]} for tag in asked["tags"]]
            ec2.create_tags(Resources=[name_in(name)], Tags=tags)
    return [(arn, ec2_tags) for arn in (ec2_arn("internet-gateway", gateway), ec2_arn("volume", volume))]


def shown(tags):
    return "".join(f"\n    {key:<14} {value}" for key, value in sorted(tags.items())) or "\n    nothing"


class Watched:
    """Sessions and tags in the local AWS, and what has changed."""

    def __init__(self, c, made, lambdas):
        self.c, self.made, self.lambdas = c, made, lambdas
        self.sessions, self.lines = [], 0
        self.tags = {arn: read(c, arn) for arn, read in made}

    def news(self):
        """What the functions have done since the last call. An invocation ends with a line of metrics."""
        log = self.lambdas.log()
        new, self.lines = log[self.lines:], len(log)
        runs = [line["Function"] for line in new if "_aws" in line]
        changes = [*self.new_sessions(), *self.new_tags()] if runs else []
        if not changes:
            said = "".join(f"\n    {json.dumps(line)}" for line in new if "_aws" not in line)
            changes = [f"{function} has run, and none of the above has changed. Its log:{said or ' empty'}" for function in runs[-1:]]
        return changes

    def new_sessions(self):
        items = self.c("dynamodb").scan(TableName=TABLE)["Items"]
        for item in items:
            if item not in self.sessions:
                tags = {key: value["S"] for key, value in item["tags"]["M"].items()}
                yield f"{RECORDER} has stored the session {item['arn']['S']} with the tags{shown(tags)}"
        self.sessions = items

    def new_tags(self):
        for arn, read in self.made:
            tags = read(self.c, arn)
            if tags != self.tags[arn]:
                yield f"{HANDLER} has tagged {arn}, which now has{shown(tags)}"
            self.tags[arn] = tags


def main():
    user_path = os.environ["PATH"]
    family, host, option = address()
    if taken(family, host, PORT):
        sys.exit(f"Port {PORT} of {host} is taken, but `cargo lambda invoke` expects the functions there. "
                 "Stop the process that uses it, then try again.")
    build()
    url = moto()
    c = local_aws.session(url)
    local_aws.make_session_table(c)
    role = make_role(c)
    made = make_resources(c)
    lambdas = Lambdas("local", client_env(url), host, PORT)
    watched = Watched(c, made, lambdas)

    resources = "\n".join(f"    {arn}" for arn, _ in made)
    say(f"""
Running until Ctrl-C:
  a local AWS (moto)   {url}, account {ACCOUNT}, {REGION}, with
    session table {TABLE}
    role {role} with the IAM tags {", ".join(f"{key}={value}" for key, value in ROLE_TAGS.items())}
{resources}
  both functions       port {PORT}, by cargo lambda watch; their log: {lambdas.server.log}

In another terminal, in {ROOT}:
""")
    if not shutil.which("cargo-lambda", path=user_path):
        say(f'  export PATH="{tool("cargo-lambda")}:$PATH"')
    say(f"  cargo lambda invoke {RECORDER} --data-file events/{SESSION}.json{option}")
    for name in CREATIONS:
        say(f"  cargo lambda invoke {HANDLER} --data-file events/{name}.json{option}")
    say("\nSend the session first, because the tag-handler looks up its tags. What each one does is shown here.\n")
    while lambdas.server.process.poll() is None:
        for news in watched.news():
            say(f"{news}\n")
        time.sleep(0.2)
    sys.exit(f"cargo lambda watch has ended: {local_aws.read(lambdas.server.log)[-2000:]}")


if __name__ == "__main__":
    # Everything that was started ends with this script, whichever way it ends. Ctrl-C works even if a background shell ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda *_: sys.exit(0))
    try:
        main()
    except KeyboardInterrupt:
        say("\nEnded.")
