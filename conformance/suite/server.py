"""The server under test, and the data that cases leave on it."""

import json
import random
import re
import string
import threading
import urllib.parse

from suite import expect
from suite.http import Answer, Connections

JSON = "application/fhir+json"


class Unreachable(Exception):
    pass


class Server:
    def __init__(self, base, headers=(), timeout=30, body_limit=None):
        self.base = base.rstrip("/")
        self.body_limit = body_limit
        self.prefix = urllib.parse.urlsplit(self.base).path
        self.common = dict(header.split(": ", 1) for header in headers)
        self.timeout = timeout
        self.connections = Connections(self.base, timeout)
        self.statement = {}
        self.made = []  # "Patient/1", in the order of creation
        self.lock = threading.Lock()
        self.shared = {}
        self.random = random.SystemRandom()

    # Requests.

    def request(self, method, path, body=None, **headers):
        """`path` is below the base, or an absolute URL on this server. A dictionary
        as body becomes JSON. Headers are keywords: if_match='W/"1"'; None leaves one out."""
        fields = {"Accept": JSON, **self.common}
        if body is not None:
            fields["Content-Type"] = JSON
        for name, value in headers.items():
            fields[name.replace("_", "-").title()] = value
        fields = {name: value for name, value in fields.items() if value is not None}
        if isinstance(body, (dict, list)):
            body = json.dumps(body, ensure_ascii=False)
        if isinstance(body, str):
            body = body.encode("utf-8")
        status, found, content = self.connections.send(method, self.target(path), body, fields)
        return Answer(f"{method} {path[:120] or '[base]'}", status, found, content)

    def target(self, path):
        if path.startswith("http"):
            parts = urllib.parse.urlsplit(path)
            return parts.path + ("?" + parts.query if parts.query else "")
        return f"{self.prefix}/{path}" if path else self.prefix or "/"

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, body, **headers):
        return self.request("POST", path, body, **headers)

    def put(self, path, body, **headers):
        return self.request("PUT", path, body, **headers)

    def delete(self, path, **headers):
        return self.request("DELETE", path, **headers)

    # Data.

    def unique(self):
        """A word nobody else uses; letters only, so that it is one word for a search too."""
        return "".join(self.random.choices(string.ascii_lowercase, k=16))

    def create(self, resource):
        """Creates, notes it for the clean-up, and returns it as the server has it."""
        answer = expect.status(self.post(resource["resourceType"], resource), 201)
        return expect.status(self.get(self.note(answer)), 200).json()

    def update(self, resource, **headers):
        """Puts an existing resource, and returns it as the server has it."""
        where = f"{resource['resourceType']}/{resource['id']}"
        expect.status(self.put(where, resource, **headers), 200)
        return expect.status(self.get(where), 200).json()

    def note(self, answer):
        """Remembers what an answer says was created; returns "Type/id"."""
        match = re.search(r"([A-Za-z]+/[A-Za-z0-9.-]{1,64})(/_history/[^/]+)?$",
                          expect.header(answer, "Location"))
        expect.check(match, f"Location is {answer.headers['location']}")
        self.keep_track(match[1])
        return match[1]

    def keep_track(self, where):
        with self.lock:
            if where not in self.made:
                self.made.append(where)
        return where

    def once(self, make):
        """What make(server) returns, made when it is first needed; its failure is
        the failure of every case that needs it."""
        if make not in self.shared:
            try:
                self.shared[make] = (make(self), None)
            except Exception as reason:
                self.shared[make] = (None, reason)
        made, reason = self.shared[make]
        if reason:
            raise reason
        return made

    def clean_up(self):
        """Deletes what was created, youngest first; returns what is still there."""
        left = []
        for where in reversed(self.made):
            if self.delete(where).status not in (200, 202, 204, 404, 410):
                left.append(where)
        return left

    # Searches and Bundles.

    def search(self, path, **parameters):
        """The searchset of a search; parameters as keywords or in the path."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        path = path + ("&" if "?" in path else "?") + query if query else path
        return expect.bundle(self.get(path), "searchset")

    def found(self, path, **parameters):
        """The ids of all matches, all pages together."""
        return [entry["resource"]["id"] for page in self.pages(self.search(path, **parameters))
                for entry in matches(page)]

    def pages(self, first, at_most=50):
        """A Bundle and those its next links lead to."""
        for _ in range(at_most):
            yield first
            following = link(first, "next")
            if not following:
                return
            answer = expect.status(self.get(following), 200)
            first = answer.json()
        raise expect.Failed(f"more than {at_most} pages")

    def transaction(self, *entries):
        """Posts the entries as a transaction, and notes what it created."""
        return self.post_bundle("transaction", entries)

    def batch(self, *entries):
        return self.post_bundle("batch", entries)

    def post_bundle(self, kind, entries):
        bundle = {"resourceType": "Bundle", "type": kind}
        if entries:
            bundle["entry"] = list(entries)
        answer = self.post("", bundle)
        self.note_entries(answer)
        return answer

    def note_entries(self, answer):
        body = answer.json_or_none() if answer.status == 200 else None
        for entry in (body or {}).get("entry", []):
            response = entry.get("response", {})
            if response.get("status", "").startswith("201"):
                where = location(response)
                if where:
                    self.keep_track(where)

    # What the server says it can do.

    def greet(self):
        try:
            answer = self.get("metadata")
        except OSError as reason:
            raise Unreachable(reason) from reason
        body = answer.json_or_none()
        if answer.status == 200 and isinstance(body, dict):
            self.statement = body

    def rest(self):
        return next((rest for rest in self.statement.get("rest", [])
                     if rest.get("mode") == "server"), {})

    def declared(self, kind):
        return next((resource for resource in self.rest().get("resource", [])
                     if resource.get("type") == kind), {})

    def needs(self, kind, *interactions):
        """Leaves the case out when the CapabilityStatement does not list these."""
        codes = {entry.get("code") for entry in self.declared(kind).get("interaction", [])}
        for interaction in interactions:
            if self.rest() and interaction not in codes:
                raise expect.NotOffered(f"{interaction} of {kind} is not declared")

    def needs_system(self, *interactions):
        codes = {entry.get("code") for entry in self.rest().get("interaction", [])}
        for interaction in interactions:
            if self.rest() and interaction not in codes:
                raise expect.NotOffered(f"{interaction} is not declared")

    def needs_parameter(self, kind, *names):
        declared = self.declared(kind).get("searchParam", []) + self.rest().get("searchParam", [])
        codes = {parameter.get("name") for parameter in declared}
        for name in names:
            if self.rest() and name not in codes:
                raise expect.NotOffered(f"search parameter {name} of {kind} is not declared")

    def needs_flag(self, kind, flag, *unless):
        """Leaves the case out when the flag is missing, false or one of `unless`."""
        value = self.declared(kind).get(flag)
        if self.rest() and (not value or value in unless):
            raise expect.NotOffered(f"{flag} of {kind} is {value}")


def link(bundle, relation):
    return next((entry.get("url") for entry in bundle.get("link", [])
                 if entry.get("relation") == relation), None)


def matches(bundle):
    return [entry for entry in bundle.get("entry", [])
            if entry.get("search", {}).get("mode", "match") == "match"]


def ids(entries):
    return [entry["resource"]["id"] for entry in entries]


def location(response):
    """ "Type/id" of a Bundle entry's response. """
    match = re.search(r"([A-Za-z]+/[A-Za-z0-9.-]{1,64})(/_history/[^/]+)?$",
                      response.get("location", ""))
    return match[1] if match else None
