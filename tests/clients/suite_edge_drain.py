#!/usr/bin/env python3
"""How the edge lets its clients go: relieved by another process, told to end, a listener deleted, an idle limit reached. A request that
was on its way when that happened is answered, or its client is told that it was not begun."""
import contextlib
import os
import signal
import socket
import ssl
import time
import unittest

import harness
from edge_case import Backend, Balancer, Player, group, header, read_all, read_answer
from h2_case import ACK, GET, GOAWAY, HEADERS, PING, RST, Connection, https

NOTICE, NO_ERROR, REFUSED_STREAM = 2**31 - 1, 0, 7
REQUEST = b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n"
LARGE = 1_000_000


def answer(head, body):
    if head.startswith(b"GET /large"):
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE + b"x" * LARGE
    if head.startswith(b"GET /slow"):
        time.sleep(1)
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


PLAYER, BACKEND = Player(), Backend(answer)


class Http1:
    """A kept connection."""

    def __init__(self, site, tls=False, asks=True):
        self.socket = (site.tls if tls else site.plain).connect()
        if tls:
            self.socket = ssl._create_unverified_context().wrap_socket(self.socket, server_hostname="a.example.com")
        self.stream = self.socket.makefile("rb")
        if asks:
            self.send()
            assert self.hear()[::2] == (200, b"ok")

    def send(self, data=REQUEST):
        self.socket.sendall(data)

    def hear(self):
        return read_answer(self.stream)

    def ended(self):
        """Whether it ends as it should: by a FIN, with nothing in front of it."""
        return self.stream.read() == b""

    def close(self):
        self.stream.close()
        self.socket.close()


class Http2(Connection):
    """One that has had an answer; the next stream is `stream`."""

    def __init__(self, site):
        super().__init__(site.tls)
        self.stream = 1
        self.ask()
        assert self.answered()

    def ask(self, path="/"):
        self.request(self.stream, [*GET[:3], (":path", path)])
        self.stream += 2

    def answered(self):
        """Of the newest stream."""
        frame = self.until(HEADERS, RST, stream=self.stream - 2)
        return frame is not None and frame[0] == HEADERS and frame[3][:1] == b"\x88"  # :status 200, of HPACK's static table

    def told(self):
        """(the last stream, the error) of the next GOAWAY."""
        frame = self.until(GOAWAY)
        return frame and (int.from_bytes(frame[3][:4], "big") & NOTICE, int.from_bytes(frame[3][4:8], "big"))

    def confirm(self):
        """Answers the PING that is next."""
        self.frame(PING, ACK, 0, self.until(PING)[3])

    def ended(self):
        try:
            while self.socket.recv(1000):
                pass
            return True
        except ssl.SSLEOFError:  # without a close_notify
            return False


