"""Search parameters of packages: refused until everything is indexed by them, and right from then on.

Also how $reindex goes on after a kill, stands beside writers, and waits for processes that do not
know the parameters yet.
"""

import http.client
import os
import shutil
import threading
import time
import unittest

from harness import Server, data, run, scratch, until

PACKAGE = "packages/us-core-6.1.0"
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
OMB = "urn:oid:2.16.840.1.113883.6.238"
CODES = ["1002-5", "2028-9", "2054-5", "2106-3"]


def patient(number, code):
    return {"resourceType": "Patient", "id": f"p{number}", "extension": [
        {"url": RACE, "extension": [
            {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code}},
            {"url": "text", "valueString": "x"}]}]}


def condition(number, day):
    return {"resourceType": "Condition", "id": f"c{number}",
            "subject": {"reference": f"Patient/p{number}"},
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
                           "valueDateTime": day}]}


class SearchParameters(unittest.TestCase):
    def setUp(self):
        data(PACKAGE)
        self.folder = scratch()
        self.server = Server(self.folder).start()
        self.client = self.server.client()

    def tearDown(self):
        if self.server.process:
            self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def store(self, *resources):
        for resource in resources:
            answer = self.client.put(f"{resource['resourceType']}/{resource['id']}", resource)
            self.assertIn(answer.status, (200, 201), answer.bytes)

    def install(self):
        done = run("package", "install", data(PACKAGE), "--data", os.path.join(self.folder, "data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def restart(self):
        self.server.stop()
        self.server.start()
        self.client = self.server.client()

    def ids(self, search):
        found, link = [], search
        while link:
            answer = self.client.get(link)
            self.assertEqual(answer.status, 200, (search, answer.bytes))
            bundle = answer.json()
            found += [entry["resource"]["id"] for entry in bundle.get("entry", [])
                      if entry["search"]["mode"] == "match"]
            link = next((one["url"][len(self.server.base) + 1:] for one in bundle.get("link", [])
                         if one["relation"] == "next"), None)
        self.assertEqual(len(found), len(set(found)))
        return sorted(found)

    def begin(self, path="$reindex"):
        answer = self.client.post(path, None)
        self.assertEqual(answer.status, 202, answer.bytes)
        return answer.header("Content-Location")[len(self.server.base) + 1:]

    def status(self, place):
        return self.client.get(place)

    def finish(self, place):
        seen = []
        while True:
            answer = self.status(place)
            if answer.status != 202:
                self.assertEqual(answer.status, 200, answer.bytes)
                return seen, answer.json()["issue"][0]["diagnostics"]
            seen.append(answer.header("X-Progress"))
            time.sleep(0.05)

    def whole(self, search):
        """Servers learn of the end by a notification."""
        self.assertEqual(until(lambda: self.client.get(search).status, 200), 200, search)

    def offered(self, kind):
        statement = self.client.get("metadata").json()
        return [param["name"] for resource in statement["rest"][0]["resource"]
                if resource["type"] == kind for param in resource["searchParam"]]

    def test_a_parameter_is_refused_until_all_is_indexed_by_it_and_then_finds_all(self):
        self.store(*(patient(n, CODES[n % 4]) for n in range(30)))
        self.store(*(condition(n, f"2024-02-{n + 1:02}") for n in range(10)))
        report = self.install()
        self.assertIn("isthmus reindex", report)
        self.assertIn("search parameters beyond R4 in all packages: 7", report)
        refused = self.client.get("Patient?race=1002-5")
        self.assertEqual(refused.status, 400, refused.bytes)
        self.restart()
        for search in ("Patient?race=1002-5", "Condition?asserted-date=ge2024-02-03",
                       "Condition?_sort=asserted-date", "Condition?subject:Patient.race=1002-5"):
            refused = self.client.get(search, Prefer="handling=lenient")
            self.assertEqual(refused.status, 400, (search, refused.bytes))
        self.assertIn(b"$reindex", self.client.get("Patient?race=1002-5").bytes)
        self.assertNotIn("race", self.offered("Patient"))

        self.store(patient(30, CODES[0]), patient(0, CODES[1]), condition(10, "2024-02-11"))
        versions = len(self.client.get("Patient/p8/_history").json()["entry"])
        _, report = self.finish(self.begin())
        self.assertRegex(report, "^Done; 40 resources")
        self.whole("Patient?race=1002-5")
        self.assertEqual(self.ids("Patient?race=1002-5&_count=3"),
                         sorted(f"p{n}" for n in range(1, 31) if n % 4 == 0 or n == 30))
        self.assertEqual(self.ids("Condition?asserted-date=ge2024-02-03"),
                         sorted(f"c{n}" for n in range(2, 11)))
        self.assertEqual(self.ids("Condition?subject:Patient.race=1002-5"), ["c4", "c8"])
        self.assertEqual(len(self.ids("Patient?race:missing=false")), 31)
        self.assertIn("race", self.offered("Patient"))
        self.assertEqual(len(self.client.get("Patient/p8/_history").json()["entry"]), versions)

        self.store(patient(4, CODES[2]), condition(2, "2023-01-01"))
        self.client.delete("Patient/p8")
        self.assertEqual(self.ids("Condition?asserted-date=ge2024-02-03"),
                         sorted(f"c{n}" for n in range(3, 11)))
        self.assertNotIn("p4", self.ids("Patient?race=1002-5"))
        self.assertNotIn("p8", self.ids("Patient?race=1002-5"))
        _, report = self.finish(self.begin("Patient/$reindex"))
        self.assertRegex(report, "^Done; 0 resources")

    def test_a_package_that_is_removed_takes_its_parameters_with_it(self):
        self.store(patient(1, CODES[0]))
        self.install()
        self.restart()
        self.finish(self.begin())
        self.whole("Patient?race=1002-5")
        where = ["--data", os.path.join(self.folder, "data")]
        self.assertEqual(run("package", "remove", "hl7.fhir.us.core", *where).returncode, 0)
        self.restart()
        self.assertEqual(self.client.get("Patient?race=1002-5").status, 400)
        self.store(patient(1, CODES[1]), patient(2, CODES[0]))
        self.install()
        self.restart()
        self.assertEqual(self.client.get("Patient?race=1002-5").status, 400)
        self.finish(self.begin())
        self.whole("Patient?race=1002-5")
        self.assertEqual(self.ids("Patient?race=1002-5"), ["p2"])

    def test_what_is_written_meanwhile_is_found(self):
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [
            {"resource": patient(n, CODES[n % 4]),
             "request": {"method": "PUT", "url": f"Patient/p{n}"}} for n in range(1500)]}
        self.assertEqual(self.client.post("", bundle).status, 200)
        dates = {"resourceType": "Bundle", "type": "batch", "entry": [
            {"resource": condition(n, f"2024-03-{n % 28 + 1:02}"),
             "request": {"method": "PUT", "url": f"Condition/c{n}"}} for n in range(600)]}
        self.assertEqual(self.client.post("", dates).status, 200)
        self.install()
        self.restart()
        stop, expected, days = threading.Event(), {n: CODES[n % 4] for n in range(1500)}, {}

        def write(client):
            turn = 0
            while not stop.is_set():
                turn += 1
                number, code = turn * 7 % 1600, CODES[turn % 4]
                day = f"2023-04-{turn % 28 + 1:02}"
                try:
                    client.put(f"Patient/p{number}", patient(number, code))
                    expected[number] = code
                    number = turn * 11 % 600
                    client.put(f"Condition/c{number}", condition(number, day))
                    days[number] = day
                except (OSError, http.client.HTTPException):
                    return  # killed: nobody knows whether it was made

        writer = threading.Thread(target=write, args=(self.server.client(),))
        writer.start()
        place = self.begin()
        began = until(lambda: self.status(place).header("X-Progress") != "waiting", True)
        self.assertTrue(began)
        self.assertEqual(self.status(place).status, 202)
        self.server.kill()
        writer.join()
        self.server.start()
        self.client = self.server.client()
        writer = threading.Thread(target=write, args=(self.server.client(),))
        writer.start()
        self.finish(place)
        stop.set()
        writer.join()
        self.whole("Patient?race=1002-5")
        races = {code: set() for code in CODES}
        for number in expected:
            answer = self.client.get(f"Patient/p{number}")
            code = answer.json()["extension"][0]["extension"][0]["valueCoding"]["code"]
            races[code].add(f"p{number}")
        for code in CODES:
            self.assertEqual(set(self.ids(f"Patient?race={code}&_count=500")), races[code])
        found = self.ids("Condition?asserted-date=lt2024-01-01&_count=500")
        self.assertGreater(len(found), 0)
        for number in range(600):
            day = self.client.get(f"Condition/c{number}").json()["extension"][0]["valueDateTime"]
            self.assertEqual(f"c{number}" in found, day < "2024-01-01", number)

    def test_the_command_does_the_same_and_waits_for_servers_that_do_not_know(self):
        self.store(patient(1, CODES[0]))
        self.install()
        where = ["--data", os.path.join(self.folder, "data")]
        done = []
        command = threading.Thread(target=lambda: done.append(run("reindex", *where)))
        command.start()
        time.sleep(3)
        self.assertFalse(done, "an older server writes still")
        # It knows nothing of the parameter, and writes without it.
        self.store(patient(2, CODES[0]), patient(1, CODES[1]))
        self.server.kill()
        command.join(60)
        if not done or done[0].returncode != 0:
            done = [run("reindex", *where)]  # the embedded database may have gone with the server
        self.assertEqual(done[0].returncode, 0, done[0].stderr)
        self.server.start()
        self.client = self.server.client()
        self.whole("Patient?race=1002-5")
        self.assertEqual(self.ids("Patient?race=1002-5"), ["p2"])
        self.assertEqual(self.ids("Patient?race=2028-9"), ["p1"])


if __name__ == "__main__":
    unittest.main()
