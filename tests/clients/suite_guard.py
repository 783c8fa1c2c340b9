#!/usr/bin/env python3
"""The guard in network namespaces of its own: what a security group permits passes, everything else is refused."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import harness
from netns_case import run

HOST, PEER = f"bwg{os.getpid()}h", f"bwg{os.getpid()}p"
HOST4, PEER4, STRANGER4 = "172.31.0.20", "172.31.0.10", "172.31.0.11"
HOST6, PEER6 = "2001:db8::20", "2001:db8::10"
ANY = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}

# Answers each line of a connection, and each datagram, with itself.
ECHO = """
import socket, sys, threading
def serve(c):
    with c:
        while True:
            data = c.recv(100)
            if not data: return
            c.sendall(data)
def datagrams(s):
    while True:
        data, who = s.recvfrom(100)
        s.sendto(data, who)
for address, port in ((a, int(p)) for a, p in (x.rsplit("@", 1) for x in sys.argv[1:])):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    u = socket.socket(family, socket.SOCK_DGRAM); u.bind((address, port))
    threading.Thread(target=datagrams, args=(u,)).start()
    l = socket.socket(family); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((address, port)); l.listen(64)
    threading.Thread(target=lambda l=l: [threading.Thread(target=serve, args=(l.accept()[0],)).start() for _ in iter(int, 1)]).start()
print("ready", flush=True)
"""
# Says whether a connection or datagram gets an answer.
ASK = """
import socket, sys
kind, source, address, port = sys.argv[1:5]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
s.settimeout(float(sys.argv[5])); s.bind((source, 0))
try:
    s.connect((address, int(port))); s.send(b"x")
    print("answered" if s.recv(1) == b"x" else "closed")
except OSError as e:
    print("silence" if isinstance(e, TimeoutError) else e)
"""
# Keeps one connection and asks each time a line comes in.
HOLD = """
import socket, sys
s = socket.socket(); s.settimeout(1); s.bind((sys.argv[1], 0)); s.connect((sys.argv[2], int(sys.argv[3])))
print("connected", flush=True)
for line in sys.stdin:
    try:
        s.sendall(b"x"); print("answered" if s.recv(1) == b"x" else "closed", flush=True)
    except OSError as e:
        print("silence", flush=True)
