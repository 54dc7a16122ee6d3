"""Delete: DELETE [base]/[type]/[id]."""

from suite.case import case
from suite.expect import equal, refused, status
from suite.samples import SYSTEM, patient

GONE = (200, 202, 204)
PARAGRAPH = "R4 http.html#delete"


@case("MUST", PARAGRAPH, "X-02", "what was deleted can no longer be read")
def no_longer_read(server):
    server.needs("Patient", "delete")
    made = server.create(patient(server))
    status(server.delete(f"Patient/{made['id']}"), *GONE)
    refused(server.get(f"Patient/{made['id']}"), 404, 410)


@case("MUST", PARAGRAPH, "X-02", "204 has no body, and 200 has one")
def payload(server):
    server.needs("Patient", "delete")
    made = server.create(patient(server))
    answer = status(server.delete(f"Patient/{made['id']}"), *GONE)
    if answer.status != 202:
        equal(bool(answer.body), answer.status == 200, "whether there is a body")


@case("MUST", PARAGRAPH, "X-02", "what was deleted is no longer found")
def no_longer_found(server):
    server.needs("Patient", "delete", "search-type")
    made = server.create(patient(server))
    query = f"Patient?identifier={SYSTEM}|{made['identifier'][0]['value']}"
    equal(server.found(query), [made["id"]], "what is found before")
    status(server.delete(f"Patient/{made['id']}"), *GONE)
    equal(server.found(query), [], "what is found after")


@case("SHOULD", PARAGRAPH, "X-02", "deleting twice is no error")
def twice(server):
    server.needs("Patient", "delete")
    made = server.create(patient(server))
    status(server.delete(f"Patient/{made['id']}"), *GONE)
    status(server.delete(f"Patient/{made['id']}"), *GONE)


@case("SHOULD", PARAGRAPH, "X-02", "deleting what never existed is no error")
def never_existed(server):
    server.needs("Patient", "delete")
    status(server.delete(f"Patient/{server.unique()}"), *GONE)


@case("MUST", PARAGRAPH, "X-25", "an unknown resource type is refused")
def unknown_type(server):
    refused(server.delete("Pacient/1"), 400, 404, 405)
