"""What a scan of a trail takes, and a whole plan by it, as ratios within one run: against unpacking alone, on twice the input; the scan also
against Python and DuckDB doing the same work, and on two cores. And the memory of both.

usage: scan.py [--archive FOLDER] [--gb 1] [--runs 3] [--memory-only]

Without an archive, one of recorded and made-up event files is written to a temporary folder: as JSON so many gigabytes, as on disk a ninth.
CPU seconds are those of the process, so that others on the machine disturb less; two cores are told by wall time, and need a quiet machine.
"""
import argparse
import glob
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from tools import ROOT, TARGET, tool

COMMAND = os.path.join(TARGET, "release", "aws-tags")
UNPACKING = os.path.join(TARGET, "release", "examples", "scan")
ACCOUNT, REGIONS = "111122223333", ("eu-west-1", "us-east-1")
# Of all records: creations, sessions, endings.
SHARES = (0.015, 0.026, 0.026)
ENDING = {"dynamodb.amazonaws.com": "DeleteTable", "ec2.amazonaws.com": "DeleteVolume", "lambda.amazonaws.com": "DeleteFunction20150331"}
# Records of a file: some hundred kilobytes, as trails write them.
RECORDS = 480
READING = [("ec2.amazonaws.com", "DescribeInstances"), ("s3.amazonaws.com", "GetObject"), ("kms.amazonaws.com", "Decrypt"),
           ("sts.amazonaws.com", "GetCallerIdentity"), ("logs.amazonaws.com", "CreateLogStream"), ("ssm.amazonaws.com", "GetParameter")]
