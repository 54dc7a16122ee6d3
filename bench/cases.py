"""What is measured. Every case adds lines (what, bare, ours, unit, remark) to the report."""
import json
import re
import shutil
import statistics
import time
from urllib.parse import quote

from bare_rows import BATCH, copy_rows, stored, unnest_rows
from measure import choose, latencies, run
from write_cases import insert_of

KEYS = 8192
KEYS_A_SCRIPT = 1024
SCRIPTS = 16
PAGES = 24
PAGE_SCRIPTS = 8


class Report:
    def __init__(self):
        self.lines = []

    def add(self, what, against, bare, ours, unit, remark=""):
        self.lines.append({"what": what, "against": against, "bare": bare, "ours": ours,
                           "unit": unit, "ratio": ours / bare if bare else None,
                           "remark": remark})
        print(self.text(self.lines[-1]), flush=True)

    @staticmethod
    def text(line):
        bare = f"{line['bare']:>10,.{digits(line['bare'])}f}" if line["bare"] else " " * 10
        ratio = f"{line['ratio']:>6.0%}" if line["ratio"] else " " * 6
        return (f"{line['what']:<34} {line['against']:<22} {bare} "
                f"{line['ours']:>10,.{digits(line['ours'])}f} {line['unit']:<11} {ratio}  "
                f"{line['remark']}").rstrip()

    @staticmethod
    def heading():
        return (f"{'what':<34} {'against':<22} {'bare':>10} {'isthmus':>10} {'':<11} {'ratio':>6}")


def digits(number):
    return 0 if number >= 100 else 1 if number >= 10 else 2


def load(bench, report):
    """Transaction Bundles over HTTP, against the same rows by COPY and by unnest."""
    rates = []
    resources = shared_count = 0
    for seed in range(1, bench.measure.rounds + 1):
        folder = bench.folder / f"sample{seed}"
        counts = run([bench.isthmus, "sample", "--patients", bench.patients, "--seed", seed,
                      "--out", folder])
        shared, *patients = sorted(folder.iterdir())
        shared_count = count_of(counts, "Organization", "Practitioner", "Location")
        count = int(re.search(r"(\d+) resources", counts)[1]) - shared_count
        send(bench, [shared])
        start = time.monotonic()
        send(bench, patients)
        rates.append(count / (time.monotonic() - start))
        resources += count
        shutil.rmtree(folder)
    resources += shared_count
    if stored(bench.service) != resources:
        raise SystemExit(f"{resources} resources were sent, {stored(bench.service)} are there")
    rate = statistics.median(rates)
    bare = bench.measure.alternate(copy=lambda: copy_rows(bench),
                                   unnest=lambda: unnest_rows(bench))
    report.add("transactions, 1 patient a Bundle", "COPY, same rows", bare["copy"]["rate"], rate,
               "resources/s", f"{resources:,} resources")
    report.add("", f"unnest, {BATCH} rows a commit", bare["unnest"]["rate"], rate, "resources/s")
    bench.service.psql("vacuum analyze")


def count_of(counts, *kinds):
    return sum(int(re.search(rf"\b{kind} (\d+)", counts)[1]) for kind in kinds)


def send(bench, files):
    run([bench.isthmus, "load", "--base", bench.service.base, "--journal", "", *files])


def reads(bench, report):
    """Reads by id, against the same statement for the same rows."""
    service, measure = bench.service, bench.measure
    found = service.rows(f"select rkey, id from f_observation order by rkey limit {KEYS}")
    keys = [row[0] for row in found]
    paths = [f"/Observation/{row[1]}" for row in found]
    statement = service.capture([lambda: service.get(paths[0])])[0][0]
    if keys[0] not in statement:
        raise SystemExit(f"a read is not by its key any more: {statement}")
    scripts = [[*choose(keys[i:i + KEYS_A_SCRIPT]), statement.replace(f"'{keys[0]}'", ":key") + ";"]
               for i in range(0, len(keys), KEYS_A_SCRIPT)]
    figures = measure.alternate(
        pgbench=lambda: measure.pgbench(scripts),
        ours=lambda: measure.wrk(paths),
        pgread=lambda: measure.pgread(statement.replace(f"'{keys[0]}'", "$1"), keys))
    ours = figures["ours"]
    report.add("read by id, 64 connections", "pgbench -M prepared", figures["pgbench"]["rate"],
               ours["rate"], "requests/s", latencies(ours))
    report.add("", "bare libpq, pipelined", figures["pgread"]["rate"], ours["rate"], "requests/s")


