"""CloudTrail records for resources and sessions of a local AWS.

No emulator writes CloudTrail records with response elements. So the records are the event files of this
repository, which have the shapes of CloudTrail's records, with the ids of the resources that exist.
"""
import copy
import datetime
import functools
import json
import subprocess
import uuid

from local_aws import ACCOUNT, COMMAND, REGION, ROOT, load


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@functools.cache
def explain(name):
    """The output of `aws-tags explain` for an event file."""
    command = [COMMAND, "explain", "--json", f"events/{name}.json"]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def name_in(name):
    """The last part of the ARN in an event file: the name that a matching resource must have."""
    return last_part(explain(name)["resources"][0])


def last_part(arn):
    return arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


# Where responses say when the resource was created.
CREATED = {"createdtime", "creationdate"}


def fresh(event, at=None):
    """The event as if it had happened at that time, or now."""
    at = at or now()
    event = copy.deepcopy(event)
    event["id"], event["detail"]["eventID"] = str(uuid.uuid4()), str(uuid.uuid4())
    event["time"] = event["detail"]["eventTime"] = iso(at)
    created_at(event["detail"].get("responseElements"), at.strftime("%b %-d, %Y %-I:%M:%S %p"))
    return event


def created_at(value, at):
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(name, str) and name.lower() in CREATED:
            value[name] = at
        else:
            created_at(inner, at)


class Session:
    """A session that STS started, with its record and the `userIdentity` of its calls."""

    def __init__(self, c, role, name, tags=(), transitive=(), incoming=None, at=None):
        self.at = at or now()
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role['RoleName']}"
        answer = c("sts").assume_role(
            RoleArn=arn, RoleSessionName=name, Tags=[{"Key": k, "Value": v} for k, v in tags],
            TransitiveTagKeys=list(transitive))
        self.key = answer["Credentials"]["AccessKeyId"]
        self.id = f"{role['RoleId']}:{name}"
        self.arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/{name}"
        self.identity = {
            "type": "AssumedRole", "principalId": self.id, "arn": self.arn, "accountId": ACCOUNT, "accessKeyId": self.key,
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": role["RoleId"], "arn": arn, "accountId": ACCOUNT,
                                  "userName": role["RoleName"]},
                "attributes": {"creationDate": iso(self.at), "mfaAuthenticated": "false"}}}
        self.event = fresh(load("sts/AssumeRole"), self.at)
        detail = self.event["detail"]
        detail["requestParameters"] = {
            "roleArn": arn, "roleSessionName": name, "tags": [{"key": k, "value": v} for k, v in tags],
            "transitiveTagKeys": list(transitive)}
        if incoming:
            detail["requestParameters"]["incomingTransitiveTags"] = incoming
        expires = self.at + datetime.timedelta(hours=1)
        detail["responseElements"] = {
            "credentials": {"accessKeyId": self.key, "sessionToken": answer["Credentials"]["SessionToken"],
                            "expiration": expires.strftime("%b %-d, %Y, %-I:%M:%S %p")},
            "assumedRoleUser": {"assumedRoleId": self.id, "arn": self.arn}}


def creation(name, arn, identity, at=None):
    """The event file `name`, as if `identity` had created the resource `arn`."""
    event = load(name)
    template = explain(name)["resources"][0]
    text = json.dumps(event)
    # An id occurs in many places. Short ones, like a revision, might be part of something else.
    ids = [last_part(template), last_part(arn)]
    for old, new in ((template, arn), ids):
        if old != new and len(old) > 4:
            text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    event = fresh(json.loads(text), at)
    event["detail"]["userIdentity"] = identity
    event["account"] = event["detail"]["recipientAccountId"] = ACCOUNT
    event["region"] = event["detail"]["awsRegion"] = REGION
    return event
