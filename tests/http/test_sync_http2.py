"""Partners that offer HTTP/2: many transfers on one connection, and what ends streams and connections.
"""

import json
import os
import signal
import subprocess
import sys
import unittest

import harness
from sync_harness import Exchange, Rogue
from sync_state import GOOD_TYPES, account, pulled, shape, states


def interpreter():
    """One that has the module; Debian's, mostly."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import h2"], capture_output=True, check=False).returncode == 0:
            return python
    return None


class Front:
    """See http2_front.py."""

    def __init__(self, port, certificate, **faults):
        told = {"port": port, "certificate": certificate + ".crt", "key": certificate + ".key", **faults}
        self.process = harness.spawn(
            interpreter(), "-B", os.path.join(os.path.dirname(__file__), "http2_front.py"),
            json.dumps(told), stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def seen(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


@unittest.skipUnless(interpreter(), "no python3-h2")
class Http2(unittest.TestCase):
    def setUp(self):
        self.rogue = Rogue(300)
        self.addCleanup(self.rogue.close)
        self.tls = self.rogue.ask("/control/tls", {})
        self.server = harness.Server().start()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.exchange = Exchange(self.server)

    def front(self, **faults):
        """The certificate is the one that rogue partner has for itself."""
        front = Front(self.rogue.port, self.tls["ca"].replace("root.crt", "good"), **faults)
        self.addCleanup(front.close)
        return front

    def pull(self, front, status=0, **modes):
        """Of all types at once. The rogue partner does not know that it is asked by TLS, so its links
        say http."""
        made = pulled("p", f"https://127.0.0.1:{front.port}/fhir", GOOD_TYPES, linkRewrite=True,
                      tls={"caRef": "file:" + self.tls["ca"]})
        made["limits"]["timeout"] = "PT60S"
        made["modes"].update(modes)
        self.exchange.add(made)
        self.exchange.once(status=status)
        return made

    def check(self, front):
        self.assertTrue(account(self.exchange, "p")["balanced"])
        state = states(self.exchange)[f"https://127.0.0.1:{front.port}/fhir"]
        for row in self.rogue.expect()["resources"]:
            key = row["type"], row["id"]
            self.assertEqual(shape(state[key]), row["shape"], key)

    def test_many_transfers_share_a_connection(self):
        front = self.front(gather=4)
        made = self.pull(front)
        self.check(front)
        seen = front.seen()
        self.assertEqual(seen["protocols"], ["h2"])
        self.assertEqual(seen["connections"], 1)
        self.assertEqual(seen["most"], made["limits"]["concurrency"])
        self.assertGreater(seen["streams"], 15)

    def test_connections_that_are_given_up_are_made_anew(self):
        front = self.front(goaway=5)
        self.pull(front)
        self.check(front)
        self.assertGreater(front.seen()["goaways"], 2)

    def test_streams_that_are_reset_are_asked_for_again(self):
        front = self.front(reset=4)
        self.pull(front)
        self.check(front)
        self.assertGreater(front.seen()["resets"], 3)

    def test_what_is_pushed_is_there_once_whatever_ends(self):
        front = self.front(goaway=7, reset=5)
        client = self.server.client()
        for i in range(20):
            client.put(f"Patient/h{i}", {"resourceType": "Patient", "id": f"h{i}",
                                         "name": [{"family": f"Stream {i}"}]})
        self.pull(front, None, push={"types": ["Patient"]})
        def confirmed():
            self.exchange.once()
            return account(self.exchange, "p")["pushed"]["confirmed"]
        self.assertEqual(harness.until(confirmed, 20), 20)
        made = [row for row in self.rogue.expect()["resources"] if row["type"] == "Patient"]
        names = [self.rogue.ask(f"/fhir/Patient/{row['id']}").get("name", [{}])[0].get("family", "")
                 for row in made]
        self.assertEqual(sorted(n for n in names if n.startswith("Stream")),
                         sorted(f"Stream {i}" for i in range(20)))
        seen = front.seen()
        self.assertGreater(seen["goaways"] + seen["resets"], 4)

    def test_without_it_there_is_http_1(self):
        front = self.front(only_http1=True)
        self.pull(front)
        self.check(front)
        self.assertEqual(front.seen()["protocols"], ["http/1.1"])

    def test_probe_says_which_one_it_is(self):
        for only_http1, version in ((False, "2"), (True, "1.1")):
            front = self.front(only_http1=only_http1)
            done = harness.run("partner", "probe", f"https://127.0.0.1:{front.port}/fhir", "--ca",
                               self.tls["ca"], "--network", "127.0.0.1/32")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["found"]["httpVersion"], version)


if __name__ == "__main__":
    unittest.main()
