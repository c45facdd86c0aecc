"""ministack, in which AWS itself may send events: like AWS it refuses sources that begin with `aws.` to everyone else.
And in which rules reach the buses of other Regions, as AWS's do.

Run by ministack's own Python.
"""
import functools

from ministack.app import main
from ministack.core.responses import get_region, set_request_region
from ministack.services import eventbridge, lambda_svc

eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
in_reach, to_bus = eventbridge._target_matches_request_scope, eventbridge._dispatch_to_event_bus
eventbridge._target_matches_request_scope = lambda spec: spec.service == "events" or in_reach(spec)
concurrency = lambda_svc._sqs_esm_concurrency


def to_bus_of_any_region(bus, event, rule, *more):
    here = get_region()
    set_request_region(bus.region)
    try:
        # A rule of the same name there is another rule.
        to_bus(bus, event, {**rule, "Name": f"{here}/{rule['Name']}"}, *more)
    finally:
        set_request_region(here)


eventbridge._dispatch_to_event_bus = to_bus_of_any_region


def with_number(mapping, *more):
    """A number that is a template's parameter reaches it as text, which it cannot compare, nor the SDK read."""
    scaling = mapping.get("ScalingConfig") or {}
    if "MaximumConcurrency" in scaling:
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
    return concurrency(mapping, *more)


lambda_svc._sqs_esm_concurrency = with_number

if __name__ == "__main__":
    main()
