"""The tables of fhir/terminology_table.h: code systems, value sets and their texts.

Everything is a number: a position in another table, or of a text in one blob of
texts, each with its size in two bytes in front. Lists of codes are sorted by bytes
(in lower case where case does not matter) for binary search.
"""

from package import read_facts

NOBODY = 0xFFFFFFFF
CONTENTS = {
    "complete": "CONTENT_COMPLETE",
    "fragment": "CONTENT_PART",
    "example": "CONTENT_PART",
    "not-present": "CONTENT_PART",
    "mime": "CONTENT_MIME",
    "languages": "CONTENT_LANGUAGES",
    "units": "CONTENT_UNITS",
}
HIERARCHY = {
    "is-a": "CLAUSE_IS_A",
    "descendent-of": "CLAUSE_BELOW",
    "is-not-a": "CLAUSE_IS_NOT_A",
}


def table_hash(data):
    """As table_hash() in fhir/terminology_table.h computes it."""
    value = len(data)
    for start in range(0, len(data), 8):
        part = int.from_bytes(data[start:start + 8], "little")
        value = (value ^ part) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        value ^= value >> 32
    return value & 0xFFFFFFFF


class Texts:
    """Texts one behind the other, equal ones once. Position 0 is no text."""

    def __init__(self):
        self.parts = [b"\0\0"]
        self.size = 2
        self.places = {}

    def place(self, text):
        if not text:
            return 0
        if text not in self.places:
            data = text.encode("utf-8")
            self.places[text] = self.size
            self.parts.append(len(data).to_bytes(2, "little") + data)
            self.size += 2 + len(data)
        return self.places[text]

    def lines(self):
        """String literals. Octal escapes have three digits, so that none runs into what follows."""
        return ['"' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}"
                              for b in part) + '"' for part in self.parts]


class Names:
    """Urls, bare and with "|version", and what they stand for."""

    def __init__(self, texts):
        self.texts = texts
        self.rows = []
        self.numbers = {}
        self.longer = {}  # a bare url is the beginning of the text of one with a version

    def number(self, name, **meaning):
        if name not in self.numbers:
            self.numbers[name] = len(self.rows)
            self.rows.append({"name": name, "set": NOBODY, "system": NOBODY})
        self.rows[self.numbers[name]].update(meaning)
        return self.numbers[name]

    def define(self, url, version, **meaning):
        """The number of the bare url."""
        if version:
            self.longer[url] = f"{url}|{version}"
            self.number(f"{url}|{version}", **meaning)
        return self.number(url, **meaning)

    def lines(self):
        return [f'{{{self.texts.place(self.longer.get(row["name"], row["name"]))}, {len(row["name"].encode())}, '
                f'{row["set"]}U, {row["system"]}U}},' for row in self.rows]

    def slots(self):
        size = 1
        while size < 2 * len(self.rows):
            size *= 2
        table = [NOBODY] * size
        for position, row in enumerate(self.rows):
            slot = table_hash(row["name"].encode()) % size
            while table[slot] != NOBODY:
                slot = (slot + 1) % size
            table[slot] = position
        return [" ".join(f"{entry}U," for entry in table[i:i + 16]) for i in range(0, size, 16)]


class Codes:
    """Lists of codes and what stands above them."""

    def __init__(self, texts):
        self.texts = texts
        self.rows = []
        self.parents = [NOBODY]

    def place(self, concepts, nocase):
        """Where the sorted list begins; its concepts are (code, display, parents)."""
        start = len(self.rows)
        ordered = sorted(concepts, key=lambda c: order(c[0], nocase))
        positions = {concept[0]: start + i for i, concept in enumerate(ordered)}
        for code, display, parents in ordered:
            self.rows.append((self.texts.place(code), self.texts.place(display),
                              self.place_parents([positions[p] for p in parents])))
        return start, positions

    def place_parents(self, parents):
        if not parents:
            return 0
        place = len(self.parents)
        self.parents += parents + [NOBODY]
        return place


def order(code, nocase):
    data = code.encode("utf-8")
    return data.lower() if nocase else data


