"""Two servers on one database, written to by many clients at once: afterwards histories have no
gap, searches find exactly what is there, and a conditional create has made one resource. And odd
values, which must be found, and kept when sorted by, like all others.
"""

import os
import random
import threading
import time
import unittest
import uuid

from harness import Client, Server, ServerCase

SECONDS = float(os.environ.get("ISTHMUS_SECONDS", "8"))
WRITERS = 8
NAMES = ("alpha", "beta", "gamma", "delta")
PATHS = [f"{kind}/r{number}" for kind in ("Patient", "Observation") for number in range(4)]


def pages(client, path):
    """The entries of all pages."""
    entries = []
    while path:
        answer = client.get(path)
        assert answer.status == 200, (path, answer.status, answer.bytes)
        page = answer.json()
        entries += page.get("entry", [])
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        path = following[0].split("/fhir/", 1)[1] if following else None
    return entries


def ids(client, path):
    return [entry["resource"]["id"] for entry in pages(client, path)]


def resource(chance, path):
    """A random one, with values for each kind of index."""
    kind, name = path.split("/")
    if kind == "Patient":
        return {"resourceType": kind, "id": name,
                "name": [{"family": family} for family in chance.sample(NAMES, 2)],
                "identifier": [{"system": "urn:t", "value": chance.choice("abc")}]}
    codes = chance.sample("123", chance.randrange(1, 4))
    return {"resourceType": kind, "id": name, "status": "final",
            "code": {"coding": [{"system": "urn:c", "code": code} for code in codes]},
            "effectivePeriod": {"start": chance.choice(("2019", "2021-05-06"))},
            "valueQuantity": {"value": chance.randrange(-3, 3), "code": "mg"},
            "component": [{"code": {"text": "x"},
                           "valueQuantity": {"value": chance.randrange(3), "code": "mg"}}]}


class Writer(threading.Thread):
    def __init__(self, number, bases):
        super().__init__()
        self.chance = random.Random(number)
        self.clients = [Client(base) for base in bases]
        self.refused = []  # what no race explains
        self.slots = 0

    def run(self):
        end = time.monotonic() + SECONDS
        actions = (self.put, self.put_if_match, self.remove, self.transaction, self.create_once)
        while time.monotonic() < end:
            client = self.chance.choice(self.clients)
            try:
                answer = self.chance.choice(actions)(client)
                if answer.status not in (200, 201, 204, 409, 412):
                    self.refused.append((answer.status, answer.bytes))
            except Exception as error:
                self.refused.append(error)
                client.close()
        for client in self.clients:
            client.close()

    def put(self, client):
        path = self.chance.choice(PATHS)
        return client.put(path, resource(self.chance, path))

    def put_if_match(self, client):
        path = self.chance.choice(PATHS)
        tag = client.get(path).header("ETag") or 'W/"1"'
        return client.put(path, resource(self.chance, path), **{"If-Match": tag})

    def remove(self, client):
        return client.delete(self.chance.choice(PATHS))

    def transaction(self, client):
        entries = []
        for path in self.chance.sample(PATHS, 5):  # in any order
            if self.chance.random() < 0.3:
                entries.append({"request": {"method": "DELETE", "url": path}})
            else:
                entries.append({"resource": resource(self.chance, path),
                                "request": {"method": "PUT", "url": path}})
        return client.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})

    def create_once(self, client):
        """All writers go through the same values at about the same time."""
        self.slots += 1
        value = f"urn:once|{self.slots}"
        organization = {"resourceType": "Organization", "name": "x",
                        "identifier": [{"system": "urn:once", "value": str(self.slots)}]}
        if self.chance.random() < 0.5:
            return client.post("Organization", organization,
                               **{"If-None-Exist": f"identifier={value}"})
        return client.post("", {
            "resourceType": "Bundle", "type": "transaction", "entry": [
                {"fullUrl": "urn:uuid:" + str(uuid.uuid4()), "resource": organization,
                 "request": {"method": "POST", "url": "Organization",
                             "ifNoneExist": f"identifier={value}"}}]})


