"""The rogue partner's faults, row by row: the final state is that of a good partner, or the gap has a
name. docs/sync.md has a table of them, whose last column this file computes and compares.

    python3 -B tests/http/test_sync_faults.py --table     prints that column

ISTHMUS_TEST_SEEDS says how many random mixtures there are (2; the long run makes 12).
"""

import contextlib
import os
import re
import sys
import time
import unittest

import harness
from sync_harness import Exchange, Rogue, partner
from sync_state import GOOD_TYPES, PAGE, account, pulled, queries, shape, states

from rogue import table  # noqa: E402, I001 (sync_state knows where)

RESOURCES = 120
SEEDS = int(os.environ.get("ISTHMUS_TEST_SEEDS", "2"))
PATIENCE = 14  # seconds until the last row of W-29 has appeared
PULLS = 3  # what was put off or halved is gone on with


class Case:
    """A fault; what is configured for it; a word of the reason where a gap must be named, or of the
    remark that a complete window must have. `phases`: the data change after the first pulls."""

    def __init__(self, spec, gap=None, remark=None, q=None, modes=None, phases=1, tls=None,
                 overlap="PT10M", **changes):
        self.spec = spec
        self.gap = gap
        self.remark = remark
        self.q = q or {}
        self.modes = modes or ("search",)
        self.phases = phases
        self.overlap = overlap
        self.tls = tls  # the listener with this certificate
        self.changes = changes

    @property
    def row(self):
        return self.spec.partition(":")[0].partition(",")[0]

    @property
    def label(self):
        """What tells it from others of its row; empty for the plain fault."""
        rest = self.spec[len(self.row):].lstrip(":")
        configured = [f"`{name}`" for name in sorted([*self.changes, *(["q"] if self.q else [])])]
        configured += [f"`{mode}`" for mode in self.modes if mode != "search"]
        return (f"`{rest}`" if rest else "") + (" with " + ", ".join(configured) if configured else "")

    def document(self, name, rogue, types):
        made = pulled(name, self.base(rogue), types, **self.changes)
        for query in made["modes"]["search"]["queries"]:
            if query["type"] in self.q:
                query["q"] = self.q[query["type"]]
        made["modes"]["search"]["overlap"] = self.overlap
        modes = {"search": made["modes"]["search"],
                 "history": {"pageSize": PAGE, "types": sorted(types)},
                 "snapshot": {"pageSize": PAGE, "queries": queries(types)}}
        made["modes"] = {mode: modes[mode] for mode in self.modes}
        if self.tls:
            tls = rogue.tls()
            made["tls"] = {"caRef": "file:" + tls["ca"]}
            if self.tls == "client":
                made["tls"]["clientCertRef"] = "file:" + tls["both"]
        return made

    def base(self, rogue):
        plain = rogue.base(self.spec)
        if not self.tls:
            return plain
        return plain.replace("http:", "https:").replace(
            str(rogue.port), str(rogue.tls()["ports"][self.tls]))


def tls(form, gap=None):
    return Case(f"W-11:form={form}", gap, tls=form)


