"""What changed since: searches by _lastUpdated and histories, against the layout that is fastest for them.

That is a btree on the time of the last update, which ends HOT updates: each table of resources is copied into
the schema `bench` and gets one. The same pages are then asked of it by the plainest SQL; beside
it, the SQL that our searches become, so that HTTP does not count, and the searches themselves.

The plainest SQL shows rows of all tenants, and leaves open which of those with the same time come first, so that
nobody could go on behind one. What minds both, with an index on time and key, is fair to compare with.

Where nothing else is asked for, also with the pages of the log, joined with what is current: no index is on
the time there, so that updates stay HOT.
"""
import json
import re

from bare_rows import BESIDE
from query_cases import LOINC, Sample, asked, remark

CONNECTIONS = 8
SCRIPTS = 32
PAGE = 100
UPDATES = 400
COLUMNS = "rkey, ver, updated, op, id, body"
LOGGED = re.compile(rf"select {COLUMNS} from bench\.f_observation where (updated .*) order by updated( desc)? (limit .*)")
INDEXES = ("unique (rkey)", "(updated)", "(updated, rkey)", "(patient, d)", "(patient, code, d)",
           "(code, d)")


def feeds(bench, report):
    copy_tables(bench.service)
    try:
        for what, (variant, paths) in pages(bench.service).items():
            compare(bench, report, what, variant, paths)
    finally:
        bench.service.psql("drop schema bench cascade")
    updates(bench, report)


def compare(bench, report, what, variant, paths):
    service, measure = bench.service, bench.measure
    captured = service.capture([lambda path=path: service.get(path) for path in paths])
    scripts = [[one + ";" for one in found] for found in captured if found]
    others = {"log": of_log(service, variant)} if LOGGED.fullmatch(variant[0]) else {}
    figures = measure.alternate(
        bare=lambda: bare(bench, [[one + ";"] for one in variant]),
        fair=lambda: bare(bench, [[fair(one) + ";"] for one in variant]),
        **{name: lambda of=of: bare(bench, of) for name, of in others.items()},
        sql=lambda: bare(bench, scripts),
        ours=lambda: asked(bench, paths, CONNECTIONS))
    rate, cpu = figures["bare"]["rate"], figures["bare"]["postgres"]
    report.add(what, "btree (updated), bare", rate, figures["sql"]["rate"], "pages/s",
               f"our SQL; CPU a page: PostgreSQL {figures['sql']['postgres']:.0f} us, "
               f"bare {cpu:.0f} us")
    rate, cpu = figures["fair"]["rate"], figures["fair"]["postgres"]
    report.add("", "with key and tenant", rate, figures["sql"]["rate"], "pages/s",
               f"our SQL; CPU a page: bare {cpu:.0f} us")
    if others:
        rate, cpu = figures["log"]["rate"], figures["log"]["postgres"]
        report.add("", "the log and what is current (HOT)", rate, figures["sql"]["rate"], "pages/s",
                   f"our SQL; CPU a page: bare {cpu:.0f} us")
    rate = figures["bare"]["rate"]
    report.add("", "btree (updated), bare", rate, figures["ours"]["rate"], "requests/s",
               remark(figures["ours"]))


def bare(bench, scripts):
    """What pgbench measures, and the CPU that a page takes."""
    before = bench.service.cpu()
    figures = bench.measure.pgbench(scripts, CONNECTIONS)
    used = bench.service.cpu()[1] - before[1]
    return {**figures, "postgres": 1e6 * used / figures["transactions"]}


def fair(sql):
    """The statement of one tenant, in an order in which each row has its place."""
    sql = re.sub(r"(from bench\.\w+ where )", r"\1tenant = 1 and ", sql)
    return re.sub(r"order by updated( desc)?", lambda found: found[0] + ", rkey" + (found[1] or ""),
                  sql)


def of_log(service, variant):
    """The same pages by the log: one line of each update, in the order of time."""
    kind = service.psql("select rtype from f_log where rkey = (select rkey from f_observation limit 1) "
                        "limit 1").strip()
    scripts = []
    for one in variant:
        condition, order, rest = LOGGED.fullmatch(one).groups()
        scripts.append([
            f"with l as materialized (select rkey, ver from f_log where tenant = 1 and rtype = {kind} "
            f"and {condition} order by updated{order or ''}, seq{order or ''} {rest}) "
            f"select t.* from l, lateral (select {COLUMNS} from f_observation t where t.rkey = l.rkey "
            "and t.ver = l.ver offset 0) t;"])
    return scripts


def copy_tables(service):
    service.psql("drop schema if exists bench cascade", "create schema bench")
    for name in tables(service):
        service.psql(f"create table bench.{name} (like public.{name}) with (fillfactor = 85)",
                     f"alter table bench.{name} alter body set storage external",
                     f"insert into bench.{name} select * from public.{name} order by ctid",
                     *[f"create {'unique ' if 'unique' in one else ''}index on bench.{name} "
                       f"{one.removeprefix('unique ')}" for one in INDEXES],
                     f"vacuum analyze bench.{name}")


