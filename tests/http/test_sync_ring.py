"""Three servers in a ring, each pulling from and pushing to both others, every mode on, forwarding
too: each edit arrives, each resource is there once, nothing goes round, and then there is silence.

ISTHMUS_TEST_EDITS says how many edits (200; the long run makes 1,000), ISTHMUS_TEST_SILENCE for how
many seconds nothing may move afterwards (10; the long run waits 30).
"""

import json
import os
import random
import time
import unittest

import harness
from sync_harness import Exchange, partner
from sync_state import versions

EDITS = int(os.environ.get("ISTHMUS_TEST_EDITS", "200"))
SILENCE = float(os.environ.get("ISTHMUS_TEST_SILENCE", "10"))
QUARRELS = EDITS // 5
TYPES = ["Patient", "Observation", "Provenance"]


def modes():
    fast = {"every": "PT0.5S", "overlap": "PT10M", "pageSize": 100}
    return {
        "search": {**fast, "queries": [{"type": kind} for kind in TYPES]},
        "history": {**fast, "types": TYPES},
        "push": {"types": TYPES, "every": "PT0.1S", "forward": True, "deletes": True}}


class Ring(unittest.TestCase):
    def setUp(self):
        self.exchanges = []
        for _ in range(3):
            server = harness.Server()
            server.arguments += ["--base-url", server.base]
            server.start()
            self.addCleanup(server.__exit__, None, None, None)
            self.exchanges.append(Exchange(server))
        for here in self.exchanges:
            for i, there in enumerate(self.exchanges):
                if here is not there:
                    here.add(partner(f"p{i}", there.server.base, **modes()))

    def everything(self, exchange):
        """{(type, origin): [(version, resource)]} of what is there now."""
        found = {}
        client = exchange.server.client()
        for kind in TYPES:
            path = f"{kind}?_count=1000"
            while path:
                page = client.get(path).json()
                for entry in page.get("entry", ()):
                    resource = entry["resource"]
                    own = f"{exchange.server.base}/{kind}/{resource['id']}"
                    origin = resource["meta"].get("source", own)
                    found.setdefault((kind, origin), []).append(resource)
                path = next((link["url"].split("/fhir/")[1] for link in page.get("link", ())
                             if link["relation"] == "next"), None)
        return found

    def told(self, exchange, resource):
        """Its history, for whoever wants to know where a version came from."""
        page = exchange.server.client().get(
            f"{resource['resourceType']}/{resource['id']}/_history?_count=100").json()
        return "\n".join(str(entry["resource"]) for entry in page["entry"])

    def versions(self):
        return [{(kind, r["id"]): r["meta"]["versionId"]
                 for (kind, _), rows in self.everything(e).items() for r in rows}
                for e in self.exchanges]

    def traffic(self):
        """All that moves when something does: versions that were made, what was applied, what was
        pushed. Asking for what is new goes on, and is none."""
        counts = []
        for exchange in self.exchanges:
            told = sum(1 for _ in versions(exchange))
            for there in ("p0", "p1", "p2"):
                done = exchange.isthmus("sync", "account", there, "--json", status=None)
                books = json.loads(done.stdout) if done.returncode == 0 else {"accounts": []}
                counts += [told, sum(a["applied"] for a in books["accounts"]),
                           sum(a["dead"] for a in books["accounts"]), books.get("pushed")]
        return counts

    def settled(self):
        """What has moved, when nothing has for a while: the last echoes are told from copies."""
        before, quiet, deadline = None, 0, time.monotonic() + harness.PATIENCE
        while quiet < 4 and time.monotonic() < deadline:  # a busy machine makes breaks too
            time.sleep(2)
            quiet = quiet + 1 if before == (before := self.traffic()) else 0
        return before

    def same(self, expected):
        """What differs; empty in the end."""
        for exchange in self.exchanges:
            found = self.everything(exchange)
            if set(found) != set(expected):
                return f"{len(set(found) ^ set(expected))} resources are missing or strange"
            for name, (_, member, value) in expected.items():
                if len(found[name]) != 1:
                    told = "\n\n".join(self.told(exchange, one) for one in found[name])
                    return f"{len(found[name])} copies of one {name[0]} at {exchange.server.base}\n{told}"
                if found[name][0].get(member) != value:
                    return f"a {name[0]} is not up to date"
        return ""

    def edit(self):
        """Random edits at all three; {(type, origin): (edits, member, newest value)}."""
        rng, made, people = random.Random(11), {}, [[], [], []]
        clients = [e.server.client() for e in self.exchanges]
        for i in range(EDITS):
            at = rng.randrange(3)
            base = self.exchanges[at].server.base
            if len(people[at]) < 4:
                name = f"Patient/r{at}-{len(people[at])}"
                people[at].append(name)
            name = rng.choice(people[at])
            edits = 0
            if rng.random() < 0.5:
                name = name.replace("Patient", "Observation")
            kind, id_ = name.split("/")
            if (kind, f"{base}/{name}") in made:
                edits = made[kind, f"{base}/{name}"][0]
            resource = {"resourceType": kind, "id": id_}
            if kind == "Patient":
                member, value = "name", [{"family": f"Family {i}"}]
            else:
                member, value = "valueInteger", i
                resource |= {"status": "final", "code": {"text": "count"},
                             "subject": {"reference": f"Patient/{id_}"}}
                if (("Patient", f"{base}/Patient/{id_}")) not in made:
                    continue
            answer = clients[at].put(name, resource | {member: value})
            self.assertIn(answer.status, (200, 201), answer.bytes)
            made[kind, f"{base}/{name}"] = (edits + 1, member, value)
        return made

    def test_each_edit_arrives_everywhere_once_and_then_there_is_silence(self):
        for exchange in self.exchanges:
            exchange.start()
            self.addCleanup(exchange.kill)
        made = self.edit()
        differs = harness.until(lambda: self.same(made), "", harness.PATIENCE + EDITS)
        self.assertEqual(differs, "", "".join(e.log() for e in self.exchanges))
        before = self.settled()
        time.sleep(SILENCE)
        self.assertEqual(self.traffic(), before, "something moves")
        self.assertEqual(self.same(made), "")

        for exchange, versions in zip(self.exchanges, self.versions()):
            base = exchange.server.base
            for (kind, origin), rows in self.everything(exchange).items():
                edits = made[kind, origin][0]
                version = int(versions[kind, rows[0]["id"]])
                if origin.startswith(base):
                    self.assertEqual(version, edits, "the origin has a version for each edit")
                else:
                    self.assertLessEqual(version, edits, f"a copy of a {kind} has versions of its "
                                         f"own: {self.told(exchange, rows[0])}")

        for exchange in self.exchanges:
            base = exchange.server.base
            for rows in self.everything(exchange).values():
                subject = rows[0].get("subject", {}).get("reference")
                if subject:
                    kind, _, id_ = subject.partition("/")
                    answer = exchange.server.client().get(f"{kind}/{id_}")
                    self.assertEqual(answer.status, 200, "a reference leads nowhere")

    def held(self, exchange, origin):
        """The id that a resource has at one of the servers; None while it has none."""
        rows = self.everything(exchange).get(("Patient", origin), ())
        return rows[0]["id"] if rows else None

    def quarrel(self):
        """Owners change and delete what is theirs while others change their copies of it; the owner has
        the last word. {(type, origin): (None, member, value)} of what is there in the end."""
        rng, there = random.Random(5), {}
        clients = [e.server.client() for e in self.exchanges]
        names = [(at, f"Patient/q{at}-{i}") for at in range(3) for i in range(3)]

        def change(at, name, origin, words):
            kind, id_ = name.split("/")
            value = [{"family": words}]
            answer = clients[at].put(name, {"resourceType": kind, "id": id_, "name": value,
                                            "meta": {"source": origin}} if origin else
                                     {"resourceType": kind, "id": id_, "name": value})
            self.assertIn(answer.status, (200, 201), answer.bytes)
            return value

        for at, name in names:
            change(at, name, None, "First")
        origins = {name: f"{self.exchanges[at].server.base}/{name}" for at, name in names}
        for exchange in self.exchanges:
            self.assertEqual(harness.until(lambda e=exchange: len(self.everything(e)), len(names)),
                             len(names))
        for i in range(QUARRELS):
            at, name = rng.choice(names)
            origin = origins[name]
            elsewhere = (at + rng.choice((1, 2))) % 3
            act = rng.random()
            if act < 0.4:
                copy = self.held(self.exchanges[elsewhere], origin)
                if copy:
                    change(elsewhere, f"Patient/{copy}", origin, f"Copy {i}")
            elif act < 0.6:
                self.assertIn(clients[at].delete(name).status, (200, 204))
            else:
                change(at, name, None, f"Owner {i}")
        for i, (at, name) in enumerate(names):
            if i % 3 == 0:  # a deletion of its own: the copy may be younger than an earlier one
                change(at, name, None, "Gone")
                self.assertIn(clients[at].delete(name).status, (200, 204))
            else:
                there["Patient", origins[name]] = (None, "name", change(at, name, None, f"Last {i}"))
        return there

    def test_owners_have_the_last_word_and_what_they_delete_is_gone(self):
        for exchange in self.exchanges:
            exchange.start()
            self.addCleanup(exchange.kill)
        there = self.quarrel()
        differs = harness.until(lambda: self.same(there), "", harness.PATIENCE + QUARRELS)
        self.assertEqual(differs, "", "".join(e.log() for e in self.exchanges))
        before = self.settled()
        time.sleep(SILENCE)
        self.assertEqual(self.traffic(), before, "something moves")
        self.assertEqual(self.same(there), "")


if __name__ == "__main__":
    unittest.main()
