"""The table of faults: what each does, and what a client must do. The server, --list, the
control interface and docs/rogue.md all come from it."""

from . import content, paging, poison, transport
from .faults import ALWAYS, ANY, FOLLOWING, READING, Mix, Slow


class Row:
    """`forms`: all there are. `cycle`: those that take turns when the URL names none. `on`: the
    requests it may strike. `times`: how often it strikes the same URL, ALWAYS or a number.
    `chains`: how many chains of pages of a search are spoilt. `passing`: the forms that a
    repetition overcomes, for mixtures. `type`: the one type it is about."""

    def __init__(self, number, name, cls, does, must, **more):
        self.number = number
        self.name = name
        self.cls = cls
        self.does = does
        self.must = must
        self.forms = more.pop("forms", ())
        self.cycle = more.pop("cycle", self.forms)
        self.on = more.pop("on", READING)
        self.times = more.pop("times", ALWAYS)
        self.chains = more.pop("chains", 0)
        self.passing = more.pop("passing", ())
        self.type = more.pop("type", None)
        self.params = more.pop("params", "")
        self.pool = more.pop("pool", ())
        assert not more, more


PAGED = ("search", "page", "history")

TABLE = (
    Row("W-01", "Retry-After", transport.RetryAfter,
        "429 with Retry-After: seconds, HTTP-date, five hours (both ways), the past, negative, garbage, absent",
        "Wait as long as it says, over restarts, without holding anything up; by own backoff where it says nothing sensible.",
        forms=("seconds", "date", "5h", "5h-date", "past", "negative", "garbage", "absent"),
        cycle=("seconds", "date", "5h", "negative", "garbage"),
        passing=("seconds", "date", "past", "negative", "garbage", "absent"), on=ANY, times=1,
        params="seconds=1"),
    Row("W-02", "transient status", transport.Status,
        "408, 425, 429, 5xx in the middle of paging or a download; 401, 403, 404 by form, for one type with type=",
        "Repeat what is transient; anything else ends that unit of work only, by name.",
        forms=("408", "425", "429", "500", "502", "503", "504", "401", "403", "404"),
        cycle=("408", "425", "429", "500", "502", "503", "504"),
        passing=("408", "425", "429", "500", "502", "503", "504"), on=ANY, times=1),
    Row("W-03", "fatal status in disguise", transport.Fatal,
        "500 that never ends, for the searches of one type (type=Condition); 504 likewise; 400 that works the second time",
        "A budget of repetitions with backoff; then dead-letter the unit and go on with the others.",
        forms=("500", "504", "400"), cycle=("500",), on=PAGED, type="Condition"),
    Row("W-04", "not what it says", transport.Disguise,
        "200 with HTML, text, nothing, an OperationOutcome or another resource; good JSON as text/plain or application/json",
        "Judge by parsing and resourceType, not by Content-Type; never keep an OperationOutcome as data.",
        forms=("html", "html-as-fhir", "text", "empty", "outcome", "other-type", "text-plain", "json"),
        passing=("html", "html-as-fhir", "text", "empty", "outcome", "text-plain", "json"), times=1),
    Row("W-05", "gzip", transport.Gzip,
        "gzip unasked, cut off inside, with a wrong checksum, twice, with garbage behind, announced but not done; no newline at the end",
        "Decompress as a stream, within limits; never accept a part as the whole.",
        forms=("always", "truncated", "crc", "double", "trailing", "mislabelled", "no-newline"),
        passing=("always", "truncated", "crc"), times=1),
    Row("W-06", "cut", transport.Cut,
        "the connection ends: short of Content-Length, without the last chunk, by reset, in the head, before the first byte, after a stall; before or after a write took effect. Files and attachments have ETag and Range, with etag=pages all answers",
        "Resume with If-Range or fetch again; ask before repeating a write.",
        forms=("length", "chunked", "reset", "head", "close", "stall", "before", "after"),
        cycle=("length", "chunked", "reset", "head", "close", "before", "after"),
        passing=("length", "chunked", "reset", "head", "close", "before", "after"), on=ANY, times=1,
        params="at=0.5, seconds=3 (stall), etag=changes or pages"),
    Row("W-07", "huge lines", transport.Huge, "a Binary of mb=12 megabytes, the number at=27 of its type, among small=40 others",
        "Bounded memory; above the own limit a dead letter, and go on.",
        params="mb=12, small=40, at=27"),
    Row("W-08", "split characters", transport.Split,
        "chunks end within characters of several bytes; form=invalid adds a name that is no UTF-8",
        "Put bytes together before decoding; what is not UTF-8 is a dead letter, not a replacement character.",
        forms=("split", "invalid"), cycle=("split",), passing=("split",)),
    Row("W-09", "redirects", transport.Redirect,
        "to a storage on another port that refuses Authorization, to a relative URL, another host name, five hops; by form too many, a loop, http, the metadata service, a file, an internal service",
        "At most five; no Authorization or cookies to another scheme, host or port; never down to http, never to a forbidden address.",
        forms=("storage-302", "storage-307", "relative", "host", "chain", "too-many", "loop",
               "downgrade", "metadata", "file", "internal"),
        cycle=("storage-302", "storage-307", "relative", "host", "chain"), times=ALWAYS),
    Row("W-10", "lies about the token", transport.Presigned,
        "the list of files says requiresAccessToken; they lie at signed URLs on a storage that refuses it, with 400 or form=403",
        "One repetition without the token.", forms=("400", "403"), cycle=("400",), on=("file",)),
    Row("W-11", "TLS", transport.Tls,
        "sends on to listeners with a private CA, client certificates, and: expired, of the future, another name, self-signed, unknown CA, no intermediate, TLS 1.1",
        "Trust by the partner's own CA; no way to switch trust off.",
        forms=("good", "client", "expired", "future", "wrong-host", "self-signed", "unknown-ca", "chain", "old"),
        cycle=("good",), on=()),
    Row("W-12", "plus and length", transport.Strict,
        "+ in a timestamp is a space, which is refused (or the criterion ignored: form=ignore); URLs above max=8192 get 414",
        "Write %2B; long searches by POST.", forms=("refuse", "ignore"), cycle=("refuse",), on=(),
        params="max=8192"),
    Row("W-13", "required header", transport.Header, "403 (or 400) without the header X-Client-Id",
        "Send the headers configured for the partner.", forms=("403", "400"), cycle=("403",), on=(),
        params="header=X-Client-Id, value="),
    Row("W-18", "next link astray", paging.NextLink,
        "the next link names localhost:8080, an internal host, a port twice; or is relative (to the base, the root, the page)",
        "Resolve relative ones; others only if configured as alias or for rewriting; else the window is incomplete, aloud.",
        forms=("localhost", "internal", "port", "relative", "path", "query"), on=PAGED,
        params="host=fhir-int.hospital.internal:8080"),
    Row("W-19", "next link expires", paging.Expires,
        "from page 2 on 404, 410 or 500, in the first two chains of a search; form=shrink: in all",
        "Begin the window again; after three times with half of it.",
        forms=("404", "410", "500", "shrink"), cycle=("410", "404", "500"), on=PAGED, chains=2,
        params="page=2, chains=2"),
    Row("W-20", "endless paging", paging.Loops,
        "page links to itself, last page to the first, in the first two chains of a search; empty pages in the middle and at the end",
        "The end is a page without next; a URL that comes again is a loop; an empty page is not the end.",
        forms=("same", "loop", "empty", "empty-middle", "empty-end"), cycle=("same", "loop", "empty"),
        on=PAGED, chains=2, params="chains=2"),
    Row("W-21", "page undefined", paging.Undefined,
        "a following page is null, {}, [], nothing, 204",
        "Not the end: the cursor stays until a real page without next has come.",
        forms=("null", "object", "array", "empty", "204", "bare"),
        cycle=("null", "object", "array", "empty", "204"),
        passing=("null", "object", "empty", "204"), on=FOLLOWING, times=1),
    Row("W-22", "ignores parameters", paging.Ignores,
        "_lastUpdated (by form _since, _count, patient, _id, all) has no effect and is absent from the self link; form=silent: it is there",
        "Compare the self link, verify the rows, probe with a date in the future.",
        forms=("lastUpdated", "since", "count", "patient", "id", "all", "silent"),
        cycle=("lastUpdated",), on=PAGED),
    Row("W-23", "no times", paging.Undated,
        "no meta.lastUpdated, no versionId, no search by it, no history",
        "By clinical date with lookback, or whole snapshots compared by hash.", on=PAGED + ("read",)),
    Row("W-24", "demands", paging.Demands,
        "Observation wants category, EpisodeOfCare wants type, Condition refuses category; or type= and needs=",
        "Queries by type.", on=PAGED, params="type=, needs="),
    Row("W-25", "OperationOutcome entries", paging.Outcomes,
        "each page ends with an OperationOutcome, 4119: may not contain the entire record",
        "The window is marked as possibly incomplete; never a row.",
        forms=("warning", "information", "no-mode"), on=PAGED, passing=("information",)),
    Row("W-26", "duplicates", paging.Repeats, "rows twice in a page; rows of the page before again",
        "Once by type, id and version or hash.", forms=("within", "across"), on=PAGED,
        passing=("within", "across"), params="rows=5"),
    Row("W-27", "totals", paging.Totals,
        "total is 0, too small, too large, different on every page, negative, text, absent",
        "For information only.",
        forms=("zero", "less", "more", "changes", "negative", "text", "absent"), on=PAGED,
        passing=("zero", "less", "more", "changes", "absent")),
    Row("W-28", "odd times", paging.Times,
        "lastUpdated next year, in 3023, in a leap second, only a month or year, without zone, with nanoseconds",
        "Keep the row; the high-water mark is never above the partner's Date + 10 s."),
    Row("W-29", "late commits", paging.Late,
        "rows appear seconds=2 after the instant they carry, when later ones are there already",
        "Overlapping windows.", params="seconds=2"),
    Row("W-30", "replica lag", paging.Lag,
        "searches and histories show the state of seconds=3 ago; form=alternate: every other request does",
        "The mark is the lesser of the begin and the latest row seen; overlap.",
        forms=("constant", "alternate"), cycle=("constant",), on=PAGED + ("read", "write", "bundle"),
        params="seconds=3"),
    Row("W-43", "one bad unit", content.BadUnit,
        "among good entries a null, one without type; by form one that breaks the JSON of its page: a bracket, a quote, or a Bundle with entries of its own",
        "Dead-letter the one, go on with the others.",
        forms=("entry", "no-type", "json", "quote", "bundle"), cycle=("entry", "no-type")),
    Row("W-45", "same id, versions", content.SameId,
        "the same id several times, the versions in disorder; 9 before 10; equal versionId",
        "Order by version and time; the newest is current."),
    Row("W-46", "ids", content.Ids, "ids of 65 to 1,104 characters, with characters no FHIR id has",
        "Opaque text up to 1,024; the own id is always another."),
    Row("W-47", "id collision", content.Collision,
        "Patient/123 and Observation/1; somebody else behind each party=",
        "The key is partner, type, id.", params="party=a"),
    Row("W-48", "re-issued ids", content.Reissued,
        "phase 2: an id belongs to another person; a record has another id",
        "Birth date and family changed: quarantine. One changed: an update.",
        forms=("reissue", "renumber")),
    Row("W-49", "invalid resources", content.Invalid,
        "unknown codes, arrays for values and the reverse, unknown elements, shapes of R5, empty strings, null, keys twice, no id, no such type",
        "Structure that cannot be held: dead letter; else accept and mark; never repair."),
    Row("W-50", "references", content.References,
        "relative, absolute, by another name of the server, versioned, logical, contained, urn:uuid, broken, elsewhere, display only",
        "To the own id where there is a target; kept and reported where there is none."),
    Row("W-51", "merged patients", content.Merged,
        "phase 2: one of two patients is replaced by the other; phase 3: no longer",
        "Relink; never move rows."),
    Row("W-52", "entered in error", content.Entered,
        "phase 2: a result, an allergy, a problem become entered-in-error",
        "A retraction: hidden, kept, told to those who read it."),
    Row("W-53", "version regression", content.Regression,
        "phase 2: version 3 after version 5, newer or older by lastUpdated",
        "Keep the current one; the other is a branch; tell."),
    Row("W-54", "echo", content.Echo,
        "what is written comes back under a new id: the same, with a narrative, without identifiers",
        "Recognise it: no new record, no event.", forms=("same", "narrative", "no-identifier")),
    Row("W-55", "identifier systems", content.Systems,
        "the same value without system, as urn:oid, bare OID, upper case, URL, with a slash, as a word",
        "Aliases by partner; without system it is the partner's own."),
    Row("W-56", "attachments by URL", content.Attachments,
        "sound, expired, gone, another MIME type, with token only, another size, another hash, an OperationOutcome, on the storage",
        "Fetch with limits, check size, type and hash; the document stays whatever comes."),
    Row("W-57", "poison", poison.Poison,
        "next links to the metadata service, a file, an internal service, a page that swells to mb=256, brackets without end, in the first five chains; ids with ../, scripts, NUL, attachments at such places",
        "Never connect there; refuse what swells; clean narratives on output.",
        forms=("metadata", "file", "internal", "bomb", "deep", "data", "deep-row"),
        cycle=("metadata", "file", "internal", "bomb", "deep"), on=PAGED, chains=5,
        params="chains=5, mb=256"),
    Row("slow", "latency", Slow, "every search page takes ms=50 longer", "Several at a time.",
        on=PAGED, params="ms=50"),
    Row("mix", "mixture", Mix,
        "every request meets one of the faults that a repetition overcomes, with probability rate=0.02; or one of those named by of=W-01+W-05",
        "Arrive at the state of a good partner.", params="rate=0.02, seed=1, of=",
        pool=("W-01", "W-02", "W-04", "W-05", "W-06", "W-08", "W-21", "W-26", "W-27"), on=ANY),
)

BY_NUMBER = {row.number: row for row in TABLE}


def listing():
    lines = []
    for row in TABLE:
        lines.append(f"{row.number}  {row.name}: {row.does}.")
        lines.append(f"      must: {row.must}")
        if row.forms:
            lines.append(f"      form: {' '.join(row.forms)}; by turns: {' '.join(row.cycle)}")
        if row.params:
            lines.append(f"      also: {row.params}")
    return "\n".join(lines)


def markdown():
    lines = ["| | what it does | what a client must do | forms (those in *italics* only when named) | also |",
             "|---|---|---|---|---|"]
    for row in TABLE:
        forms = " ".join(form if form in row.cycle else f"*{form}*" for form in row.forms)
        lines.append(f"| **{row.number}** {row.name} | {row.does} | {row.must} | {forms} | {row.params} |")
    return "\n".join(lines)
