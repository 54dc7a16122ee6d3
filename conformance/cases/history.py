"""History of an instance, a type and the system."""

from suite.case import case
from suite.expect import NotOffered, bundle, check, equal, refused, status
from suite.samples import patient
from suite.server import link

PARAGRAPH = "R4 http.html#history"


def life(server):
    """A patient that was created, changed and deleted: its two versions."""
    server.needs("Patient", "history-instance", "update", "delete")
    first = server.create(patient(server))
    second = server.update({**first, "gender": "male"})
    status(server.delete(f"Patient/{first['id']}"), 200, 202, 204)
    return first, second


def history(server, path):
    return bundle(server.get(path), "history")


def entries(server, path):
    """The entries of all pages."""
    return [entry for page in server.pages(history(server, path)) for entry in page.get("entry", [])]


@case("MUST", PARAGRAPH, "X-14", "of an instance: every version, newest first, the deletion too")
def newest_first(server):
    first, second = server.once(life)
    found = history(server, f"Patient/{first['id']}/_history")["entry"]
    equal(len(found), 3, "number of entries")
    check("resource" not in found[0], "the deletion has a resource")
    equal(found[0]["request"]["method"], "DELETE", "request.method of the deletion")
    equal(found[1].get("resource"), second, "the second version")
    equal(found[2].get("resource"), first, "the first version")


@case("MUST", "R4 bundle.html (bdl-3, bdl-4)", "X-14", "every entry has request and response")
def request_and_response(server):
    first, _ = server.once(life)
    for entry in history(server, f"Patient/{first['id']}/_history")["entry"]:
        check(entry.get("request", {}).get("method"), "an entry has no request.method")
        check(entry["request"].get("url"), "an entry has no request.url")
        check(entry.get("response", {}).get("status"), "an entry has no response.status")


@case("SHOULD", PARAGRAPH, "X-14", "request.method tells create from update")
def methods(server):
    first, _ = server.once(life)
    found = history(server, f"Patient/{first['id']}/_history")["entry"]
    equal([entry["request"]["method"] for entry in found], ["DELETE", "PUT", "POST"], "the methods")


@case("SHOULD", PARAGRAPH, "X-14", "response has etag and lastModified")
def etag_and_last_modified(server):
    first, second = server.once(life)
    found = history(server, f"Patient/{first['id']}/_history")["entry"]
    for entry in found:
        check(entry["response"].get("lastModified"), "an entry has no response.lastModified")
    equal(found[1]["response"].get("etag"), f'W/"{second["meta"]["versionId"]}"', "response.etag")


@case("MUST", "R4 bundle.html (bdl-1)", "X-14", "total is the number of versions, if there is one")
def total(server):
    first, _ = server.once(life)
    found = history(server, f"Patient/{first['id']}/_history")
    if "total" not in found:
        raise NotOffered("Bundle.total is left out")
    equal(found["total"], 3, "Bundle.total")


@case("SHOULD", "R4 bundle.html#links", "X-14", "has a self link")
def self_link(server):
    first, _ = server.once(life)
    check(link(history(server, f"Patient/{first['id']}/_history"), "self"), "there is no self link")


@case("MUST", PARAGRAPH, "X-14", "_count is the most a page has, and next leads through all")
def pages(server):
    first, second = server.once(life)
    page = history(server, f"Patient/{first['id']}/_history?_count=1")
    equal(len(page["entry"]), 1, "entries on the first page")
    check(link(page, "next"), "there is no next link")
    found = entries(server, f"Patient/{first['id']}/_history?_count=1")
    equal([entry.get("resource") for entry in found], [None, second, first], "the versions")


@case("MUST", PARAGRAPH, "X-14", "_since gives what happened at or after the instant")
def since(server):
    first, second = server.once(life)
    when = second["meta"]["lastUpdated"].replace("+", "%2B")
    found = history(server, f"Patient/{first['id']}/_history?_since={when}")["entry"]
    equal(len(found), 2, "number of entries")
    equal(found[1].get("resource"), second, "the last entry")


@case("MUST", PARAGRAPH, "X-14", "_since in the future gives nothing")
def since_the_future(server):
    first, _ = server.once(life)
    found = history(server, f"Patient/{first['id']}/_history?_since=2999-01-01T00:00:00Z")
    equal(found.get("entry", []), [], "the entries")


@case("SHOULD", PARAGRAPH, "X-25", "a malformed _since or _count is refused")
def malformed(server):
    first, _ = server.once(life)
    refused(server.get(f"Patient/{first['id']}/_history?_since=yesterday"), 400, 422)
    refused(server.get(f"Patient/{first['id']}/_history?_count=many"), 400, 422)


@case("SHOULD", PARAGRAPH, "X-14", "a parameter given twice is refused")
def twice(server):
    first, _ = server.once(life)
    refused(server.get(f"Patient/{first['id']}/_history?_count=1&_count=2"), 400, 422)


@case("SHOULD", PARAGRAPH, "X-14", "of an instance that never existed is answered 404")
def never_existed(server):
    server.needs("Patient", "history-instance")
    refused(server.get(f"Patient/{server.unique()}/_history"), 404)


@case("MUST", PARAGRAPH, "X-14", "of a type: has the versions of its resources")
def of_a_type(server):
    server.needs("Patient", "history-type")
    first, second = server.once(life)
    when = first["meta"]["lastUpdated"].replace("+", "%2B")
    found = entries(server, f"Patient/_history?_since={when}&_count=100")
    versions = [entry["resource"] for entry in found
                if entry.get("resource", {}).get("id") == first["id"]]
    equal(versions, [second, first], "the versions")
    kinds = {entry["resource"]["resourceType"] for entry in found if "resource" in entry}
    equal(kinds, {"Patient"}, "the types")


@case("MUST", PARAGRAPH, "X-14", "of the system: has the versions of all types")
def of_the_system(server):
    server.needs_system("history-system")
    server.needs("Basic", "create")
    basic = server.create({"resourceType": "Basic", "code": {"text": server.unique()}})
    made = server.create(patient(server))
    when = basic["meta"]["lastUpdated"].replace("+", "%2B")
    found = entries(server, f"_history?_since={when}&_count=100")
    resources = [entry.get("resource") for entry in found]
    check(basic in resources and made in resources, "a version is missing")
    check(resources.index(made) < resources.index(basic), "the newer does not stand first")
