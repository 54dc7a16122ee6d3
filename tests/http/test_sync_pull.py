"""Pulling from a good partner: what it changes, deletes and asks for, each once and whole. What bad
ones do is in test_sync_faults.py, kills are in test_sync_kill.py.
"""

import json
import os
import unittest

import harness
from sync_harness import Exchange, Rogue
from sync_state import GOOD_TYPES, PAGE, account, pulled, queries, shape, sql, states, totals


class Pulls(unittest.TestCase):
    """What a good partner is entitled to."""

    def setUp(self):
        self.rogue = Rogue(300)
        self.addCleanup(self.rogue.close)
        self.server = harness.Server().start()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.exchange = Exchange(self.server)

    def check_state(self, spec=""):
        state = states(self.exchange).get(self.rogue.base(spec), {})
        for row in self.rogue.expect(spec)["resources"]:
            key = row["type"], row["id"]
            if row["outcome"] == "deleted":
                self.assertNotIn(key, state)
            else:
                self.assertEqual(shape(state[key]), row["shape"], key)
        return state

    def test_a_second_pull_writes_only_what_changed(self):
        self.exchange.add(pulled("good", self.rogue.base(), GOOD_TYPES))
        self.exchange.once(status=0)
        first = totals(self.exchange, "good")
        self.assertEqual(first["applied"], first["landed"])
        edited = {(r["type"], r["id"]) for r in
                  self.rogue.ask("/control/edit", {"n": 3})["rows"]}
        self.exchange.once(status=0)
        second = totals(self.exchange, "good")
        self.assertEqual(second["applied"] - first["applied"], len(edited))
        state = self.check_state()
        for key, resource in state.items():
            self.assertEqual(resource["meta"]["versionId"], "2" if key in edited else "1", key)

    def test_what_is_known_does_not_land_again(self):
        self.exchange.add(pulled("good", self.rogue.base(), GOOD_TYPES))
        self.exchange.once(status=0)
        landed = totals(self.exchange, "good")["landed"]
        self.exchange.once(status=0)
        self.assertEqual(totals(self.exchange, "good")["landed"], landed)

    def test_history_brings_deletions(self):
        made = pulled("good", self.rogue.base(), GOOD_TYPES)
        made["modes"] = {"history": {"pageSize": PAGE, "types": sorted(GOOD_TYPES)}}
        self.exchange.add(made)
        self.exchange.once(status=0)
        self.rogue.ask("/control/edit", {"n": 20, "delete": 0.5})
        self.exchange.once(status=0)
        self.check_state()
        self.assertTrue(account(self.exchange, "good")["balanced"])

    def test_two_snapshots_show_what_is_gone_and_delete_nothing(self):
        made = pulled("good", self.rogue.base(), GOOD_TYPES)
        made["modes"] = {"snapshot": {"pageSize": PAGE, "queries": queries(GOOD_TYPES)}}
        self.exchange.add(made)
        self.exchange.once(status=0)
        before = len(states(self.exchange)[self.rogue.base()])
        self.rogue.ask("/control/edit", {"n": 4, "delete": 1, "types": ["Observation"]})
        gone = sum(r["outcome"] == "deleted" for r in self.rogue.expect()["resources"])
        self.exchange.once(status=0)
        seen = account(self.exchange, "good")["resources"]["Observation"]
        self.assertEqual((seen["missing"], seen["gone"]), (gone, 0))
        self.exchange.once(status=0)
        seen = account(self.exchange, "good")["resources"]["Observation"]
        self.assertEqual((seen["missing"], seen["gone"]), (0, gone))
        self.assertEqual(len(states(self.exchange)[self.rogue.base()]), before)

    def test_two_partners_with_the_same_ids_stay_apart(self):
        for party, types in (("b", ["Observation"]), ("a", ["Patient", "Observation"])):
            self.exchange.add(pulled(party, self.rogue.base(f"W-47:party={party}"), types))
            self.exchange.once(status=0)
        self.exchange.add(pulled("b", self.rogue.base("W-47:party=b"), ["Patient", "Observation"]))
        self.exchange.once(status=0)
        found = states(self.exchange)
        mine, theirs = (found[self.rogue.base(f"W-47:party={party}")] for party in "ab")
        self.assertNotEqual(mine["Patient", "123"]["id"], theirs["Patient", "123"]["id"])
        self.assertNotEqual(shape(mine["Patient", "123"]), shape(theirs["Patient", "123"]))
        for state in (mine, theirs):
            self.assertEqual(state["Observation", "1"]["subject"]["reference"],
                             "Patient/" + state["Patient", "123"]["id"])

    def test_references_are_followed_when_asked_for(self):
        self.exchange.add(pulled("good", self.rogue.base(), ["Observation"],
                                 hydrate={"depth": 3, "number": 500}))
        self.exchange.once(status=0)
        resources = account(self.exchange, "good")["resources"]
        self.assertGreater(resources["Patient"]["present"], 0)
        self.assertEqual(resources["Patient"]["mentioned"], 0)

    def shown(self, **changes):
        """{name: our address of the Binary that a document shows}"""
        spec = "W-56"
        self.exchange.add(pulled("good", self.rogue.base(spec), ["DocumentReference"], **changes))
        self.exchange.once(status=0)
        state = states(self.exchange)[self.rogue.base(spec)]
        links = {id_: document["content"][0]["attachment"]["url"]
                 for (kind, id_), document in state.items() if kind == "DocumentReference"}
        self.assertTrue(links["w56-good"].startswith("http"), "it is no resource")
        return {id_[len("w56-binary-"):]: url for id_, url in links.items() if "binary" in id_}

    def test_attachments_become_ours_and_come_only_when_asked_for(self):
        for url in self.shown().values():
            self.assertRegex(url, "^Binary/[0-9a-f-]{36}$")
            self.assertEqual(self.server.client().get(url).status, 404)
        self.assertEqual(account(self.exchange, "good")["resources"]["Binary"]["mentioned"], 5)

    def test_attachments_that_come_are_what_the_document_says(self):
        links = self.shown(hydrate={"attachments": 1 << 20})
        client = self.server.client()
        found = {name: client.get(url).status for name, url in links.items()}
        self.assertEqual(found, {"relative": 200, "absolute": 200, "unsaid": 200, "size": 404, "hash": 404})
        said = self.exchange.isthmus("sync", "dead", "list", "good").stdout
        self.assertIn("another size", said)
        self.assertIn("another hash", said)
        self.assertIn("accepts it", said)
        # Neither another worker, which has not read the documents, nor who discards one brings it in.
        self.exchange.once(status=0)
        self.assertEqual({name: client.get(url).status for name, url in links.items()}, found)
        self.assertEqual(account(self.exchange, "good")["dead"], 2)
        number = sql(self.exchange, "select number from f_dead where rule like '%another size%'")
        self.exchange.isthmus("sync", "dead", "discard", "good", "--number", number, "--reason", "no")
        self.exchange.once(status=0)
        self.assertEqual({name: client.get(url).status for name, url in links.items()}, found)
        self.exchange.isthmus("sync", "dead", "replay", "good", "--class", "attachment")
        self.assertEqual(client.get(links["hash"]).status, 200)
        self.assertEqual(client.get(links["size"]).status, 404)

    def test_attachments_that_are_too_large_do_not_come(self):
        links = self.shown(hydrate={"attachments": 8})
        self.assertEqual({self.server.client().get(url).status for url in links.values()}, {404})

    def test_a_partner_that_asks_for_hours_is_left_alone_over_restarts(self):
        base = self.rogue.base("W-01:form=5h")
        self.exchange.add(pulled("slow", base, ["Patient"]))
        for _ in range(2):
            self.exchange.once(status=1)
        self.assertIn("asked to wait until", self.exchange.isthmus("sync", "status").stdout)
        self.assertFalse(self.rogue.ask("/control/state").get("violations"))

    def test_paused_partners_rest(self):
        self.exchange.add(pulled("good", self.rogue.base(), ["Patient"]))
        said = self.exchange.isthmus("partner", "pause", "good", "--reason", "they move house").stdout
        self.assertIn("good: paused", said)
        self.assertIn("they move house", self.exchange.isthmus("partner", "status", "good").stdout)
        for action in ("status", "pause", "resume"):  # a name that is misspelled
            self.assertIn("no partner god", self.exchange.isthmus("partner", action, "god", status=1).stderr)
        self.exchange.once(status=0)
        self.assertEqual(account(self.exchange, "good")["accounts"], [])
        self.assertIn("good: not paused", self.exchange.isthmus("partner", "resume", "good").stdout)
        self.exchange.once(status=0)
        self.assertGreater(totals(self.exchange, "good")["applied"], 0)


