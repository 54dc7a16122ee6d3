"""HTTP itself: connections, compression, CORS."""

import gzip
import http.client
import json
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from suite.case import case
from suite.expect import check, equal, header, status
from suite.samples import patient

ORIGIN = "https://app.example.org"


@case("SHOULD", "RFC 9112 9.3", "X-24", "a connection serves several requests")
def keep_alive(server):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.base).netloc, timeout=server.timeout)
    sockets = set()
    for _ in range(3):
        connection.request("GET", server.target("metadata"), headers={"Accept": "*/*"})
        sockets.add(id(connection.sock))
        equal(connection.getresponse().read()[:1], b"{", "the first byte")
    equal(len(sockets), 1, "number of connections")


@case("SHOULD", "RFC 9112 9", "X-24", "many connections are served at once")
def at_once(server):
    made = server.create(patient(server))
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: server.get(f"Patient/{made['id']}"), range(256)))
    equal({answer.status for answer in answers}, {200}, "the statuses")
    equal({answer.json()["id"] for answer in answers}, {made["id"]}, "the ids")


@case("SHOULD", "RFC 9110 12.5.3", "X-24", "gzip is used for those who accept it")
def compressed(server):
    plain = status(server.get("metadata"), 200)
    answer = status(server.get("metadata", accept_encoding="gzip"), 200)
    equal(answer.headers.get("content-encoding"), "gzip", "Content-Encoding")
    equal(gzip.decompress(answer.body), plain.body, "the body")
    check("accept-encoding" in answer.headers.get("vary", "").lower(), "Vary does not tell")


@case("MUST", "RFC 9110 12.5.3", "X-24", "gzip is not used for those who do not accept it")
def not_compressed(server):
    for encoding in (None, "identity", "gzip;q=0"):
        answer = server.get("metadata", accept_encoding=encoding)
        check(not answer.headers.get("content-encoding"),
              f"Accept-Encoding {encoding} is answered with {answer.headers.get('content-encoding')}")


@case("MAY", "RFC 9110 8.4", "X-24", "a gzipped body is read")
def compressed_body(server):
    body = gzip.compress(json.dumps(patient(server)).encode())
    answer = server.request("POST", "Patient", body, content_encoding="gzip")
    if answer.status == 415:
        answer.status = 501
    server.note(status(answer, 201))


@case("SHOULD", "R4 security.html", "X-24", "a browser's preflight is answered")
def preflight(server):
    answer = server.request("OPTIONS", "Patient", origin=ORIGIN,
                            access_control_request_method="POST",
                            access_control_request_headers="content-type,if-none-exist,prefer")
    status(answer, 200, 204)
    check(header(answer, "Access-Control-Allow-Origin") in ("*", ORIGIN), "the origin is not allowed")
    check("POST" in header(answer, "Access-Control-Allow-Methods"), "POST is not allowed")
    allowed = header(answer, "Access-Control-Allow-Headers").lower()
    for name in ("content-type", "if-none-exist", "prefer"):
        check(name in allowed or allowed == "*", f"{name} is not allowed")


@case("SHOULD", "R4 security.html", "X-24", "a browser may read answers, ETag and Location, errors too")
def exposed(server):
    sent = server.post("Patient", patient(server), origin=ORIGIN)
    server.note(status(sent, 201))
    check(header(sent, "Access-Control-Allow-Origin") in ("*", ORIGIN), "the origin is not allowed")
    exposed_names = header(sent, "Access-Control-Expose-Headers").lower()
    for name in ("etag", "location"):
        check(name in exposed_names or exposed_names == "*", f"{name} is not exposed")
    missing = server.get("Patient/" + server.unique(), origin=ORIGIN)
    check(header(missing, "Access-Control-Allow-Origin") in ("*", ORIGIN), "an error cannot be read")


@case("MUST", "RFC 9110 9.3.2", "X-24", "Content-Length or chunks: HEAD tells what GET sends")
def head_length(server):
    got = server.get("metadata")
    length = server.request("HEAD", "metadata").headers.get("content-length")
    if length is not None:
        equal(int(length), len(got.body), "Content-Length")
