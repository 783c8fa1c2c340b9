#!/usr/bin/env python3
"""A running server goes on as another program: what clients see of it (nothing), which programs are refused, and what a kill in the
middle costs."""
import itertools
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from edge_case import Backend, Load, websocket
from elbv2_case import Elbv2Case
from h2_case import GET, GOAWAY, HEADERS, Connection
from upgrade_case import FIRST, INSTALLED, NEXT, OLDER, WORK, children, health, install, until, upgrade, versions


class Where:
    """A listener, as Load and Connection ask for one."""

    def __init__(self, address, port):
        self.address, self.port = address, port

    def connect(self):
        return socket.create_connection((self.address, self.port), timeout=20)


class Asking:
    """Clients of one kind, each in a thread, until they are told to stop; none repeats anything."""

    def __init__(self, *kinds):
        self.going, self.answers, self.failed = True, [0] * len(kinds), []
        self.threads = [threading.Thread(target=self.run, args=(i, kind), daemon=True) for i, kind in enumerate(kinds)]
        for t in self.threads:
            t.start()

    def run(self, i, kind):
        ask = kind()
        while self.going:
            try:
                next(ask)
                self.answers[i] += 1
            except Exception as e:  # whatever a client raises is what its user sees
                self.failed.append(repr(e))
                ask = kind()

    def stop(self):
        self.going = False
        for t in self.threads:
            t.join(30)
        return self


def signed():
    """A stock client that keeps its connection."""
    sts = harness.client("sts")
    while True:
        yield sts.get_caller_identity()


def encrypting(key):
    def ask():
        kms = harness.client("kms")
        for n in itertools.count():
            sealed = kms.encrypt(KeyId=key, Plaintext=b"%d" % n)["CiphertextBlob"]
            yield
            assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"%d" % n
            yield
    return ask


def anew():
    """A connection for each call."""
    while True:
        yield health(harness.SERVER)


def multiplexed(where):
    """Streams of one HTTP/2 connection, as long as the server has not said that it wants no more."""
    def ask():
        while True:
            with Connection(where) as c:
                for stream in itertools.count(1, 2):
                    c.request(stream, GET)
                    frame = c.until(HEADERS, GOAWAY)
                    if frame and frame[0] == GOAWAY:
                        last = int.from_bytes(frame[3][:4], "big") & 0x7fffffff
                        frame = c.until(HEADERS, stream=stream) if last >= stream else (None,)
                        if frame and frame[0] is None:
                            break  # it was not begun: as the protocol says, the next connection asks
                        assert frame, "cut in the middle"
                        yield
                        break
                    assert frame, "cut in the middle"
                    yield
    return ask


