"""What every search answer has, whatever was searched for."""

import urllib.parse

from suite.case import case
from suite.expect import NotOffered, bundle, check, equal, refused, same_ids, status
from suite.samples import SYSTEM, observation, patient
from suite.server import ids, link, matches


def family(server):
    """Three patients of one family."""
    name = server.unique()
    made = [server.create(patient(server, name=[{"family": name, "given": [given]}]))
            for given in ("Anna", "Berta", "Clara")]
    return name, made


@case("MUST", "R4 http.html#search", "X-19", "a search is answered with a searchset")
def searchset(server):
    name, made = server.once(family)
    same_ids(ids(matches(server.search(f"Patient?family={name}"))), ids_of(made), "the matches")


def ids_of(resources):
    return [resource["id"] for resource in resources]


@case("MUST", "R4 search.html", "X-19", "a search without a match is answered 200 with an empty searchset")
def nothing(server):
    found = server.search(f"Patient?family={server.unique()}")
    equal(found.get("entry", []), [], "the entries")


@case("MUST", "R4 search.html", "X-19", "what is found equals what is read")
def same_as_read(server):
    name, made = server.once(family)
    found = {entry["resource"]["id"]: entry["resource"]
             for entry in server.search(f"Patient?family={name}")["entry"]}
    equal(found[made[0]["id"]], made[0], "the resource")


@case("MUST", "R4 bundle.html#searchset", "X-19", "every entry has fullUrl and says that it matches")
def entries(server):
    name, _ = server.once(family)
    for entry in server.search(f"Patient?family={name}")["entry"]:
        equal(entry.get("search", {}).get("mode"), "match", "search.mode")
        full_url = entry.get("fullUrl", "")
        check(full_url.endswith(f"/Patient/{entry['resource']['id']}"), f"fullUrl is {full_url}")
        check(full_url.startswith("http"), "fullUrl is not absolute")


@case("MUST", "R4 search.html#conformance", "X-17", "the self link tells what was searched for")
def self_link(server):
    name, _ = server.once(family)
    url = link(server.search(f"Patient?family={name}"), "self") or ""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    equal(query.get("family"), [name], "family in the self link")


@case("MUST", "R4 bundle.html (bdl-1)", "X-19", "total is the number of matches, if there is one")
def total(server):
    name, made = server.once(family)
    found = server.search(f"Patient?family={name}")
    if "total" not in found:
        raise NotOffered("Bundle.total is left out")
    equal(found["total"], len(made), "Bundle.total")


@case("SHOULD", "R4 search.html#total", "X-19", "_total=accurate gives the exact total")
def accurate_total(server):
    name, made = server.once(family)
    equal(server.search(f"Patient?family={name}&_total=accurate&_count=1").get("total"), len(made),
          "Bundle.total")


@case("SHOULD", "R4 search.html#count", "X-19", "_count=0 and _summary=count give the total and no entries")
def count_only(server):
    name, made = server.once(family)
    for how in ("_count=0", "_summary=count"):
        answer = status(server.get(f"Patient?family={name}&{how}"), 200)
        found = bundle(answer, "searchset")
        equal(found.get("total"), len(made), f"total with {how}")
        equal(found.get("entry", []), [], f"entries with {how}")


@case("MUST", "R4 search.html#combining", "X-22", "several parameters must all match")
def combined(server):
    name, made = server.once(family)
    equal(server.found(f"Patient?family={name}&given=Berta"), [made[1]["id"]], "the matches")
    equal(server.found(f"Patient?family={name}&gender=male"), [], "the matches of another gender")


@case("MUST", "R4 search.html#combining", "X-22", "a comma means or, a repetition means and")
def or_and(server):
    name, made = server.once(family)
    same_ids(server.found(f"Patient?family={name}&given=Anna,Clara"), ids_of([made[0], made[2]]), "or")
    equal(server.found(f"Patient?family={name}&given=Anna&given=Clara"), [], "and")


