"""$everything of real patients against the compartment definitions, and $lastn against all
Observations: the expected sets are computed here, from the standard's text."""

import glob
import os
import sys
import unittest

from harness import ROOT, ServerCase, data, run

sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
from definitions import Definitions  # noqa: E402
from evaluator import Search  # noqa: E402

LOINC = "http://loinc.org"
FILES = 3  # the smallest, and the largest


def references(value):
    """Every literal reference in a resource."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def resource_key(resource):
    return f"{resource['resourceType']}/{resource['id']}"


def minimal(kind, identity, **more):
    return {"resourceType": kind, "id": identity, **more}


def observation(identity, patient, code, day, **more):
    return minimal("Observation", identity, status="final",
                   code={"coding": [{"system": LOINC, "code": code}]},
                   subject={"reference": f"Patient/{patient}"},
                   **({"effectiveDateTime": day} if day else {}), **more)


# A mother who is performer of her child's Observation, an encounter of hers, dates of all kinds.
FAMILY = [
    minimal("Practitioner", "doctor"), minimal("Organization", "house", name="House"),
    minimal("Medication", "pill"), minimal("Location", "room"),
    minimal("Patient", "mother", generalPractitioner=[{"reference": "Practitioner/doctor"}]),
    minimal("Patient", "child", link=[{"other": {"reference": "Patient/mother"}, "type": "seealso"}]),
    minimal("Encounter", "visit", status="finished", subject={"reference": "Patient/mother"},
            **{"class": {"code": "AMB"}}, period={"start": "2020-05-01", "end": "2020-05-03"},
            location=[{"location": {"reference": "Location/room"}}],
            diagnosis=[{"condition": {"reference": "Condition/old"}}]),
    minimal("Condition", "old", subject={"reference": "Patient/mother"}, code={"text": "old"},
            onsetDateTime="2001-01-01"),
    minimal("Condition", "new", subject={"reference": "Patient/mother"}, code={"text": "new"},
            encounter={"reference": "Encounter/visit"}, onsetDateTime="2020-05-02"),
    observation("asked", "child", "8302-2", "2020-05-02",
                performer=[{"reference": "Patient/mother"}],
                encounter={"reference": "Encounter/other-visit"}),
    observation("seen", "mother", "8302-2", "2020-05-02",
                encounter={"reference": "Encounter/visit"},
                performer=[{"reference": "Practitioner/doctor"}]),
    observation("later", "mother", "8302-2", "2021-05-02"),
    observation("undated", "mother", "8302-2", None),
    observation("weight", "mother", "29463-7", "2019-01-01"),
    minimal("MedicationAdministration", "given", status="completed",
            medicationReference={"reference": "Medication/pill"},
            subject={"reference": "Patient/mother"}, context={"reference": "Encounter/visit"},
            effectiveDateTime="2020-05-02"),
    minimal("Task", "task", status="requested", intent="order",
            **{"for": {"reference": "Patient/mother"}}),
    observation("foreign", "nobody", "8302-2", "2020-01-01"),
]


class Asking:
    def get(self, path, status=200):
        answer = self.client.get(path)
        self.assertEqual(answer.status, status, answer.bytes)
        return answer.json()

    def pages(self, path):
        while path:
            page = self.get(path)
            yield page
            links = {link["relation"]: link["url"] for link in page["link"]}
            self.assertTrue("next" not in links or page.get("entry"), "an empty page")
            path = links.get("next", "")[len(self.server.base) + 1:]

    def everything(self, path):
        """Keys of all pages, in order."""
        return [resource_key(entry["resource"]) for page in self.pages(path)
                for entry in page.get("entry", [])]

    def ids(self, path):
        return sorted(key.split("/")[1] for key in self.everything(path))


class SyntheaTest(ServerCase, Asking):
    arguments = ["--validation", "structure"]

    @classmethod
    def prepare(cls):
        definitions = Definitions(data("r4-core/package"))
        files = sorted(glob.glob(os.path.join(data("patients", "synthea-smart-r4", "bundles-gz"),
                                              "*.gz")), key=os.path.getsize)
        result = run("load", "--base", cls.server.base, "--journal", "", *files[:FILES], files[-1])
        assert result.returncode in (0, 1), result.stderr
        cls.stored = []
        for kind in sorted(definitions.resources):
            path = f"{kind}?_count=1000"
            while path:
                page = cls.client.get(path).json()
                cls.stored += [entry["resource"] for entry in page.get("entry", [])]
                links = {link["relation"]: link["url"] for link in page["link"]}
                path = links.get("next", "")[len(cls.server.base) + 1:]
        cls.search = Search(definitions, cls.stored, cls.server.base)
        cls.definitions = definitions
        cls.patients = [resource["id"] for resource in cls.stored
                        if resource["resourceType"] == "Patient"]

    def expected(self, patient):
        """What is in the compartment, and what that refers to and can be in none."""
        members = self.search.candidates(f"Patient/{patient}/*", "")
        compartments = self.definitions.compartments["Patient"]
        along = {reference for member in members for reference in references(member.content)
                 if reference in self.search.by_key
                 and reference.split("/")[0] not in compartments
                 and reference.split("/")[0] != "Patient"}
        return {member.key for member in members}, along

    def test_it_is_the_compartment_and_what_that_refers_to(self):
        self.assertGreaterEqual(len(self.patients), 2)
        for patient in self.patients:
            members, along = self.expected(patient)
            self.assertGreater(len(members), 20)
            self.assertGreater(len(along), 0)
            entries = [entry for page in self.pages(f"Patient/{patient}/$everything")
                       for entry in page["entry"]]
            modes = {"match": set(), "include": set()}
            for entry in entries:
                modes[entry["search"]["mode"]].add(resource_key(entry["resource"]))
            self.assertEqual(len(entries), len(members) + len(along))
            self.assertEqual(modes, {"match": members, "include": along})
            self.assertEqual(resource_key(entries[0]["resource"]), f"Patient/{patient}")

    def test_pages_hold_the_same_in_the_same_order(self):
        for patient in self.patients:
            whole = self.everything(f"Patient/{patient}/$everything")
            for count in (10, 37):
                self.assertEqual(self.everything(f"Patient/{patient}/$everything?_count={count}"),
                                 whole)

    def test_types_are_chosen(self):
        patient = self.patients[0]
        members, along = self.expected(patient)
        for types in ("Observation", "Condition,Encounter,Patient", "Practitioner,Immunization"):
            wanted = {key for key in members | along if key.split("/")[0] in types.split(",")}
            found = self.everything(f"Patient/{patient}/$everything?_type={types}&_count=25")
            self.assertEqual(sorted(found), sorted(wanted))


class FamilyTest(ServerCase, Asking):
    arguments = ["--validation", "structure"]

    @classmethod
    def prepare(cls):
        for resource in FAMILY:
            cls.put(resource)

    MOTHER = ["child", "given", "later", "mother", "new", "old", "seen", "undated", "visit", "weight",
              "asked"]

    def test_members_by_other_references_are_there_and_others_are_not(self):
        self.assertEqual(self.ids("Patient/mother/$everything"),
                         sorted(self.MOTHER + ["doctor", "pill", "room"]))
        self.assertEqual(self.ids("Patient/child/$everything"), ["asked", "child"])

    def test_each_is_there_once_whatever_the_page_size(self):
        whole = self.everything("Patient/mother/$everything")
        self.assertEqual(len(whole), len(set(whole)))
        for count in range(1, len(whole) + 2):
            self.assertEqual(self.everything(f"Patient/mother/$everything?_count={count}"), whole)

    def test_dates_are_of_care(self):
        always = ["child", "doctor", "mother", "undated"]
        self.assertEqual(self.ids("Patient/mother/$everything?start=2021"), sorted(always + ["later"]))
        self.assertEqual(self.ids("Patient/mother/$everything?start=2020-05-02&end=2020-05-02"),
                         sorted(always + ["asked", "given", "new", "pill", "room", "seen", "visit"]))
        self.assertEqual(self.ids("Patient/mother/$everything?end=2019&_type=Observation,Condition"),
                         ["old", "undated", "weight"])

    def test_since_is_of_writing(self):
        resource = dict(FAMILY[-2], status="accepted")
        updated = self.client.put(resource_key(resource), resource).json()
        later = [one for one in FAMILY if one["id"] == "later"][0]
        updated = self.client.put("Observation/later", dict(later, status="amended")).json()
        since = updated["meta"]["lastUpdated"].replace("+", "%2B")
        self.assertEqual(self.ids(f"Patient/mother/$everything?_since={since}"),
                         ["doctor", "later", "mother"])

    def test_everything_of_an_encounter(self):
        whole = self.everything("Encounter/visit/$everything")
        self.assertEqual(whole[0], "Encounter/visit")
        self.assertEqual(sorted(key.split("/")[1] for key in whole),
                         ["doctor", "given", "mother", "new", "old", "pill", "room", "seen", "visit"])
        for count in range(1, len(whole) + 2):
            self.assertEqual(self.everything(f"Encounter/visit/$everything?_count={count}"), whole)
        self.get("Encounter/visit/$everything?start=2020", 400)

    def test_parameters_may_come_in_a_body(self):
        body = {"resourceType": "Parameters",
                "parameter": [{"name": "start", "valueDate": "2021"},
                              {"name": "_type", "valueCode": "Observation"},
                              {"name": "_count", "valueInteger": 1}]}
        answer = self.client.post("Patient/mother/$everything", body)
        self.assertEqual(answer.status, 200, answer.bytes)
        page = answer.json()
        self.assertEqual(len(page["entry"]), 1)
        links = {link["relation"]: link["url"] for link in page["link"]}
        second = self.get(links["next"][len(self.server.base) + 1:])
        self.assertEqual({entry["resource"]["id"] for entry in page["entry"] + second["entry"]},
                         {"later", "undated"})
        self.assertEqual(self.client.post("Patient/mother/$everything",
                                          minimal("Patient", "x")).status, 400)

    def test_refusals(self):
        self.get("Patient/none/$everything", 404)
        self.client.put("Patient/gone", minimal("Patient", "gone"))
        self.client.delete("Patient/gone")
        self.get("Patient/gone/$everything", 410)
        self.get("Patient/nobody/$everything", 404)
        self.get("Patient/$everything", 501)
        for query in ("colour=red", "start=soon", "_type=Nothing", "_count=0", "_since=x",
                      "start=2020&start=2021"):
            self.get(f"Patient/mother/$everything?{query}", 400)
        page = self.get("Patient/mother/$everything?_count=1")
        cursor = page["link"][-1]["url"].split("_page=")[1]
        self.get(f"Patient/child/$everything?_count=1&_page={cursor}", 410)
        self.get(f"Patient/mother/$everything?_type=Patient&_page={cursor}", 410)

    def test_parts_of_resources(self):
        page = self.get("Patient/mother/$everything?_summary=true")
        self.assertTrue(all(entry["resource"]["meta"]["tag"] for entry in page["entry"]))
        self.assertIn("_summary=true", page["link"][0]["url"])


class LastTest(ServerCase, Asking):
    CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"

    arguments = ["--validation", "structure"]

    @classmethod
    def prepare(cls):
        vital = {"category": [{"coding": [{"system": cls.CATEGORY, "code": "vital-signs"}]}]}
        cls.resources = [minimal("Patient", "one"), minimal("Patient", "two")]
        for number in range(30):
            code = ("8302-2", "29463-7", "8867-4")[number % 3]
            cls.resources.append(observation(
                f"o{number}", "two" if number % 5 == 4 else "one", code,
                f"20{(number * 7) % 20:02}-01-01" if number % 10 else None,
                **(vital if number % 2 else {})))
        for resource in cls.resources:
            cls.put(resource)

    def expected(self, most, keep=lambda resource: True):
        groups = {}
        for resource in self.resources[2:]:
            if resource["subject"]["reference"] == "Patient/one" and keep(resource):
                groups.setdefault(resource["code"]["coding"][0]["code"], []).append(resource)
        found = []
        for group in groups.values():
            group.sort(key=lambda resource: resource.get("effectiveDateTime", ""), reverse=True)
            found += [resource["id"] for resource in group[:most]]
        return sorted(found)

    def test_the_newest_of_each_code(self):
        codes = "code=8302-2,29463-7,8867-4"
        for most in (1, 2, 3):
            self.assertEqual(self.ids(f"Observation/$lastn?patient=one&{codes}&max={most}"),
                             self.expected(most))
        self.assertEqual(self.ids(f"Observation/$lastn?subject=Patient/one&{codes}"),
                         self.expected(1))
        self.assertEqual(self.ids("Observation/$lastn?patient=Patient/one&category=vital-signs&max=2"),
                         self.expected(2, lambda resource: "category" in resource))
        self.assertEqual(
            self.ids("Observation/$lastn?patient=one&code=8302-2&date=lt2010&max=9"),
            self.expected(9, lambda resource: resource["code"]["coding"][0]["code"] == "8302-2"
                          and resource.get("effectiveDateTime", "9") < "2010"))

    def test_groups_are_together_newest_first(self):
        page = self.get("Observation/$lastn?patient=one&code=8302-2,29463-7,8867-4&max=100")
        seen = []
        for entry in page["entry"]:
            self.assertEqual(entry["search"]["mode"], "match")
            code = entry["resource"]["code"]["coding"][0]["code"]
            day = entry["resource"].get("effectiveDateTime", "")
            if seen and seen[-1][0] == code:
                self.assertLessEqual(day, seen[-1][1])
            else:
                self.assertNotIn(code, [one for one, _ in seen])
            seen.append((code, day))
        self.assertEqual(len({code for code, _ in seen}), 3)

    def test_refusals(self):
        for query in ("code=8302-2", "patient=one", "patient=one&code=x&max=0",
                      "patient=one&code=x&max=y", "patient=one&code=x&_sort=date",
                      "patient=one&code=x&colour=red", "patient=one,two&code=x",
                      "patient=one&code=x&_include=Observation:subject"):
            self.get(f"Observation/$lastn?{query}", 400)
        self.get("Observation/$lastn?patient=one&code=x&patient.name=x", 501)

    def test_parameters_may_come_in_a_body(self):
        body = {"resourceType": "Parameters",
                "parameter": [{"name": "max", "valuePositiveInt": 2},
                              {"name": "subject", "valueReference": {"reference": "Patient/one"}},
                              {"name": "code", "valueString": "8302-2"}]}
        answer = self.client.post("Observation/$lastn", body)
        self.assertEqual(answer.status, 200, answer.bytes)
        self.assertEqual(len(answer.json()["entry"]), 2)


if __name__ == "__main__":
    unittest.main()
