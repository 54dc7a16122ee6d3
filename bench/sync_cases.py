"""What a pull takes: all pages of a partner, beside plain libcurl (the program curl) that fetches the
same ones; landing and applying at once; and again, when one in a hundred has changed."""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

from measure import run
from partner import PAGE, Partner

PATIENTS = 775  # some 100,000 resources
LATENCY = 0.05
MEMORY_MB = 100
RATE = 10000


def sync(bench, report):
    if not shutil.which("curl"):
        raise SystemExit("curl is needed: apt-get install curl")
    folder = bench.folder / "sync"
    run([bench.isthmus, "sample", "--patients", bench.sync_patients or PATIENTS, "--seed", 77,
         "--out", folder])
    partner = Partner(folder)
    shutil.rmtree(folder)
    try:
        measure(bench, report, partner)
    finally:
        partner.close()


def measure(bench, report, partner):
    pulls, plain, applied = [], [], []
    for number in range(bench.measure.rounds):
        partner.latency = LATENCY
        plain.append(partner.count / curl(bench, partner))
        pulls.append(pull(bench, partner, f"far{number}", "search"))
        partner.latency = 0
        applied.append(pull(bench, partner, f"near{number}", "search"))
    landed = statistics.median(one["landed"] for one in pulls)
    report.add(f"pull, pages of {PAGE}, {LATENCY * 1000:.0f} ms: land", "plain libcurl, same pages",
               statistics.median(plain), landed, "resources/s",
               f"{partner.count:,} resources; at least 80%")
    report.add("land and apply", "plain libcurl, same pages", statistics.median(plain),
               statistics.median(one["done"] for one in pulls), "resources/s", processors(pulls))
    report.add("land and apply, no latency", f"{RATE:,} a second", RATE,
               statistics.median(one["done"] for one in applied), "resources/s", processors(applied))
    again(bench, report, partner)
    report.add("memory of the worker, at most", f"{MEMORY_MB} MB", MEMORY_MB,
               max(one["memory"] for one in pulls + applied), "MB")


def again(bench, report, partner):
    """All pages once more as a snapshot; what did not change costs no version."""
    changed, before = partner.change(), versions(bench)
    partner.latency = LATENCY
    one = pull(bench, partner, "far0", "snapshot")
    report.add("pull again, 1 % changed: written", "changed", changed, versions(bench) - before,
               "versions", f"{one['done']:,.0f} resources/s, {processors([one])}")


def versions(bench):
    return int(bench.service.psql("select count(*) from f_hist"))


def curl(bench, partner):
    """Seconds. One connection, one page after the other, like the pull."""
    lines = [line for url in partner.urls for line in (f'url = "{url}"', 'output = "/dev/null"')]
    listed = bench.measure.file("urls", lines)
    start = time.monotonic()
    run(["curl", "--silent", "--fail", "--compressed", "--config", listed])
    return time.monotonic() - start


def pull(bench, partner, name, mode):
    """Resources a second from the opening of the first window until all have landed, and until all
    are applied; the worker's peak of memory; processor time of both for each."""
    document = {"id": name, "base": partner.base, "networks": ["127.0.0.1/32"],
                "limits": {"rps": 10000, "concurrency": 1},
                "modes": {mode: {"every": "P1D", "pageSize": PAGE,
                                 "queries": [{"type": kind} for kind in partner.types]}}}
    path = bench.folder / f"{name}.json"
    path.write_text(json.dumps(document))
    run([bench.isthmus, "partner", "add", "--data", bench.service.data, path])
    database = bench.service.processor_time()
    used, peak = worker(bench, name)
    database = bench.service.processor_time() - database
    first, landed, closed, rows = map(float, bench.service.rows(f"""
        select extract(epoch from min(w.opened)), extract(epoch from max(u.landed)),
            extract(epoch from max(w.closed)), sum(u.rows) from f_partner p
        join f_sync_window w on w.partner = p.number
        join f_sync_unit u on u.window_number = w.number
        where p.name = '{name}' and w.mode = '{mode}' and w.state = 'C'""")[0])
    if rows != partner.count:
        raise SystemExit(f"{rows:.0f} of {partner.count} resources came")
    return {"landed": rows / (landed - first), "done": rows / (closed - first),
            "memory": peak, "database": database * 1e6 / rows,
            "worker": (used.ru_utime + used.ru_stime) * 1e6 / rows}


def worker(bench, name):
    """`isthmus sync --once` for one partner; what it used."""
    with open(bench.folder / "sync.log", "ab") as log:
        process = subprocess.Popen(
            [bench.isthmus, "sync", "--once", "--partner", name, "--data", str(bench.service.data),
             "--base-url", bench.service.base], stdout=log, stderr=log)
        peak, done = 0, 0
        while not done:
            peak = high_water_mb(process.pid) or peak
            time.sleep(0.02)
            done, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("the pull failed:\n" + (bench.folder / "sync.log").read_text()[-2000:])
    return used, peak


def high_water_mb(pid):
    """ru_maxrss would be ours, from before the program was executed."""
    found = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0


def processors(pulls):
    worker, database = (statistics.median(one[key] for one in pulls)
                        for key in ("worker", "database"))
    return f"processors: {worker:.0f} us ours + {database:.0f} us PostgreSQL's each"
