"""FHIR XML on the wire (R4 xml.html, http.html#mime-type)."""

import glob
import json
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as etree

from harness import ISTHMUS, ServerCase, data, issues

FHIR = "{http://hl7.org/fhir}"
XML = "application/fhir+xml"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>5 &lt; 6 &amp; <b class=\'x\'>bold</b><br/></p></div>'
PATIENT = ('<Patient xmlns="http://hl7.org/fhir"><id value="{id}"/><text><status value="generated"/>' + DIV +
           '</text><active value="true"/><name id="n1"><family value="Müller &amp; &quot;Söhne&quot;&#xA;KG">'
           '<extension url="http://example.org/x"><valueDecimal value="1.50"/></extension></family>'
           '<given value="A"/><given value="B"/></name></Patient>')


class Xml(ServerCase):
    def send(self, method, path, body=None, kind=XML, **headers):
        return self.client.request(method, path, body.encode() if body else None,
                                   {"Content-Type": kind, **headers} if body else headers)

    def root(self, answer, status=200):
        self.assertEqual(answer.status, status, answer.bytes)
        self.assertEqual(answer.header("Content-Type"), XML + "; charset=utf-8")
        return etree.fromstring(answer.bytes)

    def test_what_was_sent_as_xml_is_the_same_as_json_and_back(self):
        for kind in (XML, "application/xml", "text/xml; charset=utf-8"):
            made = self.send("PUT", "Patient/both", PATIENT.format(id="both"), kind)
            self.assertIn(made.status, (200, 201), made.bytes)
        found = self.client.get("Patient/both").json(exact=True)
        self.assertEqual(found["name"][0]["family"], 'Müller & "Söhne"\nKG')
        self.assertEqual(found["name"][0]["given"], ["A", "B"])
        self.assertEqual(found["name"][0]["id"], "n1")
        self.assertEqual(str(found["name"][0]["_family"]["extension"][0]["valueDecimal"]), "1.50")
        self.assertEqual(found["text"]["div"], DIV)
        answer = self.client.get("Patient/both", Accept=XML)
        self.root(answer)
        self.assertIn(DIV.encode(), answer.bytes)
        self.assertEqual(answer.header("ETag"), 'W/"1"', "the same content in another format is no new version")
        again = self.send("PUT", "Patient/both", answer.bytes.decode())
        self.assertEqual(again.header("ETag"), 'W/"1"')

    def test_accept_and_format_choose(self):
        self.client.put("Patient/kinds", {"resourceType": "Patient", "id": "kinds"})
        for accept, is_xml in ((None, False), ("*/*", False), ("application/*", False), ("text/xml", True),
                               ("application/xml", True), ("application/fhir+xml;fhirVersion=4.0", True),
                               ("application/fhir+xml, application/fhir+json", True),
                               ("application/fhir+json, application/fhir+xml", False),
                               ("application/fhir+json;q=0.5, application/fhir+xml;q=0.51", True),
                               ("application/fhir+json;q=0.5, application/fhir+xml;q=0.499", False),
                               ("application/fhir+xml, */*", True), ("*/*, application/fhir+json;q=0", True),
                               ("image/png, application/fhir+xml;q=0, */*;q=0.1", False)):
            answer = self.client.get("Patient/kinds", **({"Accept": accept} if accept else {}))
            kind = XML if is_xml else "application/fhir+json"
            self.assertEqual(answer.header("Content-Type"), kind + "; charset=utf-8", accept)
            self.assertIn("Accept", answer.headers.get_all("Vary"))
        for value in ("xml", "text/xml", "application/xml", "application/fhir%2Bxml", "application/fhir+xml"):
            self.root(self.client.get(f"Patient/kinds?_format={value}", Accept="application/fhir+json"))
        for accept in ("image/png", "application/fhir+xml;fhirVersion=3.0", "application/fhir+xml;q=0"):
            answer = self.client.get("Patient/kinds", Accept=accept)
            self.assertEqual(answer.status, 406, accept)
            self.assertTrue(issues(answer))

    def test_who_asks_for_nothing_gets_what_he_sent(self):
        self.root(self.send("POST", "Patient", PATIENT.format(id="x")), 201)
        answer = self.send("POST", "Patient", PATIENT.format(id="x"), Accept="*/*")
        self.assertEqual(answer.json()["resourceType"], "Patient")

    def test_every_kind_of_answer_comes_as_xml(self):
        self.client.put("Patient/all", {"resourceType": "Patient", "id": "all", "active": True})
        for path, kind in (("Patient/all", "Patient"), ("Patient/all/_history/1", "Patient"),
                           ("Patient/all/_history", "Bundle"), ("Patient?_id=all", "Bundle"),
                           ("_history?_count=1", "Bundle"), ("metadata", "CapabilityStatement")):
            get = self.client.get(path, Accept=XML)
            self.assertEqual(self.root(get).tag, FHIR + kind, path)
            head = self.client.request("HEAD", path, None, {"Accept": XML})
            self.assertEqual((head.status, head.bytes, head.header("Content-Type")), (200, b"", XML + "; charset=utf-8"))
        found = self.root(self.client.get("Patient?_id=all", Accept=XML))
        self.assertEqual(found.find(f"{FHIR}entry/{FHIR}resource/{FHIR}Patient/{FHIR}active").get("value"), "true")
        statement = self.root(self.client.get("metadata", Accept=XML))
        self.assertEqual([node.get("value") for node in statement.findall(FHIR + "format")],
                         ["application/fhir+json", "application/fhir+xml", "json", "xml"])

    def test_refusals_come_as_xml_too(self):
        for answer, status in ((self.client.get("Patient/never", Accept=XML), 404),
                               (self.client.get("Nonsense", Accept=XML), 404),
                               (self.client.get("Patient?nonsense=1", Accept=XML), 400),
                               (self.client.request("PATCH", "_history", None, {"Accept": XML}), 405),
                               (self.send("POST", "Patient", "<Patient"), 400)):
            outcome = self.root(answer, status)
            self.assertEqual(outcome.tag, FHIR + "OperationOutcome")
            self.assertEqual(outcome.find(f"{FHIR}issue/{FHIR}severity").get("value"), "error")

    def test_pretty_xml_has_lines(self):
        self.client.put("Patient/lines", {"resourceType": "Patient", "id": "lines"})
        answer = self.client.get("Patient/lines?_pretty=true", Accept=XML)
        self.assertIn(b'\n  <id value="lines"/>\n', answer.bytes)
        self.root(answer)

    def test_links_of_pages_keep_the_format(self):
        for number in range(3):
            self.client.put(f"Group/p{number}", {"resourceType": "Group", "id": f"p{number}", "type": "person",
                                                 "actual": False})
        for path in ("Group?_count=1&_format=xml", "Group/_history?_count=1&_format=xml"):
            bundle = self.root(self.client.get(path))
            links = {link.find(FHIR + "relation").get("value"): link.find(FHIR + "url").get("value")
                     for link in bundle.findall(FHIR + "link")}
            self.assertIn("_format=xml", links["next"])
            self.root(self.client.get(links["next"].partition("/fhir/")[2]))

    def test_a_transaction_in_xml(self):
        entry = ('<entry><fullUrl value="urn:uuid:00000000-0000-4000-8000-00000000000{n}"/><resource>{r}</resource>'
                 '<request><method value="POST"/><url value="{t}"/></request></entry>')
        patient = '<Patient><active value="true"/></Patient>'
        observation = ('<Observation><status value="final"/><code><text value="x"/></code><subject><reference '
                       'value="urn:uuid:00000000-0000-4000-8000-000000000001"/></subject></Observation>')
        bundle = ('<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>' +
                  entry.format(n=1, r=patient, t="Patient") + entry.format(n=2, r=observation, t="Observation") +
                  "</Bundle>")
        answer = self.root(self.send("POST", "", bundle))
        where = [node.get("value") for node in answer.iter(FHIR + "location")]
        self.assertEqual(len(where), 2)
        stored = self.client.get(where[1].partition("/fhir/")[2]).json()
        self.assertIn(stored["subject"]["reference"], where[0])

    def test_findings_of_xml_are_told(self):
        for body, status, expression in (
                ('<Patient xmlns="http://hl7.org/fhir"><nonsense value="1"/></Patient>', 422, "Patient.nonsense"),
                ('<Patient xmlns="http://hl7.org/fhir"><gender value="male"/><active value="true"/></Patient>', 422,
                 "Patient.active"),
                ('<Patient xmlns="http://hl7.org/fhir"><active value="maybe"/></Patient>', 422, "Patient.active"),
                ("<Patient/>", 400, None),
                ('<!DOCTYPE Patient [<!ENTITY a "b">]><Patient xmlns="http://hl7.org/fhir"/>', 400, None)):
            answer = self.send("POST", "Patient", body, Accept="application/json")
            self.assertEqual(answer.status, status, answer.bytes)
            if expression:
                self.assertEqual(issues(answer)[0]["expression"], [expression])

    def test_another_type_of_body_is_refused(self):
        for kind in ("text/plain", "application/fhir+xml; fhirVersion=3.0", "image/svg+xml"):
            self.assertEqual(self.send("POST", "Patient", PATIENT.format(id="x"), kind).status, 415, kind)

    def test_examples_in_xml(self):
        folder = data("suites", "fhirpath", "inputs-original")
        paths = sorted(glob.glob(folder + "/*.xml"))
        self.assertTrue(paths)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                body = file.read()
            root = etree.fromstring(body.encode())
            kind, number = root.tag.removeprefix(FHIR), root.find(FHIR + "id")
            if number is None or "-example.xml" not in path or "observation" in path:
                continue
            made = self.send("PUT", f"{kind}/{number.get('value')}", body)
            # What the rules of R4 say of an example is not the format's business.
            self.assertIn(made.status, (200, 201, 422), path)
            codes = [node.get("value") for node in self.root(made, made.status).iter(FHIR + "code")]
            if made.status == 422:
                self.assertNotIn("structure", codes, path)


class Command(unittest.TestCase):
    def test_parse_converts_both_ways(self):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as source, \
                tempfile.NamedTemporaryFile("wb", suffix=".json") as between:
            source.write(PATIENT.format(id="cli"))
            source.flush()
            made = subprocess.run([ISTHMUS, "parse", source.name], capture_output=True, check=True).stdout
            self.assertEqual(json.loads(made)["text"]["div"], DIV)
            between.write(made)
            between.flush()
            back = subprocess.run([ISTHMUS, "parse", "--to", "xml", between.name], capture_output=True, check=True)
            self.assertEqual(etree.fromstring(back.stdout).find(FHIR + "id").get("value"), "cli")
            same = subprocess.run([ISTHMUS, "parse", "--to", "xml", source.name], capture_output=True, check=True)
            self.assertEqual(same.stdout, back.stdout)


if __name__ == "__main__":
    unittest.main()
