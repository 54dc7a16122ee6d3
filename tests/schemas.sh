#!/bin/sh
# Derives the facts in schemas/r4 anew from the published definitions and fails
# when they differ from the committed ones. Skipped (77) without the definitions.
set -eu
cd "$(dirname "$0")/.."
data=${ISTHMUS_TEST_DATA:-../shared/data}
package=$data/r4-core/package
expansions=$data/r4-expansions/package

for folder in "$package" "$expansions"; do
    if [ ! -d "$folder" ]; then
        echo "skipped: no definitions of R4 in $folder"
        exit 77
    fi
done
derived=$(mktemp -d)
trap 'rm -rf "$derived"' EXIT
python3 -B schemas/derive.py "$package" "$expansions" "$derived"
status=0
for file in "$derived"/*; do
    diff -u "schemas/r4/$(basename "$file")" "$file" || status=1
done
exit $status
