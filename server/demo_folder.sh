#!/bin/sh
# Prints where a demonstration keeps its data: demo_folder.sh NAME ELSEWHERE
# NAME is a folder of the checkout. ELSEWHERE is for root in a checkout that the account postgres,
# which PostgreSQL then runs as, cannot reach, such as one in root's home.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" -eq 0 ] &&
    ! setpriv --reuid=postgres --regid=postgres --clear-groups test -x "$PWD/." 2>/dev/null; then
    echo "$2"
else
    echo "$1"
fi
