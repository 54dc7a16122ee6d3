"""Types, elements and invariants, from StructureDefinitions.

Only what defines a type: base types and specialisations, neither profiles nor
logical models. A row stands where its element is defined; what a type
inherits unchanged is not repeated (generate.py puts it back).
"""

from package import CANONICAL, read_definitions, read_facts, type_name
from terminology import code_systems

TYPE_COLUMNS = ("name", "kind", "abstract", "base")
ELEMENT_COLUMNS = ("type", "name", "fhirpath", "element_type", "min", "max", "flags", "strength",
                   "value_set", "code_system", "targets")
INVARIANT_COLUMNS = ("key", "severity", "path", "expression", "human", "best_practice")

FHIR_TYPE = CANONICAL + "structuredefinition-fhir-type"
BEST_PRACTICE = CANONICAL + "elementdefinition-bestpractice"
KINDS = {"primitive-type": "primitive", "complex-type": "datatype", "resource": "resource"}


def derive_structures(folder, facts):
    """Returns the rows of types, elements and invariants. `facts` has the corrections."""
    corrections = read_facts(facts / "invariant_corrections.tsv")
    definitions = [d for d in read_definitions(folder, "StructureDefinition") if defines_a_type(d)]
    systems = code_systems(folder)
    types, elements, invariants = {}, {}, set()
    for definition in definitions:
        read_definition(definition, systems, types, elements)
        invariants.update(read_invariants(definition))
    drop_inherited(types, elements)
    invariants = correct(invariants, corrections)
    rows = [row for name in sorted(types) for row in elements.get(name, {}).values()]
    return [types[name] for name in sorted(types)], rows, sorted(invariants)


def defines_a_type(definition):
    return definition["kind"] in KINDS and definition.get("derivation") != "constraint"


def read_definition(definition, systems, types, elements):
    root = definition["type"]
    base = type_name(definition.get("baseDefinition", ""))
    abstract = int(definition["abstract"])
    types[root] = (root, KINDS[definition["kind"]], abstract, base)
    snapshot = definition["snapshot"]["element"]
    parents = {e["path"].rpartition(".")[0] for e in snapshot}
    for element in snapshot[1:]:
        path = element["path"]
        owner = path.rpartition(".")[0]
        if definition["kind"] == "primitive-type" and path == root + ".value":
            continue  # the value is the node's own text, not a child
        if path in parents:
            types[path] = (path, "backbone", 0, element["type"][0]["code"])
        for row in element_rows(element, owner, path in parents, systems):
            elements.setdefault(owner, {})[row[1]] = row


def element_rows(element, owner, is_backbone, systems):
    """One row, or one for each type of a choice."""
    fhirpath = element["path"].rpartition(".")[2]
    choice = fhirpath.endswith("[x]")
    fhirpath = fhirpath.removesuffix("[x]")
    for code, definition in element_types(element, owner, is_backbone):
        name = fhirpath + code[0].upper() + code[1:] if choice else fhirpath
        strength, value_set = binding(element, code)
        required_code = code == "code" and strength == "required"
        yield (owner, name, fhirpath, code, element["min"], element["max"],
               " ".join(flags(element, choice, code)), strength, value_set,
               systems.get(value_set, "") if required_code else "",
               " ".join(targets(definition)))


def element_types(element, owner, is_backbone):
    if is_backbone:
        return [(element["path"], {})]
    if "contentReference" in element:
        return [(element["contentReference"].lstrip("#"), {})]
    found = []
    for definition in element["type"]:
        code = definition["code"]
        for extension in definition.get("extension", []):
            if extension["url"] == FHIR_TYPE:
                code = extension.get("valueUrl") or extension.get("valueUri")
        if code.startswith("http://hl7.org/fhirpath/System."):
            code = code.rpartition(".")[2].lower()
        if element.get("base", {}).get("path") == "Resource.id" or element["path"] == "Resource.id":
            code = "id"  # R4 resource.html#id; the definitions call it a string
        found.append((code, definition))
    return found


def flags(element, choice, code):
    if choice:
        yield "choice"
    if element.get("isSummary"):
        yield "summary"
    if element.get("isModifier"):
        yield "modifier"
    if code == "Resource":
        yield "resource"
    if "xmlAttr" in element.get("representation", []):
        yield "attribute"


def binding(element, code):
    """Strength and value set, for the types of a choice that can be coded."""
    coded = {"code", "Coding", "CodeableConcept", "Quantity", "string", "uri", "canonical", "id",
             "url", "markdown", "oid", "uuid", "Money", "Age", "Duration"}
    found = element.get("binding")
    if not found or code not in coded or not found.get("valueSet"):
        return "", ""
    return found["strength"], found["valueSet"].partition("|")[0]


def targets(definition):
    names = {type_name(url) for url in definition.get("targetProfile", [])}
    return [] if "Resource" in names else sorted(names)


def drop_inherited(types, elements):
    """Leaves out the rows that are the same as in the type it specialises."""
    complete = {name: dict(rows) for name, rows in elements.items()}
    for name, (_, _, _, base) in types.items():
        inherited = complete.get(base, {})
        for child, row in inherited.items():
            own = elements.get(name, {}).get(child)
            assert own or name in ("Element", "Resource"), f"{name} lacks {child} of {base}"
            if own and own[1:] == row[1:]:
                del elements[name][child]


def read_invariants(definition):
    """The invariants that this definition states itself."""
    own = {None, definition["url"], definition["type"]}
    for element in definition["snapshot"]["element"]:
        for constraint in element.get("constraint", []):
            if constraint.get("source") in own and "expression" in constraint:
                yield (constraint["key"], constraint["severity"], element["path"],
                       constraint["expression"], constraint["human"],
                       int(is_best_practice(constraint)))


def correct(invariants, corrections):
    corrected = {(row["key"], row["published"]): row["corrected"] for row in corrections}
    stated = {(key, expression) for key, _, _, expression, *_ in invariants}
    assert corrected.keys() <= stated, "a correction corrects nothing"
    return {(key, severity, path, corrected.get((key, expression), expression), *more)
            for key, severity, path, expression, *more in invariants}


def is_best_practice(constraint):
    return any(extension["url"] == BEST_PRACTICE and extension.get("valueBoolean")
               for extension in constraint.get("extension", []))
