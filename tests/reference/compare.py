"""One search over HTTP, page by page, against what the reference says of it."""

import zlib

from evaluator import RESULTS


class Refused(Exception):
    """The server says that it does not offer this."""


class Different(Exception):
    """The answer is not what the standard says; the arguments are lines to print."""


class Compare:
    def __init__(self, search, client):
        self.search = search
        self.client = client

    def check(self, kind, query):
        """Raises Different, or Refused."""
        asked = dict(self.search.pairs(query))
        expected = {one.key: one for one in self.search.matches(kind, query)}
        self.pages, found, total = 0, [], None
        path = f"{kind}?{query}"
        while path:
            bundle = self.page(kind, path, first=not self.pages)
            matches = [entry for entry in bundle.get("entry", [])
                       if entry["search"]["mode"] == "match"]
            keys = [self.key(entry) for entry in matches]
            if not self.pages:
                total = bundle.get("total")
            if len(keys) > int(asked.get("_count", 1000)):
                raise Different(f"a page has {len(keys)} matches")
            found += keys
            self.check_included(bundle, keys, query)
            path = self.next(bundle)
            self.pages += 1
            if self.pages > 2000:
                raise Different("paging does not end")
        self.check_found(kind, query, asked, found, expected, total)
        return len(expected)

    def page(self, where, path, first):
        """Every ninth search is sent by POST, its parameters in the body, half of them in the URL."""
        if first and zlib.crc32(path.encode()) % 9 == 0:
            pairs = path.split("?", 1)[1].split("&")
            answer = self.client.post(
                f"{where}/_search?".lstrip("/") + "&".join(pairs[::2]), "&".join(pairs[1::2]),
                **{"Content-Type": "application/x-www-form-urlencoded"})
        else:
            answer = self.client.get(path)
        if answer.status == 200:
            return answer.json()
        try:
            issue = answer.json()["issue"][0]
        except (ValueError, KeyError):
            issue = {}
        text = issue.get("diagnostics") or issue.get("details", {}).get("text", "")
        if answer.status in (400, 501) and issue.get("code") == "not-supported":
            raise Refused(text)
        if first and answer.status in (404, 405) and (not where or "/" in where):
            raise Refused("compartments" if where else "several types")
        raise Different(f"status {answer.status}: {issue.get('code')}: {text}")

    def key(self, entry):
        """Of a contained resource its place in the container; of all others the type and id."""
        resource, url = entry["resource"], entry["fullUrl"]
        if not url.startswith(self.search.base + "/"):
            raise Different(f"fullUrl is elsewhere: {url}")
        key = url[len(self.search.base) + 1:]
        own = f"{resource['resourceType']}/{resource['id']}" if "#" not in key else \
            key.split("#")[0] + "#" + resource["id"]
        if own != key:
            raise Different(f"{own} has the fullUrl {url}")
        return key

    def next(self, bundle):
        for link in bundle.get("link", []):
            if link["relation"] == "next":
                if not link["url"].startswith(self.search.base + "/"):
                    raise Different(f"next is elsewhere: {link['url']}")
                return link["url"][len(self.search.base) + 1:]
        return None

    def check_found(self, kind, query, asked, found, expected, total):
        if asked.get("_summary") == "count" or asked.get("_count") == "0":
            if found or total != len(expected):
                raise Different(f"total {total}, expected {len(expected)}")
            return
        if len(found) != len(set(found)):
            raise Different("found twice: " + " ".join(
                sorted({key for key in found if found.count(key) > 1})))
        missing = sorted(set(expected) - set(found))
        extra = sorted(set(found) - set(expected))
        if missing or extra:
            raise Different(f"missing: {' '.join(missing) or '-'}",
                            f"extra:   {' '.join(extra) or '-'}",
                            *self.excerpts(kind, query, (missing + extra)[:4]))
        wanted = asked.get("_total")
        if (wanted == "accurate" or wanted != "estimate" and total is not None) and \
                total != len(expected):
            raise Different(f"total {total}, expected {len(expected)}")
        keys = self.search.sort_keys(kind, query)
        for first, second in zip(found, found[1:]):
            pair = [self.search.by_key[key] for key in (first, second)]
            if not self.search.in_order(*pair, keys):
                raise Different(f"order: {first} stands before {second}", *(
                    f"{one.key} {code}: {self.search.sort_value(one, code, down)!r} of "
                    f"{one.values.get(code, one.updated)!r}"
                    for one in pair for code, down in keys))

    def check_included(self, bundle, matches, query):
        included = [f"{e['resource']['resourceType']}/{e['resource']['id']}"
                    for e in bundle.get("entry", []) if e["search"]["mode"] == "include"]
        known = [self.search.by_key[key] for key in matches if key in self.search.by_key]
        expected = self.search.included(known, query)
        if sorted(included) != sorted(expected):
            raise Different(
                f"of matches {' '.join(matches[:8])}",
                f"not included: {' '.join(sorted(expected - set(included))) or '-'}",
                f"included:     {' '.join(sorted(set(included) - expected)) or '-'}"
                + (" (some twice)" if len(included) != len(set(included)) else ""))

    def excerpts(self, kind, query, keys):
        """What decides about these resources: their values, and each criterion by itself."""
        for key in keys:
            one = self.search.by_key.get(key)
            if not one:
                yield f"{key}: is not there (deleted, or never was)"
                continue
            for name, value in self.search.pairs(query):
                code = name.split(":")[0].split(".")[0]
                if code in RESULTS:
                    continue
                met = self.search.meets(one, name, value)
                values = one.values.get(code, one.updated if code == "_lastUpdated" else None)
                yield f"{key}: {'meets' if met else 'does not meet'} {name}={value}"
                yield f"    {code}: {str(values)[:1500]}"
