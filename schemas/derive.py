#!/usr/bin/env python3
"""Derives the tables of facts in schemas/r4 from the unpacked packages of FHIR R4.

    schemas/derive.py PACKAGE EXPANSIONS [OUT]

PACKAGE (hl7.fhir.r4.core) holds StructureDefinition-*.json and so on, EXPANSIONS
(hl7.fhir.r4.expansions) ValueSet-*.json; OUT (default: r4 beside this file) gets
the tables. Run it when the definitions or this program
change; the tables are committed, so a build needs no package.
"""

import pathlib
import sys

import code_systems
import profiles
import searches
import structures
import value_sets
from package import write_facts

FACTS = pathlib.Path(__file__).parent / "r4"


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    package, expansions = map(pathlib.Path, sys.argv[1:3])
    out = pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else FACTS
    out.mkdir(parents=True, exist_ok=True)

    types, elements, invariants = structures.derive_structures(package, FACTS)
    write_facts(out / "types.tsv", structures.TYPE_COLUMNS, types)
    write_facts(out / "elements.tsv", structures.ELEMENT_COLUMNS, elements)
    write_facts(out / "invariants.tsv", structures.INVARIANT_COLUMNS, invariants)

    parameters, components = searches.derive_searches(package, FACTS)
    write_facts(out / "search_parameters.tsv", searches.PARAMETER_COLUMNS, parameters)
    write_facts(out / "search_components.tsv", searches.COMPONENT_COLUMNS, components)
    compartments = searches.derive_compartments(package)
    write_facts(out / "compartments.tsv", searches.COMPARTMENT_COLUMNS, compartments)

    systems, concepts, designations = code_systems.derive_code_systems(package, expansions, FACTS)
    write_facts(out / "code_systems.tsv", code_systems.SYSTEM_COLUMNS, systems)
    write_facts(out / "concepts.tsv", code_systems.CONCEPT_COLUMNS, concepts)
    write_facts(out / "designations.tsv", code_systems.DESIGNATION_COLUMNS, designations)
    sets, clauses, codes = value_sets.derive_value_sets(package, expansions)
    write_facts(out / "value_sets.tsv", value_sets.SET_COLUMNS, sets)
    write_facts(out / "value_set_clauses.tsv", value_sets.CLAUSE_COLUMNS, clauses)
    write_facts(out / "value_set_codes.tsv", value_sets.CODE_COLUMNS, codes)

    rules = profiles.derive_element_rules(package)
    write_facts(out / "element_rules.tsv", profiles.ELEMENT_RULE_COLUMNS, rules)
    lines = profiles.derive_profiles(package, FACTS)
    (out / "profiles.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
