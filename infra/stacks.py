"""What a stack has in a Region: the resources of a template whose conditions hold. Needs nothing but Python, for `infra/costs.py`;
the tests read templates as YAML (tests/support/cloudformation.py), and compare."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
# A tag such as `!Equals`, a quoted text, punctuation, a word.
TOKEN = re.compile(r"""!\w+|"[^"]*"|'[^']*'|[\[\],]|[^\s\[\],]+""")


def text_of(template):
    with open(os.path.join(HERE, f"{template}.yaml"), encoding="utf-8") as file:
        return file.read()


def section(text, name):
    """The lines below a key of the template."""
    return re.search(rf"^{name}:\n((?:(?: .*)?\n)+)", text, re.M)[1]


def parameters(template):
    """The parameters of a template with their attributes, as plain text."""
    blocks = re.findall(r"^  (\w+):\n((?:    .*\n?)+)", section(text_of(template), "Parameters"), re.M)
    return {name: dict(re.findall(r"^    (\w+): (.*)$", block, re.M)) for name, block in blocks}


class Stack:
    """`resources` by logical id: the type, and the lines of the rest."""

    def __init__(self, template, region, **given):
        text = text_of(template)
        defaults = {name: of.get("Default", "").strip('"') for name, of in parameters(template).items()}
        self.values = {"AWS::Region": region, "AWS::Partition": "aws", **defaults, **given}
        self.conditions = dict(re.findall(r"^  (\w+): (.*(?:\n    - .*)*)$", section(text, "Conditions"), re.M))
        blocks = re.findall(r"^  (\w+):\n    Type: (\S+)\n((?:    .*\n|\n)*)", section(text, "Resources"), re.M)
        self.resources = {name: (kind, rest) for name, kind, rest in blocks if self.has(rest)}

    def of(self, kind):
        """The lines of each resource of a type."""
        return [rest for one, rest in self.resources.values() if one == kind]

    def has(self, rest):
        condition = re.search(r"^    Condition: (\w+)$", rest, re.M)
        return condition is None or self.holds(condition[1])

    def holds(self, condition):
        expression = self.conditions[condition]
        if "\n" in expression:
            function, *items = re.split(r"\n    - ", expression)
            expression = f"{function} [{', '.join(items)}]"
        return self.value(TOKEN.findall(expression))

    def value(self, tokens):
        """The value of the expression that the tokens begin with; takes its tokens away."""
        token = tokens.pop(0)
        if token.startswith("!"):
            return self.apply(token[1:], self.value(tokens))
        if token != "[":
            return token.strip("\"'")
        items = []
        while tokens[0] != "]":
            items.append(self.value(tokens))
            if tokens[0] == ",":
                tokens.pop(0)
        tokens.pop(0)
        return items

    def apply(self, function, argument):
        functions = {
            "Ref": lambda: self.values[argument], "Condition": lambda: self.holds(argument), "Equals": lambda: len({*argument}) == 1,
            "Not": lambda: not argument[0], "And": lambda: all(argument), "Or": lambda: any(argument),
            "Sub": lambda: re.sub(r"\$\{([^}]+)\}", lambda found: self.values[found[1]], argument),
            "Split": lambda: argument[1].split(argument[0]), "Select": lambda: argument[1][int(argument[0])],
        }
        return functions[function]()
