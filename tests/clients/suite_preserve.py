#!/usr/bin/env python3
"""Network load balancers that keep their clients' addresses, in network namespaces of their own: a client, the machine that serves, and
another machine behind it. Targets on both machines see who really asks, and their answers arrive."""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import elbv2_case
import harness
from netns_case import run

HOST, CLIENT, BEYOND = (f"bwp{os.getpid()}{x}" for x in "hcb")
MARK_OUT, MARK_BACK = 0x62770001, 0x62770002

# Says who asks, to each connection and each datagram.
MIRROR = """
import socket, sys, threading
def datagrams(s):
    while True:
        data, who = s.recvfrom(100)
        s.sendto(f"{who[0]} {who[1]}".encode(), who)
def serve(c, who):
    try:
        c.sendall(f"{who[0]} {who[1]}\\n".encode())
        while c.recv(100): pass
    except OSError:
        pass
    c.close()
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    u = socket.socket(family, socket.SOCK_DGRAM); u.bind((address, 9000))
    threading.Thread(target=datagrams, args=(u,)).start()
    for port in (9000, 9001):
        l = socket.socket(family); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((address, port)); l.listen(512)
        threading.Thread(target=lambda l=l: [threading.Thread(target=serve, args=l.accept()).start() for _ in iter(int, 1)]).start()
print("ready", flush=True)
"""
# Asks from a port of its own, at one or more ports of one address, and prints what it hears and where it asked from. Connections stay
# until the last has answered.
ASK = """
import socket, ssl, sys
kind, source, address, *ports = sys.argv[1:]
kept, bound = [], 0
for port in ports:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    s.settimeout(4)
    if kind != "udp": s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, bound)); bound = s.getsockname()[1]
    try:
        s.connect((address, int(port)))
        if kind == "udp": s.send(b"x")
        if kind == "tls":
            context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
            s = context.wrap_socket(s)
        print(bound, s.recv(100).decode().strip() or "closed")
    except OSError as e:
        print(bound, "silence" if isinstance(e, TimeoutError) else e)
    kept.append(s)
    if kind == "udp": s.close()
"""
# Keeps a connection, and says whether the other side ends it when this one does.
HOLD = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=8)
print(s.recv(100).decode(), end="", flush=True)
sys.stdin.readline()
s.shutdown(socket.SHUT_WR)
try:
    print("ended" if s.recv(100) == b"" else "bytes")
except OSError as e:
    print(e)
"""
# Many at once: how many were told the address that they asked from.
CROWD = """
import socket, sys
source, address, port, n = sys.argv[1:]
crowd = []
for _ in range(int(n)):
    s = socket.socket(); s.settimeout(15); s.bind((source, 0)); s.connect((address, int(port))); crowd.append(s)
