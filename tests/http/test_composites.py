"""Composite search parameters that clients store (R4 search.html#composite): all kinds of parts, each
combination within one instance, and what becomes of their rows when they go."""

import random
import unittest
import urllib.parse

from harness import until
from index_harness import Indexing

R4 = "http://hl7.org/fhir/SearchParameter/"
CODE, QUANTITY = R4 + "clinical-code", R4 + "Observation-value-quantity"
DATE, STRING = R4 + "clinical-date", R4 + "Observation-value-string"
PERFORMER, SUBJECT = R4 + "Observation-performer", R4 + "Observation-subject"
STATUS, NUMBER = R4 + "Observation-status|4.0.1", R4 + "RiskAssessment-probability"
URI, RISK = R4 + "ValueSet-reference", R4 + "RiskAssessment-risk"
EVERYWHERE = "Observation | Observation.component"

# code: base, expression, parts
PARAMETERS = {
    "my-combo": ("Observation", EVERYWHERE,
                 [(CODE, "code"), (QUANTITY, "value.as(Quantity)")]),
    "quantity-code": ("Observation", EVERYWHERE, [(QUANTITY, "valueQuantity"), (CODE, "code")]),
    "code-when": ("Observation", "Observation", [(CODE, "code"), (DATE, "effective")]),
    "when-quantity": ("Observation", "Observation",
                      [(DATE, "effective"), (QUANTITY, "value.as(Quantity)")]),
    "code-status-quantity": ("Observation", "Observation",
                             [(CODE, "code"), (STATUS, "status"), (QUANTITY, "valueQuantity")]),
    "code-text": ("Observation", EVERYWHERE, [(CODE, "code"), (STRING, "value.as(string)")]),
    "range": ("Observation", "Observation.referenceRange", [(QUANTITY, "low"), (QUANTITY, "high")]),
    "performer-code": ("Observation", "Observation", [(PERFORMER, "performer"), (CODE, "code")]),
    "who": ("Observation", "Observation", [(SUBJECT, "subject"), (PERFORMER, "performer")]),
    "risk-probability": ("RiskAssessment", "RiskAssessment.prediction",
                         [(RISK, "qualitativeRisk"), (NUMBER, "probability")]),
    "system-code": ("ValueSet", "ValueSet.compose.include",
                    [(URI, "system"), (R4 + "ValueSet-code", "concept.code")]),
}


def definition(code, base, expression, parts, **more):
    return {"resourceType": "SearchParameter", "id": code, "name": code.replace("-", ""),
            "url": f"http://example.org/SearchParameter/{code}", "status": "active",
            "description": "x", "code": code, "base": [base], "type": "composite",
            "expression": expression, "multipleOr": True,
            "component": [{"definition": url, "expression": part} for url, part in parts], **more}


def concept(*codes):
    return {"coding": [{"system": "http://l", "code": code} for code in codes]}


def measured(value, unit="mg"):
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def part(code, value):
    return {"code": concept(code), "valueQuantity": measured(value)}


def observation(identity, *codes, **more):
    return {"resourceType": "Observation", "id": identity, "status": "final",
            "code": concept(*codes), **more}


def bounds(low, high):
    return {"low": measured(low), "high": measured(high)}


RESOURCES = [
    {"resourceType": "Patient", "id": "p1"}, {"resourceType": "Practitioner", "id": "d1"},
    observation("o1", "sys", valueQuantity=measured(120), effectiveDateTime="2024-05-01"),
    observation("o2", "bp", component=[part("sys", 120), part("dia", 80)],
                effectiveDateTime="2024-06-01"),
    # 120 and sys, but not in the same instance.
    observation("o3", "bp", component=[part("sys", 80), part("dia", 120)]),
    observation("o4", "sys", "bp", valueQuantity=measured(5, "g"), effectivePeriod={
        "start": "2024-04-01", "end": "2024-07-01"}),
    dict(observation("o5", "sys", valueQuantity=measured(120), effectiveDateTime="2023-01-01"),
         status="amended"),
    observation("o6", "note", valueString="B\u00e9la Bart\u00f3k", component=[
        {"code": concept("other"), "valueString": "x" * 300}]),
    observation("o7", "lab", referenceRange=[bounds(1, 5), bounds(10, 50)],
                subject={"reference": "Patient/p1"},
                performer=[{"reference": "Practitioner/d1"}, {"reference": "Patient/p1"}]),
    observation("o8", "lab", referenceRange=[bounds(1, 50)], subject={"reference": "Patient/p1"},
                performer=[{"reference": "https://other.example/Practitioner/d1/_history/2"}]),
    observation("o9", "lab", contained=[dict(observation("in", "sys", valueQuantity=measured(7)))],
                hasMember=[{"reference": "#in"}]),
    {"resourceType": "RiskAssessment", "id": "r1", "status": "final",
     "subject": {"reference": "Patient/p1"}, "prediction": [
         {"qualitativeRisk": concept("high"), "probabilityDecimal": 0.9},
         {"qualitativeRisk": concept("low"), "probabilityDecimal": 0.1}]},
    {"resourceType": "ValueSet", "id": "v1", "status": "active", "compose": {"include": [
        {"system": "http://s", "concept": [{"code": "a"}, {"code": "b"}]},
        {"system": "http://t", "concept": [{"code": "c"}]}]}},
]

