"""The past of an account, in a local AWS: a thousand resources of twenty kinds that ten principals made, with tags of others, and the
plan of a run that would tag them. A proxy counts what is asked."""
import collections
import json
import os
import random
import re
import time
import urllib.parse

import local_aws
from fault_proxy import Proxy, Unreliable
from local_aws import ACCOUNT, REGION, read
from resources import code, pairs

REGIONS = [REGION, "eu-central-1", "us-east-1"]
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]})


def arn(service, resource, region, account=ACCOUNT):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


class Kind:
    """How one kind of resource is made, and how its tags are read, set and taken away by its own service."""

    def __init__(self, name, make, tags, put, remove, regions=REGIONS):
        self.name, self.make, self.tags, self.put, self.remove, self.regions = name, make, tags, put, remove, regions


def listed(tags, key="Key", value="Value"):
    return [{key: k, value: v} for k, v in tags.items()]


def of_ec2(name, make):
    """`make` gives an id."""
    kind = name.split(":")[1]
    id_of = lambda a: a.rsplit("/", 1)[1]
    return Kind(name, lambda c, n, region: arn("ec2", f"{kind}/{make(c('ec2', region), n)}", region, "" if kind == "snapshot" else ACCOUNT),
                lambda c, a: pairs(c("ec2", a.split(":")[3]).describe_tags(Filters=[{"Name": "resource-id", "Values": [id_of(a)]}])["Tags"]),
                lambda c, a, tags: c("ec2", a.split(":")[3]).create_tags(Resources=[id_of(a)], Tags=listed(tags)),
                lambda c, a, keys: c("ec2", a.split(":")[3]).delete_tags(Resources=[id_of(a)], Tags=[{"Key": key} for key in keys]))


def generic(name, service, make, read, argument, add, remove, keys="TagKeys", as_map=False, regions=REGIONS, id_of=lambda a: a, tags="Tags",
            spelled=("Key", "Value"), **more):
    """A service whose operations take the resource in one argument."""
    def client(c, a):
        return c(service, a.split(":")[3] or regions[0])
    return Kind(name, make, lambda c, a: read(client(c, a), id_of(a)),
                lambda c, a, new: getattr(client(c, a), add)(**{argument: id_of(a), tags: new if as_map else listed(new, *spelled), **more}),
                lambda c, a, gone: getattr(client(c, a), remove)(**{argument: id_of(a), keys: list(gone), **more}), regions)


def of_iam(name, kind, make, argument):
    """IAM knows its resources by name."""
    of = kind.replace("-", "_")
    return generic(name, "iam", lambda c, n, region: make(c("iam", region), n), lambda c, id: pairs(getattr(c, f"list_{of}_tags")(**{argument: id})["Tags"]),
                   argument, f"tag_{of}", f"untag_{of}", regions=["us-east-1"], id_of=lambda a: a if argument.endswith("Arn") else a.rsplit("/", 1)[1])


def queue_url(c, a):
    return c("sqs", a.split(":")[3]).get_queue_url(QueueName=a.rsplit(":", 1)[1])["QueueUrl"]


def bucket(c, n, region):
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    c("s3", region).create_bucket(Bucket=n, **where)
    return f"arn:aws:s3:::{n}"


def bucket_tags(c, a):
    try:
        return pairs(c("s3").get_bucket_tagging(Bucket=a.split(":::")[1])["TagSet"])
    except c("s3").exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return {}
        raise


def set_bucket_tags(c, a, tags):
    if tags:
        c("s3").put_bucket_tagging(Bucket=a.split(":::")[1], Tagging={"TagSet": listed(tags)})
    else:
        c("s3").delete_bucket_tagging(Bucket=a.split(":::")[1])


def group(c, n, region):
    """An Auto Scaling group, and what it needs."""
    c("autoscaling", region).create_launch_configuration(LaunchConfigurationName=n, ImageId="ami-0123456789abcdef0", InstanceType="t3.micro")
    c("autoscaling", region).create_auto_scaling_group(AutoScalingGroupName=n, LaunchConfigurationName=n, MinSize=0, MaxSize=0, AvailabilityZones=[f"{region}a"])
    return c("autoscaling", region).describe_auto_scaling_groups(AutoScalingGroupNames=[n])["AutoScalingGroups"][0]["AutoScalingGroupARN"]


