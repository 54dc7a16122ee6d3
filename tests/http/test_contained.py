"""What resources contain: chains lead there, and _contained finds it (R4 search.html#contained)."""

import unittest

from harness import ServerCase, issues

MEDICATIONS = "http://example.org/medications"


def medication(identity, code, **more):
    return {"resourceType": "Medication", "id": identity, "status": "active",
            "code": {"coding": [{"system": MEDICATIONS, "code": code}]}, **more}


def request(identity, contained=(), reference=None, **more):
    resource = {"resourceType": "MedicationRequest", "id": identity, "status": "active",
                "intent": "order", "subject": {"reference": "Patient/c-anna"},
                "medicationReference": {"reference": reference}, **more}
    if contained:
        resource["contained"] = list(contained)
    return resource


ANNA = {"resourceType": "Patient", "id": "c-anna", "name": [{"family": "Zwickau"}]}
MAKER = {"resourceType": "Organization", "id": "c-maker", "name": "Hexal"}
OWN = {"resourceType": "Organization", "id": "own", "name": "Privat"}
RESOURCES = [
    ANNA, MAKER,
    medication("c-m1", "abc"), medication("c-m2", "xyz"),
    request("c-r1", [medication("m1", "abc", manufacturer={"reference": "Organization/c-maker"})],
            "#m1"),
    request("c-r2", [medication("m1", "xyz", manufacturer={"reference": "#own"}), OWN], "#m1"),
    request("c-r3", reference="Medication/c-m1"),
    # Both of the same container; only one is what it refers to.
    request("c-r4", [medication("m1", "abc"), medication("m2", "xyz")], "#m2",
            supportingInformation=[{"reference": "#m1"}]),
    {"resourceType": "Observation", "id": "c-o1", "status": "final", "code": {"text": "x"},
     "contained": [{"resourceType": "Patient", "id": "p", "gender": "male",
                    "birthDate": "1970-05-17",
                    "name": [{"family": "Yverdon", "given": ["Béla"]}]}],
     "subject": {"reference": "#p"}},
    {"resourceType": "Observation", "id": "c-o2", "status": "final", "code": {"text": "x"},
     "subject": {"reference": "Patient/c-anna"}, "valueQuantity": {"value": 5},
     "contained": [{"resourceType": "Observation", "id": "inner", "status": "final",
                    "code": {"text": "y"}, "valueQuantity": {"value": 7, "unit": "mg"},
                    "derivedFrom": [{"reference": "#"}]}],
     "hasMember": [{"reference": "#inner"}]},
    {"resourceType": "Encounter", "id": "c-e1", "status": "finished", "class": {"code": "AMB"},
     "contained": [{"resourceType": "Location", "id": "l", "name": "here",
                    "position": {"latitude": 46.95, "longitude": 7.45}}],
     "location": [{"location": {"reference": "#l"}}]},
]


