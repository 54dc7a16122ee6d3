"""Prefer: respond-async (R4 async.html): durable before 202, done once whoever dies, kept for a while."""

import os
import subprocess
import time
import unittest
import uuid

from harness import FHIR, PATIENCE, Server, ServerCase, issues, until

ASYNC = {"Prefer": "respond-async"}


def patient(mark, **more):
    return {"resourceType": "Patient", "identifier": [{"system": "urn:async", "value": mark}], **more}


def bundle(kind, marks, method="POST"):
    return {"resourceType": "Bundle", "type": kind, "entry": [
        {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": patient(mark),
         "request": {"method": method, "url": "Patient"}} for mark in marks]}


def ask_until_done(client, where):
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = client.get(where)
        if answer.status == 202:
            assert answer.header("X-Progress") and answer.header("Retry-After"), answer.headers
            assert answer.bytes == b""
        elif answer.status != 503:  # that is: PostgreSQL was killed, and a connection with it
            return answer
        assert time.monotonic() < deadline, "never done"
        time.sleep(0.1)


def post_until_taken(client, body):
    """Where PostgreSQL was killed, not every connection need have noticed yet."""
    answers = []

    def post():
        answers[:] = [client.post("", body, **ASYNC)]
        return answers[0].status

    assert until(post, 202) == 202, answers[0].bytes
    return answers[0]


def sql(server, statement):
    socket = os.path.join(server.folder, "data/socket")
    return subprocess.run(["psql", "-h", socket, "-U", "isthmus", "-d", "postgres", "-XtAc", statement],
                          capture_output=True, text=True, check=True).stdout.strip()


class Async(ServerCase):
    arguments = ["--jobs-waiting", "20"]

    def begin(self, body, **headers):
        answer = self.client.post("", body, **{**ASYNC, **headers})
        self.assertEqual(answer.status, 202, answer.bytes)
        where = answer.header("Content-Location")
        self.assertTrue(where.startswith(self.server.base + "/_async/"), where)
        return where.split("/fhir/")[1]

    def count(self, mark):
        return self.client.get(f"Patient?identifier=urn:async|{mark}&_summary=count").json()["total"]

    def test_a_transaction_is_done_behind_the_answer(self):
        mark = str(uuid.uuid4())
        where = self.begin(bundle("transaction", [mark, mark + "b"]))
        answer = ask_until_done(self.client, where)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.header("Expires"))
        body = answer.json()
        self.assertEqual((body["resourceType"], body["type"]), ("Bundle", "transaction-response"))
        self.assertEqual([e["response"]["status"] for e in body["entry"]], ["201 Created"] * 2)
        location = body["entry"][0]["response"]["location"].split("/fhir/")[1]
        self.assertEqual(self.client.get(location).status, 200)
        self.assertEqual(self.count(mark), 1)
        self.assertEqual(self.client.get(where).json(), body, "asked again")

    def test_a_batch_and_its_preferences(self):
        mark = str(uuid.uuid4())
        body = bundle("batch", [mark])
        body["entry"].append({"request": {"method": "GET", "url": "Patient/none-there"}})
        where = self.begin(body, Prefer="respond-async, return=representation")
        answer = ask_until_done(self.client, where).json()
        self.assertEqual(answer["entry"][0]["resource"]["identifier"][0]["value"], mark)
        self.assertTrue(answer["entry"][1]["response"]["status"].startswith("404"))

    def test_the_answer_has_the_format_that_was_asked_for(self):
        where = self.begin(bundle("batch", ["xml"]), Accept="application/fhir+xml")
        answer = ask_until_done(self.client, where)
        self.assertIn("application/fhir+xml", answer.header("Content-Type"))
        self.assertIn(b"<Bundle", answer.bytes)

    def test_a_refused_transaction_is_answered_as_it_would_have_been(self):
        body = bundle("transaction", ["bad"])
        body["entry"][0]["resource"]["gender"] = "no such gender"
        answer = ask_until_done(self.client, self.begin(body))
        self.assertEqual(answer.status, 422)
        self.assertTrue(issues(answer))

    def test_what_cannot_be_read_is_answered_later_too(self):
        answer = self.client.request("POST", "", "{", {**ASYNC, "Content-Type": FHIR})
        self.assertEqual(answer.status, 202)
        where = answer.header("Content-Location").split("/fhir/")[1]
        self.assertEqual(ask_until_done(self.client, where).status, 400)

    def test_the_request_has_one_number_which_no_client_makes_up(self):
        for sent in ("lab-7.2", "name of a patient", "x" * 100):
            answer = self.client.post("", "{", **{**ASYNC, "X-Request-Id": sent})
            number = answer.header("X-Request-Id")
            self.assertEqual(number == sent, sent == "lab-7.2")
            where = answer.header("Content-Location").split("/fhir/")[1]
            later = ask_until_done(self.client, where)
            self.assertIn(f"(request {number})", later.bytes.decode())
            self.assertEqual(later.status, 400)

    def test_others_take_no_notice_of_the_preference(self):
        answer = self.client.post("Patient", patient("plain"), **ASYNC)
        self.assertEqual(answer.status, 201)

    def test_forgetting(self):
        where = self.begin(bundle("batch", ["forgotten"]))
        ask_until_done(self.client, where)
        self.assertEqual(self.client.delete(where).status, 202)
        self.assertEqual(self.client.get(where).status, 404)
        self.assertEqual(self.client.delete(where).status, 404)

    def test_unknown_names(self):
        for name in (str(uuid.uuid4()), "1"):
            self.assertEqual(self.client.get("_async/" + name).status, 404)
        self.assertEqual(self.client.put("_async/1", {}).status, 405)

    def test_none_of_it_stands_in_the_capabilities(self):
        statement = self.client.get("metadata").json()
        codes = {i["code"] for i in statement["rest"][0]["interaction"]}
        codes |= {i["code"] for r in statement["rest"][0]["resource"] for i in r["interaction"]}
        self.assertFalse([code for code in codes if code.startswith("async")])


