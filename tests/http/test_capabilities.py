"""The CapabilityStatement tells the truth: what it declares works, what it does not is refused."""

import unittest

from harness import ServerCase, issues

TYPES = ["Patient", "Observation", "Condition", "Encounter", "MedicationRequest", "Procedure",
         "AllergyIntolerance", "DiagnosticReport", "Immunization", "Organization", "Practitioner",
         "DocumentReference", "ValueSet", "RiskAssessment"]
VALUES = {"number": "0.5", "date": "ge2020-01-01", "string": "Test", "token": "urn:a|b",
          "reference": "Patient/1", "quantity": "5.4||mg", "uri": "http://example.org/a",
          "special": "46.9|7.4"}
# Resources with only what R4 requires.
NEEDED = {
    "Observation": {"status": "final", "code": {"text": "x"}},
    "Condition": {"subject": {"reference": "Patient/1"}},
    "Encounter": {"status": "finished", "class": {"code": "AMB"}},
    "MedicationRequest": {"status": "active", "intent": "order",
                          "medicationCodeableConcept": {"text": "x"},
                          "subject": {"reference": "Patient/1"}},
    "Procedure": {"status": "completed", "subject": {"reference": "Patient/1"}},
    "AllergyIntolerance": {
        "patient": {"reference": "Patient/1"},
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/"
                                                 "allergyintolerance-clinical",
                                       "code": "active"}]}},
    "DiagnosticReport": {"status": "final", "code": {"text": "x"}},
    "Immunization": {"status": "completed", "vaccineCode": {"text": "x"},
                     "patient": {"reference": "Patient/1"}, "occurrenceString": "x"},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "x"}}]},
    "Organization": {"name": "x"},
    "ValueSet": {"status": "active"},
    "RiskAssessment": {"status": "final", "subject": {"reference": "Patient/1"}},
}


