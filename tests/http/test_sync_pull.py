"""Pulling from a partner that misbehaves: the final state is that of a good one, or the gap has a name.

The partner is tests/rogue: each fault is a base, and so a partner, of its own over the same data.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest
import urllib.request

import harness

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(harness.ROOT, "tests"))

from rogue import fhirjson  # noqa: E402

RESOURCES = 120
PAGE = 20
KILLS = int(os.environ.get("ISTHMUS_TEST_KILLS", "30"))


class Rogue:
    """The rogue partner on a free port, with the two behind it."""

    def __init__(self, resources=RESOURCES, *arguments):
        self.port = harness.free_port()
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(harness.ROOT, "tests/rogue/rogue"), "--port",
             str(self.port), "--resources", str(resources), *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError):
                self.ask("/control/list")
                return
            time.sleep(0.05)
        raise AssertionError("the rogue partner does not start")

    def base(self, spec=""):
        path = f"/fault/{spec}/fhir" if spec else "/fhir"
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, 30) as answer:
            return json.loads(answer.read())

    def expect(self, spec=""):
        return self.ask("/control/expect", {"base": self.base(spec).split(str(self.port))[1]})

    def close(self):
        self.process.terminate()
        self.process.wait()


class Exchange:
    """A server, and `isthmus sync` beside it on its database."""

    def __init__(self, server):
        self.server = server
        self.data = os.path.join(server.folder, "data")

    def isthmus(self, *arguments, status=0):
        done = harness.run(*arguments, "--data", self.data)
        if status is not None and done.returncode != status:
            raise AssertionError(f"{arguments}: status {done.returncode}\n{done.stderr[-4000:]}")
        return done

    def add(self, document):
        path = os.path.join(self.server.folder, f"{document['id']}.json")
        with open(path, "w") as file:
            json.dump(document, file)
        self.isthmus("partner", "add", path)

    def sync(self, *arguments, status=None):
        return self.isthmus("sync", "--once", *arguments, status=status)

    def account(self, partner):
        return json.loads(self.isthmus("sync", "account", partner, "--json").stdout)

    def state(self, base):
        """{(type, id at the partner): shape} of what came from a base."""
        return self.states().get(base, {})

    def states(self):
        client = self.server.client()
        found = {}
        for path in ["_history?_count=1000"]:
            seen = set()
            while path:
                page = client.get(path).json()
                for entry in page.get("entry", ()):
                    url = entry["request"]["url"]
                    name = "/".join(url.split("/")[:2]) if "resource" not in entry else \
                        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
                    if name in seen:
                        continue
                    seen.add(name)
                    resource = entry.get("resource")
                    source = (resource or {}).get("meta", {}).get("source", "")
                    marks = [m for m in ("/fhir/",) if m in source]
                    if not resource or not marks:
                        continue
                    base, _, rest = source.partition("/fhir/")
                    kind, _, id_ = rest.partition("/")
                    found.setdefault(base + "/fhir", {})[kind, id_.split("#")[0]] = resource
                path = next((link["url"].split("/fhir/")[1] for link in page.get("link", ())
                             if link["relation"] == "next"), None)
        return found


def shape(resource):
    return fhirjson.hashes(fhirjson.dumps(resource))[1]


def document(name, base, types, **changes):
    queries = [{"type": kind} for kind in sorted(types)]
    return {
        "id": name, "base": base, "networks": ["127.0.0.1/32"],
        "limits": {"rps": 5000, "concurrency": 4, "timeout": "PT5S", "pageBytes": 33554432},
        "retry": {"first": "PT0.02S", "longest": "PT0.2S", "tries": 5},
        "modes": {"search": {"overlap": "PT10M", "pageSize": PAGE, "queries": queries}},
        **changes}


GOOD_TYPES = {"Condition", "DiagnosticReport", "Encounter", "MedicationRequest", "Observation",
              "Organization", "Patient", "Practitioner"}

# A fault, what must be configured for it, and whether the gap must be named instead.
FAULTS = [
    ("", {}, None),
    ("W-01:form=seconds+date+past+negative+garbage+absent", {}, None),
    ("W-02", {}, None),
    ("W-02:form=403;type=Condition;times=-1", {}, "answers 403"),
    ("W-03", {}, "answers 500"),
    ("W-03:form=400", {}, None),
    ("W-04", {}, None),
    ("W-05", {}, None),
    ("W-06", {}, None),
    ("W-07:mb=4", {}, None),
    ("W-08", {}, None),
    ("W-08:form=invalid", {}, None),
    ("W-09", {}, None),
    ("W-09:form=too-many", {}, "redirects more than"),
    ("W-09:form=loop", {}, "redirects more than"),
    ("W-09:form=metadata", {}, "internal"),
    ("W-09:form=file", {}, "no http(s) URL"),
    ("W-09:form=internal", {}, "internal"),
    ("W-12", {}, None),
    ("W-13:header=X-Client-Id;value=abc", {"headers": {"X-Client-Id": "abc"}}, None),
    ("W-13:header=X-Client-Id;value=abc;n=2", {}, "answers 403"),
    ("W-18:form=relative", {}, None),
    ("W-18:form=path", {}, None),
    ("W-18:form=query", {}, None),
    ("W-18:form=localhost", {}, "another host"),
    ("W-18:form=internal", {}, "another host"),
    ("W-18:form=port", {}, "no URL"),
    ("W-18", {"linkRewrite": True}, None),
    ("W-19", {}, None),
    ("W-19:form=shrink", {}, None),
    ("W-20", {}, None),
    ("W-21", {}, None),
    ("W-21:form=bare", {}, None),
    ("W-22", {}, None),
    ("W-22:form=silent", {}, None),
    ("W-22:form=count", {}, None),
    ("W-23", {"snapshot": True}, None),
    ("W-23:n=2", {}, "answers 400"),
    ("W-24", {"q": {"Observation": "category=laboratory,vital-signs"}}, None),
    ("W-25", {}, None),
    ("W-26", {}, None),
    ("W-27", {}, None),
    ("W-28", {}, None),
    ("W-30", {}, None),
    ("W-43", {}, None),
    ("W-45", {}, None),
    ("W-46", {}, None),
    ("W-49", {}, None),
    ("W-50", {}, None),
    ("W-55", {}, None),
    ("W-57", {}, None),
    ("mix:rate=0.1;seed=3;of=W-02+W-04+W-05+W-06+W-20+W-26", {}, None),
    ("mix:rate=0.05;seed=9;of=W-02+W-04+W-05+W-06+W-27,W-46,W-45", {}, None),
]


def configured(name, base, types, changes):
    changes = dict(changes)
    queries = changes.pop("q", {})
    snapshot = changes.pop("snapshot", False)
    made = document(name, base, types, **changes)
    for query in made["modes"]["search"]["queries"]:
        if query["type"] in queries:
            query["q"] = queries[query["type"]]
    if snapshot:
        made["modes"] = {"snapshot": {"pageSize": PAGE,
                                      "queries": [{"type": kind} for kind in sorted(types)]}}
    return made


class Faults(unittest.TestCase):
    """All partners are pulled by one worker at once; then each is looked at."""

    @classmethod
    def setUpClass(cls):
        cls.rogue = Rogue()
        cls.addClassCleanup(cls.rogue.close)
        cls.server = harness.Server()
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.exchange = Exchange(cls.server)
        for i, (spec, changes, _) in enumerate(FAULTS):
            types = {r["type"] for r in cls.rogue.expect(spec)["resources"]}
            types = {kind for kind in types if kind.isalpha() and kind != "NoSuchType"}
            cls.exchange.add(configured(f"p{i}", cls.rogue.base(spec), types | GOOD_TYPES, changes))
        # What was put off (Retry-After) or halved is gone on with.
        for _ in range(3):
            cls.done = cls.exchange.sync()
            if os.environ.get('SYNC_LOG'):
                open(os.environ['SYNC_LOG'], 'a').write(cls.done.stderr)
        cls.states = cls.exchange.states()

    def check(self, index):
        spec, _, gap = FAULTS[index]
        account = self.exchange.account(f"p{index}")
        state = self.states.get(self.rogue.base(spec), {})
        expected = self.rogue.expect(spec)
        windows = account["incompleteWindows"]
        self.assertTrue(account["balanced"], account["accounts"])
        self.assertEqual(sum(a["waiting"] for a in account["accounts"]), 0)
        reasons = " ".join(w.get("reason", "") for w in windows)
        if gap:
            self.assertIn(gap, reasons)
        broken = {a["type"] for a in account["accounts"] if a.get("reason") and a["incomplete"] and
                  "smaller windows" not in a["reason"]}
        wanted = 0
        for row in expected["resources"]:
            key = row["type"], row["id"]
            held = state.get(key)
            if row["outcome"] in ("dead", "deleted", "absent"):
                self.assertIsNone(held, (key, row.get("why")))
            elif held is None and (row["type"] in broken or gap):
                self.assertTrue(broken, key)
            elif held is None and row["outcome"] == "either":
                self.assertGreater(account["dead"], 0, key)
            else:
                self.assertIsNotNone(held, (key, row.get("why"), reasons))
                if row["outcome"] != "either":
                    self.assertEqual(shape(held), row["shape"], key)
                wanted += 1
        if not gap:
            self.assertGreater(wanted, 100)


def add_tests():
    for index, (spec, _, gap) in enumerate(FAULTS):
        def test(self, index=index):
            self.check(index)
        test.__doc__ = f"{spec or 'a good partner'}{': the gap is named' if gap else ''}"
        setattr(Faults, f"test_{index:02}_{''.join(c if c.isalnum() else '_' for c in spec)}", test)


add_tests()


if __name__ == "__main__":
    unittest.main()
