"""A CloudFormation template as AWS evaluates it: with parameters, conditions and intrinsic functions resolved."""
import functools
import os
import re

import yaml

from local_aws import ACCOUNT, REGION, ROOT

PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
NOTHING = object()
# The start of a type's ARNs, and the property with the resource's name. Without one, the logical id stands in for the name.
ARNS = {
    "AWS::SQS::Queue": (f"arn:aws:sqs:{{}}:{ACCOUNT}:", "QueueName"),
    "AWS::KMS::Key": (f"arn:aws:kms:{{}}:{ACCOUNT}:key/", None),
    "AWS::Logs::LogGroup": (f"arn:aws:logs:{{}}:{ACCOUNT}:log-group:", "LogGroupName"),
    "AWS::IAM::Role": (f"arn:aws:iam::{ACCOUNT}:role/", "RoleName"),
    "AWS::Lambda::Function": (f"arn:aws:lambda:{{}}:{ACCOUNT}:function:", "FunctionName"),
    "AWS::DynamoDB::Table": (f"arn:aws:dynamodb:{{}}:{ACCOUNT}:table/", "TableName"),
}


class Loader(yaml.SafeLoader):
    """Reads short forms, e.g. `!Sub x`, as the long ones."""


def _long_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        value = value.split(".", 1) if suffix == "GetAtt" else value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _long_form)


@functools.cache
def source(name):
    with open(os.path.join(ROOT, "infra", f"{name}.yaml")) as file:
        return yaml.load(file, Loader)


class Template:
    """`resources` by logical id in a Region, without those whose conditions are false."""

    def __init__(self, name, region=REGION, **parameters):
        self.source = source(name)
        given = {key: of.get("Default", f"some-{key.lower()}") for key, of in self.source.get("Parameters", {}).items()}
        unknown = parameters.keys() - given.keys()
        if unknown:
            raise ValueError(f"{name} has no parameter {', '.join(unknown)}; allowed: {', '.join(given)}")
        self.values = {**PSEUDO, "AWS::Region": region, **given, **parameters, "AWS::NoValue": NOTHING}
        there = {key: of for key, of in self.source["Resources"].items() if self.holds(of.get("Condition"))}
        self.resources = {key: {**self.resolve(of), "Id": key} for key, of in there.items()}

    def holds(self, condition):
        return condition is None or self.decide(self.source["Conditions"][condition])

    def decide(self, condition):
        (function, argument), = condition.items()
        if function == "Condition":
            return self.holds(argument)
        if function == "Fn::Equals":
            first, second = (self.resolve(value) for value in argument)
            return str(first) == str(second)
        return {"Fn::Not": lambda all_: not all_[0], "Fn::And": all, "Fn::Or": any}[function]([self.decide(one) for one in argument])

    def resolve(self, value):
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref":
                return self.reference(argument)
            if function.startswith("Fn::"):
                return getattr(self, "fn_" + function[4:].lower())(argument)
        return {key: one for key, one in ((key, self.resolve(one)) for key, one in value.items()) if one is not NOTHING}

    def reference(self, name):
        """A parameter's value, or a resource's ARN. For some resources AWS returns a name, but only equality matters here."""
        return self.values[name] if name in self.values else self.fn_getatt([name, "Arn"])

    def fn_getatt(self, argument):
        name, attribute = argument
        resource = self.source["Resources"][name]
        if attribute != "Arn":
            return self.resolve(resource["Properties"][attribute])
        start, named_by = ARNS[resource["Type"]]
        start = start.format(self.values["AWS::Region"]) + resource["Properties"].get("Path", "/").removeprefix("/")
        end = ":*" if resource["Type"] == "AWS::Logs::LogGroup" else ""
        return start + self.resolve(resource["Properties"].get(named_by, name)) + end

    def fn_sub(self, text):
        return re.sub(r"\$\{([^}!]+)\}", lambda found: self.named(found[1]), text)

    def fn_split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def fn_select(self, argument):
        return self.resolve(argument[1])[argument[0]]

    def named(self, name):
        return str(self.fn_getatt(name.split(".", 1)) if "." in name else self.reference(name))

    def fn_if(self, argument):
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def of(self, kind):
        return [resource for resource in self.resources.values() if resource["Type"] == kind]

    def policies(self, role):
        """All policies of a role by name, inline and managed."""
        found = {one["PolicyName"]: one["PolicyDocument"] for one in self.resources[role]["Properties"]["Policies"]}
        for policy in self.of("AWS::IAM::ManagedPolicy"):
            if self.reference(role) in policy["Properties"].get("Roles", []):
                found[policy["Id"]] = policy["Properties"]["PolicyDocument"]
        return found

    def resource_policies(self):
        """The ARNs of queues, keys and roles, each with its resource policy."""
        for policy in self.of("AWS::SQS::QueuePolicy"):
            yield from ((queue, policy["Properties"]["PolicyDocument"]) for queue in policy["Properties"]["Queues"])
        for key in self.of("AWS::KMS::Key"):
            yield self.reference(key["Id"]), key["Properties"]["KeyPolicy"]
        for role in self.of("AWS::IAM::Role"):
            yield self.reference(role["Id"]), role["Properties"]["AssumeRolePolicyDocument"]
