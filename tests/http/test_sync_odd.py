"""Pulling from partners that are odd in ways of their own: what they withhold, what cannot be followed, and
configurations that change under way.
"""

import json
import threading
import unittest
import urllib.request

import harness
import sync_case
from odd_partner import Odd, bundle, resource
from sync_harness import partner
from sync_state import account, sql


class Case(sync_case.Case):
    RESOURCES = None

    def begin(self, answer, **modes):
        """A partner that answers so, added with these modes."""
        odd = Odd(answer)
        self.addCleanup(odd.close)
        self.addCleanup(self.exchange.isthmus, "partner", "remove", self.name, status=None)
        self.change(odd, **modes)
        return odd

    def change(self, odd, more=None, **modes):
        self.exchange.add({**partner(self.name, odd.base, **modes), **(more or {})})

    def accounts(self):
        """{(mode, type): account}"""
        return {(a["mode"], a["type"]): a for a in account(self.exchange, self.name)["accounts"]}

    def resources(self, kind):
        return account(self.exchange, self.name)["resources"][kind]

    def completeness(self):
        url = f"{self.server.root}/partners/{self.name}/completeness"
        with urllib.request.urlopen(url, None, harness.PATIENCE) as answer:
            return json.loads(answer.read())

    def until(self, true, why=lambda: ""):
        self.assertTrue(harness.until(lambda: bool(true()), True), why())


def search(*kinds, **more):
    return {"queries": [{"type": kind} for kind in kinds], **more}


def patients(*ids, **more):
    return bundle(*(resource("Patient", id_) for id_ in ids), **more)


class Withheld(Case):
    """OperationOutcomes among the entries."""

    def test_an_error_within_a_page_is_no_page(self):
        spoilt = [True]

        def answer(path, query):
            if spoilt[0]:
                return patients("1", remark=("error", "too-costly"))
            return patients("1") if "_lastUpdated" in query else patients("1", "2")
        odd = self.begin(answer, search=search("Patient"))
        self.once(1)
        self.assertGreater(odd.count("Patient"), 1, "it is asked for again")
        [window] = account(self.exchange, self.name)["incompleteWindows"]
        self.assertIn("reports an error (too-costly)", window["reason"])
        spoilt[0] = False
        self.once()
        self.assertNotIn("_lastUpdated", odd.asked[-1], "the cursor has not moved")
        self.assertEqual(self.resources("Patient")["present"], 2)

    def test_what_is_less_than_the_whole_is_not_forgotten(self):
        remark = [("warning", "suppressed")]

        def answer(path, query):
            return patients("1", remark=remark[0])
        odd = self.begin(answer, search=search("Patient"))
        self.once()
        self.assertEqual(self.accounts()["search", "Patient"]["partial"], 1)
        said = self.completeness()
        self.assertFalse(said["complete"])
        self.assertIn("may be less than the whole", said["reasons"][0])

        remark[0] = ("information", "informational")
        self.once()
        self.assertEqual(self.accounts()["search", "Patient"]["partial"], 1)
        self.assertIn("(warning, suppressed)", self.exchange.isthmus("sync", "account", self.name).stdout)
        remark[0] = None
        self.once()
        self.assertIn("1 answers may be less than the whole",
                      self.exchange.isthmus("sync", "status", "--partner", self.name).stdout)

        self.change(odd, search=search("Patient"), snapshot=search("Patient"))
        self.once()
        self.assertEqual(self.accounts()["search", "Patient"]["partial"], 0, "a snapshot has it all")
        self.assertTrue(self.completeness()["complete"])

    def test_a_snapshot_that_is_not_whole_shows_nothing_to_be_gone(self):
        shown = [patients("1", "2")]
        self.begin(lambda path, query: shown[0], snapshot=search("Patient"))
        self.once()
        shown[0] = patients("1", remark=("warning", "suppressed"))
        for _ in range(3):
            self.once()
        found = self.resources("Patient")
        self.assertEqual((found["present"], found["missing"], found["gone"]), (2, 0, 0))
        shown[0] = patients("1", remark=("information", "informational"))
        for _ in range(2):
            self.once()
        found = self.resources("Patient")
        self.assertEqual((found["present"], found["missing"], found["gone"]), (1, 0, 1))


