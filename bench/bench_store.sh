#!/bin/sh
# Reads by id through the store and by pgbench, on the same rows of a private PostgreSQL.
#
#     bench/bench_store.sh BUILD_FOLDER [SECONDS]
set -eu
build=$1
seconds=${2:-5}
[ -x "$build/bench/bench_store" ] || { echo "build bench_store and pgread first" >&2; exit 1; }
. "$(dirname "$0")/postgres.sh"

${PROFILE:-} "$build/bench/bench_store" "$conninfo" "$seconds" | tee "$dir/out"
key=$(sed -n 's/^key //p' "$dir/out")
echo "select ver, updated, op, id, body from f_observation where rkey = :key;" >"$dir/read.sql"
"$bin/psql" -X -A -t -h "$dir" -U isthmus -c "select rkey from f_observation order by id" bench \
    >"$dir/keys"
"$build/bench/pgread" "$conninfo" \
    "select ver, updated, op, id, body from f_observation where rkey = \$1::int8" "$dir/keys" 1 64 \
    "$seconds" | sed 's/^/pgread /'
for clients in 1 8 64; do
    rate=$("$bin/pgbench" -n -M prepared -D key="$key" -f "$dir/read.sql" -c "$clients" -j 1 \
        -T "$seconds" -h "$dir" -U isthmus bench 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1/p')
    echo "pgbench_read/s $rate ($clients clients)"
done
