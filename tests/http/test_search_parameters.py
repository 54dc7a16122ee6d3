"""Search parameters of packages and of resources: refused until everything is indexed by them, and
right from then on, without a restart of any server.

Also how $reindex goes on after a kill, stands beside writers, and waits for processes that do not
know the parameters yet: a server that is stopped by a signal stands for one that is slow to learn.
"""

import http.client
import os
import signal
import threading
import time
import unittest

from harness import data, freeze, run, until
from index_harness import Indexing

PACKAGE = "packages/us-core-6.1.0"
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
OMB = "urn:oid:2.16.840.1.113883.6.238"
CODES = ["1002-5", "2028-9", "2054-5", "2106-3"]


def patient(number, code):
    return {"resourceType": "Patient", "id": f"p{number}", "extension": [
        {"url": RACE, "extension": [
            {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code}},
            {"url": "text", "valueString": "x"}]}]}


def condition(number, day):
    return {"resourceType": "Condition", "id": f"c{number}",
            "subject": {"reference": f"Patient/p{number}"},
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
                           "valueDateTime": day}]}


class SearchParameters(Indexing):
    def setUp(self):
        data(PACKAGE)
        super().setUp()

    def install(self):
        done = run("package", "install", data(PACKAGE), "--data", os.path.join(self.folder, "data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def remove(self):
        done = run("package", "remove", "hl7.fhir.us.core#6.1.0",
                   "--data", os.path.join(self.folder, "data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def swept(self):
        """Nothing is left of what was given up before."""
        self.soon(lambda: self.sql("select count(*) from f_parameter where state in ('G', 'D')") == "0")

    def test_a_parameter_is_refused_until_all_is_indexed_by_it_and_then_finds_all(self):
        self.store(*(patient(n, CODES[n % 4]) for n in range(30)))
        self.store(*(condition(n, f"2024-02-{n + 1:02}") for n in range(10)))
        report = self.install()
        self.assertIn("isthmus reindex", report)
        self.assertIn("search parameters beyond R4 in all packages: 7", report)
        self.known("Patient?race=1002-5")
        for search in ("Patient?race=1002-5", "Condition?asserted-date=ge2024-02-03",
                       "Condition?_sort=asserted-date", "Condition?subject:Patient.race=1002-5"):
            self.refused(search)
        self.assertNotIn("race", self.offered("Patient"))

        self.store(patient(30, CODES[0]), patient(0, CODES[1]), condition(10, "2024-02-11"))
        versions = len(self.client.get("Patient/p8/_history").json()["entry"])
        _, report = self.finish(self.begin())
        self.assertRegex(report, "^Done; 40 resources")
        self.whole("Patient?race=1002-5")
        self.assertEqual(self.ids("Patient?race=1002-5&_count=3"),
                         sorted(f"p{n}" for n in range(1, 31) if n % 4 == 0 or n == 30))
        self.assertEqual(self.ids("Condition?asserted-date=ge2024-02-03"),
                         sorted(f"c{n}" for n in range(2, 11)))
        self.assertEqual(self.ids("Condition?subject:Patient.race=1002-5"), ["c4", "c8"])
        self.assertEqual(len(self.ids("Patient?race:missing=false")), 31)
        self.soon(lambda: "race" in self.offered("Patient"))
        self.assertEqual(len(self.client.get("Patient/p8/_history").json()["entry"]), versions)

        self.store(patient(4, CODES[2]), condition(2, "2023-01-01"))
        self.client.delete("Patient/p8")
        self.assertEqual(self.ids("Condition?asserted-date=ge2024-02-03"),
                         sorted(f"c{n}" for n in range(3, 11)))
        self.assertNotIn("p4", self.ids("Patient?race=1002-5"))
        self.assertNotIn("p8", self.ids("Patient?race=1002-5"))
        _, report = self.finish(self.begin("Patient/$reindex"))
        self.assertRegex(report, "^Done; 0 resources")

    def test_a_package_that_is_removed_takes_its_parameters_with_it(self):
        self.store(patient(1, CODES[0]), *(condition(n, f"2024-02-{n + 1:02}") for n in range(5)))
        before = self.sql("select count(*) from f_date")
        self.install()
        self.known("Patient?race=1002-5")
        self.finish(self.begin())
        self.whole("Patient?race=1002-5")
        self.whole("Condition?asserted-date=ge2024")
        self.assertEqual(int(self.sql("select count(*) from f_date")), int(before) + 5)
        self.remove()
        self.swept()
        self.assertEqual(self.sql("select count(*) from f_date"), before)
        self.assertEqual(self.sql("select string_agg(distinct state, '') from f_parameter"), "X")
        self.soon(lambda: self.client.get("Patient?race=1002-5").status == 400)
        self.soon(lambda: "race" not in self.offered("Patient"))
        self.store(patient(1, CODES[1]), patient(2, CODES[0]), condition(2, "2023-01-01"))
        self.assertEqual(self.sql("select count(*) from f_date"), before)
        self.install()
        self.known("Patient?race=1002-5")
        self.finish(self.begin())
        self.whole("Patient?race=1002-5")
        self.assertEqual(self.ids("Patient?race=1002-5"), ["p2"])
        self.assertEqual(self.ids("Condition?asserted-date=lt2024"), ["c2"])
        self.server.stop()
        self.server.start()
        self.client = self.server.client()
        self.assertEqual(self.ids("Patient?race=1002-5"), ["p2"])

    def test_a_write_by_a_server_that_has_not_learned_yet_is_not_missed(self):
        self.store(*(patient(n, CODES[0]) for n in range(5)))
        with self.second() as slow:
            late, client = [], slow.client()
            self.assertEqual(client.get("Patient/p1").status, 200)
            freeze(slow.process.pid)
            # It has the request, and does not know of the package when it goes on.
            writer = threading.Thread(target=lambda: late.extend(
                client.put(f"Patient/p{n}", patient(n, CODES[1])).status for n in (1, 7)))
            writer.start()
            self.install()
            self.known("Patient?race=1002-5")
            self.store(patient(8, CODES[1]))
            place = self.begin("Patient/$reindex")
            self.soon(lambda: "waits" in (self.status(place).header("X-Progress") or ""))
            time.sleep(2)
            self.assertEqual(self.status(place).status, 202)
            self.refused("Patient?race=1002-5")
            slow.process.send_signal(signal.SIGCONT)
            writer.join()
            self.assertEqual(late, [200, 201])
            self.finish(place)
            self.whole("Patient?race=2028-9")
            self.assertEqual(self.ids("Patient?race=2028-9"), ["p1", "p7", "p8"])
            self.soon(lambda: client.get("Patient?race=2028-9").status == 200)
            self.assertEqual(client.get("Patient?race=2028-9&_total=accurate").json()["total"], 3)

    def test_a_server_that_searches_by_what_is_gone_finds_what_others_write_meanwhile(self):
        self.store(*(condition(n, f"2024-02-{n + 1:02}") for n in range(5)))
        self.install()
        search = "Condition?asserted-date=ge2024&_total=accurate"
        self.known(search)
        self.finish(self.begin("Condition/$reindex"))
        self.whole(search)
        with self.second() as slow:
            client = slow.client()
            self.assertEqual(client.get(search).json()["total"], 5)
            before = int(self.sql("select count(*) from f_date"))
            freeze(slow.process.pid)
            asked = []
            reader = threading.Thread(target=lambda: asked.append(client.get(search)))
            reader.start()
            remover = threading.Thread(target=self.remove)
            remover.start()
            self.soon(lambda: self.client.get(search).status == 400)
            self.store(condition(9, "2024-03-01"))
            self.assertEqual(int(self.sql("select count(*) from f_date")), before + 1)
            slow.process.send_signal(signal.SIGCONT)
            reader.join()
            if asked[0].status == 200:
                self.assertEqual(asked[0].json()["total"], 6)
            remover.join()
            self.swept()
            self.soon(lambda: client.get(search).status == 400)
            self.assertEqual(int(self.sql("select count(*) from f_date")), before - 5)
            self.store(condition(10, "2024-03-01"))
            self.assertEqual(int(self.sql("select count(*) from f_date")), before - 5)

    def test_search_parameters_that_clients_store_count_when_it_was_so_chosen(self):
        alias = {"resourceType": "SearchParameter", "id": "alias", "name": "Alias",
                 "url": "http://example.org/SearchParameter/alias", "status": "active",
                 "description": "x", "code": "alias", "base": ["Patient"], "type": "string",
                 "expression": "Patient.name.where(use = 'nickname').given"}

        def patient_called(number, name):
            return {"resourceType": "Patient", "id": f"p{number}",
                    "name": [{"use": "nickname", "given": [name]}]}

        self.store(alias, patient_called(1, "Bob"))
        self.assertEqual(self.client.get("Patient?alias=bob").status, 400)
        self.assertIn("parameters=packages", self.choose())
        self.assertIn("Patient alias: not indexed yet", self.choose("parameters=stored"))
        self.known("Patient?alias=bob")
        self.store(patient_called(2, "Bobby"))
        self.finish(self.begin("Patient/$reindex"))
        self.whole("Patient?alias=bob")
        self.assertEqual(self.ids("Patient?alias=bob"), ["p1", "p2"])
        self.soon(lambda: "alias" in self.offered("Patient"))
        self.assertIn("Patient alias: ready", self.choose())
        self.store(patient_called(2, "Rob"), patient_called(3, "Bobo"))
        self.assertEqual(self.ids("Patient?alias=bob"), ["p1", "p3"])

        for wrong in ({"expression": "Patient.name.where("}, {"expression": "Patient.nickname"},
                      {"code": "birthdate"}, {"code": "_tag"}, {"type": "special"},
                      {"id": "other", "url": "http://example.org/SearchParameter/other"}):
            refused = dict(alias, **wrong)
            answer = self.client.put(f"SearchParameter/{refused['id']}", refused)
            self.assertEqual(answer.status, 422, (wrong, answer.bytes))
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
                {"resource": refused, "request": {
                    "method": "PUT", "url": f"SearchParameter/{refused['id']}"}}]}
            self.assertEqual(self.client.post("", bundle).status, 422, wrong)
        self.store(dict(alias, id="other", url="http://example.org/SearchParameter/other",
                        status="draft"))
        self.assertEqual(self.ids("Patient?alias=bob"), ["p1", "p3"])

        self.store(dict(alias, expression="Patient.name.given"))  # another parameter
        self.known("Patient?alias=bob")
        self.finish(self.begin("Patient/$reindex"))
        self.whole("Patient?alias=bob")
        self.assertEqual(self.ids("Patient?alias=bob"), ["p1", "p3"])
        self.swept()
        rows = int(self.sql("select count(*) from f_str"))
        self.store(dict(alias, status="retired"))
        self.soon(lambda: self.client.get("Patient?alias=bob").status == 400)
        self.assertEqual(until(lambda: int(self.sql("select count(*) from f_str")), rows - 3), rows - 3,
                         self.sql("select type, code, state, number, fenced from f_parameter") +
                         self.sql("select * from f_member"))
        self.store(alias)
        self.known("Patient?alias=bob")
        self.assertEqual(self.client.delete("SearchParameter/alias").status, 204)
        self.soon(lambda: "alias" not in self.choose())
        self.swept()
        self.assertEqual(self.sql("select string_agg(distinct state, '') from f_parameter"), "X")

    def test_parts_of_strings_are_found_by_trigrams_where_it_was_so_chosen(self):
        def patient_of(number, family):
            return {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": family}]}

        self.store(patient_of(1, "Steinbach"), patient_of(2, "Lichtenst\u00e9in"),
                   patient_of(3, "x" * 300 + "stein"), patient_of(4, "Stern"))
        searches = {"Patient?family:contains=stein": ["p1", "p2", "p3"],
                    "Patient?family:contains=tei": ["p1", "p2", "p3"],
                    "Patient?family:contains=te": ["p1", "p2", "p3", "p4"],
                    "Patient?family:contains=tern,bach": ["p1", "p4"],
                    "Patient?family:contains=100%25": []}
        for indexed in (False, True, False):
            for search, found in searches.items():
                self.assertEqual(self.ids(search), found, (indexed, search))
            self.choose("contains=off" if indexed else "contains=on")
            self.assertEqual(self.sql("select count(*) from pg_indexes where indexname = "
                                      "'f_str_trigrams'"), "0" if indexed else "1")
            self.server.stop()
            self.server.start()
            self.client = self.server.client()

    def test_ids_are_kept_in_order_where_it_was_so_chosen(self):
        def indexes():
            return self.sql("select string_agg(relname, ' ' order by relname collate \"C\") from "
                            "pg_class where relname ~ '_ids$' and relkind = 'i'")

        self.store({"resourceType": "Patient", "id": "b"}, {"resourceType": "Patient", "id": "a"},
                   {"resourceType": "Patient", "id": "B"})
        for choice, there in (("Patient", "f_patient_ids"),
                              ("Basic,Patient,Goal", "f_other_ids f_patient_ids"),
                              ("Goal", "f_other_ids"), ("none", "")):
            self.choose(f"ids={choice}")
            self.assertEqual(indexes(), there)
            self.server.stop()
            self.server.start()
            self.client = self.server.client()
            answer = self.client.get("Patient?_sort=_id").json()
            self.assertEqual([row["resource"]["id"] for row in answer["entry"]], ["B", "a", "b"])
        done = run("index", "ids=Nobody", "--data", os.path.join(self.folder, "data"))
        self.assertNotEqual(done.returncode, 0)

    def test_an_index_of_strings_that_was_not_finished_is_made_anew(self):
        self.choose("contains=on")
        self.sql("update pg_index set indisvalid = false where indexrelid in "
                 "('f_str_long'::regclass, 'f_str_trigrams'::regclass)")
        self.choose("contains=on")
        self.assertEqual(self.sql("select count(*) from pg_index where indisvalid and indexrelid "
                                  "in ('f_str_long'::regclass, 'f_str_trigrams'::regclass)"), "2")

    def test_what_is_written_meanwhile_is_found(self):
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [
            {"resource": patient(n, CODES[n % 4]),
             "request": {"method": "PUT", "url": f"Patient/p{n}"}} for n in range(1500)]}
        self.assertEqual(self.client.post("", bundle).status, 200)
        dates = {"resourceType": "Bundle", "type": "batch", "entry": [
            {"resource": condition(n, f"2024-03-{n % 28 + 1:02}"),
             "request": {"method": "PUT", "url": f"Condition/c{n}"}} for n in range(600)]}
        self.assertEqual(self.client.post("", dates).status, 200)
        self.install()
        self.known("Patient?race=1002-5")
        stop, expected, days = threading.Event(), {n: CODES[n % 4] for n in range(1500)}, {}

        def write(client):
            turn = 0
            while not stop.is_set():
                turn += 1
                number, code = turn * 7 % 1600, CODES[turn % 4]
                day = f"2023-04-{turn % 28 + 1:02}"
                try:
                    client.put(f"Patient/p{number}", patient(number, code))
                    expected[number] = code
                    number = turn * 11 % 600
                    client.put(f"Condition/c{number}", condition(number, day))
                    days[number] = day
                except (OSError, http.client.HTTPException):
                    return  # killed: nobody knows whether it was made

        writer = threading.Thread(target=write, args=(self.server.client(),))
        writer.start()
        place = self.begin()
        began = until(lambda: self.status(place).header("X-Progress") != "waiting", True)
        self.assertTrue(began)
        self.assertIn(self.status(place).status, (200, 202))  # 200: it was faster than we are
        self.server.kill()
        writer.join()
        self.server.start()
        self.client = self.server.client()
        writer = threading.Thread(target=write, args=(self.server.client(),))
        writer.start()
        self.finish(place)
        stop.set()
        writer.join()
        self.whole("Patient?race=1002-5")
        races = {code: set() for code in CODES}
        for number in expected:
            answer = self.client.get(f"Patient/p{number}")
            code = answer.json()["extension"][0]["extension"][0]["valueCoding"]["code"]
            races[code].add(f"p{number}")
        for code in CODES:
            self.assertEqual(set(self.ids(f"Patient?race={code}&_count=500")), races[code])
        found = self.ids("Condition?asserted-date=lt2024-01-01&_count=500")
        self.assertGreater(len(found), 0)
        for number in range(600):
            day = self.client.get(f"Condition/c{number}").json()["extension"][0]["valueDateTime"]
            self.assertEqual(f"c{number}" in found, day < "2024-01-01", number)

    def test_the_command_does_the_same_and_waits_for_servers_that_do_not_know(self):
        self.store(patient(1, CODES[0]), patient(2, CODES[1]))
        with self.second() as slow:
            freeze(slow.process.pid)
            self.install()
            done = []
            command = threading.Thread(target=lambda: done.append(
                run("reindex", "--type", "Patient", "--data", os.path.join(self.folder, "data"))))
            command.start()
            time.sleep(5)
            self.assertFalse(done, "one server does not know yet")
            slow.process.send_signal(signal.SIGCONT)
            command.join()
            self.assertEqual(done[0].returncode, 0, done[0].stderr)
            self.assertIn("waits for", done[0].stdout)
            self.whole("Patient?race=1002-5")
            self.assertEqual(self.ids("Patient?race=1002-5"), ["p1"])


if __name__ == "__main__":
    unittest.main()
