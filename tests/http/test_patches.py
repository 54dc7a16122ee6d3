"""Patches: JSON Patch and FHIRPath Patch, by id and by criteria, alone and in Bundles."""

import base64
import json
import unittest

from harness import Client
from writing import (
    JSON_PATCH, WithServer, crowd, entry, fresh, operation, parameters, patient, where)


class Patches(WithServer):
    """R4 http.html#patch."""

    def patch(self, path, operations, **headers):
        return self.client.request("PATCH", path, json.dumps(operations),
                                   dict({"Content-Type": JSON_PATCH}, **headers))

    def test_a_json_patch_changes_what_it_names_and_keeps_every_digit(self):
        made = self.client.post("Observation", '{"resourceType":"Observation","status":"final",'
                                '"code":{"text":"x"},"valueQuantity":{"value":1.50,"unit":"g"}}')
        path = "Observation/" + made.json()["id"]
        answer = self.patch(path, [{"op": "replace", "path": "/status", "value": "amended"}])
        self.assertEqual(answer.status, 200, answer.bytes)
        self.assertIn(b'"value":1.50', answer.bytes)
        self.assertEqual((answer.json()["status"], answer.header("ETag")), ("amended", 'W/"2"'))

    def test_a_fhirpath_patch_comes_as_json_or_xml(self):
        path = "Patient/" + self.make(active=True)["id"]
        change = parameters(operation("replace", path="Patient.active",
                                      value={"valueBoolean": False}))
        self.assertEqual(self.client.request("PATCH", path, change).json()["active"], False)
        xml = ('<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
               '<part><name value="type"/><valueCode value="delete"/></part>'
               '<part><name value="path"/><valueString value="Patient.active"/></part>'
               '</parameter></Parameters>')
        answer = self.client.request("PATCH", path, xml, {"Content-Type": "application/fhir+xml",
                                                          "Accept": "application/fhir+json"})
        self.assertEqual(answer.status, 200, answer.bytes)
        self.assertNotIn("active", answer.json())

    def test_a_patch_that_changes_nothing_writes_nothing(self):
        path = "Patient/" + self.make(active=True)["id"]
        answer = self.patch(path, [{"op": "test", "path": "/active", "value": True}])
        self.assertEqual((answer.status, answer.header("ETag")), (200, 'W/"1"'))

    def test_a_patch_that_doubles_the_document_again_and_again_is_refused(self):
        path = "Patient/" + self.make(active=True)["id"]
        before = self.server.resident()
        for _ in range(3):
            answer = self.patch(path, [{"op": "add", "path": "/name", "value": [{"family": "x"}]}] + [
                {"op": "copy", "from": "/name", "path": "/name/-"}] * 40)
            self.assertEqual(answer.status, 413, answer.bytes)
        # The sanitizers keep for a while what was freed.
        self.assertLess(self.server.resident() - before, 400 << 20)
        self.assertEqual(self.client.get(path).header("ETag"), 'W/"1"')

    def test_what_all_expressions_of_a_patch_take_is_bounded(self):
        path = "Patient/" + self.make(name=[{"family": "x"}] * 500)["id"]
        large = "'%s'.replace('b', '%s').where($this = 'c')" % ("b" * 20000, "c" * 1500)
        long = "Patient.name.where('%s'.matches('(.*a){25}b'))" % ("a" * 1000)
        before = self.server.resident()
        for expression in (large, long):
            answer = self.client.request("PATCH", path, parameters(
                *[operation("delete", path=expression)] * 200))
            self.assertEqual(answer.status, 413, expression[-60:])
        self.assertLess(self.server.resident() - before, 600 << 20)

    def test_a_patch_is_refused_where_it_does_not_fit(self):
        path = "Patient/" + self.make(active=True)["id"]
        for operations, status in (
                ([{"op": "replace", "path": "/gender", "value": "male"}], 422),  # is not there
                ([{"op": "test", "path": "/active", "value": False}], 422),
                ([{"op": "add", "path": "/gender", "value": "none such"}], 422),
                ([{"op": "add", "path": "/nonsense", "value": 1}], 422),
                ([{"op": "replace", "path": "/id", "value": "other"}], 422),
                ([{"op": "replace", "path": "/resourceType", "value": "Group"}], 422),
                ([{"op": "jump"}], 400), ({}, 400)):
            answer = self.patch(path, operations)
            self.assertEqual(answer.status, status, (operations, answer.bytes))
            self.assertEqual(answer.json()["resourceType"], "OperationOutcome")
        for body, kind, status in (("{", JSON_PATCH, 400), ("x", "text/plain", 415),
                                   (json.dumps(patient()), "application/fhir+json", 400)):
            self.assertEqual(self.client.request("PATCH", path, body,
                                                 {"Content-Type": kind}).status, status)
        self.assertEqual(self.client.get(path).header("ETag"), 'W/"1"')

    def test_there_is_nothing_to_patch(self):
        self.assertEqual(self.patch("Patient/none", []).status, 404)
        self.assertEqual(self.patch(f"Patient?{where(fresh())}", []).status, 404)
        path = "Patient/" + self.make()["id"]
        self.client.delete(path)
        self.assertEqual(self.patch(path, []).status, 410)

    def test_a_patch_asks_for_a_version(self):
        path = "Patient/" + self.make()["id"]
        change = [{"op": "add", "path": "/active", "value": True}]
        self.assertEqual(self.patch(path, change, **{"If-Match": 'W/"2"'}).status, 412)
        self.assertEqual(self.patch(path, change, **{"If-Match": 'W/"1"'}).status, 200)

    def narrative(self, status):
        return {"status": status, "div": '<div xmlns="http://www.w3.org/1999/xhtml">Active.</div>'}

    def test_a_generated_narrative_goes_with_what_it_told_of(self):
        path = "Patient/" + self.make(active=True, text=self.narrative("generated"))["id"]
        change = [{"op": "replace", "path": "/active", "value": False}]
        answer = self.patch(path, change, Prefer="return=OperationOutcome")
        self.assertEqual(answer.status, 200)
        self.assertIn("narrative", answer.json()["issue"][0]["diagnostics"])
        self.assertNotIn("text", self.client.get(path).json())

    def test_a_narrative_that_a_person_wrote_protects_what_it_tells_of(self):
        path = "Patient/" + self.make(active=True, text=self.narrative("additional"))["id"]
        change = {"op": "replace", "path": "/active", "value": False}
        answer = self.patch(path, [change])
        self.assertEqual(answer.status, 422)
        self.assertEqual(answer.json()["issue"][0]["expression"], ["text"])
        self.assertEqual(self.patch(path, [{"op": "add", "path": "/meta/tag", "value": [
            {"system": "urn:t", "code": "x"}]}]).status, 200)
        self.assertEqual(self.patch(path, [change, {"op": "remove", "path": "/text"}]).status, 200)

    def test_many_patches_of_one_resource_are_all_made(self):
        path = "Patient/" + self.make()["id"]

        def add(number):
            client = Client(self.server.base)
            answer = client.request("PATCH", path, parameters(operation(
                "add", path="Patient", name="identifier",
                value={"valueIdentifier": {"value": str(number)}})))
            client.close()
            return answer.status

        statuses = crowd([lambda n=n: add(n) for n in range(24)])
        self.assertEqual(statuses, [200] * 24)
        found = self.client.get(path).json()
        self.assertEqual({row["value"] for row in found["identifier"]},
                         {str(n) for n in range(24)})
        self.assertEqual(found["meta"]["versionId"], "25")

    def test_patches_go_into_bundles(self):
        change = [{"op": "add", "path": "/gender", "value": "female"}]
        binary = {"resourceType": "Binary", "contentType": JSON_PATCH,
                  "data": base64.b64encode(json.dumps(change).encode()).decode()}
        for kind in ("batch", "transaction"):
            one, other = self.make(active=True)["id"], self.make()["id"]
            answer = self.send(
                kind, entry("PATCH", "Patient/" + one, parameters(
                    operation("delete", path="Patient.active"))),
                entry("PATCH", "Patient/" + other, binary), Prefer="return=representation")
            self.assertEqual(answer.status, 200, answer.bytes)
            rows = answer.json()["entry"]
            self.assertEqual([row["response"]["etag"] for row in rows], ['W/"2"', 'W/"2"'])
            self.assertNotIn("active", rows[0]["resource"])
            self.assertEqual(rows[1]["resource"]["gender"], "female")

    def test_a_patch_in_a_transaction_may_link_to_what_it_creates(self):
        name = "urn:uuid:" + fresh()
        one = self.make()["id"]
        self.assertEqual(self.statuses(
            "transaction",
            entry("PATCH", "Patient/" + one, parameters(operation(
                "add", path="Patient", name="managingOrganization",
                value={"valueReference": {"reference": name}}))),
            entry("POST", "Organization", {"resourceType": "Organization", "name": "x"}, name)),
            ["200", "201"])
        found = self.client.get("Patient/" + one).json()["managingOrganization"]["reference"]
        self.assertEqual(self.client.get(found).status, 200)

    def test_a_patch_that_does_not_fit_fails_its_transaction(self):
        value, one = fresh(), self.make()["id"]
        for patch, status in (
                (parameters(operation("add", path="Patient", name="gender",
                                      value={"valueCode": "none-such"})), 422),
                (parameters(operation("delete", path="Patient.nonsense()")), 422),
                (patient(), 400)):
            answer = self.send("transaction", entry("POST", "Patient", patient(value)),
                               entry("PATCH", "Patient/" + one, patch))
            self.assertEqual(answer.status, status, answer.bytes)
            self.assertEqual(answer.json()["issue"][0]["expression"], ["Bundle.entry[1]"])
        none = entry("PATCH", "Patient/" + fresh(), parameters(
            operation("delete", path="Patient.active")))
        self.assertEqual(self.send("transaction", none).status, 404)
        self.assertEqual(self.count(value), 0)


if __name__ == "__main__":
    unittest.main()
