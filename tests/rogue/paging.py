"""Faults of searching and paging."""

from urllib.parse import quote

from . import fhirjson, service
from .faults import Fault, chance
from .wire import Reply

INTERNAL_HOST = "fhir-int.hospital.internal:8080"


class NextLink(Fault):
    """W-18: the next link is right but for where it points."""

    def page(self, rq, page, form):
        url = page.links.get("next")
        if not url:
            return
        origin = f"{rq.scheme}://{rq.authority}"
        name = rq.authority.rpartition(":")[0] or rq.authority
        host = self.params.get("host", INTERNAL_HOST)
        rest = url[len(origin):]
        page.links["next"] = {
            "localhost": "http://localhost:8080" + rest,
            "internal": f"http://{host}{rest}",
            "port": f"{rq.scheme}://{name}:443:443{rest}",
            "relative": page.path + "?" + url.partition("?")[2],
            "path": rest,
            "query": "?" + url.partition("?")[2],
        }[form]


class Chained(Fault):
    """Numbers the chains: every first page of the same search begins another one, and its links
    carry the number."""

    def __init__(self, row, world, params):
        super().__init__(row, world, params)
        self.chains = {}

    def page(self, rq, page, form):
        if not page.offset and not page.chain:
            with self.world.lock:
                self.chains[rq.key] = self.chains.get(rq.key, 0) + 1
                page.chain = self.chains[rq.key]
        if "next" in page.links:
            page.more["_chain"] = str(page.chain)
            page.links["next"] += f"&_chain={page.chain}"
        self.spoil(rq, page, form)

    def bad(self, page):
        """The chains to spoil: the first `chains`; all of them, -1."""
        limit = self.number("chains", self.row.chains)
        return limit < 0 or page.chain <= limit

    def form_of(self, page):
        return self.forms[(max(page.chain, 1) - 1) % len(self.forms)]


class Expires(Chained):
    """W-19: the link to page `page` and all behind it is dead; a new search gives new links."""

    def before(self, rq, form):
        given = dict(rq.params)
        count, offset = given.get("_count", "100"), given.get("_offset", "0")
        if not (count.isdigit() and offset.isdigit() and int(count)) or "_snapshot" not in given:
            return None
        number = int(offset) // int(count) + 1
        chain = int(given.get("_chain", "0"))
        limit = self.number("chains", self.row.chains)
        if "shrink" in self.forms:
            limit = -1
        if number < self.number("page", 2) or 0 <= limit < chain:
            return None
        status = self.forms[(max(chain, 1) - 1) % len(self.forms)]
        return service.outcome(410 if status == "shrink" else int(status),
                               "this page has expired", "expired")

    def spoil(self, rq, page, form):
        pass

    def gaps(self):
        if "shrink" not in self.forms and self.number("chains", self.row.chains) >= 0:
            return []
        return [("*", "windows with more than one page, unless made smaller")]


class Loops(Chained):
    """W-20"""

    def spoil(self, rq, page, form):
        form = self.form_of(page)
        if form in ("same", "loop") and self.bad(page):
            if form == "same" and page.offset:
                page.links["next"] = page.url(page.offset) + f"&_chain={page.chain}"
            elif form == "loop" and "next" not in page.links and page.offset:
                page.links["next"] = page.url(0) + f"&_chain={page.chain}"
            return
        self.empty(rq, page, form)

    def empty(self, rq, page, form):
        """Every full page but the first is preceded by an empty one, the last one followed."""
        mark = dict(rq.params).get("_empty")
        if mark:
            page.rows = []
            page.links.pop("next", None)
            if mark == "middle":
                page.links["next"] = page.url(page.offset) + f"&_chain={page.chain}"
            return
        if "next" in page.links:
            if form != "empty-end":
                page.links["next"] += "&_empty=middle"
        elif form != "empty-middle" and page.rows:
            page.links["next"] = page.url(page.offset) + f"&_chain={page.chain}&_empty=end"

    def gaps(self):
        endless = self.number("chains", self.row.chains) < 0 and set(self.forms) & {"same", "loop"}
        return [("*", "paging never ends")] if endless else []


class Undefined(Fault):
    """W-21: a page that is nothing."""

    def before(self, rq, form):
        status, body = {"null": (200, b"null"), "object": (200, b"{}"), "array": (200, b"[]"),
                        "empty": (200, b""), "204": (204, b""),
                        "bare": (200, b'{"resourceType":"Bundle","type":"searchset"}')}[form]
        return Reply(status, body)

    def gaps(self):
        if self.times > 0 and "bare" not in self.forms:
            return []
        return [("*", "pages are missing")]


