"""R4 resource-operation-validate.html, validation.html: $validate, what writes must pass, and
`isthmus validate`."""

import json
import os
import shutil
import unittest

from harness import Server, ServerCase, issues, run, scratch

GOOD = {"resourceType": "Patient", "name": [{"family": "Test"}], "gender": "female"}
WRONG_CODE = {"resourceType": "Patient", "gender": "f"}
# One finding of each kind: cardinality, binding, invariant, reference target, unknown element.
BROKEN = {
    "resourceType": "Observation",
    "code": {"text": "x"},
    "status": "nearly",
    "referenceRange": [{"appliesTo": [{"text": "nobody"}]}],
    "subject": {"reference": "Medication/1"},
    "coder": "x",
}


def errors(answer):
    return [issue for issue in issues(answer) if issue["severity"] in ("error", "fatal")]


def where(found):
    return {expression for issue in found for expression in issue.get("expression", [])}


def parameters(resource=None, **values):
    kinds = {"mode": "valueCode", "profile": "valueUri"}
    rows = [{"name": name, kinds[name]: value} for name, value in values.items()]
    if resource:
        rows.append({"name": "resource", "resource": resource})
    return {"resourceType": "Parameters", "parameter": rows}


class Operation(ServerCase):
    @classmethod
    def prepare(cls):
        assert cls.client.put("Patient/here", dict(GOOD, id="here")).status == 201
        assert cls.client.put("Patient/gone", dict(GOOD, id="gone")).status == 201
        assert cls.client.delete("Patient/gone").status == 204

    def ask(self, path, body):
        answer = self.client.post(path, body)
        self.assertEqual(answer.status, 200, answer.bytes)
        return answer

    def test_a_good_resource_is_all_ok_on_every_level(self):
        for path in ("$validate", "Patient/$validate", "Patient/here/$validate"):
            found = issues(self.ask(path, GOOD))
            self.assertEqual([(i["severity"], i["code"]) for i in found],
                             [("information", "informational")], found)
            self.assertEqual(found, issues(self.ask(path, parameters(GOOD))))

    def test_a_stored_resource_is_validated_by_get(self):
        answer = self.client.get("Patient/here/$validate")
        self.assertEqual((answer.status, errors(answer)), (200, []))
        for missing, code in (("never", "not-found"), ("gone", "deleted")):
            answer = self.client.get(f"Patient/{missing}/$validate")
            self.assertEqual([i["code"] for i in errors(answer)], [code])

    def test_every_kind_of_finding_comes_in_one_outcome(self):
        for body, path in ((BROKEN, "$validate"), (parameters(BROKEN), "Observation/$validate")):
            found = errors(self.ask(path, body))
            self.assertLessEqual({"Observation.status", "Observation.referenceRange[0]",
                                  "Observation.subject", "Observation.coder"}, where(found))
            for issue in found:
                self.assertTrue(issue["diagnostics"])
                self.assertNotIn("nearly", issue["diagnostics"], "a value is quoted")

    def test_the_same_is_found_in_xml(self):
        xml = ('<Patient xmlns="http://hl7.org/fhir"><gender value="f"/></Patient>')
        answer = self.client.request("POST", "$validate", xml,
                                     {"Content-Type": "application/fhir+xml",
                                      "Accept": "application/fhir+json"})
        self.assertEqual(where(errors(answer)), {"Patient.gender"})

    def test_the_type_must_be_the_paths(self):
        found = errors(self.ask("Observation/$validate", GOOD))
        self.assertEqual(len(found), 1)

    def test_a_profile_that_is_asked_for_must_be_known(self):
        unknown = "http://example.org/StructureDefinition/nobody-has-it"
        self.assertEqual(len(errors(self.ask(f"$validate?profile={unknown}", GOOD))), 1)
        self.assertEqual(len(errors(self.ask("$validate", parameters(GOOD, profile=unknown)))), 1)
        vitals = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        self.assertEqual(errors(self.ask("$validate", observation)), [])
        found = errors(self.ask(f"$validate?profile={vitals}", observation))
        self.assertGreater(len(found), 1)
        self.assertTrue(all(vitals in i["diagnostics"] or "vs-" in i["diagnostics"]
                            for i in found), found)

    def test_modes(self):
        self.assertEqual(errors(self.ask("Patient/$validate", parameters(GOOD, mode="create"))), [])
        self.assertEqual(
            errors(self.ask("Patient/here/$validate",
                            parameters(dict(GOOD, id="here"), mode="update"))), [])
        found = errors(self.ask("Patient/here/$validate?mode=update", dict(GOOD, id="other")))
        self.assertEqual(where(found), {"id"})
        self.assertEqual(errors(self.ask("Patient/here/$validate", parameters(mode="delete"))), [])
        found = errors(self.ask("Patient/never/$validate", parameters(mode="delete")))
        self.assertEqual([i["code"] for i in found], ["not-found"])
        self.assertEqual(self.client.get("Patient/here").status, 200, "only asked")
        tagged = dict(GOOD, meta={"tag": [{"code": "SUBSETTED"}]})
        self.assertEqual(errors(self.ask("Patient/$validate", tagged)), [])
        self.assertEqual(len(errors(self.ask("Patient/$validate?mode=create", tagged))), 1)

    def test_what_cannot_be_asked_is_refused(self):
        for path, body in (("Patient/$validate", parameters(mode="delete")),
                           ("Patient/$validate?mode=update", GOOD),
                           ("Patient/here/$validate?mode=create", GOOD),
                           ("Patient/$validate?mode=guess", GOOD),
                           ("Patient/$validate?mode=profile", GOOD),
                           ("Patient/$validate", parameters()),
                           ("$validate", parameters(GOOD) | {"parameter": 2 * parameters(
                               GOOD)["parameter"]}),
                           ("$validate", {"resourceType": "Parameters", "parameter": [
                               {"name": "profile", "valueInteger": 3},
                               {"name": "resource", "resource": GOOD}]}),
                           ("$validate", "{")):
            answer = self.client.post(path, body)
            self.assertEqual(answer.status, 400, (path, answer.bytes))

    def test_a_parameter_that_does_not_exist_is_reported(self):
        body = {"resourceType": "Parameters", "parameter": [
            {"name": "profil", "valueUri": "http://x.y"}, {"name": "resource", "resource": GOOD}]}
        found = issues(self.ask("$validate", body))
        self.assertEqual([(i["severity"], i["code"]) for i in found],
                         [("warning", "not-supported")])

    def test_parameters_can_be_validated_themselves(self):
        broken = {"resourceType": "Parameters", "parameter": [{"valueCode": "x"}]}
        found = errors(self.ask("Parameters/$validate", broken))
        self.assertIn("Parameters.parameter[0]", where(found))

    def test_it_works_in_a_batch(self):
        answer = self.client.post("", {"resourceType": "Bundle", "type": "batch", "entry": [
            {"request": {"method": "POST", "url": "Patient/$validate"}, "resource": GOOD},
            {"request": {"method": "GET", "url": "Patient/here/$validate"}}]})
        self.assertEqual(answer.status, 200)
        for entry in answer.json()["entry"]:
            self.assertTrue(entry["response"]["status"].startswith("200"), entry)


