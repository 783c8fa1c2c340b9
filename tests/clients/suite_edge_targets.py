#!/usr/bin/env python3
"""What a target may do to the edge and to its clients, whichever versions of HTTP both speak: fields at and above what goes on, answers before the
answer, resets."""
import pathlib
import tempfile
import threading
import time
import unittest

import harness
from edge_case import Backend, Balancer, Player, forward, group, log_lines
from h2_case import CERTIFICATE, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, RST, UPDATE, Connection, FrameTarget, block, curl

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-targets-")
PLAYER = Player(LOGS)
NAMES = ("strict_transport_security", "access_control_allow_origin", "access_control_allow_methods", "access_control_allow_headers",
         "access_control_allow_credentials", "access_control_expose_headers", "access_control_max_age", "content_security_policy",
         "x_content_type_options", "x_frame_options")
TARGETS = {1: Backend(), 2: FrameTarget(None)}
LBS = {}  # by the target's version, and whether it has but a second


def setUpModule():
    listener = {"certificates": [CERTIFICATE], "attributes": {f"routing.http.response.{n}.header_value": "added" for n in NAMES}}
    lbs = []
    for version, target in TARGETS.items():
        one, other = (group(f"t{version}-{port}", [port], protocol_version=f"HTTP{version}", health_enabled=False,
                            attributes={"stickiness.enabled": "true", "stickiness.type": "lb_cookie"}) for port in (target.port, 9))
        for hurry in (False, True):
            attributes = {"access_logs.s3.enabled": "true", **({"idle_timeout.timeout_seconds": "1"} if hurry else {})}
            lb = Balancer(PLAYER, one, other, default=forward((one, 1), (other, 0), sticky_groups=True, sticky_seconds=60), attributes=attributes,
                          protocol="HTTPS", listener=listener)
            LBS[version, hurry] = lb
            lbs.append(lb)
    groups = {g["arn"]: g for lb in lbs for g in lb.groups}
    PLAYER.publish({"load_balancers": [lb.balancer for lb in lbs], "target_groups": list(groups.values())})


def frames(stream, fields, body=b"ok"):
    coded = block(fields)
    out = Connection.make(HEADERS, END_HEADERS if len(coded) <= 16000 else 0, stream, coded[:16000])
    for at in range(16000, len(coded), 16000):
        out += Connection.make(CONTINUATION, END_HEADERS if at + 16000 >= len(coded) else 0, stream, coded[at:at + 16000])
    return out + Connection.make(DATA, END_STREAM, stream, body)


class Case(unittest.TestCase):
    def asked(self, version, *words, hurry=False, path="/", **acts):
        """What curl gets when an HTTP/1.1 target does `old`, and one of HTTP/2 `new`, with its connection and the stream."""
        if version == 1:
            TARGETS[1].answer = lambda head, body: acts["old"]
        else:
            TARGETS[2].act = acts["new"]
        return curl(LBS[version, hurry], "-i", *words, path=path)

    def logged(self, path, word):
        """As an access log's error_reason."""
        def lines():
            return [line for f in pathlib.Path(LOGS).iterdir() for line in log_lines(f) if path + " HTTP" in line]
        PLAYER.until(lambda: any(f'"{word}"' in line for line in lines()), f"the log does not say {word}")