class Upgrade(Elbv2Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = harness.SERVER

        def answer(head, body):
            if b"upgrade: websocket" in head.lower():
                return websocket(head, body)
            return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        cls.backend = Backend(answer)
        elb, acm = cls.elb, harness.client("acm")
        group = elb.create_target_group(Name="upgraded", Protocol="HTTP", Port=80, VpcId=cls.vpc, TargetType="ip",
                                        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]
        elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": cls.backend.port}])
        lb = elb.create_load_balancer(Name="upgraded", Subnets=cls.subnets[:2])["LoadBalancers"][0]
        everyone = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}
        cls.ec2.authorize_security_group_ingress(GroupId=lb["SecurityGroups"][0], IpPermissions=[everyone])
        certificate = acm.request_certificate(DomainName="a.example.com", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
        address = lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]
        cls.plain, cls.tls = Where(address, harness.free_port()), Where(address, harness.free_port())
        elb.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=cls.plain.port, DefaultActions=forward)
        elb.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTPS", Port=cls.tls.port, DefaultActions=forward,
                            Certificates=[{"CertificateArn": certificate}])
        cls.key = harness.client("kms").create_key()["KeyMetadata"]["KeyId"]
        until(lambda: elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"][0]["TargetHealth"]["State"] == "healthy")

    def loads(self):
        return (Load(self.plain, clients=3), Load(self.plain, clients=3, kept=False),
                Asking(signed, signed, anew, encrypting(self.key), multiplexed(self.tls)))

    def unbroken(self, kept, fresh, asking):
        for load in (kept, fresh, asking):
            load.stop()
        self.assertEqual((kept.cut, kept.refused, kept.wrong, fresh.cut, fresh.refused, fresh.wrong, asking.failed), (0, 0, [], 0, 0, [], []))
        self.assertGreater(min(kept.answers, fresh.answers, *asking.answers), 10, asking.answers)

    def test_1_what_cannot_go_on_is_refused_and_nothing_changes(self):
        before = children(self.server.process.pid)
        short, foreign = WORK / "short", WORK / "foreign"
        short.write_bytes(FIRST.read_bytes()[:200000])
        other = bytearray(FIRST.read_bytes())
        other[18:20] = (22).to_bytes(2, "little")  # e_machine: of another kind of machine
        foreign.write_bytes(other)
        for program, mode, why in ((FIRST, 0o644, "is not executable"), (FIRST, 0o775, "others than its owner may write to it"),
                                   (FIRST, 0o757, "others than its owner may write to it"), (short, 0o755, ""), (foreign, 0o755, "Exec format error"),
                                   ("/bin/false", 0o755, "was tried, and ended with status 1"), ("/bin/true", 0o755, "was tried, and ended with status 0"),
                                   (OLDER, 0o755, "goes on with the format 1 to 1 of the store, and what runs has 2")):
            with self.subTest(program=program, mode=oct(mode)):
                install(program, mode)
                refused = health(self.server)["upgrades"]["refused"]
                status, said, err = upgrade(self.server)
                self.assertEqual((status, said), (1, ""), err)
                self.assertIn(f"refused: {INSTALLED}: ", err)
                self.assertIn(why, err)
                told = health(self.server)["upgrades"]
                self.assertEqual((told["done"], told["refused"]), (0, refused + 1))
                self.assertIn(why, told["reason"])
                self.assertIn(why, self.server.log())
        INSTALLED.unlink()
        self.assertIn("No such file", upgrade(self.server)[2])
        self.assertEqual(children(self.server.process.pid), before)

    def test_2_nobody_notices_an_upgrade(self):
        before = children(self.server.process.pid)
        old = versions(self.server)
        loads = self.loads()
        with self.plain.connect() as tunnel, tunnel.makefile("rb") as stream:
            tunnel.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            while stream.readline() not in (b"\r\n", b""):
                pass
            time.sleep(0.5)
            install(NEXT)
            status, said, err = upgrade(self.server)
            self.assertEqual((status, said), (0, "version 0.99.0-next serves\n"), err)
            time.sleep(0.5)
            self.assertEqual(set(versions(self.server).values()), {"0.99.0-next"})
            self.assertLessEqual(set(old), set(versions(self.server)))
            # The tunnel is with the one that it began with.
            self.assertIn(next(iter(old.values())), [p.get("retiring") for p in health(self.server)["processes"]])
            tunnel.sendall(b"still there")
            self.assertEqual(stream.read(11), b"still there")
        self.unbroken(*loads)
        self.assertIsNone(self.server.process.poll())
        until(lambda: not set(before) & set(children(self.server.process.pid)))
        status, said, _ = harness_status(self.server)
        self.assertEqual(status, 0)
        self.assertIn("serving, version 0.99.0-next", said)

    def test_3_a_kill_in_the_middle_loses_its_own_at_most(self):
        plain = Load(self.plain, clients=3), Load(self.plain, clients=3, kept=False)
        install(FIRST)
        done = health(self.server)["upgrades"]["done"]
        first = subprocess.run([str(FIRST), "version"], capture_output=True, text=True, check=True).stdout.split()[1]
        self.server.process.send_signal(signal.SIGUSR2)
        until(lambda: f"version {first} has taken over" in self.server.log())
        for title in ("api", "keyer"):
            for pid, name in children(self.server.process.pid).items():
                if name == title:
                    os.kill(pid, signal.SIGKILL)
        until(lambda: set(versions(self.server).values()) == {first})
        self.assertEqual(health(self.server)["upgrades"]["done"], done + 1)
        for load in plain:
            load.stop()
            self.assertEqual((load.cut, load.refused, load.wrong), (0, 0, []))
            self.assertGreater(load.answers, 10)
        kms = harness.client("kms")
        self.assertEqual(kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=self.key, Plaintext=b"x")["CiphertextBlob"])["Plaintext"], b"x")


