#!/usr/bin/env python3
"""Slow clients over HTTP/2: a head that is begun comes to its end in time; bodies, answers and the connection itself move on, or end."""
import array
import concurrent.futures
import fcntl
import termios
import time
import unittest

import harness
from edge_case import Backend, Player, group
from h2_case import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PING, RST, SETTINGS, UPDATE, Connection, NodeTarget, block,
                     https)

PLAYER = Player()
POST = [(":method", "POST"), *GET[1:], ("content-length", "100000")]
STEP_S, LEAST_S, MOST_S = 0.4, 9, 15
CANCEL = (8).to_bytes(4, "big")


def answer(head, body):
    n = 60000 if b"/large" in head else 3000000 if b"/huge" in head else 2
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n + bytes(n)


class Slow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = NodeTarget()
        cls.lb = https(PLAYER, group("slow", [Backend(answer)]))
        cls.streaming = https(PLAYER, group("slow2", [cls.node.ports["plain"]], protocol_version="HTTP2", health_enabled=False))
        cls.hasty = https(PLAYER, group("slow3", [Backend(answer)]), attributes={"idle_timeout.timeout_seconds": "2"})
        all_of = (cls.lb, cls.streaming, cls.hasty)
        PLAYER.publish({"load_balancers": [b.balancer for b in all_of], "target_groups": [g for b in all_of for g in b.groups]})

    @classmethod
    def tearDownClass(cls):
        cls.node.kill()

    def test_who_is_slow_is_ended_and_nobody_else(self):
        cases = (self.head, self.frame_head, self.body, self.answer, self.reader, self.steady_body, self.waiting_stream, self.pings)
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            for case, done in [(case, pool.submit(case)) for case in cases]:
                with self.subTest(case.__name__):
                    done.result()

    def crawl(self, c, step, *kinds, stream=None, most=MOST_S):
        """`step` at each turn, until a frame of one of the kinds or the end: which, and after how long."""
        began = time.monotonic()
        c.socket.settimeout(0.01)
        buffer = b""
        while time.monotonic() - began < most:
            time.sleep(STEP_S)
            try:
                step()
                more = c.socket.recv(65536)
                if not more:
                    return None, time.monotonic() - began
                buffer += more
            except TimeoutError:
                pass
            except OSError:
                return None, time.monotonic() - began
            while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
                n = 9 + int.from_bytes(buffer[:3], "big")
                frame, buffer = buffer[:n], buffer[n:]
                if frame[3] in kinds and stream in (None, int.from_bytes(frame[5:9], "big")):
                    return frame, time.monotonic() - began
        return "nothing", time.monotonic() - began

    def in_time(self, since, seconds):
        """The edge counts from when it has read, or said, what may be long under way: not sooner than `since`, when it was sent for."""
        self.assertGreater(time.monotonic() - since, LEAST_S)
        self.assertLess(seconds, MOST_S)

    def head(self):
        """A block that never ends, whose continuations go on coming."""
        with Connection(self.lb) as c:
            since = time.monotonic()
            c.frame(HEADERS, END_STREAM, 1, block(GET))
            rest = iter(c.make(CONTINUATION, 0, 1, block([("x", "y" * 100)])))
            end, after = self.crawl(c, lambda: c.socket.sendall(bytes([next(rest)])), GOAWAY)
            self.assertNotEqual(end, "nothing")
            self.in_time(since, after)

    def frame_head(self):
        """A single frame, a byte at a time."""
        with Connection(self.lb) as c:
            since = time.monotonic()
            rest = iter(c.make(HEADERS, END_STREAM | END_HEADERS, 1, block(GET)))
            end, after = self.crawl(c, lambda: c.socket.sendall(bytes([next(rest)])), GOAWAY)
            self.assertNotEqual(end, "nothing")
            self.in_time(since, after)

    def body(self):
        with Connection(self.lb) as c:
            since = time.monotonic()
            c.request(1, POST, flags=0)
            frame, after = self.crawl(c, lambda: c.frame(DATA, 0, 1, b"x"), HEADERS, RST, stream=1)
            self.in_time(since, after)
            self.assertEqual(frame[3], HEADERS)
            self.assertIn(b"408", frame)
            c.socket.settimeout(10)
            c.request(3, GET)
            self.assertEqual(c.until(HEADERS, stream=3)[3][:1], b"\x88")

    def answer(self):
        """A window that opens by a byte at a time."""
        with Connection(self.lb) as c:
            c.frame(SETTINGS, 0, 0, b"\0\4" + (600).to_bytes(4, "big"))
            since = time.monotonic()
            c.request(1, [*GET[:3], (":path", "/large")])
            self.assertIsNotNone(c.until(DATA, stream=1))
            frame, after = self.crawl(c, lambda: c.frame(UPDATE, 0, 1, (1).to_bytes(4, "big")), RST, stream=1)
            self.in_time(since, after)
            self.assertEqual(frame[9:], CANCEL)
            c.socket.settimeout(10)
            c.request(3, GET)
            self.assertEqual(c.until(HEADERS, stream=3)[3][:1], b"\x88")

    def reader(self):
        """Who reads nothing and says something from time to time."""
        with Connection(self.lb) as c:
            c.frame(SETTINGS, 0, 0, b"\0\4" + (1 << 30).to_bytes(4, "big"))
            c.frame(UPDATE, 0, 0, (1 << 30).to_bytes(4, "big"))
            since = time.monotonic()
            for i in range(4):
                c.request(1 + 2 * i, [*GET[:3], (":path", "/huge")])
            # As long as more comes, the edge has no reason to mind: how fast a target answers is not what is tested.
            began, lies = time.monotonic(), array.array("i", [0])
            with self.assertRaises(OSError):
                while time.monotonic() - began < 2 * MOST_S:
                    before = lies[0]
                    c.frame(PING, 0, 0, bytes(8))
                    time.sleep(STEP_S)
                    fcntl.ioctl(c.socket, termios.FIONREAD, lies)
                    if lies[0] > before:
                        began = time.monotonic()
            self.in_time(since, time.monotonic() - began)

    def steady_body(self):
        """Slow, and fast enough."""
        with Connection(self.lb) as c:
            c.request(1, [*POST[:-1], ("content-length", str(33 * 40))], flags=0)
            for i in range(33):
                time.sleep(STEP_S)
                c.frame(DATA, END_STREAM * (i == 32), 1, b"x" * 40)
            self.assertEqual(c.until(HEADERS, RST, stream=1)[3][:1], b"\x88")

    def waiting_stream(self):
        """To targets of HTTP/2 streams go both ways, and may be silent as long as the connection may."""
        with Connection(self.streaming) as c:
            c.request(1, [*POST[:3], (":path", "/echo")], flags=0)
            frame, _ = self.crawl(c, lambda: c.frame(PING, 0, 0, bytes(8)), RST, stream=1, most=13)
            self.assertEqual(frame, "nothing")
            c.socket.settimeout(10)
            c.frame(DATA, END_STREAM, 1, b"late")
            self.assertEqual(c.until(DATA, RST, stream=1)[3], b"late")

    def pings(self):
        """They keep no connection."""
        with Connection(self.hasty) as c:
            since = time.monotonic()
            c.request(1, GET)
            self.assertIsNotNone(c.until(DATA, stream=1))
            frame, after = self.crawl(c, lambda: c.frame(PING, 0, 0, bytes(8)), GOAWAY)
            self.assertEqual(frame[3], GOAWAY)
            self.assertGreater(time.monotonic() - since, 1.9)
            self.assertLess(after, 8)


if __name__ == "__main__":
    harness.main()
