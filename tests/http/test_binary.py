"""Binary: content of any type in, the same bytes out (R4 binary.html), and nothing that a browser would run."""

import base64
import os
import unittest

from harness import FHIR, ServerCase, issues

HTML = b"<html><script>alert(document.cookie)</script></html>"


class Binary(ServerCase):
    arguments = ["--body-size", "45M", "--threads", "1", "--statement-timeout", "120s"]

    def post(self, content, kind, **headers):
        answer = self.client.post("Binary", content, **{"Content-Type": kind, **headers})
        self.assertEqual(answer.status, 201, answer.bytes)
        return answer.header("Location").split("/fhir/")[1].split("/_history")[0]

    def test_content_comes_back_byte_for_byte_with_its_type(self):
        for size in (0, 1, 2, 3, 4, 48 * 1024, 48 * 1024 + 1, 300_000, 3 << 20):
            content = os.urandom(size)
            where = self.post(content, "application/x-whatever; v=1")
            answer = self.client.get(where)
            self.assertEqual((answer.status, answer.bytes), (200, content), size)
            self.assertEqual(answer.header("Content-Type"), "application/x-whatever; v=1")
            self.assertEqual(answer.header("Content-Length"), str(size))
            self.assertEqual(answer.header("ETag"), 'W/"1"')

    def test_the_resource_comes_when_fhir_is_asked_for(self):
        where = self.post(b"hello", "text/plain")
        for answer in (self.client.get(where, Accept=FHIR), self.client.get(where + "?_format=json")):
            self.assertEqual(answer.status, 200)
            binary = answer.json()
            self.assertEqual((binary["resourceType"], binary["contentType"]), ("Binary", "text/plain"))
            self.assertEqual(base64.b64decode(binary["data"]), b"hello")
        xml = self.client.get(where, Accept="application/fhir+xml")
        self.assertIn(b"<Binary", xml.bytes)

    def test_a_browser_gets_the_content(self):
        where = self.post(b"hello", "text/plain")
        for accept in ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "image/png",
                       "*/*", "application/json"):
            self.assertEqual(self.client.get(where, Accept=accept).bytes, b"hello", accept)

    def test_resources_are_stored_as_such_whatever_json_they_come_as(self):
        binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGVsbG8="}
        for kind in (FHIR, "application/json"):
            answer = self.client.post("Binary", binary, **{"Content-Type": kind})
            self.assertEqual(answer.status, 201, answer.bytes)
            where = answer.header("Location").split("/fhir/")[1]
            self.assertEqual(self.client.get(where).bytes, b"hello")

    def test_json_that_is_no_resource_is_content(self):
        where = self.post(b'{"a": 1}', "application/json")
        answer = self.client.get(where)
        self.assertEqual((answer.bytes, answer.header("Content-Type")),
                         (b'{"a": 1}', "application/json"))

    def test_put_makes_a_version_under_its_id(self):
        for number, content in ((1, b"one"), (2, b"two")):
            answer = self.client.put("Binary/scan", content, **{"Content-Type": "image/png"})
            self.assertEqual(answer.status, 201 if number == 1 else 200, answer.bytes)
            self.assertEqual(answer.header("ETag"), f'W/"{number}"')
        self.assertEqual(self.client.get("Binary/scan").bytes, b"two")
        self.assertEqual(self.client.get("Binary/scan/_history/1").bytes, b"one")
        again = self.client.put("Binary/scan", b"two", **{"Content-Type": "image/png"})
        self.assertEqual(again.header("ETag"), 'W/"2"')

    def test_nothing_runs_in_a_browser(self):
        for kind in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml",
                     "application/javascript"):
            answer = self.client.get(self.post(HTML, kind))
            self.assertEqual(answer.header("Content-Disposition"), "attachment", kind)
            self.assertEqual(answer.header("X-Content-Type-Options"), "nosniff")
            self.assertIn("sandbox", answer.header("Content-Security-Policy"))
        answer = self.client.get(self.post(b"%PDF-", "application/pdf"))
        self.assertEqual(answer.header("Content-Disposition"), "inline")

    def test_security_context_goes_in_and_out(self):
        where = self.post(b"x", "text/plain", **{"X-Security-Context": "Patient/1"})
        self.assertEqual(self.client.get(where).header("X-Security-Context"), "Patient/1")
        self.assertEqual(self.client.get(where, Accept=FHIR).json()["securityContext"],
                         {"reference": "Patient/1"})

    def test_ranges(self):
        content = bytes(range(256)) * 1000
        where = self.post(content, "application/octet-stream")
        size = len(content)
        for wanted, first, end in (("0-0", 0, 1), ("0-99", 0, 100), ("1-3", 1, 4), ("2-", 2, size),
                                   ("65535-70001", 65535, 70002), ("-5", size - 5, size),
                                   (f"-{size + 9}", 0, size), (f"{size - 1}-", size - 1, size),
                                   (f"100-{size * 2}", 100, size)):
            answer = self.client.get(where, Range=f"bytes={wanted}")
            self.assertEqual(answer.status, 206, wanted)
            self.assertEqual(answer.header("Content-Range"), f"bytes {first}-{end - 1}/{size}")
            self.assertEqual(answer.bytes, content[first:end], wanted)
        for wanted in (f"{size}-", "-0"):
            answer = self.client.get(where, Range=f"bytes={wanted}")
            self.assertEqual((answer.status, answer.header("Content-Range")), (416, f"bytes */{size}"))
            self.assertTrue(issues(answer))
        for passed_over in ("bytes=0-1,5-6", "lines=1-2", "bytes=5-1", "bytes=x"):
            self.assertEqual(self.client.get(where, Range=passed_over).status, 200, passed_over)
        weak = self.client.get(where, Range="bytes=0-1", **{"If-Range": 'W/"1"'})
        self.assertEqual(weak.status, 200)
        text = self.post(b"a" * 5000, "text/plain")
        part = self.client.get(text, Range="bytes=0-2999", **{"Accept-Encoding": "gzip"})
        self.assertEqual((part.header("Content-Encoding"), len(part.bytes)), (None, 3000))

    def test_white_space_in_stored_base64_is_passed_over(self):
        data = base64.encodebytes(b"0123456789" * 50).decode()
        self.client.put("Binary/lines", {"resourceType": "Binary", "id": "lines",
                                         "contentType": "text/plain", "data": data.strip()})
        answer = self.client.get("Binary/lines")
        if answer.status == 200:  # R4 allows white space in base64
            self.assertEqual(answer.bytes, b"0123456789" * 50)
            self.assertEqual(self.client.get("Binary/lines", Range="bytes=100-104").bytes, b"01234")

    def test_conditional_reading_and_head(self):
        where = self.post(b"hello", "text/plain")
        self.assertEqual(self.client.get(where, **{"If-None-Match": 'W/"1"'}).status, 304)
        head = self.client.request("HEAD", where)
        self.assertEqual((head.status, head.bytes, head.header("Content-Length")), (200, b"", "5"))

    def test_large_content_within_bounds_of_memory(self):
        content = os.urandom(40 << 20)
        before = self.server.resident()
        where = self.post(content, "application/dicom")
        answer = self.client.get(where)
        self.assertTrue(answer.bytes == content)
        self.assertEqual(self.client.get(where, Range="bytes=41000000-41000003").bytes,
                         content[41000000:41000004])
        after = self.server.resident()
        print(f"resident: {before >> 20} MB before, {after >> 20} MB behind 40 MB")
        refused = self.client.post("Binary", b"x" * (46 << 20), **{"Content-Type": "image/tiff"})
        self.assertEqual(refused.status, 413)

    def test_large_content_is_the_same_however_it_is_sent_and_answered(self):
        data = base64.b64encode(os.urandom(2 << 20)).decode()
        binary = {"resourceType": "Binary", "id": "large", "data": data, "contentType": "image/tiff",
                  "securityContext": {"reference": "Patient/data"}}
        for version, wish in enumerate(("minimal", "representation", "minimal"), 1):
            binary["contentType"] = f"image/x-{version}"
            answer = self.client.put("Binary/large", binary, Prefer=f"return={wish}")
            self.assertEqual(answer.status, 201 if version == 1 else 200, answer.bytes[:300])
            self.assertEqual(bool(answer.bytes), wish == "representation")
            found = self.client.get("Binary/large", Accept=FHIR).json()
            self.assertEqual(found.pop("meta")["versionId"], str(version))
            self.assertEqual(found, binary)
            same = self.client.put("Binary/large", binary, Prefer=f"return={wish}")
            self.assertEqual((same.status, same.header("ETag")), (200, f'W/"{version}"'))
        old = self.client.get("Binary/large/_history/1", Accept=FHIR).json()
        self.assertEqual((old["data"], old["contentType"]), (data, "image/x-1"))

    def test_in_a_batch_it_is_the_resource(self):
        where = self.post(b"hello", "text/plain")
        answer = self.client.post("", {"resourceType": "Bundle", "type": "batch", "entry": [
            {"request": {"method": "GET", "url": where}}]})
        self.assertEqual(answer.json()["entry"][0]["resource"]["resourceType"], "Binary")

    def test_a_type_that_is_none_is_refused(self):
        answer = self.client.post("Binary", b"x", **{"Content-Type": "not a  type"})
        self.assertEqual(answer.status, 422, answer.bytes)


if __name__ == "__main__":
    unittest.main()
