#!/bin/sh
# Installs what is missing, builds a release, starts a server with an embedded
# PostgreSQL and sample patients, and stays until Ctrl-C. Options by environment:
#   DATA=data  LISTEN=127.0.0.1:8080  PATIENTS=100  SEED=1
set -eu
cd "$(dirname "$0")/.."
LISTEN=${LISTEN:-127.0.0.1:8080} PATIENTS=${PATIENTS:-100} SEED=${SEED:-1}

sh cmake/packages.sh build
cmake --preset release >/dev/null
cmake --build --preset release --target isthmus
isthmus=build/release/isthmus

DATA=${DATA:-$(sh server/demo_folder.sh data /var/lib/isthmus)}
mkdir -p "$DATA"
output=$DATA/server.out
: >"$output" # what an earlier run was told is not this one's
"$isthmus" serve --data "$DATA" --listen "$LISTEN" >"$output" &
server=$!
trap 'kill -TERM $server 2>/dev/null' INT TERM
until base=$(sed -n 's/^ready: //p' "$output") && [ -n "$base" ]; do
    kill -0 $server 2>/dev/null || { wait $server || exit $?; exit 1; }
    sleep 0.1
done

if [ ! -e "$DATA/sample.loaded" ]; then
    echo "making and loading $PATIENTS synthetic patients"
    "$isthmus" sample --patients "$PATIENTS" --seed "$SEED" --out "$DATA/sample" --force
    "$isthmus" load --base "$base" --journal "$DATA/sample.journal" "$DATA"/sample/*.json
    touch "$DATA/sample.loaded"
    rm -r "$DATA/sample"
fi

cat <<END

Isthmus answers at $base. Try, from another terminal:

  curl '$base/Patient?_count=3&_pretty=true'
  curl '$base/Observation?code=http://loinc.org|85354-9&_sort=-date&_count=2&_include=Observation:subject&_pretty=true'
  curl '$base/metadata?_pretty=true'

Ctrl-C stops the server and its database. The data stay in $DATA.
END
wait $server || true
trap - INT TERM
wait $server 2>/dev/null || true
