#!/usr/bin/env python3
"""Requests that two servers could read in two ways: what a client is told, and what reaches the target byte by byte, in each desync
mitigation mode. Behind every case comes another request on the same connection: it is answered as what it is, or not at all."""
import re
import socket
import threading
import unittest

import harness
from edge_case import Balancer, Player, group, read_answer
from h2_case import DATA, END_STREAM, GET, GOAWAY, HEADERS, RST, Connection, https

PLAYER = Player()
MODES = ("monitor", "defensive", "strictest")
NEXT = b"GET /next HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"


class Target:
    """Answers every request that is whole, and keeps what came: all of it, as it came."""

    def __init__(self):
        self.seen = b""
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        held = b""
        with connection:
            while data := connection.recv(65536):
                held += data
                if b"ELB-HealthChecker" in held:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                self.seen += data
                while (n := whole(held)) is not None:
                    held = held[n:]
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def take(self):
        seen, self.seen = self.seen, b""
        return seen


def whole(data):
    """How long the first request of `data` is, once it is whole; read as strictly as can be."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return None
    length = re.search(rb"\r\nContent-Length: ([0-9]+)(\r\n|$)", head)
    if b"\r\nTransfer-Encoding: chunked" in head:
        at = body.find(b"0\r\n\r\n")
        return None if at < 0 else len(head) + 4 + at + 5
    n = int(length.group(1)) if length else 0
    return len(head) + 4 + n if len(body) >= n else None


def plain(data, port):
    """Without what differs from run to run."""
    data = re.sub(rb"X-Amzn-Trace-Id: Root=1-[0-9a-f]{8}-[0-9a-f]{24}", b"X-Amzn-Trace-Id: T", data)
    return data.replace(b"%d" % port, b"PORT")


def reaches(line, *lines, host="a", body=b"", proto="http"):
    """A request as the edge writes it."""
    return "\r\n".join([f"{line} HTTP/1.1", "X-Forwarded-For: 127.0.0.1", f"X-Forwarded-Proto: {proto}", "X-Forwarded-Port: PORT",
                        f"Host: {host}:PORT", "X-Amzn-Trace-Id: T", *lines, "", ""]).encode("latin-1") + body


AFTER = reaches("GET /next", host="n")
CHUNKED = "Transfer-Encoding: chunked"

# What no mode lets pass: the parser knows one reading or none. (name, request, status)
SEVERE = [
    ("CL.TE", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
    ("TE.CL", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n", 400),
    ("CL.CL, unequal", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("CL.CL, equal", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("CL as a list", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd", 400),
    ("CL with a sign", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", 400),
    ("CL below zero", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\nabcd", 400),
    ("CL hexadecimal", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd", 400),
    ("CL with a leading zero", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 04\r\n\r\nabcd", 400),
    ("CL with a space inside", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\nabcd", 400),
    ("CL empty", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabcd", 400),
    ("CL with a fraction", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4.0\r\n\r\nabcd", 400),
    ("CL past 64 bits", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551620\r\n\r\nabcd", 400),
    ("CL past 63 bits", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nabcd", 400),
    ("TE.TE", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    ("TE twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE xchunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("TE identity", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501),
    ("TE chunked, then more", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
    ("TE quoted", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501),
    ("TE with a parameter", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 501),
    ("TE empty", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 501),
    ("TE behind a vertical tab", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    ("TE of HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE with a space before the colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE with a tab before the colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE behind a space", b"POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE folded", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE behind a bare LF", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE behind a bare CR", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE behind a NUL", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\x00Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE whose name has a NUL", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer\x00-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE whose name is not ASCII", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\xa0: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a header folded", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
    ("a header folded by a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", 400),
    ("a first header folded", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    ("a header without a colon", b"GET / HTTP/1.1\r\nHost: a\r\nGET /x HTTP/1.1\r\n\r\n", 400),
    ("a header without a name", b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400),
    ("a head that ends in bare LFs", b"GET / HTTP/1.1\nHost: a\n\n", 400),
    ("a head that ends in LF CR LF", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n", 400),
    ("a control character in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400),
    ("a DEL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("no host", b"GET / HTTP/1.1\r\nX: y\r\n\r\n", 400),
    ("a host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("a host with a user", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    ("a host with a space", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("absolute form against Host", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a target of another scheme", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a target without a slash", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a fragment", b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a tab for a space", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a space behind the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ("no version", b"GET /\r\nHost: a\r\n\r\n", 400),
    ("a version of one digit", b"GET / HTTP/1\r\nHost: a\r\n\r\n", 400),
    ("a version of two digits", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    ("a later version", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("a small version", b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    ("a method that is no token", b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("an empty line first", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
]

# Heads that pass with bodies that break off: the target sees what was good of it, on a connection that is not used again.
BODIES = [
    ("a chunk's size with a bare LF", b"3\nabc\r\n0\r\n\r\n"),
    ("a chunk with a bare LF", b"3\r\nabc\n0\r\n\r\n"),
    ("a chunk longer than it says", b"3\r\nabcd\r\n0\r\n\r\n"),
    ("a chunk's size with a leading zero", b"03\r\nabc\r\n0\r\n\r\n"),
    ("a chunk's size with a prefix", b"0x3\r\nabc\r\n0\r\n\r\n"),
    ("a chunk's size with a sign", b"+3\r\nabc\r\n0\r\n\r\n"),
    ("a chunk's size with a space", b"3 \r\nabc\r\n0\r\n\r\n"),
    ("a chunk's size that overflows", b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("a chunk without a size", b"\r\nabc\r\n0\r\n\r\n"),
    ("a chunk's extension with a bare LF", b"3;a\nb\r\nabc\r\n0\r\n\r\n"),
    ("a trailer with a bare LF", b"3\r\nabc\r\n0\r\nX: y\n\r\n"),
    ("a trailer behind a space", b"3\r\nabc\r\n0\r\n X: y\r\n\r\n"),
    ("a trailer without a colon", b"3\r\nabc\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
    ("a trailer that ends in two bare LFs", b"3\r\nabc\r\n0\r\nX: y\n\n"),
    ("a last chunk with a bare LF", b"3\r\nabc\r\n0\r\n\n"),
    ("a last chunk of two zeros", b"3\r\nabc\r\n00\r\n\r\n"),
]


class Http1(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.targets = {m: Target() for m in MODES}
        cls.balancers = {}
        for m in MODES:
            g = group("smuggle-" + m, [cls.targets[m]])
            cls.balancers[m] = Balancer(PLAYER, g, attributes={"routing.http.desync_mitigation_mode": m}, healthy=False)
        # One image with all three: the last one that was published counts.
        image = {"load_balancers": [b.balancer for b in cls.balancers.values()], "target_groups": [b.groups[0] for b in cls.balancers.values()]}
        PLAYER.publish(image)
        for t in cls.targets.values():
            PLAYER.health(t.port, "healthy")

    def ask(self, mode, data):
        """(statuses of all answers until the end, what reached the target)."""
        b, statuses = self.balancers[mode], []
        with b.connect() as s, s.makefile("rb") as stream:
            try:
                s.sendall(data)
                while (answer := read_answer(stream)) is not None:
                    statuses.append(answer[0])
            except ConnectionResetError:
                pass
        return statuses, plain(self.targets[mode].take(), b.port)

    def check(self, name, data, want, modes=MODES):
        for mode in modes:
            with self.subTest(case=name, mode=mode):
                self.assertEqual(self.ask(mode, data + NEXT), want)

    def test_severe(self):
        for name, data, status in SEVERE:
            self.check(name, data, ([status], b""))

    def test_bodies(self):
        for name, body in BODIES:
            data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
            for mode in MODES:
                with self.subTest(case=name, mode=mode):
                    statuses, seen = self.ask(mode, data + NEXT)
                    self.assertEqual(statuses, [400])
                    head = reaches("POST /", CHUNKED)
                    # The good beginning, and never an end: what follows cannot be read as another request.
                    self.assertIn(seen, (b"", head, head + b"3\r\nabc\r\n"))

    def test_what_passes_is_written_in_one_spelling(self):
        post = "POST /"
        for name, data, want in (
                ("no body", b"GET /?a=b HTTP/1.1\r\nHost: a\r\n\r\n", reaches("GET /?a=b")),
                ("a length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", reaches(post, "Content-Length: 3", body=b"abc")),
                ("a length of nothing", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", reaches(post, "Content-Length: 0")),
                ("a length in small letters, with blanks", b"POST / HTTP/1.1\r\nhost:a\r\ncontent-LENGTH: \t3 \t\r\n\r\nabc",
                 reaches(post, "Content-Length: 3", body=b"abc")),
                ("chunks", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                 reaches(post, CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n")),
                ("a chunk's size in capitals", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
                 reaches(post, CHUNKED, body=b"a\r\n0123456789\r\n0\r\n\r\n")),
                ("a chunk's extension is left out", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
                 reaches(post, CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n")),
                ("trailers are left out", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                 b"3\r\nabc\r\n0\r\nX-Sum: y\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nX-Forwarded-For: 1.2.3.4\r\nHost: b\r\n\r\n",
                 reaches(post, CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n")),
                ("a request in a body", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(NEXT), NEXT),
                 reaches(post, f"Content-Length: {len(NEXT)}", body=NEXT)),
                ("what Connection names", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-A\r\nX-A: 1\r\nX-B:  2 \r\n\r\n", reaches("GET /", "X-B: 2")),
                ("Connection names the framing", b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc",
                 reaches(post, "Content-Length: 3", body=b"abc")),
                ("Connection names what is ours", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, Host\r\n\r\n", reaches("GET /")),
                ("hop by hop", b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: x\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\r\n",
                 reaches("GET /")),
                ("an upgrade that is none", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
                 reaches("GET /")),
                ("escapes stay", b"GET /%2e%2e/%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n", reaches("GET /%2e%2e/%0d%0aX:%20y"))):
            self.check(name, data, ([200, 200], want + AFTER))

    def test_tiers(self):
        """ALB's Acceptable and Ambiguous: by mode (answers, whether anything reaches the target)."""
        acceptable = {"monitor": [200, 200], "defensive": [200, 200], "strictest": [400]}
        ambiguous = {"monitor": [200, 200], "defensive": [200], "strictest": [400]}
        for name, data, tier, want in (
                ("GET with a length of 0", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", acceptable, reaches("GET /", "Content-Length: 0")),
                ("a value that is not ASCII", b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\r\n\r\n", acceptable, reaches("GET /", "X: \xe4")),
                ("GET with a body", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", ambiguous,
                 reaches("GET /", "Content-Length: 3", body=b"abc")),
                ("GET in chunks", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ambiguous,
                 reaches("GET /", CHUNKED, body=b"0\r\n\r\n")),
                ("an empty header", b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", ambiguous, reaches("GET /", "X: ")),
                ("Transfer_Encoding", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer_Encoding: chunked\r\n\r\nabc", ambiguous,
                 reaches("POST /", "Content-Length: 3", body=b"abc")),
                ("Transfer.Encoding", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer.Encoding: chunked\r\n\r\nabc", ambiguous,
                 reaches("POST /", "Content-Length: 3", body=b"abc")),
                ("ContentLength", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContentLength: 9\r\n\r\nabc", ambiguous,
                 reaches("POST /", "Content-Length: 3", body=b"abc")),
                ("Content_Length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent_Length: 9\r\n\r\nabc", ambiguous,
                 reaches("POST /", "Content-Length: 3", body=b"abc"))):
            for mode in MODES:
                with self.subTest(case=name, mode=mode):
                    seen = want if tier[mode][0] == 200 else b""
                    self.assertEqual(self.ask(mode, data + NEXT), (tier[mode], seen + (AFTER if tier[mode] == [200, 200] else b"")))

    def test_a_request_behind_a_refused_one_is_not_read(self):
        self.check("good, bad, good", b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost : a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
                   ([200, 400], reaches("GET /1")))


class Downgrade(unittest.TestCase):
    """Over HTTP/2: what a request over HTTP/1.1 would be made of."""

    @classmethod
    def setUpClass(cls):
        cls.target = Target()
        cls.balancer = https(PLAYER, group("smuggle-h2", [cls.target]))

    def ask(self, fields, body=None):
        with Connection(self.balancer) as c:
            c.request(1, fields, flags=END_STREAM if body is None else 0)
            if body is not None:
                c.frame(DATA, END_STREAM, 1, body)
            frame = c.until(HEADERS, RST, GOAWAY)
        return (frame and frame[0]), plain(self.target.take(), self.balancer.port)

    def test_what_is_refused(self):
        post = [(":method", "POST"), *GET[1:]]
        for name, fields, body in (
                ("h2.CL, short", [*post, ("content-length", "0")], b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"),
                ("h2.CL, long", [*post, ("content-length", "9")], b"abc"),
                ("h2.CL, twice", [*post, ("content-length", "3"), ("content-length", "4")], b"abc"),
                ("h2.CL, no number", [*post, ("content-length", "3x")], b"abc"),
                ("h2.TE", [*post, ("transfer-encoding", "chunked")], b"0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"),
                ("h2.TE in a value", [*GET, ("x", "y\r\ntransfer-encoding: chunked")], None),
                ("h2.TE in a name", [*GET, ("x: y\r\ntransfer-encoding", "chunked")], None),
                ("a bare LF in a value", [*GET, ("x", "y\ntransfer-encoding: chunked")], None),
                ("a NUL in a value", [*GET, ("x", "y\x00z")], None),
                ("connection", [*GET, ("connection", "keep-alive")], None),
                ("a name in capitals", [*GET, ("Content-Length", "0")], None),
                ("a name with a colon", [*GET, ("x:y", "z")], None),
                ("a name with a space", [*GET, ("content-length ", "0")], None),
                ("a request in :method", [(":method", "GET / HTTP/1.1\r\nHost: b\r\n\r\nGET"), *GET[1:]], None),
                ("a request in :path", [*GET[:3], (":path", "/ HTTP/1.1\r\nHost: b\r\n\r\nGET /next")], None),
                ("a space in :path", [*GET[:3], (":path", "/next HTTP/1.1")], None),
                (":path without a slash", [*GET[:3], (":path", "next")], None),
                ("a header in :authority", [*GET[:2], (":authority", "a\r\nX: y"), GET[3]], None),
                ("a path in :authority", [*GET[:2], (":authority", "a/b"), GET[3]], None),
                (":authority against host", [*GET, ("host", "b")], None),
                ("a header in :scheme", [GET[0], (":scheme", "https\r\nX: y"), *GET[2:]], None),
                (":path twice", [*GET, (":path", "/next")], None),
                ("a pseudo header that is none", [*GET, (":x", "y")], None),
                ("pseudo headers behind others", [("x", "y"), *GET], None)):
            with self.subTest(case=name):
                kind, seen = self.ask(fields, body)
                self.assertIsNotNone(kind)
                # A head whose body turns out to lie may have gone ahead, and is cut off there.
                self.assertIn(seen, (b"", self.https("POST /", "Content-Length: 9"), self.https("POST /", "Content-Length: 9", body=b"abc")))

    def test_what_passes_is_framed_anew(self):
        post = [(":method", "POST"), *GET[1:]]
        self.assertEqual(self.ask(GET), (HEADERS, self.https("GET /")))
        self.assertEqual(self.ask([*post, ("content-length", "3")], b"abc"), (HEADERS, self.https("POST /", "Content-Length: 3", body=b"abc")))
        self.assertEqual(self.ask(post, b"abc"), (HEADERS, self.https("POST /", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n")))
        body = b"0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"
        self.assertEqual(self.ask(post, body), (HEADERS, self.https("POST /", CHUNKED, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))))

    @staticmethod
    def https(line, *lines, body=b""):
        return reaches(line, *lines, host="a.example.com", proto="https", body=body)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        for word in ("AddressSanitizer", "runtime error", "ended ("):
            self.assertNotIn(word, PLAYER.log())


if __name__ == "__main__":
    harness.main()
