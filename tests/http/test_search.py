"""Searches as clients see them: chains, several types at once, compartments, $everything."""

import unittest

from harness import ServerCase

LOINC = "http://loinc.org"


def patient(identity, family, **more):
    return {"resourceType": "Patient", "id": identity, "name": [{"family": family}], **more}


def observation(identity, of, code, day):
    return {"resourceType": "Observation", "id": identity, "status": "final",
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "subject": {"reference": f"Patient/{of}"}, "effectiveDateTime": day,
            "performer": [{"reference": "Practitioner/s-doc"}]}


RESOURCES = [
    {"resourceType": "Practitioner", "id": "s-doc", "name": [{"family": "House"}]},
    {"resourceType": "Organization", "id": "s-org", "name": "Inselspital"},
    patient("s-anna", "Zwickau", managingOrganization={"reference": "Organization/s-org"}),
    patient("s-bert", "Yverdon"),
    observation("s-o1", "s-anna", "8867-4", "2020-01-01"),
    observation("s-o2", "s-anna", "8867-4", "2021-01-01"),
    observation("s-o3", "s-bert", "8867-4", "2021-01-01"),
    {"resourceType": "Coverage", "id": "s-cov", "status": "active",
     "beneficiary": {"reference": "Patient/s-anna"}, "payor": [{"reference": "Patient/s-anna"}]},
]


LIST = {"resourceType": "List", "id": "s-list", "status": "current", "mode": "working",
        "entry": [{"item": {"reference": "Patient/s-bert"}},
                  {"item": {"reference": "Observation/s-o1"}}]}


def ids(bundle, mode="match"):
    return sorted(entry["resource"]["id"] for entry in bundle.get("entry", [])
                  if entry["search"]["mode"] == mode)


