"""The tables behind fhir/search_param.c."""

from generate_types import is_resource, sort_types
from package import read_facts
from tables import Lists, quoted

# Those of R4, in the order in which fhir/search_param.c has them.
COMPARTMENTS = ("Patient", "Encounter", "Practitioner", "RelatedPerson", "Device")


def generate_searches(facts):
    """Maps names of files to their lines."""
    types = [fact for fact in sort_types(read_facts(facts / "types.tsv")) if is_resource(fact)]
    parameters = read_facts(facts / "search_parameters.tsv")
    parameters += read_facts(facts / "search_parameters_extra.tsv")
    components = component_table(facts)
    targets = Lists()
    rows, starts = [], []
    for fact in types:
        starts.append(f"{len(rows)},")
        for parameter in parameters_of(fact, parameters):
            place = components.places.get((parameter["type"], parameter["code"]))
            rows.append(parameter_row(fact["name"], parameter, len(rows), place, targets))
    starts.append(f"{len(rows)},")
    params = Lists()
    return {
        "search_table.inc": rows,
        "search_starts.inc": starts,
        "search_target_table.inc": targets.lines,
        "search_component_table.inc": components.lines,
        "compartment_table.inc": [line for compartment in COMPARTMENTS for line in
                                  compartment_rows(facts, compartment, types, params)],
        "compartment_params.inc": params.lines,
    }


class Components:
    def __init__(self):
        self.lines = []
        self.places = {}  # (type, code) -> (first, count)


def component_table(facts):
    table = Components()
    for fact in read_facts(facts / "search_components.tsv"):
        key = (fact["type"], fact["code"])
        first, count = table.places.get(key, (len(table.lines), 0))
        table.places[key] = (first, count + 1)
        table.lines.append(f"{{{quoted(fact['component'])}, {quoted(fact['expression'])}, "
                           f"{search_type(fact)}}},")
    return table


def parameters_of(fact, parameters):
    """Those of the type and of everything it is, sorted by code."""
    owners = {fact["name"], "Resource", fact["base"]}
    return sorted((p for p in parameters if p["type"] in owners), key=lambda p: p["code"])


def parameter_row(name, parameter, number, components, targets):
    place = targets.place(parameter["targets"].split())
    first, count = components or (None, 0)
    fields = (
        quoted(name),
        quoted(parameter["code"]),
        quoted(parameter["url"]),
        quoted(parameter["expression"]),
        "NULL" if place is None else f"targets + {place}",
        "NULL" if first is None else f"components + {first}",
        search_type(parameter),
        count,
        number,
    )
    return "{" + ", ".join(map(str, fields)) + "},"


def search_type(fact):
    return f"SEARCH_{fact['search_type'].upper()}"


def compartment_rows(facts, compartment, types, params):
    """A row: for each resource type where its list of parameters begins, or NOWHERE. The type that
    the compartment is of belongs to it by itself ({def}), which takes no parameter."""
    found = {}
    for fact in read_facts(facts / "compartments.tsv"):
        codes = [code for code in fact["params"].split() if code != "{def}"]
        if fact["compartment"] == compartment and codes:
            found[fact["type"]] = params.place(codes)
    places = [str(found.get(fact["name"], "NOWHERE")) for fact in types]
    return [f'{{"{compartment}", {{{", ".join(places)}}}}},']