class Policy(unittest.TestCase):
    def test_writes_pass_full_validation(self):
        with Server() as server:
            client = server.client()
            for answer in (client.post("Patient", WRONG_CODE),
                           client.put("Patient/a", dict(WRONG_CODE, id="a"))):
                self.assertEqual(answer.status, 422)
                self.assertEqual(where(errors(answer)), {"Patient.gender"})
            self.assertEqual(client.get("Patient/a").status, 404)
            answer = client.post("Observation", BROKEN)
            self.assertGreater(len(errors(answer)), 3)
            metrics = server_metrics(server)
            self.assertIn('isthmus_http_invalid_total{interaction="create"} 2', metrics)
            self.transactions(client)
            self.warnings(client)

    def transactions(self, client):
        entry = {"request": {"method": "POST", "url": "Patient"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            dict(entry, resource=GOOD), dict(entry, resource=WRONG_CODE)]}
        answer = client.post("", bundle)
        self.assertEqual(answer.status, 422)
        self.assertEqual(where(errors(answer)), {"Bundle.entry[1].resource.gender"})
        self.assertEqual(client.get("Patient?_summary=count").json()["total"], 0)
        answer = client.post("", dict(bundle, type="batch"))
        statuses = [e["response"]["status"][:3] for e in answer.json()["entry"]]
        self.assertEqual(statuses, ["201", "422"])
        outcome = answer.json()["entry"][1]["response"]["outcome"]
        self.assertEqual(outcome["issue"][0]["expression"], ["Patient.gender"])

    def warnings(self, client):
        claims = dict(GOOD, meta={"profile": ["http://example.org/StructureDefinition/unknown"]})
        self.assertEqual(client.post("Patient", claims).json()["resourceType"], "Patient")
        answer = client.post("Patient", claims, Prefer="return=OperationOutcome")
        self.assertEqual(answer.status, 201)
        self.assertEqual([i["severity"] for i in issues(answer)], ["warning"])
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"request": {"method": "POST", "url": "Patient"}, "resource": GOOD},
            {"request": {"method": "POST", "url": "Patient"}, "resource": claims}]}
        answer = client.post("", bundle, Prefer="return=OperationOutcome")
        outcomes = [e["response"]["outcome"]["issue"][0] for e in answer.json()["entry"]]
        self.assertEqual([i["severity"] for i in outcomes], ["information", "warning"])
        self.assertEqual(outcomes[1]["expression"], ["Patient"])

    def test_the_policy_can_be_less(self):
        many = dict(GOOD, birthDate="yesterday")
        for level, code, form in (("structure", 201, 422), ("off", 201, 201)):
            with Server(arguments=["--validation", level]) as server:
                client = server.client()
                self.assertEqual(client.post("Patient", WRONG_CODE).status, code, level)
                self.assertEqual(client.post("Patient", many).status, form, level)
                answer = client.post("Patient", dict(GOOD, unknown=1))
                self.assertEqual(answer.status, 422, "what R4 has no place for is never stored")
                found = issues(client.post("Patient/$validate", WRONG_CODE))
                self.assertEqual(where(found), {"Patient.gender"}, "$validate is always full")
        self.assertEqual(run("serve", "--validation", "some").returncode, 2)

    def test_profiles_can_be_required(self):
        vitals = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
        unknown = "http://example.org/unknown"
        with Server(arguments=["--profiles-required",
                               f"Observation={vitals} Device={unknown}"]) as server:
            client = server.client()
            observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
            answer = client.post("Observation", observation)
            self.assertEqual(answer.status, 422)
            claimed = client.post("Observation", dict(observation, meta={"profile": [vitals]}))
            self.assertEqual(len(errors(claimed)), len(errors(answer)), "found once, not twice")
            for kind in ("batch", "transaction"):
                answer = client.post("", {"resourceType": "Bundle", "type": kind, "entry": [
                    {"request": {"method": "POST", "url": "Observation"},
                     "resource": observation}]})
                self.assertIn(b"vitalsigns", answer.bytes)
                self.assertIn(b"422" if kind == "batch" else b"Bundle.entry[0]", answer.bytes)
            self.assertEqual(client.post("Patient", GOOD).status, 201)
            self.assertEqual(client.post("Device", {"resourceType": "Device"}).status, 422)
            self.assertIn(unknown, server.tail())
        for wrong in ("Observation", "Nothing=http://example.org", "Observation="):
            self.assertEqual(run("serve", "--profiles-required", wrong).returncode, 2, wrong)


