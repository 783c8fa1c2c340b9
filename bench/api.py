#!/usr/bin/env python3
"""Measures the API of an optimised build, each figure beside a peer or a limit in the same run, and prints a table.

    bench/api.py [--binary build/run/src/bin/bulwark] [--seconds 4] [--users 100000]

Needs nginx and taskset (Debian: nginx-light util-linux), and bench-load of the same build (-Dbench=true). Everything is on loopback and ends by itself. The server
and the peer share core 0 (the server's committer and trail writer too), the load comes from core 1. Absolute figures drift with the
machine, ratios less: where there is a peer, short rounds of both alternate, and the ratio is the median of the rounds' with their spread.
Beside the rates stands the CPU time a request, which other work on the machine hardly touches.
"""
import argparse
import configparser
import hashlib
import hmac
import http.client
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOAD = str(ROOT / "build/run/bench/bench-load")
NGINX_CONF = """worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
server {{ listen 127.0.0.1:{port} reuseport; location / {{ default_type text/xml; return 200 '{body}'; }} }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Signer:
    """SigV4 for the bench: one signing key, many requests."""

    def __init__(self, key, secret, service, region="us-east-1"):
        self.key, self.service, self.region = key, service, region
        self.when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        k = ("AWS4" + secret).encode()
        for part in (self.when[:8], region, service, "aws4_request"):
            k = hmac.new(k, part.encode(), hashlib.sha256).digest()
        self.signing_key = k

    def headers(self, body, host):
        kind = "application/x-www-form-urlencoded; charset=utf-8"
        names = "content-type;host;x-amz-date"
        canonical = "\n".join(["POST", "/", "", f"content-type:{kind}", f"host:{host}", f"x-amz-date:{self.when}", "",
                               names, hashlib.sha256(body.encode()).hexdigest()])
        scope = f"{self.when[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", self.when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self.signing_key, text.encode(), hashlib.sha256).hexdigest()
        return {"Content-Type": kind, "X-Amz-Date": self.when,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"}


def on_core_0(command, **more):
    """Started from here on core 0: the child of a Popen that runs something of its own first is a copy of this whole program, which
    takes longer to make than a small server to start."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        return subprocess.Popen(command, **more)
    finally:
        os.sched_setaffinity(0, cores)


