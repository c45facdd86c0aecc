#!/usr/bin/env python3
"""Writes the README's service list and settings from the tables that are compiled in.

With --check it writes nothing and fails where the README says otherwise.
"""
import collections
import json
import os
import re
import subprocess
import sys

from local_aws import COMMAND, ROOT, read
from stack import build


def table(command):
    out = subprocess.run([COMMAND, command, "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def services():
    rows = collections.defaultdict(list)
    for row in table("services"):
        rows[row["tier"]].append(row)
    lines = by_hand(rows["original"]) + [""]
    for tier in ("common", "all"):
        names = collections.defaultdict(lambda: [set(), 0])
        for row in rows[tier]:
            kinds = names[row["eventSource"].removesuffix(".amazonaws.com")]
            kinds[0].add(row["resource"])
            kinds[1] += 1
        count = sum(len(kinds - {None}) for kinds, _ in names.values())
        what = "Common services" if tier == "common" else "All other services"
        lines += [f"**{what}** ({len(names)} with {count} kinds of resources, by generated rows): "
                  + ", ".join(f"{name} {len(kinds - {None})}" for name, (kinds, _) in names.items()) + ".", ""]
    return "\n".join(lines).strip()


def by_hand(rows):
    calls = collections.defaultdict(lambda: collections.defaultdict(list))
    routes = collections.defaultdict(set)
    for row in rows:
        source = row["eventSource"].removesuffix(".amazonaws.com")
        kind = (row["resource"] or "").split(":")[-1]
        if kind:
            routes[source].add(f"`{row['taggedBy']}`")
            kind += " (look-up)" if row["found"] == "by look-up" else ""
        calls[source][row["call"]].append(kind or f"nothing: {row['reason']}")
    lines = []
    for source, rows in calls.items():
        lines += [f"<details><summary><b>{source}</b>: {len(rows)} calls, tagged by {', '.join(sorted(routes[source]))}</summary>", ""]
        lines += ["| Call | Creates |", "|---|---|"]
        lines += [f"| {call} | {', '.join(dict.fromkeys(kinds))} |" for call, kinds in rows.items()]
        lines += ["", "</details>", ""]
    return lines


def settings():
    lines = ["| Variable | Default | Allowed | Effect |", "|---|---|---|---|"]
    for row in table("settings"):
        default = f"`{row['default']}`" if row["default"] else "empty"
        lines.append(f"| `{row['name']}` | {default} | {row['allowed']} | {row['effect']} |")
    return "\n".join(lines)


def main():
    build()
    path = os.path.join(ROOT, "README.md")
    old = new = read(path)
    for name, text in (("services", services()), ("settings", settings())):
        begin, end = f"<!-- {name}: written by tests/readme.py -->", f"<!-- end of {name} -->"
        new, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n\n{text}\n\n{end}", new, flags=re.S)
        if count != 1:
            sys.exit(f"README.md has no part `{begin}`")
    if new == old:
        return
    if "--check" in sys.argv:
        sys.exit("README.md does not say what the tables say: run `make snapshots`")
    with open(path, "w") as file:
        file.write(new)


main()
