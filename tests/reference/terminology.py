"""Value sets and hierarchies of the published CodeSystems and ValueSets, as far as they are simple."""


class Terminology:
    """Systems that are complete; value sets that only include, without filters and other sets."""

    def __init__(self, documents):
        self.above = {} # system -> {code: codes directly above}
        self.sets = {}  # value set -> {(system, code)}
        for _, system in documents("CodeSystem"):
            if system.get("content") == "complete" and system.get("concept"):
                self.above[system["url"]] = self.hierarchy(system["concept"], {}, None)
        for _, value_set in documents("ValueSet"):
            codes = self.codes_of(value_set.get("compose", {}))
            if codes:
                self.sets[value_set["url"]] = codes

    def hierarchy(self, concepts, above, parent):
        for concept in concepts:
            code = concept["code"]
            own = above.setdefault(code, set())
            if parent:
                own.add(parent)
            for one in concept.get("property", []):
                if one["code"] in ("parent", "subsumedBy"):
                    own.add(one["valueCode"])
                elif one["code"] == "child":
                    above.setdefault(one["valueCode"], set()).add(code)
            self.hierarchy(concept.get("concept", []), above, code)
        return above

    def codes_of(self, compose):
        found = set()
        for include in compose.get("include", []):
            system = include.get("system")
            if compose.get("exclude") or not {"system", "concept"}.issuperset(include):
                return None
            if "concept" in include:
                found.update((system, one["code"]) for one in include["concept"])
            elif system in self.above:
                found.update((system, code) for code in self.above[system])
            else:
                return None
        return found

    def is_below(self, system, code, ancestor):
        """Whether `code` is `ancestor` or stands below it."""
        above = self.above.get(system, {})
        seen, ahead = set(), {code}
        while ahead:
            if ancestor in ahead:
                return True
            seen |= ahead
            ahead = {up for one in ahead for up in above.get(one, ())} - seen
        return False
