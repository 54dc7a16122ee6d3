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
        found = list(texts(content))
    return [folded for folded in map(fold, found) if folded]


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
    met = any_of(tokens, folded)
    assert not tokens, text
    return met


def any_of(tokens, folded):
    met = all_of(tokens, folded)
    while tokens and (tokens[0] == "," or tokens[0].lower() == "or"):
        tokens.pop(0)
        met = all_of(tokens, folded) or met
    return met


def all_of(tokens, folded):
    met = term(tokens, folded)
    while tokens and tokens[0] not in (")", ",") and tokens[0].lower() != "or":
        if tokens[0].lower() == "and":
            tokens.pop(0)
        met = term(tokens, folded) and met
    return met


def term(tokens, folded):
    token = tokens.pop(0)
    if token.lower() == "not" and tokens:
        return not term(tokens, folded)
    if token == "(":
        met = any_of(tokens, folded)
        assert tokens.pop(0) == ")"
        return met
    phrase = f" {fold(token.strip(chr(34)))} "
    return any(phrase in f" {one} " for one in folded)
