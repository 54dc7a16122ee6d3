"""Requests that are refused, each in words that name its mistake, and what the log says of them."""

import unittest

from harness import FHIR, ServerCase, issues

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}


def entry(method, url):
    return {"request": {"method": method, "url": url}}


class Refusals(ServerCase):
    arguments = ["--job-runners", "0"]  # what is begun stays waiting

    def refused(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer.bytes)
        texts = [issue["diagnostics"] for issue in issues(answer)]
        for word in words:
            self.assertTrue([text for text in texts if word in text], texts)

    def test_what_is_our_own_is_no_entry_of_a_bundle(self):
        for url in ("$reindex", "Patient/$reindex", "_async/x"):
            method = "DELETE" if url.startswith("_") else "POST"
            batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry(method, url)]}
            answer = self.client.post("", batch)
            response = answer.json()["entry"][0]["response"]
            self.assertTrue(response["status"].startswith("400"), response)
            self.assertIn("cannot be an entry", response["outcome"]["issue"][0]["diagnostics"])
            # With a write: nothing is written.
            self.refused(self.client.post("", {
                "resourceType": "Bundle", "type": "transaction", "entry": [
                    entry(method, url),
                    {"resource": {"resourceType": "Basic", "code": {"text": "x"}},
                     **entry("POST", "Basic")}]}), 400, "cannot be an entry")
        self.assertEqual(self.client.get("Basic?_summary=count").json()["total"], 0)

    def test_a_second_indexing_is_told_of_the_first(self):
        self.assertEqual(self.client.post("$reindex", b"").status, 202)
        answer = self.client.post("Patient/$reindex", b"")
        self.refused(answer, 429, "An indexing waits or runs already")
        self.assertTrue(answer.header("Retry-After"))

    def test_another_charset_than_utf_8(self):
        body = b'{"resourceType":"Patient"}'
        for charset in ("iso-8859-1", "utf-16", '"latin1"'):
            for path, kind in (("Patient", FHIR), ("Patient/_search", "application/x-www-form-urlencoded"),
                               ("Patient", "application/fhir+xml")):
                answer = self.client.request("POST", path, body, {"Content-Type": f"{kind}; charset={charset}",
                                                                  "Accept": FHIR})
                self.refused(answer, 415, "UTF-8")
        for charset in ("utf-8", "UTF-8", '"utf-8"', "us-ascii"):
            self.assertEqual(self.client.request("POST", "Patient", body, {
                "Content-Type": f"{FHIR}; charset={charset}"}).status, 201, charset)

    def test_max_of_lastn_is_given_once(self):
        self.refused(self.client.get("Observation/$lastn?patient=a&code=b&max=1&max=2"), 400,
                     "more than once")

    def test_types_have_their_article(self):
        self.refused(self.client.post("Patient", OBSERVATION), 400, "is an Observation")
        self.refused(self.client.post("Observation", {"resourceType": "Patient"}), 400, "is a Patient")

    def test_what_ended_the_reading_is_told_with_what_was_found_before(self):
        deep = b'{"resourceType":"Patient","colour":1,"extension":' + b'[' * 1000
        self.refused(self.client.post("Patient", deep), 413, "no such element", "deeper than")
        self.refused(self.client.post("Patient", b'{"resourceType":"Patient","colour":1,'), 400,
                     "no such element", "Line 1")

    def test_what_is_not_offered_is_no_trouble_of_ours(self):
        self.refused(self.client.post("Patient/$match", b""), 501)
        with open(self.server.log) as log:
            self.assertNotIn("refused", log.read())


if __name__ == "__main__":
    unittest.main()
