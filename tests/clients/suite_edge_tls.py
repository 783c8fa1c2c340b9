#!/usr/bin/env python3
"""The edge over TLS: names and certificates, security policies, mutual TLS, targets over HTTPS."""
import os
import shlex
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import harness
from edge_case import ARN, Backend, Balancer, Player, fixed, forward, group, header, log_lines, parse, read_all

WORK = tempfile.mkdtemp(prefix="bulwark-edge-tls-")
LOGS = tempfile.mkdtemp(prefix="bulwark-edge-tls-logs-")
PLAYER = Player(LOGS)


def openssl(*words, **more):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=WORK, **more)


def pem(name):
    with open(os.path.join(WORK, name)) as f:
        return f.read()


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", f"/CN={name}", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign")


def issue(name, ca, subject, names="", days="365", curve="P-256", authority=False):
    with open(os.path.join(WORK, f"{name}.ext"), "w") as f:
        f.write(f"subjectAltName={names}\n" if names else f"basicConstraints=CA:{str(authority).upper()}\n")
    kind = ["ec", "-pkeyopt", f"ec_paramgen_curve:{curve}"] if curve else ["rsa:2048"]
    openssl("req", "-newkey", *kind, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", days,
            "-extfile", f"{name}.ext")


def revocations(ca, out, *names, when=("-crldays", "30")):
    """A list of that authority's, with these and all that it has revoked before."""
    with open(os.path.join(WORK, f"{ca}.index"), "a"), open(os.path.join(WORK, f"{ca}.cnf"), "w") as f:
        f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={ca}.index\ndefault_md=sha256\ncertificate={ca}.pem\nprivate_key={ca}.key\n")
    for name in names:
        openssl("ca", "-config", f"{ca}.cnf", "-revoke", f"{name}.pem")
    openssl("ca", "-config", f"{ca}.cnf", "-gencrl", *when, "-out", out)


def make():
    authority("ca")
    authority("other")
    issue("a", "ca", "/CN=a.example.com", "DNS:a.example.com")
    issue("b", "ca", "/CN=b.example.com", "DNS:b.example.com,DNS:*.wild.example.com")
    issue("strong", "ca", "/CN=a.example.com", "DNS:a.example.com", curve="P-384")
    issue("rsa", "ca", "/CN=b.example.com", "DNS:b.example.com", curve=None)
    issue("soon", "ca", "/CN=soon", days="29")
    issue("over", "ca", "/CN=over", days="0")
    issue("client", "ca", "/C=DE/O=We/CN=client")
    issue("stranger", "other", "/CN=client")


make()


def certificate(name, default=False):
    return {"arn": f"arn:aws:acm:us-east-1:123456789012:certificate/{name}", "chain_pem": pem(f"{name}.pem"), "key_pem": pem(f"{name}.key"),
            "is_default": default}


