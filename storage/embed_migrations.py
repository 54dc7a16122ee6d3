#!/usr/bin/env python3
"""Turns the numbered SQL files of a folder into rows of a C table.

usage: embed_migrations.py FOLDER OUTPUT
"""

import json
import pathlib
import re
import sys


def literal(sql):
    """One C string a line. JSON's escapes are C's for ASCII, and only that is allowed."""
    assert sql.isascii(), "migrations are ASCII"
    return "\n".join("     " + json.dumps(line + "\n") for line in sql.split("\n"))


def main():
    folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    rows = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        name = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        assert name and int(name[1]) == number, f"{path.name}: expected number {number:04}"
        rows.append(f'{{{number}, "{name[2]}",\n{literal(path.read_text())}}},\n')
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("".join(rows))


main()
