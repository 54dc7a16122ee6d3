"""HTTP/1.1 as the cases see it: one connection a thread, kept open."""

import http.client
import json
import ssl
import threading
import urllib.parse


class Number:
    """A decimal of a JSON document, equal only to one with the same digits."""

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return self.text


class Answer:
    def __init__(self, request, status, headers, body):
        self.request = request  # "GET Patient/1"
        self.status = status
        self.headers = headers  # names in lower case
        self.body = body

    def json(self):
        """The body; decimals as Number, so that they compare by their digits."""
        return json.loads(self.body.decode("utf-8"), parse_float=Number)

    def json_or_none(self):
        try:
            return self.json()
        except ValueError:
            return None

    def declines(self):
        """Whether the server says: I do not do this."""
        if self.status in (405, 501):
            return True
        body = self.json_or_none() if self.status in (400, 404, 422) else None
        issues = body.get("issue", []) if isinstance(body, dict) else []
        return any(issue.get("code") == "not-supported" for issue in issues)

    def diagnosis(self):
        """What the OperationOutcome says, for messages."""
        body = self.json_or_none() if self.status >= 400 else None
        if not isinstance(body, dict) or not body.get("issue"):
            return ""
        issue = body["issue"][0]
        text = issue.get("diagnostics") or issue.get("details", {}).get("text") or issue.get("code")
        return f" ({text})"[:300]


class Connections:
    def __init__(self, url, timeout):
        parts = urllib.parse.urlsplit(url)
        self.scheme, self.netloc, self.timeout = parts.scheme, parts.netloc, timeout
        self.local = threading.local()

    def send(self, method, target, body, headers):
        """Sends; once more when a connection that was idle turns out to be closed."""
        kept = getattr(self.local, "connection", None)
        self.local.connection = None
        if kept:
            try:
                return self.exchange(kept, method, target, body, headers)
            except (http.client.HTTPException, ConnectionError):
                kept.close()
        return self.exchange(self.connect(), method, target, body, headers)

    def connect(self):
        if self.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.netloc, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(self.netloc, timeout=self.timeout)

    def exchange(self, connection, method, target, body, headers):
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        content = response.read()
        self.local.connection = connection
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, found, content
