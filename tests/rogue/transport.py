"""Faults of HTTP: refusals, bodies that are not what they say, connections that end."""

import gzip
import json
import time
import zlib

from . import fhirjson, service, times
from .faults import Fault
from .wire import Reply

FIVE_HOURS = 18000
METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/"
HTML = b"<!DOCTYPE html><html><body><h1>Maintenance</h1><p>Back soon.</p></body></html>\n"
HEAVY = 1 << 20


class RetryAfter(Fault):
    def before(self, rq, form):
        seconds = self.number("seconds", 1)
        wait, value = self.said(form, seconds)
        if wait:
            self.world.not_before[rq.key] = time.monotonic() + wait
        headers = {"Retry-After": value} if value is not None else {}
        return service.outcome(429, "too many requests", "throttled", headers)

    def said(self, form, seconds):
        """(what an honest client waits, the header)"""
        now = self.world.server.clock.now()
        return {
            "seconds": lambda: (seconds, str(seconds)),
            "date": lambda: (seconds, times.http_date(now + seconds + 1)),
            "5h": lambda: (FIVE_HOURS, str(FIVE_HOURS)),
            "5h-date": lambda: (FIVE_HOURS, times.http_date(now + FIVE_HOURS)),
            "past": lambda: (0, times.http_date(now - 3600)),
            "negative": lambda: (0, "-5"),
            "garbage": lambda: (0, "soon"),
            "absent": lambda: (0, None),
        }[form]()


class Status(Fault):
    """W-02 and W-03: the form is the status."""

    FINAL = {"401", "403", "404"}  # which nobody repeats

    def before(self, rq, form):
        return service.outcome(int(form), f"status {form}", "transient")

    def gaps(self):
        if self.times > 0 and not self.FINAL & set(self.forms):
            return []
        return [(self.type or "*", f"answers {'/'.join(self.forms)}")]


class Fatal(Status):
    """500 that never ends, 504 that hides one; 400 that works the next time."""

    def fire(self, rq):
        fired = super().fire(rq)
        if fired and fired[0][1] == "400" and self.counts[rq.key] > 1:
            return []
        return fired

    def gaps(self):
        return [] if self.forms == ("400",) else super().gaps()


class Disguise(Fault):
    """200, but not what was asked for; or what was asked for under another name."""

    def after(self, rq, reply, form):
        if reply.status not in (200, 201):
            return
        if form in ("text-plain", "json"):
            reply.headers["Content-Type"] = "text/plain" if form == "text-plain" else "application/json"
            return
        body, name = {
            "html": (HTML, "text/html"),
            "html-as-fhir": (HTML, "application/fhir+json"),
            "text": (b"Service temporarily unavailable\n", "text/plain"),
            "empty": (b"", "application/fhir+json"),
            "outcome": (service.outcome(500, "an internal error").body, "application/fhir+json"),
            "other-type": (b'{"resourceType":"Basic","id":"no","code":{"text":"not this"}}',
                           "application/fhir+json"),
        }[form]
        reply.body, reply.compressed = body, None
        reply.headers["Content-Type"] = name
        reply.headers.pop("ETag", None)