def https(*groups, listener=None, **more):
    return Balancer(PLAYER, *groups, protocol="HTTPS", listener={"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                                                                 "certificates": [certificate("a", True), certificate("b")], **(listener or {})}, **more)


def context(client=None, verify=True, **more):
    c = ssl.create_default_context(cafile=os.path.join(WORK, "ca.pem"))
    c.check_hostname = verify
    if not verify:
        c.verify_mode = ssl.CERT_NONE
    if client:
        c.load_cert_chain(os.path.join(WORK, f"{client}.pem"), os.path.join(WORK, f"{client}.key"))
    for name, value in more.items():
        setattr(c, name, value)
    return c


REQUEST = b"GET /x HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n"


def ask(lb, name="a.example.com", using=None, data=REQUEST):
    """(answer, certificate's names) over TLS."""
    with lb.connect() as plain, (using or context()).wrap_socket(plain, server_hostname=name) as s:
        s.sendall(data)
        names = [v for _, v in (s.getpeercert() or {}).get("subjectAltName", ())]
        return parse(read_all(s)), names


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.lb = https(group("tls", [cls.backend]))

    def setUp(self):
        self.lb.publish()  # another case's image may have come in between

    def test_the_name_chooses(self):
        for asked, got in (("a.example.com", "a.example.com"), ("b.example.com", "b.example.com"), ("x.wild.example.com", "b.example.com")):
            answer, names = ask(self.lb, asked)
            self.assertEqual((answer[0], names[0]), (200, got))

    def test_the_best_certificate_that_the_client_can_use(self):
        def kind(ciphers=None, sigalgs=None, version="-tls1_2"):
            got = subprocess.run(["openssl", "s_client", "-connect", f"{lb.address}:{lb.port}", "-servername", "b.example.com", version,
                                  *(["-cipher", ciphers] if ciphers else []), *(["-sigalgs", sigalgs] if sigalgs else [])],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
            return "ECDSA" if "Peer signature type: ECDSA" in got else "RSA" if "Peer signature type: RSA" in got else got
        for order in (("b", "rsa"), ("rsa", "b")):
            lb = https(group("kinds", [self.backend]), listener={"certificates": [certificate("a", True), *map(certificate, order)]})
            self.assertEqual(["ECDSA", "RSA", "ECDSA", "RSA"],
                             [kind(), kind("ECDHE-RSA-AES128-GCM-SHA256"), kind(version="-tls1_3"), kind(sigalgs="rsa_pss_rsae_sha256", version="-tls1_3")])
        lb = https(group("kinds", [self.backend]), listener={"certificates": [certificate("rsa", True), certificate("b")]})
        self.assertEqual(["ECDSA", "RSA"], [kind(), kind("ECDHE-RSA-AES128-GCM-SHA256")], "the default one, too, where it alone serves")

    def test_an_unknown_name_gets_the_default(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            ask(self.lb, "c.example.com")
        no_name = context()
        no_name.check_hostname = False
        self.assertEqual(ask(self.lb, None, no_name)[1], ["a.example.com"])

    def test_targets_see_https(self):
        ask(self.lb)
        head = self.backend.requests[-1][0]
        self.assertIn(b"X-Forwarded-Proto: https\r\n", head)
        self.assertIn(f"X-Forwarded-Port: {self.lb.port}\r\n".encode(), head)

    def test_plain_http_to_a_tls_port_is_ended(self):
        self.assertNotIn(b"HTTP/1.1 200", self.lb.raw(REQUEST))

    def test_large_bodies(self):
        body = os.urandom(300000)
        self.backend.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body
        self.addCleanup(setattr, self.backend, "answer", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        answer, _ = ask(self.lb, data=b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n" + body)
        self.assertEqual(answer[2], body)
        self.assertEqual(self.backend.requests[-1][1], body)

    def test_an_early_answer_is_not_lost(self):
        lb = https(default=fixed(403, "no"))
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n"
        for _ in range(5):
            self.assertEqual(ask(lb, data=head + bytes(400000))[0][::2], (403, b"no"))

    def test_a_certificate_that_is_none_is_told(self):
        lb = https(default=fixed(200), listener={"certificates": [{**certificate("a", True), "key_pem": pem("b.key")}]})
        told = [x for x in PLAYER.report()["listening"] if x["listener"] == lb.listener["arn"]]
        self.assertEqual([(x["open"], bool(x["reason"])) for x in told], [(False, True)])
        with self.assertRaises(OSError):
            lb.connect()

    def test_certificates_that_end_are_told(self):
        for name, words in (("a", ""), ("soon", "expires on"), ("over", "expired on")):
            lb = https(default=fixed(200), listener={"certificates": [certificate("a", True), certificate(name)]})
            PLAYER.until(lambda: any(x["open"] for x in PLAYER.report()["listening"] if x["listener"] == lb.listener["arn"]))
            time.sleep(1.1)  # what ends with the second in which it was made has ended
            PLAYER.until(lambda: True)
            told = [x for x in PLAYER.report()["listening"] if x["listener"] == lb.listener["arn"]]
            self.assertTrue(told[0]["open"])
            self.assertRegex(told[0]["reason"] or "", rf"^certificate arn:aws:acm:\S+/{name} {words} \d{{4}}-\d\d-\d\dT[\d:]+Z$" if words else "^$")

    def test_a_new_certificate_counts_for_new_connections(self):
        lb = https(default=fixed(200))
        early = lb.connect()
        ask(lb)  # accepted after the early one
        lb.listener["certificates"] = [certificate("b", True)]
        lb.publish()
        self.assertEqual(ask(lb, "b.example.com")[1][0], "b.example.com")
        # Who had connected and had not yet said hello is served by what there was.
        with early, context().wrap_socket(early, server_hostname="a.example.com") as s:
            s.sendall(REQUEST)
            self.assertEqual(parse(read_all(s))[0], 200)


class Policies(unittest.TestCase):
    def version(self, policy, **more):
        lb = https(default=fixed(200), listener={"ssl_policy": policy})
        with lb.connect() as plain, context(**more).wrap_socket(plain, server_hostname="a.example.com") as s:
            return s.version()

    def test_versions(self):
        v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        self.assertEqual(self.version("ELBSecurityPolicy-TLS13-1-2-2021-06"), "TLSv1.3")
        self.assertEqual(self.version("ELBSecurityPolicy-TLS13-1-2-2021-06", maximum_version=v12), "TLSv1.2")
        self.assertEqual(self.version("ELBSecurityPolicy-2016-08"), "TLSv1.2")
        with self.assertRaises(ssl.SSLError):
            self.version("ELBSecurityPolicy-TLS13-1-3-2021-06", maximum_version=v12)
        with self.assertRaises(ssl.SSLError):
            self.version("ELBSecurityPolicy-FS-1-2-Res-2020-10", minimum_version=v13)

    def test_ciphers(self):
        weak = context(maximum_version=ssl.TLSVersion.TLSv1_2)
        weak.set_ciphers("ECDHE-ECDSA-AES128-SHA")
        strict = https(default=fixed(200), listener={"ssl_policy": "ELBSecurityPolicy-FS-1-2-Res-2020-10"})
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            ask(strict, using=weak)
        self.assertEqual(ask(https(default=fixed(200), listener={"ssl_policy": "ELBSecurityPolicy-FS-1-2-2019-08"}), using=weak)[0][0], 200)

    def test_tls_headers(self):
        backend = Backend()
        lb = https(group("tlsheaders", [backend]), attributes={"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true"},
                   listener={"attributes": {"routing.http.request.x_amzn_tls_version.header_name": "X-V"}})
        ask(lb, data=b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-v: forged\r\nX-Amzn-Tls-Cipher-Suite: forged\r\n\r\n")
        self.assertNotIn(b"forged", backend.requests[-1][0])
        self.assertIn(b"\r\nX-V: TLSv1.3\r\nX-Amzn-Tls-Cipher-Suite: TLS_AES_", backend.requests[-1][0])


def s_client(lb, *words):
    return subprocess.run(["openssl", "s_client", "-connect", f"{lb.address}:{lb.port}", *words], input="", capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS).stdout


class Ciphers(unittest.TestCase):
    def test_what_a_policy_names_and_nothing_else(self):
        for policy, words, good in (("TLS13-1-3-FIPS-2023-04", ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], False),
                                    ("TLS13-1-3-FIPS-2023-04", ["-tls1_3"], True), ("TLS13-1-3-FIPS-2023-04", ["-tls1_2"], False),
                                    ("TLS13-1-3-2021-06", ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], True),
                                    ("TLS13-1-2-Res-PQ-2025-09", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], True),
                                    ("TLS13-1-2-Res-PQ-2025-09", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], False),
                                    ("TLS13-1-2-FIPS-2023-04", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], True),
                                    ("FS-1-2-Res-2020-10", ["-tls1_3"], False), ("never-heard-of", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], False)):
            lb = https(default=fixed(200), listener={"ssl_policy": f"ELBSecurityPolicy-{policy}"})
            self.assertEqual("Cipher is (NONE)" not in s_client(lb, *words), good, (policy, words))


    def test_rfc_9151(self):
        """P-384, SHA-384 and AES-256 alone, or first."""
        strict, mixed = "TLS13-1-2-RFC9151-FIPS-2023-07", "TLS13-1-2-RFC9151-INTEROP1-FIPS-2023-07"
        for policy, words, good in ((strict, ["-tls1_3"], "TLS_AES_256_GCM_SHA384"), (strict, ["-tls1_3", "-groups", "X25519:P-256"], None),
                                    (strict, ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], None),
                                    (strict, ["-tls1_2"], "ECDHE-ECDSA-AES256-GCM-SHA384"), (strict, ["-tls1_2", "-sigalgs", "ECDSA+SHA256"], None),
                                    (strict, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], None),
                                    (mixed, ["-tls1_2", "-groups", "P-256:P-384"], "ECDHE-ECDSA-AES256-GCM-SHA384"),
                                    (mixed, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "ECDHE-ECDSA-AES128-GCM-SHA256"),
                                    (mixed, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], None)):
            lb = https(default=fixed(200), listener={"ssl_policy": f"ELBSecurityPolicy-{policy}", "certificates": [certificate("strong", True)]})
            said = s_client(lb, *words)
            self.assertIn(f"Cipher is {good or '(NONE)'}", said, (policy, words))
            if good and "-groups" in words:
                self.assertRegex(said, "Server Temp Key: ECDH, .*384 bits")
        weak = https(default=fixed(200), listener={"ssl_policy": f"ELBSecurityPolicy-{strict}"})
        told = [x for x in PLAYER.report()["listening"] if x["listener"] == weak.listener["arn"]]
        self.assertEqual([(x["open"], x["reason"]) for x in told], [
            (False, "the security policy takes certificates with keys of P-384 or of RSA with 3072 bits and more")])


