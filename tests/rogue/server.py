"""The listeners, the bases, and the book of what was asked."""

import collections
import copy
import ssl
import threading
import time
import uuid
from urllib.parse import unquote

from . import control, load, service, tls
from .faults import BadSpec
from .store import Store
from .times import Clock
from .wire import Listener, Reply
from .world import World

KEPT = 100000  # lines of each book
INTERNAL_ADDRESS = "127.0.0.2"
GRACE = 0.05  # a request that crossed the refusal on the wire is not early


class Server:
    def __init__(self, port, resources, seed=1, skew=0.0, latency=0.0, https=None, address="127.0.0.1"):
        self.seed = seed
        self.clock = Clock(skew)
        self.latency = latency
        self.edits = self.ids = self.resets = 0
        self.store = Store(self.clock)
        self.initial = load.fill(self.store, resources)
        self.scheme = "https" if https else "http"
        context = None
        if https:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*https)
        self.book = threading.Lock()
        self.forget()
        self.making = threading.Lock()
        self.certificates = None
        self.tls_listeners = {}
        self.main = Listener(address, port, self.answer, self.clock, context)
        self.port = self.main.port
        self.storage = Listener(address, port and port + 1, self.answer_storage, self.clock, context)
        self.internal = Listener(INTERNAL_ADDRESS, port and port + 2, self.answer_internal, self.clock)
        self.origin = f"{self.scheme}://{address}:{self.port}"

    def close(self):
        for listener in (self.main, self.storage, self.internal, *self.tls_listeners.values()):
            listener.close()
        if self.certificates:
            self.certificates.remove()

    # The book

    def forget(self):
        self.worlds = {}
        self.requests = collections.Counter()
        self.statuses = collections.Counter()
        self.strikes = collections.Counter()
        self.writes = []
        self.violations = []
        self.storage_hits = []
        self.internal_hits = []

    def reset(self, data):
        self.resets += 1
        self.forget()
        if data:
            self.store = Store(self.clock)
            for row in self.initial:
                self.store.add(row)
            self.edits = self.ids = 0

    def count(self, world, rq):
        with self.book:
            self.requests[(world.prefix, rq.kind)] += 1
        due = world.not_before.get(rq.key)
        if due and time.monotonic() < due - GRACE:
            self.violation("early", rq, f"{due - time.monotonic():.1f} s before Retry-After is over")

    def struck(self, world, fault, form):
        with self.book:
            self.strikes[(world.prefix, fault.row.number, form)] += 1

    def violation(self, kind, rq, text):
        if len(self.violations) < KEPT:
            self.violations.append({"kind": kind, "method": rq.method, "target": rq.target, "text": text})

    def heard(self, world, row):
        if len(self.writes) < KEPT:
            self.writes.append({"base": world.prefix, "method": row.method, "type": row.type,
                                "id": row.id, "version": row.version, "hash": row.hashes()[0]})

    def state(self):
        requests, statuses, strikes = {}, {}, {}
        with self.book:
            for (base, kind), n in sorted(self.requests.items()):
                requests.setdefault(base, {})[kind] = n
            for (base, status), n in sorted(self.statuses.items()):
                statuses.setdefault(base, {})[str(status)] = n
            for (base, number, form), n in sorted(self.strikes.items()):
                strikes.setdefault(base, {}).setdefault(number, {})[form] = n
        return {"requests": requests, "statuses": statuses, "strikes": strikes, "writes": self.writes,
                "violations": self.violations, "storage": self.storage_hits,
                "internal": self.internal_hits, "resources": len(self.store.log),
                "ports": {"main": self.port, "storage": self.storage.port,
                          "internal": self.internal.port},
                "phases": {w.prefix: w.phase for w in self.worlds.values() if w.phases() > 1}}

    def new_id(self):
        self.ids += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"rogue {self.seed} {self.ids}"))

    # URLs

    def world(self, spec):
        world = self.worlds.get(spec)
        if not world:
            world = self.worlds.setdefault(spec, World(self, spec))
        return world

    def origin_of(self, rq):
        return f"{rq.scheme}://{rq.authority}"

    def storage_base(self):
        return f"{self.scheme}://127.0.0.1:{self.storage.port}/signed"

    def storage_url(self, rq, path=None):
        return self.storage_base() + (f"{path}?signed=1" if path else rq.target)

    def internal_url(self):
        return f"http://{INTERNAL_ADDRESS}:{self.internal.port}/admin/secrets"

    def tls(self):
        with self.making:
            if not self.certificates:
                self.certificates = tls.Certificates()
                for form in tls.LEAVES:
                    if form != "visitor":
                        self.tls_listeners[form] = Listener("127.0.0.1", 0, self.answer, self.clock,
                                                            self.certificates.context(form))
        path = self.certificates.path
        return {"ca": path("root.crt"), "client": {"certificate": path("visitor.crt"),
                                                   "key": path("visitor.key")},
                "ports": {form: listener.port for form, listener in self.tls_listeners.items()}}

    # Answers

    def answer(self, rq):
        path = split(rq.target)
        if path.path.startswith("/control/"):
            return control.answer(self, prepare(rq, [], path), path.path[9:],
                                  service.parse_query(path.query))
        reply = self.fhir(rq)
        if rq.kind in ("search", "page", "history"):
            reply.delay += self.latency
        return reply

    def fhir(self, rq, bare=False):
        """FHIR below /fhir or /fault/SPEC/fhir."""
        path = split(rq.target)
        segments = path.path.split("/")[1:]
        spec = ""
        if segments[:1] == ["fault"] and len(segments) > 1:
            spec, segments = segments[1], segments[2:]
        if segments[:1] != ["fhir"]:
            rq.kind = "other"
            return service.outcome(404, "FHIR is at /fhir and /fault/NUMBER/fhir", "not-found")
        prepare(rq, segments[1:], path)
        rq.bare = bare
        try:
            world = self.world(unquote(spec) if "%" in spec else spec)
        except BadSpec as error:
            rq.kind = "other"
            return service.outcome(404, str(error), "not-found")
        rq.base = f"{rq.scheme}://{rq.authority}{world.prefix}"
        reply = world.handle(rq)
        with self.book:
            self.statuses[(world.prefix, reply.status)] += 1
        return reply

    def answer_storage(self, rq):
        """Storage with signed URLs: it wants no Authorization and no cookies."""
        leaked = [name for name in ("authorization", "cookie") if rq.header(name)]
        self.storage_hits.append({"target": rq.target, "authorization": "authorization" in leaked,
                                  "cookie": "cookie" in leaked})
        rq.target = rq.target.removeprefix("/signed")
        rq.authority = f"127.0.0.1:{self.port}"
        rq.scheme = self.scheme
        rq.target = rq.target.replace("?signed=1&X-Signature=rogue", "").replace("?signed=1", "")
        if "authorization" in leaked:
            status = 403 if "W-10:form=403" in rq.target else 400
            return Reply(status, b"<Error><Code>InvalidArgument</Code></Error>", "application/xml")
        return self.fhir(rq, bare=True)

    def answer_internal(self, rq):
        """Nobody should ever come here."""
        self.internal_hits.append({"method": rq.method, "target": rq.target})
        return Reply(200, b'{"secret":"rogue"}', "application/json")


