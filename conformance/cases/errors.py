"""Refusals: the right status, an OperationOutcome, and nothing that tells of the inside."""

import re

from suite.case import case
from suite.expect import check, equal, refused, status
from suite.samples import patient

INSIDE = re.compile(
    rb"Traceback \(most|\bat [a-z]+\.[\w.]+\([\w.]+:\d+\)|\.(java|cs|c|go|js):\d+|/home/|/usr/src/|SELECT .* FROM ")


def bad_requests(server):
    """Requests that no server can satisfy, and answers to them."""
    yield server.get("Pacient/1")
    yield server.get("Patient/" + server.unique())
    yield server.get("no/such/path/at/all")
    yield server.post("Patient", "{")
    yield server.post("Patient", "null")
    yield server.post("Patient", "[]")
    yield server.post("Patient", '"Patient"')
    yield server.post("Patient", {"resourceType": "Patient", "birthDate": "yesterday"})
    yield server.put("Patient/one", {"resourceType": "Patient", "id": "other"})
    yield server.post("", "{}")


def doubtful_requests(server):
    """Requests that a server had better refuse."""
    yield server.get("Patient?birthdate=yesterday")
    yield server.get("Patient?birthdate=zz2020")
    yield server.get("Patient?_count=many")
    yield server.get("Patient/%00")
    yield server.get("Patient?name=%ff%fe")
    yield server.get("Patient?name=%zz")
    yield server.post("Patient", patient(server), content_type="image/png")


@case("MUST", "R4 http.html#Status-Codes", "X-25", "bad requests are answered 4xx with an OperationOutcome")
def outcomes(server):
    for answer in bad_requests(server):
        refused(answer)


@case("SHOULD", "R4 http.html#Status-Codes", "X-25", "doubtful requests are answered 4xx with an OperationOutcome")
def doubtful(server):
    for answer in doubtful_requests(server):
        if answer.status == 201:
            server.note(answer)
        refused(answer)


@case("MUST", "R4 security.html", "X-25", "no answer tells of the inside")
def no_inside(server):
    for answer in [*bad_requests(server), *doubtful_requests(server)]:
        found = INSIDE.search(answer.body)
        check(not found, f"{answer.request} answers with {found and found[0]!r}")


@case("SHOULD", "R4 operationoutcome.html", "X-25", "a structural error is located by FHIRPath")
def located(server):
    body = patient(server, name=[{"family": "A"}, {"family": ["B"]}])
    found = refused(server.post("Patient", body), 400, 422)
    places = [place for issue in found["issue"] for place in issue.get("expression", [])]
    check(any("name[1].family" in place for place in places), f"expression is {places}")


@case("SHOULD", "R4 operationoutcome.html", "X-25", "several errors are reported at once")
def several(server):
    body = patient(server, birthDate="yesterday", gender=5, active="perhaps")
    found = refused(server.post("Patient", body), 400, 422)
    errors = [issue for issue in found["issue"] if issue["severity"] in ("error", "fatal")]
    check(len(errors) >= 3, f"{len(errors)} errors are reported")


@case("SHOULD", "R4 http.html#Status-Codes", "X-25", "a method that is not offered is answered 405")
def method(server):
    refused(server.put("Patient", patient(server)), 400, 404, 405)
    refused(server.request("POST", "metadata", "{}"), 400, 404, 405)


@case("SHOULD", "R4 http.html#custom", "X-25", "every answer has a request id, the client's if it sent one")
def request_id(server):
    check(server.get("metadata").headers.get("x-request-id"), "X-Request-Id is missing")
    sent = server.unique()
    found = server.get("Patient/" + server.unique(), x_request_id=sent).headers
    equal(found.get("x-request-id") or found.get("x-correlation-id"), sent, "X-Request-Id")


@case("MUST", "R4 http.html#Status-Codes", "X-25", "the server answers as before after all that")
def still_alive(server):
    status(server.get("metadata"), 200)
