"""Which code system the codes of a value set come from, where it is exactly one."""

from package import read_definitions


def code_systems(folder):
    """Maps the url of a value set to its only code system."""
    sets = {v["url"]: v for v in read_definitions(folder, "ValueSet")}
    found = {}
    for url in sets:
        systems = systems_of(url, sets, set())
        if systems and len(systems) == 1 and None not in systems:
            found[url] = systems.pop()
    return found


def systems_of(url, sets, seen):
    """All systems that a value set includes; None among them when it cannot be told."""
    url = url.partition("|")[0]
    if url in seen:
        return set()
    if url not in sets or "include" not in sets[url].get("compose", {}):
        return {None}
    seen.add(url)
    systems = set()
    for include in sets[url]["compose"]["include"]:
        if "system" in include:
            systems.add(include["system"])
        for other in include.get("valueSet", []) if "system" not in include else []:
            systems |= systems_of(other, sets, seen)
    return systems
