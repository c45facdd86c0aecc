#!/usr/bin/env python3
"""Deploys aws-tags with cargo-lambda and plain CloudFormation, or removes it.

Builds the functions, creates buckets for their code, uploads it, shows the changes to each stack and asks for
confirmation. Deploys the tag handler in the home Region, session recorders there, in us-east-1 and in RecorderRegions, and a
forwarder in every other Region; waits for them, and checks the result with `aws-tags doctor`. A second run changes only what
differs.

examples:
  infra/deploy.py --home eu-west-1 --regions eu-central-1
  infra/deploy.py --home eu-west-1 --regions all --set RecorderRegions=eu-central-1
  infra/deploy.py --profile prod --home eu-west-1 --set Services=all Owner=session-name
  infra/deploy.py --home eu-west-1 --remove
"""
import argparse
import hashlib
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

from tools import ROOT, TARGET, say, tool

TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
FUNCTIONS = ("tag-handler", "session-recorder")
HANDLER, RECORDER, FORWARDER = "aws-tags-tag-handler", "aws-tags-session-recorder", "aws-tags-region-forwarder"
SESSION_TABLE = "aws-tags-sessions"
# Where the global endpoint of STS is logged, and IAM and other global services.
GLOBAL_REGION = "us-east-1"
# Roles that Identity Center made, and after this the Region in which it starts their sessions. None means us-east-1.
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
IDENTITY_CENTER = "/aws-reserved/sso.amazonaws.com/"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", required=True, metavar="REGION", help="Region in which the functions run")
    parser.add_argument("--regions", metavar="R,R|all",
                        help="other Regions whose events are forwarded, or `all` for all enabled ones; us-east-1, where global "
                             "services log, and RecorderRegions are always among them (with --remove, the default is all)")
    parser.add_argument("--profile", help="profile of the AWS configuration")
    parser.add_argument("--set", nargs="+", default=[], metavar="Parameter=value", help="template parameters")
    parser.add_argument("--code", metavar="FOLDER", help="use <function>.zip from this folder instead of building")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--no-doctor", action="store_true", help="do not run `aws-tags doctor` at the end")
    parser.add_argument("--endpoint-url", help="endpoint of a local AWS")
    parser.add_argument("--remove", action="store_true",
                        help="remove all stacks and buckets, but keep the session table and all tags")
    return parser.parse_args()


def main():
    options = arguments()
    with_boto3()
    from plain_errors import AwsError, in_one_line

    try:
        run(options)
    except AwsError as error:
        sys.exit(f"error: {in_one_line(error)}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: `{' '.join(error.cmd[:3])}` failed with exit code {error.returncode}, see above")
    except KeyboardInterrupt:
        say("interrupted: CloudFormation ends what it has begun; the same command goes on from there")
        sys.exit(130)


def run(options):
    if not options.yes and not sys.stdin.isatty():
        raise SystemExit("cannot ask for confirmation without a terminal: pass --yes")
    settings = read_settings(options.set)
    zips = find_zips(options.code) if options.code else {}
    aws = Aws(options)
    further = aws.recorder_regions(settings)
    if not options.remove:
        further = aws.with_identity_center(further, options.yes)
    recorders = aws.recorders(further)
    regions = sorted({*aws.regions(options.regions or ("all" if options.remove else "")), *recorders} - {options.home})
    if options.remove:
        return remove(aws, regions, options.yes)
    aws.check_regions([options.home, *regions])
    settings["RecorderRegions"] = ",".join(further)
    zips = zips or build(settings.get("Architecture", "arm64"))

    def function(region, stack, name, **own):
        key = aws.upload(zips[name], region)
        aws.deploy(region, stack, name, {**settings, **own, "CodeBucketPrefix": aws.bucket_prefix, "CodeKey": key}, options.yes)

    # The handler first, with the table that recorders write to. Recorders before forwarders, which stop forwarding sessions where
    # one stands: no session is lost in between.
    function(options.home, HANDLER, "tag-handler", SessionTable="make" if aws.makes_table() else "take-up")
    for region in [options.home, *(region for region in recorders if region != options.home)]:
        function(region, RECORDER, "session-recorder", HomeRegion=options.home)
    for region in regions:
        aws.deploy(region, FORWARDER, "region-forwarder", {**settings, "HomeRegion": options.home}, options.yes)
    for region in set(regions) - set(recorders):
        aws.delete(region, RECORDER)
    if not options.no_doctor:
        doctor(options, regions)


def with_boto3():
    """Goes on in the environment that has the AWS SDK, which is installed on first use."""
    python = os.path.join(tool("deploy"), "python")
    if sys.prefix != os.path.dirname(os.path.dirname(python)):
        os.execv(python, [python, *sys.argv])


def read_settings(pairs):
    """The values by name of `Name=value` pairs. Each name must be a parameter of a template."""
    known = set()
    for template in (*FUNCTIONS, "region-forwarder"):
        known |= set(parameters(template))
    own = {"CodeBucketPrefix", "CodeKey", "HomeRegion", "SessionTable"}
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
    with open(template_path(template), encoding="utf-8") as file:
        part = file.read().split("\nParameters:\n")[1].split("\nConditions:\n")[0]
    return [line[2:-1] for line in part.splitlines() if line.startswith("  ") and not line.startswith("   ") and line.endswith(":")]


