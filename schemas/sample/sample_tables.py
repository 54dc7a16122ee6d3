#!/usr/bin/env python3
"""Turns the tables of sample data (*.tsv) into rows of C initialisers.

The first line of a table names its columns, `name` or `name:type`:
  (none)   text, "-" for absent (NULL)
  int      a number
  fixed    a decimal, kept in units of the row's last digit (its column `decimals`);
           "-" for absent (SAMPLE_ABSENT)
  UPPER    a name from another table or enum: COURSE and ACUTE give COURSE_ACUTE,
           "-" gives COURSE_NONE
A column called `key` names the row itself: it becomes an enum constant, not a field.

usage: sample_tables.py TABLES OUTPUT
"""
import pathlib
import sys
from decimal import Decimal


def cell(kind, value, row):
    if kind == "int":
        return str(int(value))
    if kind == "fixed":
        return "SAMPLE_ABSENT" if value == "-" else str(scaled(value, int(row["decimals"])))
    if kind:
        return f"{kind}_{'NONE' if value == '-' else value}"
    if value == "-":
        return "NULL"
    # The emitter copies these texts without looking for characters to escape.
    if any(c in '"\\' or c < " " for c in value):
        raise SystemExit(f"{value!r} would need escaping in JSON")
    return f'"{value}"'


def scaled(value, decimals):
    number = Decimal(value).scaleb(decimals)
    if number != int(number):
        raise SystemExit(f"{value} has more than {decimals} decimals")
    return int(number)


def rows(path):
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    columns = [tuple((name + ":").split(":")[:2]) for name in lines[0]]
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(columns):
            raise SystemExit(f"{path}:{number}: {len(line)} cells, not {len(columns)}")
        yield columns, dict(zip((name for name, _ in columns), line))


def main():
    tables, output = map(pathlib.Path, sys.argv[1:])
    output.mkdir(parents=True, exist_ok=True)
    for path in sorted(tables.glob("*.tsv")):
        body, keys = [], []
        for columns, row in rows(path):
            if "key" in row:
                keys.append(f"{path.stem.upper()}_{row['key']},\n")
            fields = (f".{name} = {cell(kind, row[name], row)}"
                      for name, kind in columns if name != "key")
            body.append("{" + ", ".join(fields) + "},\n")
        (output / f"sample_{path.stem}.inc").write_text("".join(body), "utf-8")
        if keys:
            (output / f"sample_{path.stem}_keys.inc").write_text("".join(keys), "utf-8")


main()
