"""A database that an earlier version filled: what that one did not extract is refused until it has
been indexed anew, which the server begins by itself; never half of it is served."""

import os
import shutil
import subprocess
import unittest

from harness import PATIENCE, Server, issues, run, scratch, until

PSQL = "/usr/lib/postgresql/15/bin/psql"
NEAR = "Location?near=46.95|7.45"
CONTAINED = "Medication?_contained=true&code=abc"
CHAIN = "MedicationRequest?medication.code=abc"
RESOURCES = [
    {"resourceType": "Location", "id": "l1", "name": "bern",
     "position": {"latitude": 46.95, "longitude": 7.45}},
    {"resourceType": "MedicationRequest", "id": "r1", "status": "active", "intent": "order",
     "subject": {"reference": "Patient/p1"}, "medicationReference": {"reference": "#m1"},
     "contained": [{"resourceType": "Medication", "id": "m1",
                    "code": {"coding": [{"code": "abc"}]}}]},
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "Zwickau"}]},
]
# As an earlier version would have left it.
FORGET = ("delete from f_extraction; delete from f_contained; delete from f_qty;"
          " delete from f_code where code not in (select code from f_observation"
          " where code is not null);")


class Extraction(unittest.TestCase):
    def setUp(self):
        self.folder = scratch()
        self.server = Server(self.folder).start()
        client = self.server.client()
        for resource in RESOURCES:
            answer = client.put(f"{resource['resourceType']}/{resource['id']}", resource)
            self.assertEqual(answer.status, 201, answer.bytes)

    def tearDown(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def end(self):
        for client in self.server.clients:
            client.close()
        self.server.stop()

    def sql(self, statement):
        with open(os.path.join(self.folder, "data/postgres/postmaster.pid")) as file:
            database = f"host={file.read().splitlines()[4]} user=isthmus dbname=postgres"
        done = subprocess.run([PSQL, "-X", "-A", "-t", "-d", database, "-c", statement],
                              capture_output=True, text=True, timeout=PATIENCE, check=True)
        return done.stdout.strip()

    def restart(self, *arguments):
        self.end()
        self.server = Server(self.folder, arguments).start()
        self.client = self.server.client()

    def found(self, query):
        answer = self.client.get(query)
        self.assertEqual(answer.status, 200, answer.bytes)
        return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]

    def assert_refused(self, query):
        answer = self.client.get(query, Prefer="handling=lenient")
        self.assertEqual(answer.status, 400, answer.bytes)
        self.assertIn("$reindex", issues(answer)[0]["diagnostics"])

    def assert_found(self):
        self.assertEqual(self.found(NEAR), ["l1"])
        self.assertEqual(self.found(CONTAINED), ["r1"])
        self.assertEqual(self.found(CHAIN), ["r1"])

    def logged(self):
        with open(self.server.log) as log:
            return log.read()

    def lists_near(self):
        statement = self.client.get("metadata").json()
        location = next(one for one in statement["rest"][0]["resource"]
                        if one["type"] == "Location")
        return any(param["name"] == "near" for param in location["searchParam"])

    def test_a_new_database_is_whole(self):
        self.client = self.server.client()
        self.assert_found()
        self.restart()
        self.assert_found()
        self.assertEqual(self.sql("select count(*) from f_job"), "0")
        self.assertEqual(self.sql("select count(*) from f_reindex"), "0")

    def test_what_is_behind_is_refused_until_somebody_indexes_it(self):
        self.sql(FORGET)
        self.restart("--job-runners", "0")
        self.assert_refused(NEAR)
        chain = self.client.get("PractitionerRole?location.near=46.95|7.45")
        self.assertEqual(chain.status, 400, chain.bytes)
        self.assert_refused(CONTAINED)
        self.assertEqual(self.found("Patient?name=zwickau"), ["p1"])
        self.assertFalse(self.lists_near())
        self.assertEqual(self.logged().count("remedy"), 1)

        # One type is not all of them.
        target = ("--data", os.path.join(self.folder, "data"))
        done = run("reindex", "--type", "Location", *target)
        self.assertEqual(done.returncode, 0, done.stderr)
        until(lambda: self.client.get(NEAR).status, 200)
        self.assertEqual(self.found(NEAR), ["l1"])
        self.assertTrue(until(self.lists_near, True))
        self.assert_refused(CONTAINED)

        done = run("reindex", *target)
        self.assertEqual(done.returncode, 0, done.stderr)
        until(lambda: self.client.get(CONTAINED).status, 200)
        self.assert_found()

    def test_the_server_indexes_it_by_itself(self):
        self.sql(FORGET)
        self.restart()
        until(lambda: (self.client.get(NEAR).status, self.client.get(CONTAINED).status),
              (200, 200))
        self.assert_found()
        self.assertEqual(self.sql("select count(*) from f_extraction where number = 0"), "0")
        self.assertTrue(until(
            lambda: 'event="what an earlier version stored is indexed" changed=' in self.logged(), True))

    def test_the_log_says_that_it_failed(self):
        self.sql(FORGET)
        self.sql("update f_patient set body = '\\x00'")
        self.restart()
        self.assertTrue(until(lambda: 'event="cannot index anew what an earlier version stored" why=' in
                              self.logged(), True))
        self.assert_refused(CONTAINED)

    def test_how_far_it_is_can_be_asked_for(self):
        self.sql(FORGET)
        self.sql("insert into f_reindex (type, number, cleaned, last, done, total, extraction)"
                 " values ('Patient', 0, true, null, 3, 7, 2), ('Location', 0, true, 1, 2, 5, 0)")
        self.restart("--job-runners", "0")
        types = len(self.client.get("metadata").json()["rest"][0]["resource"])
        target = ("--data", os.path.join(self.folder, "data"))
        told = f"stored by an earlier version: {types} types to be indexed anew"
        self.assertIn(f"{told}, Patient: 3 of 7\n", run("index", *target).stdout)
        self.sql("delete from f_reindex")
        self.assertIn(f"{told}: isthmus reindex\n", run("index", *target).stdout)
        run("reindex", *target)
        self.assertNotIn("earlier", run("index", *target).stdout)

    def test_a_run_that_an_earlier_version_began_is_begun_anew(self):
        self.sql(FORGET)
        self.sql("insert into f_reindex (type, number, cleaned, last, done, total)"
                 " values ('Location', 0, true, 9223372036854775807, 1, 1)")
        self.restart()
        until(lambda: self.client.get(NEAR).status, 200)
        self.assertEqual(self.found(NEAR), ["l1"])

    def test_a_server_that_extracts_less_is_waited_for(self):
        self.sql(FORGET)
        self.restart("--job-runners", "0")
        self.sql("update f_member set extraction = 0")
        command = subprocess.Popen(
            [os.environ["ISTHMUS"], "reindex", "--data", os.path.join(self.folder, "data")],
            stdout=subprocess.PIPE, text=True)
        try:
            self.assertIn("waits for", command.stdout.readline())
            self.assert_refused(NEAR)
            self.sql("update f_member set extraction = 2")
            command.stdout.read()
            self.assertEqual(command.wait(PATIENCE), 0)
        finally:
            command.kill()
            command.wait()
            command.stdout.close()
        until(lambda: self.client.get(CONTAINED).status, 200)
        self.assert_found()


if __name__ == "__main__":
    unittest.main()
