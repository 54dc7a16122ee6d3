"""_text and _content (R4 search.html#text), naively: the words of a resource, and queries of words."""

import html
import re

from values import fold

TOKEN = re.compile(r'\s*("[^"]*"|[(),]|[^\s(),"]+)')
BINARY = ("data", "hash", "valueBase64Binary") # elements of type base64Binary in the data


def words_of(content, code):
    """The texts of a resource, each as folded words with single spaces."""
    if code == "_text":
        found = [plain(content["text"]["div"])] if "div" in content.get("text", {}) else []
    else:
        meta = {key: value for key, value in content.get("meta", {}).items()
                if key not in ("versionId", "lastUpdated")}
        found = list(texts(dict(content, meta=meta)))
    return [folded for folded in map(fold, found) if folded]


def cut(text):
    """A number with an exponent ends a word: 4e2a is 4e2 and a."""
    return re.sub(r"(?<!\S)([0-9]+e[0-9]+)(?=[^0-9\s])", r"\1 ", text).split()


class Places:
    """Where each word stands. There are MOST places of a word, and none behind LAST; between two
    texts one is empty."""
    MOST, LAST = 255, 16383

    def __init__(self, folded):
        self.places, at = {}, 0
        for text in folded:
            for word in cut(text):
                at += 1
                found = self.places.setdefault(word, [])
                place = min(at, self.LAST)
                if len(found) < self.MOST and place not in found[-1:]:
                    found.append(place)
            at += 1

    def holds(self, phrase, begins):
        last = [self.places.get(phrase[-1], [])]
        if begins:
            last = [found for word, found in self.places.items() if word.startswith(phrase[-1])]
        ways = [self.places.get(word, []) for word in phrase[:-1]]
        starts = {place - len(ways) for found in last for place in found}
        for number, found in enumerate(ways):
            starts &= {place - number for place in found}
        return bool(starts)


def plain(div):
    return html.unescape(re.sub("<[^>]*>", " ", div))


def texts(value, name=""):
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "resourceType" and key not in BINARY:
                yield from texts(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part, name)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield plain(value) if name == "div" else str(value)


def meets(text, folded):
    """Whether the folded texts of a resource hold what is asked for."""
    tokens = TOKEN.findall(text)
    met = any_of(tokens, Places(folded))
    assert not tokens, text
    return met


def any_of(tokens, places):
    met = all_of(tokens, places)
    while tokens and (tokens[0] == "," or tokens[0].lower() == "or"):
        tokens.pop(0)
        met = all_of(tokens, places) or met
    return met


def all_of(tokens, places):
    met = term(tokens, places)
    while tokens and tokens[0] not in (")", ",") and tokens[0].lower() != "or":
        if tokens[0].lower() == "and":
            tokens.pop(0)
        met = term(tokens, places) and met
    return met


def term(tokens, places):
    token = tokens.pop(0)
    if token.lower() == "not" and tokens:
        return not term(tokens, places)
    if token == "(":
        met = any_of(tokens, places)
        assert tokens.pop(0) == ")"
        return met
    token = token.strip('"')
    return places.holds(cut(fold(token)), token.endswith("*"))