# Python's way to do the same: every record parsed, the calls of a table looked up, each kept once, and written.
PYTHON = """
import gzip, json, os, sys
calls, seen, folder = {tuple(call) for call in json.load(open(sys.argv[2]))}, set(), sys.argv[1]
out = open(sys.argv[2] + ".kept", "w")
for path, _, names in os.walk(folder):
    for name in names:
        if name.endswith(".json.gz") and "/CloudTrail/" in path:
            for record in json.loads(gzip.open(os.path.join(path, name)).read())["Records"]:
                if (record["eventSource"], record["eventName"]) in calls and "errorCode" not in record and record["eventID"] not in seen:
                    seen.add(record["eventID"])
                    credentials = (record.get("responseElements") or {}).get("credentials") or {}
                    credentials.update({key: "" for key in credentials if key == "sessionToken"})
                    out.write(json.dumps(record, separators=(",", ":")) + chr(10))
print(len(seen))
"""
DUCKDB = """
import duckdb, json, sys
calls = json.load(open(sys.argv[2]))
base = duckdb.connect()
base.execute("set threads = 1")
base.execute("create table calls (source varchar, name varchar)")
base.executemany("insert into calls values (?, ?)", calls)
print(base.execute(f'''
  with records as (select unnest(Records) r from read_json('{sys.argv[1]}/**/CloudTrail/*/*/*/*/*.json.gz', maximum_object_size=100000000, columns={{
    Records: 'STRUCT(eventSource VARCHAR, eventName VARCHAR, errorCode VARCHAR, eventID VARCHAR)[]'}}))
  select count(distinct r.eventID) from records join calls on r.eventSource = source and r.eventName = name where r.errorCode is null''').fetchone()[0])
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", help="a folder with the folder AWSLogs of a trail")
    parser.add_argument("--gb", type=float, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory-only", action="store_true", help="scan once, plan once, and print the memory")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = o.archive or make(os.path.join(folder, "trail"), o.gb * 1e9)
        measure(o, os.path.abspath(archive), folder)


def make(folder, size):
    """Writes a trail of two accounts, each with half of it."""
    dice, creating, written, number = random.Random(1), recorded(), 0, 0
    print(f"writing {size / 1e9:g} GB of records", file=sys.stderr)
    while written < size:
        account = ACCOUNT if number % 2 else "444455556666"
        region, day = REGIONS[number // 2 % 2], number // 4 % 28 + 1
        begun = []
        records = [make_record(dice, creating, begun, account, region, day) for _ in range(RECORDS)]
        text = json.dumps({"Records": records}, separators=(",", ":")).encode()
        path = os.path.join(folder, account, "AWSLogs", account, "CloudTrail", region, "2025", "01", f"{day:02}")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, f"{account}_CloudTrail_{region}_202501{day:02}T0000Z_{number}.json.gz"), "wb") as file:
            file.write(gzip.compress(text, 6))
        written, number = written + len(text), number + 1
    return folder


def recorded():
    """The records of the event files that one line holds."""
    found = []
    for path in glob.glob(os.path.join(ROOT, "events", "**", "*.json"), recursive=True):
        with open(path) as file:
            event = json.load(file)
        record = event.get("detail", event) if isinstance(event, dict) else {}
        if "eventName" in record and not record.get("errorCode") and len(json.dumps(record)) < 8000:
            found.append(json.dumps(record))
    return sorted(found)


def make_record(dice, creating, begun, account, region, day):
    """A record: of twenty, one or two matter. `begun` are the sessions that were begun in this file."""
    ids, at = f"{dice.getrandbits(128):032x}", [dice.randrange(22), dice.randrange(60), dice.randrange(60)]
    kind = dice.choices(["creation", "session", "ending", "other"], [*SHARES, 1 - sum(SHARES)])[0]
    more = {"eventID": f"{ids[:8]}-{ids[8:12]}-4{ids[13:16]}-a{ids[17:20]}-{ids[20:]}", "recipientAccountId": account, "awsRegion": region,
            "eventTime": f"2025-01-{day:02}T{{:02}}:{{:02}}:{{:02}}Z".format(*at)}
    if kind == "creation" and begun:
        who = dice.choice(begun)
        record = json.loads(dice.choice(creating).replace(ACCOUNT, who["accountId"]))
        if record.get("userIdentity", {}).get("type") in ("AssumedRole", "IAMUser"):
            began = who["sessionContext"]["attributes"]["creationDate"]
            record["userIdentity"], more["eventTime"] = who, f"{began[:11]}{int(began[11:13]) + 1:02}{began[13:]}"
        return {**record, **more, "recipientAccountId": who["accountId"]}
    record = {"eventVersion": "1.11", "userIdentity": identity(account, "app-runtime", f"i-{ids[:17]}", ids, more["eventTime"]),
              "sourceIPAddress": f"10.0.{dice.randrange(256)}.7", "requestID": f"{dice.getrandbits(160):040x}",
              "userAgent": "aws-sdk-java/2.31.33 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.134 lang/java#21.0.7 md/vendor#Amazon.com_Inc.",
              "responseElements": None, "readOnly": True, "eventType": "AwsApiCall", "managementEvent": True, "eventCategory": "Management",
              "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}, **more}
    if kind == "session":
        # As if each account had few resources: so that it is not the same one again and again.
        owner, person = str(10 ** 11 + dice.randrange(10 ** 6)), f"dev-{dice.randrange(500)}"
        who = identity(owner, "dev", person, ids, more["eventTime"])
        begun.append(who)
        return {**record, "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "recipientAccountId": owner,
                "requestParameters": {"roleArn": f"arn:aws:iam::{owner}:role/dev", "roleSessionName": person,
                                      "tags": [{"key": "Team", "value": dice.choice(["search", "data", "payments"])}]},
                "responseElements": {"credentials": {"accessKeyId": who["accessKeyId"], "sessionToken": f"{dice.getrandbits(2400):0600x}"},
                                     "assumedRoleUser": {"assumedRoleId": who["principalId"], "arn": who["arn"]}}}
    if kind == "ending":
        (source, name), named = dice.choice(list(ENDING.items())), f"n-{dice.getrandbits(40):x}"
        return {**record, "eventSource": source, "eventName": name, "readOnly": False, "requestParameters": {"name": named, "id": f"{named}-0"}}
    source, name = dice.choice(READING)
    asked = {"bucketName": f"lake-{dice.randrange(9)}", "key": f"year=2025/part-{dice.getrandbits(160):040x}.parquet", "filterSet": {"items": [
        {"name": "tag:Team", "valueSet": {"items": [{"value": "search"}]}}]}}
    return {**record, "eventSource": source, "eventName": name, "requestParameters": asked}


def identity(account, role, name, ids, began):
    return {"type": "AssumedRole", "principalId": f"AROAEXAMPLE{role.upper()}:{name}", "accountId": account, "accessKeyId": f"ASIA{ids[:16].upper()}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}", "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "userName": role, "accountId": account},
                "attributes": {"mfaAuthenticated": "false", "creationDate": began}}}


def run(*command):
    """CPU and wall seconds, MiB (of a child of ours at least what we had when it began), and what was printed."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=out, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
        said.seek(0)
        if process.returncode:
            sys.exit(f"{said.read()}{command}: exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, text


def plan_by(source, folder):
    """A whole plan, as `run` tells of it: reading, joining, judging, and the file of the plan."""
    with tempfile.TemporaryDirectory(dir=folder) as state:
        return run(COMMAND, "backfill", "--json", "--offline", "--jobs", "1", "--state", state, source)


def measure(o, archive, folder):
    reduction, calls = os.path.join(folder, "reduction.jsonl"), os.path.join(folder, "calls.json")
    scan = lambda jobs, source: run(COMMAND, "backfill", "--json", "--jobs", str(jobs), "--reduce-only", reduction, source)
    # Only the trail: what else is in the folder is no record.
    sources = sorted(glob.glob(os.path.join(archive, "*", "AWSLogs"))) or [os.path.join(archive, "AWSLogs")]
    whole = os.path.dirname(sources[0]) if len(sources) == 1 else archive
    whole = os.path.join(whole, "AWSLogs") if len(sources) == 1 else whole
    _, wall, memory, text = scan(2, whole)
    counts = json.loads(text)
    print(f"{counts['records']:,} records in {counts['files']:,} files, {counts['bytes'] / 1e6:,.0f} MB packed; kept {counts['creations']:,} creations, "
          f"{counts['sessions']:,} sessions, {counts['endings']:,} endings; {wall:.2f} s, {memory:.0f} MiB")
    plan = lambda source: plan_by(source, folder)
    _, wall, memory, text = plan(whole)
    states = json.loads(text)["states"]
    print(f"planned {sum(states.values()):,} resources ({', '.join(f'{count:,} {state}' for state, count in sorted(states.items()))}) in all stages "
          f"together; {wall:.2f} s, {memory:.0f} MiB (≤ 128)")
    if o.memory_only:
        return
    with open(reduction, encoding="utf-8") as file:
        kept = [json.loads(line) for line in file]
    with open(calls, "w") as file:
        json.dump(sorted({(record["eventSource"], record["eventName"]) for record in kept}), file)
    rows = {"unpacking alone": [], "scan, one core": [], "scan, two cores": [], "scan of half, one core": [], "plan, one core": [],
            "plan of half, one core": []}
    for _ in range(o.runs):
        rows["unpacking alone"].append(run(UNPACKING, "deflate", whole))
        rows["scan, one core"].append(scan(1, whole))
        rows["scan, two cores"].append(scan(2, whole))
        rows["plan, one core"].append(plan(whole))
        if len(sources) == 2:
            rows["scan of half, one core"].append(scan(1, sources[0]))
            rows["plan of half, one core"].append(plan(sources[0]))
    for name, python, code in (("Python gzip and json", sys.executable, PYTHON), ("DuckDB", os.path.join(tool("sql"), "python"), DUCKDB)):
        rows[name] = [run(python, "-c", code, whole, calls)]
    middle = {name: [statistics.median(one[nth] for one in runs) for nth in range(2)] for name, runs in rows.items() if runs}
    for name, (cpu, wall) in middle.items():
        print(f"{name:24} {cpu:8.2f} s CPU {wall:8.2f} s")
    cpu = {name: row[0] for name, row in middle.items()}
    one = cpu["scan, one core"]
    print(f"one core / unpacking alone: {one / cpu['unpacking alone']:.2f} (≤ 1.8)")
    print(f"Python / one core: {cpu['Python gzip and json'] / one:.1f} (≥ 9)")
    print(f"DuckDB / one core: {cpu['DuckDB'] / one:.1f} (≥ 40)")
    print(f"one core / two cores, wall: {middle['scan, one core'][1] / middle['scan, two cores'][1]:.2f} (≥ 1.8)")
    whole = cpu["plan, one core"]
    hits = counts["creations"] + counts["sessions"] + counts["endings"]
    print(f"whole plan / unpacking alone: {whole / cpu['unpacking alone']:.2f} (≤ 3); {(whole - one) / hits * 1e6:.1f} µs a record that matters, "
          "after the scan (≤ 15)")
    for name, twice in (("scan", one), ("plan", whole)):
        if f"{name} of half, one core" in cpu:
            print(f"twice the input, {name}: {twice / cpu[f'{name} of half, one core']:.2f} of the time (≤ 2.1)")


if __name__ == "__main__":
    main()
