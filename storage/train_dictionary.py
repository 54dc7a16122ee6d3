#!/usr/bin/env python3
"""Trains the dictionary that ships with the program, on sample patients of our own.

usage: train_dictionary.py ISTHMUS OUTPUT    (needs the zstd program)

ISTHMUS is the built program; OUTPUT is storage/dictionary.bin. Databases keep
the dictionaries they have: a new one is for new databases, so there is no harm
in training again when the sample or the stored form has changed.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

PATIENTS, SEED = 300, 77
PER_TYPE = 2500  # so that Observations do not crowd out all others
SIZE = 64 * 1024


def stored(resource):
    """The form in which a resource is stored: compact, meta behind id."""
    meta = {"versionId": "1", "lastUpdated": "2026-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        random.randint(1, 12), random.randint(1, 28), random.randint(0, 23),
        random.randint(0, 59), random.randint(0, 59), random.randint(0, 999))}
    head = {"resourceType": resource.pop("resourceType"), "id": resource.pop("id")}
    meta.update(resource.pop("meta", {}))
    return json.dumps({**head, "meta": meta, **resource}, separators=(",", ":"),
                      ensure_ascii=False).encode()


def main():
    isthmus, output = sys.argv[1], pathlib.Path(sys.argv[2])
    random.seed(SEED)
    by_type = {}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run([isthmus, "sample", "--patients", str(PATIENTS), "--seed", str(SEED),
                        "--out", scratch / "in"], check=True, stdout=subprocess.DEVNULL)
        for path in sorted((scratch / "in").glob("*.json")):
            for entry in json.loads(path.read_text())["entry"]:
                resource = entry["resource"]
                by_type.setdefault(resource["resourceType"], []).append(resource)
        (scratch / "out").mkdir()
        number = 0
        for resources in by_type.values():
            for resource in random.sample(resources, min(PER_TYPE, len(resources))):
                (scratch / "out" / f"{number:06}").write_bytes(stored(resource))
                number += 1
        subprocess.run(["zstd", "-q", "-f", "--train", "-r", scratch / "out", f"--maxdict={SIZE}",
                        "-o", output], check=True)
    print(f"{output}: {output.stat().st_size} bytes from {number} resources")


main()