"""

# Says when a report of multicast listeners (ICMPv6 type 143) names ff02::1234; its frames are seen before any rule.
HEAR_REPORTS = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86dd)); s.bind(("eth0", 0x86dd)); s.settimeout(60)
print("ready", flush=True)
wanted = socket.inet_pton(socket.AF_INET6, "ff02::1234")
while True:
    packet = s.recv(2000)
    if b"\\x8f\\x00" in packet[40:60] and wanted in packet:
        print("reported", flush=True)
        break
"""
JOIN = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff02::1234") + socket.if_nametoindex("eth0").to_bytes(4, sys.byteorder))
"""


def possible():
    """Why these tests cannot be run here; None when they can."""
    try:
        run("nft", "--version")
        run("ip", "netns", "add", HOST)
        run("ip", "netns", "add", PEER)
        run("nft", "list", "tables", space=HOST)
    except (AssertionError, OSError) as why:
        return str(why)
    return None


def lay_cable():
    run("ip", "link", "add", "eth0", "netns", HOST, "type", "veth", "peer", "name", "eth0", "netns", PEER)
    for space, addresses in ((HOST, (HOST4 + "/24", HOST6 + "/64")), (PEER, (PEER4 + "/24", STRANGER4 + "/24", PEER6 + "/64"))):
        for address in addresses:
            run("ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []), space=space)
        run("ip", "link", "set", "lo", "up", space=space)
        run("ip", "link", "set", "eth0", "up", space=space)


class Guard(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.why_not = possible()
        if cls.why_not:
            return
        cls.processes = []
        lay_cable()
        cls.work = tempfile.mkdtemp(prefix="bulwark-guard-")
        data = os.path.join(cls.work, "data")
        server = harness.Server(ephemeral=False, data=data)
        cls.group = harness.client("ec2", server).create_security_group(GroupName="guarded", Description="d")["GroupId"]
        server.stop()
        # The harness's server, so that it is looked over at the end.
        harness.serve("--guard", f"{HOST}/eth0={cls.group}", ephemeral=False, data=data)
        cls.ec2 = harness.client("ec2")
        cls.talk(HOST, ECHO, *(f"{a}@{p}" for a in (HOST4, HOST6) for p in (8080, 8081)))
        cls.talk(PEER, ECHO, *(f"{a}@{p}" for a in (PEER4, STRANGER4, PEER6) for p in (9090, 9091)))

    @classmethod
    def tearDownClass(cls):
        for process in getattr(cls, "processes", []):
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
        for space in (HOST, PEER):
            subprocess.run(["ip", "netns", "del", space], capture_output=True)
        if not cls.why_not:
            subprocess.run(["rm", "-rf", cls.work])

    def setUp(self):
        if self.why_not:
            self.skipTest("network namespaces and nft are needed: " + self.why_not.replace("\n", " "))
        self.addCleanup(self.clear)

    def clear(self):
        """Back to a group that lets nobody in and everything out."""
        shown = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0]
        if shown["IpPermissions"]:
            self.ec2.revoke_security_group_ingress(GroupId=self.group, IpPermissions=shown["IpPermissions"])
        if shown["IpPermissionsEgress"]:
            self.ec2.revoke_security_group_egress(GroupId=self.group, IpPermissions=shown["IpPermissionsEgress"])
        self.ec2.authorize_security_group_egress(GroupId=self.group, IpPermissions=[ANY])
        self.settle()

    @classmethod
    def talk(cls, space, script, *arguments):
        process = subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-c", script, *arguments], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cls.processes.append(process)
        assert process.stdout.readline().strip() in ("ready", "connected"), script
        return process

    def hold(self, space, source, address, port):
        process = self.talk(space, HOLD, source, address, str(port))

        def ask():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()
        return ask

    def ask(self, space, source, address, port, kind="tcp", patience=0.5):
        return run(sys.executable, "-c", ASK, kind, source, address, str(port), str(patience), space=space).strip()

    def enters(self, *, source=PEER4, port=8080, **more):
        return self.ask(PEER, source, HOST6 if ":" in source else HOST4, port, **more)

    def leaves(self, *, to=PEER4, port=9090, **more):
        return self.ask(HOST, HOST6 if ":" in to else HOST4, to, port, **more)

    def permit(self, *permissions):
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=list(permissions))
        self.settle()

    def revoke(self, *permissions):
        self.ec2.revoke_security_group_ingress(GroupId=self.group, IpPermissions=list(permissions))
        self.settle()

    def settle(self):
        """Until the guard holds an image that is as new as what was committed last."""
        def health():
            with urllib.request.urlopen(harness.SERVER.endpoint + "/_bulwark/health", timeout=10) as answer:
                return json.load(answer)
        committed, end = health()["commits"], time.monotonic() + 5
        while health()["guard"][0]["version"] < committed and time.monotonic() < end:
            time.sleep(0.02)

    def tcp(self, port, cidr=PEER4 + "/32", to=None):
        where = {"Ipv6Ranges": [{"CidrIpv6": cidr}]} if ":" in cidr else {"IpRanges": [{"CidrIp": cidr}]}
        return {"IpProtocol": "tcp", "FromPort": port, "ToPort": to or port, **where}

    def test_nobody_enters_and_everything_leaves(self):
        self.assertEqual("silence", self.enters())
        self.assertEqual("silence", self.enters(kind="udp"))
        self.assertEqual("silence", self.enters(source=PEER6))
        self.assertEqual("answered", self.leaves())
        self.assertEqual("answered", self.leaves(kind="udp"))
        # The new group's egress is of IPv4 alone.
        self.assertEqual("silence", self.leaves(to=PEER6))

    def test_permitted_passes_and_nothing_else(self):
        self.permit(self.tcp(8080))
        self.assertEqual("answered", self.enters())
        self.assertEqual("silence", self.enters(port=8081))
        self.assertEqual("silence", self.enters(source=STRANGER4))
        self.assertEqual("silence", self.enters(kind="udp"))
        self.assertEqual("silence", self.enters(source=PEER6))
        self.permit(self.tcp(8000, "2001:db8::/64", to=8080))
        self.assertEqual("answered", self.enters(source=PEER6))
        self.assertEqual("silence", self.enters(source=PEER6, port=8081))
        self.permit({"IpProtocol": "udp", "FromPort": 8081, "ToPort": 8081, "IpRanges": [{"CidrIp": "172.31.0.0/24"}]})
        self.assertEqual("answered", self.enters(kind="udp", port=8081, source=STRANGER4))

    def test_overlapping_rules(self):
        self.permit(self.tcp(8080, "172.31.0.0/16"), self.tcp(8080, "172.31.0.0/24"), self.tcp(8080), self.tcp(1, "172.31.0.0/28", to=65535),
                    {"IpProtocol": "50", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [
                        {"CidrIp": "0.0.0.0/0"}]}, {"IpProtocol": "icmpv6", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]})
        self.assertEqual("answered", self.enters())
        self.assertEqual("answered", self.enters(port=8081))
        self.assertEqual("silence", self.enters(kind="udp"))

    def test_egress(self):
        self.ec2.revoke_security_group_egress(GroupId=self.group, IpPermissions=[ANY])
        self.ec2.authorize_security_group_egress(GroupId=self.group, IpPermissions=[self.tcp(9090)])
        self.settle()
        self.assertEqual("answered", self.leaves())
        self.assertEqual("silence", self.leaves(port=9091))
        self.assertEqual("silence", self.leaves(to=STRANGER4))
        # Stateful: an answer needs no rule.
        self.permit(self.tcp(8080))
        self.assertEqual("answered", self.enters())

    def test_icmp_types(self):
        ping = lambda: subprocess.run(["ip", "netns", "exec", PEER, sys.executable, "-c", PING, HOST4], capture_output=True, text=True).stdout.strip()
        self.assertEqual("silence", ping())
        echo = {"IpProtocol": "icmp", "FromPort": 13, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.permit(echo)
        self.assertEqual("silence", ping())
        self.permit({**echo, "FromPort": 8, "ToPort": 0})
        self.assertEqual("answered", ping())

    def test_neighbours_and_who_listens_to_them_pass(self):
        """A group that permits nothing over IPv6 breaks neither neighbour discovery nor the reports that switches go by."""
        heard = self.talk(PEER, HEAR_REPORTS)
        run("ip", "neighbour", "flush", "dev", "eth0", space=HOST)
        self.enters(source=PEER6)
        self.assertIn("lladdr", run("ip", "neighbour", "show", "to", HOST6, space=PEER))
        run(sys.executable, "-c", JOIN, space=HOST)
        self.assertEqual(heard.stdout.readline().strip(), "reported")

    def test_a_group_reference_follows_its_members(self):
        clients = self.ec2.create_security_group(GroupName="clients", Description="d")["GroupId"]
        subnet = self.ec2.describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["172.31.0.0/20"]}])["Subnets"][0]["SubnetId"]
        rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": clients}]}
        self.permit(rule)
        self.assertEqual("silence", self.enters())
        eni = self.ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=PEER4, Groups=[clients])["NetworkInterface"]["NetworkInterfaceId"]
        self.settle()
        self.assertEqual("answered", self.enters())
        self.assertEqual("silence", self.enters(source=STRANGER4))
        default = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[default])
        self.settle()
        self.assertEqual("silence", self.enters())
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[clients])
        self.settle()
        self.assertEqual("answered", self.enters())
        self.ec2.delete_network_interface(NetworkInterfaceId=eni)
        self.settle()
        self.assertEqual("silence", self.enters())
        self.revoke(rule)
        self.ec2.delete_security_group(GroupId=clients)

    def test_a_member_is_known_by_its_ipv6_address_too(self):
        default = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        vpc = self.ec2.create_vpc(CidrBlock="10.66.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        block = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.66.0.0/24", Ipv6CidrBlock=block.replace("/56", "/64"))["Subnet"]["SubnetId"]
        clients = self.ec2.create_security_group(GroupName="clients6", Description="d", VpcId=vpc)["GroupId"]
        self.ec2.associate_security_group_vpc(GroupId=clients, VpcId=default)
        rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": clients}]}
        eni = self.ec2.create_network_interface(SubnetId=subnet, Groups=[clients], Ipv6AddressCount=1)["NetworkInterface"]
        address = eni["Ipv6Address"]
        run("ip", "address", "add", address + "/128", "dev", "eth0", "nodad", space=PEER)
        run("ip", "route", "add", address + "/128", "dev", "eth0", space=HOST)
        self.assertEqual("silence", self.enters(source=address))
        self.permit(rule)
        self.assertEqual("answered", self.enters(source=address))
        self.assertEqual("silence", self.enters(source=PEER6))
        self.ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
        self.settle()
        self.assertEqual("silence", self.enters(source=address))
        self.revoke(rule)
        self.ec2.disassociate_security_group_vpc(GroupId=clients, VpcId=default)
        self.ec2.delete_security_group(GroupId=clients)
        self.ec2.delete_subnet(SubnetId=subnet)
        self.ec2.delete_vpc(VpcId=vpc)

    def test_a_prefix_list_is_followed(self):
        made = self.ec2.create_managed_prefix_list(PrefixListName="x", AddressFamily="IPv4", MaxEntries=2, Entries=[{"Cidr": "10.0.0.0/8"}])["PrefixList"]
        rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "PrefixListIds": [{"PrefixListId": made["PrefixListId"]}]}
        self.permit(rule)
        self.assertEqual("silence", self.enters())
        self.ec2.modify_managed_prefix_list(PrefixListId=made["PrefixListId"], CurrentVersion=1, AddEntries=[{"Cidr": PEER4 + "/32"}])
        self.settle()
        self.assertEqual("answered", self.enters())

    def test_a_revoked_rule_cuts_new_connections_alone(self):
        self.permit(self.tcp(8080))
        held = self.hold(PEER, PEER4, HOST4, 8080)
        self.assertEqual("answered", held())
        self.revoke(self.tcp(8080))
        self.assertEqual("silence", self.enters())
        self.assertEqual("answered", held())

    def test_what_was_open_to_everybody_ends_with_its_rule(self):
        # AWS does not track flows that both directions permit to everybody.
        self.permit(self.tcp(8081, "0.0.0.0/0"))
        held = self.hold(PEER, PEER4, HOST4, 8081)
        stranger = self.hold(PEER, STRANGER4, HOST4, 8081)
        self.assertEqual(["answered"] * 2, [held(), stranger()])
        self.permit(self.tcp(8081))
        self.revoke(self.tcp(8081, "0.0.0.0/0"))
        # Whom another rule permits goes on.
        self.assertEqual(["answered", "silence"], [held(), stranger()])

    def test_nothing_but_our_table_is_touched(self):
        run("nft", "add table inet others; add chain inet others c { type filter hook input priority 10; }; add rule inet others c counter", space=HOST)
        before = run("nft", "-s", "list", "table", "inet", "others", space=HOST)
        self.permit(self.tcp(8080))
        self.assertEqual("answered", self.enters())
        self.assertEqual(before, run("nft", "-s", "list", "table", "inet", "others", space=HOST))
        # Ours comes back when somebody throws it away.
        run("nft", "flush", "ruleset", space=HOST)
        end = time.monotonic() + 12
        while "bulwark" not in run("nft", "list", "tables", space=HOST) and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual("silence", self.enters(port=8081))
        self.assertEqual("answered", self.enters())
        self.assertNotIn("bulwark", run("nft", "list", "tables", space=PEER))

    def test_status_says_what_holds(self):
        self.permit(self.tcp(8080))
        self.enters()
        self.enters(port=8081)
        end = time.monotonic() + 12
        while time.monotonic() < end:
            said = run(harness.BINARY, "status", "--data", harness.SERVER.data, "--json")
            state = json.loads(said)["guard"][0]
            if state["permitted"] > 0 and state["refused"] > 0:
                break
            time.sleep(0.2)
        self.assertEqual((f"{HOST}/eth0", "enforced", "", 2), (state["name"], state["state"], state["reason"], state["permits"]))
        self.assertGreater(state["permitted"], 0)
        self.assertGreater(state["refused"], 0)
        self.assertIn("and by the guard at:", run(harness.BINARY, "status", "--data", harness.SERVER.data))

    def test_bindings_that_cannot_be(self):
        for option, word in (("eth0", "TARGET"), ("eth0=", "sg- ids"), ("eth0=sg-1", "sg- ids"), ("a b=sg-01234567", "namespace"), ("../x=sg-01234567", "namespace"),
                             ("=sg-01234567", "namespace"), ("eth0=sg-01234567,", "sg- ids"), ("0123456789abcdef=sg-01234567", "15 characters")):
            done = subprocess.run([harness.BINARY, "serve", "--ephemeral", "--data", self.work + "/x", "--guard", option], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
            self.assertEqual(2, done.returncode, done)
            self.assertIn(word, done.stderr)
        twice = ["--guard", "eth0=sg-01234567", "--guard", "*=sg-01234567"]
        done = subprocess.run([harness.BINARY, "serve", "--ephemeral", "--data", self.work + "/x", *twice], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((2, True), (done.returncode, "bound already" in done.stderr))
        port = harness.free_port()
        done = subprocess.run([harness.BINARY, "serve", "--ephemeral", "--data", self.work + "/x", "--listen", f"127.0.0.1:{port}", "--guard",
                               "no-such-space/eth0=sg-01234567"], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((1, True), (done.returncode, "there is no such network namespace" in done.stderr))


    def test_one_capability_is_enough(self):
        """Nobody with CAP_NET_ADMIN alone, in the namespace that it starts in. Groups that are not there permit nothing."""
        data = os.path.join(self.work, "nobody")
        os.mkdir(data)
        os.chmod(self.work, 0o755)
        shutil.chown(data, "nobody", "nogroup")
        command = [harness.BINARY, "serve", "--ephemeral", "--data", data + "/data", "--root-key", data + "/key", "--listen", "127.0.0.1:4566",
                   "--guard", "*=sg-0123456789abcdef0"]
        nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--bounding-set=-all,+net_admin"]
        served = subprocess.Popen(["ip", "netns", "exec", PEER, *nobody, "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin", *command],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            end = time.monotonic() + 20
            while "b0_in_new" not in run("nft", "list", "ruleset", space=PEER):
                self.assertTrue(served.poll() is None and time.monotonic() < end, served.poll())
                time.sleep(0.1)
            self.assertEqual("silence", self.leaves())
            self.assertIn("ct state established,related return", run("nft", "list", "chain", "inet", "bulwark", "b0_out", space=PEER))
        finally:
            served.terminate()
            said = served.communicate(timeout=40)[1]
            # The table outlives its guard.
            self.assertIn("bulwark", run("nft", "list", "tables", space=PEER), said)
            run("nft", "delete", "table", "inet", "bulwark", space=PEER)
        self.assertEqual(0, served.returncode, said)
        # Without it there is no guard, and that is said.
        done = subprocess.run(["ip", "netns", "exec", PEER, "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((1, True), (done.returncode, "the guard needs CAP_NET_ADMIN" in done.stderr), done.stderr)


PING = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); s.settimeout(0.5)
body = struct.pack("!BBHHH", 8, 0, 0, 7, 7); n = sum(struct.unpack("!4H", body)); n = (n & 0xffff) + (n >> 16)
s.sendto(struct.pack("!BBHHH", 8, 0, ~n & 0xffff, 7, 7), (sys.argv[1], 0))
try:
    while s.recv(100)[20] != 0: pass
    print("answered")
except OSError:
    print("silence")
"""

if __name__ == "__main__":
    harness.main()
