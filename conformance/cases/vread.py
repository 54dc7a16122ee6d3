"""Vread: GET [base]/[type]/[id]/_history/[vid]."""

from suite.case import case
from suite.expect import check, equal, header, refused, status
from suite.samples import patient

PARAGRAPH = "R4 http.html#vread"


def two_versions(server):
    """A patient with a female first and a male second version."""
    server.needs("Patient", "vread", "update")
    first = server.create(patient(server))
    second = server.update({**first, "gender": "male"})
    return first, second


def where(version):
    return f"Patient/{version['id']}/_history/{version['meta']['versionId']}"


@case("MUST", PARAGRAPH, "X-02", "gives each version as it was")
def each_version(server):
    for version in two_versions(server):
        equal(status(server.get(where(version)), 200).json(), version, "the version")


@case("MUST", PARAGRAPH, "X-02", "id and meta.versionId are those asked for")
def identity(server):
    first, _ = two_versions(server)
    found = status(server.get(where(first)), 200).json()
    equal(found["id"], first["id"], "id")
    equal(found["meta"]["versionId"], first["meta"]["versionId"], "meta.versionId")


@case("SHOULD", PARAGRAPH, "X-02", "ETag and Last-Modified tell the version")
def etag(server):
    first, _ = two_versions(server)
    answer = server.get(where(first))
    equal(header(answer, "ETag"), f'W/"{first["meta"]["versionId"]}"', "ETag")
    header(answer, "Last-Modified")


@case("MUST", PARAGRAPH, "X-02", "an unknown version is answered 404")
def unknown_version(server):
    first, _ = two_versions(server)
    refused(server.get(f"Patient/{first['id']}/_history/999999"), 404)
    refused(server.get(f"Patient/{first['id']}/_history/no-such-version"), 400, 404)


@case("MUST", PARAGRAPH, "X-02", "an older version can be read after deletion")
def after_deletion(server):
    server.needs("Patient", "delete")
    first, second = two_versions(server)
    status(server.delete(f"Patient/{first['id']}"), 200, 202, 204)
    equal(status(server.get(where(first)), 200).json(), first, "the first version")
    equal(status(server.get(where(second)), 200).json(), second, "the second version")


@case("SHOULD", PARAGRAPH, "X-02", "the version that deleted is answered 410")
def deleting_version(server):
    server.needs("Patient", "delete")
    server.needs("Patient", "history-instance")
    made = server.create(patient(server))
    status(server.delete(f"Patient/{made['id']}"), 200, 202, 204)
    history = server.get(f"Patient/{made['id']}/_history").json()
    etag_of = history["entry"][0].get("response", {}).get("etag", "")
    check(etag_of, "the entry of the deletion has no response.etag")
    version = etag_of.removeprefix("W/").strip('"')
    refused(server.get(f"Patient/{made['id']}/_history/{version}"), 410)
