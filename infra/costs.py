#!/usr/bin/env python3
"""Prints what aws-tags costs a month, as the tables of infra/README.md: prices, quantities, and what follows from both.

Counts of alarms, metrics, keys and schedules are those of the templates and functions; what an account does is assumed below. Three
Regions: the home Region with both functions, us-east-1 with a recorder and a forwarder, and one with a forwarder only.

examples:
  infra/costs.py
  infra/costs.py --command target/debug/catalog
"""
import argparse
import json
import os
import re
import subprocess
from collections import Counter, defaultdict, namedtuple
from functools import partial

from stacks import HERE, Stack

# With the features of everything else: any other choice would build the AWS SDK again.
BUILT = ["cargo", "run", "--quiet", "--locked", "--all-features", "--bin", "catalog", "--"]

Price = namedtuple("Price", "dollars per what source")
# List prices of us-east-1 in November 2026, without free tiers, which an organisation has once.
PRICES = {
    "alarms": Price(0.10, 1, "metric of an alarm and month", "cloudwatch/pricing"),
    "metrics": Price(0.30, 1, "custom metric and month, by the hour; of an organisation the first 10,000 in a Region", "cloudwatch/pricing"),
    "more metrics": Price(0.10, 1, "the next 240,000", "cloudwatch/pricing"),
    "dashboards": Price(3.00, 1, "dashboard and month", "cloudwatch/pricing"),
    "logs": Price(0.50, 1, "GB of logs", "cloudwatch/pricing"),
    "stored logs": Price(0.03, 1, "GB of logs and month", "cloudwatch/pricing"),
    "SQS requests": Price(0.40, 1_000_000, "requests", "sqs/pricing"),
    "Lambda requests": Price(0.20, 1_000_000, "requests", "lambda/pricing"),
    "Lambda time": Price(0.0000133334, 1, "GB-second on arm64", "lambda/pricing"),
    "forwarded events": Price(1.00, 1_000_000, "events to another Region's bus", "eventbridge/pricing"),
    "table writes": Price(0.625, 1_000_000, "items of up to 1 KB", "dynamodb/pricing/on-demand"),
    "table reads": Price(0.125, 1_000_000, "reads of up to 4 KB, half for eventual consistency", "dynamodb/pricing/on-demand"),
    "stored items": Price(0.45, 1, "GB and month, with point-in-time recovery", "dynamodb/pricing/on-demand"),
    "keys": Price(1.00, 1, "key and month", "kms/pricing"),
    "key calls": Price(0.03, 10_000, "calls", "kms/pricing"),
}
METRICS_AT_FULL_PRICE = 10_000

MINUTES = 30 * 24 * 60
# Lambda polls a queue that is quiet with five long polls of 20 seconds each. Only provisioned mode has another number, two at least;
# its pollers are paid for by the hour besides. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
# https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedPollerConfig.html
POLLS = 5 * 3 * MINUTES
# SQS uses a data key for five minutes: two for senders and one for the receiver of a queue in steady use.
KEY_CALLS = 3 * MINUTES // 5
GB_OF_FUNCTION = 128 / 1024
KB = 1 / 1_000_000
# Lambda's own lines of an invocation, and the log line of an event.
INVOCATION, LINE = 0.3, 0.8
# The line of metrics of an invocation.
METRICS_LINE = {"minimal": {"tag-handler": 0.25, "session-recorder": 0}, "full": {"tag-handler": 0.9, "session-recorder": 0.5}}

Account = namedtuple("Account", "creations sts elsewhere batch attempts hours services")
ACCOUNTS = {
    "quiet": Account(creations=300, sts=15_000, elsewhere=0.5, batch=1, attempts=1.5, hours=4, services=2),
    "busy": Account(creations=30_000, sts=1_500_000, elsewhere=0.5, batch=5, attempts=1.5, hours=24, services=20),
}
SAID = {
    "creations": "creation events a month",
    "sts": "STS events a month",
    "elsewhere": "share of them in other Regions, whose events are forwarded (STS events of us-east-1 are not)",
    "batch": "events that a function takes at once",
    "attempts": "times that a creation event comes, as sessions and resources are waited for",
    "hours": "hours of a day in which something is created",
    "services": "services in which something is created in such an hour",
}
# Metrics by service that are not zero where something is created; of the recorder always.
OF_A_SERVICE, OF_THE_RECORDER = 4, 3
# Time of one invocation, in seconds: waiting for AWS, mostly. Of the handler it is one call that reads tags and one that writes them.
HANDLER_SECONDS, RECORDER_SECONDS = 0.1, 0.02
# Time of a page of CloudTrail's history, of which there are two a second at most.
PAGE_SECONDS = 0.7
SIZES = (1, 80, 500)
HOME, GLOBAL, OTHER = "eu-west-1", "us-east-1", "eu-west-3"


