"""Token parameters (R4 search.html#token)."""

from suite.case import case
from suite.expect import equal, same_ids, status
from suite.samples import SYSTEM, observation, patient

PARAGRAPH = "R4 search.html#token"
GENDER = "http://hl7.org/fhir/administrative-gender"


def coded(server):
    """Observations with one code in two systems, and one without a system."""
    code, other = server.unique(), "urn:example:conformance:other"
    codings = ([{"system": SYSTEM, "code": code}], [{"system": other, "code": code}], [{"code": code}],
               [{"system": SYSTEM, "code": server.unique()}, {"system": other, "code": code}])
    made = [server.create(observation(server, code={"coding": coding})) for coding in codings]
    return code, other, [resource["id"] for resource in made]


@case("MUST", PARAGRAPH, "X-22", "code finds it in every system and without one")
def code_alone(server):
    code, _, made = server.once(coded)
    same_ids(server.found("Observation", code=code), made, "the matches")


@case("MUST", PARAGRAPH, "X-22", "system|code finds it in that system only")
def system_and_code(server):
    code, other, made = server.once(coded)
    same_ids(server.found("Observation", code=f"{SYSTEM}|{code}"), made[:1], "the matches")
    same_ids(server.found("Observation", code=f"{other}|{code}"), [made[1], made[3]], "the others")
    equal(server.found("Observation", code=f"urn:no:such|{code}"), [], "matches of another system")


@case("MUST", PARAGRAPH, "X-22", "|code finds it without a system only")
def no_system(server):
    code, _, made = server.once(coded)
    same_ids(server.found("Observation", code=f"|{code}"), [made[2]], "the matches")


@case("MUST", PARAGRAPH, "X-22", "system| finds every code of the system")
def system_alone(server):
    system = "urn:example:conformance:" + server.unique()
    made = [server.create(observation(server, code={"coding": [{"system": system, "code": code}]}))["id"]
            for code in ("a", "b")]
    same_ids(server.found("Observation", code=f"{system}|"), made, "the matches")


@case("MUST", PARAGRAPH, "X-22", "a comma gives alternatives")
def alternatives(server):
    code, other, made = server.once(coded)
    query = f"{SYSTEM}|{code},{other}|{code}"
    same_ids(server.found("Observation", code=query), [made[0], made[1], made[3]], "the matches")


@case("MUST", PARAGRAPH, "X-22", "the whole code must match, not its beginning")
def whole_code(server):
    code, _, _ = server.once(coded)
    equal(server.found("Observation", code=code[:-1]), [], "matches of a part")


@case("MUST", PARAGRAPH, "X-22", "every repetition is found")
def repetitions(server):
    made = server.create(observation(server, identifier=[
        {"system": SYSTEM, "value": server.unique()}, {"system": SYSTEM, "value": server.unique()}]))
    for identifier in made["identifier"]:
        equal(server.found("Observation", identifier=identifier["value"]), [made["id"]], "the matches")


@case("MUST", PARAGRAPH, "X-22", "an Identifier is found by system|value")
def identifiers(server):
    made = server.create(patient(server))
    value = made["identifier"][0]["value"]
    equal(server.found("Patient", identifier=f"{SYSTEM}|{value}"), [made["id"]], "the matches")
    equal(server.found("Patient", identifier=f"urn:no:such|{value}"), [], "matches of another system")


@case("MUST", PARAGRAPH, "X-22", "a code element is found by code, and by its implied system")
def code_element(server):
    name = server.unique()
    made = server.create(patient(server, gender="other", name=[{"family": name}]))
    for token in ("other", f"{GENDER}|other"):
        equal(server.found("Patient", family=name, gender=token), [made["id"]], f"matches of {token}")
    for token in ("male", "urn:no:such|other"):
        equal(server.found("Patient", family=name, gender=token), [], f"matches of {token}")


@case("MUST", PARAGRAPH, "X-22", "a boolean is found by true and false")
def booleans(server):
    name = server.unique()
    made = server.create(patient(server, active=True, name=[{"family": name}]))
    equal(server.found("Patient", family=name, active="true"), [made["id"]], "matches of true")
    equal(server.found("Patient", family=name, active="false"), [], "matches of false")


@case("MUST", PARAGRAPH, "X-22", "a ContactPoint is found by its value")
def contact_points(server):
    address = server.unique() + "@example.org"
    made = server.create(patient(server, telecom=[{"system": "email", "value": address}]))
    equal(server.found("Patient", email=address), [made["id"]], "matches of email")
    equal(server.found("Patient", telecom=address), [made["id"]], "matches of telecom")
    equal(server.found("Patient", phone=address), [], "matches of phone")


@case("MUST", "R4 search.html#escaping", "X-22", "escaped commas and bars belong to the value")
def escaping(server):
    word = server.unique()
    value = f"{word},a|b$c\\d"
    made = server.create(patient(server, identifier=[{"system": SYSTEM, "value": value}]))
    escaped = f"{SYSTEM}|{word}\\,a\\|b\\$c\\\\d"
    equal(server.found("Patient", identifier=escaped), [made["id"]], "the matches")


@case("MUST", PARAGRAPH, "X-22", "tokens of Coding elements with a + or & in them are found")
def url_encoding(server):
    value = server.unique() + "+a&b=c %20"
    made = server.create(patient(server, identifier=[{"system": SYSTEM, "value": value}]))
    equal(server.found("Patient", identifier=value), [made["id"]], "the matches")


@case("MUST", "R4 search.html#tag", "X-22", "_tag finds what is tagged")
def tag(server):
    server.needs_parameter("Patient", "_tag")
    code = server.unique()
    made = server.create(patient(server, meta={"tag": [{"system": SYSTEM, "code": code}]}))
    equal(server.found("Patient", _tag=f"{SYSTEM}|{code}"), [made["id"]], "the matches")


@case("SHOULD", "R4 search.html#modifiers", "X-22", ":not finds what does not have the code")
def negated(server):
    name = server.unique()
    made = [server.create(patient(server, gender=gender, name=[{"family": name}]))["id"]
            for gender in ("male", "female")]
    status(server.get("Patient?gender:not=male&_count=1"), 200)
    same_ids(server.found(f"Patient?family={name}&gender:not=male"), made[1:], "the matches")
