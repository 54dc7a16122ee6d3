"""`isthmus post` on a bad line: each result once, and the exit status says what is known."""

import email.utils
import json
import os
import shutil
import socket
import tempfile
import threading
import time
import unittest

from harness import ServerCase, run

SYSTEM = "https://lab.example.org/filler"


def observation(value, **more):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "Potassium"},
            "identifier": [{"system": SYSTEM, "value": value}], **more}


def transaction(value, safe=True):
    request = {"method": "POST", "url": "Observation"}
    if safe:
        request["ifNoneExist"] = f"identifier={SYSTEM}|{value}"
    return {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:6a9ad4ee-6d3b-4f2b-8c0a-0e5ad2d9a001", "resource": observation(value),
         "request": request}]}


class Line(threading.Thread):
    """A proxy that does what it is told with one connection after the other: 'pass', 'cut' (the
    request arrives, the answer does not), 'drop' (nothing arrives), or a function that makes the answer."""

    def __init__(self, port, deeds):
        super().__init__(daemon=True)
        self.target, self.deeds, self.times = port, list(deeds), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}/fhir"
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            deed = self.deeds.pop(0) if self.deeds else "pass"
            self.times.append(time.monotonic())
            with client:
                self.handle(client, deed)

    def handle(self, client, deed):
        if deed == "drop":
            return
        request = b""
        while b"\r\n\r\n" not in request:
            more = client.recv(65536)
            if not more:
                return
            request += more
        head, _, body = request.partition(b"\r\n\r\n")
        size = [int(line.split(b":")[1]) for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")]
        while size and len(body) < size[0]:
            more = client.recv(65536)
            if not more:
                return
            body += more
        if callable(deed):
            client.sendall(deed())
            return
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            server.sendall(b"\r\n".join(lines + [b"Connection: close"]) + b"\r\n\r\n" + body)
            answer = b""
            while True:
                more = server.recv(65536)
                if not more:
                    break
                answer += more
        if deed == "pass":
            client.sendall(answer)

    def close(self):
        self.listener.close()


class Post(ServerCase):
    arguments = ["--threads", "1"]

    @classmethod
    def prepare(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            json.dump(content, out)
        return path

    def count(self, value):
        found = self.client.get(f"Observation?identifier={SYSTEM}|{value}&_summary=count")
        return found.json()["total"]

    def line(self, *deeds):
        line = Line(self.server.port, deeds)
        self.addCleanup(line.close)
        return line

    def test_a_transaction_on_a_line_that_breaks(self):
        line = self.line("drop", "cut", "cut", "pass")
        done = run("post", line.base, "--bundle", self.file("a.json", transaction("broken-line")))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.count("broken-line"), 1)
        self.assertGreaterEqual(len(line.times), 4)

    def test_single_resources(self):
        one = self.file("one.json", observation("single"))
        refused = run("post", self.server.base, one)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("--if-none-exist", refused.stderr)
        line = self.line("cut", "pass")
        done = run("post", line.base, one, "--if-none-exist", f"identifier={SYSTEM}|single")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.count("single"), 1)
        named = self.file("named.json", {**observation("named"), "id": "named"})
        line = self.line("cut", "pass")
        self.assertEqual(run("post", line.base, named).returncode, 0)
        self.assertEqual(self.client.get("Observation/named").header("ETag"), 'W/"1"')

    def test_what_is_not_safe_is_not_sent(self):
        done = run("post", self.server.base, self.file("unsafe.json", transaction("unsafe", False)))
        self.assertEqual(done.returncode, 3)
        self.assertIn("entry 0", done.stderr)
        self.assertEqual(self.count("unsafe"), 0)
        done = run("post", self.server.base, "--once", os.path.join(self.folder, "unsafe.json"))
        self.assertEqual((done.returncode, self.count("unsafe")), (0, 1))
        line = self.line("cut")
        done = run("post", line.base, "--once", os.path.join(self.folder, "unsafe.json"))
        self.assertEqual((done.returncode, len(line.times)), (4, 1))

    def test_a_refusal_ends_the_run_and_is_printed(self):
        bad = self.file("bad.json", {**observation("bad"), "id": "bad", "status": "no such status"})
        good = self.file("good.json", {**observation("good"), "id": "good"})
        done = run("post", self.server.base, bad, good)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json.loads(done.stdout)["resourceType"], "OperationOutcome")
        self.assertEqual(self.client.get("Observation/good").status, 404)

    def test_it_comes_back_when_the_server_says(self):
        for after in (lambda: "2", lambda: email.utils.formatdate(time.time() + 4, usegmt=True)):
            line = self.line(lambda after=after: (
                f"HTTP/1.1 503 Busy\r\nRetry-After: {after()}\r\nContent-Length: 0\r\n"
                "Connection: close\r\n\r\n").encode(), "pass")
            done = run("post", line.base, self.file("busy.json", transaction("busy")))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertGreaterEqual(line.times[1] - line.times[0], 1.5)
        self.assertEqual(self.count("busy"), 1)

    def test_giving_up_says_that_nothing_is_known(self):
        line = self.line(*["cut"] * 50)
        done = run("post", line.base, "--retry-for", "2s", self.file("c.json", transaction("given-up")))
        self.assertEqual(done.returncode, 4)
        self.assertIn("not known", done.stderr)

    def test_the_journal(self):
        journal = os.path.join(self.folder, "journal")
        files = [self.file(f"j{i}.json", transaction(f"journal-{i}")) for i in range(3)]
        line = self.line("pass", *["cut"] * 50)
        done = run("post", line.base, *files, "--journal", journal, "--retry-for", "1s")
        self.assertEqual(done.returncode, 4)
        line.close()
        done = run("post", self.server.base, *files, "--journal", journal)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("post", self.server.base, *files, "--journal", journal)
        self.assertEqual(done.stdout.count("accepted before"), 3)
        self.file("j1.json", transaction("journal-changed"))
        done = run("post", self.server.base, *files, "--journal", journal)
        self.assertEqual((done.stdout.count("accepted before"), self.count("journal-changed")), (2, 1))

    def test_headers_and_misuse(self):
        line = self.line(
            lambda: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        done = run("post", line.base, self.file("h.json", transaction("h")), "--header",
                   "Authorization: Bearer x")
        self.assertEqual(done.returncode, 1)
        for wrong in ([], [self.server.base], [self.server.base, "--nothing", "x"],
                      [self.server.base, "x.json", "--retry-for", "soon"]):
            self.assertEqual(run("post", *wrong).returncode, 2, wrong)
        self.assertEqual(run("post", self.server.base, "/nowhere.json").returncode, 1)


if __name__ == "__main__":
    unittest.main()
