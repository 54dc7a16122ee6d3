"""How a good FHIR server answers. `world` says which rows exist and what base they are seen from."""

import bisect
import hashlib
import json
import re
from urllib.parse import quote, unquote

from . import fhirjson, times
from .names import R4
from .wire import Reply

PREFIX = re.compile(r"(eq|ne|gt|ge|lt|le|sa|eb|ap)?(.*)$", re.S)
SAFE = "~.-_"
DATE_PARAMETERS = ("date", "birthdate", "onset-date", "recorded-date", "authoredon")
TOKEN_PARAMETERS = ("identifier", "code", "category", "status", "type", "gender", "class")
KNOWN = ("_id", "_lastUpdated", "patient", "subject", "family") + DATE_PARAMETERS + TOKEN_PARAMETERS
INTERNAL = ("_snapshot", "_offset", "_chain", "_empty", "_hops")
CONTROL = ("_count", "_total", "_format", "_sort", "_summary", "_pretty") + INTERNAL
MAX_COUNT = 1000


class Refusal(Exception):
    """Becomes an OperationOutcome."""

    def __init__(self, status, text, code="invalid", headers=()):
        super().__init__(text)
        self.reply = outcome(status, text, code, headers)


def outcome(status, text, code="invalid", headers=(), severity="error"):
    body = {"resourceType": "OperationOutcome",
            "issue": [{"severity": severity, "code": code, "diagnostics": text}]}
    return Reply(status, fhirjson.dumps(body), headers=headers)


def parse_query(text, plus=" "):
    """Pairs in their order. A plus is a space, as forms have it, unless `plus` says otherwise."""
    pairs = []
    for item in text.split("&"):
        if item:
            name, _, value = item.replace("+", plus).partition("=")
            pairs.append((unquote(name), unquote(value)))
    return pairs


def full_url(base, row):
    return f"{base}/{row.type}/{quote(row.id, safe=SAFE)}"


class Page:
    """One page of a searchset or history, not yet bytes: faults may change all of it."""

    def __init__(self, world, base, path, params, kind):
        self.world = world
        self.base = base
        self.path = path  # behind the base
        self.params = params  # honoured criteria
        self.kind = kind
        self.rows = []
        self.total = None
        self.links = {}
        self.offset = 0
        self.snapshot = None
        self.chain = 0
        self.more = {}  # parameters for the links of the chain
        self.extra = []  # entries, as bytes, beside the rows
        self.raw_total = None
        self.query = ""

    def url(self, offset=None):
        pairs = [(n, v) for n, v in self.params if n not in INTERNAL]
        if offset is not None:
            pairs += [("_snapshot", self.snapshot.id), ("_offset", str(offset))]
            pairs += list(self.more.items())
        query = "&".join(f"{quote(n, safe='_:-.')}={quote(v, safe=',|/:-._')}" for n, v in pairs)
        return f"{self.base}/{self.path}" + (f"?{query}" if query else "")

    def entry(self, row):
        url = json.dumps(full_url(self.base, row)).encode()
        if self.kind == "searchset":
            data = self.world.present(row)
            return b'{"fullUrl":' + url + b',"resource":' + data + b',"search":{"mode":"match"}}'
        target = f"{row.type}/{row.id}" if row.method != "POST" else row.type
        status = {"POST": "201", "PUT": "200", "DELETE": "204"}[row.method]
        resource = b"" if row.deleted else b',"resource":' + self.world.present(row)
        tail = {"request": {"method": row.method, "url": target},
                "response": {"status": status, "etag": f'W/"{row.version}"',
                             "lastModified": times.instant(row.updated)}}
        return b'{"fullUrl":' + url + resource + b"," + fhirjson.dumps(tail)[1:]

    def render(self):
        links = [{"relation": name, "url": url} for name, url in self.links.items()]
        head = {"resourceType": "Bundle", "type": self.kind}
        if self.raw_total is not None:
            head["total"] = self.raw_total
        elif self.total is not None:
            head["total"] = self.total
        head["link"] = links
        parts = [self.entry(row) for row in self.rows] + self.extra
        body = fhirjson.dumps(head)
        if parts:
            body = body[:-1] + b',"entry":[' + b",".join(parts) + b"]}"
        return Reply(200, body)


def answer(world, rq):
    """A Reply or a Page."""
    try:
        return route(world, rq)
    except Refusal as refusal:
        return refusal.reply


def route(world, rq):
    from . import bundles, writes  # which build on what is here
    parts, method = rq.parts, "GET" if rq.method == "HEAD" else rq.method
    if not parts:
        if method == "POST":
            return bundles.bundle(world, rq)
        raise Refusal(404, "nothing here", "not-found")
    if parts == ["metadata"]:
        return metadata(world, rq)
    if parts[0] == "files":
        return files(world, rq)
    if parts[0] == "attachment" and len(parts) == 2:
        return ranged(rq, world.attachment(rq, parts[1]))
    if parts == ["_history"]:
        return history(world, rq, None, None)
    if parts[0] not in R4:
        raise Refusal(404, "no such resource type", "not-supported")
    return route_type(world, rq, parts, method, writes)


