"""What every fault is: when it strikes, and where it may reach into an answer."""

import hashlib

FOLLOWING = ("page",)
READING = ("search", "page", "history", "read", "file", "attachment")
WRITING = ("write", "bundle")
ANY = READING + WRITING
ALWAYS = -1


def chance(*what):
    """A number from 0 to 1 that depends on `what` alone."""
    text = "\0".join(str(part) for part in what)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / (1 << 56)


class BadSpec(Exception):
    """The URL asks for a fault or form that does not exist."""


class Fault:
    """`row` is its row of the table, `params` what the URL says after the number."""

    def __init__(self, row, world, params):
        self.row = row
        self.world = world
        self.params = params
        self.forms = tuple(params["form"].split("+")) if "form" in params else row.cycle
        for form in self.forms:
            if form not in row.forms:
                raise BadSpec(f"{row.number} has no form {form}; it has {', '.join(row.forms)}")
        self.on = tuple(params["on"].split("+")) if "on" in params else row.on
        self.times = self.number("times", row.times)
        self.rate = self.number("rate", 1.0)
        self.type = params.get("type", row.type)
        self.struck = 0
        self.counts = {}

    def number(self, name, fallback):
        try:
            return type(fallback)(self.params.get(name, fallback))
        except ValueError:
            raise BadSpec(f"{name} of {self.row.number} is no number") from None

    def fire(self, rq):
        """[(fault, form)] if it strikes this request. One that does not strike always strikes
        the first `times` requests for a URL; `rate` says what part of the URLs it strikes."""
        if self.on and rq.kind not in self.on:
            return []
        if self.type and (not rq.parts or rq.parts[0] != self.type):
            return []
        if self.rate < 1 and chance(self.params.get("seed", 1), self.row.number, rq.key) >= self.rate:
            return []
        with self.world.lock:
            count = self.counts[rq.key] = self.counts.get(rq.key, 0) + 1
            if self.times != ALWAYS and count > self.times:
                return []
            form = self.forms[self.struck % len(self.forms)] if self.forms else ""
            self.struck += 1
        return [(self, form)]

    # Where a fault may reach in. `rq` is the request, `form` what to do.

    def before(self, rq, form):
        """A Reply instead of an answer, or None; may change the request."""

    def page(self, rq, page, form):
        """Changes a page before it becomes bytes."""

    def after(self, rq, reply, form):
        """Changes a reply."""

    def present(self, row, data):
        """The bytes of a resource as seen through this fault."""
        return data

    def content(self, phase):
        """What stands beside the good data from this phase on: a list of content.Put."""
        return []

    def phases(self):
        return 1

    def wrote(self, row):
        """Somebody wrote `row`."""

    def gaps(self):
        """What a client cannot get through this fault: [(type or "*", why)]."""
        return []


class Mix(Fault):
    """Strikes every request with probability `rate`, each time with another of the faults that a
    repetition overcomes; never more than three times running for the same URL."""

    def __init__(self, row, world, params, make):
        super().__init__(row, world, params)
        self.rate = self.number("rate", 0.02)
        pool = params.get("of", "+".join(row.pool)).split("+")
        self.members = [make(number, {k: v for k, v in params.items() if k in ("seconds",)})
                        for number in pool]
        self.running = {}

    def fire(self, rq):
        with self.world.lock:
            count = self.counts[rq.key] = self.counts.get(rq.key, 0) + 1
            seed = self.params.get("seed", 1)
            hit = chance(seed, rq.key, count) < self.rate and self.running.get(rq.key, 0) < 3
            self.running[rq.key] = self.running.get(rq.key, 0) + 1 if hit else 0
        able = [m for m in self.members if rq.kind in m.on] if hit else []
        if not able:
            return []
        member = able[int(chance(seed, rq.key, count, "who") * len(able))]
        forms = member.row.passing or member.forms
        return [(member, forms[int(chance(seed, rq.key, count, "form") * len(forms))])]


class Slow(Fault):
    """Every answer takes `ms` longer."""

    def after(self, rq, reply, form):
        reply.delay += self.number("ms", 50.0) / 1000
