"""What policies allow, by an IAM simulator: every action of the services involved, on matching resources."""
import fnmatch
import json
import os
import re
import subprocess
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from local_aws import ACCOUNT, COMMAND, REGION, lines, read
from node_packages import node, node_packages

PROCESSES = os.cpu_count() or 2
OTHER_ACCOUNT = "444455556666"
# Services that are checked for every role.
ALWAYS = {"dynamodb", "events", "iam", "kms", "lambda", "logs", "sqs", "xray"}
# Needed on any resource of the account.
ANY = ("*",)
Request = namedtuple("Request", "action kind arn account")


def simulate(policies, requests):
    """For each request, the policies that allow it and the resource that the simulator was asked for; see simulate.mjs."""
    node_packages()  # once, before the threads
    with ThreadPoolExecutor(PROCESSES) as pool:
        parts = list(pool.map(lambda n: run(policies, requests[n::PROCESSES]), range(PROCESSES)))
    return [parts[n % PROCESSES][n // PROCESSES] for n in range(len(requests))]


def run(policies, requests):
    asked = json.dumps({"policies": policies, "requests": requests})
    return json.loads(node("iam_simulator.mjs", input=asked, check=True, stdout=subprocess.PIPE).stdout)


def data(what, service):
    return json.loads(read(os.path.join(node_packages(), "node_modules", "@cloud-copilot", "iam-data", "data", what, f"{service}.json")))


def actions(service):
    """The service's actions by name. Each has the ARN formats of its resources, by resource type."""
    types = data("resourceTypes", service)
    formats = {kind: of["arn"].split(", ") for kind, of in types.items()}
    return {f"{service}:{action['name']}": {kind["name"]: formats[kind["name"].lower()] for kind in action["resourceTypes"]}
            for action in data("actions", service).values()}


def known(action):
    """An action as the Service Authorization Reference has it, and its level of access. IAM does not tell upper and lower case apart."""
    service, name = action.split(":")
    one = data("actions", service)[name.lower()]
    return f"{service}:{one['name']}", one["accessLevel"]


def printed(*arguments):
    """The policies that a command prints, by name, filled in as CloudFormation would."""
    text = subprocess.run([COMMAND, *arguments, "--json"], check=True, capture_output=True, text=True).stdout
    text = text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", ACCOUNT)
    return {line["name"]: line["document"] for line in lines(text)}


def example(arn_format, account):
    """An example ARN of a format."""
    parts = arn_format.split(":", 5)
    if len(parts) == 6:
        values = ("aws", None, REGION, account)
        parts[1:5] = [value if value and ("$" in part or part == "*") else part for part, value in zip(parts[1:5], values)]
    return re.sub(r"\$\{[^}]*\}", "x1", ":".join(parts))


def listed(value):
    return value if isinstance(value, list) else [value]


def services_of(statement):
    """The services whose actions a statement may be about: `*` for all."""
    if "Action" not in statement:
        return {"*"}
    services = {action.split(":")[0].lower() for action in listed(statement["Action"])}
    return {"*"} if any(re.search(r"[*?]", service) for service in services) else services


class Role:
    """The policies of a role by name. For each choice of parameters, `present` are the policies that the role has, and `needs`
    the patterns of ARNs that it needs for each action."""

    def __init__(self, name, policies, present, needs, context):
        self.name, self.policies, self.present, self.needs, self.context = name, policies, present, needs, context
        self.statements = [statement for document in policies.values() for statement in document["Statement"]]
        self.named = {action for statement in self.statements for action in listed(statement["Action"])}
        self.at_stake = self.named.union(*needs)

    def requests(self):
        """Each action on a matching resource of the account, and on those that policies name. Actions that policies name or
        the role needs are tried on every resource type, in this and in another account."""
        assert not any("*" in action for action in self.named), f"{self.name}: wildcards in {sorted(self.named)}"
        arns = {arn for statement in self.statements for arn in listed(statement["Resource"])}
        arns |= {arn for needs in self.needs for patterns in needs.values() for arn in patterns}
        arns = {example(arn, ACCOUNT).replace("*", "x1") for arn in arns if arn != "*"}
        at_stake = {action.lower() for action in self.at_stake}
        for service in sorted(ALWAYS.union(action.split(":")[0] for action in self.at_stake)):
            mine = [arn for arn in arns if arn.split(":")[2] == service]
            for action, types in actions(service).items():
                formats = [(kind, one) for kind, all_of in types.items() for one in all_of] or [("", "*")]
                fits = re.compile("|".join(re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(one)) for _, one in formats))
                yield from (Request(action, "", arn, ACCOUNT) for arn in mine if fits.fullmatch(arn))
                for kind, one in formats if action.lower() in at_stake else formats[:1]:
                    yield Request(action, kind, example(one, ACCOUNT), ACCOUNT)
                    if action.lower() in at_stake and one != "*":
                        yield Request(action, kind, example(one, OTHER_ACCOUNT), OTHER_ACCOUNT)

    def simulate(self, requests=None, **context):
        """Each request with its answer. Asked are only the policies that name an action of its service: no other can allow it, and
        each takes time."""
        requests = list(requests or self.requests())
        named = {name: {part for statement in document["Statement"] for part in services_of(statement)} for name, document in self.policies.items()}
        asked = lambda service: [name for name, services in named.items() if services & {service, "*"}]
        answers = simulate(self.policies, [
            {"principal": f"arn:aws:iam::{ACCOUNT}:role/{self.name}", "action": one.action, "resource": one.arn, "account": one.account,
             "policies": asked(one.action.split(":")[0].lower()), "context": {"aws:ResourceAccount": one.account, **self.context, **context}} for one in requests])
        wrong = [(one, answer["error"]) for one, answer in zip(requests, answers) if "error" in answer]
        assert not wrong, f"the simulator cannot answer {wrong[:10]}"
        return list(zip(requests, answers))

    def unasked(self, answers):
        """Actions that are needed or named, but were never tried where needed: the data lacks them, or no resource matches."""
        asked = {(n, one.action) for one, _ in answers for n, needs in enumerate(self.needs) if wanted(one, needs)}
        unknown = self.named - {one.action for one, _ in answers}
        return unknown | {action for n, needs in enumerate(self.needs) for action in needs if (n, action) not in asked}

    def summary(self, answers):
        """The figures of a simulation, as text."""
        acts, allowed = {one.action for one, _ in answers}, {one.action for one, answer in answers if answer["by"]}
        return (f"{self.name}: {len(acts):,} actions of {len({action.split(':')[0] for action in acts})} services, {len(answers):,} requests; "
                f"{len(allowed)} actions allowed, {len(set().union(*self.needs))} needed")


def wanted(request, needs):
    """Whether a role with these needs should be allowed the request."""
    patterns = needs.get(request.action)
    if patterns is None or request.account != ACCOUNT:
        return False
    return request.arn == "*" or any(fnmatch.fnmatchcase(request.arn, pattern) for pattern in patterns)
