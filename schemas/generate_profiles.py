"""The tables behind fhir/definitions_base.c and fhir/profile_strip.c."""

from generate_types import complete_elements, name_numbers, sort_types
from package import read_facts
from tables import quoted


def generate_profiles(facts):
    """Maps names of files to their lines."""
    types = sort_types(read_facts(facts / "types.tsv"))
    numbers = {fact["name"]: number for number, fact in enumerate(types)}
    name_ids = name_numbers(complete_elements(types, read_facts(facts / "elements.tsv")))
    rows = [element_rule_row(row, numbers, name_ids)
            for row in read_facts(facts / "element_rules.tsv")]
    lines = (facts / "profiles.ndjson").read_text(encoding="utf-8").splitlines()
    keys = {(fact["key"], fact["expression"]) for fact in read_facts(facts / "invariants.tsv")}
    keys |= {(fact["key"], fact["published"])  # so they stand in snapshots of others
             for fact in read_facts(facts / "invariant_corrections.tsv")}
    return {
        "profile_table.inc": [quoted(line) + "," for line in lines],
        "element_rule_table.inc": [f"{{{', '.join(map(str, row))}}}," for row in sorted(rows)],
        "invariant_key_table.inc": [f"{{{quoted(key)}, {quoted(expression)}}},"
                                    for key, expression in sorted(keys)],
    }


def element_rule_row(row, numbers, name_ids):
    return (numbers[row["type"]], name_ids[row["fhirpath"]], numbers[row["element_type"]],
            quoted(row["profile"]), quoted(row["max_value_set"]))
