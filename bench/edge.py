#!/usr/bin/env python3
"""Requests a second and latency of the edge beside nginx and HAProxy, in one run, in front of the same backend.

    bench/edge.py [--seconds N] [--player build/release/tests/edge/edge-player]

The proxy under test has core 0 for itself; backend (nginx, one file) and client (wrk) share the others. Plain HTTP/1.1 with kept
connections, and a new connection for each request. Figures of one machine in one minute: only the ratios mean something.
"""
import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/clients"))

OTHERS = ",".join(str(c) for c in range(1, os.cpu_count() or 2)) or "0"


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pinned(cores, *command, **more):
    return subprocess.Popen(["taskset", "-c", cores, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def wait(at):
    for _ in range(200):
        try:
            socket.create_connection(at, 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {at}")


def nginx(work, name, server, cores):
    conf = os.path.join(work, name + ".conf")
    pathlib.Path(conf).write_text(f"""daemon off; master_process off; pid {work}/{name}.pid; error_log /dev/null; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};
keepalive_requests 1000000000; keepalive_timeout 300; {server} }}""")
    return pinned(cores, "nginx", "-c", conf, "-p", work)


def haproxy(work, listen, backend):
    conf = os.path.join(work, "haproxy.cfg")
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
 bind 127.0.0.1:{listen}
 default_backend b
backend b
 server s 127.0.0.1:{backend}
""")
    return pinned("0", "haproxy", "-f", conf, "-db")


def measure(address, seconds, close):
    words = ["-H", "Connection: close"] if close else []
    out = subprocess.run(["taskset", "-c", OTHERS, "wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", *words, f"http://{address}/x"],
                         capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit], int(bad.group(1)) if bad else 0


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--player", default=str(ROOT / "build/release/tests/edge/edge-player"))
    given = options.parse_args()
    import edge_case
    edge_case.PLAYER = pathlib.Path(given.player)
    work = tempfile.mkdtemp(prefix="bulwark-bench-")
    back, a, b = port(), port(), port()
    started = [nginx(work, "back", f"server {{ listen 127.0.0.1:{back} backlog=4096; location / {{ return 200 'ok'; }} }}", OTHERS),
               nginx(work, "proxy", f"upstream u {{ server 127.0.0.1:{back}; keepalive 256; }} server {{ listen 127.0.0.1:{a} backlog=4096; "
                     "location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; "
                     "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }", "0"),
               haproxy(work, b, back)]
    player = edge_case.Player()
    try:
        wait(("127.0.0.1", back))
        wait(("127.0.0.1", a))
        wait(("127.0.0.1", b))
        lb = edge_case.Balancer(player, edge_case.group("bench", [back], health_path="/"))
        subprocess.run(["taskset", "-cp", "0", str(player.edge_pid())], check=True, capture_output=True)
        contenders = [("backend alone", f"127.0.0.1:{back}"), ("nginx", f"127.0.0.1:{a}"), ("haproxy", f"127.0.0.1:{b}"),
                      ("edge", f"{lb.address}:{lb.port}")]
        for title, close in (("HTTP/1.1, kept", False), ("HTTP/1.1, a connection each", True)):
            best = {}
            for _ in range(2):  # twice around: the better of both, so that a neighbour's burst counts less
                for name, address in contenders:
                    got = measure(address, given.seconds, close)
                    best[name] = max(best.get(name, got), got)
            print(f"{title}\n  {'':14} {'req/s':>9} {'p99 ms':>8} {'bad':>5}   edge to it")
            for name, (rate, p99, bad) in best.items():
                print(f"  {name:14} {rate:9.0f} {p99:8.2f} {bad:5}   {best['edge'][0] / rate:.2f}")
    finally:
        player.stop()
        for p in started:
            p.terminate()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
