"""The bare cost of writing: the rows that the server has written, once more, into empty tables like
its own."""
import contextlib
import subprocess
import time

from service import program

BATCH = 500  # rows a commit
BESIDE = ("f_str", "f_date", "f_qty", "f_code", "f_log", "f_hist", "f_key", "f_contained")
OF_PARTNERS = ("f_identity",)


def tables(service, more=()):
    """(name, rows) of the tables that loading has filled: those of resources, BESIDE, and more."""
    names = [row[0] for row in service.rows(
        "select relname from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'dhi' "
        "where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1")]
    counted = [(name, int(service.psql(f"select count(*) from {name}")))
               for name in (*names, *BESIDE, *more)]
    return [(name, count) for name, count in counted if count]


def stored(service):
    """How many resources are there."""
    return sum(count for name, count in tables(service) if name not in BESIDE)


@contextlib.contextmanager
def empty_copies(service, more=()):
    service.psql("drop schema if exists bench cascade", "create schema bench")
    names = [name for name, _ in tables(service, more)]
    for name in names:
        service.psql(f"create table bench.{name} (like public.{name} including all)")
    yield names
    service.psql("drop schema bench cascade")


def copy_rows(bench):
    service = bench.service
    with empty_copies(service) as names:
        service.psql(*[f"\\copy public.{name} to '{bench.folder / name}' (format binary)"
                       for name in names])
        start = time.monotonic()
        service.psql(*[f"\\copy bench.{name} from '{bench.folder / name}' (format binary)"
                       for name in names])
        seconds = time.monotonic() - start
        return {"rate": stored(service) / seconds}


def unnest_rows(bench, connections=1, more=()):
    """By some connections at once, a part of the batches each; that they have to be read first is
    counted, too."""
    with empty_copies(bench.service, more) as names:
        start = time.monotonic()
        at_work = [subprocess.Popen([program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d",
                                     bench.service.conninfo, "-c", "set synchronize_seqscans = off",
                                     *words(names, part, connections)])
                   for part in range(connections)]
        if any([process.wait() for process in at_work]):
            raise SystemExit("psql failed")
        seconds = time.monotonic() - start
        for name in names:
            if bench.service.psql(f"select (select count(*) from public.{name}) ="
                                  f" (select count(*) from bench.{name})").strip() != "t":
                raise SystemExit(f"rows of {name} are missing")
        return {"rate": stored(bench.service) / seconds}


def words(names, part, parts):
    return [word for name in names for word in ("-c", f"""
        do $$
        declare
            batch public.{name}[];
        begin
            for batch in
                select array_agg(one) from
                    (select t as one, (row_number() over () - 1) / {BATCH} as part
                     from public.{name} t) numbered
                where numbered.part % {parts} = {part} group by numbered.part
            loop
                insert into bench.{name} select * from unnest(batch);
                commit;
            end loop;
        end $$""")]
