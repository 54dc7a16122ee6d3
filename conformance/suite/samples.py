"""Resources that cases put on the server. Every one carries an identifier that
is unique to it, so that searches find what the case made and nothing else."""

SYSTEM = "urn:example:conformance"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def identifier(server):
    return {"system": SYSTEM, "value": server.unique()}


def patient(server, **elements):
    return {
        "resourceType": "Patient",
        "identifier": [identifier(server)],
        "name": [{"family": server.unique(), "given": ["Conformance"]}],
        "gender": "female",
        "birthDate": "1974-12-25",
        **elements,
    }


def observation(server, subject=None, **elements):
    body = {
        "resourceType": "Observation",
        "identifier": [identifier(server)],
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "29463-7", "display": "Body weight"}]},
        **elements,
    }
    if subject:
        body["subject"] = {"reference": f"Patient/{subject['id']}"}
    return body


def quantity(value, unit="kg"):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def entry(method, url, resource=None, full_url=None, **request):
    """An entry of a transaction or batch."""
    made = {"request": {"method": method, "url": url, **request}}
    if full_url:
        made["fullUrl"] = full_url
    if resource:
        made["resource"] = resource
    return made
