"""Resources with their versions, in memory."""

import threading

from . import fhirjson, times

# Where the R4 search parameter `date` of a type looks.
DATES = {
    "AllergyIntolerance": ("recordedDate",),
    "Appointment": ("start",),
    "CarePlan": ("period",),
    "CareTeam": ("period",),
    "Composition": ("date",),
    "Consent": ("dateTime",),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "Immunization": ("occurrenceDateTime",),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "RiskAssessment": ("occurrenceDateTime", "occurrencePeriod"),
}
# Other date parameters, by name.
OTHER_DATES = {
    "authoredon": ("authoredOn",),
    "birthdate": ("birthDate",),
    "onset-date": ("onsetDateTime", "onsetPeriod"),
    "recorded-date": ("recordedDate",),
}
TOKENS = ("identifier", "code", "category", "status", "type", "gender", "class")
ALWAYS = 1 << 62


class Row:
    """One version of one resource. `note`: what a correct client must make of it, if that is not
    simply to apply it (a dict, see expect.py)."""

    __slots__ = ("type", "id", "version", "updated", "data", "method", "note", "_facts", "_hashes")

    def __init__(self, type_, id_, version, updated, data, method="PUT", note=None):
        self.type = type_
        self.id = id_
        self.version = version
        self.updated = updated
        self.data = data
        self.method = method
        self.note = note
        self._facts = None
        self._hashes = None

    @property
    def deleted(self):
        return self.method == "DELETE"

    def doc(self):
        """The resource, or an empty one where the bytes are none."""
        try:
            doc = fhirjson.loads(self.data)
            return doc if isinstance(doc, dict) else {}
        except (ValueError, RecursionError):
            return {}

    def facts(self):
        if self._facts is None:
            self._facts = find_facts(self.doc()) if not self.deleted else {}
        return self._facts

    def hashes(self):
        if self._hashes is None:
            self._hashes = fhirjson.hashes(self.data) if not self.deleted else (None, None)
        return self._hashes


def find_facts(doc):
    """What can be searched for: tokens as (system, code), patients as ids, spans of dates."""
    facts = {name: tokens(doc[name]) for name in TOKENS if name in doc}
    patients = []
    for name in ("patient", "subject", "individual", "for"):
        reference = doc.get(name)
        if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
            patients.append(reference["reference"])
    facts["patient"] = patients
    facts["date"] = spans(doc, DATES.get(doc.get("resourceType"), ()))
    for name, elements in OTHER_DATES.items():
        facts[name] = spans(doc, elements)
    names = doc.get("name")
    if isinstance(names, list):
        facts["family"] = [n["family"].lower() for n in names if isinstance(n, dict)
                           and isinstance(n.get("family"), str)]
    return facts


def tokens(value):
    if isinstance(value, list):
        return [token for item in value for token in tokens(item)]
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("coding"), list):
        return tokens(value["coding"])
    code = value.get("value", value.get("code"))
    return [(value.get("system"), code)] if isinstance(code, str) else []


def spans(doc, elements):
    found = []
    for element in elements:
        value = doc.get(element)
        try:
            if isinstance(value, str):
                found.append(times.span(value))
            elif isinstance(value, dict):
                start, end = value.get("start"), value.get("end")
                found.append((times.span(start)[0] if start else -ALWAYS,
                              times.span(end)[1] if end else ALWAYS))
        except (ValueError, TypeError):
            pass
    return found


def order(row):
    return (row.updated, row.id)


class Store:
    """Versions by type and id, each list oldest first. Hold `lock` around several calls that
    belong together."""

    def __init__(self, clock):
        self.clock = clock
        self.lock = threading.RLock()
        self.types = {}
        self.log = []
        self.generations = {}
        self._sorted = {}
        self._identifiers = {}

    def add(self, row):
        with self.lock:
            self.types.setdefault(row.type, {}).setdefault(row.id, []).append(row)
            self.log.append(row)
            self.generations[row.type] = self.generations.get(row.type, 0) + 1
        return row

    def put(self, doc, method="PUT", version=None, updated=None, note=None):
        """Adds a version of `doc`, which has resourceType and id; its meta is ours."""
        with self.lock:
            versions = self.versions(doc["resourceType"], doc["id"])
            version = version or str(len(versions) + 1)
            updated = updated if updated is not None else self.clock.rising()
            meta = {**doc.get("meta", {}), "versionId": version,
                    "lastUpdated": times.instant(updated)}
            head = {"resourceType": doc["resourceType"], "id": doc["id"], "meta": meta}
            data = fhirjson.dumps({**head, **{k: v for k, v in doc.items() if k not in head}})
            return self.add(Row(doc["resourceType"], doc["id"], version, updated, data, method, note))

    def delete(self, type_, id_, note=None):
        with self.lock:
            version = str(len(self.versions(type_, id_)) + 1)
            return self.add(Row(type_, id_, version, self.clock.rising(), b"", "DELETE", note))

    def versions(self, type_, id_):
        return self.types.get(type_, {}).get(id_, [])

    def current(self, type_, id_):
        versions = self.versions(type_, id_)
        return versions[-1] if versions else None

    def rows(self, type_):
        """Current rows that are not deleted, oldest change first. Do not modify."""
        with self.lock:
            generation = self.generations.get(type_, 0)
            known = self._sorted.get(type_)
            if not known or known[0] != generation:
                rows = [v[-1] for v in self.types.get(type_, {}).values() if not v[-1].deleted]
                rows.sort(key=order)
                known = self._sorted[type_] = (generation, rows)
            return known[1]

    def by_identifier(self, type_, value):
        """Current rows that have an identifier with this value, in whatever system."""
        with self.lock:
            seen, index = self._identifiers.get(type_, (0, {}))
            generation = self.generations.get(type_, 0)
            if not seen:
                for row in self.rows(type_):
                    self._index(index, row)
            elif seen != generation:  # the newest versions are the last of the log
                missing = generation - seen
                for row in reversed(self.log):
                    if not missing:
                        break
                    if row.type == type_:
                        self._index(index, row)
                        missing -= 1
            self._identifiers[type_] = (generation, index)
            found = [self.current(type_, id_) for id_ in sorted(index.get(value, ()))]
            return [row for row in found if row and not row.deleted]

    def forget_identifiers(self):
        """After versions were taken back."""
        with self.lock:
            self._identifiers.clear()

    @staticmethod
    def _index(index, row):
        for _, value in row.facts().get("identifier", ()):
            index.setdefault(value, set()).add(row.id)