SEARCHES = [
    ("Observation", "my-combo=http://l|sys$120", "o1 o2 o5"),
    ("Observation", "my-combo=sys$120||mg", "o1 o2 o5"),
    ("Observation", "my-combo=sys$gt100,dia$gt100", "o1 o2 o3 o5"),
    ("Observation", "my-combo=http://l|bp$5|http://unitsofmeasure.org|g", "o4"),
    ("Observation", "my-combo:missing=false", "o1 o2 o3 o4 o5"),
    ("Observation", "quantity-code=120$sys", "o1 o2 o5"),
    ("Observation", "quantity-code=lt100|http://unitsofmeasure.org|mg$sys", "o3"),
    ("Observation", "code-when=sys$2024", "o1 o4"),
    ("Observation", "code-when=sys$2024-05", "o1"),
    ("Observation", "code-when=sys$ap2024-05-01", "o1 o4"),
    ("Observation", "code-when=bp$ge2024-06-15", "o4"),
    ("Observation", "code-when=http://l|sys$lt2024&my-combo=sys$120", "o5"),
    ("Observation", "when-quantity=2024$120", "o1"),
    ("Observation", "when-quantity=lt2025$ge120", "o1 o5"),
    ("Observation", "when-quantity=lt2025$5||g", "o4"),
    ("Observation", "code-status-quantity=sys$final$120", "o1"),
    ("Observation", "code-status-quantity=sys$amended$ge100", "o5"),
    ("Observation", "code-status-quantity=sys$amended$lt100", ""),
    ("Observation", "code-text=note$bela", "o6"),
    ("Observation", "code-text=other$bela", ""),
    ("Observation", "code-text=other$" + "x" * 290, "o6"),
    ("Observation", "code-text=other$" + "x" * 301, ""),
    ("Observation", "range=le1$ge50", "o8"),
    ("Observation", "range=10$50", "o7"),
    ("Observation", "range=10$5", ""),
    ("Observation", "range=10||mg$50||mg", "o7"),
    ("Observation", "range=10|http://unitsofmeasure.org|mg$50|http://unitsofmeasure.org|mg", "o7"),
    ("Observation", "range=10.0|http://unitsofmeasure.org|mg$0.0500|http://unitsofmeasure.org|g",
     "o7"),
    ("Observation", "my-combo=sys$5|http://unitsofmeasure.org|g,sys$7000|http://unitsofmeasure.org|ug",
     "o4"),
    ("Observation", "range=10||mg$50||g", ""),
    ("Observation", "performer-code=Practitioner/d1$lab", "o7"),
    ("Observation", "performer-code=d1$http://l|lab", "o7"),
    ("Observation", "performer-code=https://other.example/Practitioner/d1$lab", "o8"),
    ("Observation", "who=Patient/p1$Practitioner/d1", "o7"),
    ("Observation", "who=p1$Patient/p1", "o7"),
    ("Observation", "has-member.my-combo=sys$7", "o9"),
    ("Observation", "my-combo=sys$7", ""),
    ("Observation", "my-combo=sys$7&_contained=true&_containedType=contained", "in"),
    ("Observation", "my-combo=sys$120&_contained=true", ""),
    ("Patient", "_has:Observation:subject:performer-code=d1$lab", "p1"),
    ("Patient", "_has:Observation:subject:range=10$50", "p1"),
    ("RiskAssessment", "risk-probability=high$gt0.5", "r1"),
    ("RiskAssessment", "risk-probability=low$gt0.5", ""),
    ("ValueSet", "system-code=http://s$b", "v1"),
    ("ValueSet", "system-code=http://t$b", ""),
]

PAIRS = [("combo-code-value-quantity", "my-combo"), ("code-value-string", "own-text"),
         ("component-code-value-quantity", "parts")]


