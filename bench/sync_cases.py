"""What a pull takes: all pages of a partner, beside plain libcurl (the program curl) that fetches the
same ones; landing alone, then applying what has landed, beside the same rows written by SQL alone;
both at once; and again, when one in a hundred has changed."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

from bare_rows import BATCH, OF_PARTNERS, unnest_rows
from measure import run
from partner import PAGE, Partner
from service import program

PATIENTS = 775  # some 100,000 resources
LATENCY = 0.05
MEMORY_MB = 100
RATE = 10000
CONNECTIONS = 2
LOCK_CLASS = 0x6c616e  # of the lock under which a partner's rows are applied


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
    plain, landed, applied, pulls, near, bare = [], [], [], [], [], None
    for number in range(bench.measure.rounds):
        partner.latency = LATENCY
        plain.append(partner.count / curl(bench, partner))
        landed.append(land(bench, partner, f"backlog{number}"))
        applied.append(apply(bench, partner, f"backlog{number}"))
        if not number:  # the next rounds would find more rows
            bare = unnest_rows(bench, CONNECTIONS, OF_PARTNERS)["rate"]
        pulls.append(pull(bench, partner, f"far{number}", "search"))
        partner.latency = 0
        near.append(pull(bench, partner, f"near{number}", "search"))
    curl_rate, pages = statistics.median(plain), "plain libcurl, same pages"
    report.add(f"land alone, pages of {PAGE}, {LATENCY * 1000:.0f} ms", pages, curl_rate,
               median(landed, "landed"), "resources/s",
               f"{partner.count:,} resources; at least 80%; {processors(landed)}")
    report.add("apply alone, all of it landed", f"{RATE:,} a second", RATE, median(applied, "done"),
               "resources/s", processors(applied))
    report.add("", f"unnest, {BATCH} rows a commit", bare, applied[0]["done"], "resources/s",
               f"{CONNECTIONS} connections, the first round")
    report.add("land while applying", pages, curl_rate, median(pulls, "landed"), "resources/s")
    report.add("land and apply", pages, curl_rate, median(pulls, "done"), "resources/s",
               processors(pulls))
    report.add("land and apply, no latency", f"{RATE:,} a second", RATE, median(near, "done"),
               "resources/s", processors(near))
    again(bench, report, partner)
    report.add("memory of the worker, at most", f"{MEMORY_MB} MB", MEMORY_MB,
               max(one["memory"] for one in landed + applied + pulls + near), "MB")


def median(pulls, key):
    return statistics.median(one[key] for one in pulls)


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
    add(bench, partner, name, mode)
    return watched(bench, partner, name, mode)


def land(bench, partner, name):
    """The same while nothing is applied: whoever would do so waits for a lock that is held here."""
    add(bench, partner, name, "search")
    with applied_by_nobody(bench, name):
        return watched(bench, partner, name, "search", until_landed=True)


def apply(bench, partner, name):
    """The same of what has landed: a partner that is paused is not asked for anything."""
    run([bench.isthmus, "partner", "pause", "--data", bench.service.data, name, "--reason", "bench"])
    return watched(bench, partner, name, "search")


def add(bench, partner, name, mode):
    document = {"id": name, "base": partner.base, "networks": ["127.0.0.1/32"],
                "limits": {"rps": 10000, "concurrency": 1},
                "modes": {mode: {"every": "P1D", "pageSize": PAGE,
                                 "queries": [{"type": kind} for kind in partner.types]}}}
    path = bench.folder / f"{name}.json"
    path.write_text(json.dumps(document))
    run([bench.isthmus, "partner", "add", "--data", bench.service.data, path])


def watched(bench, partner, name, mode, until_landed=False):
    began = float(bench.service.psql("select extract(epoch from clock_timestamp())"))
    database = bench.service.processor_time()
    used, peak = worker(bench, name, partner.count if until_landed else None)
    database = bench.service.processor_time() - database
    states = "'L'" if until_landed else "'C'"
    first, landed, closed, rows = bench.service.rows(f"""
        select extract(epoch from min(w.opened)), extract(epoch from max(u.landed)),
            extract(epoch from max(w.closed)), sum(u.rows) from f_partner p
        join f_sync_window w on w.partner = p.number
        join f_sync_unit u on u.window_number = w.number
        where p.name = '{name}' and w.mode = '{mode}' and w.state = {states}""")[0]
    if int(rows or 0) != partner.count:
        raise SystemExit(f"{rows} of {partner.count} resources came")
    rows, first = int(rows), float(first)
    figures = {"landed": rows / (float(landed) - first), "memory": peak,
               "database": database * 1e6 / rows,
               "worker": (used.ru_utime + used.ru_stime) * 1e6 / rows}
    if not until_landed:  # what had landed before was begun when the worker was started
        figures["done"] = rows / (float(closed) - max(first, began))
    return figures


@contextlib.contextmanager
def applied_by_nobody(bench, name):
    number = bench.service.psql(f"select number from f_partner where name = '{name}'").strip()
    holder = subprocess.Popen([program("psql"), "-XAtq", "-d", bench.service.conninfo],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdin.write(f"select pg_advisory_lock({LOCK_CLASS}, {number});\n\\echo held\n")
        holder.stdin.flush()
        while holder.stdout.readline().strip() != "held":
            if holder.poll() is not None:
                raise SystemExit("the lock could not be taken")
        yield
    finally:
        holder.stdin.close()
        holder.wait()


def worker(bench, name, landed=None):
    """`isthmus sync --once` for one partner; what it used. With `landed`, until so many have."""
    with open(bench.folder / "sync.log", "ab") as log:
        process = subprocess.Popen(
            [bench.isthmus, "sync", "--once", "--partner", name, "--data", str(bench.service.data),
             "--base-url", bench.service.base, "--drain-timeout", "1s"], stdout=log, stderr=log)
        peak, done, stopped = 0, 0, False
        while not done:
            peak = high_water_mb(process.pid) or peak
            time.sleep(0.02)
            if landed and has_landed(bench, name, landed):
                process.terminate()
                landed, stopped = None, True
            done, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not stopped:
        raise SystemExit("the pull failed:\n" + (bench.folder / "sync.log").read_text()[-2000:])
    return used, peak


def has_landed(bench, name, count):
    """Asked by a look at what is open only, and not often: it takes processor time, too."""
    time.sleep(0.5)
    return int(bench.service.psql(
        "select coalesce(sum(w.landed), 0) from f_sync_window w join f_partner p on p.number = w.partner "
        f"where p.name = '{name}' and w.state = 'L'")) == count


def high_water_mb(pid):
    """ru_maxrss would be ours, from before the program was executed."""
    found = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0


def processors(pulls):
    worker, database = (statistics.median(one[key] for one in pulls)
                        for key in ("worker", "database"))
    return f"processors: {worker:.0f} us ours + {database:.0f} us PostgreSQL's each"
