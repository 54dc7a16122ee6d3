"""Update: PUT [base]/[type]/[id], also as create, and with If-Match."""

import re
from concurrent.futures import ThreadPoolExecutor

from suite.case import case
from suite.expect import check, equal, header, refused, status
from suite.samples import patient


def etag_of(resource):
    return f'W/"{resource["meta"]["versionId"]}"'


@case("MUST", "R4 http.html#update", "X-02", "answers 200 and makes a new version")
def new_version(server):
    server.needs("Patient", "update")
    first = server.create(patient(server))
    status(server.put(f"Patient/{first['id']}", {**first, "gender": "male"}), 200)
    second = server.get(f"Patient/{first['id']}").json()
    equal(second["gender"], "male", "gender")
    check(second["meta"]["versionId"] != first["meta"]["versionId"], "the version stays the same")


@case("MUST", "R4 http.html#update", "X-02", "replaces the whole resource")
def replaces(server):
    server.needs("Patient", "update")
    first = server.create(patient(server))
    del first["birthDate"]
    second = server.update(first)
    check("birthDate" not in second, "what was left out is still there")


@case("MUST", "R4 http.html#update", "X-02", "ignores versionId and lastUpdated of the body")
def ignores_meta(server):
    server.needs("Patient", "update")
    first = server.create(patient(server))
    meta = {"versionId": "4711", "lastUpdated": "1999-01-01T00:00:00Z"}
    second = server.update({**first, "meta": meta, "gender": "male"})
    check(second["meta"]["versionId"] != "4711", "the client's versionId was taken")
    check(not second["meta"]["lastUpdated"].startswith("1999"), "the client's lastUpdated was taken")


@case("SHOULD", "R4 http.html#update", "X-03", "ETag and Last-Modified tell the new version")
def etag(server):
    server.needs("Patient", "update")
    first = server.create(patient(server))
    answer = status(server.put(f"Patient/{first['id']}", {**first, "gender": "male"}), 200)
    second = server.get(f"Patient/{first['id']}").json()
    equal(header(answer, "ETag"), etag_of(second), "ETag")
    header(answer, "Last-Modified")


@case("MUST", "R4 http.html#update", "X-25", "a body with another id is refused with 400")
def other_id(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    refused(server.put(f"Patient/{made['id']}", {**made, "id": "another"}), 400)


@case("MUST", "R4 http.html#update", "X-25", "a body without id is refused with 400")
def no_id(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    refused(server.put(f"Patient/{made['id']}", patient(server)), 400)


@case("MUST", "R4 http.html#update", "X-25", "a body of another type is refused")
def other_type(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    body = {"resourceType": "Basic", "id": made["id"], "code": {"text": "x"}}
    refused(server.put(f"Patient/{made['id']}", body), 400, 422)


@case("MUST", "R4 http.html#upsert", "X-02", "a new id is created with 201 and Location, if offered")
def as_create(server):
    server.needs_flag("Patient", "updateCreate")
    name = server.unique()
    answer = status(server.put(f"Patient/{name}", patient(server, id=name)), 201)
    server.keep_track(f"Patient/{name}")
    check(re.search(rf"/Patient/{name}/_history/[^/]+$", header(answer, "Location")),
          f"Location is {answer.headers['location']}")
    equal(server.get(f"Patient/{name}").json()["id"], name, "id")


@case("SHOULD", "R4 http.html#delete", "X-02", "an update brings a deleted resource back, versions go on")
def undelete(server):
    server.needs("Patient", "update", "delete")
    server.needs_flag("Patient", "updateCreate")
    made = server.create(patient(server))
    status(server.delete(f"Patient/{made['id']}"), 200, 202, 204)
    status(server.put(f"Patient/{made['id']}", made), 200, 201)
    back = status(server.get(f"Patient/{made['id']}"), 200).json()
    check(back["meta"]["versionId"] != made["meta"]["versionId"], "the version starts again")
    if back["meta"]["versionId"].isdigit() and made["meta"]["versionId"].isdigit():
        check(int(back["meta"]["versionId"]) > int(made["meta"]["versionId"]) + 1,
              "the deletion has no version of its own")


@case("MUST", "R4 http.html#concurrency", "X-03", "If-Match with the current version is accepted")
def current_version(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    body = {**made, "gender": "male"}
    status(server.put(f"Patient/{made['id']}", body, if_match=etag_of(made)), 200)


@case("MUST", "R4 http.html#concurrency", "X-03", "If-Match with an old version is refused with 412")
def stale_version(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))
    second = server.update({**made, "gender": "male"})
    body = {**made, "gender": "other"}
    refused(server.put(f"Patient/{made['id']}", body, if_match=etag_of(made)), 412)
    equal(server.get(f"Patient/{made['id']}").json(), second, "the resource")


@case("SHOULD", "R4 http.html#concurrency", "X-03", "If-Match on an id that does not exist is refused")
def match_of_nothing(server):
    server.needs_flag("Patient", "updateCreate")
    name = server.unique()
    answer = server.put(f"Patient/{name}", patient(server, id=name), if_match='W/"1"')
    if answer.status in (200, 201):
        server.keep_track(f"Patient/{name}")
    refused(answer, 404, 409, 412)


@case("MUST", "R4 http.html#concurrency", "X-03", "of ten updates with one If-Match at once, one wins")
def one_winner(server):
    server.needs("Patient", "update")
    made = server.create(patient(server))

    def put(number):
        body = {**made, "multipleBirthInteger": number}
        return server.put(f"Patient/{made['id']}", body, if_match=etag_of(made))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(put, range(1, 11)))
    equal([answer.status for answer in answers].count(200), 1, "number of 200 answers")
    strange = {answer.status for answer in answers} - {200, 409, 412}
    check(not strange, f"unexpected statuses {strange}")
    winner = 1 + next(i for i, answer in enumerate(answers) if answer.status == 200)
    equal(server.get(f"Patient/{made['id']}").json()["multipleBirthInteger"], winner, "what is stored")


@case("SHOULD", "R4 resource.html#Meta", "X-23", "lastUpdated rises with every version")
def last_updated_rises(server):
    server.needs("Patient", "update")
    version = server.create(patient(server))
    seen = [version["meta"]["lastUpdated"]]
    for number in range(1, 11):
        version = server.update({**version, "multipleBirthInteger": number})
        seen.append(version["meta"]["lastUpdated"])
    check(len(set(seen)) == len(seen), "two versions have the same lastUpdated")
    equal(seen, sorted(seen), "the order of lastUpdated")


@case("MUST", "R4 http.html#versions", "X-23", "updates at once make versions of their own")
def at_once(server):
    server.needs("Patient", "update", "history-instance")
    made = server.create(patient(server))

    def put(number):
        return server.put(f"Patient/{made['id']}", {**made, "multipleBirthInteger": number})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(put, range(1, 17)))
    done = [answer for answer in answers if answer.status == 200]
    strange = {answer.status for answer in answers} - {200, 409, 412, 503}
    check(not strange, f"unexpected statuses {strange}")
    history = server.get(f"Patient/{made['id']}/_history?_count=50").json()["entry"]
    numbers = [entry["resource"]["meta"]["versionId"] for entry in history]
    equal(len(set(numbers)), len(done) + 1, "number of versions")
