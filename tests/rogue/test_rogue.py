"""Each fault is served as the table says."""

import base64
import calendar
import gzip
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib
from urllib.parse import quote, urljoin, urlsplit

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from rogue import content, fhirjson, load, sample, table, times  # noqa: E402
from rogue.server import Server  # noqa: E402

RESOURCES = 120


class Got:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return self.headers.get(name)

    def rows(self):
        return [e["resource"] for e in self.json().get("entry", ()) if e.get("resource")]

    def ids(self):
        return [row.get("id") for row in self.rows()]

    def link(self, name="next"):
        return next((x["url"] for x in self.json()["link"] if x["relation"] == name), None)


class Case(unittest.TestCase):
    def setUp(self):
        self.server = Server(0, sample.make(RESOURCES, 1))
        self.addCleanup(self.server.close)
        self.host = f"127.0.0.1:{self.server.port}"

    def ask(self, url, method="GET", body=None, **headers):
        """`url` is absolute or a path."""
        parts = urlsplit(urljoin(f"http://{self.host}/", url))
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        self.addCleanup(connection.close)
        if body is not None and not isinstance(body, (bytes, str)):
            body = fhirjson.dumps(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        target = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, target, body, names)
        answer = connection.getresponse()
        return Got(answer.status, answer.headers, answer.read())

    def fault(self, spec, path="Patient?_count=5", **more):
        return self.ask(f"/fault/{spec}/fhir/{path}", **more)

    def raw(self, target, head=""):
        """All bytes until the end, and whether it was a reset."""
        with socket.create_connection(("127.0.0.1", self.server.port), 20) as plug:
            plug.sendall(f"GET {target} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n"
                         f"{head}\r\n".encode())
            data = b""
            try:
                while piece := plug.recv(65536):
                    data += piece
            except ConnectionResetError:
                return data, True
            return data, False

    def chain(self, url, limit=60):
        """(pages, how it ended)"""
        pages, seen = [], set()
        while url and len(pages) < limit:
            if url in seen:
                return pages, "loop"
            seen.add(url)
            got = self.ask(url)
            if got.status != 200:
                return pages, got.status
            pages.append(got)
            url = got.link()
        return pages, "end" if not url else "limit"

    def all_ids(self, url):
        pages, end = self.chain(url)
        self.assertEqual("end", end)
        return [id_ for page in pages for id_ in page.ids()]

    def control(self, name, **given):
        got = self.ask(f"/control/{name}", "POST", given)
        self.assertEqual(200, got.status, got.body)
        return got.json()

    def expected(self, spec):
        base = f"/fault/{spec}/fhir" if spec else "/fhir"
        found = self.control("expect", base=base)
        return {f"{r['type']}/{r['id']}": r for r in found["resources"]}, found


