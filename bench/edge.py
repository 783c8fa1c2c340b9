#!/usr/bin/env python3
"""What a request costs the edge, nginx and HAProxy, in one run, in front of the same backend: CPU time of the proxy's process.

    bench/edge.py [--seconds N] [--rounds N] [--only WORD] [--player build/release/tests/edge/edge-player]

The proxy under test has core 0 for itself; backend (nginx) and client (wrk, h2load) share the others. Contenders take turns, and another one
begins in each round, so that a neighbour's burst meets all; the medians of the rounds count. Of the 99th percentiles, which differ much from
round to round, is said how much, and in how many rounds the edge's was the larger one: only if chance alone would hardly make it so many is it
worse. Under full load they are mostly those of backend and client, who take turns on their core; scenes with a pace have so few requests that
nobody waits for these, and judge nothing else. Figures of one machine in one minute: only the ratios mean something.
"""
import argparse
import math
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

import edge_peers as peers


CHANCE = 0.05  # of calling the 99th percentile worse where it is not


class Scene:
    """What is asked of whom. `of`: the peers that it is held against; `least`: by how much less the edge has to take than each of them,
    or, among two of the edge's own listeners, `most`: how much more the second may take than the first."""

    def __init__(self, title, load, ways, least=None, most=None, **more):
        self.title, self.load, self.ways, self.least, self.most, self.more = title, load, ways, least, most, more
        self.samples = {name: [] for name in ways}
        self.rounds = 0

    def run(self, seconds):
        names = list(self.ways)
        first = self.rounds % len(names)
        for name in names[first:] + names[:first]:
            pid, address, path = self.ways[name]
            self.samples[name].append(self.load(pid, address + path, seconds, **self.more.get(name, {}), **self.more.get("all", {})))
        self.rounds += 1

    def all(self, name, what):
        return [getattr(s, what) for s in self.samples[name]]

    def median(self, name, what):
        return statistics.median(self.all(name, what))

    def judge(self):
        """What is wanted of CPU time, in words, the ratio, and whether it is met; None: nothing is."""
        names = list(self.ways)
        if self.most:
            ratio = self.median(names[1], "us") / self.median(names[0], "us")
            return f"<= {self.most:.1f}", ratio, ratio <= self.most
        if not self.least:
            return None
        ratio = min(self.median(n, "us") for n in names if n != "edge") / self.median("edge", "us")
        return f">= {self.least:.1f}", ratio, ratio >= self.least

    def judge_p99(self):
        """The 99th percentile's ratio to the peer's whose median is least, in how many rounds it was larger, and whether that is no worse."""
        others = [n for n in self.ways if n != "edge"]
        if self.most or not others:
            return None
        best = min(others, key=lambda n: self.median(n, "p99"))
        larger = sum(own > its for own, its in zip(self.all("edge", "p99"), self.all(best, "p99")))
        by_chance = sum(math.comb(self.rounds, k) for k in range(larger, self.rounds + 1)) / 2 ** self.rounds
        return self.median("edge", "p99") / self.median(best, "p99"), larger, by_chance > CHANCE


def table(scenes):
    missed = 0
    print(f"\n{'':30} {'':14} {'us CPU':>8} {'req/s':>8} {'p99 ms':>8} {'of all rounds':>15} {'bad':>5}")
    for scene in scenes:
        for i, name in enumerate(scene.ways):
            p99 = scene.all(name, "p99")
            us = f"{scene.median(name, 'us'):.1f}" if scene.judge() else "-"  # at a pace it is mostly that of shaking hands
            print(f"{scene.title if i == 0 else '':30} {name:14} {us:>8} {scene.median(name, 'rate'):8.0f} "
                  f"{scene.median(name, 'p99'):8.2f} {f'{min(p99):.2f} - {max(p99):.2f}':>15} {sum(scene.all(name, 'bad')):5}")
    print(f"\n{'':30} {'ratio':>6} {'wanted':>9}          p99 to the best peer's, larger in how many rounds")
    for scene in scenes:
        cpu, p99 = scene.judge(), scene.judge_p99()
        missed += bool(cpu and not cpu[2]) + bool(p99 and not p99[2])
        words = f"{cpu[1]:6.2f} {cpu[0]:>9} {'met' if cpu[2] else 'MISSED':7}" if cpu else f"{'-':>6} {'':9} {'':7}"
        print(f"{scene.title:30} {words}  " + (f"{p99[0]:5.2f} {p99[1]:3} of {scene.rounds} {'' if p99[2] else 'WORSE'}" if p99 else "    -"))
    return missed


def rules(edge_case, count, group):
    """Each for a host and a path of its own, as many tenants have them."""
    return [edge_case.rule(n, edge_case.forward(group), edge_case.condition("host-header", f"t{n}.example.com"),
                           edge_case.condition("path-pattern", f"/app{n}/*")) for n in range(1, count)]


def permits(count):
    """Networks and ports that are not asked for, and at last the ones that are."""
    strange = [{"protocol": "tcp", "from_port": 1 + n % 1000, "to_port": 1 + n % 1000, "network": f"10.{n >> 8 & 255}.{n & 255}.0/{24 + n % 9}"}
               for n in range(count - 1)]
    return [*strange, {"protocol": "tcp", "from_port": 0, "to_port": 65535, "network": "127.0.0.0/8"}]


