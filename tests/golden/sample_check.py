#!/usr/bin/env python3
"""Checks `isthmus sample`: the same bytes for the same seed, and patients who make sense.

usage: sample_check.py ISTHMUS [--update]

The digest of what seed 1 gives is in sample.sha256; --update writes it anew after a
deliberate change. Codes are looked up in the published definitions when these are at
hand (ISTHMUS_TEST_DATA, ../shared/data by default).
"""
import collections
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal, ROUND_HALF_UP

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DIGEST = HERE / "sample.sha256"
DATA = pathlib.Path(os.environ.get("ISTHMUS_TEST_DATA", ROOT.parent / "shared" / "data"))
ISTHMUS = ""
PATIENTS = 150
REFERENCE = "2026-01-01"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
RXNORM, CVX = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/cvx"


def sample(folder, *more, patients=PATIENTS, seed=1, status=0):
    done = subprocess.run([ISTHMUS, "sample", "--patients", str(patients), "--seed", str(seed),
                           "--out", str(folder), *more], capture_output=True, text=True)
    if done.returncode != status:
        raise AssertionError(f"exit {done.returncode}: {done.stdout}{done.stderr}")
    return done


def digest(folder):
    total = hashlib.sha256()
    for path in sorted(pathlib.Path(folder).iterdir()):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def read(path):
    return json.loads(path.read_text("utf-8"), parse_float=Decimal)


def codings(node):
    """Every {system, code} below a node."""
    if isinstance(node, dict):
        if "system" in node and "code" in node:
            yield node
        for child in node.values():
            yield from codings(child)
    elif isinstance(node, list):
        for child in node:
            yield from codings(child)


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def code_of(resource):
    return resource["code"]["coding"][0]["code"]


def when(text):
    """The moment of a FHIR date or dateTime, the start of the day for a date."""
    if len(text) == 10:
        return datetime.datetime.fromisoformat(text + "T00:00:00+00:00")
    return datetime.datetime.fromisoformat(text)


