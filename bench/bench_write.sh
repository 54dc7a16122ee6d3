#!/bin/sh
# Measures writing: bench_write on a private PostgreSQL, and beside it pgbench
# inserting the same kind of rows, 64 clients with a commit each.
#
#     bench/bench_write.sh BUILD_FOLDER BUNDLE.json[.gz]...
set -eu
build=$1
shift
. "$(dirname "$0")/postgres.sh"

unpack "$@"
"$build/bench/bench_write" "$conninfo" "$dir"/bundles/*.json

# One Observation: a row, 27 tokens of which 4 are its patient's, one line in the log.
cat >"$dir/insert.sql" <<'SQL'
\set k random(1, 4000000000000000000)
\set p random(1, 1000)
with w as (insert into f_observation (rkey, ver, updated, op, tenant, rtype, id, body, patient,
    code, d, dhi, vq, vqu, toks) values (:k, 1, now(), 'C', 0, 1, md5(:k::text),
    decode(repeat('5a', 590), 'hex'), :p, 5, now(), now(), 1.5, 7,
    array[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
          1000 + :p, 3000 + :p, 5000 + :p, 7000 + :p]::int8[])
    on conflict (rkey) do nothing returning 1),
l as (insert into f_log (rkey, ver, updated, op, tenant, rtype, patients, id, write_id)
    select :k, 1, now(), 'C', 0, 1, array[:p]::int8[], md5(:k::text), :k from w)
select 1 from w;
SQL
$as "$bin/pgbench" -n -M prepared -h "$dir" -U isthmus -c 64 -j 2 -T 10 -f "$dir/insert.sql" \
    bench 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/pgbench, 64 clients, the same rows            \1 inserts\/s/p'
