"""US Core 6.1.0: every search that its CapabilityStatement says a server SHALL or SHOULD offer.

The values of each search are drawn from each of the package's examples that has them; the answer
must be what the reference evaluator finds among all examples, the example among it. The package is
installed when the examples are there, and they are indexed by its parameters then.
"""

import collections
import datetime
import glob
import json
import os
import sys
import unittest
import urllib.parse

from harness import ServerCase, data, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../reference"))

from compare import Compare, Different, Refused
from data import dump, load
from definitions import Definitions
from evaluator import Search
from queries import escape

EXPECTATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation"
COMBINATION = ("http://hl7.org/fhir/StructureDefinition/"
               "capabilitystatement-search-parameter-combination")
PACKAGE = "packages/us-core-6.1.0"
WANTED = ("SHALL", "SHOULD")

# What the package has no example of.
MORE = [
    {"resourceType": "PractitionerRole", "id": "more-role",
     "practitioner": {"reference": "Practitioner/practitioner-1"},
     "specialty": [{"coding": [{"system": "http://nucc.org/provider-taxonomy",
                                "code": "208D00000X"}]}]},
    {"resourceType": "Encounter", "id": "more-encounter", "status": "finished",
     "identifier": [{"system": "http://example.org/visits", "value": "V-7"}],
     "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
     "subject": {"reference": "Patient/example"}},
    {"resourceType": "CarePlan", "id": "more-plan", "status": "active", "intent": "plan",
     "category": [{"coding": [{
         "system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
         "code": "assess-plan"}]}],
     "subject": {"reference": "Patient/example"},
     "period": {"start": "2020-02-03", "end": "2020-03-04T10:00:00-05:00"}},
]


def code_of(extended):
    return next((e["valueCode"] for e in extended.get("extension", [])
                 if e["url"] == EXPECTATION), None)


def required():
    """(type, [parameters], expectation) of each search, and (type, parameter, value) of includes."""
    with open(os.path.join(data(PACKAGE), "CapabilityStatement-us-core-server.json"),
              encoding="utf-8") as file:
        statement = json.load(file)
    searches, includes = [], []
    for resource in statement["rest"][0]["resource"]:
        kind = resource["type"]
        for parameter in resource.get("searchParam", []):
            searches.append((kind, [parameter["name"]], code_of(parameter)))
        for extension in resource.get("extension", []):
            if extension["url"] == COMBINATION:
                searches.append((kind, [e["valueString"] for e in extension["extension"]
                                        if e["url"] == "required"], code_of(extension)))
        includes += [(kind, "_include", value) for value in resource.get("searchInclude", [])]
        includes += [(kind, "_revinclude", value) for value in resource.get("searchRevInclude", [])]
    return [search for search in searches if search[2] in WANTED], includes


def day_of(microseconds, days):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds,
                                                                days=days)
    return moment.strftime("%Y-%m-%d")


def forms(kind, value):
    """Ways to ask for a value that must all find it."""
    if kind == "token":
        if value.code is None:
            return []
        return [escape(value.code)] + \
            ([escape(value.system) + "|" + escape(value.code)] if value.system else [])
    if kind == "string":
        return [escape(value), escape(value[:3])]
    if kind == "reference":
        return [value.id, f"{value.type}/{value.id}"] if value.id and not value.base else \
            [escape(value.text)] if value.text else []
    if kind == "date":
        found = []
        if abs(value[0]) != float("inf"):
            found += [f"gt{day_of(value[0], -1)}", f"ge{day_of(value[0], 0)}"]
        if abs(value[1]) != float("inf"):
            found += [f"lt{day_of(value[1], 1)}", f"le{day_of(value[1], 0)}"]
        if len(found) == 4 and day_of(value[0], 0) == day_of(value[1], 0):
            found.append(day_of(value[0], 0))
        return found
    return []


