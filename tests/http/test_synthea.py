"""Real patients: the Synthea bundles pass full validation, load, and the counts agree."""

import collections
import glob
import gzip
import json
import os
import unittest

from harness import Server, data, run


def count_file(path):
    """Resources per type in a transaction Bundle or a single resource."""
    with gzip.open(path) as file:
        content = json.load(file)
    if content["resourceType"] != "Bundle":
        return collections.Counter([content["resourceType"]])
    return collections.Counter(e["resource"]["resourceType"] for e in content["entry"])


class Synthea(unittest.TestCase):
    def load(self, folder):
        files = sorted(glob.glob(os.path.join(data("patients", folder, "bundles-gz"), "*.gz")))
        expected = sum((count_file(file) for file in files), collections.Counter())
        with Server() as server:
            result = run("load", "--base", server.base, "--journal", "", *files)
            self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
            client = server.client()
            found = {}
            for kind in expected:
                answer = client.get(f"{kind}?_summary=count")
                self.assertEqual(answer.status, 200, answer.bytes)
                found[kind] = answer.json()["total"]
            self.assertEqual(found, dict(expected))
        print(f"{folder}: {sum(expected.values())} resources of {len(expected)} types")

    def test_the_smart_patients_load(self):
        self.load("synthea-smart-r4")

    def test_the_bulkserver_patients_and_groups_load(self):
        self.load("synthea-bulkserver-r4")


if __name__ == "__main__":
    unittest.main()
