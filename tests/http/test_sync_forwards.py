"""A hub: a hospital, a server that pulls from it, and ours, which pulls from both and has been told that
the hub passes on the hospital's records. Everything is here once.

ISTHMUS_TEST_SILENCE says for how many seconds nothing may move in the end (10).
"""

import os
import random
import time
import unittest

import harness
from sync_harness import Exchange, partner
from sync_state import account, totals, versions

EDITS = 60
PEOPLE = 6
SILENCE = float(os.environ.get("ISTHMUS_TEST_SILENCE", "10"))
TYPES = ["Observation", "Patient"]


def patient(number, words):
    return {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": words}]}


def observation(number, value):
    return {"resourceType": "Observation", "id": f"o{number}", "status": "final",
            "code": {"text": "count"}, "subject": {"reference": f"Patient/p{number}"},
            "valueInteger": value}


def document(name, base, mode="search", **changes):
    every = {"every": "PT0.3S", "overlap": "PT10M", "pageSize": 4}
    modes = {"search": {**every, "queries": [{"type": kind} for kind in TYPES]},
             "history": {**every, "types": TYPES}}
    return {**partner(name, base, **{mode: modes[mode]}), **changes}


class Forwards(unittest.TestCase):
    def setUp(self):
        self.hospital, self.hub, self.ours = (self.exchange() for _ in range(3))
        self.base = self.hospital.server.base
        self.owner = self.hospital.server.client()
        self.hub.add(document("hospital", self.base))

    def exchange(self):
        server = harness.Server()
        server.arguments += ["--base-url", server.base]
        server.start()
        self.addCleanup(server.__exit__, None, None, None)
        return Exchange(server)

    def put(self, resource):
        answer = self.owner.put(f"{resource['resourceType']}/{resource['id']}", resource)
        self.assertIn(answer.status, (200, 201), answer.bytes)

    def here(self, exchange=None):
        """{address at the hospital: resource} of what is there; each is once, and under its address."""
        found, client = {}, (exchange or self.ours).server.client()
        for kind in TYPES:
            page = client.get(f"{kind}?_count=1000").json()
            for entry in page.get("entry", ()):
                resource = entry["resource"]
                source = resource["meta"]["source"].removeprefix(f"{self.base}/")
                self.assertNotIn(source, found, "it is here twice")
                found[source] = resource
        return found

    def check_subjects(self, found):
        for name, resource in found.items():
            if name.startswith("Observation/"):
                subject = found[name.replace("Observation/o", "Patient/p")]
                self.assertEqual(resource["subject"]["reference"], f"Patient/{subject['id']}")

    def check_history(self, name, words):
        """The names that a Patient has had here, the newest first."""
        id_ = self.here()[name]["id"]
        page = self.ours.server.client().get(f"Patient/{id_}/_history").json()
        self.assertEqual([e["resource"]["name"][0]["family"] for e in page["entry"]], words)

    def forwarded(self):
        resources = account(self.ours, "hospital")["resources"]
        return {kind: of["forwarded"] for kind, of in resources.items()}

    def test_the_owner_s_takes_the_place_of_what_the_hub_has_brought(self):
        for number in range(PEOPLE):
            self.put(patient(number, "First"))
            self.put(observation(number, number))
        self.hub.once(status=0)
        self.ours.add(document("hospital", self.base, enabled=False))
        hub = document("hub", self.hub.server.base, "history", forwards=["hospital"])
        hub["modes"]["push"] = {"types": TYPES, "forward": True}
        self.ours.add(hub)
        self.ours.once(status=0)
        found = self.here()
        self.assertEqual(len(found), 2 * PEOPLE)
        self.check_subjects(found)
        self.assertEqual(self.forwarded(), {kind: PEOPLE for kind in TYPES})

        self.put(patient(0, "Second"))  # as long as the owner is not asked, by way of the hub
        self.hub.once(status=0)
        self.ours.once(status=0)
        self.check_history("Patient/p0", ["Second", "First"])

        self.put(patient(1, "Third"))  # and what the hub does not know yet, by the owner
        self.ours.add(document("hospital", self.base))
        self.ours.once(status=0)
        self.assertEqual({name: r["id"] for name, r in self.here().items()},
                         {name: r["id"] for name, r in found.items()})
        self.check_history("Patient/p0", ["Second", "First"])
        self.check_history("Patient/p1", ["Third", "First"])
        self.assertEqual(self.forwarded(), {kind: 0 for kind in TYPES})

        copies = self.here(self.hub)  # a client of the hub changes and deletes there what is not its own
        client = self.hub.server.client()
        changed = {**copies["Patient/p2"], "name": [{"family": "Hub"}]}
        self.assertEqual(client.put(f"Patient/{changed['id']}", changed).status, 200)
        self.assertIn(client.delete(f"Observation/{copies['Observation/o3']['id']}").status, (200, 204))
        self.ours.once(status=0)
        self.check_history("Patient/p2", ["First"])
        self.assertIn("Observation/o3", self.here())
        self.assertEqual(totals(self.ours, "hub")["dead"], 0)
        self.assertEqual(set(account(self.ours, "hub")["pushed"].values()), {0}, "it has them itself")
        self.check_subjects(self.here())

    def test_who_is_passed_on_has_to_be_known(self):
        wanted = document("hub", self.hub.server.base, forwards=[self.base])
        with self.assertRaisesRegex(AssertionError, "forwards: .* is no other partner of ours"):
            self.ours.add(wanted)
        self.ours.add(document("hospital", self.base))
        self.ours.add(wanted)
        with self.assertRaisesRegex(AssertionError, "hub is no other partner of ours"):
            self.ours.add({**wanted, "forwards": ["hub"]})
        with self.assertRaisesRegex(AssertionError, "forwards must be"):
            self.ours.add({**wanted, "forwards": "hospital"})

    def moved(self):
        """All that moves when something does."""
        return [sum(1 for _ in versions(self.ours)), sum(1 for _ in versions(self.hub)),
                totals(self.ours, "hub")["applied"], totals(self.ours, "hospital")["applied"]]

    def is_like_owner(self):
        client = self.owner
        for name, resource in self.here().items():
            there = client.get(name).json()
            if any(there.get(m) != resource.get(m) for m in ("name", "valueInteger")):
                return False
        return len(self.here()) == 2 * PEOPLE and not any(self.forwarded().values())

    def test_edits_arrive_once_by_two_ways_and_then_there_is_silence(self):
        rng, log = random.Random(7), lambda: self.hub.log() + self.ours.log()
        self.ours.add(document("hospital", self.base))
        self.ours.add(document("hub", self.hub.server.base, forwards=[self.base]))
        for exchange in (self.hub, self.ours):
            exchange.start()
            self.addCleanup(exchange.kill)
        for number in range(PEOPLE):
            self.put(observation(number, 0) | {"subject": {"display": "to be said"}})
            self.put(patient(number, "First"))
            self.put(observation(number, 0))
        self.assertTrue(harness.until(self.is_like_owner, True), log())
        before = {name: int(r["meta"]["versionId"]) for name, r in self.here().items()}

        made = {}
        for i in range(EDITS):
            number = rng.randrange(PEOPLE)
            edit = patient(number, f"Family {i}") if i % 2 else observation(number, i + 1)
            self.put(edit)
            name = f"{edit['resourceType']}/{edit['id']}"
            made[name] = made.get(name, 0) + 1
        self.assertTrue(harness.until(self.is_like_owner, True), log())
        self.check_subjects(self.here())
        still = self.settled()
        time.sleep(SILENCE)
        self.assertEqual(self.moved(), still, log())
        for name, resource in self.here().items():
            new = int(resource["meta"]["versionId"]) - before[name]
            self.assertLessEqual(new, made.get(name, 0), "a version that nobody made")
        self.assertEqual([totals(self.ours, name)["dead"] for name in ("hub", "hospital")], [0, 0])

    def settled(self):
        """What has moved, when nothing has for a while: the hub's come later, and say nothing new."""
        before, quiet, deadline = None, 0, time.monotonic() + harness.PATIENCE
        while quiet < 4 and time.monotonic() < deadline:
            time.sleep(2)
            quiet = quiet + 1 if before == (before := self.moved()) else 0
        return before


if __name__ == "__main__":
    unittest.main()
