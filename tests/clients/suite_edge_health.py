#!/usr/bin/env python3
"""What follows from targets' health: connections to those that become unhealthy or leave, and the log of health checks."""
import os
import re
import socket
import tempfile
import threading
import time
import unittest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import harness
from edge_case import LOG_KEY, Backend, Balancer, Player, group, log_lines, raw_public

LOGS = tempfile.mkdtemp(prefix="bulwark-edge-health-")
PLAYER = Player(LOGS, loops=2)


class Echo:
    """A target of a network load balancer: says back what it hears. Its health is asked at another port."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.checked = Backend()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            c, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            while data := c.recv(1000):
                c.sendall(data)
        except OSError:
            pass

    def get_well(self, well):
        self.checked.status = 200 if well else 500


def tcp(name, echo, **attributes):
    g = group(name, [echo.port], {k.replace("__", "."): v for k, v in attributes.items()}, protocol="TCP", health_port=str(echo.checked.port))
    return Balancer(PLAYER, g, protocol="TCP", kind="network")


def alive(s):
    try:
        s.sendall(b"x")
        return s.recv(10) == b"x"
    except OSError:
        return False


def ended(s, seconds=5):
    s.settimeout(seconds)
    try:
        return s.recv(10) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


CUT, DRAIN = "target_health_state__unhealthy__connection_termination__enabled", "target_health_state__unhealthy__draining_interval_seconds"


class Unhealthy(unittest.TestCase):
    def state(self, echo):
        return [h["state"] for h in PLAYER.report()["health"] if h["port"] == echo.port]

    def until(self, echo, state, seconds=harness.PATIENCE_SECONDS):
        PLAYER.until(lambda: self.state(echo) == [state], f"the target is not {state}", seconds)

    def test_connections_end_at_once(self):
        echo = Echo()
        lb = tcp("cut", echo, **{CUT: "true"})
        # Both loops have some of them.
        connections = [lb.connect() for _ in range(8)]
        self.assertTrue(all(alive(s) for s in connections))
        echo.get_well(False)
        self.until(echo, "unhealthy")
        self.assertTrue(all(ended(s) for s in connections))

    def test_they_go_on_without_the_attribute(self):
        echo = Echo()
        lb = tcp("kept", echo, **{CUT: "false"})
        with lb.connect() as s:
            self.assertTrue(alive(s))
            echo.get_well(False)
            self.until(echo, "unhealthy")
            time.sleep(0.3)
            self.assertTrue(alive(s))

    def test_an_interval_in_which_they_go_on(self):
        echo = Echo()
        lb = tcp("drain", echo, **{CUT: "false", DRAIN: "2"})
        with lb.connect() as s:
            self.assertTrue(alive(s))
            echo.get_well(False)
            self.until(echo, "unhealthy.draining")
            self.assertTrue(alive(s))
            self.until(echo, "unhealthy")
            self.assertTrue(ended(s))

    def test_a_target_that_recovers_keeps_them(self):
        echo = Echo()
        lb = tcp("recovers", echo, **{CUT: "false", DRAIN: "4"})
        with lb.connect() as s:
            self.assertTrue(alive(s))
            echo.get_well(False)
            self.until(echo, "unhealthy.draining")
            echo.get_well(True)
            self.until(echo, "healthy")
            time.sleep(4)
            self.assertTrue(alive(s))

    def test_a_deregistered_target_at_its_delays_end(self):
        for wanted in ("true", "false"):
            echo = Echo()
            lb = tcp("gone" + wanted, echo, deregistration_delay__connection_termination__enabled=wanted)
            with lb.connect() as s:
                self.assertTrue(alive(s))
                lb.groups[0]["targets"][0]["draining"] = True
                lb.publish()
                self.assertTrue(alive(s), "as long as the delay lasts")
                lb.groups[0]["targets"] = []
                lb.publish()
                self.assertEqual(wanted == "true", ended(s, 1))


class Hinting(Backend):
    """A target that says so many interim answers before the one to a health check, in two pieces."""

    def __init__(self, interims):
        self.interims = interims
        super().__init__()

    def one(self, connection, stream):
        if self.read(stream) is None:
            return False
        said = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * self.interims
        connection.sendall(said[:-5])
        time.sleep(0.05)
        connection.sendall(said[-5:] + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return False


class Interims(unittest.TestCase):
    def test_they_are_no_verdict_and_have_an_end(self):
        for interims, state in ((1, "healthy"), (32, "healthy"), (33, "unhealthy")):
            with self.subTest(interims=interims):
                target = Hinting(interims)
                Balancer(PLAYER, group(f"hints{interims}", [target.port]), healthy=False)
                PLAYER.until(lambda: [h["state"] for h in PLAYER.report()["health"] if h["port"] == target.port] == [state],
                             f"the target is not {state}")


class Logs(unittest.TestCase):
    def lines(self, lb):
        path = os.path.join(LOGS, f"health_check_log.app.lb.{lb.address}.log")
        return log_lines(path) if os.path.exists(path) else []

    def test_a_line_a_check(self):
        well, ill, wrong = Backend(), Backend(health=503), Backend(health=302)
        dead = socket.socket()
        dead.bind(("127.0.0.1", 0))
        ports = [well.port, ill.port, wrong.port, dead.getsockname()[1]]
        lb = Balancer(PLAYER, group("logged", ports), attributes={"health_check_logs.s3.enabled": "true"}, healthy=False)
        PLAYER.until(lambda: len({line.split()[3] for line in self.lines(lb)}) == 4, "not all checks are logged")
        told = {line.split()[3]: line for line in self.lines(lb)}
        for port, words in zip(ports, ("PASS 200 -", "FAIL 503 TargetError", "FAIL 302 ResponseCodeMismatch", "FAIL - ConnectionReset")):
            line = told[f"127.0.0.1:{port}"]
            self.assertRegex(line, r"^http \d{4}-\d\d-\d\dT[\d:.]+Z \d+\.\d{9} 127\.0\.0\.1:\d+ logged " + re.escape(words) + "$")

    def test_the_image_says_to_whom_lines_are_sealed(self):
        """A new key counts from the next line on, and without one, or with one that is none, nothing is written rather than something readable."""
        lb = Balancer(PLAYER, group("keys", [Backend()]), attributes={"access_logs.s3.enabled": "true"})
        path = os.path.join(LOGS, f"app.lb.{lb.address}.log")
        lb.get("/first")
        PLAYER.until(lambda: os.path.exists(path) and len(log_lines(path)) == 1, "the line is not there")
        for none in ("", "00" * 32, raw_public(LOG_KEY).hex()[:-1], "x" * 64):
            PLAYER.publish({**lb.image(), "log_key": none})
            self.assertEqual(200, lb.get("/never")[0])
        size = os.path.getsize(path)
        other = X25519PrivateKey.generate()
        os.rename(path, path + ".1")
        PLAYER.publish({**lb.image(), "log_key": raw_public(other).hex()})
        time.sleep(1.1)
        lb.get("/second")
        PLAYER.until(lambda: os.path.exists(path) and len(log_lines(path, other)) == 1, "the line is not sealed to the new key")
        self.assertIn("/second", log_lines(path, other)[0])
        with self.assertRaises(InvalidTag):
            log_lines(path)
        self.assertEqual((size, 1), (os.path.getsize(path + ".1"), len(log_lines(path + ".1"))))

    def test_none_without_the_attribute(self):
        lb = Balancer(PLAYER, group("silent", [Backend()]))
        self.assertEqual([], self.lines(lb))


if __name__ == "__main__":
    harness.main()
