"""Pushing to a partner that misbehaves: each resource has one copy there, with the newest content,
and references that the partner can follow.
"""

import json
import os
import random
import time
import unittest

import harness
from sync_harness import Exchange, Rogue, partner
from sync_state import sql

KILLS = int(os.environ.get("ISTHMUS_TEST_KILLS", "12"))
FEEDER = "urn:isthmus:feeder"
TYPES = ["Patient", "Practitioner", "Observation", "Provenance"]


def patient(family):
    return {"resourceType": "Patient", "name": [{"family": family}], "birthDate": "1970-01-02"}


def observation(subject, value, **more):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "weight"},
            "subject": {"reference": subject}, "valueQuantity": {"value": value, "unit": "kg"}, **more}


class Push(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server().start()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.exchange = Exchange(self.server)
        self.client = self.server.client()
        self.rogue = Rogue()
        self.addCleanup(self.rogue.close)
        self.there = harness.Client(self.rogue.base())
        self.addCleanup(self.there.close)

    def add(self, name="p", spec="", **push):
        self.exchange.add(partner(name, self.rogue.base(spec),
                                  push={"types": TYPES, "every": "PT0.05S", **push}))

    def create(self, resource):
        answer = self.client.post(resource["resourceType"], resource)
        self.assertEqual(answer.status, 201, answer.bytes)
        return f"{resource['resourceType']}/{answer.json()['id']}"

    def put(self, name, resource):
        answer = self.client.put(name, {**resource, "id": name.split("/")[1]})
        self.assertIn(answer.status, (200, 201), answer.bytes)

    def copies(self, kind):
        """The partner's resources of a type, by the name that ours has."""
        page = self.there.get(f"{kind}?_count=1000").json()
        found = {}
        for entry in page.get("entry", ()):
            resource = entry["resource"]
            if not any(t["system"] == FEEDER for t in resource["meta"].get("tag", ())):
                continue  # the partner's own
            names = [i["value"] for i in resource.get("identifier", ())
                     if i.get("system", "").startswith("urn:isthmus:")]
            found.setdefault(names[0] if names else None, []).append(resource)
        return found

    def settle(self, tries=40):
        for _ in range(tries):
            if self.exchange.once().returncode == 0:
                return
            time.sleep(0.1)
        self.fail(self.exchange.once().stderr)

    def check(self, expected):
        """One copy of each, with its content: {name: (member, value)}."""
        for kind in {name.split("/")[0] for name in expected}:
            copies = self.copies(kind)
            for name, (member, value) in expected.items():
                if not name.startswith(kind + "/"):
                    continue
                self.assertEqual(len(copies.get(name, ())), 1, name)
                self.assertEqual(copies[name][0][member], value, name)

    def test_what_changes_is_pushed_once_each_and_references_lead_to_the_copies(self):
        somebody = self.create(patient("One"))
        weight = self.create(observation(somebody, 70))
        self.add()
        self.settle()
        copy = self.copies("Patient")[somebody][0]
        other = self.copies("Observation")[weight][0]
        self.assertNotEqual(copy["id"], somebody.split("/")[1])
        self.assertEqual(other["subject"]["reference"], f"Patient/{copy['id']}")
        self.assertEqual(copy["meta"]["source"], f"{self.server.base}/{somebody}")

        self.settle()
        self.assertEqual(len(self.rogue.writes()), 2, "nothing has changed")
        self.put(somebody, patient("Two"))
        self.settle()
        self.check({somebody: ("name", [{"family": "Two"}])})
        self.assertEqual([w["method"] for w in self.rogue.writes()], ["POST", "POST", "PUT"])

    def test_what_is_not_configured_stays_here_and_is_named_only(self):
        somebody = self.create(patient("One"))
        who = self.create({"resourceType": "Practitioner", "name": [{"family": "Doctor"}]})
        weight = self.create(observation(somebody, 70, performer=[{"reference": who}]))
        self.add(types=["Patient", "Observation"])
        self.settle()
        self.assertEqual(self.copies("Practitioner"), {})
        performer = self.copies("Observation")[weight][0]["performer"][0]
        self.assertNotIn("reference", performer)
        self.assertEqual(performer["identifier"]["value"], who)

    def test_criteria_and_patients_narrow_what_is_pushed(self):
        one, two = self.create(patient("One")), self.create(patient("Two"))
        self.create(observation(one, 70))
        mine = self.create(observation(one, 71, status="amended"))
        self.create(observation(two, 72, status="amended"))
        self.exchange.add(partner("p", self.rogue.base(), push={
            "types": ["Patient"], "queries": [{"type": "Observation", "q": "status=amended"}],
            "patients": [one.split("/")[1]]}))
        self.settle()
        self.assertEqual(set(self.copies("Patient")), {one})
        self.assertEqual(set(self.copies("Observation")), {mine})

    def test_resources_that_refer_to_each_other_get_their_references_in_the_end(self):
        one, two = self.create(patient("One")), self.create(patient("Two"))
        for here, there in ((one, two), (two, one)):
            self.put(here, {**patient("Linked"),
                            "link": [{"other": {"reference": there}, "type": "seealso"}]})
        self.add()
        self.settle()
        copies = self.copies("Patient")
        for here, there in ((one, two), (two, one)):
            self.assertEqual(copies[here][0]["link"][0]["other"]["reference"],
                             f"Patient/{copies[there][0]['id']}")

    def test_a_type_without_identifiers_has_an_id_that_is_computed(self):
        somebody = self.create(patient("One"))
        self.create({"resourceType": "Provenance", "recorded": "2024-01-01T00:00:00Z",
                     "target": [{"reference": somebody}],
                     "agent": [{"who": {"display": "a nurse"}}]})
        self.add()
        self.settle()
        self.settle()
        copies = self.copies("Provenance")[None]
        self.assertEqual(len(copies), 1)
        self.assertEqual(copies[0]["target"][0]["reference"],
                         f"Patient/{self.copies('Patient')[somebody][0]['id']}")

    def test_deletions_stay_here_unless_they_are_configured(self):
        somebody = self.create(patient("One"))
        self.add()
        self.settle()
        self.client.delete(somebody)
        self.settle()
        self.assertEqual(len(self.copies("Patient")), 1)
        another = self.create(patient("Two"))
        self.add(deletes=True)
        self.settle()
        self.client.delete(another)
        self.settle()
        self.assertEqual(set(self.copies("Patient")), {somebody})

    def test_several_copies_there_are_a_dead_letter_and_none_is_chosen(self):
        somebody = self.create(patient("One"))
        self.add()
        self.settle()
        copy = self.copies("Patient")[somebody][0]
        self.there.post("Patient", {k: v for k, v in copy.items() if k != "id"})
        other = Rogue()
        self.addCleanup(other.close)
        twin = {k: v for k, v in copy.items() if k not in ("id", "meta")}
        client = harness.Client(other.base())
        for _ in range(2):
            client.post("Patient", twin)
        self.exchange.add(partner("q", other.base(), push={"types": ["Patient"]}))
        self.exchange.once("--partner", "q")
        status = self.exchange.isthmus("sync", "account", "q", "--json", status=None)
        self.assertEqual(json.loads(status.stdout)["pushed"]["failed"], 1, status.stdout)
        self.assertEqual(len(other.writes()), 2)
        failed = json.loads(self.exchange.isthmus("sync", "push", "list", "q", "--json").stdout)
        self.assertEqual([f["class"] for f in failed], ["remote_412"])

        for found in client.get("Patient?_count=1000").json()["entry"]:
            name = f"Patient/{found['resource']['id']}"
            if found["resource"].get("identifier", [{}])[0].get("value") == somebody:
                client.delete(name)
                break
        self.assertIn("1 are", self.exchange.isthmus("sync", "push", "retry", "q").stdout)
        self.exchange.once("--partner", "q")
        self.assertEqual(self.exchange.isthmus("sync", "push", "list", "q").stdout,
                         "There are none.\n")
        client.close()

    def test_faults_leave_one_copy_of_each(self):
        faults = ["W-01:form=seconds+garbage;on=write;times=2", "W-02:on=write;times=2",
                  "W-03:form=400;on=write", "W-06:form=before;on=write;times=2",
                  "W-06:form=after;on=write;times=1", "W-06:form=after;on=write+search;rate=0.5",
                  "W-06:form=reset;on=write;times=1", "mix:rate=0.3;seed=3"]
        names = {}
        for i in range(6):
            somebody = self.create(patient(f"Family {i}"))
            names[somebody] = ("name", [{"family": f"Family {i}"}])
            names[self.create(observation(somebody, 50 + i))] = (
                "valueQuantity", {"value": 50 + i, "unit": "kg"})
        for i, fault in enumerate(faults):
            with self.subTest(fault):
                rogue = Rogue()
                self.addCleanup(rogue.close)
                self.there = harness.Client(rogue.base())
                self.addCleanup(self.there.close)
                self.exchange.add(partner(f"p{i}", rogue.base(fault), push={"types": TYPES}))
                for _ in range(60):
                    if self.exchange.once("--partner", f"p{i}").returncode == 0:
                        break
                    time.sleep(0.1)
                if "form=400" in fault:
                    continue  # what is refused is a dead letter: the next change sends it again
                self.check(names)
                self.assertEqual(len(self.copies("Patient")), 6)
                self.assertEqual(rogue.ask("/control/state")["violations"], [])

    def test_what_was_not_answered_is_asked_about_before_it_is_sent_again(self):
        """The connection dies before the answer: the partner has it, and we cannot know."""
        somebody = self.create(patient("One"))
        spec = "W-06:form=after;on=write;times=1"
        document = partner("p", self.rogue.base(spec), push={"types": TYPES})
        document["retry"]["first"] = document["retry"]["longest"] = "PT1H"
        self.exchange.add(document)
        self.exchange.once(status=1)
        self.assertEqual(len(self.rogue.writes()), 1)
        waits = json.loads(self.exchange.isthmus("sync", "push", "list", "p", "--json").stdout)
        self.assertEqual([(w["state"], w["attempts"]) for w in waits], [("unknown", 1)])
        self.assertIn("reason", waits[0])
        books = json.loads(self.exchange.isthmus("sync", "account", "p", "--json").stdout)
        self.assertEqual((books["pushed"]["unknown"], books["pushed"]["confirmed"]), (1, 0))
        self.exchange.once(status=1)  # its pause is not over
        self.assertEqual(len(self.rogue.writes()), 1)
        sql(self.exchange, "update f_push set not_before = null")
        self.settle()
        self.assertEqual(len(self.rogue.writes()), 1, "it was asked for, and not sent again")
        self.check({somebody: ("name", [{"family": "One"}])})
        books = json.loads(self.exchange.isthmus("sync", "account", "p", "--json").stdout)
        self.assertEqual((books["pushed"]["unknown"], books["pushed"]["confirmed"]), (0, 1))

    def test_killed_at_any_moment_it_makes_no_second_copy(self):
        self.add(spec="slow:ms=5,W-06:form=after;on=write;rate=0.1")
        rng = random.Random(5)
        newest, people = {}, [self.create(patient("Family")) for _ in range(5)]
        for turn in range(KILLS):
            self.exchange.start()
            for _ in range(8):
                somebody = rng.choice(people)
                family = f"Family {rng.random()}"
                self.put(somebody, patient(family))
                newest[somebody] = ("name", [{"family": family}])
                newest[self.create(observation(somebody, turn))] = (
                    "valueQuantity", {"value": turn, "unit": "kg"})
            time.sleep(rng.random() * 1.2)
            self.exchange.kill()
        self.settle(60)
        self.check(newest)
        total = sum(len(c) for c in self.copies("Observation").values())
        self.assertEqual(total, 8 * KILLS)


if __name__ == "__main__":
    unittest.main()
