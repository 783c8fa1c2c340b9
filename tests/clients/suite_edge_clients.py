#!/usr/bin/env python3
"""The load testers people have, on many connections at once: every request is answered, once, and reaches a target."""
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from edge_case import Backend, Balancer, Player, group
from site_case import Authority

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-clients-")
PLAYER = Player(LOGS, loops=2)
BODY = b"x" * 1000


def ran(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = Authority()
        cls.addClassCleanup(made.clean)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
        cls.backends = [Backend(answer), Backend(answer)]
        certificate = {"arn": "arn:aws:acm:us-east-1:123456789012:certificate/one", "is_default": True, "chain_pem": made.read("one.example.test.pem"),
                       "key_pem": made.read("one.example.test.key")}
        g = group("clients", cls.backends)
        cls.plain = Balancer(PLAYER, g)
        cls.tls = Balancer(PLAYER, g, protocol="HTTPS", listener={"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificates": [certificate]})
        PLAYER.publish({"load_balancers": [cls.plain.balancer, cls.tls.balancer], "target_groups": [g]})

    def setUp(self):
        self.before = self.reached()

    def reached(self):
        return [len(b.requests) for b in self.backends]

    def spread(self, count):
        """Each target has had half of them."""
        got = [now - then for now, then in zip(self.reached(), self.before)]
        self.assertEqual(count, sum(got), got)
        self.assertLess(abs(got[0] - got[1]), count / 4, got)

    def h2load(self, lb, scheme, *words):
        if not shutil.which("h2load"):
            self.skipTest("no h2load on this machine")
        status, said = ran("h2load", "-n", "1200", "-c", "6", *words, f"{scheme}://{lb.address}:{lb.port}/h2load")
        self.assertEqual(0, status, said)
        self.assertRegex(said, "requests: 1200 total, 1200 started, 1200 done, 1200 succeeded, 0 failed, 0 errored, 0 timeout")
        self.assertIn("status codes: 1200 2xx, 0 3xx, 0 4xx, 0 5xx", said)
        self.spread(1200)
        return said

    def test_h2load_over_http_2(self):
        said = self.h2load(self.tls, "https", "-m", "20")
        self.assertIn("Application protocol: h2", said)

    def test_h2load_over_http_1_1(self):
        self.h2load(self.plain, "http", "--h1")

    def test_wrk(self):
        if not shutil.which("wrk"):
            self.skipTest("no wrk on this machine")
        for lb, scheme in ((self.plain, "http"), (self.tls, "https")):
            self.before = self.reached()
            status, said = ran("wrk", "-t1", "-c8", "-d1s", f"{scheme}://{lb.address}:{lb.port}/wrk")
            self.assertEqual(0, status, said)
            self.assertNotRegex(said, "Non-2xx|Socket errors")
            # What is on its way when wrk stops has reached a target and no client.
            count = int(re.search(r"(\d+) requests in", said)[1])
            got = sum(self.reached()) - sum(self.before)
            self.assertTrue(0 < count <= got <= count + 8, (count, got))

    def test_the_edge_was_never_ill(self):
        log = PLAYER.log()
        for words in ("AddressSanitizer", "runtime error", "process edge ended"):
            self.assertNotIn(words, log)


if __name__ == "__main__":
    harness.main()
