"""Faults of content: data that stand beside the good data, and what becomes of them.

Every resource here carries a note: the outcome that a correct client reaches.
applied    held as it is served
either     held unaltered, or dead-lettered
dead       dead-lettered
retracted  held, hidden
deleted    gone, its history kept
quarantine not applied before somebody has decided
absent     never a record of its own
"""

import base64
import hashlib

from . import fhirjson, times
from .faults import Fault
from .sample import TERMS, concept

MRN = "http://rogue.example/mrn"
BACK = 3600 * 1000


class Put:
    """One version. `doc` is a resource or, where it is none, bytes. `extra`: stands in searches
    beside the current version of the same id."""

    def __init__(self, type_, id_, doc, outcome="applied", why="", **more):
        self.type = type_
        self.id = id_
        self.doc = doc
        self.note = {"outcome": outcome, "why": why}
        if "class_" in more:
            self.note["class"] = more.pop("class_")
        self.version = more.pop("version", None)
        self.updated = more.pop("updated", None)
        self.raw_meta = more.pop("raw_meta", False)
        self.extra = more.pop("extra", False)
        self.method = more.pop("method", "PUT")
        assert not more, more


def person(id_, family, birth="1970-01-01", given="Robin", **more):
    return {"resourceType": "Patient", "id": id_, "active": True,
            "identifier": [{"system": MRN, "value": id_}],
            "name": [{"family": family, "given": [given]}], "gender": "other", "birthDate": birth,
            **more}


def measured(id_, subject, value=70, status="final", **more):
    return {"resourceType": "Observation", "id": id_, "status": status,
            "code": concept("http://loinc.org", "8867-4", "Heart rate"),
            "subject": subject if isinstance(subject, dict) else {"reference": subject},
            "effectiveDateTime": "2024-02-03T10:00:00Z",
            "valueQuantity": {"value": value, "unit": "/min",
                              "system": "http://unitsofmeasure.org", "code": "/min"}, **more}


def document(id_, attachment):
    return {"resourceType": "DocumentReference", "id": id_, "status": "current",
            "subject": {"reference": "Patient/w56-patient"}, "content": [{"attachment": attachment}]}


def patient(id_, outcome="applied", why="", family="Rogue", **more):
    options = {k: more.pop(k) for k in ("version", "updated", "class_", "extra") if k in more}
    return Put("Patient", id_, person(id_, family, **more), outcome, why, **options)


def observation(id_, subject, outcome="applied", why="", **more):
    options = {k: more.pop(k) for k in ("version", "updated", "class_", "extra") if k in more}
    return Put("Observation", id_, measured(id_, subject, **more), outcome, why, **options)


plain = patient


# Content of rows that are otherwise about transport or paging

