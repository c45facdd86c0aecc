"""Every operation on tags of the table sends the same request as the AWS SDK for Python: URL, headers, body, scope of the
signature; and reads the tags in the SDK's answers."""
import datetime
import io
import json
import os
import re
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qs

import botocore.config
import botocore.session
from botocore.awsrequest import AWSResponse
from moto.core.model import ServiceModel
from moto.core.serialize import get_serializer_class

import local_aws
from local_aws import say

# Members that take the last part of the ARN, by service where others mean something else by the name.
ID = {"Id", "RoleName", "UserName", "InstanceProfileName", "ServerCertificateName", "WorkspaceInstanceId", "vaultName", "pipelineId",
      "pipelineIds", "ClusterId", "StudioId", "SessionId", "NotebookExecutionId", "DeliveryStreamName", "DomainName", "LoadBalancerNames", "storagelensid", "TableName"}
ID_BY_SERVICE = {"CloudHSM V2", "Directory Service", "EFS", "EMR", "Machine Learning", "Organizations", "Route 53", "WorkSpaces"}
# Members that take what follows the type.
NAME = {"ReportName", "StackSetName", "repositoryNames"}
# Members that are always the same.
FIXED = {"resourceOwner": "SELF", "AttributeNames": ["CreatedTimestamp"]}
# Headers that say nothing of the operation; the mode of errors of two services that have spoken another protocol before; and
# the hash that the signer adds for S3.
OF_EVERY_REQUEST = re.compile("user-agent|x-amz-date|authorization|content-length|content-type|host|amz-sdk-.*|x-amz-target|x-amzn-query-mode|x-amz-content-sha256")
# Members with the keys of tags that are taken away.
REMOVED = ("tagkeys", "tagkeylist", "resourcetagkeys", "tagstodelete", "tagstoremove", "removetags", "keys", "tags", "tagslist")
TAGS = ("tags", "taglist", "tagslist", "resourcetags", "addtags", "tagstoadd", "tagstoupdate")
KEYS = ("key", "tagkey")


def run(command, lines=()):
    command = [os.path.join(local_aws.TARGET, "debug", "catalog"), command]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, input=text, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def says(ours, name, shape):
    """What a member says of the resource."""
    _, _, _, _, account, resource = ours["arn"].split(":", 5)
    kind, rest = resource.split("/", 1)
    if name in ("accountId", "AccountId"):
        return account
    if name == "QueueUrl":
        return f"https://{ours['host']}/{account}/{resource}"
    if name in FIXED:
        return FIXED[name]
    if name == "ServiceType" or (ours["operation"], name) == ("GetSession", "ClusterId"):
        return rest.split("/")[0]
    if name == "ResourceType":
        return next(one for one in shape.enum if kind.replace("-", "").startswith(one.lower()))
    if name in NAME:
        return [rest] if shape.type_name == "list" else rest
    if name in ("clusterName", "nodegroupName") and ours["operation"] == "DescribeNodegroup":
        return rest.split("/")[name == "nodegroupName"]
    if (ours["service"], name) == ("SSM", "ResourceId"):
        return "/" + rest
    by_id = name in ID or (ours["service"], name) == ("EKS", "name") or name == "ResourceId" and ours["service"] in ID_BY_SERVICE or (ours["service"], name) == ("S3 Control", "id")
    text = ours["id"] if by_id else ours["arn"]
    return [text] if shape.type_name == "list" else text


class Told(io.BytesIO):
    """A body that urllib3 might have read."""

    def __init__(self, answer):
        super().__init__(json.dumps(answer).encode())

    def stream(self):
        yield self.read()


