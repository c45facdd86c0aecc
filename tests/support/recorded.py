"""A past with its records: ten sessions of STS made the resources, and a trail tells of it, and of what came to nothing."""
import collections
import copy
import datetime
import gzip
import json
import os
import uuid

from local_aws import ACCOUNT, REGION, load
from modelled_resources import event_of
from past import Past
from records import Session, creation, fresh, iso, now
from rig import trust

PRINCIPALS, PER_FILE = 10, 40
# The event file of each kind's creation, or its source and call where it has only a modelled one.
CALLS = {
    "ec2:volume": ["ec2/CreateVolume"], "ec2:internet-gateway": ["ec2/CreateInternetGateway"], "ec2:dhcp-options": ["ec2/CreateDhcpOptions"],
    "ec2:security-group": ["ec2/CreateSecurityGroup"], "sqs:queue": ["sqs/CreateQueue"], "sns:topic": ["sns/CreateTopic"],
    "s3:bucket": ["s3/CreateBucket"], "dynamodb:table": ["dynamodb/CreateTable"], "secretsmanager:Secret": ["secretsmanager/CreateSecret"],
    "ssm:parameter": ["ssm/PutParameter"], "logs:log-group": ["logs", "CreateLogGroup"], "ecr:repository": ["ecr", "CreateRepository"],
    "kms:key": ["kms", "CreateKey"], "ecs:cluster": ["ecs/CreateCluster"], "glue:job": ["glue/CreateJob"],
    "rds:pg": ["rds/CreateDBParameterGroup"], "iam:role": ["iam", "CreateRole"], "iam:user": ["iam", "CreateUser"],
    "iam:policy": ["iam", "CreatePolicy"], "autoscaling:autoScalingGroup": ["autoscaling/CreateAutoScalingGroup"],
}
# Names in event files that no ARN tells: of a path, and of what only AWS knows the ARN.
NAMES = {"ssm:parameter": ("/shop/orders/url", ":parameter"), "autoscaling:autoScalingGroup": ("orders-web", "autoScalingGroupName/")}
# Creations that also answer for what is there tell who made it only where its name was free: something of that name had been deleted.
ENDINGS = {
    "sqs:queue": ("DeleteQueue", lambda made, name: {"queueUrl": f"https://sqs.{made.region}.amazonaws.com/{ACCOUNT}/{name}"}),
    "sns:topic": ("DeleteTopic", lambda made, name: {"topicArn": made.arn}),
    "ecs:cluster": ("DeleteCluster", lambda made, name: {"cluster": name}),
}


def untagged(value):
    """A part of a record without tags of its request: the resources were made without."""
    if isinstance(value, list):
        return [untagged(one) for one in value]
    return {k: untagged(v) for k, v in value.items() if k not in ("tags", "tagSet", "tagSpecificationSet")} if isinstance(value, dict) else value


class Recorded(Past):
    """`made` have `event`, the id of their creation's record, and `owner`, who is its caller."""

    def __init__(self, c, count, seed):
        self.callers, self.records = [], []
        for nth in range(PRINCIPALS):
            role = c("iam").create_role(RoleName=f"team{seed}-{nth}", AssumeRolePolicyDocument=trust(), Tags=[{"Key": "CostCenter", "Value": f"47{nth}"}])["Role"]
            # Some sessions bring no tags.
            tags = [("Team", f"team{nth % 3}")] if nth < 7 else []
            caller = Session(c, role, f"person{nth}", tags)
            self.callers.append((caller, {"Owner": caller.arn, "PrincipalId": caller.id, "CostCenter": f"47{nth}", **dict(tags)}))
            self.records.append(caller.event["detail"])
        super().__init__(c, count, seed, "r")

    def one(self, kind, nth, name):
        made = super().one(kind, nth, name)
        caller, tags = self.callers[nth % PRINCIPALS]
        record = self.record(made, caller.identity)
        made.event, made.owner = record["eventID"], caller.arn
        made.planned = {key: value for key, value in tags.items() if key not in made.foreign}
        # Somebody else tried the same, in vain.
        other, _ = self.callers[(nth + 1) % PRINCIPALS]
        failed = {**copy.deepcopy(record), "eventID": str(uuid.uuid4()), "userIdentity": other.identity, "responseElements": None,
                  "errorCode": "AccessDenied", "errorMessage": "no"}
        self.records += [record, failed]
        if kind.name in ENDINGS:
            call, request = ENDINGS[kind.name]
            before = iso(now() - datetime.timedelta(hours=1))
            self.records.append({**copy.deepcopy(record), "eventID": str(uuid.uuid4()), "eventName": call, "eventTime": before,
                                 "userIdentity": other.identity, "requestParameters": request(made, name), "responseElements": None})
        return made

    def record(self, made, identity):
        call = CALLS[made.kind.name]
        if made.kind.name in NAMES:
            name, before = NAMES[made.kind.name]
            event = fresh(json.loads(json.dumps(load(*call)).replace(name, made.arn.split(before)[1])))
        else:
            event = event_of(*call, made.arn, identity) if len(call) == 2 else creation(*call, made.arn, identity)
        record = json.loads(json.dumps(event["detail"]).replace(REGION, made.region))
        for part in ("requestParameters", "responseElements"):
            record[part] = untagged(record[part])
        record.update(userIdentity=identity, awsRegion=made.region, recipientAccountId=ACCOUNT)
        return record

    def trail(self, folder):
        """Writes the records as CloudTrail does, in no order."""
        by_day = collections.defaultdict(list)
        for record in self.records:
            by_day[record["awsRegion"], record["eventTime"][:10]].append(record)
        for (region, day), records in by_day.items():
            self.random.shuffle(records)
            below = os.path.join(folder, "AWSLogs", ACCOUNT, "CloudTrail", region, *day.split("-"))
            os.makedirs(below, exist_ok=True)
            for nth in range(0, len(records), PER_FILE):
                name = f"{ACCOUNT}_CloudTrail_{region}_{day.replace('-', '')}T0000Z_{nth:016}.json.gz"
                with gzip.open(os.path.join(below, name), "wt", encoding="utf-8") as file:
                    json.dump({"Records": records[nth:nth + PER_FILE]}, file)
        return folder
