"""Transactions: all entries or none, in the order of the standard."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from suite.case import case
from suite.expect import bundle, check, equal, outcome, refused, status
from suite.samples import SYSTEM, entry, observation, patient
from suite.server import location

RULES = "R4 http.html#trules"
RESPONSE = "R4 http.html#transaction-response"


def urn():
    return "urn:uuid:" + str(uuid.uuid4())


def criterion(resource):
    return f"identifier={SYSTEM}|{resource['identifier'][0]['value']}"


def post(server, *entries):
    server.needs_system("transaction")
    return server.transaction(*entries)


def accepted(server, *entries):
    """The entries of the response to a transaction that works."""
    answer = status(post(server, *entries), 200)
    found = bundle(answer, "transaction-response").get("entry", [])
    equal(len(found), len(entries), "number of entries")
    return found


def made_by(server, response):
    """What an entry of the response says was created."""
    return status(server.get(location(response["response"])), 200).json()


def failed(server, *entries):
    """The transaction is refused as a whole."""
    answer = post(server, *entries)
    check(answer.status >= 400, f"the transaction is answered {answer.status}")
    check(answer.status != 501, "the transaction is answered 501")
    return outcome(answer)


@case("MUST", RESPONSE, "X-10", "the response has an entry for each entry, in their order")
def same_order(server):
    first, second = patient(server), observation(server)
    found = accepted(server, entry("POST", "Observation", second, urn()),
                     entry("POST", "Patient", first, urn()))
    for response, kind in zip(found, ("Observation", "Patient")):
        check(response["response"]["status"].startswith("201"), "response.status is not 201")
        check(location(response["response"]).startswith(kind + "/"), "location of another type")


@case("MUST", RESPONSE, "X-10", "response.location names id and version")
def location_of_entry(server):
    found = accepted(server, entry("POST", "Patient", patient(server), urn()))
    check("/_history/" in found[0]["response"].get("location", ""), "location has no version")


@case("SHOULD", RESPONSE, "X-10", "response has etag and lastModified")
def etag_of_entry(server):
    found = accepted(server, entry("POST", "Patient", patient(server), urn()))
    made = made_by(server, found[0])
    equal(found[0]["response"].get("etag"), f'W/"{made["meta"]["versionId"]}"', "etag")
    equal(found[0]["response"].get("lastModified"), made["meta"]["lastUpdated"], "lastModified")


@case("MUST", RULES, "X-09", "when one entry fails, nothing of the others is stored")
def all_or_nothing(server):
    good, bad = patient(server), patient(server, gender=["an array does not belong here"])
    failed(server, entry("POST", "Patient", good, urn()), entry("POST", "Patient", bad, urn()))
    equal(server.found("Patient?" + criterion(good)), [], "what was stored")


@case("MUST", RESPONSE, "X-10", "a failed transaction is answered with one OperationOutcome")
def one_outcome(server):
    failed(server, entry("POST", "Patient", patient(server), urn()),
           entry("PUT", "Patient/another", patient(server, id="one"), urn()))


@case("SHOULD", "R4 operationoutcome.html", "X-25", "the OperationOutcome names the entry at fault")
def names_the_entry(server):
    bad = patient(server, gender=["an array does not belong here"])
    body = failed(server, entry("POST", "Patient", patient(server), urn()),
                  entry("POST", "Patient", bad, urn()))
    places = " ".join(place for issue in body["issue"]
                      for place in issue.get("expression", []) + [issue.get("diagnostics", "")])
    check("entry[1]" in places, f"no issue names entry[1]: {places[:200]}")


@case("MUST", RULES, "X-11", "references to a fullUrl become references to what was created")
def references(server):
    name = urn()
    body = observation(server, subject=None)
    body["subject"] = {"reference": name}
    found = accepted(server, entry("POST", "Patient", patient(server), name),
                     entry("POST", "Observation", body, urn()))
    equal(made_by(server, found[1])["subject"]["reference"], location(found[0]["response"]), "subject")


@case("MUST", RULES, "X-09", "a reference may stand before what it refers to")
def forward_reference(server):
    name = urn()
    body = {**observation(server), "subject": {"reference": name}}
    found = accepted(server, entry("POST", "Observation", body, urn()),
                     entry("POST", "Patient", patient(server), name))
    equal(made_by(server, found[0])["subject"]["reference"], location(found[1]["response"]), "subject")


@case("MUST", RULES, "X-11", "references may be circular")
def circular(server):
    names = urn(), urn()
    patients = [patient(server, link=[{"other": {"reference": other}, "type": "seealso"}])
                for other in reversed(names)]
    found = accepted(server, entry("POST", "Patient", patients[0], names[0]),
                     entry("POST", "Patient", patients[1], names[1]))
    for one, other in ((0, 1), (1, 0)):
        reference = made_by(server, found[one])["link"][0]["other"]["reference"]
        equal(reference, location(found[other]["response"]), "link.other")


@case("MUST", RULES, "X-11", "a reference to an entry's absolute fullUrl is rewritten too")
def absolute_full_url(server):
    name = f"http://conformance.example.org/fhir/Patient/{server.unique()}"
    body = {**observation(server), "subject": {"reference": name}}
    found = accepted(server, entry("POST", "Patient", patient(server), name),
                     entry("POST", "Observation", body, urn()))
    equal(made_by(server, found[1])["subject"]["reference"], location(found[0]["response"]), "subject")


@case("MUST", RULES, "X-11", "a url element that names a fullUrl is rewritten")
def url_element(server):
    server.needs("DocumentReference", "create")
    name = urn()
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"contentType": "text/plain", "url": name}}],
    }
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "Y29uZm9ybWFuY2U="}
    found = accepted(server, entry("POST", "Binary", binary, name),
                     entry("POST", "DocumentReference", document, urn()))
    url = made_by(server, found[1])["content"][0]["attachment"]["url"]
    check(url.endswith(location(found[0]["response"])), f"attachment.url is {url}")


@case("MUST", RULES, "X-11", "links in the narrative that name a fullUrl are rewritten")
def narrative(server):
    name = urn()
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">See <a href="{name}">her</a></div>'
    body = {**observation(server), "text": {"status": "generated", "div": div}}
    found = accepted(server, entry("POST", "Patient", patient(server), name),
                     entry("POST", "Observation", body, urn()))
    text = made_by(server, found[1])["text"]["div"]
    check(name not in text, "the narrative still has the urn")
    check(location(found[0]["response"]) in text, "the narrative does not link to the patient")


@case("MUST", RULES, "X-11", "a canonical element is not rewritten")
def canonical(server):
    server.needs("QuestionnaireResponse", "create")
    name = urn()
    form = {"resourceType": "Questionnaire", "status": "draft", "url": name}
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": name}
    found = accepted(server, entry("POST", "Questionnaire", form, name),
                     entry("POST", "QuestionnaireResponse", response, urn()))
    equal(made_by(server, found[1])["questionnaire"], name, "questionnaire")


@case("MUST", RULES, "X-11", "other references stay as they are")
def other_references(server):
    made = server.create(patient(server))
    body = {**observation(server, made), "performer": [
        {"reference": "https://elsewhere.example.org/fhir/Practitioner/1"}]}
    found = accepted(server, entry("POST", "Observation", body, urn()))
    stored = made_by(server, found[0])
    equal(stored["subject"], body["subject"], "subject")
    equal(stored["performer"], body["performer"], "performer")


@case("MUST", RULES, "X-09", "DELETE is done before POST, wherever it stands")
def delete_first(server):
    server.needs("Patient", "delete")
    sent = patient(server)
    old = server.create(sent)
    found = accepted(server, entry("POST", "Patient", sent, urn(), ifNoneExist=criterion(sent)),
                     entry("DELETE", f"Patient/{old['id']}"))
    check(found[0]["response"]["status"].startswith("201"), "the POST met what the DELETE removed")
    refused(server.get(f"Patient/{old['id']}"), 404, 410)


@case("MUST", RULES, "X-09", "GET is done after the writes, wherever it stands")
def get_last(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    found = accepted(server, entry("GET", f"Patient/{made['id']}"),
                     entry("PUT", f"Patient/{made['id']}", {**made, "gender": "male"}))
    equal(found[0].get("resource", {}).get("gender"), "male", "gender of what GET gives")


@case("MUST", RULES, "X-09", "a search in a transaction is answered with a searchset")
def search_inside(server):
    sent = patient(server)
    found = accepted(server, entry("GET", "Patient?" + criterion(sent)),
                     entry("POST", "Patient", sent, urn()))
    inner = found[0].get("resource", {})
    equal(inner.get("type"), "searchset", "type of the inner Bundle")
    equal(len(inner.get("entry", [])), 1, "number of matches")


@case("MUST", RULES, "X-09", "two writes of one resource fail the transaction")
def overlap(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    where = f"Patient/{made['id']}"
    failed(server, entry("PUT", where, {**made, "gender": "male"}),
           entry("PUT", where, {**made, "gender": "other"}))
    equal(server.get(where).json(), made, "the resource")
    failed(server, entry("PUT", where, {**made, "gender": "male"}), entry("DELETE", where))
    equal(server.get(where).json(), made, "the resource")


@case("MUST", RULES, "X-09", "an update and its version stand in the response")
def update_inside(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    found = accepted(server, entry("PUT", f"Patient/{made['id']}", {**made, "gender": "male"}))
    check(found[0]["response"]["status"].startswith("200"), "response.status is not 200")
    equal(server.get(f"Patient/{made['id']}").json()["gender"], "male", "gender")


@case("MUST", "R4 http.html#concurrency", "X-03", "ifMatch with an old version fails the transaction")
def stale(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    other = patient(server)
    server.update({**made, "gender": "male"})
    old = f'W/"{made["meta"]["versionId"]}"'
    failed(server, entry("POST", "Patient", other, urn()),
           entry("PUT", f"Patient/{made['id']}", {**made, "gender": "other"}, ifMatch=old))
    equal(server.found("Patient?" + criterion(other)), [], "what was stored")
    equal(server.get(f"Patient/{made['id']}").json()["gender"], "male", "gender")


@case("MUST", "R4 http.html#ccreate", "X-04", "ifNoneExist: without a match created, with one taken")
def if_none_exist(server):
    sent = patient(server)
    name = urn()
    body = {**observation(server), "subject": {"reference": name}}
    first = accepted(server, entry("POST", "Patient", sent, name, ifNoneExist=criterion(sent)))
    check(first[0]["response"]["status"].startswith("201"), "the first is not created")
    second = accepted(server, entry("POST", "Patient", sent, name, ifNoneExist=criterion(sent)),
                      entry("POST", "Observation", body, urn()))
    check(second[0]["response"]["status"].startswith("200"), "the second does not take the first")
    equal(made_by(server, second[1])["subject"]["reference"], location(first[0]["response"]), "subject")
    equal(len(server.found("Patient?" + criterion(sent))), 1, "number of patients")


@case("MUST", "R4 http.html#ccreate", "X-04", "ifNoneExist with several matches fails the transaction")
def if_none_exist_many(server):
    sent, other = patient(server), patient(server)
    server.create(sent)
    server.create(sent)
    failed(server, entry("POST", "Patient", other, urn()),
           entry("POST", "Patient", sent, urn(), ifNoneExist=criterion(sent)))
    equal(server.found("Patient?" + criterion(other)), [], "what was stored")


@case("SHOULD", "R4 http.html#ccreate", "X-04", "ten transactions at once with one ifNoneExist leave one resource")
def if_none_exist_at_once(server):
    server.needs_system("transaction")
    sent = patient(server)

    def send(_):
        return post(server, entry("POST", "Patient", sent, urn(), ifNoneExist=criterion(sent)))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(10)))
    strange = {answer.status for answer in answers} - {200, 409, 412}
    check(not strange, f"unexpected statuses {strange}")
    equal(len(server.found("Patient?" + criterion(sent))), 1, "number of patients")


@case("MUST", RULES, "X-12", "a conditional reference with one match is resolved")
def conditional_reference(server):
    made = server.create(patient(server))
    body = {**observation(server), "subject": {"reference": "Patient?" + criterion(made)}}
    found = accepted(server, entry("POST", "Observation", body, urn()))
    equal(made_by(server, found[0])["subject"]["reference"], f"Patient/{made['id']}", "subject")


@case("MUST", RULES, "X-12", "a conditional reference finds what the transaction creates")
def conditional_reference_inside(server):
    sent = patient(server)
    body = {**observation(server), "subject": {"reference": "Patient?" + criterion(sent)}}
    found = accepted(server, entry("POST", "Observation", body, urn()),
                     entry("POST", "Patient", sent, urn()))
    equal(made_by(server, found[0])["subject"]["reference"], location(found[1]["response"]), "subject")


@case("MUST", RULES, "X-12", "a conditional reference without or with several matches fails the transaction")
def conditional_reference_fails(server):
    sent, other = patient(server), patient(server)
    body = {**observation(server), "subject": {"reference": "Patient?" + criterion(sent)}}
    entries = entry("POST", "Patient", other, urn()), entry("POST", "Observation", body, urn())
    failed(server, *entries)
    server.create(sent)
    server.create(sent)
    failed(server, *entries)
    equal(server.found("Patient?" + criterion(other)), [], "what was stored")


@case("MUST", "R4 bundle.html (bdl-3)", "X-09", "an entry without request fails the transaction")
def no_request(server):
    failed(server, {"fullUrl": urn(), "resource": patient(server)})


@case("MUST", RULES, "X-09", "an entry for an unknown type fails the transaction")
def unknown_type(server):
    good = patient(server)
    failed(server, entry("POST", "Patient", good, urn()), entry("DELETE", "Pacient/1"))
    equal(server.found("Patient?" + criterion(good)), [], "what was stored")


@case("SHOULD", RULES, "X-09", "an empty transaction is answered with an empty response")
def empty(server):
    server.needs_system("transaction")
    answer = status(server.post("", {"resourceType": "Bundle", "type": "transaction"}), 200)
    equal(bundle(answer, "transaction-response").get("entry", []), [], "the entries")


@case("SHOULD", "R4 http.html#transaction", "X-25", "a Bundle of another type is refused")
def other_bundle(server):
    server.needs_system("transaction")
    refused(server.post("", {"resourceType": "Bundle", "type": "collection"}))


@case("MUST", "R4 http.html#transaction", "X-25", "a resource that is no Bundle is refused")
def no_bundle(server):
    server.needs_system("transaction")
    refused(server.post("", patient(server)))
