#!/usr/bin/env python3
"""JSON -> tree -> JSON must keep every value, numbers text for text.

    roundtrip.py ISTHMUS FOLDER

Runs `isthmus parse --always` over all .json files of the folder, compares what
comes out with what went in (parsed by Python, numbers kept as text), and
compares the names of elements in their order. Prints every difference and a
line of counts.
"""

import json
import pathlib
import subprocess
import sys


class Number(str):
    """The text of a JSON number; unequal to a string of the same letters."""

    def __eq__(self, other):
        return isinstance(other, Number) and str(self) == str(other)

    __hash__ = str.__hash__


def load(text):
    return json.loads(text, parse_float=Number, parse_int=Number)


def differences(before, after, path):
    if isinstance(before, dict) and isinstance(after, dict):
        yield from member_differences(before, after, path)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            yield from differences(*pair, f"{path}[{index}]")
    elif type(before) is not type(after) or before != after:
        yield path


def member_differences(before, after, path):
    for name in before.keys() | after.keys():
        if name in before and name in after:
            yield from differences(before[name], after[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}"
    if order(before) != order(after):
        yield f"{path}: order"


def order(members):
    """Names in order; resourceType is moved to the front, `_name` behind `name`."""
    names = []
    for name in members:
        bare = name.removeprefix("_")
        if name != "resourceType" and bare not in names:
            names.append(bare)
    return names


def main(isthmus, folder):
    files = sorted(pathlib.Path(folder).glob("*.json"))
    if not files:
        print(f"skipped: no JSON files in {folder}")
        return 77
    run = subprocess.run([isthmus, "parse", "--always", *files], capture_output=True, check=False)
    written = [line for line in run.stdout.split(b"\n") if line.startswith(b"{")]
    if len(written) != len(files):
        print(f"{len(files)} files went in, {len(written)} came out")
        return 1
    failures = 0
    for file, line in zip(files, written):
        found = list(differences(load(file.read_text("utf-8")), load(line), file.name))
        failures += bool(found)
        for difference in found[:5]:
            print(f"{file.name}: differs: {difference}")
    print(f"{len(files)} files, {failures} of them differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