def find_zips(folder):
    """The zip file of each function, by its name, in a folder of the user's."""
    zips = {name: os.path.join(folder, f"{name}.zip") for name in FUNCTIONS}
    for path in zips.values():
        if not os.path.isfile(path):
            raise SystemExit(f"--code {folder}: no file {path}; expected {' and '.join(f'{name}.zip' for name in FUNCTIONS)}")
    return zips


def build(architecture):
    """Builds the functions. Returns the zip file of each, by its name."""
    if architecture not in TARGETS:
        raise SystemExit(f"--set Architecture={architecture}: expected {' or '.join(TARGETS)}")
    say(f"building the functions for {architecture}")
    env = {**os.environ, "PATH": f"{tool('cargo-lambda')}{os.pathsep}{os.environ['PATH']}"}
    folder = os.path.join(TARGET, "lambda")
    command = ["cargo", "lambda", "build", "--release", "--locked", "--target", TARGETS[architecture], "--output-format", "zip",
               "--lambda-dir", folder, *(part for name in FUNCTIONS for part in ("-p", name))]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    return {name: os.path.join(folder, name, "bootstrap.zip") for name in FUNCTIONS}


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
        self.bucket_prefix = f"aws-tags-code-{self.account}"

    def client(self, service, region=None):
        return self.session.client(service, region_name=region or self.home, endpoint_url=self.endpoint)

    def regions(self, wanted):
        """The Regions that are wanted, besides the home Region."""
        names = set(filter(None, wanted.split(",")))
        if self.is_alone():
            if names - {"all", self.home}:
                raise SystemExit(f"--regions {wanted}: EventBridge sends no events between Regions in China and GovCloud: deploy "
                                 "into each Region by itself")
            return []
        if wanted == "all":
            enabled = self.client("ec2").describe_regions()["Regions"]
            names = {region["RegionName"] for region in enabled}
        return sorted(names - {self.home})

    def check_regions(self, names):
        """Ends if a Region does not exist or is not enabled, before anything is changed."""
        regions = self.client("ec2").describe_regions(AllRegions=True)["Regions"]
        states = {region["RegionName"]: region.get("OptInStatus") for region in regions}
        for name in names:
            if name not in states:
                raise SystemExit(f"no Region {name}: expected {', '.join(sorted(states))}")
            if states[name] == "not-opted-in":
                raise SystemExit(f"Region {name} is not enabled: `aws account enable-region --region-name {name}` does it, within hours")

    def is_alone(self):
        """Whether the home Region gets no events of others.
        https://aws.amazon.com/blogs/compute/introducing-cross-region-event-routing-with-amazon-eventbridge/"""
        return self.home.startswith(("cn-", "us-gov-"))

    def recorder_regions(self, settings):
        """Further Regions with a session recorder, as given or else as deployed."""
        cloudformation = self.client("cloudformation")
        has = self.parameters_of(cloudformation, HANDLER) if self.stack_status(cloudformation, HANDLER) else {}
        return list(filter(None, settings.get("RecorderRegions", has.get("RecorderRegions", "")).split(",")))

    def recorders(self, further):
        """All Regions with a session recorder."""
        if self.is_alone() and further:
            raise SystemExit(f"RecorderRegions={','.join(further)}: in China and GovCloud, sessions are recorded in the home Region only")
        return list(dict.fromkeys([self.home] if self.is_alone() else [self.home, GLOBAL_REGION, *further]))

    def with_identity_center(self, further, yes):
        """The same Regions, and Identity Center's if the user wants a recorder there."""
        if self.is_alone():
            return further
        for region in sorted(self.identity_centers() - set(self.recorders(further))):
            say(f"Identity Center starts its sessions in {region}, where no session recorder stands.")
            if yes:
                say(f"  --set RecorderRegions={','.join([*further, region])} puts one there.")
            elif agreed("Put one there?"):
                further = [*further, region]
        return further

    def identity_centers(self):
        """The Regions in which Identity Center starts sessions, by the roles that it made."""
        roles = self.client("iam").get_paginator("list_roles").paginate(PathPrefix=IDENTITY_CENTER)
        paths = {role["Path"] for page in roles for role in page["Roles"]}
        return {path.removeprefix(IDENTITY_CENTER).strip("/") or GLOBAL_REGION for path in paths}

    def bucket(self, region):
        """The bucket for code and templates, private and versioned. Creates it if it does not exist."""
        name, s3 = f"{self.bucket_prefix}-{region}", self.client("s3", region)
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.account)
        except self.error as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3.create_bucket(Bucket=name, **where)
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True))
            say(f"created bucket {name}")
        return name

    def upload(self, path, region):
        """Uploads a file under a key derived from its name and content, unless it is there already. Returns the key."""
        bucket, s3 = self.bucket(region), self.client("s3", region)
        with open(path, "rb") as file:
            body = file.read()
        folder, file = os.path.split(path)
        # cargo-lambda names folders after functions, and every file `bootstrap.zip`.
        name = f"{os.path.basename(folder)}.zip" if file == "bootstrap.zip" else file
        key = f"{hashlib.sha256(body).hexdigest()[:16]}/{name}"
        try:
            s3.head_object(Bucket=bucket, Key=key)
        except self.error:
            say(f"uploading {os.path.relpath(path, ROOT)} to {region}: {len(body):,} bytes")
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        return key

    def makes_table(self):
        """Whether the stack creates the session table, which it does not if an earlier stack left one."""
        cloudformation = self.client("cloudformation")
        try:
            cloudformation.describe_stack_resource(StackName=HANDLER, LogicalResourceId="Sessions")
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

    def deploy(self, region, stack, template, given, yes):
        """Creates or updates a stack with a change set, which is shown first."""
        cloudformation = self.client("cloudformation", region)
        # CloudFormation reads the template with the caller's permissions, so the address needs no signature.
        url = address(self.client("s3"), self.bucket(self.home), self.upload(template_path(template), self.home))
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
            self.drop(cloudformation, there, **name)
            if "didn't contain changes" in reason or "No updates" in reason:
                return say(f"{region} {stack}: up to date")
            raise SystemExit(f"{region} {stack}: {reason}")
        changes = cloudformation.get_paginator("describe_change_set").paginate(**name).build_full_result()["Changes"]
        if not changes and there:
            cloudformation.delete_change_set(**name)
            return say(f"{region} {stack}: up to date")
        show(region, stack, changes)
        if not yes and not agreed(f"Deploy {stack} in {region}?"):
            self.drop(cloudformation, there, **name)
            raise SystemExit(f"{region} {stack}: nothing was changed")
        cloudformation.execute_change_set(**name)
        self.wait(cloudformation, region, stack, "stack_update_complete" if there else "stack_create_complete")

    @staticmethod
    def drop(cloudformation, there, **change_set):
        """Deletes a change set, and the empty stack that the first one of a stack brings along."""
        cloudformation.delete_change_set(**change_set)
        if not there:
            cloudformation.delete_stack(StackName=change_set["StackName"])

    @staticmethod
    def parameters_of(cloudformation, stack):
        """The values that a stack has."""
        has = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", [])
        return {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in has}

    def parameters(self, cloudformation, region, stack, template, given):
        """The given values; for other parameters the values that the stack has, else the defaults."""
        kept = self.parameters_of(cloudformation, stack) if stack else {}
        # Alarms accept only topics of their own Region.
        topic = given.get("AlarmTopicArn", "")
        given = {name: value for name, value in given.items() if name != "AlarmTopicArn" or topic.split(":")[3:4] == [region]}
        values = [{"ParameterKey": name, "ParameterValue": given[name]} for name in parameters(template) if name in given]
        rest = [{"ParameterKey": name, "UsePreviousValue": True} for name in parameters(template) if name in kept.keys() - given.keys()]
        return values + rest

    def stack_status(self, cloudformation, stack):
        """The stack's status; `None` if it does not exist, or exists only as an unexecuted change set."""
        status = self.status(cloudformation, stack)
        return None if status == "REVIEW_IN_PROGRESS" else status

    def status(self, cloudformation, stack):
        """The stack's status; `None` if it does not exist."""
        try:
            return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except self.error as error:
            self.only_absence(error)
            return None

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
        if self.status(cloudformation, stack):
            cloudformation.delete_stack(StackName=stack)
            self.wait(cloudformation, region, stack, "stack_delete_complete")

    def delete_bucket(self, region):
        s3, name = self.client("s3", region), f"{self.bucket_prefix}-{region}"
        try:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
                for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                    s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
            s3.delete_bucket(Bucket=name)
            say(f"deleted bucket {name}")
        except self.error as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise


