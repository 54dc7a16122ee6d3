"""What goes with a write: X-Provenance, meta.source, the check of references; erasure."""

import json
import os
import subprocess
import unittest

from harness import Server, ServerCase, issues, run

PROVENANCE = {"resourceType": "Provenance", "recorded": "2026-11-22T10:00:00Z",
              "agent": [{"who": {"display": "Synthetic Lab"}}],
              "entity": [{"role": "source", "what": {"identifier": {"value": "msg-1"}}}]}


def header(**more):
    return {"X-Provenance": json.dumps({**PROVENANCE, **more})}


class Provenance(ServerCase):
    arguments = ["--threads", "1"]

    def targets(self, of):
        found = self.client.get(f"Provenance?target={of}").json().get("entry", [])
        return [[t["reference"] for t in e["resource"]["target"]] for e in found]

    def total(self):
        return self.client.get("Provenance?_summary=count").json()["total"]

    def test_create_update_patch_and_delete(self):
        made = self.client.post("Patient", {"resourceType": "Patient"}, **header())
        self.assertEqual(made.status, 201, made.bytes)
        name = "Patient/" + made.json()["id"]
        self.assertEqual(self.targets(name), [[name + "/_history/1"]])
        body = {"resourceType": "Patient", "id": made.json()["id"], "active": True}
        self.assertEqual(self.client.put(name, body, **header()).status, 200)
        patched = self.client.request(
            "PATCH", name, json.dumps([{"op": "replace", "path": "/active", "value": False}]),
            {"Content-Type": "application/json-patch+json", **header()})
        versions = 2
        if patched.status == 200:
            versions = 3
        answer = self.client.request("DELETE", name, headers=header())
        self.assertEqual(answer.status, 204)
        self.assertEqual(sorted(self.targets(name)),
                         [[f"{name}/_history/{n}"] for n in range(1, versions + 2)])

    def test_it_is_found_with_what_it_is_about(self):
        made = self.client.post("Patient", {"resourceType": "Patient"}, **header()).json()
        page = self.client.get(f"Patient?_id={made['id']}&_revinclude=Provenance:target").json()
        kinds = sorted(e["resource"]["resourceType"] for e in page["entry"])
        self.assertEqual(kinds, ["Patient", "Provenance"])
        found = [e["resource"] for e in page["entry"] if e["search"]["mode"] == "include"][0]
        self.assertEqual(found["entity"], PROVENANCE["entity"])

    def test_a_transaction_has_one_with_all_targets(self):
        before = self.total()
        answer = self.client.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}},
            {"resource": {"resourceType": "Organization", "id": "o", "name": "O"},
             "request": {"method": "PUT", "url": "Organization/o"}}]}, **header())
        self.assertEqual(answer.status, 200, answer.bytes)
        self.assertEqual(self.total(), before + 1)
        locations = [e["response"]["location"].split("/fhir/")[1] for e in answer.json()["entry"]]
        self.assertEqual(self.targets("Organization/o"), [locations])

    def test_in_a_transaction_it_may_link_to_entries(self):
        before = self.total()
        urls = ["urn:uuid:0b3c6f0e-54c1-4b4e-9d0e-9a2d4f6b7a0" + digit for digit in "123"]
        entries = [{"fullUrl": url, "resource": {"resourceType": kind},
                    "request": {"method": "POST", "url": kind}}
                   for url, kind in zip(urls, ("Patient", "Basic", "Organization"))]
        entries[1]["resource"]["code"] = {"text": "x"}
        entries[2]["resource"]["name"] = "O"
        body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        named = header(target=[{"reference": urls[0]}, {"reference": urls[1]}],
                       agent=[{"who": {"reference": urls[2]}}])
        answer = self.client.post("", body, **named)
        self.assertEqual(answer.status, 200, answer.bytes)
        locations = [e["response"]["location"].split("/fhir/")[1] for e in answer.json()["entry"]]
        names = [location.split("/_history")[0] for location in locations]
        self.assertEqual(self.targets(names[0]), [locations[:2]])
        self.assertEqual(self.targets(names[2]), [])
        found = self.client.get(f"Provenance?agent={names[2]}").json()["entry"]
        self.assertEqual(len(found), 1)
        for target in (urls[0][:-1] + "9", "Patient/x"):
            refused = self.client.post("", body, **header(target=[{"reference": target}]))
            self.assertEqual(refused.status, 400, refused.bytes)
            self.assertEqual(issues(refused)[0]["expression"], ["X-Provenance"])
        self.assertEqual(self.client.post("Patient", {"resourceType": "Patient"}, **header(
            target=[{"reference": urls[0]}])).status, 400)
        self.assertEqual(self.total(), before + 1)

    def test_all_that_a_deletion_by_criteria_removes_are_targets(self):
        with Server(arguments=["--threads", "1", "--conditional-delete", "multiple"]) as server:
            client = server.client()
            value = [{"system": "urn:x", "value": "gone"}]
            for number in range(7):
                client.put(f"Patient/gone-{number}", {
                    "resourceType": "Patient", "id": f"gone-{number}", "identifier": value})
            answer = client.request("DELETE", "Patient?identifier=urn:x|gone", headers=header())
            self.assertEqual(answer.status, 204, answer.bytes)
            found = client.get("Provenance").json()["entry"]
            self.assertEqual(sorted(t["reference"] for t in found[0]["resource"]["target"]),
                             [f"Patient/gone-{number}/_history/2" for number in range(7)])

    def test_a_batch_has_one_for_each_entry(self):
        before = self.total()
        entry = {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
        bad = {"resource": {"resourceType": "Patient", "gender": "x"},
               "request": {"method": "POST", "url": "Patient"}}
        self.client.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry, bad, entry]},
                         **header())
        self.assertEqual(self.total(), before + 2)

    def test_what_is_not_written_has_none(self):
        body = {"resourceType": "Patient", "id": "same"}
        self.client.put("Patient/same", body)
        before = self.total()
        self.assertEqual(self.client.put("Patient/same", body, **header()).status, 200)
        stale = self.client.put("Patient/same", {**body, "active": True}, **header(),
                                **{"If-Match": 'W/"7"'})
        self.assertEqual(stale.status, 412)
        self.assertEqual(self.client.get("Patient/same").header("ETag"), 'W/"1"')
        self.assertEqual(self.total(), before)

    def test_a_bad_header_refuses_the_write(self):
        before = self.client.get("Patient?_summary=count").json()["total"]
        for bad in ("{", "[]", json.dumps({"resourceType": "Patient"}),
                    json.dumps({"resourceType": "Provenance", "recorded": "2026-11-22T10:00:00Z"}),
                    json.dumps({**PROVENANCE, "recorded": "yesterday"}),
                    json.dumps({**PROVENANCE, "target": [{"reference": "Patient/1"}]}),
                    json.dumps({**PROVENANCE, "meta": {"tag": [{
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                        "code": "SUBSETTED"}]}}),
                    json.dumps({**PROVENANCE, "agent": [
                        {"who": {"reference": "Practitioner?identifier=1"}}]})):
            for body in ({"resourceType": "Patient"},
                         {"resourceType": "Bundle", "type": "transaction", "entry": [
                             {"resource": {"resourceType": "Patient"},
                              "request": {"method": "POST", "url": "Patient"}}]}):
                path = "" if body["resourceType"] == "Bundle" else "Patient"
                answer = self.client.post(path, body, **{"X-Provenance": bad})
                self.assertEqual(answer.status, 400, bad)
                self.assertIn("X-Provenance", json.dumps(issues(answer)))
        after = self.client.get("Patient?_summary=count").json()["total"]
        self.assertEqual(after, before)

    def test_reads_do_not_look_at_it(self):
        self.assertEqual(self.client.get("Patient?_count=1", **{"X-Provenance": "{"}).status, 200)

    def test_source_is_kept_and_never_invented(self):
        made = self.client.post("Patient", {"resourceType": "Patient", "meta": {
            "source": "https://lab.example.org/feed#42"}}).json()
        self.assertEqual(made["meta"]["source"], "https://lab.example.org/feed#42")
        found = self.client.get("Patient?_source=https://lab.example.org/feed%2342")
        self.assertIn(found.status, (200, 400))
        self.assertNotIn("source", self.client.post("Patient", {"resourceType": "Patient"}).json()["meta"])


