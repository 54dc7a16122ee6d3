"""Search parameters and compartments, from SearchParameters and CompartmentDefinitions.

One row for each base type of a definition. Of an expression that is a union
over types, a row keeps the parts for its own type.
"""

import re

from package import read_definitions, read_facts

PARAMETER_COLUMNS = ("type", "code", "search_type", "url", "targets", "expression")
COMPONENT_COLUMNS = ("type", "code", "position", "component", "search_type", "expression")
COMPARTMENT_COLUMNS = ("compartment", "type", "params")

ROOTS = ("Resource", "DomainResource")  # their parameters apply to every type
EVERY_TYPE = 145  # a list of so many targets names every type but Parameters


def derive_searches(folder, facts):
    """Returns the rows of search parameters and of the components of composites.
    `facts` has the corrections."""
    corrections = read_facts(facts / "search_corrections.tsv")
    definitions = [d for d in read_definitions(folder, "SearchParameter") if is_usable(d)]
    by_url = {d["url"]: d for d in definitions}
    parameters, components = [], []
    for definition in definitions:
        correct(definition, corrections)
        for base in definition["base"]:
            parameters.append(parameter_row(definition, base))
            components += component_rows(definition, base, by_url)
    assert not [c for c in corrections if "used" not in c], "a correction corrects nothing"
    keys = [row[:2] for row in parameters]
    assert len(set(keys)) == len(keys), "two definitions of one parameter"
    return sorted(parameters), sorted(components)


def is_usable(definition):
    """Not the specification's examples, and nothing that gives neither a type to
    search nor, for one type only, the expression to search by."""
    if definition["id"].startswith("example") or not definition.get("base"):
        return False
    return "expression" in definition or definition["base"][0] in ROOTS


def correct(definition, corrections):
    for correction in corrections:
        if correction["url"] != definition["url"]:
            continue
        for holder in [definition] + definition.get("component", []):
            if holder.get("expression") == correction["published"]:
                holder["expression"] = correction["corrected"]
                correction["used"] = True


def parameter_row(definition, base):
    expression = definition.get("expression", "")
    parts = [part for part in union_parts(expression) if concerns(part, base, definition["base"])]
    assert parts or not expression, f"{definition['url']} has no expression for {base}"
    expression = " | ".join(parts)
    return (base, definition["code"], definition["type"], definition["url"],
            " ".join(targets(definition, expression)), expression)


def component_rows(definition, base, by_url):
    for position, component in enumerate(definition.get("component", [])):
        other = by_url[component["definition"]]
        yield (base, definition["code"], position, other["code"], other["type"],
               component["expression"])


def union_parts(expression):
    """Splits at the `|` that stand in no parentheses and no string."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, char in enumerate(expression):
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "([":
            depth += 1
        elif not quoted and char in ")]":
            depth -= 1
        elif not quoted and depth == 0 and char == "|":
            parts.append(expression[start:position])
            start = position + 1
    return [part.strip() for part in parts + [expression[start:]] if part.strip()]


def concerns(part, base, bases):
    """Whether a part of a union is about the type `base`."""
    owner = re.match(r"\(*([A-Z]\w*)\b", part)
    return not owner or owner[1] not in bases or owner[1] in (base, *ROOTS)


def targets(definition, expression):
    """The types a reference may point to, as far as they are told."""
    parts = union_parts(expression)
    only = [re.search(r"\.where\(resolve\(\) is (\w+)\)$", part) for part in parts]
    if only and all(only):
        return sorted({match[1] for match in only})
    named = definition.get("target", [])
    return [] if len(named) >= EVERY_TYPE else sorted(named)


def derive_compartments(folder):
    """Which types belong to a compartment, and through which parameters."""
    rows = []
    for definition in read_definitions(folder, "CompartmentDefinition"):
        if definition["id"] == "example":
            continue
        for resource in definition["resource"]:
            if resource.get("param"):
                rows.append((definition["code"], resource["code"],
                             " ".join(resource["param"])))
    return sorted(rows)