def harness_status(server):
    done = subprocess.run([str(FIRST), "status", "--data", server.data], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
    return done.returncode, done.stdout, done.stderr


class People(unittest.TestCase):
    """Seals that people open, and servers that keep nothing."""

    def test_a_keyer_that_people_opened_goes_on(self):
        install(FIRST)
        from seal_case import PASSPHRASE, SEAL, bulwark, is_open
        data = str(WORK / "people")
        self.assertEqual(bulwark("init", data, *SEAL, say=f"{PASSPHRASE}\n{PASSPHRASE}\n")[0], 0)
        server = harness.Server("--loops", "1", "--edge-loops", "1", ephemeral=False, data=data, root_key=False)
        try:
            self.assertEqual(bulwark("unseal", data, say=PASSPHRASE + "\n")[0], 0)
            self.assertTrue(is_open(server))
            keyer = [pid for pid, name in children(server.process.pid).items() if name == "keyer"]
            install(NEXT)
            status, said, err = upgrade(server)
            self.assertEqual((status, said), (0, "version 0.99.0-next serves\nbut for the process keyer, which goes on as it was: the log says why\n"), err)
            self.assertTrue(is_open(server))
            self.assertEqual(versions(server)["api"], "0.99.0-next")
            self.assertEqual([pid for pid, name in children(server.process.pid).items() if name == "keyer"], keyer)
            # Sealed and opened again, it is the new one's.
            self.assertEqual(bulwark("seal", data)[0], 0)
            until(lambda: bulwark("unseal", data, say=PASSPHRASE + "\n")[0] == 0)
            self.assertTrue(is_open(server))
            until(lambda: versions(server)["keyer"] == "0.99.0-next")
        finally:
            server.stop()
        self.assertNotIn("ERROR: AddressSanitizer", server.last_log)

    def test_systemd_is_told_and_the_anchor_goes_on(self):
        install(FIRST)
        (WORK / "far").mkdir()
        path, said = str(WORK / "notify"), []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
            hearing.bind(path)
            hearing.settimeout(harness.PATIENCE_SECONDS)

            def hear(word):
                while True:
                    said.append(hearing.recv(500).decode().splitlines())
                    if said[-1][0] == word:
                        return said[-1]
            server = harness.Server("--loops", "1", "--edge-loops", "1", "--anchor", f"file:{WORK}/far/anchor", ephemeral=False,
                                    env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000000"})
            try:
                hear("READY=1")
                install(NEXT)
                status, out, err = upgrade(server)
                self.assertEqual((status, out), (0, "version 0.99.0-next serves\n"), err)
                # The main process is the same one: systemd need not be told which it is.
                began, done = hear("RELOADING=1"), hear("READY=1")
                self.assertLess(*(int(words[1].removeprefix("MONOTONIC_USEC=")) for words in (began, done)))
                hear("WATCHDOG=1")
                self.assertEqual(versions(server)["anchor"], "0.99.0-next")
                harness.client("iam", server).create_user(UserName="after")
                number = int((WORK / "far/anchor").read_text().split()[-1])
                self.assertFalse(health(server)["anchor"]["failing"])
            finally:
                self.assertEqual(0, server.stop(), server.last_log)
            # It goes up once a minute, and at an end.
            self.assertGreater(int((WORK / "far/anchor").read_text().split()[-1]), number)
        self.assertNotIn("MAINPID", str(said))

    def test_what_happens_to_the_seal_while_a_keyer_ends_is_its_successors(self):
        install(FIRST)
        server = harness.Server("--loops", "1", "--edge-loops", "1", ephemeral=False)
        try:
            keyer = next(pid for pid, name in children(server.process.pid).items() if name == "keyer")
            install(NEXT)
            os.kill(keyer, signal.SIGSTOP)
            server.process.send_signal(signal.SIGUSR2)
            until(lambda: "process keyer: " in server.log())
            # The new one is ready once the next has its turn, and waits for the old one's end.
            until(lambda: "process api: " in server.log())
            seal = pathlib.Path(server.data) / "seal"
            before = seal.read_bytes()
            seal.write_bytes(before + b"\n")
            server.process.send_signal(signal.SIGSTOP)  # nobody is started again before the file is whole
            os.kill(keyer, signal.SIGKILL)
            until(lambda: "its seal has changed" in server.log())
            seal.write_bytes(before)
            server.process.send_signal(signal.SIGCONT)
            until(lambda: set(versions(server).values()) == {"0.99.0-next"})
            self.assertEqual(harness.client("kms", server=server).list_keys()["Keys"], [])
        finally:
            server.process.send_signal(signal.SIGCONT)
            server.stop()

    def test_an_ephemeral_server_is_not_upgraded(self):
        server = harness.Server("--loops", "1", "--edge-loops", "1")
        try:
            server.process.send_signal(signal.SIGUSR2)
            until(lambda: health(server)["upgrades"]["refused"] == 1)
            self.assertEqual(health(server)["upgrades"]["reason"], "an ephemeral server is started anew")
        finally:
            server.stop()

    def test_rehearsing_is_for_upgrades(self):
        done = subprocess.run([str(FIRST), "serve", "--rehearse", "--data", str(WORK / "none")], capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("bulwark upgrade", done.stderr)


harness.serve("--loops", "2", "--edge-loops", "2", ephemeral=False)

if __name__ == "__main__":
    harness.main()
