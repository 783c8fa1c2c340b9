#!/usr/bin/env python3
"""`bulwark dns` beside a running server: names of load balancers as they come and go, and what is no business of ours."""
import socket
import struct
import subprocess

import harness
from elbv2_case import Elbv2Case

A, SOA, AAAA, TXT, ANY = 1, 6, 28, 16, 255
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 3, 4, 5


def message(name, kind=A, flags=0x0100, counts=(1, 0, 0, 0), klass=1):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x)
    return struct.pack(">6H", 0x4242, flags, *counts) + labels + b"\0" + struct.pack(">2H", kind, klass)


class Dns(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = harness.free_port()
        server = harness.SERVER
        cls.process = subprocess.Popen([harness.BINARY, "dns", "--data", server.data, "--root-key", server.data + ".key", "--listen", f"127.0.0.1:{cls.port}"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert "answering" in cls.process.stdout.readline()

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait(10)
        said = cls.process.stdout.read()
        assert "Sanitizer" not in said, said

    def ask(self, data, seconds=5):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(seconds)
            s.sendto(data, ("127.0.0.1", self.port))
            return s.recv(4096)

    def look(self, name, kind=A, **more):
        """(code, addresses, how many authorities)"""
        sent = message(name, kind, **more)
        got = self.ask(sent)
        ident, flags, questions, answers, authorities, _ = struct.unpack(">6H", got[:12])
        self.assertEqual((0x4242, 1, 0x8000), (ident, questions, flags & 0x8000))
        self.assertEqual(sent[12:], got[12:len(sent)])
        at, found = len(sent), []
        for _ in range(answers):
            if got[at:at + 2] != b"\xc0\x0c":
                break
            size = struct.unpack(">H", got[at + 10:at + 12])[0]
            found.append(socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, got[at + 12:at + 12 + size]))
            at += 12 + size
        return flags & 15, found, authorities

    def test_names_of_load_balancers(self):
        lb = self.balancer()
        address = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]
        name = lb["DNSName"]
        self.assertEqual((NOERROR, [address], 0), self.look(name))
        self.assertEqual((NOERROR, [address], 0), self.look(name.upper()))
        self.assertEqual((NOERROR, [address], 0), self.look("dualstack." + name))
        self.assertEqual((NOERROR, [address], 0), self.look(name, ANY))
        for kind in (AAAA, TXT):
            self.assertEqual((NOERROR, [], 1), self.look(name, kind))
        self.assertEqual((NXDOMAIN, [], 1), self.look("x" + name))
        self.assertEqual((NXDOMAIN, [], 1), self.look("a." + name))
        net = self.balancer(Type="network", Subnets=self.subnets[:1])
        self.assertEqual((NOERROR, [address], 0), self.look("DualStack." + name))
        self.assertEqual(1, len(self.look(net["DNSName"])[1]))
        zones = [self.zones[s] for s in self.subnets]
        zonal = lambda: [len(self.look(f"{zone}.{net['DNSName']}")[1]) for zone in zones[:3]]
        self.assertEqual([1, 0, 0], zonal())
        self.elb.set_subnets(LoadBalancerArn=net["LoadBalancerArn"], Subnets=self.subnets[:2])
        self.assertEqual([1, 1, 0], zonal())
        self.elb.delete_load_balancer(LoadBalancerArn=net["LoadBalancerArn"])
        self.assertEqual([0, 0, 0], zonal())
        self.assertEqual((NXDOMAIN, [], 1), self.look(f"{zones[0]}.{name}"))
        self.elb.delete_load_balancer(LoadBalancerArn=lb["LoadBalancerArn"])
        self.assertEqual((NXDOMAIN, [], 1), self.look(name))

    def test_zones(self):
        for zone in ("us-east-1.elb.amazonaws.com", "elb.us-east-1.amazonaws.com"):
            got = self.ask(message(zone, SOA))
            self.assertEqual((0x8400, 1, 0), (struct.unpack(">H", got[2:4])[0] & 0xfe0f, *struct.unpack(">2H", got[6:10])))
            self.assertEqual((NOERROR, [], 1), self.look(zone, A))
        for name in ("example.com", "amazonaws.com", "elb.amazonaws.com", "", "s3.us-east-1.amazonaws.com", "x.us-east-1.elb.amazonaws.com.example"):
            with self.subTest(name):
                self.assertEqual((REFUSED, [], 0), self.look(name))
        self.assertEqual((REFUSED, [], 0), self.look("x.us-east-1.elb.amazonaws.com", klass=3))

    def test_what_is_no_question_of_ours(self):
        good = message("a.us-east-1.elb.amazonaws.com")
        for data, code in ((message("a", flags=0x2800), NOTIMP), (good + b"\0", FORMERR), (good[:-1], FORMERR), (message("a", counts=(2, 0, 0, 0)), FORMERR),
                           (good[:12] + b"\xc0\x0c" + good[-4:], FORMERR)):
            with self.subTest(data):
                self.assertEqual(code, self.ask(data)[3] & 15)
        for data in (b"", b"\0" * 11, message("a", flags=0x8100), b"\xff" * 5000):
            with self.subTest(data[:12]):
                with self.assertRaises(TimeoutError):
                    self.ask(data, 0.3)
        self.assertEqual(NXDOMAIN, self.look("a.us-east-1.elb.amazonaws.com")[0])

    def stream(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.addCleanup(s.close)
        return s

    def hear(self, s):
        """One message of a stream; None when it has ended."""
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            try:
                more = s.recv(1)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            data += more
        return data[2:]

    def framed(self, data):
        return len(data).to_bytes(2, "big") + data

    def test_over_tcp(self):
        lb = self.balancer()
        asked = message(lb["DNSName"])
        told = self.ask(asked)
        s = self.stream()
        # One by one, byte by byte, and several in one piece: each has its answer, in their order.
        for part in self.framed(asked):
            s.sendall(bytes([part]))
        self.assertEqual(told, self.hear(s))
        other = message("a.us-east-1.elb.amazonaws.com")
        s.sendall(self.framed(asked) + self.framed(other) + self.framed(asked)[:5])
        self.assertEqual(told, self.hear(s))
        self.assertEqual(NXDOMAIN, self.hear(s)[3] & 15)
        s.sendall(self.framed(asked)[5:])
        self.assertEqual(told, self.hear(s))
        # What is malformed in a message is answered, what is no message ends the connection.
        s.sendall(self.framed(asked + b"\0"))
        self.assertEqual(FORMERR, self.hear(s)[3] & 15)
        for data in (self.framed(b""), self.framed(message("a", flags=0x8100)), b"\x10\x01" + bytes(4097)):
            s = self.stream()
            s.sendall(data)
            self.assertIsNone(self.hear(s), data[:10])
        # As long as a query may be, and not one byte longer.
        s = self.stream()
        s.sendall(self.framed(asked + bytes(4096 - len(asked))))
        self.assertEqual(FORMERR, self.hear(s)[3] & 15)

    def test_the_oldest_stream_makes_room(self):
        asked = self.framed(message("a.us-east-1.elb.amazonaws.com"))
        streams = []
        for _ in range(33):
            streams.append(self.stream())
            streams[-1].sendall(asked)
            self.assertIsNotNone(self.hear(streams[-1]))
        self.assertIsNone(self.hear(streams[0]))
        streams[1].sendall(asked)
        self.assertIsNotNone(self.hear(streams[1]))
        self.assertEqual(NXDOMAIN, self.look("a.us-east-1.elb.amazonaws.com")[0])

    def test_refusals_of_options(self):
        def ended(*words):
            done = subprocess.run([harness.BINARY, "dns", "--data", harness.SERVER.data, "--root-key", harness.SERVER.data + ".key", *words],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
            return done.returncode, done.stderr
        self.assertEqual(2, ended("--listen", "0.0.0.0:5353")[0])
        self.assertEqual(2, ended("--listen", "localhost")[0])
        self.assertIn("is it taken?", ended("--listen", f"127.0.0.1:{self.port}")[1])


if __name__ == "__main__":
    harness.serve(ephemeral=False)
    harness.main()
