"""Location?near: what lies within a distance, also across the antimeridian, in chains and on pages."""

import math
import unittest

from harness import ServerCase, issues

RADIUS = 6371.0088
PLACES = {
    "n-bern": (46.9480, 7.4474), "n-zurich": (47.3769, 8.5417), "n-basel": (47.5596, 7.5886),
    "n-geneva": (46.2044, 6.1432), "n-suva": (-18.1416, 178.4419), "n-apia": (-13.8333, -171.7667),
    "n-pole": (89.99, 12), "n-across": (89.99, -168), "n-null": (0, 0),
}


def location(identity, latitude, longitude):
    return {"resourceType": "Location", "id": identity, "name": identity,
            "position": {"latitude": latitude, "longitude": longitude}}


def distance(a, b):
    la, oa, lb, ob = map(math.radians, (*a, *b))
    half = math.sin((lb - la) / 2) ** 2 + math.cos(la) * math.cos(lb) * math.sin((ob - oa) / 2) ** 2
    return 2 * RADIUS * math.asin(math.sqrt(half))


class NearTest(ServerCase):
    @classmethod
    def prepare(cls):
        for name, place in PLACES.items():
            cls.put(location(name, *place))
        cls.put({"resourceType": "Location", "id": "n-nowhere", "name": "nowhere"})
        cls.put({"resourceType": "PractitionerRole", "id": "n-role",
                 "location": [{"reference": "Location/n-suva"}, {"reference": "Location/n-bern"}]})

    def find(self, query):
        """The ids on all pages."""
        found = [entry["resource"]["id"] for entry in self.entries(query)]
        self.assertEqual(len(found), len(set(found)))
        return sorted(found)

    def test_what_lies_within_the_distance_is_found(self):
        for name, place in PLACES.items():
            for km in (1, 30, 99, 250, 1500, 3000, 12000, 20100):
                expected = sorted(other for other, at in PLACES.items()
                                  if distance(place, at) <= km)
                for count in ("", "&_count=2"):
                    query = f"Location?near={place[0]}|{place[1]}|{km}|km{count}"
                    self.assertEqual(self.find(query), expected, query)

    def test_units_and_their_absence(self):
        self.assertEqual(self.find("Location?near=46.9480|7.4474|100"),
                         ["n-basel", "n-bern", "n-zurich"])
        self.assertEqual(self.find("Location?near=46.9480|7.4474|60|[mi_i]"),
                         ["n-basel", "n-bern", "n-zurich"])
        self.assertEqual(self.find("Location?near=46.9480|7.4474|90000|m"), ["n-basel", "n-bern"])
        self.assertEqual(self.find("Location?near=46.9|7.4"), ["n-bern"])

    def test_chains_alternatives_and_other_criteria(self):
        self.assertEqual(self.find("PractitionerRole?location.near=46.9|7.4|20|km"), ["n-role"])
        self.assertEqual(self.find("PractitionerRole?location.near=47.4|8.5|20|km"), [])
        self.assertEqual(self.find("Location?near=46.9|7.4|20|km,0|0|1|m"), ["n-bern", "n-null"])
        self.assertEqual(self.find("Location?near=46.9|7.4|120|km&name=n-z"), ["n-zurich"])
        self.assertEqual(self.find("Location?near=46.9|7.4|120|km&_sort=-name&_count=1"),
                         ["n-basel", "n-bern", "n-zurich"])
        self.assertEqual(self.find("Location?near:missing=true"), ["n-nowhere"])
        total = self.client.get("Location?near=46.9|7.4|120|km&_summary=count").json()["total"]
        self.assertEqual(total, 3)

    def test_a_place_that_moves_is_found_where_it_is(self):
        self.put(location("n-ship", 10, 10))
        self.assertEqual(self.find("Location?near=10|10"), ["n-ship"])
        self.put(location("n-ship", 12, 10))
        self.assertEqual(self.find("Location?near=10|10"), [])
        self.assertEqual(self.find("Location?near=12|10"), ["n-ship"])
        self.client.delete("Location/n-ship")
        self.assertEqual(self.find("Location?near=12|10"), [])

    def test_what_is_no_distance_is_refused(self):
        for value in ("", "5", "91|0", "1|2|3|mg", "1|2|-3|km", "a|b|c|km"):
            answer = self.client.get(f"Location?near={value}")
            self.assertEqual(answer.status, 400, value)
            self.assertIn("near", issues(answer)[0]["diagnostics"])
        self.assertEqual(self.client.get("Location?near:exact=1|2").status, 400)
        self.assertEqual(self.client.get("Location?_sort=near").status, 400)

    def test_it_is_listed(self):
        statement = self.client.get("metadata").json()
        resource = next(one for one in statement["rest"][0]["resource"]
                        if one["type"] == "Location")
        self.assertIn({"name": "near", "type": "special",
                       "definition": "http://hl7.org/fhir/SearchParameter/Location-near"},
                      resource["searchParam"])


if __name__ == "__main__":
    unittest.main()
