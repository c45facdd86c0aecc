#!/usr/bin/env python3
"""Deploys aws-tags with cargo-lambda and plain CloudFormation, or removes it.

Builds the functions, creates a bucket for their code, uploads it, shows the changes to each stack and asks for
confirmation. Deploys the stacks in the home Region and a forwarder in every other Region, waits for them, and checks the
result with `aws-tags doctor`. A second run changes only what differs.

examples:
  infra/deploy.py --home eu-west-1 --regions us-east-1
  infra/deploy.py --profile prod --home eu-west-1 --regions all --set Services=all Owner=session-name
  infra/deploy.py --home eu-west-1 --regions us-east-1 --remove
"""
import argparse
import hashlib
import os
import subprocess
import sys
import time

from tools import ROOT, TARGET, run_in, say, tool

TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
FUNCTIONS = {"tag-handler": "aws-tags-tag-handler", "session-recorder": "aws-tags-session-recorder"}
FORWARDER = "aws-tags-region-forwarder"
SESSION_TABLE = "aws-tags-sessions"
# In this order, before the forwarders: the recorder imports the handler's key, and forwarders need the home Region's rules.
HOME_STACKS = ("aws-tags-tag-handler", "aws-tags-session-recorder")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", required=True, metavar="REGION", help="Region in which the functions run")
    parser.add_argument("--regions", metavar="R,R|all",
                        help="other Regions whose events are forwarded, or `all` for all enabled ones (default: the one where "
                             "IAM and other global services log, e.g. us-east-1; with --remove, all)")
    parser.add_argument("--profile", help="profile of the AWS configuration")
    parser.add_argument("--set", nargs="+", default=[], metavar="Parameter=value", help="template parameters")
    parser.add_argument("--code", metavar="FOLDER", help="use <function>.zip from this folder instead of building")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--no-doctor", action="store_true", help="do not run `aws-tags doctor` at the end")
    parser.add_argument("--endpoint-url", help="endpoint of a local AWS")
    parser.add_argument("--remove", action="store_true",
                        help="remove all stacks and the bucket, but keep the session table and all tags")
    return parser.parse_args()


def main():
    options = arguments()
    run_in("deploy")
    settings = read_settings(options.set)
    aws = Aws(options)
    regions = aws.other_regions(options.regions or ("all" if options.remove else global_region(options.home)))
    if options.remove:
        return remove(aws, regions, options.yes)
    bucket = aws.bucket()
    keys = {name: aws.upload(bucket, path, name) for name, path in code(options, settings.get("Architecture", "arm64"))}
    table = "make" if aws.makes_table() else "take-up"
    for function, stack in FUNCTIONS.items():
        given = {**settings, "CodeBucket": bucket, "CodeKey": keys[function], "SessionTable": table}
        aws.deploy(options.home, stack, function, given, bucket, options.yes)
    for region in regions:
        aws.deploy(region, FORWARDER, "region-forwarder", {**settings, "HomeRegion": options.home}, bucket, options.yes)
    if not options.no_doctor:
        doctor(options, regions)


def global_region(home):
    """The Region in which the global services of the home Region's partition log."""
    of_partition = {"cn": "cn-north-1", "us-gov": "us-gov-west-1"}
    return next((region for start, region in of_partition.items() if home.startswith(start)), "us-east-1")


def read_settings(pairs):
    """The values by name of `Name=value` pairs. Each name must be a parameter of a template."""
    known = set()
    for template in (*FUNCTIONS, "region-forwarder"):
        known |= set(parameters(template))
    own = {"CodeBucket", "CodeKey", "HomeRegion", "SessionTable"}
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in known - own:
            raise SystemExit(f"--set {pair}: expected `Parameter=value` with one of the parameters {', '.join(sorted(known - own))}")
        settings[name] = value
    return settings


def template_path(template):
    return os.path.join(ROOT, "infra", f"{template}.yaml")


def parameters(template):
    """The names of a template's parameters."""
    with open(template_path(template)) as file:
        part = file.read().split("\nParameters:\n")[1].split("\nConditions:\n")[0]
    return [line[2:-1] for line in part.splitlines() if line.startswith("  ") and not line.startswith("   ") and line.endswith(":")]


