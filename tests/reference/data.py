"""Resources that are valid and yet hard to search: seeded, the same for the same seed.

resources(seed, count) gives the current state of what was written; history(...) the writes that
lead there: first versions that differ, and resources that are deleted again.
"""

import copy
import json
import random
import re
from decimal import Decimal

from values import date_span

LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem/"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
PROFILE = "http://example.org/StructureDefinition/"

FAMILIES = ["Müller", "MULLER", "Muller", "O'Brien", "O’Brien", "OBrien", "Smith-Jones",
            "Smith Jones", "O'Brien-Smith", "obrien smith", "SmithJones", "St. John", "St.John",
            "\ufb01eld", "Smithe", "smith", "Ångström", "Angstrom", "Łukasz", "Lukasz", "Æther",
            "Aether", "Straße", "STRASSE", "van  der Berg", "van der Berg", "de la Cruz", "Đặng",
            "Nguyễn", "Иванов", "иванова", "Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ", "山田", "김", "X",
            "José", "Jose\u0301", "Œuvre", "a,b", "c|d", "e$f", "g\\h", "100%", "Þór",
            "İstanbul", "Smith & Sons", "  lead", "D.", "\U0001F600", "ÿ"]
GIVENS = ["Anna", "ANNA", "Ánna", "Ann", "Annabelle", "Jean-Luc", "Jean Luc", "J.", "Zoë", "Zoe",
          "Peter", "Petr", "Пётр", "Петр", "O", "Renée", "Noël", "太郎", "Søren", "Soren", "Bjørn",
          "María José", "Maria Jose", "Δημήτρης"]
CITIES = ["Zürich", "Zurich", "St. Gallen", "St Gallen", "São Paulo", "'s-Hertogenbosch",
          "New York", "new  york", "Newark", "Łódź", "Köln", "Москва", "Aix-en-Provence"]
CODES = [(LOINC, "8480-6", "Systolic blood pressure"), (LOINC, "8462-4", "Diastolic"),
         (LOINC, "2339-0", "Glucose [Mass/volume] in Blood"), (LOINC, "718-7", "Hemoglobin"),
         (LOINC, "85354-9", "Blood pressure panel"), (SNOMED, "38341003", "Hypertension"),
         (SNOMED, "44054006", "Diabetes mellitus type 2"), (SNOMED, "718-7", "Not LOINC's"),
         (None, "8480-6", None), (None, "local", "Local code"), ("urn:oid:1.2.3", "LOCAL", None),
         ("urn:oid:1.2.3", "local", "Lower"), ("http://example.org/a|b", "x,y", "Punctuated"),
         ("http://example.org/cs", "a$b", None), ("http://example.org/cs", "back\\slash", None),
         ("http://example.org/cs", "Ünïcode", "Ünïcode"), (LOINC, None, "Only a display"),
         ("http://example.org/cs", "with space", "With space")]
UNITS = [(UCUM, "mg", "mg"), (UCUM, "Mg", "megagram"), (UCUM, "mm[Hg]", "mmHg"),
         (UCUM, "mg/dL", "mg/dl"), (UCUM, "kg", "kg"), (UCUM, "g", "gram"), (None, None, "mg"),
         (None, None, None), (None, None, "tablets"), ("http://example.org/units", "mg", "mg"),
         ("http://example.org/units", "TAB", "tablets"), (SNOMED, "258684004", "milligram")]
NUMBERS = ["0", "0.0", "1", "1.0", "1.00", "5", "5.4", "5.40", "5.400", "5.45", "5.35", "100",
           "100.0", "99.5", "100.5", "100.4", "99.49", "-1", "-0.5", "0.001", "0.0010", "1e2",
           "1.5e-3", "12345678.9", "120", "119.6", "80", "7.25", "0.33", "1000000", "2.50"]
DATES = ["1950", "1980-02", "1980-02-29", "1999-12-31", "2000-01-01", "2012-06-30", "2019",
         "2019-12", "2020", "2020-01", "2020-02-29", "2020-03-01", "2020-05-17", "2021-11-07"]
TIMES = ["2020-05-17T10:30:00Z", "2020-05-17T10:30:00+02:00", "2020-05-17T23:30:00-05:00",
         "2020-05-18T00:30:00+14:00", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59.999Z",
         "2019-12-31T23:59:59Z", "2020-01-01T00:00:00+01:00", "2020-02-29T12:00:00.5Z",
         "2020-02-29T12:00:00.123456Z", "2021-11-07T01:30:00-04:00", "2021-11-07T01:30:00-05:00",
         "2020-05-17T10:30:59.999+05:30", "2016-12-31T23:59:60Z", "1969-12-31T23:59:59Z", "2012-06-30T23:59:59Z"]
