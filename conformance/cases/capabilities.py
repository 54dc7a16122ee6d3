"""The CapabilityStatement: GET [base]/metadata, and whether it is true."""

import urllib.parse

from suite.case import case
from suite.expect import NotOffered, check, equal, refused, status
from suite.samples import patient

PARAGRAPH = "R4 http.html#capabilities"
DEFINITION = "R4 capabilitystatement.html"


def statement(server):
    answer = status(server.get("metadata"), 200)
    body = answer.json()
    equal(body.get("resourceType"), "CapabilityStatement", "resourceType")
    return body


def resources(server):
    """All declared types, of the server's own rest part."""
    rest = [rest for rest in statement(server)["rest"] if rest["mode"] == "server"]
    equal(len(rest), 1, "number of rest parts for a server")
    return rest[0].get("resource", [])


@case("MUST", PARAGRAPH, "X-28", "metadata is a CapabilityStatement")
def is_a_statement(server):
    statement(server)


@case("MUST", DEFINITION, "X-28", "it has status, date, kind, fhirVersion and format")
def required(server):
    body = statement(server)
    check(body.get("status") in ("draft", "active", "retired", "unknown"), "status is missing")
    check(body.get("date"), "date is missing")
    equal(body.get("fhirVersion"), "4.0.1", "fhirVersion")
    check(body.get("kind") in ("instance", "capability", "requirements"), "kind is missing")
    formats = set(body.get("format", []))
    check(formats & {"json", "application/fhir+json"}, f"format is {formats}")


@case("MUST", DEFINITION + " (cpb-2, cpb-15)", "X-28", "an instance says what it is and where")
def instance(server):
    body = statement(server)
    equal(body.get("kind"), "instance", "kind")
    check(body.get("implementation", {}).get("description"), "implementation is missing")
    check(body.get("software", {}).get("name"), "software is missing")


@case("MUST", DEFINITION + " (cpb-9, cpb-12)", "X-28", "types, interactions and parameters stand once each")
def no_duplicates(server):
    found = resources(server)
    types = [resource["type"] for resource in found]
    equal(len(types), len(set(types)), "number of types")
    for resource in found:
        for part, key in (("interaction", "code"), ("searchParam", "name")):
            codes = [entry[key] for entry in resource.get(part, [])]
            check(len(codes) == len(set(codes)), f"a {part} of {resource['type']} stands twice")


@case("MUST", DEFINITION, "X-28", "every search parameter has name and type")
def parameters(server):
    kinds = {"number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"}
    for resource in resources(server):
        for parameter in resource.get("searchParam", []):
            check(parameter.get("type") in kinds, f"{parameter['name']} has type {parameter.get('type')}")


@case("SHOULD", "R4 http.html#read", "X-28", "HEAD of metadata answers as GET does")
def head(server):
    answer = status(server.request("HEAD", "metadata"), 200)
    equal(answer.body, b"", "the body")


SAMPLES = {
    "date": "2020-01-01",
    "number": "1",
    "quantity": "1",
    "reference": "conformance",
    "string": "conformance",
    "token": "conformance",
    "uri": "http://conformance.example.org/nothing",
}


@case("MUST", DEFINITION, "X-28", "every declared search parameter can be searched by")
def parameters_work(server):
    failures, tried = [], 0
    for resource in resources(server):
        if "search-type" not in [entry["code"] for entry in resource.get("interaction", [])]:
            continue
        for parameter in resource.get("searchParam", []):
            sample = SAMPLES.get(parameter["type"])
            if not sample or parameter["name"].startswith("_"):
                continue
            query = urllib.parse.urlencode({parameter["name"]: sample, "_count": 1})
            answer = server.get(f"{resource['type']}?{query}", prefer="handling=strict")
            tried += 1
            if answer.status != 200:
                failures.append(f"{resource['type']}.{parameter['name']} {answer.status}")
    check(not failures, f"{len(failures)} of {tried}: {', '.join(failures[:8])}")
    if not tried:
        raise NotOffered("no search parameters are declared")


@case("MUST", DEFINITION, "X-28", "every declared type can be searched")
def types_work(server):
    failures = []
    for resource in resources(server):
        if "search-type" in [entry["code"] for entry in resource.get("interaction", [])]:
            answer = server.get(f"{resource['type']}?_count=1")
            if answer.status != 200:
                failures.append(f"{resource['type']} {answer.status}")
    check(not failures, ", ".join(failures[:8]))


@case("MUST", DEFINITION, "X-28", "a type that is not declared is refused")
def undeclared_type(server):
    declared = {resource["type"] for resource in resources(server)}
    absent = next((kind for kind in ("Citation", "SubscriptionTopic", "Conformance")
                   if kind not in declared), None)
    refused(server.get(f"{absent}/1"), 400, 404, 405)


PROBES = {
    "patch": lambda server, where: server.request(
        "PATCH", where, "[]", content_type="application/json-patch+json"),
    "delete": lambda server, where: server.delete(where),
    "update": lambda server, where: server.put(where, {"resourceType": "Patient"}),
    "history-instance": lambda server, where: server.get(where + "/_history"),
}


@case("MUST", DEFINITION, "X-28", "an interaction that is not declared is refused")
def undeclared_interaction(server):
    declared = [entry["code"] for entry in server.declared("Patient").get("interaction", [])]
    absent = [code for code in PROBES if code not in declared]
    if not absent:
        raise NotOffered("all interactions are declared")
    made = server.create(patient(server))
    for code in absent:
        refused(PROBES[code](server, f"Patient/{made['id']}"), 400, 403, 404, 405, 501)


@case("SHOULD", "R4 search.html#errors", "X-28", "a search parameter that is not declared is refused in strict mode")
def undeclared_parameter(server):
    refused(server.get("Patient?shoe-size=43", prefer="handling=strict"), 400)
