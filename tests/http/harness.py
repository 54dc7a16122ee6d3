"""What the black-box tests share: a real server on a real embedded PostgreSQL, a client, the data.

The program under test is $ISTHMUS. Public test data are looked for in $ISTHMUS_TEST_DATA (default
../shared/data beside the checkout); a test that needs a folder from there and does not find it is
skipped, and unittest counts that.
"""

import contextlib
import fcntl
import glob
import gzip
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ISTHMUS = os.environ.get("ISTHMUS", os.path.join(ROOT, "build/release/isthmus"))
DATA = os.environ.get("ISTHMUS_TEST_DATA", os.path.join(ROOT, "../shared/data"))
FHIR = "application/fhir+json"
PATIENCE = 600  # seconds for anything that will come: a machine may be slow, or busy with other tests

# Neither does the program give up what a slow machine only takes longer for. Options still win.
os.environ.update(ISTHMUS_STATEMENT_TIMEOUT="600s", ISTHMUS_SEARCH_TIMEOUT="600s",
                  ISTHMUS_TRANSACTION_TIMEOUT="600s", ISTHMUS_READ_TIMEOUT="600s",
                  ISTHMUS_IDLE_TIMEOUT="3600s", ISTHMUS_DRAIN_TIMEOUT="300s")


def data(*path):
    """A folder or file of the public data, or the test is skipped."""
    found = os.path.join(DATA, *path)
    if not os.path.exists(found):
        raise unittest.SkipTest(f"no data in {found}")
    return found


PORTS = range(12000, 32000)  # below those that the system gives to outgoing connections


