"""A partner that answers as a test says, request by request: for what is too particular to be a fault of the rogue
partner.
"""

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Odd:
    """`answer(path, query)` gives a resource, a status, or (status, headers); path below the base, query a dict."""

    def __init__(self, answer):
        odd = self
        self.asked, self.headers = [], []  # "Patient?_count=20", and what came with each

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.removeprefix("/fhir/")
                odd.asked.append(path)
                odd.headers.append(dict(self.headers))
                url = urllib.parse.urlsplit(path)
                said = answer(url.path, dict(urllib.parse.parse_qsl(url.query, True)))
                resource = said if isinstance(said, dict) else {"resourceType": "OperationOutcome"}
                status, more = said if isinstance(said, tuple) else (said, {}) if isinstance(said, int) else (200, {})
                body = json.dumps(resource).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/fhir+json", **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who asked has gone meanwhile
        self.base = f"http://127.0.0.1:{self.server.server_port}/fhir"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def count(self, begin):
        return sum(path.startswith(begin) for path in self.asked)


def bundle(*resources, after=None, remark=None):
    """A page; `remark` is (severity, code) of an OperationOutcome in it."""
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in resources]
    if remark:
        entries.append({"resource": {"resourceType": "OperationOutcome", "issue": [
            {"severity": "information", "code": "informational"},
            {"severity": remark[0], "code": remark[1]}]}, "search": {"mode": "outcome"}})
    links = [{"relation": "next", "url": after}] if after else []
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def resource(kind, id_, updated="2026-01-01T00:00:00Z", **content):
    return {"resourceType": kind, "id": id_, "meta": {"versionId": "1", "lastUpdated": updated}, **content}