class ContainedTest(ServerCase):
    @classmethod
    def prepare(cls):
        for resource in RESOURCES:
            cls.put(resource)

    def find(self, query):
        """What they are, below the base."""
        urls = [entry["fullUrl"][len(self.server.base) + 1:] for entry in self.entries(query)]
        self.assertEqual(len(urls), len(set(urls)), urls)
        return sorted(urls)

    def ids(self, query):
        return [url.split("/")[1] for url in self.find(query)]

    def test_chains_lead_into_the_resource(self):
        self.assertEqual(self.ids("MedicationRequest?medication.code=abc"), ["c-r1", "c-r3"])
        self.assertEqual(self.ids(f"MedicationRequest?medication.code={MEDICATIONS}|xyz"),
                         ["c-r2", "c-r4"])
        self.assertEqual(self.ids("MedicationRequest?medication.code:not=abc"), ["c-r2", "c-r4"])
        self.assertEqual(self.ids("MedicationRequest?medication._id=m1"), ["c-r1", "c-r2"])
        self.assertEqual(self.ids("Observation?subject:Patient.family=yver"), ["c-o1"])
        self.assertEqual(self.ids("Observation?patient.name:exact=B%C3%A9la"), ["c-o1"])
        self.assertEqual(self.ids("Observation?patient.birthdate=1970-05&patient.gender=male"),
                         ["c-o1"])
        self.assertEqual(self.ids("Observation?has-member.value-quantity=gt6||mg"), ["c-o2"])
        self.assertEqual(self.ids("Encounter?location.near=46.9|7.4"), ["c-e1"])

    def test_chains_go_on_from_there(self):
        self.assertEqual(self.ids("MedicationRequest?medication.manufacturer.name=hexal"),
                         ["c-r1"])
        self.assertEqual(self.ids("MedicationRequest?medication.manufacturer.name=privat"),
                         ["c-r2"])
        self.assertEqual(self.ids("Observation?has-member.derived-from:Observation.value-quantity=5"),
                         ["c-o2"])
        self.assertEqual(self.ids("Patient?_has:MedicationRequest:patient:medication.code=xyz"),
                         ["c-anna"])

    def test_ordinary_searches_do_not_find_it(self):
        self.assertEqual(self.ids("Medication?code=abc"), ["c-m1"])
        self.assertEqual(self.ids("Medication?code=abc&_contained=false"), ["c-m1"])
        self.assertEqual(self.ids("Medication?_id=m1"), [])
        self.assertEqual(self.ids("Patient?family=yver"), [])
        self.assertEqual(self.ids("Observation?value-quantity=7"), [])
        self.assertEqual(self.ids("Observation?_id=c-o1,c-o2,inner"), ["c-o1", "c-o2"])

    def test_containers_are_the_default(self):
        found = self.entries("Medication?code=abc&_contained=true")
        self.assertEqual(sorted(entry["resource"]["id"] for entry in found), ["c-r1", "c-r4"])
        self.assertEqual({entry["search"]["mode"] for entry in found}, {"match"})
        same = "Medication?code=abc&_contained=true&_containedType=container"
        for count in (1, 2, 3):
            self.assertEqual(self.ids(f"{same}&_count={count}"), ["c-r1", "c-r4"])
        self.assertEqual(self.ids("Medication?status=active&_contained=true"),
                         ["c-r1", "c-r2", "c-r4"])
        self.assertEqual(self.ids("Medication?_contained=true"), ["c-r1", "c-r2", "c-r4"])
        self.assertEqual(self.total("Medication?_contained=true"), 3)
        self.assertEqual(self.ids("Observation?value-quantity=5,7&_contained=true"), ["c-o2"])
        self.assertEqual(self.ids("Medication?code=nothing&_contained=true"), [])
        self.assertEqual(self.ids("Device?_contained=true"), [])
        sorted_by_id = [entry["resource"]["id"] for entry in
                        self.entries("Medication?_contained=true&_sort=-_id&_count=2")]
        self.assertEqual(sorted_by_id, ["c-r4", "c-r2", "c-r1"])

    def test_the_contained_alone(self):
        query = "Medication?code=abc&_contained=true&_containedType=contained"
        self.assertEqual(self.find(query),
                         ["MedicationRequest/c-r1#m1", "MedicationRequest/c-r4#m1"])
        entry = self.entries(query)[0]
        self.assertEqual((entry["resource"]["resourceType"], entry["resource"]["id"]),
                         ("Medication", "m1"))
        query = "Medication?_contained=true&_containedType=contained"
        everything = ["MedicationRequest/c-r1#m1", "MedicationRequest/c-r2#m1",
                      "MedicationRequest/c-r4#m1", "MedicationRequest/c-r4#m2"]
        self.assertEqual(self.total(query), 4)
        for more in ("", "&_count=1", "&_count=3", "&_sort=code", "&_sort=-code,_id&_count=1",
                     "&_sort=_lastUpdated&_count=1", "&_total=accurate&_count=1"):
            self.assertEqual(self.find(query + more), everything, more)
        self.assertEqual(self.find(query + "&_id=m2"), ["MedicationRequest/c-r4#m2"])
        self.assertEqual(self.find(query + "&code:not=abc&manufacturer:missing=false"),
                         ["MedicationRequest/c-r2#m1"])
        self.assertEqual(self.find(query + "&manufacturer.name=hexal"),
                         ["MedicationRequest/c-r1#m1"])
        self.assertEqual(self.find(query + "&manufacturer.name=privat"),
                         ["MedicationRequest/c-r2#m1"])
        self.assertEqual(self.find(query + "&_has:MedicationRequest:medication:status=active"),
                         ["MedicationRequest/c-r1#m1", "MedicationRequest/c-r2#m1",
                          "MedicationRequest/c-r4#m2"])
        self.assertEqual(self.find(query + "&_filter=code eq abc or _id eq m2".replace(" ", "%20")),
                         ["MedicationRequest/c-r1#m1", "MedicationRequest/c-r4#m1",
                          "MedicationRequest/c-r4#m2"])
        both = "Patient?name=b&_contained=true&_containedType=contained"
        self.assertEqual(self.find(both), ["Observation/c-o1#p"])
        self.assertEqual(self.find("Patient?birthdate=1970&_contained=true"
                                   "&_containedType=contained&_sort=family"), ["Observation/c-o1#p"])
        self.assertEqual(self.find("Location?near=46.9|7.4&_contained=true"), ["Encounter/c-e1"])

    def test_both(self):
        self.assertEqual(self.find("Medication?code=abc&_contained=both"),
                         ["Medication/c-m1", "MedicationRequest/c-r1", "MedicationRequest/c-r4"])
        query = "Medication?code=abc&_contained=both&_containedType=contained"
        expected = ["Medication/c-m1", "MedicationRequest/c-r1#m1", "MedicationRequest/c-r4#m1"]
        for more in ("", "&_count=1", "&_count=2", "&_sort=_lastUpdated", "&_sort=-_id&_count=1"):
            self.assertEqual(self.find(query + more), expected, more)
        self.assertEqual(self.total(query), 3)
        # A container of the same type that is none itself, without the date that is asked for.
        self.put({"resourceType": "Patient", "id": "c-twin", "link": [
            {"other": {"reference": "#old"}, "type": "replaces"}],
            "contained": [{"resourceType": "Patient", "id": "old", "birthDate": "1911-01-01"}]})
        self.assertEqual(self.find("Patient?birthdate=lt1920&_contained=both"), ["Patient/c-twin"])
        # A container that is a match itself comes once.
        for count in ("", "&_count=1"):
            self.assertEqual(self.find("Observation?status=final&_contained=both" + count),
                             ["Observation/c-o1", "Observation/c-o2"])
        self.assertEqual(self.find("Observation?value-quantity=7&_contained=both"),
                         ["Observation/c-o2"])
        self.assertEqual(self.find("Observation?_contained=both&_summary=false"),
                         ["Observation/c-o1", "Observation/c-o2"])

    def test_includes_are_those_of_containers(self):
        page = self.client.get("Medication?code=abc&_contained=true"
                               "&_include:iterate=MedicationRequest:subject").json()
        self.assertEqual(sorted(entry["resource"]["id"] for entry in page["entry"]),
                         ["c-anna", "c-r1", "c-r4"])

    def test_it_changes_with_its_container(self):
        query = "Medication?code=moving&_contained=true&_containedType=contained"
        self.put(request("c-r9", [medication("m1", "moving")], "#m1"))
        self.assertEqual(self.find(query), ["MedicationRequest/c-r9#m1"])
        self.assertEqual(self.ids("MedicationRequest?medication.code=moving"), ["c-r9"])
        self.put(request("c-r9", [medication("m1", "moving"), medication("m2", "moving")], "#m1",
                         supportingInformation=[{"reference": "#m2"}]))
        self.assertEqual(len(self.find(query)), 2)
        self.put(request("c-r9", [medication("m1", "moving", batch={"lotNumber": "7"})], "#m1"))
        self.assertEqual(self.entries(query)[0]["resource"]["batch"], {"lotNumber": "7"})
        self.put(request("c-r9", reference="Medication/c-m1"))
        self.assertEqual(self.find(query), [])
        self.assertEqual(self.ids("MedicationRequest?medication.code=moving"), [])
        self.put(request("c-r9", [medication("m1", "moving")], "#m1"))
        self.assertEqual(len(self.find(query)), 1)
        self.client.delete("MedicationRequest/c-r9")
        self.assertEqual(self.find(query), [])

    def test_transactions_write_it_too(self):
        for size in (2, 7):
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
                {"fullUrl": f"urn:uuid:{n}", "request": {"method": "POST", "url": "MedicationRequest"},
                 "resource": request("x", [medication("m1", f"bulk-{size}")], "#m1")}
                for n in range(size)]}
            answer = self.client.post("", bundle)
            self.assertEqual(answer.status, 200, answer.bytes)
            query = f"Medication?code=bulk-{size}&_contained=true&_containedType=contained"
            self.assertEqual(len(self.find(query)), size)
            found = self.ids(f"MedicationRequest?medication.code=bulk-{size}")
            self.assertEqual(len(found), size)
            for identity in found:
                self.client.delete(f"MedicationRequest/{identity}")
            self.assertEqual(self.find(query), [])

    def urls(self, query):
        """As find(), in the order in which they come."""
        return [entry["fullUrl"][len(self.server.base) + 1:] for entry in self.entries(query)]

    def test_both_are_sorted_by_anything(self):
        both = "_contained=both&_containedType=contained"
        codes = {"Medication/c-m1": "abc", "Medication/c-m2": "xyz", "MedicationRequest/c-r1#m1": "abc",
                 "MedicationRequest/c-r2#m1": "xyz", "MedicationRequest/c-r4#m1": "abc",
                 "MedicationRequest/c-r4#m2": "xyz"}
        for sign, backwards in (("", False), ("-", True)):
            for size in (1, 4, 20):
                found = self.urls(f"Medication?{both}&_sort={sign}code&_count={size}")
                self.assertEqual(sorted(found), sorted(codes))
                self.assertEqual([codes[url] for url in found],
                                 sorted(codes.values(), reverse=backwards))
        self.assertEqual(self.urls(f"Organization?{both}&_sort=-name,_id"),
                         ["MedicationRequest/c-r2#own", "Organization/c-maker"])
        self.assertEqual(self.urls(f"Patient?family=yver,zwick&{both}&_sort=birthdate&_count=1"),
                         ["Observation/c-o1#p", "Patient/c-anna"])
        self.assertEqual(self.urls(f"Observation?value-quantity=gt1&{both}&_sort=-value-quantity"),
                         ["Observation/c-o2#inner", "Observation/c-o2"])

    def test_several_types_at_once(self):
        inside = ["MedicationRequest/c-r1#m1", "MedicationRequest/c-r2#m1",
                  "MedicationRequest/c-r4#m1", "MedicationRequest/c-r4#m2",
                  "MedicationRequest/c-r2#own"]
        outside = ["Medication/c-m1", "Medication/c-m2", "Organization/c-maker"]
        for contained, expected in (("true", inside), ("both", inside + outside)):
            for size in (1, 2, 3, 50):
                query = (f"?_type=Medication,Organization&_contained={contained}"
                         f"&_containedType=contained&_count={size}")
                self.assertEqual(self.find(query), sorted(expected), query)
                found = self.urls(query + "&_sort=-_id")
                self.assertEqual(sorted(found), sorted(expected), query)
                places = [url.split("/")[1] for url in found]
                self.assertEqual(places, sorted(places, reverse=True))
            answer = self.client.get(query + "&_total=accurate").json()
            self.assertEqual(answer["total"], len(expected))
            self.assertEqual(self.total(query), len(expected))
        self.assertEqual(self.find("?_type=Medication,Organization&_id=own,m2&_contained=both"
                                   "&_containedType=contained"),
                         ["MedicationRequest/c-r2#own", "MedicationRequest/c-r4#m2"])
        self.assertIn("Encounter/c-e1#l", self.find("?_contained=true&_containedType=contained"))

    def test_several_places_at_the_end_of_three_references(self):
        """Each may lead into a container, so that the places are asked for in many branches."""
        place = {"resourceType": "Location", "id": "l", "position": {"latitude": 5.1, "longitude": 5.1}}
        inner = {"resourceType": "Encounter", "id": "e", "status": "finished",
                 "class": {"code": "AMB"}, "location": [{"location": {"reference": "#l"}}]}
        stored = [
            dict(place, id="c-top", contained=[dict(place, partOf={"reference": "#"})],
                 partOf={"reference": "#l"}),
            dict(inner, id="c-e2", contained=[inner, place], partOf={"reference": "#e"}),
            {"resourceType": "Observation", "id": "c-o9", "status": "final", "code": {"text": "x"},
             "encounter": {"reference": "#e"},
             "contained": [inner, dict(place, partOf={"reference": "Location/c-top"})]}]
        for resource in stored:
            self.put(resource)
        for count in (1, 3, 8):
            places = ",".join(f"{5 + n}|{5 + n}|20|km" for n in range(count))
            self.assertEqual(self.find(f"Observation?encounter.location.partof.near={places}"),
                             ["Observation/c-o9"])
            self.assertEqual(self.find(f"Encounter?part-of.location.near={places}"),
                             ["Encounter/c-e2"])
        for resource in stored:
            self.client.delete(f"{resource['resourceType']}/{resource['id']}")

    def test_what_makes_no_sense_is_refused(self):
        for query in ("Medication?_contained=maybe", "Medication?_containedType=x",
                      "?_type=Medication,Patient&_contained=true",
                      "?_type=Medication,Patient&_contained=both&_containedType=container",
                      "?_type=Medication,Patient&_contained=both&_containedType=contained&_sort=code",
                      "Medication?_contained=both&_sort=code", "Medication?_contained=true&_sort=code",
                      "Medication?_contained=true&_containedType=contained&_include=*"):
            answer = self.client.get(query)
            self.assertEqual(answer.status, 400, (query, answer.bytes))
            self.assertTrue(issues(answer)[0]["diagnostics"])
        self.assertEqual(self.client.get("Medication?_containedType=contained").status, 200)

    def test_reindexing_keeps_it(self):
        before = self.find("Medication?_contained=true&_containedType=contained")
        answer = self.client.post("MedicationRequest/$reindex", None)
        self.assertEqual(answer.status, 202)
        place = answer.header("Content-Location")[len(self.server.base) + 1:]
        while self.client.get(place).status == 202:
            pass
        self.assertEqual(self.find("Medication?_contained=true&_containedType=contained"), before)
        self.assertEqual(self.ids("MedicationRequest?medication.code=abc"), ["c-r1", "c-r3"])

    def total(self, query):
        return self.client.get(query + "&_summary=count").json()["total"]


if __name__ == "__main__":
    unittest.main()
