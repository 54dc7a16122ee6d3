"""Formats: Accept, Content-Type and _format."""

import xml.etree.ElementTree as etree

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


XML = "application/fhir+xml"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>5 &lt; 6 &amp; <b>bold</b><br/></p></div>'


def is_declared(server):
    return bool(set(server.statement.get("format", [])) & {"xml", XML})


def needs_xml(server):
    if not is_declared(server):
        raise NotOffered("XML is not declared")


def name_of(element):
    return element.tag.rpartition("}")[2]


def fhir_xml(answer, name, *expected):
    """The root element of an answer in FHIR's XML."""
    status(answer, *(expected or (200,)))
    equal(header(answer, "Content-Type").partition(";")[0].strip(), XML, "Content-Type")
    root = etree.fromstring(answer.body)
    equal(root.tag, "{http://hl7.org/fhir}" + name, "the root element")
    return root


def xml_patient(server, rest=""):
    return (f'<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/>{DIV}</text>'
            '<extension url="http://example.org/decimal"><valueDecimal value="1.50"/></extension>'
            f'<name><family value="{server.unique()}"/><given value="A&#xA;&amp;B"/></name>{rest}</Patient>')


@case("MUST", "R4 xml.html", "X-24", "XML is declared and works, or is neither")
def xml(server):
    answer = server.get(stored(server), accept=XML)
    if is_declared(server):
        fhir_xml(answer, "Patient")
    else:
        refused(answer, 406)
        raise NotOffered("XML is not declared")


@case("SHOULD", PARAGRAPH, "X-24", "application/xml, text/xml and _format=xml ask for XML")
def words_for_xml(server):
    needs_xml(server)
    for answer in (server.get(stored(server), accept="application/xml"),
                   server.get(stored(server), accept="text/xml"),
                   server.get(stored(server) + "?_format=xml")):
        status(answer, 200)
        equal(name_of(etree.fromstring(answer.body)), "Patient", "the root element")


@case("MUST", "R4 xml.html", "X-27", "what is sent as XML has the same values as JSON, and comes back as XML")
def xml_and_json_agree(server):
    needs_xml(server)
    where = server.note(status(server.post("Patient", xml_patient(server), content_type=XML), 201))
    answer = server.get(where)
    check(b"1.50" in answer.body, "the decimal lost a digit in JSON")
    equal(answer.json()["name"][0]["given"], ["A\n&B"], "name.given")
    check("5 &lt; 6 &amp;" in answer.json()["text"]["div"], "the narrative changed")
    root = fhir_xml(server.get(where, accept=XML), "Patient")
    values = [element.get("value") for element in root.iter() if element.get("value")]
    check("1.50" in values and "A\n&B" in values, f"values in XML are {values}")


@case("MUST", "R4 xml.html", "X-24", "XML that is not well-formed is refused with 400")
def broken_xml(server):
    needs_xml(server)
    refused(server.post("Patient", '<Patient xmlns="http://hl7.org/fhir"><name>', content_type=XML), 400)


@case("MUST", "R4 xml.html", "X-24", "a document type declaration is not followed")
def entities(server):
    needs_xml(server)
    body = '<!DOCTYPE Patient [<!ENTITY a "b">]>' + xml_patient(server, '<gender value="&a;"/>')
    refused(server.post("Patient", body, content_type=XML), 400, 422)


@case("SHOULD", PARAGRAPH, "X-25", "a refusal comes in the format that was asked for")
def refusal_as_xml(server):
    needs_xml(server)
    fhir_xml(server.get(f"Patient/{server.unique()}", accept=XML), "OperationOutcome", 404)


@case("SHOULD", PARAGRAPH, "X-24", "searches, histories and the CapabilityStatement come as XML")
def every_answer_as_xml(server):
    needs_xml(server)
    where = stored(server)
    fhir_xml(server.get("metadata", accept=XML), "CapabilityStatement")
    fhir_xml(server.get(f"Patient?_id={where.partition('/')[2]}", accept=XML), "Bundle")
    fhir_xml(server.get(f"{where}/_history", accept=XML), "Bundle")


@case("MUST", "R4 http.html#transaction", "X-24", "a transaction in XML is carried out")
def transaction_in_xml(server):
    needs_xml(server)
    patient = xml_patient(server).replace(' xmlns="http://hl7.org/fhir"', "", 1)
    body = (f'<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource>{patient}</resource>'
            '<request><method value="POST"/><url value="Patient"/></request></entry></Bundle>')
    root = fhir_xml(server.post("", body, content_type=XML, accept=XML), "Bundle")
    places = [element.get("value") for element in root.iter() if name_of(element) == "location"]
    equal(len(places), 1, "locations")
    where = "/".join(places[0].partition("/_history")[0].split("/")[-2:])
    server.keep_track(where)
    fhir_xml(server.get(where, accept=XML), "Patient")


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
