#!/usr/bin/env python3
"""HTTP/2 towards targets: node's implementation behind the edge, and targets that mean harm."""
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from edge_case import Backend, Player, free_port, group, log_lines
from h2_case import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PING, RST, SETTINGS, UPDATE, WORK, Connection, NodeTarget,
                     block, curl, https)
from h2_case import FrameTarget as Target

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-h2-logs-")
PLAYER = Player(LOGS)
POST = [(":method", "POST"), *GET[1:]]


def h2_group(name, *ports, **more):
    return group(name, ports, **{"protocol_version": "HTTP2", "health_enabled": False, **more})


def path(p, fields=GET):
    return [*fields[:3], (":path", p)]


class Node(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = NodeTarget()
        cls.groups = {"plain": h2_group("n-plain", cls.node.ports["plain"]), "tls": h2_group("n-tls", cls.node.ports["tls"], protocol="HTTPS")}
        cls.lbs = {name: https(PLAYER, g) for name, g in cls.groups.items()}
        cls.lb = cls.lbs["plain"]

    def setUp(self):
        PLAYER.publish({"load_balancers": [lb.balancer for lb in self.lbs.values()], "target_groups": list(self.groups.values())})
        for g in self.groups.values():
            PLAYER.health(g["targets"][0]["port"], "unavailable")

    @classmethod
    def tearDownClass(cls):
        cls.node.kill()

    def test_requests_and_answers(self):
        for name, lb in self.lbs.items():
            with self.subTest(name):
                path = f"/length?a={name}"
                out = curl(lb, "-i", "-H", "X-Mine: 1", "-H", "X-Forwarded-For: 1.2.3.4", path=path)
                self.assertTrue(out.startswith(b"HTTP/2 200"), out)
                self.assertTrue(out.endswith(b"\r\n\r\nhello"))
                self.assertIn(b"content-length: 5", out)
                seen = self.node.heard(path)[-1]
                self.assertEqual(seen[":authority"], f"a.example.com:{lb.port}")
                self.assertEqual(seen[":scheme"], "https" if name == "tls" else "http")
                self.assertEqual((seen["x-mine"], seen["x-forwarded-proto"]), ("1", "https"))
                self.assertTrue(seen["x-forwarded-for"].startswith("1.2.3.4, 127."), seen)
                self.assertNotIn("host", seen)
                self.assertNotIn("te", seen)

    def test_bodies_of_any_length(self):
        for n in (1, 100, 16384, 65535, 65536, 1 << 20):
            body = os.urandom(n)
            for lb in self.lbs.values():
                self.assertEqual(curl(lb, "--data-binary", "@-", path="/echo", input=body), body)
                self.assertEqual(curl(lb, "-T", "-", path="/echo", input=body), body)  # without a length

    def test_heads_alone(self):
        self.assertTrue(curl(self.lb, "-I", path="/length").startswith(b"HTTP/2 200"))
        self.assertTrue(curl(self.lb, "-i", path="/empty").startswith(b"HTTP/2 204"))
        self.assertIn(b"grpc-status: 12", curl(self.lb, "-i", path="/only"))
        self.assertEqual(curl(self.lb, path="/early"), b"late")
        self.assertTrue(curl(self.lb, "-i", path="/status").startswith(b"HTTP/2 418"))

    def test_many_at_once_on_few_connections(self):
        before = sum(1 for w in self.node.said if "session" in w)
        out = curl(self.lb, "-Z", "--parallel-max", "100", path="/length?[1-300]")
        self.assertEqual(out.count(b"hello"), 300)
        self.assertLessEqual(sum(1 for w in self.node.said if "session" in w) - before, 3)

    def test_trailers_both_ways(self):
        with Connection(self.lb) as c:
            c.request(1, [*path("/echo?te", POST), ("te", "trailers")], flags=0)
            c.frame(DATA, 0, 1, b"abc")
            c.request(1, [("x-forth", "there"), ("x-amzn-trace-id", "spoofed")])
            head, fields = c.until(HEADERS, stream=1), c.until(DATA, stream=1)
            self.assertEqual(fields[3], b"abc")
            end = c.until(HEADERS, stream=1)
            self.assertTrue(end[1] & END_STREAM)
            self.assertIsNotNone(head)
        seen = self.node.heard("/echo?te")[-1]
        self.assertEqual(seen["te"], "trailers")
        out = subprocess.run(["node", "--input-type=module", "-e", f"""
            import http2 from "node:http2";
            const s = http2.connect("https://a.example.com", {{rejectUnauthorized: false, host: "{self.lb.address}", port: {self.lb.port}}});
            const r = s.request({{":method": "POST", ":path": "/echo", ":authority": "a.example.com"}}, {{waitForTrailers: true}});
            r.on("wantTrailers", () => r.sendTrailers({{"x-forth": "there", "authorization": "no"}}));
            r.on("trailers", t => {{ console.log(t["x-end"], t["x-back"]); s.close(); }});
            r.resume(); r.end("abc");"""], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS, check=True).stdout
        self.assertEqual(out, "yes there\n")

    def test_who_waits_for_leave_to_send_gets_it(self):
        with Connection(self.lb) as c:
            c.request(1, [*path("/echo?expect", POST), ("expect", "100-continue")], flags=0)
            self.assertFalse(c.until(HEADERS, stream=1)[1] & END_STREAM)  # 100
            c.frame(DATA, END_STREAM, 1, b"abc")
            self.assertEqual(c.until(DATA, stream=1)[3], b"abc")
            c.request(3, [*path("/length"), ("expect", "100-continue")])  # there is no body
            self.assertEqual(c.until(HEADERS, stream=3)[3][0], 0x88)
        self.assertNotIn("expect", self.node.heard("/echo?expect")[-1])

    def test_both_directions_at_once(self):
        with Connection(self.lb) as c:
            c.request(1, path("/echo", POST), flags=0)
            for n in range(20):
                word = b"word %d" % n
                c.frame(DATA, 0, 1, word)
                self.assertEqual(c.until(DATA, stream=1)[3], word)
            c.frame(DATA, END_STREAM, 1)
            self.assertIsNotNone(c.until(HEADERS, stream=1))

    def test_words_for_an_end_pass(self):
        with Connection(self.lb) as c:
            c.request(3, path("/reset"))  # before an answer: it is ours to give
            self.assertNotEqual(c.until(HEADERS, RST, stream=3)[0], RST)
            c.request(5, path("/wait"))
            PLAYER.until(lambda: self.node.asked("/wait"))
            c.frame(RST, 0, 5, b"\0\0\0\x08")
            PLAYER.until(lambda: {"aborted": 8} in self.node.said, "the target does not hear of it")

    def test_a_client_that_leaves_is_told(self):
        n = sum(1 for w in self.node.said if "aborted" in w)
        with Connection(self.lb) as c:
            c.request(1, path("/wait?2"))
            PLAYER.until(lambda: self.node.asked("/wait?2"))
        PLAYER.until(lambda: sum(1 for w in self.node.said if "aborted" in w) > n)

    def test_what_is_refused_is_asked_again(self):
        self.assertEqual(curl(self.lb, path="/refuse?a"), b"")
        self.assertEqual(len(self.node.heard("/refuse?a", 2)), 2)
        body = b"x" * 9000
        self.assertEqual(curl(self.lb, "--data-binary", "@-", path="/refuse?b", input=body), body)

    def test_goaway_costs_no_request(self):
        for _ in range(5):
            self.assertEqual(curl(self.lb, path="/goaway"), b"bye")
            self.assertEqual(curl(self.lb, path="/length"), b"hello")

    def test_a_connection_that_breaks_is_502(self):
        self.assertIn(b"502", curl(self.lb, "-i", "-X", "POST", path="/destroy"))
        self.assertEqual(curl(self.lb, path="/length"), b"hello")

    def test_http_1_1_does_not_reach_it(self):
        out = curl(self.lb, "-i", "--http1.1", path="/length?old")
        self.assertTrue(out.startswith(b"HTTP/1.1 464"), out)
        self.assertNotIn(b"content-type", out.lower())
        self.assertEqual(self.node.asked("/length?old"), [])

    def test_logs_and_counters_tell_of_grpc(self):
        lb = https(PLAYER, self.groups["plain"], attributes={"access_logs.s3.enabled": "true"})
        curl(lb, "-X", "POST", "-H", "Content-Type: application/grpc+proto", path="/only")
        curl(lb, path="/length")
        log = pathlib.Path(LOGS)

        def lines():
            return [line.split() for f in log.iterdir() for line in log_lines(f) if lb.address in line]
        PLAYER.until(lambda: len(lines()) == 2)
        (grpc, h2), port = sorted(lines()), str(self.node.ports["plain"])
        self.assertEqual((h2[0], grpc[0]), ("h2", "grpcs"))
        for line in (grpc, h2):
            self.assertEqual((line[4], line[8], line[9]), (f"127.0.0.1:{port}", "200", "200"))
        expected = {"GrpcRequestCount": 1, "RequestCount": 2, "HTTPCode_Target_2XX_Count": 2}
        PLAYER.until(lambda: {name: PLAYER.metric(name) for name in expected} == expected, "the counters do not agree")

    def test_grpc_does_not_reach_http_1_1_targets(self):
        lb = https(PLAYER, group("n-old", [Backend()]))
        self.assertTrue(curl(lb, "-i", "-X", "POST", "-H", "Content-Type: application/grpc").startswith(b"HTTP/2 464"))
        self.assertTrue(curl(lb, "-i", "-X", "POST", "-H", "Content-Type: application/grpc-web").startswith(b"HTTP/2 200"))

    def test_a_slow_client_holds_back_its_own_stream_alone(self):
        with Connection(self.lb) as c:
            c.request(1, path("/pour"))  # 32 MiB, of which 64 KiB are taken
            self.assertIsNotNone(c.until(DATA, stream=1))
            time.sleep(0.5)
            pid = PLAYER.edge_pid()
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                before = f.read()
            self.assertIn("VmRSS", before)
            self.assertEqual(curl(self.lb, path="/length"), b"hello")

    def test_a_slow_target_holds_back_the_client(self):
        body = os.urandom(3 << 20)
        self.assertEqual(curl(self.lb, "--data-binary", "@-", path="/swallow", input=body), b"%d" % len(body))


OK = block([(":status", "200"), ("x-a", "b")])


def head(stream, flags=END_HEADERS, fields=OK):
    return Connection.make(HEADERS, flags, stream, fields)


class Hostile(unittest.TestCase):
    """Whatever a target does, its client gets an answer or a reset, and others are served."""

    @classmethod
    def setUpClass(cls):
        cls.target = Target(None)
        cls.lb = https(PLAYER, h2_group("evil", cls.target.port))

    def setUp(self):
        self.lb.publish()

    def asked(self, act, expected):
        """What the client gets: 502, a good answer (200), or one that is cut off."""
        self.target.act = act
        if expected == 502:
            self.assertIn(b"502 Bad Gateway", curl(self.lb))
            return
        with Connection(self.lb) as c:
            c.request(1, GET)
            frame = c.until(RST, stream=1) if expected == "cut" else c.until(DATA, stream=1)
            self.assertIsNotNone(frame)

    def test_answers_that_are_none(self):
        bad = {
            "no status": [("x-a", "b")], "two statuses": [(":status", "200"), (":status", "200")], "status of letters": [(":status", "abc")],
            "status of one": [(":status", "1")], "status above": [(":status", "999")], "pseudo behind": [("x-a", "b"), (":status", "200")],
            "a request's": [(":status", "200"), (":path", "/")], "connection": [(":status", "200"), ("connection", "close")],
            "transfer-encoding": [(":status", "200"), ("transfer-encoding", "chunked")], "upgrade": [(":status", "200"), ("upgrade", "h2c")],
            "capitals": [(":status", "200"), ("X-A", "b")], "a line's end": [(":status", "200"), ("x-a", "b\r\nx-c: d")],
            "nul": [(":status", "200"), ("x-a", "b\0")], "a name of two lines": [(":status", "200"), ("x\r\ny", "b")],
            "a name with a space": [(":status", "200"), ("x y", "b")], "no name": [(":status", "200"), ("", "b")],
            "control": [(":status", "200"), ("x-a", "a\x01b")], "two lengths": [(":status", "200"), ("content-length", "2"), ("content-length", "2")],
            "no length": [(":status", "200"), ("content-length", "two")],
            "many": [(":status", "200"), *((f"x-{i}", "a") for i in range(101))],
            "large": [(":status", "200"), ("x-a", "a" * 9000)] + [("x-b", "b" * 900)] * 65,
        }
        for name, fields in bad.items():
            coded = block(fields)

            def act(c, s, coded=coded):
                c.sendall(Connection.make(HEADERS, END_HEADERS if len(coded) < 16000 else 0, s, coded[:16000]))
                for at in range(16000, len(coded), 16000):
                    c.sendall(Connection.make(CONTINUATION, END_HEADERS if at + 16000 >= len(coded) else 0, s, coded[at:at + 16000]))
                c.sendall(Connection.make(DATA, END_STREAM, s, b"hi"))
            with self.subTest(name):
                self.asked(act, 502)

    def test_a_length_that_lies(self):
        for n in (1, 3):
            fields = block([(":status", "200"), ("content-length", str(n))])
            self.asked(lambda c, s, f=fields: c.sendall(head(s, fields=f) + Connection.make(DATA, END_STREAM, s, b"ab")), "cut")

    def test_bad_compression_ends_the_connection(self):
        self.asked(lambda c, s: c.sendall(head(s, fields=b"\xff\xff\xff\xff\xff\xff\xff\xff")), 502)

    def test_an_answer_that_is_cut_off(self):
        self.asked(lambda c, s: c.sendall(head(s) + Connection.make(DATA, 0, s, b"abc")) or False, "cut")

        def with_word(c, s):
            c.sendall(head(s) + Connection.make(DATA, 0, s, b"abc"))
            time.sleep(0.2)
            c.sendall(Connection.make(RST, 0, s, b"\0\0\0\x0b"))
        t = Target(with_word)
        lb = https(PLAYER, h2_group("word", t.port))
        with Connection(lb) as c:
            c.request(1, GET)
            self.assertEqual(c.until(RST, stream=1)[3], b"\0\0\0\x0b")

    def test_floods(self):
        floods = {
            "settings": Connection.make(SETTINGS), "ping": Connection.make(PING, 0, 0, bytes(8)), "updates": Connection.make(UPDATE, 0, 0, b"\0\0\0\1"),
            "empty data": None, "continuations": None,
        }
        for name, frame in floods.items():
            def act(c, s, frame=frame, name=name):
                if name == "empty data":
                    c.sendall(head(s))
                    frame = Connection.make(DATA, 0, s)
                if name == "continuations":
                    c.sendall(head(s, 0))
                    frame = Connection.make(CONTINUATION, 0, s, b"\0\1a\1b")
                for _ in range(40):
                    c.sendall(frame * 100)
                c.settimeout(5)
                while c.recv(65536):  # until the edge has had enough
                    pass
                return False
            with self.subTest(name):
                self.asked(act, "cut" if name == "empty data" else 502)

    def test_frames_that_may_not_come(self):
        frames = {
            "push": lambda s: Connection.make(5, END_HEADERS, s, b"\0\0\0\2" + block(GET)),
            "a request": lambda s: Connection.make(HEADERS, END_HEADERS | END_STREAM, 2, block(GET)),
            "data first": lambda s: Connection.make(DATA, END_STREAM, s, b"abc"),
            "a stream that is not": lambda s: Connection.make(DATA, 0, 99, b"abc"),
            "a window too large": lambda s: Connection.make(UPDATE, 0, s, b"\x7f\xff\xff\xff") * 2,
            "no frame": lambda s: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "too long": lambda s: b"\xff\xff\xff\0\0\0\0\0\1" + bytes(20000),
        }
        for name, make in frames.items():
            with self.subTest(name):
                self.asked(lambda c, s, make=make: c.sendall(make(s)), 502)

    def test_more_than_the_window_is_refused(self):
        def pour(c, s):
            c.sendall(head(s))
            for _ in range(40):
                c.sendall(Connection.make(DATA, 0, s, bytes(16384)))
        t = Target(pour)
        lb = https(PLAYER, h2_group("pour", t.port))
        with Connection(lb) as c:
            c.request(1, GET)  # takes 64 KiB of it, and gives no more room
            self.assertIsNotNone(c.until(RST, stream=1))

    def test_an_answer_outlives_its_connection(self):
        """It is whole when its target goes, and waits for a client that takes nothing yet."""
        def act(c, s):
            c.sendall(head(s) + b"".join(Connection.make(DATA, 0, s, bytes(15000)) for _ in range(4)) + Connection.make(DATA, END_STREAM, s, b"ok"))
            return False
        t = Target(act)
        lb = https(PLAYER, h2_group("outlives", t.port))
        with Connection(lb) as c, Connection(lb) as leaves:
            for one in (c, leaves):
                one.frame(SETTINGS, 0, 0, b"\0\4" + bytes(4))
                one.request(1, GET)
                self.assertIsNotNone(one.until(HEADERS, stream=1))
            time.sleep(0.5)
            leaves.frame(RST, 0, 1, b"\0\0\0\x08")
            c.frame(UPDATE, 0, 1, struct.pack(">I", 1 << 20))
            told, ends = 0, False
            while not ends:
                frame = c.until(DATA, RST, stream=1)
                self.assertEqual(frame[0], DATA)
                told, ends = told + len(frame[3]), frame[1] & END_STREAM
            self.assertEqual(told, 60002)

    def test_goaway_before_anything(self):
        n = []

        def act(c, s):
            n.append(s)
            if len(n) == 1:
                c.sendall(Connection.make(GOAWAY, 0, 0, bytes(8)))
                return False
            c.sendall(head(s) + Connection.make(DATA, END_STREAM, s, b"ok"))
            return True
        self.asked(act, 200)
        self.assertEqual(len(n), 2)

    def test_refusals_have_an_end(self):
        before = self.target.requests
        self.asked(lambda c, s: c.sendall(Connection.make(RST, 0, s, b"\0\0\0\7")), 502)
        self.assertEqual(self.target.requests - before, 4)

    def test_short_bodies_are_remembered_for_a_refusal(self):
        def act(c, s):
            n.append(s)
            c.sendall(Connection.make(RST, 0, s, b"\0\0\0\7") if len(n) == 1 else head(s) + Connection.make(DATA, END_STREAM, s, b"ok"))
        lb = https(PLAYER, h2_group("short", Target(act, whole=True).port))
        for length, good in ((16383, True), (16384, True), (16385, False)):
            n = []
            out = curl(lb, "-i", "--data-binary", "@-", input=b"x" * length)
            self.assertEqual((b"HTTP/2 200" in out, len(n)), (good, 2 if good else 1), length)

    def test_as_many_fields_and_bytes_as_are_permitted(self):
        for fields in ([(f"x-{i}", "a") for i in range(100)], [("x-a", "a" * 8000)] * 4):
            coded = block([(":status", "200"), *fields])

            def act(c, s, coded=coded):
                c.sendall(Connection.make(HEADERS, END_HEADERS if len(coded) < 16000 else 0, s, coded[:16000]))
                for at in range(16000, len(coded), 16000):
                    c.sendall(Connection.make(CONTINUATION, END_HEADERS if at + 16000 >= len(coded) else 0, s, coded[at:at + 16000]))
                c.sendall(Connection.make(DATA, END_STREAM, s, b"ok"))
            out = curl(https(PLAYER, h2_group("most", Target(act).port)), "-i")
            self.assertTrue(out.endswith(b"ok"), out[:100])
            self.assertEqual(out.count(b"\r\nx-"), len(fields))

    def test_a_connection_carries_128_streams(self):
        waiting, settled = [], threading.Event()

        def act(c, s):
            if settled.is_set():
                waiting.append((c, s))
            else:
                c.sendall(head(s) + Connection.make(DATA, END_STREAM, s, b"ok"))
        t = Target(act)
        lb = https(PLAYER, h2_group("full", t.port))
        with Connection(lb) as one, Connection(lb) as two, Connection(lb) as three:
            for n, c in enumerate((one, two), 1):
                # An answer shows that the target's settings have come: before, a connection carries 100.
                settled.clear()
                c.request(1, GET)
                self.assertIsNotNone(c.until(DATA, stream=1))
                settled.set()
                for i in range(1, 129):
                    c.request(2 * i + 1, GET)
                PLAYER.until(lambda n=n: len(waiting) == n * 128, "requests wait that the target could have")
            self.assertEqual(t.connections, 2)
            three.request(1, GET)
            PLAYER.until(lambda: len(waiting) == 257)
            self.assertEqual(t.connections, 3)
            for c, s in waiting:
                c.sendall(head(s) + Connection.make(DATA, END_STREAM, s, b"ok"))
            self.assertEqual(three.until(DATA, stream=1)[3], b"ok")
            for c in (one, two):  # answers of which one follows the other closely are read together: each arrives
                self.assertEqual({c.until(DATA)[2] for _ in range(128)}, {2 * i + 1 for i in range(1, 129)})

    def test_a_target_that_takes_one_at_a_time(self):
        def act(c, s):
            time.sleep(0.05)
            c.sendall(head(s) + Connection.make(DATA, END_STREAM, s, b"ok"))
        t = Target(act, greet=Connection.make(SETTINGS, 0, 0, b"\0\3\0\0\0\1"))
        lb = https(PLAYER, h2_group("one", t.port))
        self.assertEqual(curl(lb, "-Z", path="/[1-20]").count(b"ok"), 20)

    def test_what_is_no_http_2_is_502(self):
        self.assertIn(b"502", curl(https(PLAYER, h2_group("old", Backend().port)), "-i"))
        old = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{(port := free_port())}", "-key", os.path.join(WORK, "k.pem"), "-cert",
                                os.path.join(WORK, "c.pem"), "-quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(old.wait)
        self.addCleanup(old.kill)
        time.sleep(0.5)
        self.assertIn(b"502", curl(https(PLAYER, h2_group("old-tls", port, protocol="HTTPS")), "-i"))  # it agrees on no protocol

    def test_a_target_that_is_not_there_is_passed_over(self):
        node = NodeTarget()
        self.addCleanup(node.kill)
        lb = https(PLAYER, h2_group("gone", free_port(), node.ports["plain"], free_port()))
        for n in range(12):
            body = b"x" * (n * 3000 + 1)
            self.assertEqual(curl(lb, "--data-binary", "@-", path="/echo", input=body), body)

    def test_a_silent_target_is_504(self):
        t = Target(lambda c, s: None)
        lb = https(PLAYER, h2_group("silent", t.port), attributes={"idle_timeout.timeout_seconds": "1"})
        self.assertIn(b"504", curl(lb, "-i"))


class Health(unittest.TestCase):
    """Checks of HTTP/2 target groups are made over HTTP/2, of gRPC target groups by a call."""

    @classmethod
    def setUpClass(cls):
        cls.node = NodeTarget()

    @classmethod
    def tearDownClass(cls):
        cls.node.kill()

    def told(self, name, state, port=None, **more):
        more = {"health_enabled": True, "health_path": "/length", **more}
        port = port or self.node.ports["tls" if more.get("health_protocol") == "HTTPS" else "plain"]
        groups = h2_group(name, port, **more)
        https(PLAYER, groups, healthy=False)
        PLAYER.health(port, state)
        return next((h["reason"], h["description"]) for h in PLAYER.report()["health"] if h["port"] == port)

    def test_http_2(self):
        self.told("c1", "healthy")
        seen = self.node.heard("/length")[-1]
        self.assertEqual((seen[":method"], seen["user-agent"]), ("GET", "ELB-HealthChecker/2.0"))
        self.told("c2", "healthy", protocol="HTTPS", health_protocol="HTTPS")
        self.told("c3", "healthy", health_path="/status", health_codes="200-499")
        self.assertEqual(self.told("c4", "unhealthy", health_path="/status"),
                         ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [418]"))

    def test_grpc(self):
        grpc = {"protocol_version": "GRPC", "health_path": "/only"}
        self.told("g1", "healthy", health_codes="12", **grpc)
        seen = self.node.heard("/only")[-1]
        self.assertEqual((seen[":method"], seen["content-type"], seen["te"]), ("POST", "application/grpc", "trailers"))
        self.told("g2", "healthy", health_codes="0-99", **grpc)
        self.told("g3", "healthy", health_codes="", **grpc)
        self.assertEqual(self.told("g4", "unhealthy", health_codes="0,1", **grpc),
                         ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [12]"))
        self.assertEqual(self.told("g5", "unhealthy", health_codes="0-99", protocol_version="GRPC")[0], "Target.FailedHealthChecks")  # no gRPC

    def test_refusals(self):
        self.assertEqual(self.told("r1", "unhealthy", port=Backend().port)[0], "Target.FailedHealthChecks")
        self.assertEqual(self.told("r2", "unhealthy", port=free_port())[0], "Target.FailedHealthChecks")
        self.assertEqual(self.told("r3", "unhealthy", port=Target(lambda c, s: None).port)[0], "Target.Timeout")
        self.assertEqual(self.told("r4", "unhealthy", port=Target(lambda c, s: False).port)[0], "Target.FailedHealthChecks")
        self.assertEqual(self.told("r5", "unhealthy", port=Target(lambda c, s: c.sendall(Connection.make(PING, 0, 0, bytes(8)) * 2000)).port)[0],
                         "Target.FailedHealthChecks")
        self.assertEqual(self.told("r6", "unhealthy", port=Target(lambda c, s: c.sendall(head(s, fields=b"\xff\xff\xff\xff\xff"))).port)[0],
                         "Target.FailedHealthChecks")


class Kills(unittest.TestCase):
    """A target that is killed under load costs what was in work with it, and what it seems to take on for a moment longer: the kernel closes a
    dead process's sockets from the newest to the oldest, so that the one that listens comes last. There are no more connections than requests
    at a time, each loses one request, and whoever has lost one so can lose one more only, on a connection that waits in the backlog. What does
    no harm twice is asked of another, unless it was lost there."""
    AT_ONCE = 16

    def killed(self, kind, words, path):
        nodes = [NodeTarget(), NodeTarget()]
        for n in nodes:
            self.addCleanup(n.kill)
        version = "HTTP1" if kind == "old" else "HTTP2"
        lb = https(PLAYER, group(f"kill-{kind}", [n.ports[kind] for n in nodes], protocol_version=version, health_enabled=False))
        threading.Timer(0.5, nodes[0].kill).start()
        bad, dead = [], False
        while not dead:
            dead = nodes[0].process.poll() is not None
            out = curl(lb, "-Z", "--parallel-max", str(self.AT_ONCE), "-o", "/dev/null", "-w", "%{http_code}\\n", *words, path=path + "?[1-100]",
                       check=False)
            last = [code for code in out.decode().split() if code != "200"]
            bad += last
        self.assertEqual(last, [], "failed when the target had been dead")
        return len(bad)

    def test_what_was_in_work_and_no_more(self):
        for kind in ("old", "plain"):
            # The target reads the body before it answers: curl 7.88 fails when it was answered before it had sent all.
            for words, path, most in (((), "/length", self.AT_ONCE), (("-d", "abc"), "/echo", 2 * self.AT_ONCE)):
                with self.subTest(kind, words=words):
                    self.assertLessEqual(self.killed(kind, words, path), most)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        PLAYER.was_never_ill(self)


if __name__ == "__main__":
    harness.main()