class Simultaneous(unittest.TestCase):
    def version(self, entry):
        return int(entry["response"]["etag"].split('"')[1])

    def check_instance(self, clients, path):
        """Its history is whole and its newest version the current one, which is returned."""
        history = pages(clients[0], path + "/_history?_count=7")
        numbers = [self.version(entry) for entry in history]
        times = [entry["response"]["lastModified"] for entry in history]
        self.assertEqual(numbers, list(range(len(history), 0, -1)), path)
        self.assertEqual(times, sorted(set(times), reverse=True), path)
        gone = history[0]["request"]["method"] == "DELETE"
        for client in clients:
            answer = client.get(path)
            self.assertEqual(answer.status, 410 if gone else 200, path)
            if not gone:
                self.assertEqual(answer.json(), history[0]["resource"])
        return numbers, None if gone else history[0]["resource"]

    def check_type(self, client, kind, expected):
        found, times = {}, []
        for entry in pages(client, f"{kind}/_history?_count=50"):
            path = "/".join(entry["request"]["url"].split("/fhir/")[-1].split("/")[:2])
            found.setdefault(path, []).append(self.version(entry))
            times.append(entry["response"]["lastModified"])
        self.assertEqual(found, {p: n for p, n in expected.items() if p.startswith(kind)})
        self.assertEqual(times, sorted(times, reverse=True))

    def check_search(self, clients, query, expected):
        for client in clients:
            self.assertEqual(sorted(ids(client, query + "&_count=2")), sorted(expected), query)
            counted = client.get(query + "&_total=accurate&_count=1").json()
            self.assertEqual(counted["total"], len(expected), query)

    def check_searches(self, clients, resources):
        patients = [r for r in resources if r["resourceType"] == "Patient"]
        observations = [r for r in resources if r["resourceType"] == "Observation"]

        def check(query, among, holds):
            self.check_search(clients, query, [r["id"] for r in among if holds(r)])

        for name in NAMES:
            check(f"Patient?family={name}", patients,
                  lambda r, n=name: any(given["family"] == n for given in r["name"]))
        for value in "abc":
            check(f"Patient?identifier=urn:t|{value}", patients,
                  lambda r, v=value: r["identifier"][0]["value"] == v)
        for code in "123":
            check(f"Observation?code=urn:c|{code}", observations,
                  lambda r, c=code: any(k["code"] == c for k in r["code"]["coding"]))
        check("Observation?date=lt2020", observations,
              lambda r: r["effectivePeriod"]["start"] == "2019")
        for value in range(-3, 3):
            check(f"Observation?value-quantity={value}", observations,
                  lambda r, v=value: r["valueQuantity"]["value"] == v)
            check(f"Observation?component-value-quantity={value}", observations,
                  lambda r, v=value: r["component"][0]["valueQuantity"]["value"] == v)

    def test_writers_on_two_servers_leave_nothing_torn_or_stale(self):
        with Server(arguments=["--validation", "structure"]) as first:
            socket = os.path.join(first.folder, "data/socket")
            database = f"host={socket} port=5432 user=isthmus dbname=postgres"
            with Server(arguments=["--database", database,
                                   "--validation", "structure"]) as second:
                writers = [Writer(n, (first.base, second.base)) for n in range(WRITERS)]
                for writer in writers:
                    writer.start()
                for writer in writers:
                    writer.join()
                self.assertEqual([writer.refused for writer in writers], [[]] * WRITERS)
                self.check_all([first.client(), second.client()])

    def check_all(self, clients):
        numbers, resources = {}, []
        for path in PATHS:
            numbers[path], current = self.check_instance(clients, path)
            resources += [current] if current else []
        for kind in ("Patient", "Observation"):
            self.check_type(clients[1], kind, numbers)
        self.check_searches(clients, resources)
        once = [entry["resource"]["identifier"][0]["value"]
                for entry in pages(clients[0], "Organization?_count=100")]
        self.assertEqual(len(once), len(set(once)), "created twice")
        print(f"{sum(map(len, numbers.values()))} versions, {len(once)} created once")


class OddValues(ServerCase):
    arguments = ["--validation", "structure"]

    def put(self, kind, name, text):
        body = f'{{"resourceType":"{kind}","id":"{name}",{text}}}'
        answer = self.client.put(f"{kind}/{name}", body)
        self.assertEqual(answer.status, 201, answer.bytes)

    def test_names_of_which_folding_leaves_nothing_are_kept_when_sorted(self):
        families = ("-", "...", "\u0301", "\u3000", "\u200b", "Smith", "Jones", None)
        for number, family in enumerate(families):
            self.put("Patient", f"p{number}",
                     f'"name":[{{"family":"{family}"}}]' if family else '"active":true')
        everybody = sorted(f"p{number}" for number in range(len(families)))
        for sort, known in (("family", ["p6", "p5"]), ("-family", ["p5", "p6"])):
            found = ids(self.client, f"Patient?_sort={sort}&_count=3")
            self.assertEqual(sorted(found), everybody, sort)
            self.assertEqual(found[:2], known, sort)

    def test_numbers_of_more_digits_than_a_double_has_are_found(self):
        numbers = ("0.1000000000000000055511151231257827", "99999999999999999999999999999999999",
                   "-123456789012345678901234567890.123", "1e-400", "-1e-400", "5e-324",
                   "1.7976931348623157e308", "1e5", "-0.0")
        for number, value in enumerate(numbers):
            name = f"n{number}"
            self.put("Observation", name, '"status":"final","code":{"text":"x"},'
                     f'"valueQuantity":{{"value":{value},"code":"mg"}},'
                     f'"component":[{{"code":{{"text":"y"}},"valueQuantity":{{"value":{value}}}}}]')
            self.assertIn(f'"value":{value}'.encode(),
                          self.client.get(f"Observation/{name}").bytes)
            for prefix in ("", "ge", "le", "ap"):
                for code in ("value-quantity", "component-value-quantity"):
                    query = f"Observation?_id={name}&{code}={prefix}{value}"
                    self.assertEqual(ids(self.client, query), [name], query)
            query = f"Observation?_id={name}&value-quantity=ne{value}"
            self.assertEqual(ids(self.client, query), [], query)

    def test_what_was_accepted_with_wider_limits_can_be_changed_and_removed_later(self):
        def deep(text):
            extension = {"url": "urn:x", "valueString": text}
            for _ in range(45):
                extension = {"url": "urn:x", "extension": [extension]}
            return {"resourceType": "Patient", "id": "deep", "name": [{"family": "Deep"}],
                    "extension": [extension]}

        with Server(arguments=["--json-depth", "200"]) as server:
            client = server.client()
            self.assertEqual(client.put("Patient/deep", deep("a")).status, 201)
            self.assertEqual(client.put("Patient/deep", deep("b")).status, 200)
            self.assertEqual(ids(client, "Patient?family:exact=Deep"), ["deep"])
            server.stop()
            server.arguments = []
            server.start()
            client = server.client()
            self.assertEqual(client.get("Patient/deep").json()["meta"]["versionId"], "2")
            self.assertEqual(client.delete("Patient/deep").status, 204)


if __name__ == "__main__":
    unittest.main()
