"""What a resource can be found by: elements turned into values (R4 search.html#ptypes).

Each parameter type has its own values; README.md lists the readings.
"""

import calendar
import collections
import datetime
import functools
import itertools
import re
import unicodedata
from decimal import Decimal

from fhirpath import Evaluator, Node

INFINITY = float("inf")

Token = collections.namedtuple("Token", "system code text types", defaults=(None, ()))
Reference = collections.namedtuple("Reference", "text base type id version identifier fragment",
                                   defaults=(None,)) # of something contained, as #id
Span = collections.namedtuple("Span", "low high open_low open_high",
                              defaults=(False, False))   # of numbers
Quantity = collections.namedtuple("Quantity", "span system code unit")

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?"
                  r"(Z|[+-]\d\d:\d\d)?)?)?)?$")
LITERAL = re.compile(r"(?:((?:http|https)://.+)/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})"
                     r"(?:/_history/([A-Za-z0-9.-]{1,64}))?$")
EPOCH = datetime.datetime(1970, 1, 1)
CURRENCIES = "urn:iso:std:iso:4217"

NAME_PARTS = ("family", "given", "prefix", "suffix", "text")
ADDRESS_PARTS = ("line", "city", "district", "state", "postalCode", "country", "text")

LIGATURES = re.compile("[\ufb00-\ufb06\uff01-\uff5e]") # and wide forms
HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]") # README, "Strings"

# Letters that Unicode does not take apart, but which are typed without: README, "Strings".
PLAIN = str.maketrans({
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h",
    "ı": "i", "ŋ": "n", "ŧ": "t", "ſ": "s", "ς": "σ", "µ": "μ"})


def is_separator(c):
    """Punctuation and symbols of the scripts that are folded; an emoji is none."""
    return unicodedata.category(c)[0] in "PSZC" and (ord(c) < 0x2070 or "\u3000" <= c <= "\u3003")


def is_white(c):
    return unicodedata.category(c)[0] == "Z" or unicodedata.category(c) == "Cc"


def is_apostrophe(c):
    return c in "'`\u00b4\u2018\u2019\u201b\u2032" or "\u02b9" <= c <= "\u02df"


def letters(text):
    """Lower case, without marks; separators as they were written."""
    text = LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = "".join(c if HANGUL.match(c) else unicodedata.normalize("NFD", c)
                   for c in unicodedata.normalize("NFC", text))
    text = "".join(unicodedata.normalize("NFD", c.lower()) if not HANGUL.match(c) else c
                   for c in text)
    return "".join(c for c in text if not unicodedata.combining(c)).translate(PLAIN)


@functools.lru_cache(100000)
def fold(text):
    """Lower case, without marks; punctuation and white space of any length are one space."""
    return " ".join("".join(" " if is_separator(c) else c for c in letters(text)).split())


@functools.lru_cache(100000)
def forms(text):
    """As it may be read: punctuation as a space, as nothing, or only apostrophes as nothing."""
    runs = [(separates, "".join(run))
            for separates, run in itertools.groupby(letters(text), is_separator)]
    if runs and runs[0][0]:
        runs = runs[1:]
    if runs and runs[-1][0]:
        runs = runs[:-1]
    read = set()
    for is_nothing in (lambda run: False,
                       lambda run: not any(map(is_white, run)),
                       lambda run: all(map(is_apostrophe, run))):
        read.add("".join(run if not separates else "" if is_nothing(run) else " "
                         for separates, run in runs))
    return read - {""}


def any_form(holds, value, text):
    """Whether the relation holds between some form of the one and some of the other."""
    return any(holds(one, other) for one in forms(value) for other in forms(text))