class Followed(Case):
    """References to what no query brings."""

    REFERRING = bundle(*(resource("Encounter", f"e{i}", status="finished",
                                  **{"class": {"code": "AMB"}}, subject={"reference": f"Patient/{name}"})
                         for i, name in enumerate(("bad", "good", "none"))))

    def test_what_fails_is_asked_for_once_and_again_another_time(self):
        broken = [True]

        def answer(path, query):
            if path == "Patient/bad" and broken[0]:
                return 500
            if path.startswith("Patient/"):
                return 404 if path.endswith("none") else resource("Patient", path.partition("/")[2])
            return self.REFERRING
        odd = self.begin(answer, search=search("Encounter"))
        self.change(odd, {"hydrate": {"depth": 2, "number": 10}}, search=search("Encounter"))
        self.once()
        self.assertEqual({name: odd.count(f"Patient/{name}") for name in ("bad", "good", "none")},
                         {"bad": 1, "good": 1, "none": 1})
        found = self.resources("Patient")
        self.assertEqual((found["present"], found["mentioned"]), (1, 2))
        broken[0] = False
        self.once()
        self.assertEqual(self.resources("Patient")["present"], 2)

    def test_a_partner_that_fails_each_time_is_left_alone(self):
        many = bundle(*(resource("Encounter", f"e{i}", status="finished", **{"class": {"code": "AMB"}},
                                 subject={"reference": f"Patient/{i}"}) for i in range(20)))
        for status, asked in ((503, 3), (401, 3), (400, 20)):
            odd = self.begin(lambda path, query, said=status: said if path.startswith("Patient/") else many,
                             search=search("Encounter"))
            self.change(odd, {"hydrate": {"depth": 1, "number": 100}}, search=search("Encounter"))
            self.once()
            self.assertEqual(odd.count("Patient/"), asked, status)

    def test_pulls_do_not_wait_for_it(self):
        waiting, go = threading.Event(), threading.Event()

        def answer(path, query):
            if path.startswith("Patient/"):
                waiting.set()
                go.wait(harness.PATIENCE)
                return 404
            return self.REFERRING
        odd = self.begin(answer, search=search("Encounter"))
        self.addCleanup(go.set)
        self.change(odd, {"hydrate": {"depth": 1, "number": 10},
                          "limits": {"rps": 1000, "concurrency": 4, "timeout": "PT600S"}},
                    search=search("Encounter", every="PT0.05S"))
        worker = harness.spawn(harness.ISTHMUS, "sync", "--data", self.exchange.data, "--base-url",
                               self.server.base, "--partner", self.name)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        self.assertTrue(waiting.wait(harness.PATIENCE))
        before = odd.count("Encounter")
        self.until(lambda: odd.count("Encounter") > before + 3)


class Configured(Case):
    def test_two_dates_of_one_type_are_two_pulls(self):
        refused = [False]

        def answer(path, query):
            if "recorded-date" in query:
                return 403 if refused[0] else bundle(resource("Condition", "recorded", subject={"display": "x"}))
            return bundle(resource("Condition", "begun", subject={"display": "x"}))
        odd = self.begin(answer, search={"queries": [
            {"type": "Condition", "clock": clock, "lookback": "P30D"} for clock in ("onset-date", "recorded-date")]})
        self.once()
        self.assertEqual(self.resources("Condition")["present"], 2)
        queries = {a["query"]: a for a in account(self.exchange, self.name)["accounts"]}
        self.assertEqual({name: a["landed"] for name, a in queries.items()}, {"onset-date": 1, "recorded-date": 1})
        self.assertEqual(odd.count("Condition"), 2)
        self.assertIn("not seen: updates of what is older",
                      self.exchange.isthmus("sync", "account", self.name).stdout)

        refused[0] = True
        self.once(1)
        gaps = {pull["query"]: pull["gaps"] for pull in self.completeness()["pulls"]}
        self.assertEqual(gaps, {"onset-date": 0, "recorded-date": 1})

    def test_what_is_asked_for_no_longer_does_not_stay_open(self):
        def answer(path, query):
            if path == "Patient":
                return patients("1")
            return (429, {"Retry-After": "7200"}) if "page" in query else bundle(
                resource("Group", "1", type="person", actual=True), after="Group?page=2")
        odd = self.begin(answer, search=search("Group", "Patient"))
        self.once(1)
        self.assertEqual(self.accounts()["search", "Group"]["open"], 1)
        sql(self.exchange, f"update f_partner set not_before = null where name = '{self.name}'")
        self.change(odd, search=search("Patient"))
        self.once()
        self.assertEqual(self.accounts()["search", "Group"]["open"], 0)
        [window] = account(self.exchange, self.name)["incompleteWindows"]
        self.assertIn("not asked for any more", window["reason"])
        self.assertTrue(self.completeness()["complete"])

    def test_a_window_does_not_go_on_at_another_server(self):
        key = {"headers": {"X-Test": "secret"}}

        def old_answer(path, query):
            return (429, {"Retry-After": "7200"}) if "page" in query else patients("1", after="Patient?page=2")

        old, new = Odd(old_answer), Odd(lambda path, query: patients("1", "2"))
        self.addCleanup(old.close)
        self.addCleanup(new.close)
        self.addCleanup(self.exchange.isthmus, "partner", "remove", self.name, status=None)
        self.change(old, search=search("Patient"))
        self.once(1)
        self.assertEqual(self.accounts()["search", "Patient"]["open"], 1)
        asked = len(old.asked)
        self.change(new, key, search=search("Patient"))
        sql(self.exchange, f"update f_partner set not_before = null where name = '{self.name}'")
        self.once()
        self.assertEqual(len(old.asked), asked, "nothing, and no key, goes to the old one")
        self.assertEqual(new.headers[-1].get("X-Test"), "secret")
        self.assertEqual(self.resources("Patient")["present"], 2)
        [window] = account(self.exchange, self.name)["incompleteWindows"]
        self.assertIn("address has changed", window["reason"])
        self.assertTrue(self.completeness()["complete"], "it has been made up for")


if __name__ == "__main__":
    unittest.main()