def code(options, architecture):
    """The name and the zip file of each function."""
    folder = options.code
    if not folder:
        say(f"building the functions for {architecture}")
        env = {**os.environ, "PATH": f"{tool('cargo-lambda')}{os.pathsep}{os.environ['PATH']}"}
        folder = os.path.join(TARGET, "lambda")
        build = ["cargo", "lambda", "build", "--release", "--locked", "--target", TARGETS[architecture], "--output-format", "zip",
                 "--lambda-dir", folder, *(part for name in FUNCTIONS for part in ("-p", name))]
        subprocess.run(build, cwd=ROOT, env=env, check=True)
        return [(name, os.path.join(folder, name, "bootstrap.zip")) for name in FUNCTIONS]
    return [(name, os.path.join(folder, f"{name}.zip")) for name in FUNCTIONS]


def doctor(options, regions):
    # The same features as the tests use: any other choice would build the AWS SDK again.
    command = ["cargo", "run", "--quiet", "--locked", "--all-features", "--bin", "aws-tags", "--", "doctor", "--region", options.home]
    command += ["--regions", ",".join(regions)] if regions else []
    for name, value in (("--profile", options.profile), ("--endpoint-url", options.endpoint_url)):
        command += [name, value] if value else []
    sys.exit(subprocess.run(command, cwd=ROOT).returncode)