def balancers(player, back):
    """One image with all listeners. name -> address."""
    import edge_case
    import h2_case

    class Held(edge_case.Balancer):
        def publish(self, healthy=True):
            pass

    groups = {v: edge_case.group(v.lower(), [at], protocol_version=v, health_enabled=False) for v, at in back.items()}
    one, two = groups.values()
    secure = {"protocol": "HTTPS", "listener": {"certificates": [h2_case.CERTIFICATE]}}
    made = {"plain": Held(player, one), "tls": Held(player, one, **secure), "tls to HTTP2": Held(player, two, **secure)}
    for n in (10, 10000):
        made[f"{n} rules"] = Held(player, one, rules=rules(edge_case, n, one))
        made[f"{n} permits"] = Held(player, one, has_security_groups=True, ingress=permits(n), egress=permits(n))
    player.publish({"load_balancers": [b.balancer for b in made.values()], "target_groups": [one, two]})
    return {name: f"{b.address}:{b.port}" for name, b in made.items()}


def scenes_make(edge, at, nginx, nginx_at, haproxy, haproxy_at):
    def ways(scheme, kind, *others):
        found = {"nginx": (nginx, nginx_at), "haproxy": (haproxy, haproxy_at)}
        return {**{n: (found[n][0], f"{scheme}://127.0.0.1:{found[n][1][kind]}", "/x") for n in others},
                "edge": (edge, f"{scheme}://{at[kind]}", "/x")}

    def own(what, path="/x"):
        return {f"{n} {what}": (edge, f"http://{at[f'{n} {what}']}", path.format(n - 1)) for n in (10, 10000)}

    both, close = ("nginx", "haproxy"), {"all": {"close": True}}
    hosts = {f"{n} rules": {"headers": [f"Host: t{n - 1}.example.com"]} for n in (10, 10000)}
    return [Scene("HTTP/1.1, kept", peers.wrk, ways("http", "plain", *both), least=1.1),
            Scene("HTTP/1.1, new connections", peers.wrk, ways("http", "plain", *both), least=1.0, **close),
            # So few that their own handshakes are not among the slowest hundredth.
            Scene("TLS, kept", peers.wrk, ways("https", "tls", *both), least=1.1, all={"connections": 16}),
            Scene("TLS, new P-256 handshakes", peers.wrk, ways("https", "tls", "haproxy"), least=1.0, **close),
            Scene("HTTP/2", peers.h2load, ways("https", "tls", "haproxy"), least=1.1),
            Scene("HTTP/2, also to targets", peers.h2load, ways("https", "tls to HTTP2", "haproxy"), least=1.1),
            Scene("HTTP/1.1, at a pace", peers.h2load, ways("http", "plain", *both), all={"clients": 32, "pace": 75, "http1": True}),
            Scene("TLS, at a pace", peers.h2load, ways("https", "tls", *both), all={"clients": 16, "pace": 150, "http1": True}),
            Scene("HTTP/2, at a pace", peers.h2load, ways("https", "tls", "haproxy"), all={"pace": 300}),
            Scene("HTTP/2 to targets, at a pace", peers.h2load, ways("https", "tls to HTTP2", "haproxy"), all={"pace": 300}),
            Scene("listener rules", peers.wrk, own("rules", "/app{}/x"), most=1.2, **hosts),
            Scene("security groups, new", peers.wrk, own("permits"), most=1.2, **close),
            Scene("security groups, kept", peers.wrk, own("permits"), most=1.2)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=1)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--only", default="", help="scenes whose title has this in it")
    options.add_argument("--player", default=str(peers.PLAYER))
    given = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    import edge_case
    import h2_case
    edge_case.PLAYER = pathlib.Path(given.player)
    work = tempfile.mkdtemp(prefix="bulwark-bench-")
    pathlib.Path(work, "both.pem").write_text(h2_case.CERTIFICATE["chain_pem"] + h2_case.CERTIFICATE["key_pem"], encoding="ascii")
    back, back_at = peers.backend(work)
    started = [back]
    player = edge_case.Player()
    try:
        nginx, nginx_at = peers.nginx_proxy(work, back_at)
        haproxy, haproxy_at = peers.haproxy_proxy(work, back_at)
        started += [nginx, haproxy]
        for at in (*back_at.values(), *nginx_at.values(), *haproxy_at.values()):
            peers.wait(("127.0.0.1", at))
        at = balancers(player, back_at)
        edge = player.edge_pid()
        subprocess.run(["taskset", "-cp", "0", str(edge)], check=True, capture_output=True)
        scenes = [s for s in scenes_make(edge, at, nginx.pid, nginx_at, haproxy.pid, haproxy_at) if given.only in s.title]
        for i in range(given.rounds):
            for scene in scenes:
                print(f"\rround {i + 1} of {given.rounds}: {scene.title:30}", end="", file=sys.stderr, flush=True)
                scene.run(given.seconds)
        print("\r" + " " * 60, file=sys.stderr)
        missed = table(scenes)
    finally:
        player.stop()
        for p in started:
            p.terminate()
        shutil.rmtree(work, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
