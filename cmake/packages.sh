#!/bin/sh
# Installs the Debian 12 packages that are missing, as root or with sudo.
#   packages.sh build   to build and run the server
#   packages.sh test    the same, and what the tests need
#   packages.sh long    the same, and what the long tests need
#   packages.sh run     only what a built server needs
set -eu

build='build-essential cmake ninja-build pkg-config python3 libevent-dev libpq-dev libjansson-dev
    libcurl4-openssl-dev libssl-dev libzstd-dev zlib1g-dev libarchive-dev libxml2-dev
    libcmocka-dev'
run='postgresql-15 libevent-2.1-7 libpq5 libjansson4 libcurl4 libssl3 libzstd1 zlib1g libarchive13 libxml2
    ca-certificates'
test='clang-format-14 curl procps pyflakes3 python3-yaml python3-h2'
long='clang-14 clang-tidy-14 libclang-rt-14-dev llvm-14 valgrind'

case ${1:-build} in
    run) wanted=$run ;;
    build) wanted="$build postgresql-15 curl" ;;
    test) wanted="$build postgresql-15 $test" ;;
    long) wanted="$build postgresql-15 $test $long" ;;
    *) echo "packages.sh: build, test, long or run?" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    case $state in
        ii*) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "root or sudo is needed to install:$missing" >&2; exit 1; }
    as_root=sudo
fi
# Debian's own cluster is not wanted: the server makes one in its data folder.
$as_root mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
# A mirror may fail once, and another installation be under way.
patient='-o Acquire::Retries=5 -o DPkg::Lock::Timeout=600'
# shellcheck disable=SC2086  # options
$as_root apt-get $patient update -qq
# shellcheck disable=SC2086  # a list of packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get $patient install -y -qq --no-install-recommends $missing >/dev/null
