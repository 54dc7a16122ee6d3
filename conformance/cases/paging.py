"""Pages of a search (R4 http.html#paging)."""

import re
import urllib.parse

from suite.case import case
from suite.expect import NotOffered, check, equal, refused, same_ids, status
from suite.samples import patient
from suite.server import ids, link, matches

PARAGRAPH = "R4 http.html#paging"


def crowd(server):
    """Twenty-five patients of one family."""
    name = server.unique()
    made = [server.create(patient(server, name=[{"family": name}]))["id"] for _ in range(25)]
    return name, made


def first_page(server, size=10):
    name, _ = server.once(crowd)
    return server.search("Patient", family=name, _count=size)


@case("MUST", PARAGRAPH, "X-20", "next links lead through all matches, none twice")
def complete(server):
    name, made = server.once(crowd)
    for size in (1, 7, 10, 25):
        same_ids(server.found("Patient", family=name, _count=size), made, f"pages of {size}")


@case("MUST", PARAGRAPH, "X-20", "the last page has no next link, and no page is empty")
def last_page(server):
    for size in (5, 10, 25):
        for page in server.pages(first_page(server, size)):
            check(page.get("entry"), f"an empty page with _count={size}")
    check(not link(first_page(server, 25), "next"), "a next link although all matches are there")


@case("MUST", PARAGRAPH, "X-20", "links are absolute and below the base")
def absolute(server):
    page = first_page(server)
    for relation in ("self", "next"):
        url = link(page, relation) or ""
        check(url.startswith(server.base), f"the {relation} link is {url[:100]}")


@case("SHOULD", PARAGRAPH, "X-19", "total is the same on every page")
def same_total(server):
    totals = {page.get("total") for page in server.pages(first_page(server))}
    equal(len(totals), 1, "number of different totals")


@case("SHOULD", PARAGRAPH, "X-20", "a page read twice is the same")
def repeatable(server):
    following = link(first_page(server), "next")
    pages = [ids(matches(status(server.get(following), 200).json())) for _ in range(2)]
    equal(pages[0], pages[1], "the page")


@case("SHOULD", PARAGRAPH, "X-20", "writes in between neither repeat nor lose what was there")
def stable(server):
    name = server.unique()
    made = [server.create(patient(server, name=[{"family": name}]))["id"] for _ in range(6)]
    found = []
    for number, page in enumerate(server.pages(server.search("Patient", family=name, _count=2))):
        found += ids(matches(page))
        if number == 0:
            server.create(patient(server, name=[{"family": name}]))
            seen = server.get(f"Patient/{found[0]}").json()
            server.update({**seen, "gender": "male"})
            status(server.delete(f"Patient/{found[1]}"), 200, 202, 204)
    missing = set(made) - set(found)
    check(not missing, f"{len(missing)} of those that were there are missing")
    equal(len(found), len(set(found)), "number of different patients")


@case("MUST", PARAGRAPH, "X-20", "a link that was tampered with is refused or leads nowhere else")
def tampered(server):
    name, made = server.once(crowd)
    following = link(first_page(server), "next")
    parts = urllib.parse.urlsplit(following)
    longest = max(re.findall(r"[A-Za-z0-9_-]{6,}", parts.query) or [""], key=len)
    if not longest:
        raise NotOffered("the next link has no opaque part")
    middle = len(longest) // 2
    forged = longest[:middle] + ("A" if longest[middle] != "A" else "B") + longest[middle + 1:]
    answer = server.get(following.replace(longest, forged))
    check(answer.status < 500, f"answered {answer.status}")
    if answer.status == 200:
        found = ids(matches(answer.json()))
        check(set(found) <= set(made), "the forged link shows other resources")
    else:
        refused(answer)


@case("SHOULD", PARAGRAPH, "X-20", "a cursor does not serve another search")
def other_search(server):
    following = link(first_page(server), "next")
    name, made = server.once(crowd)
    if name not in following:
        raise NotOffered("the next link does not show the search")
    answer = server.get(following.replace(name, server.unique()))
    if answer.status == 200:
        equal(ids(matches(answer.json())), [], "the matches")
    else:
        refused(answer)


@case("SHOULD", PARAGRAPH, "X-20", "parameters about the result hold on every page")
def summary_on_every_page(server):
    name, _ = server.once(crowd)
    answer = server.get(f"Patient?family={name}&_count=10&_elements=identifier")
    for page in server.pages(status(answer, 200).json()):
        for entry in page["entry"]:
            check("birthDate" not in entry["resource"], "_elements is lost on a later page")