class Ignores(Fault):
    """W-22: parameters are ignored."""

    def before(self, rq, form):
        names = {"lastUpdated": ("_lastUpdated",), "since": ("_since",), "count": ("_count",),
                 "patient": ("patient", "subject"), "id": ("_id",),
                 "silent": ("_lastUpdated", "_since"),
                 "all": None}[form]
        rq.dropped = [p for p in rq.params if p[0] not in service.INTERNAL
                      and (names is None or p[0] in names)]
        rq.params = [p for p in rq.params if p not in rq.dropped]
        if rq.method == "POST" and rq.parts[-1:] == ["_search"]:
            pairs = service.parse_query(rq.body.decode("utf-8", "replace"))
            kept = [p for p in pairs if names is not None and p[0] not in names]
            rq.body = "&".join(f"{quote(n)}={quote(v)}" for n, v in kept).encode()

    def page(self, rq, page, form):
        if form == "silent":  # the self link claims what was not done
            honest = page.params
            page.params = rq.dropped + [p for p in honest if p not in rq.dropped]
            page.links["self"] = page.url()
            page.params = honest


class Undated(Fault):
    """W-23: no meta.lastUpdated, no search by it, no history."""

    def before(self, rq, form):
        if any(name == "_lastUpdated" for name, _ in rq.params):
            return service.outcome(400, "search parameter _lastUpdated is not known", "not-supported")
        return None

    def after(self, rq, reply, form):
        reply.headers.pop("Last-Modified", None)

    def present(self, row, data):
        doc = row.doc()
        if "meta" not in doc:
            return data
        meta = {k: v for k, v in doc["meta"].items() if k not in ("lastUpdated", "versionId")}
        return fhirjson.dumps({k: meta if k == "meta" else v for k, v in doc.items()
                               if k != "meta" or meta})


class Demands(Fault):
    """W-24: some types want a parameter, some refuse one."""

    WANTS = {"Observation": "category", "EpisodeOfCare": "type"}
    REFUSES = {"Condition": "category"}

    def before(self, rq, form):
        type_ = rq.parts[0]
        wants = self.params.get("needs") if self.type else self.WANTS.get(type_)
        given = {name for name, _ in rq.params}
        if rq.method == "POST":
            given |= {n for n, _ in service.parse_query(rq.body.decode("utf-8", "replace"))}
        if wants and not given & {wants, "_id", "_snapshot"}:
            return service.outcome(400, f"search parameter {wants} is required", "required")
        if self.REFUSES.get(type_) in given:
            return service.outcome(400, "search parameter category is refused", "not-supported")
        return None


class Outcomes(Fault):
    """W-25: an OperationOutcome among the entries."""

    def page(self, rq, page, form):
        issue = {"severity": "information" if form == "information" else "warning",
                 "code": "incomplete" if form != "information" else "informational",
                 "details": {"coding": [{"code": "4119"}],
                             "text": "The answer may not contain the entire record."}}
        entry = {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}}
        if form != "no-mode":
            entry["search"] = {"mode": "outcome"}
        page.extra.append(fhirjson.dumps(entry))


class Repeats(Fault):
    """W-26: rows twice in a page, and again on the next."""

    def page(self, rq, page, form):
        again = self.number("rows", 5)
        if not page.snapshot:
            return
        if form == "within":
            page.rows = page.rows + page.rows[:again]
        else:
            page.rows = page.snapshot.rows[max(0, page.offset - again):page.offset] + page.rows


class Totals(Fault):
    """W-27"""

    def page(self, rq, page, form):
        true = len(page.snapshot.rows)
        page.raw_total = {"zero": 0, "less": true // 2, "more": true * 3 + 7,
                          "changes": true + 1 + int(chance(rq.key) * 100), "negative": -1,
                          "text": "many", "absent": None}[form]
        if form == "absent":
            page.total = None


class Times(Fault):
    """W-28: the content is in content.py."""

    def content(self, phase):
        from . import content
        return content.odd_times(self.world) if phase == 1 else []


class Late(Fault):
    """W-29: rows become visible `seconds` after the instant they carry; others carry later
    instants and are visible at once. Of what is written, half is late; of a row made for it that
    appears every half second for ten seconds, the odd ones are."""

    ROWS = 20
    EVERY = 500

    def late(self, row):
        if row.updated < self.world.born:
            return False
        if row.id.startswith("w29-"):
            return int(row.id[4:]) % 2 == 1
        return chance(row.type, row.id, row.version) < 0.5

    def visible(self, row, now):
        return row.updated + (self.number("seconds", 2.0) * 1000 if self.late(row) else 0) <= now

    def content(self, phase):
        from . import content
        return [content.plain(f"w29-{i}", updated=self.world.born + i * self.EVERY)
                for i in range(self.ROWS)] if phase == 1 else []


class Lag(Fault):
    """W-30: searches see the state of `seconds` ago."""

    def visible(self, row, now):
        return row.updated + self.number("seconds", 3.0) * 1000 <= now

    def fire(self, rq):
        fired = super().fire(rq)
        if fired and fired[0][1] == "alternate":
            rq.fresh = self.struck % 2 == 0
        if rq.kind in ("read", "write", "bundle"):
            rq.fresh = True
        return fired