class Gzip(Fault):
    def after(self, rq, reply, form):
        if not reply.body or reply.status == 206:
            return
        packed = gzip.compress(reply.body, 6, mtime=0)
        labelled = True
        if form == "truncated":
            packed = packed[: max(len(packed) * 2 // 3, 12)]
        elif form == "crc":
            packed = packed[:-8] + bytes(b ^ 0xFF for b in packed[-8:-4]) + packed[-4:]
        elif form == "double":
            packed = gzip.compress(packed, 6, mtime=0)
        elif form == "trailing":
            packed += b"\0\0garbage"
        elif form == "mislabelled":
            packed = reply.body
        elif form == "no-newline":
            packed, labelled = reply.body.rstrip(b"\n"), False
        reply.body, reply.encoding = packed, "done"
        if labelled:
            reply.headers["Content-Encoding"] = "gzip"


class Cut(Fault):
    """With etag=pages, pages too have a strong ETag and can be gone on with by Range."""

    def fire(self, rq):
        fired = super().fire(rq)
        whole = not fired and self.params.get("etag") == "pages" and rq.kind in self.on
        return [(self, "whole")] if whole else fired

    def before(self, rq, form):
        if self.params.get("etag") == "changes":
            rq.headers.pop("range", None)
        if form == "before":
            reply = Reply(200, b"")
            reply.cut = "close"
            return reply
        return None

    def after(self, rq, reply, form):
        if self.params.get("etag") == "pages":
            reply.encoding = "identity"
            service.ranged(rq, reply)
        if form == "whole":
            return
        if self.params.get("etag") == "changes" and "ETag" in reply.headers:
            reply.headers["ETag"] = f'"changed-{self.struck}"'
        reply.cut = "close" if form == "after" else form
        reply.cut_at = self.number("at", 0.5)
        reply.stall = self.number("seconds", 3.0)


class Huge(Fault):
    """W-07: the content is in content.py; here it is only named."""

    def content(self, phase):
        from . import content
        small = self.number("small", 40)
        return content.huge(int(self.number("mb", 12.0) * HEAVY), small,
                            self.number("at", min(27, small))) if phase == 1 else []


class Split(Fault):
    """W-08: a chunk ends in the middle of every character of several bytes."""

    def after(self, rq, reply, form):
        body, pieces, start = reply.body, [], 0
        if form != "split":
            return
        for i, byte in enumerate(body):
            if byte >= 0xC0 and len(pieces) < 2000:
                pieces.append(body[start:i + 1])
                start = i + 1
        pieces.append(body[start:])
        reply.chunks = [piece for piece in pieces if piece]
        reply.encoding = "identity"

    def content(self, phase):
        from . import content
        return content.letters("invalid" in self.forms) if phase == 1 else []


class Redirect(Fault):
    """302 and the like, to a storage that refuses Authorization, or to where nobody may go."""

    def before(self, rq, form):
        if rq.bare:
            return None
        hops = self.world.hops(rq)
        if hops:  # within a chain of redirects
            left = hops - 1
            return self.to(rq, 307, self.hop(rq, left)) if left else None
        server, target = self.world.server, rq.scheme + "://"
        name = rq.authority.rpartition(":")[0] or rq.authority
        other = "localhost" if name != "localhost" else "127.0.0.1"
        where = {
            "storage-302": lambda: (302, server.storage_url(rq)),
            "storage-307": lambda: (307, server.storage_url(rq)),
            "relative": lambda: (307, self.hop(rq, 1).replace(target + rq.authority, "")),
            "host": lambda: (307, self.hop(rq, 1).replace(target + name, target + other, 1)),
            "chain": lambda: (307, self.hop(rq, 5)),
            "too-many": lambda: (307, self.hop(rq, 12)),
            "loop": lambda: (302, target + rq.authority + rq.target),
            "downgrade": lambda: (302, "http://" + rq.authority + rq.target),
            "metadata": lambda: (302, METADATA_SERVICE),
            "file": lambda: (302, "file:///etc/passwd"),
            "internal": lambda: (302, server.internal_url()),
        }[form]()
        return self.to(rq, *where)

    def hop(self, rq, left):
        """The same URL with a mark that says how many redirects are to come."""
        path, mark, query = rq.target.partition("?")
        query = "&".join(p for p in query.split("&") if p and not p.startswith("_hops="))
        return (f"{rq.scheme}://{rq.authority}{path}?" + (query + "&" if mark and query else "")
                + f"_hops={left}")

    @staticmethod
    def to(rq, status, url):
        return Reply(status, b"", None, {"Location": url, "Set-Cookie": "session=rogue; Path=/"})

    def gaps(self):
        harmless = ("storage-302", "storage-307", "relative", "host", "chain")
        bad = [form for form in self.forms if form not in harmless]
        return [("*", f"redirects ({', '.join(bad)}) that may not be followed")] if bad else []


class Presigned(Fault):
    """W-10: says that files need the token; they lie on a storage that refuses it."""

    def after(self, rq, reply, form):
        if rq.parts == ["files"] and reply.status == 200:
            body = json.loads(reply.body)
            body["requiresAccessToken"] = True
            for item in body["output"]:
                item["url"] = self.world.server.storage_url(
                    rq, f"{self.world.prefix}/files/{item['type']}.ndjson") + "&X-Signature=rogue"
            reply.body = fhirjson.dumps(body)


class Tls(Fault):
    """W-11: sends plain HTTP on to the listener with the certificate in question."""

    def before(self, rq, form):
        if rq.scheme == "https":
            return None
        ports = self.world.server.tls()["ports"]
        if form not in ports:
            return service.outcome(501, "no openssl command here to make certificates with")
        name = rq.authority.rpartition(":")[0] or rq.authority
        return Redirect.to(rq, 307, f"https://{name}:{ports[form]}{rq.target}")

    def gaps(self):
        return [("*", "TLS that may not be trusted")] if set(self.forms) - {"good", "client"} else []


class Strict(Fault):
    """W-12: a plus is a space; a URL may be no longer than `max`."""

    def before(self, rq, form):
        if len(rq.target) > self.number("max", 8192):
            return service.outcome(414, "the URL is too long; use POST _search", "too-long")
        query = rq.target.partition("?")[2]
        spoilt = [n for n, v in service.parse_query(query)
                  if (n in service.DATE_PARAMETERS or n in ("_lastUpdated", "_since")) and " " in v]
        if not spoilt:
            return None
        self.world.server.violation("plus", rq, "a bare + in a timestamp is a space")
        if form == "refuse":
            return service.outcome(400, "not a date")
        rq.params = [(n, v) for n, v in rq.params if n not in spoilt]
        return None


class Header(Fault):
    def before(self, rq, form):
        name = self.params.get("header", "X-Client-Id")
        given = rq.header(name)
        if given is None or given != self.params.get("value", given):
            return service.outcome(int(form), f"header {name} is required", "forbidden")
        return None


def bomb(size):
    """`size` bytes of one space after another, compressed again and again as one stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * HEAVY
    parts = [packer.compress(block) for _ in range(max(1, size // HEAVY))]
    return b"".join(parts) + packer.flush()