CASES = [
    Case(""),
    Case("W-01:form=seconds+date+past+negative+garbage+absent"),
    Case("W-01:form=5h", "asked to wait"),
    Case("W-01:form=5h-date", "asked to wait"),
    Case("W-02"),
    Case("W-02:form=403;type=Condition;times=-1", "answers 403"),
    Case("W-03", "answers 500"),
    Case("W-03:form=504", "answers 504"),
    Case("W-03:form=400"),
    Case("W-04"),
    Case("W-05"),
    Case("W-06"),
    Case("W-06:form=stall;seconds=1"),
    Case("W-06:form=length+reset;etag=pages"),
    Case("W-07:mb=4"),
    Case("W-07:mb=40"),
    Case("W-07:mb=40,W-22:form=count", "33554432 bytes"),
    Case("W-08"),
    Case("W-08:form=invalid"),
    Case("W-09"),
    Case("W-09:form=too-many", "redirects more than"),
    Case("W-09:form=loop", "redirects more than"),
    Case("W-09:form=metadata", "internal"),
    Case("W-09:form=file", "no http(s) URL"),
    Case("W-09:form=internal", "internal"),
    Case("W-10"),
    *[tls(form) for form in ("good", "client")],
    *[tls(form, "SSL") for form in
      ("expired", "future", "wrong-host", "self-signed", "unknown-ca", "chain", "old")],
    Case("W-12"),
    Case("W-12:form=ignore"),
    Case("W-12:max=2300", q={"Observation": "status=final," + ",".join(f"s{i}" for i in range(500))}),
    Case("W-13:value=abc", headers={"X-Client-Id": "abc"}),
    Case("W-13:form=400", "answers 400"),
    Case("W-13", "answers 403"),
    Case("W-18:form=relative+path+query"),
    Case("W-18:form=localhost", "another host"),
    Case("W-18:form=internal", "another host"),
    Case("W-18:form=port", "no URL"),
    Case("W-18", linkRewrite=True),
    Case("W-19"),
    Case("W-19:form=shrink"),
    Case("W-20"),
    Case("W-20:form=empty-middle+empty-end"),
    Case("W-21"),
    Case("W-21:form=bare"),
    Case("W-22", remark="ignores"),
    Case("W-22:form=silent", remark="ignores", overlap="PT0S"),
    Case("W-22:form=count"),
    Case("W-22:form=since", remark="ignores", modes=("history",)),
    Case("W-22:form=all", remark="ignores"),
    Case("W-23", modes=("snapshot",)),
    Case("W-23:without=snapshot", "answers 400"),
    Case("W-24", q={"Observation": "category=laboratory,vital-signs"}),
    Case("W-24:without=q", "answers 400"),
    Case("W-25", remark="less than the whole"),
    Case("W-25:form=no-mode", remark="less than the whole"),
    Case("W-26"),
    Case("W-27"),
    Case("W-28"),
    Case("W-29"),
    Case("W-30"),
    Case("W-30:form=alternate"),
    Case("W-43"),
    Case("W-43:form=json+quote"),
    Case("W-43:form=bundle"),
    Case("W-43:form=bundle,W-22:form=count", "broken JSON"),
    Case("W-45"),
    Case("W-46"),
    Case("W-47:party=a"),
    Case("W-47:party=b"),
    Case("W-48", phases=2, modes=("history",)),
    Case("W-49"),
    Case("W-50"),
    Case("W-51", phases=3),
    Case("W-52", phases=2),
    Case("W-53", phases=2),
    Case("W-55"),
    Case("W-56"),
    Case("W-57"),
    Case("W-57:form=data+deep-row"),
    *[Case(f"mix:rate=0.1;seed={seed}") for seed in range(1, SEEDS + 1)],
    *[Case(f"mix:rate=0.05;seed={seed};of=W-02+W-04+W-05+W-06+W-08+W-21+W-26+W-27,W-43,W-45,W-46,"
           "W-49,W-50,W-55") for seed in range(1, SEEDS + 1)],
]

# Of W-54, which has a test of its own.
ECHOES = (Case("W-54:form=same+narrative"), Case("W-54:form=no-identifier", "a record of its own"))

# Rows that are shown by a test of their own.
ELSEWHERE = {
    "W-01": "test_sync_pull.py: Pulls.test_a_partner_that_asks_for_hours_is_left_alone_over_restarts",
    "W-06": "test_sync_push.py: Push.test_faults_leave_one_copy_of_each",
    "W-23": "test_sync_odd.py: Configured.test_two_dates_of_one_type_are_two_pulls",
    "W-25": "test_sync_odd.py: Withheld.test_what_is_less_than_the_whole_is_not_forgotten",
    "W-41": "test_sync_pull.py: Pulls.test_references_are_followed_when_asked_for",
    "W-47": "test_sync_pull.py: Pulls.test_two_partners_with_the_same_ids_stay_apart",
    "W-54": "test_sync_faults.py: Echoes.test_what_nothing_marks_as_ours_is_a_record_of_its_own",
    "W-56": "test_sync_pull.py: Pulls.test_attachments_that_come_are_what_the_document_says",
}

ROWS = [f"W-{n:02}" for n in [*range(1, 14), *range(18, 31), 41, 43, *range(45, 58)]]


