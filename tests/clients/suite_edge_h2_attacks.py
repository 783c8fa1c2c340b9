#!/usr/bin/env python3
"""HTTP/2 from clients that mean harm, frame by frame: how a connection or a stream ends for each, and that nothing of it reaches a target."""
import struct
import unittest

import harness
from edge_case import Backend, Player, group
from h2_case import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PING, PRIORITY, RST, SETTINGS, UPDATE, Connection, block, https)

PLAYER = Player()
BACKEND = Backend()
POST = [(":method", "POST"), *GET[1:]]
PROTOCOL, FLOW, CLOSED, SIZE, COMPRESSION, CALM = 1, 3, 5, 6, 9, 11
make = Connection.make


def setUpModule():
    global LB
    LB = https(PLAYER, group("h2attacks", [BACKEND], health_enabled=False))


def u32(n):
    return struct.pack(">I", n)


def head(stream, fields, flags=END_STREAM):
    return make(HEADERS, flags | END_HEADERS, stream, block(fields))


def setting(number, value):
    return make(SETTINGS, 0, 0, struct.pack(">HI", number, value))


class Attacks(unittest.TestCase):
    def ends(self, frames, error, stream=None, reaches=0):
        """By GOAWAY with that error, or RST_STREAM of the stream; then a connection that lives answers a PING."""
        before = len(BACKEND.requests)
        with Connection(LB) as c:
            try:
                c.socket.sendall(frames + (make(PING, 0, 0, b"lives???") if stream else b""))
            except OSError:
                pass
            frame = c.until(RST if stream else GOAWAY, stream=stream or 0)
            self.assertIsNotNone(frame, "it goes on")
            self.assertEqual(int.from_bytes(frame[3][0 if stream else 4:][:4], "big"), error)
            if stream:
                self.assertEqual(c.until(PING, GOAWAY)[0], PING)
        self.assertLessEqual(len(BACKEND.requests) - before, reaches)

    def test_connections_that_end(self):
        get, post = head(1, GET), head(1, POST, 0)
        for name, (frames, error) in {
                "a frame one byte too long": (make(DATA, 0, 1, bytes(16385)), SIZE),
                "settings with a rest": (make(SETTINGS, 0, 0, bytes(5)), SIZE),
                "an acknowledgement too many": (make(SETTINGS, 1) * 2, PROTOCOL),
                "a window of 2^31": (setting(4, 1 << 31), FLOW),
                "frames below the least": (setting(5, 16383), PROTOCOL),
                "frames above the most": (setting(5, 1 << 24), PROTOCOL),
                "the connection's window beyond 2^31-1": (make(UPDATE, 0, 0, u32(0x7fffffff)) * 2, FLOW),
                "an update by nothing": (make(UPDATE, 0, 0, u32(0)), PROTOCOL),
                "a stream's window beyond it by a setting": (head(1, POST, 0) + make(UPDATE, 0, 1, u32(0x7fff0000)) + setting(4, 0x7fffffff), FLOW),
                "an even stream": (head(2, GET), PROTOCOL),
                "the stream 0": (head(0, GET), PROTOCOL),
                "a stream that was passed over": (head(5, POST, 0) + head(3, GET), CLOSED),
                "data on a stream that was reset": (post + make(RST, 0, 1, u32(8)) + make(DATA, 0, 1, b"x"), CLOSED),
                "data before any head": (make(DATA, 0, 1, b"x"), PROTOCOL),
                "a reset of what is not": (make(RST, 0, 9, u32(8)), PROTOCOL),
                "a frame between a block's": (make(HEADERS, 0, 1, block(GET)) + make(PING, 0, 0, bytes(8)), PROTOCOL),
                "another stream's continuation": (make(HEADERS, 0, 1, block(GET)) + make(CONTINUATION, 4, 3), PROTOCOL),
                "17 continuations": (make(HEADERS, 0, 1, block(GET)) + make(CONTINUATION, 0, 1) * 17, CALM),
                "a push": (make(5, END_HEADERS, 1, u32(2) + block(GET)), PROTOCOL),
                "more padding than frame": (post + make(DATA, 8, 1, b"\x05abcd"), PROTOCOL),
                "an index of nothing": (make(HEADERS, 5, 1, b"\xbe"), COMPRESSION),
                "a table above what is permitted": (make(HEADERS, 5, 1, b"\x3f\xe2\x1f" + block(GET)), COMPRESSION),
                "a table that changes behind a field": (make(HEADERS, 5, 1, block(GET) + b"\x20"), COMPRESSION),
                "three changes of a table": (make(HEADERS, 5, 1, b"\x20\x20\x20" + block(GET)), COMPRESSION),
                "a number without end": (make(HEADERS, 5, 1, b"\x7f" + b"\xff" * 20), COMPRESSION),
                "a string code of eight ones": (make(HEADERS, 5, 1, b"\0\x81\xff\x01a"), COMPRESSION),
                "33 settings": (make(SETTINGS, 0, 0, bytes(198)), CALM),
                "a priority of itself": (make(PRIORITY, 0, 7, u32(7) + b"\0"), PROTOCOL),
                "a goaway that grows": (make(GOAWAY, 0, 0, bytes(8)) + make(GOAWAY, 0, 0, u32(3) + u32(0)), PROTOCOL)}.items():
            with self.subTest(name):
                self.ends(frames, error, reaches=get in frames)

    def test_streams_that_end(self):
        length = ("content-length", "3")
        for name, (frames, error) in {
                "a body longer than said": (head(1, [*POST, length], 0) + make(DATA, 0, 1, b"abcd"), PROTOCOL),
                "a body shorter than said": (head(1, [*POST, length], 0) + make(DATA, 1, 1, b"ab"), PROTOCOL),
                "none, though said": (head(1, [*POST, length]), PROTOCOL),
                "shorter than said, and trailers": (head(1, [*POST, length], 0) + make(DATA, 0, 1, b"ab") + head(1, [("a", "b")]), PROTOCOL),
                "trailers that are a request": (head(1, POST, 0) + head(1, GET), PROTOCOL),
                "trailers with a status": (head(1, POST, 0) + head(1, [(":status", "200")]), PROTOCOL),
                "trailers that do not end": (head(1, POST, 0) + head(1, [("a", "b")], 0), PROTOCOL),
                "data behind the end": (head(1, POST, 0) + make(DATA, 1, 1, b"x") + make(DATA, 1, 1, b"x"), CLOSED),
                "a window beyond 2^31-1": (head(1, POST, 0) + make(UPDATE, 0, 1, u32(0x7fffffff)), FLOW),
                "an update by nothing": (head(1, POST, 0) + make(UPDATE, 0, 1, u32(0)), PROTOCOL)}.items():
            with self.subTest(name):
                BACKEND.answer = lambda h, b: lambda c, s: c.recv(1) and False
                self.ends(frames, error, stream=1, reaches=1)

    def test_what_is_only_odd_goes_on(self):
        BACKEND.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        for name, frames in {
                "the longest frame": make(0xaa, 0, 0, bytes(16384)), "a setting of no number": setting(0, 9), "one of a number above": setting(99, 9),
                "priorities of streams that are not": make(PRIORITY, 0, 11, u32(13) + b"\0"), "windows that go below nothing": setting(4, 0) + setting(4, 65535),
                "a table of nothing": setting(1, 0), "frames of the most": setting(5, (1 << 24) - 1), "32 settings": make(SETTINGS, 0, 0, bytes(192)),
                "flags without a meaning": make(PING, 0xfe, 0, bytes(8)), "a stream with the reserved bit": b""}.items():
            with self.subTest(name), Connection(LB) as c:
                c.socket.sendall(frames + head(0x80000001 if "reserved" in name else 1, GET))
                self.assertEqual(c.until(DATA, RST, GOAWAY, stream=None)[3], b"ok")

    def test_a_window_that_shrinks_below_nothing(self):
        BACKEND.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + b"a" * 30
        with Connection(LB) as c:
            c.socket.sendall(setting(4, 10) + head(1, GET))
            self.assertEqual(len(c.until(DATA)[3]), 10)
            c.socket.sendall(setting(4, 0) + make(UPDATE, 0, 1, u32(10)) + make(PING, 0, 0, bytes(8)))
            self.assertEqual(c.until(DATA, PING)[0], PING)  # -10 and 10 are none
            c.socket.sendall(make(UPDATE, 0, 1, u32(1)))
            self.assertEqual(len(c.until(DATA)[3]), 1)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        PLAYER.was_never_ill(self)


if __name__ == "__main__":
    harness.main()