def server_metrics(server):
    from harness import Client
    client = Client(server.root)
    try:
        return client.get("metrics").bytes.decode()
    finally:
        client.close()


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = scratch()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def test_one_outcome_a_resource(self):
        good = self.file("good.json", json.dumps(GOOD, indent=2))
        xml = self.file("wrong.xml", '<Patient xmlns="http://hl7.org/fhir">'
                                     '<gender value="f"/></Patient>')
        lines = self.file("many.ndjson", "\n".join([json.dumps(GOOD), "", json.dumps(WRONG_CODE),
                                                    "{", ""]))
        done = run("validate", good)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = run("validate", good, xml, lines)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        found = [json.loads(line)["issue"][0] for line in done.stdout.splitlines()]
        self.assertEqual([i["severity"] for i in found],
                         ["information", "error", "information", "error", "fatal"])
        self.assertEqual(found[1]["expression"], ["Patient.gender"])

    def test_a_file_that_cannot_be_read_keeps_no_other_from_it(self):
        good = self.file("good.json", json.dumps(GOOD))
        done = run("validate", self.folder + "/missing.json", self.folder, good)
        self.assertEqual(done.returncode, 1)
        self.assertIn("missing.json", done.stderr)
        found = [json.loads(line)["issue"][0]["severity"] for line in done.stdout.splitlines()]
        self.assertEqual(found, ["fatal", "fatal", "information"])

    def test_levels_profiles_and_wrong_calls(self):
        wrong = self.file("wrong.json", json.dumps(WRONG_CODE))
        self.assertEqual(run("validate", "--level", "structure", wrong).returncode, 0)
        good = self.file("good.json", json.dumps(GOOD))
        done = run("validate", "--profile", "http://example.org/unknown", good)
        self.assertEqual(done.returncode, 1)
        self.assertIn("http://example.org/unknown", done.stdout)
        for call in ([], ["--level", "some", good], ["--profile"], ["--nonsense", good]):
            self.assertEqual(run("validate", *call).returncode, 2, call)
        self.assertEqual(run("validate", os.path.join(self.folder, "none.json")).returncode, 1)


if __name__ == "__main__":
    unittest.main()
