#!/usr/bin/env python3
"""The edge over HTTP/2: a stock client, spellings that must not become HTTP/1.1 requests, floods that end the connection."""
import os
import pathlib
import signal
import socket
import ssl
import time
import unittest

import edge_case
import harness
from edge_case import Backend, Player, condition, fixed, group, rule
from h2_case import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PING, PRIORITY, RST, SETTINGS, UPDATE, Connection, block,
                     curl, https)

PLAYER = Player()


class Stock(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.group = group("h2", [cls.backend])
        cls.lb = https(PLAYER, cls.group)

    def setUp(self):
        self.backend.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\n\r\nok"
        self.lb.publish()

    def test_get(self):
        out = curl(self.lb, "-i", path="/a?b=c")
        self.assertTrue(out.startswith(b"HTTP/2 200"), out)
        self.assertTrue(out.endswith(b"\r\n\r\nok"))
        self.assertIn(b"x-end: 1", out)
        self.assertNotIn(b"x-hop", out)
        head = self.backend.requests[-1][0]
        self.assertTrue(head.startswith(b"GET /a?b=c HTTP/1.1\r\n"), head)
        self.assertIn(f"\r\nHost: a.example.com:{self.lb.port}\r\n".encode(), head)
        self.assertIn(b"X-Forwarded-Proto: https", head)

    def test_bodies(self):
        body = os.urandom(700000)
        self.backend.answer = lambda h, b: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(b) + b
        self.assertEqual(curl(self.lb, "--data-binary", "@-", input=body), body)
        self.assertEqual(curl(self.lb, "-T", "-", input=body), body)  # without a length
        self.assertIn(b"Transfer-Encoding: chunked", self.backend.requests[-1][0])

    def test_many_at_once(self):
        out = curl(self.lb, "-Z", "--parallel-max", "60", path="/[1-200]")
        self.assertEqual(out.count(b"ok"), 200)

    def test_head_and_chunked_answers(self):
        self.assertTrue(curl(self.lb, "-I").startswith(b"HTTP/2 200"))
        self.backend.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        self.assertEqual(curl(self.lb), b"hello")

    def test_rules_and_own_answers(self):
        lb = https(PLAYER, self.group, rules=[rule(1, fixed(200, "fixed"), condition("host-header", "a.example.com"))])
        self.assertEqual(curl(lb), b"fixed")

    def test_it_can_be_turned_off(self):
        lb = https(PLAYER, self.group, attributes={"routing.http2.enabled": "false"})
        self.assertTrue(curl(lb, "-i").startswith(b"HTTP/1.1 200"))

    def test_cookie_crumbs_become_one_line(self):
        with Connection(self.lb) as c:
            c.request(1, [*GET, ("cookie", "a=b"), ("cookie", "c=d")])
            self.assertIsNotNone(c.until(HEADERS, stream=1))
        self.assertIn(b"\r\nCookie: a=b; c=d\r\n", self.backend.requests[-1][0])

    def test_a_target_that_dies_cuts_the_stream_alone(self):
        self.backend.answer = lambda h, b: (lambda c, s: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") and False) if b"/cut" in h \
            else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with Connection(self.lb) as c:
            c.request(1, [*GET[:3], (":path", "/cut")])
            self.assertIsNotNone(c.until(RST, stream=1))
            c.request(3, GET)
            self.assertEqual(c.until(DATA, stream=3)[3], b"ok")

    def test_an_answer_before_the_body_ends_the_stream(self):
        lb = https(PLAYER, default=fixed(403, "no"))
        with Connection(lb) as c:
            c.request(1, [(":method", "POST"), *GET[1:]], flags=0)
            self.assertEqual(c.until(DATA, stream=1)[3], b"no")
            self.assertEqual(c.until(RST, stream=1)[3], bytes(4))


class Slow:
    """A client over TLS of whose records one byte comes at a time."""

    def __init__(self, lb):
        self.to, self.come, self.go = lb.connect(), ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ssl._create_unverified_context().wrap_bio(self.come, self.go)
        while not self.shaken():
            self.to.sendall(self.go.read())
            self.come.write(self.to.recv(1 << 16))
        self.to.sendall(self.go.read())

    def shaken(self):
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def sends(self, text):
        self.tls.write(text)
        self.left = self.go.read()
        self.more(len(self.left) // 2)

    def more(self, n):
        for i in range(n):
            self.to.sendall(self.left[i:i + 1])
            time.sleep(0.001)
        self.left = self.left[n:]

    def ends(self, case):
        """The rest, when the first half has been there for long enough to sleep on."""
        self.more(len(self.left))
        self.come.write(self.to.recv(1 << 16))
        case.assertIn(b" 200 ", self.tls.read(4096))
        self.to.close()


class Idle(unittest.TestCase):
    """What a connection is made of sleeps after two seconds without a byte. In a build with ASan nobody may touch it then."""

    def test_who_was_idle_goes_on(self):
        lb = https(PLAYER, group("idle", [Backend()]))
        with Connection(lb) as two, Connection(lb) as begun, Connection(lb) as leaves:
            context = ssl._create_unverified_context()
            with context.wrap_socket(lb.connect()) as one:
                for again in (False, True):
                    one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertTrue(one.recv(4096).startswith(b"HTTP/1.1 200"))
                    two.request(3 if again else 1, GET)
                    self.assertEqual(two.until(DATA, stream=3 if again else 1)[3], b"ok")
                    if not again:
                        self.sleep()
                begun.request(1, GET)
                self.assertEqual(begun.until(DATA, stream=1)[3], b"ok")
                leaves.socket.close()
                self.sleep()
                PLAYER.publish({})  # the listener goes: who comes back is told
                two.frame(PING, 0, 0, bytes(8))
                self.assertEqual(two.until(GOAWAY)[0], GOAWAY)

    def test_each_way_to_wake(self):
        def answer(head, body):
            if b"upgrade: websocket" not in head.lower():
                return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            return lambda c, s: c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n") or c.sendall(s.read(5)) and False
        get, context = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ssl._create_unverified_context()
        lb = https(PLAYER, group("wakes", [Backend(answer)]), attributes={"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true"})
        one = [context.wrap_socket(lb.connect()) for _ in range(5)]
        two = [Connection(lb) for _ in range(6)]
        slow = Slow(lb)
        for s in one:
            s.sendall(get)
            self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 200"))
        for c in two:
            c.request(1, GET)
            self.assertEqual(c.until(DATA, stream=1)[3], b"ok")
        self.sleep()
        PLAYER.publish(lb.image())
        slow.sends(get)
        one[0].sendall(3 * get)  # more than one at once
        told = b""
        while told.count(b"\r\n\r\nok") < 3:
            told += one[0].recv(4096)
        one[1].sendall(get.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\nhello"))
        self.assertIn(b" 101 ", one[1].recv(4096))
        self.assertEqual(one[1].recv(5), b"hello")
        one[2].sendall(b"bad\r\n\r\n")
        self.assertIn(b" 400 ", one[2].recv(4096))
        one[3].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one[3].close()
        one[4].settimeout(5)
        one[4].unwrap()
        two[0].frame(SETTINGS, 0, 0, b"\0\1" + bytes(4))  # without a table for headers from now on
        two[0].request(3, GET)
        self.assertEqual(two[0].until(DATA, stream=3)[3], b"ok")
        two[1].frame(HEADERS, END_STREAM, 3, block(GET))
        two[2].frame(GOAWAY, 0, 0, bytes(8))
        two[3].frame(DATA, 0, 8, b"x")
        self.assertEqual(two[3].until(GOAWAY)[0], GOAWAY)
        two[4].socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        two[4].socket.close()
        time.sleep(2.5)  # with a head that is not whole
        two[1].frame(CONTINUATION, END_HEADERS, 3)
        self.assertEqual(two[1].until(DATA, stream=3)[3], b"ok")
        slow.ends(self)
        for s in (*one, *(c.socket for c in two)):
            s.close()
        PLAYER.publish({})

    def test_a_server_ends_while_they_sleep(self):
        player = Player()
        lb = https(player, group("ends", [Backend()]))
        context = ssl._create_unverified_context()
        with Connection(lb) as two, context.wrap_socket(lb.connect()) as one:
            two.request(1, GET)
            self.assertEqual(two.until(DATA, stream=1)[3], b"ok")
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(one.recv(4096).startswith(b"HTTP/1.1 200"))
            time.sleep(3)
            player.process.send_signal(signal.SIGINT)
            self.assertEqual(two.until(GOAWAY)[0], GOAWAY)
            self.assertEqual(one.recv(1), b"")
            player.stop()
        self.assertNotIn("process edge ended", player.log())

    def sleep(self):
        time.sleep(3)
        if b"__asan_init" in pathlib.Path(edge_case.PLAYER).read_bytes():
            PLAYER.until(self.guarded, "nobody sleeps")

    @staticmethod
    def guarded():
        """Places that the edge itself may not read now."""
        with open(f"/proc/{PLAYER.edge_pid()}/maps", encoding="utf-8") as f:
            ranges = [line.split()[0].split("-") for line in f if " ---p " in line]
        return [n for start, end in ranges if 4096 < (n := int(end, 16) - int(start, 16)) < 1 << 20]


class Spellings(unittest.TestCase):
    """What would be another request over HTTP/1.1 reaches no target."""

    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.lb = https(PLAYER, group("h2spell", [cls.backend]))

    def setUp(self):
        self.backend.requests.clear()
        self.lb.publish()

    def test_none_passes(self):
        def path(p):
            return [*GET[:3], (":path", p)]
        for fields in (path("/ HTTP/1.1\r\nX: y"), path("/a b"), path("/a\r\n"), path("/a\x00"), path("/#a"), path("http://b/"), path(""),
                       [(":method", "GET / HTTP/1.1\r\nX:"), *GET[1:]], [(":method", "G ET"), *GET[1:]],
                       [*GET[:2], (":authority", "a\r\nX: y"), GET[3]], [*GET[:2], (":authority", "a/b"), GET[3]],
                       *([*GET[:2], (":authority", a), GET[3]] for a in ("[a", "a]", "[::1", "a:b", "a:1:2", ":1", "a:", "a:65536", "[]")), [*GET[:2], GET[3]],
                       [*GET, ("host", "b.example.com")], [*GET, ("transfer-encoding", "chunked")], [*GET, ("connection", "close")],
                       [*GET, ("upgrade", "h2c")], [*GET, ("x", "a\r\nY: z")], [*GET, ("x", "a\nb")], [*GET, ("x\r\ny", "a")], [*GET, ("x y", "a")],
                       [*GET, ("x:y", "a")], [*GET, ("X", "a")], [*GET, ("", "a")], [*GET, ("content-length", "5")],
                       [*GET, ("content-length", "1"), ("content-length", "1")], [*GET, (":path", "/b")], [("x", "y"), *GET]):
            with self.subTest(fields=fields), Connection(self.lb) as c:
                c.request(1, fields)
                frame = c.until(HEADERS, RST, GOAWAY)
                if frame and frame[0] == HEADERS:
                    self.assertNotIn(b"\x88", frame[3][:1], "it was answered 200")
        self.assertEqual(self.backend.requests, [])

    def test_too_many_header_bytes(self):
        with Connection(self.lb) as c:
            fields = block([*GET, *[(f"x-{i}", "a" * 900) for i in range(90)]])
            c.frame(HEADERS, END_STREAM, 1, fields[:16000])
            for at in range(16000, len(fields), 16000):
                last = at + 16000 >= len(fields)
                c.frame(CONTINUATION, END_HEADERS if last else 0, 1, fields[at:at + 16000])
            frame = c.until(HEADERS, RST, GOAWAY)
            self.assertNotEqual(frame and frame[3][:1], b"\x88")
        self.assertEqual(self.backend.requests, [])

    def test_a_length_that_lies(self):
        with Connection(self.lb) as c:
            c.request(1, [(":method", "POST"), *GET[1:], ("content-length", "3")], flags=0)
            c.frame(DATA, END_STREAM, 1, b"abcdGET / HTTP/1.1\r\n\r\n")
            self.assertIsNotNone(c.until(RST, GOAWAY))
        time.sleep(0.2)
        self.assertFalse([b for _, b in self.backend.requests if b"GET" in b])


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.lb = https(PLAYER, group("h2flood", [cls.backend]))

    def setUp(self):
        self.backend.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.lb.publish()

    def ended(self, make, prepare=None, n=3000):
        with Connection(self.lb) as c:
            if prepare:
                prepare(c)
            try:
                for i in range(0, n, 100):
                    c.socket.sendall(b"".join(make(i + k) for k in range(100)))
            except OSError:
                return
            goaway = c.until(GOAWAY)
            self.assertTrue(goaway is None or goaway[3][4:8] == b"\0\0\0\x0b", goaway)

    def test_rapid_resets(self):
        head = block(GET)
        self.ended(lambda i: Connection.make(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, head) + Connection.make(RST, 0, 2 * i + 1, b"\0\0\0\x08"))
        self.assertLess(len(self.backend.requests), 1000)

    def test_pings(self):
        self.ended(lambda i: Connection.make(PING, 0, 0, bytes(8)))

    def test_a_ping_for_each_frame_of_an_answer_is_no_flood(self):
        # As clients do that measure how fast they are sent to.
        body = bytes(9 << 20)
        self.backend.answer = lambda h, b: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        pings = got = 0
        with Connection(self.lb) as c:
            c.frame(SETTINGS, 0, 0, b"\0\4\x7f\xff\xff\xff")
            c.frame(UPDATE, 0, 0, b"\x7f\0\0\0")
            c.request(1, GET)
            while got < len(body):
                frame = c.until(DATA, GOAWAY)
                self.assertTrue(frame and frame[0] == DATA, f"{frame} after {pings} pings and {got} bytes")
                got += len(frame[3])
                c.frame(PING, 0, 0, bytes(8))
                pings += 1
        self.assertGreater(pings, 500)

    def test_settings(self):
        self.ended(lambda i: Connection.make(SETTINGS))

    def test_priorities(self):
        self.ended(lambda i: Connection.make(PRIORITY, 0, 1, b"\0\0\0\0\x10"))

    def test_empty_data(self):
        self.ended(lambda i: Connection.make(DATA, 0, 1), lambda c: c.request(1, [(":method", "POST"), *GET[1:]], flags=0))

    def test_window_updates(self):
        self.ended(lambda i: Connection.make(UPDATE, 0, 0, b"\0\0\0\x01"))

    def test_continuations_without_end(self):
        self.ended(lambda i: Connection.make(CONTINUATION, 0, 1, b""), lambda c: c.frame(HEADERS, 0, 1, block(GET)))

    def test_more_streams_than_permitted_are_refused(self):
        backend = Backend(lambda h, b: lambda c, s: time.sleep(3))
        lb = https(PLAYER, group("h2streams", [backend]))
        with Connection(lb) as c:
            c.until(SETTINGS)
            c.frame(SETTINGS, 1)
            for i in range(200):
                c.request(2 * i + 1, GET)
            self.assertIsNotNone(c.until(RST, GOAWAY))
        self.assertLessEqual(len(backend.requests), 128)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        PLAYER.was_never_ill(self)


if __name__ == "__main__":
    harness.main()
