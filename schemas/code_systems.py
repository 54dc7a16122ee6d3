"""Code systems as facts: which there are, how much of each is known, and its concepts."""

import collections

from package import read_definitions, read_facts

SYSTEM_COLUMNS = ["id", "url", "version", "content", "case_sensitive", "supplements"]
CONCEPT_COLUMNS = ["system", "code", "display", "parents"]
DESIGNATION_COLUMNS = ["system", "code", "designation"]

# Large terminologies with releases and licences of their own: the expansions show arbitrary
# pieces of old releases, which would only pretend to know them. And systems of which the
# specification's examples make up codes.
NOT_SAMPLED = ("http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10",
               "http://example.com", "#hacked")


def derive_code_systems(package, expansions, corrections):
    """Rows of the three tables."""
    systems, concepts, designations = [], [], []
    for definition in read_definitions(package, "CodeSystem"):
        systems.append(system_row(definition))
        for concept, parents in with_parents(definition):
            code = concept["code"]
            concepts.append([definition["id"], code, concept.get("display", ""), parents])
            designations += [[definition["id"], code, d["value"]]
                             for d in concept.get("designation", [])]
    known = {row[1] for row in systems}
    more_systems, more_concepts = undefined_systems(package, expansions, known, corrections)
    return systems + more_systems, concepts + more_concepts, unique(designations)


def system_row(definition):
    # Codes are compared with case unless the system says that it does not matter.
    sensitive = "true" if definition.get("caseSensitive", True) else "false"
    return [definition["id"], definition["url"], definition.get("version", ""),
            definition["content"], sensitive, definition.get("supplements", "")]


def with_parents(definition):
    """All concepts in document order with the codes above each. A concept stands below the
    one it is nested in, and below those that name it as their `child`."""
    found, parents = [], collections.defaultdict(list)

    def walk(nested, above):
        for concept in nested:
            found.append(concept)
            if above is not None:
                parents[concept["code"]].append(above)
            for item in concept.get("property", []):
                if item["code"] == "child":
                    parents[item["valueCode"]].append(concept["code"])
            walk(concept.get("concept", []), concept["code"])

    walk(definition.get("concept", []), None)
    return [(concept, "|".join(dict.fromkeys(parents[concept["code"]]))) for concept in found]


def undefined_systems(package, expansions, known, corrections):
    """Systems without a definition in R4: the codes that its value sets list or expand to are
    known to exist. What such a system is, and that it is whole, is said by hand."""
    extra = {row["url"]: row for row in read_facts(corrections / "code_systems_extra.tsv")}
    codes = collections.defaultdict(dict)
    for system, code, display in mentioned_codes(package, expansions):
        if system not in known and system not in NOT_SAMPLED:
            codes[system].setdefault(code, display)
    for row in read_facts(corrections / "concepts_extra.tsv"):
        codes[row["system"]].setdefault(row["code"], row["display"])
    urls = sorted(set(codes) | set(extra))
    systems = [[url, url, "", extra[url]["content"], extra[url]["case_sensitive"], ""]
               if url in extra else [url, url, "", "fragment", "true", ""] for url in urls]
    concepts = [[url, code, display, ""] for url in urls
                for code, display in sorted(codes[url].items())]
    return systems, concepts


def mentioned_codes(package, expansions):
    for definition in read_definitions(expansions, "ValueSet"):
        yield from expanded(definition["expansion"].get("contains", []))
    for definition in read_definitions(package, "ValueSet"):
        for include in definition["compose"]["include"]:
            for concept in include.get("concept", []):
                yield include["system"], concept["code"], concept.get("display", "")


def expanded(contains):
    for item in contains:
        if "code" in item:
            yield item["system"], item["code"], item.get("display", "")
        yield from expanded(item.get("contains", []))


def unique(rows):
    return [list(row) for row in dict.fromkeys(map(tuple, rows))]