def address(s3, bucket, key):
    """The address of an object in the bucket's Region. Buckets of Regions that must be enabled have no other; the addresses that
    boto3 signs are the global ones. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""
    endpoint = urlsplit(s3.meta.endpoint_url)
    if endpoint.hostname.startswith("s3."):
        return f"https://{bucket}.{endpoint.hostname}/{key}"
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"


def show(region, stack, changes):
    say(f"{region} {stack}:")
    for change in changes:
        what = change["ResourceChange"]
        replaced = " (replaced)" if what.get("Replacement") == "True" else ""
        say(f"  {what['Action'].lower():7} {what['ResourceType']} {what['LogicalResourceId']}{replaced}")


def agreed(question):
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def remove(aws, regions, yes):
    where = ", ".join([aws.home, *regions])
    lost = "Waiting events and dead letters will be lost; the session table and all tags stay."
    if not yes and not agreed(f"Remove aws-tags from {where}? {lost}"):
        raise SystemExit("nothing was removed")
    for region in regions:
        aws.delete(region, FORWARDER)
    for region in [*regions, aws.home]:
        aws.delete(region, RECORDER)
    aws.delete(aws.home, HANDLER)
    for region in [*regions, aws.home]:
        aws.delete_bucket(region)


if __name__ == "__main__":
    main()
