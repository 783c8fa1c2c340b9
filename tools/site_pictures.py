#!/usr/bin/env python3
"""Draws docs/site.svg and docs/site-traffic.svg from a real site under real traffic, and prints what was counted.

    tools/site_pictures.py [--seconds 6]        BULWARK names the binary

A server, a load balancer with three targets that are processes of their own, and clients that count what they see: each keeps
its connection, and repeats nothing. Then a target, a process of the edge and the API are killed with SIGKILL,
and the server is upgraded.
"""
import argparse
import collections
import html
import http.client
import http.server
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "clients"))

NAMES = ("one", "two", "three")
COLOURS = ("#2f6fed", "#d9822b", "#2b9d8f")
CLIENTS, PAUSE_S = 12, 0.02
STYLE = """<style>
  svg { --ink: #1b2733; --soft: #5b6b7b; --line: #8a99a8; --card: #f4f6f8; --no: #b3261e; --yes: #1a7f37; --nocard: #fdecea; --yescard: #e8f5ec; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9aa8b5; --line: #5f6f7e; --card: #1c2530; --no: #ff8a80; --yes: #6fdc8c; --nocard: #3a1d1d; --yescard: #17331f; }
  }
  text { font: 14px system-ui, sans-serif; fill: var(--ink); }
  .soft { fill: var(--soft); font-size: 12px; }
  .head { font-weight: 600; }
  .mid { text-anchor: middle; } .end { text-anchor: end; }
  .box { fill: var(--card); stroke: var(--line); stroke-width: 1.2; }
  .no { fill: var(--nocard); stroke: var(--no); stroke-width: 1.2; }
  .not { fill: var(--no); }
  .way { fill: none; stroke: var(--line); stroke-width: 1.4; marker-end: url(#a); }
  .away { fill: none; stroke: var(--no); stroke-width: 1.4; stroke-dasharray: 4 3; marker-end: url(#b); }
  .axis { stroke: var(--line); stroke-width: 1; } .event { stroke: var(--no); stroke-width: 1; stroke-dasharray: 3 3; }
</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#8a99a8"/></marker>
<marker id="b" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#b3261e"/></marker></defs>
"""


def target(name, port):
    """A target, as a process: says its name."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = name.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Whoever leaves may leave."""
    Server(("127.0.0.1", port), Handler).serve_forever()


class Targets:
    def __init__(self, harness):
        self.ports = {name: harness.free_port() for name in NAMES}
        self.processes = {name: self.start(name) for name in NAMES}

    def start(self, name):
        return subprocess.Popen([sys.executable, __file__, "--target", name, str(self.ports[name])], stdin=subprocess.DEVNULL)

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self):
        for p in self.processes.values():
            p.kill()
            p.wait()


