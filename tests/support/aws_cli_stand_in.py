"""Stands in for `aws` in a shell: the AWS CLI without its last step. It parses the command, builds the request and validates it against
the API's model; the request is written down in the file `NOTED` instead of sent, and the answer made up from the model.

Runs in the AWS CLI's own Python.
"""
import io
import json
import os
import re
import sys
import types

from awscli.clidriver import create_clidriver


def answered(shape, within=()):
    """An answer of the given shape. Operations have succeeded, and lists have no next page."""
    kind = shape.type_name
    if kind == "structure":
        members = {} if shape.name in within else shape.members
        return {name: answered(member, (*within, shape.name)) for name, member in members.items()
                if not re.search("([Nn]ext|Continuation).*(Token|Marker)", name)}
    if kind == "list":
        return [answered(shape.member, within)]
    if kind == "map":
        return {"key": answered(shape.value, within)}
    if kind == "string":
        name = shape.name.ljust(shape.metadata.get("min", 0), "x")
        return "SUCCEEDED" if "SUCCEEDED" in shape.enum else (*shape.enum, name)[0]
    plain = {"timestamp": "2026-01-01T00:00:00Z", "boolean": False, "blob": io.BytesIO(b"x"), "float": 1.0, "double": 1.0}
    return plain.get(kind, 1)


def stand_in(arguments):
    asked = {}

    def note(params, model, **_):
        asked[model.name] = params

    def answer(model, **_):
        line = {"command": arguments[:2], "operation": model.name, "asked": asked.get(model.name)}
        with open(os.environ["NOTED"], "a") as file:
            file.write(json.dumps(line, default=str) + "\n")
        shape = model.output_shape
        return types.SimpleNamespace(status_code=200), {**(answered(shape) if shape else {}), "ResponseMetadata": {}}

    driver = create_clidriver()
    driver.session.register("before-parameter-build.*.*", note)
    driver.session.register("before-call.*.*", answer)
    return driver.main(arguments)


if __name__ == "__main__":
    sys.exit(stand_in(sys.argv[1:]))