print("connected", flush=True)
print(sum(s.recv(100).split()[:1] == [source.encode()] for s in crowd))
"""


def possible():
    """Why these tests cannot be run here; None when they can."""
    try:
        run("nft", "--version")
        for space in (HOST, CLIENT, BEYOND):
            run("ip", "netns", "add", space)
            run("ip", "link", "set", "lo", "up", space=space)
        run("nft", "list", "tables", space=HOST)
    except (AssertionError, OSError) as why:
        return str(why)
    return None


def lay_cables():
    run("ip", "link", "add", "eth0", "netns", HOST, "type", "veth", "peer", "name", "eth0", "netns", CLIENT)
    run("ip", "link", "add", "eth1", "netns", HOST, "type", "veth", "peer", "name", "eth0", "netns", BEYOND)
    for space, device, *addresses in ((HOST, "eth0", "172.31.0.1/24", "fd01::1/64"), (HOST, "eth1", "10.9.0.1/24", "fd02::1/64"),
                                      (CLIENT, "eth0", "172.31.0.9/24", "fd01::9/64"), (BEYOND, "eth0", "10.9.0.9/24", "fd02::9/64")):
        # Without it, link-local addresses would be looked for twins of first, and neighbours not found meanwhile.
        run("sysctl", "-q", "-w", f"net.ipv6.conf.{device}.accept_dad=0", space=space)
        for address in addresses:
            run("ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []), space=space)
        run("ip", "link", "set", device, "up", space=space)
    for space, via4, via6 in ((CLIENT, "172.31.0.1", "fd01::1"), (BEYOND, "10.9.0.1", "fd02::1")):
        run("ip", "route", "add", "default", "via", via4, space=space)
        run("ip", "-6", "route", "add", "default", "via", via6, space=space)
    # The strictest that a machine may be set to.
    for name in ("all", "default", "eth0", "eth1", "lo"):
        run("sysctl", "-q", "-w", f"net.ipv4.conf.{name}.rp_filter=1", space=HOST)


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def guard_pid():
    for pid in run("ps", "--ppid", str(harness.SERVER.process.pid), "-o", "pid=,comm=").splitlines():
        if pid.split()[1] == "guard":
            return int(pid.split()[0])
    return 0


def setUpModule():
    global WHY_NOT, HOME
    HOME = os.open("/proc/self/ns/net", os.O_RDONLY)
    WHY_NOT = possible()
    if not WHY_NOT:
        lay_cables()
        enter(f"/run/netns/{HOST}")


def tearDownModule():
    enter(f"/proc/self/fd/{HOME}")
    for space in (HOST, CLIENT, BEYOND):
        subprocess.run(["ip", "netns", "del", space], capture_output=True)


class Kept(elbv2_case.Elbv2Case):
    """One family's; `options` of the server."""
    options, ephemeral = ["--preserve-client-ip"], True

    @classmethod
    def setUpClass(cls):
        if WHY_NOT:
            raise unittest.SkipTest("network namespaces and nft are needed: " + WHY_NOT.replace("\n", " "))
        cls.processes = [cls.mirror(HOST, cls.near), cls.mirror(BEYOND, cls.far)]
        harness.serve("--edge-address", cls.host, "--edge-loops", "2", *cls.options, ephemeral=cls.ephemeral)
        super().setUpClass()
        cls.groups = {}
        cls.lb_arn = cls.elb.create_load_balancer(Name="kept", Type="network", Subnets=cls.subnets)["LoadBalancers"][0]["LoadBalancerArn"]

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.kill()
            process.wait()
            process.stdout.close()
        assert harness.SERVER.stop() == 0, harness.SERVER.last_log
        # Nothing of ours stays behind.
        assert "bulwark" not in run("nft", "list", "tables"), run("nft", "list", "ruleset")
        for family in ("-4", "-6"):
            assert "0x6277" not in run("ip", family, "rule"), run("ip", family, "rule")
            assert "dev lo" not in run("ip", family, "route", "show", "table", str(0x6277), check=False)

    @staticmethod
    def mirror(space, address):
        process = subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-c", MIRROR, address], text=True, stdout=subprocess.PIPE)
        assert process.stdout.readline().strip() == "ready"
        return process

    def child(self, script, *words):
        """One in the client's place. It ends with its test, however that ends: it would go on waiting for answers, and hold open what whoever runs
        this suite reads to its end."""
        process = subprocess.Popen(["ip", "netns", "exec", CLIENT, sys.executable, "-c", script, *words], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def end():
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
        self.addCleanup(end)
        return process

    def target_group(self, protocol, address, port=9000):
        key = (protocol, address, port)
        if key not in self.groups:
            made = self.elb.create_target_group(Name=f"g{len(self.groups)}", Protocol=protocol, Port=port, VpcId=self.vpc, TargetType="ip", HealthCheckPort="9000",
                                                HealthCheckProtocol="TCP", IpAddressType="ipv6" if ":" in address else "ipv4")["TargetGroups"][0]["TargetGroupArn"]
            self.groups[key] = made
            self.elb.register_targets(TargetGroupArn=made, Targets=[{"Id": address, "AvailabilityZone": "all"}])
        return self.groups[key]

    def keep(self, group, value="true"):
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "preserve_client_ip.enabled", "Value": value}])

    def listen(self, port, protocol, group, **more):
        arn = self.elb.create_listener(LoadBalancerArn=self.lb_arn, Port=port, Protocol=protocol, **more,
                                       DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
        self.addCleanup(self.elb.delete_listener, ListenerArn=arn)
        self.settle()
        return port

    def settle(self):
        """Until the load balancer and the guard go by what was committed last."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            state = self.elb.describe_load_balancers(LoadBalancerArns=[self.lb_arn])["LoadBalancers"][0]["State"]["Code"]
            if state == "active" and self.said()["client_addresses"]["state"] != "waiting":
                return
            time.sleep(0.02)
        raise AssertionError(state)

    def said(self):
        return json.loads(run(harness.BINARY, "status", "--endpoint", harness.SERVER.endpoint, "--json"))

    def status(self):
        return run(harness.BINARY, "status", "--endpoint", harness.SERVER.endpoint)

    def ask(self, kind, *ports, space=CLIENT, source=None):
        lines = run(sys.executable, "-c", ASK, kind, source or self.client, self.host, *map(str, ports), space=space).splitlines()
        return [tuple(line.split(" ", 1)) for line in lines]

    def sees_client(self, kind, port):
        (own, told), = self.ask(kind, port)
        self.assertEqual(f"{self.client} {own}", told)


class Both:
    """What holds of either family."""

    def test_tcp(self):
        for port, address in ((7001, self.far), (7002, self.near)):
            group = self.target_group("TCP", address)
            self.keep(group)
            self.listen(port, "TCP", group)
            self.sees_client("tcp", port)

    def test_udp(self):
        # Kept without being asked for: it cannot be otherwise.
        for port, address in ((7003, self.far), (7004, self.near)):
            self.listen(port, "UDP", self.target_group("UDP", address))
            self.sees_client("udp", port)

    def test_a_client_on_this_machine(self):
        """Its own address is seen from where it leads back: the loopback's on this machine alone."""
        far, near = self.target_group("TCP", self.far), self.target_group("TCP", self.near)
        for group in (far, near):
            self.keep(group)
        ports = self.listen(7007, "TCP", far), self.listen(7008, "TCP", near)
        seen = lambda source, *at, kind="tcp": [told.split()[0] for _, told in self.ask(kind, *at, space=HOST, source=source)]
        self.assertEqual([self.host] * 2, seen(self.host, *ports))
        self.assertEqual([self.near] * 2, seen("::1" if ":" in self.host else "127.0.0.1", *ports))
        self.assertEqual([self.host], seen(self.host, self.listen(7009, "UDP", self.target_group("UDP", self.near)), kind="udp"))

    def test_tcp_udp(self):
        port = self.listen(7005, "TCP_UDP", self.target_group("TCP_UDP", self.far))
        self.sees_client("udp", port)
        self.sees_client("tcp", port)

    def test_tls(self):
        work = tempfile.mkdtemp(prefix="bulwark-preserve-")
        self.addCleanup(shutil.rmtree, work)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=kept.example", "-days", "30", "-keyout",
            work + "/key", "-out", work + "/cert")
        with open(work + "/key", "rb") as key, open(work + "/cert", "rb") as cert:
            arn = harness.client("acm").import_certificate(Certificate=cert.read(), PrivateKey=key.read())["CertificateArn"]
        group = self.target_group("TCP", self.far)
        self.keep(group)
        self.sees_client("tls", self.listen(7006, "TLS", group, Certificates=[{"CertificateArn": arn}]))


