"""What a server must bear from clients that mean no good, and from a database that is stuck."""

import os
import resource
import signal
import socket
import subprocess
import time
import unittest

import harness


def exchange(server, *parts):
    """Everything the server sends for these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=harness.PATIENCE) as client:
        for part in parts:
            client.sendall(part)
        answer = b""
        while received := client.recv(65536):
            answer += received
    return answer


def open_now(server, what):
    """A gauge of the server, over a connection of its own."""
    answer = exchange(server, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    for line in answer.decode().splitlines():
        if line.startswith(what + "{"):
            return float(line.split()[-1])
    raise AssertionError(f"no {what}")


class Requests(unittest.TestCase):
    """One server with small limits."""

    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server(arguments=["--threads", "1", "--body-size", "1M"])
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.server.start()

    def tearDown(self):
        self.assertEqual(open_now(self.server, "isthmus_http_requests_open"), 1)

    def refused(self, *parts):
        """One answer, 400 with an OperationOutcome, and the end."""
        answer = exchange(self.server, *parts)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer[:200])
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
        return answer

    def test_space_before_the_colon_hides_no_body(self):
        for space in (b" ", b"\t"):
            answer = self.refused(b"POST /fhir HTTP/1.1\r\nHost: a\r\nContent-Length" + space +
                                  b": 44\r\n\r\n" + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b"OperationOutcome", answer)

    def test_the_length_of_a_body_is_digits(self):
        for length in (b"+4", b"0x4", b"-1", b"4, 4", b""):
            self.refused(b"POST /fhir HTTP/1.1\r\nHost: a\r\nContent-Length: " + length +
                         b"\r\n\r\nbody")

    def test_body_of_head_is_no_second_request(self):
        hidden = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        for method in (b"HEAD", b"TRACE"):
            self.refused(method + b" /fhir HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                         % len(hidden), hidden)
            self.refused(method + b" /fhir HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                         b"\r\n0\r\n\r\n", hidden)

    def test_head_may_say_that_its_body_is_empty(self):
        answer = exchange(self.server, b"HEAD /fhir/metadata HTTP/1.1\r\nHost: a\r\n"
                          b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)

    def test_close_is_found_among_other_options(self):
        answer = exchange(self.server, b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
                          b"Connection: Upgrade, Close\r\nUpgrade: websocket\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)

    def test_endless_chunk_size_is_cut_off(self):
        sent = 0
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=harness.PATIENCE) as client:
            client.sendall(b"POST /fhir HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            with self.assertRaises(ConnectionError):
                while sent < 256 << 20:
                    client.sendall(bytes(1 << 20))
                    sent += 1 << 20

    def test_a_body_that_never_ends_is_cut_off(self):
        head = b"POST /fhir/Patient HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\n"
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=harness.PATIENCE) as client:
            client.sendall(head + b"Content-Length: 1000000000000\r\n\r\n")
            sent, deadline = 0, time.monotonic() + harness.PATIENCE
            with self.assertRaises(OSError):
                while time.monotonic() < deadline:
                    client.sendall(b" " * 65536)
                    sent += 65536
                    time.sleep(0.001)
        self.assertGreater(sent, 1024 * 1024)


class Exhaustion(unittest.TestCase):
    def test_more_connections_than_files_wait(self):
        with harness.Server(arguments=["--threads", "1"]) as server:
            pid = server.process.pid
            hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
            self.assertEqual(resource.prlimit(pid, resource.RLIMIT_NOFILE)[0], hard,
                             "the server takes what it is allowed")
            files = len(os.listdir(f"/proc/{pid}/fd")) + 10
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (files, hard))
            clients = [socket.create_connection(("127.0.0.1", server.port), timeout=harness.PATIENCE)
                       for _ in range(30)]
            time.sleep(2)
            clients[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(clients[0].recv(100).startswith(b"HTTP/1.1 200 "))
            for client in clients[:25]:
                client.close()
            clients[29].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(clients[29].recv(100).startswith(b"HTTP/1.1 200 "))
            for client in clients[25:]:
                client.close()
            with open(server.log) as log:
                lines = log.read().splitlines()
            self.assertTrue(any("cannot accept" in line for line in lines), lines[-3:])
            self.assertLess(len(lines), 100)

    def test_transaction_on_a_stuck_database_waits_once(self):
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": {"resourceType": "Patient"},
             "request": {"method": "POST", "url": "Patient"}}]}
        with harness.Server(arguments=["--threads", "1", "--transaction-timeout", "8s"]) as server:
            client = server.client(timeout=200)  # the wait of a rollback would be longer
            self.assertEqual(client.post("", bundle).status, 200)
            main = server.postmaster()
            stopped = [main]
            try:
                harness.freeze(main)  # first, so that none is added
                found = subprocess.run(["pgrep", "-P", str(main)], capture_output=True, text=True,
                                       check=True).stdout.split()
                for pid in map(int, found):
                    stopped.append(pid)
                    harness.freeze(pid)
                answer = client.post("", bundle)
            finally:
                for pid in stopped:
                    os.kill(pid, signal.SIGCONT)
            self.assertEqual(answer.status, 503)
            self.assertEqual(harness.issues(answer)[0]["code"], "timeout")
            self.assertEqual(harness.until(lambda: client.post("", bundle).status, 200), 200)


if __name__ == "__main__":
    unittest.main()
