"""Random searches, their values mostly drawn from the data: the same for the same seed and number."""

import datetime
import random
import re
import unicodedata
import urllib.parse
from decimal import Decimal

import words
from evaluator import CODES, PREFIXES, UCUM
from values import HANGUL, INFINITY, fold

MASSES = {"mg": -3, "g": 0, "kg": 3, "Mg": 6}
SORTABLE = ("date", "string", "number", "quantity")


def escape(text):
    return re.sub(r"([,|$\\])", r"\\\1", text)


def encode(text):
    return urllib.parse.quote(text, safe="|,:/$")


class Queries:
    def __init__(self, search, seed, features):
        """`features`: names of what may be asked beyond plain criteria, see FEATURES."""
        self.search = search
        self.definitions = search.definitions
        self.seed = seed
        self.features = features
        self.kinds = sorted(search.by_type)
        self.chosen = [kind for kind in self.kinds
                       for _ in range(3 if kind in ("Observation", "Patient") else 1)]
        self.random = None
        self.focus = None # whom the values are drawn from, so that several criteria find somebody

    def one(self, items):
        return self.random.choice(items)

    def chance(self, share):
        return self.random.random() < share

    def make(self, number):
        """Query `number`: (where, query string); for where see Search.matches()."""
        self.random = random.Random(f"queries {self.seed} {number}")
        kind = self.one(self.chosen)
        if "system" in self.features and self.chance(0.05):
            return self.over_types()
        if "contained" in self.features and self.chance(0.07):
            return self.contained()
        self.focus = self.one(self.search.by_type[kind]) if self.chance(0.7) else None
        pairs = []
        for _ in range(self.one([1, 1, 1, 2, 2, 3])):
            focus = self.focus
            pairs += self.criterion(kind)
            self.focus = focus # a chain has moved it
        pairs += self.shape(kind)
        if "compartment" in self.features and self.chance(0.05):
            kind = self.compartment(kind)
        return kind, self.written(pairs)

    def contained(self):
        """What resources contain, or their containers, perhaps with resources as well."""
        kind = self.one(sorted(kind for kind in self.search.inner if kind in self.search.by_type))
        pairs = []
        for _ in range(self.one([0, 1, 1, 1, 2])):
            self.focus = self.one(self.search.inner[kind]) if self.chance(0.9) else None
            pairs += self.criterion(kind)
        which, form = self.one(["true", "true", "both"]), self.one(["", "container", "contained"])
        pairs.append(("_contained", which))
        if form:
            pairs.append(("_containedType", form))
        alone = which == "true" and form == "contained"
        if self.chance(0.3):
            sort = self.sort(kind) if alone else self.one(["_lastUpdated", "-_lastUpdated", "-_id"])
            if form != "contained" or "_id" not in sort:
                pairs.append(("_sort", sort))
        if self.chance(0.4):
            pairs.append(("_count", str(self.one([1, 2, 5, 50]))))
        if self.chance(0.3):
            pairs.append(self.one([("_total", "accurate"), ("_summary", "count")]))
        return kind, self.written(pairs)

    @staticmethod
    def written(pairs):
        return "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs)

    def compartment(self, kind):
        """In the compartment of somebody, mostly of the one whom the values are from."""
        owner = self.one(["Patient", "Patient", "Encounter", "Practitioner", "RelatedPerson",
                          "Device"])
        codes = self.definitions.compartments[owner].get(kind, [])
        if kind == owner or not codes or owner not in self.search.by_type:
            return kind
        owners = self.search.by_type[owner]
        if self.focus:
            near = [target for code in codes
                    for target in self.search.targets(self.focus, code, owner)
                    if not target.container]
            owners = near or owners
        return f"{self.one(owners).key}/{kind}"

    def over_types(self):
        """A search of several types, by parameters that all of them have in the same sense."""
        types = self.random.sample(self.kinds, self.one([1, 2, 2, 3, 4]))
        common = [code for code, parameter in self.definitions.parameters[types[0]].items()
                  if parameter.kind != "special" and all(
                      code in self.definitions.parameters[each] and
                      self.definitions.parameters[each][code].kind == parameter.kind
                      for each in types)]
        pairs = [("_type", ",".join(types))]
        for _ in range(self.one([0, 1, 1, 2])):
            kind = self.one(types)
            self.focus = self.one(self.search.by_type[kind])
            codes = sorted(set(self.focus.values) & set(common) | {"_id", "_lastUpdated"})
            pairs.append(self.simple(kind, self.one(codes)))
        # A type that one of them may refer to is an error for another.
        pairs = [pair for pair in pairs
                 if pair and pair[0].rpartition(":")[2] not in self.definitions.resources]
        if self.chance(0.3):
            pairs.append(("_sort", self.one(["_lastUpdated", "-_lastUpdated", "_id", "-_id"])))
        if self.chance(0.3):
            pairs.append(("_count", str(self.one([5, 10, 50, 1000]))))
        if self.chance(0.3):
            pairs.append(("_total", "accurate"))
        return "", self.written(pairs)

    # ---- criteria

    def used(self, kind):
        """Parameters that have values on some resource of the type, and sometimes others."""
        if self.focus and self.focus.type == kind and self.chance(0.9):
            return sorted(set(self.focus.values) | {"_id", "_lastUpdated"})
        codes = {code for resource in self.search.known(kind) for code in resource.values}
        parameters = self.definitions.parameters[kind]
        others = {"_id", "_lastUpdated"}
        if self.chance(0.05):
            others.update(code for code in parameters if parameters[code].kind != "special")
        return sorted(codes | others)

    def criterion(self, kind):
        if "_has" in self.features and self.chance(0.06):
            return self.has(kind)
        if "chain" in self.features and self.chance(0.1):
            made = self.chain(kind)
            if made:
                return made
        if "words" in self.features and self.chance(0.3):
            made = self.words(kind)
            if made:
                return made
        code = self.one(self.used(kind))
        made = [self.simple(kind, code)]
        if self.chance(0.12):
            made.append(self.simple(kind, code))
        return [pair for pair in made if pair]

    def words(self, kind):
        """Words of letters: others may be of stamps that the server makes."""
        code = self.one(["_content", "_content", "_text"])
        if "_text" not in self.definitions.parameters[kind]:
            code = "_content"
        texts = [text for resource in ([self.focus] if self.focus else self.search.by_type[kind])
                 for text in words.words_of(resource.content, code)]
        if not texts:
            return []

        def term(depth):
            found = [word for word in self.one(texts).split()
                     if word.isalpha() and word not in ("and", "or", "not")]
            if not found:
                return "nothing"
            if depth < 2 and self.chance(0.2):
                return f"({asked(depth + 1)})"
            star = "*" if self.chance(0.15) else ""
            if len(found) > 1 and self.chance(0.3):
                at = self.random.randrange(len(found) - 1)
                return f'"{found[at]} {found[at + 1]}{star}"'
            word = self.one(found)
            return word[:self.random.randint(1, len(word))] + star if star else word

        def asked(depth):
            text = ("not " if self.chance(0.1) else "") + term(depth)
            for _ in range(self.one([0, 0, 1, 1, 2])):
                text += self.one([" ", " and ", " or ", " OR ", " and not "]) + term(depth)
            return text

        return [(code, asked(0))]

    def simple(self, kind, code):
        """A parameter, perhaps with a modifier, and a value or several; None when there is none."""
        parameter = self.definitions.parameters[kind][code]
        if code not in ("_id", "_lastUpdated") and self.chance(0.06):
            return f"{code}:missing", self.one(["true", "false"])
        modifier = self.modifier(kind, code, parameter)
        values = []
        # A place takes eight parameters of a statement, each time that a chain comes by it.
        for _ in range(self.one([1, 1, 1, 1, 2, 3]) if parameter.kind != "special" else 1):
            value = self.value(kind, code, parameter, modifier)
            if value:
                values.append(value)
        if not values:
            return None
        return code + (":" + modifier if modifier else ""), ",".join(values)

    def modifier(self, kind, code, parameter):
        modifiers = {"token": ["not", "not"], "string": ["exact", "contains"],
                     "uri": ["below", "above"], "reference": ["identifier", "type"]
                     }.get(parameter.kind, [])
        if parameter.kind == "token" and "text" in self.features:
            modifiers = modifiers + ["text"]
        if parameter.kind == "token" and "terminology" in self.features:
            modifiers = modifiers + ["in", "not-in", "above", "below"]
        if code == "identifier":
            modifiers = modifiers + ["of-type"] * 2
        if code in ("_id", "_lastUpdated") or not modifiers or not self.chance(0.35):
            return ""
        chosen = self.one(modifiers)
        if chosen == "type":
            types = sorted(each for each in parameter.targets or self.definitions.resources
                           if not parameter.targets or self.may_refer(parameter, each))
            here = [each for each in types if each in self.kinds]
            return self.one(here or types)
        return chosen

    def value(self, kind, code, parameter, modifier):
        resources = self.search.known(kind)
        if self.focus and self.focus.type == kind and self.chance(0.8):
            if code in self.focus.values or code in ("_id", "_lastUpdated"):
                resources = [self.focus]
        if code == "_id":
            return escape(self.one(resources).id) if self.chance(0.9) else "nobody"
        if code == "_lastUpdated":
            return self.one(["", "ge", "le", "gt", "lt", "eq"]) + self.stamp(resources)
        with_values = [one for one in resources if code in one.values]
        if not with_values:
            return None if modifier in ("of-type", *CODES) else self.invented(parameter.kind)
        return self.of(parameter.kind, modifier, self.one(self.one(with_values).values[code]),
                       parameter, kind)

    def stamp(self, resources):
        stamp = self.one(resources).updated
        return self.one([stamp, stamp[:19] + "Z", stamp[:16] + "Z", stamp[:10], stamp[:4]])

    def invented(self, kind):
        return {"token": "nothing", "string": "nothing", "uri": "http://nothing.example.org",
                "reference": "nobody", "date": "2020", "number": "5", "quantity": "5",
                "special": "46.9|7.4|100"}.get(kind)

    def of(self, kind, modifier, value, parameter, resource_type=None):
        return getattr(self, "of_" + kind)(modifier, value, parameter)

    def of_composite(self, modifier, value, parameter):
        parts = [self.of(component.kind, "", self.one(ones), component)
                 for component, ones in zip(parameter.components, value)]
        return "$".join(parts) if all(parts) else None

    def of_token(self, modifier, value, parameter):
        if modifier == "of-type":
            if not value.types or not value.code:
                return None
            system, code = self.one(value.types)
            return "|".join(escape(part) for part in (system or "", code, value.code))
        if modifier == "text":
            return self.of_string("", value.text, parameter) if value.text else None
        if modifier in CODES:
            return self.of_codes(modifier, value)
        code = value.code
        if not code:
            if not value.system or isinstance(parameter, tuple) and not hasattr(parameter, "code"):
                return None
            return escape(value.system) + "|"
        if self.chance(0.1):
            code = code.swapcase() if code.isascii() else code
        if self.chance(0.03):
            code += "x"
        shape = self.random.random()
        if shape < 0.45:
            return escape(code)
        if shape < 0.85:
            return escape(value.system or "") + "|" + escape(code)
        if shape < 0.92 and value.system and hasattr(parameter, "code"):
            return escape(value.system) + "|"
        return "|" + escape(code)

    def of_codes(self, modifier, value):
        terminology = self.search.definitions.terminology
        if modifier in ("in", "not-in"):
            sets = sorted(url for url, codes in terminology.sets.items() if len(codes) < 2000 and
                          any(system == value.system for system, _ in codes))
            return escape(self.one(sets)) if sets else None
        if value.system not in terminology.above or not value.code:
            return None
        codes = sorted({value.code} | terminology.above[value.system].get(value.code, set()))
        if self.chance(0.2):
            codes = sorted(terminology.above[value.system])
        return f"{escape(value.system)}|{escape(self.one(codes))}"

    def of_string(self, modifier, value, parameter):
        text = value
        if modifier == "exact":
            if self.chance(0.15):
                text = text.swapcase()
        else:
            start = 0
            if modifier == "contains":
                start = self.random.randrange(len(text))
            end = self.one([len(text), len(text), self.random.randint(start + 1, len(text))])
            if self.chance(0.5):
                end = min(end, start + self.random.randint(1, 6))
            text = text[start:end]
            if self.chance(0.3):
                text = self.one([str.upper, str.lower, fold])(text)
            if self.chance(0.15):
                text = re.sub(r"[^\w\s]", self.one(["", " ", "-", "'"]), text)
            if self.chance(0.2) and not HANGUL.search(text):
                text = unicodedata.normalize(self.one(["NFD", "NFC"]), text)
        if not fold(text):
            return None
        return escape(text)

    def of_uri(self, modifier, value, parameter):
        text = value.split("|")[0] if modifier else value
        if modifier == "below":
            slashes = [at for at, c in enumerate(text) if c == "/" and at > 7]
            if slashes and self.chance(0.8):
                text = text[:self.one(slashes) + self.one([0, 0, 1])]
        elif modifier == "above":
            text += self.one(["", "/more", "/a/b", "x", "/"])
        elif self.chance(0.2):
            text = self.one([text.split("|")[0], text + "/", text[:-1], text.upper()])
        return escape(text)

    def of_reference(self, modifier, value, parameter):
        if modifier == "identifier":
            return self.of_token("", value.identifier, parameter) if value.identifier and \
                (value.identifier.code or value.identifier.system) else None
        if not value.text:
            return None
        if modifier:
            return escape(value.id) if value.id else None
        if not value.id:
            text = value.text.split("|")[0] if self.chance(0.5) else value.text
            return escape(text)
        if value.base:
            return escape(self.one([value.text.split("/_history/")[0], value.text,
                                    f"{value.text}/_history/1", value.id]))
        local = f"{value.type}/{value.id}"
        if self.chance(0.4 if value.version else 0.03):
            local += "/_history/" + self.one([value.version or "1", "1", "2"])
        return escape(self.one([value.id, local, local, f"{self.search.base}/{local}"]))

    def of_special(self, modifier, value, parameter):
        """Near the place, or its antipode, in some unit."""
        north, east = (end + self.random.uniform(-0.3, 0.3) for end in value)
        if self.chance(0.1):
            north, east = -north, east + 180
        north = max(-90, min(90, north))
        east = (east + 180) % 360 - 180
        unit, size = self.one([("", 1), ("km", 1), ("m", 1000), ("[mi_i]", 0.6), ("[ft_i]", 3000)])
        text = f"{north:.5f}|{east:.5f}"
        if self.chance(0.85):
            far = self.random.choice([1, 10, 30, 60, 200, 5000, 20000])
            text += f"|{far * self.random.uniform(0.5, 1.5) * size:.3f}" + (f"|{unit}" if unit else "")
        return text

    def of_date(self, modifier, value, parameter):
        low, high = value
        moment = self.one([point for point in value if abs(point) != INFINITY])
        if self.chance(0.25):
            moment += self.one([-1, 1, 10**6, -10**6, 3600 * 10**6, 86400 * 10**6])
        prefix = self.one([""] * 6 + list(PREFIXES))
        return prefix + self.date_text(moment)

    def date_text(self, moment):
        zone = self.one([0, 0, 0, 120, -300, 840, 345])
        there = datetime.datetime(1970, 1, 1) + datetime.timedelta(
            microseconds=int(moment) + zone * 60 * 10**6)
        size = self.one([4, 7, 10, 10, 16, 19, 23, 26])
        text = there.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0")[:size]
        if size > 10:
            text += "Z" if not zone else \
                f"{'+' if zone > 0 else '-'}{abs(zone) // 60:02}:{abs(zone) % 60:02}"
        return text

    def of_number(self, modifier, value, parameter):
        number = self.one([end for end in (value.low, value.high) if abs(end) != INFINITY])
        text = getattr(number, "as_text", str(number))
        shape = self.random.random()
        if shape < 0.2:
            text = str(Decimal(number).quantize(Decimal(self.one(["1", "0.1", "0.01"]))))
        elif shape < 0.3:
            text = str(Decimal(number) + Decimal(self.one(["0.5", "-0.5", "0.05", "1", "-1",
                                                           "0.005"])))
        elif shape < 0.4 and "e" not in text.lower():
            text = f"{text}0" if "." in text else f"{text}.0"
        elif shape < 0.45:
            text = f"{Decimal(number):.{self.random.randint(1, 3)}e}"
        if text.startswith("+") or "E" in text and "." not in text:
            text = f"{Decimal(number):f}"
        return self.one([""] * 6 + list(PREFIXES)) + text.replace("+", "")

    def of_quantity(self, modifier, value, parameter):
        shape = self.random.random()
        if value.system == UCUM and value.code in MASSES and shape < 0.3:
            return self.of_another_mass(modifier, value, parameter)
        number = self.of_number(modifier, value.span, parameter)
        if shape < 0.35:
            return number
        if value.system and value.code and shape < 0.7:
            return f"{number}|{escape(value.system)}|{escape(value.code)}"
        unit = self.one([one for one in (value.code, value.unit) if one] or [None])
        return f"{number}||{escape(unit)}" if unit else number

    def of_another_mass(self, modifier, value, parameter):
        unit = self.one(list(MASSES))
        low, high = (end if abs(end) == INFINITY else end.scaleb(MASSES[value.code] - MASSES[unit])
                     for end in (value.span.low, value.span.high))
        number = self.of_number(modifier, value.span._replace(low=low, high=high), parameter)
        return f"{number}|{escape(UCUM)}|{escape(unit)}"

    @staticmethod
    def may_refer(parameter, kind):
        """`patient` is declared for Groups too, but selects references to a Patient only."""
        only = re.search(r"resolve\(\) is (\w+)", parameter.expression)
        return kind in parameter.targets and (not only or only[1] == kind)

    # ---- chains

    def references(self, kind):
        return sorted(code for code, parameter in self.definitions.parameters[kind].items()
                      if parameter.kind == "reference" and
                      any(code in one.values for one in self.search.known(kind)))

    def chain(self, kind, depth=1):
        """reference:Type.rest, its end drawn from what is really referred to."""
        codes = self.references(kind)
        if not codes:
            return None
        code = self.one(codes)
        targets = sorted({target.type for one in self.search.known(kind)
                          for target in self.search.targets(one, code)})
        if not targets:
            return None
        target = self.one(targets)
        if self.focus and self.focus.type == kind:
            near = self.search.targets(self.focus, code, target)
            self.focus = near[0] if near else None
        declared = self.definitions.parameters[kind][code].targets
        typed = f":{target}" if len(declared) != 1 or self.chance(0.3) else ""
        rest = None
        if depth < 3 and self.chance(0.3):
            mixed = "_has" in self.features and self.chance(0.2)
            made = self.has(target, depth + 1) if mixed else self.chain(target, depth + 1)
            rest = made[0] if made else None
        if not rest:
            rest = self.simple(target, self.one(self.used(target)))
        if not rest:
            return None
        return [(f"{code}{typed}.{rest[0]}", rest[1])]

    def has(self, kind, depth=1):
        for _ in range(10):
            other = self.one(self.kinds)
            codes = [code for code in self.references(other)
                     if self.may_refer(self.definitions.parameters[other][code], kind)]
            if not codes:
                continue
            rest = self.simple(other, self.one(self.used(other)))
            if depth < 3 and self.chance(0.15) and "chain" in self.features:
                made = self.chain(other, depth + 1)
                rest = made[0] if made else rest
            if rest:
                return [(f"_has:{other}:{self.one(codes)}:{rest[0]}", rest[1])]
        return []

    # ---- what shapes the answer

    def shape(self, kind):
        pairs = []
        if self.chance(0.3):
            pairs.append(("_sort", self.sort(kind)))
        if self.chance(0.35):
            pairs.append(("_count", str(self.one([1, 2, 5, 10, 50, 1000]))))
            total = sum(1 for _ in self.search.by_type[kind])
            if int(pairs[-1][1]) < 5 and total > 60:
                pairs[-1] = ("_count", "5")
        if self.chance(0.2):
            pairs.append(("_total", "accurate"))
        if self.chance(0.06):
            return [("_summary", "count")] if self.chance(0.5) else [("_count", "0")]
        if self.chance(0.15):
            pairs += self.includes(kind)
        return pairs

    def sort(self, kind):
        parameters = self.definitions.parameters[kind]
        sortable = ["_id", "_lastUpdated"] + sorted(
            code for code in {code for one in self.search.by_type[kind] for code in one.values}
            if parameters[code].kind in SORTABLE + (
                ("token", "uri") if "sort-any" in self.features else ()))
        keys = self.random.sample(sortable, min(len(sortable), self.one([1, 1, 2, 3])))
        return ",".join(self.one(["", "-"]) + key for key in keys)

    def includes(self, kind):
        made = []
        iterate = ":iterate" if "iterate" in self.features and self.chance(0.3) else ""
        for _ in range(self.one([1, 1, 2])):
            if self.chance(0.55):
                codes = self.references(kind)
                if not codes:
                    continue
                code = self.one(codes)
                targets = self.definitions.parameters[kind][code].targets
                value = f"{kind}:{code}"
                parameter = self.definitions.parameters[kind][code]
                targets = sorted(each for each in targets if self.may_refer(parameter, each))
                if targets and self.chance(0.3):
                    value += ":" + self.one(targets)
                if self.chance(0.1):
                    value = self.one(["*", f"{kind}:*"])
                made.append((f"_include{iterate}", value))
            else:
                pair = self.reverse(kind)
                if pair:
                    made.append((f"_revinclude{iterate}", pair))
        return made

    def reverse(self, kind):
        found = [f"{other}:{code}" for other in self.kinds for code in self.references(other)
                 if self.may_refer(self.definitions.parameters[other][code], kind)]
        return self.one(found) if found else None
