"""Conditional create: POST with If-None-Exist."""

from concurrent.futures import ThreadPoolExecutor

from suite.case import case
from suite.expect import check, equal, refused, status
from suite.samples import SYSTEM, patient

PARAGRAPH = "R4 http.html#ccreate"


def condition(resource):
    return f"identifier={SYSTEM}|{resource['identifier'][0]['value']}"


def post(server, resource):
    server.needs_flag("Patient", "conditionalCreate")
    return server.post("Patient", resource, if_none_exist=condition(resource))


@case("MUST", PARAGRAPH, "X-04", "without a match it creates")
def no_match(server):
    server.note(status(post(server, patient(server)), 201))


@case("MUST", PARAGRAPH, "X-04", "with one match it answers 200 and writes nothing")
def one_match(server):
    sent = patient(server)
    made = server.create(sent)
    answer = status(post(server, {**sent, "gender": "male"}), 200)
    equal(server.get(f"Patient/{made['id']}").json(), made, "the resource")
    if answer.headers.get("location"):
        check(made["id"] in answer.headers["location"], "Location names another resource")
    equal(server.found(f"Patient?{condition(sent)}"), [made["id"]], "what is found")


@case("MUST", PARAGRAPH, "X-04", "with several matches it is refused with 412")
def many_matches(server):
    sent = patient(server)
    both = [server.create(sent)["id"], server.create(sent)["id"]]
    refused(post(server, sent), 412)
    equal(len(server.found(f"Patient?{condition(sent)}")), len(both), "number of patients")


@case("SHOULD", PARAGRAPH, "X-04", "twenty at once leave one resource")
def at_once(server):
    sent = patient(server)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(server, sent), range(20)))
    made = [server.note(answer) for answer in answers if answer.status == 201]
    equal(len(made), 1, "number of 201 answers")
    strange = {answer.status for answer in answers} - {200, 201, 409, 412}
    check(not strange, f"unexpected statuses {strange}")
    equal(len(server.found(f"Patient?{condition(sent)}")), 1, "number of patients")


@case("MUST", PARAGRAPH, "X-06", "an unknown criterion is refused and nothing written")
def unknown_criterion(server):
    server.needs_flag("Patient", "conditionalCreate")
    sent = patient(server)
    answer = server.post("Patient", sent, if_none_exist="identifer=" + server.unique())
    if answer.status == 201:
        server.note(answer)
    refused(answer, 400, 412, 422)
    equal(server.found(f"Patient?{condition(sent)}"), [], "what was written")
