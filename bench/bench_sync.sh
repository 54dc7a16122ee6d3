#!/bin/sh
# Measures landing and applying: bench_sync on a private PostgreSQL.
#
#     bench/bench_sync.sh BUILD_FOLDER BUNDLE.json[.gz]...
set -eu
build=$1
shift
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then
    as='setpriv --reuid=postgres --regid=postgres --clear-groups'
    chown postgres "$dir"
fi
trap '$as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null; rm -rf "$dir"' EXIT

$as "$bin/initdb" -A trust -U isthmus -E UTF8 --no-locale -k -D "$dir/data" >/dev/null
$as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-c listen_addresses= \
    -c unix_socket_directories=$dir -c max_connections=120 -c shared_buffers=512MB \
    -c max_wal_size=8GB" start >/dev/null
$as "$bin/createdb" -h "$dir" -U isthmus bench

mkdir "$dir/bundles"
for file; do
    case $file in
    *.gz) gunzip -c "$file" >"$dir/bundles/$(basename "$file" .gz)" ;;
    *) cp "$file" "$dir/bundles/" ;;
    esac
done
${PROFILE:-} "$build/bench/bench_sync" "host=$dir user=isthmus dbname=bench" \
    "$(head -1 "$dir/data/postmaster.pid")" "$dir"/bundles/*.json
