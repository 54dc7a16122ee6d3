#!/bin/sh
# Fails when a file includes a header it may not know: one of a folder further
# up, or one of a foreign library outside the few files that may use it.
set -eu
cd "$(dirname "$0")/.."
status=0

# What a folder may include besides itself.
allowed() {
    case $1 in
    base)    echo '' ;;
    fhir)    echo 'base/' ;;
    storage) echo 'base/ fhir/' ;;
    sync)    echo 'base/ fhir/ storage/store\.h storage/landing\.h storage/hold\.h' ;;
    server)  echo 'base/ fhir/ storage/store\.h storage/landing\.h storage/cluster\.h storage/packages\.h storage/restored\.h storage/jobs\.h storage/erasure\.h storage/hold\.h storage/reindex\.h sync/' ;;
    esac
}

complain() {
    echo "$1:"
    echo "$2" | sed 's/^/    /'
    status=1
}

for folder in base fhir storage sync server; do
    pattern="#include \"($folder/"
    for path in $(allowed "$folder"); do
        pattern="$pattern|$path"
    done
    found=$(grep -rnE '^ *# *include +"' "$folder" --include='*.[ch]' | grep -vE "$pattern)" || true)
    [ -z "$found" ] || complain "$folder/ reaches too far" "$found"
done

# only HEADERS FILE...: headers (a regular expression) that only these files include.
only() {
    headers=$1
    shift
    found=$(grep -rnE "^ *# *include +<($headers)" base fhir storage sync server --include='*.[ch]' || true)
    for file in "$@"; do
        found=$(echo "$found" | grep -v "^$file:" || true)
    done
    [ -z "$found" ] || complain "<$headers> belongs to $*" "$found"
}

only 'event2/http|evhttp\.h' server/http.c server/http_request.c server/http_answer.c
only 'event2/|event\.h' base/loop.c storage/pg.c storage/pg_connection.c sync/fetch.c \
    server/http.c server/http_request.c server/http_answer.c
only 'libpq|postgres_ext\.h' storage/pg_internal.h
only 'curl/' sync/fetch.c sync/url.c
only 'zlib\.h' server/gzip.c server/gzip_file.c sync/inflate.c
only 'zstd|zdict' storage/body.c
only 'libxml/' fhir/xml_events.c
only 'archive' server/archive.c

# JSON that is no resource is the servers' business; resources never pass through jansson.
found=$(grep -rnE '^ *# *include +<jansson' base fhir storage --include='*.[ch]' || true)
[ -z "$found" ] || complain "<jansson.h> belongs to sync/ and server/" "$found"

exit $status