def stacks(monitoring, key="aws-owned"):
    """The stacks of an account: template, Region, stack."""
    given = {"Monitoring": monitoring, "EncryptionKey": key}
    where = [("tag-handler", HOME), ("session-recorder", HOME), ("session-recorder", GLOBAL), ("region-forwarder", GLOBAL),
             ("region-forwarder", OTHER)]
    home = {"session-recorder": {"HomeRegion": HOME}, "region-forwarder": {"HomeRegion": HOME}}
    return [(name, region, Stack(name, region, **given, **home.get(name, {}))) for name, region in where]


def fixed(stack):
    """What a stack costs whatever happens, by cause."""
    watched = sum(max(1, rest.count('"MetricStat"')) for rest in stack.of("AWS::CloudWatch::Alarm"))
    keys, fed = len(stack.of("AWS::KMS::Key")), len(stack.of("AWS::Lambda::EventSourceMapping"))
    return {
        "alarms": {"alarms": watched},
        "dashboard": {"dashboards": len(stack.of("AWS::CloudWatch::Dashboard"))},
        "keys": {"keys": keys, "key calls": KEY_CALLS * fed if keys else 0},
        "Lambda's polling of quiet queues": {"SQS requests": POLLS * fed},
    }


def beats(stack):
    """How often a month the schedules of a stack send something."""
    minutes = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 24 * 60}
    rates = re.findall(r"rate\((\d+) (\w+)\)", "".join(stack.of("AWS::Events::Rule")))
    return sum(MINUTES / (int(count) * minutes[unit]) for count, unit in rates)


def heartbeats(name, count, monitoring):
    """What that many heartbeats cost."""
    if name == "region-forwarder":
        return Counter({"forwarded events": count})
    handles = name == "tag-handler"
    table = "table reads" if handles else "table writes"
    return taken(name, count, 1, monitoring) + Counter({table: count / 2 if handles else count})


def taken(name, events, batch, monitoring, again=False):
    """What a function costs to take events, without the table. What comes again is not sent, but received and hidden."""
    invocations = events / batch
    seconds = HANDLER_SECONDS if name == "tag-handler" else RECORDER_SECONDS
    # Each further event of a batch takes a quarter of the time.
    seconds *= 1 + (batch - 1) / 4
    kilobytes = events * LINE + invocations * (INVOCATION + METRICS_LINE[monitoring][name])
    return Counter({
        "SQS requests": (0 if again else events) + 2 * invocations, "Lambda requests": invocations,
        "Lambda time": invocations * seconds * GB_OF_FUNCTION, "logs": kilobytes * KB, "stored logs": kilobytes * KB,
    })


def creation_events(events, batch, monitoring, again=False):
    """A principal's sessions are read once in five minutes, and so for each batch at most."""
    return taken("tag-handler", events, batch, monitoring, again) + Counter({"table reads": events / batch / 2})


def sts_events(events, batch, monitoring):
    """A session of 1 KB is in the table for 14 days."""
    table = Counter({"table writes": events, "stored items": events * 14 / 30 * KB})
    return taken("session-recorder", events, batch, monitoring) + table


def usage(account, monitoring):
    """What the events of a month cost, by cause."""
    again = account.creations * (account.attempts - 1)
    away = account.elsewhere * (account.creations + account.sts / 2)
    return {
        "creation events": creation_events(account.creations, account.batch, monitoring),
        "waiting: what comes again": creation_events(again, account.batch, monitoring, again=True),
        "STS events": sts_events(account.sts, account.batch, monitoring),
        "forwarding": {"forwarded events": away},
    }


def sweep(account):
    """What `SweepRegions` with three Regions adds: the alarm; a message a day, and one for each Region; notes of what arrived, an item
    for each batch; and the time of looking up. A creation is one of ten calls that write."""
    alarm = Counter(alarms=1)
    messages = taken("tag-handler", 30 * (1 + 3), 1, "minimal") + Counter({"table writes": 30, "table reads": 30 * 3 * 24})
    pages = 30 * 3 + 10 * account.creations / 50
    looking_up = Counter({"Lambda time": pages * PAGE_SECONDS * GB_OF_FUNCTION})
    return alarm + messages + looking_up + Counter({"table writes": account.attempts * account.creations / account.batch})


def metrics(account, monitoring, names):
    """Custom metrics that are reported all the time, where all is well."""
    if monitoring == "minimal":
        # `Events` alone: the others count what goes wrong.
        return account.hours / 24
    recorders = 2 * (sum(one["function"] == "session-recorder" for one in names) + OF_THE_RECORDER)
    handler = sum(one["function"] == "tag-handler" for one in names)
    return recorders + handler + OF_A_SERVICE * account.services * account.hours / 24


def month(kind, monitoring, names, key="aws-owned"):
    """The quantities of an account's month, by cause."""
    account, of_all = ACCOUNTS[kind], stacks(monitoring, key)
    causes = defaultdict(Counter, {"custom metrics": Counter({"metrics": metrics(account, monitoring, names)})})
    for name, _, stack in of_all:
        for cause, quantities in {**fixed(stack), "heartbeats": heartbeats(name, beats(stack), monitoring)}.items():
            causes[cause].update(quantities)
    for cause, quantities in usage(account, monitoring).items():
        causes[cause].update(quantities)
    return causes


