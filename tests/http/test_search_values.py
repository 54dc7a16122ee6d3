"""What values of searches mean: units within other criteria, punctuation, references to versions."""

import unittest

from harness import ServerCase

UCUM = "http://unitsofmeasure.org"


def quantity(value, unit):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def weight(identity, patient, value, unit, **more):
    code = {"coding": [{"system": "http://l", "code": "w"}]}
    part = {"coding": [{"system": "http://l", "code": "part"}]}
    return {"resourceType": "Observation", "id": identity, "status": "final", "code": code,
            "subject": {"reference": f"Patient/{patient}"}, "valueQuantity": quantity(value, unit),
            "component": [{"code": part, "valueQuantity": quantity(value, unit)}], **more}


def ids(bundle):
    return sorted(entry["resource"]["id"] for entry in bundle.get("entry", [])
                  if entry["search"]["mode"] == "match")


class ValuesTest(ServerCase):
    def find(self, path, status=200):
        answer = self.client.get(path)
        self.assertEqual(answer.status, status, (path[:200], answer.bytes))
        return ids(answer.json()) if status == 200 else answer.json()


class UnitsTest(ValuesTest):
    @classmethod
    def prepare(cls):
        cls.put({"resourceType": "Patient", "id": "u-p"})
        cls.put({"resourceType": "Patient", "id": "u-q"})
        cls.put(weight("u-g", "u-p", 2, "g"))
        cls.put(weight("u-ug", "u-q", 3000, "ug"))
        cls.put({"resourceType": "DiagnosticReport", "id": "u-r", "status": "final",
                 "code": {"text": "x"}, "result": [{"reference": "#o"}],
                 "contained": [dict(weight("o", "u-q", 5, "ng"), id="o")]})

    def test_any_number_of_criteria_may_have_units(self):
        """Each unit that nobody uses would be a range of each of them."""
        for times, one, found in (
                (7, f"value-quantity=gt0.1|{UCUM}|mg", ["u-p", "u-q"]),
                (5, f"code-value-quantity=w$gt1|{UCUM}|g", ["u-p"]),
                (9, f"component-value-quantity=lt1|{UCUM}|g", ["u-q"]),
                (4, f"combo-value-quantity=lt1|{UCUM}|g", ["u-q"]),
                (7, f"_filter=value-quantity lt 1|{UCUM}|g", ["u-q"])):
            query = "&".join([f"_has:Observation:patient:{one}"] * times).replace(" ", "%20")
            self.assertEqual(self.find(f"Patient?{query}"), found, one)
        query = "&".join([f"combo-code-value-quantity=w$2000|{UCUM}|mg"] * 3)
        self.assertEqual(self.find(f"Observation?{query}"), ["u-g"])
        either = " or ".join([f"value-quantity eq 3|{UCUM}|mg"] * 7).replace(" ", "%20")
        self.assertEqual(self.find(f"Observation?_filter={either}"), ["u-ug"])

    def test_units_of_what_is_contained_are_looked_for_there(self):
        self.assertEqual(self.find(f"DiagnosticReport?result.value-quantity=5|{UCUM}|ng"), ["u-r"])
        self.assertEqual(self.find(f"DiagnosticReport?result.value-quantity=5e-12|{UCUM}|kg"),
                         ["u-r"])
        self.assertEqual(self.find(f"DiagnosticReport?result.value-quantity=lt1|{UCUM}|ug"),
                         ["u-r"])
        self.assertEqual(self.find(
            f"Observation?_contained=true&_containedType=contained&value-quantity=lt1|{UCUM}|ug"),
            ["o"])

    def test_a_unit_is_found_as_soon_as_there_is_one(self):
        query = f"_has:Observation:patient:value-quantity=gt1|{UCUM}|kg"
        self.assertEqual(self.find(f"Patient?{query}"), [])
        self.put(weight("u-lb", "u-p", 10, "[lb_av]"))
        self.assertEqual(self.find(f"Patient?{query}"), ["u-p"])
        self.client.request("DELETE", "Observation/u-lb")

    def test_conditions_know_the_units_that_they_wrote_themselves(self):
        entries = [{"resource": weight("", "u-p", 7, "[oz_av]"), "request": {
            "method": "POST", "url": "Observation",
            "ifNoneExist": f"value-quantity=7.00|{UCUM}|[oz_av]"}}]
        del entries[0]["resource"]["id"]
        for _ in range(2):
            answer = self.client.post("", {"resourceType": "Bundle", "type": "transaction",
                                           "entry": entries})
            self.assertEqual(answer.status, 200, answer.bytes)
        self.assertEqual(len(self.find(f"Observation?value-quantity=7|{UCUM}|[oz_av]")), 1)


