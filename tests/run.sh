#!/bin/sh
# Installs what is missing, builds with sanitizers, and runs all tests.
set -eu
cd "$(dirname "$0")/.."
sh cmake/packages.sh test
cmake --preset debug >/dev/null
cmake --build --preset debug
ctest --preset debug "$@"
