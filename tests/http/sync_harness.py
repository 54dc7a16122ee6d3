"""What the tests of synchronization share: the rogue partner, and a server with its worker."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import harness


class Rogue:
    """The rogue partner on free ports."""

    def __init__(self, resources=0, *arguments):
        self.process = harness.spawn(
            sys.executable, os.path.join(harness.ROOT, "tests/rogue/rogue"), "--port", "0",
            "--resources", str(resources), *arguments,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = self.process.stdout.readline()  # when all three ports listen
        if "http://" not in said:
            raise AssertionError("the rogue partner does not start")
        self.port = int(said.rsplit(":", 1)[1].split("/")[0])

    def base(self, spec=""):
        path = f"/fault/{spec}/fhir" if spec else "/fhir"
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, harness.PATIENCE) as answer:
            return json.loads(answer.read())

    def expect(self, spec=""):
        return self.ask("/control/expect", {"base": self.base(spec).split(str(self.port))[1]})

    def writes(self):
        return self.ask("/control/state")["writes"]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Exchange:
    """A server, and `isthmus sync` beside it on its database."""

    def __init__(self, server):
        self.server = server
        self.data = os.path.join(server.folder, "data")
        self.worker = None

    def isthmus(self, *arguments, status=0):
        done = harness.run(*arguments, "--data", self.data, "--base-url", self.server.base)
        if status is not None and done.returncode != status:
            raise AssertionError(f"{arguments}: status {done.returncode}\n{done.stderr[-4000:]}")
        return done

    def add(self, document):
        path = os.path.join(self.server.folder, f"{document['id']}.json")
        with open(path, "w") as file:
            json.dump(document, file)
        self.isthmus("partner", "add", path)

    def once(self, *arguments, status=None):
        return self.isthmus("sync", "--once", *arguments, status=status)

    def start(self):
        """The worker goes on until stop() or kill()."""
        with open(os.path.join(self.server.folder, "sync.log"), "ab") as log:
            self.worker = harness.spawn(
                harness.ISTHMUS, "sync", "--data", self.data, "--base-url", self.server.base,
                stdout=log, stderr=log)

    def stop(self):
        self.worker.send_signal(signal.SIGTERM)
        status = self.worker.wait(harness.PATIENCE)
        assert status == 0, self.log()

    def kill(self):
        self.worker.kill()
        self.worker.wait()

    def log(self):
        with open(os.path.join(self.server.folder, "sync.log"), errors="replace") as log:
            return "".join(log.readlines()[-40:])


def partner(name, base, **modes):
    return {
        "id": name, "base": base, "networks": ["127.0.0.1/32"],
        "limits": {"rps": 5000, "concurrency": 4, "timeout": "PT5S"},
        "retry": {"first": "PT0.05S", "longest": "PT0.4S", "tries": 5}, "modes": modes}