class Aws:
    """The account."""

    def __init__(self, options):
        import boto3
        import botocore.exceptions

        self.session = boto3.Session(profile_name=options.profile, region_name=options.home)
        self.home, self.endpoint = options.home, options.endpoint_url
        self.error = botocore.exceptions.ClientError
        self.wait_error = botocore.exceptions.WaiterError
        self.account = self.client("sts").get_caller_identity()["Account"]

    def client(self, service, region=None):
        return self.session.client(service, region_name=region or self.home, endpoint_url=self.endpoint)

    def other_regions(self, wanted):
        names = wanted.split(",")
        if wanted == "all":
            enabled = self.client("ec2").describe_regions()["Regions"]
            names = [region["RegionName"] for region in enabled]
        return sorted(set(filter(None, names)) - {self.home})

    def bucket(self):
        """The bucket for code and templates, private and versioned. Creates it if it does not exist."""
        name, s3 = f"aws-tags-code-{self.account}-{self.home}", self.client("s3")
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.account)
        except self.error as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            where = {} if self.home == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.home}}
            s3.create_bucket(Bucket=name, **where)
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True))
            say(f"created bucket {name}")
        return name

    def upload(self, bucket, path, name):
        """Uploads a file under a key derived from its name and content, unless it is there already. Returns the key."""
        with open(path, "rb") as file:
            body = file.read()
        key = f"{hashlib.sha256(body).hexdigest()[:16]}/{name}{os.path.splitext(path)[1]}"
        try:
            self.client("s3").head_object(Bucket=bucket, Key=key)
        except self.error:
            say(f"uploading {os.path.relpath(path, ROOT)}: {len(body):,} bytes")
            self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return key

    def makes_table(self):
        """Whether the stack creates the session table, which it does not if an earlier stack left one."""
        cloudformation = self.client("cloudformation")
        try:
            cloudformation.describe_stack_resource(StackName=HOME_STACKS[0], LogicalResourceId="Sessions")
            return True
        except self.error as error:
            self.only_absence(error)
        try:
            self.client("dynamodb").describe_table(TableName=SESSION_TABLE)
            say(f"taking up the table {SESSION_TABLE}")
            return False
        except self.error as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return True

    def deploy(self, region, stack, template, given, bucket, yes):
        """Creates or updates a stack with a change set, which is shown first."""
        cloudformation = self.client("cloudformation", region)
        key = self.upload(bucket, template_path(template), template)
        # CloudFormation reads the template with the caller's permissions, so the URL needs no signature.
        signed = self.client("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        url = signed.split("?")[0]
        there = self.stack_status(cloudformation, stack)
        if there == "ROLLBACK_COMPLETE":
            say(f"{region} {stack}: deleting the stack that a failed first deployment left")
            self.delete(region, stack)
            there = None
        change_set = cloudformation.create_change_set(
            StackName=stack, ChangeSetName=f"deploy-{time.time_ns()}", ChangeSetType="UPDATE" if there else "CREATE", TemplateURL=url,
            Capabilities=["CAPABILITY_IAM"], Tags=[{"Key": "Application", "Value": "aws-tags"}],
            Parameters=self.parameters(cloudformation, region, stack if there else None, template, given))
        name = {"StackName": stack, "ChangeSetName": change_set["Id"]}
        try:
            cloudformation.get_waiter("change_set_create_complete").wait(**name, WaiterConfig={"Delay": 2, "MaxAttempts": 300})
        except self.wait_error:
            reason = cloudformation.describe_change_set(**name).get("StatusReason", "")
            cloudformation.delete_change_set(**name)
            if "didn't contain changes" in reason or "No updates" in reason:
                return say(f"{region} {stack}: up to date")
            raise SystemExit(f"{region} {stack}: {reason}")
        changes = cloudformation.get_paginator("describe_change_set").paginate(**name).build_full_result()["Changes"]
        if not changes and there:
            cloudformation.delete_change_set(**name)
            return say(f"{region} {stack}: up to date")
        show(region, stack, changes)
        if not yes and not agreed(f"Deploy {stack} in {region}?"):
            cloudformation.delete_change_set(**name)
            raise SystemExit("nothing was changed")
        cloudformation.execute_change_set(**name)
        self.wait(cloudformation, region, stack, "stack_update_complete" if there else "stack_create_complete")

    @staticmethod
    def parameters(cloudformation, region, stack, template, given):
        """The given values; for other parameters the values that the stack has, else the defaults."""
        has = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", []) if stack else []
        kept = {parameter["ParameterKey"] for parameter in has}
        # Alarms accept only topics of their own Region.
        topic = given.get("AlarmTopicArn", "")
        given = {name: value for name, value in given.items() if name != "AlarmTopicArn" or topic.split(":")[3:4] == [region]}
        values = [{"ParameterKey": name, "ParameterValue": given[name]} for name in parameters(template) if name in given]
        rest = [{"ParameterKey": name, "UsePreviousValue": True} for name in parameters(template) if name in kept - given.keys()]
        return values + rest

    def stack_status(self, cloudformation, stack):
        """The stack's status; `None` if it does not exist, or exists only as an unexecuted change set."""
        try:
            status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except self.error as error:
            self.only_absence(error)
            return None
        return None if status == "REVIEW_IN_PROGRESS" else status

    @staticmethod
    def only_absence(error):
        """Raises every error except the one for a stack or resource that does not exist."""
        if error.response["Error"]["Code"] != "ValidationError" or "does not exist" not in error.response["Error"]["Message"]:
            raise error

    def wait(self, cloudformation, region, stack, state):
        try:
            cloudformation.get_waiter(state).wait(StackName=stack, WaiterConfig={"Delay": 3, "MaxAttempts": 600})
        except self.wait_error:
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            failed = [e for e in events if e.get("ResourceStatus", "").endswith("FAILED")]
            reasons = [f"  {e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in reversed(failed)]
            raise SystemExit("\n".join([f"{region} {stack}: failed", *reasons])) from None
        say(f"{region} {stack}: done")

    def delete(self, region, stack):
        cloudformation = self.client("cloudformation", region)
        if self.stack_status(cloudformation, stack):
            cloudformation.delete_stack(StackName=stack)
            self.wait(cloudformation, region, stack, "stack_delete_complete")

    def delete_bucket(self):
        s3, name = self.client("s3"), f"aws-tags-code-{self.account}-{self.home}"
        try:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
                for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                    s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
            s3.delete_bucket(Bucket=name)
            say(f"deleted bucket {name}")
        except self.error as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise


def show(region, stack, changes):
    say(f"{region} {stack}:")
    for change in changes:
        what = change["ResourceChange"]
        replaced = " (replaced)" if what.get("Replacement") == "True" else ""
        say(f"  {what['Action'].lower():7} {what['ResourceType']} {what['LogicalResourceId']}{replaced}")


def agreed(question):
    if not sys.stdin.isatty():
        raise SystemExit("cannot ask for confirmation without a terminal; pass --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def remove(aws, regions, yes):
    where = ", ".join([aws.home, *regions])
    lost = "Waiting events and dead letters will be lost; the session table and all tags stay."
    if not yes and not agreed(f"Remove aws-tags from {where}? {lost}"):
        raise SystemExit("nothing was removed")
    for region in regions:
        aws.delete(region, FORWARDER)
    for stack in reversed(HOME_STACKS):
        aws.delete(aws.home, stack)
    aws.delete_bucket()


if __name__ == "__main__":
    main()
