"""Batches and transactions with odd entries (R4 http.html#transaction)."""

import unittest

from harness import ServerCase, issues

FAMILY = "Qrstvbundle"


def patient(**more):
    return dict({"resourceType": "Patient", "name": [{"family": FAMILY}]}, **more)


def entry(method, url, resource=None, full_url=None, **request):
    made = {"request": dict(method=method, url=url, **request)}
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


class Bundles(ServerCase):
    def send(self, kind, *entries, **headers):
        return self.client.post("", {"resourceType": "Bundle", "type": kind,
                                     "entry": list(entries)}, **headers)

    def answers(self, kind, *entries, **headers):
        answer = self.send(kind, *entries, **headers)
        self.assertEqual(answer.status, 200, answer.bytes)
        return answer.json()["entry"]

    def total(self, query):
        return self.client.get(query + "&_summary=count").json()["total"]

    def test_an_invalid_resource_fails_its_own_entry_of_a_batch(self):
        first, second, third, fourth = self.answers(
            "batch", entry("POST", "Patient", patient(active="yes", nonsense=1)),
            entry("POST", "Patient", patient()), entry("POST", "Patient", {"resourceType": "Nope"}),
            entry("POST", "", patient()))
        self.assertTrue(first["response"]["status"].startswith("422"))
        self.assertEqual({issue["expression"][0]
                          for issue in first["response"]["outcome"]["issue"]},
                         {"Patient.active", "Patient.nonsense"})
        self.assertTrue(second["response"]["status"].startswith("201"))
        self.assertTrue(third["response"]["status"].startswith("422"))
        self.assertTrue(fourth["response"]["status"].startswith("4"))

    def test_what_is_wrong_with_a_batch_itself_fails_it(self):
        answer = self.client.post("", {"resourceType": "Bundle", "type": "batch", "nonsense": 1,
                                       "entry": [entry("POST", "Patient", patient())]})
        self.assertEqual(answer.status, 422)
        self.assertEqual(issues(answer)[0]["expression"], ["Bundle.nonsense"])

    def test_an_invalid_resource_fails_the_whole_transaction(self):
        answer = self.send("transaction", entry("PUT", "Patient/whole", patient(id="whole")),
                           entry("POST", "Patient", patient(nonsense=1)))
        self.assertEqual(answer.status, 422)
        self.assertEqual(issues(answer)[0]["expression"], ["Bundle.entry[1].resource.nonsense"])
        self.assertEqual(self.client.get("Patient/whole").status, 404)

    def test_a_read_that_cannot_be_answered_fails_the_transaction_before_it_commits(self):
        for url in ("Patient?nonsense=1", "_history?_count=x", "Patient/readfirst?_format=papyrus",
                    "Patient/readfirst/_history?_since=x", "Patient?birthdate=x"):
            answer = self.send("transaction",
                               entry("PUT", "Patient/readfirst", patient(id="readfirst")),
                               entry("GET", url))
            self.assertIn(answer.status, (400, 406), url)
            self.assertEqual(issues(answer)[0]["expression"], ["Bundle.entry[1]"], url)
            self.assertEqual(self.client.get("Patient/readfirst").status, 404, url)

    def test_reads_carry_resources_and_heads_do_not(self):
        self.client.put("Patient/reads", patient(id="reads"))
        for kind in ("batch", "transaction"):
            missing, head, read, found, posted, version = self.answers(
                kind, entry("GET", "Patient/never-was"), entry("HEAD", "Patient/reads"),
                entry("GET", "Patient/reads/"), entry("GET", "Patient?_id=reads"),
                entry("POST", "Patient/_search?_id=reads"),
                entry("GET", "Patient/reads", ifNoneMatch='W/"1"'))
            self.assertTrue(missing["response"]["status"].startswith("404"))
            self.assertEqual(missing["response"]["outcome"]["issue"][0]["code"], "not-found")
            self.assertTrue(head["response"]["status"].startswith("200"))
            self.assertNotIn("resource", head)
            self.assertEqual(read["resource"]["id"], "reads")
            for page in (found, posted):
                self.assertEqual(len(page["resource"]["entry"]), 1, kind)
            self.assertTrue(version["response"]["status"].startswith("304"))
            self.assertNotIn("resource", version)

    def test_a_match_of_if_none_exist_says_what_it_is(self):
        one = patient(identifier=[{"system": "urn:test", "value": "exists"}])
        for kind in ("batch", "transaction"):
            made = self.answers(kind, entry("POST", "Patient", one,
                                            ifNoneExist="identifier=urn:test|exists"))[0]
            location = made["response"]["location"]
        self.assertTrue(made["response"]["status"].startswith("200"))
        self.assertIn("/Patient/", location)
        self.assertEqual(self.total("Patient?identifier=urn:test|exists"), 1)

    def test_criteria_name_their_entry_when_they_are_refused(self):
        answer = self.send("transaction", entry("POST", "Patient", patient()),
                           entry("POST", "Patient", patient(), ifNoneExist="nonsense=1"))
        self.assertEqual(answer.status, 400)
        self.assertEqual(issues(answer)[0]["expression"], ["Bundle.entry[1]"])
        reference = {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
                     "subject": {"reference": "Patient?nonsense=1"}}
        answer = self.send("transaction", entry("POST", "Patient", patient()),
                           entry("POST", "Observation", reference))
        self.assertEqual(answer.status, 400)
        self.assertEqual(issues(answer)[0]["expression"], ["Bundle.entry[1]"])

    def test_conflicts_name_their_entry(self):
        self.client.put("Patient/named", patient(id="named"))
        for kind, status in ((entry("PUT", "Patient/named", patient(id="named"),
                                    ifMatch='W/"99"'), 412),
                             (entry("DELETE", "Patient/twice"), 400)):
            answer = self.send("transaction", entry("PUT", "Patient/twice", patient(id="twice")),
                               kind)
            self.assertEqual(answer.status, status)
            self.assertEqual(issues(answer)[0]["expression"], ["Bundle.entry[1]"])

    def test_an_update_needs_the_id_of_its_url(self):
        for resource in (patient(), patient(id="other")):
            self.assertEqual(
                self.send("transaction", entry("PUT", "Patient/needs-id", resource)).status, 400)
            answer = self.answers("batch", entry("PUT", "Patient/needs-id", resource))[0]
            self.assertTrue(answer["response"]["status"].startswith("400"))
        self.assertEqual(self.client.get("Patient/needs-id").status, 404)

    def test_an_update_that_must_not_find_anything_is_not_made(self):
        self.client.put("Patient/guarded", patient(id="guarded"))
        changed = patient(id="guarded", active=True)
        answer = self.client.put("Patient/guarded", changed, **{"If-None-Match": "*"})
        self.assertEqual(answer.status, 412)
        put = entry("PUT", "Patient/guarded", changed, ifNoneMatch="*")
        self.assertEqual(self.send("transaction", put).status, 412)
        self.assertTrue(self.answers("batch", put)[0]["response"]["status"].startswith("412"))
        self.assertEqual(self.client.get("Patient/guarded").json()["meta"]["versionId"], "1")

    def test_entries_of_a_batch_must_not_depend_on_one_another(self):
        name = "urn:uuid:6f1b2a2c-5c0e-4a6e-9a55-0d3f3e2f9a01"
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        made, foreign, searched, own = self.answers(
            "batch", entry("POST", "Patient", patient(), name),
            entry("POST", "Observation", dict(observation, subject={"reference": name})),
            entry("POST", "Observation",
                  dict(observation, subject={"reference": "Patient?identifier=a|b"})),
            entry("POST", "Observation", dict(observation, subject={"reference": "Patient/x"})))
        self.assertTrue(made["response"]["status"].startswith("201"))
        self.assertTrue(foreign["response"]["status"].startswith("400"))
        self.assertTrue(searched["response"]["status"].startswith("400"))
        self.assertTrue(own["response"]["status"].startswith("201"))

    def test_a_reference_by_search_outside_of_a_transaction_is_refused(self):
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
                       "subject": {"reference": "Patient?identifier=a|b"}}
        before = self.total("Observation?status=final")
        self.assertEqual(self.client.post("Observation", observation).status, 400)
        self.assertEqual(self.client.put("Observation/o1", dict(observation, id="o1")).status, 400)
        self.assertEqual(self.total("Observation?status=final"), before)

    def test_many_references_by_search_are_resolved_once_each(self):
        for number in (1, 2):
            self.client.put(f"Patient/by-search-{number}", patient(
                id=f"by-search-{number}", identifier=[{"system": "urn:by", "value": str(number)}]))
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        made = self.answers("transaction", *[
            entry("POST", "Observation", dict(observation, subject={
                "reference": f"Patient?identifier=urn:by|{1 + number % 2}"}))
            for number in range(40)], Prefer="return=representation")
        self.assertEqual([one["resource"]["subject"]["reference"] for one in made],
                         [f"Patient/by-search-{1 + number % 2}" for number in range(40)])

    def test_links_are_rewritten_everywhere_but_in_canonicals(self):
        one = "urn:uuid:6f1b2a2c-5c0e-4a6e-9a55-0d3f3e2f9a02"
        two = "urn:uuid:6f1b2a2c-5c0e-4a6e-9a55-0d3f3e2f9a03"
        div = ('<div xmlns="http://www.w3.org/1999/xhtml"><a href="%s">x</a>'
               '<img src="%s" alt="y"/></div>' % (two, two))
        first, second = self.answers(
            "transaction",
            entry("POST", "Patient", patient(
                photo=[{"url": two}], link=[{"other": {"reference": two}, "type": "seealso"}],
                text={"status": "generated", "div": div}, meta={"profile": [two]}), one),
            entry("POST", "Patient",
                  patient(link=[{"other": {"reference": one}, "type": "seealso"}]), two),
            Prefer="return=representation")
        target = "Patient/" + second["resource"]["id"]
        self.assertEqual(first["resource"]["link"][0]["other"]["reference"], target)
        self.assertEqual(first["resource"]["photo"][0]["url"], target)
        self.assertEqual(first["resource"]["text"]["div"], div.replace(two, target))
        self.assertEqual(first["resource"]["meta"]["profile"], [two])
        self.assertEqual(second["resource"]["link"][0]["other"]["reference"],
                         "Patient/" + first["resource"]["id"])

    def test_an_outcome_is_given_when_it_is_preferred(self):
        for kind in ("batch", "transaction"):
            made = self.answers(kind, entry("POST", "Patient", patient()),
                                Prefer="return=OperationOutcome")[0]
            self.assertEqual(made["response"]["outcome"]["resourceType"], "OperationOutcome")
            self.assertNotIn("resource", made)

    def test_an_absolute_url_must_be_below_the_base(self):
        put = entry("PUT", f"{self.server.base}/Patient/absolute", patient(id="absolute"))
        self.assertTrue(self.answers("batch", put)[0]["response"]["status"].startswith("201"))
        for base in ("http://elsewhere.example/fhir", self.server.base + "other"):
            answer = self.answers("batch", entry("PUT", f"{base}/Patient/absolute",
                                                 patient(id="absolute", active=True)))[0]
            self.assertTrue(answer["response"]["status"].startswith("4"), base)

    def test_the_log_has_no_health_data(self):
        self.send("transaction", entry("POST", "Patient", patient(nonsense=FAMILY)))
        self.send("batch", entry("GET", f"Patient?family={FAMILY}&birthdate={FAMILY}"))
        with open(self.server.log) as log:
            self.assertNotIn(FAMILY.lower(), log.read().lower())


if __name__ == "__main__":
    unittest.main()
