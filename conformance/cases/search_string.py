"""String parameters (R4 search.html#string)."""

import urllib.parse

from suite.case import case
from suite.expect import equal, refused, same_ids, status
from suite.samples import patient

PARAGRAPH = "R4 search.html#string"


def named(server):
    word = server.unique()
    made = server.create(patient(server, name=[
        {"family": f"{word}-Müller", "given": ["Ångström", "Zoë"], "prefix": ["Dr."],
         "text": f"Zoë {word}-Müller"}]))
    return word, made["id"]


def finds(server, parameter, value, wanted):
    equal(server.found("Patient", **{parameter: value}), wanted, f"matches of {parameter}")


@case("MUST", PARAGRAPH, "X-22", "finds what begins with the text")
def beginning(server):
    word, made = server.once(named)
    finds(server, "family", word, [made])
    finds(server, "family", word[:12], [made])


@case("MUST", PARAGRAPH, "X-22", "does not find what has the text in its middle")
def middle(server):
    word, _ = server.once(named)
    finds(server, "family", word[3:], [])


@case("MUST", PARAGRAPH, "X-22", "upper and lower case are the same")
def letter_case(server):
    word, made = server.once(named)
    finds(server, "family", word.upper(), [made])


@case("SHOULD", PARAGRAPH, "X-22", "accents make no difference")
def accents(server):
    word, made = server.once(named)
    for spelling in ("muller", "MÜLLER", "Müller"):
        finds(server, "family", f"{word}-{spelling}", [made])
    equal(server.found("Patient", family=word, given="angstrom"), [made], "matches of given")


@case("MUST", PARAGRAPH, "X-22", "name finds every part of a name")
def parts_of_names(server):
    word, made = server.once(named)
    for part in (word, "Ångström", "Zoë"):
        equal(server.found("Patient", family=word, name=part), [made], f"matches of {part}")
    equal(server.found("Patient", family=word, name="Xaver"), [], "matches of another name")


@case("MUST", PARAGRAPH, "X-22", "address finds every part of an address")
def parts_of_addresses(server):
    city, street = server.unique(), server.unique()
    made = server.create(patient(server, address=[
        {"line": ["17 " + street], "city": city, "postalCode": "12345"}]))
    finds(server, "address", city, [made["id"]])
    finds(server, "address-city", city, [made["id"]])
    equal(server.found("Patient", address=f"17 {street}"), [made["id"]], "matches of the line")


@case("MUST", "R4 search.html#modifiers", "X-22", ":exact wants the whole text, case and accents")
def exact(server):
    word, made = server.once(named)
    status(server.get("Patient?family:exact=x&_count=1"), 200)
    finds(server, "family:exact", f"{word}-Müller", [made])
    finds(server, "family:exact", f"{word}-müller", [])
    finds(server, "family:exact", word, [])


@case("MUST", "R4 search.html#modifiers", "X-22", ":contains finds the text anywhere")
def contains(server):
    word, made = server.once(named)
    status(server.get("Patient?family:contains=xyz&_count=1"), 200)
    finds(server, "family:contains", word[3:12], [made])
    finds(server, "family:contains", server.unique(), [])


@case("MUST", "R4 search.html#escaping", "X-22", "a comma gives alternatives, an escaped one is text")
def commas(server):
    one, other = server.unique(), server.unique()
    made = [server.create(patient(server, name=[{"family": name}]))["id"] for name in (one, other)]
    same_ids(server.found("Patient", family=f"{one},{other}"), made, "the matches")
    text = f"{server.unique()}, Junior"
    with_comma = server.create(patient(server, name=[{"family": text}]))["id"]
    finds(server, "family", text.replace(",", "\\,"), [with_comma])


@case("MUST", PARAGRAPH, "X-22", "wildcards of databases mean nothing")
def wildcards(server):
    word, _ = server.once(named)
    for pattern in ("%" + word[5:], word[:3] + "%" + word[6:], word[:3] + "_" + word[4:],
                    word[:3] + "*" + word[6:]):
        finds(server, "family", pattern, [])


@case("SHOULD", PARAGRAPH, "X-18", "a text without a letter or digit does not find everybody")
def only_punctuation(server):
    word, made = server.once(named)
    for pattern in ("%", "*", "-"):
        answer = server.get("Patient?" + urllib.parse.urlencode({"_id": made, "family": pattern}))
        if answer.status == 200:
            equal(answer.json().get("entry", []), [], f"matches of {pattern}")
        else:
            refused(answer)
