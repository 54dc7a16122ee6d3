"""Writes that happen once, when many clients send them at the same time to several servers.

ISTHMUS_WRITES_ROUNDS says how often the crowds meet (default 1; the long run uses 20) and
ISTHMUS_WRITES_CROWD how many they are (default 120; the long run uses 500).
"""

import os
import random
import subprocess
import time
import unittest

from harness import ISTHMUS, PATIENCE, Client, Server, free_port, spawn
from writing import bundle, crowd, entry, fresh, patient, where

ROUNDS = int(os.environ.get("ISTHMUS_WRITES_ROUNDS", "1"))
CROWD = int(os.environ.get("ISTHMUS_WRITES_CROWD", "120"))


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
        self.process.wait(PATIENCE)
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
        client = Client(self.bases[number % len(self.bases)])
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = client.request(method, path, body, headers)
            if answer.status not in (409, 429, 503) or time.monotonic() > deadline:
                break
            time.sleep(random.uniform(0, 0.1))
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
            mine = Client(self.bases[number % len(self.bases)])
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
