"""ministack, changed in three ways to behave like AWS: its event bus accepts sources that begin with `aws.`, its rules can target
buses in other Regions, and its event source mappings have numbers where AWS has numbers.

Runs in ministack's own Python.
"""
import functools

from ministack.app import main
from ministack.core.responses import get_region, set_request_region
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

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

if __name__ == "__main__":
    main()
