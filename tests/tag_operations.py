#!/usr/bin/env python3
"""Every tag operation of the table sends the same request as the AWS SDK for Python: URL, headers, body, scope of the signature."""
import json
import os
import subprocess
import unittest
from urllib.parse import parse_qs

import local_aws

local_aws.with_boto3()

import botocore.session  # noqa: E402
from botocore.awsrequest import AWSResponse  # noqa: E402
from stack import build  # noqa: E402

ID = {"Id", "RoleName", "UserName", "InstanceProfileName", "ServerCertificateName", "WorkspaceInstanceId"}


def requests():
    command = [os.path.join(local_aws.TARGET, "debug", "catalog"), "requests"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


class Sdk:
    """botocore, which builds and signs requests but does not send them."""

    def __init__(self):
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

    def request(self, ours):
        client = self.session.create_client(self.names[ours["service"]], region_name=ours["region"])
        sent = []

        def keep(request, **_):
            sent.append(request)
            return AWSResponse(request.url, 200, {}, None)

        client.meta.events.register("before-send", keep)
        operation = client.meta.service_model.operation_model(ours["operation"])
        method = getattr(client, botocore.xform_name(ours["operation"]))
        try:
            method(**self.arguments(operation, ours))
        except Exception:
            # The answer is empty, so botocore cannot parse it.
            if not sent:
                raise
        return sent[0]

    def arguments(self, operation, ours):
        shape = operation.input_shape
        tags = next(name for name in shape.members if name.lower() in ("tags", "resourcetags", "addtags"))
        (resource,) = [name for name in shape.required_members if name != tags]
        says = ours["id"] if resource in ID else ours["arn"]
        if resource == "ReportName":
            says = ours["arn"].split(":", 5)[5].split("/", 1)[1]
        if shape.members[resource].type_name == "list":
            says = [says]
        return {resource: says, tags: self.spelled(shape.members[tags], ours["tags"])}

    def spelled(self, shape, tags):
        if shape.type_name == "map":
            return tags
        key, value = sorted(shape.member.members, key=lambda name: "value" in name.lower())
        return [{key: k, value: v} for k, v in tags.items()]


def body(kind, text):
    return parse_qs(text) if "form" in kind else json.loads(text)


class TagOperations(unittest.TestCase):
    def test_every_request_is_the_sdks(self):
        sdk, all_ours = Sdk(), requests()
        self.assertGreater(len(all_ours), 100)
        for ours in all_ours:
            with self.subTest(service=ours["service"], operation=ours["operation"], region=ours["region"]):
                theirs = sdk.request(ours)
                self.assertEqual((ours["method"], f"https://{ours['host']}{ours['path']}"), (theirs.method, theirs.url))
                headers = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in theirs.headers.items()}
                kind = headers.get("content-type", "application/json")
                self.assertEqual(ours["headers"]["content-type"], kind.split(";")[0])
                self.assertEqual(ours["headers"].get("x-amz-target"), headers.get("x-amz-target"))
                text = theirs.body.decode() if isinstance(theirs.body, bytes) else theirs.body
                self.assertEqual(body(kind, ours["body"]), body(kind, text))
                self.assertIn("/{}/{}/aws4_request".format(*ours["signing"]), headers["authorization"])


if __name__ == "__main__":
    build()
    unittest.main(verbosity=2)