def dollars(quantities, accounts=1):
    """What so many accounts with these quantities cost, in dollars."""
    total = {what: count * accounts for what, count in quantities.items()}
    total["more metrics"] = max(0, total.get("metrics", 0) - METRICS_AT_FULL_PRICE)
    total["metrics"] = total.get("metrics", 0) - total["more metrics"]
    return sum(count * PRICES[what].dollars / PRICES[what].per for what, count in total.items())


def total(causes, accounts=1):
    return dollars(sum(causes.values(), Counter()), accounts)


def of_a_stack(name, region, monitoring="minimal"):
    """What a stack costs where nothing happens, in dollars."""
    (stack,) = (stack for one, where, stack in stacks(monitoring) if (one, where) == (name, region))
    causes = {**fixed(stack), "heartbeats": heartbeats(name, beats(stack), monitoring)}
    return sum(map(dollars, causes.values()))


def money(value):
    return f"${value:,.2f}" if value < 1000 else f"${value:,.0f}"


def row(*cells):
    return f"| {' | '.join(map(str, cells))} |"


def markdown(names):
    """All tables, as lines."""
    lines = ["", row("Price", "of", "Source"), row("---", "---", "---")]
    for price in PRICES.values():
        per = f"{price.per:,} " if price.per > 1 else ""
        dollar = f"{price.dollars:.10f}".rstrip("0") if price.dollars < 0.01 else f"{price.dollars:.3f}".removesuffix("0")
        service = price.source.split("/")[0]
        lines.append(row(f"${dollar}", per + price.what, f"[{service}](https://aws.amazon.com/{price.source}/)"))
    lines += ["", row("Assumed", *ACCOUNTS), row("---", *("---" for _ in ACCOUNTS))]
    lines += [row(said, *(f"{getattr(account, field):,}" for account in ACCOUNTS.values())) for field, said in SAID.items()]
    lines += ["", row("Counted", "minimal", "full"), row("---", "---", "---")]
    both = {monitoring: stacks(monitoring) for monitoring in ("minimal", "full")}
    for nth, (name, region, _) in enumerate(both["minimal"]):
        place = {HOME: "home Region", GLOBAL: "us-east-1", OTHER: "other Region"}[region]
        cells = [fixed(of_all[nth][2])["alarms"]["alarms"] for of_all in both.values()]
        lines.append(row(f"metrics that alarms of {name} watch, {place}", *cells))
    for function in ("tag-handler", "session-recorder"):
        mine = [one for one in names if one["function"] == function]
        minimal = sum(one["minimal"] for one in mine)
        lines.append(row(f"custom metrics of {function}", f"{minimal}, where not zero" if minimal else "none", f"{len(mine)}, and those by service"))
    months = {(kind, monitoring): month(kind, monitoring, names) for kind in ACCOUNTS for monitoring in both}
    heads = [f"{kind}, {monitoring}" for kind, monitoring in months]
    lines += ["", row("One account and month", *heads), row("---", *("---:" for _ in heads))]
    for cause in next(iter(months.values())):
        cells = [dollars(causes[cause]) for causes in months.values()]
        if any(cells):
            lines.append(row(cause, *map(money, cells)))
    lines.append(row("**total**", *(f"**{money(total(causes))}**" for causes in months.values())))
    lines += ["", row("Accounts", *heads), row("---:", *("---:" for _ in heads))]
    lines += [row(size, *(money(total(causes, size)) for causes in months.values())) for size in SIZES]
    lines += ["", row("A million of", "alone", "ten at once"), row("---", "---:", "---:")]
    for said, cost in (("creation events", creation_events), ("creation events that come again", partial(creation_events, again=True)),
                       ("STS events", sts_events), ("events forwarded, besides", None)):
        cells = [dollars(cost(1_000_000, batch, "minimal") if cost else {"forwarded events": 1_000_000}) for batch in (1, 10)]
        lines.append(row(said, *map(money, cells)))
    keys = total(month("quiet", "minimal", names, "customer-managed")) - total(months["quiet", "minimal"])
    sweeps = [money(dollars(sweep(account))) for account in ACCOUNTS.values()]
    return [*lines, "", f"`EncryptionKey=customer-managed` adds {money(keys)}, and `SweepRegions` with three Regions "
            f"{sweeps[0]} in the quiet account and {sweeps[1]} in the busy one. With minimal monitoring, each further Region with a forwarder "
            f"costs {money(of_a_stack('region-forwarder', OTHER))} a month, each further recorder "
            f"{money(of_a_stack('session-recorder', GLOBAL))}, without their events.", ""]


def emitted(command=None):
    """The metrics of the functions, as the built code lists them."""
    out = subprocess.run([*([command] if command else BUILT), "metrics"], cwd=HERE, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return [json.loads(line) for line in out.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", type=os.path.abspath, help="path of a built `catalog` (default: build it)")
    print("\n".join(markdown(emitted(parser.parse_args().command))))


if __name__ == "__main__":
    main()
