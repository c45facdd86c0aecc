"""How often events come again in an account without session tags: counted with the built function and simulated time. A message
that it puts off is delivered again with all its times earlier by as much as it was put off."""
import datetime
import json
import urllib.parse

from local_aws import ACCOUNT, REGION, client_env, load
from records import fresh, iso, now
from runtime_api import Function, Handler, Server

VOLUME = load("ec2/CreateVolume")
ROLE = VOLUME["detail"]["userIdentity"]["principalId"].split(":")[0]
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:aws-tags-creations"
EVENTS = 50


class Aws(Server):
    """An AWS that knows one role, whose sessions have no tags, and all or none of their records."""

    def __init__(self, recorded, trust):
        self.recorded, self.trust, self.put_off = recorded, trust, {}
        super().__init__(Answers)


class Answers(Handler):
    def do_POST(self):
        body, target = self.body().decode(), self.headers.get("x-amz-target")
        call = target.split(".")[1] if target else urllib.parse.parse_qs(body)["Action"][0]
        self.answer(getattr(self, call)(body))

    def GetRole(self, _):
        policy = urllib.parse.quote(json.dumps({"Statement": [{"Effect": "Allow", "Action": self.server.trust, "Principal": {"AWS": "*"}}]}))
        role = (f"<RoleId>{ROLE}</RoleId><RoleName>developer</RoleName><Path>/</Path><Arn>arn:aws:iam::{ACCOUNT}:role/developer</Arn>"
                f"<CreateDate>2020-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument>")
        return f"<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>"

    def GetCallerIdentity(self, _):
        found = f"<Account>{ACCOUNT}</Account><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/own/f</Arn>"
        return f"<GetCallerIdentityResponse><GetCallerIdentityResult>{found}</GetCallerIdentityResult></GetCallerIdentityResponse>"

    def DescribeTags(self, _):
        return "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"

    def CreateTags(self, _):
        return "<CreateTagsResponse><return>true</return></CreateTagsResponse>"

    def Query(self, body):
        values = json.loads(body)["ExpressionAttributeValues"]
        if values[":caller"]["S"] == "#heartbeat":
            # One a minute, and then it must be recorded.
            items = [{"issued": {"S": REGION}, "at": {"S": iso(now() - datetime.timedelta(seconds=65))}}]
        else:
            # The record of a session with another key: the console's.
            issued = iso(datetime.datetime.fromisoformat(values[":from"]["S"].replace("Z", "+00:00")) + datetime.timedelta(seconds=1))
            items = [{"issued": {"S": f"{issued}#ASIAOTHER"}, "tags": {"M": {}}, "transitive_tag_keys": {"L": []},
                      "expires_at": {"S": issued}}] if self.server.recorded else []
        return json.dumps({"Items": items, "Count": len(items), "ScannedCount": len(items)})

    def ChangeMessageVisibilityBatch(self, body):
        entries = json.loads(body)["Entries"]
        self.server.put_off.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in entries})
        return json.dumps({"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []})


def event(nth, at, machine):
    """A creation in a session that began at the same time."""
    made = fresh(VOLUME, at)
    made = json.loads(json.dumps(made).replace(made["detail"]["responseElements"]["volumeId"], f"vol-{nth:017x}"))
    identity = made["detail"]["userIdentity"]
    identity.update(principalId=f"{ROLE}:s{nth}", arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/developer/s{nth}", accessKeyId=f"ASIA{nth:016}")
    identity["sessionContext"]["attributes"]["creationDate"] = iso(at)
    if machine:
        identity["sessionContext"]["ec2RoleDelivery"] = "2.0"
    return made


def put_offs(binary, recorded=False, trust="sts:AssumeRole", machine=False):
    """How often the events were put off until they were done: the most of any."""
    aws = Aws(recorded, trust)
    env = {**client_env(f"http://{aws.address}"), "RECORDER_REGIONS": REGION,
           "DEAD_LETTER_QUEUE_ARN": f"{QUEUE}-dead-letters"}
    waited, times, again = dict.fromkeys(range(EVENTS), 0), dict.fromkeys(range(EVENTS), 0), list(range(EVENTS))
    while again:
        # A new process each time, which remembers nothing, as after minutes.
        function = Function(binary, env)
        records = []
        for nth in again:
            # Twenty seconds after the call: the queue's delay.
            made = event(nth, now() - datetime.timedelta(seconds=20 + waited[nth]), machine)
            records.append({"messageId": str(nth), "receiptHandle": str(nth), "body": json.dumps(made), "eventSource": "aws:sqs",
                            "eventSourceARN": QUEUE, "attributes": {"ApproximateReceiveCount": str(times[nth] + 1)}})
        failed = function.invoke({"Records": records})["batchItemFailures"]
        function.stop()
        again = [int(one["itemIdentifier"]) for one in failed]
        for nth in again:
            waited[nth] += aws.put_off[str(nth)]
            times[nth] += 1
    return max(times.values())


def report_all(report, binary):
    for what, bound, how in (
            ("whose record came with another key, such as the console", 1, {"recorded": True}),
            ("that was never recorded", 1, {}),
            ("of an instance", 0, {"machine": True}),
            ("that was never recorded, of a role that takes session tags", 6, {"trust": ["sts:AssumeRole", "sts:TagSession"]})):
        report(f"tag-handler: times that an event comes again, in a session {what}", put_offs(binary, **how), bound, "times")