@functools.lru_cache(100000)
def date_span(text):
    """The microseconds since 1970 that a date stands for, first and last, or None.

    Without a zone, UTC is meant (the server's documented choice)."""
    found = DATE.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        start = datetime.datetime(int(year), int(month or 1), int(day or 1), int(hour or 0),
                                  int(minute or 0), min(59, int(second or 0))) # README, "Leap"
    except ValueError:
        return None
    low = (start - EPOCH) // datetime.timedelta(microseconds=1)
    if not month:
        length = (366 if calendar.isleap(int(year)) else 365) * 86400 * 10**6
    elif not day:
        length = calendar.monthrange(int(year), int(month))[1] * 86400 * 10**6
    elif not hour:
        length = 86400 * 10**6
    elif not second:
        length = 60 * 10**6
    else:
        digits = (fraction or "")[:6]
        low += int((digits + "000000")[:6])
        length = 10 ** (6 - len(digits))
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60 * 10**6
        low -= offset if zone[0] == "+" else -offset
    return low, low + length - 1


def split_reference(text, own_base):
    """(base, type, id, version) of a literal reference; base None when it is of this server."""
    found = LITERAL.match(text)
    if not found:
        return None
    base, kind, identity, version = found.groups()
    return (None if base == own_base else base), kind, identity, version


