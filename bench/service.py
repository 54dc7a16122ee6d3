"""A server of our own for the benchmark, and a look into its database."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.request

POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \S+ UTC \[(\d+)\] (\w+):  ", re.M)
PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
TICKS = 100.0  # of /proc/PID/stat, a second
PLANNING = {"plan_cache_mode": "force_generic_plan", "enable_memoize": "off", "jit": "off",
            "enable_sort": "off", "enable_seqscan": "off",
            "max_parallel_workers_per_gather": "0"}  # as the server does
CAPTURE = {"log_statement": "all", "log_error_verbosity": "default",
           "log_parameter_max_length": "-1"}


def program(name):
    path = POSTGRES / name
    return str(path) if path.exists() else shutil.which(name) or name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`isthmus serve` with its embedded PostgreSQL in a folder."""

    def __init__(self, isthmus, folder, data=None):
        self.isthmus, self.folder = isthmus, pathlib.Path(folder)
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.base = self.root + "/fhir"
        self.process = None

    def start(self, *arguments):
        """Returns the seconds until it has answered a search."""
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [self.isthmus, "serve", "--data", str(self.data),
             "--listen", f"127.0.0.1:{self.port}", *arguments],
            stdout=subprocess.PIPE, stderr=open(self.folder / "serve.log", "a"), text=True)
        for line in self.process.stdout:
            if line.startswith("ready: "):
                self.get("/Patient?_count=1")
                return time.monotonic() - begin
        raise SystemExit("the server did not start:\n" + (self.folder / "serve.log").read_text())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            self.process.stdout.close()

    def get(self, path):
        request = urllib.request.Request(self.base + path,
                                         headers={"Accept": "application/fhir+json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def post(self, path, body):
        return self.send("POST", path, body)

    def put(self, path, body):
        return self.send("PUT", path, body)

    def send(self, method, path, body):
        request = urllib.request.Request(self.base + path, body.encode(), method=method,
                                         headers={"Content-Type": "application/fhir+json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status

    def resident_mb(self, field="VmRSS"):
        """Of the server process; PostgreSQL's are its own. VmHWM: the most it was."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(field + r":\s+(\d+)", status)[1]) / 1024

    def processor_time(self):
        """Seconds that PostgreSQL has used: the postmaster, its children, and those that have ended.
        What a child has used becomes the postmaster's when it has ended. When one does so while
        they are looked at, it would be missing or be there twice: then they are looked at again."""
        master = (self.data / "postgres" / "postmaster.pid").read_text().split()[0]
        own, ended, children = 0, -1, 0
        while ticks_of(master)[1] != ended:
            own, ended = ticks_of(master)
            children = sum(ticks_of(path.name)[0] for path in pathlib.Path("/proc").glob("[0-9]*")
                           if parent_of(path.name) == master)
        return (own + ended + children) / os.sysconf("SC_CLK_TCK")

    # The database

    @property
    def conninfo(self):
        for folder in (self.data / "socket", *pathlib.Path("/tmp").glob("isthmus-*")):
            if (folder / ".s.PGSQL.5432").exists() and self.owns(folder):
                return f"host={folder} port=5432 user=isthmus dbname=postgres"
        raise SystemExit("the socket of the database was not found")

    def owns(self, folder):
        lines = (self.data / "postgres" / "postmaster.pid").read_text().splitlines()
        return len(lines) > 4 and lines[4] == str(folder)

    def psql(self, *commands, **more):
        words = [program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo]
        for command in commands:
            words += ["-c", command]
        done = subprocess.run(words, capture_output=True, text=True, **more)
        if done.returncode:
            raise SystemExit(f"psql: {done.stderr.strip()}")
        return done.stdout

    def rows(self, query):
        return [line.split("|") for line in self.psql(query).splitlines()]

    def check_durable(self):
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            if self.psql(f"show {setting}").strip() != "on":
                raise SystemExit(f"{setting} is not on: this would compare nothing")

    def capture(self, requests):
        """What each of the calls in `requests` makes the server ask of its database: a list of
        statements each, the values of parameters written into them. PostgreSQL's log tells."""
        with self.logging():
            return [self.statements_of(request) for request in requests]

    @contextlib.contextmanager
    def logging(self):
        """While PostgreSQL's log has every statement."""
        self.psql(*[f"alter system set {name} = '{value}'" for name, value in CAPTURE.items()],
                  "select pg_reload_conf()")
        time.sleep(0.5)
        try:
            yield
        finally:
            self.psql(*[f"alter system reset {name}" for name in CAPTURE],
                      "select pg_reload_conf()")

    def cpu(self):
        """Seconds that the server and PostgreSQL have used so far, of processes that ended too."""
        postmaster = int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])
        server = postgres = 0.0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                number, rest = re.match(r"(\d+) \(.*\) (.*)", stat.read_text(), re.S).groups()
                fields = [int(field) for field in rest.split()[1:15]]
                if int(number) == self.process.pid:
                    server = scheduled(stat.parent)
                elif postmaster in (int(number), fields[0]):
                    postgres += scheduled(stat.parent)
                if int(number) == postmaster:
                    postgres += (fields[12] + fields[13]) / TICKS
            except (OSError, AttributeError):
                continue # it has ended
        return server, postgres

    def statements_of(self, request):
        log = self.data / "postgres.log"
        start = log.stat().st_size
        request()
        time.sleep(0.05)
        with open(log, encoding="utf-8", errors="replace") as file:
            file.seek(start)
            text = file.read()
        return [bind(sql, parameters) for sql, parameters in executed(text)
                if re.search(r"\b(from|into|update) f_", sql) and "pg_class" not in sql]


def fields_of(number):
    """Of /proc/NUMBER/stat, behind the name; none when the process has ended."""
    try:
        return pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def parent_of(number):
    return "".join(fields_of(number)[1:2])


def ticks_of(number):
    """What a process has used, and its children that have ended."""
    fields = [int(field) for field in fields_of(number)[11:15]] or [0] * 4
    return sum(fields[:2]), sum(fields[2:])


def scheduled(process):
    """Seconds of all its threads, to the nanosecond."""
    return sum(int(path.read_text().split()[0])
               for path in process.glob("task/*/schedstat")) / 1e9


def executed(text):
    """(statement, {number: literal}) of every execution in a piece of the log."""
    marks = [*ENTRY.finditer(text)]
    entries = [(mark[1], mark[2], text[mark.end():after.start() if after else len(text)].strip())
               for mark, after in zip(marks, [*marks[1:], None])]
    for (process, level, message), following in zip(entries, [*entries[1:], ("", "", "")]):
        found = re.match(r"execute [^:]*: (.*)", message, re.S)
        if level == "LOG" and found:
            known = following[0] == process and following[1] == "DETAIL"
            yield found[1], dict(PARAMETER.findall(following[2])) if known else {}


def bind(sql, parameters):
    """The statement with literals for parameters, on one line."""
    sql = re.sub(r"\s*\n\s*", " ", sql)
    return re.sub(r"\$(\d+)", lambda match: parameters.get(match[1], "NULL"), sql)
