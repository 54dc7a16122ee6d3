"""Create: POST [base]/[type]."""

import re

from suite.case import case
from suite.expect import check, equal, header, refused, status
from suite.samples import observation, patient

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"


@case("MUST", "R4 http.html#create", "X-01", "answers 201, and Location names id and version")
def location_names_the_version(server):
    answer = status(server.post("Patient", patient(server)), 201)
    server.note(answer)
    check(re.search(r"/Patient/[A-Za-z0-9.-]{1,64}/_history/[A-Za-z0-9.-]{1,64}$",
                    header(answer, "Location")), f"Location is {answer.headers['location']}")


@case("MUST", "R4 http.html#create", "X-01", "Location leads to what was created")
def location_leads_there(server):
    sent = patient(server)
    answer = status(server.post("Patient", sent), 201)
    server.note(answer)
    place = header(answer, "Location")
    check(place.startswith(server.base + "/") or not place.startswith("http"),
          f"Location {place} is not below the base")
    server.needs("Patient", "vread")
    where = place if place.startswith("http") else place.removeprefix(server.prefix + "/")
    equal(status(server.get(where), 200).json()["identifier"], sent["identifier"], "identifier")


@case("MUST", "R4 http.html#create", "X-01", "a client's id is ignored")
def client_id_is_ignored(server):
    wanted = "conformance-" + server.unique()
    answer = status(server.post("Patient", patient(server, id=wanted)), 201)
    where = server.note(answer)
    check(where != f"Patient/{wanted}", "the client's id was taken")
    equal(server.get(where).json()["id"], where.partition("/")[2], "id")
    equal(server.get(f"Patient/{wanted}").status, 404, "status of the client's id")


@case("MUST", "R4 http.html#create", "X-01", "a client's versionId and lastUpdated are ignored")
def client_meta_is_ignored(server):
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z"}
    made = server.create(patient(server, meta=meta))
    check(made["meta"]["versionId"] != "77", "the client's versionId was taken")
    check(not made["meta"]["lastUpdated"].startswith("1999"), "the client's lastUpdated was taken")


@case("MUST", "R4 http.html#create", "X-01", "meta has versionId and lastUpdated, an instant")
def meta_is_set(server):
    meta = server.create(patient(server))["meta"]
    check(meta.get("versionId"), "meta.versionId is missing")
    check(re.fullmatch(INSTANT, meta.get("lastUpdated", "")),
          f"meta.lastUpdated is {meta.get('lastUpdated')}")


@case("MUST", "R4 resource.html#Meta", "X-01", "other parts of meta are kept")
def meta_is_kept(server):
    tag = {"system": "urn:example:conformance", "code": server.unique()}
    made = server.create(patient(server, meta={"tag": [tag]}))
    equal(made["meta"].get("tag"), [tag], "meta.tag")


@case("SHOULD", "R4 http.html#create", "X-01", "ETag and Last-Modified tell the version")
def etag_and_last_modified(server):
    answer = status(server.post("Patient", patient(server)), 201)
    version = server.get(server.note(answer)).json()["meta"]["versionId"]
    equal(header(answer, "ETag"), f'W/"{version}"', "ETag")
    header(answer, "Last-Modified")


@case("SHOULD", "R4 http.html#return", "X-01", "without Prefer, the body is what was created or nothing")
def body_is_the_resource(server):
    answer = status(server.post("Patient", patient(server)), 201)
    where = server.note(answer)
    if answer.body:
        equal(answer.json(), server.get(where).json(), "the body")


@case("MUST", "R4 http.html#create", "X-25", "a body that is no JSON is refused")
def no_json(server):
    refused(server.post("Patient", "this is no JSON"), 400, 422)


@case("MUST", "R4 http.html#create", "X-25", "a truncated body is refused")
def truncated(server):
    refused(server.post("Patient", '{"resourceType":"Patient","name":[{"family":"Hal'), 400, 422)


@case("MUST", "R4 http.html#create", "X-25", "an empty body is refused")
def empty_body(server):
    refused(server.post("Patient", ""), 400, 411, 415, 422)


@case("MUST", "R4 http.html#create", "X-25", "JSON without resourceType is refused")
def no_resource_type(server):
    refused(server.post("Patient", {"active": True}), 400, 422)


@case("MUST", "R4 http.html#create", "X-25", "an unknown resource type is refused with 404")
def unknown_type(server):
    refused(server.post("Pacient", {"resourceType": "Pacient"}), 400, 404)


@case("SHOULD", "R4 http.html#create", "X-25", "a resource of another type than the URL's is refused")
def other_type(server):
    refused(server.post("Observation", patient(server)), 400, 422)


@case("SHOULD", "R4 http.html#create", "X-25", "a missing required element is refused")
def required_element(server):
    body = observation(server)
    del body["status"]
    refused(server.post("Observation", body), 400, 422)


@case("SHOULD", "R4 datatypes.html#date", "X-25", "a date that does not exist is refused")
def impossible_date(server):
    refused(server.post("Patient", patient(server, birthDate="1974-02-30")), 400, 422)


@case("SHOULD", "R4 json.html", "X-25", "an array where none belongs is refused")
def misplaced_array(server):
    refused(server.post("Patient", patient(server, birthDate=["1974-12-25"])), 400, 422)


@case("SHOULD", "R4 json.html", "X-25", "a string where a number belongs is refused")
def wrong_kind(server):
    value = {"value": "seventy", "unit": "kg"}
    refused(server.post("Observation", observation(server, valueQuantity=value)), 400, 422)


@case("MAY", "R4 json.html", "X-25", "an unknown element is refused")
def unknown_element(server):
    refused(server.post("Patient", patient(server, shoeSize=43)), 400, 422)


@case("MAY", "R4 json.html", "X-25", "a key given twice is refused")
def duplicate_key(server):
    refused(server.post("Patient", '{"resourceType":"Patient","active":true,"active":false}'), 400, 422)


@case("MUST", "R4 json.html", "X-25", "a body that is not UTF-8 is refused")
def no_utf8(server):
    body = b'{"resourceType":"Patient","name":[{"family":"\xff\xfe"}]}'
    refused(server.post("Patient", body), 400, 422)
