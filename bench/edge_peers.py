"""What the benches of the edge share: the edge, nginx and HAProxy set up alike in front of one backend, and what a load costs each."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/clients"))
PLAYER = ROOT / "build/release/tests/edge/edge-player"
OTHERS = ",".join(str(c) for c in range(1, os.cpu_count() or 2)) or "0"
# No tickets and no caches, as at the edge: each handshake is a whole one, with the same cipher.
TLS13 = "TLS_AES_128_GCM_SHA256"
TLS12 = "ECDHE-ECDSA-AES128-GCM-SHA256"


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


def nginx(work, name, servers, cores):
    conf = os.path.join(work, name + ".conf")
    pathlib.Path(conf).write_text(f"""daemon off; master_process off; pid {work}/{name}.pid; error_log /dev/null; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};
keepalive_requests 1000000000; keepalive_timeout 300; http2_max_requests 1000000000; {servers} }}""", encoding="ascii")
    return pinned(cores, "nginx", "-c", conf, "-p", work)


def backend(work):
    """One nginx, over HTTP/1.1 and over HTTP/2; its ports."""
    ports = {"HTTP1": port(), "HTTP2": port()}
    servers = " ".join(f"server {{ listen 127.0.0.1:{at} backlog=4096 {'http2' if version == 'HTTP2' else ''}; location / {{ return 200 'ok'; }} }}"
                       for version, at in ports.items())
    return nginx(work, "back", servers, OTHERS), ports


def nginx_proxy(work, back):
    """Plain, and over TLS; HTTP/2 to targets is not nginx's."""
    at = {"plain": port(), "tls": port()}
    way = ("location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; "
           "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }")
    return nginx(work, "proxy", f"""upstream u {{ server 127.0.0.1:{back['HTTP1']}; keepalive 256; keepalive_requests 1000000000; }}
server {{ listen 127.0.0.1:{at['plain']} backlog=4096; {way} }}
server {{ listen 127.0.0.1:{at['tls']} ssl http2 backlog=4096; ssl_certificate {work}/both.pem; ssl_certificate_key {work}/both.pem;
ssl_session_tickets off; ssl_session_cache off; ssl_ciphers {TLS12}; ssl_conf_command Ciphersuites {TLS13}; ssl_prefer_server_ciphers on; {way} }}""", "0"), at


def haproxy_proxy(work, back):
    """Plain, over TLS, and over TLS to targets that speak HTTP/2."""
    at = {"plain": port(), "tls": port(), "tls to HTTP2": port()}
    secure = f"ssl crt {work}/both.pem alpn h2,http/1.1 no-tls-tickets"
    pathlib.Path(work, "haproxy.cfg").write_text(f"""global
 maxconn 8192
 nbthread 1
 tune.ssl.cachesize 0
 ssl-default-bind-ciphers {TLS12}
 ssl-default-bind-ciphersuites {TLS13}
defaults
 mode http
 timeout connect 5s
 timeout client 60s
 timeout server 60s
 http-reuse always
 option forwardfor
frontend plain
 bind 127.0.0.1:{at['plain']}
 default_backend one
frontend tls
 bind 127.0.0.1:{at['tls']} {secure}
 http-request set-header X-Forwarded-Proto https
 default_backend one
frontend tls2
 bind 127.0.0.1:{at['tls to HTTP2']} {secure}
 http-request set-header X-Forwarded-Proto https
 default_backend two
backend one
 server s 127.0.0.1:{back['HTTP1']}
backend two
 server s 127.0.0.1:{back['HTTP2']} proto h2
""", encoding="ascii")
    return pinned("0", "haproxy", "-f", os.path.join(work, "haproxy.cfg"), "-db"), at


def cpu_us(pid):
    """What all threads of a process have run, to the nanosecond, in microseconds."""
    return sum(int(t.read_text(encoding="ascii").split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


class Sample:
    """A load on a proxy: CPU time a request in microseconds, requests a second, the 99th percentile in ms, and what went wrong."""

    def __init__(self, cpu, done, seconds, p99, bad):
        self.us, self.rate, self.p99, self.bad = cpu / max(done, 1), done / seconds, p99, bad


def wrk(pid, url, seconds, close=False, headers=(), connections=64):
    words = [w for h in (*headers, *(["Connection: close"] if close else [])) for w in ("-H", h)]
    before = cpu_us(pid)
    out = subprocess.run(["taskset", "-c", OTHERS, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *words, url],
                         capture_output=True, text=True, check=True).stdout
    after = cpu_us(pid)
    done = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    wrong = (int(bad.group(1)) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Sample(after - before, done, seconds, milliseconds(re.search(r"99%\s+([\d.]+(?:us|ms|s|m)\b)", out).group(1)), wrong)


def h2load(pid, url, seconds, clients=8, pace=None, http1=False):
    """`pace`: requests a second that each client begins, once all have shaken hands; without it, 16 at a time, and as fast as they are answered."""
    log = subprocess.run(["mktemp"], capture_output=True, text=True, check=True).stdout.strip()
    words = [f"-c{clients}", "--h1" if http1 else "-m16", f"-D{seconds}", f"--log-file={log}", *([f"--rps={pace}", "--warm-up-time=500ms"] if pace else [])]
    before = cpu_us(pid)
    out = subprocess.run(["taskset", "-c", OTHERS, "h2load", *words, url], capture_output=True, text=True, check=True).stdout
    after = cpu_us(pid)
    lines = pathlib.Path(log).read_text(encoding="ascii").splitlines()
    os.unlink(log)
    took = sorted(int(line.split("\t")[2]) for line in lines) or [0]
    bad = sum(int(re.search(rf"(\d+) {word}", out).group(1)) for word in ("3xx", "4xx", "5xx", "failed,"))
    return Sample(after - before, len(lines), seconds, took[len(took) * 99 // 100] / 1000, bad)
