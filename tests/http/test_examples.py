"""R4 json.html, X-27: every official example is stored and comes back value for value."""

import json
import unittest

from harness import Server, examples, issues


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


# Examples that the rules of R4 themselves refuse, each with the rule.
REFUSED = {
    "ImplementationGuide-fhir.json": "ImplementationGuide.name and .status are 1..1",
    "ig-r4.json": "ImplementationGuide.name and .status are 1..1",
    "Questionnaire-qs1.json": "Questionnaire.item.linkId is 1..1",
}


class Examples(unittest.TestCase):
    def test_all_official_examples_round_trip(self):
        stored, refused, different = 0, {}, []
        # What validation says of them is tested elsewhere.
        with Server(arguments=["--validation", "structure"]) as server:
            client = server.client()
            for name, content in examples():
                original = exact(content)
                path = f"{original['resourceType']}/{original['id']}"
                answer = client.put(path, content)
                if answer.status not in (200, 201):
                    refused[name] = (answer.status, [
                        (i.get("expression"), i.get("diagnostics")) for i in issues(answer)][:3])
                    continue
                read = client.get(path)
                if without_bookkeeping(read.json(exact=True)) != without_bookkeeping(original):
                    different.append(name)
                stored += 1
        print(f"{stored} of {stored + len(refused)} examples stored and read back")
        for name, why in refused.items():
            print(f"  refused {name}: {REFUSED.get(name, 'UNEXPLAINED')}: {why}")
        self.assertEqual(different, [])
        self.assertEqual(sorted(refused), sorted(REFUSED))


if __name__ == "__main__":
    unittest.main()