class PunctuationTest(ValuesTest):
    """R4 search.html#string: punctuation and white space that says nothing should be ignored."""
    @classmethod
    def prepare(cls):
        for identity, family in (
                ("brien", "O'Brien"), ("brien-typed", "O\u2019Brien"), ("brien-one", "OBrien"),
                ("brien-two", "O Brien"), ("jones", "Smith-Jones"), ("jones-two", "Smith Jones"),
                ("jones-one", "SmithJones"), ("john", "St. John"), ("john-bare", "St John"),
                ("both", "O'Brien-Smith"), ("field", "\ufb01eld"), ("long", "x" * 300 + "-" + "y" * 9)):
            cls.put({"resourceType": "Patient", "id": identity, "name": [{"family": family}]})

    def test_what_is_written_with_or_without_punctuation_is_found(self):
        apart, joined = ["brien", "brien-typed", "brien-two"], ["brien", "brien-one", "brien-typed"]
        every = ["both", "brien", "brien-one", "brien-two", "brien-typed"]
        jones = ["jones", "jones-one", "jones-two"]
        for text, found in (
                ("O'Brien", every), ("O%E2%80%99BRIEN", every), ("obrien", ["both"] + joined),
                ("o brien", ["both"] + apart), ("obrien smith", ["both"]), ("obriensmith", ["both"]),
                ("o'brien-s", ["both"]), ("Smith-Jones", jones), ("smith-j", jones),
                ("smith jones", ["jones", "jones-two"]), ("smithjones", ["jones", "jones-one"]),
                ("St. John", ["john", "john-bare"]), ("st john", ["john", "john-bare"]),
                ("st.john", ["john", "john-bare"]), ("field", ["field"]), ("jones", []),
                ("x" * 300 + "y", ["long"]), ("x" * 300 + "-z", [])):
            text = text.replace(" ", "%20")
            self.assertEqual(self.find(f"Patient?family={text}"), sorted(found), text)
            self.assertEqual(self.find(f"Patient?_filter=family%20sw%20%22{text}%22"),
                             sorted(found), text)

    def test_parts_are_found_likewise(self):
        self.assertEqual(self.find("Patient?family:contains=hjon"), ["jones", "jones-one"])
        self.assertEqual(self.find("Patient?family:contains=h-jon"),
                         ["jones", "jones-one", "jones-two"])
        self.assertEqual(self.find("Patient?family:contains=nsmi"), ["both"])
        self.assertEqual(self.find("Patient?_filter=family%20ew%20%22h-jones%22"),
                         ["jones", "jones-one", "jones-two"])
        self.assertEqual(self.find("Patient?_filter=family%20eq%20smithjones"),
                         ["jones", "jones-one"])

    def test_exact_means_every_character(self):
        self.assertEqual(self.find("Patient?family:exact=O'Brien"), ["brien"])
        self.assertEqual(self.find("Patient?family:exact=OBrien"), ["brien-one"])
        self.assertEqual(self.find("Patient?family:exact=SmithJones"), ["jones-one"])

    def test_each_is_there_once_in_every_order(self):
        for sort in ("family", "-family", "family,_id"):
            for count in (1, 3):
                found = [entry["resource"]["id"]
                         for entry in self.entries(f"Patient?_sort={sort}&_count={count}")]
                self.assertEqual(len(found), 12)
                self.assertEqual(len(set(found)), 12)
        found = [entry["resource"]["id"] for entry in self.entries("Patient?name=o'brien&_sort=name")]
        self.assertEqual(len(found), 5)


