#!/bin/sh
# The demonstration of two exchanges runs to its end: demo_sync.sh ISTHMUS
set -eu
folder=$(mktemp -d /tmp/isthmus-demo-XXXXXX)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
port=$(python3 -c 'import random; print(random.randrange(20000, 30000))')
ISTHMUS=$1 DATA=$folder PORTS="$port $((port + 1))" PATIENTS=3 ONCE=1 \
    sh "$(dirname "$0")/../server/demo_sync.sh"
