#!/bin/sh
# Derives the facts in schemas/r4 anew from the published definitions and fails
# when they differ from the committed ones. Skipped (77) without the definitions.
set -eu
cd "$(dirname "$0")/.."
package=${ISTHMUS_TEST_DATA:-../shared/data}/r4-core/package

if [ ! -d "$package" ]; then
    echo "skipped: no definitions of R4 in $package"
    exit 77
fi
derived=$(mktemp -d)
trap 'rm -rf "$derived"' EXIT
python3 -B schemas/derive.py "$package" "$derived"
status=0
for file in "$derived"/*.tsv; do
    diff -u "schemas/r4/$(basename "$file")" "$file" || status=1
done
exit $status