Target = collections.namedtuple("Target", "path query")


def split(target):
    if target[:1] != "/":  # the absolute form, as for a proxy
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    return Target(path, query)


def prepare(rq, segments, path):
    rq.parts = [unquote(segment) for segment in segments if segment]
    rq.params = service.parse_query(path.query, plus=" ")
    if "W-12" not in rq.target:  # a good server takes a bare + in a timestamp for what was meant
        rq.params = [(n, v.replace(" ", "+")) if n in ("_lastUpdated", "_since") else (n, v)
                     for n, v in rq.params]
    rq.kind = kind_of(rq)
    volatile = ("_snapshot=", "_chain=", "_hops=")
    kept = [p for p in path.query.split("&") if not p.startswith(volatile)]
    rq.key = f"{rq.method} {path.path}?{'&'.join(kept)}"
    rq.bare = False
    rq.dropped = []
    rq.inner = lambda parts, params: inside(rq, parts, params)
    rq.copy = lambda method, target: another(rq, method, target)
    return rq


def inside(rq, parts, params):
    """The GET of an entry of a Bundle."""
    made = copy.copy(rq)
    made.method, made.parts, made.params, made.body = "GET", parts, params, b""
    return made


def another(rq, method, target):
    made = copy.copy(rq)
    made.method, made.target, made.body = method, target, b""
    return made


def kind_of(rq):
    """The class of a request, for faults and the book."""
    parts = rq.parts
    if "_history" in parts[:3] and not (len(parts) == 4):
        return "page" if any(n == "_snapshot" for n, _ in rq.params) else "history"
    if rq.method == "POST" and parts[-1:] == ["_search"]:
        return "search"
    if rq.method not in ("GET", "HEAD"):
        return "write" if parts else "bundle"
    if parts[:1] == ["metadata"]:
        return "metadata"
    if parts[:1] in (["files"], ["attachment"]):
        return {"files": "file", "attachment": "attachment"}[parts[0]]
    if len(parts) == 1:
        return "page" if any(n == "_snapshot" for n, _ in rq.params) else "search"
    return "read" if parts else "other"
