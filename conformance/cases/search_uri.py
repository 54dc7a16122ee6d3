"""Uri parameters (R4 search.html#uri), and composites."""

from suite.case import case
from suite.expect import equal, same_ids, status
from suite.samples import SYSTEM, UCUM, observation

PARAGRAPH = "R4 search.html#uri"


def value_sets(server):
    server.needs("ValueSet", "create", "search-type")
    base = f"http://conformance.example.org/{server.unique()}"
    urls = (base + "/a", base + "/a/b", base + "/A")
    made = {url: server.create({"resourceType": "ValueSet", "status": "draft", "url": url})["id"]
            for url in urls}
    return base, made


@case("MUST", PARAGRAPH, "X-22", "finds the exact uri, case and all")
def exact(server):
    base, made = server.once(value_sets)
    for url, found in made.items():
        equal(server.found("ValueSet", url=url), [found], "the matches")
    equal(server.found("ValueSet", url=base), [], "matches of a part")


@case("MUST", PARAGRAPH, "X-22", "a comma gives alternatives")
def alternatives(server):
    base, made = server.once(value_sets)
    same_ids(server.found("ValueSet", url=f"{base}/a,{base}/A"), [made[base + "/a"], made[base + "/A"]],
             "the matches")


@case("SHOULD", "R4 search.html#modifiers", "X-22", ":below finds what begins with the uri")
def below(server):
    base, made = server.once(value_sets)
    status(server.get("ValueSet?url:below=http://x.example.org&_count=1"), 200)
    same_ids(server.found("ValueSet", **{"url:below": base}), list(made.values()), "the matches")


@case("SHOULD", "R4 search.html#composite", "X-22", "a composite wants both parts in one place")
def composite(server):
    server.needs_parameter("Observation", "component-code-value-quantity")
    one, other = server.unique(), server.unique()
    component = [{"code": {"coding": [{"system": SYSTEM, "code": code}]},
                  "valueQuantity": {"value": value, "system": UCUM, "code": "mm[Hg]"}}
                 for code, value in ((one, 120), (other, 80))]
    made = server.create(observation(server, component=component))
    for query, wanted in ((f"{one}$120", [made["id"]]), (f"{other}$80", [made["id"]]), (f"{one}$80", []),
                          (f"{SYSTEM}|{one}$gt100", [made["id"]])):
        equal(server.found("Observation", **{"component-code-value-quantity": query}), wanted,
              f"matches of {query}")
