"""A search that takes too long says which of its criteria it went by."""

import os
import subprocess
import unittest

from harness import PATIENCE, ServerCase, until



def psql(server, *words):
    return ["psql", "-h", os.path.join(server.folder, "data/socket"), "-U", "isthmus", "-d", "postgres",
            "-XtAc", *words]


class SearchTimeout(ServerCase):
    arguments = ["--search-timeout", "300ms"]

    def setUp(self):
        """Nobody gets at Observations any more, however fast the machine is."""
        self.blocker = subprocess.Popen(
            psql(self.server, "begin; lock table f_observation in access exclusive mode; "
                              f"select pg_sleep({3 * PATIENCE})"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(until(self.locks, "1"), "1")

    def tearDown(self):
        self.ask("select pg_terminate_backend(pid) from pg_stat_activity "
                 "where query like '%lock table f_observation%' and pid <> pg_backend_pid()")
        self.blocker.wait()
        self.assertEqual(until(self.locks, "0"), "0")  # psql may end before its backend

    def locks(self):
        return self.ask("select count(*) from pg_locks where mode = 'AccessExclusiveLock' "
                        "and relation = 'f_observation'::regclass and granted")

    def ask(self, statement):
        return subprocess.run(psql(self.server, statement), capture_output=True, text=True,
                              check=True).stdout.strip()

    def timed_out(self, path):
        answer = self.client.get(path)
        self.assertEqual(answer.status, 503)
        issue = answer.json()["issue"][0]
        self.assertEqual(issue["code"], "timeout")
        return issue["diagnostics"]

    def test_the_criterion_that_was_too_wide_is_named(self):
        for query, code in (("patient=t-anna", "patient"),
                            ("code=http://loinc.org|8867-4", "code"),
                            ("status=final", "status"),
                            ("date=ge2020&_sort=date", "date"),
                            ("status=final&_sort=subject", "status"),
                            ("value-string=none&_summary=count", "value-string"),
                            ("_filter=status eq final", "_filter")):
            self.assertIn(f'"{code}"', self.timed_out("Observation?" + query.replace(" ", "%20")), query)

    def test_without_a_criterion_advice_is_given(self):
        self.assertIn("Add a patient", self.timed_out("Observation"))
        self.assertIn("Add a patient", self.timed_out("Observation?_summary=count"))

    def test_others_are_not_held_up(self):
        # Where the machine is busy, 300 ms may pass with this too, but not always.
        self.assertEqual(until(lambda: self.client.get("Patient?family=nobody").status, 200), 200)


if __name__ == "__main__":
    unittest.main()
