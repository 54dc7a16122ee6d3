"""Batches: independent entries in one request."""

import uuid

from suite.case import case
from suite.expect import bundle, check, equal, status
from suite.samples import SYSTEM, entry, observation, patient
from suite.server import location

RULES = "R4 http.html#brules"


def run(server, *entries):
    """The entries of the response, which is 200 whatever became of them."""
    server.needs_system("batch")
    found = bundle(status(server.batch(*entries), 200), "batch-response").get("entry", [])
    equal(len(found), len(entries), "number of entries")
    return found


def statuses(found):
    return [response["response"]["status"][:3] for response in found]


@case("MUST", RULES, "X-13", "an entry that fails leaves the others alone")
def independent(server):
    good = patient(server)
    found = run(server, entry("POST", "Patient", patient(server, gender=["misplaced"])),
                entry("POST", "Patient", good), entry("GET", f"Patient/{server.unique()}"))
    codes = statuses(found)
    check(codes[0].startswith("4"), f"the bad entry is answered {codes[0]}")
    equal(codes[1:], ["201", "404"], "the statuses")
    equal(len(server.found(f"Patient?identifier={SYSTEM}|{good['identifier'][0]['value']}")), 1,
          "number of patients")


@case("SHOULD", RULES, "X-13", "a failed entry has an OperationOutcome")
def failed_entry(server):
    found = run(server, entry("GET", f"Patient/{server.unique()}"))
    equal(found[0]["response"].get("outcome", {}).get("resourceType"), "OperationOutcome", "outcome")


@case("MUST", RULES, "X-13", "reads and searches are answered in their entries")
def reads(server):
    made = server.create(patient(server))
    query = f"Patient?identifier={SYSTEM}|{made['identifier'][0]['value']}"
    found = run(server, entry("GET", f"Patient/{made['id']}"), entry("GET", query))
    equal(found[0].get("resource"), made, "what was read")
    equal(found[1].get("resource", {}).get("type"), "searchset", "type of the inner Bundle")
    equal([inner["resource"]["id"] for inner in found[1]["resource"]["entry"]], [made["id"]], "matches")


@case("MUST", RULES, "X-13", "update and delete work in a batch")
def writes(server):
    server.needs("Patient", "update", "delete")
    one, other = server.create(patient(server)), server.create(patient(server))
    found = run(server, entry("PUT", f"Patient/{one['id']}", {**one, "gender": "male"}),
                entry("DELETE", f"Patient/{other['id']}"))
    equal(statuses(found)[0], "200", "status of the update")
    check(statuses(found)[1] in ("200", "202", "204"), "the deletion failed")
    equal(server.get(f"Patient/{one['id']}").json()["gender"], "male", "gender")
    equal(server.get(f"Patient/{other['id']}").status, 410, "status of what was deleted")


@case("SHOULD", RULES, "X-13", "an entry that refers to another is refused, not stored with a broken link")
def references_between(server):
    name = "urn:uuid:" + str(uuid.uuid4())
    body = {**observation(server), "subject": {"reference": name}}
    found = run(server, entry("POST", "Patient", patient(server), name),
                entry("POST", "Observation", body))
    check(statuses(found)[1].startswith("4"),
          f"the entry is answered {statuses(found)[1]} at {location(found[1]['response'])}")


@case("SHOULD", RULES, "X-13", "response has location and etag of what was created")
def location_and_etag(server):
    response = run(server, entry("POST", "Patient", patient(server)))[0]["response"]
    check("/_history/" in response.get("location", ""), "location has no version")
    check(response.get("etag", "").startswith('W/"'), f"etag is {response.get('etag')}")


@case("MUST", RULES, "X-25", "an entry of an unknown type or method fails alone")
def unknown_entry(server):
    made = server.create(patient(server))
    found = run(server, entry("GET", "Pacient/1"), entry("GET", f"Patient/{made['id']}"))
    check(statuses(found)[0].startswith("4"), "an unknown type is not refused")
    equal(statuses(found)[1], "200", "status of the other")


@case("MAY", RULES, "X-13", "an empty batch is answered with an empty response")
def empty(server):
    run(server)
