"""R4 json.html, X-27: every official example is stored and comes back value for value."""

import json
import pathlib
import unittest

from harness import FHIR, Server, examples, issues


def exact(text):
    return json.loads(text, parse_float=str, parse_int=str)


def without_bookkeeping(resource):
    """What the server sets itself (R4 resource.html#Meta) taken out."""
    meta = dict(resource.get("meta", {}))
    meta.pop("versionId", None)
    meta.pop("lastUpdated", None)
    resource = dict(resource)
    resource.pop("meta", None)
    if meta:
        resource["meta"] = meta
    return resource


def refused_by_rules():
    """Examples that the rules of R4 themselves refuse, each with the rule."""
    table = pathlib.Path(__file__).parent.parent / "golden/validator_exceptions.tsv"
    rows = [line.split("\t") for line in table.read_text("utf-8").splitlines()]
    return {row[1]: row[2] for row in rows if row[0] == "examples"}


class Examples(unittest.TestCase):
    def test_all_official_examples_round_trip(self):
        stored, refused, different = 0, {}, []
        expected = refused_by_rules()
        with Server() as server:
            client = server.client()
            for name, content in examples():
                original = exact(content)
                path = f"{original['resourceType']}/{original['id']}"
                answer = client.put(path, content)
                if answer.status not in (200, 201):
                    refused[name] = (answer.status, [
                        (i.get("expression"), i.get("diagnostics")) for i in issues(answer)][:3])
                    continue
                read = client.get(path, Accept=FHIR)
                if without_bookkeeping(read.json(exact=True)) != without_bookkeeping(original):
                    different.append(name)
                stored += 1
        print(f"{stored} of {stored + len(refused)} examples stored and read back")
        for name, why in refused.items():
            print(f"  refused {name}: {expected.get(name, 'UNEXPLAINED')}: {why}")
        self.assertEqual(different, [])
        self.assertEqual(sorted(refused), sorted(expected))


if __name__ == "__main__":
    unittest.main()
