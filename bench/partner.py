"""A partner that sends pages made beforehand: what it takes is what sending bytes takes, so that what
is measured is who asks. Its listener is that of the rogue partner (docs/rogue.md)."""
import gzip
import json
import pathlib
import sys
import time
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from rogue import load, times  # noqa: E402
from rogue.wire import Listener, Reply  # noqa: E402

PAGE = 500
CHANGED = 100  # one of so many, by change()


class Partner:
    """Resources of the Bundles in `folder`, by type, at `base`."""

    def __init__(self, folder):
        self.latency = 0.0  # seconds, of each page
        self.types, self.pages = {}, {}
        self.updated = times.instant(int(time.time() * 1000) - 3600_000)
        for name in load.files(str(folder)):
            for resource in load.read(name):
                rows = self.types.setdefault(resource["resourceType"], {})
                rows[resource["id"]] = text_of(resource, 1, self.updated)
        self.listener = Listener("127.0.0.1", 0, self.answer, times.Clock(0))
        self.base = f"http://127.0.0.1:{self.listener.port}/fhir"
        self.render()

    def close(self):
        self.listener.close()

    @property
    def count(self):
        return sum(map(len, self.types.values()))

    def change(self):
        """Another version of some; returns of how many."""
        updated, changed = times.instant(int(time.time() * 1000)), 0
        for rows in self.types.values():
            for name in list(rows)[::CHANGED]:
                resource = json.loads(rows[name])
                resource["language"] = "en"
                rows[name] = text_of(resource, 2, updated)
                changed += 1
        self.render()
        return changed

    def render(self):
        for name, rows in self.types.items():
            texts = list(rows.values())
            pieces = [texts[i:i + PAGE] for i in range(0, len(texts), PAGE)]
            for number, piece in enumerate(pieces):
                self.pages[name, number] = self.page(name, number, piece, len(pieces))

    def page(self, name, number, texts, count):
        links = [{"relation": "self", "url": self.url(name, number)}]
        if number + 1 < count:
            links.append({"relation": "next", "url": self.url(name, number + 1)})
        entries = ",".join(f'{{"resource":{text},"search":{{"mode":"match"}}}}' for text in texts)
        return gzip.compress(f'{{"resourceType":"Bundle","type":"searchset","link":{json.dumps(links)},'
                             f'"entry":[{entries}]}}'.encode(), 1)

    def url(self, name, number):
        return f"{self.base}/{name}?_count={PAGE}&page={number}"

    @property
    def urls(self):
        return [self.url(*key) for key in self.pages]

    def answer(self, request):
        parts = urlsplit(request.target)
        name = parts.path.rpartition("/")[2]
        page = self.pages.get((name, int(parse_qs(parts.query).get("page", ["0"])[0])))
        if page is None:
            return Reply(404)
        reply = Reply(200, page, headers={"Content-Encoding": "gzip"})
        reply.encoding, reply.delay = "done", self.latency
        return reply


def text_of(resource, version, updated):
    resource["meta"] = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": updated}
    return load.fhirjson.dumps(resource).decode()
