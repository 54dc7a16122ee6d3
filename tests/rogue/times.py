"""FHIR dates as spans of milliseconds since 1970, the clock of the server, search prefixes."""

import calendar
import re
import threading
import time

DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$"
)
HOUR = 3600 * 1000
DAY = 24 * HOUR


def _next_month(year, month):
    return (year + 1, 1) if month == 12 else (year, month + 1)


def span(text):
    """[first, behind the last) millisecond that `text` may mean; without a zone it is UTC.
    ValueError if it is no FHIR date."""
    match = DATE.match(text)
    if not match:
        raise ValueError("not a date")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    year = int(year)
    if not 1 <= int(month or 1) <= 12 or not 1 <= int(day or 1) <= 31:
        raise ValueError("not a date")
    if not month:
        return _ms(year, 1, 1), _ms(year + 1, 1, 1)
    if not day:
        return _ms(year, int(month), 1), _ms(*_next_month(year, int(month)), 1)
    start = _ms(year, int(month), int(day))
    if not hour:
        return start, start + DAY
    start += int(hour) * HOUR + int(minute) * 60000 + int(second or 0) * 1000
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60000
        start += -offset if zone[0] == "+" else offset
    if not second:
        return start, start + 60000
    if fraction:
        start += int((fraction + "000")[:3])
        return start, start + 1
    return start, start + 1000


def _ms(year, month, day):
    return calendar.timegm((year, month, day, 0, 0, 0)) * 1000


def instant(ms):
    whole, rest = divmod(int(ms), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:03d}Z"


def http_date(seconds):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


def compare(prefix, value, wanted, now):
    """Whether the span `value` stands in relation `prefix` to the span `wanted` (R4
    search.html#prefix)."""
    low, high = value
    first, last = wanted
    if prefix == "ap":
        margin = abs(now - first) // 10
        return low < last + margin and high > first - margin
    return {
        "eq": first <= low and high <= last,
        "ne": not (first <= low and high <= last),
        "gt": high > last,
        "ge": high > last or (first <= low and high <= last),
        "lt": low < first,
        "le": low < first or (first <= low and high <= last),
        "sa": low >= last,
        "eb": high <= first,
    }[prefix]


class Clock:
    """The server's time: the machine's, shifted; its instants for versions always rise."""

    def __init__(self, skew=0.0):
        self.skew = skew
        self._last = 0
        self._lock = threading.Lock()

    def now(self):
        return time.time() + self.skew

    def now_ms(self):
        return int(self.now() * 1000)

    def rising(self):
        with self._lock:
            self._last = max(self.now_ms(), self._last + 1)
            return self._last
