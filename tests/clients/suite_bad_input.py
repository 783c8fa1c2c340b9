#!/usr/bin/env python3
"""What no SDK would send: malformed HTTP, bodies in foreign forms, signatures of other payloads, tokens with a bit flipped, bombs of JSON.
Each gets a clear error, bounded memory, and a connection whose state is never confused."""
import base64
import hashlib
import hmac
import pathlib
import re
import socket
import time
import unittest
import uuid

import harness

IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
STREAMING = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
             "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")


def connect():
    return socket.create_connection(("127.0.0.1", harness.SERVER.port), 20)


def answers(connection):
    """All that comes until the server closes."""
    text = b""
    while True:
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            break
        if not more:
            break
        text += more
    return text


def spoken(data, then_close=True):
    with connect() as c:
        c.sendall(data)
        if then_close:
            c.shutdown(socket.SHUT_WR)
        return answers(c)


def status_of(text):
    return int(text.split(b" ", 2)[1])


class Signed:
    """A request signed by hand, so that what the signature says and what is sent may differ."""

    def __init__(self, service="sts", body=IDENTITY, claim=None, sent=None, headers=None, token=None, key=None, secret=None, target=None):
        key, secret = key or harness.SERVER.key_id, secret or harness.SERVER.secret
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signed = {"content-type": FORM, "host": f"127.0.0.1:{harness.SERVER.port}", "x-amz-date": when}
        if target:
            signed |= {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
        if token:
            signed["x-amz-security-token"] = token
        if claim:
            signed["x-amz-content-sha256"] = claim
        signed |= headers or {}
        names = ";".join(sorted(signed))
        canonical = "\n".join(["POST", "/", "", *(f"{n}:{signed[n]}" for n in sorted(signed)), "", names,
                               claim or hashlib.sha256(body).hexdigest()])
        scope = f"{when[:8]}/{harness.REGION}/{service}/aws4_request"
        k = b"AWS4" + secret.encode()
        for part in scope.split("/"):
            k = hmac.new(k, part.encode(), hashlib.sha256).digest()
        text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
        self.head = "POST / HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in signed.items())
        self.head += f"Authorization: AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}\r\n"
        self.body = body if sent is None else sent

    def bytes(self, extra="", length=True):
        size = f"Content-Length: {len(self.body)}\r\n" if length else ""
        return (self.head + size + extra + "\r\n").encode() + self.body

    def answer(self, extra="Connection: close\r\n"):
        return spoken(self.bytes(extra), then_close=False)


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def resident_kib():
    """Of all processes of the server."""
    parent = harness.SERVER.process.pid
    children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{p}/status").read_text())[1]) for p in [parent, *children])


class Http(unittest.TestCase):
    maxDiff = None

    def test_a_right_request_by_hand_is_answered(self):
        self.assertEqual(200, status_of(Signed().answer()))

    def test_smuggling_spellings_are_refused_and_nothing_behind_them_runs(self):
        request = Signed()
        whole, body = request.bytes(), chunked(IDENTITY)
        plain = request.head.encode()
        spellings = {
            "two lengths": plain + b"Content-Length: 43\r\nContent-Length: 42\r\n\r\n" + IDENTITY,
            "a list of lengths": plain + b"Content-Length: 43, 43\r\n\r\n" + IDENTITY,
            "length with a sign": plain + b"Content-Length: +43\r\n\r\n" + IDENTITY,
            "length in hex": plain + b"Content-Length: 0x2b\r\n\r\n" + IDENTITY,
            "length and chunks": plain + b"Content-Length: 43\r\nTransfer-Encoding: chunked\r\n\r\n" + body,
            "chunks twice": plain + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + body,
            "chunks with a tab": plain + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + body,
            "another coding": plain + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + body,
            "identity": plain + b"Transfer-Encoding: identity\r\n\r\n" + body,
            "space before the colon": plain + b"Content-Length : 43\r\n\r\n" + IDENTITY,
            "folded line": plain + b"X-A: 1\r\n folded\r\nContent-Length: 43\r\n\r\n" + IDENTITY,
            "bare line feed": plain.replace(b"\r\n", b"\n") + b"Content-Length: 43\n\n" + IDENTITY,
            "bare carriage return": plain + b"X-A: 1\rX-B: 2\r\nContent-Length: 43\r\n\r\n" + IDENTITY,
            "a zero byte": plain + b"X-A: \0\r\nContent-Length: 43\r\n\r\n" + IDENTITY,
            "no host": b"GET / HTTP/1.1\r\n\r\n",
            "two hosts": plain + b"Host: other\r\nContent-Length: 43\r\n\r\n" + IDENTITY,
            "a foreign version": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
            "no version": b"GET /\r\n\r\n",
            "chunk size that overflows": plain + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
            "chunk size with a sign": plain + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
            "chunk without its end": plain + b"Transfer-Encoding: chunked\r\n\r\n1\r\nAB\r\n0\r\n\r\n",
        }
        for name, data in spellings.items():
            with self.subTest(name):
                text = spoken(data + whole)
                self.assertIn(status_of(text), (400, 411, 413, 501, 505), text[:200])
                self.assertEqual(1, text.count(b"HTTP/1.1 "), "one answer, then the end")
                self.assertNotIn(b"GetCallerIdentityResult", text)

    def test_what_is_no_request_has_an_id_too(self):
        host = b"Host: a\r\n"
        for status, data in ((400, b"GET / HTTP/1.1\r\n\r\n"), (400, b"GET http://a/ HTTP/1.1\r\n" + host + b"\r\n"),
                             (413, b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1048577\r\n\r\n"),
                             (417, b"GET / HTTP/1.1\r\n" + host + b"Expect: more\r\n\r\n"),
                             (431, b"GET / HTTP/1.1\r\n" + host + b"X: 1\r\n" * 101 + b"\r\n"),
                             (501, b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\n"), (505, b"GET / HTTP/1.2\r\n\r\n")):
            with self.subTest(data[:30]):
                text = spoken(data).decode()
                self.assertEqual(status, status_of(text.encode()))
                told = re.search(r"^x-amzn-RequestId: ([0-9a-f-]{36})\r$", text, re.M)[1]
                self.assertIn("<Type>Sender</Type><Code>MalformedHttpRequestException</Code>", text)
                self.assertIn(f"<RequestId>{told}</RequestId>", text)

    def test_a_page_in_a_browser_is_not_this_machine(self):
        def ask(method, path, host, *more):
            head = [f"{method} /_bulwark/{path} HTTP/1.1", f"Host: {host}", "Content-Length: 0", "Connection: close", *more]
            return spoken(("\r\n".join(head) + "\r\n\r\n").encode(), then_close=False)
        port = harness.SERVER.port
        names = ["127.0.0.1", f"127.0.0.1:{port}", "[::1]", f"[::1]:{port}", "localhost", f"LOCALHOST:{port}", f"b.localhost:{port}"]
        foreign = [(f"evil.example:{port}",), ("127.0.0.1.evil.example",), ("notlocalhost",), ("localhost.evil.example",), ("10.0.0.1",), ("x" * 200,),
                   (names[1], "Origin: null"), (names[1], f"Origin: http://127.0.0.1:{port}"), (names[1], "Sec-Fetch-Site: cross-site"),
                   (names[1], "Sec-Fetch-Site: same-origin")]
        name = f"stays-{uuid.uuid4().hex[:8]}"
        harness.client("iam").create_user(UserName=name)
        for host, *more in foreign:
            with self.subTest(host=host, more=more):
                self.assertEqual(403, status_of(ask("POST", "reset", host, *more)))
                self.assertEqual(404, status_of(ask("GET", "metrics", host, *more)))
                health = ask("GET", "health", host, *more)
                self.assertEqual(200, status_of(health))
                self.assertNotIn(b"processes", health)
        harness.client("iam").get_user(UserName=name)
        for host in names:
            with self.subTest(host=host):
                self.assertEqual(200, status_of(ask("GET", "metrics", host)))
                self.assertIn(b"processes", ask("GET", "health", host, "Sec-Fetch-Site: none"))
        self.assertEqual(405, status_of(ask("GET", "reset", names[0])))

    def test_pipelined_requests_are_answered_in_order(self):
        wrong = Signed(body=b"Action=Nonsense&Version=2011-06-15")
        text = spoken(wrong.bytes() + Signed().bytes() + wrong.bytes() + Signed().bytes("Connection: close\r\n"), then_close=False)
        self.assertEqual(["400", "200", "400", "200"], re.findall(r"HTTP/1\.1 (\d+)", text.decode()))

    def test_heads_and_bodies_at_and_above_their_ceilings(self):
        def padded(bytes_of_head):
            request = Signed()
            room = bytes_of_head - len(request.bytes("Connection: close\r\nX-Pad: \r\n")) + len(request.body)
            return request.bytes("Connection: close\r\nX-Pad: " + "a" * room + "\r\n")
        self.assertEqual(200, status_of(spoken(padded(64 * 1024), then_close=False)))
        self.assertIn(status_of(spoken(padded(64 * 1024 + 1))), (400, 431))
        lines = Signed().bytes("".join(f"X-{i}: 1\r\n" for i in range(94)) + "Connection: close\r\n")
        self.assertEqual(200, status_of(spoken(lines, then_close=False)))
        lines = Signed().bytes("".join(f"X-{i}: 1\r\n" for i in range(101)) + "Connection: close\r\n")
        self.assertIn(status_of(spoken(lines)), (400, 431))
        padding = b"&UserName=" + b"a" * (1024 * 1024 - len(IDENTITY) - 10)
        self.assertEqual(200, status_of(Signed(body=IDENTITY + padding).answer()))
        self.assertEqual(413, status_of(Signed(body=IDENTITY + padding + b"a").answer()))

    def test_memory_is_bounded_by_what_is_promised_and_not_sent(self):
        before, held = resident_kib(), []
        try:
            for _ in range(200):
                c = connect()
                c.sendall(Signed(body=b"x" * 1000000, sent=b"").bytes(length=False).replace(b"\r\n\r\n", b"\r\nContent-Length: 1000000\r\n\r\n"))
                held.append(c)
            grown = resident_kib() - before
            self.assertLess(grown, 32 * 1024, "a promise costs no memory")
            self.assertEqual(200, status_of(Signed().answer()))
        finally:
            for c in held:
                c.close()


class Payloads(unittest.TestCase):
    def refused(self, text, code):
        self.assertEqual(403, status_of(text), text[-400:])
        self.assertIn(code, text.decode())
        self.assertNotIn("GetCallerIdentityResult", text.decode())

    def test_chunks_of_http_are_a_body_like_any_other(self):
        request = Signed(sent=chunked(IDENTITY))
        text = spoken(request.bytes("Transfer-Encoding: chunked\r\nConnection: close\r\n", length=False), then_close=False)
        self.assertEqual(200, status_of(text))

    def test_streaming_signatures_are_s3s_alone(self):
        for claim in STREAMING:
            framed = b"%x;chunk-signature=%s\r\n%s\r\n0;chunk-signature=%s\r\n\r\n" % (len(IDENTITY), b"0" * 64, IDENTITY, b"0" * 64)
            more = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(IDENTITY))}
            for sent in (IDENTITY, framed):
                with self.subTest(claim):
                    self.refused(Signed(claim=claim, sent=sent, headers=more).answer(), "SignatureDoesNotMatch")

    def test_a_payload_that_is_not_signed_is_not_read(self):
        self.refused(Signed(claim="UNSIGNED-PAYLOAD").answer(), "SignatureDoesNotMatch")

    def test_another_payload_than_the_signed_one(self):
        other = IDENTITY.replace(b"GetCallerIdentity", b"GetSessionToken")
        self.refused(Signed(sent=other).answer(), "SignatureDoesNotMatch")
        self.refused(Signed(claim=hashlib.sha256(IDENTITY).hexdigest(), sent=other).answer(), "SignatureDoesNotMatch")
        self.refused(Signed(claim=hashlib.sha256(other).hexdigest(), sent=IDENTITY).answer(), "SignatureDoesNotMatch")

    def test_text_that_is_not_utf8(self):
        text = Signed("iam", b"Action=GetUser&Version=2010-05-08&UserName=%ff%fe").answer()
        self.assertEqual(400, status_of(text))
        text = Signed("kms", b'{"KeyId":"\xff"}', target="TrentService.DescribeKey").answer()
        self.assertEqual(400, status_of(text))
        self.assertIn(b"SerializationException", text)

    def test_bombs_of_json(self):
        for depth in (64, 65, 1000, 400000):
            bomb = b'{"KeyId":' + b"[" * depth + b"]" * depth + b"}"
            text = Signed("kms", bomb, target="TrentService.DescribeKey").answer()
            self.assertEqual(400, status_of(text), depth)
            self.assertIn(b"SerializationException", text)
        for broken in (b"", b"{", b"[]", b'{"KeyId":"a","KeyId":"b"}', b'{"KeyId":"a"} ', b'{"KeyId":"a"}}', b"nul", b'{"KeyId":1}',
                       b'{"KeyId":"' + b"a" * 100000):
            with self.subTest(broken[:30]):
                text = Signed("kms", broken, target="TrentService.DescribeKey").answer()
                self.assertEqual(400, status_of(text), text[-200:])

    def test_bombs_of_policies(self):
        iam = harness.client("iam")
        for depth in (63, 64, 65, 20000):
            document = '{"Version":"2012-10-17","Statement":' + "[" * depth + "]" * depth + "}"
            with self.assertRaises(iam.exceptions.MalformedPolicyDocumentException):
                iam.create_policy(PolicyName="bomb", PolicyDocument=document[:131072])

    def test_operations_that_are_not(self):
        for service, body, target, code in (("sts", b"Action=Nonsense&Version=2011-06-15", None, b"InvalidAction"),
                                            ("sts", b"Action=GetCallerIdentity&Version=1999-01-01", None, b"InvalidAction"),
                                            ("sts", b"Version=2011-06-15", None, b"MissingAction"),
                                            ("kms", b"{}", "TrentService.Nonsense", b"UnknownOperationException"),
                                            ("kms", b"{}", "Nonsense.DescribeKey", b"UnknownOperationException")):
            with self.subTest(body=body, target=target):
                text = Signed(service, body, target=target).answer()
                self.assertIn(status_of(text), (400, 404), text)
                self.assertIn(code, text)


class Scopes(unittest.TestCase):
    """Credentials are scoped to a service: another one's calls are refused in AWS's words, and by whoever was meant."""

    def test_another_service_is_named(self):
        for signed, body, target, wanted, code in (("kms", IDENTITY, None, "sts", b"<Code>SignatureDoesNotMatch</Code>"),
                                                   ("nonesuch", IDENTITY, None, "sts", b"<Code>SignatureDoesNotMatch</Code>"),
                                                   ("sts", b"{}", "TrentService.ListKeys", "kms", b'"InvalidSignatureException"'),
                                                   ("acm", b"{}", "TrentService.ListKeys", "kms", b'"InvalidSignatureException"')):
            with self.subTest(signed=signed, wanted=wanted):
                text = Signed(signed, body, target=target).answer()
                self.assertIn(status_of(text), (400, 403))
                self.assertIn(f"Credential should be scoped to correct service: '{wanted}'. ".encode(), text.replace(b"&apos;", b"'"))
                self.assertIn(code, text)

    def test_a_name_that_nobody_has_stays_unknown(self):
        self.assertIn(b"InvalidAction", Signed("kms", b"Action=Nonsense&Version=2011-06-15").answer())
        self.assertIn(b"UnknownOperationException", Signed("sts", b"{}", target="Nonsense.ListKeys").answer())

    def test_whom_no_service_knows_hears_of_it_in_its_own_protocol(self):
        text = Signed("kms", b"{}", target="Nonsense.ListKeys", secret="wrong").answer()
        self.assertEqual(400, status_of(text))
        self.assertIn(b'"__type":"InvalidSignatureException"', text)


class Ec2(unittest.TestCase):
    """EC2 has words of its own for what goes wrong before a handler has a say."""

    def said(self, fields, status, code, message, **more):
        text = Signed("ec2", b"Action=DescribeVpcs&Version=2016-11-15" + fields, **more).answer()
        self.assertEqual(status, status_of(text), text)
        self.assertIn(f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>".encode(), text)

    def test_credentials_that_prove_nothing(self):
        words = "AWS was not able to validate the provided access credentials"
        self.said(b"", 401, "AuthFailure", words, secret="wrong")
        self.said(b"", 401, "AuthFailure", words, key="AKIAXXXXXXXXXXXXXXXX")
        self.said(b"", 401, "AuthFailure", words, token="garbage")

    def test_parameters(self):
        self.said(b"&Nonsense=1", 400, "UnknownParameter", "The parameter Nonsense is not recognized")
        self.said(b"&Filter.1.Nme=1", 400, "UnknownParameter", "The parameter Filter.1.Nme is not recognized")
        self.said(b"&MaxResults=ten", 400, "InvalidParameterValue", "Value (ten) for parameter MaxResults is invalid.")


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        iam = harness.client("iam")
        iam.create_user(UserName="token")
        iam.attach_user_policy(UserName="token", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        key = iam.create_access_key(UserName="token")["AccessKey"]
        sts = harness.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        cls.one, cls.other = (sts.get_session_token()["Credentials"] for _ in range(2))

    def asked(self, credentials, token, key=None):
        return Signed(token=token, key=key or credentials["AccessKeyId"], secret=credentials["SecretAccessKey"]).answer()

    def test_the_token_itself(self):
        self.assertEqual(200, status_of(self.asked(self.one, self.one["SessionToken"])))

    def test_every_changed_character_and_length_is_refused(self):
        token = self.one["SessionToken"]
        raw = bytearray(base64.b64decode(token + "=" * (-len(token) % 4)))
        changed = [token[:-4], token + "AAAA", token + "=", token[4:], token.lower(), "", "A", token * 2]
        for at in range(0, len(raw), 11):
            raw[at] ^= 1 << at % 8
            changed.append(base64.b64encode(bytes(raw)).decode())
            raw[at] ^= 1 << at % 8
        for text in changed:
            answer = self.asked(self.one, text or None)
            self.assertEqual(403, status_of(answer), text[:20])
            self.assertIn(b"InvalidClientTokenId", answer)

    def test_the_last_character_has_one_spelling(self):
        """Unused bits of base64's last character are no second name of a token."""
        token = self.one["SessionToken"].rstrip("=")
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for letter in letters:
            if letter != token[-1]:
                answer = self.asked(self.one, token[:-1] + letter + self.one["SessionToken"][len(token):])
                self.assertEqual(403, status_of(answer), letter)

    def test_a_token_goes_with_its_own_key_alone(self):
        self.assertEqual(403, status_of(self.asked(self.one, self.other["SessionToken"])))
        self.assertEqual(403, status_of(self.asked(self.one, self.one["SessionToken"], key=self.other["AccessKeyId"])))
        self.assertEqual(403, status_of(Signed(token=self.one["SessionToken"]).answer()), "nor with a long-term key")

    def test_a_token_above_the_ceiling(self):
        answer = self.asked(self.one, "A" * 16 * 1024)
        self.assertEqual(403, status_of(answer))
        self.assertIn(status_of(self.asked(self.one, "A" * (16 * 1024 + 1))), (400, 403))


class Standing(unittest.TestCase):
    def test_the_server_still_answers_and_has_not_been_started_again(self):
        self.assertEqual(200, status_of(Signed().answer()))
        self.assertNotIn("started again", harness.SERVER.log())
        self.assertNotIn("AddressSanitizer", harness.SERVER.log())


if __name__ == "__main__":
    harness.serve()
    harness.main()
