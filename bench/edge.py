#!/usr/bin/env python3
"""What a request costs the edge, nginx and HAProxy, in one run, in front of the same backend: CPU time of the proxy's process.

    bench/edge.py [--seconds N] [--rounds N] [--only WORD] [--player build/release/tests/edge/edge-player]

The proxy under test has core 0 for itself; backend (nginx) and client (wrk, h2load) share the others. Contenders take turns, so that a
neighbour's burst meets all; the median of the rounds counts, and of the 99th percentiles the least, which a neighbour cannot make. Figures of
one machine in one minute: only the ratios mean something.
"""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

import edge_peers as peers


class Scene:
    """What is asked of whom. `of`: the peers that it is held against; `least`: by how much less the edge has to take than each of them,
    or, among two of the edge's own listeners, `most`: how much more the second may take than the first."""

    def __init__(self, title, load, ways, least=None, most=None, **more):
        self.title, self.load, self.ways, self.least, self.most, self.more = title, load, ways, least, most, more
        self.samples = {name: [] for name in ways}

    def run(self, seconds):
        for name, (pid, address, path) in self.ways.items():
            self.samples[name].append(self.load(pid, address + path, seconds, **self.more.get(name, {}), **self.more.get("all", {})))

    def median(self, name, what):
        return statistics.median(getattr(s, what) for s in self.samples[name])

    def p99(self, name):
        return min(s.p99 for s in self.samples[name])

    def judge(self):
        """(ratio, whether it is met) of CPU time, and the 99th percentile to the better peer's."""
        names = list(self.ways)
        if self.most:
            ratio = self.median(names[1], "us") / self.median(names[0], "us")
            return ratio, ratio <= self.most, None
        others = [n for n in names if n != "edge"]
        ratio = min(self.median(n, "us") for n in others) / self.median("edge", "us")
        best = min(self.p99(n) for n in others)
        return ratio, ratio >= self.least, self.p99("edge") / best if best else None


def table(scenes):
    missed = 0
    print(f"\n{'':30} {'':14} {'us CPU':>8} {'req/s':>8} {'p99 ms':>8} {'bad':>5}")
    for scene in scenes:
        for i, name in enumerate(scene.ways):
            print(f"{scene.title if i == 0 else '':30} {name:14} {scene.median(name, 'us'):8.1f} {scene.median(name, 'rate'):8.0f} "
                  f"{scene.p99(name):8.2f} {sum(s.bad for s in scene.samples[name]):5}")
    print(f"\n{'':30} {'ratio':>6} {'wanted':>9}          p99 to the best peer's")
    for scene in scenes:
        ratio, met, p99 = scene.judge()
        missed += not met
        wanted = f"<= {scene.most:.1f}" if scene.most else f">= {scene.least:.1f}"
        print(f"{scene.title:30} {ratio:6.2f} {wanted:>9} {'met' if met else 'MISSED':7}  {f'{p99:.2f}' if p99 else '-'}")
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
            Scene("listener rules", peers.wrk, own("rules", "/app{}/x"), most=1.2, **hosts),
            Scene("security groups, new", peers.wrk, own("permits"), most=1.2, **close),
            Scene("security groups, kept", peers.wrk, own("permits"), most=1.2)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=1)
    options.add_argument("--rounds", type=int, default=5)
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
