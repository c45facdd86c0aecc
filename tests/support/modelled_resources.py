"""Resource types of generated rows that a local AWS can create and tag, with the services' own operations and the tagging API.

A row has event source, call, a function that creates the resource and returns its ARN, and one that reads its tags.
"""
import functools
import json
import os
import subprocess

from local_aws import ACCOUNT, COMMAND, REGION, ROOT, read
from records import fresh, last_part
from resources import pairs

TRUST = '{"Version": "2012-10-17", "Statement": []}'
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'

GENERATED_KINDS = [
    ("iam", "CreateRole", lambda c: c("iam").create_role(RoleName="made", Path="/some/path/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"],
     lambda c, arn: pairs(c("iam").list_role_tags(RoleName="made")["Tags"])),
    ("iam", "CreateUser", lambda c: c("iam").create_user(UserName="made", Path="/some/path/")["User"]["Arn"],
     lambda c, arn: pairs(c("iam").list_user_tags(UserName="made")["Tags"])),
    ("iam", "CreatePolicy", lambda c: c("iam").create_policy(PolicyName="made", PolicyDocument=POLICY)["Policy"]["Arn"],
     lambda c, arn: pairs(c("iam").list_policy_tags(PolicyArn=arn)["Tags"])),
    ("iam", "CreateInstanceProfile", lambda c: c("iam").create_instance_profile(InstanceProfileName="made")["InstanceProfile"]["Arn"],
     lambda c, arn: pairs(c("iam").get_instance_profile(InstanceProfileName="made")["InstanceProfile"].get("Tags"))),
    ("iam", "CreateOpenIDConnectProvider",
     lambda c: c("iam").create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["a" * 40])["OpenIDConnectProviderArn"],
     lambda c, arn: pairs(c("iam").list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"])),
    ("dax", "CreateCluster",
     lambda c: c("dax").create_cluster(ClusterName="made", NodeType="dax.t3.small", ReplicationFactor=1,
                                       IamRoleArn=f"arn:aws:iam::{ACCOUNT}:role/developer")["Cluster"]["ClusterArn"],
     lambda c, arn: pairs(c("dax").list_tags(ResourceName=arn)["Tags"])),
    ("kms", "CreateKey", lambda c: c("kms").create_key()["KeyMetadata"]["Arn"],
     lambda c, arn: pairs(c("kms").list_resource_tags(KeyId=arn)["Tags"], "TagKey", "TagValue")),
    ("logs", "CreateLogGroup", lambda c: c("logs").create_log_group(logGroupName="/made") and f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/made",
     lambda c, arn: c("logs").list_tags_for_resource(resourceArn=arn)["tags"]),
    ("states", "CreateStateMachine",
     lambda c: c("stepfunctions").create_state_machine(name="made", roleArn=f"arn:aws:iam::{ACCOUNT}:role/developer", definition=json.dumps(
         {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}))["stateMachineArn"],
     lambda c, arn: pairs(c("stepfunctions").list_tags_for_resource(resourceArn=arn)["tags"], "key", "value")),
]


@functools.cache
def record_of(source, call):
    """The modelled record of a generated row."""
    records = json.loads(read(os.path.join(ROOT, "events", "modelled", f"{source}.json")))["Records"]
    return next(record for record in records if record["eventName"] == call)


@functools.cache
def resource_of(source, call):
    """What the modelled record creates."""
    command = [COMMAND, "explain", "--json", "-"]
    out = subprocess.run(command, input=json.dumps(record_of(source, call)), check=True, capture_output=True, text=True).stdout
    return json.loads(out)["resources"][0]


def event_of(source, call, arn, identity):
    """The event of a generated row's call, as if `identity` had created the resource `arn`."""
    record = record_of(source, call)
    template = resource_of(source, call)
    text = json.dumps(record)
    # The record may hold only the name.
    name = arn.split(":log-group:")[1] if ":log-group:" in arn else last_part(arn)
    for old, new in ((template, arn), (last_part(template), name)):
        text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    detail = json.loads(text)
    detail.update(userIdentity=identity, awsRegion=REGION, recipientAccountId=ACCOUNT)
    return fresh({"source": f"aws.{source}", "detail-type": "AWS API Call via CloudTrail", "account": ACCOUNT, "region": REGION,
                  "detail": detail})
