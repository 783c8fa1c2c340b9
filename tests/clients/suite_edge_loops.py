#!/usr/bin/env python3
"""The edge as several processes: what they share, and what a client sees when one is killed, relieved, or the API dies under load."""
import collections
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from edge_case import Backend, Balancer, Load, Player, forward, group, header, parse, read_all, websocket

LOOPS = 3
PLAYER = Player(loops=LOOPS)


def processes(parent=None):
    """title -> pids of the edge's processes."""
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(parent or PLAYER.process.pid)], capture_output=True, text=True, check=True).stdout
    found = collections.defaultdict(list)
    for line in out.splitlines():
        number, name = line.split()
        found[name].append(int(number))
    return found


def edges(parent=None):
    return sorted(pid for name, pids in processes(parent).items() if name.startswith("edge") for pid in pids)


def until(true, seconds=harness.PATIENCE_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen\n" + PLAYER.log()[-3000:])


def owners(port, udp=False):
    """Processes of the edge that hold a descriptor of the listening socket, by number."""
    table = open("/proc/net/udp" if udp else "/proc/net/tcp", encoding="ascii").read().splitlines()[1:]
    inodes = {f.split()[9] for f in table if int(f.split()[1].split(":")[1], 16) == port and (udp or f.split()[3] == "0A")}
    found = {}
    for pid in edges():
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if link.startswith("socket:[") and link[8:-1] in inodes:
                found.setdefault(pid, set()).add(link[8:-1])
    return found


class Loops(unittest.TestCase):
    def site(self, n=2, **more):
        backends = [Backend() for _ in range(n)]
        g = group(f"g{time.monotonic_ns()}", backends)
        b = Balancer(PLAYER, g, **more)
        until(lambda: len(edges()) == LOOPS and len(owners(b.port)) == LOOPS)
        return backends, g, b

    def test_all_loops_accept_from_one_socket(self):
        _, _, b = self.site()
        held = owners(b.port)
        self.assertEqual(sorted(held), edges())
        self.assertEqual(len(set.union(*held.values())), 1)

    def test_round_robin_is_one_over_all_loops(self):
        backends, _, b = self.site(3)
        for _ in range(60):
            self.assertEqual(b.get()[0], 200)
        self.assertEqual([len(x.requests) for x in backends], [20, 20, 20])

    def test_counters_are_summed_and_do_not_go_back(self):
        _, g, b = self.site()
        before = PLAYER.metric("RequestCount")
        self.assertEqual([b.get()[0] for _ in range(40)], [200] * 40)
        until(lambda: PLAYER.metric("RequestCount") == before + 40)
        for pid in edges():
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(owners(b.port)) == LOOPS)
        time.sleep(1.2)  # every loop has reported anew
        self.assertEqual(PLAYER.metric("RequestCount"), before + 40)
        self.assertEqual(b.get()[0], 200)
        until(lambda: PLAYER.metric("RequestCount") == before + 41)

    def test_health_is_checked_once(self):
        asked = []

        def answer(head, body):
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        backend = Backend(answer)
        one = backend.one

        def counting(connection, stream):
            asked.append(time.monotonic())
            return one(connection, stream)
        backend.one = counting
        g = group("once", [backend], health_interval_s=1)
        Balancer(PLAYER, g)
        asked.clear()
        time.sleep(3.2)
        self.assertIn(len(asked), (2, 3, 4))

    def test_stickiness_holds_on_every_loop(self):
        backends = [Backend(), Backend()]
        g = group("sticky", backends, {"stickiness.enabled": "true", "stickiness.type": "lb_cookie"})
        b = Balancer(PLAYER, g)
        until(lambda: len(owners(b.port)) == LOOPS)
        cookies = [v.split(";")[0] for v in header(b.get()[1], "set-cookie") if v.startswith("AWSALB=")]
        first = [len(x.requests) for x in backends].index(1)
        for _ in range(30):
            self.assertEqual(b.get(headers=[f"Cookie: {cookies[0]}"])[0], 200)
        self.assertEqual(len(backends[first].requests), 31)

    def test_a_revoked_rule_holds_on_every_loop_within_a_second(self):
        everyone = [{"protocol": "tcp", "from_port": 0, "to_port": 65535, "network": "127.0.0.0/8"}]
        _, _, b = self.site(has_security_groups=True, ingress=everyone, egress=everyone)
        self.assertEqual([b.get()[0] for _ in range(12)], [200] * 12)
        b.balancer["ingress"] = []
        b.publish(healthy=False)
        began = time.monotonic()
        PLAYER.until(lambda: not any(b.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") for _ in range(12)), seconds=1)
        self.assertLess(time.monotonic() - began, 1)

    def test_a_datagram_flow_stays_with_its_loop(self):
        seen = []
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind(("127.0.0.1", 0))

        def echo():
            while True:
                data, peer = far.recvfrom(2048)
                seen.append((data, peer))
                far.sendto(data, peer)
        threading.Thread(target=echo, daemon=True).start()
        g = group("udp", [{"id": "127.0.0.1", "address": "127.0.0.1", "port": far.getsockname()[1], "zone": "z"}], protocol="UDP",
                  health_enabled=False)
        b = Balancer(PLAYER, g, protocol="UDP", kind="network", healthy=False)
        until(lambda: len(owners(b.port, udp=True)) == LOOPS)
        self.assertEqual(len(set.union(*owners(b.port, udp=True).values())), LOOPS)
        for _ in range(8):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.connect((b.address, b.port))
                seen.clear()
                for i in range(5):
                    s.send(b"%d" % i)
                    self.assertEqual(s.recv(100), b"%d" % i)
                self.assertEqual(len({peer for _, peer in seen}), 1)

    def test_a_listener_that_goes_frees_its_port(self):
        _, _, b = self.site()
        PLAYER.publish({"load_balancers": [], "target_groups": []})
        until(lambda: not owners(b.port))

        def free():
            with socket.socket() as s:
                try:
                    s.bind((b.address, b.port))
                    return True
                except OSError:
                    return False
        until(free)
        # And the same address again.
        b.publish()
        until(lambda: len(owners(b.port)) == LOOPS)
        self.assertEqual(b.get()[0], 200)



class Ends(unittest.TestCase):
    """What clients see when a process of the edge ends, one way or another."""

    def setUp(self):
        self.backends = [Backend(), Backend()]
        self.balancer = Balancer(PLAYER, group(f"e{time.monotonic_ns()}", self.backends))
        until(lambda: len(edges()) == LOOPS and len(owners(self.balancer.port)) == LOOPS)

    def test_a_hot_restart_fails_no_request(self):
        loads = [Load(self.balancer, kept=True), Load(self.balancer, kept=False)]
        for _ in range(2):
            before = set(edges())
            time.sleep(0.3)
            PLAYER.process.send_signal(signal.SIGHUP)
            # The old ones serve on until their clients have left, some seconds at least.
            until(lambda: not before & set(edges()), 40)
        self.assertEqual(len(edges()), LOOPS)
        for load in loads:
            load.stop()
            self.assertEqual((load.cut, load.refused, load.wrong), (0, 0, []))
            self.assertGreater(load.answers, 100)

    def test_a_killed_loop_takes_only_its_own_requests_along(self):
        slow = Backend(lambda head, body: time.sleep(0.01) or b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        b = Balancer(PLAYER, group(f"k{time.monotonic_ns()}", [slow]))
        until(lambda: len(owners(b.port)) == LOOPS)
        clients = 12
        load = Load(b, clients=clients)
        time.sleep(0.5)
        victim = processes()["edge-1"][0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: processes()["edge-1"] not in ([], [victim]))
        time.sleep(0.5)
        load.stop()
        # Each client lost one request at most, and only those whose connection was that process's; nobody was refused.
        self.assertLessEqual(load.cut, clients)
        self.assertEqual((load.refused, load.wrong), (0, []))
        self.assertGreater(load.answers, 100)

    def test_who_was_waiting_in_the_backlog_is_served_after_a_crash(self):
        b = self.balancer
        for pid in edges():
            os.kill(pid, signal.SIGSTOP)
        waiting = [b.connect() for _ in range(5)]
        for s in waiting:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for pid in edges():
            os.kill(pid, signal.SIGKILL)
        for s in waiting:
            self.assertEqual(parse(read_all(s))[0], 200)
            s.close()

    def test_what_was_known_of_health_outlives_the_first_loop(self):
        sick = Backend(health=500)
        g = group(f"h{time.monotonic_ns()}", [self.backends[0], sick])
        b = Balancer(PLAYER, g, healthy=False)
        PLAYER.health(sick.port, "unhealthy")
        PLAYER.health(self.backends[0].port, "healthy")
        # From now on a check would take long: what is known right after the restart was known before.
        g["health_interval_s"] = 60
        b.publish(healthy=False)
        os.kill(processes()["edge"][0], signal.SIGKILL)
        until(lambda: len(edges()) == LOOPS and len(owners(b.port)) == LOOPS)
        states = {h["port"]: h["state"] for h in PLAYER.report()["health"]}
        self.assertEqual((states[sick.port], states[self.backends[0].port]), ("unhealthy", "healthy"))
        self.assertEqual([b.get()[0] for _ in range(10)], [200] * 10)
        self.assertEqual(len(sick.requests), 0)

    def test_a_tunnel_outlives_its_successor(self):
        b = Balancer(PLAYER, group(f"t{time.monotonic_ns()}", [Backend(websocket)]))
        until(lambda: len(owners(b.port)) == LOOPS)
        with b.connect() as s, s.makefile("rb") as stream:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            while stream.readline() not in (b"\r\n", b""):
                pass
            before = set(edges())
            PLAYER.process.send_signal(signal.SIGHUP)
            until(lambda: len(set(edges()) - before) == LOOPS)
            time.sleep(0.3)
            s.sendall(b"still there")
            self.assertEqual(stream.read(11), b"still there")
        until(lambda: len(edges()) == LOOPS, 40)

    def test_the_api_may_die_under_load(self):
        # The one that publishes is to this edge what the api is.
        load = [Load(self.balancer, kept=True), Load(self.balancer, kept=False)]
        time.sleep(0.2)
        os.kill(processes()["player"][0], signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(processes()["player"][0], signal.SIGCONT)
        for one in load:
            one.stop()
            self.assertEqual((one.cut, one.refused, one.wrong), (0, 0, []))
            self.assertGreater(one.answers, 50)


class Zlast(unittest.TestCase):
    def test_the_edge_was_never_ill(self):
        log = PLAYER.log()
        for word in ("AddressSanitizer", "runtime error", "LeakSanitizer"):
            self.assertNotIn(word, log)


if __name__ == "__main__":
    harness.main()