class VersionTest(ValuesTest):
    """References to one version: R4 search.html#reference, references.html#literal."""
    @classmethod
    def prepare(cls):
        for patient in ({"active": True}, {"active": False}):
            cls.put(dict(patient, resourceType="Patient", id="v-p"))
        base = cls.server.base
        for identity, reference in (
                ("any", "Patient/v-p"), ("one", "Patient/v-p/_history/1"),
                ("two", "Patient/v-p/_history/2"), ("own", f"{base}/Patient/v-p/_history/1"),
                ("other", "http://o.example.org/Patient/v-p/_history/1"),
                ("other-any", "http://o.example.org/Patient/v-p")):
            cls.put({"resourceType": "Observation", "id": identity, "status": "final",
                     "code": {"text": "x"}, "subject": {"reference": reference}})
        for identity, canonical in (("c-1", "http://x.org/PlanDefinition/p|1"),
                                    ("c-2", "http://x.org/PlanDefinition/p|2"),
                                    ("c-0", "http://x.org/PlanDefinition/p")):
            cls.put({"resourceType": "CarePlan", "id": identity, "status": "active",
                     "intent": "plan", "subject": {"reference": "Patient/v-p"},
                     "instantiatesCanonical": [canonical]})

    def test_a_version_finds_references_to_it_alone(self):
        one = "Patient/v-p/_history/1"
        for query, found in (
                (f"subject={one}", ["one", "own"]), (f"patient={one}", ["one", "own"]),
                (f"subject:Patient={one}", ["one", "own"]),
                (f"subject={self.server.base}/{one}", ["one", "own"]),
                (f"patient={one},Patient/v-p/_history/2", ["one", "own", "two"]),
                (f"patient={one}&_sort=_id", ["one", "own"]),
                ("patient=Patient/v-p/_history/3", []),
                (f"subject=http://o.example.org/{one}", ["other"]),
                (f"_filter=subject%20re%20{one}", ["one", "own"])):
            self.assertEqual(self.find(f"Observation?{query}"), found, query)
            answer = self.client.get(f"Observation?{query}&_summary=count").json()
            self.assertEqual(answer["total"], len(found), query)
        self.assertEqual(self.find(f"Patient?_has:Observation:patient:subject={one}"), ["v-p"])
        self.assertEqual(self.find("Patient?_has:Observation:patient:subject=Patient/v-p/_history/9"),
                         [])

    def test_none_finds_references_to_any(self):
        for value in ("Patient/v-p", f"{self.server.base}/Patient/v-p"):
            self.assertEqual(self.find(f"Observation?subject={value}"), ["any", "one", "own", "two"])
        self.assertEqual(self.find("Observation?subject=http://o.example.org/Patient/v-p"),
                         ["other", "other-any"])

    def test_canonicals_have_versions_of_their_own(self):
        plan = "http://x.org/PlanDefinition/p"
        for value, found in ((plan, ["c-0", "c-1", "c-2"]), (f"{plan}|1", ["c-1"]),
                             (f"{plan}|3", [])):
            self.assertEqual(self.find(f"CarePlan?instantiates-canonical={value}"), found)


class ErrorsTest(ValuesTest):
    @classmethod
    def prepare(cls):
        cls.put(weight("leap", "u-p", 1, "g", effectiveDateTime="2016-12-31T23:59:60Z"))

    def test_each_finding_is_told_once_with_its_code(self):
        for query, codes in (("date=x", ["value"]), ("shoe=43", ["not-supported"]),
                             ("date=x&shoe=43", ["value", "not-supported"]),
                             ("shoe=43&code:exact=x&shoe2=1",
                              ["not-supported", "not-supported", "not-supported"])):
            found = self.find(f"Observation?{query}", 400)["issue"]
            self.assertEqual([issue["code"] for issue in found], codes, found)
            self.assertEqual(len({issue["diagnostics"].split(" (request")[0] for issue in found}),
                             len(found), found)
            self.assertIn("(request", found[0]["diagnostics"])

    def test_a_filter_says_what_it_does_not_take(self):
        for value in ("w$5", "5", "%22w$5%22"):
            found = self.find(f"Observation?_filter=code-value-quantity%20eq%20{value}", 400)["issue"]
            self.assertIn("composites", found[0]["diagnostics"])
            self.assertIn("code-value-quantity=", found[0]["diagnostics"])

    def test_a_leap_second_belongs_to_its_minute_and_year(self):
        for date in ("2016", "2016-12-31", "2016-12-31T23:59Z", "2016-12-31T23:59:60Z", "lt2017",
                     "ge2016-12-31T23:59:60Z"):
            self.assertEqual(self.find(f"Observation?date={date}"), ["leap"], date)
        self.assertEqual(self.find("Observation?date=2017"), [])
        self.assertEqual(self.find("Observation?date=ge2017"), [])


if __name__ == "__main__":
    unittest.main()
