"""Durability: kill -9 of the server or of PostgreSQL under write load loses no acknowledged write
and leaves none half done. ISTHMUS_KILLS says how often (default 4; the long run uses 20).
And what is sent again until it is answered is written once: ISTHMUS_KILL_TRANSACTIONS says how many
transactions (default 300; the long run sends 10,000).
"""

import os
import random
import signal
import subprocess
import threading
import time
import unittest
import uuid

from harness import PATIENCE, Client, Server, until

KILLS = int(os.environ.get("ISTHMUS_KILLS", "4"))
TRANSACTIONS = int(os.environ.get("ISTHMUS_KILL_TRANSACTIONS", "300"))
WRITERS = 6


def bundle(marks):
    """A transaction whose observations all belong to its patient: all there, or nothing."""
    entries = [{
        "fullUrl": "urn:uuid:" + str(uuid.uuid4()),
        "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:kill", "value": m}]},
        "request": {"method": "POST", "url": "Patient"}} for m in marks]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


class Writer(threading.Thread):
    """Writes until told to stop; remembers what was acknowledged and what was tried."""

    def __init__(self, base):
        super().__init__()
        self.base, self.go = base, True
        self.acknowledged, self.tried = [], []  # lists of marks that stand or fall together

    def run(self):
        client = Client(self.base)
        while self.go:
            marks = [str(uuid.uuid4()) for _ in range(random.choice((1, 1, 3)))]
            self.tried.append(marks)
            try:
                if len(marks) == 1:
                    answer = client.post("Patient", bundle(marks)["entry"][0]["resource"])
                else:
                    answer = client.post("", bundle(marks))
                if answer.status in (200, 201):
                    self.acknowledged.append(marks)
            except OSError:
                client.close()
                time.sleep(0.02)
            except Exception:  # a half answer of a killed server
                client.close()
        client.close()


class Resender(threading.Thread):
    """Sends transactions that name what they create, each until it is answered with 200."""

    def __init__(self, base, marks):
        super().__init__()
        self.base, self.marks, self.answers = base, marks, {}

    def run(self):
        client = Client(self.base)
        for mark in self.marks:
            body = bundle([mark, mark + "-2"])
            for row in body["entry"]:
                value = row["resource"]["identifier"][0]["value"]
                row["request"]["ifNoneExist"] = "identifier=urn:kill|" + value
            self.answers[mark] = self.send(client, body)
        client.close()

    def send(self, client, body):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = client.post("", body)
                if answer.status not in (409, 503):
                    return answer.status
            except Exception:  # nobody there, or half an answer
                client.close()
            time.sleep(0.05)
        return None


class Kill(unittest.TestCase):
    def settings(self, server):
        """fsync and its like are on; otherwise the test proves nothing."""
        socket = os.path.join(server.folder, "data/socket")
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            found = subprocess.run(
                ["psql", "-h", socket, "-U", "isthmus", "-d", "postgres", "-XtAc", f"show {name}"],
                capture_output=True, text=True, check=True).stdout.strip()
            self.assertEqual(found, "on", name)

    def ask(self, client, path):
        """PostgreSQL may not have noticed the last kill when the writers are done."""
        answers = []

        def refused():
            answers[:] = [client.get(path)]
            return answers[0].status == 503

        until(refused, False)
        return answers[0]

    def found(self, client, marks):
        found = 0
        for mark in marks:
            answer = self.ask(client, f"Patient?identifier=urn:kill|{mark}")
            self.assertEqual(answer.status, 200, answer.bytes)
            entries = answer.json().get("entry", [])
            self.assertLessEqual(len(entries), 1, "written twice")
            found += len(entries)
        return found

    def check(self, server, writers):
        client = server.client()
        lost = torn = 0
        for writer in writers:
            acknowledged = {tuple(marks) for marks in writer.acknowledged}
            for marks in writer.tried:
                found = self.found(client, marks)
                lost += tuple(marks) in acknowledged and found != len(marks)
                torn += found not in (0, len(marks))
        total = self.ask(client, "Patient?_summary=count").json()["total"]
        history = 0
        page = self.ask(client, "Patient/_history?_count=1000").json()
        while True:
            history += len(page.get("entry", []))
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                break
            page = self.ask(client, following[0].split("/fhir/", 1)[1]).json()
        self.assertEqual((lost, torn), (0, 0))
        self.assertEqual(history, total, "rows and log disagree")
        return total

    def kill_once(self, server, victim):
        writers = [Writer(server.base) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        until(lambda: sum(len(w.acknowledged) for w in writers) >= WRITERS, True)
        time.sleep(random.uniform(0.1, 1))
        if victim == "server":
            server.kill()
        else:
            before = server.kill_postgres()
            self.assertTrue(until(lambda: server.runs_anew(before), True), server.tail())
        for writer in writers:
            writer.go = False
        for writer in writers:
            writer.join()
        if victim == "server":
            server.start()
        self.wait_ready(server)
        return writers

    def wait_ready(self, server):
        client = server.client()
        status = until(lambda: client.get("Patient?_summary=count").status, 200)
        self.assertEqual(status, 200, server.tail())

    def test_no_acknowledged_write_is_lost_and_none_is_torn(self):
        random.seed(7)
        acknowledged = 0
        with Server() as server:
            self.settings(server)
            for number in range(KILLS):
                victim = ("server", "postgres")[number % 2]
                writers = self.kill_once(server, victim)
                acknowledged += sum(len(w.acknowledged) for w in writers)
                total = self.check(server, writers)
                print(f"kill {number + 1} of the {victim}: {total} resources there, none lost")
        self.assertGreaterEqual(acknowledged, KILLS * WRITERS)

    def kill_while_alive(self, server, resenders):
        """Backends, one after another, and now and then the server; not before something was
        answered again: on a slow machine nothing would ever be."""
        kills = 0
        while any(one.is_alive() for one in resenders):
            before = sum(len(one.answers) for one in resenders)
            until(lambda: sum(len(one.answers) for one in resenders) > before
                  or not any(one.is_alive() for one in resenders), True)
            time.sleep(random.uniform(0, 0.4))
            kills += 1
            if kills % 5 == 0:
                self.wait_ready(server)
                server.kill()
                server.start()
            else:
                self.kill_backend(server)
        return kills

    def kill_backend(self, server):
        """kill -9 of any of PostgreSQL's processes for us; PostgreSQL then starts them all anew."""
        found = subprocess.run(["pgrep", "-f", "-P", str(server.postmaster()), "isthmus postgres"],
                               capture_output=True, text=True, check=False).stdout.split()
        if found:
            try:
                os.kill(int(random.choice(found)), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def test_what_is_sent_again_until_it_is_answered_is_written_once(self):
        random.seed(11)
        marks = [str(uuid.uuid4()) for _ in range(TRANSACTIONS)]
        with Server() as server:
            resenders = [Resender(server.base, marks[n::WRITERS]) for n in range(WRITERS)]
            for one in resenders:
                one.start()
            kills = self.kill_while_alive(server, resenders)
            self.wait_ready(server)
            client = server.client()
            for one in resenders:
                self.assertEqual(set(one.answers.values()), {200})
            for mark in marks:
                self.assertEqual(self.found(client, [mark, mark + "-2"]), 2)
            total = self.ask(client, "Patient?_summary=count").json()["total"]
            self.assertEqual(total, 2 * TRANSACTIONS)
            print(f"{TRANSACTIONS} transactions, {kills} kills, each written once")


if __name__ == "__main__":
    unittest.main()
