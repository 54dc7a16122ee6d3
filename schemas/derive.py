#!/usr/bin/env python3
"""Derives the tables of facts in schemas/r4 from the unpacked core package of FHIR R4.

    schemas/derive.py PACKAGE [OUT]

PACKAGE holds StructureDefinition-*.json and so on; OUT (default: r4 beside
this file) gets the tables. Run it when the definitions or this program
change; the tables are committed, so a build needs no package.
"""

import pathlib
import sys

import searches
import structures
from package import write_facts

FACTS = pathlib.Path(__file__).parent / "r4"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    package = pathlib.Path(sys.argv[1])
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else FACTS
    out.mkdir(parents=True, exist_ok=True)

    types, elements, invariants = structures.derive_structures(package)
    write_facts(out / "types.tsv", structures.TYPE_COLUMNS, types)
    write_facts(out / "elements.tsv", structures.ELEMENT_COLUMNS, elements)
    write_facts(out / "invariants.tsv", structures.INVARIANT_COLUMNS, invariants)

    parameters, components = searches.derive_searches(package, FACTS)
    write_facts(out / "search_parameters.tsv", searches.PARAMETER_COLUMNS, parameters)
    write_facts(out / "search_components.tsv", searches.COMPONENT_COLUMNS, components)
    compartments = searches.derive_compartments(package)
    write_facts(out / "compartments.tsv", searches.COMPARTMENT_COLUMNS, compartments)


if __name__ == "__main__":
    main()
