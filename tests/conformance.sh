#!/bin/sh
# Starts a server with a database of its own and runs the conformance suite
# against it: tests/conformance.sh ISTHMUS [OPTION...], options as for conformance/run.
set -eu
isthmus=$1
shift
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
chmod 755 "$folder"
server=

stop() {
    status=$?
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" || status=1
    [ $status -eq 0 ] || tail -n 20 "$folder/log"
    rm -rf "$folder"
    exit $status
}
trap stop EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$isthmus" serve --data "$folder/data" --listen "127.0.0.1:$port" --body-size 4M \
    >"$folder/ready" 2>"$folder/log" &
server=$!
tries=600
until grep -q '^ready: ' "$folder/ready"; do
    kill -0 "$server" && [ $tries -gt 0 ] || exit 1
    tries=$((tries - 1))
    sleep 0.1
done
conformance/run --base "$(sed -n 's/^ready: //p' "$folder/ready")" --body-limit 4194304 "$@"
