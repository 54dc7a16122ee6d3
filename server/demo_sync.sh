#!/bin/sh
# Two exchanges with different synthetic patients that find each other's records: two servers,
# each with an embedded PostgreSQL and a sync worker. The first pulls from the second, and
# pushes to it what it has of its own. Stays until Ctrl-C. Options by environment:
#   DATA=data-sync  PORTS="8080 8081"  PATIENTS=20  ISTHMUS=program (else one is built)  ONCE=1 (ends
#   as soon as both have found each other's records)
set -eu
cd "$(dirname "$0")/.."
PATIENTS=${PATIENTS:-20} PORTS=${PORTS:-8080 8081} ONCE=${ONCE:-}

if [ -z "${ISTHMUS:-}" ]; then
    sh cmake/packages.sh build
    cmake --preset release >/dev/null
    cmake --build --preset release --target isthmus
    ISTHMUS=build/release/isthmus
fi

DATA=${DATA:-$(sh server/demo_folder.sh data-sync /var/lib/isthmus-sync)}
mkdir -p "$DATA"

# Resources carry the address at which they were made: it must stay theirs.
if [ -e "$DATA/ports" ] && [ "$(cat "$DATA/ports")" != "$PORTS" ]; then
    echo "the data in $DATA were made with PORTS=\"$(cat "$DATA/ports")\": use these, or another folder (DATA=...)" >&2
    exit 1
fi

running=
stop() {
    trap - INT TERM EXIT
    for process in $running; do kill -TERM "$process" 2>/dev/null || true; done
    wait || true
}
trap 'stop; exit 0' INT TERM
trap 'stop' EXIT

# serve NAME PORT: starts a server and gives it patients of its own
serve() {
    folder=$DATA/$1
    mkdir -p "$folder"
    : >"$folder/server.out" # what an earlier run was told is not this one's
    "$ISTHMUS" serve --data "$folder" --listen "127.0.0.1:$2" >"$folder/server.out" &
    server=$!
    running="$running $server"
    until base=$(sed -n 's/^ready: //p' "$folder/server.out") && [ -n "$base" ]; do
        kill -0 $server 2>/dev/null || {
            echo "the server of $1 did not start; if port $2 is taken, choose others: PORTS=\"18080 18081\"" >&2
            exit 1
        }
        sleep 0.1
    done
    if [ ! -e "$folder/sample.loaded" ]; then
        "$ISTHMUS" sample --patients "$PATIENTS" --seed "$2" --out "$folder/sample" --force
        "$ISTHMUS" load --base "$base" --journal "$folder/sample.journal" "$folder"/sample/*.json
        echo "$PATIENTS" >"$folder/sample.loaded"
        rm -r "$folder/sample"
    fi
}

# follow NAME PORT MODES: its worker, with the other one as its partner. Addresses of a machine's own
# are refused unless their network is named.
follow() {
    folder=$DATA/$1
    cat >"$folder/partner.json" <<END
{"id": "other", "base": "http://127.0.0.1:$3/fhir", "networks": ["127.0.0.1/32"],
 "limits": {"rps": 100, "concurrency": 4}, "modes": $4}
END
    "$ISTHMUS" partner add "$folder/partner.json" --data "$folder"
    "$ISTHMUS" sync --data "$folder" --base-url "http://127.0.0.1:$2/fhir" 2>"$folder/sync.log" &
    running="$running $!"
}

count() {
    found=$(curl -fsS "http://127.0.0.1:$1/fhir/Patient?_summary=count" |
        sed -n 's/.*"total": *\([0-9]*\).*/\1/p')
    echo "${found:-0}" # a server may be too busy to answer
}

set -- $PORTS
serve north "$1"
serve south "$2"
echo "$PORTS" >"$DATA/ports"
all=$(($(cat "$DATA/north/sample.loaded") + $(cat "$DATA/south/sample.loaded")))
types='"Patient", "Practitioner", "Organization", "Encounter", "Condition", "Observation"'
queries=$(echo "$types" | sed 's/"\([A-Za-z]*\)"/{"type": "\1"}/g')
follow north "$1" "$2" "{\"search\": {\"every\": \"PT2S\", \"queries\": [$queries]},
  \"push\": {\"types\": [$types]}}"
follow south "$2" "$1" '{"history": {"every": "PT10S", "types": ["Patient"]}}'

# What went wrong is in the logs of the workers.
give_up() {
    echo "$1; the last lines of the workers:" >&2
    tail -n 5 "$DATA"/*/sync.log >&2
    exit 1
}

echo "waiting until each has the $all patients of both"
began=$(date +%s)
while [ "$(count "$1")" -lt $all ] || [ "$(count "$2")" -lt $all ]; do
    for process in $running; do
        kill -0 "$process" 2>/dev/null || give_up "one of the servers or workers has ended"
    done
    [ $(($(date +%s) - began)) -lt 900 ] || give_up "they did not come within a quarter of an hour"
    sleep 0.2
done
echo "after $(($(date +%s) - began)) s: $(count "$1") patients here, $(count "$2") there"
[ -z "$ONCE" ] || exit 0

cat <<END

Two exchanges answer at http://127.0.0.1:$1/fhir and http://127.0.0.1:$2/fhir. Try, from another terminal:

  curl 'http://127.0.0.1:$1/fhir/Patient?_summary=count'
  curl 'http://127.0.0.1:$2/fhir/Patient?_sort=-_lastUpdated&_count=1&_pretty=true'
  $ISTHMUS sync status --data $DATA/north
  $ISTHMUS sync account other --data $DATA/north

Change something at one of them, and look at the other. Ctrl-C stops all of it; the data stay in $DATA.
END
wait
