"""Composite search parameters that a client stores, beside those of R4: parts of all types, in twos
and threes."""

import os
import time

from harness import run as command

R4 = "http://hl7.org/fhir/SearchParameter/"
CODE, QUANTITY = R4 + "clinical-code", R4 + "Observation-value-quantity"
DATE, STRING = R4 + "clinical-date", R4 + "Observation-value-string"
SUBJECT, STATUS = R4 + "Observation-subject", R4 + "Observation-status"
EVERYWHERE = "Observation | Observation.component"

# code: base, expression, parts
COMPOSITES = {
    "x-code-quantity": ("Observation", EVERYWHERE,
                        [(CODE, "code"), (QUANTITY, "value.as(Quantity)")]),
    "x-quantity-code": ("Observation", EVERYWHERE,
                        [(QUANTITY, "value.as(Quantity)"), (CODE, "code")]),
    "x-code-date": ("Observation", "Observation", [(CODE, "code"), (DATE, "effective")]),
    "x-date-quantity": ("Observation", "Observation",
                        [(DATE, "effective"), (QUANTITY, "value.as(Quantity)")]),
    "x-status-date-quantity": ("Observation", "Observation",
                               [(STATUS, "status"), (DATE, "effective"),
                                (QUANTITY, "value.as(Quantity)")]),
    "x-code-string": ("Observation", EVERYWHERE, [(CODE, "code"), (STRING, "value.as(string)")]),
    "x-subject-code": ("Observation", "Observation", [(SUBJECT, "subject"), (CODE, "code")]),
    "x-subject-code-date": ("Observation", "Observation",
                            [(SUBJECT, "subject"), (CODE, "code"), (DATE, "effective")]),
    "x-given-family": ("Patient", "Patient.name",
                       [(R4 + "individual-given", "given"), (R4 + "individual-family", "family")]),
    "x-gender-birthdate": ("Patient", "Patient", [(R4 + "individual-gender", "gender"),
                                                  (R4 + "individual-birthdate", "birthDate")]),
    "x-start-end": ("MolecularSequence", "MolecularSequence.variant",
                    [(R4 + "MolecularSequence-variant-start", "start"),
                     (R4 + "MolecularSequence-variant-end", "end")]),
}


def resources():
    for code, (base, expression, parts) in COMPOSITES.items():
        yield {"resourceType": "SearchParameter", "id": code, "name": code.replace("-", ""),
               "url": f"http://example.org/SearchParameter/{code}", "status": "active",
               "description": "x", "code": code, "base": [base], "type": "composite",
               "expression": expression,
               "component": [{"definition": url, "expression": part} for url, part in parts]}


def store(server):
    """While there is nothing else, which is indexed at once."""
    where = ["--data", os.path.join(server.folder, "data")]
    client = server.client()
    for resource in resources():
        answer = client.put(f"SearchParameter/{resource['id']}", resource)
        assert answer.status == 201, answer.bytes
    assert command("index", "parameters=stored", *where).returncode == 0
    assert command("reindex", *where).returncode == 0
    for code, (base, _, _) in COMPOSITES.items():
        while client.get(f"{base}?{code}:missing=true").status != 200:
            time.sleep(0.2)


def define(definitions):
    for resource in resources():
        definitions.add_parameter(resource)