def generate_terminology(facts):
    """Maps file names to lines."""
    texts = Texts()
    names, codes = Names(texts), Codes(texts)
    systems, designations, nocase = place_systems(facts, texts, names, codes)
    sets, clauses, imports = place_sets(facts, texts, names, codes, nocase)
    name_lines = names.lines()
    return {
        "term_text_table.inc": texts.lines(),
        "term_name_table.inc": name_lines,
        "term_name_slots.inc": names.slots(),
        "term_code_table.inc": [f"{{{c}, {d}, {p}}}," for c, d, p in codes.rows],
        "term_parent_table.inc": [f"{p}U," for p in codes.parents],
        "term_designation_table.inc": [f"{{{c}, {t}}}," for c, t in designations],
        "term_system_table.inc": systems,
        "term_set_table.inc": sets,
        "term_clause_table.inc": clauses,
        "term_import_table.inc": [f"{i}," for i in imports] or ["0,"],
    }


def grouped(rows, *columns):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[c] for c in columns), []).append(row)
    return groups


def place_systems(facts, texts, names, codes):
    concepts = grouped(read_facts(facts / "concepts.tsv"), "system")
    spoken = grouped(read_facts(facts / "designations.tsv"), "system")
    rows, designations, nocase = [], [], {}
    for system in read_facts(facts / "code_systems.tsv"):
        if system["content"] == "supplement":
            continue  # of R4 only an example has one
        nocase[system["url"]] = system["case_sensitive"] == "false"
        listed = [(c["code"], c["display"], [p for p in c["parents"].split("|") if p])
                  for c in concepts.get((system["id"],), [])]
        start, positions = codes.place(listed, nocase[system["url"]])
        designations += [(positions[d["code"]], texts.place(d["designation"]))
                         for d in spoken.get((system["id"],), [])]
        number = names.define(system["url"], system["version"], system=len(rows))
        rows.append(f'{{{number}, {texts.place(system["version"])}, {{{start}, {len(listed)}}}, '
                    f'{CONTENTS[system["content"]]}, {int(nocase[system["url"]])}}},')
    return rows, sorted(designations), nocase


def place_sets(facts, texts, names, codes, nocase):
    all_clauses = grouped(read_facts(facts / "value_set_clauses.tsv"), "value_set")
    all_codes = grouped(read_facts(facts / "value_set_codes.tsv"), "value_set", "number")
    rows, lines, imports = [], [], []
    for value_set in read_facts(facts / "value_sets.tsv"):
        clauses = all_clauses.get((value_set["id"],), [])
        number = names.define(value_set["url"], value_set["version"], set=len(rows))
        rows.append(f'{{{number}, {texts.place(value_set["version"])}, '
                    f"{len(lines)}, {len(clauses)}}},")
        for clause in clauses:
            listed = all_codes.get((value_set["id"], clause["number"]), [])
            lines.append(clause_line(clause, listed, imports, texts, names, codes, nocase))
    return rows, lines, imports


def clause_line(clause, listed, imports, texts, names, codes, nocase):
    url, version = clause["system"], clause["version"]
    either_case = nocase.get(url, False)
    once = {c["code"]: (c["code"], c["display"], []) for c in listed}
    start, _ = codes.place(once.values(), either_case)
    system = names.number(url) if url else NOBODY
    meant = names.number(f"{url}|{version}") if version else system
    others = [names.number(url) for url in clause["value_sets"].split("|") if url]
    imports += others
    return (f"{{{system}U, {meant}U, {{{start}, {len(once)}}}, {texts.place(clause['value'])}, "
            f"{len(imports) - len(others)}, {len(others)}, {kind_of(clause, listed)}, "
            f"{int(clause['effect'] == 'exclude')}, {int(either_case)}}},")


def kind_of(clause, listed):
    if listed:
        return "CLAUSE_CODES"
    if not clause["system"]:
        return "CLAUSE_SETS"
    if not clause["op"]:
        return "CLAUSE_ALL"
    if clause["property"] == "concept" and clause["op"] in HIERARCHY:
        return HIERARCHY[clause["op"]]
    if clause["property"] == "canonical" and clause["system"] == "http://unitsofmeasure.org":
        return "CLAUSE_UNITS"
    return "CLAUSE_UNDECIDED"