class Capabilities(ServerCase):
    @classmethod
    def prepare(cls):
        cls.statement = cls.client.get("metadata").json()
        cls.rest = cls.statement["rest"][0]
        cls.resources = {row["type"]: row for row in cls.rest["resource"]}

    def value(self, kind, param):
        """A plausible value; composites from their components' kinds are tried in turn."""
        if param["type"] == "composite":
            kinds = ["urn:a|b", "ge2020-01-01", "5.4", "Patient/1", "0.5", "Test", "http://a.org"]
            pairs = [f"{one}${two}" for one in kinds for two in kinds]
            pairs += [f"{one}$Patient/1$urn:a|b" for one in kinds]
            pairs += [f"{one}$0.5$0.5" for one in kinds]
            return [pair.replace("|", "%7C") for pair in pairs]
        if param["name"] in ("_id", "_list"):
            return ["a"]
        if param["name"] == "_filter":
            return ["_id%20eq%20a"]
        if param["type"] == "reference":
            return [f"{kind}/1", "1"]
        return [VALUES[param["type"]].replace("|", "%7C")]

    def test_it_is_itself_a_valid_resource_of_every_type(self):
        self.assertEqual(self.statement["fhirVersion"], "4.0.1")
        self.assertEqual(len(self.resources), len(self.rest["resource"]), "each type once")
        self.assertGreater(len(self.resources), 140)
        stored = self.client.post("CapabilityStatement", self.statement)
        self.assertEqual(stored.status, 201, stored.bytes[:2000])

    def test_every_declared_search_parameter_is_answered(self):
        tried = 0
        for kind in sorted(self.resources):
            for param in self.resources[kind]["searchParam"]:
                answers = (self.client.get(f"{kind}?{param['name']}={value}")
                           for value in self.value(kind, param))
                good = next((answer for answer in answers if answer.status == 200), None)
                self.assertIsNotNone(good, f"{kind}?{param['name']} ({param['type']})")
                tried += 1
        self.assertGreater(tried, 2000)

    def test_every_declared_include_is_answered(self):
        for kind in TYPES:
            resource = self.resources[kind]
            for include in resource.get("searchInclude", []):
                answer = self.client.get(f"{kind}?_include={include}")
                self.assertEqual(answer.status, 200, include)
            for include in resource.get("searchRevInclude", []):
                answer = self.client.get(f"{kind}?_revinclude={include}")
                self.assertEqual(answer.status, 200, include)

    def test_reverse_includes_are_declared_where_they_point(self):
        self.assertIn("Observation:subject", self.resources["Patient"]["searchRevInclude"])
        self.assertIn("Provenance:target", self.resources["Observation"]["searchRevInclude"])
        self.assertNotIn("Observation:encounter", self.resources["Patient"]["searchRevInclude"])
        answer = self.client.get("Patient?_revinclude=Observation:encounter")
        self.assertEqual(answer.status, 400)

    def test_a_parameter_that_is_not_declared_is_refused(self):
        every = {param["name"] for row in self.resources.values() for param in row["searchParam"]}
        for kind in TYPES:
            declared = {param["name"] for param in self.resources[kind]["searchParam"]}
            for name in sorted(every - declared)[::25] + ["nonsense", "_content", "_filter"]:
                if name in declared:
                    continue
                answer = self.client.get(f"{kind}?{name}=1")
                self.assertEqual(answer.status, 400, f"{kind}?{name}")
                self.assertTrue(issues(answer))

    def test_every_declared_interaction_works(self):
        for kind in TYPES:
            codes = [row["code"] for row in self.resources[kind]["interaction"]]
            self.assertEqual(sorted(codes), ["create", "delete", "history-instance",
                                             "history-type", "patch", "read",
                                             "search-type", "update",
                                             "vread"])
            resource = dict({"resourceType": kind}, **NEEDED.get(kind, {}))
            made = self.client.post(kind, resource)
            self.assertEqual(made.status, 201, made.bytes)
            path = f"{kind}/{made.json()['id']}"
            changed = dict(made.json(), language="en")
            for answer, status in (
                    (self.client.get(path), 200),
                    (self.client.put(path, changed), 200),
                    (self.client.put(f"{kind}/declared", dict(resource, id="declared")), 201),
                    (self.client.get(f"{path}/_history/1"), 200),
                    (self.client.get(f"{path}/_history"), 200),
                    (self.client.get(f"{kind}/_history"), 200),
                    (self.client.get(kind), 200),
                    (self.client.request("POST", f"{kind}/_search", "_id=declared",
                                         {"Content-Type": "application/x-www-form-urlencoded"}),
                     200),
                    (self.client.delete(path), 204),
                    (self.client.get(path), 410)):
                self.assertEqual(answer.status, status, answer.bytes[:500])

    def answers_of(self, kind, name, identity):
        """Of an operation, wherever it may be asked for, with what it cannot do without."""
        body = {"resourceType": kind}
        query = {"lastn": "?patient=1&code=x"}.get(name, "")
        for path in (f"{kind}/${name}", f"{kind}/{identity}/${name}"):
            yield self.client.get(path + query)
            yield self.client.post(path + query, body)

    def test_every_declared_operation_answers(self):
        found = set()
        for kind in TYPES:
            resource = dict({"resourceType": kind, "id": "operated"}, **NEEDED.get(kind, {}))
            self.assertIn(self.client.put(f"{kind}/operated", resource).status, (200, 201))
            for row in self.resources[kind]["operation"]:
                found.add(row["name"])
                statuses = [answer.status for answer in
                            self.answers_of(kind, row["name"], "operated")]
                self.assertTrue(any(status not in (404, 405, 501) and status < 500
                                    for status in statuses), (kind, row["name"], statuses))
        self.assertLessEqual({"validate", "everything", "lastn"}, found)

    def test_an_operation_is_there_for_the_types_that_declare_it(self):
        for kind in TYPES:
            declared = {row["name"] for row in self.resources[kind]["operation"]}
            for name in {"everything", "lastn"} - declared:
                for answer in self.answers_of(kind, name, "operated"):
                    self.assertIn(answer.status, (405, 501), f"{kind} ${name}")

    def test_every_declared_operation_is_routed(self):
        base = "http://hl7.org/fhir/OperationDefinition/"
        self.assertIn({"name": "validate", "definition": base + "Resource-validate"},
                      self.rest["operation"])
        for kind in TYPES:
            declared = self.resources[kind]["operation"]
            self.assertIn("validate", [row["name"] for row in declared])
            self.assertEqual(len(declared), len({row["name"] for row in declared}))
        for operation in ("$validate", "%24validate"):
            answer = self.client.post(f"Patient/{operation}", {"resourceType": "Patient"})
            self.assertEqual(answer.status, 200)
        answer = self.client.get("Patient/$validate")
        self.assertEqual((answer.status, answer.header("Allow")), (405, "POST, OPTIONS"))

    def test_the_system_interactions_work(self):
        codes = sorted(row["code"] for row in self.rest["interaction"])
        self.assertEqual(codes, ["batch", "history-system", "search-system", "transaction"])
        for kind in ("batch", "transaction"):
            answer = self.client.post("", {"resourceType": "Bundle", "type": kind, "entry": [
                {"request": {"method": "GET", "url": "metadata"}}]})
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json()["type"], kind + "-response")
        self.assertEqual(self.client.get("_history").status, 200)
        self.assertEqual(self.client.get("?_type=Patient").status, 200)

    def test_what_is_not_declared_is_not_offered(self):
        for row in self.resources.values():
            self.assertTrue(row["conditionalUpdate"])
            self.assertEqual(row["conditionalDelete"], "single")
        one = {"resourceType": "Patient", "id": "not-offered"}
        for answer in (self.client.get("Patient/$everything"),
                       self.client.post("Patient/$nonsense", one)):
            self.assertIn(answer.status, (405, 501))
            self.assertEqual(issues(answer)[0]["code"], "not-supported")


if __name__ == "__main__":
    unittest.main()
