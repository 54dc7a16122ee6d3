"""JSON that keeps decimals as they were written (1.50 stays 1.50), and hashes of resources."""

import hashlib
import json


class Exact:
    """A number whose text is not what float would print."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


def _number(text):
    value = float(text)
    return value if repr(value) == text else Exact(text)


def loads(text):
    return json.loads(text, parse_float=_number)


def _write(value, out, ordered):
    if isinstance(value, dict):
        keys = sorted(value) if ordered else value
        for i, key in enumerate(keys):
            out.append("," if i else "{")
            out.append(json.dumps(key, ensure_ascii=False) + ":")
            _write(value[key], out, ordered)
        out.append("}" if value else "{}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            out.append("," if i else "[")
            _write(item, out, ordered)
        out.append("]" if value else "[]")
    elif isinstance(value, Exact):
        out.append(value.text)
    else:
        out.append(json.dumps(value, ensure_ascii=False))


def dumps(value, ordered=False):
    """Compact UTF-8 bytes; with ordered, the keys of every object sorted."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=ordered)
    except TypeError:
        out = []
        _write(value, out, ordered)
        text = "".join(out)
    return text.encode("utf-8", "surrogatepass")


def content(resource):
    """What a resource says: without id and meta, which belong to the server that holds it."""
    return {key: value for key, value in resource.items() if key not in ("id", "meta")}


def shape(value, key=None):
    """As content, but blind to what a receiver may rightly rewrite: references, attachment
    URLs and the narrative."""
    if isinstance(value, dict):
        drop = ("text",) if isinstance(value.get("text"), dict) and "div" in value["text"] else ()
        return {k: shape(v, k) for k, v in value.items() if k not in drop}
    if isinstance(value, list):
        return [shape(item, key) for item in value]
    return "" if key in ("reference", "url") and isinstance(value, str) else value


def digest(value):
    return hashlib.sha256(dumps(value, ordered=True)).hexdigest()


def hashes(data):
    """(hash, shape) of a resource's bytes; of the bytes themselves where they are no JSON."""
    try:
        resource = content(loads(data))
        return digest(resource), digest(shape(resource))
    except (ValueError, RecursionError, AttributeError):
        raw = hashlib.sha256(data).hexdigest()
        return raw, raw
