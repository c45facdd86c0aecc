"""ministack, in which AWS itself may send events: like AWS it refuses sources that begin with `aws.` to everyone else.

Run by ministack's own Python.
"""
import functools

from ministack.app import main
from ministack.services import eventbridge

eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)

if __name__ == "__main__":
    main()
