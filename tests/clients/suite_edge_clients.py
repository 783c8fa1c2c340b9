#!/usr/bin/env python3
"""The load testers people have, on many connections at once: every request is answered, once, and reaches a target. And a browser."""
import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate
from edge_case import Backend, Balancer, Player, group
from site_case import Authority

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-clients-")
PLAYER = Player(LOGS, loops=2)
BODY = b"x" * 1000
# What a browser asks for at once, and by which protocol: the page says it itself.
PAGE = b"""<!doctype html><title>one</title><p id="said"></p><script>
Promise.all([...Array(20).keys()].map(i => fetch('/part/' + i).then(r => r.text().then(t => [r.status, t.length])))).then(parts => {
  const kinds = [...new Set(parts.map(p => p.join(':')))], ways = [...new Set(performance.getEntriesByType('resource').map(e => e.nextHopProtocol))];
  document.getElementById('said').textContent = parts.length + ' parts, ' + kinds + ', by ' + ways;
});
</script>"""


def answer_of(body, kind="text/plain"):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def ran(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = Authority()
        cls.addClassCleanup(made.clean)
        cls.backends = [Backend(answer_of(BODY)), Backend(answer_of(BODY))]
        cls.page = Backend(answer_of(PAGE, "text/html"))
        certificate = {"arn": "arn:aws:acm:us-east-1:123456789012:certificate/one", "is_default": True, "chain_pem": made.read("one.example.test.pem"),
                       "key_pem": made.read("one.example.test.key")}
        g, page = group("clients", cls.backends), group("page", [cls.page])
        key = load_pem_x509_certificate(certificate["chain_pem"].encode()).public_key()
        cls.pin = base64.b64encode(hashlib.sha256(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest()).decode()
        cls.plain = Balancer(PLAYER, g)
        cls.tls = Balancer(PLAYER, g, protocol="HTTPS", listener={"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificates": [certificate]})
        cls.site = Balancer(PLAYER, page, protocol="HTTPS", listener={"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificates": [certificate]})
        PLAYER.publish({"load_balancers": [cls.plain.balancer, cls.tls.balancer, cls.site.balancer], "target_groups": [g, page]})

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

    def test_chromium(self):
        if not shutil.which("chromium"):
            self.skipTest("no chromium on this machine")
        with tempfile.TemporaryDirectory(prefix="bulwark-chromium-") as home:
            status, said = ran("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                               "--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={home}",
                               f"--ignore-certificate-errors-spki-list={self.pin}", f"--host-resolver-rules=MAP one.example.test {self.site.address}",
                               "--virtual-time-budget=20000", "--dump-dom", f"https://one.example.test:{self.site.port}/")
        self.assertEqual(0, status, said)
        self.assertRegex(said, f">20 parts, 200:{len(PAGE)}, by h2<")
        self.assertGreaterEqual(len(self.page.requests), 21)

    def test_the_edge_was_never_ill(self):
        log = PLAYER.log()
        for words in ("AddressSanitizer", "runtime error", "process edge ended"):
            self.assertNotIn(words, log)


if __name__ == "__main__":
    harness.main()