URIS = ["http://example.org/fhir/ValueSet/a", "http://example.org/fhir/ValueSet/ab",
        "http://example.org/fhir/ValueSet/a/b", "http://example.org/fhir/ValueSet",
        "http://example.org/fhir/", "http://example.org/fhir", "http://EXAMPLE.org/fhir/ValueSet/a",
        "urn:oid:1.2.840.1", "urn:oid:1.2.840.1.5",
        "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "https://example.org/fhir/ValueSet/a"]
PATIENTS = 60

COUNTS = {"Patient": PATIENTS, "Practitioner": 20, "Organization": 15, "Location": 15,
          "Encounter": 60, "Condition": 80, "Observation": 250, "MedicationRequest": 50,
          "Procedure": 50, "DiagnosticReport": 50, "Immunization": 30, "AllergyIntolerance": 40,
          "ServiceRequest": 50, "Appointment": 40, "RiskAssessment": 40, "CarePlan": 30,
          "ValueSet": 30, "Group": 8, "Device": 8, "MolecularSequence": 25}


def dump(value):
    """JSON that keeps the digits of decimals."""
    if isinstance(value, Decimal):
        return value.as_text if isinstance(value, Number) else str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


class Number(Decimal):
    """A decimal that is written as it was read."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.as_text = text
        return made

    def __deepcopy__(self, memo):
        return self


def load(text):
    return json.loads(text, parse_float=Number)


class Maker:
    def __init__(self, seed, base):
        self.random = random.Random(f"data {seed}")
        self.base = base

    # ---- chance

    def one(self, items):
        return self.random.choice(items)

    def chance(self, share):
        return self.random.random() < share

    def many(self, make, most, least=0):
        return [make() for _ in range(self.random.randint(least, most))]

    def ref_to(self, kind):
        return f"{kind}/{self.identity(kind, self.random.randrange(COUNTS[kind]))}"

    @staticmethod
    def identity(kind, number):
        return f"{kind.lower() if number % 3 else kind}-{number}"

    # ---- datatypes

    def long(self, text):
        """Longer than the 256 bytes that an index may keep; the difference may come late."""
        size = self.one([250, 256, 257, 300, 1000])
        return (text + " ") * (size // (len(text) + 1)) + self.one(["end", "END", "other", "é"])

    def text(self, items):
        return self.long(self.one(items[:4])) if self.chance(0.03) else self.one(items)

    def number(self):
        text = self.one(NUMBERS)
        if self.chance(0.3):
            text = f"{self.random.uniform(0, 200):.{self.random.randint(0, 4)}f}"
        return Number(text)

    def date(self):
        if self.chance(0.3):
            return f"{self.random.randint(1930, 2022)}-{self.random.randint(1, 12):02}" \
                   f"-{self.random.randint(1, 28):02}"
        return self.one(DATES)

    def instant(self):
        if self.chance(0.4):
            return f"{self.random.randint(2018, 2022)}-{self.random.randint(1, 12):02}" \
                   f"-{self.random.randint(1, 28):02}T{self.random.randint(0, 23):02}" \
                   f":{self.random.randint(0, 59):02}:{self.random.randint(0, 59):02}" \
                   + self.one(["Z", "+01:00", "-05:00", ".250Z", "+05:45"])
        return self.one(TIMES)

    def moment(self):
        return self.date() if self.chance(0.4) else self.instant()

    def period(self):
        ends = sorted([self.moment(), self.moment()])
        if date_span(ends[0])[1] >= date_span(ends[1])[0]: # per-1
            ends[1] = "2023-01-01"
        shape = self.random.random()
        if shape < 0.25:
            return {"start": ends[0]}
        if shape < 0.4:
            return {"end": ends[1]}
        return {"start": ends[0], "end": ends[1]}

    def timing(self):
        made = {}
        if self.chance(0.7):
            made["event"] = self.many(self.moment, 3, 1)
        if self.chance(0.4) or not made:
            made["repeat"] = {"boundsPeriod": self.period()}
        return made

    def quantity(self, comparators=True):
        system, code, unit = self.one(UNITS)
        made = {"value": self.number()}
        if comparators and self.chance(0.15):
            made["comparator"] = self.one(["<", "<=", ">", ">="])
        for name, value in (("unit", unit), ("system", system), ("code", code)):
            if value:
                made[name] = value
        return made

    def range(self):
        low, high = sorted([self.number(), self.number()])
        unit = {"unit": "years", "system": UCUM, "code": "a"}
        made = {"low": dict(value=low, **unit), "high": dict(value=high, **unit)}
        if self.chance(0.3):
            del made[self.one(["low", "high"])]
        return made

    def age(self):
        return {"value": Number(self.one(["0.5", "5", "5.0", "5.40", "40", "40.5", "99"])),
                "unit": "years", "system": UCUM, "code": "a"}

    def coding(self):
        system, code, display = self.one(CODES)
        made = {}
        if system:
            made["system"] = system
        if code:
            made["code"] = code
        if display and (self.chance(0.7) or not made):
            made["display"] = display
        return made

    def concept(self):
        made = {}
        codings = self.many(self.coding, 3)
        if codings:
            made["coding"] = codings
        if self.chance(0.3) or not codings:
            made["text"] = self.text(FAMILIES)
        return made

    def status(self, system, codes):
        return {"coding": [{"system": HL7 + system, "code": self.one(codes)}]}

    def identifier(self):
        made = {"value": self.one(["12345", "A-1", "a-1", "MRN 7", "0012345", "ID|1", "id,2",
                                   "é1", "x" * 300]) if self.chance(0.6)
                else str(self.random.randint(1, 40))}
        if self.chance(0.7):
            made["system"] = self.one(["http://example.org/mrn", "urn:oid:2.16.840.1.113883.4.1",
                                       "http://example.org/MRN", "http://example.org/a|b"])
        if self.chance(0.3):
            made["type"] = {"coding": [
                {"system": HL7 + "v2-0203", "code": self.one(["MR", "SS", "DL"])}
                for _ in range(self.random.randint(1, 2))]}
        if self.chance(0.2):
            made["use"] = self.one(["usual", "old"])
        if "system" in made and self.chance(0.05):
            del made["value"]
        return made

    def name(self):
        made = {}
        if self.chance(0.9):
            made["family"] = self.text(FAMILIES)
        given = [self.text(GIVENS) for _ in range(self.random.randint(0, 3))]
        if given:
            made["given"] = given
        if self.chance(0.2):
            made["prefix"] = [self.one(["Dr.", "Mr", "Prof. Dr."])]
        if self.chance(0.2) or not made:
            made["text"] = self.one(GIVENS) + " " + self.one(FAMILIES)
        if self.chance(0.3):
            made["use"] = self.one(["official", "maiden", "old"])
        return made

    def address(self):
        made = {"city": self.text(CITIES)}
        if self.chance(0.5):
            made["line"] = self.many(lambda: self.one(
                ["1 Main St.", "Apt. 5", "10, rue de l'Été", "Hauptstraße 7", "1 Main Street"]),
                2, 1)
        for name, items in (("state", ["MA", "Ma", "NY", "ZH"]), ("country", ["US", "CH", "Çin"]),
                            ("postalCode", ["02139", "0213", "8001", "NW1 6XE"]),
                            ("district", ["Nord", "Süd"]), ("use", ["temp", "work"])):
            if self.chance(0.4):
                made[name] = self.one(items)
        return made

    def telecom(self):
        made = {"value": self.one(["555-1234", "(555) 1234", "a@example.org", "A@Example.org",
                                   "+41 44 000 00 00"])}
        made["system"] = self.one(["phone", "email", "fax", "other"]) # cpt-2
        if self.chance(0.3):
            made["use"] = self.one(["home", "work", "mobile"])
        return made

    def reference(self, *kinds):
        """To one of these types, in one of the forms a reference may have."""
        kind = self.one(kinds)
        local = self.ref_to(kind)
        shape = self.random.random()
        if shape < 0.72:
            made = {"reference": local}
        elif shape < 0.77:
            made = {"reference": f"{self.base}/{local}"}
        elif shape < 0.82:
            made = {"reference": f"http://other.example.org/fhir/{local}"}
        elif shape < 0.87:
            made = {"reference": f"{local}/_history/1"}
        elif shape < 0.91:
            made = {"identifier": self.identifier()}
            if self.chance(0.5):
                made["type"] = kind
        elif shape < 0.94:
            made = {"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}
        elif shape < 0.97:
            made = {"reference": f"{kind}/nobody-{self.random.randint(0, 3)}"}
        else:
            made = {"display": "Somebody"}
        if "reference" in made and self.chance(0.1):
            made["identifier"] = self.identifier()
        if self.chance(0.1):
            made["display"] = self.one(FAMILIES)
        return made

    def subject(self, resource, *kinds):
        """Sometimes somebody who is contained in the resource itself."""
        if self.chance(0.05):
            resource["contained"] = [{"resourceType": "Patient", "id": "inside",
                                      "name": [self.name()]}]
            return {"reference": "#inside"}
        return self.reference(*kinds)

    def annotate(self, resource):
        """meta, and what may be on every resource."""
        meta = {}
        if self.chance(0.3):
            meta["tag"] = self.many(self.coding, 2, 1)
        if self.chance(0.2):
            meta["security"] = [{"system": HL7 + "v3-Confidentiality",
                                 "code": self.one(["R", "N", "V"])}]
        if self.chance(0.3):
            meta["profile"] = [PROFILE + self.one(["a", "b", "a|1.0", "a|2.0", "c/d"])]
        if self.chance(0.2):
            meta["source"] = self.one(URIS)
        if meta:
            resource["meta"] = meta
        if self.chance(0.1):
            resource["extension"] = [{"url": "http://example.org/note",
                                      "valueString": self.one(FAMILIES)}]

    def fill(self, resource, **makers):
        """Each element in two of three resources; name__share=... is another share."""
        for name, make in makers.items():
            if self.chance(0.66):
                resource[name] = make()

    # ---- resources

    def make_Patient(self, made):
        self.fill(made, identifier=lambda: self.many(self.identifier, 3, 1),
                  name=lambda: self.many(self.name, 3, 1),
                  telecom=lambda: self.many(self.telecom, 2, 1),
                  gender=lambda: self.one(["male", "female", "other", "unknown"]),
                  birthDate=self.date, address=lambda: self.many(self.address, 2, 1),
                  active=lambda: self.chance(0.5),
                  generalPractitioner=lambda: self.many(
                      lambda: self.reference("Practitioner", "Organization"), 2, 1),
                  managingOrganization=lambda: self.reference("Organization"))
        if self.chance(0.2):
            made["deceasedBoolean"] = self.chance(0.5)
        elif self.chance(0.2):
            made["deceasedDateTime"] = self.moment()
        if self.chance(0.2):
            made["communication"] = [{"language": {"coding": [
                {"system": "urn:ietf:bcp:47", "code": self.one(["en", "de-CH", "EN"])}]}}]
        if self.chance(0.2):
            made["link"] = [{"other": self.reference("Patient"), "type": "seealso"}]
        if self.chance(0.2):
            made.setdefault("extension", []).append(
                {"url": EXTENSION + "patient-mothersMaidenName",
                 "valueString": self.one(FAMILIES)})

    def make_Practitioner(self, made):
        self.fill(made, identifier=lambda: self.many(self.identifier, 2, 1),
                  name=lambda: self.many(self.name, 2, 1), address=lambda: [self.address()],
                  telecom=lambda: self.many(self.telecom, 2, 1), active=lambda: self.chance(0.5),
                  gender=lambda: self.one(["male", "female"]))

    def make_Organization(self, made):
        made["name"] = self.text(FAMILIES)
        self.fill(made, identifier=lambda: self.many(self.identifier, 2, 1),
                  alias=lambda: self.many(lambda: self.text(CITIES), 2, 1),
                  address=lambda: [self.address()], active=lambda: self.chance(0.5),
                  type=lambda: self.many(self.concept, 2, 1),
                  partOf=lambda: self.reference("Organization"))

    def make_Location(self, made):
        self.fill(made, name=lambda: self.text(CITIES), address=self.address,
                  status=lambda: self.one(["active", "suspended", "inactive"]),
                  alias=lambda: self.many(lambda: self.one(GIVENS), 2, 1),
                  type=lambda: self.many(self.concept, 2, 1),
                  managingOrganization=lambda: self.reference("Organization"),
                  partOf=lambda: self.reference("Location"), position=self.position)

    def position(self):
        """Most around a few places, of which two are at the ends of the map."""
        latitude, longitude = self.one([(46.9, 7.4), (46.9, 7.4), (-18.1, 179.9), (89.9, 30), (0, 0)])
        latitude = max(-90, min(90, latitude + self.random.uniform(-0.5, 0.5)))
        longitude += self.random.uniform(-0.9, 0.9)
        made = {"latitude": Number(f"{latitude:.4f}"),
                "longitude": Number(f"{longitude if longitude <= 180 else longitude - 360:.4f}")}
        if self.chance(0.2):
            made["altitude"] = Number("540.5")
        return made

    def make_Encounter(self, made):
        made["status"] = self.one(["planned", "in-progress", "finished", "cancelled"])
        made["class"] = {"system": HL7 + "v3-ActCode", "code": self.one(["AMB", "IMP", "EMER"])}
        made["subject"] = self.subject(made, "Patient", "Patient", "Group")
        self.fill(made, type=lambda: self.many(self.concept, 2, 1), period=self.period,
                  serviceProvider=lambda: self.reference("Organization"),
                  participant=lambda: self.many(lambda: {
                      "individual": self.reference("Practitioner"),
                      "type": [self.concept()]}, 2, 1),
                  location=lambda: self.many(lambda: {
                      "location": self.reference("Location"), "period": self.period()}, 2, 1),
                  length=lambda: {"value": self.number(), "unit": "min", "system": UCUM,
                                  "code": "min"},
                  reasonCode=lambda: self.many(self.concept, 2, 1),
                  partOf=lambda: self.reference("Encounter"))

    def make_Condition(self, made):
        made["subject"] = self.subject(made, "Patient", "Patient", "Patient", "Group")
        made["clinicalStatus"] = self.status("condition-clinical",
                                             ["active", "recurrence", "relapse"])
        self.fill(made, code=self.concept, category=lambda: self.many(self.concept, 2, 1),
                  recordedDate=self.moment, encounter=lambda: self.reference("Encounter"),
                  asserter=lambda: self.reference("Practitioner", "Patient"),
                  bodySite=lambda: self.many(self.concept, 2, 1), severity=self.concept,
                  identifier=lambda: self.many(self.identifier, 2, 1))
        self.choice(made, "onset", {"DateTime": self.moment, "Period": self.period,
                                    "Age": self.age, "Range": self.range,
                                    "String": lambda: self.text(FAMILIES)})
        if self.chance(0.1):
            made["clinicalStatus"] = self.status("condition-clinical", ["resolved", "inactive"])
            self.choice(made, "abatement", {"DateTime": self.moment, "Age": self.age,
                                            "String": lambda: self.one(GIVENS)})

    def choice(self, made, name, makers, share=0.8):
        if self.chance(share):
            kind = self.one(sorted(makers))
            made[name + kind] = makers[kind]()

    def measured(self, made):
        self.choice(made, "value", {
            "Quantity": self.quantity, "CodeableConcept": self.concept,
            "String": lambda: self.text(FAMILIES), "DateTime": self.moment,
            "Period": self.period, "Boolean": lambda: True}, 0.85)
        if not any(name.startswith("value") for name in made):
            made["dataAbsentReason"] = self.status("data-absent-reason", ["unknown", "masked"])

    def component(self):
        made = {"code": self.concept()}
        if self.chance(0.6):
            made["valueQuantity"] = self.quantity()
        elif self.chance(0.6):
            made["valueCodeableConcept"] = self.concept()
        else:
            made["dataAbsentReason"] = self.status("data-absent-reason", ["unknown", "masked"])
        return made

    def make_Observation(self, made):
        made["status"] = self.one(["final", "final", "final", "amended", "preliminary"])
        made["code"] = self.concept()
        self.fill(made, category=lambda: self.many(self.concept, 2, 1),
                  encounter=lambda: self.reference("Encounter"),
                  performer=lambda: self.many(
                      lambda: self.reference("Practitioner", "Organization", "Patient"), 3, 1),
                  identifier=lambda: self.many(self.identifier, 2, 1))
        if self.chance(0.9):
            made["subject"] = self.subject(made, "Patient", "Patient", "Patient", "Device",
                                           "Location", "Group")
        self.choice(made, "effective", {"DateTime": self.moment, "Period": self.period,
                                        "Instant": self.instant, "Timing": self.timing}, 0.9)
        self.measured(made)
        if self.chance(0.35):
            components = [one for one in self.many(self.component, 3, 1)
                          if not self.share_coding(one["code"], made["code"])] # obs-7
            if components:
                made["component"] = components
        if self.chance(0.2):
            made["hasMember"] = self.many(lambda: self.reference("Observation"), 2, 1)
        if self.chance(0.2):
            made["focus"] = self.many(lambda: self.reference("Patient", "Device", "Encounter"), 2,
                                      1)
        if self.chance(0.2):
            made["derivedFrom"] = [self.reference("Observation")]

    @staticmethod
    def share_coding(one, other):
        return any(coding in other.get("coding", []) for coding in one.get("coding", []))

    def make_MedicationRequest(self, made):
        made["status"] = self.one(["active", "completed", "stopped"])
        made["intent"] = self.one(["order", "plan"])
        made["medicationCodeableConcept"] = self.concept()
        made["subject"] = self.subject(made, "Patient", "Patient", "Group")
        self.fill(made, authoredOn=self.moment, requester=lambda: self.reference("Practitioner"),
                  encounter=lambda: self.reference("Encounter"),
                  priority=lambda: self.one(["routine", "urgent"]),
                  category=lambda: self.many(self.concept, 2, 1),
                  dosageInstruction=lambda: self.many(lambda: {"timing": self.timing()}, 2, 1))

    def make_Procedure(self, made):
        made["status"] = self.one(["completed", "in-progress", "not-done"])
        made["subject"] = self.subject(made, "Patient", "Patient", "Group")
        self.fill(made, code=self.concept, category=self.concept,
                  performer=lambda: self.many(
                      lambda: {"actor": self.reference("Practitioner", "Patient")}, 2, 1),
                  location=lambda: self.reference("Location"),
                  partOf=lambda: self.many(
                      lambda: self.reference("Procedure", "Observation"), 2, 1),
                  instantiatesUri=lambda: self.many(lambda: self.one(URIS), 2, 1),
                  instantiatesCanonical=lambda: [self.one(URIS[:5]) + self.one(["", "|1", "|2.0"])],
                  reasonReference=lambda: self.many(
                      lambda: self.reference("Condition", "Observation"), 2, 1))
        self.choice(made, "performed", {"DateTime": self.moment, "Period": self.period,
                                        "String": lambda: "long ago", "Age": self.age,
                                        "Range": self.range}, 0.9)

    def make_DiagnosticReport(self, made):
        made["status"] = self.one(["final", "partial", "amended"])
        made["code"] = self.concept()
        made["subject"] = self.subject(made, "Patient", "Patient", "Device", "Location")
        self.fill(made, category=lambda: self.many(self.concept, 3, 1), issued=self.instant,
                  result=lambda: self.many(lambda: self.reference("Observation"), 4, 1),
                  performer=lambda: self.many(
                      lambda: self.reference("Practitioner", "Organization"), 2, 1),
                  conclusionCode=lambda: self.many(self.concept, 2, 1),
                  basedOn=lambda: [self.reference("ServiceRequest")],
                  encounter=lambda: self.reference("Encounter"))
        self.choice(made, "effective", {"DateTime": self.moment, "Period": self.period})

    def make_Immunization(self, made):
        made["status"] = self.one(["completed", "not-done"])
        made["vaccineCode"] = self.concept()
        made["patient"] = self.subject(made, "Patient")
        self.choice(made, "occurrence", {"DateTime": self.moment,
                                         "String": lambda: "as a child"}, 1)
        self.fill(made, lotNumber=lambda: self.one(["A12", "a12", "A-12", "B 7"]),
                  location=lambda: self.reference("Location"),
                  protocolApplied=lambda: self.many(lambda: {
                      "series": self.one(GIVENS), "doseNumberPositiveInt": 1,
                      "targetDisease": [self.concept()]}, 2, 1),
                  reaction=lambda: self.many(lambda: {
                      "date": self.moment(), "detail": self.reference("Observation")}, 2, 1),
                  reasonCode=lambda: self.many(self.concept, 2, 1))

    def make_AllergyIntolerance(self, made):
        made["patient"] = self.subject(made, "Patient")
        made["clinicalStatus"] = self.status("allergyintolerance-clinical", ["active", "inactive"])
        made["verificationStatus"] = self.status("allergyintolerance-verification",
                                                 ["confirmed", "unconfirmed"])
        self.fill(made, code=self.concept, recordedDate=self.moment, lastOccurrence=self.moment,
                  type=lambda: self.one(["allergy", "intolerance"]),
                  category=lambda: self.random.sample(["food", "medication", "environment"],
                                                      self.random.randint(1, 2)),
                  criticality=lambda: self.one(["low", "high"]),
                  asserter=lambda: self.reference("Patient", "Practitioner"),
                  reaction=lambda: self.many(lambda: {
                      "manifestation": [self.concept()], "substance": self.concept(),
                      "onset": self.moment(), "severity": self.one(["mild", "severe"])}, 3, 1))

    def make_ServiceRequest(self, made):
        made["status"] = self.one(["active", "completed", "draft"])
        made["intent"] = self.one(["order", "proposal"])
        made["subject"] = self.subject(made, "Patient", "Patient", "Group", "Location", "Device")
        self.fill(made, code=self.concept, authoredOn=self.moment,
                  requester=lambda: self.reference("Practitioner", "Organization", "Patient"),
                  performer=lambda: self.many(
                      lambda: self.reference("Practitioner", "Organization"), 2, 1),
                  bodySite=lambda: self.many(self.concept, 2, 1),
                  replaces=lambda: [self.reference("ServiceRequest")],
                  requisition=self.identifier,
                  instantiatesUri=lambda: self.many(lambda: self.one(URIS), 2, 1))
        self.choice(made, "occurrence", {"DateTime": self.moment, "Period": self.period,
                                         "Timing": self.timing}, 0.8)

    def make_Appointment(self, made):
        """Several patients in one resource."""
        made["status"] = self.one(["booked", "proposed", "cancelled"])
        made["participant"] = self.many(lambda: {
            "actor": self.reference("Patient", "Patient", "Practitioner", "Location"),
            "status": self.one(["accepted", "declined"])}, 4, 1)
        if self.chance(0.8):
            day = self.date()
            day = day if len(day) == 10 else "2020-05-17"
            made["start"] = day + self.one(["T08:00:00Z", "T23:30:00-05:00", "T00:15:00+02:00"])
            made["end"] = day + "T23:59:00-06:00"
        else:
            made["status"] = self.one(["proposed", "cancelled", "waitlist"])
        self.fill(made, serviceType=lambda: self.many(self.concept, 2, 1),
                  specialty=lambda: self.many(self.concept, 2, 1),
                  reasonReference=lambda: [self.reference("Condition")],
                  identifier=lambda: self.many(self.identifier, 2, 1))

    def make_RiskAssessment(self, made):
        made["status"] = self.one(["final", "preliminary"])
        made["subject"] = self.subject(made, "Patient", "Group")
        self.choice(made, "occurrence", {"DateTime": self.moment, "Period": self.period})
        self.fill(made, method=self.concept, condition=lambda: self.reference("Condition"),
                  performer=lambda: self.reference("Practitioner", "Device"))
        made["prediction"] = self.many(self.prediction, 3)
        if not made["prediction"]:
            del made["prediction"]

    def prediction(self):
        made = {"outcome": self.concept()}
        if self.chance(0.6):
            made["probabilityDecimal"] = Number(self.one(
                ["0.1", "0.10", "0.100", "0.5", "0.05", "1", "0.333", "0.15", "0.0"]))
        elif self.chance(0.7):
            low = self.one(["0.1", "0.2", "0.50"])
            made["probabilityRange"] = {"low": {"value": Number(low)},
                                        "high": {"value": Number("0." + self.one("6789"))}}
        if self.chance(0.4):
            made["qualitativeRisk"] = self.concept()
        return made

    def make_CarePlan(self, made):
        made["status"] = self.one(["active", "completed"])
        made["intent"] = "plan"
        made["subject"] = self.subject(made, "Patient", "Group")
        self.fill(made, category=lambda: self.many(self.concept, 3, 1), period=self.period,
                  encounter=lambda: self.reference("Encounter"),
                  addresses=lambda: self.many(lambda: self.reference("Condition"), 3, 1),
                  partOf=lambda: [self.reference("CarePlan")],
                  instantiatesCanonical=lambda: [self.one(URIS[:5]) + self.one(["", "|1"])],
                  activity=lambda: self.many(self.activity, 3, 1))

    def activity(self):
        if self.chance(0.3):
            return {"reference": self.reference("ServiceRequest", "MedicationRequest")}
        detail = {"status": "scheduled", "code": self.concept()}
        self.choice(detail, "scheduled", {"Timing": self.timing, "Period": self.period,
                                          "String": lambda: "daily"})
        if self.chance(0.5):
            detail["performer"] = self.many(
                lambda: self.reference("Practitioner", "Patient"), 2, 1)
        return {"detail": detail}

    def make_ValueSet(self, made):
        made["status"] = self.one(["draft", "active", "retired"])
        self.fill(made, url=lambda: self.one(URIS), name=lambda: "Set" + self.one("ABC"),
                  title=lambda: self.text(FAMILIES), publisher=lambda: self.one(CITIES),
                  version=lambda: self.one(["1", "1.0", "2.0"]), date=self.moment,
                  description=lambda: self.text(FAMILIES),
                  jurisdiction=lambda: self.many(self.concept, 2, 1),
                  identifier=lambda: self.many(self.identifier, 2, 1),
                  useContext=lambda: self.many(self.usage, 3, 1))
        if self.chance(0.5):
            made["compose"] = {"include": [
                {"system": self.one(["http://example.org/cs", LOINC]),
                 "concept": [{"code": self.one(["a", "b", "8480-6"])}]}
                for _ in range(self.random.randint(1, 2))]}

    def usage(self):
        made = {"code": {"system": HL7 + "usage-context-type",
                         "code": self.one(["focus", "age", "gender"])}}
        self.choice(made, "value", {"CodeableConcept": self.concept, "Range": self.range,
                                    "Quantity": lambda: self.quantity(False)}, 1)
        return made

    def make_Group(self, made):
        made.update(type="person", actual=True)
        self.fill(made, code=self.concept, member=lambda: self.many(
            lambda: {"entity": self.reference("Patient")}, 5, 1),
            identifier=lambda: self.many(self.identifier, 2, 1))

    def make_Device(self, made):
        self.fill(made, identifier=lambda: self.many(self.identifier, 2, 1), type=self.concept,
                  patient=lambda: self.reference("Patient"),
                  deviceName=lambda: [{"name": self.one(FAMILIES), "type": "other"}],
                  url=lambda: self.one(URIS))

    def make_MolecularSequence(self, made):
        """Whose composites have three components."""
        made.update(type="dna", coordinateSystem=0)
        if self.chance(0.7):
            made["patient"] = self.reference("Patient")
        made["referenceSeq"] = {"windowStart": 1, "windowEnd": 1000}
        if self.chance(0.5): # msq-5, msq-6
            made["referenceSeq"].update(chromosome=self.concept(), genomeBuild="GRCh38")
        else:
            made["referenceSeq"]["referenceSeqId"] = self.concept()
        made["variant"] = self.many(lambda: {"start": self.random.randint(1, 20),
                                             "end": self.random.randint(20, 40)}, 3)
        if not made["variant"]:
            del made["variant"]

    def resource(self, kind, identity):
        made = {"resourceType": kind, "id": identity}
        self.annotate(made)
        getattr(self, "make_" + kind)(made)
        if self.chance(0.2):
            self.contain(made)
        return made

    def contain(self, resource):
        """Some of what the resource refers to is moved into it."""
        for number in range(self.one([1, 1, 2, 3])):
            found = [one for one in references(resource)
                     if re.fullmatch(r"\w+/[\w.-]+", one["reference"]) and
                     one["reference"].split("/")[0] in COUNTS]
            if not found:
                return
            chosen = self.one(found)
            kind = chosen["reference"].split("/")[0]
            inner = {"resourceType": kind, "id": f"in{number}"}
            getattr(self, "make_" + kind)(inner)
            inner.pop("contained", None)
            for one in references(inner):
                if one["reference"] == "#inside":
                    one["reference"] = "Patient/" + self.identity("Patient", 0)
            resource.setdefault("contained", []).append(inner)
            chosen["reference"] = f"#in{number}"


def references(value):
    """All elements that refer to something, in an order that does not change."""
    if isinstance(value, list):
        return [one for each in value for one in references(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if isinstance(value.get("reference"), str) else []
    return own + [one for each in value.values() for one in references(each)]


def writes(seed, base):
    """Rounds of writes: a list of (key, resource or None for a delete) each. Some resources are
    written twice, some deleted, some deleted and written again."""
    maker = Maker(seed, base)
    first, second, third = [], [], []
    for kind, count in COUNTS.items():
        for number in range(count):
            identity = maker.identity(kind, number)
            key = f"{kind}/{identity}"
            made = maker.resource(kind, identity)
            first.append((key, made))
            fate = maker.random.random()
            if fate < 0.1:
                second.append((key, maker.resource(kind, identity)))
            elif fate < 0.15:
                changed = copy.deepcopy(made)
                changed.pop("meta", None)
                second.append((key, changed))
            elif fate < 0.2:
                second.append((key, None))
                if fate < 0.165:
                    third.append((key, maker.resource(kind, identity)))
    return [first, second, third]
