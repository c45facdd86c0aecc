#!/usr/bin/env python3
"""The main job on a local AWS: a session with tags, resources created in it, the functions, and the
resources' tags as read back from their services."""
import local_aws
from local_aws import COMMAND, say
from records import creation, name_in
from resources import KINDS
from rig import ROLE_TAGS, SESSION_TAGS, Rig, build

SHOWN = ["ec2/CreateVolume", "dynamodb/CreateTable", "rds/CreateDBInstance", "s3/CreateBucket",
         "lambda/CreateFunction20150331", "sns/CreateTopic", "ecs/CreateCluster"]

NEXT = f"""
What to try next:

  {COMMAND} explain events/ec2/RunInstances.json
      what a call did: the resources that it created, and who made it
  {COMMAND} replay --iam-tags tests/iam-tags.json events/sts events/ec2
      which tags each resource would get, and from where
  make local
      a local AWS and the functions, left running for `cargo lambda invoke`
  make test
      all tests; tests/README.md says what each one proves

README.md says how to configure and deploy."""


def show(tags):
    for key, value in sorted(tags.items()):
        print(f"      {key:<14} {value}")


def main():
    build()
    say("Starting a local AWS (moto) and the functions (cargo lambda watch).")
    stack = Rig("demo", local_aws.moto())
    print(f"\nRole developer has the IAM tags        {ROLE_TAGS}")
    print(f"ann assumed it with the session tags   {SESSION_TAGS}")
    print("session-recorder has stored the session. ann now creates some resources:\n")
    events, made = [], []
    for name, make, read in KINDS:
        if name in SHOWN:
            arn = make(stack.c, stack.net, name_in(name))
            events.append(creation(name, arn, stack.session.identity))
            made.append((arn, read))
            print(f"  {name.split('/')[1]:<24} {arn}")
    failed = stack.tag(events)
    print(f"\ntag-handler took {len(events)} events in one SQS batch; {len(failed)} must be retried.")
    print("Tags read back from the services:")
    for arn, read in made:
        print(f"\n  {arn}")
        show(read(stack.c, arn))
    if failed:
        raise SystemExit(1)
    print(NEXT)


if __name__ == "__main__":
    main()
