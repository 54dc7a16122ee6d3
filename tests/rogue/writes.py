"""create, update, delete, and their conditional forms."""

import re

from . import fhirjson
from .service import CONTROL, KNOWN, Refusal, criterion, parse_query, versioned
from .wire import Reply


def body_of(rq):
    if rq.method == "DELETE":
        return None
    try:
        return sound(fhirjson.loads(rq.body.decode("utf-8")))
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is no JSON", "structure") from None


def sound(doc):
    """`doc`, if it can be kept as a resource."""
    if not isinstance(doc, dict) or not isinstance(doc.get("resourceType"), str):
        raise Refusal(400, "this is no resource", "structure")
    if not isinstance(doc.get("meta", {}), dict):
        raise Refusal(400, "meta is no object", "structure")
    return doc


def write(world, method, parts, params, doc, header):
    """Does it in one step. `header(name)` answers the header of the request, or what stands for
    it in a Bundle."""
    store = world.server.store
    type_, id_ = parts[0], parts[1] if len(parts) == 2 else None
    if doc is not None and doc["resourceType"] != type_:
        raise Refusal(400, "resourceType is not that of the URL", "invariant")
    with store.lock:
        if method == "POST":
            if id_:
                raise Refusal(405, "create goes to the type", "not-supported")
            return create(world, type_, doc, header("if-none-exist"))
        if not id_:
            if not params:
                raise Refusal(400, "without an id, criteria are needed", "required")
            found = matches(world, type_, params)
            if len(found) > 1:
                raise Refusal(412, "several resources match", "multiple-matches")
            if found:
                id_ = found[0].id
                if doc is not None and doc.get("id", id_) != id_:
                    raise Refusal(400, "another id matches", "invariant")
            elif method == "DELETE":
                return Reply(204)
            elif "id" not in doc:
                return create(world, type_, doc, None)
            else:
                id_ = doc["id"]
            doc = {**doc, "id": id_} if doc is not None else None
        return change(world, method, type_, id_, doc, header("if-match"))


def matches(world, type_, params):
    wanted = [p for p in params if p[0] not in CONTROL]
    if not wanted or any(name not in KNOWN for name, _ in wanted):
        raise Refusal(400, "criteria that are not known", "not-supported")
    store = world.server.store
    values = [v for n, v in wanted if n == "identifier"]
    rows = store.by_identifier(type_, values[0].rpartition("|")[2]) if values else store.rows(type_)
    for name, value in wanted:
        rows = list(filter(criterion(name, value, world.server.clock.now_ms()), rows))
    return rows


def create(world, type_, doc, condition):
    if condition:
        found = matches(world, type_, parse_query(condition.lstrip("?")))
        if len(found) > 1:
            raise Refusal(412, "several resources match", "multiple-matches")
        if found:
            return located(world, found[0], 200)
    row = world.wrote(world.server.store.put({**doc, "id": world.server.new_id()}, "POST"))
    return located(world, row, 201)


def change(world, method, type_, id_, doc, if_match):
    current = world.server.store.current(type_, id_)
    if if_match:
        version = if_match.removeprefix("W/").strip('"')
        if not current or current.deleted or current.version != version:
            raise Refusal(412, "another version is current", "conflict")
    if method == "DELETE":
        if not current or current.deleted:
            return Reply(204)
        row = world.wrote(world.server.store.delete(type_, id_))
        return Reply(204, headers={"ETag": f'W/"{row.version}"'})
    if doc.get("id") != id_:
        raise Refusal(400, "the id is not that of the URL", "invariant")
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", id_):
        raise Refusal(400, "the id is none")
    existed = current and not current.deleted
    return located(world, world.wrote(world.server.store.put(doc, "PUT")), 200 if existed else 201)


def located(world, row, status):
    reply = versioned(row, status, world)
    reply.headers["Location"] = f"{world.base}/{row.type}/{row.id}/_history/{row.version}"
    return reply
