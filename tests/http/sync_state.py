"""What tests of pulling share: documents of partners that are pulled from, and what has come of it."""

import hashlib
import json
import os
import subprocess
import sys
import urllib.parse
import uuid

import harness
from sync_harness import partner

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(harness.ROOT, "tests"))

from rogue import fhirjson  # noqa: E402

PAGE = 20
GOOD_TYPES = {"Condition", "DiagnosticReport", "Encounter", "MedicationRequest", "Observation",
              "Organization", "Patient", "Practitioner"}  # what the rogue partner makes up


def queries(types):
    return [{"type": kind} for kind in sorted(types)]


def pulled(name, base, types, **changes):
    """A document by which everything of these types is searched for."""
    made = partner(name, base, search={"overlap": "PT10M", "pageSize": PAGE, "queries": queries(types)})
    made["retry"]["first"] = "PT0.02S"
    made["limits"]["pageBytes"] = 32 << 20
    return {**made, **changes}


def shape(resource):
    return fhirjson.hashes(fhirjson.dumps(resource))[1]


def account(exchange, name):
    """Its balance; the status must say the same."""
    done = exchange.isthmus("sync", "account", name, "--json", status=None)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["balanced"] else 1), done.stderr
    return found


def totals(exchange, name):
    return {stage: sum(a[stage] for a in account(exchange, name)["accounts"])
            for stage in ("landed", "applied", "unchanged", "older", "dead", "waiting")}


def versions(exchange):
    """Every version there is, the newest first: (its name, the resource or None, entry)."""
    client, path = exchange.server.client(), "_history?_count=1000"
    while path:
        page = client.get(path).json()
        for entry in page.get("entry", ()):
            resource = entry.get("resource")
            url = entry["request"]["url"]
            name = f"{resource['resourceType']}/{resource['id']}" if resource else \
                "/".join(url.split("/")[:2])
            yield name, resource, entry
        path = next((link["url"].split("/fhir/")[1] for link in page.get("link", ())
                     if link["relation"] == "next"), None)


def address(resource):
    """(base, type, id at the partner) that a resource came from; None when it is from here."""
    source = resource.get("meta", {}).get("source", "")
    if "/fhir/" not in source:
        return None
    base, _, rest = source.partition("/fhir/")
    kind, _, id_ = rest.partition("/")
    return base + "/fhir", kind, urllib.parse.unquote(id_.split("#")[0])


def states(exchange):
    """{base: {(type, id at the partner): resource}} of what is there now."""
    found, seen = {}, set()
    for name, resource, _ in versions(exchange):
        if name in seen:
            continue
        seen.add(name)
        where = address(resource) if resource else None
        if where:
            found.setdefault(where[0], {})[where[1:]] = resource
    return found


def sql(exchange, statement):
    """The answer of the embedded PostgreSQL, as text: lines, columns parted by |."""
    return subprocess.run(
        ["psql", "-h", os.path.join(exchange.data, "socket"), "-U", "isthmus", "-d", "postgres",
         "-XtAc", statement], capture_output=True, text=True, check=True).stdout.strip()


# Of a row of f_sync_window only what must not depend on how often something was asked for.
TABLES = {
    "identities": "select id, rtype, version, dense_rank() over (order by updated), presence,"
                  " person is null, linked is null from f_identity order by rtype, id",
    "accounts": "select mode, type, query, sum(applied), sum(dead), sum(waiting),"
                " bool_and(landed = applied + unchanged + older + dead + waiting and"
                " landed = expected) from f_sync_window group by 1, 2, 3 order by 1, 2, 3",
    "dead letters": "select class, rule, place, type, id, decided from f_dead order by 1, 2, 3, 4, 5",
    "work left": "select (select count(*) from f_sync_unit where waiting > 0),"
                 " (select count(*) from f_sync_window where state in ('O', 'L'))",
}


def named(value, ids):
    """With ids of ours replaced by the partner's: those of two databases are others."""
    if isinstance(value, dict):
        return {k: named(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [named(v, ids) for v in value]
    if not isinstance(value, str) or value.count("/") != 1:
        return value
    kind, local = value.split("/")
    return f"{kind}/{ids.get(local, local)}"


def everything(exchange):
    """{part: text} of all that must be the same however it came about: every version of every
    resource without our times, identities, accounts, dead letters."""
    known = sql(exchange, "select encode(local, 'hex'), id from f_identity").splitlines()
    ids = {str(uuid.UUID(hex=line[:32])): line[33:] for line in known}
    told = {}
    for name, resource, entry in versions(exchange):
        body = None
        if resource:
            body = {k: v for k, v in resource.items() if k not in ("id", "meta")}
            body["meta"] = {k: v for k, v in resource["meta"].items()
                            if k not in ("lastUpdated", "source")}
        told.setdefault(named(name, ids), []).insert(
            0, [entry["request"]["method"], named(body, ids)])
    parts = {kind: sql(exchange, statement) for kind, statement in TABLES.items()}
    parts["resources"] = json.dumps(told, sort_keys=True, indent=1)
    return parts


def fingerprint(parts):
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
