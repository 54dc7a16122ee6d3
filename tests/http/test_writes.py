"""Writes that happen once: criteria, transactions, histories."""

import json
import unittest

from harness import Server
from writing import (
    JSON_PATCH, WithServer, bundle, entry, fresh, operation, parameters, patient, where)


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


if __name__ == "__main__":
    unittest.main()
