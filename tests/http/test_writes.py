"""Writes that happen once: criteria, patches, histories, and many clients at the same time.

ISTHMUS_WRITES_ROUNDS says how often the crowds meet (default 1; the long run uses 20) and
ISTHMUS_WRITES_CROWD how many they are (default 120; the long run uses 500).
"""

import base64
import json
import os
import subprocess
import threading
import unittest
import uuid

from harness import ISTHMUS, Client, Server, free_port, spawn

ROUNDS = int(os.environ.get("ISTHMUS_WRITES_ROUNDS", "1"))
CROWD = int(os.environ.get("ISTHMUS_WRITES_CROWD", "120"))
JSON_PATCH = "application/json-patch+json"


def patient(value=None, **more):
    resource = dict({"resourceType": "Patient"}, **more)
    if value:
        resource["identifier"] = [{"system": "urn:w", "value": value}]
    return resource


def where(value):
    return f"identifier=urn:w|{value}"


def fresh():
    return str(uuid.uuid4())


def entry(method, url, resource=None, full_url=None, **request):
    row = {"request": dict({"method": method, "url": url}, **request)}
    if resource is not None:
        row["resource"] = resource
    if full_url:
        row["fullUrl"] = full_url
    return row


def bundle(kind, *entries):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def operation(kind, **parts):
    rows = [{"name": "type", "valueCode": kind}]
    for name, value in parts.items():
        key = {"path": "valueString", "name": "valueString", "index": "valueInteger"}.get(name)
        rows.append({"name": name, key: value} if key else dict({"name": name}, **value))
    return {"name": "operation", "part": rows}


def parameters(*operations):
    return {"resourceType": "Parameters", "parameter": list(operations)}


class WithServer(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=cls.arguments).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def setUp(self):
        self.client = self.server.client()

    def count(self, value):
        return self.client.get(f"Patient?{where(value)}&_summary=count").json()["total"]

    def make(self, value=None, **more):
        answer = self.client.post("Patient", patient(value, **more))
        self.assertEqual(answer.status, 201, answer.bytes)
        return answer.json()

    def send(self, kind, *entries, **headers):
        return self.client.post("", bundle(kind, *entries), **headers)

    def statuses(self, kind, *entries, **headers):
        answer = self.send(kind, *entries, **headers)
        self.assertEqual(answer.status, 200, answer.bytes)
        return [row["response"]["status"][:3] for row in answer.json()["entry"]]


