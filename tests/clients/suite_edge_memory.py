#!/usr/bin/env python3
"""What passed through the edge is not in its memory once it was passed on: heads and bodies of requests and answers, over connections that
stay open and ones that were closed, plain and TLS, and fields of HTTP/2 that no table may keep."""
import os
import ssl
import time
import unittest

import harness
from edge_case import Backend, Balancer, Player, group
from h2_case import DATA, END_HEADERS, HEADERS, Connection, https
from secrets_case import look, marker, pieces

KEPT = 5  # seconds: the kernel's last word on a connection may come a little later


def field(name, value):
    """Of HPACK, never indexed (RFC 7541 6.2.3)."""
    return b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value


@unittest.skipUnless(os.geteuid() == 0, "only root can read another process's memory")
class Passed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.player = Player()
        cls.secrets = {}
        cls.back = Backend(answer=lambda head, body: b"HTTP/1.1 200 OK\r\nSet-Cookie: s=%s\r\nContent-Length: 44\r\n\r\nok: %s" % (
            cls.secret("the answer's cookie"), cls.secret("the answer's body")))
        cls.group = group("g", [cls.back], health_enabled=False)

    @classmethod
    def tearDownClass(cls):
        cls.player.stop()

    def setUp(self):
        self.secrets.clear()

    @classmethod
    def secret(cls, name):
        cls.secrets[name] = marker().encode()
        return cls.secrets[name]

    def gone(self, when):
        end = time.monotonic() + KEPT
        while True:
            found = look(self.secrets, pieces(self.player.edge_pid()))
            if not found or time.monotonic() > end:
                break
            time.sleep(0.1)
        self.assertEqual([], found, when)

    def request(self):
        return b"POST /?q=%s HTTP/1.1\r\nHost: a.example.com\r\nAuthorization: %s\r\nCookie: s=%s\r\nContent-Length: 40\r\n\r\n%s" % (
            self.secret("query"), self.secret("authorization"), self.secret("cookie"), self.secret("body"))

    def passes(self, s):
        s.sendall(self.request())
        got = b""
        while self.secrets.get("the answer's body", b"?") not in got:
            more = s.recv(65536)
            self.assertTrue(more, got)
            got += more
        self.gone("the connection is open")
        s.close()
        self.gone("the connection was closed")

    def test_http1(self):
        self.passes(Balancer(self.player, self.group).connect())

    def test_http1_over_tls(self):
        context = ssl._create_unverified_context()
        self.passes(context.wrap_socket(https(self.player, self.group).connect(), server_hostname="a.example.com"))

    def test_tls_in_pieces(self):
        """Records that come by two, by halves, and larger than what is read of them at a time."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl._create_unverified_context().wrap_bio(incoming, outgoing, server_hostname="a.example.com")
        s = https(self.player, self.group).connect()

        def hears(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    s.sendall(outgoing.read())
                    incoming.write(s.recv(65536))

        def sealed(plain):
            tls.write(plain)
            return outgoing.read()

        def answered():
            got = b""
            while self.secrets.get("the answer's body", b"?") not in got:
                got += hears(lambda: tls.read(65536))
        hears(tls.do_handshake)
        s.sendall(outgoing.read())
        for cut in (1, 5, 30, 60):
            first, second = sealed(self.request()), sealed(b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
            s.sendall(first + second[:cut])  # what is read lies in front of what is not whole yet
            answered()
            self.gone(f"{cut} bytes of another record have come")
            s.sendall(second[cut:])
            answered()
            head, body = self.request().split(b"\r\n\r\n")
            s.sendall(sealed(head + b"\r\n\r\n") + sealed(body))
            answered()
            self.gone("two records came as one")
            s.sendall(sealed(head.replace(b"Length: 40", b"Length: 40000") + b"\r\n\r\n" + body * 1000))
            answered()
            self.gone("records came that are as large as can be")
        s.close()
        self.gone("the connection was closed")

    def test_what_waits_is_found(self):
        s, word = Balancer(self.player, self.group).connect(), self.secret("half a head")
        s.sendall(b"GET / HTTP/1.1\r\nAuthorization: " + word)
        end = time.monotonic() + 30
        while not look(self.secrets, pieces(self.player.edge_pid())) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(look(self.secrets, pieces(self.player.edge_pid())))
        s.close()
        self.gone("its sender has gone")

    def test_http2(self):
        with Connection(https(self.player, self.group)) as c:
            stream = 1
            c.frame(HEADERS, END_HEADERS, stream, b"\x83\x87\x84" + field(b":authority", b"a.example.com") + field(
                b"authorization", self.secret("authorization")) + field(b"cookie", b"s=" + self.secret("cookie")))
            c.frame(DATA, 1, stream, self.secret("body"))
            while True:
                kind, flags, of, _ = c.read()
                if of == stream and kind == DATA and flags & 1:
                    break
            # What the answer's fields are is in the table that the client has asked for.
            self.secrets.pop("the answer's cookie")
            self.gone("the connection is open")
        self.gone("the connection was closed")


if __name__ == "__main__":
    harness.main()