class Composites(Indexing):
    def setUp(self):
        super().setUp()
        self.choose("parameters=stored")
        self.assertEqual(until(lambda: self.client.put("SearchParameter/try", definition(
            "_x", "Patient", "Patient", [])).status, 422), 422)

    def sides(self):
        return self.sql("select (select count(*) from f_str), (select count(*) from f_date),"
                        " (select count(*) from f_qty), (select count(*) from f_code)")

    def know(self, kind, name):
        self.assertTrue(until(lambda: b"$reindex" in self.client.get(f"{kind}?{name}=x$1").bytes,
                              True), name)

    def reindex(self, kind):
        answer = self.client.post(f"{kind}/$reindex", None)
        self.assertEqual(answer.status, 202, answer.bytes)
        place = answer.header("Content-Location")[len(self.server.base) + 1:]
        self.assertEqual(until(lambda: self.client.get(place).status, 200), 200)

    def whole(self, kind, name):
        search = f"{kind}?{name}:missing=true"
        self.assertEqual(until(lambda: self.client.get(search).status, 200), 200, name)

    def check(self):
        for kind, search, expected in SEARCHES:
            name, _, value = search.partition("=")
            text = f"{kind}?{name}={urllib.parse.quote(value, safe='=&$,')}"
            self.assertEqual(self.ids(text + "&_count=2"), sorted(expected.split()), search)
            answer = self.client.get(text + "&_summary=count").json()
            self.assertEqual(answer["total"], len(expected.split()), search)

    def test_all_kinds_of_parts_are_found_within_one_instance(self):
        half = len(RESOURCES) // 2
        self.store(*RESOURCES[:half])
        for name, (base, expression, parts) in PARAMETERS.items():
            self.store(definition(name, base, expression, parts))
        for name, row in PARAMETERS.items():
            self.know(row[0], name)
        self.store(*RESOURCES[half:])
        self.assertEqual(self.client.get("Observation?my-combo=sys$120").status, 400)
        for kind in ("Observation", "RiskAssessment", "ValueSet"):
            self.reindex(kind)
        for name, row in PARAMETERS.items():
            self.whole(row[0], name)
        self.check()
        for search in ("who=p1$d1", "range=10", "code-status-quantity=sys$final", "my-combo=a|$1",
                       "code-when=sys$soon"):
            self.assertEqual(self.client.get(f"Observation?{search}").status, 400, search)
        self.assertEqual(self.client.get("Observation?_sort=my-combo").status, 400)
        rest = self.client.get("metadata").json()["rest"][0]["resource"]
        offered = [param for row in rest if row["type"] == "Observation"
                   for param in row["searchParam"] if param["name"] == "when-quantity"]
        self.assertEqual([row["type"] for row in offered], ["composite"])

        # Another content, and back; nothing is left of what was there meanwhile.
        there = self.sides()
        self.store(observation("o1", "dia", valueQuantity=measured(1)))
        self.assertEqual(self.ids("Observation?my-combo=sys$120"), ["o2", "o5"])
        self.store(RESOURCES[2])
        self.assertEqual(self.sides().split("|")[:3], there.split("|")[:3])
        self.reindex("Observation")
        self.assertEqual(self.sides().split("|")[:3], there.split("|")[:3])
        self.check()

        # Nothing is left when they go, of contained resources neither.
        for name in PARAMETERS:
            self.assertEqual(self.client.delete(f"SearchParameter/{name}").status, 204)
        self.assertEqual(until(lambda: self.sql(
            "select string_agg(distinct state, '') from f_parameter"), "X"), "X")
        self.assertEqual(self.sql("select count(*) from f_code where n <> 1"), "0")
        for row in reversed(RESOURCES):
            self.assertEqual(self.client.delete(f"{row['resourceType']}/{row['id']}").status, 204)
        self.assertEqual(self.sql("select count(*) from f_qty"), "0")
        self.assertEqual(self.sql("select count(*) from f_date"), "0")

    def test_a_copy_of_one_of_r4s_finds_the_same(self):
        chance = random.Random(4)
        self.store(
            definition("my-combo", *PARAMETERS["my-combo"]),
            definition("own-text", "Observation", "Observation",
                       [(CODE, "code"), (STRING, "value.as(string)")]),
            definition("parts", "Observation", "Observation.component",
                       [(R4 + "Observation-component-code", "code"),
                        (R4 + "Observation-component-value-quantity", "value.as(Quantity)")]))
        for _, name in PAIRS:
            self.know("Observation", name)

        def anything():
            kind = chance.randrange(5)
            if kind == 0:
                return {"valueString": chance.choice(["Ann", "\u00c1nna", "Bob", "x" * 270])}
            if kind == 1:
                return {}
            quantity = {"value": chance.choice([1, 1.5, 2, 100, 1e3]), "unit": "milligram",
                        "system": chance.choice(["http://unitsofmeasure.org", "http://u"]),
                        "code": chance.choice(["mg", "MG", "g"])}
            if kind == 2:
                quantity["comparator"] = chance.choice(["<", ">="])
            if kind == 3:
                del quantity["system"], quantity["code"]
            return {"valueQuantity": quantity}

        def any_code():
            return {"coding": [{"code": code, **({"system": system} if system else {})}
                               for code, system in zip(chance.sample(["a", "A", "b", "c"], 2),
                                                       chance.sample(["http://l", "http://s",
                                                                      None], 2))]}

        entries = [{"request": {"method": "PUT", "url": f"Observation/c{n}"},
                    "resource": {"resourceType": "Observation", "id": f"c{n}", "status": "final",
                                 "code": any_code(), **anything(), "component": [
                                     {"code": any_code(), **anything()}
                                     for _ in range(chance.randrange(4))] or None}}
                   for n in range(300)]
        for entry in entries:
            if not entry["resource"]["component"]:
                del entry["resource"]["component"]
        answer = self.client.post("", {"resourceType": "Bundle", "type": "batch",
                                       "entry": entries})
        statuses = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
        self.assertEqual(set(statuses), {"201", "422"})  # the invariant obs-7
        self.assertGreater(statuses.count("201"), 200)
        self.reindex("Observation")
        for _, name in PAIRS:
            self.whole("Observation", name)
        found = 0
        for _ in range(300):
            r4, own = chance.choice(PAIRS)
            code = chance.choice(["", "|", "http://l|", "http://s|"]) + chance.choice("abA")
            value = chance.choice(["", "ge", "lt", "ne", "ap", "sa"]) + \
                chance.choice(["1", "1.5", "100", "2.0"]) + \
                chance.choice(["", "||mg", "|http://unitsofmeasure.org|mg", "|http://u|g",
                               "||milligram"])
            if own == "own-text":
                value = chance.choice(["ann", "B", "x" * 260, "x" * 280])
            value = urllib.parse.quote(f"{code}${value}", safe="$")
            expected = self.ids(f"Observation?{r4}={value}&_count=100")
            self.assertEqual(self.ids(f"Observation?{own}={value}&_count=100"), expected,
                             (own, value))
            found += bool(expected)
        self.assertGreater(found, 100)

    def test_what_cannot_be_is_refused_by_name(self):
        for parts, words in (
                ([(CODE, "code")], b"fewer than two"),
                ([(CODE, "code")] * 4, b"more than three"),
                ([(CODE, "code"), ("http://example.org/none", "value")], b"no search parameter"),
                ([(CODE, "code"), (R4 + "Location-near", "value")], b"composite or special"),
                ([(CODE, "code"), (QUANTITY, "value.(")], b"cannot be used"),
                ([(CODE, "code"), (QUANTITY, "name")], b"finds nothing")):
            answer = self.client.put("SearchParameter/x", definition(
                "x", "Observation", "Observation", parts))
            self.assertEqual(answer.status, 422, (parts, answer.bytes))
            self.assertIn(words, answer.bytes)
        # A part may be of a parameter that is stored itself; without it the composite is not there.
        alias = {"resourceType": "SearchParameter", "id": "alias", "name": "Alias",
                 "url": "http://example.org/SearchParameter/alias", "status": "active",
                 "description": "x", "code": "alias", "base": ["Patient"], "type": "string",
                 "expression": "Patient.name.given"}
        self.store(alias)
        self.know("Patient", "alias")
        self.store(definition("full", "Patient", "Patient.name", [
            (alias["url"], "given"), (R4 + "individual-family", "family")]))
        self.know("Patient", "full")
        self.store({"resourceType": "Patient", "id": "p1", "name": [
            {"given": ["Ann"], "family": "Lee"}, {"given": ["Bob"], "family": "Orr"}]})
        self.reindex("Patient")
        self.whole("Patient", "full")
        self.assertEqual(self.ids("Patient?full=ann$le"), ["p1"])
        self.assertEqual(self.ids("Patient?full=ann$orr"), [])
        self.assertEqual(self.client.delete("SearchParameter/alias").status, 204)
        self.assertTrue(until(lambda: b"unknown" in self.client.get("Patient?full=a$b").bytes
                              or self.client.get("Patient?full=a$b").status == 400, True))


if __name__ == "__main__":
    unittest.main()