class Good(Case):
    def test_pages_lead_to_every_resource_once(self):
        ids = self.all_ids("/fhir/Observation?_count=7")
        self.assertEqual(len(self.server.store.rows("Observation")), len(ids))
        self.assertEqual(len(set(ids)), len(ids))

    def test_a_chain_sees_one_state(self):
        first = self.ask("/fhir/Patient?_count=5")
        self.control("edit", n=20, types=["Patient"])
        rest, end = self.chain(first.link())
        ids = first.ids() + [id_ for page in rest for id_ in page.ids()]
        self.assertEqual(("end", 11, 11), (end, len(ids), len(set(ids))))

    def test_last_updated_with_every_prefix(self):
        rows = self.server.store.rows("Observation")
        at = times.instant(rows[20].updated)
        updated = [row.updated for row in rows]
        here = rows[20].updated
        for prefix, holds in (("eq", lambda u: u == here), ("ne", lambda u: u != here),
                              ("gt", lambda u: u > here), ("ge", lambda u: u >= here),
                              ("lt", lambda u: u < here), ("le", lambda u: u <= here),
                              ("sa", lambda u: u > here), ("eb", lambda u: u < here)):
            got = self.ask(f"/fhir/Observation?_lastUpdated={prefix}{at}&_summary=count")
            self.assertEqual(sum(map(holds, updated)), got.json()["total"], prefix)

    def test_patient_date_id_and_identifier(self):
        self.assertEqual(5, len(self.ask("/fhir/Observation?patient=p1").ids()))
        self.assertEqual(5, len(self.ask("/fhir/Observation?patient=Patient/p1&date=gt2018").ids()))
        self.assertEqual([], self.ask("/fhir/Observation?date=lt2010").ids())
        self.assertEqual({"p1", "p2"}, set(self.ask("/fhir/Patient?_id=p1,p2,none").ids()))
        self.assertEqual(["p3"], self.ask("/fhir/Patient?identifier=100003").ids())
        posted = self.ask("/fhir/Patient/_search", "POST", "_id=p1",
                          Content_Type="application/x-www-form-urlencoded")
        self.assertEqual(["p1"], posted.ids())

    def test_unknown_parameters_are_refused(self):
        self.assertEqual(400, self.ask("/fhir/Patient?shoe=43").status)
        got = self.ask("/fhir/Patient?shoe=43", Prefer="handling=lenient")
        self.assertNotIn("shoe", got.link("self"))

    def test_gzip_keep_alive_date_and_metadata(self):
        connection = http.client.HTTPConnection(self.host)
        self.addCleanup(connection.close)
        for _ in range(3):
            connection.request("GET", "/fhir/Patient", headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            self.assertTrue(answer.headers["Date"])
            self.assertEqual("Bundle", json.loads(gzip.decompress(answer.read()))["resourceType"])
        self.assertEqual("4.0.1", self.ask("/fhir/metadata").json()["fhirVersion"])

    def test_versions_history_and_since(self):
        before = times.instant(self.server.clock.now_ms() - 1)
        patient = self.ask("/fhir/Patient/p1").json()
        put = self.ask("/fhir/Patient/p1", "PUT", {**patient, "gender": "unknown"}, If_Match='W/"1"')
        self.assertEqual((200, 'W/"2"'), (put.status, put.header("ETag")))
        self.assertEqual(412, self.ask("/fhir/Patient/p1", "PUT", patient, If_Match='W/"1"').status)
        self.assertEqual(204, self.ask("/fhir/Patient/p1", "DELETE").status)
        self.assertEqual(410, self.ask("/fhir/Patient/p1").status)
        self.assertEqual("unknown", self.ask("/fhir/Patient/p1/_history/2").json()["gender"])
        for path in ("Patient/p1/_history", "Patient/_history", "_history"):
            got = self.ask(f"/fhir/{path}?_since={quote(before)}").json()
            self.assertEqual(["DELETE", "PUT"], [e["request"]["method"] for e in got["entry"]], path)

    def test_conditional_writes(self):
        new = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": "n1"}]}
        first = self.ask("/fhir/Patient", "POST", new, If_None_Exist="identifier=urn:x|n1")
        again = self.ask("/fhir/Patient", "POST", new, If_None_Exist="identifier=urn:x|n1")
        self.assertEqual((201, 200), (first.status, again.status))
        self.assertEqual(first.json()["id"], again.json()["id"])
        put = self.ask("/fhir/Patient?identifier=urn:x|n1", "PUT", {**new, "gender": "male"})
        self.assertEqual((200, first.json()["id"]), (put.status, put.json()["id"]))
        other = self.ask("/fhir/Patient?identifier=urn:x|n2", "PUT", new)
        self.assertEqual(201, other.status)
        self.assertEqual(412, self.ask("/fhir/Patient?identifier=urn:x|n1", "PUT", new).status)
        self.assertEqual(204, self.ask("/fhir/Patient?identifier=urn:x|nobody", "DELETE").status)
        self.assertEqual(400, self.ask("/fhir/Patient?shoe=43", "PUT", new).status)
        self.assertEqual(412, self.ask("/fhir/Observation?_lastUpdated=ge2020", "DELETE").status)

    def test_transactions_are_all_or_nothing(self):
        entries = [
            {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "active": True},
             "request": {"method": "POST", "url": "Patient"}},
            {"fullUrl": "urn:uuid:2", "resource": content.measured("x", "urn:uuid:1"),
             "request": {"method": "POST", "url": "Observation"}}]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answers = self.ask("/fhir", "POST", bundle).json()["entry"]
        patient, observation = (a["resource"] for a in answers)
        self.assertEqual(f"Patient/{patient['id']}", observation["subject"]["reference"])
        held = len(self.server.store.log)
        entries.append({"resource": {"resourceType": "Patient", "id": "p1"},
                        "request": {"method": "PUT", "url": "Patient/p1", "ifMatch": 'W/"9"'}})
        self.assertEqual(412, self.ask("/fhir", "POST", bundle).status)
        self.assertEqual(held, len(self.server.store.log))
        answers = self.ask("/fhir", "POST", {**bundle, "type": "batch"}).json()["entry"]
        self.assertEqual(["201", "201", "412"], [a["response"]["status"] for a in answers])

    def test_what_is_no_resource_is_refused(self):
        for body in (b"", b"[]", b"{}", b'{"resourceType":5}', b'{"resourceType":"Patient","id":"p1","meta":3}'):
            self.assertEqual(400, self.ask("/fhir/Patient/p1", "PUT", body).status, body)
        for entry in ("[5]", "[{}]", '[{"request":{"method":"POST","url":"Patient"}}]', "7"):
            body = '{"resourceType":"Bundle","type":"transaction","entry":' + entry + "}"
            self.assertEqual(400, self.ask("/fhir", "POST", body).status, entry)

    def test_conditional_references_are_resolved(self):
        entry = {"resource": content.measured("x", "Patient?identifier=100003"),
                 "request": {"method": "POST", "url": "Observation"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        made = self.ask("/fhir", "POST", bundle).json()["entry"][0]["resource"]
        self.assertEqual("Patient/p3", made["subject"]["reference"])
        entry["resource"]["subject"]["reference"] = "Patient?identifier=nobody"
        self.assertEqual(412, self.ask("/fhir", "POST", bundle).status)

    def test_latency_and_pages_made_beforehand(self):
        self.assertEqual(8, self.control("warm", path="/fhir/Observation?_count=7")["pages"])
        self.control("latency", ms=200)
        start = time.monotonic()
        self.ask("/fhir/Observation?_count=7")
        self.assertGreaterEqual(time.monotonic() - start, 0.2)

    def test_data_from_folders_bundles_and_lines(self):
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": "urn:uuid:a", "resource": {"resourceType": "Patient", "id": "a"}},
            {"resource": content.measured("b", "urn:uuid:a")}]}
        with tempfile.TemporaryDirectory() as folder:
            with gzip.open(os.path.join(folder, "one.json.gz"), "wb") as file:
                file.write(fhirjson.dumps(bundle))
            with open(os.path.join(folder, "two.ndjson"), "wb") as file:
                file.write(b'{"resourceType":"Patient","id":"c"}\n\n{"resourceType":"Patient","id":"d"}')
            docs = [doc for name in load.files(folder) for doc in load.read(name)]
        self.assertEqual({"a", "b", "c", "d"}, {doc["id"] for doc in docs})
        self.assertIn("Patient/a", [d.get("subject", {}).get("reference") for d in docs])

    def test_the_command_prints_the_table(self):
        command = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rogue")
        said = subprocess.run([sys.executable, "-B", command, "--list"], capture_output=True, text=True,
                              check=True).stdout
        for row in table.TABLE:
            self.assertIn(f"{row.number}  {row.name}", said)

    def test_decimals_stay_as_they_were_written(self):
        body = b'{"resourceType":"Observation","id":"d","valueQuantity":{"value":1.50}}'
        self.ask("/fhir/Observation/d", "PUT", body)
        self.assertIn(b'"value":1.50', self.ask("/fhir/Observation/d").body)

    def test_the_same_seed_gives_the_same_bytes(self):
        one, two = (list(sample.make(50, seed)) for seed in (3, 3))
        self.assertEqual(one, two)
        self.assertNotEqual(one, list(sample.make(50, 4)))

    def test_control_state_reset_clock_expect(self):
        self.ask("/fhir/Patient/p1", "PUT", {"resourceType": "Patient", "id": "p1"})
        state = self.ask("/control/state").json()
        self.assertEqual({"write": 1}, state["requests"]["/fhir"])
        self.assertEqual(("Patient", "p1", "2"), tuple(state["writes"][0][k] for k in ("type", "id", "version")))
        found, whole = self.expected("")
        self.assertEqual(("2", "applied"), (found["Patient/p1"]["version"], found["Patient/p1"]["outcome"]))
        self.assertEqual([], whole["gaps"])
        self.control("reset", data=True)
        self.assertEqual("1", self.expected("")[0]["Patient/p1"]["version"])
        self.control("clock", skew=3600)
        skew = self.ask("/fhir/metadata").header("Date")
        then = calendar.timegm(time.strptime(skew, "%a, %d %b %Y %H:%M:%S GMT"))
        self.assertGreater(then - time.time(), 1800)

    def test_edits_and_data(self):
        self.assertEqual(5, len(self.control("edit", n=5)["rows"]))
        got = self.ask("/control/data", "POST", '{"resourceType":"Patient","id":"new"}\n'
                                                '{"resourceType":"Patient","id":"p1"}\n')
        self.assertEqual(["new", "p1"], [r["id"] for r in got.json()["rows"]])
        self.assertEqual("1", self.ask("/fhir/Patient/new").json()["meta"]["versionId"])
        self.assertGreater(int(self.ask("/fhir/Patient/p1").json()["meta"]["versionId"]), 1)

    def test_unknown_faults_and_forms_are_refused(self):
        self.assertEqual(404, self.fault("W-99").status)
        self.assertEqual(404, self.fault("W-01:form=none").status)

    def test_every_fault_still_has_metadata_and_a_place_in_the_table(self):
        for row in table.TABLE:
            self.assertTrue(row.does and row.must, row.number)
            spec = row.number + (":rate=0" if row.number == "mix" else "")
            self.assertIn(self.fault(spec, "metadata").status, (200, 403, 307), row.number)
            self.expected(spec)
        wanted = {f"W-{n:02d}" for n in [*range(1, 14), *range(18, 31), 43, *range(45, 58)]}
        self.assertEqual(wanted, {r.number for r in table.TABLE if r.number[0] == "W"})