class Criteria(WithServer):
    """R4 http.html#ccreate, #cond-update."""

    def put(self, value, **more):
        return self.client.put(f"Patient?{where(value)}", patient(value, **more))

    def test_a_create_that_finds_one_answers_with_it(self):
        value = fresh()
        first = self.client.post("Patient", patient(value), **{"If-None-Exist": where(value)})
        again = self.client.post("Patient", patient(value, active=True),
                                 **{"If-None-Exist": where(value)})
        self.assertEqual((first.status, again.status), (201, 200))
        self.assertEqual(first.json(), again.json())
        self.assertEqual(again.header("ETag"), 'W/"1"')

    def test_a_create_whose_resource_was_deleted_creates_again(self):
        value = fresh()
        for _ in range(3):
            answer = self.client.post("Patient", patient(value), **{"If-None-Exist": where(value)})
            self.assertEqual(answer.status, 201)
            self.client.delete("Patient/" + answer.json()["id"])

    def test_an_update_that_finds_nothing_creates(self):
        value = fresh()
        answer = self.put(value)
        self.assertEqual(answer.status, 201)
        self.assertIn("/_history/1", answer.header("Location"))
        self.assertEqual(self.count(value), 1)

    def test_an_update_that_finds_nothing_creates_under_the_id_it_has(self):
        value, name = fresh(), fresh()
        answer = self.put(value, id=name)
        self.assertEqual((answer.status, answer.json()["id"]), (201, name))

    def test_an_update_that_finds_nothing_replaces_no_other(self):
        name = self.make()["id"]
        answer = self.put(fresh(), id=name)
        self.assertEqual(answer.status, 409)
        self.assertEqual(self.client.get("Patient/" + name).json()["meta"]["versionId"], "1")

    def test_an_update_that_finds_one_updates_it(self):
        value = fresh()
        name = self.make(value)["id"]
        for number, more in ((2, {}), (3, {"id": name})):
            answer = self.put(value, active=number == 2, **more)
            self.assertEqual(answer.status, 200, answer.bytes)
            self.assertEqual((answer.json()["id"], answer.json()["meta"]["versionId"]),
                             (name, str(number)))

    def test_an_update_that_finds_one_of_another_id_is_refused(self):
        value = fresh()
        self.make(value)
        self.assertEqual(self.put(value, id=fresh()).status, 400)

    def test_several_matches_are_refused(self):
        value = fresh()
        self.make(value)
        self.make(value)
        self.assertEqual(self.put(value).status, 412)
        self.assertEqual(self.client.delete(f"Patient?{where(value)}").status, 412)
        self.assertEqual(self.client.request("PATCH", f"Patient?{where(value)}", "[]",
                                             {"Content-Type": JSON_PATCH}).status, 412)
        self.assertEqual(self.client.post("Patient", patient(value),
                                          **{"If-None-Exist": where(value)}).status, 412)
        self.assertEqual(self.count(value), 2)

    def test_a_deletion_by_criteria_deletes_the_one(self):
        value = fresh()
        name = self.make(value)["id"]
        self.assertEqual(self.client.delete(f"Patient?{where(value)}").status, 204)
        self.assertEqual(self.client.get("Patient/" + name).status, 410)
        self.assertEqual(self.client.delete(f"Patient?{where(value)}").status, 204)

    def test_criteria_that_select_nothing_in_particular_are_refused(self):
        for criteria in ("", "?", "?_sort=birthdate", "?nonsense=1", "?_count=1"):
            for method, body in (("PUT", patient()), ("DELETE", None), ("PATCH", parameters())):
                answer = self.client.request(method, "Patient" + criteria, body)
                self.assertEqual(answer.status, 400, (method, criteria, answer.bytes))

    def test_versions_are_asked_for(self):
        value = fresh()
        name = self.make(value)["id"]
        for headers, status in (({"If-Match": 'W/"9"'}, 412), ({"If-Match": "*"}, 200),
                                ({"If-None-Match": "*"}, 412), ({"If-Match": 'W/"2"'}, 200),
                                ({"If-None-Match": 'W/"1"'}, 400), ({"If-Match": "x"}, 400)):
            for path in ("Patient/" + name, f"Patient?{where(value)}"):
                body = patient(value, id=name, gender="male" if "*" in str(headers) else "female")
                answer = self.client.put(path, body, **headers)
                if headers == {"If-Match": 'W/"2"'} and "?" in path:
                    self.assertEqual(answer.status, 412)  # the first path made it version 3
                else:
                    self.assertEqual(answer.status, status, (headers, path, answer.bytes))

    def test_what_must_not_exist_is_created_once(self):
        name = fresh()
        headers = {"If-None-Match": "*"}
        self.assertEqual(self.client.put("Patient/" + name, patient(id=name), **headers).status, 201)
        self.assertEqual(self.client.put("Patient/" + name, patient(id=name), **headers).status, 412)
        self.assertEqual(self.client.put("Patient/" + fresh(), patient(id=name),
                                         **{"If-Match": "*"}).status, 400)
        other = fresh()
        self.assertEqual(self.client.put("Patient/" + other, patient(id=other),
                                         **{"If-Match": "*"}).status, 412)

    def test_all_of_it_goes_into_bundles(self):
        for kind in ("batch", "transaction"):
            made, found, gone = fresh(), fresh(), fresh()
            self.make(found)
            self.make(gone)
            self.assertEqual(self.statuses(
                kind,
                entry("PUT", f"Patient?{where(made)}", patient(made)),
                entry("PUT", f"Patient?{where(found)}", patient(found, active=True)),
                entry("DELETE", f"Patient?{where(gone)}"),
                entry("DELETE", f"Patient?{where(fresh())}"),
                entry("POST", "Patient", patient("no-" + found), ifNoneExist=where("no-" + found)),
                entry("PATCH", f"Patient?{where(found)}&active=true" if kind == "batch" else
                      f"Patient?{where(self.make(gone + 'x')['identifier'][0]['value'])}",
                      parameters(operation("replace", path="Patient.active",
                                           value={"valueBoolean": False})
                                 if kind == "batch" else
                                 operation("add", path="Patient", name="active",
                                           value={"valueBoolean": False}))),
            ), ["201", "200", "204", "204", "201", "200"])
            self.assertEqual((self.count(made), self.count(gone)), (1, 0))


