"""Validation: how fast on one core, beside jansson that only reads; how that holds for one large
document; and how much memory a server takes that knows US Core and IPS."""
import gzip
import json
import os
import pathlib
import resource
import subprocess
import time
import uuid

from measure import run
from service import Service

DATA = pathlib.Path(os.environ.get("ISTHMUS_TEST_DATA") or
                    pathlib.Path(__file__).resolve().parents[2] / "shared/data")
PATIENTS = DATA / "patients/synthea-bulkserver-r4/bundles-gz"  # which claim profiles of US Core
CLAIMED = DATA / "packages/us-core-3.1.1"
INSTALLED = (DATA / "packages/us-core-6.1.0", DATA / "packages/ips-1.1.0")
KINDS = ("StructureDefinition-", "ValueSet-", "CodeSystem-")
FILES = 30
FEW, MANY = 2000, 20000  # entries of one Bundle
# As bench_json calls what it measures.
ROWS = {
    "json_read": "parse",
    "json_read, check": "parse, validate structure",
    "json_read, validate": "parse, validate fully",
    "the same, with profiles": "the same, with US Core",
}


def validate(bench, report):
    missing = [str(folder) for folder in (PATIENTS, CLAIMED, *INSTALLED) if not folder.is_dir()]
    if missing:
        print(f"validate: skipped, there is no {', '.join(missing)}")
        return
    speed(bench, report)
    few, many = (bundle_file(bench, count) for count in (FEW, MANY))
    report.add(f"Bundle of {MANY:,} entries, fully", f"of {FEW:,}", FEW / seconds_of(bench, few),
               MANY / seconds_of(bench, many), "resources/s", "processor time of isthmus validate")
    memory(bench, report, many)


def speed(bench, report):
    lines = bench.folder / "validate.ndjson"
    lines.write_bytes(b"".join(resource_lines()))
    definitions = [path for path in sorted(CLAIMED.iterdir()) if path.name.startswith(KINDS)]
    program = pathlib.Path(bench.isthmus).resolve().parent / "bench" / "bench_json"
    text = run([program, *definitions, lines])
    speeds = dict(speeds_in(text))
    for name, what in ROWS.items():
        report.add(what, "jansson read", speeds["jansson read"], speeds[name], "resources/s",
                   f"one core; {text.splitlines()[0]}")


def resource_lines(files=FILES):
    for path in sorted(PATIENTS.glob("*.gz"))[:files]:
        for entry in json.loads(gzip.decompress(path.read_bytes())).get("entry", []):
            yield json.dumps(entry["resource"], separators=(",", ":")).encode() + b"\n"


def speeds_in(text):
    """A row is a name of 24 characters, MB/s, resources/s."""
    for line in text.splitlines():
        words = line[24:].split()
        if len(words) >= 2 and words[1].isdigit():
            yield line[:24].strip(), float(words[1])


def bundle_file(bench, count):
    """The first resources as one Bundle, each under a fullUrl of its own."""
    entries = []
    for line in resource_lines(None):
        entries.append({"fullUrl": uuid.uuid4().urn, "resource": json.loads(line)})
        if len(entries) == count:
            break
    path = bench.folder / f"bundle{count}.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return path


def seconds_of(bench, path):
    """Processor time; what is wrong with the resources is not the question."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([bench.isthmus, "validate", path], stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(f"isthmus validate: status {done.returncode}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def memory(bench, report, large):
    """Of a server that has nothing else to do."""
    folder = bench.folder / "validate"
    folder.mkdir(mode=0o755)
    service = Service(bench.isthmus, folder)
    try:
        service.start()
        run([bench.isthmus, "package", "install", *INSTALLED, "--data", service.data])
        wait_for_profiles(service)
        add_memory(report, service, "US Core and IPS")
        service.post("/$validate", large.read_text())
        add_memory(report, service, f"then {MANY:,} entries")
    finally:
        service.stop()


def wait_for_profiles(service, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        known = json.dumps(service.get("/metadata"))
        if "/us/core/" in known and "/uv/ips/" in known:
            return
        time.sleep(0.2)
    raise SystemExit("the server does not know the packages")


def add_memory(report, service, when):
    report.add(f"memory of a server, {when}", "", None, service.resident_mb(), "MB",
               f"{service.resident_mb('VmHWM'):.0f} at most")