class Documentation(unittest.TestCase):
    def test_the_page_has_the_table_of_the_code(self):
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/rogue.md")
        with open(page, encoding="utf-8") as file:
            self.assertIn(table.markdown(), file.read())


class Transport(Case):
    def test_w01_retry_after(self):
        values = {}
        for form in table.BY_NUMBER["W-01"].forms:
            got = self.fault(f"W-01:form={form};seconds=7")
            self.assertEqual(429, got.status)
            values[form] = got.header("Retry-After")
            self.assertEqual(200, self.fault(f"W-01:form={form};seconds=7").status)
        self.assertEqual(("7", "18000", "-5", "soon", None), tuple(
            values[f] for f in ("seconds", "5h", "negative", "garbage", "absent")))
        for form in ("date", "5h-date", "past"):
            self.assertRegex(values[form], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        early = [v for v in self.ask("/control/state").json()["violations"] if v["kind"] == "early"]
        self.assertEqual(4, len(early))

    def test_w01_takes_turns(self):
        got = [self.fault("W-01", f"Patient/p{i}").header("Retry-After") for i in range(5)]
        self.assertEqual(["1", "18000", "-5", "soon"], [got[0]] + got[2:])
        self.assertIn("GMT", got[1])

    def test_w02_transient(self):
        seen = [self.fault("W-02", f"Patient/p{i}").status for i in range(7)]
        self.assertEqual([408, 425, 429, 500, 502, 503, 504], seen)
        self.assertEqual(200, self.fault("W-02", "Patient/p1").status)
        self.assertEqual(403, self.fault("W-02:form=403;times=-1;type=Patient").status)
        self.assertEqual(200, self.fault("W-02:form=403;times=-1;type=Patient", "Observation").status)
        self.assertEqual("Patient", self.expected("W-02:form=403;type=Patient")[1]["gaps"][0]["type"])

    def test_w03_fatal(self):
        for _ in range(5):
            self.assertEqual(500, self.fault("W-03", "Condition").status)
        self.assertEqual(200, self.fault("W-03", "Patient").status)
        self.assertEqual([400, 200], [self.fault("W-03:form=400", "Condition").status for _ in "12"])
        self.assertEqual("Condition", self.expected("W-03")[1]["gaps"][0]["type"])
        self.assertTrue(self.expected("W-03")[0]["Condition/p1-problem"]["gap"])

    def test_w04_disguise(self):
        forms = {f: self.fault(f"W-04:form={f}") for f in table.BY_NUMBER["W-04"].forms}
        self.assertEqual({200}, {got.status for got in forms.values()})
        self.assertTrue(forms["html"].body.startswith(b"<!DOCTYPE"))
        self.assertIn("fhir+json", forms["html-as-fhir"].header("Content-Type"))
        self.assertEqual(b"", forms["empty"].body)
        self.assertEqual("OperationOutcome", forms["outcome"].json()["resourceType"])
        self.assertEqual("text/plain", forms["text-plain"].header("Content-Type"))
        self.assertEqual("Bundle", forms["json"].json()["resourceType"])
        self.assertEqual("Bundle", self.fault("W-04:form=html").json()["resourceType"])

    def test_w05_gzip(self):
        def form(name):
            got = self.fault(f"W-05:form={name}")
            self.assertEqual(len(got.body), int(got.header("Content-Length")))
            return got

        self.assertEqual("gzip", form("always").header("Content-Encoding"))
        inflate = zlib.decompressobj(31)
        inflate.decompress(form("truncated").body)
        self.assertFalse(inflate.eof)
        with self.assertRaises(zlib.error):
            zlib.decompress(form("crc").body, 31)
        self.assertIn(b"Bundle", gzip.decompress(gzip.decompress(form("double").body)))
        inflate = zlib.decompressobj(31)
        inflate.decompress(form("trailing").body)
        self.assertTrue(inflate.eof and inflate.unused_data)
        self.assertEqual(b"{", form("mislabelled").body[:1])
        self.assertEqual(b"}", self.fault("W-05:form=no-newline", "files/Patient.ndjson").body[-1:])

    def test_w06_cut(self):
        for form in ("length", "chunked", "head", "close", "before", "reset", "stall"):
            data, was_reset = self.raw(f"/fault/W-06:form={form};seconds=0.1/fhir/Patient")
            head, _, body = data.partition(b"\r\n\r\n")
            self.assertEqual(form == "reset", was_reset, form)
            if form in ("length", "stall", "reset"):
                said = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.assertTrue(0 < len(body) < said, form)
            elif form == "chunked":
                self.assertTrue(body and not body.endswith(b"0\r\n\r\n"))
            else:
                self.assertNotIn(b"\r\n\r\n", data, form)
                self.assertEqual(form == "head", bool(data), form)
            self.assertEqual(200, self.fault(f"W-06:form={form};seconds=0.1", "Patient").status)

    def test_w06_after_a_write_took_effect(self):
        for form, version in (("before", "1"), ("after", "2")):
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.fault(f"W-06:form={form}", "Patient/p1", method="PUT",
                           body={"resourceType": "Patient", "id": "p1"})
            self.assertEqual(version, self.ask("/fhir/Patient/p1").json()["meta"]["versionId"])

    def test_w06_files_resume(self):
        whole = self.ask("/fhir/files/Patient.ndjson")
        part = self.ask("/fhir/files/Patient.ndjson", Range="bytes=100-", If_Range=whole.header("ETag"))
        self.assertEqual((206, whole.body[100:]), (part.status, part.body))
        other = self.ask("/fhir/files/Patient.ndjson", Range="bytes=100-", If_Range='"other"')
        self.assertEqual((200, whole.body), (other.status, other.body))
        spec = "W-06:etag=changes;times=-1;form=length;at=1"
        again = self.fault(spec, "files/Patient.ndjson", Range="bytes=100-")
        self.assertEqual(200, again.status)

    def test_w07_huge(self):
        got = self.fault("W-07:mb=11", "Binary/w07-huge")
        self.assertGreater(len(got.body), 11 << 20)
        self.assertEqual("either", self.expected("W-07:mb=11")[0]["Binary/w07-huge"]["outcome"])

    def test_w08_characters_across_chunks(self):
        data, _ = self.raw("/fault/W-08/fhir/Patient", "Accept-Encoding: gzip\r\n")
        _, _, body = data.partition(b"\r\n\r\n")
        pieces, torn = [], 0
        while body:
            size, _, body = body.partition(b"\r\n")
            pieces.append(body[:int(size, 16)])
            body = body[int(size, 16) + 2:]
        for piece in pieces:
            try:
                piece.decode()
            except UnicodeDecodeError:
                torn += 1
        self.assertGreater(torn, 5)
        self.assertIn("👩‍⚕️👨‍👩‍👧‍👦", b"".join(pieces).decode())
        with self.assertRaises(UnicodeDecodeError):
            self.fault("W-08:form=invalid", "Patient").body.decode()

    def test_w09_redirects(self):
        got = self.fault("W-09:form=storage-302", Authorization="Bearer x", Cookie="a=b")
        self.assertEqual((302, True), (got.status, bool(got.header("Set-Cookie"))))
        where = got.header("Location")
        self.assertNotEqual(self.host, urlsplit(where).netloc)
        self.assertEqual(400, self.ask(where, Authorization="Bearer x").status)
        good = self.ask(where)
        self.assertEqual((200, self.host), (good.status, urlsplit(good.link("self")).netloc))
        hits = self.ask("/control/state").json()["storage"]
        self.assertEqual([True, False], [hit["authorization"] for hit in hits])
        for form, hops in (("relative", 1), ("chain", 5), ("too-many", 12)):
            url, count = f"/fault/W-09:form={form}/fhir/Patient?_count=5", 0
            while (got := self.ask(url)).status == 307:
                url, count = urljoin(url, got.header("Location")), count + 1
            self.assertEqual((200, hops), (got.status, count), form)
        starts = {"metadata": "http://169.254.169.254/", "file": "file:///", "host": "http://localhost:",
                  "internal": "http://127.0.0.2:", "downgrade": "http://", "loop": f"http://{self.host}/fault"}
        for form, start in starts.items():
            where = self.fault(f"W-09:form={form}").header("Location")
            self.assertTrue(where.startswith(start), where)
        self.ask(self.fault("W-09:form=internal").header("Location"))
        self.assertEqual(1, len(self.ask("/control/state").json()["internal"]))

    def test_w10_the_list_of_files_lies(self):
        listing = self.fault("W-10", "files", Authorization="Bearer x").json()
        self.assertTrue(listing["requiresAccessToken"])
        url = listing["output"][0]["url"]
        self.assertEqual(400, self.ask(url, Authorization="Bearer x").status)
        self.assertEqual(200, self.ask(url).status)

    def test_w11_certificates(self):
        try:
            made = self.control("tls")
        except AssertionError:
            self.skipTest("no openssl command")
        self.assertEqual(307, self.fault("W-11:form=expired").status)

        def speak(form, certificate=False):
            trust = ssl.create_default_context(cafile=made["ca"])
            if certificate:
                trust.load_cert_chain(made["client"]["certificate"], made["client"]["key"])
            connection = http.client.HTTPSConnection("127.0.0.1", made["ports"][form], context=trust,
                                                     timeout=60)
            try:
                connection.request("GET", "/fhir/metadata")
                return connection.getresponse().status
            except ssl.SSLError as error:
                return getattr(error, "verify_message", "") or str(error)
            finally:
                connection.close()

        self.assertEqual(200, speak("good"))
        self.assertEqual(200, speak("client", certificate=True))
        self.assertNotEqual(200, speak("client"))
        for form, text in (("expired", "expired"), ("future", "not yet valid"), ("old", ""),
                           ("wrong-host", "IP address mismatch"), ("self-signed", "self-signed"),
                           ("unknown-ca", "unable to get local issuer"),
                           ("chain", "unable to get local issuer")):
            said = speak(form)
            self.assertNotEqual(200, said, form)
            self.assertIn(text, said, form)

    def test_https_on_the_main_port(self):
        try:
            made = self.control("tls")
        except AssertionError:
            self.skipTest("no openssl command")
        path = self.server.certificates.path
        other = Server(0, sample.make(20, 1), https=(path("good.crt"), path("good.key")))
        self.addCleanup(other.close)
        trust = ssl.create_default_context(cafile=made["ca"])
        connection = http.client.HTTPSConnection("127.0.0.1", other.port, context=trust)
        self.addCleanup(connection.close)
        connection.request("GET", "/fault/W-09:form=storage-302/fhir/Patient")
        where = connection.getresponse().headers["Location"]
        self.assertTrue(where.startswith(f"https://127.0.0.1:{other.storage.port}/signed/"))

    def test_w12_plus_and_length(self):
        at = "Patient?_lastUpdated=gt2024-01-01T00:00:00"
        self.assertEqual(400, self.fault("W-12", at + "+00:00").status)
        self.assertEqual(200, self.fault("W-12", at + "%2B00:00").status)
        self.assertEqual(200, self.ask("/fhir/" + at + "+00:00").status)
        ignored = self.fault("W-12:form=ignore", at.replace("2024", "2030") + "+00:00")
        self.assertTrue(ignored.ids())
        self.assertEqual(414, self.fault("W-12", "Patient?_id=" + "x," * 5000).status)
        self.assertEqual(200, self.fault("W-12", "Patient/_search", method="POST",
                                         body="_id=" + "x," * 5000).status)

    def test_w13_header(self):
        self.assertEqual(403, self.fault("W-13").status)
        self.assertEqual(200, self.fault("W-13", X_Client_Id="me").status)
        self.assertEqual(403, self.fault("W-13:header=X-Who;value=you", X_Who="me").status)


class Paging(Case):
    def test_w18_next_links(self):
        host, port = self.host.split(":")
        links = {f: self.fault(f"W-18:form={f}").link() for f in table.BY_NUMBER["W-18"].forms}
        self.assertTrue(links["localhost"].startswith("http://localhost:8080/fault/"))
        self.assertTrue(links["internal"].startswith("http://fhir-int.hospital.internal:8080/fault/"))
        self.assertTrue(links["port"].startswith(f"http://{host}:443:443/fault/"))
        self.assertTrue(links["relative"].startswith("Patient?"))
        self.assertTrue(links["path"].startswith("/fault/"))
        self.assertTrue(links["query"].startswith("?"))
        for form in ("path", "query"):
            base = f"http://{host}:{port}/fault/W-18:form={form}/fhir/Patient"
            self.assertEqual(5, len(self.ask(base + "?" + links[form].partition("?")[2]).ids()))

    def test_w19_links_expire_and_a_new_search_gives_new_ones(self):
        url = "/fault/W-19/fhir/Observation?_count=5"
        first = self.ask(url).link()
        self.assertEqual([410, 410], [self.ask(first).status for _ in "12"])
        self.assertEqual(404, self.chain(url)[1])
        self.assertEqual("end", self.chain(url)[1])
        for _ in range(4):
            self.assertEqual(410, self.chain("/fault/W-19:form=shrink/fhir/Observation?_count=5")[1])

    def test_w20_loops_and_empty_pages(self):
        url = "/fault/W-20/fhir/Patient?_count=5"
        self.assertEqual(["loop", "loop", "end"], [self.chain(url)[1] for _ in "123"])
        pages, _ = self.chain(url)
        sizes = [len(page.ids()) for page in pages]
        self.assertEqual([5, 0, 5, 0, 1, 0], sizes)
        sizes = [len(p.ids()) for p in self.chain("/fault/W-20:form=empty-middle/fhir/Patient?_count=5")[0]]
        self.assertEqual([5, 0, 5, 0, 1], sizes)

    def test_w21_undefined_pages(self):
        seen = {}
        for form in table.BY_NUMBER["W-21"].forms:
            next_ = self.fault(f"W-21:form={form}").link()
            seen[form] = self.ask(next_)
            self.assertEqual(5, len(self.ask(next_).ids()))
        self.assertEqual((b"null", b"{}", b"[]", b"", 204), (
            *(seen[f].body for f in ("null", "object", "array", "empty")), seen["204"].status))

    def test_w22_ignored_parameters(self):
        future = "Patient?_lastUpdated=gt2100-01-01&_count=3"
        honest = self.fault("W-22", future)
        self.assertEqual((3, False), (len(honest.ids()), "_lastUpdated" in honest.link("self")))
        self.assertTrue("_lastUpdated" in self.fault("W-22:form=silent", future).link("self"))
        self.assertEqual(11, len(self.fault("W-22:form=count", "Patient?_count=3").ids()))
        self.assertEqual("end", self.chain("/fault/W-22/fhir/" + future)[1])

    def test_w23_no_times(self):
        got = self.fault("W-23")
        self.assertTrue(all("lastUpdated" not in row.get("meta", {}) for row in got.rows()))
        self.assertEqual(400, self.fault("W-23", "Patient?_lastUpdated=gt2020").status)
        self.assertEqual(501, self.fault("W-23", "Patient/_history").status)
        self.assertEqual(200, self.fault("W-23", "Observation?date=ge2018").status)

    def test_w24_demands(self):
        self.assertEqual(400, self.fault("W-24", "Observation").status)
        self.assertTrue(self.fault("W-24", "Observation?category=vital-signs").ids())
        self.assertEqual(400, self.fault("W-24", "Condition?category=problem-list-item").status)
        self.assertEqual(400, self.fault("W-24:type=Patient;needs=identifier", "Patient").status)

    def test_w25_outcomes_among_entries(self):
        entry = self.fault("W-25").json()["entry"][-1]
        self.assertEqual(("OperationOutcome", "outcome"),
                         (entry["resource"]["resourceType"], entry["search"]["mode"]))
        self.assertTrue(self.expected("W-25")[1]["possibly_incomplete"])

    def test_w26_duplicates(self):
        ids = self.all_ids("/fault/W-26/fhir/Patient?_count=5")
        self.assertEqual(11, len(set(ids)))
        self.assertGreater(len(ids), 11)

    def test_w27_totals(self):
        totals = [self.fault(f"W-27:form={f}").json().get("total") for f in table.BY_NUMBER["W-27"].forms]
        self.assertEqual([0, 5, 40], totals[:3])
        self.assertEqual([-1, "many", None], totals[4:])

    def test_w28_odd_times(self):
        by_id = {row["id"]: row for row in self.fault("W-28", "Patient?_count=100").rows()}
        self.assertEqual("3023-05-01T08:00:00Z", by_id["w28-typo"]["meta"]["lastUpdated"])
        self.assertEqual("2016-12-31T23:59:60Z", by_id["w28-leap"]["meta"]["lastUpdated"])
        self.assertEqual("2024-03", by_id["w28-month"]["meta"]["lastUpdated"])
        self.assertIn("w28-future", self.fault("W-28", "Patient?_lastUpdated=gt2026-12-01").ids())

    def test_w29_late_rows_are_below_those_already_seen(self):
        url = "/fault/W-29:seconds=1/fhir/Patient?_count=100&_lastUpdated=ge2025"
        seen, late = 0, 0
        known = set()
        for _ in range(24):
            fresh = [r for r in self.ask(url).rows() if r["id"] not in known]
            late += sum(times.span(r["meta"]["lastUpdated"])[0] < seen for r in fresh)
            known |= {row["id"] for row in fresh}
            seen = max([seen] + [times.span(r["meta"]["lastUpdated"])[0] for r in fresh])
            self.control("clock", shift=0.25)
        self.assertGreater(late, 0)

    def test_w30_a_replica_lags(self):
        base = "/fault/W-30:seconds=60/fhir/"
        self.ask("/fhir/Patient/p1", "PUT", {"resourceType": "Patient", "id": "p1", "gender": "other"})
        old = self.ask(base + "Patient?_id=p1").rows()[0]
        self.assertEqual("1", old["meta"]["versionId"])
        self.assertEqual("2", self.ask(base + "Patient/p1").json()["meta"]["versionId"])
        self.control("clock", shift=61)
        self.assertEqual("2", self.ask(base + "Patient?_id=p1").rows()[0]["meta"]["versionId"])


class Content(Case):
    def held(self, spec, type_="Patient"):
        return {row.get("id"): row for row in self.fault(spec, f"{type_}?_count=500").rows()}

    def test_good_data_stand_beside_the_bad(self):
        self.assertLessEqual({"p0", "p10", "w45-clock"}, set(self.held("W-45")))
        self.assertNotIn("w45-clock", self.ask("/fhir/Patient?_count=500").ids())

    def test_w43_one_bad_unit(self):
        entries = self.fault("W-43", "Patient?_count=100").json()["entry"]
        self.assertIn(None, [e["resource"] for e in entries])
        with self.assertRaises(ValueError):
            self.fault("W-43:form=json", "Patient?_count=100").json()
        self.assertEqual("dead", self.expected("W-43")[0]["Patient/w43-bad-0"]["outcome"])

    def test_w45_same_id(self):
        rows = [r for r in self.fault("W-45", "Patient?_count=100").rows() if r["id"] == "w45-disorder"]
        self.assertEqual({"1", "2", "3"}, {row["meta"]["versionId"] for row in rows})
        self.assertEqual("Third", self.fault("W-45", "Patient/w45-disorder").json()["name"][0]["family"])
        self.assertEqual("10", self.expected("W-45")[0]["Patient/w45-tenth"]["version"])

    def test_w46_ids(self):
        held = self.held("W-46")
        self.assertIn(1024, map(len, held))
        for id_ in content.Ids.IDS:
            self.assertIn(id_, held)
            self.assertEqual(200, self.fault("W-46", "Patient/" + quote(id_, safe="")).status, id_)

    def test_w47_collision(self):
        names = {self.fault(f"W-47:party={p}", "Patient/123").json()["name"][0]["family"] for p in "ab"}
        self.assertEqual(2, len(names))
        self.assertEqual("Patient/123", self.fault("W-47", "Observation/1").json()["subject"]["reference"])

    def phase(self, spec, phase=None):
        return self.control("phase", base=f"/fault/{spec}/fhir", **({"phase": phase} if phase else {}))

    def test_w48_reissued(self):
        self.assertEqual("Abel", self.held("W-48")["w48-reissued"]["name"][0]["family"])
        self.assertEqual({"phase": 2, "phases": 2}, self.phase("W-48"))
        held = self.held("W-48")
        self.assertEqual("Zorn", held["w48-reissued"]["name"][0]["family"])
        self.assertTrue("w48-new" in held and "w48-old" not in held)
        self.assertEqual(410, self.fault("W-48", "Patient/w48-old").status)
        found = self.expected("W-48")[0]
        self.assertEqual(("quarantine", "deleted"), (found["Patient/w48-reissued"]["outcome"],
                                                     found["Patient/w48-old"]["outcome"]))

    def test_w49_invalid(self):
        found = self.expected("W-49")[0]
        self.assertEqual({"applied", "either", "dead"},
                         {r["outcome"] for key, r in found.items() if "w49" in key})
        held = self.held("W-49")
        self.assertEqual(["male"], held["w49-array"]["gender"])
        self.assertIn(None, held)

    def test_w50_references(self):
        held = self.held("W-50", "Observation")
        self.assertEqual("Patient/w50-nobody", held["w50-broken"]["subject"]["reference"])
        self.assertTrue(held["w50-absolute"]["subject"]["reference"].startswith(f"http://{self.host}/fault/W-50"))
        self.assertEqual("#p", held["w50-contained"]["subject"]["reference"])

    def test_w51_merged_and_unmerged(self):
        self.held("W-51")
        self.phase("W-51")
        self.assertEqual("replaced-by", self.held("W-51")["w51-b"]["link"][0]["type"])
        self.phase("W-51")
        self.assertNotIn("link", self.held("W-51")["w51-b"])
        self.assertEqual(3, self.phase("W-51")["phase"])

    def test_w52_entered_in_error(self):
        self.assertEqual("applied", self.expected("W-52")[0]["Observation/w52-result"]["outcome"])
        self.phase("W-52")
        self.assertEqual("entered-in-error", self.fault("W-52", "Observation/w52-result").json()["status"])
        self.assertEqual("retracted", self.expected("W-52")[0]["Observation/w52-result"]["outcome"])

    def test_w53_regression(self):
        self.phase("W-53", 2)
        self.assertEqual("3", self.fault("W-53", "Patient/w53-version").json()["meta"]["versionId"])
        found = self.expected("W-53")[0]["Patient/w53-version"]
        self.assertEqual(("5", "kept"), (found["version"], found["outcome"]))

    def test_w54_echo(self):
        for i in range(3):
            doc = {"resourceType": "Observation", **content.measured(f"e{i}", "Patient/p1"),
                   "identifier": [{"value": f"e{i}"}]}
            self.fault("W-54", f"Observation/e{i}", method="PUT", body=doc)
        held = self.held("W-54", "Observation")
        self.assertLessEqual({"e0", "e1", "e2", "echo-1", "echo-2", "echo-3"}, set(held))
        self.assertIn("text", held["echo-2"])
        self.assertNotIn("identifier", held["echo-3"])
        self.assertEqual("absent", self.expected("W-54")[0]["Observation/echo-1"]["outcome"])

    def test_w55_systems(self):
        systems = [row["identifier"][0].get("system") for id_, row in self.held("W-55").items()
                   if id_.startswith("w55")]
        self.assertTrue(None in systems and "urn:oid:2.16.840.1.113883.19.5" in systems)

    def test_w56_attachments(self):
        found = {}
        for id_, row in self.held("W-56", "DocumentReference").items():
            if "binary" in id_:
                continue
            attachment = row["content"][0]["attachment"]
            got = self.ask(attachment["url"])
            right = len(got.body) == attachment["size"] and \
                content.attachment_hash(got.body) == attachment["hash"]
            found[id_[4:]] = (got.status, right)
        self.assertEqual({"good": (200, True), "storage": (200, True), "expired": (403, False),
                          "gone": (410, False), "html": (200, False), "token": (401, False),
                          "size": (200, False), "hash": (200, False), "outcome": (200, False)}, found)

    def test_w56_attachments_that_are_resources(self):
        found = {}
        for id_, row in self.held("W-56", "DocumentReference").items():
            if "binary" not in id_:
                continue
            attachment = row["content"][0]["attachment"]
            name = attachment["url"].split("/fhir/")[-1]
            data = base64.b64decode(self.fault("W-56", name).json()["data"])
            found[name[len("Binary/w56-"):]] = (
                attachment.get("size", len(data)) == len(data),
                attachment.get("hash", content.attachment_hash(data)) == content.attachment_hash(data))
        self.assertEqual({"relative": (True, True), "absolute": (True, True), "unsaid": (True, True),
                          "size": (False, True), "hash": (True, False)}, found)

    def test_w57_poison(self):
        url = "W-57:mb=20"
        links = [self.fault(url).link() for _ in "123"]
        self.assertEqual(["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"], links[:2])
        self.assertTrue(links[2].startswith("http://127.0.0.2:"))
        swollen = self.fault(url)
        self.assertLess(len(swollen.body), 1 << 20)
        self.assertEqual(20 << 20, len(gzip.decompress(swollen.body)))
        self.assertEqual(200000, gzip.decompress(self.fault(url).body).count(b"["))
        self.assertEqual("end", self.chain(f"/fault/{url}/fhir/Patient?_count=5")[1])
        self.assertIn(b"w57-deep", self.fault("W-57:form=deep-row", "Patient?_count=500").body)
        data = self.fault("W-57:form=data", "Patient?_count=500").body
        self.assertIn(b"../../etc/passwd", data)
        self.assertIn(b"<script>", data)


class Mixtures(Case):
    def pull(self, base):
        """A client that only repeats: every id of every type."""
        held = {}
        for type_ in sorted(self.server.store.types):
            url = f"http://{self.host}{base}/{type_}?_count=5"
            while url:
                got = self.patient_ask(url)
                held.update({f"{type_}/{row['id']}": row for row in got.rows()})
                url = got.link()
        return held

    def patient_ask(self, url):
        for _ in range(6):
            try:
                got = self.ask(url)
                body = got.body
                if got.header("Content-Encoding") == "gzip":
                    got.body = zlib.decompress(body, 31)
                if got.status == 200 and got.json().get("resourceType") == "Bundle":
                    return got
            except (http.client.HTTPException, OSError, ValueError, AttributeError, zlib.error):
                pass
        return self.fail(f"never answered: {url}")

    def test_repetition_overcomes_a_mixture(self):
        held = self.pull("/fault/mix:rate=0.3;seed=7/fhir")
        self.assertEqual(set(self.expected("")[0]), set(held))
        strikes = self.ask("/control/state").json()["strikes"]
        self.assertGreater(len(strikes["/fault/mix:rate=0.3;seed=7/fhir"]), 4)

    def test_faults_combine(self):
        spec = "W-26,W-01:form=past;rate=0.5,W-46"
        held = self.pull(f"/fault/{spec}/fhir")
        wanted, _ = self.expected(spec)
        self.assertLessEqual({k for k in wanted if k.split("/")[0] in self.server.store.types}, set(held))

    def test_hashes_match_what_was_served(self):
        for row in self.ask("/fhir/Observation").rows():
            whole = fhirjson.hashes(self.ask(f"/fhir/Observation/{row['id']}").body)
            self.assertEqual(whole[0], self.expected("")[0][f"Observation/{row['id']}"]["hash"])
            break

    def test_many_clients_at_once(self):
        failures = []

        def client():
            try:
                self.assertEqual(55, len(self.all_ids("/fhir/Observation?_count=9")))
            except AssertionError as error:
                failures.append(error)

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)


if __name__ == "__main__":
    unittest.main()
