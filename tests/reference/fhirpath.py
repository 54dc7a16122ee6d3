"""As much of FHIRPath as the expressions of R4's search parameters use, over parsed JSON.

A node is (type, value, element): the FHIR type, the JSON value (decimals as Decimal), and the
definition of the element it stands in. A primitive with extensions only has the value None.
"""

import collections
import re

Node = collections.namedtuple("Node", "type value element")

TOKEN = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|(%?[A-Za-z_]\w*|\d+)|(!=|>=|<=|[.()|=,\[\]<>]))")


def parse(text):
    """An expression as nested tuples."""
    tokens = []
    at = 0
    text = text.strip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise ValueError(f"{text!r} at {at}")
        string, word, sign = found.groups()
        tokens.append(("string", string) if string is not None else
                      ("word", word) if word else ("sign", sign))
        at = found.end()
    tokens.append(("end", ""))
    parser = Parser(tokens)
    tree = parser.any_and()
    if parser.token[0] != "end":
        raise ValueError(f"{text!r}: {parser.token}")
    return tree


class Parser:
    """and < = != < | < is as < path, as FHIRPath orders them."""

    def __init__(self, tokens):
        self.tokens = tokens

    @property
    def token(self):
        return self.tokens[0]

    def take(self, *wanted):
        if self.token[1] in wanted and self.token[0] != "string":
            return self.tokens.pop(0)[1]
        return None

    def need(self, wanted):
        if not self.take(wanted):
            raise ValueError(f"{wanted} is missing at {self.token}")

    def any_and(self):
        left = self.equality()
        while self.take("and"):
            left = ("and", left, self.equality())
        return left

    def equality(self):
        left = self.union()
        while True:
            sign = self.take("=", "!=")
            if not sign:
                return left
            left = (sign, left, self.union())

    def union(self):
        left = self.type_test()
        while self.take("|"):
            left = ("|", left, self.type_test())
        return left

    def type_test(self):
        left = self.path()
        while True:
            word = self.take("is", "as")
            if not word:
                return left
            left = (word, left, self.tokens.pop(0)[1])

    def path(self):
        left = self.index(self.term(None))
        while self.take("."):
            left = self.index(self.term(left))
        return left

    def index(self, tree):
        if not self.take("["):
            return tree
        number = int(self.tokens.pop(0)[1])
        self.need("]")
        return ("index", tree, number)

    def term(self, focus):
        if focus is None and self.take("("):
            inner = self.any_and()
            self.need(")")
            return inner
        kind, text = self.tokens.pop(0)
        if kind == "string":
            return ("literal", text)
        if kind != "word":
            raise ValueError(f"unexpected {text}")
        if text in ("true", "false") and focus is None:
            return ("literal", text == "true")
        if not self.take("("):
            return ("child", focus, text)
        argument = None if self.token[1] == ")" else self.any_and()
        self.need(")")
        return ("call", focus, text, argument)


