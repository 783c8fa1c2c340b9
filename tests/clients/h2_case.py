"""What the suites of HTTP/2 share: a certificate, load balancers that listen by HTTPS, curl, and frames made by hand."""
import atexit
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

from edge_case import Balancer

WORK = tempfile.mkdtemp(prefix="bulwark-edge-h2-")
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "c.pem",
                "-subj", "/CN=a.example.com", "-addext", "subjectAltName=DNS:a.example.com", "-days", "30"], cwd=WORK, check=True, capture_output=True)
CERTIFICATE = {"arn": "arn:c", "chain_pem": open(os.path.join(WORK, "c.pem")).read(), "key_pem": open(os.path.join(WORK, "k.pem")).read(),
               "is_default": True}
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def https(player, *groups, **more):
    return Balancer(player, *groups, protocol="HTTPS", listener={"certificates": [CERTIFICATE]}, **more)


def curl(lb, *words, path="/", check=True, **more):
    return subprocess.run(["curl", "-sS", "--http2", "--max-time", "30", "--cacert", os.path.join(WORK, "c.pem"), "--resolve",
                           f"a.example.com:{lb.port}:{lb.address}", *words, f"https://a.example.com:{lb.port}{path}"],
                          capture_output=True, check=check, **more).stdout


class Connection:
    """Frames by hand."""

    def __init__(self, lb):
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(lb.connect(), server_hostname="a.example.com")
        self.socket.settimeout(10)
        assert self.socket.selected_alpn_protocol() == "h2"
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.frame(SETTINGS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frame(self, kind, flags=0, stream=0, payload=b""):
        self.socket.sendall(self.make(kind, flags, stream, payload))

    @staticmethod
    def make(kind, flags=0, stream=0, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def request(self, stream, fields, flags=END_STREAM):
        self.frame(HEADERS, flags | END_HEADERS, stream, block(fields))

    def read(self):
        head = self.exactly(9)
        return head[3], head[4], struct.unpack(">I", head[5:])[0], self.exactly(int.from_bytes(head[:3], "big"))

    def exactly(self, n):
        out = b""
        while len(out) < n:
            more = self.socket.recv(n - len(out))
            if not more:
                raise EOFError
            out += more
        return out

    def until(self, *kinds, stream=None):
        """The first frame of one of the kinds; None at the end of the connection."""
        try:
            while True:
                frame = self.read()
                if frame[0] in kinds and stream in (None, frame[2]):
                    return frame
        except (EOFError, OSError):
            return None


def block(fields):
    out = b""
    for name, value in fields:
        name, value = name.encode() if isinstance(name, str) else name, value.encode() if isinstance(value, str) else value
        out += b"\0" + size(len(name)) + name + size(len(value)) + value
    return out


def size(n):
    if n < 127:
        return bytes([n])
    out, n = b"\x7f", n - 127
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


GET = [(":method", "GET"), (":scheme", "https"), (":authority", "a.example.com"), (":path", "/")]


class NodeTarget:
    """tests/clients/h2_target.mjs, and what it was asked."""

    def __init__(self, script="h2_target.mjs", **environment):
        script = pathlib.Path(__file__).resolve().parent / script
        self.process = subprocess.Popen(["node", str(script), os.path.join(WORK, "k.pem"), os.path.join(WORK, "c.pem")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
        atexit.register(self.kill)
        self.said, self.ports = [], None
        ready = threading.Event()
        threading.Thread(target=self.listen, args=(ready,), daemon=True).start()
        assert ready.wait(20), "the target did not start"

    def listen(self, ready):
        for line in self.process.stdout:
            what = json.loads(line)
            if "plain" in what:
                self.ports = what
                ready.set()
            self.said.append(what)

    def asked(self, path):
        return [w["headers"] for w in self.said if w.get("asked") == path]

    def heard(self, path, times=1):
        """All that it was asked, so many times at least: it says so a moment after its answer."""
        end = time.monotonic() + 20
        while len(self.asked(path)) < times and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.asked(path)) >= times, f"{path}: {self.said[-20:]}"
        return self.asked(path)

    def kill(self):
        self.process.kill()
        self.process.wait()


class FrameTarget:
    """A target of frames made by hand: `act(connection, stream)` for each request's head, or `whole`, at its end; False ends the
    connection."""

    def __init__(self, act, greet=b"", whole=False):
        self.act, self.greet, self.whole, self.requests, self.connections = act, greet, whole, 0, 0
        self.ends = []  # one for each connection that is over
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            with c, c.makefile("rb") as stream:
                assert stream.read(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                c.sendall(Connection.make(SETTINGS) + self.greet)
                while True:
                    head = stream.read(9)
                    if len(head) < 9:
                        return
                    n = int.from_bytes(head[:3], "big")
                    stream.read(n)
                    if head[3] == SETTINGS and not head[4] & 1:
                        c.sendall(Connection.make(SETTINGS, 1))
                    if head[3] == DATA and n:
                        c.sendall(Connection.make(UPDATE, 0, 0, struct.pack(">I", n)) + Connection.make(UPDATE, 0, int.from_bytes(head[5:], "big"), struct.pack(">I", n)))
                    if head[3] in (HEADERS, DATA) and head[4] & END_STREAM if self.whole else head[3] == HEADERS:
                        self.requests += 1
                        if self.act(c, int.from_bytes(head[5:], "big")) is False:
                            c.shutdown(socket.SHUT_WR)  # what has come is read: a reset would take back what was said
                            c.settimeout(2)
                            stream.read()
                            return
        except OSError:
            pass
        finally:
            self.ends.append(True)
