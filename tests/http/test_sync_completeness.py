"""Whether a partner, and the record of a patient, can be relied on: /partners/ID/completeness and
/completeness?patient=ID; and what is kept of the windows that they are about.
"""

import json
import unittest
import urllib.error
import urllib.request

import harness
import sync_case
from sync_harness import Rogue
from sync_state import account, pulled, sql

COUNTS = ("expected", "landed", "applied", "unchanged", "older", "dead", "waiting")


class Case(sync_case.Case):
    RESOURCES = None

    def setUp(self):
        """The partner has what the test itself gives it."""
        super().setUp()
        self.rogue = Rogue()
        self.addCleanup(self.rogue.close)

    def put(self, kind, id_, **content):
        """Something new at the partner."""
        self.rogue.ask("/control/data", {"resourceType": kind, "id": id_, **content})

    def ask(self, path, method="GET"):
        request = urllib.request.Request(self.server.root + path, method=method)
        try:
            with urllib.request.urlopen(request, None, harness.PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())

    def partner(self):
        status, said = self.ask(f"/partners/{self.name}/completeness")
        self.assertEqual(status, 200, said)
        return said

    def local(self, kind, id_):
        """Our id of what the partner calls so."""
        client = self.server.client()
        found = client.get(f"{kind}?_source={self.rogue.base(self.spec)}/{kind}/{id_}").json()["entry"]
        self.assertEqual(len(found), 1)
        return found[0]["resource"]["id"]


class Partners(Case):
    def test_what_has_come_is_complete_and_says_to_when(self):
        self.add(["Patient", "Observation"])
        said = self.partner()
        self.assertFalse(said["complete"])
        self.assertIsNone(said["completeTo"])
        self.assertIn(f"{self.name}: search of Patient has not begun yet.", said["reasons"])

        self.put("Patient", "c1")
        self.once()
        said = self.partner()
        self.assertEqual((said["complete"], said["reasons"]), (True, []))
        self.assertEqual((said["state"], said["deadLetters"], said["incompleteWindows"]),
                         ("active", {}, []))
        books = {a["type"]: a for a in account(self.exchange, self.name)["accounts"]}
        self.assertEqual({p["type"] for p in said["pulls"]}, {"Patient", "Observation"})
        for pull in said["pulls"]:
            self.assertTrue(pull["configured"] and pull["balanced"])
            self.assertEqual([pull[c] for c in COUNTS], [books[pull["type"]][c] for c in COUNTS])
        self.assertEqual(said["completeTo"], min(p["lastComplete"] for p in said["pulls"]))

        # What is asked for no longer does not count any more.
        self.add(["Patient"])
        said = self.partner()
        self.assertEqual({p["type"]: p["configured"] for p in said["pulls"]},
                         {"Patient": True, "Observation": False})
        self.assertTrue(said["complete"])

    def test_every_doubt_has_its_reason(self):
        document = self.add(["Patient"])
        self.put("Patient", "c2")
        self.put("Patient", "c3", birthDate=["no", "date"])
        self.once()
        said = self.partner()
        self.assertEqual(said["deadLetters"], {"structural": 1})
        self.assertEqual(said["reasons"], [f"{self.name}: 1 records came that could not be applied."])
        self.exchange.isthmus("sync", "dead", "discard", self.name, "--reason", "a test")
        self.assertTrue(self.partner()["complete"])

        mine = f"partner = (select number from f_partner where name = '{self.name}')"
        sql(self.exchange, f"update f_sync_window set closed = closed - interval '2 hours' where {mine}")
        [reason] = self.partner()["reasons"]
        self.assertIn("search of Patient has not reached the present since 20", reason)
        self.once()
        self.assertTrue(self.partner()["complete"])
        self.exchange.isthmus("partner", "pause", self.name, "--reason", "they asked")
        said = self.partner()
        self.assertEqual((said["state"], said["reasons"]), ("paused", [f"{self.name}: it is paused: they asked."]))
        self.exchange.isthmus("partner", "resume", self.name)

        self.exchange.add({**document, "base": self.rogue.base("W-02:form=403;type=Patient;times=-1")})
        self.once(1)
        said = self.partner()
        self.assertEqual([p["gaps"] for p in said["pulls"]], [1])
        self.assertEqual(len(said["incompleteWindows"]), 1)
        self.assertIn(f"{self.name}: search of Patient was given up: ", said["reasons"][0])
        self.exchange.add({**document, "name": "mended"})
        self.once()
        said = self.partner()
        self.assertTrue(said["complete"], said["reasons"])
        self.assertEqual(len(said["incompleteWindows"]), 1, "it was, but is no gap any more")

    def test_what_cannot_be_asked(self):
        for path, method, status in (
                ("/partners/nobody/completeness", "GET", 404), ("/completeness", "GET", 400),
                ("/completeness?patient=", "GET", 400), ("/completeness?patient=nobody", "GET", 404),
                ("/completeness?patient=a&patient=b", "GET", 400), ("/completeness?who=a", "GET", 400),
                ("/completeness?patient=a", "POST", 405), ("/partners//completeness", "GET", 404),
                ("/partners/a/b/completeness", "GET", 404), ("/partners/a", "GET", 404)):
            with self.subTest(path=path, method=method):
                found, said = self.ask(path, method)
                self.assertEqual((found, said["resourceType"]), (status, "OperationOutcome"))

    def test_what_is_old_is_counted_and_kept_no_longer(self):
        self.add(["Patient"], keep="P2D")
        for i in range(3):
            self.put("Patient", f"k{i}")
            if i == 1:
                self.put("Patient", "k-dead", birthDate=["no", "date"])
            self.once()
        before = account(self.exchange, self.name)
        mine = f"partner = (select number from f_partner where name = '{self.name}')"

        def kept():
            return int(sql(self.exchange, f"select count(*) from f_sync_window where {mine}"))
        self.assertEqual(kept(), 3)
        sql(self.exchange, f"update f_sync_window set closed = closed - interval '1 day' where {mine}")
        self.once()
        self.assertEqual(kept(), 4, "nothing is too old")
        sql(self.exchange, f"update f_sync_window set closed = closed - interval '2 days' where {mine}")
        self.once()
        self.assertEqual(kept(), 3, "the one with a dead letter, the newest, and one more")
        after = account(self.exchange, self.name)
        self.assertTrue(after["balanced"])
        for counted in ("applied", "older", "dead"):
            self.assertEqual(after["accounts"][0][counted],
                             before["accounts"][0][counted], counted)
        self.assertEqual(after["accounts"][0]["complete"], 5)
        self.assertEqual(self.partner()["deadLetters"], {"structural": 1})

    def test_a_window_in_which_nothing_came_is_kept_for_an_hour(self):
        self.add(["Patient"])
        self.put("Patient", "e1")
        mine = f"partner = (select number from f_partner where name = '{self.name}')"

        def kept():
            return sql(self.exchange, f"select string_agg(landed::text, ' ' order by number)"
                                      f" from f_sync_window where {mine}")
        for _ in range(3):
            self.once()
        self.assertRegex(kept(), r"^\d+ 0 0$")
        sql(self.exchange, f"update f_sync_window set closed = closed - interval '2 hours' where {mine}")
        self.once()
        self.assertRegex(kept(), r"^\d+ 0 0$", "the newest before this one says that all is well")
        books = account(self.exchange, self.name)["accounts"][0]
        self.assertEqual((books["complete"], books["applied"]), (4, books["landed"]))


