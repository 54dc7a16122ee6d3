"""Profiles and extensions that R4 publishes itself, cut down to their rules.

One StructureDefinition a line, as JSON, without what only people read. What
R4's own types say beyond the columns of elements.tsv is here too.
"""

import json

from package import CANONICAL, read_definitions, read_facts

ELEMENT_RULE_COLUMNS = ("type", "fhirpath", "element_type", "profile", "max_value_set")

MAX_VALUE_SET = CANONICAL + "elementdefinition-maxValueSet"
BEST_PRACTICE = CANONICAL + "elementdefinition-bestpractice"

DEFINITION_KEYS = ("resourceType", "url", "version", "name", "title", "kind", "abstract", "context",
                   "contextInvariant", "type", "baseDefinition", "derivation")
ELEMENT_KEYS = ("id", "path", "sliceName", "slicing", "short", "min", "max", "contentReference",
                "type", "maxLength", "constraint", "mustSupport", "isModifier", "binding")
VALUE_KEYS = ("fixed", "pattern", "minValue", "maxValue")
CUT = {
    "type": ("code", "profile", "targetProfile", "aggregation"),
    "slicing": ("discriminator", "ordered", "rules"),
    "constraint": ("extension", "key", "severity", "human", "expression"),
    "binding": ("extension", "strength", "valueSet"),
    "context": ("type", "expression"),
}
EXTENSIONS = {MAX_VALUE_SET, BEST_PRACTICE}


def derive_profiles(folder, facts):
    """Returns one line for each profile. `facts` has the corrections."""
    corrections = read_facts(facts / "profile_corrections.tsv")
    lines = []
    for definition in read_definitions(folder, "StructureDefinition"):
        if definition.get("derivation") == "constraint" and definition["kind"] != "logical":
            found = correct(cut_definition(definition), corrections)
            lines.append(json.dumps(found, ensure_ascii=False, separators=(",", ":")))
    assert not [c for c in corrections if "used" not in c], "a correction corrects nothing"
    return lines


def correct(definition, corrections):
    for correction in corrections:
        if correction["url"] == definition["url"]:
            definition = replace(definition, correction)
    return definition


def replace(value, correction):
    """The same with the corrected expression wherever the published one stands."""
    if isinstance(value, dict):
        return {key: replace(item, correction) for key, item in value.items()}
    if isinstance(value, list):
        return [replace(item, correction) for item in value]
    if value != correction["published"]:
        return value
    correction["used"] = True
    return correction["corrected"]


def cut_definition(definition):
    found = {key: cut(key, definition[key]) for key in DEFINITION_KEYS if key in definition}
    elements = definition["differential"]["element"] + settled_choices(definition)
    found["differential"] = {"element": [cut_element(element) for element in elements]}
    return found


def settled_choices(definition):
    """Choices whose other types only the snapshot forbids: "valueQuantity" in a differential leaves
    that open."""
    return [{"id": element["id"], "path": element["path"],
             "type": [{"code": one["code"]} for one in element["type"]]}
            for element in definition.get("snapshot", {}).get("element", [])
            if element["path"].endswith("[x]") and len(element["type"]) == 1 and
            element.get("slicing", {}).get("rules") == "closed"]


def cut_element(element):
    found = {}
    for key, value in element.items():
        if key in ELEMENT_KEYS or key.startswith(VALUE_KEYS):
            found[key] = cut(key, value)
    if found["id"] == found["path"]:
        del found["id"]
    if "." in found["path"] and "sliceName" not in found:
        found.pop("short", None)
    return found


def cut(key, value):
    """The members of an object, or of each in a list, that carry rules."""
    if isinstance(value, list):
        return [cut(key, item) for item in value]
    if key not in CUT or isinstance(value, str):
        return value
    found = {name: value[name] for name in CUT[key] if name in value}
    extensions = [one for one in found.pop("extension", []) if one["url"] in EXTENSIONS]
    return {"extension": extensions, **found} if extensions else found


def derive_element_rules(folder):
    """Profiles of datatypes and largest value sets that R4's own types ask for."""
    rows = set()
    for definition in read_definitions(folder, "StructureDefinition"):
        if definition["kind"] == "logical" or definition.get("derivation") == "constraint":
            continue
        for element in definition["snapshot"]["element"]:
            if element.get("base", {}).get("path", element["path"]) == element["path"]:
                rows.update(element_rules(element))
    return sorted(rows)


def element_rules(element):
    owner, _, name = element["path"].rpartition(".")
    for one in element.get("type", []):
        for profile in one.get("profile", []):
            yield (owner, name.removesuffix("[x]"), one["code"], profile, "")
    for extension in element.get("binding", {}).get("extension", []):
        if extension["url"] == MAX_VALUE_SET and owner:
            value_set = extension["valueCanonical"].partition("|")[0]
            yield (owner, name.removesuffix("[x]"), element["type"][0]["code"], "", value_set)
