"""The recipe of docs/labs.md, as it stands there: one effect, however it is sent; and the order of states."""

import copy
import json
import os
import re
import threading
import unittest

from harness import ROOT, Server, issues

MRN = "https://hospital.example.org/mrn"
KINDS = ("ServiceRequest", "Specimen", "Observation", "DiagnosticReport")


def recipe():
    with open(os.path.join(ROOT, "docs/labs.md")) as page:
        found = re.search(r"```json recipe=final\n(.*?)```", page.read(), re.S)
    return json.loads(found[1])


def with_status(status, issued=None, value=None):
    bundle = copy.deepcopy(recipe())
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] in ("Observation", "DiagnosticReport"):
            resource["status"] = status
            resource["issued"] = issued or resource["issued"]
        if value and resource["resourceType"] == "Observation":
            resource["valueQuantity"]["value"] = value
    return bundle


class Labs(unittest.TestCase):
    def setUp(self):
        self.server = Server(arguments=["--threads", "2", *self.options()]).start()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.client = self.server.client()

    def options(self):
        return []

    def patient(self):
        self.client.put("Patient/p1", {"resourceType": "Patient", "id": "p1",
                                       "identifier": [{"system": MRN, "value": "MRN-1"}]})

    def counts(self):
        return {kind: self.client.get(f"{kind}?_summary=count").json()["total"] for kind in KINDS}

    def observation(self):
        return self.client.get("Observation").json()["entry"][0]["resource"]

    def send(self, bundle):
        return self.client.post("", bundle)

    def test_without_the_patient_nothing_is_stored(self):
        self.assertEqual(self.send(recipe()).status, 412)
        self.assertEqual(set(self.counts().values()), {0})

    def test_five_times_three_at_once_is_one_result(self):
        self.patient()
        statuses = []

        def post_five():
            client = self.server.client()
            for _ in range(5):
                statuses.append(client.post("", recipe()).status)

        threads = [threading.Thread(target=post_five) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 15)
        self.assertEqual(self.counts(), {kind: 1 for kind in KINDS})
        for kind in KINDS:
            history = self.client.get(f"{kind}/_history").json()["entry"]
            self.assertEqual(len(history), 1, kind)
        report = self.client.get("DiagnosticReport?_include=DiagnosticReport:result"
                                 "&_include=DiagnosticReport:specimen&_include=DiagnosticReport:subject")
        kinds = sorted(e["resource"]["resourceType"] for e in report.json()["entry"])
        self.assertEqual(kinds, ["DiagnosticReport", "Observation", "Patient", "Specimen"])

    def test_from_preliminary_to_corrected(self):
        self.patient()
        steps = (("registered", None), ("preliminary", 4.0), ("final", 4.1), ("corrected", 4.2),
                 ("entered-in-error", 4.2))
        for number, (status, value) in enumerate(steps, start=1):
            answer = self.send(with_status(status, f"2026-11-20T1{number}:00:00+01:00", value))
            self.assertEqual(answer.status, 200, answer.bytes)
            observation = self.observation()
            self.assertEqual((observation["status"], observation["meta"]["versionId"]),
                             (status, str(number)))
        self.assertEqual(self.counts(), {kind: 1 for kind in KINDS})

    def refused(self, bundle):
        before = self.observation()
        answer = self.send(bundle)
        self.assertEqual(answer.status, 422, answer.bytes)
        self.assertRegex(json.dumps(issues(answer)), r"(Observation|DiagnosticReport)\.status|Bundle.entry")
        self.assertEqual(self.observation(), before)

    def test_what_arrives_too_late(self):
        self.patient()
        self.assertEqual(self.send(recipe()).status, 200)
        for draft in ("registered", "preliminary"):
            self.refused(with_status(draft, "2026-11-20T12:00:00+01:00"))
        self.refused(with_status("final", "2026-11-20T09:04:59+01:00", 9.9))
        same_moment_other_zone = with_status("final", "2026-11-20T08:05:00Z", 4.3)
        self.assertEqual(self.send(same_moment_other_zone).status, 200)
        corrected = with_status("corrected", "2026-11-20T13:00:00+01:00", 4.4)
        self.assertEqual(self.send(corrected).status, 200)
        self.refused(recipe())
        self.refused(with_status("final", "2026-11-20T14:00:00+01:00", 4.1))
        self.assertEqual(self.send(corrected).status, 200, "equal content is never refused")
        self.assertEqual(self.send(with_status("entered-in-error")).status, 200)
        self.refused(with_status("final", "2026-11-20T15:00:00+01:00"))
        self.refused(with_status("preliminary", "2026-11-20T15:00:00+01:00"))
        back = with_status("corrected", "2026-11-20T16:00:00+01:00", 4.5)
        self.assertEqual(self.send(back).status, 200)
        self.assertEqual(self.observation()["valueQuantity"]["value"], 4.5)

    def test_the_rules_hold_for_every_way_to_write(self):
        self.patient()
        self.send(recipe())
        stored = self.observation()
        name = "Observation/" + stored["id"]
        stored["status"] = "preliminary"
        self.assertEqual(self.client.put(name, stored).status, 422)
        patch = self.client.request("PATCH", name, json.dumps(
            [{"op": "replace", "path": "/status", "value": "preliminary"}]),
            {"Content-Type": "application/json-patch+json"})
        self.assertEqual(patch.status, 422, patch.bytes)
        batch = self.client.post("", {"resourceType": "Bundle", "type": "batch", "entry": [
            {"resource": stored, "request": {"method": "PUT", "url": name}}]})
        self.assertTrue(batch.json()["entry"][0]["response"]["status"].startswith("422"))
        self.assertEqual(self.observation()["status"], "final")

    def test_other_types_are_not_concerned(self):
        self.client.put("Composition/c", {})
        immunization = {"resourceType": "Communication", "id": "c", "status": "completed"}
        self.assertEqual(self.client.put("Communication/c", immunization).status, 201)
        self.assertEqual(self.client.put("Communication/c", {**immunization, "status": "preparation"}).status,
                         200)


class Off(Labs):
    def options(self):
        return ["--result-status-rules=false"]

    def refused(self, bundle):
        self.assertEqual(self.send(bundle).status, 200)

    def test_the_rules_hold_for_every_way_to_write(self):
        """Nor does their absence."""
        self.patient()
        self.send(recipe())
        stored = {**self.observation(), "status": "preliminary"}
        self.assertEqual(self.client.put("Observation/" + stored["id"], stored).status, 200)


if __name__ == "__main__":
    unittest.main()
