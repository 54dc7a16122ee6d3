"""What large requests take of memory: a Binary of 40 MB, and a transaction of 25,000 entries.
Peaks are of the server process (VmHWM); PostgreSQL's memory is its own."""
import http.client
import json
import os
import pathlib
import shutil
import time

from measure import run

BINARY = 40 << 20
ENTRIES = 25_000
INDENT = 4  # makes some 60 MB of them


def memory(bench, report):
    """Each in a server that has done nothing before."""
    for case in (transaction, binary):
        bench.service.stop()
        bench.service.start("--validation", "structure", "--body-size", "80M",
                            "--statement-timeout", "5min", "--transaction-timeout", "10min")
        case(bench, report)
        time.sleep(1)
        report.add("memory kept behind it", "", None, bench.service.resident_mb(), "MB")
    bench.service.stop()
    bench.service.start()


def binary(bench, report):
    content = os.urandom(BINARY)
    kind = {"Content-Type": "application/dicom"}
    peak(bench, report, "Binary of 40 MB in", "PUT", "/Binary/large", content, kind)
    peak(bench, report, "Binary of 40 MB out", "GET", "/Binary/large", None,
         {"Accept": "application/dicom"})
    peak(bench, report, "Binary of 40 MB out, as JSON", "GET", "/Binary/large", None,
         {"Accept": "application/fhir+json"})
    peak(bench, report, "Binary of 40 MB updated", "PUT", "/Binary/large", content[::-1], kind)


def transaction(bench, report):
    body = bundle(bench)
    megabytes = len(body) >> 20
    peak(bench, report, f"transaction of {ENTRIES} entries, {megabytes} MB", "POST", "", body,
         {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"})


def bundle(bench):
    """The entries of many sample patients as one."""
    folder = bench.folder / "large"
    run([bench.isthmus, "sample", "--patients", ENTRIES // 100, "--seed", 301, "--out", folder])
    entries = []
    for file in sorted(folder.iterdir()):
        entries += json.loads(file.read_bytes())["entry"]
    shutil.rmtree(folder)
    if len(entries) < ENTRIES:
        raise SystemExit(f"only {len(entries)} entries")
    return json.dumps({"resourceType": "Bundle", "type": "transaction",
                       "entry": entries[:ENTRIES]}, indent=INDENT).encode()


def peak(bench, report, what, method, path, body, headers):
    refs = pathlib.Path(f"/proc/{bench.service.process.pid}/clear_refs")
    refs.write_text("5")  # the peak begins anew
    client = http.client.HTTPConnection("127.0.0.1", bench.service.port, timeout=900)
    client.request(method, "/fhir" + path, body, headers)
    answer = client.getresponse()
    while answer.read(1 << 20):
        pass
    client.close()
    if answer.status not in (200, 201):
        raise SystemExit(f"{what}: {answer.status}")
    report.add(f"peak of memory, {what}", "", None, bench.service.resident_mb("VmHWM"), "MB")