class Sdk:
    """botocore, which builds and signs requests but does not send them."""

    def __init__(self):
        self.discovered = set()
        self.session = botocore.session.Session()
        self.session.set_credentials("test", "test")
        loader = self.session.get_component("data_loader")
        load = loader.load_service_model

        def with_json(service, type_name, api_version=None):
            model = load(service, type_name, api_version)
            # aws-tags uses JSON where a service also supports CBOR.
            if type_name == "service-2" and "json" in model["metadata"].get("protocols", []):
                model["metadata"]["protocols"] = ["json"]
            return model

        loader.load_service_model = with_json
        self.names = {}
        for name in self.session.get_available_services():
            self.names[self.session.get_service_model(name).metadata["serviceId"]] = name

    def client(self, ours):
        # DynamoDB has hosts for accounts besides, which are faster and nothing else.
        config = botocore.config.Config(account_id_endpoint_mode="disabled")
        return self.session.create_client(self.names[ours["service"]], region_name=ours["region"], config=config)

    def operation(self, client, name):
        """An operation by its name, which may be followed by the date of the API."""
        names = client.meta.service_model.operation_names
        return client.meta.service_model.operation_model(next(one for one in names if one == name or re.fullmatch(name + "[0-9_]{10}", one)))

    def request(self, ours):
        client = self.client(ours)
        sent = []

        def keep(request, **_):
            target = request.headers.get("X-Amz-Target", b"").decode()
            if target.endswith(".DescribeEndpoints"):
                # Where the usual host says: here, at itself.
                self.discovered.add((ours["service"], request.url, target, request.body))
                return AWSResponse(request.url, 200, {}, Told({"Endpoints": [{"Address": ours["host"], "CachePeriodInMinutes": 1}]}))
            sent.append(request)
            return AWSResponse(request.url, 200, {}, None)

        client.meta.events.register("before-send", keep)
        operation = self.operation(client, ours["operation"])
        method = getattr(client, botocore.xform_name(operation.name))
        try:
            method(**self.arguments(operation, ours))
        except Exception:
            # The answer is empty, so botocore cannot parse it.
            if not sent:
                raise
        return sent[0]

    def arguments(self, operation, ours):
        shape = operation.input_shape
        if "asked" in ours:
            return self.nested(shape, ours["asked"].items())
        if "untags" in ours:
            return self.untagging(shape, ours)
        if ours["service"] == "Auto Scaling":
            return self.of_group(ours, ours["arn"].split(":", 5)[5].split("/", 1)[1])
        tags = next((name for name in shape.members if name.lower() in TAGS), None) if ours["tags"] else None
        required = [name for name in shape.required_members if name != tags]
        optional = {"AttributeNames", "Id", "StackName", "UserName", "repositoryNames", "pipelineIds", "ResourceName", "ReportName", "resourceShareArns", "resourceArns", "ResourceARN"}
        named = required + [name for name in shape.members if name in optional and name not in required]
        if not named:
            # One that lists all takes none.
            named = [name for name in shape.members if "arn" in name.lower()][:1]
        said = {name: says(ours, name, shape.members[name]) for name in named}
        return {**said, tags: self.spelled(shape.members[tags], ours["tags"])} if tags else said

    def untagging(self, shape, ours):
        """What takes tags away: the keys, and the resource as the other operations name it."""
        if ours["service"] == "Auto Scaling":
            of_each = {"ResourceId": ours["arn"].split(":", 5)[5].split("/", 1)[1], "ResourceType": "auto-scaling-group"}
            return {"Tags": [{"Key": key, **of_each} for key in ours["untags"]]}
        names = [name for name in shape.members if name.lower() in REMOVED]
        # An operation that also adds tags has them besides.
        name = next(name for name in names if not ours["byUpdate"] or "remove" in name.lower())
        item = shape.members[name].member
        of = {one.lower(): one for one in item.members} if item.type_name == "structure" else {}
        key = next((of[one] for one in KEYS if one in of), None)
        value = next((one for one in of.values() if key and one in item.required_members and one != key), None)
        tags = [{key: k, value: v} if value else {key: k} if key else k for k, v in ours["untags"].items()]
        named = [one for one in shape.required_members if one != name] or [next(one for one in shape.members if "arn" in one.lower())]
        said = {one: says(ours, one, shape.members[one]) for one in named}
        return {**said, name: tags}

    def spelled(self, shape, tags):
        if shape.type_name == "map":
            return tags
        key = next(name for name in shape.member.members if name.lower() in KEYS)
        value = next(name for name in shape.member.members if "value" in name.lower())
        return [{key: k, value: v} for k, v in tags.items()]

    def of_group(self, ours, name):
        """Auto Scaling wants a group's name in each tag, or in a filter."""
        of_each = {"ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
        tags = [{"Key": key, "Value": value, **of_each} for key, value in ours["tags"].items()]
        return {"Tags": tags} if tags else {"Filters": [{"Name": "auto-scaling-group", "Values": [name]}]}

    def nested(self, shape, texts):
        """A structure with these texts at their paths on the wire, which name lists and their items, too."""
        made = {}
        for path, text in texts:
            self.put(made, shape, path.split("."), text)
        return made

    def put(self, made, shape, steps, text):
        name, inner = next((name, inner) for name, inner in shape.members.items() if inner.serialization.get("name", name) == steps[0])
        is_list = inner.type_name == "list"
        item = inner.member if is_list else inner
        # Queries number the items of lists, and XML names them.
        rest = [step for step in steps[1:] if not (is_list and step in (item.serialization.get("name", "member"), "1"))]
        if rest and item.type_name != "map":
            one = made.setdefault(name, [{}] if is_list else {})
            return self.put(one[0] if is_list else one, item, rest, text)
        value = datetime.datetime.fromisoformat(text) if item.type_name == "timestamp" else {rest[0]: text} if rest else text
        made[name] = [value] if is_list else value

    def answer(self, ours, tags, token):
        """The body of an answer with these tags, and whether it has room for what the next request says."""
        model = ServiceModel(self.session.get_component("data_loader").load_service_model(self.names[ours["service"]], "service-2"))
        operation = model.operation_model(self.operation(self.client(ours), ours["operation"]).name)
        speaks = model.metadata.get("protocols", [model.metadata["protocol"]])
        protocol = next(one for one in ("json", "rest-json", "rest-xml", "query") if one in speaks)
        name = next((name for name in operation.output_shape.members if name.lower() in ("nexttoken", "nextmarker", "marker", "nextpagetoken")), None)
        pages = name and any(one.lower() in ("nexttoken", "marker", "pagetoken") for one in operation.input_shape.members)
        result = self.filled(operation.output_shape, tags) | ({name: token} if pages else {})
        if ours["service"] == "Lightsail":
            self.among_others(operation.output_shape, result, ours["arn"])
        serializer = get_serializer_class(self.names[ours["service"]], protocol)
        return serializer(operation).serialize(result)["body"], bool(pages)

    def among_others(self, shape, result, arn):
        """Names the one in a list of all, and puts another before it."""
        name, items = next((name, items) for name, items in result.items() if isinstance(items, list))
        key = next(one for one in shape.members[name].member.members if one.lower() in ("arn", "certificatearn"))
        items[0][key] = arn
        items.insert(0, {key: arn + "0", "tags": [{"key": "of", "value": "another"}]})

    def told(self, ours):
        """The body of an answer to a lookup."""
        model = ServiceModel(self.session.get_component("data_loader").load_service_model(self.names[ours["service"]], "service-2"))
        operation = model.operation_model(self.operation(self.client(ours), ours["operation"]).name)
        speaks = model.metadata.get("protocols", [model.metadata["protocol"]])
        protocol = next(one for one in ("json", "rest-json", "rest-xml", "query") if one in speaks)
        wrapper = operation.output_shape.serialization.get("resultWrapper")
        texts = {path.removeprefix(f"{wrapper}."): text for path, text in ours["told"].items()}
        serializer = get_serializer_class(self.names[ours["service"]], protocol)
        return serializer(operation).serialize(self.nested(operation.output_shape, texts.items()))["body"]

    def filled(self, shape, tags, depth=3):
        """A structure with the tags where it has a place for them: the nearest to the top, `tags` by name before others."""
        inside = sorted(shape.members.items(), key=lambda item: item[0].lower() != "tags")
        for name, member in inside:
            if "tag" in name.lower() or name == "Items":
                if member.type_name == "map":
                    return {name: tags}
                item = member.member if member.type_name == "list" else member
                if item.type_name == "structure" and any(one.lower() in KEYS for one in item.members):
                    pairs = self.spelled(member, tags) if member.type_name == "list" else self.pair(item, *list(tags.items())[0])
                    return {name: pairs}
        for name, member in inside if depth else []:
            item = member.member if member.type_name == "list" else member
            if item.type_name != "structure":
                continue
            if found := self.several(item, tags, depth - 1) if member.type_name == "list" else self.filled(item, tags, depth - 1):
                return {name: found}
        return {}

    def several(self, item, tags, depth):
        """A list of structures: one with all tags, or one for each."""
        if any(name == "Tag" for name in item.members):
            return [{"Tag": self.pair(item.members["Tag"], *tag)} for tag in tags.items()]
        found = self.filled(item, tags, depth)
        return [found] if found else []

    def pair(self, shape, key, value):
        return {next(n for n in shape.members if n.lower() in KEYS): key, next(n for n in shape.members if "value" in n.lower()): value}


def body(kind, text):
    if "xml" in kind:
        return {element.tag: [child.text for child in element.iter()] for element in ElementTree.fromstring(text).iter()}
    return parse_qs(text or "") if "form" in kind else json.loads(text or "{}")


class TagOperations(unittest.TestCase):
    def test_every_request_is_the_sdks(self):
        sdk, all_ours = Sdk(), run("requests")
        self.assertGreater(len(all_ours), 3500)
        self.assertGreater(len([ours for ours in all_ours if "untags" in ours]), 1200)
        for ours in all_ours:
            with self.subTest(service=ours["service"], operation=ours["operation"], region=ours["region"]):
                theirs = sdk.request(ours)
                # Kinesis has hosts for accounts besides.
                url = re.sub(r"//\w+\.control-kinesis\.", "//kinesis.", theirs.url)
                # It sets no path at a host that it discovered.
                url += "/" * (url.count("/") == 2)
                self.assertEqual((ours["method"], f"https://{ours['host']}{ours['path']}"), (theirs.method, url))
                headers = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in theirs.headers.items()}
                kind = headers.get("content-type", ours["headers"].get("content-type", ""))
                text = theirs.body.decode() if isinstance(theirs.body, bytes) else theirs.body
                if text:
                    self.assertEqual(ours["headers"]["content-type"], kind.split(";")[0])
                own = {name: text for name, text in headers.items() if not OF_EVERY_REQUEST.fullmatch(name)}
                self.assertEqual({name: text for name, text in ours["headers"].items() if not OF_EVERY_REQUEST.fullmatch(name)}, own)
                self.assertEqual(ours["headers"].get("x-amz-target"), headers.get("x-amz-target"))
                sent = body(kind, text)
                # The SDK makes one up.
                sent.pop("clientToken", None)
                self.assertEqual(body(kind, ours["body"]), sent)
                self.assertIn("/{}/{}/aws4_request".format(*ours["signing"]), headers["authorization"])
        target, where = "Timestream_20181101.DescribeEndpoints", "https://{}.timestream.{}.amazonaws.com/".format
        for service, host in (("Timestream Write", "ingest"), ("Timestream Query", "query")):
            self.assertIn((service, where(host, "eu-west-1"), target, b"{}"), sdk.discovered)

    def test_every_answer_is_read_as_the_sdk_would(self):
        sdk, tags = Sdk(), {"Owner": "ann & <bob>", "Key": "", "é/=+": "x:y@z"}
        reads = {(ours["service"], ours["operation"]): ours for ours in run("requests")
                 if not ours["tags"] and not ours["tellsTime"] and "asked" not in ours and "untags" not in ours}
        self.assertGreater(len(reads), 250)
        answers = [(ours, *sdk.answer(ours, tags, "more")) for ours in reads.values()]
        read = run("answers", [{"service": ours["service"], "operation": ours["operation"], "arn": ours["arn"], "body": text} for ours, text, _ in answers])
        for (ours, text, pages), page in zip(answers, read):
            with self.subTest(service=ours["service"], operation=ours["operation"], answer=text):
                self.assertEqual(page, {"tags": tags, "next": "more" if pages else None})
        say(f"{len(answers)} operations that list tags, {sum(pages for *_, pages in answers)} of them in parts")

    def test_every_lookup_reads_what_the_sdk_would(self):
        sdk = Sdk()
        lookups = list({(ours["service"], ours["operation"]): ours for ours in run("requests") if "asked" in ours}.values())
        self.assertGreater(len(lookups), 20)
        read = run("answers", [{"service": ours["service"], "operation": ours["operation"], "told": True, "body": sdk.told(ours)} for ours in lookups])
        at = int(datetime.datetime(2026, 5, 4, 10, tzinfo=datetime.timezone.utc).timestamp())
        for ours, found in zip(lookups, read):
            with self.subTest(service=ours["service"], operation=ours["operation"]):
                has_time = any(text.startswith("2026") for text in ours["told"].values())
                tags = {"Owner": "ann"} if "ann" in ours["told"].values() else None
                self.assertEqual(found, [{"name": "arn:aws:some:::thing/a", "created": at if has_time else None, "tags": tags}])
        say(f"{len(lookups)} operations that tell what records lack")