class Faults(unittest.TestCase):
    """All partners are pulled by one worker at once; then each is looked at."""

    @classmethod
    def setUpClass(cls):
        cls.rogue = Rogue(RESOURCES)
        cls.addClassCleanup(cls.rogue.close)
        cls.server = harness.Server().start()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.exchange = Exchange(cls.server)
        cls.rogue.tls = make_tls(cls.rogue)
        for i, case in enumerate(CASES):
            types = {r["type"] for r in cls.rogue.expect(case.spec)["resources"]}
            types = {kind for kind in types if kind.isalpha() and kind != "NoSuchType"}
            cls.exchange.add(case.document(f"p{i}", cls.rogue, types | GOOD_TYPES))
        began = time.monotonic()
        for _ in range(PULLS):
            cls.exchange.once()
        for phase in range(2, max(case.phases for case in CASES) + 1):
            for i, case in enumerate(CASES):
                if case.phases >= phase:
                    cls.rogue.ask("/control/phase", {"base": spec_base(case.spec)})
                    cls.exchange.once("--partner", f"p{i}")
        time.sleep(max(0, began + PATIENCE - time.monotonic()))
        for i, case in enumerate(CASES):
            if case.row in ("W-29", "W-30"):
                cls.exchange.once("--partner", f"p{i}")
        cls.states = states(cls.exchange)
        cls.book = cls.rogue.ask("/control/state")

    def check(self, index):
        case = CASES[index]
        books = account(self.exchange, f"p{index}")
        state = self.states.get(case.base(self.rogue), {})
        windows = books["incompleteWindows"]
        self.assertTrue(books["balanced"], books["accounts"])
        self.assertEqual(sum(a["waiting"] for a in books["accounts"]), 0)
        said = " ".join([w.get("reason", "") for w in windows]
                        + [a.get("reason", "") for a in books["accounts"]])
        if case.gap == "asked to wait":
            self.assertIn(case.gap, self.exchange.isthmus("partner", "status", f"p{index}").stdout)
        elif case.gap:
            self.assertIn(case.gap, said)
        if case.remark:
            self.assertIn(case.remark, said)
        broken = {a["type"] for a in books["accounts"] if a["open"] or (
            a["incomplete"] and a.get("reason") and "smaller windows" not in a["reason"])}
        whole = dead = 0
        for row in self.rogue.expect(case.spec)["resources"]:
            held = state.get((row["type"], row["id"]))
            whole += self.check_row(row, held, case.gap and row["type"] in broken, books)
            dead += row["outcome"] in ("dead", "quarantine")
        self.assertLess(books["dead"], dead + 12, "the same died again and again")
        if not case.gap:
            self.assertGreater(whole, 100)

    def check_row(self, row, held, may_lack, books):
        key = row["type"], row["id"], row.get("why")
        if row["outcome"] in ("dead", "deleted", "absent"):
            self.assertIsNone(held, key)
        elif held is None and may_lack:
            return False
        elif held is None and row["outcome"] == "either":
            self.assertGreater(books["dead"], 0, key)
        elif row["outcome"] == "quarantine":
            self.assertNotEqual(shape(held), row["shape"], key)
            self.assertGreater(books["dead"], 0, key)
        else:
            self.assertIsNotNone(held, key)
            if row["outcome"] != "either":
                self.assertEqual(shape(held), row["shape"], key)
            return True
        return False

    def test_nobody_went_where_nobody_may_go(self):
        self.assertEqual(self.book["internal"], [])
        self.assertFalse([hit for hit in self.book["storage"] if hit["authorization"] or hit["cookie"]])

    def test_nobody_came_too_early_or_wrote_a_bare_plus(self):
        self.assertEqual(self.book["violations"], [])

    def test_downloads_that_broke_were_gone_on_with(self):
        statuses = self.book["statuses"]["/fault/W-06:form=length+reset;etag=pages/fhir"]
        self.assertGreater(statuses.get("206", 0), 10, statuses)


def spec_base(spec):
    return f"/fault/{spec}/fhir" if spec else "/fhir"


def make_tls(rogue):
    """Ports, the authority, and our certificate with its key in one file."""
    found = {}

    def ask():
        if not found:
            found.update(rogue.ask("/control/tls", {}))
            both = os.path.join(harness.scratch(), "visitor.pem")
            with open(both, "w") as file:
                for part in ("certificate", "key"):
                    with open(found["client"][part]) as one:
                        file.write(one.read())
            found["both"] = both
        return found
    return ask


