"""batch and transaction (R4 http.html#transaction)."""

import uuid

from . import fhirjson, load, service, writes
from .service import Refusal
from .wire import Reply

ORDER = ("DELETE", "POST", "PUT", "GET")


def bundle(world, rq):
    doc = writes.body_of(rq)
    kind = doc.get("type")
    if doc["resourceType"] != "Bundle" or kind not in ("batch", "transaction"):
        raise Refusal(400, "neither batch nor transaction")
    entries = doc.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise Refusal(400, "an entry is no object", "structure")
    if kind == "batch":
        answers = [alone(world, rq, entry) for entry in entries]
    else:
        answers = together(world, rq, entries)
    body = {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers}
    return Reply(200, fhirjson.dumps(body))


def alone(world, rq, entry):
    try:
        return respond(run(world, rq, entry))
    except Refusal as refusal:
        return respond(refusal.reply)


def together(world, rq, entries):
    """All or nothing: what was added is taken back when an entry fails."""
    store = world.server.store
    with store.lock:
        before, heard = len(store.log), len(world.server.writes)
        try:
            entries = settle(world, entries)
            answers = [None] * len(entries)
            for i in sorted(range(len(entries)), key=lambda i: ORDER.index(method(entries[i]))):
                reply = run(world, rq, entries[i])
                if reply.status >= 400:
                    raise Refusal(reply.status, f"entry {i} failed")
                answers[i] = respond(reply)
            return answers
        except (Refusal, ValueError):
            for row in reversed(store.log[before:]):
                versions = store.types[row.type][row.id]
                versions.pop()
                if not versions:
                    del store.types[row.type][row.id]
                store.generations[row.type] += 1
            del store.log[before:]
            store.forget_identifiers()
            del world.server.writes[heard:]
            raise


class Names(dict):
    """New references by old ones; conditional ones (Patient?identifier=...) by looking."""

    def __init__(self, world):
        super().__init__()
        self.world = world

    def get(self, key, fallback=None):
        type_, mark, query = key.partition("?")
        if not mark or type_ not in service.R4:
            return super().get(key, fallback)
        found = writes.matches(self.world, type_, service.parse_query(query))
        if len(found) != 1:
            raise Refusal(412, "a conditional reference does not match one resource", "multiple-matches")
        return f"{type_}/{found[0].id}"


def method(entry):
    request = entry.get("request")
    value = request.get("method") if isinstance(request, dict) else None
    if value not in ORDER:
        raise Refusal(400, "no such method in an entry")
    return value


def settle(world, entries):
    """Ids for what is created, and references between entries by them."""
    names = Names(world)
    settled = []
    for entry in entries:
        verb, request, url = method(entry), entry["request"], entry.get("fullUrl")
        if verb in ("POST", "PUT"):
            type_, found = writes.sound(entry.get("resource"))["resourceType"], []
            target, _, query = request.get("url", "").partition("?")
            condition = request.get("ifNoneExist") if verb == "POST" else query
            if condition:
                found = writes.matches(world, type_, service.parse_query(condition.lstrip("?")))
            if len(found) > 1:
                raise Refusal(412, "several resources match", "multiple-matches")
            id_ = found[0].id if found else target.partition("/")[2] or world.server.new_id()
            names[url or f"urn:uuid:{uuid.uuid4()}"] = f"{type_}/{id_}"
            entry = {**entry, "_id": id_, "_found": bool(found)}
        settled.append(entry)
    return [{**e, "resource": load.rename(e["resource"], names)} if "resource" in e else e
            for e in settled]


def run(world, rq, entry):
    verb, request = method(entry), entry["request"]
    path, _, query = request.get("url", "").partition("?")
    parts = [service.unquote(part) for part in path.split("/") if part]
    headers = {"if-match": request.get("ifMatch"), "if-none-exist": request.get("ifNoneExist")}
    if verb == "GET":
        inner = rq.inner(parts, service.parse_query(query))
        result = service.answer(world, inner)
        return result.render() if isinstance(result, service.Page) else result
    if not parts or parts[0] not in service.R4:
        raise Refusal(404, "no such resource type", "not-supported")
    resource = writes.sound(entry.get("resource")) if verb != "DELETE" else None
    if "_id" in entry:  # settled in a transaction
        if verb == "POST" and entry["_found"]:
            return writes.located(world, world.server.store.current(parts[0], entry["_id"]), 200)
        resource = {**resource, "id": entry["_id"]}
        if resource["resourceType"] != parts[0]:
            raise Refusal(400, "resourceType is not that of the URL", "invariant")
        return writes.change(world, "PUT", parts[0], entry["_id"], resource, headers["if-match"])
    return writes.write(world, verb, parts, service.parse_query(query), resource, headers.get)


def respond(reply):
    response = {"status": str(reply.status)}
    for name, header in (("location", "Location"), ("etag", "ETag")):
        if header in reply.headers:
            response[name] = reply.headers[header]
    answer = {"response": response}
    if reply.body:
        body = fhirjson.loads(reply.body)
        if body.get("resourceType") == "OperationOutcome":
            response["outcome"] = body
        else:
            answer["resource"] = body
            response["lastModified"] = body.get("meta", {}).get("lastUpdated")
            if not response["lastModified"]:
                del response["lastModified"]
    return answer
