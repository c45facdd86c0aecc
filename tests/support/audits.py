"""Audits of any size, as `aws-tags audit --json` writes them: invented, the same for the same seed. `python3 audits.py FOLDER [RESOURCES]`
writes some of one account over a year."""
import datetime
import json
import os
import random
import sys
import uuid

ACCOUNT, OTHER = "111122223333", "444455556666"
REGIONS = ["eu-west-1", "eu-central-1", "us-east-1"]
PEOPLE = ["ann", "bo", "carl", "dora", "emil", "fatma", "gil", "hana", "ci-deploy", "ci-nightly"]
TEAMS = ["payments", "search", "platform", "data", "growth"]
# Type, event, format of the ARN, how many of a thousand.
KINDS = [
    ("ec2:volume", "CreateVolume", "arn:aws:ec2:{region}:{account}:volume/vol-{hex}", 240),
    ("ec2:instance", "RunInstances", "arn:aws:ec2:{region}:{account}:instance/i-{hex}", 160),
    ("ec2:snapshot", "CreateSnapshot", "arn:aws:ec2:{region}::snapshot/snap-{hex}", 120),
    ("logs:log-group", "CreateLogGroup", "arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{team}-{word}-{n}", 130),
    ("lambda:function", "CreateFunction20150331", "arn:aws:lambda:{region}:{account}:function:{team}-{word}-{n}", 90),
    ("s3:bucket", "CreateBucket", "arn:aws:s3:::{team}-{word}-{n}", 60),
    ("sqs:queue", "CreateQueue", "arn:aws:sqs:{region}:{account}:{team}-{word}-{n}", 60),
    ("dynamodb:table", "CreateTable", "arn:aws:dynamodb:{region}:{account}:table/{team}-{word}-{n}", 40),
    ("rds:db", "CreateDBInstance", "arn:aws:rds:{region}:{account}:db:{team}-{word}-{n}", 25),
    ("kms:key", "CreateKey", "arn:aws:kms:{region}:{account}:key/{uuid}", 20),
    ("sns:topic", "CreateTopic", "arn:aws:sns:{region}:{account}:{team}-{word}-{n}", 25),
    ("secretsmanager:Secret", "CreateSecret", "arn:aws:secretsmanager:{region}:{account}:secret:{team}/{word}-{n}-a1b2c3", 10),
    ("elasticloadbalancing:loadbalancer/app/", "CreateLoadBalancer",
     "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{team}-{n}/{hex}", 10),
    ("ecr:repository", "CreateRepository", "arn:aws:ecr:{region}:{account}:repository/{team}/{word}-{n}", 10),
]
WORDS = ["orders", "invoices", "events", "search-index", "uploads", "audit", "sessions", "export", "mail", "images"]
NOW = datetime.datetime(2026, 11, 26, 20, tzinfo=datetime.UTC)


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def head(at=NOW, accounts=(ACCOUNT, OTHER), partial=True, required=("Owner", "Team")):
    inventory = []
    for account in accounts:
        for region in REGIONS:
            cannot = ["never-tagged resources of types without a list operation"]
            inventory += [
                {"source": "GetResources", "account": account, "region": region, "resources": 14200, "cannotSee": ["resources that were never tagged"]},
                {"source": "service lists", "account": account, "region": region, "resources": 3100, "cannotSee": cannot},
                {"source": "history", "account": account, "region": region, "resources": 212, "cannotSee": ["what was created over 90 days ago"]},
            ]
    return {"audit": {"version": 1, "at": text(at), "accounts": list(accounts), "regions": REGIONS, "required": list(required),
                      "inventory": inventory, "partial": partial}}


def resource(chance, n, covered):
    """A resource, with every required tag at the given chance."""
    resource_type, event, arn, _ = chance.choices(KINDS, [kind[3] for kind in KINDS])[0]
    account, region = (ACCOUNT if chance.random() < 0.7 else OTHER), chance.choices(REGIONS, [6, 3, 1])[0]
    person, team = chance.choices(PEOPLE, range(len(PEOPLE), 0, -1))[0], chance.choice(TEAMS)
    arn = arn.format(region=region, account=account, team=team, word=chance.choice(WORDS), n=n, hex=f"{chance.getrandbits(68):017x}",
                     uuid=uuid.UUID(int=chance.getrandbits(128), version=4))
    made = {"arn": arn, "type": resource_type, "account": account, "region": region}
    by = f"arn:aws:sts::{account}:assumed-role/developer/{person}"
    created = {"at": text(NOW - datetime.timedelta(seconds=chance.randrange(60 * 60 * 24 * 600))),
               "event": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "name": event, "by": by}
    if chance.random() < 0.8:
        day = created["at"][:10].replace("-", "/")
        created["file"] = f"AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{day.replace('/', '')}T{n % 24:02}05Z.json.gz"
    run = f"{created['at'][:10]}-k{n % 5}" if chance.random() < 0.5 else None
    ours = [tag("Owner", person, "principal", run), tag("PrincipalId", f"AROAEXAMPLE{account[:4]}DEV:{person}", "principal", run),
            tag("Team", team, "session", run), tag("CostCenter", str(4000 + TEAMS.index(team)), "iam", run)]
    others = [tag("Name", f"{team}-{n}", "request")] if chance.random() < 0.5 else []
    if chance.random() < 0.3:
        others.append(tag("aws:cloudformation:stack-name", f"{team}-{chance.choice(WORDS)}", "other"))
    fate = chance.random()
    if fate < covered * 0.8:
        return {**made, "state": "ours", "created": created, "owner": person, "missing": [], "tags": ours + others}
    if fate < covered:
        foreign = [tag("Owner", f"team-{team}", "other"), tag("Team", team, "other")]
        return {**made, "state": "tagged-otherwise", "owner": f"team-{team}", "missing": [], "tags": foreign + others}
    if fate < covered + (1 - covered) * 0.6:
        return {**made, "state": "incomplete", "created": created, "owner": person, "missing": ["Team"], "tags": ours[:1] + others}
    unknown = {**made, "state": "owner-unknown", "missing": ["Owner", "Team"], "tags": others}
    if chance.random() < 0.4:
        unknown["guess"] = {"owner": person, "why": f"created {chance.randrange(2, 40)} other resources of the stack {team}-{chance.choice(WORDS)}"}
    return unknown


def tag(key, value, origin, run=None):
    return {"key": key, "value": value, "from": origin, **({"run": run} if run else {})}


def write(path, resources, seed=1, at=NOW, covered=0.8, more=(), **of):
    """Writes an audit."""
    chance = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        lines = [head(at, **of), *(resource(chance, n, covered) for n in range(resources)), *more]
        file.writelines(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    return path


def write_year(folder, resources):
    """An audit a month, each of a few more resources and with better coverage than the one before. The last has all resources."""
    paths = []
    for month in range(12):
        at = NOW - datetime.timedelta(days=30 * (11 - month))
        some = resources if month == 11 else min(resources, 300 + 20 * month)
        covered = 0.35 + 0.045 * month - (0.08 if month == 7 else 0)
        paths.append(write(os.path.join(folder, f"{at:%Y-%m-%d}.jsonl"), some, seed=month, at=at, covered=covered))
    return paths


if __name__ == "__main__":
    print("\n".join(write_year(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000)))