class Several(WithServer):
    arguments = ("--conditional-delete", "multiple")

    def test_all_matches_are_deleted_where_that_is_configured(self):
        rest = self.client.get("metadata").json()["rest"][0]
        self.assertEqual({row["conditionalDelete"] for row in rest["resource"]}, {"multiple"})
        for delete in (lambda url: self.client.delete(url).status,
                       lambda url: int(self.statuses("transaction", entry("DELETE", url))[0])):
            value = fresh()
            for _ in range(7):
                self.make(value)
            self.assertEqual(delete(f"Patient?{where(value)}"), 204)
            self.assertEqual(self.count(value), 0)
            self.assertEqual(delete(f"Patient?{where(value)}"), 204)


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


class Transactions(WithServer):
    """R4 http.html#trules."""

    def test_the_same_criteria_twice_make_one(self):
        value, first, second = fresh(), "urn:uuid:" + fresh(), "urn:uuid:" + fresh()
        entries = [entry("POST", "Patient", patient(value), url, ifNoneExist=where(value))
                   for url in (first, second)]
        entries += [entry("POST", "Observation", {
            "resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": url}}) for url in (first, second)]
        answer = self.send("transaction", *entries, Prefer="return=representation")
        self.assertEqual(answer.status, 200, answer.bytes)
        rows = answer.json()["entry"]
        self.assertEqual([row["response"]["status"][:3] for row in rows],
                         ["201", "200", "201", "201"])
        self.assertEqual(rows[0]["resource"], rows[1]["resource"])
        self.assertEqual({row["resource"]["subject"]["reference"] for row in rows[2:]},
                         {"Patient/" + rows[0]["resource"]["id"]})
        self.assertEqual(self.count(value), 1)

    def test_identities_that_criteria_find_may_not_overlap(self):
        value = fresh()
        name = self.make(value)["id"]
        found = entry("PUT", f"Patient?{where(value)}", patient(value, active=True))
        new = fresh()
        for other in (entry("PUT", "Patient/" + name, patient(value, id=name)),
                      entry("DELETE", "Patient/" + name + "x"),
                      entry("PUT", f"Patient?{where(value)}&_id={name}", patient(value)),
                      entry("PATCH", "Patient/" + name, parameters(
                          operation("add", path="Patient", name="active",
                                    value={"valueBoolean": True})))):
            status = 200 if other["request"]["method"] == "DELETE" else 400
            self.assertEqual(self.send("transaction", found, other).status, status)
        for entries in ((entry("PUT", f"Patient?{where(new)}", patient(new)),) * 2,
                        (entry("PUT", f"Patient?{where(new)}", patient(new)),
                         entry("POST", "Patient", patient(new)))):
            self.assertEqual(self.send("transaction", *entries).status, 400)
        self.assertEqual(self.count(new), 0)

    def test_the_order_of_the_entries_does_not_matter(self):
        value, gone = fresh(), fresh()
        name = self.make(gone)["id"]
        new = "urn:uuid:" + fresh()
        rows = {
            "201": entry("POST", "Patient", patient(gone), new, ifNoneExist=where(gone)),
            "204": entry("DELETE", "Patient/" + name),
            "200": entry("GET", f"Patient?{where(gone)}"),
        }
        for order in (("200", "201", "204"), ("204", "201", "200")):
            answer = self.send("transaction", *[rows[status] for status in order])
            self.assertEqual(answer.status, 200, answer.bytes)
            found = answer.json()["entry"]
            self.assertEqual([row["response"]["status"][:3] for row in found], list(order))
            read = found[order.index("200")]["resource"]
            self.assertEqual(read["total"] if "total" in read else len(read["entry"]), 1)
            rows["204"] = entry("DELETE", "Patient/" + read["entry"][0]["resource"]["id"])
        self.assertEqual(self.count(value), 0)

    def test_reads_come_behind_the_writes(self):
        name = fresh()
        answer = self.send("transaction", entry("HEAD", "Patient/" + name),
                           entry("GET", "Patient/" + name),
                           entry("GET", "Patient/" + name, ifNoneMatch='W/"1"'),
                           entry("PUT", "Patient/" + name, patient(id=name)))
        rows = answer.json()["entry"]
        self.assertEqual([row["response"]["status"][:3] for row in rows],
                         ["200", "200", "304", "201"])
        self.assertNotIn("resource", rows[0])
        self.assertEqual(rows[1]["resource"]["id"], name)

    def test_answers_are_as_long_as_is_preferred(self):
        for kind in ("batch", "transaction"):
            for wish, member in (("minimal", None), ("representation", "Patient"),
                                 ("OperationOutcome", "OperationOutcome")):
                answer = self.send(kind, entry("POST", "Patient", patient()),
                                   Prefer="return=" + wish)
                row = answer.json()["entry"][0]
                found = row.get("resource", row["response"].get("outcome", {}))
                self.assertEqual(found.get("resourceType"), member, (kind, wish))

    def test_a_failed_transaction_is_one_outcome(self):
        value = fresh()
        answer = self.send("transaction", entry("POST", "Patient", patient(value)),
                           entry("PUT", "Patient/x", patient(id="x"), ifMatch='W/"77"'))
        self.assertEqual((answer.status, answer.json()["resourceType"]), (412, "OperationOutcome"))
        self.assertEqual(self.count(value), 0)