class SearchTest(ServerCase):
    @classmethod
    def prepare(cls):
        for resource in RESOURCES:
            cls.put(resource)

    def test_each_compartment_has_what_refers_to_its_owner(self):
        self.assertEqual(ids(self.get("Practitioner/s-doc/Observation")),
                         ["s-o1", "s-o2", "s-o3"])
        self.assertEqual(ids(self.get("Practitioner/s-doc/Observation?patient=s-bert")), ["s-o3"])
        self.assertEqual(ids(self.get("Practitioner/s-other/Observation")), [])
        self.assertEqual(ids(self.get("Practitioner/s-doc/Practitioner")), ["s-doc"])
        self.assertEqual(ids(self.get("Practitioner/s-doc/*?_type=Observation,Practitioner")),
                         ["s-doc", "s-o1", "s-o2", "s-o3"])
        self.get("Device/1/Practitioner", 400)

    def test_value_sets_and_hierarchies_mean_their_codes(self):
        sets = "http://hl7.org/fhir/ValueSet"
        count = self.get("Observation?_summary=count")["total"]
        found = self.get(f"Observation?status:in={sets}/observation-status&_summary=count")
        self.assertEqual(found["total"], count)
        found = self.get(f"Observation?status:not-in={sets}/observation-status&_summary=count")
        self.assertEqual(found["total"], 0)
        found = self.get(f"Observation?code:in={sets}/observation-codes", 400)
        self.assertIn("http://loinc.org", found["issue"][0]["diagnostics"])

    def get(self, path, status=200):
        answer = self.client.request("GET", path)
        self.assertEqual(answer.status, status, answer.bytes)
        return answer.json()

    def follow(self, path):
        """All pages: ids of matches and of includes."""
        matches, includes, pages = [], [], 0
        while path:
            page = self.get(path)
            matches += ids(page)
            includes += ids(page, "include")
            after = [link["url"] for link in page["link"] if link["relation"] == "next"]
            path = after[0][len(self.server.base) + 1:] if after else None
            pages += 1
            self.assertLess(pages, 50)
        return matches, includes

    def test_chains_go_both_ways(self):
        self.assertEqual(ids(self.get("Observation?patient.family=zwick")), ["s-o1", "s-o2"])
        self.assertEqual(ids(self.get("Observation?patient.organization.name=insel")),
                         ["s-o1", "s-o2"])
        self.assertEqual(ids(self.get("Patient?_has:Observation:patient:date=2020")), ["s-anna"])
        self.get("Observation?patient.shoe=43", 400)
        self.get("Observation?patient.organization.partof.partof.name=x", 400)

    def test_several_types_are_searched_at_once(self):
        self.assertEqual(ids(self.get("?_type=Patient,Practitioner&_id=s-anna,s-doc,s-o1")),
                         ["s-anna", "s-doc"])
        self.assertEqual(ids(self.get("?_id=s-anna,s-doc,s-cov")), ["s-anna", "s-cov", "s-doc"])
        answer = self.client.request("POST", "_search", "_type=Patient&_id=s-bert", {
            "Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(ids(answer.json()), ["s-bert"])
        link = answer.json()["link"][0]["url"][len(self.server.base) + 1:]
        self.assertEqual(ids(self.get(link)), ["s-bert"])
        self.assertEqual(self.get("?_type=Patient,Observation&_summary=count")["total"], 5)
        self.get("?_type=Patient,Observation&birthdate=2000", 400)
        self.get("?_type=Patent", 400)
        self.get("Patient?_type=Patient", 400)

    def test_pages_go_on_from_type_to_type(self):
        for count in (1, 2, 3, 4, 5):
            matches, _ = self.follow(f"?_type=Observation,Patient&_count={count}")
            self.assertEqual(sorted(matches), ["s-anna", "s-bert", "s-o1", "s-o2", "s-o3"])
            matches, _ = self.follow(f"?_type=Observation,Patient&_count={count}&_total=accurate")
            self.assertEqual(sorted(matches), ["s-anna", "s-bert", "s-o1", "s-o2", "s-o3"])
            matches, _ = self.follow(f"?_type=Observation,Patient&_count={count}&_sort=-_id")
            self.assertEqual(sorted(matches), ["s-anna", "s-bert", "s-o1", "s-o2", "s-o3"])

    def test_a_compartment_holds_what_is_the_patients(self):
        self.assertEqual(ids(self.get("Patient/s-anna/Observation")), ["s-o1", "s-o2"])
        self.assertEqual(ids(self.get("Patient/s-anna/Observation?date=2020")), ["s-o1"])
        self.assertEqual(ids(self.get("Patient/s-anna/*")), ["s-anna", "s-cov", "s-o1", "s-o2"])
        self.assertEqual(ids(self.get("Patient/s-anna/*?_type=Coverage")), ["s-cov"])
        self.get("Patient/s-anna/Organization", 400)
        self.get("Patient/s-anna/Nonsense", 404)

    def test_everything_of_a_patient(self):
        page = self.get("Patient/s-anna/$everything")
        self.assertEqual(ids(page), ["s-anna", "s-cov", "s-o1", "s-o2"])
        self.assertEqual(page["entry"][0]["resource"]["id"], "s-anna")
        self.assertEqual(ids(page, "include"), ["s-doc", "s-org"])
        self.assertEqual(ids(self.get("Patient/s-anna/$everything?start=2020-06-01")),
                         ["s-anna", "s-cov", "s-o2"])
        self.assertEqual(ids(self.get("Patient/s-anna/$everything?end=2020-06-01&_type=Observation")),
                         ["s-o1"])
        self.assertEqual(ids(self.get("Patient/s-anna/$everything?_since=2999-01-01")),
                         ["s-anna"])
        matches, _ = self.follow("Patient/s-anna/$everything?_count=1")
        self.assertEqual(sorted(matches), ["s-anna", "s-cov", "s-o1", "s-o2"])
        self.get("Patient/s-nobody/$everything", 404)
        self.get("Patient/s-anna/$everything?foo=1", 400)

    def test_no_resource_lacks_an_id_or_the_time_of_its_update(self):
        for code in ("_id", "_lastUpdated"):
            self.assertEqual(ids(self.get(f"Patient?{code}:missing=false")), ["s-anna", "s-bert"])
            self.assertEqual(ids(self.get(f"Patient?{code}:missing=true")), [])
            found = self.get(f"Observation?patient.{code}:missing=false&_summary=count")
            self.assertEqual(found["total"], 3)
            self.get(f"Patient?{code}:missing=perhaps", 400)

    def test_lists_and_filters_find(self):
        self.client.put("List/s-list", LIST)
        self.assertEqual(ids(self.get("Patient?_list=s-list")), ["s-bert"])
        self.assertEqual(ids(self.get("Observation?_list=s-list&date=2020")), ["s-o1"])
        self.assertEqual(ids(self.get("Patient?_list=s-nothing")), [])
        self.get("Patient?_list=$current-problems", 400)
        found = self.get("Patient?_filter=name%20sw%20zwick%20or%20name%20eq%20%22Yverdon%22")
        self.assertEqual(ids(found), ["s-anna", "s-bert"])
        found = self.get("Patient?_filter=organization.name%20co%20insel")
        self.assertEqual(ids(found), ["s-anna"])
        # Who has no birthdate was not born before either.
        found = self.get("Patient?_filter=not%20(birthdate%20lt%202000)")
        self.assertEqual(ids(found), ["s-anna", "s-bert"])
        self.get("Patient?_filter=name%20like%20zwick", 400)

    def test_displays_are_searched_as_text(self):
        self.client.put("Condition/s-c1", {
            "resourceType": "Condition", "id": "s-c1", "subject": {"reference": "Patient/s-carl"},
            "code": {"coding": [{"code": "x1", "display": "Asthma bronchiale"}],
                     "text": "Wheezing"}})
        self.assertEqual(ids(self.get("Condition?code:text=asthm")), ["s-c1"])
        self.assertEqual(ids(self.get("Condition?code:text=bronch")), [])

    def test_our_own_base_is_the_same_as_none(self):
        self.client.put("Condition/s-c2", {
            "resourceType": "Condition", "id": "s-c2", "code": {"text": "y"},
            "subject": {"reference": f"{self.server.base}/Patient/s-bert"}})
        for query in ("patient=s-bert", "subject=Patient/s-bert", "patient.family=yver",
                      f"subject={self.server.base}/Patient/s-bert"):
            self.assertEqual(ids(self.get("Condition?" + query)), ["s-c2"], query)

    def test_any_parameter_sorts(self):
        found = self.get("Observation?_sort=subject,-date")
        self.assertEqual([entry["resource"]["id"] for entry in found["entry"]],
                         ["s-o2", "s-o1", "s-o3"])

    def test_includes_iterate(self):
        page = self.get("Observation?_id=s-o1&_include=Observation:subject"
                        "&_include:iterate=Patient:organization")
        self.assertEqual(ids(page, "include"), ["s-anna", "s-org"])


if __name__ == "__main__":
    unittest.main()
