"""What comes in which order: _id, _sort, _count (R4 search.html#sort, #count)."""

from suite.case import case
from suite.expect import NotOffered, check, equal, refused, same_ids, status
from suite.samples import SYSTEM, observation, patient

SORT = "R4 search.html#sort"


def family(server):
    """Five patients whose names and dates of birth are in different orders."""
    name = server.unique()
    people = (("Anna", "1990-05-05"), ("Berta", "1950-01-01"), ("Clara", "1970-03-03"),
              ("Dora", "1960-02-02"), ("Emma", "1980-04-04"))
    made = {given: server.create(patient(
        server, birthDate=date, name=[{"family": name, "given": [given]}]))["id"]
        for given, date in people}
    return name, made


def sorted_as(server, keys, *wanted):
    name, made = server.once(family)
    equal(server.found("Patient", family=name, _sort=keys), [made[given] for given in wanted],
          f"the order by {keys}")


@case("MUST", "R4 search.html#id", "X-22", "_id finds the resource, and several with commas")
def by_id(server):
    _, made = server.once(family)
    equal(server.found("Patient", _id=made["Anna"]), [made["Anna"]], "the matches")
    same_ids(server.found("Patient", _id=f"{made['Anna']},{made['Emma']},{server.unique()}"),
             [made["Anna"], made["Emma"]], "the matches")
    equal(server.found("Patient", _id=server.unique()), [], "matches of an unknown id")


@case("MUST", "R4 search.html#id", "X-22", "_id goes together with other parameters")
def by_id_and_more(server):
    name, made = server.once(family)
    equal(server.found("Patient", _id=made["Anna"], family=name), [made["Anna"]], "the matches")
    equal(server.found("Patient", _id=made["Anna"], given="Berta"), [], "matches of another name")


@case("SHOULD", SORT, "X-19", "_sort by a date, up and down")
def by_date(server):
    sorted_as(server, "birthdate", "Berta", "Dora", "Clara", "Emma", "Anna")
    sorted_as(server, "-birthdate", "Anna", "Emma", "Clara", "Dora", "Berta")


@case("SHOULD", SORT, "X-19", "_sort by a string, up and down")
def by_string(server):
    sorted_as(server, "given", "Anna", "Berta", "Clara", "Dora", "Emma")
    sorted_as(server, "-given", "Emma", "Dora", "Clara", "Berta", "Anna")


@case("SHOULD", SORT, "X-19", "_sort by _lastUpdated, up and down")
def by_last_updated(server):
    sorted_as(server, "_lastUpdated", "Anna", "Berta", "Clara", "Dora", "Emma")
    sorted_as(server, "-_lastUpdated", "Emma", "Dora", "Clara", "Berta", "Anna")


@case("SHOULD", SORT, "X-19", "_sort by two keys")
def by_two_keys(server):
    name = server.unique()
    made = {(gender, date): server.create(patient(
        server, gender=gender, birthDate=date, name=[{"family": name}]))["id"]
        for gender in ("female", "male") for date in ("2001-01-01", "2000-01-01")}
    wanted = [made[key] for key in (("female", "2001-01-01"), ("female", "2000-01-01"),
                                    ("male", "2001-01-01"), ("male", "2000-01-01"))]
    equal(server.found("Patient", family=name, _sort="gender,-birthdate"), wanted, "the order")


@case("SHOULD", SORT, "X-20", "the order goes on from page to page")
def over_pages(server):
    name, made = server.once(family)
    found = server.found("Patient", family=name, _sort="birthdate", _count=2)
    equal(found, [made[given] for given in ("Berta", "Dora", "Clara", "Emma", "Anna")], "the order")


@case("SHOULD", SORT, "X-20", "what has no value for the key is not lost")
def without_value(server):
    name = server.unique()
    bodies = [patient(server, name=[{"family": name}]) for _ in range(4)]
    for body in bodies[::2]:
        del body["birthDate"]
    made = [server.create(body)["id"] for body in bodies]
    for keys in ("birthdate", "-birthdate"):
        same_ids(server.found("Patient", family=name, _sort=keys, _count=1), made, f"found by {keys}")


@case("SHOULD", SORT, "X-18", "an unknown key is refused")
def unknown_key(server):
    refused(server.get("Patient?_sort=shoe", prefer="handling=strict"), 400)


@case("MUST", "R4 search.html#count", "X-19", "_count is the most matches a page has")
def count(server):
    name, _ = server.once(family)
    for size in (1, 2, 5, 50):
        found = server.search("Patient", family=name, _count=size)
        check(len(found["entry"]) <= size, f"{len(found['entry'])} entries with _count={size}")


@case("SHOULD", SORT, "X-19", "the newest observations of a patient come first with _sort=-date")
def newest_first(server):
    subject = server.create(patient(server))
    code = {"coding": [{"system": SYSTEM, "code": server.unique()}]}
    made = [server.create(observation(
        server, subject, code=code, effectiveDateTime=f"2020-01-0{day}T08:00:00Z"))["id"]
        for day in (3, 1, 2)]
    found = server.found("Observation", patient=subject["id"], code=code["coding"][0]["code"],
                         _sort="-date", _count=2)
    equal(found, [made[0], made[2], made[1]], "the order")


def parts(server, **asked):
    """The elements of Anna that are left, and her tags."""
    name, made = server.once(family)
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    answer = server.get(f"Patient?family={name}&_id={made['Anna']}&{query}")
    if answer.status in (400, 501):
        raise NotOffered(f"{query} is refused")
    entries = status(answer, 200).json().get("entry", [])
    equal(len(entries), 1, "the number of matches")
    resource = entries[0]["resource"]
    return set(resource), [tag.get("code") for tag in resource.get("meta", {}).get("tag", [])]


@case("SHOULD", "R4 search.html#elements", "X-26", "_elements leaves what was named, tagged SUBSETTED")
def elements(server):
    left, tags = parts(server, _elements="birthDate")
    check({"id", "birthDate"} <= left and "name" not in left, "the elements are not those named")
    check("SUBSETTED" in tags, "the part is not tagged SUBSETTED")


@case("SHOULD", "R4 search.html#summary", "X-26", "_summary=text leaves no data, tagged SUBSETTED")
def summary_text(server):
    left, tags = parts(server, _summary="text")
    check("id" in left and not {"name", "birthDate"} & left, "elements beside the text are there")
    check("SUBSETTED" in tags, "the part is not tagged SUBSETTED")


@case("SHOULD", "R4 search.html#summary", "X-26", "_summary=true is tagged SUBSETTED, _summary=false is not")
def summary_true(server):
    left, tags = parts(server, _summary="true")
    check("id" in left and "SUBSETTED" in tags, "the part is not tagged SUBSETTED")
    left, tags = parts(server, _summary="false")
    check("name" in left and "SUBSETTED" not in tags, "the whole is not whole")