def group_tag(c, a, tags, call):
    name = a.rsplit("/", 1)[1]
    getattr(c("autoscaling", a.split(":")[3]), call)(Tags=[
        {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": k, "Value": v, "PropagateAtLaunch": False} for k, v in tags.items()])


GROUP = Kind("autoscaling:autoScalingGroup", group,
             lambda c, a: pairs(c("autoscaling", a.split(":")[3]).describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [a.rsplit("/", 1)[1]]}])["Tags"]),
             lambda c, a, tags: group_tag(c, a, tags, "create_or_update_tags"),
             lambda c, a, keys: group_tag(c, a, dict.fromkeys(keys, ""), "delete_tags"))
KINDS = [
    of_ec2("ec2:volume", lambda ec2, n: ec2.create_volume(AvailabilityZone=f"{ec2.meta.region_name}a", Size=1)["VolumeId"]),
    of_ec2("ec2:internet-gateway", lambda ec2, n: ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]),
    of_ec2("ec2:dhcp-options", lambda ec2, n: ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}])["DhcpOptions"]["DhcpOptionsId"]),
    of_ec2("ec2:security-group", lambda ec2, n: ec2.create_security_group(GroupName=n, Description="d")["GroupId"]),
    Kind("sqs:queue", lambda c, n, region: c("sqs", region).create_queue(QueueName=n) and arn("sqs", n, region),
         lambda c, a: c("sqs", a.split(":")[3]).list_queue_tags(QueueUrl=queue_url(c, a)).get("Tags", {}),
         lambda c, a, tags: c("sqs", a.split(":")[3]).tag_queue(QueueUrl=queue_url(c, a), Tags=tags),
         lambda c, a, keys: c("sqs", a.split(":")[3]).untag_queue(QueueUrl=queue_url(c, a), TagKeys=list(keys))),
    generic("sns:topic", "sns", lambda c, n, region: c("sns", region).create_topic(Name=n)["TopicArn"],
            lambda c, a: pairs(c.list_tags_for_resource(ResourceArn=a)["Tags"]), "ResourceArn", "tag_resource", "untag_resource"),
    Kind("s3:bucket", bucket, bucket_tags, lambda c, a, tags: set_bucket_tags(c, a, {**bucket_tags(c, a), **tags}),
         lambda c, a, keys: set_bucket_tags(c, a, {k: v for k, v in bucket_tags(c, a).items() if k not in keys})),
    generic("dynamodb:table", "dynamodb", lambda c, n, region: c("dynamodb", region).create_table(
                TableName=n, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST")["TableDescription"]["TableArn"],
            lambda c, a: pairs(c.list_tags_of_resource(ResourceArn=a)["Tags"]), "ResourceArn", "tag_resource", "untag_resource"),
    generic("secretsmanager:Secret", "secretsmanager", lambda c, n, region: c("secretsmanager", region).create_secret(Name=n, SecretString="{}")["ARN"],
            lambda c, a: pairs(c.describe_secret(SecretId=a).get("Tags")), "SecretId", "tag_resource", "untag_resource"),
    generic("ssm:parameter", "ssm", lambda c, n, region: c("ssm", region).put_parameter(Name=f"/past/{n}", Value="v", Type="String") and arn("ssm", f"parameter/past/{n}", region),
            lambda c, id: pairs(c.list_tags_for_resource(ResourceType="Parameter", ResourceId=id)["TagList"]), "ResourceId", "add_tags_to_resource",
            "remove_tags_from_resource", id_of=lambda a: a.split(":parameter")[1], ResourceType="Parameter"),
    generic("logs:log-group", "logs", lambda c, n, region: c("logs", region).create_log_group(logGroupName=n) and arn("logs", f"log-group:{n}", region),
            lambda c, a: c.list_tags_for_resource(resourceArn=a)["tags"], "resourceArn", "tag_resource", "untag_resource", "tagKeys", as_map=True, tags="tags"),
    generic("ecr:repository", "ecr", lambda c, n, region: c("ecr", region).create_repository(repositoryName=n)["repository"]["repositoryArn"],
            lambda c, a: pairs(c.list_tags_for_resource(resourceArn=a)["tags"]), "resourceArn", "tag_resource", "untag_resource", "tagKeys", tags="tags"),
    generic("kms:key", "kms", lambda c, n, region: c("kms", region).create_key()["KeyMetadata"]["Arn"],
            lambda c, id: pairs(c.list_resource_tags(KeyId=id)["Tags"], "TagKey", "TagValue"), "KeyId", "tag_resource", "untag_resource",
            spelled=("TagKey", "TagValue"), id_of=lambda a: a.rsplit("/", 1)[1]),
    generic("ecs:cluster", "ecs", lambda c, n, region: c("ecs", region).create_cluster(clusterName=n)["cluster"]["clusterArn"],
            lambda c, a: pairs(c.list_tags_for_resource(resourceArn=a)["tags"], "key", "value"), "resourceArn", "tag_resource", "untag_resource", "tagKeys", tags="tags", spelled=("key", "value")),
    generic("glue:job", "glue", lambda c, n, region: c("glue", region).create_job(Name=n, Role="r", Command={"Name": "glueetl"}) and arn("glue", f"job/{n}", region),
            lambda c, a: c.get_tags(ResourceArn=a)["Tags"], "ResourceArn", "tag_resource", "untag_resource", "TagsToRemove", as_map=True, tags="TagsToAdd"),
    generic("rds:pg", "rds", lambda c, n, region: c("rds", region).create_db_parameter_group(DBParameterGroupName=n, DBParameterGroupFamily="postgres16", Description="d")["DBParameterGroup"]["DBParameterGroupArn"],
            lambda c, a: pairs(c.list_tags_for_resource(ResourceName=a)["TagList"]), "ResourceName", "add_tags_to_resource", "remove_tags_from_resource"),
    of_iam("iam:role", "role", lambda iam, n: iam.create_role(RoleName=n, AssumeRolePolicyDocument=DOCUMENT)["Role"]["Arn"], "RoleName"),
    of_iam("iam:user", "user", lambda iam, n: iam.create_user(UserName=n)["User"]["Arn"], "UserName"),
    of_iam("iam:policy", "policy", lambda iam, n: iam.create_policy(PolicyName=n, PolicyDocument=DOCUMENT)["Policy"]["Arn"], "PolicyArn"),
    GROUP,
]


