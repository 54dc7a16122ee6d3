"""The tables behind fhir/type.c."""

from package import read_facts
from tables import Lists, quoted, slots

FLAGS = {
    "choice": "ELEMENT_CHOICE",
    "summary": "ELEMENT_SUMMARY",
    "modifier": "ELEMENT_MODIFIER",
    "resource": "ELEMENT_RESOURCE",
    "attribute": "ELEMENT_ATTRIBUTE",
}


def generate_types(facts):
    """Maps names of files to their lines."""
    types = sort_types(read_facts(facts / "types.tsv"))
    numbers = {fact["name"]: number for number, fact in enumerate(types)}
    elements = complete_elements(types, read_facts(facts / "elements.tsv"))
    name_ids = name_numbers(elements)
    names = list(name_ids)

    targets = Lists()
    type_lines, element_lines = [], []
    for number, fact in enumerate(types):
        rows = elements[fact["name"]]
        type_lines.append(type_row(number, fact, numbers, len(rows), len(element_lines)))
        element_lines += [element_row(row, numbers, name_ids, targets) for row in rows]
    resources = sum(map(is_resource, types))
    return {
        "type_counts.inc": [f"enum {{ RESOURCE_TYPE_COUNT = {resources} }};"],
        "type_table.inc": type_lines,
        "type_slots.inc": slots([fact["name"] for fact in types]),
        "element_table.inc": element_lines,
        "target_table.inc": targets.lines,
        "name_table.inc": [quoted(name) + "," for name in names],
        "name_slots.inc": slots(names),
    }


def sort_types(facts):
    """Concrete resources first, then the rest; by name."""
    return sorted(facts, key=lambda fact: (not is_resource(fact), fact["name"]))


def is_resource(fact):
    return fact["kind"] == "resource" and fact["abstract"] == "0"


def name_numbers(elements):
    """FHIRPath names -> element.name_id, in the order of the names."""
    names = sorted({row["fhirpath"] for rows in elements.values() for row in rows})
    return {name: position + 1 for position, name in enumerate(names)}


def complete_elements(types, facts):
    """The rows of every type with what it inherits: the base's first, in its order."""
    own, bases, complete = {}, {fact["name"]: fact["base"] for fact in types}, {}
    for fact in facts:
        own.setdefault(fact["type"], []).append(fact)

    def complete_type(name):
        if name not in complete:
            rows = {row["name"]: row for row in complete_type(bases[name])} if bases[name] else {}
            rows.update({row["name"]: row for row in own.get(name, [])})
            complete[name] = list(rows.values())
        return complete[name]

    return {name: complete_type(name) for name in bases}


def type_row(number, fact, numbers, count, first):
    name = fact["name"]
    primitive = f"PRIMITIVE_{name.upper()}" if fact["kind"] == "primitive" else "PRIMITIVE_NONE"
    base = numbers[fact["base"]] if fact["base"] else number
    abstract = "true" if fact["abstract"] == "1" else "false"
    return (f"{{{quoted(name)}, {number}, TYPE_{fact['kind'].upper()}, {primitive}, {abstract}, "
            f"{base}, {count}, elements + {first}}},")


def element_row(row, numbers, name_ids, targets):
    place = targets.place(row["targets"].split())
    flags = " | ".join(FLAGS[flag] for flag in row["flags"].split()) or "0"
    fields = (
        quoted(row["name"]),
        quoted(row["fhirpath"]),
        len(row["name"]),
        name_ids[row["fhirpath"]],
        numbers[row["element_type"]],
        row["min"],
        "ELEMENT_MANY" if row["max"] == "*" else row["max"],
        flags,
        f"BINDING_{(row['strength'] or 'none').upper()}",
        quoted(row["value_set"]),
        quoted(row["code_system"]),
        "NULL" if place is None else f"targets + {place}",
    )
    return "{" + ", ".join(map(str, fields)) + "},"