def route_type(world, rq, parts, method, writes):
    type_ = parts[0]
    shape = (method, len(parts), parts[-1] if len(parts) > 1 and parts[-1][:1] == "_" else "")
    if shape == ("GET", 1, "") or shape == ("POST", 2, "_search"):
        return search(world, rq, type_)
    if shape == ("GET", 2, "_history"):
        return history(world, rq, type_, None)
    if shape == ("GET", 3, "_history"):
        return history(world, rq, type_, parts[1])
    if method == "GET" and len(parts) == 4 and parts[2] == "_history":
        return read(world, rq, type_, parts[1], parts[3])
    if shape == ("GET", 2, ""):
        return read(world, rq, type_, parts[1], None)
    if method in ("POST", "PUT", "DELETE") and len(parts) <= 2:
        return writes.write(world, method, parts, rq.params, writes.body_of(rq), rq.header)
    raise Refusal(405, "no such interaction", "not-supported")


def metadata(world, rq):
    types = sorted(set(world.server.store.types) | set(world.overlay.types) | {"Patient"})
    dates = [] if world.has("W-23") else [{"name": "_lastUpdated", "type": "date"}]
    params = dates + [{"name": "_id", "type": "token"}, {"name": "identifier", "type": "token"},
                      {"name": "patient", "type": "reference"}, {"name": "date", "type": "date"}]
    codes = ["read", "vread", "update", "delete", "create", "search-type"]
    if not world.has("W-23"):
        codes += ["history-instance", "history-type"]
    resources = [{"type": name, "interaction": [{"code": code} for code in codes],
                  "versioning": "versioned-update", "conditionalCreate": True,
                  "conditionalUpdate": True, "searchParam": params} for name in types]
    body = {"resourceType": "CapabilityStatement", "status": "active", "kind": "instance",
            "date": "2024-01-01", "fhirVersion": "4.0.1", "format": ["json"],
            "software": {"name": "rogue"},
            "implementation": {"description": "Test server", "url": rq.base},
            "rest": [{"mode": "server", "resource": resources,
                      "interaction": [{"code": "transaction"}, {"code": "batch"}]}]}
    return Reply(200, fhirjson.dumps(body))


def read(world, rq, type_, id_, version):
    row = world.version(type_, id_, version) if version else world.current(type_, id_)
    if not row:
        raise Refusal(404, "no such resource", "not-found")
    if row.deleted:
        raise Refusal(410, "deleted", "deleted", {"ETag": f'W/"{row.version}"'})
    reply = versioned(row, 200, world)
    if rq.header("if-none-match") == reply.headers["ETag"]:
        return Reply(304, headers={"ETag": reply.headers["ETag"]})
    return reply


def versioned(row, status, world):
    return Reply(status, world.present(row),
                 headers={"ETag": f'W/"{row.version}"',
                          "Last-Modified": times.http_date(row.updated / 1000)})


# Searching

def honoured(world, rq, pairs, known):
    """The pairs this server honours; unknown ones are refused unless the client is lenient."""
    lenient = "handling=lenient" in (rq.header("prefer") or "")
    kept = []
    for name, value in pairs:
        if name in known or name in CONTROL:
            kept.append((name, value))
        elif not lenient:
            raise Refusal(400, f"search parameter {name} is not known", "not-supported")
    return kept


def search(world, rq, type_):
    pairs = rq.params
    if rq.method == "POST":
        pairs = pairs + parse_query(rq.body.decode("utf-8", "replace"))
    pairs = honoured(world, rq, pairs, KNOWN)
    criteria = [(n, v) for n, v in pairs if n not in CONTROL]
    page = Page(world, rq.base, type_, pairs, "searchset")

    def select():
        rows = filtered(world, type_, criteria)
        sort = dict(pairs).get("_sort", "_lastUpdated")
        if sort == "-_lastUpdated":
            return rows[::-1]
        if sort == "_id":
            return sorted(rows, key=lambda row: row.id)
        if sort != "_lastUpdated":
            raise Refusal(400, "cannot sort by this", "not-supported")
        return rows

    return turn(world, rq, page, pairs, select, (type_,))


def filtered(world, type_, criteria):
    rows = world.rows(type_)
    for name, value in criteria:
        if name == "identifier" and world.plain(type_):
            values = [v.rpartition("|")[2] for v in value.split(",")]
            known = {row.id for v in values for row in world.server.store.by_identifier(type_, v)}
            rows = [row for row in rows if row.id in known]
        if name == "_lastUpdated" and value[:2] in ("ge", "gt"):  # most polls; rows are in order
            first = date_test(value.split(",")[0])[1][0]
            rows = rows if "," in value else rows[bisect.bisect_left(rows, first, key=changed):]
        rows = list(filter(criterion(name, value, world.server.clock.now_ms()), rows))
    return rows


def changed(row):
    return row.updated


