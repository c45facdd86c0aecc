"""ministack, in which AWS itself may send events: like AWS it refuses sources that begin with `aws.` to everyone else.

Run by ministack's own Python.
"""
import functools

from ministack.app import main
from ministack.services import eventbridge, lambda_svc

eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
concurrency = lambda_svc._sqs_esm_concurrency


def as_number(*arguments):
    """A number that is a template's parameter reaches it as text, which it cannot compare."""
    return int(concurrency(*arguments))


lambda_svc._sqs_esm_concurrency = as_number

if __name__ == "__main__":
    main()