class Commands(unittest.TestCase):
    """What needs no database."""

    def test_a_document_is_checked_to_the_last_key(self):
        folder = harness.scratch()
        path = os.path.join(folder, "p.json")
        made = pulled("a", "http://a.example/fhir", ["Patient"])
        made["limits"]["rsp"] = 1
        with open(path, "w") as file:
            json.dump(made, file)
        done = harness.run("partner", "add", path, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("limits.rsp", done.stderr)
        self.assertIn("did you mean rps?", done.stderr)

    def test_probe_proposes_a_document_that_is_right(self):
        rogue = Rogue(60)
        self.addCleanup(rogue.close)
        done = harness.run("partner", "probe", rogue.base(), "--network", "127.0.0.1/32", "--id", "x")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertTrue(found["found"]["lastUpdated"])
        self.assertIn("search", found["proposal"]["modes"])
        path = os.path.join(harness.scratch(), "p.json")
        with open(path, "w") as file:
            json.dump(found["proposal"], file)
        self.assertEqual(harness.run("partner", "add", path, "--check").returncode, 0)

    def test_probe_notices_what_is_ignored(self):
        rogue = Rogue(60)
        self.addCleanup(rogue.close)
        done = harness.run("partner", "probe", rogue.base("W-22"), "--network", "127.0.0.1/32")
        found = json.loads(done.stdout)
        self.assertFalse(found["found"]["lastUpdated"])
        self.assertNotIn("search", found["proposal"]["modes"])

    def test_probe_proposes_what_suits_the_fault(self):
        rogue = Rogue(60)
        self.addCleanup(rogue.close)
        good = {"lastUpdated": True, "since": True, "refused": {}}
        cases = (
            ("", good, {"search", "snapshot"}, {}),
            ("W-22", {"lastUpdated": False, "since": True}, {"history", "snapshot"}, {}),
            ("W-22:form=silent", {"lastUpdated": False, "since": False}, {"snapshot"}, {}),
            ("W-22:form=since", {"lastUpdated": True, "since": False}, {"search", "snapshot"}, {}),
            ("W-22:form=count", {"countHonoured": False}, {"search", "snapshot"}, {}),
            ("W-23", {"lastUpdated": False, "history": False, "times": False}, {"snapshot"}, {}),
            ("W-18:form=internal", {"nextLinkIsOnThisHost": False}, {"search", "snapshot"},
             {"linkRewrite": True}),
            ("W-05", good, {"search", "snapshot"}, {}), ("W-04", good, {"search", "snapshot"}, {}),
            ("W-28", good, {"search", "snapshot"}, {}), ("W-27", good, {"search", "snapshot"}, {}),
            ("W-02:form=403;type=Condition;times=-1", {"refused": {"Condition": 403}},
             {"search", "snapshot"}, {}))
        for spec, found, modes, more in cases:
            with self.subTest(spec=spec):
                done = harness.run("partner", "probe", rogue.base(spec), "--network", "127.0.0.1/32")
                self.assertEqual(done.returncode, 0, done.stderr)
                said = json.loads(done.stdout)
                self.assertEqual({name: said["found"].get(name) for name in found}, found)
                proposal = said["proposal"]
                self.assertEqual(set(proposal["modes"]), modes)
                self.assertEqual(proposal.get("linkRewrite"), more.get("linkRewrite"))
                every = proposal["modes"]["snapshot"]["every"]
                self.assertEqual(every, "P7D" if len(modes) > 1 else "P1D")
                types = [query["type"] for query in proposal["modes"]["snapshot"]["queries"]]
                self.assertEqual(set(types) & set(said["found"].get("refused", {})), set())
                self.assertIn("Patient", types)

    def test_probe_says_why_there_is_nothing_to_pull(self):
        rogue = Rogue(60)
        self.addCleanup(rogue.close)
        for spec, words in (("W-02:form=403;times=-1", "none of its types can be searched"),
                            ("W-01:form=5h", "left alone for 1")):
            with self.subTest(spec=spec):
                done = harness.run("partner", "probe", rogue.base(spec), "--network", "127.0.0.1/32")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(words, done.stderr)

    def test_probe_does_not_reach_into_this_machine_unasked(self):
        rogue = Rogue(60)
        self.addCleanup(rogue.close)
        done = harness.run("partner", "probe", rogue.base())
        self.assertEqual(done.returncode, 1)
        self.assertIn("internal", done.stderr)


if __name__ == "__main__":
    unittest.main()
