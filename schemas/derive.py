#!/usr/bin/env python3
"""Derives the tables of facts in schemas/r4 from the unpacked core package of FHIR R4.

    schemas/derive.py PACKAGE [FOLDER]

PACKAGE holds StructureDefinition-*.json and so on; FOLDER (default: r4 beside
this file) gets the tables. Run it when the definitions or this program
change; the tables are committed, so a build needs no package.
"""

import pathlib
import sys

from package import write_facts
from structures import ELEMENT_COLUMNS, INVARIANT_COLUMNS, TYPE_COLUMNS, derive_structures


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    package = pathlib.Path(sys.argv[1])
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else pathlib.Path(__file__).parent / "r4")
    folder.mkdir(parents=True, exist_ok=True)

    types, elements, invariants = derive_structures(package)
    write_facts(folder / "types.tsv", TYPE_COLUMNS, types)
    write_facts(folder / "elements.tsv", ELEMENT_COLUMNS, elements)
    write_facts(folder / "invariants.tsv", INVARIANT_COLUMNS, invariants)


if __name__ == "__main__":
    main()
