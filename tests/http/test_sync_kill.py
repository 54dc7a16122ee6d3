"""kill -9 of the worker at random moments of pulls from a partner with faults: what is there in the
end is what an undisturbed worker has made of the good data, to the byte.

ISTHMUS_TEST_KILLS says how many (30; the long run 300), ISTHMUS_TEST_SEED of which moments.
"""

import collections
import contextlib
import os
import random
import subprocess
import time
import unittest

import harness
from sync_harness import Exchange, Rogue
from sync_state import GOOD_TYPES, everything, fingerprint, pulled, sql

KILLS = int(os.environ.get("ISTHMUS_TEST_KILLS", "30"))
SEED = int(os.environ.get("ISTHMUS_TEST_SEED", "7"))
KILLS_A_ROUND = 5  # then the worker comes to an end, and the data change
RESOURCES = 400
HISTORY = {"Condition", "Encounter"}  # with their deletions; the rest is searched for
# What is of every kind of difficulty, and a fault in one request of fifty.
DATA = "W-43:form=no-type,W-45,W-46,W-49,W-50,W-55"
FAULTS = "mix:rate=0.02;seed={seed};of=W-02+W-04+W-05+W-06+W-08+W-21+W-26+W-27,slow:ms=10," + DATA


class Kills(unittest.TestCase):
    def exchange(self, rogue, spec):
        server = harness.Server().start()
        self.addCleanup(server.__exit__, None, None, None)
        made = Exchange(server)
        types = {r["type"] for r in rogue.expect(spec)["resources"] if r["type"].isalpha()}
        document = pulled("shaky", rogue.base(spec), (types | GOOD_TYPES) - HISTORY)
        document["modes"]["history"] = {"pageSize": 10, "types": sorted(HISTORY)}
        document["modes"]["search"]["pageSize"] = 10
        made.add(document)
        return made

    def kill_one(self, exchange, dice, longest):
        """Starts a worker and kills it at a random moment; what it leaves behind."""
        worker = harness.spawn(
            harness.ISTHMUS, "sync", "--once", "--data", exchange.data, "--base-url",
            exchange.server.base, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(dice.random() * longest)
        self.killed += worker.poll() is None
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        worker.wait()
        for stage, left in (
                ("a window open", "select count(*) from f_sync_window where state = 'O'"),
                ("rows not applied", "select count(*) from f_sync_unit where waiting > 0")):
            self.left[stage] += sql(exchange, left) != "0"

    def complete(self, exchange):
        for _ in range(5):
            done = exchange.once()
            if done.returncode == 0:
                return
        self.fail(done.stderr[-2000:])

    def test_it_ends_as_if_it_never_was(self):
        self.killed, self.left = 0, collections.Counter()
        dice = random.Random(SEED)
        rogue = Rogue(RESOURCES)
        self.addCleanup(rogue.close)
        calm = self.exchange(rogue, DATA)
        shaky = self.exchange(rogue, FAULTS.format(seed=SEED))
        for turn in range(-(-KILLS // KILLS_A_ROUND)):
            if turn:
                rogue.ask("/control/edit", {"n": RESOURCES // 4})
                rogue.ask("/control/edit", {"n": 3, "delete": 1, "types": sorted(HISTORY)})
            began = time.monotonic()
            self.complete(calm)
            longest = (time.monotonic() - began) * 1.2
            for _ in range(min(KILLS_A_ROUND, KILLS - turn * KILLS_A_ROUND)):
                self.kill_one(shaky, dice, longest)
            self.complete(shaky)
        expected, found = everything(calm), everything(shaky)
        for part in expected:
            self.assertEqual(found[part], expected[part], part)
        self.assertEqual(fingerprint(found), fingerprint(expected))
        self.assertGreater(found["resources"].count('"PUT"'), RESOURCES)
        print(f"{self.killed} of {KILLS} killed at work, leaving "
              + ", ".join(f"{n} times {stage}" for stage, n in self.left.items())
              + f"; state {fingerprint(found)[:16]}")
        self.assertGreater(self.killed, KILLS // 3)


if __name__ == "__main__":
    unittest.main()