class Kept4(Both, Kept):
    host, client, near, far = "172.31.0.1", "172.31.0.9", "10.9.0.1", "10.9.0.9"

    def test_a_port_that_is_taken(self):
        """Of two connections from one port to one target, the address stays and the port cannot."""
        group = self.target_group("TCP", self.far)
        self.keep(group)
        first, second = self.ask("tcp", self.listen(7010, "TCP", group), self.listen(7011, "TCP", group))
        self.assertEqual((first[0], f"{self.client} {first[0]}"), (second[0], first[1]))
        self.assertEqual(self.client, second[1].split()[0])
        self.assertNotEqual(second[0], second[1].split()[1])
        # Towards another target both stay.
        first, second = self.ask("tcp", 7010, self.listen(7012, "TCP", self.kept("TCP", self.far, 9001)))
        self.assertEqual([f"{self.client} {first[0]}"] * 2, [first[1], second[1]])

    def kept(self, *which):
        group = self.target_group(*which)
        self.keep(group)
        return group

    def test_a_group_that_does_not_keep(self):
        group = self.target_group("TCP", self.near, 9001)
        port = self.listen(7013, "TCP", group)
        self.assertEqual(self.near, self.ask("tcp", port)[0][1].split()[0])
        self.keep(group)
        self.settle()
        self.sees_client("tcp", port)
        self.keep(group, "false")
        self.settle()
        self.assertEqual(self.near, self.ask("tcp", port)[0][1].split()[0])

    def test_a_socket_gets_no_further_than_the_targets(self):
        """Whoever has such a socket may pretend to be others, but only to targets that want to know their clients."""
        group = self.target_group("TCP", self.far)
        self.keep(group)
        port = self.listen(7014, "TCP", group)
        self.sees_client("tcp", port)

        def reach(address, at):
            with socket.socket() as s:
                s.settimeout(0.6)
                s.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
                s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK_OUT)
                s.bind(("192.0.2.7", 0))
                try:
                    s.connect((address, at))
                    return s.recv(100).split()[0].decode()
                except TimeoutError:
                    return "silence"
        self.assertEqual(["192.0.2.7", "silence", "silence"], [reach(self.far, 9000), reach(self.far, 22), reach("127.0.0.1", harness.SERVER.port)])

    def test_a_connection_of_others_is_not_taken(self):
        """What a client and a target speak past the load balancer through this machine stays theirs, whoever has such a socket."""
        self.listen(7020, "TCP", self.kept("TCP", self.far))
        run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", space=HOST)
        held = self.child(HOLD, self.far, "9000")
        address, port = held.stdout.readline().split()
        with socket.socket() as s:
            s.settimeout(0.6)
            s.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK_OUT)
            s.bind((address, int(port)))
            with self.assertRaises(TimeoutError):
                s.connect((self.far, 9000))
        self.assertEqual((self.client, "ended"), (address, held.communicate("\n", timeout=20)[0].strip()))

    def test_a_connection_outlives_its_listener(self):
        group = self.target_group("TCP", self.far)
        self.keep(group)
        arn = self.elb.create_listener(LoadBalancerArn=self.lb_arn, Port=7019, Protocol="TCP", DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]
        self.settle()
        held = self.child(HOLD, self.host, "7019")
        self.assertEqual(self.client, held.stdout.readline().split()[0])
        self.elb.delete_listener(ListenerArn=arn["ListenerArn"])
        end = time.monotonic() + 10
        while self.said()["client_addresses"]["state"] != "unused":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual("ended", held.communicate("\n", timeout=20)[0].strip())

    def test_many_wait_for_a_guard_that_is_slow(self):
        group = self.target_group("TCP", self.far)
        self.keep(group)
        port = self.listen(7015, "TCP", group)
        self.sees_client("tcp", port)
        guard = guard_pid()
        self.assertTrue(guard) # 0 would stop this process itself
        os.kill(guard, signal.SIGSTOP)
        try:
            crowd = self.child(CROWD, self.client, self.host, str(port), "400")
            self.assertEqual("connected", crowd.stdout.readline().strip())
            with self.assertRaises(subprocess.TimeoutExpired):
                crowd.wait(0.3)
        finally:
            os.kill(guard, signal.SIGCONT)
        self.assertEqual("400", crowd.communicate(timeout=20)[0].strip())

    def test_the_guard_is_killed_and_what_others_made_stays(self):
        group = self.target_group("TCP", self.far)
        self.keep(group)
        port = self.listen(7016, "TCP", group)
        run("ip", "rule", "add", "fwmark", "0x77", "lookup", "77")
        self.addCleanup(run, "ip", "rule", "del", "fwmark", "0x77", "lookup", "77")
        before, count = guard_pid(), lambda *family: run("ip", *family, "rule").count("fwmark 0x62770002")
        self.assertTrue(before)
        os.kill(before, signal.SIGKILL)
        end = time.monotonic() + 10
        while guard_pid() in (0, before) or not count() or "bulwark_origins" not in run("nft", "list", "tables"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        self.sees_client("tcp", port)
        self.assertEqual((1, 1), (count(), count("-6")))
        self.assertIn("fwmark 0x77 lookup 77", run("ip", "rule"))

    def test_status_says_that_they_are_kept(self):
        self.listen(7017, "UDP", self.target_group("UDP", self.far))
        self.sees_client("udp", 7017)
        self.assertIn("clients    at targets: kept", self.status())
        self.assertNotIn("NOT KEPT", self.status())

    def test_the_edge_has_no_power(self):
        self.listen(7018, "UDP", self.target_group("UDP", self.far))
        for line in run("ps", "--ppid", str(harness.SERVER.process.pid), "-o", "pid=,comm=").splitlines():
            pid, name = line.split()
            if name.startswith("edge"):
                with open(f"/proc/{pid}/status") as shown:
                    self.assertIn("CapEff:\t0000000000000000", shown.read())

    def test_what_cannot_be(self):
        for protocol in ("UDP", "TCP_UDP"):
            group = self.target_group(protocol, self.far)
            self.refused("InvalidConfigurationRequest", "preserve_client_ip.enabled cannot be false if the target group protocol is UDP or TCP_UDP", self.keep,
                         group=group, value="false")
            self.refused("ValidationError", None, self.keep, group=group, value="maybe")


class Kept6(Both, Kept):
    host, client, near, far = "fd01::1", "fd01::9", "fd02::1", "fd02::9"


class Upgraded(Kept):
    """Another program takes over, its guard too."""
    ephemeral = False
    host, client, near, far = "172.31.0.1", "172.31.0.9", "10.9.0.1", "10.9.0.9"

    @classmethod
    def setUpClass(cls):
        cls.before, cls.work = harness.BINARY, tempfile.mkdtemp(prefix="bulwark-preserve-")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.addClassCleanup(setattr, harness, "BINARY", cls.before)
        harness.BINARY = shutil.copy(cls.before, cls.work)
        super().setUpClass()

    def test_the_way_back_stays(self):
        group = self.target_group("TCP", self.far)
        self.keep(group)
        port = self.listen(7001, "TCP", group)
        held = self.child(HOLD, self.host, str(port))
        self.assertEqual(self.client, held.stdout.readline().split()[0])
        before, seen = guard_pid(), subprocess.Popen(["ip", "monitor", "rule", "route"], text=True, stdout=subprocess.PIPE)
        os.rename(shutil.copy(os.path.join(os.path.dirname(self.before), "../../tests/bin/bulwark-next"), self.work), harness.BINARY)
        upgrade = subprocess.Popen([self.before, "upgrade", "--data", harness.SERVER.data], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while guard_pid() in (0, before) or self.said()["client_addresses"]["state"] != "kept":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual("ended", held.communicate("\n", timeout=20)[0].strip())
        upgrade.wait(60)
        self.sees_client("tcp", port)
        seen.terminate()
        self.assertNotIn("Deleted", seen.communicate()[0])


class Unkept(Kept):
    """Without --preserve-client-ip nothing of the machine is touched, and it is said whose targets see another address."""
    options = []
    host, client, near, far = "172.31.0.1", "172.31.0.9", "10.9.0.1", "10.9.0.9"

    def test_the_load_balancer_s_own_address_serves(self):
        tcp, udp, plain = self.target_group("TCP", self.far), self.target_group("UDP", self.near), self.target_group("TCP", self.far, 9001)
        self.keep(tcp)
        self.listen(7001, "TCP", tcp)
        self.listen(7003, "UDP", udp)
        self.listen(7007, "TCP", plain)
        self.assertEqual(["10.9.0.1"] * 3, [self.ask(kind, port)[0][1].split()[0] for kind, port in (("tcp", 7001), ("udp", 7003), ("tcp", 7007))])
        end = time.monotonic() + 5
        while "NOT KEPT" not in self.status() and time.monotonic() < end:
            time.sleep(0.05)
        lines = [line for line in self.status().splitlines() if "NOT KEPT" in line]
        self.assertEqual(sorted((tcp, udp)), sorted(line.split(" of ")[1].split(": ")[0] for line in lines))
        self.assertTrue(all(line.endswith("the server was started without --preserve-client-ip") for line in lines), lines)
        self.assertNotIn("bulwark", run("nft", "list", "tables"))

    def test_without_the_power_it_does_not_start(self):
        done = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", harness.BINARY, "serve", "--ephemeral", "--data", harness.SERVER.work + "/x",
                               "--listen", f"127.0.0.1:{harness.free_port()}", "--preserve-client-ip"], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((1, True), (done.returncode, "the guard needs CAP_NET_ADMIN" in done.stderr), done.stderr)


if __name__ == "__main__":
    harness.main()