@case("MUST", "R4 http.html#search", "X-16", "POST to _search finds the same")
def by_post(server):
    name, made = server.once(family)
    answer = server.post("Patient/_search", f"family={name}",
                         content_type="application/x-www-form-urlencoded")
    same_ids(ids(matches(bundle(answer, "searchset"))), ids_of(made), "the matches")


@case("MUST", "R4 http.html#search", "X-16", "POST to _search takes parameters of URL and body")
def by_post_and_url(server):
    name, made = server.once(family)
    answer = server.post("Patient/_search?given=Anna", f"family={name}",
                         content_type="application/x-www-form-urlencoded")
    equal(ids(matches(bundle(answer, "searchset"))), [made[0]["id"]], "the matches")


@case("SHOULD", "R4 search.html#errors", "X-18", "an unknown parameter is refused in strict mode")
def unknown_strict(server):
    name, _ = server.once(family)
    refused(server.get(f"Patient?family={name}&shoe=43", prefer="handling=strict"), 400)


@case("SHOULD", "R4 search.html#errors", "X-18", "in lenient mode it is ignored, and the self link says so")
def unknown_lenient(server):
    name, made = server.once(family)
    answer = server.get(f"Patient?family={name}&shoe=43", prefer="handling=lenient")
    found = bundle(answer, "searchset")
    same_ids(ids(matches(found)), ids_of(made), "the matches")
    check("shoe" not in (link(found, "self") or ""), "the self link has the ignored parameter")


@case("SHOULD", "R4 search.html#errors", "X-17", "what was ignored is told in an entry of mode outcome")
def ignored_is_told(server):
    name, _ = server.once(family)
    answer = server.get(f"Patient?family={name}&shoe=43", prefer="handling=lenient")
    told = [entry for entry in bundle(answer, "searchset")["entry"]
            if entry["resource"]["resourceType"] == "OperationOutcome"]
    check(told, "there is no OperationOutcome")
    for entry in told:
        equal(entry["search"]["mode"], "outcome", "search.mode")
        severities = {issue["severity"] for issue in entry["resource"]["issue"]}
        check(not severities & {"error", "fatal"}, f"severity is {severities}")


@case("MUST", "R4 search.html#modifiers", "X-18", "an unknown modifier is refused")
def unknown_modifier(server):
    refused(server.get("Patient?family:backwards=x"))
    refused(server.get("Patient?family:backwards=x", prefer="handling=lenient"))


@case("MUST", "R4 search.html#modifiers", "X-18", "a modifier of another type of parameter is refused")
def misplaced_modifier(server):
    refused(server.get("Patient?birthdate:exact=2000-01-01"))
    refused(server.get("Patient?gender:contains=m"))


@case("SHOULD", "R4 search.html#errors", "X-25", "a malformed value is refused")
def malformed(server):
    for query in ("birthdate=1974-13", "birthdate=gt", "_lastUpdated=yesterday"):
        refused(server.get("Patient?" + query), 400, 422)
    refused(server.get("Observation?value-quantity=heavy"), 400, 422)


@case("SHOULD", "R4 search.html#errors", "X-18", "an unknown chain is refused")
def unknown_chain(server):
    refused(server.get("Observation?subject:Patient.shoe=43"), 400, 422, 501)


@case("MUST", "R4 search.html", "X-19", "a search of a type finds no other types")
def only_the_type(server):
    value = server.unique()
    same = [{"system": SYSTEM, "value": value}]
    made = server.create(patient(server, identifier=same))
    server.create(observation(server, identifier=same))
    equal(server.found(f"Patient?identifier={SYSTEM}|{value}"), [made["id"]], "the matches")


@case("MUST", "R4 http.html#update", "X-23", "a search sees an update at once")
def sees_updates(server):
    made = server.create(patient(server))
    name = server.unique()
    server.update({**made, "name": [{"family": name}]})
    equal(server.found(f"Patient?family={name}"), [made["id"]], "the matches of the new name")
    equal(server.found(f"Patient?family={made['name'][0]['family']}"), [], "those of the old name")
