#!/usr/bin/env python3
"""The edge over HTTP/1.1: what it refuses, what reaches targets, rules, answers of its own, health, balancing, stickiness, and
what happens when processes and targets die."""
import calendar
import os
import pathlib
import re
import signal
import socket
import struct
import tempfile
import threading
import time
import unittest

import harness
from edge_case import (ARN, LAST, Backend, Balancer, Player, condition, fixed, forward, free_port, group, header, log_lines, parse, read_all, read_answer,
                       rule, target)

PLAYER = Player()


class Refusals(unittest.TestCase):
    """Spellings that servers read differently: what of them may reach a target, byte for byte."""

    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.lb = Balancer(PLAYER, group("refusals", [cls.backend]))

    def refused(self, data, status=400):
        before = len(self.backend.requests)
        got, headers, _ = parse(self.lb.raw(data))
        self.assertEqual(got, status, data)
        self.assertEqual(header(headers, "connection"), ["close"])
        self.assertEqual(len(self.backend.requests), before, "it reached the target")

    def test_smuggling_spellings(self):
        for lines in (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
                      b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: +5",
                      b"Content-Length: 5, 5", b"Content-Length: 0x5", b"Content-Length: -1", b"Content-Length: 05",
                      b"Content-Length: 99999999999999999999", b"Content-Length : 5", b" Content-Length: 5", b"Content-Length\t: 5",
                      b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"X: a\r\n b: c", b"X: a\nContent-Length: 5",
                      b"X: a\rY: b", b"X: \x00", b"X\x00: a", b": a", b"X"):
            self.refused(b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n0\r\n\r\n")
        for lines in (b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: gzip, chunked",
                      b"Transfer-Encoding: \x0bchunked"[:19] + b"x"):
            self.refused(b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n0\r\n\r\n", 501)

    def test_request_lines(self):
        for line in (b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET /\x01 HTTP/1.1", b"GET /a b HTTP/1.1", b"GET http://b/ HTTP/1.1",
                     b"GET a HTTP/1.1", b"G\xffT / HTTP/1.1", b"GET / http/1.1", b"\r\nGET / HTTP/1.1"):
            self.refused(line + b"\r\nHost: a\r\n\r\n")
        self.refused(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505)
        self.refused(b"GET / HTTP/1.1\r\n\r\n")
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        self.refused(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n")

    def test_methods_that_no_target_sees(self):
        self.refused(b"TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405)
        self.refused(b"CONNECT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    def test_heads_above_the_ceiling(self):
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70000 + b"\r\n\r\n")
        self.refused(b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414)
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 120 + b"\r\n")

    def test_lines_as_long_as_may_be(self):
        line = b"GET /%s HTTP/1.1\r\n"
        for n, status in ((0, 200), (1, 414)):
            first = line % (b"a" * (16384 - len(line % b"") + n))
            self.assertEqual(16384 + n, len(first))
            self.assertEqual(status, parse(self.lb.raw(first + b"Host: a\r\nConnection: close\r\n\r\n"))[0])
        for n, status in ((0, 200), (1, 400)):
            header_line = b"X: " + b"a" * (16384 - 5 + n) + b"\r\n"
            self.assertEqual(16384 + n, len(header_line))
            self.assertEqual(status, parse(self.lb.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header_line + b"\r\n"))[0])

    def test_bad_chunks_end_the_connection(self):
        for chunks in (b"5\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"-5\r\n",
                       b"fffffffffffffffff\r\n", b"0\r\nTrailer x\r\n\r\n"):
            status, _, _ = parse(self.lb.raw(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))
            self.assertEqual(status, 400, chunks)

    def test_too_many_forwarded_addresses(self):
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: " + b"1.1.1.1," * 30 + b"1.1.1.1\r\n\r\n", 463)


class Desync(unittest.TestCase):
    AMBIGUOUS = (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", b"GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n")
    ACCEPTABLE = (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\r\n\r\n")

    def outcome(self, mode):
        """By request: (status, whether the connection stays)."""
        backend = Backend()
        lb = Balancer(PLAYER, group("desync-" + mode, [backend]), attributes={"routing.http.desync_mitigation_mode": mode})
        result = []
        for data in (*self.AMBIGUOUS, *self.ACCEPTABLE):
            with lb.connect() as s, s.makefile("rb") as stream:
                s.sendall(data)
                status, headers, _ = read_answer(stream)
                result.append((status, header(headers, "connection") == ["keep-alive"]))
        self.assertFalse(any(b"ransfer_" in head for head, _ in backend.requests), "a suspicious header reached the target")
        return result

    def test_strictest_blocks_both_tiers(self):
        self.assertEqual(self.outcome("strictest"), [(400, False)] * 5)

    def test_defensive_closes_after_the_ambiguous(self):
        self.assertEqual(self.outcome("defensive"), [(200, False)] * 3 + [(200, True)] * 2)

    def test_monitor_lets_pass(self):
        self.assertEqual(self.outcome("monitor"), [(200, True)] * 5)


class Forwarding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.group = group("forwarding", [cls.backend])
        cls.lb = Balancer(PLAYER, cls.group)

    def seen(self, lb=None, **more):
        self.backend.requests.clear()
        status, _, _ = (lb or self.lb).get(**more)
        self.assertEqual(status, 200)
        head, body = self.backend.requests[-1]
        lines = head.decode("latin-1").split("\r\n")
        return lines[0], [(k.lower(), v) for k, _, v in (line.partition(": ") for line in lines[1:-2])], body

    def test_the_head_is_written_anew(self):
        line, headers, _ = self.seen(path="/a%20b?c=d", headers=["X-Mine: 1", "Keep-Alive: 5", "TE: trailers", "X-Hop: 1",
                                                                   "Proxy-Connection: close"])
        self.assertEqual(line, "GET /a%20b?c=d HTTP/1.1")
        self.assertEqual(header(headers, "x-forwarded-for"), ["127.0.0.1"])
        self.assertEqual(header(headers, "x-forwarded-proto"), ["http"])
        self.assertEqual(header(headers, "x-forwarded-port"), [str(self.lb.port)])
        self.assertEqual(header(headers, "host"), [f"example.com:{self.lb.port}"])
        self.assertRegex(header(headers, "x-amzn-trace-id")[0], r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$")
        self.assertEqual(header(headers, "x-mine"), ["1"])
        for hop in ("keep-alive", "te", "proxy-connection", "connection"):
            self.assertEqual(header(headers, hop), [], hop)

    def test_what_connection_names_stays_here(self):
        data = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nX-Other: 2\r\n\r\n"
        self.lb.raw(data)
        head = self.backend.requests[-1][0].lower()
        self.assertNotIn(b"x-secret", head)
        self.assertIn(b"x-other: 2", head)

    def test_a_client_cannot_speak_for_the_load_balancer(self):
        _, headers, _ = self.seen(headers=["X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "X-Amzn-Mtls-Clientcert: x",
                                           "X-Amzn-Mtls-Clientcert-Subject: CN=root", "X-Amzn-Oidc-Identity: root"])
        self.assertEqual(header(headers, "x-forwarded-proto"), ["http"])
        self.assertEqual(header(headers, "x-forwarded-port"), [str(self.lb.port)])
        self.assertFalse([k for k, _ in headers if k.startswith(("x-amzn-mtls", "x-amzn-oidc"))])
        # What an application behind CGI or WSGI reads under the same name, and whatever else is of these families.
        _, headers, _ = self.seen(headers=["X_Amzn_Oidc_Identity: root", "x-amzn_oidc-data: a.b.c", "X.Amzn.Mtls.Clientcert.Subject: CN=root",
                                           "X_Forwarded_For: 1.2.3.4", "X_Forwarded-Proto: https", "X-Amzn-Oidc-New: 1", "X_AMZN_MTLS_NEW: 1",
                                           "X-Amzn-Oidcish: 1", "a_b: 1"])
        self.assertEqual({"x-amzn-oidcish", "a_b", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id"},
                         {k for k, _ in headers} - {"host", "accept", "user-agent", "content-length", "connection"})
        self.assertEqual(header(headers, "x-forwarded-for"), ["127.0.0.1"])

    def test_headers_of_answers_stand_in_our_own_too(self):
        policy = {"routing.http.response.strict_transport_security.header_value": "max-age=1", "routing.http.response.server.enabled": "false"}
        lb = Balancer(PLAYER, self.group, listener={"attributes": policy})
        lb.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for request in (b"GET / HTTP/1.1\r\nHost: a\r\n", b"TRACE / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/9\r\n"):
            answer = lb.raw(request + b"Connection: close\r\n\r\n")
            self.assertEqual(answer.count(b"\r\nStrict-Transport-Security: max-age=1\r\n"), 1, answer)
            self.assertNotIn(b"Server: awselb", answer)
        type(self).lb = Balancer(PLAYER, self.group)

    def test_forwarded_for_modes(self):
        given = ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8"]
        self.assertEqual(header(self.seen(headers=given)[1], "x-forwarded-for"), ["1.2.3.4, 5.6.7.8, 127.0.0.1"])
        for mode, want in (("preserve", ["1.2.3.4, 5.6.7.8"]), ("remove", [])):
            lb = Balancer(PLAYER, self.group, attributes={"routing.http.xff_header_processing.mode": mode})
            self.assertEqual(header(self.seen(lb, headers=given)[1], "x-forwarded-for"), want)
        lb = Balancer(PLAYER, self.group, attributes={"routing.http.xff_client_port.enabled": "true",
                                                      "routing.http.preserve_host_header.enabled": "true"})
        _, headers, _ = self.seen(lb)
        self.assertRegex(header(headers, "x-forwarded-for")[0], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(header(headers, "host"), ["example.com"])
        type(self).lb = Balancer(PLAYER, self.group)

    def test_drop_invalid_header_fields(self):
        self.assertEqual(header(self.seen(headers=["a_b: 1"])[1], "a_b"), ["1"])
        lb = Balancer(PLAYER, self.group, attributes={"routing.http.drop_invalid_header_fields.enabled": "true"})
        _, headers, _ = self.seen(lb, headers=["a_b: 1", "a-b: 2"])
        self.assertEqual((header(headers, "a_b"), header(headers, "a-b")), ([], ["2"]))
        type(self).lb = Balancer(PLAYER, self.group)

    def test_trace_ids_go_on(self):
        _, headers, _ = self.seen(headers=["X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;Mine=1"])
        self.assertRegex(header(headers, "x-amzn-trace-id")[0],
                         r"^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678;Mine=1$")
        _, headers, _ = self.seen(headers=["X-Amzn-Trace-Id: Self=1-1-2; Root=1-67891233-abcdef012345678912345678; Mine=1"])
        self.assertRegex(header(headers, "x-amzn-trace-id")[0],
                         r"^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678;Mine=1$", "Self is brought up to date")
        _, headers, _ = self.seen(headers=["X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678", "X-Much: " + "a" * 7100])
        self.assertRegex(header(headers, "x-amzn-trace-id")[0], r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$", "behind more than 7 KB it is made anew")

    def test_bodies_of_both_framings(self):
        for n in (1, 16384, 16385, 300000):
            body = os.urandom(n)
            _, headers, got = self.seen(method="POST", body=body)
            self.assertEqual(got, body)
            self.assertEqual(header(headers, "content-length"), [str(n)])
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (b"a", b"b" * 5000, b"c" * 40000)) + b"0\r\n\r\n"
        self.lb.raw(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        self.assertEqual(self.backend.requests[-1][1], b"a" + b"b" * 5000 + b"c" * 40000)

    def test_pipelined_requests_are_answered_in_order(self):
        self.backend.requests.clear()
        data = b"".join(b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" % i for i in range(20))
        with self.lb.connect() as s, s.makefile("rb") as stream:
            s.sendall(data)
            for _ in range(20):
                self.assertEqual(read_answer(stream)[0], 200)
        self.assertEqual([h.split()[1] for h, _ in self.backend.requests], [b"/%d" % i for i in range(20)])

    def test_one_byte_at_a_time(self):
        with self.lb.connect() as s, s.makefile("rb") as stream:
            for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":
                s.sendall(bytes([byte]))
                time.sleep(0.002)
            self.assertEqual(read_answer(stream)[0], 200)
        self.assertEqual(self.backend.requests[-1][1], b"abc")

    def test_expect_continue(self):
        with self.lb.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            self.assertEqual(stream.readline(), b"HTTP/1.1 100 Continue\r\n")
            stream.readline()
            s.sendall(b"abc")
            self.assertEqual(read_answer(stream)[0], 200)

    def test_http_1_0(self):
        answer = self.lb.raw(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        self.assertIn(b"Connection: close", answer)
        self.assertTrue(answer.endswith(b"ok"))

    def test_http_1_0_without_a_host_asks_for_the_load_balancer(self):
        answer = self.lb.raw(b"GET /hostless HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.endswith(b"ok"))
        head = next(h for h, _ in reversed(self.backend.requests) if b"/hostless" in h)
        self.assertIn(b"\r\nHost: lb.elb.localhost:%d\r\n" % self.lb.port, head)
        self.assertTrue(self.lb.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400"))

    def test_heads_of_answers_above_32_kib_are_502(self):
        def answer(head, _):
            size = int(head.split(b" ")[1][1:])
            start, lines = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b""
            left = size - len(start) - 2
            while left:
                n = left if left <= 8000 else min(8000, left - 100)
                lines += b"X: " + b"a" * (n - 5) + b"\r\n"
                left -= n
            return start + lines + b"\r\nok"
        self.addCleanup(self.lb.publish)  # the others' stands in the image no more
        lb = Balancer(PLAYER, group("large-heads", [Backend(answer)], health_enabled=False))
        for size, status in ((32767, 200), (32768, 200), (32769, 502), (40000, 502), (66000, 502)):
            with self.subTest(size):
                self.assertEqual(status, lb.get(f"/{size}")[0])

    def test_connections_to_targets_are_kept(self):
        before = self.backend.connections
        with self.lb.connect() as s, s.makefile("rb") as stream:
            for _ in range(50):
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(read_answer(stream)[0], 200)
        self.assertLess(self.backend.connections - before, 10)  # health checks make their own


class Answers(unittest.TestCase):
    """What targets answer, and what becomes of answers that are none."""

    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.lb = Balancer(PLAYER, group("answers", [cls.backend]))

    def answered(self, data, **more):
        self.backend.answer = data
        return self.lb.get(**more)

    def test_framings(self):
        big = os.urandom(200000)
        self.assertEqual(self.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + big)[2], big)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + big + b"\r\n0\r\n\r\n"
        self.assertEqual(self.answered(chunked)[2], big)
        with_trailers = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: y\r\n\r\n"
        for _ in range(2): # the second one on the same connection to the target
            status, headers, body = self.answered(with_trailers)
            self.assertEqual((status, body, header(headers, "trailer")), (200, b"abc", []))
        self.assertEqual(self.answered(lambda h, b: lambda c, s: c.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + big) and False)[2], big)
        self.assertEqual(self.answered(b"HTTP/1.1 204 No Content\r\n\r\n")[0], 204)
        self.assertEqual(self.answered(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n")[0], 304)
        status, headers, body = self.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", method="HEAD")
        self.assertEqual((status, header(headers, "content-length")), (200, ["50"]))

    def test_hop_by_hop_lines_stay_here(self):
        _, headers, _ = self.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: 5\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n")
        self.assertEqual((header(headers, "keep-alive"), header(headers, "x-hop"), header(headers, "x-end")), ([], [], ["2"]))

    def test_no_answers_are_502(self):
        for data in (None, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
                     b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"HTTP/1.1 999 X\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" + b"a" * 70000):
            status, headers, body = self.answered(data if data is None or b"a" * 70000 not in data else
                                                  (lambda h, b, d=data: lambda c, s: c.sendall(d) and False))
            self.assertEqual(status, 502, data and data[:60])
            self.assertEqual(header(headers, "server"), ["awselb/2.0"])
            self.assertIn(b"<center><h1>502 Bad Gateway</h1></center>", body)

    def test_an_answer_cut_short_does_not_look_whole(self):
        self.backend.answer = lambda h, b: lambda c, s: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") and False
        with self.lb.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got = read_all(s)
        self.assertLess(len(got.split(b"\r\n\r\n", 1)[-1]), 10)

    def test_an_answer_without_a_length_ends_with_an_orderly_end_alone(self):
        def reset(head, body):
            def go(c, s):
                c.sendall(b"HTTP/1.1 200 OK\r\n\r\nabc")
                reached.wait(10)
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            return go
        reached = threading.Event()
        self.backend.answer = reset
        with self.lb.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got = s.recv(65536)
            while b"abc" not in got:
                got += s.recv(65536)
            reached.set()
            got += read_all(s)
        self.assertTrue(got.endswith(b"\r\n3\r\nabc\r\n"), got)

    def test_more_than_the_length_is_never_the_next_answer(self):
        self.backend.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        with self.lb.connect() as s, s.makefile("rb") as stream:
            for _ in range(5):
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(read_answer(stream)[2], b"ok")

    def test_interim_answers_are_not_the_answer(self):
        self.assertEqual(self.answered(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")[0], 200)

    def test_a_kept_connection_that_was_closed_costs_no_request(self):
        def once(head, body):
            return lambda c, s: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") and False
        self.backend.answer = once
        with self.lb.connect() as s, s.makefile("rb") as stream:
            for _ in range(30):
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(read_answer(stream)[0], 200)


class Rules(unittest.TestCase):
    CASES = (
        (condition("path-pattern", "/img/*"), dict(path="/img/a"), dict(path="/IMG/a")),
        (condition("path-pattern", "/a?c"), dict(path="/abc?x=1"), dict(path="/ac")),
        (condition("host-header", "*.Example.com"), dict(host="a.example.COM:80"), dict(host="example.com")),
        (condition("http-header", "*Chrome*", header="User-Agent"), dict(headers=["user-agent: x chrome y"]), dict(headers=["User-Agent: y"])),
        (condition("http-request-method", "PUT"), dict(method="PUT"), dict(method="POST")),
        (condition("query-string", query=[["version", "v1"]]), dict(path="/?a=b&version=V1"), dict(path="/?xversion=v1")),
        (condition("query-string", query=[["", "*blue*"]]), dict(path="/?c=darkblue"), dict(path="/?c=red")),
        (condition("source-ip", "127.0.0.5/32"), dict(source="127.0.0.5"), dict(source="127.0.0.6")),
        (condition("path-pattern", regexes=["^/v[0-9]+/"]), dict(path="/v12/x"), dict(path="/vx/")),
    )

    def test_each_condition(self):
        for holds, yes, no in self.CASES:
            with self.subTest(condition=holds):
                lb = Balancer(PLAYER, rules=[rule(1, fixed(200, "met"), holds)], default=fixed(404, "not met"))
                self.assertEqual(lb.get(**yes)[0], 200)
                self.assertEqual(lb.get(**no)[0], 404)

    def test_all_conditions_hold_and_the_first_rule_counts(self):
        both = [condition("path-pattern", "/a*"), condition("http-request-method", "GET", "HEAD")]
        lb = Balancer(PLAYER, rules=[rule(1, fixed(201), *both), rule(2, fixed(202), both[0]), rule(3, fixed(203))], default=fixed(404))
        self.assertEqual([lb.get(path=p, method=m)[0] for p, m in (("/ab", "GET"), ("/ab", "PUT"), ("/b", "GET"))], [201, 202, 203])

    def test_a_regular_expression_that_explodes_matches_nothing(self):
        lb = Balancer(PLAYER, rules=[rule(1, fixed(200), condition("path-pattern", regexes=["^/(a+)+$"]))], default=fixed(404))
        began = time.monotonic()
        self.assertEqual(lb.get(path="/" + "a" * 5000 + "b")[0], 404)
        self.assertLess(time.monotonic() - began, 3)

    def test_fixed_response(self):
        lb = Balancer(PLAYER, default=fixed(418, "<b>tea</b>", "text/html"))
        status, headers, body = lb.get()
        self.assertEqual((status, body, header(headers, "content-type")), (418, b"<b>tea</b>", ["text/html"]))
        self.assertEqual(lb.get(method="HEAD")[2], b"")

    def test_redirect(self):
        lb = Balancer(PLAYER, default={"type": "redirect", "parameters": {"Protocol": "HTTPS", "Port": "443", "Host": "www.#{host}",
                                                                          "Path": "/new/#{path}", "Query": "#{query}&x=#{port}",
                                                                          "StatusCode": "HTTP_301"}})
        status, headers, _ = lb.get(path="/a/b?c=d", host="example.com:81")
        self.assertEqual((status, header(headers, "location")), (301, [f"https://www.example.com:443/new/a/b?c=d&x={lb.port}"]))

    def test_an_action_that_checks_clients_is_never_skipped(self):
        backend = Backend()
        g = group("guarded", [backend])
        lb = Balancer(PLAYER, g, rules=[{**rule(1, forward(g)), "actions": [{"type": "jwt-validation"}, forward(g)]}])
        self.assertEqual(lb.get()[0], 500)
        self.assertEqual(backend.requests, [])

    def test_transforms(self):
        backend = Backend()
        g = group("transforms", [backend])
        change = [{"type": "url-rewrite", "rewrites": [["^/api/(.*)$", "/v2/$1"]]}, {"type": "host-header-rewrite", "rewrites": [["^.*$", "inner.local"]]}]
        lb = Balancer(PLAYER, g, rules=[rule(1, forward(g), transforms=change)], attributes={"routing.http.preserve_host_header.enabled": "true"})
        self.assertEqual(lb.get(path="/api/x?y=1")[0], 200)
        head = backend.requests[-1][0]
        self.assertTrue(head.startswith(b"GET /v2/x?y=1 HTTP/1.1\r\n"), head)
        self.assertIn(b"\r\nHost: inner.local\r\n", head)


class SecurityGroups(unittest.TestCase):
    def test_only_the_permitted_connect(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("sg", [backend]))
        lb.balancer.update(has_security_groups=True, ingress=[{"protocol": "tcp", "from_port": lb.port, "to_port": lb.port, "network": "127.0.0.5/32"}],
                           egress=[{"protocol": "-1", "from_port": -1, "to_port": -1, "network": "0.0.0.0/0"}])
        lb.publish()
        self.assertEqual(lb.get(source="127.0.0.5")[0], 200)
        for source in ("127.0.0.4", "127.0.0.6"):
            self.assertEqual(lb.get(source=source)[0], 0)
        lb.balancer["ingress"][0]["from_port"] = lb.balancer["ingress"][0]["to_port"] = lb.port - 1
        lb.publish()
        self.assertEqual(lb.get(source="127.0.0.5")[0], 0)
        lb.balancer["ingress"] = []
        lb.publish()
        self.assertEqual(lb.get(source="127.0.0.5")[0], 0)
        PLAYER.until(lambda: PLAYER.metric("SecurityGroupBlockedFlowCount_Inbound_TCP") >= 4, "refusals are not counted")

    def test_egress_bounds_targets(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("egress", [backend]), has_security_groups=False)
        lb.balancer.update(has_security_groups=True, ingress=[{"protocol": "-1", "from_port": -1, "to_port": -1, "network": "0.0.0.0/0"}], egress=[])
        lb.publish(healthy=False)
        self.assertEqual(lb.get()[0], 504)
        self.assertEqual(backend.requests, [])


class Balancing(unittest.TestCase):
    def share(self, lb, backends, n=60, **more):
        for b in backends:
            b.requests.clear()
        for _ in range(n):
            self.assertEqual(lb.get(**more)[0], 200)
        return [len(b.requests) for b in backends]

    def test_round_robin_is_even(self):
        backends = [Backend() for _ in range(3)]
        self.assertEqual(self.share(Balancer(PLAYER, group("rr", backends)), backends), [20, 20, 20])

    def test_weights_of_groups(self):
        backends = [Backend(), Backend()]
        a, b = group("wa", backends[:1]), group("wb", backends[1:])
        self.assertEqual(self.share(Balancer(PLAYER, a, b, default=forward((a, 0), (b, 5))), backends), [0, 60])
        left, right = self.share(Balancer(PLAYER, a, b, default=forward((a, 1), (b, 3))), backends, 200)
        self.assertGreater(left, 20)
        self.assertGreater(right, 100)

    def test_least_outstanding_avoids_the_busy(self):
        slow = Backend(lambda h, b: time.sleep(1.5) or b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        quick = Backend()
        lb = Balancer(PLAYER, group("lor", [slow, quick], {"load_balancing.algorithm.type": "least_outstanding_requests"}))
        with lb.connect() as one, lb.connect() as two:
            for s in (one, two):  # one of them waits at the slow one
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                time.sleep(0.1)
            before = len(slow.requests)
            self.share(lb, [quick], 20)
            self.assertLessEqual(len(slow.requests) - before, 1)

    def test_weighted_random_reaches_all(self):
        backends = [Backend() for _ in range(3)]
        lb = Balancer(PLAYER, group("random", backends, {"load_balancing.algorithm.type": "weighted_random"}))
        self.assertTrue(all(n > 5 for n in self.share(lb, backends, 90)))

    def test_anomalous_targets_get_less(self):
        bad = Backend(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
        lb = Balancer(PLAYER, group("anomaly", [bad, Backend(), Backend()], {"load_balancing.algorithm.type": "weighted_random",
                                                                             "load_balancing.algorithm.anomaly_mitigation": "on"}))
        for _ in range(150):
            lb.get()
        bad.requests.clear()
        for _ in range(100):
            lb.get()
        self.assertLess(len(bad.requests), 30)

    def test_what_clients_do_wrong_makes_no_target_anomalous(self):
        backends = [Backend() for _ in range(3)]
        lb = Balancer(PLAYER, group("slander", backends, {"load_balancing.algorithm.type": "weighted_random", "load_balancing.algorithm.anomaly_mitigation": "on",
                                                          "stickiness.enabled": "true", "stickiness.type": "lb_cookie"}))
        cookie = header(lb.get()[1], "set-cookie")[0].split(";")[0]
        for _ in range(100):
            got = lb.raw(f"POST / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n".encode())
            self.assertEqual(parse(got)[0], 400)
        for b in backends:
            b.requests.clear()
        for _ in range(60):
            lb.get()
        self.assertGreater(min(len(b.requests) for b in backends), 8)

    def test_no_targets_is_503(self):
        self.assertEqual(Balancer(PLAYER, group("none", [])).get()[0], 503)

    def test_requests_end_with_the_deregistration_delay(self):
        switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        release = threading.Event()
        self.addCleanup(release.set)
        slow = Backend(lambda head, body: switched if b"Upgrade" in head else release.wait(30) and b"")
        g, other = group("over", [slow]), group("stays", [Backend()])
        lb = Balancer(PLAYER, g, other, rules=[rule(1, forward(other), condition("path-pattern", "/other"))])
        with lb.connect() as waits, lb.connect() as socket_, waits.makefile("rb") as stream:
            waits.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /other HTTP/1.1\r\nHost: a\r\n\r\n")
            socket_.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            self.assertIn(b" 101 ", socket_.recv(1000))
            PLAYER.until(lambda: len(slow.requests) == 2)
            g["targets"][0].update(draining=True, draining_ms=int(time.time() * 1000))
            lb.publish()
            waits.settimeout(0.3)
            self.assertRaises(TimeoutError, waits.recv, 1, socket.MSG_PEEK)
            waits.settimeout(15)
            g["targets"] = []
            lb.publish()
            self.assertEqual([502, 200], [read_answer(stream)[0] for _ in range(2)], "what was sent behind it goes on")
            self.assertEqual(b"", read_all(socket_))

    def test_a_target_group_that_nobody_needs_finishes(self):
        slow = Backend(lambda head, body: time.sleep(0.7) or b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        needed = group("needed", [Backend()])
        lb = Balancer(PLAYER, group("unneeded", [slow]), needed, rules=[rule(1, forward(needed), condition("path-pattern", "/n"))])
        with lb.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            PLAYER.until(lambda: slow.requests)
            del lb.groups[0]
            lb.listener["rules"] = [rule(LAST, forward(lb.groups[0]))]
            lb.publish()
            self.assertEqual(200, parse(read_all(s))[0])

    def test_a_target_group_that_nobody_needs_is_not_asked_again(self):
        """Of a group that the image no longer has, nothing is known: not even whether its targets speak TLS."""
        ends = threading.Event()
        self.addCleanup(ends.set)
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        left = Backend(lambda head, body: (ends.wait(30) and None) if b"/waits" in head else ok)
        needed = group("needed2", [Backend()])
        lb = Balancer(PLAYER, group("left", [left]), needed, rules=[rule(1, forward(needed), condition("path-pattern", "/n"))])
        with lb.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(200, read_answer(stream)[0])
            s.sendall(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
            PLAYER.until(lambda: len(left.requests) == 2)
            del lb.groups[0]
            lb.listener["rules"] = [rule(LAST, forward(needed))]
            lb.publish()
            ends.set()
            self.assertEqual(502, read_answer(stream)[0])
        self.assertEqual(2, len(left.requests))

    def test_draining_targets_get_nothing_new(self):
        backends = [Backend(), Backend()]
        g = group("draining", backends)
        lb = Balancer(PLAYER, g)
        g["targets"][0].update(draining=True, draining_ms=int(time.time() * 1000))
        lb.publish()
        self.assertEqual(self.share(lb, backends, 20), [0, 20])
        self.assertEqual([h["reason"] for h in PLAYER.report()["health"] if h["port"] == backends[0].port], ["Target.DeregistrationInProgress"])


class Unreachable(unittest.TestCase):
    """A target that refuses the connection costs nobody a request, as long as there is another."""

    def made(self, name, *targets):
        return Balancer(PLAYER, group(name, targets, health_enabled=False))

    def errors(self):
        return PLAYER.metric("TargetConnectionErrorCount", target_group=True)

    def test_another_target_gets_the_request(self):
        backend = Backend(lambda h, b: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(b) + b)
        lb = self.made("unreach1", free_port(), free_port(), backend)
        for n in range(12):
            body = b"x" * (n * 3000 + 1)
            self.assertEqual((200, body), lb.get("/", method="POST", body=body)[::2])
        self.assertEqual(len(backend.requests), 12)
        PLAYER.until(lambda: self.errors() > 0, "none was counted")
        chunked = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        for _ in range(3):
            self.assertTrue(lb.raw(chunked).endswith(b"abcdefg"))

    def test_three_targets_are_tried_and_no_more(self):
        lb = self.made("unreach2", *(free_port() for _ in range(5)))
        self.assertEqual(502, lb.get()[0])
        PLAYER.until(lambda: self.errors() == 3, "not three")

    METHODS = (("GET", None, True), ("HEAD", None, True), ("OPTIONS", None, True), ("PUT", None, True), ("DELETE", None, True), ("POST", None, False),
               ("PATCH", None, False), ("LOCK", None, False), ("PURGE", None, False), ("post", None, False), ("get", None, False), ("PUT", b"x", False),
               ("GET", b"x", False))

    def ask(self, lb, method, body, **more):
        return lb.get("/deadly", method=method, **({"body": body} if body else {}), **more)[0]

    def test_what_ends_a_fresh_connection_is_asked_of_nobody_else(self):
        backends = [Backend(lambda h, b: None) for _ in range(4)]
        lb = self.made("lost1", *backends)
        for method, body, _ in self.METHODS:
            with self.subTest(method, body=body):
                before = sum(len(b.requests) for b in backends)
                self.assertEqual((502, 1), (self.ask(lb, method, body), sum(len(b.requests) for b in backends) - before))

    def test_what_ends_a_kept_connection_is_asked_once_more_if_that_does_no_harm(self):
        """Of another target, on a fresh connection, and of no third. A client that sticks to its target stays there."""
        for sticky in (False, True):
            backends = [Backend(lambda h, b: None if b"/deadly" in h else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") for _ in range(4)]
            lb = Balancer(PLAYER, group(f"lost3-{sticky}", backends, {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"} if sticky else {},
                                        health_enabled=False))
            cookie = ["Cookie: " + value.split(";")[0] for name, value in lb.get()[1] if name == "set-cookie"]
            for method, body, harmless in self.METHODS:
                with self.subTest(method, body=body, sticky=sticky):
                    for _ in range(8):
                        lb.get(headers=cookie)
                    before, connections = [len(b.requests) for b in backends], sum(b.connections for b in backends)
                    self.assertEqual(502, self.ask(lb, method, body, headers=cookie))
                    seen = sorted(len(b.requests) - n for b, n in zip(backends, before))
                    self.assertEqual(seen, [0, 0, 0, 1 + sticky] if sticky and harmless else [0, 0, harmless, 1])
                    self.assertEqual(sum(b.connections for b in backends) - connections, int(harmless))

    def test_a_kept_connection_that_was_closed_costs_nobody_a_request(self):
        """A target alone, which closes each connection instead of answering a second time."""
        def once(connection, stream):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            stream.readline()
            return False
        backend = Backend(lambda h, b: once)
        lb = self.made("lost4", backend)
        for _ in range(6):
            self.assertEqual((200, b"ok"), lb.get()[::2])
        self.assertEqual(6, len(backend.requests))

    def test_what_is_lost_behind_a_byte_of_an_answer_is_not_asked_again(self):
        for first in (b"H", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"):
            with self.subTest(first):
                backends = [Backend(lambda h, b: lambda c, s: c.sendall(first) and False) for _ in range(2)]
                self.assertEqual(502, self.made("lost2", *backends).get()[0])
                self.assertEqual(1, sum(len(b.requests) for b in backends))

    def test_a_target_alone_is_502(self):
        lb = self.made("unreach3", free_port())
        self.assertEqual(502, lb.get()[0])
        PLAYER.until(lambda: self.errors() == 1, "not one")


class KeepAlive(unittest.TestCase):
    def test_a_client_is_kept_as_long_as_the_attribute_says(self):
        """The time counts from the connection's beginning; the answer that comes then is the last one there."""
        lb = Balancer(PLAYER, group("kept", [Backend()]), attributes={"client_keep_alive.seconds": "2"})
        with lb.connect() as s, s.makefile("rb") as stream:
            begun, last = time.monotonic(), None
            while last != ["close"]:
                self.assertLess(time.monotonic() - begun, 60)
                asked = time.monotonic()
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                status, headers, _ = read_answer(stream)
                self.assertEqual(200, status)
                last = header(headers, "connection")
                if last == ["close"]:
                    self.assertGreater(time.monotonic() - begun, 1.9)
                else:
                    self.assertLess(asked - begun, 2.1, "asked after that time, and kept all the same")
                time.sleep(0.2)
            self.assertEqual(b"", stream.read())


class Stickiness(unittest.TestCase):
    def cookies(self, headers):
        return {c.split("=")[0]: c.split(";")[0] for c in header(headers, "set-cookie")}

    def test_lb_cookie_keeps_the_target(self):
        backends = [Backend() for _ in range(3)]
        lb = Balancer(PLAYER, group("sticky", backends, {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"}))
        _, headers, _ = lb.get()
        first = [b for b in backends if b.requests][0]
        cookies = self.cookies(headers)
        self.assertEqual(set(cookies), {"AWSALB", "AWSALBCORS"})
        for _ in range(12):
            lb.get(headers=[f"Cookie: a=b; {cookies['AWSALB']}"])
        # Of another origin's page a browser sends the twin alone.
        for _ in range(4):
            lb.get(headers=[f"Cookie: {cookies['AWSALBCORS']}"])
        self.assertEqual(len(first.requests), 17)

    def test_a_cookie_that_is_not_ours_counts_nothing(self):
        backends = [Backend(), Backend()]
        lb = Balancer(PLAYER, group("forged", backends, {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"}))
        cookie = self.cookies(lb.get()[1])["AWSALB"]
        for b in backends:
            b.requests.clear()
        flipped = cookie[:20] + ("A" if cookie[20] != "A" else "B") + cookie[21:]
        for _ in range(10):
            self.assertEqual(lb.get(headers=[f"Cookie: {flipped}"])[0], 200)
        self.assertEqual([len(b.requests) for b in backends], [5, 5])

    def test_app_cookie(self):
        backends = [Backend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: SID=1; Path=/\r\n\r\nok") for _ in range(2)]
        lb = Balancer(PLAYER, group("app", backends, {"stickiness.enabled": "true", "stickiness.type": "app_cookie",
                                                      "stickiness.app_cookie.cookie_name": "SID"}))
        cookies = self.cookies(lb.get()[1])
        self.assertEqual(set(cookies), {"SID", "AWSALBAPP-0"})
        first, other = sorted(backends, key=lambda b: -len(b.requests))
        for _ in range(8):
            lb.get(headers=[f"Cookie: {cookies['SID']}; {cookies['AWSALBAPP-0']}"])
        self.assertEqual(len(first.requests), 9)
        for _ in range(4):
            lb.get(headers=[f"Cookie: {cookies['AWSALBAPP-0']}"])
        self.assertEqual((11, 2), (len(first.requests), len(other.requests)), "both cookies have to come back")

    def test_app_cookie_is_renewed_and_follows_to_another_target(self):
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: SID=1\r\n\r\nok"
        later = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        backends = [Backend(lambda head, body: later if b"SID=" in head else first) for _ in range(2)]
        lb = Balancer(PLAYER, group("app2", backends, {"stickiness.enabled": "true", "stickiness.type": "app_cookie",
                                                       "stickiness.app_cookie.cookie_name": "SID"}))
        cookie = self.cookies(lb.get()[1])["AWSALBAPP-0"]
        old, new = sorted(backends, key=lambda b: -len(b.requests))
        old.status = 500
        PLAYER.health(old.port, "unhealthy")
        cookie = self.cookies(lb.get(headers=[f"Cookie: SID=1; {cookie}"])[1])["AWSALBAPP-0"]
        old.status = 200
        PLAYER.health(old.port, "healthy")
        for _ in range(4):
            headers = lb.get(headers=[f"Cookie: SID=1; {cookie}"])[1]
        self.assertEqual((1, 5), (len(old.requests), len(new.requests)))
        line, = header(headers, "set-cookie")
        self.assertRegex(line, r"^AWSALBAPP-0=[\w-]+; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT; Path=/$")
        expires = calendar.timegm(time.strptime(line.split("Expires=")[1].split(";")[0], "%a, %d %b %Y %H:%M:%S GMT"))
        self.assertAlmostEqual(7 * 86400, expires - time.time(), delta=60)

    def test_group_stickiness(self):
        backends = [Backend(), Backend()]
        a, b = group("ga", backends[:1]), group("gb", backends[1:])
        lb = Balancer(PLAYER, a, b, default=forward((a, 1), (b, 1), sticky_groups=True, sticky_seconds=60))
        cookies = self.cookies(lb.get()[1])
        self.assertEqual(set(cookies), {"AWSALBTG", "AWSALBTGCORS"})
        for name in ("AWSALBTG", "AWSALBTGCORS"):
            for _ in range(6):
                lb.get(headers=[f"Cookie: {cookies[name]}"])
        self.assertEqual(sorted(len(x.requests) for x in backends), [0, 13])

    def test_group_stickiness_ends_with_its_duration(self):
        old, new = Backend(), Backend()
        a, b = group("gea", [old]), group("geb", [new])
        lb = Balancer(PLAYER, a, b, default=forward((a, 1), (b, 0), sticky_groups=True, sticky_seconds=3))
        cookie, begun = self.cookies(lb.get()[1])["AWSALBTG"], time.monotonic()
        lb.listener["rules"][-1]["actions"] = [forward((a, 0), (b, 1), sticky_groups=True, sticky_seconds=3)]
        lb.publish()
        if time.monotonic() - begun < 2.5:
            lb.get(headers=[f"Cookie: {cookie}"])
            self.assertEqual((2, 0), (len(old.requests), len(new.requests)))
        time.sleep(max(0, begun + 3.1 - time.monotonic()))
        old.requests.clear()
        lb.get(headers=[f"Cookie: {cookie}"])
        self.assertEqual((0, 1), (len(old.requests), len(new.requests)))

    def two_groups(self, name, attributes, answer):
        """A load balancer whose groups, of three targets each, both answer for one browser: whose requests went where."""
        backends = {path: [Backend(answer(path)) for _ in range(3)] for path in ("/a", "/b")}
        a, b = (group(f"{name}{path[1:]}", backends[path], attributes(path)) for path in backends)
        lb = Balancer(PLAYER, a, b, rules=[rule(1, forward(b), condition("path-pattern", "/b"))])
        jar = {}
        for i in range(16):
            headers = [f"Cookie: {'; '.join(jar.values())}"] if jar else []
            jar.update(self.cookies(lb.get(path="/b" if i % 2 else "/a", headers=headers)[1]))
        return {path: sorted(len(x.requests) for x in backends[path]) for path in backends}, jar

    def test_one_cookie_keeps_the_targets_of_several_groups(self):
        for name, kind in (("two-lb", "lb_cookie"), ("two-app", "app_cookie")):
            with self.subTest(kind):
                shares, jar = self.two_groups(
                    name, lambda path: {"stickiness.enabled": "true", "stickiness.type": kind, "stickiness.app_cookie.cookie_name": f"SID{path[1:]}"},
                    lambda path: f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: SID{path[1:]}=1\r\n\r\nok".encode())
                self.assertEqual({"/a": [0, 0, 8], "/b": [0, 0, 8]}, shares)
                own = {"AWSALB", "AWSALBCORS"} if kind == "lb_cookie" else {"AWSALBAPP-0"}
                self.assertEqual({"SIDa", "SIDb", *own}, set(jar))

    def test_one_cookie_keeps_the_groups_of_several_rules(self):
        pairs = [[Backend(), Backend()] for _ in range(10)]
        groups = [[group(f"of{i}-{k}", [b]) for k, b in enumerate(p)] for i, p in enumerate(pairs)]
        lb = Balancer(PLAYER, *(g for p in groups for g in p), default=fixed(404), rules=[
            rule(i + 1, forward(*p, sticky_groups=True, sticky_seconds=60), condition("path-pattern", f"/{i}")) for i, p in enumerate(groups)])
        jar = {}
        for _ in range(6):
            for i in range(8):
                headers = [f"Cookie: {'; '.join(jar.values())}"] if jar else []
                jar.update(self.cookies(lb.get(path=f"/{i}", headers=headers)[1]))
        self.assertEqual([[0, 6]] * 8, [sorted(len(b.requests) for b in p) for p in pairs[:8]])
        self.assertLess(len(jar["AWSALBTG"]), 1024)
        # A ninth takes the place of the one that was seen longest ago, and no more room.
        for i in (8, 9):
            jar.update(self.cookies(lb.get(path=f"/{i}", headers=[f"Cookie: {'; '.join(jar.values())}"])[1]))
        self.assertLess(len(jar["AWSALBTG"]), 1024)
        for i in range(2, 10):
            lb.get(path=f"/{i}", headers=[f"Cookie: {'; '.join(jar.values())}"])
        self.assertEqual([[0, 7]] * 6 + [[0, 2]] * 2, [sorted(len(b.requests) for b in p) for p in pairs[2:]])

    def test_a_dead_target_is_left(self):
        backends = [Backend(), Backend()]
        g = group("left", backends, {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"})
        lb = Balancer(PLAYER, g)
        cookie = self.cookies(lb.get()[1])["AWSALB"]
        first, other = sorted(backends, key=lambda b: -len(b.requests))
        first.status = 500
        PLAYER.health(first.port, "unhealthy")
        self.assertEqual(lb.get(headers=[f"Cookie: {cookie}"])[0], 200)
        self.assertEqual(len(other.requests), 1)


class Health(unittest.TestCase):
    def told(self, port):
        return next(h for h in PLAYER.report()["health"] if h["port"] == port)

    def test_states_and_reasons(self):
        good, bad, silent = Backend(), Backend(health=503), socket.create_server(("127.0.0.1", 0))
        closed = Backend()
        closed.close()
        ports = [good.port, bad.port, silent.getsockname()[1], closed.port]
        lb = Balancer.__new__(Balancer)
        g = group("health", [target(p) for p in ports])
        try:
            Balancer.publish, saved = (lambda self, healthy=False: PLAYER.publish(self.image())), Balancer.publish
            lb.__init__(PLAYER, g)
        finally:
            Balancer.publish = saved
        PLAYER.health(good.port, "healthy")
        for port in ports[1:]:
            PLAYER.health(port, "unhealthy")
        self.assertEqual([self.told(p)["reason"] for p in ports],
                         [None, "Target.ResponseCodeMismatch", "Target.Timeout", "Target.FailedHealthChecks"])
        self.assertEqual(self.told(bad.port)["description"], "Health checks failed with these codes: [503]")
        self.assertEqual([lb.get()[0] for _ in range(8)], [200] * 8)
        bad.status = 200
        PLAYER.health(bad.port, "healthy")

    def test_all_unhealthy_fails_open(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("open", [backend]))
        backend.status = 500
        PLAYER.health(backend.port, "unhealthy")
        self.assertEqual(lb.get()[0], 200)

    def test_a_group_that_no_rule_names_is_unused(self):
        backend = Backend()
        g, other = group("used", [backend]), group("unused", [backend])
        other["targets"][0]["id"] = "i-1"
        lb = Balancer(PLAYER, g)
        PLAYER.publish({"load_balancers": [lb.balancer], "target_groups": [g, other]})
        self.assertEqual([(h["state"], h["reason"]) for h in PLAYER.report()["health"] if h["id"] == "i-1"], [("unused", "Target.NotInUse")])

    def test_tcp_checks(self):
        backend = Backend()
        PLAYER.health(Balancer(PLAYER, group("tcp", [backend], health_protocol="TCP")).groups[0]["targets"][0]["port"], "healthy")


class Life(unittest.TestCase):
    """Images, processes and connections that come and go."""

    def test_listeners_open_and_close_with_images(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("life", [backend]))
        with lb.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
            time.sleep(0.1)
            PLAYER.publish({"load_balancers": [], "target_groups": lb.groups})
            with self.assertRaises(OSError):
                lb.connect()
            s.sendall(b"b")  # what goes on is not dropped
            status, headers, _ = read_answer(stream)
            self.assertEqual((status, header(headers, "connection")), (200, ["close"]))

    def test_what_no_image_names_is_forgotten(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("forgotten", [backend]))
        name = lb.balancer["arn"].split("loadbalancer/")[1]
        with lb.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(read_answer(stream)[0], 200)
            PLAYER.publish({"load_balancers": [], "target_groups": []})
            self.assertIn(name, [m["load_balancer"] for m in PLAYER.report()["metrics"]])
        PLAYER.until(lambda: not [m for m in PLAYER.report()["metrics"] if m["load_balancer"] == name or m["target_group"]],
                     "its counters are still told")
        self.assertEqual(PLAYER.report()["health"], [])

    def test_a_taken_port_is_told(self):
        lb = Balancer(PLAYER, default=fixed(200))
        with socket.create_server(("127.66.250.1", 0)) as taken:
            lb.balancer["addresses"] = ["127.66.250.1"]
            lb.listener["port"] = taken.getsockname()[1]
            lb.publish()
            told = PLAYER.report()["listening"][0]
            self.assertFalse(told["open"])
            self.assertIn("Address already in use", told["reason"])
        PLAYER.until(lambda: PLAYER.report()["listening"][0]["open"], "the port was not taken when it was free")

    def test_a_killed_edge_serves_again_by_the_last_image(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("killed", [backend], {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"}))
        _, headers, _ = lb.get()
        pid = PLAYER.edge_pid()
        os.kill(pid, signal.SIGKILL)

        def serves():
            try:
                return lb.get()[0] == 200
            except OSError:
                return False
        PLAYER.until(serves, "the edge did not come back")
        self.assertNotEqual(PLAYER.edge_pid(), pid)

    def test_a_client_that_leaves_frees_the_target(self):
        gone = []

        def wait(connection, stream):
            connection.settimeout(10)
            gone.append(connection.recv(1))
            return False
        backend = Backend(lambda h, b: wait)
        lb = Balancer(PLAYER, group("leaves", [backend]))
        with lb.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            PLAYER.until(lambda: backend.requests)
        PLAYER.until(lambda: gone == [b""], "the target's connection stays open")

    def test_a_silent_target_is_504(self):
        backend = Backend(lambda h, b: lambda c, s: time.sleep(5))
        lb = Balancer(PLAYER, group("silent", [backend]), attributes={"idle_timeout.timeout_seconds": "1"})
        self.assertEqual(lb.get()[0], 504)

    def test_a_reader_who_stops_holds_back_the_target(self):
        sent = []

        def pour(connection, stream):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            connection.settimeout(2)
            try:
                while True:
                    sent.append(connection.send(b"x" * 65536))
            except OSError:
                return False
        backend = Backend(lambda h, b: pour)
        lb = Balancer(PLAYER, group("backpressure", [backend]))
        with lb.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(1.5)
            self.assertLess(sum(sent), 30_000_000)

    def test_websocket(self):
        def upgrade(connection, stream):
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nhello")
            while data := connection.recv(65536):
                connection.sendall(data[::-1])
            return False
        backend = Backend(lambda h, b: upgrade)
        lb = Balancer(PLAYER, group("ws", [backend]))
        with lb.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
            self.assertEqual(stream.readline(), b"HTTP/1.1 101 Switching Protocols\r\n")
            while stream.readline() != b"\r\n":
                pass
            self.assertEqual(stream.read(5), b"hello")
            for message in (b"abc", b"GET /admin HTTP/1.1\r\n\r\n", os.urandom(100000)):
                s.sendall(message)
                got = b""
                while len(got) < len(message):
                    got += stream.read1(65536)
                if len(message) < 1000:
                    self.assertEqual(got, message[::-1])
        self.assertIn(b"Upgrade: websocket", backend.requests[0][0])

    def test_other_upgrades_do_not_pass(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("h2c", [backend]))
        lb.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
        self.assertNotIn(b"pgrade", backend.requests[0][0])
        self.assertNotIn(b"HTTP2", backend.requests[0][0])


class Slow(unittest.TestCase):
    def test_a_head_that_never_ends_is_408(self):
        lb = Balancer(PLAYER, default=fixed(200))
        with lb.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
            self.assertEqual(parse(read_all(s))[0], 408)

    def test_idle_connections_end_quietly(self):
        lb = Balancer(PLAYER, default=fixed(200), attributes={"idle_timeout.timeout_seconds": "1"})
        with lb.connect() as s:
            self.assertEqual(read_all(s), b"")

    def test_a_body_that_crawls_is_ended(self):
        backend = Backend()
        lb = Balancer(PLAYER, group("crawl", [backend]))
        with lb.connect() as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            s.settimeout(0.5)
            end = time.monotonic() + 14
            got = b""
            while time.monotonic() < end and not got:
                try:
                    s.sendall(b"x")
                    got = s.recv(4096)
                except (TimeoutError, OSError):
                    continue
            self.assertEqual(parse(got)[0], 408)


class AccessLogs(unittest.TestCase):
    LINE = re.compile(r'^(?P<type>\S+) (?P<time>\S+) (?P<elb>\S+) (?P<client>\S+) (?P<target>\S+) (?P<t1>\S+) (?P<t2>\S+) (?P<t3>\S+) '
                      r'(?P<status>\S+) (?P<target_status>\S+) (?P<received>\d+) (?P<sent>\d+) "(?P<request>[^"]*)" "(?P<agent>[^"]*)" '
                      r'(?P<cipher>\S+) (?P<protocol>\S+) (?P<group>\S+) "(?P<trace>[^"]*)" "(?P<sni>[^"]*)" "(?P<cert>[^"]*)" (?P<priority>\S+) '
                      r'(?P<created>\S+) "(?P<actions>[^"]*)" "(?P<redirect>[^"]*)" "(?P<error>[^"]*)" "(?P<targets>[^"]*)" '
                      r'"(?P<statuses>[^"]*)" "(?P<class>[^"]*)" "(?P<reason>[^"]*)" (?P<connection>TID_[0-9a-f]{32}) '
                      r'"(?P<host>[^"]*)" "(?P<uri>[^"]*)" "(?P<transform>[^"]*)"$')

    def test_a_line_a_request(self):
        with tempfile.TemporaryDirectory() as folder:
            player = Player(folder)
            backend = Backend()
            g = group("logged", [backend])
            lb = Balancer(player, g, rules=[rule(7, fixed(404), condition("path-pattern", "/none"))],
                          attributes={"access_logs.s3.enabled": "true"})
            lb.get(path='/a?b="c', headers=['User-Agent: x"y\x7f'.replace("\x7f", "\xe4"), "X-Amzn-Trace-Id: Root=1-2-3;A=\"b"])
            lb.get(path="/none")
            lb.raw(b"nonsense\r\n\r\n")
            path = os.path.join(folder, f"app.lb.{lb.address}.log")
            player.until(lambda: os.path.exists(path) and len(log_lines(path)) == 3, "the lines are not there")
            lines = [self.LINE.match(line) for line in log_lines(path)]
            self.assertTrue(all(lines), log_lines(path))
            self.assertNotIn(b"example.com", pathlib.Path(path).read_bytes(), "lines are sealed")
            first, second, third = (m.groupdict() for m in lines)
            self.assertEqual(3, len({line["connection"] for line in (first, second, third)}), "each came on a connection of its own")
            self.assertEqual((first["type"], first["elb"], first["status"], first["target_status"]), ("http", f"app/lb/{lb.address}", "200", "200"))
            self.assertEqual(first["request"], f"GET http://example.com:{lb.port}/a?b=\\x22c HTTP/1.1")
            self.assertEqual(first["agent"], "x\\x22y\\xC3\\xA4")
            self.assertEqual((first["target"], first["targets"], first["group"]), (f"127.0.0.1:{backend.port}",) * 2 + (g["arn"],))
            self.assertEqual((first["priority"], first["actions"]), ("0", "forward"))
            self.assertRegex(first["trace"], r"^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-2-3;A=\\x22b$")
            self.assertEqual((second["priority"], second["actions"], second["status"], second["target"]), ("7", "fixed-response", "404", "-"))
            self.assertRegex(second["trace"], r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$")
            self.assertEqual((third["status"], third["request"], third["trace"], third["priority"], third["actions"]), ("400", "- - -", "-", "-", "-"))
            self.assertEqual([("-",) * 3] * 3, [(line["host"], line["uri"], line["transform"]) for line in (first, second, third)])
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            player.stop()

    def test_lines_tell_of_transforms_and_none_is_lost_for_its_length(self):
        change = [{"type": "url-rewrite", "rewrites": [["^/api/(.*)$", "/v2/$1"]]}, {"type": "host-header-rewrite", "rewrites": [["^bad.*$", "a b"]]}]
        there = {"type": "redirect", "parameters": {"StatusCode": "HTTP_302", "Path": "/#{path}#{path}", "Host": "other"}}
        with tempfile.TemporaryDirectory() as folder:
            player = Player(folder)
            g = group("changed", [Backend()])
            lb = Balancer(player, g, rules=[rule(1, forward(g), condition("path-pattern", "/api/*"), transforms=change),
                                            rule(2, there, condition("path-pattern", "/away/*"))], attributes={"access_logs.s3.enabled": "true"})
            for request in ("/api/x?y=1", "/other"):
                self.assertEqual(200, lb.get(path=request)[0])
            for path, host in (("/api/x", "bad.one"), ("/" + "|" * 60000, "x"), ("/away/" + "a" * 15000, "x")):
                lb.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {'é' * 2000}\r\nConnection: close\r\n\r\n".encode())
            file = os.path.join(folder, f"app.lb.{lb.address}.log")
            player.until(lambda: os.path.exists(file) and len(log_lines(file)) == 5, "a line is missing")
            lines = [self.LINE.match(line) for line in log_lines(file)]
            self.assertTrue(all(lines), [line[:200] for line in log_lines(file)])
            self.assertEqual([("-", "/v2/x?y=1", "TransformSuccess"), ("-",) * 3, ("-", "-", "TransformInvalidHostHeader"), ("-",) * 3, ("-",) * 3],
                             [(m["host"], m["uri"], m["transform"]) for m in lines])
            self.assertEqual(["200", "200", "400", "414", "302"], [m["status"] for m in lines])
            self.assertTrue(lines[4]["redirect"].startswith("http://other:"))
            self.assertEqual([16384, 16384], [len(lines[3]["request"]), len(lines[4]["redirect"])])
            player.stop()

    def test_a_drain_lets_requests_end(self):
        player = Player()
        backend = Backend(lambda h, b: time.sleep(1) or b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        lb = Balancer(player, group("drained", [backend]))
        with lb.connect() as busy, lb.connect() as idle, busy.makefile("rb") as stream:
            busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            player.until(lambda: backend.requests)
            player.process.send_signal(signal.SIGTERM)
            self.assertEqual(read_all(idle), b"")
            status, headers, body = read_answer(stream)
            self.assertEqual((status, body, header(headers, "connection")), (200, b"ok", ["close"]))
            self.assertEqual(stream.read(), b"")
        with self.assertRaises(OSError):
            lb.connect()
        player.stop()


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        log = PLAYER.log()
        self.assertNotIn("AddressSanitizer", log)
        self.assertNotIn("runtime error", log)
        self.assertEqual(log.count("process edge ended"), 1, log[-2000:])  # the one that was killed


if __name__ == "__main__":
    harness.main()
