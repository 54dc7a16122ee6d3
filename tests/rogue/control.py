"""/control/: what was asked, what shall be there, what must come of it. JSON in and out."""

import json
import random
from urllib.parse import unquote

from . import expect, fhirjson, load, service, table
from .faults import BadSpec
from .wire import Reply


def answer(server, rq, path, params):
    verb = (rq.method, path)
    if verb not in ACTIONS:
        return say({"error": "no such control", "controls": [" ".join(v) for v in ACTIONS]}, 404)
    try:
        given = fhirjson.loads(rq.body) if rq.body and path != "data" else {}
        return ACTIONS[verb](server, {**given, **dict(params)}, rq)
    except (BadSpec, ValueError, KeyError, TypeError) as error:
        return say({"error": f"{type(error).__name__}: {error}"}, 400)


def say(value, status=200):
    return Reply(status, json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n",
                 "application/json")


def state(server, given, rq):
    return say(server.state())


def listing(server, given, rq):
    return say([{"number": r.number, "name": r.name, "does": r.does, "must": r.must,
                 "forms": r.forms, "cycle": r.cycle} for r in table.TABLE])


def world_of(server, given):
    """The world of {"base": "/fault/W-18/fhir"}; without, the good one."""
    base = given.get("base", "/fhir").replace(" ", "+")  # a bare + in a query
    spec = base.removeprefix("/fault/").removesuffix("/fhir") if base.startswith("/fault/") else ""
    return server.world(unquote(spec) if "%" in spec else spec)


def expected(server, given, rq):
    return say(expect.expect(world_of(server, given)))


def phase(server, given, rq):
    world = world_of(server, given)
    wanted = int(given["phase"]) if "phase" in given else None
    return say({"phase": world.advance(wanted), "phases": world.phases()})


def data(server, given, rq):
    """A resource, a Bundle, or NDJSON: added, or the next version of what is there."""
    text = rq.body.decode("utf-8").strip()
    try:
        docs = list(load.unbundle(fhirjson.loads(text)))
    except ValueError:
        docs = [fhirjson.loads(line) for line in text.splitlines() if line.strip()]
    rows = [server.store.put(doc) for doc in docs]
    return say({"rows": [named(row) for row in rows]})


def named(row):
    return {"type": row.type, "id": row.id, "version": row.version}


def edit(server, given, rq):
    """{"n": 10, "types": [...], "delete": 0.1}: random changes of what is there."""
    server.edits += 1
    rng = random.Random(f"{given.get('seed', server.seed)} edit {server.edits}")
    types = given.get("types") or sorted(server.store.types)
    types = types.split(",") if isinstance(types, str) else types
    done = []
    with server.store.lock:
        pool = [(row.type, row.id) for type_ in types for row in server.store.rows(type_)]
        for i in range(int(given.get("n", 1)) if pool else 0):
            row = server.store.current(*pool[rng.randrange(len(pool))])
            if row.deleted:
                continue
            if rng.random() < float(given.get("delete", 0)):
                done.append(server.store.delete(row.type, row.id))
            else:
                done.append(server.store.put(changed(row.doc(), f"{server.edits}.{i}", rng)))
    return say({"rows": [named(row) for row in done]})


def changed(doc, name, rng):
    if doc["resourceType"] == "Patient":
        return {**doc, "telecom": [{"system": "phone", "value": f"555-{name}-{rng.randrange(10000)}"}]}
    if doc["resourceType"] in ("Observation", "Condition", "MedicationRequest", "Immunization"):
        return {**doc, "note": [{"text": f"edit {name}"}]}
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">edit {name}</div>'
    return {**doc, "text": {"status": "additional", "div": div}}


def reset(server, given, rq):
    """Forgets requests, bases and their phases; with {"data": true} writes and edits too."""
    server.reset(str(given.get("data", "false")).lower() == "true")
    return say({"reset": True})


def clock(server, given, rq):
    """{"skew": seconds} sets the skew, {"shift": seconds} adds to it."""
    if "skew" in given:
        server.clock.skew = float(given["skew"])
    server.clock.skew += float(given.get("shift", 0))
    return say({"skew": server.clock.skew, "now": service.times.instant(server.clock.now_ms())})


def latency(server, given, rq):
    server.latency = float(given["ms"]) / 1000
    return say({"ms": given["ms"]})


def warm(server, given, rq):
    """{"path": "/fhir/Observation?_count=500"}: makes the pages of this chain, without waiting."""
    target, pages = given["path"], 0
    while target:
        inner = rq.copy("GET", target)
        reply = server.fhir(inner)
        body = json.loads(reply.body)
        links = {link["relation"]: link["url"] for link in body.get("link", ())}
        target, pages = links.get("next", "").replace(server.origin_of(rq), ""), pages + 1
    return say({"pages": pages})


def tls(server, given, rq):
    """Begins to listen with good and bad certificates; says where, and whom to trust."""
    return say(server.tls())


ACTIONS = {
    ("GET", "state"): state,
    ("GET", "list"): listing,
    ("GET", "expect"): expected,
    ("POST", "expect"): expected,
    ("POST", "phase"): phase,
    ("POST", "data"): data,
    ("POST", "edit"): edit,
    ("POST", "reset"): reset,
    ("POST", "clock"): clock,
    ("POST", "latency"): latency,
    ("POST", "warm"): warm,
    ("POST", "tls"): tls,
}
