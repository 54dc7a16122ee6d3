"""Data to begin with: NDJSON and Bundles, from files or folders; or made up (sample.py)."""

import glob
import gzip
import os

from . import fhirjson
from .store import Row
from . import times

EPOCH = times.span("2024-01-01")[0]
STEP = 100  # milliseconds between changes
TIED = 4  # so many resources changed at the same instant


def files(path):
    if not os.path.isdir(path):
        return [path]
    return [name for pattern in ("*.ndjson", "*.ndjson.gz", "*.json", "*.json.gz")
            for name in sorted(glob.glob(os.path.join(path, "**", pattern), recursive=True))]


def read(path):
    opened = gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")
    with opened as file:
        if ".ndjson" in path:
            for line in file:
                if line.strip():
                    yield fhirjson.loads(line)
        else:
            yield from unbundle(fhirjson.loads(file.read()))


def unbundle(doc):
    if doc.get("resourceType") != "Bundle":
        yield doc
        return
    names = {}
    for entry in doc.get("entry", ()):
        resource = entry.get("resource", {})
        if "id" in resource:
            names[entry.get("fullUrl")] = f"{resource['resourceType']}/{resource['id']}"
    for entry in doc.get("entry", ()):
        if "id" in entry.get("resource", {}):
            yield rename(entry["resource"], names)


def rename(value, names):
    """References by the fullUrl of an entry become Type/id."""
    if isinstance(value, list):
        return [rename(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: names.get(item, item) if key == "reference" and isinstance(item, str)
            else rename(item, names) for key, item in value.items()}


def fill(store, resources):
    """Version 1 of each, at instants that rise from EPOCH; returns the rows."""
    for i, doc in enumerate(resources):
        known = store.versions(doc["resourceType"], doc["id"])
        updated = EPOCH + i // TIED * STEP
        meta = {**doc.get("meta", {}), "versionId": str(len(known) + 1),
                "lastUpdated": times.instant(updated)}
        head = {"resourceType": doc["resourceType"], "id": doc["id"], "meta": meta}
        data = fhirjson.dumps({**head, **{k: v for k, v in doc.items() if k not in head}})
        store.add(Row(head["resourceType"], head["id"], meta["versionId"], updated, data, "POST"))
    return list(store.log)
