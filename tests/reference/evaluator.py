"""The reference: R4 search.html applied to resources one by one.

Search(definitions, resources, base).matches("Patient", "name=x&_sort=-birthdate") gives the
matches; order() and included() what is said about them. Nothing is clever here.
"""

import math
import re
import time
import urllib.parse
from decimal import Decimal
from fractions import Fraction

import words
from units import SAME_KIND
from values import INFINITY, Quantity, Values, any_form, date_span, forms, split_reference

UCUM = "http://unitsofmeasure.org"
UNITS = {"km": 1000, "m": 1, "[mi_i]": 1609.344, "[ft_i]": 0.3048, "cm": 0.01}
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
RESULTS = ("_sort", "_count", "_total", "_summary", "_include", "_revinclude", "_elements",
           "_contained", "_containedType", "_format", "_pretty", "_page", "_type")
IDENTITY = re.compile(r"[A-Za-z0-9.-]{1,64}$")


STRING_MAX = 200 # bytes that strings are sorted by; what is longer may stand anywhere behind
ANYWHERE = "anywhere" # what a span of numbers is sorted by: README, "Sorting"


class NotSearchable(Exception):
    """The query asks for what the reference does not know."""


def split(text, separator):
    """Parts of a value; the separator counts where no backslash stands before it."""
    parts, part, at = [], "", 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text) and text[at + 1] in ",|$\\":
            part += text[at:at + 2]
            at += 2
        elif text[at] == separator:
            parts.append(part)
            part = ""
            at += 1
        else:
            part += text[at]
            at += 1
    return parts + [part]


def unescape(text):
    return re.sub(r"\\([,|$\\])", r"\1", text)


def ascii_lower(text):
    return "".join(c.lower() if c.isascii() else c for c in text)


CODES = ("in", "not-in", "above", "below") # modifiers that mean other codes, too


class Resource:
    """A resource, or with `container` one that is contained in it."""

    def __init__(self, content, values, container=None):
        self.content = content
        self.container = container
        self.type = content["resourceType"]
        self.id = content["id"]
        self.key = f"{container.key}#{self.id}" if container else f"{self.type}/{self.id}"
        self.values = values.extract(content, container.content if container else None)
        self.updated = container.updated if container else content.get("meta", {}).get("lastUpdated")


