"""Read: GET [base]/[type]/[id], conditional and HEAD."""

from suite.case import case
from suite.expect import check, equal, header, refused, status
from suite.samples import patient


@case("MUST", "R4 http.html#read", "X-02", "gives the resource with its id")
def the_resource(server):
    sent = patient(server)
    made = server.create(sent)
    answer = status(server.get(f"Patient/{made['id']}"), 200)
    equal(answer.json()["id"], made["id"], "id")
    equal(answer.json()["name"], sent["name"], "name")


@case("SHOULD", "R4 http.html#read", "X-02", "ETag and Last-Modified tell the version")
def etag(server):
    made = server.create(patient(server))
    answer = server.get(f"Patient/{made['id']}")
    equal(header(answer, "ETag"), f'W/"{made["meta"]["versionId"]}"', "ETag")
    check(header(answer, "Last-Modified").endswith(" GMT"), "Last-Modified is no HTTP date")


@case("MUST", "R4 http.html#read", "X-02", "an unknown id is answered 404")
def unknown(server):
    refused(server.get(f"Patient/{server.unique()}"), 404)


@case("SHOULD", "R4 http.html#read", "X-02", "a deleted resource is answered 410")
def deleted(server):
    server.needs("Patient", "delete")
    made = server.create(patient(server))
    status(server.delete(f"Patient/{made['id']}"), 200, 202, 204)
    refused(server.get(f"Patient/{made['id']}"), 410)


@case("MUST", "R4 http.html#read", "X-25", "an unknown resource type is answered 404")
def unknown_type(server):
    refused(server.get("Pacient/1"), 400, 404)


@case("MUST", "R4 datatypes.html#id", "X-25", "a malformed id is refused")
def malformed_id(server):
    refused(server.get("Patient/not%20an%20id"), 400, 404)
    refused(server.get("Patient/" + "x" * 65), 400, 404)


@case("MUST", "R4 http.html#read", "X-02", "HEAD answers as GET does, without a body")
def head(server):
    made = server.create(patient(server))
    got = server.get(f"Patient/{made['id']}")
    answer = status(server.request("HEAD", f"Patient/{made['id']}"), 200)
    equal(answer.body, b"", "the body")
    for name in ("etag", "last-modified", "content-type"):
        equal(answer.headers.get(name), got.headers.get(name), name)


@case("MUST", "R4 http.html#read", "X-02", "HEAD of an unknown id is answered 404, without a body")
def head_of_unknown(server):
    answer = status(server.request("HEAD", f"Patient/{server.unique()}"), 404)
    equal(answer.body, b"", "the body")


def conditional(server, code):
    value = server.declared("Patient").get("conditionalRead", "not-supported")
    if value not in (code, "full-support"):
        server.needs_flag("Patient", "conditionalRead", value)


@case("MUST", "R4 http.html#cread", "X-03", "If-None-Match with the current version is answered 304")
def not_modified(server):
    conditional(server, "not-match")
    made = server.create(patient(server))
    tag = f'W/"{made["meta"]["versionId"]}"'
    answer = server.get(f"Patient/{made['id']}", if_none_match=tag)
    equal(answer.status, 304, "status")
    equal(answer.body, b"", "the body")


@case("MUST", "R4 http.html#cread", "X-03", "If-None-Match with another version is answered 200")
def modified(server):
    conditional(server, "not-match")
    made = server.create(patient(server))
    answer = server.get(f"Patient/{made['id']}", if_none_match='W/"another"')
    equal(status(answer, 200).json()["id"], made["id"], "id")


@case("MUST", "R4 http.html#cread", "X-03", "If-Modified-Since with the time of the version is answered 304")
def not_modified_since(server):
    conditional(server, "modified-since")
    made = server.create(patient(server))
    last = header(server.get(f"Patient/{made['id']}"), "Last-Modified")
    equal(server.get(f"Patient/{made['id']}", if_modified_since=last).status, 304, "status")


@case("MUST", "R4 http.html#cread", "X-03", "If-Modified-Since with an earlier time is answered 200")
def modified_since(server):
    conditional(server, "modified-since")
    made = server.create(patient(server))
    long_ago = "Sat, 01 Jan 2000 00:00:00 GMT"
    status(server.get(f"Patient/{made['id']}", if_modified_since=long_ago), 200)
