#!/bin/sh
# Reads by id through the store and by pgbench, on the same rows of a private PostgreSQL.
#
#     bench/bench_store.sh BUILD_FOLDER [SECONDS]
set -eu
build=$1
seconds=${2:-5}
[ -x "$build/bench/bench_store" ] || { echo "build bench_store and pgread first" >&2; exit 1; }
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d)
as=""
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
stop() {
    $as "$bin/pg_ctl" -D "$dir/data" -m fast stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap stop EXIT

$as "$bin/initdb" -N -A trust -U isthmus -E UTF8 --no-locale -D "$dir/data" >/dev/null
$as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
    -o "-k $dir -c listen_addresses= -c shared_buffers=512MB -c jit=off" start >/dev/null
conninfo="host=$dir user=isthmus dbname=postgres"

${PROFILE:-} "$build/bench/bench_store" "$conninfo" "$seconds" | tee "$dir/out"
key=$(sed -n 's/^key //p' "$dir/out")
echo "select ver, updated, op, id, body from f_observation where rkey = :key;" >"$dir/read.sql"
"$bin/psql" -X -A -t -h "$dir" -U isthmus -c "select rkey from f_observation order by id" postgres \
    >"$dir/keys"
"$build/bench/pgread" "$conninfo" \
    "select ver, updated, op, id, body from f_observation where rkey = \$1::int8" "$dir/keys" 1 64 \
    "$seconds" | sed 's/^/pgread /'
for clients in 1 8 64; do
    rate=$("$bin/pgbench" -n -M prepared -D key="$key" -f "$dir/read.sql" -c "$clients" -j 1 \
        -T "$seconds" -h "$dir" -U isthmus postgres 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1/p')
    echo "pgbench_read/s $rate ($clients clients)"
done