def family(pid):
    return [pid] + [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


def cpu_s(pid):
    ticks = 0
    for p in family(pid):
        fields = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def credentials(folder):
    parser = configparser.ConfigParser()
    parser.read(os.path.join(folder, "credentials"))
    section = parser[parser.sections()[0]]
    return section["aws_access_key_id"], section["aws_secret_access_key"]


class Server:
    def __init__(self, binary, folder, *options, port=None):
        self.port = port or free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.folder = folder
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.began = time.monotonic()
        self.process = on_core_0(
            [binary, "serve", "--data", folder, "--root-key", folder + ".key", "--listen", self.host,
             "--loops", "1", "--log-level", "warn", *options],
            stdout=subprocess.DEVNULL, env=env)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() - self.began > 20:
                    raise SystemExit("bulwark did not start")
                time.sleep(0.0005)

    def credentials(self):
        while not os.path.exists(os.path.join(self.folder, "credentials")):
            time.sleep(0.001)
        return credentials(self.folder)

    def call(self, signer, body):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request("POST", "/", body, signer.headers(body, self.host))
        answer = c.getresponse()
        return answer.status, answer.read().decode()

    def memory_kib(self, what):
        """Of all processes: `Pss` counts a page that n of them share as 1/n in each, `Rss` as a whole page in each."""
        texts = [pathlib.Path(f"/proc/{p}/smaps_rollup").read_text() for p in family(self.process.pid)]
        return sum(int(re.search(what + r":\s+(\d+)", text)[1]) for text in texts)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def requests_file(requests, host):
    """The given (headers, body) requests, written out for bench/load.c."""
    with tempfile.NamedTemporaryFile("w", suffix=".requests", delete=False) as f:
        for headers, body in requests:
            lines = ["POST / HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
            f.write("\r\n".join(lines) + "\r\n\r\n" + body + "\0")
    return f.name


def play(port, seconds, connections, path):
    """(2xx answers a second, p99 in ms, other answers)"""
    out = subprocess.run(["taskset", "-c", "1", LOAD, str(port), str(connections), str(round(seconds * 1000)), path], capture_output=True, text=True, check=True).stdout
    good, bad, took_s, _, p99_us = out.split()[:5]
    return int(good) / float(took_s), int(p99_us) / 1000, int(bad)


def fsync_rate(folder, seconds=2):
    path = os.path.join(folder, "fsync-probe")
    with open(path, "wb", buffering=0) as f:
        f.write(b"\0" * 4096 * 64)
        os.fsync(f.fileno())
        n, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            os.pwrite(f.fileno(), os.urandom(4096), 4096 * (n % 64))
            os.fdatasync(f.fileno())
            n += 1
    os.unlink(path)
    return n / seconds


def nginx_begin(folder, body):
    port = free_port()
    os.makedirs(folder, exist_ok=True)
    conf = os.path.join(folder, "nginx.conf")
    pathlib.Path(conf).write_text(NGINX_CONF.format(dir=folder, port=port, body=body.replace("'", "")))
    return on_core_0(["nginx", "-c", conf, "-p", folder], stderr=subprocess.DEVNULL), port


def nginx_start(folder, body):
    process, port = nginx_begin(folder, body)
    time.sleep(0.5)
    return process, port


def nginx_cold_ms(folder):
    """How long a small server takes to its first answer: what the machine gives just now."""
    began = time.monotonic()
    process, port = nginx_begin(folder, "x")
    try:
        while True:
            try:
                c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                c.request("GET", "/")
                c.getresponse().read()
                return (time.monotonic() - began) * 1000
            except OSError:
                time.sleep(0.0005)
    finally:
        process.terminate()
        process.wait(10)


def row(what, ours, beside, ratio, target):
    print(f"{what:<44} {ours:>16} {beside:>24} {ratio:>18} {target:>8}", flush=True)


def spread(above, below):
    """The median of the rounds' ratios, the lowest and the highest."""
    ratios = sorted(a / b for a, b in zip(above, below))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"


def identity(server, signer, seconds, work):
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    status, text = server.call(signer, body)
    assert status == 200, text
    path = requests_file([(signer.headers(body, server.host), body)], server.host)
    nginx, port = nginx_start(os.path.join(work, "nginx"), text.replace("\n", ""))
    rates, costs = ([], []), ([], [])
    try:
        for _ in range(3 * seconds):
            for at, (pid, to) in enumerate(((server.process.pid, server.port), (nginx.pid, port))):
                before = cpu_s(pid)
                rate, _, bad = play(to, 1, 32, path)
                assert bad == 0, f"{bad} answers were not 200"
                rates[at].append(rate)
                costs[at].append((cpu_s(pid) - before) / rate * 1e6)
    finally:
        nginx.terminate()
        nginx.wait(10)
    ours, theirs = (statistics.median(r) for r in rates)
    row("signed GetCallerIdentity, one core", f"{ours:,.0f}/s", f"nginx static {theirs:,.0f}/s", spread(rates[0], rates[1]), ">= 0.5")
    ours, theirs = (statistics.median(c) for c in costs)
    row("  the same in CPU time a request", f"{ours:.1f} us", f"nginx static {theirs:.1f} us", spread(costs[1], costs[0]), ">= 0.5")


def create(server, signer, seconds):
    """Rounds that alternate with looks at the disk: its speed differs from one second to the next."""
    rates, ratios, disks = [], [], [fsync_rate(server.folder, 0.5)]
    for r in range(3 * seconds):
        bodies = [f"Action=CreateUser&Version=2010-05-08&UserName=bench-{r}-{i:06d}" for i in range(60000)]
        rates.append(play(server.port, 1, 64, requests_file([(signer.headers(b, server.host), b) for b in bodies], server.host))[0])
        disks.append(fsync_rate(server.folder, 0.5))
        ratios.append(rates[-1] / statistics.mean(disks[-2:]))
    row("durable CreateUser, 64 clients", f"{statistics.median(rates):,.0f}/s", f"single fsync {statistics.median(disks):,.0f}/s",
        f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})", ">= 5")


def fill(server, signer, first, last):
    step = 20000
    for start in range(first, last, step):
        bodies = [f"Action=CreateUser&Version=2010-05-08&UserName=many-{i:06d}" for i in range(start, min(last, start + step))]
        requests = [(signer.headers(b, server.host), b) for b in bodies]
        while True:
            play(server.port, max(1, len(bodies) // 4000), 64, requests_file(requests, server.host))
            status, text = server.call(signer, f"Action=GetUser&Version=2010-05-08&UserName=many-{min(last, start + step) - 1:06d}")
            if status == 200:
                break


def many(server, signer, users, seconds):
    bodies = {"GetUser": "Action=GetUser&Version=2010-05-08&UserName=many-000050",
              "ListUsers (a page of 100)": "Action=ListUsers&Version=2010-05-08&MaxItems=100"}
    rates = {}
    for count in (100, users):
        fill(server, signer, 0 if count == 100 else 100, count)
        for name, body in bodies.items():
            path = requests_file([(signer.headers(body, server.host), body)], server.host)
            rates[name, count] = play(server.port, seconds, 16, path)[0]
    for name in bodies:
        few, lots = rates[name, 100], rates[name, users]
        row(f"{name}, cost with {users:,} users", f"{1e6 / lots:,.1f} us", f"with 100 {1e6 / few:,.1f} us", f"{few / lots:.2f}", "<= 2")


def cold_start(what, binary, folder, body):
    """The request is signed before the start, and sent from the other core: the client's work is no part of it."""
    times, peer, cores = [], [], os.sched_getaffinity(0)
    signer = Signer(*credentials(folder), "sts")
    os.sched_setaffinity(0, {1})
    for _ in range(9):
        peer.append(nginx_cold_ms(folder + ".nginx"))
        port = free_port()
        headers = signer.headers(body, f"127.0.0.1:{port}")
        server = Server(binary, folder, port=port)
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        c.request("POST", "/", body, headers)
        answer = c.getresponse()
        text = answer.read().decode()
        times.append((time.monotonic() - server.began) * 1000)
        assert answer.status == 200, text
        server.stop()
    os.sched_setaffinity(0, cores)
    row(f"cold start to first signed answer, {what}", f"{statistics.median(times):.0f} ms", f"limit 50 ms, nginx {statistics.median(peer):.0f} ms",
        f"{statistics.median(times) / 50:.2f}", "<= 1")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=str(ROOT / "build/run/src/bin/bulwark"))
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--users", type=int, default=100000)
    o = options.parse_args()
    for program in ("nginx", "taskset", LOAD):
        if not shutil.which(program):
            sys.exit(f"bench/api.py needs {program}: apt-get install nginx-light util-linux, and a build with -Dbench=true")
    work = tempfile.mkdtemp(prefix="bench-", dir=str(ROOT / "build"))
    row("what", "bulwark", "beside", "ratio", "target")
    try:
        folder = os.path.join(work, "data")
        server = Server(o.binary, folder)
        server.credentials()
        server.stop()
        cold_start("a new store", o.binary, folder, "Action=GetCallerIdentity&Version=2011-06-15")
        server = Server(o.binary, folder, "--quota", f"iam-users={o.users + 10000000}")
        try:
            keys = server.credentials()
            time.sleep(1)
            count, pss, rss = len(family(server.process.pid)), server.memory_kib("Pss") / 1024, server.memory_kib("Rss") / 1024
            row(f"idle resident memory, {count} processes", f"{pss:.1f} MiB", "limit 32 MiB", f"{pss / 32:.2f}", "<= 1")
            row("  with shared pages counted in each", f"{rss:.1f} MiB", "", "", "")
            identity(server, Signer(*keys, "sts"), o.seconds, work)
            many(server, Signer(*keys, "iam"), o.users, o.seconds)
        finally:
            server.stop()
        cold_start(f"{o.users:,} users", o.binary, folder, "Action=GetCallerIdentity&Version=2011-06-15")
        server = Server(o.binary, folder, "--quota", f"iam-users={o.users + 10000000}")
        try:
            create(server, Signer(*server.credentials(), "iam"), o.seconds)
        finally:
            server.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