def huge(size, small, at):
    data = base64.b64encode(b"%PDF-1.4\n" + b"rogue " * (size // 6)).decode()
    small = [Put("Binary", f"w07-small-{i}", scan(f"w07-small-{i}", "cm9ndWU=")) for i in range(small)]
    small.insert(at, Put("Binary", "w07-huge", scan("w07-huge", data), "either",
                         "larger than the line limit: dead-lettered as too_large",
                         class_="too_large"))
    return [patient("w07-patient"), *small]


def scan(id_, data):
    return {"resourceType": "Binary", "id": id_, "contentType": "application/pdf", "data": data}


def letters(invalid):
    names = ("Ångström", "東京", "Ω≈ç√∫", "👩‍⚕️👨‍👩‍👧‍👦", "שלום", "Nguyễn")
    puts = [patient(f"w08-{i}", family=name) for i, name in enumerate(names)]
    if invalid:
        good = fhirjson.dumps(person("w08-latin", "Müller"))
        puts.append(Put("Patient", "w08-latin", good.replace("ü".encode(), b"\xfc"), "dead",
                        "not UTF-8; never to be repaired", class_="utf8"))
    return puts


def odd_times(world):
    now = world.born
    cases = (("future", times.instant(now + 366 * times.DAY)), ("typo", "3023-05-01T08:00:00Z"),
             ("leap", "2016-12-31T23:59:60Z"), ("month", "2024-03"), ("year", "2023"),
             ("no-zone", "2024-03-01T10:00:00"), ("nanos", "2024-03-01T10:00:00.123456789Z"),
             ("offset", "2024-03-01T10:00:00+14:00"))
    puts = []
    for name, text in cases:
        doc = person(f"w28-{name}", "Clock")
        doc["meta"] = {"versionId": "1", "lastUpdated": text}
        puts.append(Put("Patient", doc["id"], doc, "applied", "keep the row, clamp the high-water mark",
                        version="1", updated=times.span(text)[0], raw_meta=True))
    return puts


class Content(Fault):
    """Content alone: `build(phase)` says what appears with each phase."""

    def content(self, phase):
        return self.build(phase)


class BadUnit(Content):
    """W-43"""

    def build(self, phase):
        bad = {"entry": b"null",
               "no-type": b'{"id":"w43-bad","active":true}',
               "json": b'{"resourceType":"Patient","id":"w43-bad","birthDate":[}',
               "quote": b'{"resourceType":"Patient","id":"w43-bad","name":[{"text":"is "Bob", he}]}',
               "bundle": b'{"resourceType":"Bundle","id":"w43-bad","type":"collection","entry":['
                         b'{"resource":{"resourceType":"Patient","id":"w43-in"}},'
                         b'{"resource":{"resourceType":"Patient","id":"w43-out"}}}'}
        puts = [patient("w43-before"), patient("w43-after")]
        for i, form in enumerate(self.forms):
            puts.insert(1, Put("Patient", f"w43-bad-{i}", bad[form], "dead",
                               "one bad row; the others go on", class_="parse"))
        return puts


class SameId(Content):
    """W-45"""

    def build(self, phase):
        at = self.world.born - BACK
        return [patient("w45-disorder", family="Second", version="2", updated=at + 2, extra=True),
                patient("w45-disorder", family="First", version="1", updated=at + 1, extra=True),
                patient("w45-disorder", family="Third", version="3", updated=at + 3),
                patient("w45-tenth", family="Ninth", version="9", updated=at + 4, extra=True),
                patient("w45-tenth", family="Tenth", version="10", updated=at + 5),
                patient("w45-clock", family="Old", version="1", updated=at + 6, extra=True),
                patient("w45-clock", family="New", version="1", updated=at + 9)]


class Ids(Content):
    """W-46"""

    IDS = ("l" * 64, "m" * 65, "e" + "x7Q.-" * 40 + "3", "big" + "y" * 1021, "under_score", "pl+us=",
           "tilde~bang!", "per%cent", "sp ace", "co:lon|bar", "ümlaut")
    OVER = "over" + "z" * 1100

    def build(self, phase):
        puts = []
        for i, id_ in enumerate(self.IDS):
            puts.append(patient(id_, "applied", "an id is opaque text up to 1024"))
            puts.append(observation(f"w46-{i}", f"Patient/{id_}"))
        return puts + [patient(self.OVER, "dead", "an id above 1024", class_="no_id")]


class Collision(Content):
    """W-47"""

    def build(self, phase):
        party = self.params.get("party", "a")
        return [Put("Patient", "123", person("123", f"Party-{party}", given=party, identifier=[
                    {"system": f"http://{party}.rogue.example/mrn", "value": "123"}])),
                observation("1", "Patient/123", value=60 + len(party) + sum(party.encode()) % 50)]


class Reissued(Content):
    """W-48"""

    def phases(self):
        return 2

    def build(self, phase):
        if phase == 1:
            return ([patient("w48-reissued", family="Abel", birth="1950-05-05"),
                     observation("w48-abel", "Patient/w48-reissued"),
                     patient("w48-married", family="Maiden", birth="1980-01-01"),
                     patient("w48-old", family="Moved")])
        puts = []
        if "reissue" in self.forms:
            puts = [patient("w48-reissued", "quarantine", "birth date and family both changed",
                            family="Zorn", birth="1999-09-09", class_="identity_conflict"),
                    patient("w48-married", family="Married", birth="1980-01-01")]
        if "renumber" in self.forms:
            moved = person("w48-new", "Moved")
            moved["identifier"][0]["value"] = "w48-old"
            puts += [Put("Patient", "w48-old", None, "deleted", "has another id now", method="DELETE"),
                     Put("Patient", "w48-new", moved)]
        return puts


class Invalid(Content):
    """W-49"""

    def build(self, phase):
        def spoilt(case, outcome, why, **change):
            doc = person(f"w49-{case}", "Invalid")
            doc.update(change)
            return Put("Patient", doc["id"], doc, outcome, why,
                       **({"class_": "structural"} if outcome == "dead" else {}))

        def bytes_of(name, data, why, class_):
            return Put("Patient", f"w49-{name}", data, "dead", why, class_=class_)

        base = {"meta": {"versionId": "1", "lastUpdated": times.instant(self.world.born)}}
        ours = fhirjson.dumps({**person("w49-twice", "Invalid"), **base})
        return [
            patient("w49-good"),
            spoilt("code", "either", "a code that is not in its required value set", gender="unknowable"),
            spoilt("array", "dead", "an array where one value belongs", gender=["male"]),
            spoilt("single", "dead", "one value where an array belongs", name={"family": "Invalid"}),
            spoilt("extra", "either", "an element R4 does not know", shoeSize=43),
            spoilt("empty", "either", "an empty string", birthDate=""),
            spoilt("null", "either", "null", birthDate=None),
            spoilt("date", "either", "no date", birthDate="02/30/1970"),
            spoilt("number", "either", "a number as text and a boolean as text", active="true"),
            Put("MedicationRequest", "w49-r5", {
                "resourceType": "MedicationRequest", "id": "w49-r5", "status": "active",
                "intent": "order", "medication": {"concept": {"text": "aspirin"}},
                "subject": {"reference": "Patient/w49-good"}}, "either", "the shape of R5"),
            Put("Encounter", "w49-r5", {
                "resourceType": "Encounter", "id": "w49-r5", "status": "completed",
                "class": [concept(TERMS + "v3-ActCode", "AMB", "ambulatory")],
                "subject": {"reference": "Patient/w49-good"}}, "either", "the shape of R5"),
            bytes_of("no-id", b'{"resourceType":"Patient","active":true}', "no id", "no_id"),
            bytes_of("unknown", b'{"resourceType":"Patience","id":"w49-unknown"}', "no such type",
                     "not_fhir"),
            bytes_of("other", b'{"resourceType":"Basic","id":"w49-other","code":{"text":"x"}}',
                     "another type than was asked for", "wrong_type"),
            Put("Patient", "w49-twice", ours[:-1] + b',"gender":"male"}', "either",
                "a key that comes twice")]


class References(Content):
    """W-50. Each Observation is about w50-patient, except as its note says."""

    def build(self, phase):
        base = self.world.base
        target = "w50-patient"
        cases = {
            "relative": {"reference": f"Patient/{target}"},
            "absolute": {"reference": f"{base}/Patient/{target}"},
            "alias": {"reference": f"https://fhir-int.hospital.internal/fhir/Patient/{target}"},
            "versioned": {"reference": f"Patient/{target}/_history/1"},
            "logical": {"identifier": {"system": MRN, "value": target}},
            "urn": {"reference": "urn:uuid:7f1d2c3b-0000-4000-8000-00000000a050"},
            "broken": {"reference": "Patient/w50-nobody"},
            "elsewhere": {"reference": "https://other.rogue.example/fhir/Patient/1"},
            "display": {"display": "somebody"},
        }
        puts = [patient(target)]
        for name, subject in cases.items():
            puts.append(observation(f"w50-{name}", subject, "applied", f"a reference: {name}"))
        puts.append(observation("w50-contained", "#p", "applied", "a reference: contained",
                                contained=[{"resourceType": "Patient", "id": "p", "gender": "other"}]))
        return puts


class Merged(Content):
    """W-51"""

    def phases(self):
        return 3

    def build(self, phase):
        a, b = person("w51-a", "Merge", given="Ann"), person("w51-b", "Merge", given="Anne")
        if phase == 2:
            a["link"] = [{"other": {"reference": "Patient/w51-b"}, "type": "replaces"}]
            b.update(active=False, link=[{"other": {"reference": "Patient/w51-a"},
                                          "type": "replaced-by"}])
        puts = [Put("Patient", "w51-a", a), Put("Patient", "w51-b", b)]
        if phase == 1:
            puts += [observation("w51-1", "Patient/w51-a"), observation("w51-2", "Patient/w51-b")]
        return puts


class Entered(Content):
    """W-52"""

    def phases(self):
        return 2

    def build(self, phase):
        wrong = phase == 2
        outcome = ("retracted", "entered in error") if wrong else ("applied", "")
        subject = {"reference": "Patient/w52-patient"}
        allergy = {"resourceType": "AllergyIntolerance", "id": "w52-allergy", "patient": subject,
                   "verificationStatus": concept(
                       TERMS + "allergyintolerance-verification",
                       "entered-in-error" if wrong else "confirmed",
                       "Entered in Error" if wrong else "Confirmed"),
                   "code": {"text": "penicillin"}}
        if not wrong:
            allergy["clinicalStatus"] = concept(TERMS + "allergyintolerance-clinical", "active", "Active")
        problem = {"resourceType": "Condition", "id": "w52-problem", "subject": subject,
                   "verificationStatus": concept(
                       TERMS + "condition-ver-status", "entered-in-error" if wrong else "confirmed",
                       "Entered in Error" if wrong else "Confirmed"),
                   "code": {"text": "asthma"}}
        puts = [observation("w52-result", "Patient/w52-patient", *outcome,
                            status="entered-in-error" if wrong else "final"),
                Put("AllergyIntolerance", "w52-allergy", allergy, *outcome),
                Put("Condition", "w52-problem", problem, *outcome)]
        return puts + ([] if wrong else [patient("w52-patient")])


class Regression(Content):
    """W-53. What is served is old; the note names the version to be kept."""

    def phases(self):
        return 2

    def build(self, phase):
        at = self.world.born - BACK
        if phase == 1:
            return [patient("w53-version", family="Fifth", version="5", updated=at),
                    patient("w53-both", family="Fifth", version="5", updated=at)]
        why = "keep version 5; this is a branch of its history"
        return [patient("w53-version", "kept", why, family="Third", version="3",
                        class_="version_regression"),
                patient("w53-both", "kept", why, family="Third", version="3", updated=at - BACK,
                        class_="version_regression")]


class Echo(Content):
    """W-54: what is written here appears a second time, under a new id."""

    def __init__(self, row, world, params):
        super().__init__(row, world, params)
        self.ids = {}

    def build(self, phase):
        return []

    def wrote(self, row):
        form = self.forms[len(self.ids) % len(self.forms)]
        if row.deleted or row.id.startswith("echo-"):
            return
        id_ = self.ids.setdefault(f"{row.type}/{row.id}", f"echo-{len(self.ids) + 1}")
        doc = rewritten(row.doc(), {old: f"{old.split('/')[0]}/{new}" for old, new in self.ids.items()})
        doc["id"] = id_
        doc["meta"] = {"source": "http://rogue.example/echo"}
        if form == "narrative":
            doc["text"] = {"status": "generated",
                           "div": '<div xmlns="http://www.w3.org/1999/xhtml">A copy</div>'}
        elif form == "no-identifier":
            doc.pop("identifier", None)
        self.world.apply([Put(row.type, id_, doc, "absent", "an echo of what was written here")])


def rewritten(value, names):
    if isinstance(value, dict):
        return {k: names.get(v, v) if k == "reference" and isinstance(v, str) else rewritten(v, names)
                for k, v in value.items()}
    return [rewritten(v, names) for v in value] if isinstance(value, list) else value


class Systems(Content):
    """W-55"""

    OID = "2.16.840.1.113883.19.5"

    def build(self, phase):
        systems = {"none": None, "urn": f"urn:oid:{self.OID}", "bare": self.OID,
                   "upper": f"URN:OID:{self.OID}", "url": "http://hospital.rogue.example/mrn",
                   "slash": "http://hospital.rogue.example/mrn/", "words": "MRN"}
        puts = []
        for name, system in systems.items():
            identifier = {"value": "4711"} if system is None else {"system": system, "value": "4711"}
            puts.append(Put("Patient", f"w55-{name}", person(f"w55-{name}", f"System-{name}",
                                                             identifier=[identifier])))
        return puts


class Attachments(Content):
    """W-56. The documents are sound; what they point to is served by world.attachment()."""

    NAMES = ("good", "expired", "gone", "html", "token", "size", "hash", "outcome", "storage")

    def build(self, phase):
        good = attachment_bytes()
        puts = [patient("w56-patient")]
        for name in self.NAMES:
            where = f"{self.world.base}/attachment/{name}"
            if name == "storage":
                where = self.world.server.storage_base() + f"{self.world.prefix}/attachment/good"
            puts.append(Put("DocumentReference", f"w56-{name}", document(f"w56-{name}", {
                "contentType": "application/pdf", "url": where, "size": len(good),
                "hash": attachment_hash(good), "title": name})))
        for name in ("relative", "absolute", "size", "hash", "unsaid"):
            said = {"contentType": "application/pdf", "url": f"Binary/w56-{name}", "size": len(good),
                    "hash": attachment_hash(good), "title": name}
            if name == "absolute":
                said["url"] = f"{self.world.base}/{said['url']}"
            said |= {"size": {"size": len(good) + 1}, "hash": {"hash": attachment_hash(b"another")},
                     "unsaid": {"size": None, "hash": None}}.get(name, {})
            puts.append(Put("DocumentReference", f"w56-binary-{name}", document(
                f"w56-binary-{name}", {k: v for k, v in said.items() if v is not None})))
            puts.append(Put("Binary", f"w56-{name}", scan(
                f"w56-{name}", base64.b64encode(good).decode())))
        return puts


def attachment_bytes():
    return b"%PDF-1.4\n" + b"% a small document\n" * 40 + b"%%EOF\n"


def attachment_hash(data):
    return base64.b64encode(hashlib.sha1(data).digest()).decode()


class Poison(Content):
    """W-57: the content. The links are in poison.py."""

    def build(self, phase):
        server = self.world.server
        script = ('<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script>'
                  '<img src="x" onerror="alert(2)"/><a href="javascript:alert(3)">x</a></div>')
        targets = {"metadata": "http://169.254.169.254/latest/meta-data/iam/",
                   "file": "file:///etc/passwd", "internal": server.internal_url(),
                   "gopher": "gopher://127.0.0.1:6379/_INFO",
                   "bomb": f"{self.world.base}/attachment/bomb"}
        deep = b'{"resourceType":"Patient","id":"w57-deep","extension":' + b'[{"extension":' * 5000
        deep += b"[]" + b"}]" * 5000 + b"}"
        puts = [patient("w56-patient"), patient("w57-name", family='<script>alert("name")</script>'),
                patient("../../etc/passwd", "either", "an id with ../", class_="structural"),
                patient("..", "either", "an id that is ..", class_="structural"),
                patient("a'; DROP TABLE patient; --", "applied", "an id with quotes"),
                patient("w57-script", "applied", "a script in the narrative; clean on output",
                        text={"status": "generated", "div": script}),
                patient("w57-nul", "either", "U+0000 in a string", family="nul\u0000byte"),
                observation("w57-number", "Patient/w57-name", "either", "a number without bounds",
                            value=fhirjson.Exact("1e999999999"))]
        if "deep-row" in self.forms:
            puts.append(Put("Patient", "w57-deep", deep, "dead", "10,000 levels deep",
                            class_="structural"))
        for name, url in targets.items():
            puts.append(Put("DocumentReference", f"w57-{name}", document(
                f"w57-{name}", {"contentType": "application/pdf", "url": url}), "applied",
                "its attachment is never fetched without being allowed"))
        return puts
