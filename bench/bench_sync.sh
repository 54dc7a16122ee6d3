#!/bin/sh
# Measures landing and applying: bench_sync on a private PostgreSQL.
#
#     bench/bench_sync.sh BUILD_FOLDER BUNDLE.json[.gz]...
set -eu
build=$1
shift
. "$(dirname "$0")/postgres.sh"

unpack "$@"
${PROFILE:-} "$build/bench/bench_sync" "$conninfo" \
    "$(head -1 "$dir/data/postmaster.pid")" "$dir"/bundles/*.json