def add_tests():
    for index, case in enumerate(CASES):
        def test(self, index=index):
            self.check(index)
        test.__doc__ = f"{case.spec or 'a good partner'}{': the gap is named' if case.gap else ''}"
        name = "".join(c if c.isalnum() else "_" for c in case.spec)
        setattr(Faults, f"test_{index:02}_{name}", test)


add_tests()


class Echoes(unittest.TestCase):
    """W-54"""

    def echoed(self, form):
        """Pushes six patients with a result each to a partner that gives them back under new ids, and
        pulls from it; how many resources came of that."""
        rogue = Rogue()
        self.addCleanup(rogue.close)
        server = harness.Server().start()
        self.addCleanup(server.__exit__, None, None, None)
        exchange, client = Exchange(server), server.client()
        for i in range(6):
            client.put(f"Patient/e{i}", {"resourceType": "Patient", "id": f"e{i}",
                                         "name": [{"family": f"Echo {i}"}]})
            client.put(f"Observation/e{i}", {
                "resourceType": "Observation", "id": f"e{i}", "status": "final",
                "code": {"text": "weight"}, "valueInteger": i,
                "subject": {"reference": f"Patient/e{i}"}})
        exchange.add(partner("p", rogue.base(f"W-54:form={form}"),
                             push={"types": ["Patient", "Observation"]},
                             search={"queries": queries({"Patient", "Observation"})}))
        for _ in range(4):
            exchange.once()
        self.assertEqual(len([w for w in rogue.writes() if w["method"] == "POST"]), 12)
        for kind in ("Patient", "Observation"):
            for i in range(6):
                self.assertEqual(client.get(f"{kind}/e{i}").json()["meta"]["versionId"], "1")
        self.assertTrue(account(exchange, "p")["balanced"])
        state = states(exchange).get(rogue.base(f"W-54:form={form}"), {})
        return sum(id_.startswith("echo-") for _, id_ in state)

    def test_what_comes_back_is_no_news(self):
        self.assertEqual(self.echoed("same+narrative"), 0)

    def test_what_nothing_marks_as_ours_is_a_record_of_its_own(self):
        """It may as well be somebody else's that says the same, and those are never merged."""
        self.assertEqual(self.echoed("no-identifier"), 12)


class Table(unittest.TestCase):
    """docs/sync.md says what is shown here, row by row."""

    def test_every_row_of_the_table_says_what_the_tests_show(self):
        with open(os.path.join(harness.ROOT, "docs/sync.md")) as file:
            lines = [line.split("|") for line in file if re.match(r"\| W-\d\d \|", line)]
        found = {cells[1].strip(): cells[-2].strip() for cells in lines}
        self.assertEqual(sorted(found), ROWS)
        for row, cell in found.items():
            self.assertEqual(cell, shown(row), row)

    def test_every_fault_of_the_rogue_partner_is_a_row(self):
        faults = {row.number for row in table.TABLE if row.number.startswith("W-")}
        self.assertEqual(faults - set(ROWS), set())
        self.assertEqual(set(ROWS) - faults, {"W-41"}, "which needs no fault")

    def test_what_is_shown_elsewhere_is_there(self):
        for where in ELSEWHERE.values():
            path, name = where.split(": ")
            with open(os.path.join(harness.ROOT, "tests/http", path)) as file:
                self.assertIn(f"def {name.split('.')[1]}(", file.read())


def shown(row):
    """The last column of the table."""
    cases = [case for case in (*CASES, *ECHOES) if case.row == row]
    parts = []
    for gap, words in ((False, "equal"), (True, "named")):
        labels = [case.label for case in cases if bool(case.gap) == gap]
        if labels:
            plain = [label for label in labels if not label.startswith("`")]
            others = [label.strip() for label in labels if label.strip()]
            parts.append(words + (": " if others else "") + ("plain, " if "" in plain and others else "")
                         + ", ".join(others))
    if row in ELSEWHERE:
        parts.append("`" + ELSEWHERE[row].split(": ")[0] + "`")
    return "; ".join(parts) or "not offered"


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        for number in ROWS:
            print(f"| {number} | {shown(number)} |")
    else:
        with contextlib.suppress(KeyboardInterrupt):
            unittest.main()
