"""isthmus load: Bundles and NDJSON, plain and compressed; what is refused is named; runs go on."""

import gzip
import json
import os
import shutil
import unittest

from harness import Server, run, scratch


def patient(number):
    return {"resourceType": "Patient", "id": f"load-{number}", "name": [{"family": f"N{number}"}]}


def bundle(*resources):
    return {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": r, "request": {"method": "POST", "url": r["resourceType"]}} for r in resources]}


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def setUp(self):
        self.folder = scratch()
        self.addCleanup(shutil.rmtree, self.folder)
        self.journal = os.path.join(self.folder, "journal")

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with (gzip.open(path, "wb") if name.endswith(".gz") else open(path, "wb")) as file:
            file.write(content.encode())
        return path

    def load(self, *files, base=None, options=()):
        return run("load", "--base", base or self.server.base, "--journal", self.journal, *options,
                   *files)

    def total(self, query):
        return self.server.client().get(f"{query}_summary=count").json()["total"]

    def test_lines_are_loaded_with_their_ids(self):
        lines = "\n".join(json.dumps(patient(n)) for n in range(600)) + "\n\n"
        result = self.load(self.write("Patient.ndjson.gz", lines))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Patient=600", result.stdout)
        self.assertEqual(self.server.client().get("Patient/load-599").status, 200)

    def test_a_bad_line_is_named_and_the_others_are_loaded(self):
        rows = [json.dumps(patient(n)) for n in range(1000, 1040)]
        rows[17] = '{"resourceType":"Patient","id":"load-bad","gender":["x"]}'
        rows[30] = "{ this is not JSON"
        result = self.load(self.write("bad.ndjson", "\n".join(rows)))
        self.assertEqual(result.returncode, 1)
        self.assertIn("resource 18:", result.stderr)
        self.assertIn("resource 31:", result.stderr)
        self.assertIn("Patient=38", result.stdout)

    def test_what_was_loaded_is_not_sent_again(self):
        file = self.write("one.json", json.dumps(bundle(
            {"resourceType": "Basic", "code": {"text": "resumed"}})))
        for number in range(3):
            result = self.load(file)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual("skipped 1" in result.stdout, number > 0, result.stdout)
        self.assertEqual(self.total("Basic?"), 1)
        self.assertEqual(self.load(file, options=["--again"]).returncode, 0)
        self.assertEqual(self.total("Basic?"), 2)

    def test_what_is_refused_beside_it_does_not_make_a_file_undone(self):
        good = [self.write(f"good{n}.json", json.dumps(bundle(*(
            {"resourceType": "Organization", "name": f"beside {n}"} for _ in range(400)))))
            for n in range(6)]
        bad = [self.write(f"good{n}-bad{m}.json", json.dumps(bundle(
            {"resourceType": "Organization", "name": 1})))
            for n in range(6) for m in range(4)]
        for _ in range(2):  # the second time only what was refused goes out again
            result = self.load(*good, *bad)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr.count("422"), len(bad))
            self.assertEqual(self.total("Organization?"), 6 * 400)

    def test_a_file_cut_short_is_refused(self):
        file = self.write("cut.ndjson.gz", "\n".join(json.dumps(patient(n)) for n in range(50)))
        with open(file, "r+b") as cut:
            cut.truncate(os.path.getsize(file) - 20)
        self.assertEqual(self.load(file).returncode, 1)

    def test_a_refused_bundle_gives_the_server_s_reason(self):
        file = self.write("bad.json", json.dumps(bundle({"resourceType": "Patient", "nome": 1})))
        result = self.load(file)
        self.assertEqual(result.returncode, 1)
        self.assertIn("nome", result.stderr)

    def test_a_wrong_call_is_explained(self):
        self.assertEqual(run("load", "file").returncode, 2)
        self.assertEqual(self.load("/nowhere/file.json").returncode, 1)


if __name__ == "__main__":
    unittest.main()