class Build:
    """The site, by boto3."""

    def __init__(self, harness, site_case, targets, authority):
        elb, ec2, acm = (harness.client(s) for s in ("elbv2", "ec2", "acm"))
        self.elb = elb
        subnets = ec2.describe_subnets()["Subnets"][:2]
        security = ec2.create_security_group(GroupName="site", Description="visitors", VpcId=subnets[0]["VpcId"])["GroupId"]
        self.ports = [harness.free_port() for _ in range(3)]
        ec2.authorize_security_group_ingress(GroupId=security, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": p, "ToPort": p, "IpRanges": [{"CidrIp": site_case.VISITOR + "/32"}]} for p in self.ports])
        site_case.trust("trust", **{"ca.pem": authority.read("ca.pem")})
        certificate = acm.request_certificate(DomainName=site_case.NAME, KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        authority.write("site-ca.pem", acm.get_certificate(CertificateArn=certificate)["CertificateChain"])
        store = elb.create_trust_store(Name="clients", CaCertificatesBundleS3Bucket="trust", CaCertificatesBundleS3Key="ca.pem")
        self.group = elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"], TargetType="ip", UnhealthyThresholdCount=2,
                                             HealthyThresholdCount=2, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2)["TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": "127.0.0.1", "Port": p} for p in targets.ports.values()])
        lb = elb.create_load_balancer(Name="site", Subnets=[s["SubnetId"] for s in subnets], SecurityGroups=[security])["LoadBalancers"][0]
        forward = [{"Type": "forward", "TargetGroupArn": self.group}]
        shown = {"Certificates": [{"CertificateArn": certificate}]}
        self.address = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]
        for protocol, port, more in (
                ("HTTP", self.ports[0], {"DefaultActions": [{"Type": "redirect", "RedirectConfig": {
                    "Protocol": "HTTPS", "Port": str(self.ports[1]), "StatusCode": "HTTP_301"}}]}),
                ("HTTPS", self.ports[1], {"DefaultActions": forward, **shown}),
                ("HTTPS", self.ports[2], {"DefaultActions": forward, **shown, "MutualAuthentication": {
                    "Mode": "verify", "TrustStoreArn": store["TrustStores"][0]["TrustStoreArn"]}})):
            elb.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol=protocol, Port=port, **more)

    def healthy(self, count, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            states = [t["TargetHealth"]["State"] for t in self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]]
            if states.count("healthy") == count:
                return
            time.sleep(0.2)
        raise SystemExit(f"the targets are {states}")


class Traffic:
    """Clients on kept connections. `seen`: (second since the beginning, a target's name or what went wrong)."""

    def __init__(self, context, address, port, source):
        self.context, self.where, self.source = context, (address, port), source
        self.seen, self.lock, self.going = [], threading.Lock(), True
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def now(self):
        return time.monotonic() - self.began

    def run(self):
        c = None
        while self.going:
            try:
                if c is None:
                    c = http.client.HTTPSConnection(*self.where, timeout=10, source_address=(self.source, 0), context=self.context)
                c.request("GET", "/", headers={"Host": "site.example"})
                answer = c.getresponse()
                body = answer.read().decode()
                said = body if answer.status == 200 else str(answer.status)
                if answer.will_close:
                    c = None
            except (OSError, http.client.HTTPException):
                said, c = "lost", None
            with self.lock:
                self.seen.append((self.now(), said))
            time.sleep(PAUSE_S)

    def stop(self):
        self.going = False
        for t in self.threads:
            t.join(15)


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=True).stdout
    return {name: int(number) for number, name in (line.split() for line in out.splitlines())}


def metrics(server):
    """{name: sum over what has it}"""
    with urllib.request.urlopen(server.endpoint + "/_bulwark/metrics", timeout=10) as answer:
        text = answer.read().decode()
    out = collections.Counter()
    for name, value in re.findall(r'^aws_elb_(\w+)\{load_balancer="[^"]*"\} (\d+)$', text, re.M):
        out[name] += int(value)
    return out


def visits(site, site_case, authority):
    """Who comes to the site, and what they meet: {what: how many}."""
    own = ["--cert", authority.path("client.pem"), "--key", authority.path("client.key")]
    out = collections.Counter()
    for _ in range(20):
        out["refused"] += site.curl(site.https, source=site_case.STRANGER)[0] != 0
        out["moved"] += site.curl("-o", "/dev/null", "-w", "%{http_code}", site.http)[1] == "301"
        out["nocert"] += site.curl(site.mutual)[0] != 0
        for kind, words in (("https", [site.https]), ("mutual", [*own, site.mutual])):
            said = site.curl(*words)[1]
            out[kind] += said in NAMES
            out[said] += 1
    return out


def svg(width, height, title, about, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">\n<title id="t">{html.escape(title)}</title>\n'
            f'<desc id="d">{html.escape(about)}</desc>\n{STYLE}{body}</svg>\n')