class Site:
    """A load balancer with a listener of HTTP, and one with one of HTTPS."""

    def __init__(self, **attributes):
        targets = group("drain", [BACKEND])
        self.plain = Balancer(PLAYER, targets, attributes=attributes)
        self.tls = https(PLAYER, targets, attributes=attributes)
        self.publish(self.plain, self.tls)

    def publish(self, *balancers):
        PLAYER.publish({"load_balancers": [b.balancer for b in balancers], "target_groups": self.plain.groups})

    @contextlib.contextmanager
    def stopped(self, pid):
        """While it does nothing, bytes wait in its sockets."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


class Drain(unittest.TestCase):
    def setUp(self):
        self.clients = contextlib.ExitStack()
        self.addCleanup(self.clients.close)

    def opened(self, client):
        self.clients.callback(client.close if isinstance(client, Http1) else client.socket.close)
        return client

    def kinds(self, site, n=1):
        return [[self.opened(make()) for _ in range(n)] for make in (lambda: Http1(site), lambda: Http1(site, tls=True), lambda: Http2(site))]

    def served(self, site):
        """By a process that is not stopped."""
        with site.plain.connect() as s:
            s.settimeout(0.5)
            s.sendall(REQUEST)
            try:
                return s.recv(100) != b""
            except TimeoutError:
                return False

    def last_answer(self, client):
        status, headers, body = client.hear()
        self.assertEqual((status, header(headers, "connection"), body), (200, ["close"], b"ok"))
        self.assertTrue(client.ended())

    def told_in_two_steps(self, client, begun):
        self.assertEqual(client.told(), (NOTICE, NO_ERROR))
        client.ask()  # it has not heard yet, for all that is known there
        self.assertTrue(client.answered())
        client.frame(PING, ACK, 0, bytes(8))
        self.assertEqual(client.told(), (begun, NO_ERROR))
        self.assertTrue(client.ended())

    def test_5_relieved(self):
        site = Site()
        plain, tls, two = self.kinds(site, n=2)
        quiet, silent = self.opened(Http2(site)), self.opened(Http2(site))
        old = PLAYER.edge_pid()
        with site.stopped(old):
            for client in (plain[0], tls[0]):
                client.send()
            two[0].ask()
            PLAYER.process.send_signal(signal.SIGHUP)
            PLAYER.until(lambda: len(edges()) == 2 and self.served(site))
            time.sleep(0.2)
        # What was in the sockets.
        for client in (plain[0], tls[0]):
            self.assertEqual(client.hear()[::2], (200, b"ok"))
        self.assertTrue(two[0].answered())
        # What comes after the notice.
        self.told_in_two_steps(two[1], 3)
        self.assertEqual(quiet.told(), (NOTICE, NO_ERROR))
        quiet.confirm()
        self.assertEqual(quiet.told(), (1, NO_ERROR))
        self.assertTrue(quiet.ended())
        # Who says nothing is let go all the same, and told.
        self.assertEqual((silent.told(), silent.told()), ((NOTICE, NO_ERROR), (1, NO_ERROR)))
        self.assertTrue(silent.ended())
        # Over HTTP/1.1 nothing can be said before the next answer: they stay for that.
        for client in (plain[1], tls[1]):
            client.send()
            self.last_answer(client)
        two[0].socket.close()
        PLAYER.until(lambda: len(edges()) == 1)

    def test_6_told_to_end(self):
        site = Site()
        plain, tls, two = self.kinds(site, n=3)
        begun, fresh = self.opened(Http1(site, asks=False)), socket.create_connection((site.tls.address, site.tls.port), timeout=15)
        begun.send(REQUEST[:20])
        slow = self.opened(Http2(site))
        slow.ask("/slow")
        time.sleep(0.2)  # the head's beginning is read
        with site.stopped(PLAYER.edge_pid()):
            for client in (plain[0], tls[0]):
                client.send()
            two[0].ask()
            PLAYER.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        for client in (plain[0], tls[0]):
            self.last_answer(client)
        self.assertTrue(two[0].answered())
        self.told_in_two_steps(two[1], 3)
        # Idle as they are they have a moment for one more.
        for client in (plain[1], tls[1]):
            client.send()
            self.last_answer(client)
        # A head that was begun, and a handshake, come to their ends.
        begun.send(REQUEST[20:])
        self.last_answer(begun)
        with fresh, ssl._create_unverified_context().wrap_socket(fresh, server_hostname="a.example.com") as late:
            late.sendall(REQUEST)
            self.assertIn(b"\r\nConnection: close\r\n", read_all(late))
        slow.confirm()
        self.assertTrue(slow.answered())
        self.assertTrue(slow.ended())
        # Those who ask for nothing are not waited for.
        for client in (plain[2], tls[2], two[2]):
            self.assertTrue(client.ended())
        two[0].socket.close()
        PLAYER.until(lambda: not edges())
        for wrong in ("process edge", "AddressSanitizer", "runtime error"):
            self.assertNotIn(wrong, PLAYER.log())

    def test_1_a_listener_is_gone(self):
        site = Site()
        plain, tls, two = self.kinds(site, n=2)
        site.publish(site.plain)
        asked = len(BACKEND.requests)
        two[0].ask()
        self.assertEqual(two[0].told(), (NOTICE, NO_ERROR))
        self.assertEqual(two[0].until(RST)[2:], (3, REFUSED_STREAM.to_bytes(4, "big")))
        two[0].frame(PING, ACK, 0, bytes(8))
        self.assertEqual(two[0].told(), (3, NO_ERROR))
        self.assertTrue(two[0].ended())
        tls[0].send()
        status, headers, _ = tls[0].hear()
        self.assertEqual((status, header(headers, "connection")), (503, ["close"]))
        self.assertTrue(tls[0].ended())
        for client in (tls[1], two[1]):
            self.assertTrue(client.ended())
        self.assertEqual(len(BACKEND.requests), asked)
        # Nobody else has heard of it.
        for client in plain:
            client.send()
            self.assertEqual(client.hear()[::2], (200, b"ok"))

    def test_2_the_idle_limit(self):
        site = Site(**{"idle_timeout.timeout_seconds": "1"})
        plain, tls, two = self.kinds(site, n=2)
        with site.stopped(PLAYER.edge_pid()):
            time.sleep(0.5)
            for client in (plain[0], tls[0]):
                client.send()
            two[0].ask()
            time.sleep(1)  # it is over by then, and all that waits is there at one time
        for client in (plain[0], tls[0]):
            self.assertEqual(client.hear()[::2], (200, b"ok"))
        self.assertTrue(two[0].answered())
        for client in (plain[1], tls[1]):
            self.assertTrue(client.ended())
        self.told_in_two_steps(two[1], 3)

    def test_3_keep_alives_end(self):
        site = Site(**{"client_keep_alive.seconds": "1"})
        plain, tls, two = self.kinds(site)
        time.sleep(1.1)
        for client in (plain[0], tls[0]):
            client.send()
            self.last_answer(client)
        two[0].ask()  # once it is looked at
        self.told_in_two_steps(two[0], 5)

    def test_4_an_answer_is_not_lost_to_what_its_client_goes_on_to_say(self):
        site = Site(**{"client_keep_alive.seconds": "0"})
        for tls in (False, True):
            with self.subTest(tls=tls), socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
                s.settimeout(15)
                balancer = site.tls if tls else site.plain
                s.connect((balancer.address, balancer.port))
                if tls:
                    s = ssl._create_unverified_context().wrap_socket(s, server_hostname="a.example.com")
                with s:
                    s.sendall(REQUEST.replace(b"/", b"/large", 1))
                    time.sleep(0.5)  # all of it is the kernel's
                    s.sendall(REQUEST)
                    time.sleep(0.2)
                    self.assertEqual(len(read_all(s).split(b"\r\n\r\n", 1)[1]), LARGE)


def edges():
    out = os.popen(f"ps -o comm= --ppid {PLAYER.process.pid}").read().split()
    return [name for name in out if name == "edge"]


if __name__ == "__main__":
    try:
        harness.main()
    finally:
        PLAYER.stop()