def criterion(name, value, now):
    """A function that says whether a row meets the criterion."""
    if name == "_id":
        ids = set(value.split(","))
        return lambda row: row.id in ids
    if name == "_lastUpdated":
        tests = [date_test(v) for v in value.split(",")]
        return lambda row: any(times.compare(p, (row.updated, row.updated + 1), s, now)
                               for p, s in tests)
    if name in DATE_PARAMETERS:
        tests = [date_test(v) for v in value.split(",")]
        return lambda row: any(times.compare(p, found, s, now) for p, s in tests
                               for found in row.facts().get(name, ()))
    if name in ("patient", "subject"):
        ids = {v.rpartition("/")[2] for v in value.split(",")}
        return lambda row: any(r.rpartition("/")[2] in ids for r in row.facts().get("patient", ()))
    if name == "family":
        starts = tuple(value.lower().split(","))
        return lambda row: any(f.startswith(starts) for f in row.facts().get("family", ()))
    wanted = [v.rpartition("|") for v in value.split(",")]
    return lambda row: any(
        code == w[2] and (not w[1] or (system or "") == w[0])
        for system, code in row.facts().get(name, ()) for w in wanted)


def date_test(value):
    prefix, date = PREFIX.match(value).groups()
    try:
        return prefix or "eq", times.span(date)
    except ValueError:
        raise Refusal(400, "not a date") from None


def history(world, rq, type_, id_):
    pairs = honoured(world, rq, rq.params, ("_since", "_at"))
    if world.has("W-23"):
        raise Refusal(501, "no history here", "not-supported")
    path = "/".join(([type_] if type_ else []) + ([quote(id_, safe=SAFE)] if id_ else [])
                    + ["_history"])
    page = Page(world, rq.base, path, pairs, "history")
    since = dict(pairs).get("_since")
    first = date_test(since)[1][0] if since else None

    def select():
        rows = world.history(type_, id_)
        if id_ and not rows:
            raise Refusal(404, "no such resource", "not-found")
        return [row for row in reversed(rows) if first is None or row.updated >= first]

    return turn(world, rq, page, pairs, select, (type_, id_, "history"))


def turn(world, rq, page, pairs, select, what):
    """Fills the page from a snapshot of the rows: a chain sees one state from its first page to
    its last."""
    given = dict(pairs)
    count = number(given.get("_count", "100"), "_count")
    page.offset = number(given.get("_offset", "0"), "_offset")
    page.chain = number(given.get("_chain", "0"), "_chain")
    if "_snapshot" in given:
        snapshot = world.snapshot(given["_snapshot"])
        if not snapshot:
            raise Refusal(410, "this page has expired; search again", "expired")
    else:
        snapshot = world.take(what, [p for p in pairs if p[0] not in INTERNAL], select)
    page.snapshot = snapshot
    total = len(snapshot.rows)
    if given.get("_total") != "none":
        page.total = total
    page.links["self"] = page.url()
    if given.get("_summary") == "count" or count == 0:
        page.total = total
        return page
    count = min(count, MAX_COUNT)
    page.rows = snapshot.rows[page.offset:page.offset + count]
    if page.offset:
        page.links["first"] = page.url()
    if page.offset + count < total:
        page.links["next"] = page.url(page.offset + count)
    return page


def number(text, name):
    if not text.isdigit() or len(text) > 9:
        raise Refusal(400, f"{name} is no number")
    return int(text)


# Files: every type as NDJSON, and a list of them, each with Range and ETag

def files(world, rq):
    if len(rq.parts) == 1:
        output = [{"type": name, "url": f"{rq.base}/files/{name}.ndjson",
                   "count": len(world.rows(name))} for name in world.type_names()
                  if world.rows(name)]
        body = {"transactionTime": times.instant(world.server.clock.now_ms()),
                "request": f"{rq.base}/files", "requiresAccessToken": False,
                "output": output, "error": []}
        return Reply(200, fhirjson.dumps(body), "application/json")
    name = rq.parts[1].removesuffix(".ndjson")
    if len(rq.parts) != 2 or not world.rows(name):
        raise Refusal(404, "no such file", "not-found")
    body = b"".join(world.present(row) + b"\n" for row in world.rows(name))
    return ranged(rq, Reply(200, body, "application/fhir+ndjson"))


def ranged(rq, reply):
    """Honours Range with If-Range (RFC 9110 section 14)."""
    if reply.status != 200:
        return reply
    etag = reply.headers.setdefault("ETag", f'"{hashlib.sha1(reply.body).hexdigest()}"')
    reply.headers["Accept-Ranges"] = "bytes"
    match = re.match(r"bytes=(\d+)-(\d*)$", rq.header("range") or "")
    if not match or (rq.header("if-range") or etag) != etag:
        return reply
    size, first = len(reply.body), int(match[1])
    last = min(int(match[2] or size - 1), size - 1)
    reply.encoding = "identity"
    if first > last:
        reply.status, reply.body = 416, b""
        reply.headers["Content-Range"] = f"bytes */{size}"
        return reply
    reply.status, reply.body = 206, reply.body[first:last + 1]
    reply.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return reply
