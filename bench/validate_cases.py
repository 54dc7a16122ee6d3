"""How fast resources are read and validated, on one core, beside jansson reading them."""
import gzip
import json
import os
import pathlib
import subprocess

DATA = pathlib.Path(os.environ.get("ISTHMUS_TEST_DATA") or
                    pathlib.Path(__file__).resolve().parents[2] / "shared/data")
PATIENTS = DATA / "patients/synthea-bulkserver-r4/bundles-gz"  # which claim profiles of US Core
PACKAGE = DATA / "packages/us-core-3.1.1"
KINDS = ("StructureDefinition-", "ValueSet-", "CodeSystem-")
FILES = 30
# As bench_json calls what it measures.
ROWS = {
    "json_read": "parse",
    "json_read, check": "parse, validate structure",
    "json_read, validate": "parse, validate fully",
    "the same, with profiles": "the same, with US Core",
}


def validate(bench, report):
    if not PATIENTS.is_dir() or not PACKAGE.is_dir():
        print(f"validate: skipped, there is no {PATIENTS} or {PACKAGE}")
        return
    lines = pathlib.Path(bench.folder) / "validate.ndjson"
    lines.write_bytes(b"".join(resources()))
    definitions = [path for path in sorted(PACKAGE.iterdir()) if path.name.startswith(KINDS)]
    program = pathlib.Path(bench.isthmus).resolve().parent / "bench" / "bench_json"
    done = subprocess.run([program, *definitions, lines], capture_output=True, text=True, check=True)
    speeds = dict(speeds_in(done.stdout))
    for name, what in ROWS.items():
        report.add(what, "jansson read", speeds["jansson read"], speeds[name], "resources/s",
                   "one core")


def resources():
    for path in sorted(PATIENTS.glob("*.gz"))[:FILES]:
        for entry in json.loads(gzip.decompress(path.read_bytes())).get("entry", []):
            yield json.dumps(entry["resource"], separators=(",", ":")).encode() + b"\n"


def speeds_in(text):
    """A row is a name of 24 characters, MB/s, resources/s."""
    for line in text.splitlines():
        words = line[24:].split()
        if len(words) >= 2 and words[1].isdigit():
            yield line[:24].strip(), float(words[1])