class Evaluator:
    def __init__(self, definitions, target_type):
        """`target_type` says of what type the target of a Reference is, or None."""
        self.definitions = definitions
        self.target_type = target_type
        self.parsed = {}

    def evaluate(self, expression, node, root):
        if expression not in self.parsed:
            self.parsed[expression] = parse(expression)
        return self.run(self.parsed[expression], [node], root)

    def run(self, tree, focus, root):
        return getattr(self, "run_" + {
            "and": "and", "=": "equal", "!=": "equal", "|": "union", "is": "is", "as": "as",
            "literal": "literal", "child": "child", "call": "call", "index": "index",
        }[tree[0]])(tree, focus, root)

    def run_index(self, tree, focus, root):
        return self.run(tree[1], focus, root)[tree[2]:tree[2] + 1]

    def run_literal(self, tree, focus, root):
        kind = "boolean" if isinstance(tree[1], bool) else "string"
        return [Node(kind, tree[1], None)]

    def run_and(self, tree, focus, root):
        sides = [self.truth(self.run(side, focus, root)) for side in tree[1:]]
        if False in sides:
            return self.boolean(False)
        return [] if None in sides else self.boolean(True)

    def run_equal(self, tree, focus, root):
        left, right = (self.run(side, focus, root) for side in tree[1:])
        if not left or not right:
            return []
        same = [(n.value) for n in left] == [(n.value) for n in right] and all(
            isinstance(a.value, bool) == isinstance(b.value, bool) for a, b in zip(left, right))
        return self.boolean(same == (tree[0] == "="))

    def run_union(self, tree, focus, root):
        found = []
        for side in tree[1:]:
            for node in self.run(side, focus, root):
                if not any(node.type == other.type and node.value == other.value
                           for other in found):
                    found.append(node)
        return found

    def run_is(self, tree, focus, root):
        nodes = self.run(tree[1], focus, root)
        return self.boolean(self.definitions.is_a(nodes[0].type, tree[2])) if nodes else []

    def run_as(self, tree, focus, root):
        return [n for n in self.run(tree[1], focus, root) if self.is_type(n, tree[2])]

    def run_child(self, tree, focus, root):
        _, before, name = tree
        if name == "%resource":
            return [Node(root["resourceType"], root, None)]
        if before is None:
            # The first name may be the type of what stands in focus.
            named = [n for n in focus if name in (n.type, "Resource", "DomainResource")
                     and n.type in self.definitions.resources]
            if named or name in self.definitions.resources or name in ("Resource",
                                                                      "DomainResource"):
                return named
            return self.children(focus, name)
        return self.children(self.run(before, focus, root), name)

    def run_call(self, tree, focus, root):
        _, before, name, argument = tree
        nodes = focus if before is None else self.run(before, focus, root)
        if name == "exists":
            return self.boolean(bool(nodes))
        if name == "where":
            return [n for n in nodes if self.truth(self.run(argument, [n], root)) is True]
        if name in ("as", "ofType"):
            return [n for n in nodes if self.is_type(n, argument[2])]
        if name == "extension":
            return [n for n in self.children(nodes, "extension")
                    if n.value.get("url") == argument[1]]
        if name == "hasExtension":
            return self.boolean(any(n.value.get("url") == argument[1]
                                    for n in self.children(nodes, "extension")))
        if name == "resolve":
            found = []
            for node in nodes:
                kind = self.target_type(node, root)
                if kind:
                    found.append(Node(kind, {}, None))
            return found
        raise ValueError(f"{name}() is not needed by R4's search parameters")

    def is_type(self, node, name):
        """A choice of datatypes is exact: an Age is no Quantity here."""
        return node.type == name

    @staticmethod
    def boolean(value):
        return [Node("boolean", value, None)]

    @staticmethod
    def truth(nodes):
        if not nodes:
            return None
        return nodes[0].value if isinstance(nodes[0].value, bool) else True

    def children(self, nodes, name):
        return [child for node in nodes for child in self.child(node, name)]

    def child(self, node, name):
        if not isinstance(node.value, dict):
            return
        elements = self.definitions.types.get(node.type, {})
        element = elements.get(name)
        if not element and name.startswith("value"):
            # Packages write `valueDateTime`, the name in JSON, where FHIRPath has `value`.
            yield from (n for n in self.child(node, "value")
                        if name == "value" + n.type[:1].upper() + n.type[1:])
            return
        if not element:
            return
        if element.name.endswith("[x]"):
            names = [(name + kind[:1].upper() + kind[1:], kind) for kind in element.types]
        else:
            names = [(name, kind) for kind in element.types[:1]]
        for key, kind in names:
            values, companions = node.value.get(key), node.value.get("_" + key)
            if not isinstance(values, list):
                values = [values]
                companions = [companions]
            companions = (companions or []) + [None] * len(values)
            for value, companion in zip(values, companions):
                if value is None and companion is None:
                    continue
                found = kind
                if isinstance(value, dict) and "resourceType" in value:
                    found = value["resourceType"]
                yield Node(found, value, element)
