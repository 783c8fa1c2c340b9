"""What the suites of the edge share: the edge alone, given images by a program that stands in for the services, raw sockets as
clients, and small servers as targets that remember byte for byte what reached them."""
import atexit
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BULWARK", ROOT / "build/check/src/bin/bulwark")).resolve().parents[2]
PLAYER = BUILD / "tests/edge/edge-player"
# How soon the edge answers on a busy machine is not what is tested; that it does, before the minute after which it ends whoever is idle, is.
ANSWER_SECONDS = 45
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
ADDRESSES = itertools.count(1)


LOG_KEY = X25519PrivateKey.generate()


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def log_lines(path, key=LOG_KEY):
    """The lines of a log file, opened by another's cryptography than the server's (src/core/edge_log.h says the form)."""
    data = path.read_bytes() if isinstance(path, pathlib.Path) else pathlib.Path(path).read_bytes()
    lines = []
    while data:
        n = int.from_bytes(data[4:8], "big")
        assert data[:4] == b"BWL1" and len(data) >= 8 + n, data[:64]
        sender, head = data[8:40], 49 + data[48]
        shared = key.exchange(X25519PublicKey.from_public_bytes(sender))
        secret = HKDF(hashes.SHA256(), 32, sender + raw_public(key), b"bulwark box 1").derive(shared)
        lines.append(AESGCM(secret).decrypt(data[head:head + 12], data[head + 12:8 + n], data[:head]).decode())
        data = data[8 + n:]
    assert all(line.endswith("\n") for line in lines)
    return [line[:-1] for line in lines]


def free_port(address="127.0.0.1"):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


class Player:
    """The edge process and the program that publishes to it."""

    def __init__(self, logs=None, authorities=None, loops=1):
        self.errors = tempfile.TemporaryFile()
        self.version = itertools.count(1)
        self.process = subprocess.Popen([str(PLAYER), str(loops), logs or "-", *([authorities] if authorities else [])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        atexit.register(self.stop)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def publish(self, image):
        """Publishes, and waits until the edge serves by it."""
        image = {"version": next(self.version), "account": "123456789012", "region": "us-east-1", "log_key": raw_public(LOG_KEY).hex(), **image}
        answer = self.say(json.dumps(image))
        assert answer in ("success", "ok", "BW_OK", "no error"), answer
        self.until(lambda: (self.report() or {}).get("image_version") == image["version"], "the image is not served by")

    def report(self):
        return json.loads(self.say("report"))

    def until(self, true, what="it did not happen", seconds=180):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if true():
                return
            time.sleep(0.02)
        raise AssertionError(f"{what}\n{self.log()[-3000:]}")

    def was_never_ill(self, test):
        """For the end of a suite: no sanitizer has said anything, and no process of the edge has ended."""
        log = self.log()
        for word in ("AddressSanitizer", "runtime error", "process edge ended"):
            test.assertNotIn(word, log)

    def health(self, port, state, seconds=180):
        self.until(lambda: any(h["port"] == port and h["state"] == state for h in self.report()["health"]),
                   f"the target on {port} did not become {state}", seconds)

    def metric(self, name, target_group=False):
        return sum(m["value"] for m in self.report()["metrics"] if m["name"] == name and bool(m["target_group"]) == target_group)

    def edge_pid(self):
        for pid in subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid)], capture_output=True,
                                  text=True, check=True).stdout.splitlines():
            number, name = pid.split()
            if name == "edge":
                return int(number)
        raise AssertionError("there is no edge process")

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
        return self.process.returncode


def websocket(head, body):
    """A Backend's answer: from now on it says everything back."""
    def tunnel(connection, stream):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        while data := stream.read1(100):
            connection.sendall(data)
        return False
    return tunnel


