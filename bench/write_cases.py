"""What a laboratory or a registry sends: conditional creates, creates that share commits, and
transactions, with validation of the structure only."""
import json
import re
import shutil
import statistics
import time

from measure import run

BODIES = 64
COMMIT = 64  # writes that share one


def writes(bench, report):
    bench.service.stop()
    bench.service.start("--validation", "structure")
    bodies = bodies_of(bench)
    conditional(bench, report, bodies)
    shared(bench, report, bodies)
    transactions(bench, report)
    bench.service.stop()
    bench.service.start()


def bodies_of(bench):
    found = bench.service.rows(f"select id from f_observation order by toks limit {BODIES}")
    bodies = []
    for row in found:
        resource = bench.service.get(f"/Observation/{row[0]}")
        del resource["id"], resource["meta"]
        bodies.append(resource)
    return bodies


def text_of(resource):
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


def conditional(bench, report, bodies):
    """By identifier, every one another: a search, a key and a row each."""
    named = [text_of(dict(body, identifier=[{"system": "urn:bench", "value": "@@"}]))
             for body in bodies]
    figures = bench.measure.alternate(ours=lambda: bench.measure.wrk(
        ["/Observation"], named, "identifier=urn:bench|@@"))["ours"]
    report.add("conditional create, 64 connections", "", None, figures["rate"], "requests/s",
               f"p50 {figures['p50']:.2f} ms, p99 {figures['p99']:.2f} ms")


def shared(bench, report, bodies):
    """Creates, against the same INSERTs, as many to a commit as there are connections."""
    texts = [text_of(body) for body in bodies]
    captured = bench.service.capture(
        [lambda text=text: bench.service.post("/Observation", text) for text in texts[::8]])
    inserts = [insert_of(found) for found in captured]
    script = ["begin;"]
    for number in range(COMMIT):
        script += ["\\set key random(1, 9000000000000000000)", inserts[number % len(inserts)]]
    figures = bench.measure.alternate(
        pgbench=lambda: bench.measure.pgbench([[*script, "commit;"]], connections=2),
        ours=lambda: bench.measure.wrk(["/Observation"], texts))
    report.add("creates that share commits", f"pgbench, {COMMIT} a commit",
               figures["pgbench"]["rate"] * COMMIT, figures["ours"]["rate"], "requests/s")


def insert_of(statements):
    """The INSERT of a create, for a row of its own each time."""
    inserts = [one for one in statements if "insert into f_observation" in one]
    if len(inserts) != 1:
        raise SystemExit(f"a create is not one INSERT any more: {statements}")
    key = re.search(r"(?:values \(|select )('-?\d+')::int8", inserts[0])[1]
    return inserts[0].replace(key, ":key") + ";"


def transactions(bench, report):
    rates = []
    for seed in range(101, 101 + bench.measure.rounds):
        folder = bench.folder / f"more{seed}"
        counts = run([bench.isthmus, "sample", "--patients", bench.patients, "--seed", seed,
                      "--out", folder])
        shared_file, *patients = sorted(folder.iterdir())
        kinds = [re.search(rf"\b{kind} (\d+)", counts)[1]
                 for kind in ("Organization", "Practitioner", "Location")]
        count = int(re.search(r"(\d+) resources", counts)[1]) - sum(map(int, kinds))
        load = [bench.isthmus, "load", "--base", bench.service.base, "--journal", ""]
        run([*load, shared_file])
        start = time.monotonic()
        run([*load, *patients])
        rates.append(count / (time.monotonic() - start))
        shutil.rmtree(folder)
    report.add("transactions, structure only", "", None, statistics.median(rates), "resources/s")
