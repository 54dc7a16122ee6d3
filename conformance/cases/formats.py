"""Formats: Accept, Content-Type and _format."""

from suite.case import case
from suite.expect import NotOffered, check, equal, header, refused, status
from suite.samples import patient

PARAGRAPH = "R4 http.html#mime-type"


def is_fhir_json(answer):
    status(answer, 200)
    kind = header(answer, "Content-Type")
    equal(kind.partition(";")[0].strip(), "application/fhir+json", "Content-Type")
    answer.json()


def stored(server):
    return "Patient/" + server.once(make)["id"]


def make(server):
    return server.create(patient(server))


@case("MUST", PARAGRAPH, "X-24", "Accept: application/fhir+json is answered in kind")
def fhir_json(server):
    is_fhir_json(server.get(stored(server), accept="application/fhir+json"))


@case("SHOULD", PARAGRAPH, "X-24", "Accept: application/json is answered with FHIR's JSON")
def generic_json(server):
    answer = status(server.get(stored(server), accept="application/json"), 200)
    check(header(answer, "Content-Type").startswith(("application/fhir+json", "application/json")),
          f"Content-Type is {answer.headers['content-type']}")
    answer.json()


@case("MUST", PARAGRAPH, "X-24", "without Accept, or with */*, there is an answer")
def anything(server):
    for accept in (None, "*/*", "text/html,application/xhtml+xml,*/*;q=0.8"):
        status(server.get(stored(server), accept=accept), 200)


@case("MUST", PARAGRAPH, "X-24", "parameters of the media type are understood")
def media_type_parameters(server):
    is_fhir_json(server.get(stored(server), accept="application/fhir+json; fhirVersion=4.0"))
    is_fhir_json(server.get(stored(server), accept="application/fhir+json;charset=utf-8;q=0.9"))


@case("SHOULD", "R4 http.html#version-parameter", "X-24", "another fhirVersion is refused with 406")
def other_version(server):
    refused(server.get(stored(server), accept="application/fhir+json; fhirVersion=1.0"), 406)


@case("SHOULD", PARAGRAPH, "X-24", "an Accept that cannot be met is answered 406")
def not_acceptable(server):
    refused(server.get(stored(server), accept="image/png"), 406)


@case("SHOULD", PARAGRAPH, "X-24", "_format stands for Accept, and above it")
def format_parameter(server):
    for value in ("json", "application/json", "application/fhir%2Bjson"):
        is_fhir_json(server.get(f"{stored(server)}?_format={value}", accept="image/png"))


@case("SHOULD", PARAGRAPH, "X-24", "an unknown _format is answered 406")
def unknown_format(server):
    refused(server.get(f"{stored(server)}?_format=papyrus"), 400, 406)


@case("MUST", PARAGRAPH, "X-24", "a body of type application/fhir+json with charset is read")
def body_with_charset(server):
    kind = "application/fhir+json; charset=UTF-8"
    server.note(status(server.post("Patient", patient(server), content_type=kind), 201))


@case("SHOULD", PARAGRAPH, "X-24", "a body of type application/json is read")
def body_of_generic_json(server):
    server.note(status(server.post("Patient", patient(server), content_type="application/json"), 201))


@case("SHOULD", PARAGRAPH, "X-24", "a body of an unknown type is refused with 415")
def unsupported_body(server):
    answer = server.post("Patient", patient(server), content_type="image/png")
    if answer.status == 201:
        server.note(answer)
    refused(answer, 415)


@case("MUST", "R4 xml.html", "X-24", "XML is declared and works, or is neither")
def xml(server):
    declared = set(server.statement.get("format", [])) & {"xml", "application/fhir+xml"}
    answer = server.get(stored(server), accept="application/fhir+xml")
    if not declared:
        refused(answer, 406)
        raise NotOffered("XML is not declared")
    status(answer, 200)
    check(answer.body.lstrip().startswith(b"<"), "the body is no XML")


@case("SHOULD", "R4 http.html#parameters", "X-24", "_pretty=true gives lines for people")
def pretty(server):
    plain = status(server.get(stored(server)), 200)
    answer = status(server.get(stored(server) + "?_pretty=true"), 200)
    equal(answer.json(), plain.json(), "the resource")
    check(answer.body.count(b"\n") > 5, "the body is in one line")


@case("MUST", "R4 json.html", "X-24", "text is UTF-8")
def utf8(server):
    name = "Zażółć Ærøskøbing 東京 😀 " + server.unique()
    made = server.create(patient(server, name=[{"text": name}]))
    answer = server.get(f"Patient/{made['id']}")
    equal(answer.body.decode("utf-8").count("東京"), 1, "occurrences of the name")
    equal(answer.json()["name"][0]["text"], name, "name.text")