class Values:
    """Values of resources, by parameter code."""

    def __init__(self, definitions, own_base):
        self.definitions = definitions
        self.own_base = own_base
        self.evaluator = Evaluator(definitions, self.target_type)

    def target_type(self, node, root):
        """Of what type is the resource that a reference means? As far as the reference itself says."""
        value = node.value
        if isinstance(value, dict) and "resourceType" in value:
            return value["resourceType"]
        text = value.get("reference") if isinstance(value, dict) else value
        if isinstance(text, str):
            if text.startswith("#"):
                for contained in root.get("contained", []):
                    if contained.get("id") == text[1:]:
                        return contained["resourceType"]
            literal = split_reference(text, self.own_base)
            if literal and literal[1] in self.definitions.resources:
                return literal[1]
        return value.get("type") if isinstance(value, dict) else None

    def extract(self, resource, container=None):
        """{code: [value]} for every parameter of the resource's type."""
        outer = container or resource
        kind = resource["resourceType"]
        root = Node(kind, resource, None)
        found = {}
        for code, parameter in self.definitions.parameters[kind].items():
            if code in ("_id", "_lastUpdated"):
                continue
            if parameter.kind == "special":
                if code == "near" and "position" in resource:
                    found[code] = [(float(resource["position"]["latitude"]),
                                    float(resource["position"]["longitude"]))]
                continue
            values = []
            for node in self.evaluator.evaluate(parameter.expression or kind, root, outer):
                if parameter.components:
                    values += self.combine(parameter, node, outer)
                else:
                    values += self.convert(parameter.kind, node)
            if values:
                found[code] = values
        return found

    def combine(self, parameter, node, resource):
        parts = []
        for component in parameter.components:
            parts.append([value
                          for found in self.evaluator.evaluate(component.expression, node, resource)
                          for value in self.convert(component.kind, found)])
        return [tuple(parts)] if all(parts) else []

    def convert(self, kind, node):
        if node.type == "Extension":
            nodes = self.evaluator.children([node], "value")
            return [value for inner in nodes for value in self.convert(kind, inner)]
        return list(getattr(self, "as_" + kind)(node))

    # R4 search.html#token

    def as_token(self, node):
        value = node.value
        if value is None:
            return
        if node.type == "CodeableConcept":
            for coding in value.get("coding", []):
                yield from self.as_token(Node("Coding", coding, None))
            if "text" in value:
                yield Token(None, None, value["text"])
        elif node.type == "Coding":
            if value.keys() & {"system", "code", "display"}:
                yield Token(value.get("system"), value.get("code"), value.get("display"))
        elif node.type == "Identifier":
            if value.keys() & {"system", "value"}:
                kind = value.get("type", {})
                yield Token(value.get("system"), value.get("value"), kind.get("text"),
                            tuple((c.get("system"), c.get("code"))
                                  for c in kind.get("coding", [])))
        elif node.type == "ContactPoint":
            if "value" in value:
                yield Token(None, value["value"])
        elif node.type == "boolean":
            yield Token(None, "true" if value else "false")
        elif node.type == "code" and node.element is not None and node.element.binding:
            yield Token(self.definitions.system_of(node.element.binding), value)
        elif isinstance(value, str):
            yield Token(None, value)

    # R4 search.html#string

    def as_string(self, node):
        value = node.value
        parts = {"HumanName": NAME_PARTS, "Address": ADDRESS_PARTS}.get(node.type)
        if parts:
            for part in parts:
                texts = value.get(part, [])
                for text in [texts] if isinstance(texts, str) else texts:
                    if text:
                        yield text
        elif isinstance(value, str):
            yield value

    def as_uri(self, node):
        if isinstance(node.value, str):
            yield node.value

    # R4 search.html#reference

    def as_reference(self, node):
        value = node.value
        if isinstance(value, str):
            value = {"reference": value}
        elif node.type in self.definitions.resources:
            value = {"reference": f"{node.type}/{value['id']}"} if "id" in value else {}
        if not value or not value.keys() & {"reference", "identifier", "display"}:
            return
        text = value.get("reference")
        identifier = value.get("identifier")
        token = Token(identifier.get("system"), identifier.get("value")) if identifier else None
        base, kind, identity, version = None, value.get("type"), None, None
        if text and not text.startswith("#"):
            base, kind, identity, version = (split_reference(text, self.own_base)
                                             or (None, kind, None, None))
        fragment = text if text and text.startswith("#") else None
        yield Reference(None if fragment else text, base, kind, identity, version, token, fragment)

    # R4 search.html#date

    def as_date(self, node):
        value = node.value
        if node.type == "Period":
            span = self.period(value)
            if span:
                yield span
        elif node.type == "Timing":
            spans = [date_span(event) for event in value.get("event", []) if event]
            spans.append(self.period(value.get("repeat", {}).get("boundsPeriod", {})))
            spans = [span for span in spans if span]
            if spans:
                yield min(low for low, _ in spans), max(high for _, high in spans)
        elif isinstance(value, str) and node.type in ("date", "dateTime", "instant"):
            span = date_span(value)
            if span:
                yield span

    @staticmethod
    def period(value):
        start = date_span(value["start"]) if value.get("start") else None
        end = date_span(value["end"]) if value.get("end") else None
        if not start and not end:
            return None
        return start[0] if start else -INFINITY, end[1] if end else INFINITY

    # R4 search.html#number, #quantity

    def as_number(self, node):
        if node.type == "Range":
            yield from (quantity.span for quantity in self.as_quantity(node))
        elif isinstance(node.value, (int, Decimal)) and not isinstance(node.value, bool):
            yield Span(Decimal(node.value), Decimal(node.value))

    def as_quantity(self, node):
        value = node.value
        if not isinstance(value, dict):
            return
        if node.type == "Range":
            low, high = value.get("low", {}), value.get("high", {})
            unit = low if low else high
            if "value" in low or "value" in high:
                yield Quantity(Span(Decimal(low["value"]) if "value" in low else -INFINITY,
                                    Decimal(high["value"]) if "value" in high else INFINITY),
                               unit.get("system"), unit.get("code"), unit.get("unit"))
        elif "value" not in value:
            return
        elif node.type == "Money":
            number = Decimal(value["value"])
            yield Quantity(Span(number, number), CURRENCIES if "currency" in value else None,
                           value.get("currency"), None)
        elif self.definitions.is_a(node.type, "Quantity"):
            number = Decimal(value["value"])
            span = {"<": Span(-INFINITY, number, open_high=True),
                    "<=": Span(-INFINITY, number),
                    ">": Span(number, INFINITY, open_low=True),
                    ">=": Span(number, INFINITY)}.get(value.get("comparator"),
                                                      Span(number, number))
            yield Quantity(span, value.get("system"), value.get("code"), value.get("unit"))