class Histories(WithServer):
    """R4 http.html#other-bundles."""

    def test_a_history_of_another_server_happens_here(self):
        name, gone = fresh(), fresh()
        for number in range(3):
            self.client.put("Patient/" + name, patient(name, id=name, multipleBirthInteger=number))
        self.client.put("Patient/" + gone, patient(gone, id=gone))
        self.client.delete("Patient/" + gone)
        made = self.make(name + "-made")["id"]
        found = self.client.get("Patient/_history?_count=1000").json()
        rows = [row for row in found["entry"]
                if any(n in json.dumps(row) for n in (name, gone, made))]
        self.assertEqual(len(rows), 6)
        with Server() as other:
            client = other.client()
            answer = client.post("", bundle("history", *rows))
            self.assertEqual(answer.status, 200, answer.bytes)
            self.assertTrue(all(row["response"]["status"][0] == "2"
                                for row in answer.json()["entry"]), answer.bytes)
            self.assertEqual(client.get("Patient/" + name).json()["multipleBirthInteger"], 2)
            self.assertEqual(client.get(f"Patient/{name}/_history/1").json()
                             ["multipleBirthInteger"], 0)
            self.assertEqual(client.get("Patient/" + gone).status, 410)
            self.assertEqual(client.get("Patient/" + made).status, 200)

    def test_versions_are_applied_in_their_order_however_they_come(self):
        name = fresh()
        rows = [entry("PUT", "Patient/" + name, patient(
            id=name, multipleBirthInteger=number, meta={"versionId": str(number)}))
            for number in (2, 3, 1)]
        for row in rows:
            row["fullUrl"] = self.server.base + "/Patient/" + name
            row["response"] = {"status": "200"}
        self.assertEqual(self.statuses("history", *rows), ["200", "200", "201"])
        self.assertEqual(self.client.get("Patient/" + name).json()["multipleBirthInteger"], 3)


