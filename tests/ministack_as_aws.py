"""ministack, in which AWS itself may send events: like AWS it refuses sources that begin with `aws.` to everyone else.
Its rules reach the buses of other Regions, and its mappings have numbers that are numbers, as AWS's do.

Run by ministack's own Python.
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
        # A rule of the same name there is another rule.
        to_bus(bus, event, {**rule, "Name": f"{here}/{rule['Name']}"}, *more)
    finally:
        set_request_region(here)


eventbridge._dispatch_to_event_bus = to_bus_of_any_region


def with_number(handle):
    """A number that is a template's parameter arrives as text, which the SDK cannot read, nor ministack compare."""
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