class Limits(unittest.TestCase):
    def test_too_many_are_refused_and_results_are_forgotten(self):
        with Server(arguments=["--jobs-waiting", "2", "--job-runners", "0"]) as server:
            client = server.client()
            for _ in range(2):
                self.assertEqual(client.post("", bundle("batch", ["a"]), **ASYNC).status, 202)
            refused = client.post("", bundle("batch", ["a"]), **ASYNC)
            self.assertEqual(refused.status, 429)
            self.assertTrue(refused.header("Retry-After"))
            waiting = sql(server, "select name from f_job order by number limit 1")
            answer = client.get("_async/" + waiting)
            self.assertEqual((answer.status, answer.header("X-Progress")), (202, "waiting"))
            self.assertEqual(client.delete("_async/" + waiting).status, 202)
            self.assertEqual(client.post("", bundle("batch", ["a"]), **ASYNC).status, 202)


class Crash(unittest.TestCase):
    """kill -9 at any time: each write once, and the answer still comes."""

    def test_a_request_survives_the_server(self):
        mark = str(uuid.uuid4())
        with Server(arguments=["--job-runners", "0"]) as server:
            answer = server.client().post("", bundle("transaction", [mark] * 3), **ASYNC)
            where = answer.header("Content-Location").split("/fhir/")[1]
            server.kill()
            server.arguments = []
            server.start()
            answer = ask_until_done(server.client(), where)
            self.assertEqual(answer.status, 200, answer.bytes)
            total = server.client().get(f"Patient?identifier=urn:async|{mark}&_summary=count")
            self.assertEqual(total.json()["total"], 3)

    def crash(self, kind, marks, pauses):
        with Server() as server:
            for pause in pauses:
                mark = str(uuid.uuid4())
                body = bundle(kind, [f"{mark}-{i}" for i in range(marks)])
                answer = server.client().post("", body, **ASYNC)
                where = answer.header("Content-Location").split("/fhir/")[1]
                time.sleep(pause)
                server.kill()
                server.start()
                client = server.client()
                answer = ask_until_done(client, where)
                self.assertEqual(answer.status, 200, answer.bytes)
                entries = answer.json()["entry"]
                self.assertEqual([e["response"]["status"] for e in entries], ["201 Created"] * marks)
                for entry in entries[:: max(1, marks // 10)]:
                    location = entry["response"]["location"].split("/fhir/")[1]
                    self.assertEqual(client.get(location).status, 200)
                written = sql(server, "select count(*), count(distinct id) from f_patient")
                expected = marks * (pauses.index(pause) + 1)
                self.assertEqual(written, f"{expected}|{expected}")

    def test_a_transaction_is_applied_once(self):
        self.crash("transaction", 400, [0.02, 0.15, 0.4])

    def test_the_entries_of_a_batch_are_applied_once(self):
        self.crash("batch", 300, [0.1, 0.3, 0.7])

    def test_postgres_dies_meanwhile(self):
        marks = [str(uuid.uuid4()) for _ in range(200)]
        with Server() as server:
            client = server.client()
            for kind in ("transaction", "batch"):
                answer = post_until_taken(client, bundle(kind, marks))
                where = answer.header("Content-Location").split("/fhir/")[1]
                time.sleep(0.15)
                before = server.kill_postgres()
                self.assertTrue(until(lambda: server.runs_anew(before), True))
                answer = ask_until_done(client, where)
                self.assertEqual(answer.status, 200, answer.bytes)
                for entry in answer.json()["entry"]:
                    self.assertEqual(entry["response"]["status"], "201 Created")
            self.assertEqual(sql(server, "select count(*), count(distinct id) from f_patient"), "400|400")

    def test_a_crash_between_commit_and_answer(self):
        """As if the process had died there: the step is done, the job runs again."""
        mark = str(uuid.uuid4())
        with Server(arguments=["--job-runners", "0"]) as server:
            client = server.client()
            answer = client.post("", bundle("transaction", [mark]),
                                 **{"Prefer": "respond-async, return=representation"})
            where = answer.header("Content-Location").split("/fhir/")[1]
            made = client.post("Patient", patient("made before")).json()
            updated = sql(server, "select (extract(epoch from updated) * 1000000)::int8 from f_patient")
            sql(server, "insert into f_job_step select number, 0, "
                f"'0 0 1 {updated} Patient {made['id']}' || chr(10) from f_job")
            server.kill()
            server.arguments = []
            server.start()
            client = server.client()
            answer = ask_until_done(client, where).json()["entry"][0]
            self.assertEqual(answer["response"]["status"], "201 Created")
            self.assertEqual(answer["resource"]["id"], made["id"])
            total = client.get(f"Patient?identifier=urn:async|{mark}&_summary=count").json()["total"]
            self.assertEqual(total, 0, "written again")

    def test_a_cancelled_transaction_writes_nothing(self):
        """It is taken away while it runs."""
        with Server() as server:
            client = server.client()
            marks = [str(uuid.uuid4()) for _ in range(3000)]
            answer = client.post("", bundle("transaction", marks), **ASYNC)
            where = answer.header("Content-Location").split("/fhir/")[1]
            self.assertEqual(client.delete(where).status, 202)
            time.sleep(6)
            self.assertEqual(client.get(where).status, 404)
            self.assertIn(sql(server, "select count(*) from f_patient"), ("0", "3000"))


if __name__ == "__main__":
    unittest.main()