class UsCore(ServerCase):
    @classmethod
    def prepare(cls):
        cls.definitions = Definitions(data("r4-core/package"))
        cls.added = cls.add_parameters()
        contents = [cls.read(path) for path in sorted(
            glob.glob(os.path.join(data(PACKAGE, "example"), "*.json")))]
        cls.contents = [one for one in contents if one["resourceType"] != "Bundle"] + MORE
        cls.load()
        cls.install()
        cls.search = Search(cls.definitions, cls.contents, cls.server.base)
        cls.compare = Compare(cls.search, cls.client)

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return load(file.read())

    @classmethod
    def add_parameters(cls):
        """SearchParameters of the package that R4 does not have under this name."""
        added = []
        for path in sorted(glob.glob(os.path.join(data(PACKAGE), "SearchParameter-*.json"))):
            parameter = cls.read(path)
            if any(parameter["code"] not in cls.definitions.parameters[base]
                   for base in parameter["base"]):
                cls.definitions.add_parameter(parameter)
                added.append(parameter)
        return added

    @classmethod
    def load(cls):
        for resource in cls.contents:
            answer = cls.client.put(f"{resource['resourceType']}/{resource['id']}", dump(resource))
            assert answer.status == 201, (resource["id"], answer.bytes)
            stamp = answer.header("Last-Modified")
            resource.setdefault("meta", {})["lastUpdated"] = datetime.datetime.strptime(
                stamp, "%a, %d %b %Y %H:%M:%S GMT").strftime("%Y-%m-%dT%H:%M:%SZ")

    @classmethod
    def install(cls):
        where = ["--data", os.path.join(cls.server.folder, "data")]
        done = run("package", "install", data(PACKAGE), *where)
        assert done.returncode == 0, done.stderr
        cls.server.stop()
        done = run("reindex", *where)
        assert done.returncode == 0, done.stderr
        cls.server.start()

    def queries(self, kind, codes):
        """(query, the example that it must find), of each example that has all parameters. Each
        form of each value is asked for at least once, in one or another combination."""
        seen = set()
        for resource in self.search.by_type.get(kind, []):
            ways = []
            for code in codes:
                if code == "_id":
                    ways.append([f"_id={resource.id}"])
                    continue
                parameter = self.definitions.parameters[kind][code]
                ways.append([f"{code}={urllib.parse.quote(form)}"
                             for value in resource.values.get(code, [])[:3]
                             for form in forms(parameter.kind, value)])
            for number in range(max(map(len, ways)) if all(ways) else 0):
                query = "&".join(way[number % len(way)] for way in ways)
                if query not in seen:
                    seen.add(query)
                    yield query, resource

    def ask(self, kind, query):
        """The number of matches."""
        try:
            return self.compare.check(kind, query)
        except (Refused, Different) as difference:
            self.fail("\n".join([f"{kind}?{query}", *difference.args]))

    def test_every_search_that_shall_or_should_be_there(self):
        counts = collections.Counter()
        searches, _ = required()
        self.assertGreater(len(searches), 90)
        for kind, codes, expectation in searches:
            asked = 0
            with self.subTest(f"{expectation} {kind}: {'+'.join(codes)}"):
                for query, resource in self.queries(kind, codes):
                    expected = self.search.matches(kind, query)
                    self.assertIn(resource, expected, query)
                    asked += 1
                    self.ask(kind, query)
            counts["queries"] += asked
            state = "offered" if asked else "without an example"
            counts[f"{expectation} {state}"] += 1
            if state != "offered":
                print(f"{state}: {expectation} {kind}: {' '.join(codes)}")
        print(", ".join(f"{counts[name]} {name}" for name in sorted(counts)))

    def test_several_values_of_a_status_are_alternatives(self):
        searches, _ = required()
        for kind, codes, _ in searches:
            found = {value.code for one in self.search.by_type.get(kind, [])
                     for value in one.values.get("status", [])}
            if "status" in codes and found:
                with self.subTest(kind):
                    self.ask(kind, "status=" + ",".join(sorted(found)))

    def test_every_include(self):
        _, includes = required()
        self.assertGreater(len(includes), 20)
        for kind, way, value in includes:
            with self.subTest(f"{kind} {way}={value}"):
                if kind in self.search.by_type:
                    self.assertIsNotNone(self.ask(kind, f"{way}={value}"))


if __name__ == "__main__":
    unittest.main()
