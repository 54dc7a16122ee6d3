"""What tests of what is indexed have in common: a server with data of its own, and how far it is."""

import os
import shutil
import subprocess
import time
import unittest

from harness import PATIENCE, Server, run, scratch, until

PSQL = "/usr/lib/postgresql/15/bin/psql"


class Indexing(unittest.TestCase):
    def setUp(self):
        self.folder = scratch()
        self.server = Server(self.folder).start()
        self.client = self.server.client()

    def tearDown(self):
        if self.server.process:
            self.server.stop()
        for client in self.server.clients:
            client.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def store(self, *resources):
        for resource in resources:
            answer = self.client.put(f"{resource['resourceType']}/{resource['id']}", resource)
            self.assertIn(answer.status, (200, 201), answer.bytes)

    def database(self):
        """The connection string of the embedded PostgreSQL."""
        with open(os.path.join(self.folder, "data/postgres/postmaster.pid")) as file:
            return f"host={file.read().splitlines()[4]} user=isthmus dbname=postgres"

    def sql(self, statement):
        done = subprocess.run([PSQL, "-X", "-A", "-t", "-d", self.database(), "-c", statement],
                              capture_output=True, text=True, timeout=PATIENCE, check=True)
        return done.stdout.strip()

    def second(self):
        """Another server on the same database."""
        server = Server(arguments=["--database", self.database()])
        self.addCleanup(shutil.rmtree, server.folder, True)
        return server

    def soon(self, what):
        if not until(lambda: bool(what()), True):
            self.fail("in vain")

    def refused(self, search, *words):
        answer = self.client.get(search, Prefer="handling=lenient")
        self.assertEqual(answer.status, 400, (search, answer.bytes))
        return all(word in answer.bytes for word in words)

    def known(self, search):
        """Servers learn of a parameter by a notification, and refuse it until it is whole."""
        self.soon(lambda: b"$reindex" in self.client.get(search).bytes)

    def ids(self, search):
        found, link = [], search
        while link:
            answer = self.client.get(link)
            self.assertEqual(answer.status, 200, (search, answer.bytes))
            bundle = answer.json()
            found += [entry["resource"]["id"] for entry in bundle.get("entry", [])
                      if entry["search"]["mode"] == "match"]
            link = next((one["url"][len(self.server.base) + 1:] for one in bundle.get("link", [])
                         if one["relation"] == "next"), None)
        self.assertEqual(len(found), len(set(found)))
        return sorted(found)

    def begin(self, path="$reindex"):
        answer = self.client.post(path, None)
        self.assertEqual(answer.status, 202, answer.bytes)
        return answer.header("Content-Location")[len(self.server.base) + 1:]

    def status(self, place):
        return self.client.get(place)

    def finish(self, place):
        seen = []
        while True:
            answer = self.status(place)
            if answer.status != 202:
                self.assertEqual(answer.status, 200, answer.bytes)
                return seen, answer.json()["issue"][0]["diagnostics"]
            seen.append(answer.header("X-Progress"))
            time.sleep(0.05)

    def whole(self, search):
        """Servers learn of the end by a notification."""
        self.assertEqual(until(lambda: self.client.get(search).status, 200), 200, search)

    def offered(self, kind):
        statement = self.client.get("metadata").json()
        return [param["name"] for resource in statement["rest"][0]["resource"]
                if resource["type"] == kind for param in resource["searchParam"]]

    def choose(self, *choices):
        done = run("index", *choices, "--data", os.path.join(self.folder, "data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout
