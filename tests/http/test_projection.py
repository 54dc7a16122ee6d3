"""_summary and _elements on every answer that holds resources."""

import unittest

from harness import ServerCase

PATIENT = {"resourceType": "Patient", "id": "whole", "language": "de",
           "text": {"status": "generated",
                    "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">A text</div>"},
           "active": True, "name": [{"family": "Ganz"}], "birthDate": "1970-01-01",
           "maritalStatus": {"text": "single"},
           "managingOrganization": {"reference": "Organization/clinic"}}
CLINIC = {"resourceType": "Organization", "id": "clinic", "name": "Clinic", "active": True,
          "contact": [{"name": {"text": "Somebody"}}]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def is_subset(resource):
    return any(tag["code"] == "SUBSETTED" for tag in resource["meta"].get("tag", []))


class ProjectionTest(ServerCase):
    @classmethod
    def prepare(cls):
        for resource in (CLINIC, PATIENT, dict(PATIENT, id="other")):
            cls.put(resource)

    def get(self, path, status=200, **headers):
        answer = self.client.get(path, **headers)
        self.assertEqual(answer.status, status, answer.bytes)
        return answer.json()

    def only(self, path):
        """The names of the only match, and of its elements."""
        entries = self.get(path)["entry"]
        self.assertEqual(len(entries), 1)
        self.assertTrue(is_subset(entries[0]["resource"]))
        return set(entries[0]["resource"])

    def test_every_interaction_shortens(self):
        for path in ("Patient/whole?{}", "Patient/whole/_history/1?{}"):
            part = self.get(path.format("_elements=birthDate"))
            self.assertEqual(set(part), {"resourceType", "id", "meta", "active", "birthDate"})
            self.assertTrue(is_subset(part))
        for path in ("Patient?_id=whole&{}", "Patient/whole/_history?{}",
                     "Patient/whole/Patient?{}", "?_type=Patient&_id=whole&{}"):
            self.assertEqual(self.only(path.format("_elements=birthDate")),
                             {"resourceType", "id", "meta", "active", "birthDate"})

    def test_the_stored_resource_is_whole(self):
        self.get("Patient/whole?_summary=true")
        self.assertEqual(set(self.get("Patient/whole")), set(PATIENT) | {"meta"})

    def test_summaries(self):
        self.assertEqual(self.only("Patient?_id=whole&_summary=true"),
                         {"resourceType", "id", "meta", "active", "name", "birthDate",
                          "managingOrganization"})
        self.assertEqual(self.only("Patient?_id=whole&_summary=text"),
                         {"resourceType", "id", "meta", "text", "active"})
        self.assertEqual(self.only("Patient?_id=whole&_summary=data"),
                         set(PATIENT) - {"text"} | {"meta"})
        whole = self.get("Patient?_id=whole&_summary=false")["entry"][0]["resource"]
        self.assertEqual(set(whole), set(PATIENT) | {"meta"})
        self.assertFalse(is_subset(whole))

    def test_search_by_post(self):
        answer = self.client.request("POST", "Patient/_search", "_id=whole&_elements=name", FORM)
        self.assertEqual(set(answer.json()["entry"][0]["resource"]),
                         {"resourceType", "id", "meta", "active", "name"})

    def test_elements_are_of_matches_and_summaries_of_all(self):
        def included(query):
            return [entry["resource"] for entry in
                    self.get(f"Patient?_id=whole&_include=Patient:organization&{query}")["entry"]
                    if entry["search"]["mode"] == "include"][0]

        self.assertIn("contact", included("_elements=name,managingOrganization"))
        self.assertNotIn("contact", included("_summary=true"))
        self.get("Patient?_include=Patient:organization&_summary=text", 400)

    def test_links_keep_it(self):
        page = self.get("Patient?_count=1&_elements=name")
        links = {link["relation"]: link["url"] for link in page["link"]}
        for relation in ("self", "next"):
            self.assertIn("_elements=name", links[relation])
        second = self.get(links["next"][len(self.server.base) + 1:])
        self.assertNotIn("birthDate", second["entry"][0]["resource"])

    def test_an_unknown_element_is_refused_with_the_nearest(self):
        for path in ("Patient?_elements=brithDate", "Patient/whole?_elements=brithDate",
                     "Patient/_history?_elements=brithDate"):
            outcome = self.get(path, 400)
            self.assertIn("birthDate", outcome["issue"][0]["diagnostics"])
        for path in ("Patient?_summary=yes", "Patient/whole?_summary=count",
                     "Patient?_summary=true&_elements=name",
                     "Patient/whole?_summary=true&_elements=name"):
            self.get(path, 400)

    def test_an_unknown_element_is_reported_when_lenient(self):
        page = self.get("Patient?_id=whole&_elements=brithDate,name", Prefer="handling=lenient")
        modes = [entry["search"]["mode"] for entry in page["entry"]]
        self.assertEqual(modes, ["match", "outcome"])
        self.assertNotIn("birthDate", page["entry"][0]["resource"])
        self.assertNotIn("brithDate", page["link"][0]["url"])

    def test_deletions_have_no_part(self):
        self.client.put("Patient/gone", dict(PATIENT, id="gone"))
        self.client.delete("Patient/gone")
        entries = self.get("Patient/gone/_history?_elements=name")["entry"]
        self.assertNotIn("resource", entries[0])
        self.assertNotIn("birthDate", entries[1]["resource"])

    def test_xml(self):
        answer = self.client.get("Patient/whole?_summary=text", Accept="application/fhir+xml")
        self.assertEqual(answer.status, 200)
        self.assertIn(b"SUBSETTED", answer.bytes)
        self.assertNotIn(b"birthDate", answer.bytes)


if __name__ == "__main__":
    unittest.main()