def creates(bench, report):
    """Creates, each durable before it is answered, against the same INSERTs."""
    service, measure = bench.service, bench.measure
    ids = [row[0] for row in service.rows(
        f"select id from f_observation order by toks limit {SCRIPTS * 16}")]
    bodies = []
    for one in ids:
        resource = service.get(f"/Observation/{one}")
        del resource["id"], resource["meta"]
        bodies.append(json.dumps(resource, ensure_ascii=False, separators=(",", ":")))
    captured = service.capture(
        [lambda body=body: service.post("/Observation", body) for body in bodies[::16]])
    scripts = [["\\set key random(1, 9000000000000000000)", insert_of(found)]
               for found in captured]
    figures = measure.alternate(pgbench=lambda: measure.pgbench(scripts),
                                ours=lambda: measure.wrk(["/Observation"], bodies))
    report.add("create, 64 connections, durable", "pgbench, same INSERTs",
               figures["pgbench"]["rate"], figures["ours"]["rate"], "requests/s",
               latencies(figures["ours"]))


def searches(bench, report):
    """Search pages, against what they ask of PostgreSQL."""
    for what, paths in pages(bench.service).items():
        service, measure = bench.service, bench.measure
        captured = service.capture([lambda path=path: service.get(path)
                                    for path in paths[:PAGE_SCRIPTS]])
        scripts = [[one + ";" for one in found] for found in captured if found]
        figures = measure.alternate(pgbench=lambda: measure.pgbench(scripts),
                                    ours=lambda: measure.wrk(paths))
        report.add(what, "pgbench, same SELECTs", figures["pgbench"]["rate"],
                   figures["ours"]["rate"], "pages/s", latencies(figures["ours"]))


def pages(service):
    """{name of the search: paths with different values}."""
    patients = [row[0] for row in service.rows(
        f"select id from f_patient order by rkey limit {PAGES}")]
    found = [service.get(f"/Patient/{one}") for one in patients]
    names = sorted({patient["name"][0]["family"] for patient in found})
    days = [patient["birthDate"] for patient in found]
    numbers = [patient["identifier"][0] for patient in found]
    return {
        "Patient by family name": [f"/Patient?family={quote(one)}" for one in names],
        "Patient by birth date and gender": [f"/Patient?birthdate=ge{day[:4]}&birthdate=lt"
                                             f"{int(day[:4]) + 1}&gender=female" for day in days],
        "Patient by identifier": [f"/Patient?identifier={one['system']}|{one['value']}"
                                  for one in numbers],
        "Observation, patient, code, newest": [
            f"/Observation?patient={one}&code=http://loinc.org|29463-7&_sort=-date&_count=20"
            for one in patients],
        "Observation, patient, category": [
            f"/Observation?patient={one}&category=vital-signs&date=ge2023&_count=50"
            for one in patients],
        "Observation by code, newest": [
            f"/Observation?code=http://loinc.org|{code}&_sort=-date&_count=20"
            for code in ("29463-7", "8302-2", "85354-9", "8867-4", "2345-7", "718-7")],
        "Condition by patient": [f"/Condition?patient={one}" for one in patients],
        "Patient, $everything": [f"/Patient/{one}/$everything" for one in patients],
        "Patient, $everything, pages of 20": [f"/Patient/{one}/$everything?_count=20"
                                              for one in patients],
        "MedicationRequest with encounter": [
            f"/MedicationRequest?patient={one}&_include=MedicationRequest:encounter"
            for one in patients],
    }


def memory(bench, report, when):
    report.add(f"memory of the server, {when}", "", None, bench.service.resident_mb(), "MB")


def restart(bench, report):
    """Stops and starts with the data that are there by now."""
    bench.service.stop()
    report.add("start to first answer, existing", "", None, bench.service.start(), "s")