def box(x, y, w, h, head, *lines, kind="box"):
    out = f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>\n<text class="head mid" x="{x + w / 2}" y="{y + 22}">{html.escape(head)}</text>\n'
    for i, line in enumerate(lines):
        out += f'<text class="soft mid" x="{x + w / 2}" y="{y + 40 + 16 * i}">{html.escape(line)}</text>\n'
    return out


def picture_of_site(build, counted, told):
    """The way of a request, with what was counted on it."""
    body = box(10, 24, 150, 60, "A stranger", f"{counted['refused']} connections", kind="box") + box(10, 150, 150, 60, "A visitor", "from 127.0.0.7")
    body += box(10, 276, 150, 60, "A visitor", "with a certificate")
    body += box(214, 24, 130, 312, "Security group", "permits the visitor's", "address, three ports", "", "refused:", f"{counted['refused']} connections")
    body += box(398, 24, 160, 76, "HTTP listener", "redirects to HTTPS", f"{counted['moved']} x 301")
    body += box(398, 138, 160, 84, "HTTPS listener", "ACM's certificate", f"{counted['https']} x 200", "HTTP/2")
    body += box(398, 256, 160, 80, "HTTPS, mutual TLS", f"{counted['mutual']} x 200", f"{counted['nocert']} handshakes refused")
    for i, name in enumerate(NAMES):
        body += box(620, 70 + 84 * i, 130, 60, f"target {name}", f"{counted[name]} requests")
    for a, b in (((160, 180), (212, 180)), ((160, 306), (212, 306)), ((344, 62), (396, 62)), ((344, 180), (396, 180)), ((344, 300), (396, 300))):
        body += f'<path class="way" d="M{a[0]} {a[1]}L{b[0]} {b[1]}"/>\n'
    for i in range(3):
        body += f'<path class="way" d="M558 180L618 {100 + 84 * i}"/>\n<path class="way" d="M558 296L618 {100 + 84 * i}"/>\n'
    body += '<path class="away" d="M160 54L212 54"/>\n<path class="way" d="M478 100L478 136"/>\n'
    body += (f'<text class="soft" x="10" y="366">Counted by the clients; the edge counts the same: {told["security_group_blocked_flow_count_inbound_tcp"]} flows blocked, '
             f'{told["http_redirect_count"]} redirects, {told["client_tls_negotiation_error_count"]} handshakes failed, {told["request_count"]} requests.</text>\n')
    return svg(760, 378, "A site behind a load balancer", "A stranger is refused by the security group. A visitor is redirected from HTTP to HTTPS and reaches one of three targets. "
               "At the listener with mutual TLS only who shows a certificate passes.", body)


def rates(seen, seconds, step):
    out = {name: [0] * int(seconds / step + 1) for name in NAMES}
    bad = [0] * int(seconds / step + 1)
    for at, said in seen:
        if at < seconds:
            (out[said] if said in out else bad)[int(at / step)] += 1
    return out, bad


