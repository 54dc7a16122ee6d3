"""Methods, paths, headers and limits around the interactions (R4 http.html, RFC 9110)."""

import unittest

from harness import Client, Server, ServerCase, issues

BASE = "https://public.example/r4"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Protocol(ServerCase):
    arguments = ["--cors-origins", "http://a.example http://b.example", "--include-max", "3",
                 "--bundle-entries", "5", "--body-size", "1M", "--json-depth", "16",
                 "--query-parameters", "10"]

    @classmethod
    def prepare(cls):
        cls.client.put("Patient/one", {"resourceType": "Patient", "id": "one"})
        for number in range(4):
            cls.client.put(f"Observation/o{number}", {
                "resourceType": "Observation", "id": f"o{number}", "status": "final",
                "code": {"text": "x"}, "subject": {"reference": "Patient/one"}})

    def test_allow_names_each_method_once_and_head_only_with_get(self):
        for method, path, allowed in (("PUT", "", "POST, GET, HEAD, OPTIONS"),
                                      ("POST", "Patient/one", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
                                      ("GET", "Patient/_search", "POST, OPTIONS"),
                                      ("POST", "_history", "GET, HEAD, OPTIONS")):
            answer = self.client.request(method, path)
            self.assertEqual(answer.status, 405, path)
            self.assertEqual(answer.header("Allow"), allowed, path)

    def test_a_percent_encoded_id_is_the_same_id(self):
        self.assertEqual(self.client.get("Patient/%6Fne").status, 200)
        for path in ("Patient/one%00", "Patient/one%2F_history", "Patient/%", "Patient/" + "x" * 65):
            self.assertEqual(self.client.get(path).status, 400, path)
        self.assertEqual(self.client.get("Patient/one/").status, 200)

    def test_head_says_what_get_would(self):
        for path in ("Patient/one", "Patient", "Patient/one/_history", "metadata", "Patient/none"):
            get, head = self.client.get(path), self.client.request("HEAD", path)
            self.assertEqual((head.status, head.bytes), (get.status, b""), path)
            for name in ("ETag", "Content-Type", "Last-Modified"):
                self.assertEqual(head.header(name), get.header(name), path)

    def test_answers_to_one_origin_are_not_kept_for_another(self):
        for origin, allowed in (("http://a.example", "http://a.example"),
                                ("http://evil.example", None)):
            answer = self.client.get("Patient/one", Origin=origin)
            self.assertEqual(answer.header("Access-Control-Allow-Origin"), allowed)
            self.assertIn("Origin", answer.headers.get_all("Vary"))

    def test_a_form_may_say_how_the_answer_should_look(self):
        answer = self.client.request("POST", "Patient/_search", "_id=one&_pretty=true", FORM)
        self.assertIn(b"\n", answer.bytes)
        answer = self.client.request("POST", "Patient/_search?_id=one", "_format=papyrus", FORM)
        self.assertEqual(answer.status, 406)
        answer = self.client.request("POST", "Patient/_search?_id=one", "_id=two", FORM)
        self.assertNotIn("entry", answer.json())

    def test_limits_are_told_and_the_connection_goes_on(self):
        for answer, status in (
                (self.client.get("Patient?_id=one&_revinclude=Observation:subject"), 422),
                (self.client.post("", {"resourceType": "Bundle", "type": "batch", "entry": [
                    {"request": {"method": "GET", "url": "Patient/one"}}] * 6}), 413),
                (self.client.post("Patient", b" " * (1 << 20) + b"{}"), 413),
                (self.client.post("Patient", '{"resourceType":"Patient","extension":'
                                  + '[{"extension":' * 20 + "[]" + "}]" * 20 + "}"), 413),
                (self.client.get("Patient?_id=" + ",".join("abcdefghijk")), 400),
                (self.client.get("Patient?name=" + "x" * 70000), 431)):
            self.assertEqual(answer.status, status, answer.bytes)
            self.assertTrue(issues(answer))
            self.assertEqual(self.client.get("Patient/one").status, 200)

    def test_as_many_as_the_limit_come_along(self):
        answer = self.client.get("Observation?_id=o0,o1,o2,o3&_include=Observation:subject")
        self.assertEqual(len(answer.json()["entry"]), 5)
        self.client.delete("Observation/o3")
        answer = self.client.get("Patient?_id=one&_revinclude=Observation:subject")
        self.assertEqual(len(answer.json()["entry"]), 4)
        self.client.put("Observation/o3", {
            "resourceType": "Observation", "id": "o3", "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/one"}})


