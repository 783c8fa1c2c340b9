#!/usr/bin/env python3
"""CPU time a request of the edge beside HAProxy, in one run: clients over HTTP/2 and TLS, targets over HTTP/1.1 and over HTTP/2.

    bench/edge_h2.py [--seconds N] [--rounds N] [--player build/release/tests/edge/edge-player]

The proxy has core 0 for itself; backend (nginx) and client (h2load, 8 connections of 16 streams) share the others. Rounds take turns, so
that a neighbour's burst meets both; the least CPU time of each counts. Figures of one machine in one minute: only the ratio means
something.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from edge import OTHERS, ROOT, nginx, pinned, port, wait

TICKS = os.sysconf("SC_CLK_TCK")


def haproxy(work, name, listen, backend, proto):
    conf = os.path.join(work, name + ".cfg")
    pathlib.Path(conf).write_text(f"""global
 maxconn 8192
 nbthread 1
defaults
 mode http
 timeout connect 5s
 timeout client 60s
 timeout server 60s
 http-reuse always
 option forwardfor
frontend f
 bind 127.0.0.1:{listen} ssl crt {work}/both.pem alpn h2
 default_backend b
backend b
 server s 127.0.0.1:{backend} {proto}
""")
    return pinned("0", "haproxy", "-f", conf, "-db")


def cpu_us(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000000 // TICKS


def measure(address, pid, seconds):
    before = cpu_us(pid)
    out = subprocess.run(["taskset", "-c", OTHERS, "h2load", "-c8", "-m16", f"-D{seconds}", f"https://{address}/x"],
                         capture_output=True, text=True, check=True).stdout
    done = int(re.search(r"(\d+) 2xx", out).group(1))
    bad = sum(int(re.search(rf"(\d+) {word}", out).group(1)) for word in ("3xx", "4xx", "5xx", "failed,"))
    return (cpu_us(pid) - before) / max(done, 1), done / seconds, bad


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=3)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--player", default=str(ROOT / "build/release/tests/edge/edge-player"))
    given = options.parse_args()
    import edge_case
    import h2_case
    edge_case.PLAYER = pathlib.Path(given.player)
    work = tempfile.mkdtemp(prefix="bulwark-bench-")
    both = pathlib.Path(work, "both.pem")
    both.write_text("".join(pathlib.Path(h2_case.WORK, n).read_text(encoding="ascii") for n in ("c.pem", "k.pem")), encoding="ascii")
    backs = {"HTTP1": port(), "HTTP2": port()}
    started = [nginx(work, name, f"server {{ listen 127.0.0.1:{at} backlog=4096 {'http2' if name == 'HTTP2' else ''}; "
                     "http2_max_requests 1000000000; location / { return 200 'ok'; } }", OTHERS) for name, at in backs.items()]
    player = edge_case.Player()
    try:
        for version, back in backs.items():
            wait(("127.0.0.1", back))
            peer = haproxy(work, version, at := port(), back, "proto h2" if version == "HTTP2" else "")
            started.append(peer)
            wait(("127.0.0.1", at))
            lb = h2_case.https(player, edge_case.group("bench", [back], protocol_version=version, health_enabled=False))
            edge = player.edge_pid()
            subprocess.run(["taskset", "-cp", "0", str(edge)], check=True, capture_output=True)
            rounds = [(measure(f"127.0.0.1:{at}", peer.pid, given.seconds), measure(f"{lb.address}:{lb.port}", edge, given.seconds))
                      for _ in range(given.rounds)]
            theirs, ours = (min(r[i] for r in rounds) for i in (0, 1))
            print(f"{version} targets\n  {'':10} {'us CPU a request':>17} {'req/s':>9} {'bad':>5}")
            for name, (us, rate, bad) in (("haproxy", theirs), ("edge", ours)):
                print(f"  {name:10} {us:17.1f} {rate:9.0f} {bad:5}")
            print(f"  edge's CPU time to HAProxy's: {ours[0] / theirs[0]:.2f}")
    finally:
        player.stop()
        for p in started:
            p.terminate()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
