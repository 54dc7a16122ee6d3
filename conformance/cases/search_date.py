"""Date parameters: what is written stands for a span of time (R4 search.html#date)."""

from suite.case import case
from suite.expect import equal, same_ids, status
from suite.samples import observation, patient, SYSTEM

PARAGRAPH = "R4 search.html#date"


def born(server):
    """Patients of one family by their date of birth, of each precision."""
    name = server.unique()
    dates = ("1980", "1980-06", "1980-06-15", "1980-06-16", "1981-01-01")
    made = {date: server.create(patient(server, birthDate=date, name=[{"family": name}]))["id"]
            for date in dates}
    return name, made


def finds_born(server, value, *dates):
    name, made = server.once(born)
    same_ids(server.found("Patient", family=name, birthdate=value), [made[date] for date in dates],
             f"matches of birthdate={value}")


@case("MUST", PARAGRAPH, "X-21", "without prefix, and with eq, the span must contain the value's")
def equals(server):
    finds_born(server, "1980-06-15", "1980-06-15")
    finds_born(server, "eq1980-06-15", "1980-06-15")
    finds_born(server, "1980-06", "1980-06", "1980-06-15", "1980-06-16")
    finds_born(server, "1980", "1980", "1980-06", "1980-06-15", "1980-06-16")


@case("MUST", PARAGRAPH, "X-21", "ne finds what eq does not")
def not_equal(server):
    finds_born(server, "ne1980-06", "1980", "1981-01-01")


@case("MUST", PARAGRAPH, "X-21", "gt and lt compare with the span above and below")
def greater_and_less(server):
    finds_born(server, "gt1980-06-15", "1980", "1980-06", "1980-06-16", "1981-01-01")
    finds_born(server, "gt1980", "1981-01-01")
    finds_born(server, "lt1980-06-16", "1980", "1980-06", "1980-06-15")
    finds_born(server, "lt1980")


@case("MUST", PARAGRAPH, "X-21", "ge and le include the span itself")
def greater_or_equal(server):
    finds_born(server, "ge1980-06-16", "1980", "1980-06", "1980-06-16", "1981-01-01")
    finds_born(server, "le1980-06-15", "1980", "1980-06", "1980-06-15")
    finds_born(server, "ge1981", "1981-01-01")


@case("MUST", PARAGRAPH, "X-21", "sa and eb want no overlap")
def starts_after(server):
    finds_born(server, "sa1980-06-15", "1980-06-16", "1981-01-01")
    finds_born(server, "eb1980-06-16", "1980-06-15")


@case("MUST", PARAGRAPH, "X-21", "two parameters give a range")
def ranges(server):
    name, made = server.once(born)
    same_ids(server.found(f"Patient?family={name}&birthdate=ge1980-06-15&birthdate=le1980-06-15"),
             [made[date] for date in ("1980", "1980-06", "1980-06-15")], "the matches")


def observed(server):
    """Observations of one code by their time: instants with offsets, and periods."""
    code = server.unique()
    times = {
        "utc": {"effectiveDateTime": "2020-03-01T10:00:00Z"},
        "offset": {"effectiveDateTime": "2020-03-01T12:00:00+02:00"},
        "later": {"effectiveDateTime": "2020-03-01T10:00:01Z"},
        "day": {"effectivePeriod": {"start": "2020-03-01", "end": "2020-03-02"}},
        "open": {"effectivePeriod": {"start": "2020-05-02T00:00:00Z"}},
    }
    made = {name: server.create(observation(
        server, code={"coding": [{"system": SYSTEM, "code": code}]}, **time))["id"]
        for name, time in times.items()}
    return code, made


def finds_observed(server, value, *names):
    code, made = server.once(observed)
    same_ids(server.found("Observation", code=code, date=value), [made[name] for name in names],
             f"matches of date={value}")


@case("MUST", PARAGRAPH, "X-21", "times are compared in UTC, whatever their offset")
def offsets(server):
    finds_observed(server, "2020-03-01T10:00:00Z", "utc", "offset")
    finds_observed(server, "2020-03-01T05:00:00-05:00", "utc", "offset")


@case("MUST", PARAGRAPH, "X-21", "a period is found by what contains it, and by what overlaps")
def periods(server):
    finds_observed(server, "2020-03", "utc", "offset", "later", "day")
    finds_observed(server, "gt2020-03-02T00:00:00Z", "day", "open")


@case("MUST", PARAGRAPH, "X-21", "an open period goes on for ever")
def open_periods(server):
    finds_observed(server, "gt2999", "open")
    finds_observed(server, "sa2020-04", "open")
    finds_observed(server, "2020-05")


@case("MUST", PARAGRAPH, "X-21", "a time to the minute stands for the minute")
def minutes(server):
    finds_observed(server, "2020-03-01T10:00Z", "utc", "offset", "later")


@case("SHOULD", PARAGRAPH, "X-21", "ap finds what is near")
def approximately(server):
    status(server.get("Patient?birthdate=ap1980&_count=1"), 200)
    name, made = server.once(born)
    found = server.found("Patient", family=name, birthdate="ap1980-06-15")
    equal(made["1980-06-15"] in found, True, "whether the day itself is found")


@case("MUST", "R4 search.html#lastUpdated", "X-23", "_lastUpdated finds by the time of the last change")
def last_updated(server):
    made = server.create(patient(server))
    name, when = made["name"][0]["family"], made["meta"]["lastUpdated"]
    for value, wanted in ((when, [made["id"]]), ("ge" + when, [made["id"]]), ("gt" + when, []),
                          ("lt" + when, []), ("gt2000-01-01", [made["id"]]), ("lt2000-01-01", [])):
        equal(server.found("Patient", family=name, _lastUpdated=value), wanted, f"matches of {value}")