class Made:
    """A resource, and what the plan says of it."""

    def __init__(self, arn, kind, region, line, foreign):
        self.arn, self.kind, self.region, self.line, self.foreign = arn, kind, region, line, foreign
        self.planned = {tag["key"]: tag["value"] for tag in line["add"]}


class Past:
    """`count` resources of all kinds, by ten principals, a third of them with tags of others."""

    def __init__(self, c, count, seed, name="p"):
        self.c, self.random = c, random.Random(seed)
        self.made = [self.one(KINDS[nth % len(KINDS)], nth, f"{name}{seed}-{nth:04}") for nth in range(count)]
        # As the planner sorts them: neighbours share calls.
        self.made.sort(key=lambda one: (one.region, one.kind.name.split(":")[0] in ("ec2",), json.dumps(one.line["add"]), one.arn))

    def one(self, kind, nth, name):
        region = kind.regions[nth // len(KINDS) % len(kind.regions)]
        made = kind.make(self.c, name, region)
        person = f"person{nth % 10}"
        foreign = {"Env": "prod", "Team": f"other{nth}"} if nth % 2 else {"Env": "prod"} if nth % 3 == 0 else {}
        if foreign:
            kind.put(self.c, made, foreign)
            foreign = kind.tags(self.c, made)
        add = [{"key": "Owner", "value": person, "source": "owner"}, {"key": "PrincipalId", "value": f"AROAEXAMPLE{nth % 10}:{person}", "source": "extra"}]
        if nth % 10 < 7:
            add.append({"key": "Team", "value": f"team{nth % 10 % 3}", "source": "session"})
        # The plan saw what is there.
        add = [tag for tag in add if tag["key"] not in foreign]
        line = {"arn": made, "type": kind.name, "account": ACCOUNT, "region": region, "state": "add",
                "event": {"id": f"event-{nth}", "time": "2025-03-04T10:12:55Z", "name": "Create"},
                "by": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}", "add": add}
        return Made(made, kind, region, line, foreign)

    def plan(self, state, run="run"):
        """Writes the plan of a run."""
        folder = os.path.join(state, run)
        os.makedirs(folder)
        with open(os.path.join(folder, "plan.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(one.line) + "\n" for one in self.made)
        return folder

    def tags(self):
        """What each resource has."""
        return {one.arn: one.kind.tags(self.c, one.arn) for one in self.made}


class Calls(Unreliable):
    """A proxy that counts, by resource, the calls that changed its tags, and kills whoever calls when it is told to."""

    def __init__(self, upstream, made, **more):
        self.tokens = {one.arn: [one.arn, one.arn.rsplit(":", 1)[1].rsplit("/", 1)[-1]] for one in made}
        self.writes, self.reads, self.taken, self.times = collections.Counter(), 0, {}, []
        self.kill, self.asked = None, 0
        super().__init__(upstream, **more)
        self.RequestHandlerClass = Counting

    def kill_at(self, process, mode, nth):
        """Kills a process at its nth read, or at its nth write: `before` that is done, or `after`, but before it is answered."""
        with self.lock:
            self.kill, self.asked = (process, mode, nth), 0

    def is_due(self, is_write, after):
        """Whether this is the call at which to kill."""
        with self.lock:
            if not self.kill:
                return False
            process, mode, nth = self.kill
            if is_write != (mode != "read") or after != (mode == "after"):
                return False
            self.asked += 1
            if self.asked != nth:
                return False
            self.kill = None
            process.kill()
            return True

    def meant(self, text):
        """The resources that a request is about."""
        words = set(re.split(r"[^\w:/.@+-]|(?<=queue/)", text)) | {word.rsplit("/", 1)[-1] for word in re.split(r"[^\w:/.@+-]", text)}
        return [arn for arn, tokens in self.tokens.items() if words & set(tokens)]


ADDS = re.compile("^(Tag|AddTags|CreateTags|CreateOrUpdateTags|PutBucketTagging)")
REMOVES = re.compile("^(Untag|RemoveTags|DeleteTags)")


class Counting(Proxy):
    def changes(self, operation):
        """`add` or `remove`, or nothing where it only reads."""
        if ADDS.match(operation) or operation == "TagResource":
            return "add"
        if REMOVES.match(operation) or self.command == "DELETE" and "/tags/" in self.path:
            return "remove"
        return None

    def forward(self, body):
        change = self.changes(self.operation(body))
        if self.server.is_due(bool(change), after=False):
            return 500, {}, b""
        answer = super().forward(body)
        with self.server.lock:
            if change and answer[0] < 300:
                refused = json.loads(answer[2]).get("FailedResourcesMap", {}) if b"FailedResourcesMap" in answer[2] else {}
                text = urllib.parse.unquote_plus(self.path + " " + body.decode())
                self.server.writes.update((change, arn) for arn in self.server.meant(text) if arn not in refused)
                self.server.times.append((time.monotonic(), self.headers.get("authorization", "//").split("/")[2], self.operation(body)))
            self.server.reads += not change
        self.server.is_due(bool(change), after=True)
        return answer

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = Proxy.serve


def journal(folder, name="journal.jsonl"):
    """The entries of a journal."""
    path = os.path.join(folder, name)
    return [json.loads(line) for line in read(path).splitlines()] if os.path.exists(path) else []


def clients(url):
    """One client for each service and Region: making them takes time."""
    made, make = {}, local_aws.session(url)
    return lambda service, region=local_aws.REGION: made.setdefault((service, region), None) or made.__setitem__((service, region), make(service, region)) or made[service, region]
