"""An HTTP/2 server in front of another one: TLS with ALPN, as many streams at once as come, and what
servers do to connections and streams. A program of its own, because it needs a module of Debian's
(python3-h2) and the tests may run by another Python.

    http2_front.py '{"port": 8080, "certificate": "a.crt", "key": "a.key", "goaway": 5}'

says its port, and what it has seen whenever it gets SIGUSR1.
"""

import http.client
import json
import queue
import select
import signal
import socket
import ssl
import sys
import threading

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import GoAwayFrame

PATIENCE = 20  # seconds that the first requests wait for each other


class Front:
    """Passes requests on to 127.0.0.1:`port`. `gather`: the first requests of the first connection
    are answered when there are so many at once; `goaway`: each connection ends after so many
    streams, whatever else was begun on it; `reset`: every such stream is refused."""

    def __init__(self, port, certificate, key, gather=1, goaway=0, reset=0, only_http1=False):
        self.backend = port
        self.gather, self.goaway, self.reset = gather, goaway, reset
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.set_alpn_protocols(["http/1.1"] if only_http1 else ["h2", "http/1.1"])
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.gathered = threading.Event()
        self.connections = self.most = self.streams = self.resets = self.goaways = 0
        self.protocols = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def seen(self):
        return {"connections": self.connections, "most": self.most, "streams": self.streams,
                "resets": self.resets, "goaways": self.goaways, "protocols": sorted(self.protocols)}

    def accept(self):
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as tls:
                with self.lock:
                    self.connections += 1
                    self.protocols.add(tls.selected_alpn_protocol())
                if tls.selected_alpn_protocol() == "h2":
                    Connection(self, tls).run()
                else:
                    self.tunnel(tls)
        except OSError:
            pass

    def tunnel(self, tls):
        """HTTP/1.1, byte for byte."""
        with socket.create_connection(("127.0.0.1", self.backend)) as behind:
            while True:
                ready, _, _ = select.select([tls, behind], [], [], PATIENCE)
                for side in ready:
                    data = side.recv(65536)
                    if not data:
                        return
                    (behind if side is tls else tls).sendall(data)
                if not ready:
                    return

    def wait_for_others(self, open_streams):
        if open_streams >= self.gather:
            self.gathered.set()
        self.gathered.wait(PATIENCE)
        self.gathered.set()


class Connection:
    def __init__(self, front, tls):
        self.front, self.tls = front, tls
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.requests, self.bodies = {}, {}  # by stream
        self.waiting = {}  # bytes that flow control holds back
        self.begun = 0
        self.last = None  # the last stream that is served
        self.answers = queue.Queue()
        self.woken, self.waker = socket.socketpair()

    def run(self):
        self.h2.initiate_connection()
        self.tls.sendall(self.h2.data_to_send())
        self.tls.setblocking(False)
        with self.woken, self.waker:
            while self.turn():
                pass

    def turn(self):
        if not self.tls.pending():
            select.select([self.tls, self.woken], [], [])
        try:
            data = self.tls.recv(65536)
            if not data:
                return False
            for event in self.h2.receive_data(data):
                self.take(event)
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        while not self.answers.empty():
            self.woken.recv(1)
            self.answer(*self.answers.get())
        self.flush()
        # What was begun behind the last is never answered.
        return self.last is None or any(stream <= self.last for stream in self.requests)

    def send(self, data):
        while data:
            try:
                data = data[self.tls.send(data):]
            except (ssl.SSLWantWriteError, BlockingIOError):
                select.select([], [self.tls], [])

    def take(self, event):
        stream = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.RequestReceived):
            self.requests[stream], self.bodies[stream] = event.headers, b""
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[stream] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            self.begin(stream)
        elif isinstance(event, h2.events.StreamReset):
            self.forget(stream)

    def forget(self, stream):
        for kept in (self.requests, self.bodies, self.waiting):
            kept.pop(stream, None)

    def begin(self, stream):
        front = self.front
        if self.last is not None:
            return
        self.begun += 1
        with front.lock:
            front.streams += 1
            front.most = max(front.most, len(self.requests))
            refused = front.reset and front.streams % front.reset == 0
            front.resets += bool(refused)
        if refused:
            self.h2.reset_stream(stream, error_code=2)
            self.forget(stream)
            return
        threading.Thread(target=self.ask, args=(stream, len(self.requests)), daemon=True).start()
        if front.goaway and self.begun == front.goaway:
            with front.lock:
                front.goaways += 1
            self.last = stream
            self.send(self.h2.data_to_send() + GoAwayFrame(0, last_stream_id=stream).serialize())

    def ask(self, stream, at_once):
        self.front.wait_for_others(at_once)
        headers = {name.decode(): value.decode() for name, value in self.requests[stream]}
        behind = http.client.HTTPConnection("127.0.0.1", self.front.backend, timeout=60)
        own = {n: v for n, v in headers.items() if not n.startswith(":")} | {
            "Host": headers[":authority"]}
        try:
            behind.request(headers[":method"], headers[":path"], self.bodies[stream] or None, own)
            reply = behind.getresponse()
            got = reply.status, reply.getheaders(), reply.read()
        except (OSError, http.client.HTTPException):
            got = 502, [], b""
        behind.close()
        self.answers.put((stream, *got))
        try:
            self.waker.send(b"x")
        except OSError:
            pass

    def answer(self, stream, status, headers, body):
        if stream not in self.requests:
            return
        hop = ("connection", "transfer-encoding", "keep-alive")
        self.h2.send_headers(stream, [(":status", str(status))] + [
            (name.lower(), value) for name, value in headers if name.lower() not in hop])
        self.waiting[stream] = body

    def flush(self):
        """As much as the windows allow."""
        for stream in list(self.waiting):
            body = self.waiting[stream]
            while body and (room := min(self.h2.local_flow_control_window(stream),
                                        self.h2.max_outbound_frame_size)) > 0:
                self.h2.send_data(stream, body[:room])
                body = body[room:]
            self.waiting[stream] = body
            if not body:
                self.h2.end_stream(stream)
                self.forget(stream)
        self.send(self.h2.data_to_send())


def main():
    front = Front(**json.loads(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: print(json.dumps(front.seen()), flush=True))
    print(front.port, flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