class Fields(Case):
    """All fields of an answer go on, with all that a load balancer adds, or none of them does."""

    def answered(self, version, fields, *words, path="/"):
        old = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\nok"
        return self.asked(version, *words, path=path, old=lambda c, s: c.sendall(old.encode()) and False,
                          new=lambda c, s: c.sendall(frames(s, [(":status", "200"), *fields])))

    def test_all_or_none(self):
        for version, client in ((1, "1.1"), (1, "2"), (2, "2")):
            for count in (99, 100, 101):
                own, lines = [f"own-{i}=" for i in range(3)], [f"x-{i}" for i in range(count - 3)]
                with self.subTest(target=version, client=client, count=count):
                    path = f"/many?{version}{client}"
                    out = self.answered(version, [*((n, "a") for n in lines), *(("set-cookie", c + "b") for c in own)], f"--http{client}", path=path).lower()
                    if count > 100:
                        self.assertIn(b" 502", out.split(b"\r\n")[0])
                        self.assertNotIn(b"own-", out)
                        self.logged(path, "TargetResponseTooLarge")
                        continue
                    self.assertIn(b" 200", out.split(b"\r\n")[0])
                    for line in (*(n + ": a" for n in lines), *(n.replace("_", "-") + ": added" for n in NAMES),
                                 *("set-cookie: " + c for c in (*own, "awsalb=", "awsalbcors=", "awsalbtg=", "awsalbtgcors="))):
                        self.assertEqual(out.count(b"\r\n" + line.encode()), 1, line)

    def test_bytes_too(self):
        for version in (1, 2):
            for size, good in ((10000, True), (11000, False)):  # three of them, and 32 KiB
                with self.subTest(version=version, size=size):
                    out = self.answered(version, [("x-a", "a" * size)] * 3, path=f"/large?{version}")
                    self.assertEqual((b" 200" in out.split(b"\r\n")[0], out.count(b"x-a: a")), (good, 3 if good else 0))
                    if not good:
                        self.logged(f"/large?{version}", "TargetResponseTooLarge")


class Interims(Case):
    """Answers before the answer are 32 at most, and no progress."""

    def answered(self, version, n, wait=0.0, **more):
        def old(c, s):
            for _ in range(n):
                c.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
                time.sleep(wait)
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            try:
                self.ends.append(c.recv(1) == b"")
            except ConnectionError:
                self.ends.append(True)
            return False

        def new(c, s):
            for _ in range(n):
                c.sendall(Connection.make(HEADERS, END_HEADERS, s, block([(":status", "103"), ("link", "a")])))
                time.sleep(wait)
            c.sendall(frames(s, [(":status", "200")]))
        self.ends = TARGETS[2].ends = []
        return self.asked(version, old=old, new=new, **more)

    def test_a_count(self):
        for version in (1, 2):
            for n in (1, 32, 33, 10000):
                with self.subTest(version=version, n=n):
                    out = self.answered(version, n, path=f"/interim?{version}{n}")
                    self.assertTrue(out.startswith(b"HTTP/2 502" if n > 32 else b"HTTP/2 200"), out)
                    if n == 33:
                        self.logged(f"/interim?{version}{n}", "TargetTooManyInterimResponses")
                        PLAYER.until(lambda: True in self.ends, "the target's connection goes on")

    def test_no_progress(self):
        for version in (1, 2):
            with self.subTest(version=version):
                begun = time.monotonic()
                out = self.answered(version, 20, 0.2, hurry=True)
                self.assertTrue(out.startswith(b"HTTP/2 504"), out)
                self.assertLess(time.monotonic() - begun, 3.5)

    def test_nor_is_a_head_in_crumbs(self):
        def crumbs(c, s):
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
                c.sendall(bytes([byte]))
                time.sleep(0.1)
            return False
        self.assertTrue(self.asked(1, old=crumbs, hurry=True).startswith(b"HTTP/2 504"))


class Resets(Case):
    """A target that takes back some of many answers, as gRPC servers do behind deadlines, costs the others nothing."""

    def test_one_of_five(self):
        lock, n = threading.Lock(), 0

        def act(c, s):
            nonlocal n
            with lock:
                n += 1
                mine = n
            c.sendall(Connection.make(RST, 0, s, b"\0\0\0\x08") if mine % 5 == 0 else frames(s, [(":status", "200")]))
        TARGETS[2].act = act
        before, asked, good, bad = TARGETS[2].connections, 2000, 0, 0
        with Connection(LBS[2, False]) as c:
            c.frame(UPDATE, 0, 0, b"\0\x7f\0\0")
            for at in range(0, asked, 100):
                c.socket.sendall(b"".join(Connection.make(HEADERS, END_STREAM | END_HEADERS, 2 * (at + i) + 1, block(GET)) for i in range(100)))
                for _ in range(100):
                    frame = c.until(HEADERS, RST, GOAWAY)
                    self.assertTrue(frame and frame[0] == HEADERS, frame)
                    good, bad = good + (frame[3][0] == 0x88), bad + (frame[3][0] != 0x88)
        self.assertEqual((good, bad), (asked * 4 // 5, asked // 5))
        self.assertLessEqual(TARGETS[2].connections - before, 2)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        PLAYER.was_never_ill(self)


if __name__ == "__main__":
    harness.main()