def tables(service):
    """Of resources, those that have some and hold one type."""
    names = [row[0] for row in service.rows(
        "select relname from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'dhi' "
        "where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1")]
    return [name for name in names if name not in BESIDE and name != "f_other" and
            service.psql(f"select exists (select from {name})").strip() == "t"]


def pages(service):
    """{what is asked: (statements of the variant, paths)}."""
    sample = Sample(service)
    types = ("patient", "encounter", "observation")
    times = [row[0] for row in service.rows(
        "select to_char(updated at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') || 'Z' from "
        "(select distinct updated from f_observation where updated < (select updated from "
        f"f_observation order by updated desc offset {3 * PAGE} limit 1)) x "  # two pages behind each
        f"order by random() limit {SCRIPTS}")]
    patients = dict(service.rows("select id, rkey from f_patient"))
    ids = sample.ids[:SCRIPTS]
    codes = [row[0] for row in service.rows(
        "select distinct code from f_observation where code is not null")]
    of_code = {code: service.psql(f"select id from f_observation where code = {code} limit 1").strip()
               for code in codes[:SCRIPTS]}
    names = {code: service.get(f"/Observation/{one}")["code"]["coding"][0]
             for code, one in of_code.items()}
    count = f"&_count={PAGE}"
    since = [f"updated >= '{time}'" for time in times]
    return {
        "changed since, oldest first": (
            [page("observation", one, "updated") for one in since],
            [f"/Observation?_lastUpdated=ge{time}&_sort=_lastUpdated{count}" for time in times]),
        "changed since, newest first": (
            [page("observation", one, "updated desc") for one in since],
            [f"/Observation?_lastUpdated=ge{time}&_sort=-_lastUpdated{count}" for time in times]),
        "changed within a month": (
            [page("observation", f"updated >= '{time[:7]}-01Z' and updated < "
                  f"timestamptz '{time[:7]}-01Z' + interval '1 month'", "updated") for time in times],
            [f"/Observation?_lastUpdated={time[:7]}&_sort=_lastUpdated{count}" for time in times]),
        "the page after a cursor": (
            [page("observation", one, "updated", PAGE) for one in since],
            [next(link["url"].split("/fhir", 1)[1] for link in service.get(
                f"/Observation?_lastUpdated=ge{time}&_sort=_lastUpdated{count}")["link"]
                if link["relation"] == "next") for time in times]),
        "of a patient, newest first": (
            [f"select * from (select {COLUMNS} from bench.f_observation where patient = {patients[one]} "
             f"offset 0) x where updated >= '2020-01-01Z' order by updated desc limit {PAGE + 1}"
             for one in ids],
            [f"/Observation?patient={one}&_lastUpdated=ge2020&_sort=-_lastUpdated{count}"
             for one in ids]),
        "of a code, newest first": (
            [page("observation", f"code = {code} and updated >= '2020-01-01Z'", "updated desc")
             for code in names],
            [f"/Observation?code={LOINC}{coding['code']}&_lastUpdated=ge2020"
             f"&_sort=-_lastUpdated{count}" for coding in names.values()]),
        "several types, changed since": (
            [f"select * from (({') union all ('.join(page(one, of, 'updated') for one in types)})) x "
             f"order by updated limit {PAGE}" for of in since],
            [f"/?_type=Patient,Encounter,Observation&_lastUpdated=ge{time}{count}"
             for time in times]),
        "history of a type, since": (
            [page("observation", one, "updated desc") for one in since],
            [f"/Observation/_history?_since={time}{count}" for time in times]),
        "history of the system, since": (
            [f"select * from (({') union all ('.join(page(one[2:], of, 'updated desc') for one in tables(service))})"
             f") x order by updated desc limit {PAGE}" for of in since],
            [f"/_history?_since={time}{count}" for time in times]),
    }


def page(table, condition, order, offset=0):
    behind = f" offset {offset}" if offset else ""
    return (f"select {COLUMNS} from bench.f_{table} where {condition} order by {order} "
            f"limit {PAGE + 1}{behind}")


def updates(bench, report):
    """Updates that change no search value, while all this is there: how many stay in their page."""
    service = bench.service
    before = counted(service)
    for row in service.rows(f"select id from f_observation order by toks limit {UPDATES}"):
        resource = service.get(f"/Observation/{row[0]}")
        resource["note"] = [{"text": str(before)}]
        service.put(f"/Observation/{row[0]}", json.dumps(resource))
    after = counted(service, before[0] + UPDATES)
    done, hot = (now - was for now, was in zip(after, before))
    report.add("updates that stay HOT", "all updates", done, hot, "rows",
               "" if hot >= 0.9 * done else "LOST")


def counted(service, least=0):
    """(updates, HOT updates) of Observations, as soon as all are counted."""
    for _ in range(40):
        done, hot = map(int, service.rows(
            "select n_tup_upd, n_tup_hot_upd, pg_sleep(0.5) from pg_stat_user_tables "
            "where relname = 'f_observation' and schemaname = 'public'")[0][:2])
        if done >= least:
            break
    return done, hot
