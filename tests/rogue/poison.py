"""W-57: links to where nobody may go, pages that swell, beside poisonous content."""

import gzip

from . import content, transport
from .paging import Chained

DEPTH = 200000


class Poison(Chained, content.Poison):
    def spoil(self, rq, page, form):
        form = self.form_of(page) if self.bad(page) else "data"
        link = {"metadata": transport.METADATA_SERVICE, "file": "file:///etc/passwd",
                "internal": self.world.server.internal_url()}.get(form)
        if link:
            page.links["next"] = link
        rq.swell = form if form in ("bomb", "deep") else None

    def after(self, rq, reply, form):
        swell = getattr(rq, "swell", None)
        if not swell:
            return
        if swell == "bomb":
            reply.body = transport.bomb(int(self.number("mb", 256.0)) << 20)
        else:
            reply.body = gzip.compress(b'{"resourceType":"Bundle","entry":' + b"[" * DEPTH, 9)
        reply.headers["Content-Encoding"], reply.encoding = "gzip", "done"

    def gaps(self):
        if self.number("chains", self.row.chains) >= 0 or set(self.forms) <= {"data", "deep-row"}:
            return []
        return [("*", "pages or links that are refused")]
