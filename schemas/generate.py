#!/usr/bin/env python3
"""Turns the facts in schemas/r4 into the tables that fhir/ is compiled with.

    schemas/generate.py FACTS OUT

Every OUT/*_table.inc holds the rows of one const array, every OUT/*_slots.inc
an open-addressed hash table of positions in such an array (see hash_of).
"""

import pathlib
import sys

from generate_invariants import generate_invariants
from generate_profiles import generate_profiles
from generate_searches import generate_searches
from generate_terminology import generate_terminology
from generate_types import generate_types


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    facts, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    tables = {**generate_types(facts), **generate_searches(facts), **generate_invariants(facts),
              **generate_terminology(facts), **generate_profiles(facts)}
    for name, lines in tables.items():
        (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