class Backend:
    """A target. `answer` is bytes, or a function of the request's bytes; None closes the connection."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", address="127.0.0.1", health=200, context=None):
        self.answer, self.status, self.context = answer, health, context
        self.requests, self.connections = [], 0
        self.listener = socket.create_server((address, 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        self.connections += 1
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while self.one(connection, stream):
                    pass
        except (OSError, ValueError):
            pass

    def read(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return None
            head += line
        lower = head.lower()
        body = b""
        if b"\r\ntransfer-encoding: chunked" in lower:
            while True:
                size = stream.readline()
                chunk = stream.read(int(size, 16) + 2)
                body += chunk[:-2]
                if int(size, 16) == 0:
                    break
        elif b"\r\ncontent-length: " in lower:
            body = stream.read(int(lower.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0]))
        return head, body

    def one(self, connection, stream):
        request = self.read(stream)
        if request is None:
            return False
        head, body = request
        if b"ELB-HealthChecker" in head:
            connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % self.status)
            return False
        self.requests.append((head, body))
        answer = self.answer(head, body) if callable(self.answer) else self.answer
        if callable(answer):
            return answer(connection, stream)
        if answer is None:
            return False
        connection.sendall(answer)
        return b"\r\nconnection: close" not in head.lower()

    def close(self):
        self.listener.close()


def target(backend, **more):
    return {"id": "127.0.0.1", "address": "127.0.0.1", "port": backend if isinstance(backend, int) else backend.port, "zone": "us-east-1a", **more}


def group(name, targets, attributes=None, **more):
    return {"arn": f"{ARN}targetgroup/{name}/0123456789abcdef", "name": name, "protocol": "HTTP", "protocol_version": "HTTP1",
            "target_type": "ip", "port": 80, "attributes": attributes or {}, "health_enabled": True, "health_protocol": "HTTP",
            "health_port": "traffic-port", "health_path": "/health", "health_codes": "200", "health_interval_s": 1,
            "health_timeout_s": 1, "healthy_threshold": 2, "unhealthy_threshold": 2,
            "targets": [t if isinstance(t, dict) else target(t) for t in targets], **more}


def forward(*groups, **more):
    return {"type": "forward", "forwards": [{"target_group": g["arn"], "weight": w} for g, w in
                                            ((g if isinstance(g, tuple) else (g, 1)) for g in groups)], **more}


def fixed(status, body="", kind="text/plain"):
    return {"type": "fixed-response", "parameters": {"StatusCode": str(status), "MessageBody": body, "ContentType": kind}}


LAST = (1 << 63) - 1


def rule(priority, action, *conditions, **more):
    return {"arn": f"{ARN}listener-rule/app/lb/1/2/{priority}", "priority": priority, "conditions": list(conditions), "actions": [action], **more}


def condition(field, *values, **more):
    return {"field": field, "values": list(values), **more}


class Balancer:
    """A load balancer with one listener, on an address of its own."""

    def __init__(self, player, *groups, rules=(), default=None, attributes=None, protocol="HTTP", kind="application", listener=None,
                 healthy=True, **more):
        self.player, self.groups = player, list(groups)
        self.address = f"127.66.{next(ADDRESSES)}.1"
        self.port = free_port(self.address)
        self.listener = {"arn": f"{ARN}listener/app/lb/{self.address}/2", "port": self.port, "protocol": protocol,
                         "rules": [*rules, rule(LAST, default or forward(groups[0]))], **(listener or {})}
        self.balancer = {"arn": f"{ARN}loadbalancer/app/lb/{self.address}", "name": "lb", "id": "50dc6c495c0c9188", "type": kind,
                         "dns_name": "lb.elb.localhost", "addresses": [self.address], "attributes": attributes or {},
                         "listeners": [self.listener], **more}
        self.publish(healthy)

    def image(self):
        return {"load_balancers": [self.balancer], "target_groups": self.groups}

    def publish(self, healthy=True):
        self.player.publish(self.image())
        for g in self.groups:
            for t in g["targets"]:
                if healthy and not t.get("draining"):
                    self.player.health(t["port"], "healthy" if g["health_enabled"] else "unavailable")

    def connect(self, source=None):
        return socket.create_connection((self.address, self.port), timeout=ANSWER_SECONDS, source_address=(source, 0) if source else None)

    def raw(self, data, source=None):
        """Sends bytes as they are; everything that comes back until the end."""
        with self.connect(source) as s:
            s.sendall(data)
            return read_all(s)

    def get(self, path="/", method="GET", headers=(), body=b"", source=None, host="example.com"):
        """(status, headers as lower-case pairs, body) of a request on a connection of its own."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return parse(self.raw("\r\n".join([*lines, "", ""]).encode() + body, source))


def read_all(s):
    out = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            return out
        if not more:
            return out
        out += more


def read_answer(stream):
    """One answer of a kept connection: (status, headers, body)."""
    status = stream.readline()
    if not status:
        return None
    headers = []
    while True:
        line = stream.readline()
        if line in (b"\r\n", b""):
            break
        name, _, value = line.decode().partition(":")
        headers.append((name.lower(), value.strip()))
    found = dict(headers)
    if "content-length" in found:
        body = stream.read(int(found["content-length"]))
    elif found.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size = int(stream.readline(), 16)
            body += stream.read(size + 2)[:-2]
            if size == 0:
                break
    else:
        body = b""
    return int(status.split()[1]), headers, body


def parse(data):
    import io
    return read_answer(io.BytesIO(data)) or (0, [], b"")


def header(headers, name):
    return [v for k, v in headers if k == name]


class Load:
    """Clients that ask again and again until they are told to stop, each with what it met: an answer, a connection that ended in
    the middle of a request, or one that was refused."""

    def __init__(self, balancer, clients=6, kept=True, path="/", pause=0):
        self.balancer, self.kept, self.going, self.pause = balancer, kept, True, pause
        self.request = f"GET {path} HTTP/1.1\r\nHost: a\r\n{'' if kept else 'Connection: close' + chr(13) + chr(10)}\r\n".encode()
        self.answers, self.cut, self.refused, self.wrong = 0, 0, 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def count(self, **what):
        with self.lock:
            for name, n in what.items():
                setattr(self, name, getattr(self, name) + n)

    def run(self):
        while self.going:
            try:
                s = self.balancer.connect()
            except OSError:
                self.count(refused=1)
                continue
            with s, s.makefile("rb") as stream:
                self.ask(s, stream)

    def ask(self, s, stream):
        while self.going:
            try:
                s.sendall(self.request)
                answer = read_answer(stream)
            except OSError:
                answer = None
            if answer is None:
                self.count(cut=1)
                return
            if answer[0] != 200:
                self.wrong.append(answer[0])
            self.count(answers=1)
            if "close" in header(answer[1], "connection"):
                return
            if self.pause:
                time.sleep(self.pause)

    def stop(self):
        self.going = False
        for t in self.threads:
            t.join(20)
        return self