def crowd(works):
    """Runs all at the same moment; what each returns."""
    results = [None] * len(works)
    start = threading.Barrier(len(works))

    def work(number):
        start.wait()
        results[number] = works[number]()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Process:
    """A further server process on the database of another."""

    def __init__(self, server):
        socket = os.path.join(server.folder, "data/socket")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}/fhir"
        self.process = spawn(
            ISTHMUS, "serve", "--database", f"host={socket} user=isthmus dbname=postgres",
            "--listen", f"127.0.0.1:{self.port}", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        assert line.startswith(b"ready: "), line

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()


class Crowds(unittest.TestCase):
    """Many at once, over four processes on one database."""

    def setUp(self):
        self.server = Server().__enter__()
        self.others = [Process(self.server) for _ in range(3)]
        self.bases = [self.server.base] + [other.base for other in self.others]

    def tearDown(self):
        for other in self.others:
            other.stop()
        self.server.__exit__(None, None, None)

    def until_answered(self, number, method, path, body, headers=None):
        """Sends until it is answered finally; the status."""
        client = Client(self.bases[number % len(self.bases)], timeout=120)
        for _ in range(100):
            answer = client.request(method, path, body, headers)
            if answer.status not in (409, 429, 503):
                break
        client.close()
        return answer

    def identical(self, value):
        creates = [lambda n=n: self.until_answered(
            n, "POST", "Patient", patient(value), {"If-None-Exist": where(value)}).status
            for n in range(CROWD)]
        posts = [lambda n=n: self.until_answered(n, "POST", "", bundle(
            "transaction", entry("POST", "Patient", patient(value), "urn:uuid:" + fresh(),
                                 ifNoneExist=where(value)))).status for n in range(CROWD)]
        return crowd(creates), crowd(posts)

    def test_identical_creates_make_one(self):
        client = self.server.client()
        for number in range(ROUNDS):
            value, later = fresh(), fresh()
            creates, posts = self.identical(value)
            self.assertEqual((creates.count(201), creates.count(200)), (1, CROWD - 1))
            self.assertEqual(set(posts), {200})
            mixed = crowd([
                (lambda n=n: self.until_answered(n, "POST", "Patient", patient(later),
                                                 {"If-None-Exist": where(later)}).status)
                if n % 3 else
                (lambda n=n: self.until_answered(n, "PUT", f"Patient?{where(later)}",
                                                 patient(later)).status)
                if n % 2 else
                (lambda n=n: self.until_answered(n, "POST", "", bundle(
                    "transaction", entry("POST", "Patient", patient(later),
                                         ifNoneExist=where(later)))).status)
                for n in range(CROWD)])
            self.assertLessEqual(set(mixed), {200, 201})
            for mark in (value, later):
                self.assertEqual(len(client.get(f"Patient?{where(mark)}").json()["entry"]), 1)
            print(f"round {number + 1}: {3 * CROWD} clients, one resource each time")

    def test_every_answered_update_is_a_version(self):
        client = self.server.client()
        client.put("Patient/one", patient(id="one"))
        wins = []

        def update(number):
            mine = Client(self.bases[number % len(self.bases)], timeout=120)
            for turn in range(6):
                now = mine.get("Patient/one")
                body = dict(now.json(), multipleBirthInteger=number * 100 + turn + 1)
                answer = mine.put("Patient/one", body, **{"If-Match": now.header("ETag")})
                self.assertIn(answer.status, (200, 409, 412))
                if answer.status == 200:
                    wins.append(answer.header("ETag"))
            mine.close()

        crowd([lambda n=n: update(n) for n in range(64)])
        self.assertEqual(len(set(wins)), len(wins))
        version = int(client.get("Patient/one").json()["meta"]["versionId"])
        self.assertEqual(version, len(wins) + 1)


if __name__ == "__main__":
    unittest.main()
