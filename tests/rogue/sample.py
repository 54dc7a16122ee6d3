"""Made-up patients and their records: the same for the same seed."""

import random

FAMILIES = ("Ahlgren", "Brandão", "Castellanos", "Dvořák", "Eriksen", "Fitzgerald", "Grünwald",
            "Hakimi", "Ivanova", "Jørgensen", "Kowalski", "Łuczak", "Müller", "Nguyễn", "O'Brien",
            "Papadopoulos", "渡辺", "Şahin", "Тихонов", "Zúñiga")
GIVEN = ("Amira", "Björn", "Chloé", "David", "Elif", "Frida", "Goran", "Hana", "Ilse", "José",
         "Kenji", "Lucía", "Mateo", "Nora", "Omar", "Petra", "Quinn", "Rosa", "Søren", "Tala")
VITALS = (("8867-4", "Heart rate", "/min", 55, 110, 0), ("8310-5", "Body temperature", "Cel", 36, 39, 1),
          ("29463-7", "Body weight", "kg", 45, 110, 1), ("8302-2", "Body height", "cm", 150, 199, 0),
          ("2708-6", "Oxygen saturation in Arterial blood", "%", 90, 100, 0))
PROBLEMS = (("38341003", "Hypertensive disorder"), ("44054006", "Diabetes mellitus type 2"),
            ("195967001", "Asthma"), ("13645005", "Chronic obstructive lung disease"))
DRUGS = (("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
         ("314076", "lisinopril 10 MG Oral Tablet"), ("197361", "amlodipine 5 MG Oral Tablet"))
SNOMED = "http://snomed.info/sct"
TERMS = "http://terminology.hl7.org/CodeSystem/"
A_PATIENT = 10  # resources of one patient, without the places and people they share


def concept(system, code, display):
    return {"coding": [{"system": system, "code": code, "display": display}]}


def make(count, seed):
    """About `count` resources."""
    rng = random.Random(f"sample {seed}")
    patients = max(1, (count - 4) // A_PATIENT)
    for i in range(2):
        yield {"resourceType": "Organization", "id": f"org-{i}", "active": True,
               "name": f"Ward {i + 1}"}
        yield {"resourceType": "Practitioner", "id": f"doc-{i}", "active": True,
               "name": [{"family": rng.choice(FAMILIES), "given": [rng.choice(GIVEN)]}]}
    for i in range(patients):
        yield from patient(i, seed, rng)


def patient(i, seed, rng):
    subject = {"reference": f"Patient/p{i}"}
    visit = {"reference": f"Encounter/p{i}-visit"}
    day = f"20{rng.randint(18, 23)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    yield {"resourceType": "Patient", "id": f"p{i}", "active": True,
           "identifier": [{"system": f"http://rogue.example/seed-{seed}/mrn", "value": f"{100000 + i}"}],
           "name": [{"use": "official", "family": rng.choice(FAMILIES), "given": [rng.choice(GIVEN)]}],
           "gender": rng.choice(("female", "male")),
           "birthDate": f"{rng.randint(1930, 2015)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
           "managingOrganization": {"reference": f"Organization/org-{i % 2}"}}
    yield {"resourceType": "Encounter", "id": f"p{i}-visit", "status": "finished",
           "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
           "subject": subject,
           "participant": [{"individual": {"reference": f"Practitioner/doc-{i % 2}"}}],
           "period": {"start": f"{day}T08:00:00Z", "end": f"{day}T09:30:00Z"}}
    for n, (code, display, unit, low, high, digits) in enumerate(VITALS):
        yield {"resourceType": "Observation", "id": f"p{i}-vital-{n}", "status": "final",
               "category": [concept(TERMS + "observation-category", "vital-signs", "Vital Signs")],
               "code": concept("http://loinc.org", code, display), "subject": subject,
               "encounter": visit, "effectiveDateTime": f"{day}T08:{10 + n}:00Z",
               "valueQuantity": {"value": round(rng.uniform(low, high), digits) if digits
                                 else rng.randint(low, high), "unit": unit,
                                 "system": "http://unitsofmeasure.org", "code": unit}}
    code, display = rng.choice(PROBLEMS)
    yield {"resourceType": "Condition", "id": f"p{i}-problem",
           "clinicalStatus": concept(TERMS + "condition-clinical", "active", "Active"),
           "category": [concept(TERMS + "condition-category", "problem-list-item",
                                "Problem List Item")],
           "code": concept(SNOMED, code, display), "subject": subject, "recordedDate": day}
    code, display = rng.choice(DRUGS)
    yield {"resourceType": "MedicationRequest", "id": f"p{i}-order", "status": "active",
           "intent": "order",
           "medicationCodeableConcept": concept("http://www.nlm.nih.gov/research/umls/rxnorm", code, display),
           "subject": subject, "encounter": visit, "authoredOn": day}
    yield {"resourceType": "DiagnosticReport", "id": f"p{i}-report", "status": "final",
           "code": concept("http://loinc.org", "85353-1", "Vital signs panel"), "subject": subject,
           "effectiveDateTime": day,
           "result": [{"reference": f"Observation/p{i}-vital-{n}"} for n in range(len(VITALS))]}
