"""Fidelity: what was sent comes back, digit by digit (R4 json.html)."""

import json

from suite.case import case
from suite.expect import equal, status
from suite.http import Number
from suite.samples import UCUM, observation, patient


def back(server, text):
    """Creates from JSON text, and gives what was sent and what is stored, without
    what the server sets."""
    sent = json.loads(text, parse_float=Number)
    answer = status(server.post(sent["resourceType"], text), 201)
    found = server.get(server.note(answer)).json()
    del found["id"]
    meta = found.get("meta", {})
    for name in ("versionId", "lastUpdated", "source"):
        meta.pop(name, None)
    if not meta:
        found.pop("meta", None)
    return sent, found


def survives(server, resource):
    text = resource if isinstance(resource, str) else json.dumps(resource, ensure_ascii=False)
    sent, found = back(server, text)
    equal(found, sent, "what came back")


@case("MUST", "R4 datatypes.html#decimal", "X-27", "decimals keep every digit")
def decimals(server):
    for digits in ("1.0", "1.00", "0.010", "-0.5", "100.00", "123456789012.123456", "1.5e3", "0.0"):
        body = json.dumps(observation(server, valueQuantity={"value": "HERE", "system": UCUM}))
        survives(server, body.replace('"HERE"', digits))


@case("MUST", "R4 json.html#primitive", "X-27", "extensions of primitives come back")
def primitive_extensions(server):
    extension = [{"url": "http://example.org/original", "valueString": "around Christmas"}]
    survives(server, patient(server, _birthDate={"id": "b1", "extension": extension}))


@case("MUST", "R4 json.html#primitive", "X-27", "a primitive with an extension and no value comes back")
def only_extension(server):
    body = patient(server)
    del body["birthDate"]
    reason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    body["_birthDate"] = {"extension": [{"url": reason, "valueCode": "unknown"}]}
    survives(server, body)


@case("MUST", "R4 json.html#primitive", "X-27", "nulls keep arrays of primitives aligned")
def null_alignment(server):
    extension = {"extension": [{"url": "http://example.org/x", "valueBoolean": True}]}
    name = {"given": ["A", None, "C"], "_given": [None, extension, {"id": "c"}]}
    survives(server, patient(server, name=[name]))


@case("MUST", "R4 extensibility.html", "X-27", "unknown extensions come back, nested and complex ones too")
def extensions(server):
    survives(server, patient(server, extension=[
        {"url": "http://example.org/nested", "extension": [
            {"url": "a", "valueCodeableConcept": {"coding": [{"system": "urn:x", "code": "1"}]}},
            {"url": "b", "valueQuantity": {"value": 3, "unit": "x"}},
        ]},
        {"url": "http://example.org/date", "valueDate": "2020-02"},
    ]))


@case("MUST", "R4 references.html#contained", "X-27", "contained resources come back")
def contained(server):
    survives(server, patient(
        server, contained=[{"resourceType": "Organization", "id": "o", "name": "Inside"}],
        managingOrganization={"reference": "#o"}))


@case("MUST", "R4 datatypes.html#dateTime", "X-27", "dates keep their precision, times their offset")
def dates(server):
    for birth in ("1974", "1974-12", "1974-12-25"):
        survives(server, patient(server, birthDate=birth))
    for when in ("2015-02-07T13:28:17.239+02:00", "2015-02-07T13:28:17-05:00", "2015-02-07T13:28:17Z",
                 "2015-02", "2015-02-07T13:28:17.000000Z"):
        survives(server, observation(server, effectiveDateTime=when))


@case("MUST", "R4 json.html", "X-27", "characters of every kind come back")
def characters(server):
    text = "tab\there \"quoted\" back\\slash / slash é ü 漢 😀 \u2028 end"
    survives(server, patient(server, name=[{"text": text}]))


@case("MUST", "R4 json.html", "X-27", "escaped characters mean the same as plain ones")
def escapes(server):
    word = server.unique()
    sent, found = back(server, '{"resourceType":"Patient","name":[{"text":"\\u00e9\\ud83d\\ude00\\/%s"}]}' % word)
    equal(found["name"][0]["text"], "é😀/" + word, "name.text")


@case("MUST", "R4 narrative.html", "X-27", "the narrative comes back")
def narrative(server):
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>5 &lt; 6 &amp; <b>bold</b><br/></p></div>'
    survives(server, patient(server, text={"status": "generated", "div": div}))


@case("MUST", "R4 json.html", "X-27", "the order of repetitions is kept")
def order(server):
    names = [{"family": f"Name{number}", "given": [f"B{number}", "A"]} for number in range(20)]
    survives(server, patient(server, name=names))


@case("MUST", "R4 json.html", "X-27", "integers and booleans come back as they are")
def plain_values(server):
    survives(server, patient(server, active=False, multipleBirthInteger=3))


@case("MUST", "R4 resource.html#Meta", "X-27", "profiles, security labels and tags come back")
def meta(server):
    survives(server, patient(server, meta={
        "profile": ["http://example.org/StructureDefinition/none"],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}],
        "tag": [{"system": "urn:example:conformance", "code": "t"}],
    }))


@case("MUST", "R4 datatypes.html#base64Binary", "X-27", "Binary comes back")
def binary(server):
    server.needs("Binary", "create")
    survives(server, {"resourceType": "Binary", "contentType": "text/plain", "data": "AAECAwQFBgc="})


@case("MUST", "R4 bundle.html", "X-27", "a stored Bundle comes back as it was")
def bundle(server):
    server.needs("Bundle", "create")
    survives(server, {"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "urn:uuid:7f1b4d7e-0b7e-4a6c-9a52-5f1b3c0b5a11", "resource": patient(server)}]})
