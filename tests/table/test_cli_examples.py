"""Records that no row was made after: of the answers that the AWS CLI's own examples print, for every call of a generated row. None
may name a wrong resource, and all but a few name the one that was created."""
import collections
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import botocore.session
from botocore import xform_name

import local_aws
from local_aws import ROOT, say, tool

ACCOUNT = "111122223333"
# Commands that are called otherwise than their API.
APIS = {"deploy": "codedeploy", "configservice": "config"}
# Protocols whose answers are recorded as they are, but for capitals; those of the others are changed more.
AS_THEY_ARE = {"json", "rest-json", "smithy-rpc-v2-cbor"}
FOUND = ("tagged", "left-alone", "needs-lookup")


def lower(value):
    """As CloudTrail writes members."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: lower(inner) for key, inner in value.items()}
    return [lower(inner) for inner in value] if isinstance(value, list) else value


def texts(value):
    if isinstance(value, (dict, list)):
        return [text for inner in (value.values() if isinstance(value, dict) else value) for text in texts(inner)]
    return [str(value)]


def is_whole(text):
    """Whether an ARN is none that an author has shortened or masked."""
    return not text.startswith("arn:") or re.fullmatch(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:[^\s<>()]+", text)


class Examples:
    def __init__(self):
        self.session = botocore.session.Session()
        catalog = os.path.join(local_aws.TARGET, "debug", "catalog")
        lines = subprocess.run([catalog, "list"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        self.sources = collections.defaultdict(set)
        by_hand = {os.path.basename(path)[:-3].replace("_", "-") for path in glob.glob(f"{ROOT}/crates/core/src/table/services/*.rs")}
        with open(f"{ROOT}/crates/catalog/evidence.toml", encoding="utf-8") as file:
            evidence = file.read()
        for line in lines:
            source, call, *_, api, _ = line.split("\t")
            if source not in by_hand and f'"{source} {call}"' not in evidence:
                self.sources[api, call].add(source)
        self.folder = glob.glob(os.path.join(os.path.dirname(tool("aws-cli")), "lib", "python*", "site-packages", "awscli", "examples"))[0]

    def records(self):
        for (api, call), sources in sorted(self.sources.items()):
            model = self.session.get_service_model(api)
            if model.metadata["protocol"] not in AS_THEY_ARE or call not in model.operation_names:
                continue
            command = next((name for name, other in APIS.items() if other == api), api)
            path = os.path.join(self.folder, command, xform_name(call, "-") + ".rst")
            shown = self.shown(path, command, model.operation_model(call)) if os.path.exists(path) else None
            for source in sorted(sources) if shown else []:
                request, answer, is_whole_request = shown
                yield self.record(source, call, request, answer), is_whole_request

    def shown(self, path, command, operation):
        """Request and answer of an example, if it prints both."""
        with open(path, encoding="utf-8") as file:
            example = re.search(rf"^ +aws {command} [a-z0-9-]+(.*?)^(?=\S).*?\bOutput[^\n]*\n+((?: +[^\n]*\n|\n)+)", file.read() + "\n", re.S | re.M)
        try:
            answer = json.loads(example[2])
        except (TypeError, ValueError):
            return None
        members = {xform_name(name, "-"): (name, shape) for name, shape in operation.input_shape.members.items()}
        request = {}
        for name, value in re.findall(r"--([a-z0-9-]+)[ =](\"[^\"]*\"|'[^']*'|\S+)", example[1]):
            value = value.strip("\"'")
            if name in members and not value.startswith("file:"):
                member, shape = members[name]
                request[member] = [value] if shape.type_name == "list" else value
        # The rest is in a file; and an answer with other members is older than the API, one with another's ARN a slip.
        is_whole_request = all(name in request for name in operation.input_shape.required_members)
        is_of_now = set(answer) <= set(operation.output_shape.members)
        return (lower(request), lower(answer), is_whole_request) if is_of_now and all(map(is_whole, texts(answer))) else None

    def record(self, source, call, request, answer):
        own = [text.split(":") for text in texts(answer) if text.startswith("arn:")]
        account = next((parts[4] for parts in own if parts[4].isdigit()), ACCOUNT)
        region = next((parts[3] for parts in own if parts[3]), "us-east-1")
        principal = {"type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/ann", "accountId": account, "userName": "ann"}
        return {"eventVersion": "1.11", "eventSource": f"{source}.amazonaws.com", "eventName": call, "eventType": "AwsApiCall",
                "eventTime": "2026-05-04T10:28:00Z", "awsRegion": region, "recipientAccountId": account, "userIdentity": principal,
                "requestParameters": request, "responseElements": answer}


def outcomes(records):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"Records": [{**record, "eventID": f"{n:032x}", "eventTime": f"2026-05-04T{n // 60:02}:{n % 60:02}:00Z"}
                               for n, record in enumerate(records)]}, file)
        file.flush()
        command = [os.path.join(local_aws.TARGET, "debug", "aws-tags"), "replay", "--json", "--all", file.name]
        out = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


class CliExamples(unittest.TestCase):
    def test_of_records_that_no_row_was_made_after_none_names_a_wrong_resource(self):
        examples = list(Examples().records())
        records = [record for record, _ in examples]
        ended = outcomes(records)
        self.assertEqual([one["eventName"] for one in records], [one["eventName"] for one in ended])
        unresolved, tried = [], []
        for (record, is_whole_request), outcome in zip(examples, ended):
            name = f'{record["eventSource"].split(".")[0]} {record["eventName"]}'
            why = str(outcome["unfinished"] or outcome["reason"])
            # What is allocated to another account is rightly left to that.
            is_theirs = outcome["outcome"] == "not-ours" and "ownerAccount" in why
            is_found = outcome["outcome"] in FOUND or is_theirs
            # What a request says that is in a file is not known.
            tried += [record] * (is_found or is_whole_request or "responseElements" in why)
            unresolved += [f'{name}: {outcome["outcome"]}: {why}'] * (not is_found and record in tried)
            known = set(texts([record["requestParameters"], record["responseElements"]]))
            for arn in (resource["arn"] for resource in outcome["resources"]):
                with self.subTest(call=name, arn=arn, answer=record["responseElements"]):
                    *_, resource = arn.split(":", 5)
                    # The answer has it, or each of its parts; the others are the words of its type.
                    parts = [part for part in re.split("[/:]", resource)[1:] if re.search(r"[\d_]|[A-Z]{2}", part)]
                    of_type = arn.rsplit(resource, 1)[0] + re.match(r"/?[\w-]*", resource)[0]
                    others = [text for text in known if text.startswith(of_type) and not text.startswith(arn)]
                    self.assertTrue(arn in known or not others and all(any(part in text for text in known) for part in parts))
        share = len(unresolved) / len(tried)
        sources = len({record["eventSource"] for record in tried})
        say(f"{len(tried)} creations of {sources} services, {share:.1%} of them not found: " + "; ".join(unresolved))
        self.assertGreater(len(tried), 120)
        self.assertLessEqual(share, 0.01)


if __name__ == "__main__":
    unittest.main()
