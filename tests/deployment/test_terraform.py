"""infra/terraform/main.tf is HCL, and gives the stacks what their templates ask for. It was never applied: there is no account."""
import json
import os
import re
import subprocess
import unittest

from cloudformation import source
from local_aws import ROOT, read, tool

MODULE = os.path.join(ROOT, "infra", "terraform", "main.tf")
STACKS = {"tag_handler": "tag-handler", "session_recorder": "session-recorder", "region_forwarder": "region-forwarder"}
README = os.path.join(ROOT, "infra", "README.md")


def parsed(path):
    command = [os.path.join(tool("hcl2"), "hcl2tojson"), path]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bare(text):
    return text.strip('"')


class Terraform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.module = parsed(MODULE)
        cls.resources = {(bare(kind), bare(name)): body for block in cls.module["resource"]
                         for kind, named in block.items() if kind != "__is_block__"
                         for name, body in named.items() if name != "__is_block__"}
        cls.variables = {bare(name): body for block in cls.module["variable"] for name, body in block.items() if name != "__is_block__"}

    def test_each_stack_gets_the_parameters_that_its_template_asks_for(self):
        stacks = {name: body for (kind, name), body in self.resources.items() if kind == "aws_cloudformation_stack"}
        self.assertEqual(set(stacks), set(STACKS))
        for name, body in stacks.items():
            template = STACKS[name]
            self.assertEqual(bare(body["name"]), f"aws-tags-{template}")
            given = set(re.findall(r"(?<![\w.])([A-Z]\w+) *[=:]", json.dumps(body["parameters"])))
            known = source(template)["Parameters"]
            self.assertLessEqual(given, set(known), template)
            self.assertEqual({key for key, of in known.items() if "Default" not in of} - given, set(), template)
            self.assertIn(f'"{template}"', json.dumps(body["parameters"]).replace('\\"', '"'))

    def test_the_names_of_parameters_are_read_from_the_templates_as_they_are_written(self):
        pattern = re.search(r'regexall\("((?:[^"\\]|\\.)*)"', read(MODULE))[1].replace("\\n", "\n")
        for template in STACKS.values():
            head = read(os.path.join(ROOT, "infra", f"{template}.yaml")).split("\nConditions:")[0]
            self.assertEqual(re.findall(pattern, head), list(source(template)["Parameters"]))

    def test_what_refers_to_something_refers_to_what_is_there(self):
        text = read(MODULE)
        self.assertEqual(set(re.findall(r"\bvar\.(\w+)", text)), set(self.variables))
        named = {name for block in self.module["locals"] for name in block if name != "__is_block__"}
        self.assertEqual(set(re.findall(r"\blocal\.(\w+)", text)), named)
        used = set(re.findall(r"\b(aws_\w+)\.(\w+)", text.replace("data.aws_", "data_")))
        self.assertLessEqual(used, set(self.resources))

    def test_the_example_of_the_readme_gives_variables_of_the_module(self):
        (example,) = (block for block in re.findall(r"```hcl\n(.*?)```", read(README), re.S) if "module " in block)
        given = set(re.findall(r"^  (\w+) +=", example, re.M)) - {"source"}
        self.assertLessEqual(given, set(self.variables))
        self.assertLessEqual({name for name, body in self.variables.items() if "default" not in body}, given)
        (parameters,) = re.findall(r"parameters += \{(.*?)\}", example)
        self.assertLessEqual(set(re.findall(r"(\w+) =", parameters)), set(source("tag-handler")["Parameters"]))
