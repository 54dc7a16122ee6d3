"""The table behind fhir/validate_invariants.c."""

from generate_types import complete_elements, name_numbers, sort_types
from package import read_facts
from tables import quoted


def generate_invariants(facts):
    """Maps names of files to their lines."""
    types = sort_types(read_facts(facts / "types.tsv"))
    numbers = {fact["name"]: number for number, fact in enumerate(types)}
    bases = {fact["name"]: fact["base"] for fact in types}
    elements = complete_elements(types, read_facts(facts / "elements.tsv"))
    name_ids = name_numbers(elements)
    invariants = read_facts(facts / "invariants.tsv")
    stated = {(fact["path"], fact["key"]) for fact in invariants}
    rows = []
    for fact in invariants:
        path = fact["path"]
        if path in numbers:
            rows.append((numbers[path], 0, fact))
            continue
        owner, name = path.removesuffix("[x]").rsplit(".", 1)
        if not any(says_itself(row["element_type"], fact["key"], bases, stated)
                   for row in elements[owner] if row["fhirpath"] == name):
            rows.append((numbers[owner], name_ids[name], fact))
    rows.sort(key=lambda row: (row[0], row[1], row[2]["key"]))
    return {"invariant_table.inc": [invariant_row(*row) for row in rows]}


def says_itself(name, key, bases, stated):
    """Whether a type, or what it specialises, has the invariant already."""
    while name:
        if (name, key) in stated:
            return True
        name = bases[name]
    return False


def invariant_row(number, name_id, fact):
    fields = (
        number,
        name_id,
        "true" if fact["severity"] == "error" else "false",
        "true" if fact["best_practice"] == "1" else "false",
        quoted(fact["key"]),
        quoted(fact["human"]),
        quoted(fact["expression"]),
    )
    return "{" + ", ".join(map(str, fields)) + "},"