class Patients(Case):
    def record(self, id_, partner=None):
        status, said = self.ask((f"/partners/{partner}" if partner else "") + f"/completeness?patient={id_}")
        self.assertEqual(status, 200, said)
        return said

    def test_a_record_can_be_relied_on_or_not(self):
        self.add(["Patient", "Observation", "Practitioner"])
        self.put("Patient", "r1", name=[{"family": "Relied"}])
        self.put("Observation", "r2", status="final", code={"text": "weight"},
                 subject={"reference": "Patient/r1"}, performer=[{"reference": "Practitioner/r3"}])
        self.once()
        patient = self.local("Patient", "r1")
        said = self.record(patient)
        self.assertEqual(said["references"], {"of": 2, "different": 2, "all": True, "notCome": 1,
                                              "types": {"Practitioner": 1}})
        self.assertEqual(said["reasons"], ["1 resources that the record refers to have not come."])
        [source] = said["sources"]
        self.assertEqual((source["partner"], source["presence"], source["origin"]),
                         (self.name, "present", True))
        self.assertIsNotNone(source["completeTo"])

        self.put("Practitioner", "r3")
        self.once()
        said = self.record("Patient/" + patient)
        self.assertEqual((said["complete"], said["reasons"]), (True, []))

        # Something of this patient, of another, and of nobody knows whom.
        self.put("Observation", "r4", status=["final"], code={"text": "weight"},
                 subject={"reference": "Patient/r1"})
        self.put("Observation", "r5", status=["final"], code={"text": "weight"},
                 subject={"reference": "Patient/r9"})
        self.once()
        said = self.record(patient)
        [letter] = said["deadLetters"]
        self.assertEqual((letter["partner"], letter["class"], letter["type"], letter["where"]),
                         (self.name, "structural", "Observation", "Observation.status[0]"))
        self.assertFalse(said["complete"])
        self.exchange.isthmus("sync", "dead", "discard", self.name, "--number", str(letter["number"]),
                              "--reason", "a test", "--by", "Ann", "--second", "Bob")
        self.assertTrue(self.record(patient)["complete"])
        self.put("Patient", "r6" * 600)
        self.once()
        [source] = self.record(patient)["sources"]
        self.assertEqual(source["unreadable"], 1)

    def test_each_source_answers_for_itself(self):
        client = self.server.client()
        client.put("Patient/own", {"resourceType": "Patient", "id": "own"})
        said = self.record("own")
        self.assertEqual((said["complete"], said["sources"]), (True, []))
        self.add(["Patient"])
        first = "https://first.example/fhir/Patient/9"
        self.put("Patient", "s1", meta={"source": first})
        self.once()
        patient = client.get(f"Patient?_source={first}").json()["entry"][0]["resource"]["id"]
        self.assertTrue(self.record(patient, self.name)["complete"])
        said = self.record("own", self.name)
        self.assertEqual(said["reasons"], [f"{self.name}: nothing of this patient has come from there."])

        # Another partner has the same: both say where it came from first.
        other = pulled("other", self.rogue.base("slow:ms=1;of=another"), ["Patient"])
        self.exchange.add(other)
        self.exchange.once("--partner", "other", status=0)
        said = self.record(patient)
        self.assertEqual([(s["partner"], s["origin"]) for s in said["sources"]],
                         [(self.name, True), ("other", False)])
        self.exchange.isthmus("partner", "pause", "other")
        self.assertFalse(self.record(patient)["complete"])
        self.assertTrue(self.record(patient, self.name)["complete"])
        client.delete(f"Patient/{patient}")
        status, said = self.ask(f"/completeness?patient={patient}")
        self.assertEqual((status, said["resourceType"]), (410, "OperationOutcome"))


if __name__ == "__main__":
    unittest.main()
