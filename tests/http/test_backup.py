"""Backup, wipe, restore: every resource, version, search answer and the history are equal."""

import json
import os
import shutil
import unittest

from harness import Server, run, scratch

PROGRAMS = "/usr/lib/postgresql/15/bin"
SEARCHES = [
    "Patient?_sort=_id&_count=100", "Observation?_count=50&_sort=-date",
    "Observation?code=http://loinc.org|8302-2&_total=accurate", "Patient?gender=female&_count=50",
    "Condition?_count=20&_sort=_id", "_history?_count=200", "Patient/_history?_count=100",
]


def answers(client):
    found = {}
    for search in SEARCHES:
        bundle = client.get(search).json()
        bundle.pop("meta", None)
        bundle.pop("link", None)  # they hold the port
        found[search] = json.loads(json.dumps(bundle).replace(client.url.netloc, "HOST"))
    return found


class Backup(unittest.TestCase):
    def test_a_backup_restores_everything(self):
        folder = scratch()
        try:
            self.drill(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def drill(self, folder):
        file = os.path.join(folder, "all.backup")
        sample = os.path.join(folder, "sample")
        self.succeeds("sample", "--patients", "10", "--seed", "3", "--out", sample)
        with Server() as server:
            self.succeeds("load", "--base", server.base, "--journal", "",
                          *[os.path.join(sample, name) for name in sorted(os.listdir(sample))])
            client = server.client()
            patient = client.get("Patient?_count=1").json()["entry"][0]["resource"]
            for number in range(3):
                patient["active"] = number % 2 == 0
                client.put(f"Patient/{patient['id']}", patient)
            gone = client.post("Patient", {"resourceType": "Patient"}).json()["id"]
            client.delete(f"Patient/{gone}")
            before = answers(client)
            self.succeeds("backup", file, "--data", os.path.join(server.folder, "data"))
        data = os.path.join(folder, "data")
        self.succeeds("restore", file, "--data", data)
        again = run("restore", file, "--data", data)
        self.assertEqual(again.returncode, 1, "a filled database was overwritten")
        with Server(folder) as server:
            client = server.client()
            self.assertEqual(answers(client), before)
            for number in range(1, 4):
                version = client.get(f"Patient/{patient['id']}/_history/{number}")
                self.assertEqual(version.status, 200)
            self.assertEqual(client.get(f"Patient/{gone}").status, 410)
            patient["active"] = True
            patient["gender"] = "unknown"
            self.assertEqual(client.put(f"Patient/{patient['id']}", patient).status, 200)

    def test_an_upgrade_moves_everything_into_a_new_cluster(self):
        with Server() as server:
            data = os.path.join(server.folder, "data")
            client = server.client()
            patient = client.post("Patient", {"resourceType": "Patient", "active": True}).json()
            busy = run("upgrade", "--data", data, "--postgres-bin", PROGRAMS)
            self.assertEqual(busy.returncode, 1, "the data of a running server were moved")
            server.stop()
            self.assertIn("nothing to do", self.succeeds("upgrade", "--data", data).stdout)
            # Naming the programs moves the data even to the same version.
            self.succeeds("upgrade", "--data", data, "--postgres-bin", PROGRAMS)
            self.assertTrue(os.path.isdir(os.path.join(data, "postgres.old")))
            again = run("upgrade", "--data", data, "--postgres-bin", PROGRAMS)
            self.assertEqual(again.returncode, 1, "the old data of the first upgrade were lost")
            self.assertIn("postgres.old", again.stderr)
            server.start()
            self.assertEqual(server.client().get(f"Patient/{patient['id']}").json(), patient)

    def test_a_damaged_backup_leaves_nothing_behind(self):
        folder = scratch()
        self.addCleanup(shutil.rmtree, folder, True)
        file = os.path.join(folder, "bad.backup")
        with open(file, "wb") as bad:
            bad.write(b"PGDMP but nothing more")
        self.assertEqual(run("restore", file, "--data", os.path.join(folder, "data")).returncode, 1)
        with Server(folder) as server:
            self.assertEqual(server.client().get("_history").json().get("entry", []), [])

    def succeeds(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result


if __name__ == "__main__":
    unittest.main()