def free_port():
    """A port that stays this process's, also while the server on it is down: tests run side by side."""
    folder = os.path.join(tempfile.gettempdir(), f"isthmus-test-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    for port in random.sample(PORTS, len(PORTS)):
        claim = os.open(os.path.join(folder, str(port)), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(claim)
            continue
        return port  # the claim stays open: its lock ends with this process
    raise AssertionError("no port is free")


def until(ask, right, seconds=PATIENCE):
    """Asks again and again until the answer is right; the last answer. Generous: nothing here is
    about speed."""
    deadline = time.monotonic() + seconds
    while True:
        found = ask()
        if found == right or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def spawn(*command, **options):
    """A process that does not outlive this one, nor the thread that calls, however it ends."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command],
                            stdin=subprocess.DEVNULL, **options)


def text_of(path):
    with open(path) as file:
        return file.read()


def freeze(pid):
    """Stops a process; each of its threads for itself goes on until it hears of the signal."""
    os.kill(pid, signal.SIGSTOP)
    for thread in glob.glob(f"/proc/{pid}/task/*/stat"):
        with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
            while text_of(thread).rpartition(")")[2].split()[0] not in "TtZX":  # or has ended
                time.sleep(0.01)


def scratch():
    """A new folder that the account of the embedded PostgreSQL may pass through."""
    folder = tempfile.mkdtemp(prefix="isthmus-test-")
    os.chmod(folder, 0o755)
    return folder


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.bytes = response.read()

    def header(self, name):
        return self.headers.get(name)

    def json(self, exact=False):
        """The body; exact keeps numbers as the text they were written as."""
        body = self.bytes
        if self.header("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        kinds = {"parse_float": str, "parse_int": str} if exact else {}
        return json.loads(body, **kinds)


class Client:
    """One keep-alive connection to a base URL."""

    def __init__(self, base, timeout=PATIENCE):
        self.url = urllib.parse.urlsplit(base)
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """`path` is below the base; `body` bytes, text, or a value to be sent as FHIR JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", FHIR)
        if isinstance(body, str):
            body = body.encode()
        target = self.url.path + ("/" + path if path else "")
        for attempt in (1, 2):
            if not self.connection:
                self.connection = http.client.HTTPConnection(
                    self.url.hostname, self.url.port, timeout=self.timeout)
            try:
                self.connection.request(method, target, body, headers)
                return Answer(self.connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                # Only an idle keep-alive connection that the server closed is worth a second try.
                if attempt == 2 or method not in ("GET", "HEAD"):
                    raise
            except Exception:
                self.close()
                raise
        raise AssertionError("unreachable")

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def put(self, path, body, **headers):
        return self.request("PUT", path, body, headers)

    def post(self, path, body, **headers):
        return self.request("POST", path, body, headers)

    def delete(self, path):
        return self.request("DELETE", path)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Server:
    """`isthmus serve` on a free port. Use as a context; `folder` survives kill() and restart()."""

    def __init__(self, folder=None, arguments=(), environment=None):
        self.own_folder = folder is None
        self.folder = folder or scratch()
        self.arguments = list(arguments)
        self.environment = dict(os.environ, **(environment or {}))
        self.port = free_port()
        self.process = None
        self.clients = []
        self.log = os.path.join(self.folder, "server.log")

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/fhir"

    @property
    def root(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, timeout=PATIENCE):
        self.clients.append(Client(self.base, timeout))
        return self.clients[-1]

    def start(self):
        self.launch()
        return self.when_ready()

    def launch(self):
        log = open(self.log, "ab")
        self.process = spawn(
            ISTHMUS, "serve", "--data", os.path.join(self.folder, "data"),
            "--listen", f"127.0.0.1:{self.port}", *self.arguments,
            stdout=subprocess.PIPE, stderr=log, env=self.environment)
        log.close()

    def when_ready(self):
        for line in self.process.stdout:
            if line.startswith(b"ready: "):
                assert line.decode().strip() == f"ready: {self.base}", line
                return self
        status = self.process.wait(PATIENCE)
        raise AssertionError(f"the server did not start (status {status}):\n{self.tail()}")

    def tail(self):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-30:])

    def stop(self):
        """A clean stop; the exit status must be 0."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop:\n{self.tail()}") from None
        self.process.stdout.close()
        self.process = None
        assert status == 0, f"exit status {status}:\n{self.tail()}"

    def kill(self):
        """kill -9, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def postmaster(self):
        """The pid of the embedded PostgreSQL."""
        with open(os.path.join(self.folder, "data/postgres/postmaster.pid")) as file:
            return int(file.readline())

    def kill_postgres(self):
        """kill -9 of the embedded PostgreSQL, which the server then starts again by itself; returns
        its pid for runs_anew()."""
        before = self.postmaster()
        os.kill(before, signal.SIGKILL)
        return before

    def runs_anew(self, before):
        """Whether PostgreSQL is another one than the one with the pid `before`, and answers."""
        try:
            if self.postmaster() == before:
                return False
        except (OSError, ValueError):  # it is just being started
            return False
        client = Client(self.base)
        try:
            return client.get("Patient?_summary=count").status == 200
        finally:
            client.close()

    def end_postgres(self):
        """After kill() nobody has ended it yet."""
        try:
            os.kill(self.postmaster(), signal.SIGQUIT)
        except (OSError, ValueError):
            pass

    def resident(self):
        """Resident memory of the server process in bytes."""
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) * 1024
        return 0

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if kind:
                print(self.tail())
            self.stop()
        finally:
            self.end_postgres()
            for client in self.clients:
                client.close()
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)


class ServerCase(unittest.TestCase):
    """Tests that share one server, started with `arguments`, and one connection to it."""

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=cls.arguments)
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.client = cls.server.start().client()
        cls.prepare()

    @classmethod
    def prepare(cls):
        """What the tests find there."""

    @classmethod
    def put(cls, resource):
        answer = cls.client.put(f"{resource['resourceType']}/{resource['id']}", resource)
        assert answer.status in (200, 201), answer.bytes
        return answer

    def entries(self, query):
        """Those of all pages."""
        found = []
        while query:
            answer = self.client.get(query)
            self.assertEqual(answer.status, 200, answer.bytes)
            page = answer.json()
            found += page.get("entry", [])
            query = next((link["url"][len(self.server.base) + 1:] for link in page["link"]
                          if link["relation"] == "next"), None)
        return found


def run(*arguments, **options):
    """Runs `isthmus ARGUMENTS`; returns the completed process with its output as text."""
    return subprocess.run([ISTHMUS, *arguments], capture_output=True, text=True,
                          timeout=2 * PATIENCE, check=False, **options)


def examples():
    """The official examples: name and exact bytes, in order of their names."""
    for path in sorted(glob.glob(os.path.join(data("r4-examples"), "*.json"))):
        with open(path, "rb") as file:
            yield os.path.basename(path), file.read()


def issues(answer):
    """The issues of an OperationOutcome answer."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome", outcome
    return outcome["issue"]
