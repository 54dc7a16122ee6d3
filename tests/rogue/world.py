"""What is seen from one base: the good data, what its faults add, and what they do to answers."""

import collections
import gzip
import hashlib
import threading
from urllib.parse import unquote

from . import content, fhirjson, service, table
from .faults import BadSpec
from .store import Row, Store, order
from .wire import Reply

SNAPSHOTS = 500
CACHE = 256 << 20
Snapshot = collections.namedtuple("Snapshot", "id rows")


def parse(spec):
    """[(number, params)] of "W-01:form=date;seconds=5,W-06"."""
    found = []
    for item in filter(None, spec.split(",")):
        number, _, rest = item.partition(":")
        params = dict(p.partition("=")[::2] for p in rest.split(";") if p)
        if number not in table.BY_NUMBER:
            raise BadSpec(f"no fault {number}; there are {', '.join(table.BY_NUMBER)}")
        found.append((number, params))
    return found


class World:
    def __init__(self, server, spec):
        self.server = server
        self.spec = spec
        self.prefix = f"/fault/{spec}/fhir" if spec else "/fhir"
        self.base = f"{server.origin}{self.prefix}"
        self.lock = threading.RLock()
        self.local = threading.local()
        self.overlay = Store(server.clock)
        self.extras = {}
        self.snapshots = collections.OrderedDict()
        self.cache = {}
        self.cached = 0
        self.not_before = {}
        self.taken = 0
        self.phase = 0
        self.born = server.clock.now_ms()
        self.faults = [self.make(number, params) for number, params in parse(unquote(spec))]
        self.viewed = [f for f in self.faults if hasattr(f, "visible")]
        self.presented = [f for f in self.faults if f.row.number == "W-23"]
        self.advance()

    def make(self, number, params):
        row = table.BY_NUMBER[number]
        more = (self.make,) if number == "mix" else ()
        return row.cls(row, self, params, *more)

    def has(self, number):
        return any(fault.row.number == number for fault in self.faults)

    def param(self, name, fallback):
        return next((f.params[name] for f in self.faults if name in f.params), fallback)

    # Content

    def phases(self):
        return max((fault.phases() for fault in self.faults), default=1)

    def advance(self, phase=None):
        """Goes on to the next phase, or as far as `phase`; there is no way back."""
        with self.lock:
            goal = min(phase or self.phase + 1, self.phases())
            while self.phase < goal:
                self.phase += 1
                for fault in self.faults:
                    if self.phase <= fault.phases():
                        self.apply(fault.content(self.phase))
            return self.phase

    def apply(self, puts):
        for put in puts:
            updated = put.updated if put.updated is not None else self.server.clock.rising()
            version = put.version or str(len(self.overlay.versions(put.type, put.id)) + 1)
            if isinstance(put.doc, bytes) or put.doc is None or put.raw_meta:
                data = put.doc if isinstance(put.doc, bytes) else \
                    fhirjson.dumps(put.doc) if put.doc else b""
                row = Row(put.type, put.id, version, updated, data, put.method, put.note)
                self.overlay.add(row)
            elif put.extra:
                spare = Store(self.server.clock)
                row = spare.put(put.doc, "PUT", version, updated, put.note)
                self.extras.setdefault(put.type, []).append(row)
            else:
                self.overlay.put(put.doc, put.method, version, updated, put.note)

    def wrote(self, row):
        self.server.heard(self, row)
        for fault in self.faults:
            fault.wrote(row)
        return row

    def present(self, row):
        data = row.data
        for fault in self.presented:
            data = fault.present(row, data)
        return data

    # What is there

    def plain(self, type_):
        """Whether the good store alone answers for this type."""
        return not (self.viewed or self.overlay.types.get(type_) or self.extras.get(type_))

    def visible(self, row, now):
        return getattr(self.local, "fresh", False) or all(f.visible(row, now) for f in self.viewed)

    def seen(self, versions, now):
        """The newest of these versions that is visible from here, or None."""
        if not self.viewed:
            return versions[-1] if versions else None
        return next((row for row in reversed(versions) if self.visible(row, now)), None)

    def rows(self, type_):
        if self.plain(type_):
            return self.server.store.rows(type_)
        now = self.server.clock.now_ms()
        over = self.overlay.types.get(type_, {})
        good = self.server.store.types.get(type_, {})
        with self.server.store.lock:
            found = [self.seen(v, now) for id_, v in good.items() if id_ not in over]
        with self.lock:
            found += [self.seen(v, now) for v in over.values()] + self.extras.get(type_, [])
        return sorted((row for row in found if row and not row.deleted), key=order)

    def type_names(self):
        return sorted(set(self.server.store.types) | set(self.overlay.types))

    def versions(self, type_, id_):
        over = self.overlay.versions(type_, id_)
        extra = [row for row in self.extras.get(type_, ()) if row.id == id_]
        return sorted(extra, key=order) + over if over else self.server.store.versions(type_, id_)

    def current(self, type_, id_):
        return self.seen(self.versions(type_, id_), self.server.clock.now_ms())

    def version(self, type_, id_, version):
        return next((row for row in self.versions(type_, id_) if row.version == version), None)

    def history(self, type_, id_):
        """All versions, oldest first."""
        if id_:
            rows = self.versions(type_, id_)
        else:
            with self.server.store.lock:
                rows = list(self.server.store.log)
            extra = list(self.overlay.log) + [r for rows_ in self.extras.values() for r in rows_]
            over = {(row.type, row.id) for row in extra}
            rows = [row for row in rows if (row.type, row.id) not in over] + extra
            if type_:
                rows = [row for row in rows if row.type == type_]
        now = self.server.clock.now_ms()
        return sorted((row for row in rows if self.visible(row, now)), key=order)

    # Chains of pages

    def take(self, what, pairs, select):
        """A snapshot of what `select` finds; the same one as long as nothing has changed."""
        with self.lock:
            if self.viewed:
                self.taken += 1
            type_ = what[0]
            stores = (self.server.store, self.overlay)
            state = [(s.generations.get(type_) if type_ else len(s.log)) for s in stores]
            criteria = [pair for pair in pairs if pair[0] not in ("_count", "_total", "_format")]
            name = repr((what, criteria, state, self.taken, self.server.resets))
            id_ = hashlib.sha1(name.encode()).hexdigest()[:16]
            if id_ not in self.snapshots:
                self.snapshots[id_] = Snapshot(id_, select())
                while len(self.snapshots) > SNAPSHOTS:
                    self.snapshots.popitem(last=False)
            self.snapshots.move_to_end(id_)
            return self.snapshots[id_]

    def snapshot(self, id_):
        return self.snapshots.get(id_)

    def hops(self, rq):
        value = dict(rq.params).get("_hops", "0")
        return int(value) if value.isdigit() else 0

    # Answering

    def handle(self, rq):
        self.server.count(self, rq)
        self.local.fresh = False
        fired = [hit for fault in self.faults for hit in fault.fire(rq)]
        self.local.fresh = getattr(rq, "fresh", False)
        if rq.bare:
            fired = [hit for hit in fired if hit[0].row.number not in ("W-09", "W-10")]
        for fault, form in fired:
            self.server.struck(self, fault, form)
        for fault, form in fired:
            reply = fault.before(rq, form)
            if reply:
                return reply
        result = service.answer(self, rq)
        if isinstance(result, service.Page):
            for fault, form in fired:
                fault.page(rq, result, form)
            result = self.render(result, fired)
        for fault, form in fired:
            fault.after(rq, result, form)
        return result

    def render(self, page, fired):
        """Bytes of a page; those of good pages are kept, compressed and not."""
        if any(fault.row.number != "slow" for fault, _ in fired) or not page.links.get("next"):
            return page.render()
        key = (page.base, page.kind, page.path, page.snapshot.id, page.offset, len(page.rows),
               page.url(), page.total)
        if key not in self.cache:
            reply = page.render()
            packed = pack(reply.body)
            with self.lock:
                if self.cached > CACHE:
                    self.cache.clear()
                    self.cached = 0
                self.cache[key] = (reply.body, packed)
                self.cached += len(reply.body) + len(packed)
        body, packed = self.cache[key]
        reply = Reply(200, body)
        reply.compressed = packed
        return reply

    def attachment(self, rq, name):
        good = content.attachment_bytes()
        if name == "bomb":
            from . import transport
            reply = Reply(200, transport.bomb(int(self.param("mb", "256")) << 20), "application/pdf",
                          {"Content-Encoding": "gzip"})
            reply.encoding = "done"
            return reply
        if name == "token" and not rq.header("authorization"):
            return service.outcome(401, "a token is required", "login")
        status, body, kind = {
            "expired": (403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml"),
            "gone": (410, b"", None),
            "html": (200, b"<!DOCTYPE html><title>Sign in</title>", "text/html"),
            "size": (200, good + b"% more\n", "application/pdf"),
            "hash": (200, good.replace(b"small", b"SMALL"), "application/pdf"),
            "outcome": (200, service.outcome(200, "not now").body, "application/fhir+json"),
        }.get(name, (200, good, "application/pdf"))
        return Reply(status, body, kind)


def pack(body):

    return gzip.compress(body, 1, mtime=0)


