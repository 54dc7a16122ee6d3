"""X-25, X-29: bad input is refused with an OperationOutcome that names the place, and leaves nothing.

200 requests made from good resources by a seeded generator: cut short, of the wrong type, too
deep, too large, with invalid UTF-8, with duplicate keys, and worse.
"""

import json
import random
import unittest

from harness import Server, issues

PATIENT = {
    "resourceType": "Patient", "active": True, "birthDate": "1970-03-30", "gender": "female",
    "identifier": [{"system": "https://hospital.example/mrn", "value": "0815"}],
    "name": [{"family": "Muster", "given": ["Eva", "Maria"]}],
    "contact": [{"name": {"family": "Muster"}, "telecom": [{"system": "phone", "value": "1"}]}],
    "multipleBirthInteger": 2,
}
OBSERVATION = {
    "resourceType": "Observation", "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "effectiveDateTime": "2026-01-31T08:15:00+01:00",
    "valueQuantity": {"value": 13.5, "unit": "g/dL", "system": "http://unitsofmeasure.org"},
    "component": [{"code": {"text": "x"}, "valueString": "y"}],
}


def dump(resource):
    return json.dumps(resource, separators=(",", ":")).encode()


def cut_short(rng, good):
    text = dump(good)
    return text[:rng.randrange(1, len(text) - 1)]


def wrong_type(rng, good):
    bad = json.loads(dump(good))
    key = rng.choice([k for k in bad if k != "resourceType"])
    bad[key] = rng.choice([17, [], {}, [[1]], {"a": 1}, None, "", [None]])
    if key in ("multipleBirthInteger",) and bad[key] == 17:
        bad[key] = "17"
    return dump(bad)


def unknown_element(rng, good):
    bad = json.loads(dump(good))
    bad["x" + str(rng.randrange(1000))] = "?"
    return dump(bad)


def unknown_inner_element(rng, good):
    bad = json.loads(dump(good))
    inner = bad["name"][0] if "name" in bad else bad["code"]
    inner["colour" + str(rng.randrange(1000))] = "red"
    return dump(bad)


def too_deep(rng, good):
    depth = rng.randrange(100, 5000)
    return b'{"resourceType":"Patient","extension":' + b'[{"extension":' * depth


def duplicate_key(rng, good):
    text = dump(good)
    key = rng.choice(list(good))
    return text[:-1] + b"," + json.dumps(key).encode() + b":" + dump(good[key]) + b"}"


def invalid_utf8(rng, good):
    bad = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"])
    return dump(good)[:-1] + b',"language":"' + bad + b'"}'


def bad_escape(rng, good):
    bad = rng.choice([b"\\x41", b"\\ud800", b"\\u12", b"\x01", b"\\"])
    return dump(good)[:-1] + b',"language":"' + bad + b'"}'


def bad_number(rng, good):
    bad = rng.choice([b"01", b"1.", b".5", b"+1", b"1e", b"NaN", b"0x10", b"--1"])
    return dump(good)[:-1] + b',"extension":[{"url":"u","valueDecimal":' + bad + b"}]}"


def bad_format(rng, good):
    bad = json.loads(dump(good))
    key, values = (("birthDate", ["1970-13-01", "70-01-01", "1970-02-30", "yesterday"])
                   if "birthDate" in bad else
                   ("effectiveDateTime", ["2026-01-31T08:15:00", "2026-1-1", "08:15"]))
    bad[key] = rng.choice(values)
    return dump(bad)


def trailing(rng, good):
    return dump(good) + rng.choice([b"}", b"{}", b"x", b",", b"\x00"])


def no_resource(rng, good):
    return rng.choice([b"", b"[]", b"null", b"17", b'"Patient"', b"{}", b'{"resourceType":17}',
                       b'{"resourceType":"Patiemt"}', b"<Patient/>", b"\xef\xbb\xbf{}"])


def huge(rng, good):
    return dump(good)[:-1] + b',"language":"' + b"a" * rng.randrange(1 << 20, 1 << 21) + b'"}'


MUTATIONS = [cut_short, wrong_type, unknown_element, unknown_inner_element, too_deep,
             duplicate_key, invalid_utf8, bad_escape, bad_number, bad_format, trailing, no_resource,
             huge]
REQUESTS = 200


class BadInput(unittest.TestCase):
    def test_200_mutated_requests_are_refused_and_leave_nothing(self):
        rng = random.Random(20260101)
        with Server(arguments=["--body-size", "1M"]) as server:
            client = server.client()
            for number in range(REQUESTS):
                mutate = MUTATIONS[number % len(MUTATIONS)]
                good = rng.choice([PATIENT, OBSERVATION])
                body = mutate(rng, good)
                with self.subTest(number=number, mutation=mutate.__name__, body=body[:300]):
                    answer = client.post(good["resourceType"], body)
                    self.assertIn(answer.status, range(400, 500), answer.bytes[:300])
                    found = issues(answer)
                    self.assertTrue(any(i["severity"] in ("error", "fatal") for i in found))
                    for issue in found:
                        place = issue.get("expression") or issue["diagnostics"]
                        self.assertTrue(place, issue)
            self.assertEqual(client.get("Patient?_summary=count").json()["total"], 0)
            self.assertEqual(client.get("Observation?_summary=count").json()["total"], 0)
            self.assertEqual(client.get("_history").json().get("entry", []), [])
            self.assertEqual(client.post("Patient", PATIENT).status, 201)


if __name__ == "__main__":
    unittest.main()