class Answers(ServerCase):
    """What the client is told about a write."""

    arguments = ["--threads", "1"]

    def test_preferences_may_be_quoted_and_have_parameters(self):
        for prefer, size in (("return=minimal", 0), ('return="minimal"', 0), ("Return = minimal", 0),
                             ('wait=5, return="minimal"; x="y"', 0), ("return=", 1), ("minimal", 1),
                             ("return=minimal-ish", 1), ('return="representation"', 1)):
            answer = self.client.post("Patient", {"resourceType": "Patient"}, Prefer=prefer)
            self.assertEqual(answer.status, 201)
            self.assertEqual(min(len(answer.bytes), 1), size, prefer)
        strict = self.client.get("Patient?nonsense=1")
        self.assertEqual(strict.status, 400)
        self.assertEqual(self.client.get("Patient?nonsense=1", Prefer='handling="lenient"').status, 200)

    def test_a_conditional_write_names_what_it_was_about(self):
        value = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": "named"}]}
        where = "identifier=urn:x|named"
        wish = {"Prefer": "return=minimal"}
        made = self.client.post("Patient", value, **{"If-None-Exist": where, **wish})
        self.assertEqual(made.status, 201)
        name = made.header("Location").rsplit("/_history", 1)[0]
        again = self.client.post("Patient", value, **{"If-None-Exist": where, **wish})
        updated = self.client.put(f"Patient?{where}", dict(value, active=True), **wish)
        patched = self.client.request(
            "PATCH", f"Patient?{where}", '[{"op":"remove","path":"/active"}]',
            {"Content-Type": "application/json-patch+json", **wish})
        for version, answer in ((1, again), (2, updated), (3, patched)):
            self.assertEqual((answer.status, answer.bytes), (200, b""))
            self.assertEqual(answer.header("Location"), f"{name}/_history/{version}")
        known = self.client.put("Patient/known", {"resourceType": "Patient", "id": "known"}, **wish)
        self.assertEqual(known.status, 201)
        known = self.client.put("Patient/known", {"resourceType": "Patient", "id": "known"}, **wish)
        self.assertEqual((known.status, known.header("Location")), (200, None))


class PublicServer(Server):
    """Announces the base that clients use; still reached where it listens."""

    @property
    def base(self):
        return BASE


class PublicBase(unittest.TestCase):
    def test_paging_on_the_public_base_ends_and_misses_nothing(self):
        with PublicServer(arguments=["--base-url", BASE]) as server:
            client = Client(server.root + "/fhir")
            self.addCleanup(client.close)
            names = [f"g{number:02}" for number in range(30)]
            for name in names:
                made = client.put(f"Group/{name}", group(name))
                self.assertEqual(made.header("Location"), f"{BASE}/Group/{name}/_history/1")
            for path in ("Group?_count=7", "Group/_history?_count=7"):
                self.assertEqual(sorted(self.follow(client, path)), names, path)

    def follow(self, client, path):
        """The ids on all pages, while others write between them."""
        found = []
        for page in range(20):
            bundle = client.get(path).json()
            links = {link["relation"]: link["url"] for link in bundle["link"]}
            self.assertTrue(all(url.startswith(BASE + "/Group") for url in links.values()))
            found += [entry["resource"]["id"] for entry in bundle["entry"]
                      if entry["resource"]["id"].startswith("g")]
            client.put(f"Group/other-{page}", group(f"other-{page}"))
            if "next" not in links:
                return found
            path = links["next"][len(BASE) + 1:]
        raise AssertionError("paging does not end")


def group(name):
    return {"resourceType": "Group", "id": name, "type": "person", "actual": True}


if __name__ == "__main__":
    unittest.main()
