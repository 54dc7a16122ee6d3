"""HTTP/1.1 by hand, so that every byte of an answer can be spoilt on purpose.

One thread a connection, keep-alive, gzip where the client accepts it. What is done to the bytes of
a reply is data on the reply: `chunks`, `cut`, `encoding`.
"""

import gzip
import socket
import ssl
import struct
import threading
import time
import traceback
from http.client import responses

from . import times

MAX_HEAD = 1 << 20
FHIR = "application/fhir+json; charset=utf-8"


class Request:
    def __init__(self, method, target, headers, body, scheme):
        self.method = method
        self.target = target
        self.headers = headers  # names in lower case
        self.body = body
        self.scheme = scheme
        self.authority = headers.get("host", "127.0.0.1")

    def header(self, name):
        return self.headers.get(name.lower())


class Reply:
    """`encoding`: None, compressed if the client accepts it; "identity", never; "done", the body
    and its headers are as they shall go. `chunks`: the body in these pieces, each sent by itself.
    `cut`: one of CUTS."""

    def __init__(self, status=200, body=b"", content_type=FHIR, headers=()):
        self.status = status
        self.body = body
        self.headers = dict(headers)
        if content_type and (body or status not in (204, 304)):
            self.headers.setdefault("Content-Type", content_type)
        self.encoding = None
        self.compressed = None  # the body, already compressed
        self.chunks = None
        self.cut = None
        self.cut_at = 0.5
        self.stall = 0.0
        self.delay = 0.0


CUTS = ("length", "chunked", "reset", "head", "close", "stall")


class Listener:
    """Accepts on one address and hands each request to `answer(request)`."""

    def __init__(self, address, port, answer, clock, context=None):
        self.answer = answer
        self.clock = clock
        self.context = context
        self.socket = socket.create_server((address, port), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.closing = True
        self.socket.close()

    def _accept(self):
        while not self.closing:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(120)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb", buffering=65536)
            while self._exchange(connection, reader):
                pass
        except (OSError, ssl.SSLError, ValueError):
            pass  # the client left, or spoke no HTTP
        finally:
            connection.close()

    def _exchange(self, connection, reader):
        request = read_request(connection, reader, "https" if self.context else "http")
        if not request:
            return False
        try:
            reply = self.answer(request)
        except Exception:  # our own bug: to be seen, and not to hang the client
            traceback.print_exc()
            reply = Reply(500, b'{"error":"rogue itself failed"}', "application/json")
        if reply.delay:
            time.sleep(reply.delay)
        keep = request.header("connection") != "close"
        return send(connection, request, reply, self.clock, keep) and keep


def read_request(connection, reader, scheme):
    line = reader.readline(MAX_HEAD)
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while True:
        line = reader.readline(MAX_HEAD)
        if line in (b"\r\n", b"\n"):
            break
        if not line:
            return None
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = read_body(reader, headers)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Request(method, target, headers, body, scheme)


def read_body(reader, headers):
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return reader.read(int(headers.get("content-length", 0)))
    pieces = []
    while True:
        size = int(reader.readline(MAX_HEAD).split(b";")[0], 16)
        if not size:
            while reader.readline(MAX_HEAD).strip():
                pass
            return b"".join(pieces)
        pieces.append(reader.read(size))
        reader.readline(MAX_HEAD)


def send(connection, request, reply, clock, keep):
    """True if the connection can go on."""
    body = encode(request, reply)
    headers = {"Date": times.http_date(clock.now()), **reply.headers}
    if reply.chunks or reply.cut == "chunked":
        headers["Transfer-Encoding"] = "chunked"
    elif reply.status not in (204, 304):
        headers["Content-Length"] = str(len(body))
    if not keep:
        headers["Connection"] = "close"
    reason = responses.get(reply.status, "Unknown")
    head = f"HTTP/1.1 {reply.status} {reason}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (head + "\r\n").encode("latin-1", "replace")
    if request.method == "HEAD" or reply.status in (204, 304):
        body = b""
    if reply.cut:
        send_cut(connection, head, body, reply)
        return False
    if reply.chunks:
        connection.sendall(head)
        for piece in reply.chunks:
            connection.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
    elif len(body) < 65536:
        connection.sendall(head + body)
    else:
        connection.sendall(head)
        connection.sendall(body)
    return True


def encode(request, reply):
    accepts = "gzip" in (request.header("accept-encoding") or "")
    if reply.encoding is None and accepts and len(reply.body) > 1000 and not reply.chunks:
        reply.headers["Content-Encoding"] = "gzip"
        reply.headers["Vary"] = "Accept-Encoding"
        return reply.compressed or gzip.compress(reply.body, 1, mtime=0)
    return reply.body


def send_cut(connection, head, body, reply):
    """Part of an answer, then the end."""
    part = body[: int(len(body) * reply.cut_at)]
    if reply.cut == "head":
        connection.sendall(head[: len(head) // 2])
    elif reply.cut == "chunked":
        connection.sendall(head + b"%x\r\n" % max(len(body), 1) + part)
    elif reply.cut != "close":
        connection.sendall(head + part)
    if reply.cut == "stall":
        time.sleep(reply.stall)
    if reply.cut == "reset":
        time.sleep(0.05)  # the part shall arrive before the reset overtakes it
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