class Search:
    def __init__(self, definitions, contents, base):
        self.definitions = definitions
        self.base = base
        self.values = Values(definitions, base)
        self.by_type, self.by_key, self.inner = {}, {}, {} # inner: contained ones, by type
        for content in contents:
            resource = Resource(content, self.values)
            self.by_type.setdefault(resource.type, []).append(resource)
            self.by_key[resource.key] = resource
            for inner in content.get("contained", []):
                contained = Resource(inner, self.values, resource)
                self.inner.setdefault(contained.type, []).append(contained)
                self.by_key[contained.key] = contained

    def known(self, kind):
        """Resources of a type, and what is contained."""
        return self.by_type.get(kind, []) + self.inner.get(kind, [])

    # ---- which resources match

    def matches(self, where, query):
        """`where`: a type; "" for all, or those of _type; or a compartment, as Patient/1/Condition."""
        criteria = [(name, value) for name, value in self.pairs(query)
                    if name.split(":")[0] not in RESULTS]
        found = [resource for resource in self.candidates(where, query)
                 if all(self.meets(resource, name, value) for name, value in criteria)]
        if dict(self.pairs(query)).get("_containedType", "container") == "container":
            found = list(dict.fromkeys(resource.container or resource for resource in found))
        return found

    def candidates(self, where, query):
        compartment, _, kind = where.rpartition("/")
        types = dict(self.pairs(query)).get("_type", ",".join(sorted(self.by_type))).split(",")
        types = [kind] if kind and kind != "*" else types
        # R4 search.html#contained
        pools = {"false": [self.by_type], "true": [self.inner], "both": [self.by_type, self.inner]}
        return [resource for pool in pools[dict(self.pairs(query)).get("_contained", "false")]
                for each in types for resource in pool.get(each, [])
                if not compartment or self.belongs(resource, compartment)]

    # R4 compartmentdefinition.html: who is referred to by one of the listed parameters

    def belongs(self, resource, compartment):
        if resource.key == compartment:
            return True
        owner = self.by_key.get(compartment)
        codes = self.definitions.compartments[compartment.split("/")[0]].get(resource.type, [])
        return any(owner in self.targets(resource, code) for code in codes)

    @staticmethod
    def pairs(query):
        return urllib.parse.parse_qsl(query, keep_blank_values=True, errors="strict")

    def meets(self, resource, name, text):
        if name.startswith("_has:"):
            return self.meets_has(resource, name[5:], text)
        if "." in name:
            return self.meets_chain(resource, name, text)
        code, _, modifier = name.partition(":")
        alternatives = split(text, ",")
        if code == "_id":
            return resource.id in alternatives
        if code == "_lastUpdated":
            span = date_span(resource.updated)
            return any(self.date_matches(one, span) for one in alternatives)
        if code in ("_text", "_content"):
            return words.meets(text, words.words_of(resource.content, code))
        parameter = self.parameter(resource.type, code)
        values = resource.values.get(code, [])
        if modifier == "missing":
            return (not values) == (text == "true")
        found = any(self.value_matches(parameter.kind, modifier, one, value, parameter)
                    for value in values for one in alternatives)
        return found != (modifier in ("not", "not-in"))

    def parameter(self, kind, code):
        parameter = self.definitions.parameters[kind].get(code)
        if not parameter or (parameter.kind == "special" and code != "near"):
            raise NotSearchable(f"{kind}?{code}")
        return parameter

    # R4 search.html#chaining: one of the targets meets the rest

    def meets_chain(self, resource, name, text):
        head, rest = name.split(".", 1)
        code, _, kind = head.partition(":")
        self.parameter(resource.type, code)
        return any(target and (not kind or target.type == kind) and
                   self.knows(target.type, rest) and self.meets(target, rest, text)
                   for target in self.targets(resource, code))

    def knows(self, kind, name):
        code = name.split(".")[0].split(":")[0]
        return code == "_has" or code in self.definitions.parameters[kind]

    # R4 search.html#has: Type:reference:rest, of the resources that refer to this one

    def meets_has(self, resource, name, text):
        kind, code, rest = name.split(":", 2)
        self.parameter(kind, code)
        return any(resource in self.targets(other, code) and self.meets(other, rest, text)
                   for other in self.around(resource, kind))

    def around(self, resource, kind):
        """Who may refer to it: what is contained, only its container and its neighbours."""
        inner = self.inner.get(kind, []) if resource.container else []
        return self.by_type.get(kind, []) + inner

    def targets(self, resource, code, wanted=None):
        """Resources of this server that a resource refers to by a parameter."""
        found = []
        for value in resource.values.get(code, []):
            target = None
            if value.fragment:
                container = resource.container or resource
                target = self.by_key.get(container.key + value.fragment.rstrip("#"))
            elif value.id and not value.base:
                target = self.by_key.get(f"{value.type}/{value.id}")
            if target:
                if target not in found and (not wanted or target.type == wanted):
                    found.append(target)
        return found

    def value_matches(self, kind, modifier, text, value, parameter):
        if kind == "composite":
            parts = split(text, "$")
            return len(parts) == len(value) and all(
                any(self.value_matches(component.kind, "", part, one, parameter)
                    for one in ones)
                for component, part, ones in zip(parameter.components, parts, value))
        if kind == "token":
            return self.token_matches(modifier, text, value)
        if kind == "string":
            return self.string_matches(modifier, text, value)
        if kind == "uri":
            return self.uri_matches(modifier, text, value)
        if kind == "date":
            return self.date_matches(text, value)
        if kind == "number":
            return self.number_matches(text, value)
        if kind == "quantity":
            return self.quantity_matches(text, value)
        if kind == "special":
            return self.near_matches(text, value)
        return self.reference_matches(modifier, text, value)

    # R4 search.html#token

    def token_matches(self, modifier, text, value):
        parts = [unescape(part) for part in split(text, "|")]
        if modifier == "of-type":
            system, code, identifier = parts
            return value.code is not None and ascii_lower(value.code) == ascii_lower(identifier) \
                and any((of_system or "") == system and of_code is not None and
                        ascii_lower(of_code) == ascii_lower(code)
                        for of_system, of_code in value.types)
        if modifier == "text":
            return value.text is not None and any_form(str.startswith, value.text, text)
        if modifier in CODES:
            return self.code_matches(modifier, parts, value)
        if modifier not in ("", "not"):
            raise NotSearchable(f":{modifier}")
        if len(parts) == 1:
            return value.code is not None and self.same_code(None, parts[0], value.code)
        system, code = parts[0], "|".join(parts[1:])
        if (value.system or "") != system:
            return False
        return not code or (value.code is not None and
                            self.same_code(value.system, code, value.code))

    def code_matches(self, modifier, parts, value):
        """In a value set, or the hierarchy of a code system; of codes that say their system."""
        terminology = self.definitions.terminology
        if modifier in ("in", "not-in"):
            codes = terminology.sets[parts[0]]
        else:
            system, code = parts
            codes = {(system, other) for other in terminology.above[system]
                     if (terminology.is_below(system, other, code) if modifier == "below"
                         else terminology.is_below(system, code, other))} | {(system, code)}
        return value.code is not None and any(
            value.system == system and self.same_code(system, code, value.code)
            for system, code in codes)

    @staticmethod
    def same_code(system, wanted, code):
        """Not case sensitive, but for UCUM when it is named."""
        return wanted == code if system == UCUM else ascii_lower(wanted) == ascii_lower(code)

    # R4 search.html#string

    @staticmethod
    def string_matches(modifier, text, value):
        text = unescape(text)
        if modifier == "exact":
            return text == value
        if modifier == "contains":
            return any_form(str.__contains__, value, text)
        return any_form(str.startswith, value, text)

    # R4 search.html#uri

    @staticmethod
    def uri_matches(modifier, text, value):
        text = unescape(text)
        if modifier not in ("below", "above"):
            return value == text or value.startswith(text + "|")
        # Whole segments of the path; a canonical's version is no part of it.
        text, value = text.rstrip("/"), value.split("|")[0].rstrip("/")
        lower, upper = (value, text) if modifier == "below" else (text, value)
        return lower == upper or lower.startswith(upper + "/")

    # R4 search.html#prefix

    @staticmethod
    def prefix_of(text):
        return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)

    def date_matches(self, text, value):
        prefix, text = self.prefix_of(text)
        low, high = date_span(text.replace(" ", "+"))
        if prefix == "ap":
            gap = abs(int(time.time() * 10**6) - (low + high) // 2) // 10
            low, high = low - gap, high + gap
        start, end = value
        return {"eq": low <= start and end <= high,
                "ne": not (low <= start and end <= high),
                "gt": end > high,
                "lt": start < low,
                "ge": end >= low,
                "le": start <= high,
                "sa": start > high,
                "eb": end < low,
                "ap": start <= high and end >= low}[prefix]

    # R4 search.html#number: with a comparing prefix the number is exact

    @staticmethod
    def precision(text):
        """Half a unit of the last digit. 1e2 stands for [95, 105), as the standard's example."""
        mantissa, _, exponent = text.lower().partition("e")
        digits = len(mantissa.partition(".")[2])
        if exponent and "." not in mantissa:
            digits = 1
        return Decimal(5) * Decimal(10) ** (int(exponent or 0) - digits - 1)

    def number_matches(self, text, value, scale=1):
        """`scale` is what one of the unit that was asked for is in that of the value."""
        prefix, text = self.prefix_of(text)
        number = Fraction(text) * scale
        half = Fraction(self.precision(text)) * scale
        below, above = number - half, number + half
        if prefix == "ap":
            tenth = abs(number) / 10
            below, above = min(below, number - tenth), max(above, number + tenth)
        low, high = (end if end in (INFINITY, -INFINITY) else Fraction(end)
                     for end in (value.low, value.high))
        within = low >= below and (high < above or (high == above and value.open_high))
        return {"eq": within,
                "ne": not within,
                "gt": high > number,
                "lt": low < number,
                "ge": high > number or (high == number and not value.open_high),
                "le": low < number or (low == number and not value.open_low),
                "sa": low > number or (low == number and value.open_low),
                "eb": high < number or (high == number and value.open_high),
                "ap": (high > below or (high == below and not value.open_high)) and
                      (low < above or (low == above and not value.open_low))}[prefix]

    # R4 search.html#quantity

    def quantity_matches(self, text, value):
        parts = split(text, "|")
        system, code = (unescape(parts[1]), unescape(parts[2])) if len(parts) > 1 else ("", "")
        if system == value.system == UCUM and code != value.code:
            kind = SAME_KIND.get(code)
            return kind is not None and value.code in SAME_KIND and \
                kind[0] == SAME_KIND[value.code][0] and \
                self.number_matches(parts[0], value.span, kind[1] / SAME_KIND[value.code][1])
        if not self.number_matches(parts[0], value.span):
            return False
        if len(parts) == 1:
            return True
        if not code:
            return not system or value.system == system
        if system:
            return value.system == system and value.code is not None and \
                self.same_code(system, code, value.code)
        return any(unit is not None and ascii_lower(unit) == ascii_lower(code)
                   for unit in (value.code, value.unit))

    # R4 location.html#search, near: the angle between two places, by their vectors

    @staticmethod
    def near_matches(text, value):
        parts = text.split("|") + ["", ""]
        metres = float(parts[2] or 25) * (UNITS[parts[3] or "km"] if parts[2] else 1000)
        (x, y, z), (u, v, w) = (
            (math.cos(math.radians(north)) * math.cos(math.radians(east)),
             math.cos(math.radians(north)) * math.sin(math.radians(east)),
             math.sin(math.radians(north)))
            for north, east in (value, (float(parts[0]), float(parts[1]))))
        cross = math.hypot(y * w - z * v, z * u - x * w, x * v - y * u)
        return math.atan2(cross, x * u + y * v + z * w) * 6371008.8 <= metres

    # R4 search.html#reference

    def reference_matches(self, modifier, text, value):
        if modifier == "identifier":
            return value.identifier is not None and \
                self.token_matches("", text, value.identifier)
        text = unescape(text)
        if modifier and IDENTITY.match(text):
            text = f"{modifier}/{text}"
        elif modifier and modifier not in self.definitions.resources:
            raise NotSearchable(f":{modifier}")
        if IDENTITY.match(text):
            return value.id == text and not value.base
        literal = split_reference(text, self.base)
        if literal:
            base, kind, identity, version = literal
            if modifier and kind != modifier:
                return False
            if (value.base, value.type, value.id) == (base, kind, identity) and \
                    (version is None or version == value.version):
                return True
        return value.text is not None and (value.text == text or
                                           value.text.startswith(text + "|"))

    # ---- the order of matches: R4 search.html#sort

    def sort_keys(self, kind, query):
        for name, text in self.pairs(query):
            if name == "_sort":
                return [(code.lstrip("-"), code.startswith("-")) for code in text.split(",")]
        return []

    def sort_value(self, resource, code, descending):
        """What counts of several values is what comes first in the order asked for."""
        if code == "_id":
            return resource.id
        if code == "_lastUpdated":
            return date_span(resource.updated)[0]
        if code not in self.definitions.parameters[resource.type]:
            return None
        kind = self.parameter(resource.type, code).kind
        keys = []
        for value in resource.values.get(code, []):
            if kind == "date":
                keys.append(value[0])
            elif kind == "string":
                keys += [form.encode()[:STRING_MAX] for form in forms(value)]
            elif kind in ("number", "quantity"):
                span = value.span if isinstance(value, Quantity) else value
                if span.low != span.high:
                    return ANYWHERE
                keys.append(span.low)
            elif kind == "token" and value.code is not None:
                keys.append(ascii_lower(value.code))
            elif kind == "uri":
                keys.append(value)
            elif kind == "reference" and value.text:
                keys.append(value.text)
        if kind == "string":
            keys = [key for key in keys if key]
        return (max if descending else min)(keys) if keys else None

    def in_order(self, first, second, keys):
        """Whether `second` may stand behind `first`; what has no value comes last."""
        for code, descending in keys:
            a, b = (self.sort_value(one, code, descending) for one in (first, second))
            if ANYWHERE in (a, b):
                return True
            if a == b and isinstance(a, bytes) and len(a) == STRING_MAX:
                return True # they may differ behind that
            if a == b:
                continue
            if a is None or b is None:
                return b is None
            return a > b if descending else a < b
        return True

    # ---- what comes along: R4 search.html#revinclude

    def included(self, found, query):
        """Keys of what is included with these matches, iterated includes until nothing is new."""
        asked = [(name, value) for name, value in self.pairs(query)
                 if name.split(":")[0] in ("_include", "_revinclude")]
        keys, fresh = set(), list(found)
        first = True
        while fresh:
            news = []
            for name, value in asked:
                way, _, iterate = name.partition(":")
                if not first and iterate not in ("iterate", "recurse"):
                    continue
                for resource in fresh:
                    news += self.followed(way, value, resource)
            first = False
            fresh = [one for one in news if one.key not in keys and one not in found]
            keys.update(one.key for one in fresh)
        return keys - {one.key for one in found}

    def followed(self, way, value, resource):
        source, _, rest = value.partition(":")
        code, _, target = rest.partition(":")
        if value == "*":
            source, code = resource.type, "*"
        if way == "_include":
            if resource.type != source:
                return []
            return [one for each in self.codes(source, code)
                    for one in self.targets(resource, each, target) if not one.container]
        if target and target != resource.type:
            return []
        return [other for each in self.codes(source, code)
                for other in self.by_type.get(source, [])
                if resource in self.targets(other, each)]

    def codes(self, kind, code):
        if code != "*":
            return [code]
        return [each for each, parameter in self.definitions.parameters[kind].items()
                if parameter.kind == "reference"]
