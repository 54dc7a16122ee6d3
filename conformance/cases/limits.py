"""Limits: what is too much is refused, with an OperationOutcome, and does no harm."""

from suite.case import case
from suite.expect import NotOffered, check, refused, status
from suite.samples import entry, patient


def alive(server):
    status(server.get("metadata"), 200)


@case("MUST", "R4 http.html#Status-Codes", "X-29", "JSON ten thousand levels deep is refused")
def deep_json(server):
    deep = '{"resourceType":"Patient","extension":' + "[{\"extension\":" * 10000 + "[]"
    refused(server.post("Patient", deep + "}]" * 10000 + "}"))
    alive(server)


@case("MUST", "R4 http.html#Status-Codes", "X-29", "an unclosed array of a million brackets is refused")
def unclosed(server):
    refused(server.post("Patient", "[" * 1000000))
    alive(server)


@case("SHOULD", "R4 http.html#Status-Codes", "X-29", "a body beyond the limit is answered 413")
def large_body(server):
    if not server.body_limit:
        raise NotOffered("--body-limit does not say how much is too much")
    filler = "x" * server.body_limit
    refused(server.post("Patient", patient(server, name=[{"family": filler}])), 413)
    alive(server)


@case("SHOULD", "R4 http.html#Status-Codes", "X-29", "a URL of a megabyte is refused")
def long_url(server):
    try:
        answer = server.get("Patient?name=" + "x" * 1000000)
    except OSError as reason:
        alive(server)
        raise NotOffered(f"the connection was closed: {reason}") from reason
    check(400 <= answer.status < 500, f"answered {answer.status}")
    refused(answer)
    alive(server)


@case("SHOULD", "R4 search.html#errors", "X-29", "five thousand search parameters are refused or answered")
def many_parameters(server):
    answer = server.get("Patient?" + "&".join(["gender=male"] * 5000))
    if answer.status != 200:
        refused(answer)
    alive(server)


@case("MUST", "R4 search.html#count", "X-29", "a huge _count is answered with a page of the server's size")
def huge_count(server):
    status(server.get("Patient?_count=2147483647"), 200)


@case("SHOULD", "R4 http.html#transaction", "X-29", "a Bundle of twenty thousand entries is refused or answered")
def many_entries(server):
    server.needs_system("batch")
    answer = server.batch(*[entry("GET", "Patient/x")] * 20000)
    if answer.status != 200:
        refused(answer)
    alive(server)


@case("MUST", "R4 datatypes.html#string", "X-29", "a string of a megabyte is stored or refused")
def long_string(server):
    answer = server.post("Patient", patient(server, name=[{"text": "x" * 1048576}]))
    if answer.status == 201:
        server.note(answer)
    else:
        refused(answer)
    alive(server)
