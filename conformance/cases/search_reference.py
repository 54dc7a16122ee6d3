"""Reference parameters, and _include (R4 search.html#reference, #include)."""

from suite.case import case
from suite.expect import check, equal, refused, same_ids, status
from suite.samples import SYSTEM, observation, patient
from suite.server import ids, matches

PARAGRAPH = "R4 search.html#reference"
INCLUDE = "R4 search.html#include"
ELSEWHERE = "https://elsewhere.example.org/fhir/Patient/"


def related(server):
    """A patient with two observations, and one of somebody elsewhere with the same id."""
    subject = server.create(patient(server))
    made = [server.create(observation(server, subject))["id"] for _ in range(2)]
    foreign = server.create({**observation(server), "subject": {"reference": ELSEWHERE + subject["id"]}})
    return subject, made, foreign["id"]


@case("MUST", PARAGRAPH, "X-22", "Type/id, id alone, and the absolute URL find it")
def spellings(server):
    subject, made, _ = server.once(related)
    for value in (f"Patient/{subject['id']}", subject["id"], f"{server.base}/Patient/{subject['id']}"):
        same_ids(server.found("Observation", subject=value), made, f"matches of {value}")


@case("MUST", PARAGRAPH, "X-22", "patient finds what subject does, for a patient")
def patient_parameter(server):
    subject, made, _ = server.once(related)
    same_ids(server.found("Observation", patient=subject["id"]), made, "matches of id")
    same_ids(server.found("Observation", patient=f"Patient/{subject['id']}"), made, "matches of Type/id")


@case("MUST", PARAGRAPH, "X-22", "another type with the same id is not found")
def other_type(server):
    subject, _, _ = server.once(related)
    equal(server.found("Observation", subject=f"Group/{subject['id']}"), [], "the matches")


@case("MUST", PARAGRAPH, "X-22", "a reference to another server is found by its URL only")
def other_server(server):
    subject, _, foreign = server.once(related)
    equal(server.found("Observation", subject=ELSEWHERE + subject["id"]), [foreign], "the matches")


@case("MUST", PARAGRAPH, "X-22", "a comma gives alternatives")
def alternatives(server):
    subject, made, _ = server.once(related)
    query = f"Patient/{server.unique()},Patient/{subject['id']}"
    same_ids(server.found("Observation", subject=query), made, "the matches")


@case("SHOULD", "R4 search.html#modifiers", "X-22", "a type as modifier stands for the type")
def type_modifier(server):
    subject, made, _ = server.once(related)
    status(server.get("Observation?subject:Patient=x&_count=1"), 200)
    same_ids(server.found(f"Observation?subject:Patient={subject['id']}"), made, "the matches")
    equal(server.found(f"Observation?subject:Group={subject['id']}"), [], "matches of another type")


@case("SHOULD", "R4 search.html#modifiers", "X-22", ":identifier finds a reference by its identifier")
def identifier_modifier(server):
    status(server.get("Observation?subject:identifier=x&_count=1"), 200)
    value = server.unique()
    subject = {"identifier": {"system": SYSTEM, "value": value}}
    made = server.create({**observation(server), "subject": subject})
    equal(server.found(f"Observation?subject:identifier={SYSTEM}|{value}"), [made["id"]], "the matches")


def page(server, *queries):
    """The first page of a search for the two observations, with what is included."""
    subject, made, _ = server.once(related)
    found = server.search(f"Observation?subject=Patient/{subject['id']}&" + "&".join(queries))
    included = [entry for entry in found["entry"] if entry["search"]["mode"] == "include"]
    return subject, made, found, included


@case("MUST", INCLUDE, "X-19", "_include brings what is referred to, once, marked as included")
def include(server):
    subject, made, found, included = page(server, "_include=Observation:subject")
    same_ids(ids(matches(found)), made, "the matches")
    equal([entry["resource"] for entry in included], [subject], "what is included")
    check(included[0]["fullUrl"].endswith(f"/Patient/{subject['id']}"), "fullUrl of what is included")


@case("MUST", INCLUDE, "X-19", "total does not count what is included")
def total(server):
    _, made, found, _ = page(server, "_include=Observation:subject", "_total=accurate")
    equal(found.get("total"), len(made), "Bundle.total")


@case("MUST", INCLUDE, "X-19", "every page brings what its own matches refer to")
def on_every_page(server):
    subject, _, found, _ = page(server, "_include=Observation:subject", "_count=1")
    for each in server.pages(found):
        included = [entry["resource"]["id"] for entry in each["entry"]
                    if entry["search"]["mode"] == "include"]
        equal(included, [subject["id"]], "what is included")
        equal(len(matches(each)), 1, "number of matches")


@case("SHOULD", INCLUDE, "X-19", "_include takes a target type, and a wildcard")
def include_forms(server):
    subject, _, _, included = page(server, "_include=Observation:subject:Patient")
    equal(ids(included), [subject["id"]], "included with the target type")
    _, _, _, included = page(server, "_include=Observation:subject:Group")
    equal(ids(included), [], "included with another target type")


@case("SHOULD", INCLUDE, "X-18", "an unknown _include is refused")
def unknown_include(server):
    refused(server.get("Observation?_include=Observation:shoe", prefer="handling=strict"), 400)
    refused(server.get("Observation?_include=nonsense", prefer="handling=strict"), 400)


@case("MUST", INCLUDE, "X-19", "a reference that leads nowhere includes nothing")
def dangling(server):
    made = server.create({**observation(server), "subject": {"reference": "Patient/" + server.unique()}})
    value = made["identifier"][0]["value"]
    found = server.search(f"Observation?identifier={value}&_include=Observation:subject")
    equal(ids(found["entry"]), [made["id"]], "the entries")


@case("SHOULD", "R4 search.html#revinclude", "X-19", "_revinclude brings what refers to the matches")
def revinclude(server):
    subject, made, _ = server.once(related)
    answer = server.get(f"Patient?_id={subject['id']}&_revinclude=Observation:subject")
    found = status(answer, 200).json()
    included = [entry["resource"]["id"] for entry in found["entry"]
                if entry["search"]["mode"] == "include"]
    same_ids(included, made, "what is included")


@case("SHOULD", "R4 search.html#chaining", "X-22", "a chain finds by what is referred to")
def chain(server):
    subject, made, _ = server.once(related)
    status(server.get("Observation?subject:Patient.family=x&_count=1"), 200)
    name = subject["name"][0]["family"]
    same_ids(server.found(f"Observation?subject:Patient.family={name}"), made, "the matches")


@case("SHOULD", "R4 search.html#has", "X-22", "_has finds by what refers to it")
def reverse_chain(server):
    subject, made, _ = server.once(related)
    value = server.get(f"Observation/{made[0]}").json()["identifier"][0]["value"]
    status(server.get("Patient?_has:Observation:patient:identifier=x&_count=1"), 200)
    equal(server.found(f"Patient?_has:Observation:patient:identifier={value}"), [subject["id"]],
          "the matches")
