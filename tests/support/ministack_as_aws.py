"""ministack, changed in six ways to behave like AWS: its event bus accepts sources that begin with `aws.`, its rules can target
buses in other Regions, its event source mappings have numbers where AWS has numbers, the conditions of its templates know
`AWS::Region`, `Fn::Sub` and `Fn::Split`, its change sets have only resources whose condition holds, and it simulates the policies of
roles that have a path.

Runs in ministack's own Python.
"""
import functools
import re

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, set_request_region
from ministack.services import eventbridge
from ministack.services.cloudformation import (
    changesets,
    engine,
    handlers,
    provisioners,
    stacks,
)

eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
in_reach, to_bus = eventbridge._target_matches_request_scope, eventbridge._dispatch_to_event_bus
eventbridge._target_matches_request_scope = lambda spec: spec.service == "events" or in_reach(spec)


def to_bus_of_any_region(bus, event, rule, *more):
    here = get_region()
    set_request_region(bus.region)
    try:
        # A rule with the same name there is a different rule.
        to_bus(bus, event, {**rule, "Name": f"{here}/{rule['Name']}"}, *more)
    finally:
        set_request_region(here)


eventbridge._dispatch_to_event_bus = to_bus_of_any_region


def with_number(handle):
    """Converts a number that comes from a template parameter: it arrives as text, which neither the SDK nor ministack can use."""
    def handled(*arguments):
        for properties in arguments:
            scaling = properties.get("ScalingConfig") if isinstance(properties, dict) else None
            if scaling and "MaximumConcurrency" in scaling:
                scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return handle(*arguments)
    return handled


mapping = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
mapping.update({does: with_number(mapping[does]) for does in ("create", "update")})

evaluate = engine._evaluate_conditions


def evaluate_all(template, params):
    """Evaluates conditions after filling in what ministack does not know in them."""
    pseudo = {"AWS::Region": get_region(), "AWS::AccountId": get_account_id(), "AWS::Partition": "aws"}
    values = {**{name: str(of["Value"]) for name, of in params.items()}, **pseudo}

    def filled(value):
        if isinstance(value, list):
            return [filled(one) for one in value]
        if not isinstance(value, dict):
            return value
        if value.get("Ref") in pseudo:
            return pseudo[value["Ref"]]
        if "Fn::Sub" in value:
            return re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], value["Fn::Sub"])
        if "Fn::Split" in value:
            separator, text = filled(value["Fn::Split"])
            return text.split(separator)
        return {key: filled(one) for key, one in value.items()}

    return evaluate({**template, "Conditions": filled(template.get("Conditions", {}))}, params)


for module in (changesets, engine, handlers, stacks):
    if hasattr(module, "_evaluate_conditions"):
        module._evaluate_conditions = evaluate_all

sort, resolve = stacks._topological_sort, changesets._resolve_props_for_diff


def that_exist(resources, conditions):
    return [name for name, of in resources.items() if conditions.get(of.get("Condition"), True)]


def sort_those_that_exist(resources, conditions):
    there = that_exist(resources, conditions)
    return [name for name in sort(resources, conditions) if name in there]


def resolve_those_that_exist(template, params, *more):
    resolved = resolve(template, params, *more).get("Resources", {})
    there = that_exist(resolved, evaluate_all(template, params)) if template else []
    return {"Resources": {name: of for name, of in resolved.items() if name in there}}


stacks._topological_sort = sort_those_that_exist
changesets._resolve_props_for_diff = resolve_those_that_exist

policies_of_role = iam_evaluator._gather_role_policies
iam_evaluator._gather_role_policies = lambda role, *more: policies_of_role(role.rsplit("/", 1)[-1], *more)

if __name__ == "__main__":
    main()
