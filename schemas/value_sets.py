"""Value sets as facts: the rules of their composition (R4 valueset.html#compositions).

Rules, not members: a rule over a code system that is not known stays visible as
such, and what a package brings for it is used.
"""

from code_systems import expanded
from package import read_definitions

SET_COLUMNS = ["id", "url", "version"]
CLAUSE_COLUMNS = ["value_set", "number", "effect", "system", "version", "property", "op", "value",
                  "value_sets"]
CODE_COLUMNS = ["value_set", "number", "code", "display"]


def derive_value_sets(package, expansions):
    """Rows of the three tables. A clause with codes holds these and nothing else."""
    sets, clauses, codes = [], [], []
    for definition in read_definitions(package, "ValueSet"):
        sets.append([definition["id"], definition["url"], definition.get("version", "")])
        compose = definition["compose"]
        number = 0
        for effect in ("include", "exclude"):
            for clause in compose.get(effect, []):
                number += 1
                clauses.append(clause_row(definition["id"], number, effect, clause))
                codes += [[definition["id"], number, concept["code"], concept.get("display", "")]
                          for concept in clause.get("concept", [])]
    urls = {row[1] for row in sets}
    for definition in read_definitions(expansions, "ValueSet"):
        if definition["url"] not in urls:  # defined elsewhere, but expanded and referred to
            add_expanded(definition, sets, clauses, codes)
    for definition in read_definitions(package, "CodeSystem"):
        url = definition.get("valueSet")
        if url and url not in urls:
            sets.append([url, url, definition.get("version", "")])
            clauses.append([url, 1, "include", definition["url"], "", "", "", "", ""])
    return sets, clauses, codes


def add_expanded(definition, sets, clauses, codes):
    """One clause for each system of the expansion, which must be whole."""
    url, expansion = definition["url"], definition["expansion"]
    assert not expansion.get("extension"), f"{url}: cut off"
    members = list(expanded(expansion["contains"]))
    sets.append([url, url, definition.get("version", "")])
    for number, system in enumerate(dict.fromkeys(m[0] for m in members), start=1):
        clauses.append([url, number, "include", system, "", "", "", "", ""])
        codes += [[url, number, code, display] for of, code, display in members if of == system]


def clause_row(owner, number, effect, clause):
    filters = clause.get("filter", [])
    assert len(filters) < 2, f"{owner}: several filters in one clause"
    assert not (filters and "concept" in clause), f"{owner}: filter and concepts"
    which = filters[0] if filters else {}
    return [owner, number, effect, clause.get("system", ""), clause.get("version", ""),
            which.get("property", ""), which.get("op", ""), which.get("value", ""),
            "|".join(clause.get("valueSet", []))]