class References(ServerCase):
    arguments = ["--reference-check", "local", "--threads", "1"]

    def condition(self, subject, **more):
        return {"resourceType": "Condition", "subject": {"reference": subject}, **more}

    def test_a_missing_target_is_refused_and_named(self):
        for subject in ("Patient/nobody", self.server.base + "/Patient/nobody"):
            answer = self.client.post("Condition", self.condition(subject))
            self.assertEqual(answer.status, 422, answer.bytes)
            self.assertIn("Condition.subject.reference", json.dumps(issues(answer)))
        self.assertEqual(self.client.get("Condition?_summary=count").json()["total"],
                         self.client.get("Condition?subject=Patient/there&_summary=count").json()["total"])

    def test_what_is_there_elsewhere_or_inside_is_fine(self):
        self.client.put("Patient/there", {"resourceType": "Patient", "id": "there"})
        for subject in ("Patient/there", "Patient/there/_history/1", self.server.base + "/Patient/there",
                        "https://elsewhere.example.org/fhir/Patient/x"):
            self.assertEqual(self.client.post("Condition", self.condition(subject)).status, 201, subject)

    def test_what_was_deleted_is_missing(self):
        self.client.put("Patient/gone", {"resourceType": "Patient", "id": "gone"})
        self.client.delete("Patient/gone")
        self.assertEqual(self.client.post("Condition", self.condition("Patient/gone")).status, 422)

    def test_entries_of_a_transaction_count(self):
        patient = {"resource": {"resourceType": "Patient", "id": "p1"},
                   "request": {"method": "PUT", "url": "Patient/p1"}}
        one = {"resource": self.condition("Patient/p1"), "request": {"method": "POST", "url": "Condition"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [one, patient]}
        self.assertEqual(self.client.post("", bundle).status, 200)
        bundle["entry"].append({"resource": self.condition("Patient/p2"),
                                "request": {"method": "POST", "url": "Condition"}})
        answer = self.client.post("", bundle)
        self.assertEqual(answer.status, 422)
        self.assertIn("Bundle.entry[2].resource.subject.reference", json.dumps(issues(answer)))

    def test_a_resource_may_refer_to_itself(self):
        body = {"resourceType": "Organization", "id": "self", "name": "S",
                "partOf": {"reference": "Organization/self"}}
        self.assertEqual(self.client.put("Organization/self", body).status, 201)


class Purge(unittest.TestCase):
    def sql(self, server, statement):
        socket = os.path.join(server.folder, "data/socket")
        return subprocess.run(["psql", "-h", socket, "-U", "isthmus", "-d", "postgres", "-XtAc", statement],
                              capture_output=True, text=True, check=True).stdout.strip()

    def test_nothing_stays_but_the_note(self):
        with Server() as server:
            client = server.client()
            data = ["--data", os.path.join(server.folder, "data")]
            for n in range(3):
                client.put("Patient/erase-me", {"resourceType": "Patient", "id": "erase-me", "name": [
                    {"family": f"Verylongname{n}"}], "birthDate": f"1990-01-0{n + 1}"})
            client.put("Patient/stays", {"resourceType": "Patient", "id": "stays"})
            for wrong in ([], ["--reason", ""], ["--reason", "  "]):
                refused = run("purge", "Patient/erase-me", *wrong, *data)
                self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertEqual(client.get("Patient/erase-me").status, 200)
            self.assertEqual(run("purge", "Patient/nobody", "--reason", "x", *data).returncode, 1)
            self.assertEqual(run("purge", "Nothing/1", "--reason", "x", *data).returncode, 2)
            done = run("purge", "Patient/erase-me", "--reason", "asked for by the patient", *data)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("versions: 3,", done.stdout)
            self.assertIn("log: 3\n", done.stdout)
            self.assertEqual(client.get("Patient/erase-me").status, 404)
            self.assertEqual(client.get("Patient/erase-me/_history/1").status, 404)
            self.assertEqual(client.get("Patient/erase-me/_history").json().get("entry", []), [])
            self.assertEqual(client.get("Patient?family=verylong&_summary=count").json()["total"], 0)
            for table in ("f_patient", "f_hist", "f_log"):
                self.assertEqual(self.sql(server, f"select count(*) from {table} where id = 'erase-me'"),
                                 "0", table)
            self.assertEqual(self.sql(server, "select count(*) from f_str"), "0")
            note = self.sql(server, "select account <> '', type, reason, versions, id_hash::text "
                                    "from f_erasure")
            self.assertTrue(note.startswith("t|Patient|asked for by the patient|3|"), note)
            self.assertNotIn("erase-me", note)
            self.assertEqual(client.get("Patient/stays").status, 200)
            again = client.put("Patient/erase-me", {"resourceType": "Patient", "id": "erase-me"})
            self.assertEqual((again.status, again.header("ETag")), (201, 'W/"1"'))
            client.delete("Patient/erase-me")
            done = run("purge", "Patient/erase-me", "--reason", "a deleted one", *data)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(client.get("Patient/erase-me").status, 404)


if __name__ == "__main__":
    unittest.main()