def picture_of_traffic(seen, events, seconds):
    step, left, top, width, height = 0.5, 60, 40, 790, 220
    by_target, bad = rates(seen, seconds, step)
    n = int(seconds / step)
    peak = max(max(v[:n]) for v in by_target.values()) / step * 1.15

    def x(t):
        return left + width * t / seconds

    def y(rate):
        return top + height - height * rate / peak
    body = f'<text class="head" x="{left}" y="22">Requests a second that each target answered</text>\n'
    for i, name in enumerate(NAMES):
        points = " ".join(f"{x((k + 0.5) * step):.1f},{y(v / step):.1f}" for k, v in enumerate(by_target[name][:n]))
        body += f'<polyline points="{points}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>\n'
        body += f'<text x="{left + 430 + 90 * i}" y="22" style="fill:{COLOURS[i]}">target {name}</text>\n'
    for rate in range(0, int(peak), 50 if peak < 400 else 100):
        body += f'<text class="soft end" x="{left - 8}" y="{y(rate) + 4:.1f}">{rate}</text>\n'
    body += f'<path class="axis" d="M{left} {top}V{top + height}H{left + width}" fill="none"/>\n'
    ends = [at for at, _ in events[1:]] + [seconds]
    for (at, words), until in zip(events, ends):
        lost = collections.Counter(said for t, said in seen if at <= t < until and said not in NAMES)
        told = ", ".join(f"{v} x {k}" for k, v in sorted(lost.items())) or "no error"
        ok = sum(1 for t, said in seen if at <= t < until and said in NAMES)
        body += f'<path class="event" d="M{x(at):.1f} {top}V{top + height + 8}"/>\n'
        body += f'<text class="soft" x="{x(at) + 3:.1f}" y="{top + height + 24}">{html.escape(words)}</text>\n'
        body += f'<text class="soft {"not" if lost else ""}" x="{x(at) + 3:.1f}" y="{top + height + 40}">{html.escape(told)}</text>\n'
        body += f'<text class="soft" x="{x(at) + 3:.1f}" y="{top + height + 56}">of {ok + sum(lost.values()):,} requests</text>\n'
    for k, v in enumerate(bad[:n]):
        if v:
            body += f'<rect x="{x(k * step):.1f}" y="{y(v / step):.1f}" width="{width * step / seconds:.1f}" height="{top + height - y(v / step):.1f}" class="no"/>\n'
    return svg(left + width + 20, top + height + 70, "Traffic through the death of a target, a process of the edge and the API, and an upgrade",
               f"{CLIENTS} clients on kept connections over TLS, which repeat nothing. Below each event: the errors that clients saw until the next.", body)


def run(seconds):
    import ssl

    import harness
    import site_case
    server = harness.Server("--edge-loops", "2", ephemeral=False)
    harness.SERVER = server
    targets, authority = Targets(harness), site_case.Authority()
    try:
        build = Build(harness, site_case, targets, authority)
        build.healthy(3)
        site = site_case.Site(None, build.address, *build.ports, authority.path("site-ca.pem"), authority)
        counted = visits(site, site_case, authority)
        time.sleep(2.5)
        told = metrics(server)
        print("visits:", dict(counted))
        (ROOT / "docs" / "site.svg").write_text(picture_of_site(build, counted, told))
        context = ssl.create_default_context(cafile=authority.path("site-ca.pem"))
        context.check_hostname = False
        traffic = Traffic(context, build.address, build.ports[1], site_case.VISITOR)
        events = [(0.0, "all is well")]

        def event(words, action):
            time.sleep(seconds)
            events.append((traffic.now(), words))
            action()
        event("kill -9 target two", lambda: targets.kill("two"))
        event("it starts again", lambda: targets.processes.update(two=targets.start("two")))
        event("kill -9 an edge", lambda: os.kill(children(server.process.pid)["edge-1"], signal.SIGKILL))
        event("kill -9 the API", lambda: os.kill(children(server.process.pid)["api"], signal.SIGKILL))
        event("kill -HUP", lambda: os.kill(server.process.pid, signal.SIGHUP))
        event("bulwark upgrade", lambda: subprocess.run([harness.BINARY, "upgrade", "--data", server.data], stdin=subprocess.DEVNULL, check=True))
        time.sleep(seconds)
        traffic.stop()
        (ROOT / "docs" / "site-traffic.svg").write_text(picture_of_traffic(traffic.seen, events, events[-1][0] + seconds))
        for (at, words), until in zip(events, [e[0] for e in events[1:]] + [events[-1][0] + seconds]):
            print(f"{at:5.1f} s  {words:22}", dict(collections.Counter(said for t, said in traffic.seen if at <= t < until)))
    finally:
        targets.stop()
        authority.clean()
        server.stop()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=6, help="between two events")
    options.add_argument("--target", nargs=2, help=argparse.SUPPRESS)
    o = options.parse_args()
    if o.target:
        target(o.target[0], int(o.target[1]))
    else:
        run(o.seconds)