class Logs(unittest.TestCase):
    def lines(self, lb, prefix="conn_log."):
        file = os.path.join(LOGS, f"{prefix}app.lb.{lb.address}.log")
        return [shlex.split(line) for line in log_lines(file)] if os.path.exists(file) else []

    def logged(self, lb, count=1):
        PLAYER.until(lambda: len(self.lines(lb)) == count, f"not {count} connections are logged")
        return self.lines(lb)[-1]

    def site(self, protocol="HTTPS", **more):
        on = {"access_logs.s3.enabled": "true", "connection_logs.s3.enabled": "true"}
        return https(default=fixed(200), attributes=on, listener=more) if protocol == "HTTPS" else Balancer(PLAYER, default=fixed(200), attributes=on)

    def test_a_line_a_connection(self):
        lb = self.site()
        ask(lb)
        line = self.logged(lb)
        self.assertEqual(len(line), 13)
        self.assertRegex(line[0], r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")
        self.assertEqual((line[1], line[3], line[4]), ("127.0.0.1", str(lb.port), "TLSv1.3"))
        self.assertRegex(" ".join(line[5:7]), r"^TLS_\w+ \d+\.\d{3}$")
        self.assertEqual(line[7:11], ["-"] * 4)
        self.assertRegex(line[11], "^TID_[0-9a-f]{32}$")
        self.assertEqual(line[12], "x25519")
        PLAYER.until(lambda: self.lines(lb, ""), "the request is not logged")
        access = self.lines(lb, "")[0]
        self.assertEqual(access[29], line[11], "both logs name the connection")
        self.assertEqual(access[18:20], ["a.example.com", "arn:aws:acm:us-east-1:123456789012:certificate/a"])
        ask(lb, "b.example.com")
        self.assertNotEqual(self.logged(lb, 2)[11], line[11])
        PLAYER.until(lambda: len(self.lines(lb, "")) == 2, "the request is not logged")
        self.assertEqual(self.lines(lb, "")[1][19], "arn:aws:acm:us-east-1:123456789012:certificate/b")

    def test_clients_certificates(self):
        lb = self.site(client_mode="verify", client_ca_pem=pem("ca.pem"))
        ask(lb, using=context("client"))
        line = self.logged(lb)
        self.assertEqual((line[7], line[10]), ("CN=client,O=We,C=DE", "Success"))
        self.assertRegex(line[8], r"^NotBefore=[-0-9T:]+Z;NotAfter=[-0-9T:]+Z$")
        self.assertRegex(line[9], "^[0-9A-F]+$")
        for number, (using, word) in enumerate(((context("stranger"), "ClientCertUntrusted"), (context(), "UnmappedConnectionError")), 2):
            with self.assertRaises((ssl.SSLError, OSError, AssertionError)):
                self.assertEqual(ask(lb, using=using)[0][0], 200)
            line = self.logged(lb, number)
            self.assertEqual((line[7], line[10]), ("-", f"Failed:{word}"))

    def test_without_tls_and_without_the_attribute(self):
        lb = self.site("HTTP")
        lb.get()
        self.assertEqual(self.logged(lb)[4:11], ["-"] * 7)
        off = https(default=fixed(200))
        ask(off)
        self.assertEqual(self.lines(off), [])

    def test_a_log_that_is_moved_away_is_begun_anew(self):
        lb = self.site()
        ask(lb)
        self.logged(lb)
        file = os.path.join(LOGS, f"conn_log.app.lb.{lb.address}.log")
        os.rename(file, file + ".1")
        time.sleep(1.1)
        ask(lb)
        self.logged(lb)
        self.assertEqual(len(log_lines(file + ".1")), 1)


class Mutual(unittest.TestCase):
    def mutual(self, mode, name, **more):
        backend = Backend()
        lb = https(group(name, [backend]), listener={"client_mode": mode, "client_ca_pem": pem("ca.pem"), **more})
        return lb, backend

    def refused(self, lb, using):
        try:
            status = ask(lb, using=using)[0][0]
        except (ssl.SSLError, ConnectionError):
            status = 0
        self.assertEqual(status, 0)

    def test_verify_refuses_strangers(self):
        lb, backend = self.mutual("verify", "verify")
        for using in (context(), context("stranger")):
            self.refused(lb, using)
        self.assertEqual(backend.requests, [])
        self.assertEqual(ask(lb, using=context("client"))[0][0], 200)
        head = backend.requests[-1][0].decode()
        self.assertIn("\r\nX-Amzn-Mtls-Clientcert-Subject: CN=client,O=We,C=DE\r\n", head)
        self.assertIn("\r\nX-Amzn-Mtls-Clientcert-Issuer: CN=ca\r\n", head)
        self.assertRegex(head, r"\r\nX-Amzn-Mtls-Clientcert-Serial-Number: [0-9A-F]+\r\n")
        self.assertRegex(head, r"\r\nX-Amzn-Mtls-Clientcert-Validity: NotBefore=[-0-9T:]+Z;NotAfter=[-0-9T:]+Z\r\n")
        leaf = head.split("X-Amzn-Mtls-Clientcert-Leaf: ")[1].split("\r\n")[0]
        self.assertEqual(urllib.parse.unquote(leaf).split(), pem("client.pem").split())

    def test_passthrough_hands_on_whatever_comes(self):
        lb, backend = self.mutual("passthrough", "passthrough")
        self.assertEqual(ask(lb, using=context("stranger"))[0][0], 200)
        sent = backend.requests[-1][0].decode().split("X-Amzn-Mtls-Clientcert: ")[1].split("\r\n")[0]
        self.assertEqual(urllib.parse.unquote(sent).split(), pem("stranger.pem").split())
        self.assertEqual(ask(lb)[0][0], 200)
        self.assertNotIn(b"X-Amzn-Mtls", backend.requests[-1][0])

    def passed(self, name, client, *crls, authorities=("ca",)):
        lb = self.mutual("verify", name, client_ca_pem="".join(pem(f"{a}.pem") for a in authorities), client_crls=[pem(c) for c in crls])[0]
        try:
            return ask(lb, using=context(client))[0][0] == 200
        except (ssl.SSLError, ConnectionError):
            return False

    def test_revoked_clients_are_refused(self):
        revocations("ca", "empty.crl")
        revocations("ca", "client.crl", "client")
        self.assertTrue(self.passed("crl0", "client", "empty.crl"))
        self.assertFalse(self.passed("crl1", "client", "client.crl"))
        self.assertFalse(self.passed("crl2", "client", "client.crl", "empty.crl"), "any list of its issuer")

    def test_an_authority_that_was_revoked_vouches_for_nobody(self):
        issue("between", "ca", "/CN=between", authority=True)
        issue("leaf", "between", "/CN=leaf")
        with open(os.path.join(WORK, "chain.pem"), "w") as f:
            f.write(pem("leaf.pem") + pem("between.pem"))
        os.link(os.path.join(WORK, "leaf.key"), os.path.join(WORK, "chain.key"))
        revocations("ca", "before.crl")
        self.assertTrue(self.passed("between0", "chain", "before.crl"), "who has no list revokes nobody")
        revocations("ca", "between.crl", "between")
        self.assertFalse(self.passed("between1", "chain", "between.crl"))

    def test_lists_of_others_say_nothing_and_old_ones_not_enough(self):
        revocations("other", "other.crl")
        revocations("ca", "old.crl", when=("-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z"))
        revocations("ca", "now.crl")
        self.assertTrue(self.passed("lists0", "b", "other.crl", authorities=("ca", "other")))
        self.assertFalse(self.passed("lists1", "b", "old.crl"))
        self.assertTrue(self.passed("lists2", "b", "old.crl", "now.crl"))

    def test_the_names_of_the_authorities_are_told_when_asked_to(self):
        for advertise in (False, True):
            lb = https(default=fixed(200), listener={"client_mode": "verify", "client_ca_pem": pem("ca.pem") + pem("other.pem"), "client_advertise": advertise})
            said = s_client(lb)
            named = said.split("Acceptable client certificate CA names\n")[-1].split("Requested Signature")[0] if "Acceptable client" in said else ""
            self.assertEqual(["CN = ca\n" in named, "CN = other\n" in named], [advertise] * 2, said)
            self.assertNotIn(" 1 s:", said, "the store's own are not the server's chain")

    def test_a_trust_store_without_authorities_opens_nothing(self):
        lb = https(default=fixed(200), listener={"client_mode": "verify", "client_ca_pem": "nothing"})
        with self.assertRaises(OSError):
            lb.connect()


class Targets(unittest.TestCase):
    def test_https_targets(self):
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(os.path.join(WORK, "b.pem"), os.path.join(WORK, "b.key"))
        backend = Backend(context=server)
        lb = Balancer(PLAYER, group("httpstargets", [backend], protocol="HTTPS", health_protocol="HTTPS"))
        self.assertEqual(lb.get(method="POST", body=b"x" * 100000)[0], 200)
        self.assertEqual(len(backend.requests[-1][1]), 100000)

    def test_a_plain_target_behind_https_is_502(self):
        class Plain(Backend):
            def serve(self, connection):
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        backend = Plain()
        lb = Balancer(PLAYER, group("plaintarget", [backend], protocol="HTTPS", health_protocol="TCP"))
        self.assertEqual(lb.get()[0], 502)


SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff



class Network(unittest.TestCase):
    """Network load balancers: bytes pass as they are."""

    def network(self, *groups, protocol="TCP", **more):
        return Balancer(PLAYER, *groups, protocol=protocol, kind="network", **more)

    def test_tcp(self):
        backend = Backend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        lb = self.network(group("tcp", [backend], protocol="TCP", health_protocol="TCP"))
        self.assertEqual(lb.get()[0], 200)
        self.assertNotIn(b"X-Forwarded-For", backend.requests[-1][0])
        body = os.urandom(2_000_000)
        self.assertEqual(lb.get(method="POST", body=body)[0], 200)
        self.assertEqual(backend.requests[-1][1], body)

    def test_half_closed_ends_pass(self):
        listener = socket.create_server(("127.0.0.1", 0))
        g = group("half", [listener.getsockname()[1]], protocol="TCP", health_protocol="TCP")
        lb = self.network(g)
        with lb.connect() as s:
            s.sendall(b"question")
            while True:  # health checks come too, and say nothing
                far, _ = listener.accept()
                if far.recv(100):
                    break
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(far.recv(100), b"")
            far.sendall(b"answer")
            far.close()
            self.assertEqual(read_all(s), b"answer")

    def test_proxy_protocol(self):
        for kind in ("TCP", "TLS"):
            with self.subTest(kind), socket.create_server(("127.0.0.1", 0)) as listener:
                lb = self.network(group("proxy" + kind, [listener.getsockname()[1]], {"proxy_protocol_v2.enabled": "true"}, protocol=kind, health_protocol="TCP"))
                with lb.connect() as s:
                    s.sendall(b"hello")
                    own, checks, data = s.getsockname()[1], [], b""
                    while len(data) <= 100:
                        far, _ = listener.accept()
                        far.settimeout(5)
                        data = far.recv(1000)
                        while len(data) <= 100 and (more := far.recv(1000)):
                            data += more
                        if len(data) <= 100:
                            checks.append(data)
                        far.close()
                # A check has the header, and nobody in it.
                self.assertEqual({SIGNATURE + b"\x20\x00\x00\x00"}, set(checks))
                self.assertEqual(SIGNATURE + b"\x21\x11\x00\x54" + socket.inet_aton("127.0.0.1") + socket.inet_aton(lb.address) + own.to_bytes(2, "big") +
                                 lb.port.to_bytes(2, "big"), data[:28])
                self.assertEqual((b"\x03\x00\x04", b"\x04\x00\x3e" + bytes(62)), (data[28:31], data[35:100]))
                self.assertEqual(crc32c(data[:31] + bytes(4) + data[35:100]).to_bytes(4, "big"), data[31:35])
                # In clear, in front of a handshake too.
                self.assertEqual(b"hello" if kind == "TCP" else b"\x16\x03", data[100:][:5 if kind == "TCP" else 2])

    def test_tls_is_ended_here(self):
        backend = Backend()
        lb = self.network(group("nlbtls", [backend], protocol="TCP", health_protocol="TCP"), protocol="TLS",
                          listener={"certificates": [certificate("a", True)], "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"})
        self.assertEqual(ask(lb)[0][0], 200)

    def test_who_does_not_shake_hands_holds_no_target(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            lb = self.network(group("mute", [listener.getsockname()[1]], protocol="TCP", health_enabled=False), protocol="TLS",
                              listener={"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificates": [certificate("a", True)]})
            with lb.connect() as s:
                s.settimeout(60)
                s.sendall(b"\x16\x03\x01")  # a handshake that goes no further; the listener's idle limit is 350 s
                far, _ = listener.accept()
                far.settimeout(60)
                self.assertEqual((far.recv(1), read_all(s)), (b"", b""))

    def test_the_alpn_policy_chooses_the_protocol(self):
        seen = []
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(os.path.join(WORK, "a.pem"), os.path.join(WORK, "a.key"))
        server.set_alpn_protocols(["h2", "http/1.1", "http/1.0", "mqtt"])
        far = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(far.close)

        def serve():
            while True:
                try:
                    with far.accept()[0] as plain, server.wrap_socket(plain, server_side=True) as s:
                        seen.append(s.selected_alpn_protocol())
                        s.sendall(b"ok")
                except OSError:
                    if far.fileno() < 0:
                        return
        threading.Thread(target=serve, daemon=True).start()
        for policy, offered, chosen in ((None, ["mqtt"], None), (["None"], ["h2"], None), (["HTTP1Only"], ["h2", "http/1.0"], "http/1.0"),
                                        (["HTTP2Only"], ["http/1.1", "h2"], "h2"), (["HTTP2Optional"], ["h2", "http/1.1"], "http/1.1"),
                                        (["HTTP2Preferred"], ["http/1.1", "h2"], "h2"), (["HTTP2Only"], ["http/1.1"], None)):
            lb = self.network(group("alpn", [far.getsockname()[1]], protocol="TLS", health_enabled=False), protocol="TLS",
                              listener={"certificates": [certificate("a", True)], "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                                        **({"alpn": policy} if policy else {})})
            using = context()
            using.set_alpn_protocols(offered)
            with lb.connect() as plain, using.wrap_socket(plain, server_hostname="a.example.com") as s:
                self.assertEqual(b"ok", s.recv(10))
                self.assertEqual((chosen, chosen), (s.selected_alpn_protocol(), seen[-1]), policy)

    def test_udp(self):
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind(("127.0.0.1", 0))
        far.settimeout(5)
        g = group("udp", [far.getsockname()[1]], protocol="UDP", health_enabled=False)
        balancer = Balancer.__new__(Balancer)
        balancer.publish = lambda healthy=False: PLAYER.publish(balancer.image())
        balancer.__init__(PLAYER, g, protocol="UDP", kind="network")
        lb = balancer
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
            for s, text in ((a, b"one"), (b, b"two"), (a, b"three")):
                s.settimeout(5)
                s.sendto(text, (lb.address, lb.port))
                got, sender = far.recvfrom(1000)
                far.sendto(got[::-1], sender)
                self.assertEqual(s.recvfrom(1000), (text[::-1], (lb.address, lb.port)))

    def test_the_flow_hash_spreads(self):
        backends = [Backend() for _ in range(2)]
        lb = self.network(group("hash", backends, protocol="TCP", health_protocol="TCP"))
        for _ in range(40):
            self.assertEqual(lb.get()[0], 200)
        self.assertTrue(all(len(b.requests) > 5 for b in backends))
        sticky = self.network(group("sticky", backends, {"stickiness.enabled": "true", "stickiness.type": "source_ip"}, protocol="TCP",
                                    health_protocol="TCP"))
        before = [len(b.requests) for b in backends]
        for _ in range(10):
            sticky.get()
        self.assertIn(10, [len(b.requests) - n for b, n in zip(backends, before)])


    def test_flows_go_to_groups_by_their_weights(self):
        backends = [Backend() for _ in range(2)]
        groups = [group(f"weighs{i}", [b], protocol="TCP", health_protocol="TCP") for i, b in enumerate(backends)]
        lb = self.network(*groups, default=forward(*groups))

        def shares(*weights):
            lb.listener["rules"][-1]["actions"] = [forward(*zip(groups, weights))]
            lb.publish()
            before = [len(b.requests) for b in backends]
            for _ in range(40):
                try:
                    lb.get()
                except ConnectionResetError:  # there is no group for it
                    self.assertEqual(0, sum(weights))
            return [len(b.requests) - n for b, n in zip(backends, before)]
        self.assertEqual([0, 40], shares(0, 1))
        self.assertEqual([40, 0], shares(7, 0))
        self.assertEqual([0, 0], shares(0, 0))
        few, many = shares(1, 3)
        self.assertTrue(0 < few < many and few + many == 40, (few, many))

    def test_too_few_healthy_ones_open_to_all(self):
        """The attributes of unhealthy-state routing hold for flows, too."""
        backends = [Backend(), Backend(), Backend()]
        g = group("few", backends, {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "2"}, protocol="TCP")
        lb = self.network(g)
        for b in backends[1:]:
            b.status = 500
            PLAYER.health(b.port, "unhealthy")
        for _ in range(60):
            lb.get()
        self.assertTrue(all(len(b.requests) > 5 for b in backends))
        g["attributes"] = {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1"}
        lb.publish(healthy=False)
        before = len(backends[0].requests)
        for _ in range(20):
            lb.get()
        self.assertEqual(20, len(backends[0].requests) - before)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        PLAYER.was_never_ill(self)


if __name__ == "__main__":
    harness.main()