class Sample(unittest.TestCase):
    """One set of patients, read once for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="isthmus-sample-")
        cls.folder = pathlib.Path(cls.scratch.name, "bundles")
        cls.line = sample(cls.folder).stdout
        cls.bundles = [read(path) for path in sorted(cls.folder.iterdir())]
        cls.resources = [entry["resource"] for bundle in cls.bundles for entry in bundle["entry"]]
        cls.patients = {r["id"]: r for r in cls.resources if r["resourceType"] == "Patient"}

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def of(self, kind):
        return [r for r in self.resources if r["resourceType"] == kind]

    def patient_of(self, resource):
        reference = (resource.get("subject") or resource.get("patient"))["reference"]
        return self.patients[reference.removeprefix("Patient/")]

    # Determinism

    def test_a_seed_gives_the_same_bytes_everywhere(self):
        self.assertEqual(DIGEST.read_text().split()[0], digest(self.folder))

    def test_another_seed_gives_other_patients(self):
        other = pathlib.Path(self.scratch.name, "other")
        sample(other, seed=2, patients=5)
        for number in range(1, 6):
            name = f"patient-{number:06}.json"
            self.assertNotEqual((other / name).read_bytes(), (self.folder / name).read_bytes())
        shared = "00-organizations.json"
        self.assertEqual((other / shared).read_bytes(), (self.folder / shared).read_bytes())

    def test_fewer_patients_are_the_first_of_more(self):
        few = pathlib.Path(self.scratch.name, "few")
        sample(few, patients=7)
        for path in few.iterdir():
            self.assertEqual(path.read_bytes(), (self.folder / path.name).read_bytes())

    def test_ndjson_and_post_bundles_hold_the_same_resources(self):
        lines = pathlib.Path(self.scratch.name, "ndjson")
        posts = pathlib.Path(self.scratch.name, "posts")
        sample(lines, "--format", "ndjson")
        sample(posts, "--style", "post")
        ndjson = {}
        for path in lines.iterdir():
            for line in path.read_text("utf-8").splitlines():
                resource = json.loads(line, parse_float=Decimal)
                self.assertEqual(path.stem, resource["resourceType"])
                ndjson[resource["id"]] = resource
        self.assertEqual({r["id"]: r for r in self.resources}, ndjson)
        for path in posts.iterdir():
            for entry in read(path)["entry"]:
                self.check_post(entry, ndjson)

    def check_post(self, entry, expected):
        uuid = entry["fullUrl"].removeprefix("urn:uuid:")
        kind = entry["resource"]["resourceType"]
        self.assertNotIn("id", entry["resource"])
        self.assertEqual(("POST", kind), (entry["request"]["method"], entry["request"]["url"]))
        self.assertEqual(kind, expected[uuid]["resourceType"])
        shared = kind in ("Organization", "Practitioner", "Location")
        self.assertEqual(shared, "ifNoneExist" in entry["request"])
        for reference in references(entry["resource"]):
            self.assertRegex(reference, r"^(urn:uuid:[0-9a-f-]{36}|"
                             r"(Organization|Practitioner|Location)\?identifier=https://[^|]+\|\S+)$")

    # The command

    def test_a_folder_with_something_in_it_is_refused(self):
        folder = pathlib.Path(self.scratch.name, "mine")
        folder.mkdir()
        (folder / "notes.txt").write_text("keep me")
        self.assertIn("--force", sample(folder, patients=1, status=1).stderr)
        sample(folder, "--force", patients=3)
        sample(folder, "--force", patients=1)
        self.assertEqual(["00-organizations.json", "notes.txt", "patient-000001.json"],
                         sorted(path.name for path in folder.iterdir()))

    def test_wrong_calls_are_refused(self):
        folder = pathlib.Path(self.scratch.name, "never")
        for words in (["--patients", "many"], ["--format", "xml"], ["--colour", "blue"], ["stray"]):
            done = subprocess.run([ISTHMUS, "sample", "--out", str(folder), *words],
                                  capture_output=True, text=True)
            self.assertEqual(2, done.returncode, words)
            self.assertFalse(folder.exists())

    def test_the_last_line_counts_what_was_written(self):
        counts = collections.Counter(r["resourceType"] for r in self.resources)
        for kind, count in counts.items():
            self.assertRegex(self.line, rf"\b{kind} {count}\b")

    # Consistency

    def test_bundles_are_repeatable_transactions(self):
        for bundle in self.bundles:
            self.assertEqual(("Bundle", "transaction"), (bundle["resourceType"], bundle["type"]))
            for entry in bundle["entry"]:
                resource = entry["resource"]
                path = f"{resource['resourceType']}/{resource['id']}"
                self.assertEqual({"method": "PUT", "url": path}, entry["request"])
                self.assertTrue(entry["fullUrl"].endswith("/" + path))

    def test_ids_are_unique_uuids(self):
        ids = [r["id"] for r in self.resources]
        self.assertEqual(len(ids), len(set(ids)))
        for one in ids:
            self.assertRegex(one, r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

    def test_every_reference_resolves(self):
        known = {f"{r['resourceType']}/{r['id']}" for r in self.resources}
        for resource in self.resources:
            for reference in references(resource):
                self.assertIn(reference, known)

    def test_references_stay_with_the_patient(self):
        for bundle in self.bundles[1:]:
            own = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
            for entry in bundle["entry"]:
                for reference in references(entry["resource"]):
                    shared = reference.startswith(("Organization/", "Practitioner/", "Location/"))
                    self.assertTrue(shared or reference in own, reference)

    def test_nothing_happens_before_birth_or_after_death(self):
        dates = ("onsetDateTime", "recordedDate", "effectiveDateTime", "authoredOn",
                 "occurrenceDateTime", "abatementDateTime")
        for resource in self.resources:
            if not (resource.get("subject") or resource.get("patient")):
                continue
            patient = self.patient_of(resource)
            end = patient.get("deceasedDateTime", REFERENCE)
            moments = [resource[name] for name in dates if name in resource]
            for period in ("period", "performedPeriod"):
                if period in resource:
                    start, stop = resource[period]["start"], resource[period]["end"]
                    self.assertLessEqual(when(start), when(stop))
                    moments += [start, stop]
            for moment in moments:
                self.assertLessEqual(patient["birthDate"], moment[:10])
                if len(moment) == 10 or end == REFERENCE:
                    self.assertLessEqual(moment[:10], end[:10])
                else:
                    self.assertLessEqual(when(moment), when(end))

    def test_records_lie_within_their_encounter(self):
        encounters = {r["id"]: r for r in self.of("Encounter")}
        for resource in self.resources:
            if "encounter" not in resource:
                continue
            period = encounters[resource["encounter"]["reference"].split("/")[1]]["period"]
            for name in ("effectiveDateTime", "authoredOn", "occurrenceDateTime", "recordedDate"):
                if name in resource:
                    self.assertLessEqual(when(period["start"]), when(resource[name]))
                    self.assertLessEqual(when(resource[name]), when(period["end"]))

    def test_encounters_of_a_patient_do_not_overlap(self):
        last = {}
        for encounter in self.of("Encounter"):
            patient = encounter["subject"]["reference"]
            if patient in last:
                self.assertLess(last[patient], when(encounter["period"]["start"]))
            last[patient] = when(encounter["period"]["end"])

    def test_what_has_abated_is_not_active(self):  # R4 con-4
        for condition in self.of("Condition"):
            status = condition["clinicalStatus"]["coding"][0]["code"]
            self.assertEqual("abatementDateTime" in condition, status == "resolved")
            if "abatementDateTime" in condition:
                self.assertLess(condition["onsetDateTime"], condition["abatementDateTime"])

    def test_addresses_agree_with_themselves(self):
        places = {}
        for resource in self.of("Patient") + self.of("Organization"):
            for address in resource["address"]:
                places.setdefault(address["postalCode"], set()).add(
                    (address["city"], address["state"]))
        self.assertTrue(places)
        for postal, cities in places.items():
            self.assertEqual(1, len(cities), postal)

    def test_names_come_with_accents(self):
        names = "".join(p["name"][0]["family"] for p in self.patients.values())
        self.assertRegex(names, r"[À-ž]")

    def by_encounter(self):
        found = collections.defaultdict(dict)
        for observation in self.of("Observation"):
            if "valueQuantity" in observation:
                found[observation["encounter"]["reference"]][code_of(observation)] = observation
        return found

    def value(self, group, code):
        return group[code]["valueQuantity"]["value"]

    def test_body_mass_index_is_weight_by_height_squared(self):
        checked = 0
        for group in self.by_encounter().values():
            if "39156-5" not in group:
                continue
            height = self.value(group, "8302-2") / 100
            bmi = self.value(group, "29463-7") / (height * height)
            self.assertEqual(bmi.quantize(Decimal("0.1"), ROUND_HALF_UP),
                             self.value(group, "39156-5"))
            checked += 1
        self.assertGreater(checked, PATIENTS)

    def test_children_grow(self):
        heights = collections.defaultdict(list)
        for observation in self.of("Observation"):
            patient = self.patient_of(observation)
            age = int(observation["effectiveDateTime"][:4]) - int(patient["birthDate"][:4])
            if code_of(observation) == "8302-2" and age < 15:
                heights[patient["id"]].append(observation["valueQuantity"]["value"])
        self.assertTrue(heights)
        for series in heights.values():
            self.assertEqual(sorted(series), series)

    def test_computed_laboratory_values_add_up(self):
        near = lambda a, b, tolerance: self.assertLessEqual(abs(a - b), Decimal(tolerance))
        seen = collections.Counter()
        for group in self.by_encounter().values():
            value = lambda code: self.value(group, code)
            if "13457-7" in group:
                near(value("13457-7"), value("2093-3") - value("2085-9") - value("2571-8") / 5, 1)
                seen["ldl"] += 1
            if "4544-3" in group:
                near(value("4544-3"), value("789-8") * value("787-2") / 10, "0.1")
                near(value("718-7"), value("4544-3") * value("786-4") / 100, "0.1")
                near(value("785-6"), value("718-7") * 10 / value("789-8"), "0.2")
                seen["blood count"] += 1
            if "10834-0" in group:
                near(value("10834-0"), value("2885-2") - value("1751-7"), 0)
                seen["globulin"] += 1
            if "4548-4" in group and "2345-7" in group:
                near(value("2345-7"), Decimal("28.7") * value("4548-4") - 64, 30)
                seen["glucose"] += 1
        for what in ("ldl", "blood count", "globulin", "glucose"):
            self.assertGreater(seen[what], 20, what)

    def test_filtration_follows_from_creatinine_age_and_sex(self):
        checked = 0
        for group in self.by_encounter().values():
            if "33914-3" not in group:
                continue
            patient = self.patient_of(group["33914-3"])
            born, day = patient["birthDate"], group["33914-3"]["effectiveDateTime"][:10]
            age = int(day[:4]) - int(born[:4]) - (day[5:] < born[5:])
            expected = 175 * float(self.value(group, "2160-0")) ** -1.154 * age ** -0.203
            expected *= 0.742 if patient["gender"] == "female" else 1
            self.assertLessEqual(abs(float(self.value(group, "33914-3")) - expected),
                                 1 + expected / 200)
            checked += 1
        self.assertGreater(checked, 50)

    def test_interpretations_agree_with_reference_ranges(self):
        for observation in self.of("Observation"):
            if "referenceRange" not in observation:
                continue
            limits, value = observation["referenceRange"][0], observation["valueQuantity"]["value"]
            expected = "N"
            if "low" in limits and value < limits["low"]["value"]:
                expected = "L"
            if "high" in limits and value > limits["high"]["value"]:
                expected = "H"
            self.assertEqual(expected, observation["interpretation"][0]["coding"][0]["code"])

    def test_diabetes_shows_in_the_blood(self):
        sick = {c["subject"]["reference"] for c in self.of("Condition")
                if code_of(c) == "44054006"}
        values = {True: [], False: []}
        for observation in self.of("Observation"):
            if code_of(observation) == "4548-4":
                patient = observation["subject"]["reference"]
                values[patient in sick].append(observation["valueQuantity"]["value"])
        mean = {key: sum(found) / len(found) for key, found in values.items()}
        self.assertGreater(mean[True], Decimal("6.5"))
        self.assertLess(mean[False], Decimal("5.9"))

    def test_reports_hold_the_results_of_their_patient_and_visit(self):
        results = {r["id"]: r for r in self.of("Observation")}
        self.assertTrue(self.of("DiagnosticReport"))
        for report in self.of("DiagnosticReport"):
            self.assertGreater(len(report["result"]), 2)
            for reference in report["result"]:
                result = results[reference["reference"].split("/")[1]]
                for same in ("subject", "encounter", "effectiveDateTime", "issued"):
                    self.assertEqual(report[same], result[same])

    def test_orders_have_their_reason_and_respect_allergies(self):
        conditions = {r["id"]: r for r in self.of("Condition")}
        families = {"7980": "penicillin", "723": "penicillin", "5640": "nsaid", "1191": "aspirin"}
        words = {"penicillin": "penicillin|amoxicillin", "nsaid": "ibuprofen|naproxen",
                 "aspirin": "aspirin"}
        allergic = collections.defaultdict(set)
        for allergy in self.of("AllergyIntolerance"):
            family = families.get(code_of(allergy))
            if family:
                allergic[allergy["patient"]["reference"]].add(family)
        for order in self.of("MedicationRequest"):
            reason = conditions[order["reasonReference"][0]["reference"].split("/")[1]]
            self.assertEqual(order["subject"], reason["subject"])
            self.assertLessEqual(reason["onsetDateTime"][:10], order["authoredOn"][:10])
            name = order["medicationCodeableConcept"]["text"]
            for family in allergic[order["subject"]["reference"]]:
                self.assertNotRegex(name, words[family])

    def test_doses_come_in_order(self):
        doses = collections.defaultdict(list)
        for shot in sorted(self.of("Immunization"), key=lambda r: r["occurrenceDateTime"][:10]):
            if "protocolApplied" in shot:
                doses[shot["patient"]["reference"], shot["vaccineCode"]["coding"][0]["code"]].append(
                    shot["protocolApplied"][0]["doseNumberPositiveInt"])
        for key, numbers in doses.items():
            self.assertEqual(sorted(set(numbers)), numbers, key)

    def test_there_is_something_of_every_kind(self):
        counts = collections.Counter(r["resourceType"] for r in self.resources)
        self.assertEqual(PATIENTS, counts["Patient"])
        per_patient = sum(counts.values()) / PATIENTS
        self.assertGreater(per_patient, 90)
        self.assertLess(per_patient, 250)
        for kind in ("Organization", "Practitioner", "Location", "Encounter", "Condition",
                     "Observation", "DiagnosticReport", "MedicationRequest", "AllergyIntolerance",
                     "Immunization", "Procedure"):
            self.assertGreater(counts[kind], 10, kind)
        classes = {e["class"]["code"] for e in self.of("Encounter")}
        self.assertEqual({"AMB", "EMER", "IMP"}, classes)
        self.assertTrue(any("deceasedDateTime" in p for p in self.patients.values()))


class Codes(unittest.TestCase):
    """Every code that the tables can give, not only those of one set of patients."""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            sample(folder, "--format", "ndjson", patients=1200, seed=11)
            cls.codes = collections.defaultdict(dict)
            for path in pathlib.Path(folder).iterdir():
                for line in path.read_text("utf-8").splitlines():
                    for coding in codings(json.loads(line)):
                        cls.codes[coding["system"]][coding["code"]] = coding.get("display")

    def test_check_digits_are_right(self):
        for code in self.codes[LOINC]:
            self.assertRegex(code, r"^\d{1,7}-\d$")
            self.assertEqual(int(code[-1]), mod10(code[:-2]), code)
        for code in self.codes[SNOMED]:
            self.assertRegex(code, r"^\d{6,18}$")
            self.assertEqual(0, verhoeff(code), code)

    def test_snomed_codes_are_in_the_free_set_or_in_r4(self):
        published = self.published()
        for code, display in self.codes[SNOMED].items():
            names = published[SNOMED].get(code, set())
            self.assertIn(plain(display), {plain(name) for name in names}, f"{code} {display}")

    def test_loinc_cvx_and_hl7_codes_are_published_ones(self):
        published = self.published(packages=True)
        unknown = collections.Counter()
        for system, codes in self.codes.items():
            for code in codes:
                if system not in published or code not in published[system]:
                    unknown[system] += 1
        for system, count in unknown.items():
            print(f"{count} of {len(self.codes[system])} codes of {system} "
                  "are in none of the packages at hand")
        for system in unknown:
            self.assertIn(system, (LOINC, RXNORM, CVX, "http://unitsofmeasure.org"))
        self.assertLess(unknown[LOINC], 8)
        self.assertLess(unknown[CVX], 2)

    def published(self, packages=False):
        """{system: {code: names}} of R4 and the IPS free set, on demand of all packages."""
        if not DATA.is_dir():
            print(f"skipped 1 test: no published definitions in {DATA}")
            self.skipTest("no published definitions")
        cls = type(self)
        if not hasattr(cls, "strict"):
            # Of the routes R4 has other names; its examples have SNOMED's.
            cls.strict = load("packages/ips-1.1.0/*free-set*.json", "r4-expansions/package/*.json",
                              "r4-core/package/ValueSet-*.json",
                              "r4-core/package/CodeSystem-*.json", "r4-examples/*.json")
        return load("packages/**/*.json", into=cls.strict) if packages else cls.strict


def load(*patterns, into=None):
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for system, codes in (into or {}).items():
        found[system].update(codes)
    for pattern in patterns:
        for path in DATA.glob(pattern):
            try:
                collect(json.loads(path.read_text("utf-8", errors="replace")), None, found)
            except json.JSONDecodeError:
                continue  # not all of the published examples are whole
    return found


def collect(node, system, found):
    if isinstance(node, list):
        for child in node:
            collect(child, system, found)
        return
    if not isinstance(node, dict):
        return
    if node.get("resourceType") == "CodeSystem":
        system = node.get("url")
    system = node["system"] if isinstance(node.get("system"), str) else system
    code = node.get("code")
    if isinstance(code, str) and system:
        found[system][code].add(node.get("display", ""))
    for child in node.values():
        collect(child, system, found)


def plain(name):
    """Without the semantic tag, case ignored."""
    return re.sub(r" \((finding|disorder|procedure|qualifier value|substance)\)$", "",
                  name or "").lower()


def mod10(digits):
    """LOINC's check digit (Luhn)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number // 10 + number % 10
    return -total % 10


D5 = [[(i + j) % 5 if i < 5 and j < 5 else
       (i + j) % 5 + 5 if i < 5 else
       (i - j) % 5 + 5 if j < 5 else (i - j) % 5 for j in range(10)] for i in range(10)]
TURN = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def verhoeff(digits):
    """0 when the check digit of a SNOMED CT identifier is right."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        for _ in range(place % 8):
            number = TURN[number]
        check = D5[check][number]
    return check


def main():
    global ISTHMUS
    update = "--update" in sys.argv
    ISTHMUS = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if not ISTHMUS:
        raise SystemExit(__doc__)
    if update:
        with tempfile.TemporaryDirectory() as folder:
            sample(folder)
            DIGEST.write_text(f"{digest(folder)}  --patients {PATIENTS} --seed 1\n")
    unittest.main(argv=[sys.argv[0]], verbosity=1)


main()
