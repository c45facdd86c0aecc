"""A healthy installation in a local AWS, part by part, with the names that the templates use."""
import functools
import io
import json
import urllib.request
import zipfile

import local_aws
from local_aws import ACCOUNT, REGION, TABLE

# With a session recorder, as the global endpoint of STS is logged there; and with a forwarder only.
OTHER_REGION, FORWARDED_REGION = "us-east-1", "eu-central-1"
CREATIONS, SESSIONS = "aws-tags-creations", "aws-tags-sessions"
DEAD_LETTERS = "-dead-letters"
FUNCTIONS = {"aws-tags-tag-handler": CREATIONS, "aws-tags-session-recorder": SESSIONS}


def queue_arn(name, region=REGION):
    return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"


def clients(url):
    """A factory that creates each client once."""
    return functools.cache(local_aws.session(url))


def make_queues(c, names=(CREATIONS, SESSIONS), region=REGION):
    """Creates the queues and dead-letter queues; returns their URLs by name."""
    urls, sqs = {}, c("sqs", region)
    for name in names:
        dead = name + DEAD_LETTERS
        urls[dead] = sqs.create_queue(QueueName=dead)["QueueUrl"]
        policy = {"deadLetterTargetArn": queue_arn(dead, region), "maxReceiveCount": 3}
        urls[name] = sqs.create_queue(QueueName=name, Attributes={
            "RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "1"})["QueueUrl"]
    return urls


def empty_zip():
    """The code of a function that never runs."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("bootstrap", "")
    return code.getvalue()


class Installation:
    """Everything that `doctor` checks. The functions' roles are in `iam`, a local AWS that can simulate policies."""

    def __init__(self, url, iam_url, calls):
        """`calls` has the creating calls of each service."""
        self.url, self.calls = url, calls
        self.c, self.iam = clients(url), clients(iam_url)

    def make(self):
        """Deletes everything and creates it again."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", b"", method="POST"))
        self.c("s3", "us-east-1").create_bucket(Bucket="trail")
        cloudtrail = self.c("cloudtrail")
        cloudtrail.create_trail(Name="main", S3BucketName="trail", IsMultiRegionTrail=True)
        cloudtrail.start_logging(Name="main")
        self.select("All")
        self.urls = make_queues(self.c)
        make_queues(self.c, [SESSIONS], OTHER_REGION)
        for region in (REGION, OTHER_REGION, FORWARDED_REGION):
            self.make_rules(region)
        self.make_table()
        for name, queue in FUNCTIONS.items():
            self.make_function(name, queue)
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
        self.make_function("aws-tags-session-recorder", SESSIONS, {"SESSION_TABLE": table}, OTHER_REGION)

    def select(self, read_write, management=True):
        self.c("cloudtrail").put_event_selectors(TrailName="main", EventSelectors=[
            {"ReadWriteType": read_write, "IncludeManagementEvents": management, "DataResources": []}])

    def make_rules(self, region):
        for nth, (service, calls) in enumerate(self.calls.items(), 1):
            self.make_rule(region, f"aws-tags-creations-{nth}", "ENABLED", service, calls, CREATIONS)
        name = "aws-tags-forwarded-sessions" if region == FORWARDED_REGION else "aws-tags-sessions"
        self.make_rule(region, name, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "sts",
                       ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken"], SESSIONS)
        if region != FORWARDED_REGION:
            events = self.c("events", region)
            events.put_rule(Name="aws-tags-heartbeat", ScheduleExpression="rate(1 minute)", State="ENABLED")
            events.put_targets(Rule="aws-tags-heartbeat", Targets=[{"Id": "queue", "Arn": queue_arn(SESSIONS, region)}])
        name = "aws-tags-handler-heartbeat" if region == REGION else "aws-tags-forwarder-heartbeat"
        target = queue_arn(CREATIONS) if region == REGION else f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
        events = self.c("events", region)
        events.put_rule(Name=name, ScheduleExpression="rate(1 hour)", State="ENABLED")
        events.put_targets(Rule=name, Targets=[{"Id": "home", "Arn": target}])

    def make_rule(self, region, name, state, service, calls, queue, **target):
        events = self.c("events", region)
        events.put_rule(Name=name, State=state, EventPattern=json.dumps({
            "source": [f"aws.{service}"], "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {"eventSource": [f"{service}.amazonaws.com"], "eventName": calls, "errorCode": [{"exists": False}]}}))
        target = {"Arn": queue_arn(queue, region), "DeadLetterConfig": {"Arn": queue_arn(queue + DEAD_LETTERS, region)}, **target}
        events.put_targets(Rule=name, Targets=[{"Id": "queue", **{k: v for k, v in target.items() if v}}])

    def make_table(self):
        local_aws.make_session_table(self.c)
        dynamodb = self.c("dynamodb")
        dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "forget_after"})
        dynamodb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})

    def make_function(self, name, queue, environment=None, region=REGION, **mapping):
        """Creates a function. Its code is empty, because it never runs."""
        role = self.role(self.c, name)
        self.c("lambda", region).create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": empty_zip()},
            Environment={"Variables": {"SESSION_TABLE": TABLE, **(environment or {})}})
        self.c("lambda", region).create_event_source_mapping(
            FunctionName=name, EventSourceArn=queue_arn(queue, region), **{"FunctionResponseTypes": ["ReportBatchItemFailures"], **mapping})

    def role(self, c, name):
        trust = '{"Version":"2012-10-17","Statement":[]}'
        try:
            return c("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        except c("iam").exceptions.EntityAlreadyExistsException:
            return c("iam").get_role(RoleName=name)["Role"]["Arn"]

    def allow(self, name, actions):
        """Allows a function's role these actions and no others."""
        self.role(self.iam, name)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}]}
        self.iam("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
