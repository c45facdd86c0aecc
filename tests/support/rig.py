"""A local AWS with the functions, a role, and a recorded session of that role."""
import json
import os
import subprocess
import sys

import local_aws
import resources
from local_aws import ACCOUNT, COMMAND, ROOT, Lambdas, batch, client_env, say
from records import Session

ROLE_TAGS = {"Squad": "from-iam", "CostCenter": "4711"}
SESSION_TAGS = {"squad": "payments", "Person": "ann"}


def build():
    """Builds everything that demo and tests run, with cargo's output. It always builds all packages with all features, because any
    other choice makes cargo build the AWS SDK again, which takes minutes."""
    if not os.path.exists(COMMAND):
        say("Building aws-tags with the AWS SDK: about five minutes on two cores the first time, seconds from then on.")
    done = subprocess.run(["cargo", "build", "--workspace", "--all-features", "--locked"], cwd=ROOT)
    if done.returncode:
        sys.exit(done.returncode)


def trust():
    """A trust policy that lets the account pass session tags."""
    allowed = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


class Rig:
    """A local AWS with a session table, the functions, and a session of a role."""

    def __init__(self, name, server, **settings):
        self.server = server
        self.faults = local_aws.Faults(server)
        # The functions use the proxy; the clients that create and read resources do not.
        self.c = local_aws.session(server.url)
        local_aws.make_session_table(self.c)
        self.lambdas = Lambdas(name, {**client_env(self.faults.url), **settings})
        self.net = resources.Net(self.c)
        self.role = self.make_role("developer", ROLE_TAGS)
        self.session = Session(self.c, self.role, "ann", SESSION_TAGS.items(), ["Person"])
        self.record(self.session)

    def make_role(self, name, tags):
        made = self.c("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(),
                                         Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
        return made["Role"]

    def record(self, session):
        answer = self.lambdas.invoke("session-recorder", batch([session.event]))
        assert answer == {"batchItemFailures": []}, answer

    def tag(self, events):
        """Invokes the tag handler; returns the indexes of the events that failed."""
        answer = self.lambdas.invoke("tag-handler", batch(events))
        return [int(item["itemIdentifier"]) for item in answer["batchItemFailures"]]

    def wanted(self, session=None, **more):
        session = session or self.session
        return {"squad": "payments", "Person": "ann", "CostCenter": "4711", "Owner": session.arn, "PrincipalId": session.id, **more}


if __name__ == "__main__":
    build()
