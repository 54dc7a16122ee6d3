"""Pulling from a partner that misbehaves: the final state is that of a good one, or the gap has a name.

The partner is tests/rogue: each fault is a base, and so a partner, of its own over the same data.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import unittest
import urllib.parse

import harness

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(harness.ROOT, "tests"))

from rogue import fhirjson  # noqa: E402
from sync_harness import Rogue  # noqa: E402

RESOURCES = 120
PAGE = 20
KILLS = int(os.environ.get("ISTHMUS_TEST_KILLS", "30"))


class Exchange:
    """A server, and `isthmus sync` beside it on its database."""

    def __init__(self, server):
        self.server = server
        self.data = os.path.join(server.folder, "data")

    def isthmus(self, *arguments, status=0):
        done = harness.run(*arguments, "--data", self.data)
        if status is not None and done.returncode != status:
            raise AssertionError(f"{arguments}: status {done.returncode}\n{done.stderr[-4000:]}")
        return done

    def add(self, document):
        path = os.path.join(self.server.folder, f"{document['id']}.json")
        with open(path, "w") as file:
            json.dump(document, file)
        self.isthmus("partner", "add", path)

    def sync(self, *arguments, status=None):
        return self.isthmus("sync", "--once", *arguments, status=status)

    def account(self, partner):
        return json.loads(self.isthmus("sync", "account", partner, "--json").stdout)

    def state(self, base):
        """{(type, id at the partner): shape} of what came from a base."""
        return self.states().get(base, {})

    def states(self):
        client = self.server.client()
        found = {}
        for path in ["_history?_count=1000"]:
            seen = set()
            while path:
                page = client.get(path).json()
                for entry in page.get("entry", ()):
                    url = entry["request"]["url"]
                    name = "/".join(url.split("/")[:2]) if "resource" not in entry else \
                        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
                    if name in seen:
                        continue
                    seen.add(name)
                    resource = entry.get("resource")
                    source = (resource or {}).get("meta", {}).get("source", "")
                    if not resource or "/fhir/" not in source:
                        continue
                    base, _, rest = source.partition("/fhir/")
                    kind, _, id_ = rest.partition("/")
                    id_ = urllib.parse.unquote(id_.split("#")[0])
                    found.setdefault(base + "/fhir", {})[kind, id_] = resource
                path = next((link["url"].split("/fhir/")[1] for link in page.get("link", ())
                             if link["relation"] == "next"), None)
        return found


def shape(resource):
    return fhirjson.hashes(fhirjson.dumps(resource))[1]


def document(name, base, types, **changes):
    queries = [{"type": kind} for kind in sorted(types)]
    return {
        "id": name, "base": base, "networks": ["127.0.0.1/32"],
        "limits": {"rps": 5000, "concurrency": 4, "timeout": "PT5S", "pageBytes": 33554432},
        "retry": {"first": "PT0.02S", "longest": "PT0.2S", "tries": 5},
        "modes": {"search": {"overlap": "PT10M", "pageSize": PAGE, "queries": queries}},
        **changes}


GOOD_TYPES = {"Condition", "DiagnosticReport", "Encounter", "MedicationRequest", "Observation",
              "Organization", "Patient", "Practitioner"}

# A fault, what must be configured for it, and whether the gap must be named instead.
FAULTS = [
    ("", {}, None),
    ("W-01:form=seconds+date+past+negative+garbage+absent", {}, None),
    ("W-02", {}, None),
    ("W-02:form=403;type=Condition;times=-1", {}, "answers 403"),
    ("W-03", {}, "answers 500"),
    ("W-03:form=400", {}, None),
    ("W-04", {}, None),
    ("W-05", {}, None),
    ("W-06", {}, None),
    ("W-07:mb=4", {}, None),
    ("W-08", {}, None),
    ("W-08:form=invalid", {}, None),
    ("W-09", {}, None),
    ("W-09:form=too-many", {}, "redirects more than"),
    ("W-09:form=loop", {}, "redirects more than"),
    ("W-09:form=metadata", {}, "internal"),
    ("W-09:form=file", {}, "no http(s) URL"),
    ("W-09:form=internal", {}, "internal"),
    ("W-12", {}, None),
    ("W-13:header=X-Client-Id;value=abc", {"headers": {"X-Client-Id": "abc"}}, None),
    ("W-13:header=X-Client-Id;value=abc;n=2", {}, "answers 403"),
    ("W-18:form=relative", {}, None),
    ("W-18:form=path", {}, None),
    ("W-18:form=query", {}, None),
    ("W-18:form=localhost", {}, "another host"),
    ("W-18:form=internal", {}, "another host"),
    ("W-18:form=port", {}, "no URL"),
    ("W-18", {"linkRewrite": True}, None),
    ("W-19", {}, None),
    ("W-19:form=shrink", {}, None),
    ("W-20", {}, None),
    ("W-21", {}, None),
    ("W-21:form=bare", {}, None),
    ("W-22", {}, None),
    ("W-22:form=silent", {}, None),
    ("W-22:form=count", {}, None),
    ("W-23", {"snapshot": True}, None),
    ("W-23:n=2", {}, "answers 400"),
    ("W-24", {"q": {"Observation": "category=laboratory,vital-signs"}}, None),
    ("W-25", {}, None),
    ("W-26", {}, None),
    ("W-27", {}, None),
    ("W-28", {}, None),
    ("W-30", {}, None),
    ("W-43", {}, None),
    ("W-45", {}, None),
    ("W-46", {}, None),
    ("W-49", {}, None),
    ("W-50", {}, None),
    ("W-55", {}, None),
    ("W-57", {}, None),
    ("mix:rate=0.1;seed=3;of=W-02+W-04+W-05+W-06+W-20+W-26", {}, None),
    ("mix:rate=0.05;seed=9;of=W-02+W-04+W-05+W-06+W-27,W-46,W-45", {}, None),
]


def configured(name, base, types, changes):
    changes = dict(changes)
    queries = changes.pop("q", {})
    snapshot = changes.pop("snapshot", False)
    made = document(name, base, types, **changes)
    for query in made["modes"]["search"]["queries"]:
        if query["type"] in queries:
            query["q"] = queries[query["type"]]
    if snapshot:
        made["modes"] = {"snapshot": {"pageSize": PAGE,
                                      "queries": [{"type": kind} for kind in sorted(types)]}}
    return made


class Faults(unittest.TestCase):
    """All partners are pulled by one worker at once; then each is looked at."""

    @classmethod
    def setUpClass(cls):
        cls.rogue = Rogue(RESOURCES)
        cls.addClassCleanup(cls.rogue.close)
        cls.server = harness.Server()
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.exchange = Exchange(cls.server)
        for i, (spec, changes, _) in enumerate(FAULTS):
            types = {r["type"] for r in cls.rogue.expect(spec)["resources"]}
            types = {kind for kind in types if kind.isalpha() and kind != "NoSuchType"}
            cls.exchange.add(configured(f"p{i}", cls.rogue.base(spec), types | GOOD_TYPES, changes))
        # What was put off (Retry-After) or halved is gone on with.
        for _ in range(3):
            cls.done = cls.exchange.sync()
        cls.states = cls.exchange.states()

    def check(self, index):
        spec, _, gap = FAULTS[index]
        account = self.exchange.account(f"p{index}")
        state = self.states.get(self.rogue.base(spec), {})
        expected = self.rogue.expect(spec)
        windows = account["incompleteWindows"]
        self.assertTrue(account["balanced"], account["accounts"])
        self.assertEqual(sum(a["waiting"] for a in account["accounts"]), 0)
        reasons = " ".join(w.get("reason", "") for w in windows)
        if gap:
            self.assertIn(gap, reasons)
        broken = {a["type"] for a in account["accounts"] if a.get("reason") and a["incomplete"] and
                  "smaller windows" not in a["reason"]}
        wanted = 0
        for row in expected["resources"]:
            key = row["type"], row["id"]
            held = state.get(key)
            if row["outcome"] in ("dead", "deleted", "absent"):
                self.assertIsNone(held, (key, row.get("why")))
            elif held is None and (row["type"] in broken or gap):
                self.assertTrue(broken, key)
            elif held is None and row["outcome"] == "either":
                self.assertGreater(account["dead"], 0, key)
            else:
                self.assertIsNotNone(held, (key, row.get("why"), reasons))
                if row["outcome"] != "either":
                    self.assertEqual(shape(held), row["shape"], key)
                wanted += 1
        if not gap:
            self.assertGreater(wanted, 100)


def add_tests():
    for index, (spec, _, gap) in enumerate(FAULTS):
        def test(self, index=index):
            self.check(index)
        test.__doc__ = f"{spec or 'a good partner'}{': the gap is named' if gap else ''}"
        setattr(Faults, f"test_{index:02}_{''.join(c if c.isalnum() else '_' for c in spec)}", test)


add_tests()


class Pulls(unittest.TestCase):
    """What a good partner is entitled to."""

    def setUp(self):
        self.rogue = Rogue(300)
        self.addCleanup(self.rogue.close)
        self.server = harness.Server()
        self.server.start()
        self.addCleanup(self.server.stop)
        self.exchange = Exchange(self.server)

    def totals(self, partner):
        account = self.exchange.account(partner)
        self.assertTrue(account["balanced"], account)
        return {name: sum(a[name] for a in account["accounts"])
                for name in ("landed", "applied", "unchanged", "older", "dead", "waiting")}

    def check_state(self, spec=""):
        state = self.exchange.state(self.rogue.base(spec))
        for row in self.rogue.expect(spec)["resources"]:
            key = row["type"], row["id"]
            if row["outcome"] == "deleted":
                self.assertNotIn(key, state)
            else:
                self.assertEqual(shape(state[key]), row["shape"], key)
        return state

    def test_a_second_pull_writes_only_what_changed(self):
        self.exchange.add(document("good", self.rogue.base(), GOOD_TYPES))
        self.exchange.sync(status=0)
        first = self.totals("good")
        self.assertEqual(first["applied"], first["landed"])
        edited = {(r["type"], r["id"]) for r in
                  self.rogue.ask("/control/edit", {"n": 3})["rows"]}
        self.exchange.sync(status=0)
        second = self.totals("good")
        self.assertEqual(second["applied"] - first["applied"], len(edited))
        state = self.check_state()
        for key, resource in state.items():
            self.assertEqual(resource["meta"]["versionId"], "2" if key in edited else "1", key)

    def test_what_is_known_does_not_land_again(self):
        self.exchange.add(document("good", self.rogue.base(), GOOD_TYPES))
        self.exchange.sync(status=0)
        landed = self.totals("good")["landed"]
        self.exchange.sync(status=0)
        self.assertEqual(self.totals("good")["landed"], landed)

    def test_history_brings_deletions(self):
        made = document("good", self.rogue.base(), GOOD_TYPES)
        made["modes"] = {"history": {"pageSize": PAGE, "types": sorted(GOOD_TYPES)}}
        self.exchange.add(made)
        self.exchange.sync(status=0)
        self.rogue.ask("/control/edit", {"n": 20, "delete": 0.5})
        self.exchange.sync(status=0)
        self.check_state()
        self.assertTrue(self.exchange.account("good")["balanced"])

    def test_two_snapshots_show_what_is_gone_and_delete_nothing(self):
        made = document("good", self.rogue.base(), GOOD_TYPES)
        made["modes"] = {"snapshot": {"pageSize": PAGE,
                                      "queries": [{"type": kind} for kind in sorted(GOOD_TYPES)]}}
        self.exchange.add(made)
        self.exchange.sync(status=0)
        before = len(self.exchange.state(self.rogue.base()))
        self.rogue.ask("/control/edit", {"n": 4, "delete": 1, "types": ["Observation"]})
        gone = sum(r["outcome"] == "deleted" for r in self.rogue.expect()["resources"])
        self.exchange.sync(status=0)
        seen = self.exchange.account("good")["resources"]["Observation"]
        self.assertEqual((seen["missing"], seen["gone"]), (gone, 0))
        self.exchange.sync(status=0)
        seen = self.exchange.account("good")["resources"]["Observation"]
        self.assertEqual((seen["missing"], seen["gone"]), (0, gone))
        self.assertEqual(len(self.exchange.state(self.rogue.base())), before)

    def test_two_partners_with_the_same_ids_stay_apart(self):
        for party, types in (("b", ["Observation"]), ("a", ["Patient", "Observation"])):
            self.exchange.add(document(party, self.rogue.base(f"W-47:party={party}"), types))
            self.exchange.sync(status=0)
        self.exchange.add(document("b", self.rogue.base("W-47:party=b"), ["Patient", "Observation"]))
        self.exchange.sync(status=0)
        states = self.exchange.states()
        mine, theirs = (states[self.rogue.base(f"W-47:party={party}")] for party in "ab")
        self.assertNotEqual(mine["Patient", "123"]["id"], theirs["Patient", "123"]["id"])
        self.assertNotEqual(shape(mine["Patient", "123"]), shape(theirs["Patient", "123"]))
        for state in (mine, theirs):
            self.assertEqual(state["Observation", "1"]["subject"]["reference"],
                             "Patient/" + state["Patient", "123"]["id"])

    def test_references_are_followed_when_asked_for(self):
        self.exchange.add(document("good", self.rogue.base(), ["Observation"],
                                   hydrate={"depth": 3, "number": 500}))
        self.exchange.sync(status=0)
        resources = self.exchange.account("good")["resources"]
        self.assertGreater(resources["Patient"]["present"], 0)
        self.assertEqual(resources["Patient"]["mentioned"], 0)

    def test_a_partner_that_asks_for_hours_is_left_alone_over_restarts(self):
        base = self.rogue.base("W-01:form=5h")
        self.exchange.add(document("slow", base, ["Patient"]))
        for _ in range(2):
            self.exchange.sync(status=1)
        self.assertIn("asked to wait until", self.exchange.isthmus("sync", "status").stdout)
        self.assertFalse(self.rogue.ask("/control/state").get("violations"))

    def test_paused_partners_rest(self):
        self.exchange.add(document("good", self.rogue.base(), ["Patient"]))
        self.exchange.isthmus("partner", "pause", "good", "--reason", "they move house")
        self.exchange.sync(status=0)
        self.assertEqual(self.exchange.account("good")["accounts"], [])
        self.exchange.isthmus("partner", "resume", "good")
        self.exchange.sync(status=0)
        self.assertGreater(self.totals("good")["applied"], 0)

    def test_killed_again_and_again_it_ends_as_if_it_never_was(self):
        spec = "mix:rate=0.02;seed=5;of=W-02+W-04+W-05+W-06+W-26"
        self.exchange.add(document("shaky", self.rogue.base(spec), GOOD_TYPES))
        dice = random.Random(7)
        for number in range(KILLS):
            if number % 3 == 0:
                self.rogue.ask("/control/edit", {"n": 10})
            worker = subprocess.Popen(
                [harness.ISTHMUS, "sync", "--once", "--data", self.exchange.data],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(0.1 + dice.random() * 1.2)
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGKILL)
            worker.wait()
        self.exchange.sync(status=0)
        totals = self.totals("shaky")
        self.assertEqual((totals["dead"], totals["waiting"]), (0, 0))
        self.check_state(spec)


class Commands(unittest.TestCase):
    """What needs no database."""

    def test_a_document_is_checked_to_the_last_key(self):
        folder = harness.scratch()
        path = os.path.join(folder, "p.json")
        made = document("a", "http://a.example/fhir", ["Patient"])
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

    def test_probe_does_not_reach_into_this_machine_unasked(self):
        rogue = Rogue(60)
        self.addCleanup(rogue.close)
        done = harness.run("partner", "probe", rogue.base())
        self.assertEqual(done.returncode, 1)
        self.assertIn("internal", done.stderr)


if __name__ == "__main__":
    unittest.main()
